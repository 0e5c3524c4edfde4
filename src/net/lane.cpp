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
  if (!lane.repeatable && lane.ahead() == 0) lane.drop_block();
  return Flow::complete;
}

Flow broken_off(Lane& lane) noexcept {
  lane.drop_block();
  lane.error = 0;
  return Flow::read_failed;
}

// Brings one piece from the source into the empty block, as a chunk if the sink is to have chunks: none if
// some of it is content or more may come at once.
Flow refill(Lane& lane, Endpoint& from, std::size_t& budget, std::uint64_t& most) noexcept {
  const bool chunked = lane.encoding == Encoding::chunked;
  const std::size_t start = chunked ? kChunkHeadBytes : 0;
  const std::size_t block = base::kBlockBytes - (chunked ? kChunkHeadBytes + kChunkEndBytes : 0);
  const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(block, most));
  lane.begin = lane.end = static_cast<std::uint16_t>(start);
  const std::size_t wanted = lane.shared ? lane.framing.certain(room) : lane.framing.wanted(room);
  if (const Flow flow = fill(lane, from, wanted); flow != Flow::none) return flow;
  const std::size_t came = lane.end - start;
  spend(budget, came);
  spend(most, came);
  const auto taken = lane.framing.take({lane.block->bytes + start, came});
  if (taken.bad) return Flow::bad_framing;
  lane.surplus |= taken.consumed < came;
  lane.end = static_cast<std::uint16_t>(start + taken.payload);
  if (!chunked) return Flow::none;
  std::array<std::byte, kChunkHeadBytes> head;
  const std::size_t length = taken.payload > 0 ? write_chunk_head(taken.payload, head.data()) : 0;
  lane.begin = static_cast<std::uint16_t>(start - length);
  std::memcpy(lane.block->bytes + lane.begin, head.data(), length);
  end_chunk(lane, taken.payload, lane.framing.complete());
  return Flow::none;
}

Flow run(Lane& lane, Endpoint& from, Endpoint& to, base::BlockPool& blocks, std::size_t& budget,
         std::uint64_t& most) noexcept {
  for (;;) {
    if (const Flow flow = drain(lane, to); flow != Flow::complete) return flow;
    if (lane.framing.complete()) return through(lane);
    const bool ends = from.eof && lane.framing.eof_completes();
    if (ends && lane.encoding != Encoding::chunked) return through(lane);
    if (from.eof && !ends) return broken_off(lane);
    if (!from.readable && !ends) return wait_to_read(lane);
    if (budget == 0) return Flow::budget;
    if (most == 0) return Flow::budget;
    if (!lane.block) lane.block = blocks.take();
    if (!lane.block) return Flow::no_block;
    if (ends) {
      end_chunk(lane, 0, true);
      continue;
    }
    const Flow flow = refill(lane, from, budget, most);
    if (flow == Flow::need_read) return wait_to_read(lane);
    if (flow == Flow::read_failed && from.eof) {
      lane.begin = lane.end = 0;
      continue;
    }
    if (flow != Flow::none) return flow;
  }
}

}  // namespace

void Lane::turn_page() noexcept {
  const std::size_t next = ahead();
  if (next == 0) return drop_block();
  std::memmove(block->bytes, block->bytes + end, next);
  begin = tail = 0;
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
  put("0\r\n\r\n");
  lane.encoding = Encoding::ended;
}

Flow fill(Lane& lane, Endpoint& from, std::size_t room) noexcept {
  if (!from.readable) return Flow::need_read;
  const sys::Io io = sys::receive(from.fd, {lane.block->bytes + lane.end, room});
  switch (io.outcome) {
    case sys::Outcome::again: from.readable = false; return Flow::need_read;
    case sys::Outcome::eof:
      from.readable = false;
      if (from.broken) {
        lane.error = ECONNRESET;
        return Flow::read_failed;
      }
      from.finished = from.eof = true;
      lane.error = 0;
      return Flow::read_failed;
    case sys::Outcome::fail:
      from.readable = false;
      lane.error = io.error;
      return Flow::read_failed;
    case sys::Outcome::done: break;
  }
  // A short read emptied the socket: what comes next makes a new edge. Not so for the end of the stream,
  // whose edge may have been reported together with these bytes.
  if (io.bytes < room && !from.finished && !from.hung) from.readable = false;
  lane.end = static_cast<std::uint16_t>(lane.end + io.bytes);
  return Flow::none;
}

Flow drain(Lane& lane, Endpoint& to) noexcept {
  while (lane.held() > 0) {
    if (!to.writable) return Flow::need_write;
    const sys::Io io = sys::transmit(to.fd, lane.content());
    if (io.outcome == sys::Outcome::again) {
      to.writable = false;
      return Flow::need_write;
    }
    if (io.outcome != sys::Outcome::done) {
      lane.error = io.error;
      to.broken |= !to.said_end;  // the error of a socket is told once, and then it reads as ended
      return Flow::write_failed;
    }
    lane.begin = static_cast<std::uint16_t>(lane.begin + io.bytes);
    lane.moved += io.bytes;
  }
  if (!lane.repeatable && lane.tail == 0) lane.begin = lane.end = 0;
  return Flow::complete;
}

Flow pump(Lane& lane, Endpoint& from, Endpoint& to, base::BlockPool& blocks, std::size_t& budget,
          std::uint64_t& most) noexcept {
  lane.flow = run(lane, from, to, blocks, budget, most);
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
