#include "tunnel.hpp"

#include <cstring>
#include <utility>

#include "bookkeeping.hpp"
#include "parent_handshake.hpp"
#include "upload.hpp"

using base::Reason;
using net::Flow;
using plan::Wait;

namespace state {

namespace {

// Forwards the end of one direction; the other one continues (RFC 9110 section 9.3.6).
void forward_end(const net::Lane& lane, net::Endpoint& to) noexcept {
  if (lane.flow != Flow::complete || to.shut) return;
  sys::shutdown_write(to.fd);
  to.shut = true;
}

Result open_tcp_proxy(request_info& record) noexcept {
  record.exchange->message.tunneled = true;
  record.lane[kResponse].framing = http::Framing{http::kUntilEof};
  return Event::tunnel_opened;
}

}  // namespace

Result begin_tunnel(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
                    std::size_t head_length) noexcept {
  net::Lane& request = record.lane[kRequest];
  const http::Field* const login = head.fields.find(http::FieldName::proxy_authorization);
  if (login != nullptr && record.exchange->message.proxy_login)
    if (const auto failure = prepare_handshake(record, turn, worker, login->value)) return *failure;
  request.framing = http::Framing{http::kUntilEof};
  request.begin = static_cast<std::uint16_t>(head_length);
  if (request.held() == 0) request.drop_block();
  return Event::forwarded;
}

Result switch_protocols(request_info& record) noexcept {
  net::Lane& request = record.lane[kRequest];
  record.exchange->route.kind = plan::Kind::tunnel;
  record.exchange->message.tunneled = record.exchange->log.tunnel_opened = true;
  record.lane[kResponse].framing = http::Framing{http::kUntilEof};
  if (request.complete()) continue_upload_as_tunnel(request);  // else once the body is sent
  return Event::response_head;
}

Result pump_tunnel(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& up = record.lane[kRequest];
  net::Lane& down = record.lane[kResponse];
  net::Endpoint& client = record.side[kClient];
  net::Endpoint& upstream = record.side[kUpstream];
  const Flow flow = pump_lane(record, turn, worker, kResponse);
  if (flow == Flow::write_failed || up.flow == Flow::read_failed || up.flow == Flow::bad_framing)
    return close_connection(Reason::client_closed);
  if (flow == Flow::read_failed) return abort_response(record, Reason::upstream_reset, Reason::none);
  forward_end(up, upstream);  // PLANT(tunnel-client-end)
  forward_end(down, client);  // PLANT(tunnel-upstream-end)
  if (flow == Flow::complete && up.flow == Flow::complete) return close_connection(Reason::complete);
  // The upstream has stopped reading; what it sent before is forwarded to its end.
  if (flow == Flow::complete && up.sink_closed) return start_lingering_close(record, turn, worker);
  if (flow == Flow::budget) return yield(Wait::tunnel);
  return flow == Flow::no_block ? need_block(Wait::tunnel) : wait_for(Wait::tunnel);
}

Result open_tunnel(request_info& record, Turn& turn, Worker& worker) noexcept {
  if (record.exchange->route.kind == plan::Kind::relay) return open_tcp_proxy(record);
  net::Lane& response = record.lane[kResponse];
  if (!response.block) response.block = worker.blocks.take(turn.stores.leave);
  if (!response.block) return need_block(Wait::connect);
  const std::string_view opened = record.exchange->message.version == http::Version::http11
                                      ? "HTTP/1.1 200 Connection Established\r\n\r\n"
                                      : "HTTP/1.0 200 Connection Established\r\n\r\n";
  opened.copy(reinterpret_cast<char*>(response.block->bytes), opened.size());
  charge(record, turn, opened.size());
  response.begin = std::exchange(record.head_bytes_sent, std::uint8_t{0});
  response.end = static_cast<std::uint16_t>(opened.size());
  if (record.handshake) {  // bytes of the host that came together with the parent's last reply
    const net::Lane& lane = record.handshake->lane;
    std::memcpy(response.block->bytes + response.end, lane.block->bytes, lane.end);
    response.end = static_cast<std::uint16_t>(response.end + lane.end);  // PLANT(early-bytes-of-parent)
    charge(record, turn, lane.end);
    record.handshake.reset();
  }
  response.framing = http::Framing{http::kUntilEof};
  record.exchange->log.status = 200;
  record.exchange->message.tunneled = record.exchange->log.tunnel_opened = true;
  record.exchange->log.head_down =
      response.bytes_sent - record.exchange->sent_down_at_start + opened.size() - response.begin;
  return Event::tunnel_opened;
}

}  // namespace state
