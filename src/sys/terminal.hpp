// The terminal that a subcommand draws on. Whatever ends or stops the program restores it first.
#pragma once
#include "sys.hpp"

namespace sys {

// isatty(3) of standard output.
bool stdout_is_terminal() noexcept;
// Opens the terminal of this process (/dev/tty), non-blocking: `append` writes to it. It is an open file
// description of its own: standard input stays blocking.
Opened open_terminal() noexcept;
// read(2): the keys that were pressed. `again`: none.
Io read_keys(const Fd& terminal, std::span<char> into) noexcept;

struct TerminalSize {
  unsigned columns = 80, rows = 24;
};
// TIOCGWINSZ (ioctl_tty(2)); 80 by 24 if the terminal does not say.
TerminalSize terminal_size(const Fd& terminal) noexcept;

// Keys come at once and are not echoed (termios(3)); the alternate screen is shown, without a cursor. A
// signal that ends or stops the program restores the terminal before it has its effect; SIGCONT enters again.
// Returns 0 or errno. REQUIRES: no signal is blocked, and `terminal` stays open until `leave_screen`.
int enter_screen(const Fd& terminal) noexcept;
// Restores the terminal and the effects of signals. Without `enter_screen` before, does nothing.
void leave_screen() noexcept;

}  // namespace sys
