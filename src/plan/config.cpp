#include "config.hpp"

#include <algorithm>
#include <optional>

#include "../base/text.hpp"
#include "spelling.hpp"

namespace plan {
namespace {

using std::string;
using std::string_view;

constexpr std::size_t kRequestsMax = 1'000'000;
constexpr std::size_t kBufferMibMax = 65'536;
constexpr std::size_t kKeepUpstreamsMax = 256;
constexpr std::size_t kNameBytesMax = 64;
constexpr std::uint32_t kWaitMsMax = 86'400'000;

// ---- values: each parser returns an empty string, or what is wrong ---------------------------------------

string quoted(string_view text) { return "'" + string{text} + "'"; }

bool parse_listen(string_view text, sys::Address& out) {
  const std::size_t colon = text.rfind(':');
  if (colon == string_view::npos) return false;
  string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  std::uint16_t port = 0;
  return base::parse_decimal(text.substr(colon + 1), port) && sys::parse_ip(host, port, out);
}

string take_listen(Config& config, string_view text) {
  sys::Address address;
  if (!parse_listen(text, address))
    return quoted(text) + " is not ADDRESS:PORT with a numeric address, as in 127.0.0.1:8080 or [::1]:8080";
  config.listen.push_back(address);
  return {};
}

string take_port(Config& config, string_view text) {
  std::uint16_t port = 0;
  if (!base::parse_decimal(text, port))
    return quoted(text) +
           " is not a port; give a number from 1 to 65535 (or 0 for any free one), as in: proxy 8080";
  if (config.port_given) return "there is more than one PORT; use --listen ADDRESS:PORT for further ones";
  config.port_given = true;
  config.listen.insert(config.listen.begin(), {sys::loopback4(port), sys::loopback6(port)});
  return {};
}

string take_allow(Config& config, string_view text) { return config.rules.add(Action::allow, text); }
string take_deny(Config& config, string_view text) { return config.rules.add(Action::deny, text); }

string take_users(Config& config, string_view text) {
  if (text.empty()) return "it needs a file as htpasswd writes it";
  config.users_file = text;
  return {};
}

// In Via a token (RFC 9110 section 7.6.3), in Proxy-Status too (RFC 8941 section 3.3.4: it begins with a
// letter).
string take_name(Config& config, string_view text) {
  const bool letter = !text.empty() && base::lower(text.front()) >= 'a' && base::lower(text.front()) <= 'z';
  if (!letter || text.size() > kNameBytesMax || !base::all_are(text, base::kHostName))
    return quoted(text) + " is not a name of letters, digits, '-', '.' and '_', at most 64 of them";
  config.name = text;
  return {};
}

string take_count(std::size_t& out, string_view text, std::size_t max) {
  std::size_t count = 0;
  if (!base::parse_decimal(text, count) || count == 0 || count > max)
    return quoted(text) + " is not a number from 1 to " + std::to_string(max);
  out = count;
  return {};
}

string take_client_connections(Config& config, string_view text) {
  std::size_t count = 0;
  string error = take_count(count, text, kRequestsMax);
  if (error.empty()) config.allowance.connections = static_cast<std::uint32_t>(count);
  return error;
}
string take_client_requests(Config& config, string_view text) {
  return parse_rate(text, config.allowance.requests);
}
string take_client_bytes(Config& config, string_view text) {
  return parse_rate(text, config.allowance.bytes);
}

string take_parent(Config& config, string_view text) {
  Parent parent;
  string error = parse_parent(text, parent);
  if (error.empty()) config.parent = std::move(parent);
  return error;
}
string take_no_parent(Config& config, string_view text) { return parse_no_parent(text, config.no_parent); }

string take_requests(Config& config, string_view text) {
  return take_count(config.max_requests, text, kRequestsMax);
}
string take_buffers(Config& config, string_view text) {
  return take_count(config.buffer_mib, text, kBufferMibMax);
}

// "443,8000-8999"; "none" for no port at all.
string take_connect_ports(Config& config, string_view text) {
  string advice = quoted(text) + " is not a list of ports, as in 443,1024-65535 (or none)";
  config.connect_ports.clear();
  if (text == "none") return {};
  if (text.empty()) return advice;
  while (!text.empty()) {
    Ports ports;
    if (!parse_ports(base::next_element(text), ports) || ports.last < ports.first) return advice;
    config.connect_ports.push_back(ports);
  }
  return {};
}

string take_http(Config& config, string_view text) {
  if (text != "1.0" && text != "1.1") return quoted(text) + " is neither 1.0 nor 1.1";
  config.http10 = text == "1.0";
  return {};
}

string take_keep_upstreams(Config& config, string_view text) {
  if (text == "0") {
    config.keep_upstreams = 0;
    return {};
  }
  return take_count(config.keep_upstreams, text, kKeepUpstreamsMax);
}

string take_log(Config& config, string_view text) {
  if (text.empty()) return "it needs a file name, - for standard output, syslog, or off";
  if (text == "syslog:") return quoted(text) + " names no socket, as in syslog:/dev/log";
  config.access_log = text;
  return {};
}

string take_log_format(Config& config, string_view text) {
  string names;
  for (const LogFormatRow& format : kLogFormats) {
    if (format.name == text) {
      config.log_format = format.format;
      return {};
    }
    names += (names.empty() ? "" : ", ") + string{format.name};
  }
  return quoted(text) + " is not a format; there are " + names;
}

// Seconds with up to three decimals: "30", "0.25".
std::optional<std::uint32_t> parse_seconds(string_view text) {
  const std::size_t dot = std::min(text.find('.'), text.size());
  std::uint32_t seconds = 0, thousandths = 0;
  if (!base::parse_decimal(text.substr(0, dot), seconds) || seconds > kWaitMsMax / 1000) return std::nullopt;
  if (dot != text.size()) {
    const string_view decimals = text.substr(dot + 1);
    if (decimals.size() > 3 || !base::parse_decimal(decimals, thousandths)) return std::nullopt;
    for (std::size_t i = decimals.size(); i < 3; ++i) thousandths *= 10;
  }
  const std::uint32_t ms = seconds * 1000 + thousandths;
  return ms <= kWaitMsMax ? std::optional{ms} : std::nullopt;
}

string take_wait(Config& config, Wait wait, string_view text) {
  const std::optional<std::uint32_t> ms = parse_seconds(text);
  if (!ms || *ms == 0) return quoted(text) + " is not a number of seconds, as in 30 or 0.5";
  config.wait_ms[static_cast<std::size_t>(wait)] = *ms;
  return {};
}

string take_drain(Config& config, string_view text) {
  const std::optional<std::uint32_t> ms = parse_seconds(text);
  if (!ms) return quoted(text) + " is not a number of seconds, as in 30 or 0.5, or 0 to stop at once";
  config.drain_ms = *ms;
  return {};
}

// ---- the table of options --------------------------------------------------------------------------------

struct Option {
  string_view name;
  string_view value;  // what it is called in the help
  string_view help;
  string (*take)(Config&, string_view);
};

constexpr std::array<Option, 18> kOptions{{
    {"--listen", "ADDRESS:PORT", "listen here too (repeatable); with it, PORT may be left out", take_listen},
    {"--allow", "RULE", "allow what the rule says, as 10.0.0.0/8 or host=*.example.com,port=80 (repeatable)",
     take_allow},
    {"--deny", "RULE", "deny it; of all rules the first that matches decides (repeatable)", take_deny},
    {"--users", "FILE", "ask for a name and a password of this file, as htpasswd writes it", take_users},
    {"--client-connections", "N", "connections that one client may have at once", take_client_connections},
    {"--client-requests", "RATE",
     "requests a second that one client may make, as 20 or 20:100 (with a burst)", take_client_requests},
    {"--client-bytes", "RATE",
     "bytes a second that one client may move, both ways together, as 500k or 1m:8m (with a burst)",
     take_client_bytes},
    {"--parent", "URL",
     "ask this proxy: http://[NAME:PASSWORD@]HOST:PORT, socks5://..., or http://unix:/PATH", take_parent},
    {"--no-parent", "LIST", "but not for these: example.com,.intern,10.0.0.0/8,[::1]:80 (this machine never)",
     take_no_parent},
    {"--name", "NAME", "our name in Via (default proxy); in a chain of proxies each needs its own",
     take_name},
    {"--connect-ports", "PORTS", "CONNECT may name these: 443,563,8443,1024-65535 (default), or none",
     take_connect_ports},
    {"--http", "VERSION", "1.0: send all on as HTTP/1.0, and close; 1.1: as it comes (default)", take_http},
    {"--keep-upstreams", "N", "idle connections to hosts kept for further requests (default 64)",
     take_keep_upstreams},
    {"--access-log", "FILE",
     "one line for each request; - is standard output (default), syslog or syslog:SOCKET, or off", take_log},
    {"--log-format", "FORMAT", "own (default), common, combined or json", take_log_format},
    {"--max-requests", "N", "requests served at once (default 10000); more get 503", take_requests},
    {"--buffers", "MIB", "ceiling of the memory for buffers (default 64)", take_buffers},
    {"--drain", "SECONDS", "when told to stop, give what is under way this long to end (default 30)",
     take_drain},
}};

constexpr std::array<string_view, 6> kFlags{"-v", "--verbose", "-h", "--help", "--version", "--request-id"};

std::vector<string_view> option_names() {
  std::vector<string_view> names{"--verbose", "--help", "--version", "--request-id"};
  for (const Option& option : kOptions) names.push_back(option.name);
  for (const WaitRow& wait : kDeadlineRows) names.push_back(wait.option);
  return names;
}

string unknown_option(string_view name) {
  string message = "there is no option " + string{name};
  if (const string_view near = nearest(name, option_names(), 3); !near.empty())
    message += "; did you mean " + string{near} + "?";
  return message + " (proxy --help lists them)";
}

// ---- the command line ------------------------------------------------------------------------------------

class Reader {
 public:
  explicit Reader(std::span<const char* const> arguments) : rest_(arguments) {}

