// Networks and port ranges.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

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
  // The address or an IPv4 address embedded in it is in the network. Use it to deny.
  [[nodiscard]] bool may_have(const sys::Address& other) const noexcept {
    if (other.family == sys::Address::Family::ipv4) return has(other);  // nothing is embedded there
    const sys::EmbeddedAddresses readings = sys::embedded_in(other);
    return has(other) || std::any_of(readings.all().begin(), readings.all().end(),
                                     [this](const auto& reading) { return has(reading.address); });
  }
  // The address, or each IPv4 address that it may stand for, is in the network. Use it to allow.
  [[nodiscard]] bool surely_has(const sys::Address& other) const noexcept {
    if (other.family == sys::Address::Family::ipv4) return has(other);
    const sys::EmbeddedAddresses readings = sys::embedded_in(other);
    return has(other) ||
           (readings.count > 0 && std::all_of(readings.all().begin(), readings.all().end(),
                                              [this](const auto& reading) { return has(reading.address); }));
  }
};

using Networks = std::vector<Network>;

// 127.0.0.0/8 and ::1.
inline Networks loopback_networks() {
  sys::Address first = sys::loopback4(0);
  first.bytes[3] = 0;
  return {{first, 8}, {sys::loopback6(0), 128}};
}

// Returns true if one of the networks has the address.
inline bool is_among(const Networks& networks, const sys::Address& address) noexcept {
  return std::any_of(networks.begin(), networks.end(),
                     [&address](const Network& network) { return network.has(address); });
}
// The same, with the IPv4 addresses embedded in it. Use it to deny.
inline bool may_be_among(std::span<const Network> networks, const sys::Address& address) noexcept {
  return std::any_of(networks.begin(), networks.end(),
                     [&address](const Network& network) { return network.may_have(address); });
}

struct Ports {
  std::uint16_t first = 0, last = 0;  // both included
  [[nodiscard]] bool has(std::uint16_t port) const noexcept { return first <= port && port <= last; }
};

// Returns true if one of the ranges has the port.
inline bool is_among(std::span<const Ports> ranges, std::uint16_t port) noexcept {
  return std::any_of(ranges.begin(), ranges.end(), [port](const Ports& ports) { return ports.has(port); });
}

}  // namespace plan
