// Networks and port ranges.
#pragma once
#include <cstddef>
#include <cstdint>

#include "../sys/address.hpp"

namespace plan {

// An address and the number of its leading bits that count.
struct Network {
  sys::Address address;
  std::size_t prefix = 0;

  // An IPv4-mapped IPv6 address counts as its IPv4 address.
  [[nodiscard]] bool has(const sys::Address& other) const noexcept {
    return other.in_network(address, prefix);
  }
  [[nodiscard]] bool has(const Network& other) const noexcept {
    return prefix <= other.prefix && has(other.address);
  }
};

struct Ports {
  std::uint16_t first = 0, last = 0;  // both included
  [[nodiscard]] bool has(std::uint16_t port) const noexcept { return first <= port && port <= last; }
};

}  // namespace plan
