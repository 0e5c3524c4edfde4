#include "lane.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace net {
namespace {

template <class Amount>
void spend(Amount& budget, std::size_t bytes) noexcept {
  budget -= std::min<Amount>(budget, bytes);
}

// The lane waits for its source: an empty block would only wait with it.
Flow wait_to_read(Lane& lane) noexcept {
  lane.drop_block();
  return Flow::need_read;
}

// The message has gone through. What lies behind it, or could be sent again, stays.
Flow through(Lane& lane) noexcept {
  if (!lane.repeatable && lane.pipelined() == 0) lane.drop_block();
  return Flow::complete;
}

Flow broken_off(Lane& lane) noexcept {
  lane.drop_block();
  lane.error = 0;
  return Flow::read_failed;
}

// What a read says of the source that brought nothing.
Flow brought_nothing(Lane& lane, Endpoint& from, const sys::Io& io) noexcept {
  from.readable = false;  // PLANT(nothing-to-read)
  if (io.outcome == sys::Outcome::again) return Flow::need_read;
  const bool ended = io.outcome == sys::Outcome::eof;
  if (ended && !from.error_consumed) from.finished = from.eof = true;
  lane.error = ended && from.error_consumed ? ECONNRESET : io.error;
  return Flow::read_failed;
}

// Never beyond what the source may be asked for now.
std::size_t wanted(const Lane& lane, std::size_t room) noexcept {
  return lane.stop_at_message_end ? lane.framing.certain(room) : lane.framing.wanted(room);
}

// Brings one piece from the source into the empty block, as a chunk if the sink is to have chunks: none if
// some of it is content or more may come at once.
Flow refill(Lane& lane, Endpoint& from, std::size_t& budget, std::uint64_t& most) noexcept {
  const bool chunked = lane.encoding == Encoding::chunked;
  const std::size_t start = chunked ? kChunkHeadBytes : 0;
  const std::size_t block = base::kBlockBytes - (chunked ? kChunkHeadBytes + kChunkEndBytes : 0);
  const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(block, most));
  lane.begin = lane.end = static_cast<std::uint16_t>(start);
  if (const Flow flow = fill(lane, from, wanted(lane, room)); flow != Flow::none) return flow;
  const std::size_t came = lane.end - start;
  spend(budget, came);
  spend(most, came);
  const auto taken = lane.framing.take({lane.block->bytes + start, came});
  if (taken.bad) return Flow::bad_framing;
  lane.trailing_bytes |= taken.consumed < came;
  lane.end = static_cast<std::uint16_t>(start + taken.payload);
  if (!chunked) return Flow::none;
  std::array<std::byte, kChunkHeadBytes> head;
  const std::size_t length = taken.payload > 0 ? write_chunk_head(taken.payload, head.data()) : 0;
  lane.begin = static_cast<std::uint16_t>(start - length);
  std::memcpy(lane.block->bytes + lane.begin, head.data(), length);
  end_chunk(lane, taken.payload, lane.framing.complete());
  return Flow::none;
}

// So much of the body has gone through, and nothing of it is looked at, changed, or sent again.
bool is_bulk(const Lane& lane, const Pipes& pipes) noexcept {
  return lane.encoding == Encoding::plain && !lane.repeatable && lane.pipelined() == 0 &&
         lane.framing.may_go_unseen() && lane.framing.passed() >= pipes.bulk_bytes;
}

// A pipe takes the empty block's place. False: there is none to be had.
bool change_to_pipe(Lane& lane, Pipes& pipes) noexcept {
  if (lane.pipe) return true;
  PipePtr pipe = pipes.take();
  if (!pipe) return false;
  lane.drop_block();
  lane.pipe = std::move(pipe);
  return true;
}

// What splice(2) says, or who forbids it, where it does not know these sockets; a read never says so.
bool is_unsupported(const sys::Io& io) noexcept {
  return io.outcome == sys::Outcome::fail &&
         (io.error == EINVAL || io.error == ENOSYS || io.error == EPERM || io.error == EOPNOTSUPP);
}

