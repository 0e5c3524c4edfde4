#include "lane.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "../base/text.hpp"

namespace net {
namespace {

template <class Amount>
void spend(Amount& budget, std::uint64_t bytes) noexcept {
  budget -= static_cast<Amount>(std::min<std::uint64_t>(budget, bytes));
}

// Waits for the source without holding an empty block.
Flow wait_to_read(Lane& lane) noexcept {
  lane.drop_block();
  return Flow::need_read;
}

// The turn is over. Another client may need the empty block.
Flow pause(Lane& lane) noexcept {
  lane.block.reset();
  return Flow::budget;
}

// The message is complete. Keeps the block if it holds pipelined bytes or bytes for a retry.
Flow finished(Lane& lane) noexcept {
  if (!lane.repeatable && lane.pipelined() == 0) lane.drop_block();
  return Flow::complete;
}

Flow truncated(Lane& lane) noexcept {
  lane.drop_block();
  lane.error = 0;
  return Flow::read_failed;
}

// Handles a read that returned no bytes: EAGAIN, end of stream or an error.
Flow nothing_read(Lane& lane, Endpoint& from, const sys::Io& io) noexcept {
  from.readable = false;  // PLANT(nothing-to-read)
  if (io.outcome == sys::Outcome::again) return Flow::need_read;
  const bool ended = io.outcome == sys::Outcome::eof;
  if (ended && !from.error_consumed) from.finished = from.eof = true;
  lane.error = ended && from.error_consumed ? ECONNRESET : io.error;
  return Flow::read_failed;
}

// The number of bytes to read now: never into a message that follows.
std::size_t wanted(const Lane& lane, std::size_t room) noexcept {
  return lane.stop_at_message_end ? lane.framing.certain(room) : lane.framing.wanted(room);
}

// Prepares the empty block for the next bytes of the body. If the sink needs chunks, leaves space for a
// chunk's framing before and after them. Returns how many bytes fit, at most `most`.
std::size_t prepare_block(Lane& lane, std::uint64_t most) noexcept {
  const bool chunked = lane.encoding == Encoding::chunked;
  const std::size_t room = lane.block->size - (chunked ? kChunkHeadBytes + kChunkEndBytes : 0);
  lane.begin = lane.end = static_cast<std::uint16_t>(chunked ? kChunkHeadBytes : 0);
  return static_cast<std::size_t>(std::min<std::uint64_t>(room, most));
}

// Makes the block's bytes a chunk if the sink needs chunks. `last`: the body ends with them. REQUIRES:
// `prepare_block` was called before they came.
void encode_chunk(Lane& lane, bool last) noexcept {
  if (lane.encoding != Encoding::chunked) return;
  const std::size_t payload = lane.held();
  std::array<std::byte, kChunkHeadBytes> head;
  const std::size_t length = payload > 0 ? write_chunk_head(payload, head.data()) : 0;
  lane.begin = static_cast<std::uint16_t>(lane.begin - length);
  std::memcpy(lane.block->bytes + lane.begin, head.data(), length);
  end_chunk(lane, payload, last);
}

// Reads once from the source into the empty block and encodes the bytes as a chunk if the sink needs chunks.
// Returns none if bytes were read.
Flow refill(Lane& lane, Endpoint& from, std::size_t& budget, std::uint64_t& most) noexcept {
  const std::size_t room = prepare_block(lane, most);
  if (const Flow flow = fill(lane, from, wanted(lane, room)); flow != Flow::none) return flow;
  const std::size_t received = lane.held();
  spend(budget, received);
  spend(most, received);
  const auto parsed = lane.framing.take({lane.block->bytes + lane.begin, received});
  if (parsed.bad) return Flow::bad_framing;
  lane.trailing_bytes |= parsed.consumed < received;
  lane.end = static_cast<std::uint16_t>(lane.begin + parsed.payload);
  encode_chunk(lane, lane.framing.complete());
  return Flow::none;
}

// True if the rest of the body may go through a pipe: the body is large, and its bytes need no parsing,
// encoding or retry.
bool is_bulk(const Lane& lane, const Pipes& pipes) noexcept {
  return lane.encoding == Encoding::plain && !lane.repeatable && lane.pipelined() == 0 &&
         lane.framing.may_go_unseen() && lane.framing.known_bytes() >= pipes.bulk_bytes;
}

// Replaces the empty block by a pipe. Returns false if no pipe is available.
bool switch_to_pipe(Lane& lane, Pipes& pipes) noexcept {
  if (lane.pipe) return true;
  PipePtr pipe = pipes.take();
  if (!pipe) return false;
  lane.drop_block();
  lane.pipe = std::move(pipe);
  return true;
}

// True if splice(2) does not support these sockets, or a sandbox forbids it. No read returns these errors.
bool is_unsupported(const sys::Io& io) noexcept {
  return io.outcome == sys::Outcome::fail &&
         (io.error == EINVAL || io.error == ENOSYS || io.error == EPERM || io.error == EOPNOTSUPP);
}

// Splices once from the source into the empty pipe. A short splice says nothing about the socket, so only
// EAGAIN clears `readable`.
Flow splice(Lane& lane, Endpoint& from, Pipes& pipes, std::size_t& budget, std::uint64_t& most) noexcept {
  const auto room = static_cast<std::size_t>(std::min<std::uint64_t>({sys::kPipeBytesMax, budget, most}));
  const sys::Io io = sys::splice_in(from.fd, lane.pipe->in, wanted(lane, room));
  // PLANT(without-pipe)
  if (is_unsupported(io)) {
    pipes.disable();
    lane.drop_block();
    return Flow::none;
  }
  if (io.outcome != sys::Outcome::done) return nothing_read(lane, from, io);
  spend(budget, io.bytes);
  spend(most, io.bytes);
  lane.pipe->held = io.bytes;   // PLANT(pipe-holds)
  lane.framing.pass(io.bytes);  // PLANT(pipe-counted)
  return Flow::none;
}

// Reads once from the source into a pipe or a block.
Flow read_once(Lane& lane, Endpoint& from, const Stores& stores, std::size_t& budget,
               std::uint64_t& most) noexcept {
  if (is_bulk(lane, stores.pipes) && switch_to_pipe(lane, stores.pipes))
    return splice(lane, from, stores.pipes, budget, most);
  if (!lane.block) lane.block = stores.blocks.take(stores.leave);
  return lane.block ? refill(lane, from, budget, most) : Flow::no_block;
}

// The source has ended: writes the last chunk for the sink.
Flow write_last_chunk(Lane& lane, const Stores& stores) noexcept {
  if (!lane.block) lane.block = stores.blocks.take(stores.leave);
  if (!lane.block) return Flow::no_block;
  end_chunk(lane, 0, true);
  return Flow::none;
}

Flow run(Lane& lane, Endpoint& from, Endpoint& to, const Stores& stores, std::size_t& budget,
         std::uint64_t& most) noexcept {
  for (;;) {
    if (const Flow flow = drain(lane, to); flow != Flow::complete) return flow;  // PLANT(drain-before-end)
    if (lane.framing.complete()) return finished(lane);
    const bool ends = from.eof && lane.framing.eof_completes();
    if (ends && lane.encoding != Encoding::chunked) return finished(lane);
    if (from.eof && !ends) return truncated(lane);
    if (!from.readable && !ends) return wait_to_read(lane);  // PLANT(wait-to-read)
    if (budget == 0) return pause(lane);                     // PLANT(read-within-budget)
    if (most == 0) return pause(lane);
    // PLANT(read-one-piece)
    const Flow flow = ends ? write_last_chunk(lane, stores) : read_once(lane, from, stores, budget, most);
    if (flow == Flow::need_read) return wait_to_read(lane);
    if (flow == Flow::read_failed && from.eof) {
      lane.begin = lane.end = 0;
      continue;
    }
    if (flow != Flow::none) return flow;
  }
}

// ---- from a body source ----------------------------------------------------------------------------------

// A unit of work counts against the budget like so many bytes: 64 KiB are about two milliseconds.
constexpr std::uint64_t kBytesPerUnit = 32;

// The body source has ended: writes the last chunk if the sink needs it.
Flow end_body(Lane& lane) noexcept {
  if (!lane.framing.eof_completes()) return truncated(lane);
  if (lane.encoding == Encoding::chunked) end_chunk(lane, 0, true);
  lane.framing = http::Framing{};
  return Flow::none;
}

// Takes one piece from the body source into the block, as a chunk if the sink needs chunks.
Flow produce(Lane& lane, base::BodySource& source, const Stores& stores, std::size_t& budget,
             std::uint64_t& most) noexcept {
  if (!lane.block) lane.block = stores.blocks.take(stores.leave);
  if (!lane.block) return Flow::no_block;
  const std::size_t room = prepare_block(lane, most);
  const std::uint64_t work_before = source.work();
  const base::BodySource::Produced made =
      source.produce({lane.block->bytes + lane.begin, lane.framing.wanted(room)});
  if (made.got == base::BodySource::Got::failed) return truncated(lane);
  if (made.got == base::BodySource::Got::end) return end_body(lane);
  const std::uint64_t work = (source.work() - work_before) * kBytesPerUnit;
  spend(budget, std::max<std::uint64_t>(made.bytes, work));
  if (made.got == base::BodySource::Got::none) return Flow::none;
  spend(most, made.bytes);
  lane.framing.pass(made.bytes);
  lane.end = static_cast<std::uint16_t>(lane.begin + made.bytes);
  encode_chunk(lane, false);
  return Flow::none;
}

// Sends from a file by sendfile(2). End of file means that the file was shortened.
Flow send_range(Lane& lane, base::BodySource& source, const base::FileRange& range, Endpoint& to,
                std::size_t& budget, std::uint64_t& most) noexcept {
  lane.drop_block();
  if (!to.writable) return Flow::need_write;
  std::uint64_t offset = range.offset;
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>({range.length, budget, most}));
  const sys::Io io = sys::send_file(to.fd, range.fd, offset, wanted);
  switch (io.outcome) {
    case sys::Outcome::again: to.writable = false; return Flow::need_write;
    case sys::Outcome::eof: return truncated(lane);
    case sys::Outcome::fail: lane.error = io.error; return Flow::write_failed;
    case sys::Outcome::done: break;
  }
  source.sent(io.bytes);
  lane.framing.pass(io.bytes);
  lane.bytes_sent += io.bytes;
  spend(budget, io.bytes);
  spend(most, io.bytes);
  return Flow::none;
}

Flow run(Lane& lane, base::BodySource& source, Endpoint& to, const Stores& stores, std::size_t& budget,
         std::uint64_t& most) noexcept {
  for (;;) {
    // PLANT(drain-before-complete)
    if (const Flow flow = drain(lane, to); flow != Flow::complete) return flow;
    if (lane.framing.complete()) return finished(lane);
    if (budget == 0 || most == 0) return pause(lane);
    const base::FileRange range = lane.encoding == Encoding::plain ? source.range() : base::FileRange{};
    const Flow flow = range.fd >= 0 ? send_range(lane, source, range, to, budget, most)
                                    : produce(lane, source, stores, budget, most);
    if (flow != Flow::none) return flow;
  }
}

}  // namespace

