#include "parent.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "../base/text.hpp"
#include "../http/head.hpp"
#include "config.hpp"
#include "places.hpp"

namespace plan {
namespace {

using std::string;
using std::string_view;

constexpr std::size_t kSocksWordMax = 255;  // RFC 1929 section 2
constexpr std::size_t kHttpLoginMax =
    255;  // so that a head with it stays in bounds (http::kCredentialsBytesMax)

struct Scheme {
  string_view prefix;
  Parent::Kind kind;
  std::uint16_t port;
};
constexpr std::array<Scheme, 2> kSchemes{{
    {"http://", Parent::Kind::http, kHttpParentPort},
    {"socks5://", Parent::Kind::socks5, kSocksParentPort},
}};

bool parse_port(string_view text, std::uint16_t& out) noexcept {
  return base::parse_decimal(text, out) && out != 0;
}

// "name:secret", percent-encoded. Empty, or what is wrong; the secret itself is not told.
string take_login(string_view text, Parent& parent) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const auto user = base::percent_decoded(text.substr(0, colon));
  const auto password = base::percent_decoded(text.substr(std::min(colon + 1, text.size())));
  if (!user || !password) return "in its name or password a % lacks its two digits; write % itself as %25";
  if (user->empty()) return "there is no name before its @, as in http://name:password@host:8080";
  if (parent.kind == Parent::Kind::http &&
      (user->find(':') != string::npos || base::has_control(*user + *password)))
    return "HTTP takes no colon in the name and no control character (RFC 7617 section 2)";
  if (parent.kind == Parent::Kind::http && user->size() + password->size() > kHttpLoginMax)
    return "its name and password have more than 255 bytes together";
  if (parent.kind == Parent::Kind::socks5 &&
      (password->empty() || user->size() > kSocksWordMax || password->size() > kSocksWordMax))
    return "SOCKS takes a name and a password of 1 to 255 bytes each (RFC 1929 section 2)";
  parent.user = *user;
  parent.password = *password;
  return {};
}

string take_socket(string_view path, Hop& hop) {
  if (!is_socket_path(path))
    return "the path of a socket has 2 to 107 bytes, as in http://unix:/run/proxy.sock";
  hop.socket = path;
  return {};
}

string take_place(string_view text, Parent& parent) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  if (const std::size_t at = text.substr(0, slash).rfind('@'); at != string_view::npos) {
    if (string wrong = take_login(text.substr(0, at), parent); !wrong.empty()) return wrong;
    text.remove_prefix(at + 1);
  }
  if (text.starts_with("unix:/")) {
    parent.hop.port = 0;
    return take_socket(text.substr(5), parent.hop);
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  return parse_host_port(text, parent.hop);
}

// Takes ":PORT" off the end; an IPv6 address has its port behind its brackets. False: it is no port.
bool take_port_off(string_view& text, std::uint16_t& port) noexcept {
  const std::size_t colon = text.rfind(':'), bracket = text.rfind(']');
  const bool bare_ipv6 = !text.starts_with('[') && text.find(':') != colon;
  if (colon == string_view::npos || bare_ipv6 || (bracket != string_view::npos && colon < bracket))
    return true;
  if (!parse_port(text.substr(colon + 1), port)) return false;
  text = text.substr(0, colon);
  return true;
}

// "10.0.0.0/8", "::1", "[::1]", "[fd00::]/8".
bool take_network(string_view text, Network& out) {
  if (!text.starts_with('[')) return parse_network(text, out);
  const std::size_t end = text.find(']');
  if (end == string_view::npos) return false;
  return parse_network(string{text.substr(1, end - 1)} + string{text.substr(end + 1)}, out);
}

bool take_element(string_view text, NoParent& out) {
  if (!take_port_off(text, out.port)) return false;
  if (text == "*") return true;
  if (take_network(text, out.network)) {
    out.kind = NoParent::Kind::network;
    return true;
  }
  if (text.starts_with("*.")) text.remove_prefix(1);
  out.kind = text.starts_with('.') ? NoParent::Kind::below : NoParent::Kind::name;
  if (text.starts_with('.')) text.remove_prefix(1);
  text = base::without_final_dot(text);
  // What ends in a number is an address (10.0.0.300), and was not one.
  const string_view last = text.substr(text.rfind('.') + 1);
  if (!is_host_name(text) || text.front() == '.' || last.empty() || base::is(last.front(), base::kDigit))
    return false;
  out.name = base::lowered(text);
  return true;
}

// ---- deciding --------------------------------------------------------------------------------------------

bool is_below(string_view host, string_view name) noexcept {
  return host.size() > name.size() + 1 && host[host.size() - name.size() - 1] == '.' &&
         base::equals_ignoring_case(host.substr(host.size() - name.size()), name);
}

bool matches(const NoParent& row, string_view host, const sys::Address& address,
             std::uint16_t port) noexcept {
  if (row.port != 0 && row.port != port) return false;
  switch (row.kind) {
    case NoParent::Kind::all: return true;
    case NoParent::Kind::name: return base::equals_ignoring_case(host, row.name) || is_below(host, row.name);
    case NoParent::Kind::below: return is_below(host, row.name);
    case NoParent::Kind::network: break;
  }
  return address.family != sys::Address::Family::none && row.network.has(address);
}

}  // namespace

string parse_parent(string_view text, Parent& out) {
  const auto* const scheme = std::find_if(kSchemes.begin(), kSchemes.end(), [text](const Scheme& row) {
    return base::equals_ignoring_case(text.substr(0, row.prefix.size()), row.prefix);
  });
  if (scheme == kSchemes.end())
    return "a parent is http://HOST:PORT, socks5://HOST:PORT, or http://unix:/PATH, each also with "
           "NAME:PASSWORD@ "
           "before its host";
  Parent parent;
  parent.kind = scheme->kind;
  parent.hop.port = scheme->port;
  string wrong = take_place(text.substr(scheme->prefix.size()), parent);
  if (wrong.empty()) out = std::move(parent);
  return wrong;
}

string parse_no_parent(string_view text, std::vector<NoParent>& out) {
  std::vector<NoParent> rows;
  while (!text.empty()) {
    const string_view element = base::next_element(text);
    if (element.empty()) continue;
    NoParent row;
    if (!take_element(element, row))
      return base::quoted(element) +
             " is none of *, example.com, .example.com, 10.0.0.0/8 or ::1, each also with :PORT as in "
             "[::1]:80";
    rows.push_back(std::move(row));
  }
  out = std::move(rows);
  return {};
}

const Parent* parent_for(const Config& config, string_view host, std::uint16_t port) noexcept {
  if (!config.parent) return nullptr;
  host = base::without_final_dot(host);
  sys::Address address;
  sys::parse_ip(host, port, address);
  if (address.is_loopback() || base::equals_ignoring_case(host, "localhost") || is_below(host, "localhost"))
    return nullptr;
  const bool direct = std::any_of(config.no_parent.begin(), config.no_parent.end(),
                                  [&](const NoParent& row) { return matches(row, host, address, port); });
  return direct ? nullptr : &*config.parent;
}

}  // namespace plan
