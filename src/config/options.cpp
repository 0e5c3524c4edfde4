#include "options.hpp"

#include <algorithm>
#include <array>

#include "../base/text.hpp"
#include "../http/upgrade.hpp"
#include "../sys/sys.hpp"
#include "address_text.hpp"
#include "host_list_text.hpp"
#include "lens_text.hpp"
#include "number_text.hpp"
#include "parent_text.hpp"
#include "paths.hpp"
#include "rule_text.hpp"

namespace config {
namespace {

using std::string;
using std::string_view;

constexpr std::size_t kRequestsMax = 1'000'000;
constexpr std::size_t kBufferMibMax = 65'536;
constexpr std::size_t kTraceEntriesMin = 1024, kTraceEntriesMax = 16'777'216;
constexpr std::size_t kKeepUpstreamsMax = 256;
constexpr std::size_t kNameBytesMax = 64;

// ---- listeners: each function returns the error, or an empty string on success ---------------------------

string take_listen(plan::Config& config, string_view text) {
  std::vector<plan::Listener> found;
  if (!parse_listen(text, found))
    return "invalid listener " + base::quoted(text) +
           ": expected [ADDRESS:]PORT with a numeric address, localhost, or * for all of this machine, as in "
           "127.0.0.1:8080 or [::1]:8080";
  config.listeners.insert(config.listeners.end(), found.begin(), found.end());
  return {};
}

// `what` follows the port: "=DIRECTORY".
string invalid_listener(string_view text, const string& what) {
  return "invalid listener " + base::quoted(text) + ": expected [ADDRESS:]PORT" + what + ", as in 8080" +
         what + " or 0.0.0.0:8080" + what;
}

// Removes "[ADDRESS:]PORT=" from the front.
bool take_place(string_view& text, std::vector<plan::Listener>& out) {
  const std::size_t equals = text.find('=');
  if (equals == string_view::npos || !parse_listen(text.substr(0, equals), out)) return false;
  text.remove_prefix(equals + 1);
  return true;
}

void add_listeners(plan::Config& config, const std::vector<plan::Listener>& places, plan::Listener model) {
  for (const plan::Listener& place : places) {
    model.address = place.address;
    model.optional = place.optional;
    config.listeners.push_back(model);
  }
}

// Adds a site with these routes.
void add_site(plan::Config& config, const std::vector<plan::Listener>& places,
              std::vector<plan::WebRoute> routes) {
  plan::Listener model;
  model.role = plan::Role::web;
  model.sites = {config.sites.size()};
  config.sites.emplace_back().routes = std::move(routes);
  add_listeners(config, places, model);
}

// Reads "[ADDRESS:]PORT=HOST:PORT,..." and appends the group.
string take_group(plan::Config& config, string_view text, std::vector<plan::Listener>& places) {
  plan::Group group;
  string_view members = text;
  if (!take_place(members, places)) return invalid_listener(text, "=HOST:PORT");
  string error = parse_members(members, group.members);
  if (error.empty()) config.groups.push_back(std::move(group));
  return error;
}

string take_reverse(plan::Config& config, string_view text) {
  std::vector<plan::Listener> places;
  if (string error = take_group(config, text, places); !error.empty()) return error;
  plan::WebRoute route;
  route.kind = plan::RouteKind::reverse;
  route.group = config.groups.size() - 1;
  add_site(config, places, {std::move(route)});
  return {};
}

string take_files(plan::Config& config, string_view text) {
  std::vector<plan::Listener> places;
  plan::WebRoute route;
  string_view directory = text;
  if (!take_place(directory, places)) return invalid_listener(text, "=DIRECTORY");
  route.directory = path_from(config.folder, directory);
  if (string error = check_directory(route.directory); !error.empty()) return error;
  add_site(config, places, {std::move(route)});
  return {};
}

string take_redirect(plan::Config& config, string_view text) {
  std::vector<plan::Listener> places;
  string_view url = text;
  if (!take_place(url, places)) return invalid_listener(text, "=URL");
  plan::WebRoute route;
  route.kind = plan::RouteKind::redirect;
  if (!is_location(url))
    return "invalid URL " + base::quoted(url) +
           ": expected visible ASCII characters, as in https://a.test{path}";
  route.location = url;
  add_site(config, places, {std::move(route)});
  return {};
}

string take_metrics(plan::Config& config, string_view text) {
  std::vector<plan::Listener> places;
  if (!parse_listen(text, places)) return invalid_listener(text, "");
  const auto page = [](plan::RouteKind kind, const char* prefix) {
    plan::WebRoute route;
    route.kind = kind;
    route.prefix = prefix;
    return route;
  };
  using plan::RouteKind;
  add_site(
      config, places,
      {page(RouteKind::metrics, "/"), page(RouteKind::health, "/healthz"), page(RouteKind::ready, "/readyz"),
       page(RouteKind::doctor, "/doctor"), page(RouteKind::doctor, "/doctor.json")});
  return {};
}

string take_console(plan::Config& config, string_view text) {
  std::vector<plan::Listener> places;
  if (!parse_listen(text, places)) return invalid_listener(text, "");
  plan::WebRoute route;
  route.kind = plan::RouteKind::board;
  add_site(config, places, {std::move(route)});
  if (config.board == plan::Board::forward) config.board = plan::Board::own;
  return {};
}

string take_relay(plan::Config& config, string_view text) {
  std::vector<plan::Listener> places;
  if (string error = take_group(config, text, places); !error.empty()) return error;
  plan::Listener model;
  model.role = plan::Role::relay;
  model.group = config.groups.size() - 1;
  add_listeners(config, places, model);
  return {};
}

string take_echo(plan::Config& config, string_view text) {
  std::vector<plan::Listener> places;
  if (!parse_listen(text, places)) return invalid_listener(text, "");
  plan::Listener model;
  model.role = plan::Role::echo;
  add_listeners(config, places, model);
  return {};
}

// ---- flags -----------------------------------------------------------------------------------------------

string take_flag(bool& out, string_view text) {
  if (text != "true" && text != "false")
    return "invalid value " + base::quoted(text) + ": expected true or false";
  out = text == "true";
  return {};
}
string take_server_timing(plan::Config& config, string_view text) {
  return take_flag(config.server_timing, text);
}
string take_verbosity(plan::Config& config, plan::Verbosity wanted, string_view text) {
  bool on = false;
  string error = take_flag(on, text);
  if (on) config.verbosity = std::max(config.verbosity, wanted);
  return error;
}
string take_verbose(plan::Config& config, string_view text) {
  return take_verbosity(config, plan::Verbosity::steps, text);
}
string take_verbose_calls(plan::Config& config, string_view text) {
  return take_verbosity(config, plan::Verbosity::calls, text);
}
string take_no_console(plan::Config& config, string_view text) {
  bool on = false;
  string error = take_flag(on, text);
  if (on) config.board = plan::Board::none;
  return error;
}
string take_request_id(plan::Config& config, string_view text) { return take_flag(config.request_id, text); }

// ---- single values ---------------------------------------------------------------------------------------

// Gives the patterns @FILE their lists, which are read later. Returns the error.
string take_lists(plan::Config& config, std::vector<plan::HostPattern>& hosts) {
  for (plan::HostPattern& pattern : hosts) {
    if (!pattern.text.starts_with('@')) continue;
    pattern.list = host_list(config.host_lists, path_from(config.folder, pattern.text.substr(1)));
    if (!pattern.list) return "too many files of hosts: at most " + std::to_string(kHostListsMax);
  }
  return {};
}

string add_rule(plan::Config& config, plan::Action action, string_view text) {
  if (config.rules.size() == plan::kRulesMax)
    return "too many rules: at most " + std::to_string(plan::kRulesMax);
  plan::Rule rule;
  string error = parse_rule(action, text, rule);
  if (error.empty()) error = take_lists(config, rule.host);
  if (error.empty()) config.rules.add(std::move(rule));
  return error;
}
string take_allow(plan::Config& config, string_view text) {
  return add_rule(config, plan::Action::allow, text);
}
string take_deny(plan::Config& config, string_view text) {
  return add_rule(config, plan::Action::deny, text);
}

string take_users(plan::Config& config, string_view text) {
  if (text.empty()) return "missing file name: expected an htpasswd file";
  config.users_files.front() = path_from(config.folder, text);
  return {};
}

// A token in Via (RFC 9110 section 7.6.3) and in Proxy-Status, where it begins with a letter (RFC 8941
// section 3.3.4).
string take_name(plan::Config& config, string_view text) {
  const bool letter = !text.empty() && base::lower(text.front()) >= 'a' && base::lower(text.front()) <= 'z';
  if (!letter || text.size() > kNameBytesMax || !base::all_are(text, base::kHostName))
    return "invalid name " + base::quoted(text) +
           ": expected a letter, then letters, digits, '-', '.' and '_', at most 64 in all";
  config.name = text;
  return {};
}

string take_count(std::size_t& out, string_view text, std::size_t max, std::size_t least = 1) {
  std::size_t count = 0;
  if (!base::parse_decimal(text, count) || count < least || count > max)
    return "invalid number " + base::quoted(text) + ": expected " + std::to_string(least) + "-" +
           std::to_string(max);
  out = count;
  return {};
}

string take_client_connections(plan::Config& config, string_view text) {
  std::size_t count = 0;
  string error = take_count(count, text, kRequestsMax);
  if (error.empty()) config.allowance.connections = static_cast<std::uint32_t>(count);
  return error;
}
string take_rate(plan::Rate& out, string_view text) {
  const std::optional<plan::Rate> rate = parse_rate(text);
  if (!rate)
    return "invalid rate " + base::quoted(text) +
           ": expected N per second or N:BURST, as in 100, 10/s, 500k or 2m:8m";
  out = *rate;
  return {};
}
string take_client_requests(plan::Config& config, string_view text) {
  return take_rate(config.allowance.requests, text);
}
string take_client_bytes(plan::Config& config, string_view text) {
  return take_rate(config.allowance.bytes, text);
}

string take_parent(plan::Config& config, string_view text) {
  if (config.parents.size() == plan::kParentsMax)
    return "too many upstream proxies: at most " + std::to_string(plan::kParentsMax);
  plan::ParentRow row;
  if (string error = parse_parent_row(text, row); !error.empty()) return error;
  if (string error = take_lists(config, row.hosts); !error.empty()) return error;
  if (row.parent) row.parent->number = static_cast<std::uint16_t>(config.parents.size() + 1);
  config.parents.push_back(std::move(row));
  return {};
}
string take_no_parent(plan::Config& config, string_view text) {
  return parse_no_parent(text, config.no_parent);
}

string take_nameserver(plan::Config& config, string_view text) {
  constexpr std::size_t kServersMax = 8;
  if (config.nameservers.size() == kServersMax) return "more than 8 DNS servers";
  sys::Address address;
  if (string error = parse_server(text, 53, address); !error.empty()) return error;
  config.nameservers.push_back(address);
  return {};
}

string take_requests(plan::Config& config, string_view text) {
  return take_count(config.max_requests.emplace(), text, kRequestsMax);
}
string take_buffers(plan::Config& config, string_view text) {
  return take_count(config.buffer_mib, text, kBufferMibMax);
}
string take_trace_entries(plan::Config& config, string_view text) {
  string error = take_count(config.trace_entries, text, kTraceEntriesMax);
  if (error.empty() && config.trace_entries < kTraceEntriesMin)
    error =
        "invalid number " + base::quoted(text) + ": expected at least " + std::to_string(kTraceEntriesMin);
  return error;
}

// "443,8000-8999", or "none".
string take_ports(std::vector<plan::Ports>& out, string_view text) {
  string error = "invalid ports " + base::quoted(text) + ": expected a list, as in 443,1024-65535, or none";
  out.clear();
  if (text == "none") return {};
  if (text.empty()) return error;
  while (!text.empty()) {
    plan::Ports ports;
    if (!parse_ports(base::next_element(text), ports) || ports.last < ports.first) return error;
    out.push_back(ports);
  }
  return {};
}

// Calls `take` for each element of a list, also for empty ones, until it returns an error. Returns the error.
template <class Take>
string take_each(string_view text, Take take) {
  for (bool more = true; more;) {
    more = text.find(',') != string_view::npos;
    if (string error = take(base::next_element(text)); !error.empty()) return error;
  }
  return {};
}

string take_trusted_proxies(plan::Config& config, string_view text) {
  config.trusted_proxies.clear();
  return take_each(text, [&config](string_view element) {
    plan::Network network;
    string error = parse_network(element, network);
    if (error.empty()) config.trusted_proxies.push_back(network);
    return error;
  });
}

// "websocket,tcp", "all" or "none".
string take_upgrade(plan::Config& config, string_view text) {
  config.upgrade.reset();
  if (text == "all") return {};
  config.upgrade.emplace();
  if (text == "none") return {};
  return take_each(text, [&config](string_view protocol) -> string {
    const bool is_word = protocol == "all" || protocol == "none";
    const bool valid = !is_word && !protocol.empty() &&
                       std::all_of(protocol.begin(), protocol.end(),
                                   [](char c) { return c == '/' || base::is(c, base::kToken); });
    if (!valid)
      return "invalid protocol " + base::quoted(protocol) +
             ": expected a list of protocols, as in websocket, or all, or none";
    if (http::is_barred(protocol))
      return "protocol " + base::quoted(protocol) +
             " is never passed on: the rules could not see its requests";
    config.upgrade->push_back(base::lowered(protocol));
    return {};
  });
}

string take_connect_ports(plan::Config& config, string_view text) {
  return take_ports(config.connect_ports, text);
}
string take_http_ports(plan::Config& config, string_view text) {
  return take_ports(config.http_ports.emplace(), text);
}

string take_http(plan::Config& config, string_view text) {
  if (text != "1.0" && text != "1.1")
    return "invalid version " + base::quoted(text) + ": expected 1.0 or 1.1";
  config.http10 = text == "1.0";
  return {};
}

string take_keep_upstreams(plan::Config& config, string_view text) {
  return take_count(config.keep_upstreams, text, kKeepUpstreamsMax, 0);
}

string take_log(plan::Config& config, string_view text) {
  if (text.empty()) return "missing file name: expected a file, - for standard output, syslog, or off";
  if (text == "syslog:") return "invalid log target 'syslog:': expected syslog:SOCKET, as in syslog:/dev/log";
  const bool is_path = text != "-" && text != "off" && text != "syslog" && !text.starts_with("syslog:");
  config.access_log = is_path ? path_from(config.folder, text) : string{text};
  return {};
}

string take_record(plan::Config& config, string_view text) {
  if (text.empty()) return "missing file name: expected a record file, as in proxy.pxr";
  config.record_file = path_from(config.folder, text);
  return {};
}

string take_record_dir(plan::Config& config, string_view text) {
  config.record_folder = path_from(config.folder, text);
  return check_directory(config.record_folder);
}

string take_lens(plan::Config& config, string_view text) { return parse_lens(text, config.lens); }

string take_log_format(plan::Config& config, string_view text) {
  string names;
  for (const plan::LogFormatRow& format : plan::kLogFormats) {
    if (format.name == text) {
      config.log_format = format.format;
      return {};
    }
    names += (names.empty() ? "" : ", ") + string{format.name};
  }
  return "invalid format " + base::quoted(text) + ": expected " + names;
}

string take_max_head(plan::Config& config, string_view text) {
  std::size_t kib = 0;
  string error = take_count(kib, text, http::kLargestHead / 1024);
  if (error.empty()) config.head_limits.bytes = kib * 1024;
  return error;
}
string take_max_fields(plan::Config& config, string_view text) {
  return take_count(config.head_limits.fields, text, http::kMostFields);
}

string take_max_body(plan::Config& config, string_view text) {
  return parse_body_limit(text, config.max_body);
}

string take_wait(plan::Config& config, plan::Wait wait, string_view text) {
  return parse_timeout(wait, text, config.wait_ms[static_cast<std::size_t>(wait)]);
}

// "off", or the name.
string take_via(plan::Config& config, string_view text) {
  config.via = text != "off";
  return config.via ? take_name(config, text) : string{};
}

string take_charset(plan::Config& config, string_view text) {
  if (!is_charset(text)) return "invalid charset " + base::quoted(text) + ": expected a name, as in utf-8";
  config.charset = text;
  return {};
}

string take_gzip(plan::Config& config, string_view text) { return take_flag(config.gzip, text); }

string take_drain(plan::Config& config, string_view text) {
  const std::optional<std::uint32_t> ms = parse_seconds(text);
  if (!ms)
    return "invalid time " + base::quoted(text) +
           ": expected seconds or a unit, at most 24 h, as in 30, 0.5 or 1m; 0 stops at once";
  config.drain_ms = *ms;
  return {};
}

string take_user(plan::Config& config, string_view text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  config.user = text.substr(0, colon);
  if (colon != text.size()) config.group = text.substr(colon + 1);
  if (config.user.empty() || (colon != text.size() && config.group.empty()))
    return "invalid user " + base::quoted(text) + ": expected NAME or NAME:GROUP, as in proxy";
  return {};
}

string take_group_name(plan::Config& config, string_view text) {
  config.group = text;
  return text.empty() ? "missing name: expected a group, as in proxy" : "";
}

string take_reuse_port(plan::Config& config, string_view text) { return take_flag(config.reuse_port, text); }

string take_sandbox(plan::Config& config, string_view text) {
  bool on = false;
  string error = take_flag(on, text);
  config.sandbox = on ? plan::Sandbox::required : plan::Sandbox::off;
  return error;
}
string take_no_sandbox(plan::Config& config, string_view text) {
  bool off = false;
  string error = take_flag(off, text);
  if (off) config.sandbox = plan::Sandbox::off;
  return error;
}

string take_takeover(plan::Config& config, string_view text) {
  constexpr std::size_t kTakeoverPathMax = 107;  // bytes (unix(7))
  config.takeover = path_from(config.folder, text);
  if (text.empty()) return "missing path: expected that of a Unix socket, as in /run/proxy/takeover";
  if (config.takeover.size() > kTakeoverPathMax)
    return "path too long: at most " + std::to_string(kTakeoverPathMax) + " bytes, as in /run/proxy/takeover";
  return {};
}

// ---- the table of options --------------------------------------------------------------------------------

constexpr std::array<Option, 54> kOptions{{
    {"--listen", "[ADDRESS:]PORT", "additional listening address; PORT may then be omitted", "", take_listen,
     OptionKind::repeated},
    {"--reverse", "[ADDRESS:]PORT=HOST:PORT[,...]",
     "HTTP reverse proxy, load-balanced over these upstream servers", "", take_reverse, OptionKind::repeated},
    {"--files", "[ADDRESS:]PORT=DIRECTORY", "HTTP server for the files in this directory", "", take_files,
     OptionKind::repeated},
    {"--redirect", "[ADDRESS:]PORT=URL",
     "redirect all requests (302); {path} and {query} are those of the request", "", take_redirect,
     OptionKind::repeated},
    {"--metrics", "[ADDRESS:]PORT",
     "HTTP server for the metrics (Prometheus text, OpenMetrics or JSON), /healthz, /readyz and /doctor", "",
     take_metrics, OptionKind::repeated},
    {"--console", "[ADDRESS:]PORT", "HTTP server for the board, in place of the port of the forward proxy",
     "", take_console, OptionKind::repeated},
    {"--no-console", "", "do not serve the board", "", take_no_console, OptionKind::flag, kForwardBit},
    {"--relay", "[ADDRESS:]PORT=HOST:PORT[,...]", "TCP proxy (layer 4) to these upstream servers", "",
     take_relay, OptionKind::repeated},
    {"--echo", "[ADDRESS:]PORT", "TCP echo server", "", take_echo, OptionKind::repeated},
    {"--allow", "RULE", "allow matching requests, e.g. 10.0.0.0/8 or host=*.example.com,port=80", "",
     take_allow, OptionKind::rule, kHttpBits},
    {"--deny", "RULE", "deny matching requests; the first matching rule decides", "", take_deny,
     OptionKind::rule, kHttpBits},
    {"--users", "FILE", "ask for a user name and a password of this htpasswd file (Basic authentication)", "",
     take_users, OptionKind::once, kHttpBits},
    {"--client-connections", "N", "maximum concurrent connections per client", "unlimited",
     take_client_connections},
    {"--client-requests", "RATE", "requests per second per client, e.g. 20, or 20:100 with a burst",
     "unlimited", take_client_requests, OptionKind::once, kHttpBits},
    {"--client-bytes", "RATE",
     "bytes per second per client, both directions, e.g. 500k, or 1m:8m with a burst", "unlimited",
     take_client_bytes},
    {"--parent", "URL[=HOSTS]",
     "forward these hosts, or all, through an upstream proxy: http://..., socks5://..., http://unix:/PATH; "
     "none=HOSTS reaches HOSTS directly",
     "", take_parent, OptionKind::repeated, kForwardBit},
    {"--no-parent", "LIST", "hosts to reach directly, without --parent, e.g. example.com,10.0.0.0/8", "",
     take_no_parent, OptionKind::list, kForwardBit},
    {"--nameserver", "ADDRESS[:PORT]", "ask this DNS server instead of those in /etc/resolv.conf", "",
     take_nameserver, OptionKind::repeated, kUpstreamBits},
    {"--name", "NAME", "name of this proxy in Via, unique in a chain of proxies", "proxy", take_name,
     OptionKind::once, kHttpBits},
    {"--via", "NAME", "the same as --name; off: add no Via", "", take_via, OptionKind::once, kHttpBits},
    {"--charset", "NAME", "charset of served text files, e.g. utf-8", "none", take_charset, OptionKind::once,
     kFilesBit},
    {"--gzip", "", "compress served text files", "", take_gzip, OptionKind::flag, kFilesBit},
    {"--connect-ports", "PORTS", "ports that CONNECT may use, or none", "443,563,8443,1024-65535",
     take_connect_ports, OptionKind::list, kForwardBit},
    {"--upgrade", "LIST",
     "protocols that Upgrade may ask for, e.g. websocket, or all, or none; h2c and TLS never pass", "all",
     take_upgrade, OptionKind::list, kMessageBits},
    {"--trusted-proxies", "LIST",
     "networks of proxies whose X-Forwarded-* and Forwarded are kept and extended, not replaced", "none",
     take_trusted_proxies, OptionKind::list, kReverseBit},
    {"--http-ports", "PORTS", "ports that http:// may use, or none",
     "all but those of other protocols, such as 22 and 25", take_http_ports, OptionKind::list, kForwardBit},
    {"--http", "VERSION", "1.0: HTTP/1.0 to every server, no keep-alive; 1.1: the client's version", "1.1",
     take_http, OptionKind::once, kHttpBits},
    {"--keep-upstreams", "N", "maximum idle upstream connections kept for reuse, 0 to 256", "64",
     take_keep_upstreams, OptionKind::once, kMessageBits},
    {"--access-log", "FILE", "access log: a file, - (standard output), syslog, syslog:SOCKET or off", "-",
     take_log},
    {"--log-format", "FORMAT", "access log format: own, common, combined or json", "own", take_log_format},
    {"--max-requests", "N",
     "maximum client connections; for a further one an idle one is closed, or it gets 503", "10000",
     take_requests},
    {"--max-head", "KIB",
     "largest head of a request or a response in KiB, 1 to 60; larger ones get 431 or 502", "15",
     take_max_head, OptionKind::once, kHttpBits},
    {"--max-fields", "N", "maximum header lines of a head, 1 to 1000", "100", take_max_fields,
     OptionKind::once, kHttpBits},
    {"--max-body", "SIZE", "largest body of a forwarded request in bytes, e.g. 10m; larger ones get 413",
     "unlimited", take_max_body, OptionKind::once, kMessageBits},
    {"--buffers", "MIB", "memory limit for buffers, in MiB", "64", take_buffers},
    {"--drain", "SECONDS", "graceful shutdown timeout after SIGTERM; 0 stops at once", "30", take_drain},
    {"--takeover", "SOCKET",
     "restart without lost connections: take the listeners over from the process with this Unix socket, and "
     "pass them on",
     "none", take_takeover},
    {"--user", "NAME[:GROUP]", "become this user, once the ports are open (start as root)", "", take_user},
    {"--group", "NAME", "become this group too, instead of the main group of --user", "", take_group_name},
    {"--reuse-port", "", "let several proxies listen on one port, which share its clients (SO_REUSEPORT)", "",
     take_reuse_port, OptionKind::flag},
    {"--sandbox", "",
     "end with an error if the kernel cannot limit the system calls of the proxy; the default is to go on",
     "", take_sandbox, OptionKind::flag},
    {"--no-sandbox", "", "do not limit the system calls and the files of the proxy", "", take_no_sandbox,
     OptionKind::flag},
    {"--request-id", "", "add X-Request-Id to forwarded requests", "", take_request_id, OptionKind::flag,
     kMessageBits},
    {"--server-timing", "", "add Server-Timing to responses: the milliseconds of each phase", "",
     take_server_timing, OptionKind::flag, kHttpBits},
    {"--config", "FILE", "read this JSON configuration file; other options take precedence", "", nullptr,
     OptionKind::special},
    {"--check", "", "check options and configuration file, then exit", "", nullptr, OptionKind::special},
    {"--verbose", "", "print each state transition, and what a record waits for", "", take_verbose,
     OptionKind::flag, kAllBits, "v"},
    {"--verbose-calls", "", "print also each turn of the event loop, its events and system calls", "",
     take_verbose_calls, OptionKind::flag, kAllBits, "vv"},
    {"--trace-entries", "N", "size of the trace in memory, in entries of 16 bytes: 1024 to 16777216", "65536",
     take_trace_entries},
    {"--record", "FILE", "save the trace in this record file while the proxy runs", "none", take_record},
    {"--record-dir", "FOLDER",
     "on SIGUSR2, at an error of the loop doctor and after a crash, save the trace and the table in this "
     "folder",
     "none", take_record_dir},
    {"--lens", "LIST",
     "inject faults, e.g. seed=7,read=3,write=5,eagain=4%,delay=50ms, or slow-reader, crumbs, bad-line; "
     "loopback "
     "listeners only",
     "", take_lens, OptionKind::list},
    {"--help", "", "print this help and exit", "", nullptr, OptionKind::special, kAllBits, "h"},
    {"--version", "", "print the version and exit", "", nullptr, OptionKind::special},
}};

// In the order of plan::kDeadlineRows.
constexpr std::array<Kinds, plan::kDeadlines> kWaitEffects{
    kHttpBits,                             // idle
    kHttpBits,                             // keep_alive
    kHttpBits | kHeaderBit,                // request_head
    kMessageBits,                          // request_body
    kUpstreamBits,                         // resolve
    kUpstreamBits,                         // attempt
    kUpstreamBits,                         // connect
    kMessageBits,                          // upstream_write
    kMessageBits,                          // response_head
    kMessageBits,                          // response_body
    kMessageBits,                          // half_closed
    kHttpBits | kPlainBits,                // client_write
    kUpstreamBits | kEchoBit | kLinesBit,  // tunnel
    kAllBits,                              // linger
};
static_assert(std::ranges::find(kWaitEffects, Kinds{0}) == kWaitEffects.end(),
              "a timeout that affects no role");

}  // namespace

std::span<const Option> options() noexcept { return kOptions; }

std::vector<string_view> option_names() {
  std::vector<string_view> names;
  names.reserve(kOptions.size() + plan::kDeadlineRows.size());
  for (const Option& option : kOptions) names.push_back(option.name);
  for (const plan::WaitRow& wait : plan::kDeadlineRows) names.push_back(wait.option);
  return names;
}

std::optional<OptionKind> option_kind(string_view name) noexcept {
  for (const Option& option : kOptions)
    if (option.name == name) return option.kind;
  for (const plan::WaitRow& wait : plan::kDeadlineRows)
    if (wait.option == name) return OptionKind::once;
  return std::nullopt;
}

Kinds option_effect(string_view name) noexcept {
  for (const Option& option : kOptions)
    if (option.name == name) return option.effect;
  for (const plan::WaitRow& wait : plan::kDeadlineRows)
    if (wait.option == name) return kWaitEffects[static_cast<std::size_t>(wait.wait)];
  return 0;
}

string apply_option(plan::Config& config, string_view name, string_view value) {
  for (const Option& option : kOptions)
    if (option.name == name) return option.take(config, value);
  for (const plan::WaitRow& wait : plan::kDeadlineRows)
    if (wait.option == name) return take_wait(config, wait.wait, value);
  return {};
}

string file_key(string_view option) {
  string key{option.substr(2)};
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

bool is_charset(string_view text) noexcept {
  constexpr std::size_t kBytesMax = 40;
  return text.size() <= kBytesMax && base::all_are(text, base::kToken);
}

bool is_location(string_view text) noexcept { return !text.empty() && base::all_are(text, base::kVisible); }

bool has_variable(string_view url) noexcept {
  const auto is_letter = [](char c) { return base::lower(c) >= 'a' && base::lower(c) <= 'z'; };
  const auto dollar =
      std::adjacent_find(url.begin(), url.end(), [&](char a, char b) { return a == '$' && is_letter(b); });
  const auto is_unknown = [url](std::size_t at) {
    return !url.substr(at).starts_with("{path}") && !url.substr(at).starts_with("{query}");
  };
  for (std::size_t at = url.find('{'); at != string_view::npos; at = url.find('{', at + 1))
    if (is_unknown(at)) return true;
  return dollar != url.end();
}

string parse_timeout(plan::Wait wait, string_view text, std::uint32_t& ms) {
  const std::optional<std::uint32_t> found = parse_seconds(text);
  if (!found || (*found == 0 && !plan::row(wait).endless))
    return "invalid time " + base::quoted(text) +
           ": expected seconds or a unit, 1 ms to 24 h, as in 30, 0.5, 10m or 1h" +
           (plan::row(wait).endless ? "; 0 for none" : "");
  ms = *found;
  return {};
}

string parse_body_limit(string_view text, std::uint64_t& out) {
  const std::optional<std::uint64_t> bytes = parse_size(text);
  if (!bytes)
    return "invalid size " + base::quoted(text) +
           ": expected bytes or a unit, as in 1000, 500k or 10m; 0 for none";
  out = *bytes == 0 ? plan::kUnlimited : *bytes;
  return {};
}

string seconds_text(std::uint32_t ms) {
  string text = std::to_string(ms / 1000);
  if (ms % 1000 == 0) return text;
  text += "." + std::to_string(1000 + ms % 1000).substr(1);
  return text.substr(0, text.find_last_not_of('0') + 1);
}

}  // namespace config