// Brings one piece from the source into the empty pipe. The kernel has its own reasons to be short, so only
// EAGAIN clears the mark.
Flow splice(Lane& lane, Endpoint& from, Pipes& pipes, std::size_t& budget, std::uint64_t& most) noexcept {
  const auto room = static_cast<std::size_t>(std::min<std::uint64_t>({sys::kPipeBytes, budget, most}));
  const sys::Io io = sys::splice_in(from.fd, lane.pipe->in, wanted(lane, room));
  // PLANT(without-pipe)
  if (is_unsupported(io)) {
    pipes.give_up();
    lane.drop_block();
    return Flow::none;
  }
  if (io.outcome != sys::Outcome::done) return brought_nothing(lane, from, io);
  spend(budget, io.bytes);
  spend(most, io.bytes);
  lane.pipe->held = io.bytes;   // PLANT(pipe-holds)
  lane.framing.pass(io.bytes);  // PLANT(pipe-counted)
  return Flow::none;
}

// Brings one piece from the source, if there is anything to put it in.
Flow bring(Lane& lane, Endpoint& from, const Stores& stores, std::size_t& budget,
           std::uint64_t& most) noexcept {
  if (is_bulk(lane, stores.pipes) && change_to_pipe(lane, stores.pipes))
    return splice(lane, from, stores.pipes, budget, most);
  if (!lane.block) lane.block = stores.blocks.take();
  return lane.block ? refill(lane, from, budget, most) : Flow::no_block;
}

// The source has ended, and the sink is still to be told by a last chunk.
Flow bring_end(Lane& lane, base::BlockPool& blocks) noexcept {
  if (!lane.block) lane.block = blocks.take();
  if (!lane.block) return Flow::no_block;
  end_chunk(lane, 0, true);
  return Flow::none;
}

Flow run(Lane& lane, Endpoint& from, Endpoint& to, const Stores& stores, std::size_t& budget,
         std::uint64_t& most) noexcept {
  for (;;) {
    if (const Flow flow = drain(lane, to); flow != Flow::complete) return flow;  // PLANT(drain-before-end)
    if (lane.framing.complete()) return through(lane);
    const bool ends = from.eof && lane.framing.eof_completes();
    if (ends && lane.encoding != Encoding::chunked) return through(lane);
    if (from.eof && !ends) return broken_off(lane);
    if (!from.readable && !ends) return wait_to_read(lane);
    if (budget == 0) return Flow::budget;  // PLANT(read-within-budget)
    if (most == 0) return Flow::budget;
    const Flow flow = ends ? bring_end(lane, stores.blocks) : bring(lane, from, stores, budget, most);
    if (flow == Flow::need_read) return wait_to_read(lane);
    if (flow == Flow::read_failed && from.eof) {
      lane.begin = lane.end = 0;
      continue;
    }
    if (flow != Flow::none) return flow;
  }
}

// ---- from a feed -----------------------------------------------------------------------------------------

// The feed has said its last; the sink is still to be told by a last chunk.
Flow end_feed(Lane& lane) noexcept {
  if (!lane.framing.eof_completes()) return broken_off(lane);
  if (lane.encoding == Encoding::chunked) end_chunk(lane, 0, true);
  lane.framing = http::Framing{};
  return Flow::none;
}

// Brings one piece into the block, as a chunk if the sink is to have chunks.
Flow produce(Lane& lane, base::BodySource& feed, const Stores& stores, std::size_t& budget,
             std::uint64_t& most) noexcept {
  if (!lane.block) lane.block = stores.blocks.take();
  if (!lane.block) return Flow::no_block;
  const bool chunked = lane.encoding == Encoding::chunked;
  const std::size_t start = chunked ? kChunkHeadBytes : 0;
  const std::size_t block = base::kBlockBytes - (chunked ? kChunkHeadBytes + kChunkEndBytes : 0);
  const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(block, most));
  lane.begin = lane.end = static_cast<std::uint16_t>(start);
  const base::BodySource::Produced made =
      feed.produce({lane.block->bytes + start, lane.framing.wanted(room)});
  if (made.got == base::BodySource::Got::failed) return broken_off(lane);
  if (made.got == base::BodySource::Got::end) return end_feed(lane);
  spend(budget, made.bytes);
  spend(most, made.bytes);
  lane.framing.pass(made.bytes);
  lane.end = static_cast<std::uint16_t>(start + made.bytes);
  if (!chunked) return Flow::none;
  std::array<std::byte, kChunkHeadBytes> head;
  const std::size_t length = write_chunk_head(made.bytes, head.data());
  lane.begin = static_cast<std::uint16_t>(start - length);
  std::memcpy(lane.block->bytes + lane.begin, head.data(), length);
  end_chunk(lane, made.bytes, false);
  return Flow::none;
}

