#include "local_response.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "../base/erase.hpp"
#include "../http/basic_auth.hpp"
#include "../http/methods.hpp"
#include "../http/reply.hpp"
#include "../http/rewrite.hpp"
#include "../http/status.hpp"
#include "../plan/router.hpp"
#include "block_size.hpp"
#include "bookkeeping.hpp"
#include "diagnosis.hpp"
#include "timeouts.hpp"

using base::Reason;
using base::TraceEvent;
using plan::Wait;

namespace state {

namespace {

// Gives the response an empty block: its own, the request's or a new one. An interim response that is being
// sent stays at the front, and the next request in its block if it can. Returns false if there is no block.
bool take_response_block(request_info& record, Worker& worker) noexcept {
  net::Lane& response = record.lane[kResponse];
  net::Lane& request = record.lane[kRequest];
  MessageInfo& message = record.exchange->message;
  const std::size_t kept = record.state == State::SEND_REQUEST ? response.held() : 0;
  const bool next_follows = message.keep_alive && request.pipelined() > 0;
  if (!response.block && next_follows) response.block = worker.blocks.take();
  if (!response.block && next_follows) message.keep_alive = false;  // the client repeats its next request
  if (!response.block) response.block = std::move(request.block);
  if (message.keep_alive && next_follows)
    request.begin = request.end;
  else
    request.drop_block();
  request.repeatable = false;
  if (!response.block) response.block = worker.blocks.take();
  if (!response.block) return false;
  std::memmove(response.block->bytes, response.block->bytes + response.begin, kept);
  response.begin = response.pipelined_end = 0;
  response.end = static_cast<std::uint16_t>(kept);
  response.encoding = net::Encoding::plain;
  return true;
}

// What the record was doing when the request failed, for people.
std::string_view phase(const request_info& record) noexcept {
  const Exchange& exchange = *record.exchange;
  if (record.state == State::READ_REQUEST) return "reading the request (READ_REQUEST)";
  if (record.state == State::READ_RESPONSE) return "reading the response (READ_RESPONSE)";
  if (exchange.log.reused) return "sending the request to the host (SEND_REQUEST)";
  if (!exchange.connector.started()) return "looking up the host's name (SEND_REQUEST)";
  return exchange.connector.connected() ? "sending the request to the host (SEND_REQUEST)"
                                        : "connecting to the host (SEND_REQUEST)";
}

// What was awaited for how long, if a timeout has ended the request: its timer has expired, and no other was
// started since.
std::string_view timeout_words(const request_info& record, const Worker& worker, Reason reason,
                               std::span<char> room) noexcept {
  base::Writer out{room};
  const DiagnosisRow* const row = find_timeout(record.state, reason);
  if (row == nullptr || record.deadline > worker.now) return {};
  const std::uint64_t waited = worker.now - record.deadline + timeout_ms(record, row->wait);
  write_timeout(record.state, reason, waited, own_timeout(record, row->wait), out);
  return out.view();
}

// RFC 9110 section 10.2.3, rounded up.
std::uint32_t retry_after_s(const request_info& record, Turn& turn, Worker& worker) noexcept {
  return static_cast<std::uint32_t>((turn.limits()->request_wait_ms(record.client, worker.now) + 999) / 1000);
}

// The realm of the password that the response asks for; empty: it asks for none.
std::string_view realm_of(const Exchange& exchange, const Turn& turn, Reason reason) noexcept {
  if (reason == Reason::auth_required) return http::kProxyRealm;
  if (reason != Reason::login_required) return {};
  const plan::WebRoute* const route = exchange.route.web;
  return route == nullptr || route->realm.empty() ? turn.via() : std::string_view{route->realm};
}

http::ErrorDetails failure_of(const request_info& record, Turn& turn, Worker& worker,
                              Reason reason) noexcept {
  const Exchange& exchange = *record.exchange;
  const bool is_web = turn.listener(record).role == plan::Role::web;
  const bool shows_addresses = record.client.is_loopback();  // they may be internal ones
  return {.reason = reason,
          .detail = exchange.log.detail,
          .error = exchange.log.error,
          .id = exchange.log.id,
          .nth = exchange.log.nth,
          .phase = phase(record),
          .host = is_web ? std::string_view{} : exchange.route.host_view(),  // the next hop is another one
          .port = exchange.route.port,
          .received = exchange.log.received,
          .addresses = shows_addresses ? exchange.connector.addresses() : std::span<const sys::Address>{},
          .attempts = shows_addresses ? exchange.connector.attempts() : std::span<const http::Attempt>{},
          .realm = realm_of(exchange, turn, reason),
          .retry_after_s = reason == Reason::too_many_requests ? retry_after_s(record, turn, worker) : 0,
          .fields = reason == Reason::method_not_allowed ? http::kAllowNone : std::string_view{},
          .version = exchange.message.version,
          .attempted = exchange.connector.tried() > 0 && !exchange.connector.connected(),
          .stays = exchange.message.keep_alive,
          .as_page = exchange.message.wants_page,
          .to_head = exchange.message.to_head};
}

// Bytes before the body, those of interim responses included. `length`: of the response at `end`.
std::uint64_t head_bytes(const net::Lane& response, std::size_t length) noexcept {
  const std::string_view text{reinterpret_cast<const char*>(response.block->bytes) + response.end, length};
  return response.bytes_sent + response.end + text.find("\r\n\r\n") + 4;
}

// Notes for the log why the request failed, even if the client gets no response.
void set_reason(request_info& record, Reason reason) noexcept {
  Exchange& exchange = *record.exchange;
  exchange.log.reason = reason;
  exchange.log.ended_in = record.state;
  exchange.log.announced = false;
}

// Puts the response after the interim one that is being sent, if there is one.
Result send_local_response(request_info& record, Turn& turn, Worker& worker,
                           const http::ErrorDetails& failure) noexcept {
  Exchange& exchange = *record.exchange;
  net::Lane& response = record.lane[kResponse];
  exchange.log.status = http::error_reply(failure.reason).status;
  http::ServerTiming timing;
  const std::size_t length = http::write_error_response(
      failure, response_fields(record, turn, worker, timing),
      {reinterpret_cast<char*>(response.block->bytes) + response.end, http::kErrorResponseBytesMax});
  charge(record, turn, length);
  exchange.log.head_down =
      head_bytes(response, length) - exchange.sent_down_at_start - record.head_bytes_sent;
  response.begin =
      std::exchange(record.head_bytes_sent, std::uint8_t{0});  // 0 if an interim response is being sent
  response.end = static_cast<std::uint16_t>(response.end + length);
  response.framing = http::Framing{};
  trace(record, worker, TraceEvent::answered, exchange.log.status, static_cast<std::uint8_t>(failure.reason),
        failure.error);
  return Event::local_response;
}

// After these statuses bytes of the request may be unread, or the client must not hold a slot.
bool ends_connection(std::uint16_t status) noexcept {
  constexpr std::array<std::uint16_t, 8> kStatuses{400, 408, 411, 413, 414, 431, 503, 505};
  return std::find(kStatuses.begin(), kStatuses.end(), status) != kStatuses.end();
}

// The request was read whole, and what follows is the next request.
bool is_read(const request_info& record) noexcept {
  const net::Lane& request = record.lane[kRequest];
  const bool consumed = record.state != State::READ_REQUEST || request.held() == 0;
  if (request.sink_closed) return false;  // the next request may have been dropped with the unsent bytes
  return consumed && request.framing.complete() && !record.exchange->message.end_in_doubt;
}

// What follows may be for a tunnel that is not opened. After 407 the client repeats its request, and waits.
bool may_be_of_tunnel(const request_info& record, Reason reason) noexcept {
  const Exchange& exchange = *record.exchange;
  if (!exchange.message.upgrade && exchange.log.method_view() != "CONNECT") return false;
  return reason != Reason::auth_required || record.lane[kRequest].pipelined() > 0;
}

// The version of a request whose head is not valid or not complete.
http::Version version_of_begun(const request_info& record, const plan::Config& config) noexcept {
  const net::Lane& request = record.lane[kRequest];
  if (!request.block || config.http10) return http::Version::http10;
  return http::claimed_version({reinterpret_cast<const char*>(request.block->bytes), request.end});
}

}  // namespace

void consume_request(request_info& record, const http::Body& body, std::size_t head_length) noexcept {
  net::Lane& request = record.lane[kRequest];
  MessageInfo& message = record.exchange->message;
  request.framing = http::Framing{body};
  const http::Framing::Taken taken =
      request.framing.take({request.block->bytes + head_length, request.end - head_length});
  request.sink_closed = !request.framing.complete();
  if (request.sink_closed || message.end_in_doubt) message.keep_alive = false;
  const std::size_t next = head_length + taken.consumed;
  if (next < request.end) message.keep_alive_expected = true;
  if (next == request.end || !message.keep_alive) return request.drop_block();
  request.pipelined_end = request.end;
  request.begin = request.end = static_cast<std::uint16_t>(next);
}

Result fail_request(request_info& record, Turn& turn, Worker& worker, Reason reason) noexcept {
  const std::uint16_t status = http::error_reply(reason).status;
  const bool speaks_http = !plan::kind_of(turn.listener(record).role);
  if (status == 0 || record.state == State::SEND_RESPONSE || !speaks_http) return close_connection(reason);
  if (must_reset_upstream(record)) sys::reset_on_close(record.side[kUpstream].fd);
  record.side[kUpstream] = net::Endpoint{};
  record.handshake.reset();
  if (!begin_exchange(record, worker)) {
    record.verdict = reason;  // PLANT(exchanges-exhausted)
    return yield(Wait::linger);
  }
  Exchange& exchange = *record.exchange;
  exchange.connector.abandon();
  set_reason(record, reason);
  MessageInfo& message = exchange.message;
  if (exchange.log.method_length == 0) message.version = version_of_begun(record, turn.config());
  message.keep_alive = message.keep_alive && !ends_connection(status) && is_read(record) &&
                       !may_be_of_tunnel(record, reason) && may_keep_alive(record, worker);
  if (!take_response_block(record, worker)) {
    record.verdict = reason;
    return need_block(Wait::linger);
  }
  if (!message.keep_alive && record.state == State::READ_REQUEST)
    record.lane[kRequest].framing = http::Framing{http::kUntilEof};
  record.lane[kRequest].sink_closed = !message.keep_alive;
  std::array<char, kDiagnosisMax> room;
  http::ErrorDetails failure = failure_of(record, turn, worker, reason);
  failure.timeout = timeout_words(record, worker, reason, room);
  return send_local_response(record, turn, worker, failure);
}

Result reject_body(request_info& record, Turn& turn, Worker& worker) noexcept {
  const bool too_large = record.lane[kRequest].framing.too_large();
  return fail_request(record, turn, worker, too_large ? Reason::body_too_large : Reason::bad_chunk);
}

Result reject_response(request_info& record, Turn& turn, Worker& worker, Reason detail) noexcept {
  record.exchange->log.detail = detail;
  return fail_request(record, turn, worker, Reason::bad_response);
}

Result refuse_request(request_info& record, Turn& turn, Worker& worker, Reason reason,
                      std::string_view fields) noexcept {
  net::Lane& response = record.lane[kResponse];
  set_reason(record, reason);
  http::ErrorDetails failure = failure_of(record, turn, worker, reason);
  failure.phase = {};
  if (!fields.empty()) failure.fields = fields;
  response.begin = response.end = 0;
  return send_local_response(record, turn, worker, failure);
}

Result answer_locally(request_info& record, Turn& turn, Worker& worker,
                      const http::RequestHead& head) noexcept {
  net::Lane& response = record.lane[kResponse];
  std::array<char, kLargestBlock> text;  // the head lies in the block that the response will use
  http::ServerTiming timing;
  const std::size_t length = http::write_last_hop_reply(head, record.exchange->message.version,
                                                        response_fields(record, turn, worker, timing),
                                                        std::span{text}.first(worker.blocks.block_bytes()));
  const base::Eraser eraser{http::used(text, length)};
  if (length == 0) return fail_request(record, turn, worker, Reason::head_too_large);
  record.exchange->log.status = 200;
  record.exchange->message.keep_alive = false;
  if (!take_response_block(record, worker))
    return close_connection(Reason::no_buffer);  // cannot happen: the request has a block
  record.lane[kRequest].sink_closed = true;
  std::memcpy(response.block->bytes, text.data(), length);
  charge(record, turn, length);
  record.exchange->log.head_down = head_bytes(response, length) - record.exchange->sent_down_at_start;
  response.end = static_cast<std::uint16_t>(length);
  response.framing = http::Framing{};
  return Event::local_response;
}

}  // namespace state