  CommandLine read() {
    while (!rest_.empty() && line_.what == CommandLine::What::run) take(next());
    if (line_.what == CommandLine::What::run) check();
    return std::move(line_);
  }

 private:
  string_view next() {
    const string_view argument = rest_.front();
    rest_ = rest_.subspan(1);
    return argument;
  }

  void wrong(string message) {
    line_.what = CommandLine::What::wrong;
    line_.message = std::move(message);
  }

  void take(string_view argument) {
    if (argument == "-h" || argument == "--help")
      line_.what = CommandLine::What::help;
    else if (argument == "--version")
      line_.what = CommandLine::What::version;
    else if (argument == "-v" || argument == "--verbose")
      line_.config.verbose = true;
    else if (argument == "--request-id")
      line_.config.request_id = true;
    else if (argument.size() > 1 && argument.front() == '-')
      take_option(argument);
    else if (string error = take_port(line_.config, argument); !error.empty())
      wrong(std::move(error));
  }

  // "--name value" or "--name=value".
  void take_option(string_view argument) {
    const std::size_t equals = std::min(argument.find('='), argument.size());
    const string_view name = argument.substr(0, equals);
    if (!known(name)) {
      if (std::find(kFlags.begin(), kFlags.end(), name) != kFlags.end())
        return wrong(string{name} + " takes no value");
      return wrong(unknown_option(name));
    }
    if (equals == argument.size() && rest_.empty())
      return wrong(string{name} + " needs a value (see proxy --help)");
    const string_view value = equals == argument.size() ? next() : argument.substr(equals + 1);
    if (const string error = apply(name, value); !error.empty()) wrong(string{name} + ": " + error);
  }

