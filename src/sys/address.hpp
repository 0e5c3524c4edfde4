// An IP address with its port, as a value, and its text form. No socket header is needed to hold one.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace sys {

struct Address {
  enum class Family : std::uint8_t {
    none,
    ipv4,
    ipv6,
    local
  };  // local: a Unix socket, whose path is elsewhere

  std::array<std::uint8_t, 16> bytes{};  // network order; IPv4 fills the first four, the rest are zero
  std::uint32_t scope = 0;               // interface index of a link-local IPv6 address, else 0
  std::uint16_t port = 0;                // host order
  Family family = Family::none;

  bool operator==(const Address&) const = default;

  // 32, 128, or 0 for no address.
  [[nodiscard]] std::size_t bits() const noexcept;
  [[nodiscard]] bool is_loopback() const noexcept;
  [[nodiscard]] bool is_wildcard() const noexcept;
  // True if the first `prefix` bits of both are equal and the families are the same. An IPv4-mapped IPv6
  // address (::ffff:a.b.c.d) counts as the IPv4 address it stands for.
  [[nodiscard]] bool in_network(const Address& network, std::size_t prefix) const noexcept;
  // Who connects to this address meets the listener at `own`. Of a wildcard's addresses only loopback's are
  // known.
  [[nodiscard]] bool reaches(const Address& own) const noexcept;
};

// Longest text of an address: "[" + 45 + "%" + 10 + "]:65535".
inline constexpr std::size_t kAddressTextMax = 72;
struct AddressText {
  std::array<char, kAddressTextMax> chars;
  std::uint8_t length;
  [[nodiscard]] std::string_view view() const noexcept { return {chars.data(), length}; }
};

// The IPv4 address that an IPv4-mapped IPv6 address (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2) stands for;
// any other address as it is.
Address unmapped(const Address& address) noexcept;

// Reads a numeric address without brackets ("127.0.0.1", "::1"). False if it is not one.
bool parse_ip(std::string_view text, std::uint16_t port, Address& out) noexcept;
// "127.0.0.1" or "::1": no brackets, no port.
AddressText ip_text(const Address& address) noexcept;
// "127.0.0.1:80" or "[::1]:80".
AddressText endpoint_text(const Address& address) noexcept;

// The IP address in a sockaddr, which may be unaligned. Family none for other families.
Address address_of(const void* socket_address) noexcept;

Address loopback4(std::uint16_t port) noexcept;
Address loopback6(std::uint16_t port) noexcept;

}  // namespace sys