void Lane::sent(std::size_t bytes) noexcept {
  bytes_sent += bytes;
  if (pipe)
    pipe->held -= bytes;  // PLANT(pipe-sent)
  else
    begin = static_cast<std::uint16_t>(begin + bytes);  // PLANT(sent-by-bytes)
}

void Lane::shift_pipelined() noexcept {
  const std::size_t next = pipelined();
  if (next == 0) return drop_block();
  std::memmove(block->bytes, block->bytes + end, next);  // PLANT(keep-after-message)
  begin = pipelined_end = 0;
  end = static_cast<std::uint16_t>(next);
}

std::size_t write_chunk_head(std::size_t size, std::byte* out) noexcept {
  std::size_t length = 0;
  for (int shift = 12; shift >= 0; shift -= 4)
    if (length > 0 || size >> shift != 0)
      out[length++] = static_cast<std::byte>(base::kHexDigits[size >> shift & 0xf]);
  std::memcpy(out + length, "\r\n", 2);
  return length + 2;
}

void end_chunk(Lane& lane, std::size_t payload, bool last) noexcept {
  const auto put = [&lane](std::string_view text) {
    std::memcpy(lane.block->bytes + lane.end, text.data(), text.size());
    lane.end = static_cast<std::uint16_t>(lane.end + text.size());
  };
  if (payload > 0) put("\r\n");
  if (!last) return;
  put("0\r\n\r\n");  // PLANT(last-chunk)
  lane.encoding = Encoding::ended;
}

