// The upstream proxy that requests are forwarded through, and the hosts that are reached without it.
// config/parent_text.hpp describes how both are configured.
//
// Names match ignoring case and a final dot. This machine is always reached directly: localhost, names below
// .localhost (RFC 6761 section 6.3) and loopback addresses.
#pragma once
#include <string_view>

#include "roles.hpp"

namespace plan {

struct Config;

struct Parent {
  enum class Kind : std::uint8_t { http, socks5 };
  Kind kind = Kind::http;
  Hop hop;
  std::string user, password;  // decoded; empty user: no credentials
  bool operator==(const Parent&) const = default;
  // No login is configured, and the protocol lets the client send its own.
  [[nodiscard]] bool takes_login() const noexcept { return kind == Kind::http && user.empty(); }
};

// Hosts that are reached without the upstream proxy.
struct NoParent {
  enum class Kind : std::uint8_t { all, name, below, network };
  Kind kind = Kind::all;
  std::string name;        // for `name` and `below`: lower case, without a dot at either end
  Network network;         // for `network`
  std::uint16_t port = 0;  // 0: all ports
};

// The upstream proxy for a host, which is a name or an address without brackets. Null: connect directly. The
// pointer is valid as long as `config`.
const Parent* parent_for(const Config& config, std::string_view host, std::uint16_t port) noexcept;

}  // namespace plan
