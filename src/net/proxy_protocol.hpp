// The PROXY protocol, versions 1 and 2 (HAProxy's specification, doc/proxy-protocol.txt): a header in front
// of a connection's bytes that says who its client is, from one who passes it on.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "../sys/address.hpp"

namespace net {

inline constexpr std::size_t kProxyLineBytesMax = 107;                     // version 1, CR LF included
inline constexpr std::size_t kProxyHeaderBytesMax = 16 + 536;              // version 2, as far as we take it
inline constexpr std::size_t kProxyHeaderWrittenMax = kProxyLineBytesMax;  // by `write_proxy_header`

// Writes the header for a connection of `client` to `listener`. If one is not known, or they are not of one
// family, it says so (version 1: UNKNOWN, version 2: LOCAL). IPv4-mapped addresses are written as IPv4.
// Returns its length; 0 if it does not fit (kProxyHeaderWrittenMax always do). REQUIRES: version 1 or 2.
std::size_t write_proxy_header(std::uint8_t version, const sys::Address& client, const sys::Address& listener,
                               std::span<std::byte> out) noexcept;

struct ProxyHeader {
  enum class What : std::uint8_t { partial, complete, bad };
  What what = What::partial;
  std::size_t length = 0;  // complete: of the header; what lies behind is the client's
  // complete: as was said. Family none: nothing was (UNKNOWN, LOCAL, UNSPEC, and what is not TCP over IP).
  sys::Address client{}, listener{};
};

// Reads the header of either version at the front of `came`: all that has come. The verdict does not depend
// on how it was cut; kProxyHeaderBytesMax bytes always give one other than partial. What version 2 carries
// behind the addresses (TLVs) is skipped. A header that breaks the grammar is bad: the connection must end.
ProxyHeader read_proxy_header(std::string_view came) noexcept;

}  // namespace net
