// Begins and ends an exchange, and notes what the trace, the log and the metrics need.
#pragma once
#include <algorithm>

#include "../http/head.hpp"
#include "../http/server_timing.hpp"
#include "worker.hpp"

namespace state {

// Adds an entry to the trace. `value` and `detail` mean what base::TraceEvent says of `event`. `forced`: by
// the lens. Inline: most of it is constant where it is called.
inline void trace(const request_info& record, Worker& worker, base::TraceEvent event, std::int64_t value,
                  std::uint8_t detail, int error = 0, bool forced = false) noexcept {
  using base::TraceEvent;
  // PLANT(viewer-not-traced)
  if (record.viewer) [[unlikely]]
    return;
  const State now = event == TraceEvent::released ? State::FREE : record.state;
  const State before = event == TraceEvent::entered ? static_cast<State>(value) : record.state;
  worker.trace.add({.id = static_cast<std::uint32_t>(record.id),
                    .slot = worker.table.slot_of(record),
                    .value = static_cast<std::int32_t>(std::min<std::int64_t>(value, INT32_MAX)),
                    .event = event,
                    .state = static_cast<std::uint8_t>(static_cast<unsigned>(now) & 15U),
                    .before = static_cast<std::uint8_t>(static_cast<unsigned>(before) & 15U),
                    .detail = detail,
                    .error = static_cast<std::uint8_t>(base::traced_error(error) & 127U),
                    .forced = forced});
}

// Gives the record an exchange, unless it has one. Returns false if all are in use: each record has two, one
// in use and one that waits for the log, which is written at the end of the turn.
bool begin_exchange(request_info& record, Worker& worker) noexcept;
// Notes the head of a request to a listener of that role: for the log, and for all that follows.
void describe_request(Exchange& exchange, const http::RequestHead& head, const plan::Config& config,
                      plan::Role role) noexcept;
// From now on time counts for `phase`; Phase::none: for none.
void begin_phase(Exchange& exchange, std::uint64_t now, Phase phase) noexcept;
// Adds the times of the request so far: of the states that read heads, and of the phases. REQUIRES: an
// exchange.
void add_times(const request_info& record, std::uint64_t now, http::ServerTiming& out) noexcept;
// The client is a viewer of the board from now on: nothing about it is traced, logged or counted. For the
// trace, its connection has ended. REQUIRES: the record runs, or was just admitted.
void become_viewer(request_info& record, Worker& worker) noexcept;
// The request of a viewer is not for the board: the record is that of a client again, for the trace of one
// that is accepted now. Does nothing with other records. REQUIRES: the record runs, in READ_REQUEST.
void become_client(request_info& record, Worker& worker) noexcept;
// Hands the exchange over to the log, ended for `reason` unless an earlier reason was noted. Does nothing if
// the record has none.
void end_exchange(request_info& record, base::Reason reason, Worker& worker) noexcept;

// Bytes that both lanes have sent.
inline std::uint64_t bytes_sent(const request_info& record) noexcept {
  return record.lane[kRequest].bytes_sent + record.lane[kResponse].bytes_sent;
}
// Those of them that the trace shows.
inline std::int64_t traced_bytes(const request_info& record) noexcept {
  return static_cast<std::int64_t>(bytes_sent(record) - record.untraced_bytes);
}
// The upstream was sent a part of this request. REQUIRES: an exchange.
inline bool anything_sent(const request_info& record) noexcept {
  return record.lane[kRequest].bytes_sent != record.exchange->sent_up_at_start;
}
// Closing the client's connection would look like the end of the response, which is not complete.
inline bool truncation_undetectable(const request_info& record) noexcept {
  const net::Lane& response = record.lane[kResponse];
  return record.state == State::SEND_RESPONSE && response.flow != net::Flow::complete &&
         response.encoding == net::Encoding::plain && !response.framing.has_length();
}
// Closing the upstream connection of a tunnel would look like the end of the client's bytes, which has not
// come: it would have been forwarded.
inline bool upload_truncation_undetectable(const request_info& record) noexcept {
  const net::Endpoint& upstream = record.side[kUpstream];
  // PLANT(truncated-upload)
  return record.exchange && plan::is_opaque(record.exchange->route.kind) && upstream.fd && !upstream.shut;
}
// The peer to which this lane sends has stopped reading. Its connection is closed with a reset: after a FIN,
// the kernel would keep what is unread, some MB, for as long as the peer answers window probes.
inline bool is_unread(const request_info& record, std::size_t direction) noexcept {
  return record.lane[direction].flow == net::Flow::need_write;
}
// An upload that ends now must end with a reset of the upstream connection, if there is one.
inline bool must_reset_upstream(const request_info& record) noexcept {
  return record.side[kUpstream].fd && (upload_truncation_undetectable(record) || is_unread(record, kRequest));
}
// The client's connection, and the upstream's, may be used for further requests.
inline bool may_keep_alive(const request_info& record, const Worker& worker) noexcept {
  // PLANT(keep-alive-same-generation)
  return !worker.draining && record.generation == worker.current;
}

}  // namespace state