Flow fill(Lane& lane, Endpoint& from, std::size_t room) noexcept {
  if (!from.readable) return Flow::need_read;
  const sys::Io io = sys::receive(from.fd, {lane.block->bytes + lane.end, room});
  if (io.outcome != sys::Outcome::done) return nothing_read(lane, from, io);
  // A short read has emptied the socket: new bytes cause a new edge. The end of the stream may not: its edge
  // may have been reported together with these bytes.
  // PLANT(short-read-ends-readiness)
  if (io.bytes < room && !from.finished && !from.hung) from.readable = false;
  lane.end = static_cast<std::uint16_t>(lane.end + io.bytes);
  return Flow::none;
}

Flow drain(Lane& lane, Endpoint& to) noexcept {
  // PLANT(send-rest)
  while (lane.held() > 0) {
    if (!to.writable) return Flow::need_write;
    const sys::Io io = lane.pipe ? sys::splice_out(lane.pipe->out, to.fd, lane.pipe->held)
                                 : sys::transmit(to.fd, lane.content());
    // PLANT(write-again-waits)
    if (io.outcome == sys::Outcome::again) {
      to.writable = false;
      return Flow::need_write;
    }
    if (io.outcome != sys::Outcome::done) {
      lane.error = io.error;
      to.error_consumed |= !to.orderly_fin;  // the socket returns its error once, then end of stream
      return Flow::write_failed;
    }
    lane.sent(io.bytes);  // PLANT(count-sent)
  }
  if (!lane.repeatable && lane.pipelined_end == 0) lane.begin = lane.end = 0;  // PLANT(empty-lane-begins)
  return Flow::complete;
}

