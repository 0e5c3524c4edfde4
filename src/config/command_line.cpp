#include "command_line.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "../base/text.hpp"
#include "../plan/board.hpp"
#include "../plan/mistake.hpp"
#include "../sys/sys.hpp"
#include "address_text.hpp"
#include "did_you_mean.hpp"
#include "effects.hpp"
#include "file.hpp"
#include "json.hpp"
#include "options.hpp"
#include "rule_text.hpp"

namespace config {
namespace {

using std::string;
using std::string_view;

string unknown_option(string_view name) {
  return "unknown option " + base::quoted(name) + did_you_mean(name, option_names()) + ": see proxy --help";
}

// The option of this long or short name; options().end(): none.
auto row_of(string_view name) noexcept {
  return std::find_if(options().begin(), options().end(), [name](const Option& option) {
    return option.name == name || (!option.short_name.empty() && name.substr(1) == option.short_name);
  });
}

// ---- the command line ------------------------------------------------------------------------------------

class Reader {
 public:
  Reader(std::span<const char* const> arguments, When when) : rest_(arguments), when_(when) {}

  CommandLine read() {
    while (!rest_.empty() && runs()) split(next());
    if (runs()) apply();
    if (runs()) apply_defaults();
    if (runs()) check();
    if (runs()) warn_without_effect();
    if (runs() && only_check_) report_valid();
    return std::move(line_);
  }

 private:
  struct Given {
    string_view name, value;
  };

  [[nodiscard]] bool runs() const noexcept { return line_.what == CommandLine::What::run; }

  string_view next() {
    const string_view argument = rest_.front();
    rest_ = rest_.subspan(1);
    return argument;
  }

  void wrong(string message) {
    line_.what = CommandLine::What::wrong;
    line_.message = std::move(message);
  }

  // ---- splitting the arguments ----

  void split(string_view argument) {
    if (argument.size() > 1 && argument.front() == '-')
      take_option(argument);
    else if (is_configuration(argument) || argument.ends_with(".json"))
      take_file(argument);
    else
      take_port(argument);
  }

  void take_port(string_view text) {
    std::uint16_t port = 0;
    if (!base::parse_decimal(text, port)) {
      const bool is_number = base::all_are(text, base::kDigit);
      return wrong((is_number ? "invalid port " : "neither a file nor a port: ") + base::quoted(text) +
                   ": expected 1-65535, 0 for a free port, or a configuration file, as in: proxy 8080");
    }
    if (port_) return wrong("more than one PORT: use --listen ADDRESS:PORT for further listeners");
    port_ = port;
  }

  void take_file(string_view name) {
    if (!file_.empty()) return wrong("more than one configuration file: " + file_ + " and " + string{name});
    file_ = name;
    if (file_.empty()) wrong("--config: missing file name, as in --config proxy.json");
  }

  // "-v", "--name value" or "--name=value".
  void take_option(string_view argument) {
    const std::size_t equals = std::min(argument.find('='), argument.size());
    string_view name = argument.substr(0, equals);
    const auto row = row_of(name);
    if (row == options().end() && !option_kind(name)) return wrong(unknown_option(name));
    const bool is_flag = row != options().end() && row->value.empty();
    if (row != options().end()) name = row->name;
    const bool has_value = equals != argument.size();
    if (is_flag && has_value) return wrong(string{name} + ": unexpected value");
    if (!is_flag && !has_value && rest_.empty())
      return wrong(string{name} + ": missing value (see proxy --help)");
    const string_view value = is_flag ? "true" : has_value ? argument.substr(equals + 1) : next();
    if (option_kind(name) == OptionKind::special) return take_special(name, value);
    given_.push_back({name, value});
  }

  void take_special(string_view name, string_view value) {
    if (name == "--help") line_.what = CommandLine::What::help;
    if (name == "--version") line_.what = CommandLine::What::version;
    if (name == "--check") only_check_ = true;
    if (name == "--config") take_file(value);
  }

  // ---- applying them ----

  // The command line overrides the file: the first matching rule or upstream proxy decides, and the last of
  // other values counts.
  void apply() {
    apply_given(true);
    if (runs() && !file_.empty()) apply_file();
    std::vector<plan::ParentRow>& parents = line_.config.parents;
    const auto of_file = static_cast<std::ptrdiff_t>(parents.size());
    if (runs()) apply_given(false);
    std::rotate(parents.begin(), parents.begin() + of_file, parents.end());
    if (!runs() || !port_) return;
    const std::vector<plan::Listener> pair = listeners_at("localhost", *port_);
    line_.config.listeners.insert(line_.config.listeners.begin(), pair.begin(), pair.end());
  }

  void apply_given(bool rules) {
    for (const auto& [name, value] : given_) {
      if ((option_kind(name) == OptionKind::rule) != rules) continue;
      if (const string error = apply_option(line_.config, name, value); !error.empty())
        return wrong(string{name} + ": " + error);
    }
  }

