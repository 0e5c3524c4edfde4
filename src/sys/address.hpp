// An IP address with its port, and its text forms. Needs no socket header.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace sys {

// An IP address and a port, or none.
struct Address {
  enum class Family : std::uint8_t {
    none,
    ipv4,
    ipv6,
    local  // a Unix socket; its path is kept elsewhere
  };

  std::array<std::uint8_t, 16> bytes{};  // network order; IPv4 fills the first four, the rest are zero
  std::uint32_t scope = 0;               // interface index of a link-local IPv6 address, else 0
  std::uint16_t port = 0;                // host order
  Family family = Family::none;

  bool operator==(const Address&) const = default;

  // The length of the address in bits: 32 or 128; 0 without an IP address.
  [[nodiscard]] std::size_t bits() const noexcept;
  // True for 127.0.0.0/8, ::1 and mapped IPv4 loopback addresses.
  [[nodiscard]] bool is_loopback() const noexcept;
  // True for 0.0.0.0 and ::, which listen on all addresses.
  [[nodiscard]] bool is_wildcard() const noexcept;
  // True if the address is in the network: equal families and equal first `prefix` bits. An IPv4-mapped IPv6
  // address (::ffff:a.b.c.d) is compared as IPv4.
  [[nodiscard]] bool in_network(const Address& network, std::size_t prefix) const noexcept;
  // True if a connection to this address arrives at a listener on `own`. For a wildcard listener only
  // loopback addresses are known to arrive.
  [[nodiscard]] bool reaches(const Address& own) const noexcept;
};

// Maximum length of an address as text: "[" + 45 + "%" + 10 + "]:65535".
inline constexpr std::size_t kAddressTextMax = 72;
// An address as text, without allocation.
struct AddressText {
  std::array<char, kAddressTextMax> chars;
  std::uint8_t length;
  // The text. Valid as long as this object.
  [[nodiscard]] std::string_view view() const noexcept { return {chars.data(), length}; }
};

// Returns the IPv4 address in an IPv4-mapped IPv6 address (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2), any
// other address unchanged.
Address unmapped(const Address& address) noexcept;
// Returns the IPv4-mapped IPv6 address for an IPv4 address, any other address unchanged.
Address mapped(const Address& address) noexcept;

// An IPv4 address that an IPv6 address contains, and the indices of the bytes that contain it.
struct EmbeddedAddress {
  Address address;
  std::array<std::uint8_t, 4> at{};
};
// The readings of one IPv6 address: a network may use one of several places for the IPv4 address.
struct EmbeddedAddresses {
  std::array<EmbeddedAddress, 4> list;
  std::size_t count = 0;
  [[nodiscard]] std::span<const EmbeddedAddress> all() const noexcept { return {list.data(), count}; }
};

// Returns the IPv4 addresses that an IPv6 address may stand for, with its port: mapped and compatible
// addresses (RFC 4291 section 2.5.5), IPv4-translated ones (RFC 2765 section 2.1), NAT64 with 64:ff9b::/96
// (RFC 6052 section 2.1) and 64:ff9b:1::/48 (RFC 8215, in each place of RFC 6052 section 2.2), 6to4 (RFC
// 3056) and Teredo (RFC 4380 section 4). None for other addresses. An address of 0.0.0.0/8 is returned only
// if no other reading is possible, and not for ::/96, because ::1 is the loopback address.
EmbeddedAddresses embedded_in(const Address& address) noexcept;

// Reads a numeric address without brackets ("127.0.0.1", "::1") into `out`, with `port`. Returns false and
// leaves `out` unchanged if `text` is not one.
bool parse_ip(std::string_view text, std::uint16_t port, Address& out) noexcept;
// By which a client on this machine reaches a listener on `own`: a loopback address for a wildcard.
Address reached_locally(const Address& own) noexcept;
// The address without brackets and port: "127.0.0.1", "::1", "fe80::1%2"; "-" for none, "unix socket" for
// local.
AddressText ip_text(const Address& address) noexcept;
// The address and its port: "127.0.0.1:80", "[::1]:80"; "unix socket" for local.
AddressText endpoint_text(const Address& address) noexcept;

// The IP address in a sockaddr, which may be unaligned. Family none for other families.
Address address_of(const void* socket_address) noexcept;

// 127.0.0.1 with `port`.
Address loopback4(std::uint16_t port) noexcept;
// ::1 with `port`.
Address loopback6(std::uint16_t port) noexcept;

// What counts as one client: an IPv4 address, or an IPv6 /64 network, the smallest that a subscriber gets
// (RFC 6177).
struct ClientKey {
  std::uint64_t network = 0;  // IPv4: the address; IPv6: its upper half
  bool ipv6 = false;
  bool operator==(const ClientKey&) const = default;
  bool operator<(const ClientKey& other) const noexcept {
    return ipv6 == other.ipv6 ? network < other.network : other.ipv6;
  }
};

inline ClientKey client_key(const Address& address) noexcept {
  const Address plain = unmapped(address);
  ClientKey key{.ipv6 = plain.family == Address::Family::ipv6};
  for (std::size_t i = 0; i < (key.ipv6 ? 8U : 4U); ++i) key.network = key.network << 8 | plain.bytes[i];
  return key;
}

}  // namespace sys
