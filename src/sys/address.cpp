#include "address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "../base/text.hpp"

namespace sys {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_mapped(const Address& address) noexcept {
  return address.family == Address::Family::ipv6 &&
         std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
}

// An IPv4 address as a number in host byte order.
std::uint32_t ipv4_number(const Address& address) noexcept {
  std::uint32_t number = 0;
  std::memcpy(&number, address.bytes.data(), sizeof number);
  return ntohl(number);
}

bool same_bits(const std::uint8_t* a, const std::uint8_t* b, std::size_t bits) noexcept {
  const std::size_t whole = bits / 8, rest = bits % 8;
  for (std::size_t i = 0; i < whole; ++i)  // most addresses differ in the first byte: memcmp costs more
    if (a[i] != b[i]) return false;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff00U >> rest);
  return (a[whole] & mask) == (b[whole] & mask);
}

void put_ip(base::Writer& out, const Address& address) noexcept {
  switch (address.family) {
    case Address::Family::none: out << '-'; return;
    case Address::Family::local: out << "unix socket"; return;
    case Address::Family::ipv4:  // inet_ntop uses printf, ten times as expensive
      for (std::size_t i = 0; i < 4; ++i) (i == 0 ? out : out << '.') << std::uint64_t{address.bytes[i]};
      return;
    case Address::Family::ipv6: break;
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, address.bytes.data(), text.data(), static_cast<socklen_t>(text.size()));
  out << text.data();
  if (address.scope != 0) out << '%' << std::uint64_t{address.scope};
}

// The text that `write` writes.
template <class Write>
AddressText text_of(const Write& write) noexcept {
  AddressText text;
  base::Writer out{text.chars};
  write(out);
  text.length = static_cast<std::uint8_t>(out.length());
  return text;
}

}  // namespace

Address address_of(const void* socket_address) noexcept {
  sockaddr any;
  std::memcpy(&any, socket_address, sizeof any);
  Address address;
  if (any.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, socket_address, sizeof v4);
    address.family = Address::Family::ipv4;
    address.port = ntohs(v4.sin_port);
    std::memcpy(address.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
  } else if (any.sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, socket_address, sizeof v6);
    address.family = Address::Family::ipv6;
    address.port = ntohs(v6.sin6_port);
    address.scope = v6.sin6_scope_id;
    std::memcpy(address.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
  }
  return address;
}

Address unmapped(const Address& address) noexcept {
  if (!is_mapped(address)) return address;
  Address v4;
  v4.family = Address::Family::ipv4;
  v4.port = address.port;
  std::copy_n(address.bytes.begin() + kMappedPrefix.size(), 4, v4.bytes.begin());
  return v4;
}

Address mapped(const Address& address) noexcept {
  if (address.family != Address::Family::ipv4) return address;
  Address v6;
  v6.family = Address::Family::ipv6;
  v6.port = address.port;
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), v6.bytes.begin());
  std::copy_n(address.bytes.begin(), 4, v6.bytes.begin() + kMappedPrefix.size());
  return v6;
}

namespace {

// The prefix of a format and the place of the IPv4 address in it.
struct Format {
  std::array<std::uint8_t, 12> prefix;
  std::uint8_t prefix_bits;
  std::array<std::uint8_t, 4> at;
  bool inverted = false;  // each bit of the IPv4 address
};
constexpr std::array<std::uint8_t, 12> kCompatiblePrefix{};
constexpr std::array<Format, 10> kFormats{{
    {kMappedPrefix, 96, {12, 13, 14, 15}},                         // ::ffff:a.b.c.d
    {kCompatiblePrefix, 96, {12, 13, 14, 15}},                     // ::a.b.c.d
    {{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, {12, 13, 14, 15}},  // ::ffff:0:a.b.c.d
    {{0, 0x64, 0xff, 0x9b}, 96, {12, 13, 14, 15}},                 // 64:ff9b::a.b.c.d
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 48, {12, 13, 14, 15}},           // with a prefix of 96 bits
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 48, {6, 7, 9, 10}},              // of 48 bits
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 48, {7, 9, 10, 11}},             // of 56 bits
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 48, {9, 10, 11, 12}},            // of 64 bits
    {{0x20, 0x02}, 16, {2, 3, 4, 5}},                              // 6to4
    {{0x20, 0x01, 0, 0}, 32, {12, 13, 14, 15}, true},              // Teredo: the client's
}};

}  // namespace