  void apply_file() {
    if (!has_json())
      return wrong(
          "--config: this program was built without nlohmann-json; install nlohmann-json3-dev and rebuild "
          "it");
    string text;
    if (string error = read_text_file(file_, kConfigFileMax, text, when_); !error.empty())
      return wrong(std::move(error));
    line_.config.file = file_;
    Findings findings = read_config(file_, text, line_.config);
    line_.warnings = std::move(findings.warnings);
    options_ = std::move(findings.options);
    if (findings.errors.empty()) return;
    string all;
    for (const string& error : findings.errors) all += (all.empty() ? "" : "\n") + error;
    wrong(std::move(all));
  }

  // Of options that are for the routes of all web servers.
  void apply_defaults() {
    for (plan::Site& site : line_.config.sites)
      for (plan::WebRoute& route : site.routes) {
        if (route.charset.empty()) route.charset = line_.config.charset;
        if (!route.gzip) route.gzip = line_.config.gzip;
      }
  }

  // Also warns about a value that a later one replaces.
  void warn_without_effect() {
    for (auto at = given_.begin(); at != given_.end(); ++at) {
      const OptionKind kind = *option_kind(at->name);
      if (at->name == "--redirect" && has_variable(at->value))
        line_.warnings.push_back("--redirect " + string{at->value} + ": " + string{kVariablesAreKept});
      const auto again = [at](const Given& later) { return later.name == at->name; };
      const bool single = kind == OptionKind::once || kind == OptionKind::list;
      if (single && std::any_of(at + 1, given_.end(), again))
        line_.warnings.push_back(string{at->name} + " " + string{at->value} + ": no effect: given again");
      else if (std::none_of(given_.begin(), at, again))
        options_.push_back({at->name, string{at->name}});
    }
    const std::vector<string> found = effect_warnings(line_.config, options_);
    line_.warnings.insert(line_.warnings.end(), found.begin(), found.end());
  }

  void check() {
    const std::vector<plan::Listener>& listeners = line_.config.listeners;
    if (listeners.empty() && !file_.empty())
      return wrong(file_ + R"(: no listeners: expected "servers" or "forward")");
    if (listeners.empty())
      return wrong("missing port: expected proxy PORT, as in proxy 8080 (see proxy --help)");
    if (listeners.size() > plan::kListenersMax)
      return wrong("too many listeners: " + std::to_string(listeners.size()) + ", at most " +
                   std::to_string(plan::kListenersMax));
    for (auto at = listeners.begin(); at != listeners.end(); ++at)
      if (const auto same = [at](const plan::Listener& other) { return other.address == at->address; };
          at->address.port != 0 && std::any_of(listeners.begin(), at, same))
        return wrong("two listeners at " + text_of(*at) + ": use a different port for each");
    if (line_.config.users_files.front().empty())
      if (string error = lacks_users(line_.config.rules); !error.empty()) return wrong(std::move(error));
    if (const Kinds kinds = kinds_of(line_.config); (kinds & kForwardBit) == 0 && (kinds & kWebBits) != 0)
      if (string error = objection_to_web(line_.config.rules); !error.empty()) return wrong(std::move(error));
    if (has_board_of_its_own() && line_.config.board == plan::Board::none)
      return wrong("--console and --no-console exclude each other: give one of them");
    if (is_given("--sandbox") && is_given("--no-sandbox"))
      return wrong("--sandbox and --no-sandbox exclude each other: give one of them");
    check_public();
    check_private();
  }

  [[nodiscard]] bool is_given(string_view name) const {
    return std::any_of(given_.begin(), given_.end(), [name](const Given& one) { return one.name == name; });
  }

  [[nodiscard]] bool has_board_of_its_own() const {
    const std::vector<plan::Listener>& listeners = line_.config.listeners;
    return std::any_of(listeners.begin(), listeners.end(), [this](const plan::Listener& listener) {
      return plan::is_board(line_.config, listener);
    });
  }

  // Closed by default: a forward proxy that other machines can reach must restrict its clients. Through a
  // load balancer that sends PROXY headers, they can reach a loopback address too.
  void check_public() {
    const string objection = config::objection_to_public(line_.config.rules);
    if (objection.empty()) return;
    for (const plan::Listener& listener : line_.config.listeners)
      if (listener.role == plan::Role::forward &&
          (!listener.address.is_loopback() || listener.proxy_header_in))
        return wrong("listener " + text_of(listener) + " is reachable from other machines" +
                     (listener.proxy_header_in ? " (proxy_protocol_in): " : ": ") + objection);
  }

  // Other machines must not get injected faults, or those of a mistake that was built in.
  void check_private() {
    const bool is_wrong = !plan::built_in_mistake().empty();
    if (line_.config.lens.text.empty() && !is_wrong) return;
    const string cause = is_wrong ? "a program with a mistake built in" : "--lens";
    for (const plan::Listener& listener : line_.config.listeners)
      if (!listener.address.is_loopback())
        return wrong(cause + ": listener " + text_of(listener) + " is reachable from other machines: with " +
                     (is_wrong ? "it" : cause) + " use loopback addresses only, as in 127.0.0.1:8080");
  }

