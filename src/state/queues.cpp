// Who runs, who waits, and until when.
#include <algorithm>
#include <cassert>

#include "../base/trace.hpp"
#include "../plan/generation.hpp"
#include "parts.hpp"

using base::TraceEvent;
using net::Link;

namespace state {

namespace {

// The queue is in the order of ending. Nearly all records of one wait have the same time-out, so it is in the
// order of starting too: but for what a route says of its own, and for what an older configuration said.
void start_timer(request_info& record, Services& services, Wait wait, std::uint32_t ms) noexcept {
  stop_timer(record, services);
  record.wait = wait;
  record.deadline = services.now + ms;
  const auto later = [&table = services.table](std::uint32_t one, std::uint32_t other) {
    return table.at(one).deadline > table.at(other).deadline;
  };
  services.timers[static_cast<std::size_t>(wait)].insert(services.table.slot_of(record), later);
}

// ms.
std::uint32_t longest(const request_info& record, const Services& services, Wait wait) noexcept {
  const bool has_own = wait == Wait::response_head && record.exchange && record.exchange->answer_ms != 0;
  return has_own ? record.exchange->answer_ms : services.config->wait(wait);
}

// What is told of a wait: the bytes of a head that is not whole yet, or those that were moved.
std::uint64_t bytes_to_tell(const request_info& record, std::uint64_t progress) noexcept {
  if (record.state == State::READ_REQUEST) return record.lane[kRequest].end;
  return record.state == State::READ_RESPONSE ? record.lane[kResponse].end : progress;
}

}  // namespace

void stop_timer(request_info& record, Services& services) noexcept {
  if (record.timer.linked())
    services.timers[static_cast<std::size_t>(record.wait)].remove(services.table.slot_of(record));
  record.wait = Wait::none;
}

void leave_queue(request_info& record, Services& services) noexcept {
  if (!record.ready.linked()) return;
  (record.starved ? services.starved : services.ready).remove(services.table.slot_of(record));
  record.starved = false;
}

void pause(request_info& record, Services& services, Wait wait, std::uint64_t moved_before) noexcept {
  const std::uint64_t progress = moved(record) - moved_before;
  if (record.wait == wait && progress == 0) return;
  if (record.wait != wait || plan::row(wait).restarts)
    start_timer(record, services, wait, longest(record, services, wait));
  note(record, services, TraceEvent::waited, static_cast<std::int64_t>(bytes_to_tell(record, progress)),
       static_cast<std::uint8_t>(wait));
}

// A record that runs again at once waits for nobody; but a wait that counts in total goes on.
void yield_turn(request_info& record, Services& services, Wait wait) noexcept {
  if (wait != Wait::none && record.wait != wait)
    start_timer(record, services, wait, longest(record, services, wait));
  if (wait == Wait::none) stop_timer(record, services);
  services.ready.push(services.table.slot_of(record));
}

}  // namespace state

using namespace state;

namespace {

// The upstream of the record, or one that is racing to become it; null: neither, any more.
net::Endpoint* endpoint_of(request_info& record, std::uint32_t serial) noexcept {
  if (record.side[kUpstream].serial == serial) return &record.side[kUpstream];  // PLANT(serial-of-attempt)
  return record.approach ? record.approach->race.find(serial) : nullptr;
}

void deliver_to_client(const net::Token& token, const sys::Event& event, Services& services) noexcept {
  request_info* const record = services.table.find(token);
  if (record == nullptr) return;
  record->side[kClient].mark(event);
  wake(*record, services);
}

void deliver_to_upstream(const net::Token& token, const sys::Event& event, Services& services) noexcept {
  const std::uint32_t slot = services.upstreams.owner(token);
  if (slot == base::kNoIndex) return;
  request_info& record = services.table.at(slot);
  net::Endpoint* const upstream = endpoint_of(record, token.serial);
  if (upstream == nullptr) return;
  upstream->mark(event);
  wake(record, services);
}

}  // namespace

void deliver(const net::Token& token, const sys::Event& event, Services& services) noexcept {
  if (token.kind == net::Token::Kind::client) return deliver_to_client(token, event, services);
  deliver_to_upstream(token, event, services);
}

void wake(request_info& record, Services& services) noexcept {
  if (record.starved) leave_queue(record, services);
  if (!record.ready.linked()) services.ready.push(services.table.slot_of(record));
}

void expire(Services& services) noexcept {
  for (std::size_t i = 0; i < plan::kWaits; ++i) {
    TimerQueue& queue = services.timers[i];
    while (!queue.empty() && services.table.at(queue.front()).deadline <= services.now) {
      request_info& record = services.table.at(queue.front());
      stop_timer(record, services);
      record.verdict = plan::kWaitRows[i].reason;
      wake(record, services);
    }
  }
}

void drain(Services& services) noexcept {
  services.draining = true;
  for (std::uint32_t slot = 0; slot < services.table.touched(); ++slot)
    if (request_info& record = services.table.at(slot); record.state == State::READ_REQUEST)
      wake(record, services);
}

std::size_t under_way(Services& services) noexcept {
  std::size_t count = 0;
  for (std::uint32_t slot = 0; slot < services.table.touched(); ++slot) {
    const request_info& record = services.table.at(slot);
    count += record.exchange || record.state == State::READ_REQUEST ? 1 : 0;
  }
  return count;
}

std::uint64_t next_deadline(Services& services) noexcept {
  std::uint64_t next = 0;
  for (const TimerQueue& queue : services.timers) {
    if (queue.empty()) continue;
    const std::uint64_t deadline = services.table.at(queue.front()).deadline;
    if (next == 0 || deadline < next) next = deadline;
  }
  return next;
}