Flow pump(Lane& lane, Endpoint& from, Endpoint& to, const Stores& stores, std::size_t& budget,
          std::uint64_t& most) noexcept {
  lane.flow = run(lane, from, to, stores, budget, most);
  return lane.flow;
}

Flow pump(Lane& lane, base::BodySource& source, Endpoint& to, const Stores& stores, std::size_t& budget,
          std::uint64_t& most) noexcept {
  lane.flow = run(lane, source, to, stores, budget, most);
  return lane.flow;
}

Flow discard(Lane& lane, Endpoint& from, base::BlockPool& blocks, std::size_t& budget) noexcept {
  lane.drop_block();
  if (from.eof) return lane.flow = Flow::complete;
  const base::BlockPtr scratch = blocks.take();
  if (!scratch) return lane.flow = Flow::no_block;
  while (from.readable && budget > 0) {
    const sys::Io io = sys::receive(from.fd, scratch->room().first(std::min(budget, scratch->size)));
    if (io.outcome == sys::Outcome::eof) from.eof = true;
    if (io.outcome != sys::Outcome::done) from.readable = false;
    if (io.outcome == sys::Outcome::fail) return lane.flow = Flow::read_failed;
    spend(budget, io.bytes);
  }
  if (from.eof) return lane.flow = Flow::complete;
  return lane.flow = from.readable ? Flow::budget : Flow::need_read;
}

}  // namespace net
