// What counts as one client: an IPv4 address, or an IPv6 /64 network, the smallest that a subscriber gets
// (RFC 6177).
#pragma once
#include <array>

#include "../base/siphash.hpp"
#include "../sys/address.hpp"

namespace plan {

struct ClientKey {
  std::uint64_t network = 0;  // IPv4: the address; IPv6: its upper half
  bool ipv6 = false;
  bool operator==(const ClientKey&) const = default;
};

inline ClientKey client_key(const sys::Address& address) noexcept {
  const sys::Address plain = sys::unmapped(address);
  ClientKey key{.ipv6 = plain.family == sys::Address::Family::ipv6};
  for (std::size_t i = 0; i < (key.ipv6 ? 8U : 4U); ++i) key.network = key.network << 8 | plain.bytes[i];
  return key;
}

// A hash of the client. With a random and secret `key` clients cannot choose addresses that hash alike.
inline std::uint64_t hash_of(const ClientKey& client, base::SipKey key) noexcept {
  std::array<char, sizeof client.network> text;
  for (std::size_t i = 0; i < text.size(); ++i)
    text[i] = static_cast<char>(client.network >> (8 * i) & 0xffU);
  return base::siphash(key, {text.data(), text.size()}).low;
}

}  // namespace plan
