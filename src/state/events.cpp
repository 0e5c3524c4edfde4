#include "events.hpp"

#include "bookkeeping.hpp"

namespace {

void note(const request_info& record, const sys::Event& event, Side side, Worker& worker) noexcept {
  using base::TraceEntry;
  state::trace(record, worker, base::TraceEvent::notified, side,
               static_cast<std::uint8_t>((event.readable ? TraceEntry::kReadable : 0) |
                                         (event.writable ? TraceEntry::kWritable : 0) |
                                         (event.finished ? TraceEntry::kFinished : 0) |
                                         (event.hung ? TraceEntry::kHung : 0)),
               0, event.forced);
}

// The record's upstream endpoint, or a connection attempt, with that serial number; null if it is closed.
net::Endpoint* endpoint_of(request_info& record, std::uint32_t serial) noexcept {
  if (record.side[kUpstream].serial == serial) return &record.side[kUpstream];  // PLANT(serial-of-attempt)
  return record.exchange ? record.exchange->connector.find(serial) : nullptr;
}

// Sets the marks. An event that sets none, for a record that waits, is counted: a level-triggered loop would
// have many.
void mark(net::Endpoint& side, const sys::Event& event, const request_info& record, Worker& worker) noexcept {
  const bool is_new = (event.readable && !side.readable) || (event.writable && !side.writable) ||
                      (event.finished && !side.finished) || (event.hung && !side.hung);
  side.mark(event);
  if (record.viewer) {
    ++worker.viewer_events;
    return;
  }
  ++worker.events;
  worker.idle_events += is_new || record.ready.linked() ? 0 : 1;
}

void deliver_to_client(const net::Token& token, const sys::Event& event, Worker& worker) noexcept {
  request_info* const record = worker.table.find(token);
  if (record == nullptr) return;
  mark(record->side[kClient], event, *record, worker);
  note(*record, event, kClient, worker);
  worker.shares.touch(token.slot);
  worker.scheduler.wake(*record);
}

void deliver_to_upstream(const net::Token& token, const sys::Event& event, Worker& worker) noexcept {
  const std::uint32_t slot = worker.upstreams.owner(token);
  if (slot == base::kNoIndex) return;
  request_info& record = worker.table.at(slot);
  net::Endpoint* const upstream = endpoint_of(record, token.serial);
  if (upstream == nullptr) return;
  mark(*upstream, event, record, worker);
  note(record, event, kUpstream, worker);
  worker.shares.touch(slot);
  worker.scheduler.wake(record);
}

}  // namespace

void deliver(const net::Token& token, const sys::Event& event, Worker& worker) noexcept {
  if (token.kind == net::Token::Kind::client) return deliver_to_client(token, event, worker);
  deliver_to_upstream(token, event, worker);
}

void begin_drain(Worker& worker) noexcept {
  worker.draining = true;
  for (std::uint32_t slot = 0; slot < worker.table.touched(); ++slot)
    if (request_info& record = worker.table.at(slot); record.state == State::READ_REQUEST)
      worker.scheduler.wake(record);
}

std::size_t used_by_clients(const Worker& worker) noexcept { return worker.table.used() - worker.viewers; }

std::size_t requests_in_flight(const Worker& worker) noexcept {
  std::size_t count = 0;
  for (std::uint32_t slot = 0; slot < worker.table.touched(); ++slot) {
    const request_info& record = worker.table.at(slot);
    if (record.viewer) continue;
    count += record.exchange || record.state == State::READ_REQUEST ? 1 : 0;
  }
  return count;
}
