#include "parent_text.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "../base/text.hpp"
#include "../http/head.hpp"
#include "address_text.hpp"
#include "host_text.hpp"

namespace config {
namespace {

using plan::NoParent;
using plan::Parent;
using plan::ParentRow;
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

// ---- the hosts of an upstream proxy ----------------------------------------------------------------------

// "10.0.0.0/8", or a pattern. Returns the error.
string take_pattern(string_view text, ParentRow& row) {
  if (text.empty())
    return "missing host: expected a list, as in http://10.0.0.1:3128=.example.com,10.0.0.0/8";
  plan::Network network;
  string not_network = take_network(text, network);
  if (not_network.empty()) row.networks.push_back(network);
  sys::Address address;
  const string_view bare = text.substr(text.starts_with('[') ? 1 : 0);
  if (not_network.empty() || sys::parse_ip(bare.substr(0, bare.find_first_of("/]")), 0, address))
    return not_network;
  string error = parse_host_pattern(text, row.hosts);
  const bool has_port = text.find(':') != string_view::npos && text.find("//") == string_view::npos;
  return error.empty() || !has_port ? error : "invalid host " + base::quoted(text) + ": expected no port";
}

bool is_direct(string_view url) { return url == "none" || url == "direct"; }

// "=" at `equals` is before the hosts. If "@" follows, it is the one of "@FILE", and not the end of a login.
bool begins_hosts(string_view text, std::size_t equals) {
  const std::size_t at = text.find('@', equals);
  if (at == string_view::npos) return true;
  const char before = text[text.find_last_not_of(' ', at - 1)];
  Parent parent;
  const string_view url = text.substr(0, equals);
  return (before == '=' || before == ',' || before == '|') &&
         (is_direct(url) || parse_parent(url, parent).empty());
}

// The position of the "=" before the hosts, or npos.
std::size_t hosts_of(string_view text) {
  std::size_t equals = text.rfind('=');
  while (equals != string_view::npos && !begins_hosts(text, equals))
    equals = equals == 0 ? string_view::npos : text.rfind('=', equals - 1);
  return equals;
}

// The URL without its login.
string public_text(const std::optional<Parent>& parent) {
  if (!parent) return "none";
  return (parent->kind == Parent::Kind::http ? "http://" : "socks5://") + plan::text_of(parent->hop);
}

// `first` decides for each host of `later`, which it precedes.
bool covers(const ParentRow& first, const ParentRow& later) {
  if (first.is_default()) return later.is_default();
  if (std::any_of(first.hosts.begin(), first.hosts.end(), plan::is_everything)) return true;
  const auto host_covered = [&first](const plan::HostPattern& narrow) {
    return std::any_of(first.hosts.begin(), first.hosts.end(),
                       [&narrow](const plan::HostPattern& wide) { return is_within(narrow, wide); });
  };
  const auto network_covered = [&first](const plan::Network& narrow) {
    return std::any_of(first.networks.begin(), first.networks.end(),
                       [&narrow](const plan::Network& wide) { return wide.has(narrow); });
  };
  return !later.is_default() && std::all_of(later.hosts.begin(), later.hosts.end(), host_covered) &&
         std::all_of(later.networks.begin(), later.networks.end(), network_covered);
}

// All hosts of the row are this machine.
bool is_for_this_machine(const ParentRow& row) {
  const auto is_loopback = [](const plan::Network& network) {
    return is_among(plan::loopback_networks(), network.address);
  };
  return !row.is_default() && std::all_of(row.networks.begin(), row.networks.end(), is_loopback) &&
         std::all_of(row.hosts.begin(), row.hosts.end(), [](const plan::HostPattern& pattern) {
           return is_this_machine(plan::Host{pattern.text});
         });
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

string parse_parent_row(string_view text, ParentRow& out) {
  const std::size_t equals = hosts_of(text);
  const string_view url = text.substr(0, equals);
  ParentRow row;
  if (!is_direct(url))
    if (string error = parse_parent(url, row.parent.emplace()); !error.empty()) return error;
  row.text = public_text(row.parent);
  if (equals != string_view::npos) {
    const string_view hosts = text.substr(equals + 1);
    for (std::size_t start = 0; start <= hosts.size();) {
      const std::size_t end = std::min(hosts.find_first_of(",|", start), hosts.size());
      if (string error = take_pattern(base::trimmed(hosts.substr(start, end - start)), row); !error.empty())
        return error;
      start = end + 1;
    }
    row.text.append("=").append(hosts);
  }
  out = std::move(row);
  return {};
}

std::vector<string> parent_warnings(const std::vector<ParentRow>& rows) {
  constexpr std::size_t kComparedMax = 1000;  // each host is compared with those before it
  const std::size_t count = std::accumulate(
      rows.begin(), rows.end(), std::size_t{0},
      [](std::size_t sum, const ParentRow& row) { return sum + row.hosts.size() + row.networks.size(); });
  std::vector<string> warnings;
  for (auto row = rows.begin(); row != rows.end() && count <= kComparedMax; ++row) {
    const string subject = "--parent " + row->text + ": no effect: ";
    // A row without hosts comes after all others.
    const auto end = row->is_default() ? rows.end() : row;
    const auto first = std::find_if(rows.begin(), end, [&row](const ParentRow& other) {
      return &other != &*row && (&other < &*row || !other.is_default()) && covers(other, *row);
    });
    if (first != end)
      warnings.push_back(subject + "--parent " + first->text + " matches the same hosts earlier");
    else if (row->parent && is_for_this_machine(*row))
      warnings.push_back(subject + "this machine is always reached directly");
  }
  return warnings;
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
