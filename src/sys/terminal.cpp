// The terminal that a subcommand draws on, on Linux.
#include "terminal.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "calls.hpp"

namespace sys {
namespace {

// What is needed to restore the terminal, also from a signal handler.
struct Screen {
  int terminal = -1;  // -1: nothing is to be restored
  termios before{}, raw{};
};
Screen screen;

// All signals that end a program, but SIGKILL; the last one stops it.
constexpr std::array kEnds{SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGABRT, SIGBUS,  SIGFPE,    SIGSEGV, SIGPIPE,
                           SIGALRM, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGTSTP};

// CAN ends an escape sequence that was written in part.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[2J";
constexpr std::string_view kLeave = "\x18\x1b[0m\x1b[?25h\x1b[?1049l";

// All calls of these two are of signal-safety(7).
void show(const termios& settings, std::string_view text) noexcept {
  const int error = errno;
  (void)calls::uninterrupted([&] { return ::tcsetattr(screen.terminal, TCSANOW, &settings); });
  (void)!::write(screen.terminal, text.data(), text.size());
  errno = error;
}

// The signal is blocked until this returns, and then has its default effect (SA_RESETHAND). SIGTSTP alone has
// none in an orphaned process group (setpgid(2)).
void restore_and_raise(int signal) {
  show(screen.before, kLeave);
  ::raise(signal == SIGTSTP ? SIGSTOP : signal);
}

void handle(int signal, void (*handler)(int), int flags) noexcept {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  ::sigaction(signal, &action, nullptr);
}

// After SIGTSTP or SIGSTOP.
void enter_again(int /*signal*/) {
  handle(SIGTSTP, restore_and_raise, static_cast<int>(SA_RESETHAND));
  show(screen.raw, kEnter);
}

}  // namespace

bool stdout_is_terminal() noexcept { return ::isatty(STDOUT_FILENO) == 1; }

Opened open_terminal() noexcept {
  return calls::opened(
      calls::uninterrupted([] { return ::open("/dev/tty", O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY); }));
}

Io read_keys(const Fd& terminal, std::span<char> into) noexcept {
  return calls::io_result(
      calls::uninterrupted([&] { return ::read(terminal.get(), into.data(), into.size()); }));
}

TerminalSize terminal_size(const Fd& terminal) noexcept {
  winsize size{};
  if (::ioctl(terminal.get(), TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

int enter_screen(const Fd& terminal) noexcept {
  if (::tcgetattr(terminal.get(), &screen.before) != 0) return errno;
  screen.raw = screen.before;
  screen.raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  screen.raw.c_iflag &= ~static_cast<tcflag_t>(IXON);
  screen.raw.c_cc[VMIN] = 1;
  screen.raw.c_cc[VTIME] = 0;
  screen.terminal = terminal.get();
  for (const int signal : kEnds) handle(signal, restore_and_raise, static_cast<int>(SA_RESETHAND));
  handle(SIGCONT, enter_again, 0);
  show(screen.raw, kEnter);
  return 0;
}

void leave_screen() noexcept {
  if (screen.terminal < 0) return;
  handle(SIGCONT, SIG_DFL, 0);
  show(screen.before, kLeave);
  for (const int signal : kEnds) handle(signal, SIG_DFL, 0);
  screen.terminal = -1;
}

}  // namespace sys
