// One direction of an exchange: forwards bytes from a source to a sink through at most one block, or through
// a pipe for the rest of a large body. Bytes that were read are sent before more are read: while the sink is
// slow, the kernel closes the source's TCP window (backpressure).
#pragma once
#include "../base/body_source.hpp"
#include "../base/pool.hpp"
#include "../http/framing.hpp"
#include "endpoint.hpp"
#include "pipes.hpp"

namespace net {

// Why a lane stopped.
enum class Flow : std::uint8_t {
  need_read,     // the source has no bytes now
  need_write,    // the sink accepts no bytes now
  complete,      // the whole message has been forwarded
  budget,        // the turn's byte budget is used up
  no_block,      // the block pool is empty
  read_failed,   // the source failed: an error, or a premature end of stream
  write_failed,  // the sink failed
  bad_framing,   // the body is malformed
  none,          // not run yet
};

// How the end of the body is encoded for the sink.
enum class Encoding : std::uint8_t {
  plain,    // by Content-Length or by the end of the stream
  chunked,  // RFC 9112 section 7.1; the last chunk has not been written
  ended,    // the last chunk has been written
};

// The state of one direction.
struct Lane {
  base::BlockPtr block;
  PipePtr pipe;             // instead of the block, never with it
  std::uint16_t begin = 0;  // unsent bytes of the block: [begin, end)
  std::uint16_t end = 0;
  std::uint16_t pipelined_end = 0;  // pipelined bytes: [end, pipelined_end); 0: none
  Flow flow = Flow::none;           // the last result of `pump`
  Encoding encoding = Encoding::plain;
  bool sink_closed : 1 = false;          // the sink accepts no more bytes
  bool stop_at_message_end : 1 = false;  // other messages follow: do not read into them
  bool repeatable : 1 = false;           // sent bytes stay in the block for a retry
  bool trailing_bytes : 1 = false;       // the source sent bytes after the message
  int error = 0;                         // errno of the last failure; 0: end of stream
  http::Framing framing;                 // the part of the message not read yet
  std::uint64_t bytes_sent = 0;          // to the sink, since the record was taken

  // The bytes read and not sent yet.
  [[nodiscard]] std::size_t held() const noexcept {
    return pipe ? pipe->held : static_cast<std::size_t>(end - begin);
  }
  // The bytes read after the message: the beginning of the source's next message.
  [[nodiscard]] std::size_t pipelined() const noexcept {
    return pipelined_end > end ? static_cast<std::size_t>(pipelined_end - end) : 0;
  }
  // True if the whole message has been sent.
  [[nodiscard]] bool complete() const noexcept { return held() == 0 && framing.complete(); }
  // The unsent bytes in the block. REQUIRES: a block.
  [[nodiscard]] std::span<const std::byte> content() const noexcept { return {block->bytes + begin, held()}; }
  // Discards all bytes and returns the block or the pipe to its pool.
  void drop_block() noexcept {
    block.reset();
    pipe.reset();
    begin = end = pipelined_end = 0;
  }
  // Returns the block to the pool, unless it holds pipelined bytes.
  void drop_sent() noexcept {
    repeatable = false;
    if (pipelined() == 0) drop_block();
  }
  // Removes `bytes` that were sent.
  void sent(std::size_t bytes) noexcept;
  // Moves the pipelined bytes to the front of the block: they are the next message now.
  void shift_pipelined() noexcept;
};
static_assert(sizeof(Lane) <= 64);

// Maximum length of a chunk's size line, and of a chunk's CR LF with the last chunk (RFC 9112 section 7.1).
inline constexpr std::size_t kChunkHeadBytes = 6;  // "3fff" CR LF: a block's content at most
inline constexpr std::size_t kChunkEndBytes = 2 + 5;
// Writes the size line of a chunk of `size` bytes to `out`. Returns its length. REQUIRES: 0 < size < 65536,
// and room for kChunkHeadBytes.
std::size_t write_chunk_head(std::size_t size, std::byte* out) noexcept;
// Appends the end of the chunk whose `payload` bytes end at lane.end, if there are any; with `last` also the
// last chunk.
void end_chunk(Lane& lane, std::size_t payload, bool last) noexcept;

// Reads once from `from` and appends at most `room` bytes; the framing does not count them. Returns none if
// bytes were read, need_read, or read_failed (error 0: end of stream). REQUIRES: a block with that much room.
Flow fill(Lane& lane, Endpoint& from, std::size_t room) noexcept;

// Sends the bytes that the lane holds. Returns complete (none are left), need_write or write_failed.
Flow drain(Lane& lane, Endpoint& to) noexcept;

// The pools that lanes take blocks and pipes from.
struct Stores {
  base::BlockPool& blocks;
  Pipes& pipes;
  std::size_t leave = 0;  // blocks that a lane leaves free
};

// Forwards bytes until it must wait, the message is complete, or `budget` bytes have been read. The last read
// may exceed the budget, so that no small read is needed to use it up; no read exceeds `most`. Subtracts the
// bytes read from both.
Flow pump(Lane& lane, Endpoint& from, Endpoint& to, const Stores& stores, std::size_t& budget,
          std::uint64_t& most) noexcept;
// The same without a limit other than the budget.
inline Flow pump(Lane& lane, Endpoint& from, Endpoint& to, const Stores& stores,
                 std::size_t& budget) noexcept {
  std::uint64_t any = UINT64_MAX;
  return pump(lane, from, to, stores, budget, any);
}

// The same for a body from `source`, whose work counts against `budget` too. read_failed: it cannot be
// completed.
Flow pump(Lane& lane, base::BodySource& source, Endpoint& to, const Stores& stores, std::size_t& budget,
          std::uint64_t& most) noexcept;

// Reads and discards at most `budget` bytes, and subtracts them from it. Returns need_read, complete (end of
// stream), read_failed, budget or no_block.
Flow discard(Lane& lane, Endpoint& from, base::BlockPool& blocks, std::size_t& budget) noexcept;

}  // namespace net
