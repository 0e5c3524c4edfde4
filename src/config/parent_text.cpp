#include "parent_text.hpp"

#include <algorithm>
#include <array>

#include "../base/text.hpp"
#include "../http/head.hpp"
#include "address_text.hpp"

namespace config {
namespace {

using plan::NoParent;
using plan::Parent;
using std::string;
using std::string_view;

constexpr std::size_t kSocksWordMax = 255;  // RFC 1929 section 2
// Bounds the head with credentials (http::kCredentialsBytesMax).
constexpr std::size_t kHttpLoginMax = 255;

struct Scheme {
  string_view prefix;
  Parent::Kind kind;
  std::uint16_t port;
};
constexpr std::array<Scheme, 3> kSchemes{{
    {"http://", Parent::Kind::http, 8080},
    {"socks5://", Parent::Kind::socks5, 1080},   // RFC 1928 section 3
    {"socks5h://", Parent::Kind::socks5, 1080},  // the same: the upstream proxy always does the DNS lookup
}};

// NAME:PASSWORD, percent-encoded.
string take_login(string_view text, Parent& parent) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const auto user = base::percent_decoded(text.substr(0, colon));
  const auto password = base::percent_decoded(text.substr(std::min(colon + 1, text.size())));
  if (!user || !password) return "invalid percent-encoding in the user name or password: write % as %25";
  if (user->empty()) return "missing user name before '@': expected http://NAME:PASSWORD@HOST:PORT";
  if (parent.kind == Parent::Kind::http &&
      (user->find(':') != string::npos || base::has_control(*user + *password)))
    return "invalid user name or password: HTTP allows no colon in the name and no control character "
           "(RFC 7617 section 2)";
  if (parent.kind == Parent::Kind::http && user->size() + password->size() > kHttpLoginMax)
    return "user name and password are too long: at most 255 bytes together";
  if (parent.kind == Parent::Kind::socks5 &&
      (password->empty() || user->size() > kSocksWordMax || password->size() > kSocksWordMax))
    return "invalid user name or password: SOCKS expects 1-255 bytes each (RFC 1929 section 2)";
  parent.user = *user;
  parent.password = *password;
  return {};
}

string take_place(string_view text, Parent& parent) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  if (const std::size_t at = text.substr(0, slash).rfind('@'); at != string_view::npos) {
    if (string error = take_login(text.substr(0, at), parent); !error.empty()) return error;
    text.remove_prefix(at + 1);
  }
  if (text.starts_with("unix:/")) return parse_hop(text, parent.hop);
  if (text.ends_with('/')) text.remove_suffix(1);
  return parse_host_port(text, parent.hop);
}

// Removes ":PORT" from the end; after an IPv6 address only if that has brackets. False: the port is invalid.
bool take_port_off(string_view& text, std::uint16_t& port) noexcept {
  const std::size_t colon = text.rfind(':'), bracket = text.rfind(']');
  const bool bare_ipv6 = !text.starts_with('[') && text.find(':') != colon;
  if (colon == string_view::npos || bare_ipv6 || (bracket != string_view::npos && colon < bracket))
    return true;
  if (!base::parse_port(text.substr(colon + 1), port)) return false;
  text = text.substr(0, colon);
  return true;
}

// "10.0.0.0/8", "::1", "[::1]", "[fd00::]/8". Returns the error.
string take_network(string_view text, plan::Network& out) {
  if (!text.starts_with('[')) return parse_network(text, out);
  const std::size_t end = text.find(']');
  if (end == string_view::npos) return "missing ] in " + base::quoted(text);
  return parse_network(string{text.substr(1, end - 1)} + string{text.substr(end + 1)}, out);
}

// Returns the error.
string take_element(string_view text, NoParent& out) {
  string error =
      "invalid host " + base::quoted(text) +
      ": expected *, example.com, .example.com, 10.0.0.0/8 or ::1, with optional :PORT as in [::1]:80";
  if (!take_port_off(text, out.port)) return error;
  if (text == "*") return {};
  string not_network = take_network(text, out.network);
  if (not_network.empty()) out.kind = NoParent::Kind::network;
  sys::Address address;
  if (not_network.empty() || sys::parse_ip(text.substr(0, text.find('/')), 0, address)) return not_network;
  if (text.starts_with("*.")) text.remove_prefix(1);
  out.kind = text.starts_with('.') ? NoParent::Kind::below : NoParent::Kind::name;
  if (text.starts_with('.')) text.remove_prefix(1);
  text = base::without_final_dot(text);
  if (!http::is_host(text) || text.front() == '.' || text.back() == '.') return error;
  out.name = base::lowered(text);
  return {};
}

}  // namespace

string parse_parent(string_view text, Parent& out) {
  const auto* const scheme = std::find_if(kSchemes.begin(), kSchemes.end(), [text](const Scheme& row) {
    return base::equals_ignoring_case(text.substr(0, row.prefix.size()), row.prefix);
  });
  if (scheme == kSchemes.end())
    return "invalid upstream proxy: expected http://HOST:PORT, socks5://HOST:PORT or http://unix:/PATH, with "
           "optional NAME:PASSWORD@ before the host";
  Parent parent;
  parent.kind = scheme->kind;
  parent.hop.port = scheme->port;
  string error = take_place(text.substr(scheme->prefix.size()), parent);
  if (error.empty()) out = std::move(parent);
  return error;
}

string parse_no_parent(string_view text, std::vector<NoParent>& out) {
  std::vector<NoParent> rows;
  while (!text.empty()) {
    const string_view element = base::next_element(text);
    if (element.empty()) continue;
    NoParent row;
    if (string error = take_element(element, row); !error.empty()) return error;
    rows.push_back(std::move(row));
  }
  out = std::move(rows);
  return {};
}

}  // namespace config
