// The upstream proxies that requests are forwarded through, and the hosts that are reached without one.
// config/parent_text.hpp describes how both are configured.
//
// The first row with a pattern that matches the host decides; else the first row without patterns, which is
// the default. Patterns match as in rules, and NoParent comes before all rows.
//
// Names match ignoring case and a final dot. This machine is always reached directly: localhost, names below
// .localhost (RFC 6761 section 6.3) and loopback addresses.
#pragma once
#include <optional>
#include <string_view>

#include "host_pattern.hpp"
#include "roles.hpp"

namespace plan {

struct Config;

struct Parent {
  enum class Kind : std::uint8_t { http, socks5 };
  Kind kind = Kind::http;
  Hop hop;
  std::string user, password;  // decoded; empty user: no credentials
  std::uint16_t number = 0;    // in its configuration, from 1
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

inline constexpr std::size_t kParentsMax = 100;

// The hosts of an upstream proxy. Without patterns: those that no other row matches.
struct ParentRow {
  std::optional<Parent> parent;  // none: these hosts are reached directly
  std::vector<HostPattern> hosts;
  Networks networks;  // of numeric hosts
  std::string text;   // as configured, without the login
  [[nodiscard]] bool is_default() const noexcept { return hosts.empty() && networks.empty(); }
};

// How a host is reached.
struct Way {
  enum class Why : std::uint8_t {
    none,          // no upstream proxy is configured
    this_machine,  // always directly
    no_parent,     // NoParent matches
    row,           // `row` decides
    no_row,        // no row matches, and none is the default
  };
  Why why = Why::none;
  const ParentRow* row = nullptr;
  // Null: directly.
  [[nodiscard]] const Parent* parent() const noexcept {
    return row != nullptr && row->parent ? &*row->parent : nullptr;
  }
};

// The way to a host, which is a name or an address without brackets. Its pointers are valid as long as
// `config`.
Way way_to(const Config& config, std::string_view host, std::uint16_t port) noexcept;
// The host is this machine.
bool is_this_machine(const Host& host) noexcept;

}  // namespace plan
