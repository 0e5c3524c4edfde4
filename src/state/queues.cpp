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

// ms.
std::uint32_t longest(const request_info& record, const Turn& turn, Wait wait) noexcept {
  const bool has_own = wait == Wait::response_head && record.exchange && record.exchange->answer_ms != 0;
  return has_own ? record.exchange->answer_ms : turn.config().wait(wait);
}

// What is told of a wait: the bytes of a head that is not whole yet, or those that were moved.
std::uint64_t bytes_to_tell(const request_info& record, std::uint64_t progress) noexcept {
  if (record.state == State::READ_REQUEST) return record.lane[kRequest].end;
  return record.state == State::READ_RESPONSE ? record.lane[kResponse].end : progress;
}

}  // namespace

void pause(request_info& record, Turn& turn, Worker& worker, Wait wait) noexcept {
  const std::uint64_t progress = moved(record) - turn.moved_before;
  if (record.wait == wait && progress == 0) return;
  if (record.wait != wait || plan::row(wait).restarts)
    worker.scheduler.start_timer(record, wait, worker.now + longest(record, turn, wait));
  note(record, worker, TraceEvent::waited, static_cast<std::int64_t>(bytes_to_tell(record, progress)),
       static_cast<std::uint8_t>(wait));
}

// A record that runs again at once waits for nobody; but a wait that counts in total goes on.
void yield_turn(request_info& record, Turn& turn, Worker& worker, Wait wait) noexcept {
  if (wait != Wait::none && record.wait != wait)
    worker.scheduler.start_timer(record, wait, worker.now + longest(record, turn, wait));
  if (wait == Wait::none) worker.scheduler.stop_timer(record);
  worker.scheduler.wake(record);
}

}  // namespace state

using namespace state;

namespace {

// The upstream of the record, or one that is racing to become it; null: neither, any more.
net::Endpoint* endpoint_of(request_info& record, std::uint32_t serial) noexcept {
  if (record.side[kUpstream].serial == serial) return &record.side[kUpstream];  // PLANT(serial-of-attempt)
  return record.approach ? record.approach->race.find(serial) : nullptr;
}

void deliver_to_client(const net::Token& token, const sys::Event& event, Worker& worker) noexcept {
  request_info* const record = worker.table.find(token);
  if (record == nullptr) return;
  record->side[kClient].mark(event);
  worker.scheduler.wake(*record);
}

void deliver_to_upstream(const net::Token& token, const sys::Event& event, Worker& worker) noexcept {
  const std::uint32_t slot = worker.upstreams.owner(token);
  if (slot == base::kNoIndex) return;
  request_info& record = worker.table.at(slot);
  net::Endpoint* const upstream = endpoint_of(record, token.serial);
  if (upstream == nullptr) return;
  upstream->mark(event);
  worker.scheduler.wake(record);
}

}  // namespace

void deliver(const net::Token& token, const sys::Event& event, Worker& worker) noexcept {
  if (token.kind == net::Token::Kind::client) return deliver_to_client(token, event, worker);
  deliver_to_upstream(token, event, worker);
}

void drain(Worker& worker) noexcept {
  worker.draining = true;
  for (std::uint32_t slot = 0; slot < worker.table.touched(); ++slot)
    if (request_info& record = worker.table.at(slot); record.state == State::READ_REQUEST)
      worker.scheduler.wake(record);
}

std::size_t under_way(const Worker& worker) noexcept {
  std::size_t count = 0;
  for (std::uint32_t slot = 0; slot < worker.table.touched(); ++slot) {
    const request_info& record = worker.table.at(slot);
    count += record.exchange || record.state == State::READ_REQUEST ? 1 : 0;
  }
  return count;
}
