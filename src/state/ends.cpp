// How an answer ends, and what becomes of the connections afterwards.
#include <utility>

#include "parts.hpp"

using net::Flow;

namespace state {

namespace {

// The client's connection serves its next request, which may have begun to come already.
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
  record.feed.reset();
  ++record.served;
  return Event::response_sent;  // PLANT(read-next-request)
}

}  // namespace

Result cut(request_info& record, Reason reason, Reason detail) noexcept {
  record.exchange->detail = detail;
  record.exchange->error = record.lane[kResponse].error;
  return close_connection(reason);
}

bool would_look_whole(const request_info& record) noexcept {
  const net::Lane& response = record.lane[kResponse];
  return record.state == State::SEND_RESPONSE && response.flow != Flow::complete &&
         response.encoding == net::Encoding::plain && !response.framing.has_length();
}

// Closing over unread bytes sends RST and can destroy the answer on its way. So a client that is still
// sending is read until it closes, for a while (RFC 9112 section 9.6).
Result linger(request_info& record, Turn& turn, Worker& worker) noexcept {
  const std::size_t before = turn.budget[kRequest];
  const Flow flow =
      net::discard(record.lane[kRequest], record.side[kClient], worker.blocks, turn.budget[kRequest]);
  spend(record, turn, before - turn.budget[kRequest]);
  switch (flow) {
    case Flow::need_read: return wait_for(Wait::linger);
    case Flow::budget: return yield(Wait::linger);
    case Flow::no_block: return need_block(Wait::linger);
    default: return close_connection(Reason::complete);
  }
}

// The request's block is kept in case it is sent again, or because the next request has begun in it. Where no
// other is to be had, the answer is worth more. False: it is not kept, or still needed.
bool give_up_kept(request_info& record) noexcept {
  net::Lane& request = record.lane[kRequest];
  if (!request.block || !(request.complete() || request.sink_closed)) return false;
  if (record.exchange->upgrade && request.pipelined() > 0) return false;  // it may be for the other protocol
  record.exchange->persistent &=
      request.pipelined() == 0;  // a client repeats what was not answered (RFC 9112 section 9.3.2)
  request.repeatable = false;
  request.drop_block();
  return true;
}

Result hear_out(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Endpoint& client = record.side[kClient];
  record.lane[kRequest].sink_closed = true;
  record.lane[kResponse].drop_block();
  record.feed.reset();  // PLANT(close-file-at-end)
  end_exchange(record, Reason::complete, worker);
  record.side[kUpstream] = net::Endpoint{};
  if (!client.shut) sys::shutdown_write(client.fd);
  client.shut = true;
  return linger(record, turn, worker);
}

Result leave(request_info& record) noexcept {
  net::Endpoint& client = record.side[kClient];
  const bool has_read_all = record.served == 0 || record.wait == Wait::keep_alive;
  if (has_read_all || client.eof) return close_connection(Reason::shutdown);
  // Its answer is on its way still, and so may be its next request.
  record.lane[kRequest].sink_closed = true;
  if (!client.shut) sys::shutdown_write(client.fd);
  client.shut = true;
  return Event::idle_closed;
}

Result all_sent(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Endpoint& client = record.side[kClient];
  net::Lane& request = record.lane[kRequest];
  const bool interim = record.exchange->status >= 100 && record.exchange->status < 200;
  if (interim) {
    record.lane[kResponse].shift_pipelined();  // PLANT(keep-after-interim)
    return Event::interim_sent;
  }
  keep_upstream(record, worker);
  if (record.exchange->persistent) return next_request(record, worker);
  // Who thinks that the connection stays may send the next request at any time.
  // PLANT(still-sending)
  const bool still_sending = client.readable || !request.framing.complete() || record.exchange->may_continue;
  if (client.eof || !still_sending)
    return close_connection(Reason::complete);  // PLANT(close-when-client-done)
  return hear_out(record, turn, worker);
}

}  // namespace state
