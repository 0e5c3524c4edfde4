// PROXY headers: what stands in front of a connection's bytes, and what a server behind the program must be told of its
// client. Written from HAProxy's specification (proxy-protocol.txt), versions 1 and 2.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernel.hpp"

namespace sim {

// What a connection begins with, where its listener wants a header.
enum class Introduction : std::uint8_t {
  none,         // no header
  line4,        // version 1: an IPv4 address
  line6,        // an IPv6 address
  unknown,      // no address
  unknown_more, // no address, and what nobody is to look at
  binary4,      // version 2
  binary6,
  local,        // no address: the sender speaks for itself
  datagram,     // an address of what is no TCP
  extended,     // binary4, and more behind the addresses
  // malformed from here on
  protocol,     // version 1: none of TCP4, TCP6, UNKNOWN
  port,         // too large
  zero,         // a port that begins with 0
  blank,        // two blanks
  endless,      // no end of the line
  mixed,        // TCP4, and IPv6 addresses
  version,      // version 2: another version
  command,      // another command
  family,       // a family that does not exist
  short_block,  // less than the addresses need
  count,
};
constexpr bool is_malformed(Introduction kind) { return kind >= Introduction::protocol || kind == Introduction::none; }

// The header of connection number `index`; `of_one`: all clients are named by one address, and differ by their ports.
std::string header_of(Introduction kind, std::size_t index, bool of_one);
// The client whom it names; without an address: the one who has connected.
sys::Address client_of(Introduction kind, std::size_t index, bool of_one, const sys::Address& peer);

// What a server must be told in this version; to tell more is possible, and not done.
std::string told_expected(std::uint8_t version, const sys::Address& client, const sys::Address& listener);
// The length of the header at the front; 0: it is not whole.
std::size_t told_length(std::uint8_t version, std::string_view text);

// A connection as its server saw it, and one as its client made it.
struct Heard {
  std::string header, said;
};
struct Announced {
  std::string header;  // that a server must be told
  std::string said;    // behind the client's own header
  bool introduced;     // that header was sent whole, and is good
};
// What is wrong; empty: nothing.
std::string judge_heard(const std::vector<Heard>& heard, const std::vector<Announced>& announced);

Introduction draw_introduction(Chooser& chooser, bool of_one);
std::string_view describe(Introduction kind);

}  // namespace sim
