#include "quota.hpp"

#include <algorithm>

using net::Flow;

namespace state {

std::uint64_t allowance(const request_info& record, const Turn& turn, const Worker& worker,
                        Way way) noexcept {
  if (turn.asleep) return 0;
  if (turn.limits() == nullptr) return plan::kUnlimited;
  const std::uint64_t bytes = turn.limits()->bytes_allowed(record.client, worker.now);
  const bool both_ways = record.state == State::READ_RESPONSE || record.state == State::SEND_RESPONSE;
  return way == kRequest && both_ways ? bytes - bytes / 2 : bytes;
}

namespace {

// TCP echo sends to the client what it reads from it.
net::Endpoint& source(request_info& record, Way way) noexcept {
  const bool echoed = way == kResponse && record.exchange->route.kind == plan::Kind::echo;
  return record.side[way == kRequest || echoed ? kClient : kUpstream];
}

}  // namespace

void charge(const request_info& record, Turn& turn, std::uint64_t bytes) noexcept {
  turn.charged += bytes;
  if (turn.limits() != nullptr && bytes > 0) turn.limits()->spent(record.client, bytes);
}

bool may_work(Turn& turn, const Worker& worker) noexcept {
  const bool is_next = worker.serving == Share::work || !worker.scheduler.awaited(Share::work);
  const bool may = is_next && !worker.budget.exhausted();  // PLANT(work-within-budget)
  if (!may) turn.awaits = Share::work;
  return may;
}

namespace {

// Sends a body of the proxy's own.
Flow pump_source(request_info& record, Turn& turn, Worker& worker, std::uint64_t& left) noexcept {
  net::Lane& lane = record.lane[kResponse];
  if (!may_work(turn, worker)) return lane.flow = Flow::budget;
  base::BodySource& source = *record.body_source;
  const std::uint64_t work_before = source.work();
  std::size_t& share = turn.budget[kResponse];
  // Bytes that are computed take longer than those of a file.
  if (source.range().fd < 0) share = std::min(share, base::TurnBudget::kShareMin);
  const Flow flow = net::pump(lane, source, record.side[kClient], turn.stores, share, left);
  worker.budget.spend(source.work() - work_before);  // PLANT(charge-work)
  return flow;
}

}  // namespace

Flow pump_lane(request_info& record, Turn& turn, Worker& worker, Way way) noexcept {
  net::Endpoint& from = source(record, way);
  net::Endpoint& to = record.side[way == kRequest ? kUpstream : kClient];
  const std::uint64_t may = allowance(record, turn, worker, way);
  std::uint64_t left = may;
  const bool fed = way == kResponse && record.body_source != nullptr;
  const Flow flow = fed ? pump_source(record, turn, worker, left)
                        : net::pump(record.lane[way], from, to, turn.stores, turn.budget[way], left);
  charge(record, turn, may - left);  // PLANT(charge-client)
  turn.throttled |= flow == Flow::budget && turn.budget[way] > 0 && turn.awaits == Share::none;
  return flow;
}

Flow fill_line(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& in = record.lane[kResponse];
  const std::uint64_t may = allowance(record, turn, worker, kResponse);
  std::size_t& budget = turn.budget[kRequest];
  turn.throttled |= may == 0 && budget > 0;
  if (may == 0 || budget == 0) return Flow::budget;
  const std::size_t before = in.end;
  const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(base::kBlockBytes - before, may));
  const Flow flow = net::fill(in, record.side[kClient], room);
  budget -= std::min<std::size_t>(budget, in.end - before);
  charge(record, turn, in.end - before);
  return flow;
}

Flow fill_head(request_info& record, Turn& turn, Worker& worker, Way way) noexcept {
  net::Lane& lane = record.lane[way];
  net::Endpoint& from = record.side[way == kRequest ? kClient : kUpstream];
  const std::uint64_t may = allowance(record, turn, worker, way);
  if (may == 0 && from.readable) {
    turn.throttled = true;
    return lane.flow = Flow::budget;
  }
  if (turn.budget[way] == 0) return lane.flow = Flow::budget;
  const std::size_t before = lane.end;
  lane.flow = net::fill(
      lane, from, static_cast<std::size_t>(std::min<std::uint64_t>(worker.head_limits.bytes - before, may)));
  turn.budget[way] -= std::min<std::size_t>(turn.budget[way], lane.end - before);
  charge(record, turn, lane.end - before);
  return lane.flow;
}

Flow discard(request_info& record, Turn& turn, Worker& worker) noexcept {
  const std::uint64_t may = allowance(record, turn, worker, kResponse);  // all of it: no response is left
  auto most = static_cast<std::size_t>(std::min<std::uint64_t>(turn.budget[kRequest], may));
  const std::size_t before = most;
  const Flow flow = net::discard(record.lane[kRequest], record.side[kClient], worker.blocks, most);
  turn.budget[kRequest] -= before - most;
  charge(record, turn, before - most);
  return flow;
}

}  // namespace state