  static string text_of(const plan::Listener& listener) {
    return string{sys::endpoint_text(listener.address).view()};
  }

  void report_valid() {
    const std::size_t count = line_.config.listeners.size();
    line_.what = CommandLine::What::checked;
    line_.message = (file_.empty() ? "options" : file_) + ": OK, " + std::to_string(count) +
                    (count == 1 ? " listener" : " listeners");
  }

  std::span<const char* const> rest_;
  When when_;
  std::vector<Given> given_;
  std::vector<GivenOption> options_;  // of the file, then of the command line
  std::optional<std::uint16_t> port_;
  string file_;
  bool only_check_ = false;
  CommandLine line_;
};

// One row of the help: `left`, then `help` in its column, on a line of its own if `left` is too long.
void put_row(string& out, const string& left, const string& help, const string& default_text) {
  constexpr std::size_t kColumn = 28;
  out += "  " + left;
  if (left.size() >= kColumn) out += "\n  ";
  out.append(kColumn - (left.size() < kColumn ? left.size() : 0), ' ');
  out += help + (default_text.empty() ? "" : " (default " + default_text + ")") + "\n";
}

// What follows the program's name in a command.
bool continues_command(string_view text) noexcept {
  constexpr std::array<string_view, 8> kWords{"--",      "PORT",    "FILE", "explain ",
                                              "replay ", "doctor ", "top ", "proxy.json"};
  const bool is_port = !text.empty() && base::is(text.front(), base::kDigit);
  return is_port || std::any_of(kWords.begin(), kWords.end(),
                                [text](string_view word) { return text.starts_with(word); });
}

}  // namespace

CommandLine parse_command_line(std::span<const char* const> arguments, When when) {
  return Reader{arguments, when}.read();
}

bool is_configuration(string_view argument) {
  return !base::all_are(argument, base::kDigit) && sys::is_file(sys::path_kind(string{argument}.c_str()));
}

bool takes_value(string_view argument) {
  if (argument.find('=') != string_view::npos) return false;
  const auto row = row_of(argument);
  return row == options().end() ? argument.starts_with("--") : !row->value.empty();
}

string program_name(string_view path) {
  constexpr string_view kInstalled = "fourstate";
  return string{path.substr(path.rfind('/') + 1) == kInstalled ? kInstalled : "proxy"};  // npos + 1 is 0
}

string renamed(string text, string_view program) {
  constexpr string_view kName = "proxy ";
  for (std::size_t at = text.find(kName); at != string::npos; at = text.find(kName, at + 1)) {
    const bool is_word = at == 0 || text[at - 1] == ' ' || text[at - 1] == '\n';
    if (is_word && continues_command(string_view{text}.substr(at + kName.size())))
      text.replace(at, kName.size() - 1, program);
  }
  return text;
}

string help_text() {
  string out =
      "Usage: proxy PORT [OPTION]...\n"
      "       proxy FILE [OPTION]...\n"
      "       proxy explain [OPTION]... [--client ADDRESS] [--user NAME] [-H FIELD]...\n"
      "                     [PORT | FILE] METHOD URL\n"
      "       proxy replay [--port PORT] FILE\n"
      "       proxy replay [--text] [--calls] [--slot N] [--from POSITION] [--to POSITION]\n"
      "                    [--at POSITION] [--format text|chrome|har] FILE\n"
      "       proxy doctor [--json] [--user NAME] [ADDRESS:]PORT[/PATH] | FILE\n"
      "       proxy top [--once] [--user NAME] [ADDRESS:]PORT | FILE\n"
      "HTTP forward proxy on 127.0.0.1 and ::1: one thread, one edge-triggered epoll loop.\n\n";
  put_row(out, "PORT", "listening port; 0 selects a free one", "");
  put_row(out, "FILE", "same as --config FILE", "");
  for (const Option& option : options()) {
    string letter;
    if (!option.short_name.empty()) letter = "-" + string{option.short_name} + ", ";
    const bool repeatable = option.kind == OptionKind::repeated || option.kind == OptionKind::rule;
    put_row(out, letter + string{option.name} + (option.value.empty() ? "" : " ") + string{option.value},
            string{option.help} + (repeatable ? "; repeatable" : ""), string{option.default_text});
  }
  out += "\nTimeouts in seconds (decimals allowed): the longest wait for\n";
  for (const plan::WaitRow& wait : plan::kDeadlineRows)
    put_row(out, string{wait.option} + " SECONDS", string{wait.what}, seconds_text(wait.default_ms));
  out +=
      "\nExample: proxy 8080, then: curl -x http://127.0.0.1:8080 http://example.com/\n"
      "Signals: SIGTERM shuts down gracefully (--drain), SIGINT (Ctrl-C) at once, SIGHUP reloads the\n"
      "configuration, SIGUSR1 reopens the access log, SIGUSR2 saves a recording (--record-dir).\n"
      "Exit status: 0 after a signal, 1 if the proxy could not start, 2 for wrong usage.\n";
  return out;
}

}  // namespace config