EmbeddedAddresses embedded_in(const Address& address) noexcept {
  EmbeddedAddresses found;
  if (address.family != Address::Family::ipv6) return found;
  std::optional<EmbeddedAddress> unspecified;
  for (const Format& format : kFormats) {
    if (!same_bits(address.bytes.data(), format.prefix.data(), format.prefix_bits)) continue;
    EmbeddedAddress next{.address = {.port = address.port, .family = Address::Family::ipv4}, .at = format.at};
    for (std::size_t i = 0; i < format.at.size(); ++i)
      next.address.bytes[i] =
          static_cast<std::uint8_t>(address.bytes[format.at[i]] ^ (format.inverted ? 0xffU : 0U));
    if (next.address.bytes[0] != 0)
      found.list[found.count++] = next;
    else if (format.prefix != kCompatiblePrefix && !unspecified)
      unspecified = next;
  }
  if (found.count == 0 && unspecified) found.list[found.count++] = *unspecified;
  return found;
}

std::size_t Address::bits() const noexcept {
  switch (family) {
    case Family::ipv4: return 32;
    case Family::ipv6: return 128;
    case Family::none:
    case Family::local: break;
  }
  return 0;
}

bool Address::is_loopback() const noexcept {
  const Address plain = unmapped(*this);
  if (plain.family == Family::ipv4) return plain.bytes[0] == 127;
  return plain.family == Family::ipv6 && plain.bytes == loopback6(0).bytes;
}

bool Address::reaches(const Address& own) const noexcept {
  const Address plain = unmapped(*this);
  if (plain.port != own.port) return false;
  if (own.is_wildcard()) return plain.is_loopback() || plain.is_wildcard();
  return plain.family == own.family && plain.bytes == own.bytes;
}

bool Address::is_wildcard() const noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

Address reached_locally(const Address& own) noexcept {
  if (!own.is_wildcard()) return own;
  return own.family == Address::Family::ipv4 ? loopback4(own.port) : loopback6(own.port);
}

bool Address::in_network(const Address& network, std::size_t prefix) const noexcept {
  if (prefix > network.bits()) return false;
  if (family == Family::ipv4 && network.family == Family::ipv4)  // each request is compared with some 30
    return prefix == 0 || (ipv4_number(*this) ^ ipv4_number(network)) >> (32 - prefix) == 0;
  // A network of IPv4-mapped addresses is compared as an IPv4 network.
  if (prefix >= 96 && is_mapped(network)) return in_network(unmapped(network), prefix - 96);
  if (is_mapped(*this)) return unmapped(*this).in_network(network, prefix);
  return family == network.family && same_bits(bytes.data(), network.bytes.data(), prefix);
}

bool parse_ip(std::string_view text, std::uint16_t port, Address& out) noexcept {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.empty() || text.size() >= terminated.size() || text.find('\0') != std::string_view::npos)
    return false;
  std::copy(text.begin(), text.end(), terminated.begin());
  Address parsed;
  parsed.port = port;
  if (inet_pton(AF_INET, terminated.data(), parsed.bytes.data()) == 1)
    parsed.family = Address::Family::ipv4;
  else if (inet_pton(AF_INET6, terminated.data(), parsed.bytes.data()) == 1)
    parsed.family = Address::Family::ipv6;
  else
    return false;
  out = parsed;
  return true;
}

AddressText ip_text(const Address& address) noexcept {
  return text_of([&address](base::Writer& out) { put_ip(out, address); });
}

AddressText endpoint_text(const Address& address) noexcept {
  return text_of([&address](base::Writer& out) {
    const bool bracketed = address.family == Address::Family::ipv6;
    if (bracketed) out << '[';
    put_ip(out, address);
    if (bracketed) out << ']';
    if (address.family != Address::Family::local) out << ':' << std::uint64_t{address.port};
  });
}

Address loopback4(std::uint16_t port) noexcept {
  Address address;
  address.family = Address::Family::ipv4;
  address.bytes[0] = 127;
  address.bytes[3] = 1;
  address.port = port;
  return address;
}

Address loopback6(std::uint16_t port) noexcept {
  Address address;
  address.family = Address::Family::ipv6;
  address.bytes[15] = 1;
  address.port = port;
  return address;
}

}  // namespace sys
