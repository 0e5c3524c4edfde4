// Tunnels: by CONNECT, or by an upgrade. What goes through is not looked at.
#include <cstring>
#include <utility>

#include "../http/head.hpp"
#include "parts.hpp"

using net::Flow;

namespace state {

namespace {

// The end of one direction is passed on; the other goes on (RFC 9110 section 9.3.6).
void pass_end(const net::Lane& lane, net::Endpoint& to) noexcept {
  if (lane.flow != Flow::complete || to.shut) return;
  sys::shutdown_write(to.fd);
  to.shut = true;
}

}  // namespace

Result begin_tunnel(request_info& record, std::size_t head_length) noexcept {
  net::Lane& request = record.lane[kRequest];
  request.framing = http::Framing{{http::Body::Kind::until_eof}};
  request.begin = static_cast<std::uint16_t>(head_length);
  if (request.held() == 0) request.drop_block();
  return Event::forwarded;
}

Result switch_protocols(request_info& record) noexcept {
  net::Lane& request = record.lane[kRequest];
  record.exchange->kind = plan::Kind::tunnel;
  record.exchange->opaque = true;
  request.framing = record.lane[kResponse].framing = http::Framing{{http::Body::Kind::until_eof}};
  request.end = static_cast<std::uint16_t>(request.end + request.pipelined());
  request.pipelined_end = 0;
  request.stop_at_message_end = false;
  return Event::response_head;
}

Result relay(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& up = record.lane[kRequest];
  net::Lane& down = record.lane[kResponse];
  net::Endpoint& client = record.side[kClient];
  net::Endpoint& upstream = record.side[kUpstream];
  const Flow flow = pump(record, turn, worker, kResponse);
  if (flow == Flow::write_failed || up.flow == Flow::read_failed)
    return close_connection(Reason::client_closed);
  if (flow == Flow::read_failed) return cut(record, Reason::upstream_reset, Reason::none);
  pass_end(up, upstream);  // PLANT(tunnel-client-end)
  pass_end(down, client);  // PLANT(tunnel-upstream-end)
  if (flow == Flow::complete && up.flow == Flow::complete) return close_connection(Reason::complete);
  // Who takes no more may have said its last before: that goes through to its end.
  if (flow == Flow::complete && up.sink_closed) return hear_out(record, turn, worker);
  if (flow == Flow::budget) return yield(Wait::tunnel);
  return flow == Flow::no_block ? need_block(Wait::tunnel) : wait_for(Wait::tunnel);
}

Result open_tunnel(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& response = record.lane[kResponse];
  if (!response.block) response.block = worker.blocks.take();
  if (!response.block) return need_block(Wait::connect);
  const std::string_view opened = record.exchange->version == http::Version::http11
                                      ? "HTTP/1.1 200 Connection Established\r\n\r\n"
                                      : "HTTP/1.0 200 Connection Established\r\n\r\n";
  opened.copy(reinterpret_cast<char*>(response.block->bytes), opened.size());
  response.begin = std::exchange(record.greeted, std::uint8_t{0});
  response.end = static_cast<std::uint16_t>(opened.size());
  if (record.approach) {  // the host has spoken behind its parent's last word
    const net::Lane& talk = record.approach->talk;
    std::memcpy(response.block->bytes + response.end, talk.block->bytes, talk.end);
    response.end = static_cast<std::uint16_t>(response.end + talk.end);  // PLANT(early-bytes-of-parent)
    spend(record, turn, talk.end);
    record.approach.reset();
  }
  response.framing = http::Framing{{http::Body::Kind::until_eof}};
  record.exchange->status = 200;
  record.exchange->opaque = true;
  record.exchange->head_down =
      response.bytes_sent - record.exchange->sent_down + opened.size() - response.begin;
  return Event::tunnel_opened;
}

}  // namespace state
