// How many bytes a record may read: its share of a turn, and what its client is allowed (--client-bytes).
// Every byte counts once, when it is read, whichever way it goes.
//
// A record whose client may move no more sleeps for a moment. What comes in meanwhile is for all of the
// client's records, so they take turns: who has had something yields once before it sleeps, and so stands
// behind those who had nothing. Events do not end the sleep, or a lively connection would have it all.
#include <algorithm>

#include "parts.hpp"

using net::Flow;

namespace state {

namespace {

// What the client may move now. Where both ways may run at once, the upload, which runs first, leaves half.
std::uint64_t allowed(const request_info& record, Turn& turn, Worker& worker, Way way) noexcept {
  if (turn.asleep) return 0;
  if (turn.limits() == nullptr) return plan::kUnlimited;
  const std::uint64_t bytes = turn.limits()->bytes_allowed(record.client, worker.now);
  const bool both_ways = record.state == State::READ_RESPONSE || record.state == State::SEND_RESPONSE;
  return way == kRequest && both_ways ? bytes - bytes / 2 : bytes;
}

// An echo goes back to where it came from.
net::Endpoint& source(request_info& record, Way way) noexcept {
  const bool echoed = way == kResponse && record.exchange->kind == plan::Kind::echo;
  return record.side[way == kRequest || echoed ? kClient : kUpstream];
}

}  // namespace

void spend(const request_info& record, Turn& turn, std::uint64_t bytes) noexcept {
  turn.charged += bytes;
  if (turn.limits() != nullptr && bytes > 0) turn.limits()->spent(record.client, bytes);
}

Flow pump(request_info& record, Turn& turn, Worker& worker, Way way) noexcept {
  net::Endpoint& from = source(record, way);
  net::Endpoint& to = record.side[way == kRequest ? kUpstream : kClient];
  const std::uint64_t may = allowed(record, turn, worker, way);
  std::uint64_t left = may;
  const bool fed = way == kResponse && record.feed != nullptr;
  const Flow flow = fed ? net::pump(record.lane[way], *record.feed, to, worker.stores, turn.budget[way], left)
                        : net::pump(record.lane[way], from, to, worker.stores, turn.budget[way], left);
  spend(record, turn, may - left);  // PLANT(charge-client)
  turn.throttled |= flow == Flow::budget && turn.budget[way] > 0;
  return flow;
}

Flow fill_line(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& in = record.lane[kResponse];
  const std::uint64_t may = allowed(record, turn, worker, kResponse);
  std::size_t& budget = turn.budget[kRequest];
  turn.throttled |= may == 0 && budget > 0;
  if (may == 0 || budget == 0) return Flow::budget;
  const std::size_t before = in.end;
  const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(base::kBlockBytes - before, may));
  const Flow flow = net::fill(in, record.side[kClient], room);
  budget -= std::min<std::size_t>(budget, in.end - before);
  spend(record, turn, in.end - before);
  return flow;
}

Flow fill_head(request_info& record, Turn& turn, Worker& worker, Way way) noexcept {
  net::Lane& lane = record.lane[way];
  net::Endpoint& from = record.side[way == kRequest ? kClient : kUpstream];
  const std::uint64_t may = allowed(record, turn, worker, way);
  if (may == 0 && from.readable) {
    turn.throttled = true;
    return lane.flow = Flow::budget;
  }
  const std::size_t before = lane.end;
  lane.flow = net::fill(lane, from,
                        static_cast<std::size_t>(std::min<std::uint64_t>(http::kHeadBytesMax - before, may)));
  spend(record, turn, lane.end - before);
  return lane.flow;
}

void throttle(request_info& record, Turn& turn, Worker& worker, const Result& result) noexcept {
  record.had_share = turn.charged > 0;
  if (record.had_share) return yield_turn(record, turn, worker, result.wait);
  pause(record, turn, worker, Wait::throttle);
}

}  // namespace state
