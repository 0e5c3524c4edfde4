#include "upload.hpp"

#include "bookkeeping.hpp"
#include "local_response.hpp"

using base::Reason;
using net::Flow;
using net::Link;
using plan::Wait;

namespace state {

void continue_upload_as_tunnel(net::Lane& request) noexcept {
  request.framing = http::Framing{http::kUntilEof};
  request.encoding = net::Encoding::plain;
  request.end = static_cast<std::uint16_t>(request.end + request.pipelined());
  request.pipelined_end = 0;
  request.stop_at_message_end = false;
}

Flow pump_upload(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& request = record.lane[kRequest];
  const Link link = record.side[kUpstream].link;
  // The first bytes may be sent before it is known whether the connection is made.
  const bool may_be_open =
      link == Link::connecting && record.exchange->handshake_step == net::HandshakeStep::none;
  const bool linked = may_be_open || link == Link::open;                        // PLANT(send-when-open)
  if (!linked || request.sink_closed || request.complete()) return Flow::none;  // PLANT(pump-linked)
  Flow flow = pump_lane(record, turn, worker, kRequest);
  if (flow == Flow::complete && request.stop_at_message_end && record.exchange->message.tunneled) {
    continue_upload_as_tunnel(request);
    flow = pump_lane(record, turn, worker, kRequest);
  }
  request.sink_closed = flow == Flow::write_failed || flow == Flow::bad_framing;
  const bool for_another_address = link == Link::connecting && !anything_sent(record);
  // PLANT(dead-upload-frees-block)
  if (request.sink_closed && !for_another_address && !request.repeatable) request.drop_block();
  return flow;
}

Result unless_upload_runs(const Result& result, Flow upload) noexcept {
  if (result.what != Result::What::wait) return result;
  if (upload == Flow::budget) return yield();  // PLANT(upload-out-of-budget)
  return upload == Flow::no_block ? need_block(result.wait) : result;
}

std::optional<Result> upload_failure(request_info& record, Turn& turn, Worker& worker) noexcept {
  const net::Lane& request = record.lane[kRequest];
  if (request.flow == Flow::read_failed) return close_connection(Reason::client_closed);
  if (request.flow == Flow::bad_framing) return reject_body(record, turn, worker);
  return {};
}

bool send_interim_bytes(request_info& record) noexcept {
  net::Lane& response = record.lane[kResponse];
  if (net::drain(response, record.side[kClient]) == Flow::write_failed) return false;
  if (response.held() == 0) response.drop_block();  // while the client sends its body, it needs none
  return true;
}

Result await_response(request_info& record) noexcept {
  const net::Lane& request = record.lane[kRequest];
  net::Lane& response = record.lane[kResponse];
  const bool sent = request.complete() || request.sink_closed;
  // PLANT(early-response)
  if (!sent && !record.side[kUpstream].readable)
    return wait_for(request.flow == Flow::need_write ? Wait::upstream_write : Wait::request_body);
  if (response.held() > 0) return wait_for(Wait::client_write);
  response.drop_block();
  return sent ? Event::request_sent : Event::response_early;
}

}  // namespace state
