// Addresses with their interface: "fe80::1%eth0".
#pragma once
#include <charconv>

#include "sys.hpp"

namespace sys {

// Does the same as `parse_ip`, and takes the interface of an IPv6 address (RFC 4007 section 11) by its name
// or its index. Returns false if this machine has no such interface.
inline bool parse_scoped_ip(std::string_view text, std::uint16_t port, Address& out) noexcept {
  const std::size_t percent = text.find('%');
  Address address;
  if (!parse_ip(text.substr(0, percent), port, address)) return false;
  if (percent != std::string_view::npos) {
    if (address.family != Address::Family::ipv6) return false;
    const std::string_view zone = text.substr(percent + 1);
    const char* const end = zone.data() + zone.size();
    const auto [stop, error] = std::from_chars(zone.data(), end, address.scope);
    if (error != std::errc{} || stop != end) address.scope = interface_index(zone);
    if (address.scope == 0) return false;
  }
  out = address;
  return true;
}

}  // namespace sys
