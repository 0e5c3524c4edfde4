// PROXY headers: what precedes the bytes of a client connection, and what an upstream server must be sent about its
// client. Written from HAProxy's specification (proxy-protocol.txt), versions 1 and 2.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernel.hpp"

namespace sim {

// How a connection begins if its listener requires a header.
enum class ProxyHeaderKind : std::uint8_t {
  none,         // no header
  line4,        // version 1: an IPv4 address
  line6,        // an IPv6 address
  unknown,      // no address
  unknown_more, // no address, and text to be ignored
  binary4,      // version 2
  binary6,
  local,        // no address: the sender's own connection
  datagram,     // an address of a transport other than TCP
  extended,     // binary4, with TLVs
  // malformed ones follow
  protocol,     // version 1: an unknown protocol
  port,         // too large
  zero,         // a port with a leading 0
  blank,        // two spaces
  endless,      // no end of the line
  mixed,        // TCP4 with IPv6 addresses
  version,      // version 2: another version
  command,      // another command
  family,       // an unknown family
  short_block,  // less than the addresses need
  count,
};
constexpr bool is_malformed(ProxyHeaderKind kind) { return kind >= ProxyHeaderKind::protocol || kind == ProxyHeaderKind::none; }

// The header of connection number `index`; `of_one`: all clients have one address and different ports.
std::string header_of(ProxyHeaderKind kind, std::size_t index, bool of_one);
// The client address in it; without one: the address of the connection.
sys::Address client_of(ProxyHeaderKind kind, std::size_t index, bool of_one, const sys::Address& peer);

// The header that a server must receive in this version.
std::string expected_header(std::uint8_t version, const sys::Address& client, const sys::Address& listener);
// The length of the header at the front; 0: incomplete.
std::size_t header_length(std::uint8_t version, std::string_view text);

// A connection as its server received it, and as its client made it.
struct Heard {
  std::string header, said;
};
struct Announced {
  std::string header;  // that the server must receive
  std::string said;    // after the client's own header
  bool has_header;     // that header was sent completely and is valid
};
// Returns the error; empty: none.
std::string judge_heard(const std::vector<Heard>& heard, const std::vector<Announced>& announced);

ProxyHeaderKind draw_proxy_header(Chooser& chooser, bool of_one);
std::string_view describe(ProxyHeaderKind kind);

}  // namespace sim
