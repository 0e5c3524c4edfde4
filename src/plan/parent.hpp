// A parent: the proxy that requests are sent on to, and for which hosts it is not asked.
//
//   --parent http://proxy.example.com:3128    asked as we are: absolute form, and CONNECT for tunnels
//   --parent http://name:secret@[::1]:3128    with a password (RFC 7617); "@", ":" and "/" in it as %40, %3A,
//   %2F
//   --parent socks5://127.0.0.1:1080          RFC 1928; a name and a password by RFC 1929
//   --parent http://unix:/run/proxy.sock      on a Unix socket; the path as it stands, without %
//
//   --no-parent .intern,example.com,10.0.0.0/8,[fd00::]/8:8080
//
//   *                   every host
//   example.com         that name and every name below it
//   .example.com        the names below it, not that name itself; *.example.com is the same
//   10.0.0.0/8, ::1     hosts that are given by such an address. What a name leads to is not known here, so
//   it
//                       does not count
//   any of them:80      for that port only; an IPv6 address then has brackets, as in [::1]:80 or
//   [fd00::]/8:80
//
// Names match in letters of either case; a final dot does not count. This machine, which is localhost, every
// name below .localhost (RFC 6761 section 6.3) and the loopback addresses, is never asked for at a parent.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "network.hpp"
#include "roles.hpp"

namespace plan {

struct Config;

inline constexpr std::uint16_t kHttpParentPort = 8080;
inline constexpr std::uint16_t kSocksParentPort = 1080;  // RFC 1928 section 3

struct Parent {
  enum class Kind : std::uint8_t { http, socks5 };
  Kind kind = Kind::http;
  Hop hop;
  std::string user, password;  // decoded; no user: nothing is said about who we are
  bool operator==(const Parent&) const = default;
};

// A line of --no-parent.
struct NoParent {
  enum class Kind : std::uint8_t { all, name, below, network };
  Kind kind = Kind::all;
  std::string name;        // `name`, `below`: in small letters, without a dot at either end
  Network network;         // `network`
  std::uint16_t port = 0;  // 0: every port
};

// Empty, or what is wrong; then `out` is as it was.
std::string parse_parent(std::string_view text, Parent& out);
// The same for a list with commas; empty elements do not count.
std::string parse_no_parent(std::string_view text, std::vector<NoParent>& out);

// Whom to ask for this host, a name or an address without brackets; null: the host itself. Good as long as
// `config`.
const Parent* parent_for(const Config& config, std::string_view host, std::uint16_t port) noexcept;

}  // namespace plan
