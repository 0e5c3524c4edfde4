#include "turn.hpp"

#include "../sys/sys.hpp"
#include "bookkeeping.hpp"
#include "timeouts.hpp"

using plan::Wait;

namespace {

// Without a timeout, TCP keep-alive ends the wait for a peer that is gone.
void start_timer(request_info& record, Worker& worker, Wait wait) noexcept {
  const std::uint32_t ms = state::timeout_ms(record, wait);
  if (ms == 0 && record.wait != wait)
    for (const net::Endpoint& side : record.side)
      if (side.fd) sys::probe_peer(side.fd);
  worker.scheduler.start_timer(record, wait, worker.now + (ms == 0 ? state::kNever : ms));
}

// What the trace says about a wait: the bytes of an incomplete head, or those that were sent in this turn.
std::uint64_t bytes_to_trace(const request_info& record, std::uint64_t progress) noexcept {
  if (record.state == State::READ_REQUEST) return record.lane[kRequest].end;
  return record.state == State::READ_RESPONSE ? record.lane[kResponse].end : progress;
}

void wait(request_info& record, const Turn& turn, Worker& worker, Wait wait) noexcept {
  const std::uint64_t progress = state::bytes_sent(record) - turn.sent_before;
  if (record.wait == wait && progress == 0) return;
  // PLANT(wait-has-deadline)
  if (record.wait != wait || plan::row(wait).restarts) start_timer(record, worker, wait);
  state::trace(record, worker, base::TraceEvent::waited,
               static_cast<std::int64_t>(bytes_to_trace(record, progress)), static_cast<std::uint8_t>(wait));
}

// A timer that counts the wait's total goes on while the record yields.
void yield(request_info& record, const Turn& turn, Worker& worker, Wait wait) noexcept {
  if (wait == Wait::none) worker.scheduler.stop_timer(record);
  if (record.wait != wait) start_timer(record, worker, wait);
  if (turn.awaits == Share::none) return worker.scheduler.wake(record);
  worker.scheduler.wait_for_share(record, turn.awaits);
}

// What a client may read meanwhile is for all its records, so they take turns: a record that has read
// something yields once before it sleeps, and so runs after those that have read nothing. Events do not end
// the sleep, or a busy connection would take all.
void throttle(request_info& record, const Turn& turn, Worker& worker, Wait then) noexcept {
  record.used_allowance = turn.charged > 0;
  if (record.used_allowance) return yield(record, turn, worker, then);
  wait(record, turn, worker, Wait::throttle);
}

std::uint8_t blocks_of(const request_info& record) noexcept {
  const bool of_handshake = record.handshake && record.handshake->lane.block;
  return static_cast<std::uint8_t>((record.lane[kRequest].block ? 1 : 0) +
                                   (record.lane[kResponse].block ? 1 : 0) + (of_handshake ? 1 : 0));
}

void note_share(const request_info& record, const Turn& turn, Worker& worker, const Result& result) noexcept {
  const std::uint8_t blocks = blocks_of(record);
  const bool has_request = record.exchange || blocks > 0;
  worker.shares.update(worker.table.slot_of(record),
                       {.idle = result.what == Result::What::wait && !has_request,
                        .moved = state::bytes_sent(record) != turn.sent_before,
                        .blocks = blocks});
}

}  // namespace

http::ProxyFields response_fields(const request_info& record, const Turn& turn, const Worker& worker,
                                  http::ServerTiming& timing) noexcept {
  http::ProxyFields fields = turn.hop(record, worker.date);
  if (!turn.config().server_timing || !record.exchange) return fields;
  state::add_times(record, worker.now, timing);
  fields.timing = &timing;
  return fields;
}

void end_turn(request_info& record, const Turn& turn, Worker& worker, const Result& result) noexcept {
  const bool may_sleep = result.wait == Wait::none || plan::row(result.wait).restarts;
  note_share(record, turn, worker, result);
  switch (result.what) {
    case Result::What::wait: return wait(record, turn, worker, result.wait);
    case Result::What::need_block:
      wait(record, turn, worker, result.wait);  // PLANT(starving-has-deadline)
      return worker.scheduler.wait_for_block(record, worker.now);
    default:
      // PLANT(throttled-sleeps)
      if (turn.throttled && may_sleep && turn.awaits == Share::none)
        return throttle(record, turn, worker, result.wait);
      return yield(record, turn, worker, result.wait);
  }
}
