// The PROXY protocol, versions 1 and 2 (HAProxy, doc/proxy-protocol.txt): a header before the bytes of a
// connection that gives the address of the original client.
#pragma once
#include "../sys/address.hpp"

namespace net {

inline constexpr std::size_t kProxyLineBytesMax = 107;                     // version 1, CR LF included
inline constexpr std::size_t kProxyHeaderBytesMax = 16 + 536;              // version 2, the longest accepted
inline constexpr std::size_t kProxyHeaderWrittenMax = kProxyLineBytesMax;  // by `write_proxy_header`

// Writes the header for a connection from `client` to `listener` and returns its length; 0 if it does not
// fit. kProxyHeaderWrittenMax bytes are always enough. If an address is unknown, it writes UNKNOWN (version
// 1) or LOCAL (version 2). IPv4-mapped addresses are written as IPv4; if the families differ, the IPv4
// address is written as a mapped one. REQUIRES: version 1 or 2.
std::size_t write_proxy_header(std::uint8_t version, const sys::Address& client, const sys::Address& listener,
                               std::span<std::byte> out) noexcept;

// The result of `read_proxy_header`.
struct ProxyHeader {
  // partial: more bytes are needed.
  enum class What : std::uint8_t { partial, complete, bad };
  What what = What::partial;
  std::size_t length = 0;  // complete: bytes of the header; the client's bytes follow
  // complete: the addresses. Family none: not given (UNKNOWN, LOCAL, UNSPEC, not TCP over IP).
  sys::Address client{}, listener{};
};

// Reads a header of either version at the front of `received`, which holds all bytes received so far. The
// result does not depend on how they were segmented; it is not `partial` for kProxyHeaderBytesMax bytes. TLVs
// after the addresses (version 2) are skipped. `bad`: malformed, the connection must be closed.
ProxyHeader read_proxy_header(std::string_view received) noexcept;

}  // namespace net
