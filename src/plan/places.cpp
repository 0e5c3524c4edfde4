#include "places.hpp"

#include <algorithm>

#include "../base/text.hpp"
#include "../http/head.hpp"
#include "../sys/sys.hpp"
#include "groups.hpp"

namespace plan {
namespace {

using std::string;
using std::string_view;

constexpr string_view kHttp = "http://", kUnix = "unix:";

string_view without_brackets(string_view host) noexcept {
  return host.size() >= 2 && host.front() == '[' && host.back() == ']' ? host.substr(1, host.size() - 2)
                                                                       : host;
}

bool starts_with_ignoring_case(string_view text, string_view prefix) noexcept {
  return base::equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

sys::Address any_address(sys::Address::Family family, std::uint16_t port) noexcept {
  sys::Address address;
  address.family = family;
  address.port = port;
  return address;
}

}  // namespace

bool is_host_name(string_view text) noexcept {
  return !text.empty() && text.size() <= http::kHostBytesMax && base::all_are(text, base::kHostName);
}

bool is_socket_path(string_view text) noexcept {
  return text.size() >= 2 && text.size() <= kSocketPathMax && text.front() == '/' && !base::has_control(text);
}

string parse_host_port(string_view text, Hop& out) {
  const bool bracketed = text.starts_with('[');
  const std::size_t end = std::min(bracketed ? text.find(']') : text.find(':'), text.size());
  string_view host = text.substr(0, end), rest = text.substr(end);
  if (bracketed) {
    sys::Address address;
    host.remove_prefix(1);
    if (rest.empty() || host.find(':') == string_view::npos || !sys::parse_ip(host, 0, address))
      return base::quoted(text) + ": its brackets hold no IPv6 address, as in [::1]:8080";
    rest.remove_prefix(1);
  } else if (!is_host_name(host)) {
    return base::quoted(host) + " is no host";
  }
  std::uint16_t port = out.port;
  if (rest.empty() && port == 0)
    return base::quoted(text) + " lacks its port, as in " + string{host} + ":8080";
  if (!rest.empty() && (rest.front() != ':' || !base::parse_decimal(rest.substr(1), port) || port == 0))
    return base::quoted(rest) + " behind the host is no port, as in :8080";
  out = {string{host}, port, {}};
  return {};
}

string parse_hop(string_view text, Hop& out) {
  Hop hop;
  if (text.starts_with(kUnix)) {
    hop.socket = text.substr(kUnix.size());
    if (!is_socket_path(hop.socket))
      return base::quoted(text) +
             " is no socket: its path begins with / and has 2 to 107 bytes, as in unix:/run/app.sock";
    out = std::move(hop);
    return {};
  }
  if (starts_with_ignoring_case(text, "https://"))
    return base::quoted(text) +
           ": TLS is not spoken to a server behind us; give HOST:PORT where it speaks plain HTTP";
  if (starts_with_ignoring_case(text, kHttp)) {
    text.remove_prefix(kHttp.size());
    if (text.ends_with('/')) text.remove_suffix(1);
    hop.port = http::kHttpPort;
  }
  string wrong = parse_host_port(text, hop);
  if (wrong.empty()) out = std::move(hop);
  return wrong;
}

string text_of(const Hop& hop) {
  if (!hop.socket.empty()) return "unix:" + hop.socket;
  const bool ipv6 = hop.host.find(':') != string::npos;
  return (ipv6 ? "[" + hop.host + "]:" : hop.host + ":") + std::to_string(hop.port);
}

string parse_members(string_view text, std::vector<Hop>& out) {
  std::vector<Hop> members;
  for (bool more = true; more;) {
    more = text.find(',') != string_view::npos;  // behind a last comma too there is to be one
    Hop hop;
    if (string wrong = parse_hop(base::next_element(text), hop); !wrong.empty()) return wrong;
    members.push_back(std::move(hop));
  }
  if (members.size() > kMembersMax)
    return "there are more than " + std::to_string(kMembersMax) + " servers for one group";
  out = std::move(members);
  return {};
}

string objection_to_directory(string_view path) {
  switch (sys::path_kind(string{path}.c_str())) {
    case sys::PathKind::directory: return {};
    case sys::PathKind::none: return "there is no folder " + base::quoted(path);
    case sys::PathKind::file: break;
  }
  return base::quoted(path) + " is no folder";
}

std::vector<Listener> listeners_at(string_view host, std::uint16_t port) {
  using Family = sys::Address::Family;
  std::vector<Listener> pair(2);
  pair[1].optional = true;
  sys::Address address;
  if (base::equals_ignoring_case(host, "localhost")) {
    pair[0].address = sys::loopback4(port);
    pair[1].address = sys::loopback6(port);
  } else if (host == "*") {
    pair[0].address = any_address(Family::ipv4, port);
    pair[1].address = any_address(Family::ipv6, port);
  } else if (sys::parse_ip(without_brackets(host), port, address)) {
    pair.resize(1);
    pair[0].address = address;
  } else {
    pair.clear();
  }
  return pair;
}

bool parse_listen(string_view text, std::vector<Listener>& out) {
  const std::size_t colon = text.rfind(':');
  const string_view host = colon == string_view::npos ? string_view{"localhost"} : text.substr(0, colon);
  std::uint16_t port = 0;
  if (!base::parse_decimal(colon == string_view::npos ? text : text.substr(colon + 1), port)) return false;
  std::vector<Listener> found = listeners_at(host, port);
  if (found.empty()) return false;
  out = std::move(found);
  return true;
}

}  // namespace plan
