#include "probe.hpp"

namespace state {

void probe_half_closed(request_info& record) noexcept {
  net::Endpoint& client = record.side[kClient];
  net::Lane& response = record.lane[kResponse];
  const bool interim_pending = record.state == State::SEND_REQUEST && response.held() > 0;
  if (record.exchange->route.kind == plan::Kind::relay) return;  // its response may begin with anything
  // PLANT(probe-once)
  if (!client.finished || record.head_bytes_sent > 0 || !client.writable || interim_pending) return;
  static constexpr std::byte kFirst{'H'};
  const sys::Io io = sys::transmit(client.fd, {&kFirst, 1});
  record.head_bytes_sent = io.outcome == sys::Outcome::done ? 1 : 0;
  response.bytes_sent += record.head_bytes_sent;
  client.hung |= io.outcome == sys::Outcome::fail;
}

}  // namespace state
