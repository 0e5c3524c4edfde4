#include "top.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "../base/text.hpp"
#include "../config/command_line.hpp"
#include "../plan/config.hpp"
#include "../sys/terminal.hpp"
#include "board_poller.hpp"
#include "configured.hpp"
#include "sentences.hpp"

namespace ask {
namespace {

using std::string;
using std::string_view;

constexpr std::uint64_t kRatesMs = 5000;   // --once prints without rates after this time
constexpr std::uint64_t kRedrawMs = 1000;  // also without news: the size of the terminal may have changed

Answer top_help() {
  constexpr string_view kText =
      "Usage: proxy top [--once] [--user NAME] [ADDRESS:]PORT\n"
      "       proxy top [--once] [--user NAME] FILE\n"
      "Shows what a running proxy does: each slot of its table by a letter, the connection that waits "
      "longest,\n"
      "the event loop, and what the loop doctor finds.\n\n"
      "  [ADDRESS:]PORT            of the proxy, or of its --console\n"
      "  FILE                      the configuration of the proxy: its first listener that has the board\n"
      "  --once                    print it once, as lines of text; so it does without a terminal\n"
      "  --user NAME               of --users; the password is the environment variable PROXY_PASSWORD\n\n"
      "Keys: q ends, space stops and continues, arrows choose a slot, enter shows its details, ? the "
      "letters.\n"
      "Example: proxy 8080, then: proxy top 8080\n"
      "Exit status: 0, or 2 if no answer can be printed.\n";
  return {.status = Answer::kHealthy, .page = string{kText}};
}

string_view variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? string_view{} : string_view{value};
}

Environment environment() {
  Environment found{.term = variable("TERM"), .no_color = variable("NO_COLOR")};
  for (const char* const name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (found.locale.empty()) found.locale = variable(name);
  return found;
}

string notice(const Known& known) { return version_notice(known.hello, plan::kVersion, sys::build_id()); }

// Waits for an event, at most until `until`, in ms.
void wait_until(const sys::Fd& poller, std::uint64_t until) {
  std::array<sys::Event, 4> events;
  const std::uint64_t now = sys::now_ms();
  (void)sys::wait(poller, events, static_cast<int>(until > now ? std::min(until - now, kRedrawMs) : 0));
}

// Rates need two answers, a second apart by the clock of the proxy. If it stands still, there are none.
Answer print_once(BoardPoller& board_poller, const sys::Fd& poller, const View& view) {
  const Board& board = board_poller.known.board;
  const auto known = [&] { return board_poller.complete() && (board.rates || board.rateless); };
  std::uint64_t until = UINT64_MAX;  // by the clock of this program
  while (!known() && sys::now_ms() < until) {
    board_poller.step(sys::now_ms(), {});
    if (!board_poller.known.problem.empty()) return {.error = board_poller.known.problem};
    if (board_poller.complete() && until == UINT64_MAX) until = sys::now_ms() + kRatesMs;
    if (!known()) wait_until(poller, std::min(board_poller.due(), until));
  }
  string said = notice(board_poller.known);
  if (!known())
    said += (said.empty() ? "" : "\n") + string{"No rates: the clock of the proxy has not advanced for 5 s."};
  return {.status = Answer::kHealthy, .page = draw_once(board_poller.known, view, said)};
}

// The terminal, from `enter_screen` until the end of its life.
class Screen {
 public:
  explicit Screen(sys::Fd terminal) : terminal_(std::move(terminal)) {}
  ~Screen() { sys::leave_screen(); }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // Returns 0 or errno.
  int enter(const sys::Fd& poller) {
    const int error = sys::watch(poller, terminal_.get(), 1);
    return error != 0 ? error : sys::enter_screen(terminal_);
  }
  // Returns the keys that were pressed; `gone`: the terminal has closed.
  string keys(bool& gone) {
    string all;
    std::array<char, 256> room;
    for (;;) {
      const sys::Io io = sys::read_keys(terminal_, room);
      gone = io.outcome == sys::Outcome::eof || io.outcome == sys::Outcome::fail;
      if (io.outcome != sys::Outcome::done) return all;
      all.append(room.data(), io.bytes);
    }
  }
  [[nodiscard]] sys::TerminalSize size() const { return sys::terminal_size(terminal_); }
  // The terminal has taken all that was drawn.
  bool flush() {
    while (sent_ < frame_.size()) {
      const sys::Io io = sys::append(terminal_, std::span{frame_}.subspan(sent_));
      if (io.outcome != sys::Outcome::done) return false;
      sent_ += io.bytes;
    }
    return true;
  }
  // Draws over what is there: each line to its end, and nothing below. REQUIRES: flush().
  void draw(const std::vector<string>& lines) {
    frame_ = "\x1b[H";
    for (std::size_t i = 0; i < lines.size(); ++i) frame_ += (i > 0 ? "\r\n" : "") + lines[i] + "\x1b[K";
    frame_ += "\x1b[J";
    sent_ = 0;
    flush();
  }

 private:
  sys::Fd terminal_;
  string frame_;
  std::size_t sent_ = 0;
};

// Until a key or the end of the terminal ends it.
Answer run(BoardPoller& board_poller, const sys::Fd& poller, Screen& screen, View view) {
  bool gone = false;
  std::uint64_t redraw = 0;
  while (!gone) {
    const string keys = screen.keys(gone);
    if (!apply_keys(keys, board_poller.known, view)) break;
    std::uint32_t slot = 0;
    const bool any = shown_slot(board_poller.known, view, slot);
    const bool news =
        !view.paused && board_poller.step(sys::now_ms(), any ? std::optional{slot} : std::nullopt);
    const std::uint64_t now = sys::now_ms();
    if (screen.flush() && (news || !keys.empty() || now >= redraw)) {
      const sys::TerminalSize size = screen.size();
      view.columns = size.columns;
      view.rows = size.rows;
      screen.draw(draw_screen(board_poller.known, view, notice(board_poller.known)));
      redraw = now + kRedrawMs;
    }
    wait_until(poller, view.paused ? redraw : std::min(redraw, board_poller.due()));
  }
  return {.status = Answer::kHealthy};
}

void move(View& view, const Known& known, long by) {
  std::uint32_t from = 0;
  (void)shown_slot(known, view, from);
  const long last = std::max(long{known.board.head.touched} - 1, 0L);
  view.slot = static_cast<std::uint32_t>(std::clamp(from + by, 0L, last));
  view.chosen = true;
}

}  // namespace

string read_top(std::span<const char* const> arguments, TopOptions& options) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const string_view argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      options.help = true;
      return {};
    }
    if (argument == "--once") {
      options.once = true;
    } else if (is_user_option(argument)) {
      if (string error = read_user(arguments, i, options.proxy); !error.empty()) return "top: " + error;
    } else if (argument.size() > 1 && argument.front() == '-') {
      return "top: unknown option " + base::quoted(argument) + ": expected --once, --user or --help";
    } else if (!options.proxy.addresses.empty()) {
      return "top: expected one address, got " + base::quoted(argument) + " too";
    } else if (config::is_configuration(argument)) {
      string path;
      if (string error = read_configured(argument, Wanted::board, options.proxy, path); !error.empty())
        return "top: " + error;
    } else if (!read_proxy_address(argument, options.proxy)) {
      return "top: invalid address " + base::quoted(argument) +
             ": expected [ADDRESS:]PORT with a numeric address or localhost, e.g. 8080 or [::1]:8080, or an "
             "existing configuration file";
    }
  }
  if (options.proxy.addresses.empty())
    return "top needs the port or the configuration file of a running proxy, e.g. proxy top 8080";
  return {};
}

