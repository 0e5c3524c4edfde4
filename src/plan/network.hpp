// A network: an address and how many of its leading bits count. As text "10.0.0.0/8", or a single address.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../sys/address.hpp"

namespace plan {

struct Network {
  sys::Address address;
  std::size_t prefix = 0;

  // An IPv4-mapped IPv6 address counts as the IPv4 address it stands for.
  [[nodiscard]] bool has(const sys::Address& other) const noexcept {
    return other.in_network(address, prefix);
  }
  [[nodiscard]] bool has(const Network& other) const noexcept {
    return prefix <= other.prefix && has(other.address);
  }
};

// A port, or a range of them.
struct Ports {
  std::uint16_t first = 0, last = 0;
  [[nodiscard]] bool has(std::uint16_t port) const noexcept { return first <= port && port <= last; }
};

// Reads PORT or FIRST-LAST, the first not 0; whether the last lies before it is the caller's to see. False,
// and `out` as it was, if it is neither.
bool parse_ports(std::string_view text, Ports& out) noexcept;

// Reads ADDRESS/BITS, or ADDRESS for it alone; a network of IPv4-mapped addresses becomes the IPv4 network it
// stands for. False, and `out` as it was, if it is neither. Bits behind the prefix may be set: 10.1.2.3/8 is
// 10.0.0.0/8.
bool parse_network(std::string_view text, Network& out) noexcept;

}  // namespace plan
