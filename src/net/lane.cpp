#include "lane.hpp"

#include <algorithm>

namespace net {
namespace {

void spend(std::size_t& budget, std::size_t bytes) noexcept { budget -= std::min(budget, bytes); }

// The lane waits for its source: an empty block would only wait with it.
Flow wait_to_read(Lane& lane) noexcept {
  lane.drop_block();
  return Flow::need_read;
}

Flow end_of_stream(Lane& lane) noexcept {
  lane.drop_block();
  if (lane.framing.eof_completes()) return Flow::complete;
  lane.error = 0;
  return Flow::read_failed;
}

// Brings one piece from the source into the empty block: none if some of it is content or more may come at
// once.
Flow refill(Lane& lane, Endpoint& from, std::size_t& budget) noexcept {
  const std::size_t start = lane.end;
  const Flow flow = fill(lane, from, lane.framing.wanted(base::kBlockBytes));
  if (flow != Flow::none) return flow;
  spend(budget, lane.end - start);
  const auto taken = lane.framing.take({lane.block->bytes + start, lane.end - start});
  lane.end = static_cast<std::uint16_t>(start + taken.payload);
  return taken.bad ? Flow::bad_framing : Flow::none;
}

Flow run(Lane& lane, Endpoint& from, Endpoint& to, base::BlockPool& blocks, std::size_t& budget) noexcept {
  for (;;) {
    if (const Flow flow = drain(lane, to); flow != Flow::complete) return flow;
    if (lane.framing.complete()) {
      lane.drop_block();
      return Flow::complete;
    }
    if (from.eof) return end_of_stream(lane);
    if (!from.readable) return wait_to_read(lane);
    if (budget == 0) return Flow::budget;
    if (!lane.block) lane.block = blocks.take();
    if (!lane.block) return Flow::no_block;
    const Flow flow = refill(lane, from, budget);
    if (flow == Flow::need_read) return wait_to_read(lane);
    if (flow == Flow::read_failed && from.eof) return end_of_stream(lane);
    if (flow != Flow::none) return flow;
  }
}

}  // namespace

Flow fill(Lane& lane, Endpoint& from, std::size_t room) noexcept {
  if (!from.readable) return Flow::need_read;
  const sys::Io io = sys::receive(from.fd, {lane.block->bytes + lane.end, room});
  switch (io.outcome) {
    case sys::Outcome::again: from.readable = false; return Flow::need_read;
    case sys::Outcome::eof:
      from.readable = false;
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
      return Flow::write_failed;
    }
    lane.begin = static_cast<std::uint16_t>(lane.begin + io.bytes);
    lane.moved += io.bytes;
  }
  lane.begin = lane.end = 0;
  return Flow::complete;
}

Flow pump(Lane& lane, Endpoint& from, Endpoint& to, base::BlockPool& blocks, std::size_t& budget) noexcept {
  lane.flow = run(lane, from, to, blocks, budget);
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
