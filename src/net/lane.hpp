// One direction of an exchange: bytes from one endpoint to the other through at most one block, or, once they
// are bulk that need not be looked at, through a pipe. What was read is sent before more is read, so the
// kernel's window closes: that is all there is to back-pressure.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "../base/body_source.hpp"
#include "../base/pool.hpp"
#include "../http/framing.hpp"
#include "endpoint.hpp"
#include "pipes.hpp"

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

// How the sink is told where the body ends.
enum class Encoding : std::uint8_t {
  plain,    // by its length, or by the end of the stream
  chunked,  // RFC 9112 section 7.1: the last chunk is still to be written
  ended,    // the last chunk is written
};

struct Lane {
  base::BlockPtr block;
  PipePtr pipe;             // in the block's place, never with it
  std::uint16_t begin = 0;  // what lies in the block and is to be sent: [begin, end)
  std::uint16_t end = 0;
  std::uint16_t pipelined_end =
      0;  // [end, pipelined_end) is the beginning of the source's next message; 0: nothing is
  Flow flow = Flow::none;  // the last answer of `pump`
  Encoding encoding = Encoding::plain;
  bool sink_closed : 1 = false;          // its sink has broken off; nothing more is sent
  bool stop_at_message_end : 1 = false;  // behind the message the source sends others: none of them is read
  bool repeatable : 1 = false;           // what was sent stays in the block, and may be sent once more
  bool trailing_bytes : 1 = false;       // the source sent more than the message
  int error = 0;                         // errno of the last failure; 0: end of stream
  http::Framing framing;                 // what of the message is still to come from the source
  std::uint64_t bytes_sent = 0;          // bytes sent to the sink

  [[nodiscard]] std::size_t held() const noexcept {
    return pipe ? pipe->held : static_cast<std::size_t>(end - begin);
  }
  [[nodiscard]] std::size_t pipelined() const noexcept {
    return pipelined_end > end ? static_cast<std::size_t>(pipelined_end - end) : 0;
  }
  [[nodiscard]] bool complete() const noexcept { return held() == 0 && framing.complete(); }
  // REQUIRES: a block.
  [[nodiscard]] std::span<const std::byte> content() const noexcept { return {block->bytes + begin, held()}; }
  // Gives up what it holds, and what holds it.
  void drop_block() noexcept {
    block.reset();
    pipe.reset();
    begin = end = pipelined_end = 0;
  }
  // The block is of no more use, unless the next message has begun in it.
  void drop_sent() noexcept {
    repeatable = false;
    if (pipelined() == 0) drop_block();
  }
  void sent(std::size_t bytes) noexcept;
  // Puts the beginning of the next message to the front of the block.
  void shift_pipelined() noexcept;
};
static_assert(sizeof(Lane) <= 64);

// The size line of a chunk, at most so long, and what ends a chunk and the last one (RFC 9112 section 7.1).
inline constexpr std::size_t kChunkHeadBytes = 6;  // "3fff" CR LF: a block's content at most
inline constexpr std::size_t kChunkEndBytes = 2 + 5;
// Writes the size line for `size` bytes to `out`, which has room for kChunkHeadBytes. Returns its length.
// REQUIRES: 0 < size < 65536.
std::size_t write_chunk_head(std::size_t size, std::byte* out) noexcept;
// Ends the chunk whose `payload` bytes end at lane.end, if there are any; and the body, if that was the last.
void end_chunk(Lane& lane, std::size_t payload, bool last) noexcept;

// Reads once from `from` behind what the lane holds, at most `room` bytes; the framing does not see them.
// REQUIRES: a block with that much room. Returns need_read, read_failed (error 0: end of stream), or none if
// bytes came.
Flow fill(Lane& lane, Endpoint& from, std::size_t room) noexcept;

// Sends what the lane holds until it holds nothing: complete, need_write or write_failed.
Flow drain(Lane& lane, Endpoint& to) noexcept;

// What lanes carry their bytes in.
struct Stores {
  base::BlockPool& blocks;
  Pipes& pipes;
};

// Moves bytes until it must wait, the message is complete, or `budget` bytes have been read. The last read
// may go beyond the budget, which so costs no small one; beyond `most` bytes none goes.
Flow pump(Lane& lane, Endpoint& from, Endpoint& to, const Stores& stores, std::size_t& budget,
          std::uint64_t& most) noexcept;
inline Flow pump(Lane& lane, Endpoint& from, Endpoint& to, const Stores& stores,
                 std::size_t& budget) noexcept {
  std::uint64_t any = std::numeric_limits<std::uint64_t>::max();
  return pump(lane, from, to, stores, budget, any);
}

// The same, where the bytes come from `feed`. Flow::read_failed: it broke off.
Flow pump(Lane& lane, base::BodySource& feed, Endpoint& to, const Stores& stores, std::size_t& budget,
          std::uint64_t& most) noexcept;

// Reads and throws away until it must wait (need_read), `from` ends (complete), or breaks off (read_failed).
Flow discard(Lane& lane, Endpoint& from, base::BlockPool& blocks, std::size_t& budget) noexcept;

}  // namespace net