// Sends from the file. An end of the file means that it has become shorter.
Flow send_range(Lane& lane, base::BodySource& feed, const base::FileRange& range, Endpoint& to,
                std::size_t& budget, std::uint64_t& most) noexcept {
  lane.drop_block();
  if (!to.writable) return Flow::need_write;
  std::uint64_t offset = range.offset;
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>({range.length, budget, most}));
  const sys::Io io = sys::send_file(to.fd, range.fd, offset, wanted);
  switch (io.outcome) {
    case sys::Outcome::again: to.writable = false; return Flow::need_write;
    case sys::Outcome::eof: return broken_off(lane);
    case sys::Outcome::fail: lane.error = io.error; return Flow::write_failed;
    case sys::Outcome::done: break;
  }
  feed.sent(io.bytes);
  lane.framing.pass(io.bytes);
  lane.bytes_sent += io.bytes;
  spend(budget, io.bytes);
  spend(most, io.bytes);
  return Flow::none;
}

Flow run(Lane& lane, base::BodySource& feed, Endpoint& to, const Stores& stores, std::size_t& budget,
         std::uint64_t& most) noexcept {
  for (;;) {
    // PLANT(drain-before-complete)
    if (const Flow flow = drain(lane, to); flow != Flow::complete) return flow;
    if (lane.framing.complete()) return through(lane);
    if (budget == 0 || most == 0) return Flow::budget;
    const base::FileRange range = lane.encoding == Encoding::plain ? feed.range() : base::FileRange{};
    const Flow flow = range.fd >= 0 ? send_range(lane, feed, range, to, budget, most)
                                    : produce(lane, feed, stores, budget, most);
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
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::size_t length = 0;
  for (int shift = 12; shift >= 0; shift -= 4)
    if (length > 0 || size >> shift != 0)
      out[length++] = static_cast<std::byte>(kDigits[size >> shift & 0xf]);
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
  if (io.outcome != sys::Outcome::done) return brought_nothing(lane, from, io);
  // A short read emptied the socket: what comes next makes a new edge. Not so for the end of the stream,
  // whose edge may have been reported together with these bytes.
  // PLANT(short-read-ends-readiness)
  if (io.bytes < room && !from.finished && !from.hung) from.readable = false;
  lane.end = static_cast<std::uint16_t>(lane.end + io.bytes);
  return Flow::none;
}

Flow drain(Lane& lane, Endpoint& to) noexcept {
  while (lane.held() > 0) {
    if (!to.writable) return Flow::need_write;
    const sys::Io io = lane.pipe ? sys::splice_out(lane.pipe->out, to.fd, lane.pipe->held)
                                 : sys::transmit(to.fd, lane.content());
    if (io.outcome == sys::Outcome::again) {
      to.writable = false;
      return Flow::need_write;
    }
    if (io.outcome != sys::Outcome::done) {
      lane.error = io.error;
      to.error_consumed |= !to.orderly_fin;  // the error of a socket is told once, and then it reads as ended
      return Flow::write_failed;
    }
    lane.sent(io.bytes);
  }
  if (!lane.repeatable && lane.pipelined_end == 0) lane.begin = lane.end = 0;  // PLANT(empty-lane-begins)
  return Flow::complete;
}

Flow pump(Lane& lane, Endpoint& from, Endpoint& to, const Stores& stores, std::size_t& budget,
          std::uint64_t& most) noexcept {
  lane.flow = run(lane, from, to, stores, budget, most);
  return lane.flow;
}

Flow pump(Lane& lane, base::BodySource& feed, Endpoint& to, const Stores& stores, std::size_t& budget,
          std::uint64_t& most) noexcept {
  lane.flow = run(lane, feed, to, stores, budget, most);
  return lane.flow;
}

Flow discard(Lane& lane, Endpoint& from, base::BlockPool& blocks, std::size_t& budget) noexcept {
  lane.drop_block();
  if (from.eof) return lane.flow = Flow::complete;
  const base::BlockPtr scratch = blocks.take();
  if (!scratch) return lane.flow = Flow::no_block;
  while (from.readable && budget > 0) {
    const sys::Io io = sys::receive(from.fd, scratch->bytes);
    if (io.outcome == sys::Outcome::eof) from.eof = true;
    if (io.outcome != sys::Outcome::done) from.readable = false;
    if (io.outcome == sys::Outcome::fail) return lane.flow = Flow::read_failed;
    spend(budget, io.bytes);
  }
  if (from.eof) return lane.flow = Flow::complete;
  return lane.flow = from.readable ? Flow::budget : Flow::need_read;
}

}  // namespace net
