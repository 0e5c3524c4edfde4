#include "finish.hpp"

#include <utility>

#include "bookkeeping.hpp"
#include "upstream.hpp"

using base::Reason;
using net::Flow;
using plan::Wait;

namespace state {

namespace {

// Prepares the record for the client's next request. Some of its bytes may have been read.
Result next_request(request_info& record, Worker& worker) noexcept {
  end_exchange(record, Reason::complete, worker);
  for (net::Lane& lane : record.lane) {
    lane.shift_pipelined();
    net::Lane fresh;
    fresh.block = std::move(lane.block);
    fresh.end = lane.end;
    fresh.bytes_sent = lane.bytes_sent;
    lane = std::move(fresh);
  }
  record.body_source.reset();
  ++record.served;
  return Event::response_sent;  // PLANT(read-next-request)
}

}  // namespace

Result abort_response(request_info& record, Reason reason, Reason detail) noexcept {
  record.exchange->log.detail = detail;
  record.exchange->log.error = record.lane[kResponse].error;
  return close_connection(reason);
}

Result lingering_close(request_info& record, Turn& turn, Worker& worker) noexcept {
  switch (discard(record, turn, worker)) {
    case Flow::need_read: return wait_for(Wait::linger);
    // A client that has used up its allowance has its response: the proxy stops reading.
    case Flow::budget: return turn.budget[kRequest] > 0 ? wait_for(Wait::linger) : yield(Wait::linger);
    case Flow::no_block: return need_block(Wait::linger);
    default: return close_connection(Reason::complete);
  }
}

bool release_retained_block(request_info& record) noexcept {
  net::Lane& request = record.lane[kRequest];
  if (!request.block || !(request.complete() || request.sink_closed)) return false;
  MessageInfo& message = record.exchange->message;
  if (request.pipelined() > 0) {
    if (message.upgrade) return false;  // the bytes may be for the other protocol
    message.keep_alive = false;         // the client repeats its next request (RFC 9112 section 9.3.2)
  }
  request.repeatable = false;
  request.drop_block();
  return true;
}

Result start_lingering_close(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Endpoint& client = record.side[kClient];
  record.lane[kRequest].sink_closed = true;
  record.lane[kResponse].drop_block();
  record.body_source.reset();  // PLANT(close-file-at-end)
  end_exchange(record, Reason::complete, worker);
  record.side[kUpstream] = net::Endpoint{};
  if (!client.shut) sys::shutdown_write(client.fd);
  client.shut = true;
  return lingering_close(record, turn, worker);
}

Result close_idle(request_info& record) noexcept {
  net::Endpoint& client = record.side[kClient];
  const bool has_read_all = record.served == 0 || record.wait == Wait::keep_alive;
  if (has_read_all || client.eof) return close_connection(Reason::shutdown);
  // The client may not have read the last response yet, and may be sending its next request.
  record.lane[kRequest].sink_closed = true;
  if (!client.shut) sys::shutdown_write(client.fd);
  client.shut = true;
  return Event::idle_closed;
}

Result finish_response(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Endpoint& client = record.side[kClient];
  net::Lane& request = record.lane[kRequest];
  const bool interim = record.exchange->log.status >= 100 && record.exchange->log.status < 200;
  if (interim) {
    record.lane[kResponse].shift_pipelined();  // PLANT(keep-after-interim)
    return Event::interim_sent;
  }
  release_upstream(record, worker);
  if (record.exchange->message.keep_alive) return next_request(record, worker);
  // A client that expects keep-alive may already have sent its next request.
  // PLANT(still-sending)
  const bool still_sending =
      client.readable || !request.framing.complete() || record.exchange->message.keep_alive_expected;
  if (client.eof || !still_sending)
    return close_connection(Reason::complete);  // PLANT(close-when-client-done)
  return start_lingering_close(record, turn, worker);
}

Result pump_response(request_info& record, Turn& turn, Worker& worker) noexcept {
  const bool client_finished = record.side[kClient].finished;
  switch (pump_lane(record, turn, worker, kResponse)) {
    case Flow::complete: return finish_response(record, turn, worker);
    case Flow::need_read: return wait_for(client_finished ? Wait::half_closed : Wait::response_body);
    case Flow::need_write: return wait_for(Wait::client_write);
    case Flow::budget: return yield(turn.awaits == Share::none ? Wait::none : record.wait);
    case Flow::no_block: return release_retained_block(record) ? yield() : need_block(Wait::response_body);
    case Flow::write_failed: return close_connection(Reason::client_closed);
    case Flow::bad_framing: return abort_response(record, Reason::bad_response, Reason::bad_chunk);
    case Flow::read_failed:
    case Flow::none: break;
  }
  const bool closed = record.lane[kResponse].error == 0;
  return abort_response(record, closed ? Reason::response_truncated : Reason::upstream_reset, Reason::none);
}

}  // namespace state