  static bool known(string_view name) {
    return std::any_of(kOptions.begin(), kOptions.end(),
                       [name](const Option& o) { return o.name == name; }) ||
           std::any_of(kDeadlineRows.begin(), kDeadlineRows.end(),
                       [name](const WaitRow& w) { return w.option == name; });
  }

  string apply(string_view name, string_view value) {
    for (const Option& option : kOptions)
      if (option.name == name) return option.take(line_.config, value);
    for (const WaitRow& wait : kDeadlineRows)
      if (wait.option == name) return take_wait(line_.config, wait.wait, value);
    return {};
  }

  // Closed by default: what is reachable from elsewhere must say for whom.
  void check() {
    const Config& config = line_.config;
    if (config.listen.empty()) return wrong("which port? For example: proxy 8080 (proxy --help tells more)");
    const string objection = config.rules.objection_to_public();
    if (objection.empty()) return;
    for (const sys::Address& address : config.listen)
      if (!address.is_loopback())
        return wrong("--listen " + string{sys::endpoint_text(address).view()} +
                     " can be reached by others: " + objection);
  }

  std::span<const char* const> rest_;
  CommandLine line_;
};

void put_row(string& out, const string& left, const string& right) {
  constexpr std::size_t kColumn = 30;
  out += "  " + left;
  out.append(left.size() < kColumn ? kColumn - left.size() : 1, ' ');
  out += right + "\n";
}

string default_seconds(std::uint32_t ms) {
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

}  // namespace

CommandLine parse_command_line(std::span<const char* const> arguments) { return Reader{arguments}.read(); }

string help_text() {
  string out =
      "Usage: proxy PORT [OPTION]...\n"
      "       proxy explain [OPTION]... [--client ADDRESS] [-H FIELD]... METHOD URL\n"
      "A forward proxy on 127.0.0.1 and ::1, with CONNECT: one thread, one edge-triggered epoll loop.\n\n";
  put_row(out, "PORT", "port to listen on; 0 takes a free one");
  for (const Option& option : kOptions)
    put_row(out, string{option.name} + " " + string{option.value}, string{option.help});
  put_row(out, "--request-id", "name each request to its host, by X-Request-Id");
  put_row(out, "-v, --verbose", "print each state a request goes through, and why it waits");
  put_row(out, "-h, --help", "print this and exit");
  put_row(out, "--version", "print the version and exit");
  out += "\nLongest waits, in seconds (decimals are allowed):\n";
  for (const WaitRow& wait : kDeadlineRows)
    put_row(out, string{wait.option} + " S",
            string{wait.what} + " (" + default_seconds(wait.default_ms) + ")");
  out +=
      "\nTry it: proxy 8080, and then: curl -x http://127.0.0.1:8080 http://example.com/\n"
      "SIGINT (Ctrl-C) or SIGTERM stops it; SIGUSR1 makes it open its log file anew.\nExit status: 0 "
      "stopped, 1 could not run, 2 wrong usage.\n";
  return out;
}

}  // namespace plan
