#include "address_text.hpp"

#include <algorithm>

#include "../base/text.hpp"
#include "../http/head.hpp"
#include "../plan/balancer.hpp"
#include "../sys/scoped_address.hpp"

namespace config {
namespace {

using plan::Hop;
using plan::Listener;
using std::string;
using std::string_view;

constexpr string_view kHttp = "http://", kUnix = "unix:";
constexpr std::size_t kSocketPathMax = 107;  // unix(7): 108 with the final NUL

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

// The network's address with all bits after the prefix zero.
sys::Address first_address(const plan::Network& network) noexcept {
  sys::Address first = network.address;
  for (std::size_t bit = network.prefix; bit < first.bits(); ++bit)
    first.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> bit % 8));
  return first;
}

}  // namespace

bool parse_ports(string_view text, plan::Ports& out) noexcept {
  const std::size_t dash = std::min(text.find('-'), text.size());
  plan::Ports ports;
  if (!base::parse_port(text.substr(0, dash), ports.first)) return false;
  ports.last = ports.first;
  if (dash != text.size() && !base::parse_decimal(text.substr(dash + 1), ports.last)) return false;
  out = ports;
  return true;
}

string parse_network(string_view text, plan::Network& out) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const string invalid = "invalid network " + base::quoted(text) + ": expected ";
  string expected = invalid + "ADDRESS or ADDRESS/BITS, as in 192.168.0.0/16";
  plan::Network network;
  if (!sys::parse_ip(text.substr(0, slash), 0, network.address)) return expected;
  const std::size_t bits = network.address.bits();
  network.prefix = bits;
  if (slash != text.size() &&
      (!base::parse_decimal(text.substr(slash + 1), network.prefix) || network.prefix > bits))
    return expected;
  if (const sys::Address first = first_address(network); first != network.address)
    return invalid + string{sys::ip_text(first).view()} + string{text.substr(slash)} +
           " for the network, or the address without /" + std::to_string(network.prefix);
  const sys::Address plain = sys::unmapped(network.address);
  if (plain.bits() < bits && network.prefix >= 96) network = {plain, network.prefix - (bits - plain.bits())};
  out = network;
  return {};
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
      return "invalid address " + base::quoted(text) + ": expected an IPv6 address, as in [::1]:8080";
    rest.remove_prefix(1);
  } else if (!http::is_host(host)) {
    return "invalid host name " + base::quoted(host);
  }
  std::uint16_t port = out.port;
  if (rest.empty() && port == 0) return "missing port after host " + base::quoted(text);
  if (!rest.empty() && (rest.front() != ':' || !base::parse_port(rest.substr(1), port)))
    return "invalid port " + base::quoted(rest.substr(rest.front() == ':')) + ": expected 1-65535";
  out = {string{host}, port, {}};
  return {};
}

string parse_server(string_view text, std::uint16_t port, sys::Address& out) {
  const bool bracketed = text.starts_with('['), ipv4 = std::count(text.begin(), text.end(), ':') <= 1;
  const std::size_t end = bracketed ? text.find(']') : ipv4 ? text.find(':') : text.size();
  const string_view host = text.substr(bracketed ? 1 : 0, end - (bracketed ? 1 : 0));
  string_view rest = end < text.size() ? text.substr(end + (bracketed ? 1 : 0)) : string_view{};
  const bool whole = !bracketed || (end != string_view::npos && host.find(':') != string_view::npos);
  if (!whole || (!rest.empty() && (rest.front() != ':' || !base::parse_port(rest.substr(1), port))) ||
      !sys::parse_scoped_ip(host, port, out))
    return "invalid server " + base::quoted(text) +
           ": expected ADDRESS[:PORT], as in 192.0.2.1, 192.0.2.1:5353 or [fe80::1%eth0]:53";
  return {};
}

string parse_hop(string_view text, Hop& out) {
  Hop hop;
  if (text.starts_with(kUnix)) {
    hop.socket = text.substr(kUnix.size());
    if (!is_socket_path(hop.socket))
      return "invalid socket path " + base::quoted(hop.socket) +
             ": expected an absolute path of 2-107 bytes, as in unix:/run/app.sock";
    out = std::move(hop);
    return {};
  }
  if (starts_with_ignoring_case(text, "https://"))
    return "unsupported scheme in " + base::quoted(text) +
           ": connections to upstream servers do not use TLS; expected HOST:PORT";
  if (starts_with_ignoring_case(text, kHttp)) {
    text.remove_prefix(kHttp.size());
    if (text.ends_with('/')) text.remove_suffix(1);
    hop.port = http::kHttpPort;
  }
  string error = parse_host_port(text, hop);
  if (error.empty()) out = std::move(hop);
  return error;
}

string parse_members(string_view text, std::vector<Hop>& out) {
  std::vector<Hop> members;
  for (bool more = true; more;) {
    more = text.find(',') != string_view::npos;  // a server is required after the last comma too
    Hop hop;
    if (string error = parse_hop(base::next_element(text), hop); !error.empty()) return error;
    members.push_back(std::move(hop));
  }
  if (members.size() > plan::kMembersMax)
    return "too many upstream servers: at most " + std::to_string(plan::kMembersMax);
  out = std::move(members);
  return {};
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
  string_view host = colon == string_view::npos ? string_view{"localhost"} : text.substr(0, colon);
  if (host.empty()) host = "*";  // ":8080"
  std::uint16_t port = 0;
  if (!base::parse_decimal(colon == string_view::npos ? text : text.substr(colon + 1), port)) return false;
  std::vector<Listener> found = listeners_at(host, port);
  if (found.empty()) return false;
  out = std::move(found);
  return true;
}

}  // namespace config
