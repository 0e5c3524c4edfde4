// One direction of an exchange: bytes from one endpoint to the other through at most one block. A full block
// is not read into, so the kernel's window closes: that is all there is to back-pressure.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "../base/pool.hpp"
#include "../http/framing.hpp"
#include "endpoint.hpp"

namespace net {

// Why a lane stopped: whom it waits for, or how it ended.
enum class Flow : std::uint8_t {
  need_read,     // the source has nothing now
  need_write,    // the sink takes nothing now
  complete,      // the message has gone through, to its end
  budget,        // its share of this turn is used up
  no_block,      // the pool is empty
  read_failed,   // the source broke off: an error, or an end of stream too early
  write_failed,  // the sink broke off
  bad_framing,   // the body is malformed
  none,          // nothing was asked of it yet
};

struct Lane {
  base::BlockPtr block;
  std::uint16_t begin = 0;  // what lies in the block: [begin, end)
  std::uint16_t end = 0;
  Flow flow = Flow::none;   // the last answer of `pump`
  bool dead = false;        // its sink has broken off; nothing more is sent
  int error = 0;            // errno of the last failure; 0: end of stream
  http::Framing framing;    // what of the message is still to come from the source
  std::uint64_t moved = 0;  // bytes sent to the sink

  [[nodiscard]] std::size_t held() const noexcept { return static_cast<std::size_t>(end - begin); }
  [[nodiscard]] bool complete() const noexcept { return held() == 0 && framing.complete(); }
  [[nodiscard]] std::span<const std::byte> content() const noexcept { return {block->bytes + begin, held()}; }
  void drop_block() noexcept {
    block.reset();
    begin = end = 0;
  }
};

// Reads once from `from` behind what the lane holds, at most `room` bytes; the framing does not see them.
// REQUIRES: a block with that much room. Returns need_read, read_failed (error 0: end of stream), or none if
// bytes came.
Flow fill(Lane& lane, Endpoint& from, std::size_t room) noexcept;

// Sends what the lane holds until it holds nothing: complete, need_write or write_failed.
Flow drain(Lane& lane, Endpoint& to) noexcept;

// Moves bytes until it must wait, the message is complete, or `budget` bytes have been read.
Flow pump(Lane& lane, Endpoint& from, Endpoint& to, base::BlockPool& blocks, std::size_t& budget) noexcept;

// Reads and throws away until it must wait (need_read), `from` ends (complete), or breaks off (read_failed).
Flow discard(Lane& lane, Endpoint& from, base::BlockPool& blocks, std::size_t& budget) noexcept;

}  // namespace net