bool adapt(View& view, const Environment& environment) {
  const bool many = environment.term.find("256color") != string_view::npos ||
                    environment.term.find("direct") != string_view::npos;
  view.colours = !environment.no_color.empty() ? Colours::none : many ? Colours::many : Colours::few;
  const string locale = base::lowered(environment.locale);
  view.utf8 = locale.find("utf-8") != string::npos || locale.find("utf8") != string::npos;
  return !environment.term.empty() && environment.term != "dumb";
}

bool apply_keys(string_view keys, const Known& known, View& view) {
  const auto width = static_cast<long>(grid_width(view));
  const std::array<std::pair<string_view, long>, 8> moves{{{"\x1b[A", -width},
                                                           {"\x1b[B", width},
                                                           {"\x1b[C", 1},
                                                           {"\x1b[D", -1},
                                                           {"\x1bOA", -width},
                                                           {"\x1bOB", width},
                                                           {"\x1bOC", 1},
                                                           {"\x1bOD", -1}}};
  while (!keys.empty()) {
    const auto* const found = std::find_if(moves.begin(), moves.end(),
                                           [&](const auto& row) { return keys.starts_with(row.first); });
    if (found != moves.end()) {
      move(view, known, found->second);
      keys.remove_prefix(found->first.size());
      continue;
    }
    const char key = keys.front();
    keys.remove_prefix(1);
    if (key == 'q') return false;
    if (key == ' ') view.paused = !view.paused;
    if (key == '?') view.help = !view.help;
    if (key == '\r' || key == '\n') view.open = !view.open;
    if (key == '\x1b') view.chosen = view.open = view.help = false;
  }
  return true;
}

Answer show_top(std::span<const char* const> arguments) {
  TopOptions options;
  if (string error = read_top(arguments, options); !error.empty()) return {.error = std::move(error)};
  if (options.help) return top_help();
  View view{.proxy = options.proxy.name};
  const bool placeable = adapt(view, environment());
  const sys::Opened poller = sys::make_poller();
  if (poller.error != 0) return {.error = string{"cannot wait for events: "} + std::strerror(poller.error)};
  BoardPoller board_poller{poller.fd, options.proxy};
  if (options.once || !placeable || !sys::stdout_is_terminal())
    return print_once(board_poller, poller.fd, view);
  sys::Opened terminal = sys::open_terminal();
  if (terminal.error != 0) return print_once(board_poller, poller.fd, view);
  Screen screen{std::move(terminal.fd)};
  if (const int error = screen.enter(poller.fd); error != 0)
    return {.error = string{"cannot use the terminal: "} + std::strerror(error)};
  return run(board_poller, poller.fd, screen, view);
}

}  // namespace ask
