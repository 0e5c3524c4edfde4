#include "local_response.hpp"

#include <cstring>

#include "../http/basic_auth.hpp"
#include "../http/reply.hpp"
#include "../http/rewrite.hpp"
#include "../http/status.hpp"
#include "../plan/router.hpp"
#include "bookkeeping.hpp"

using base::Reason;
using base::TraceEvent;
using plan::Wait;

namespace state {

namespace {

// Gives the response an empty block: its own, the request's or a new one. An interim response that is being
// sent stays at the front. Returns false if there is no block.
bool take_response_block(request_info& record, Worker& worker) noexcept {
  net::Lane& answer = record.lane[kResponse];
  net::Lane& request = record.lane[kRequest];
  const std::size_t kept = record.state == State::SEND_REQUEST ? answer.held() : 0;
  if (!answer.block) answer.block = std::move(request.block);
  request.drop_block();
  request.repeatable = false;
  if (!answer.block) answer.block = worker.blocks.take();
  if (!answer.block) return false;
  std::memmove(answer.block->bytes, answer.block->bytes + answer.begin, kept);
  answer.begin = answer.pipelined_end = 0;
  answer.end = static_cast<std::uint16_t>(kept);
  answer.encoding = net::Encoding::plain;
  return true;
}

// What the record was doing when the request failed, for people.
std::string_view phase(const request_info& record) noexcept {
  const Exchange& exchange = *record.exchange;
  if (record.state == State::READ_REQUEST) return "reading the request (READ_REQUEST)";
  if (record.state == State::READ_RESPONSE) return "reading the host's answer (READ_RESPONSE)";
  if (exchange.log.reused) return "sending the request to the host (SEND_REQUEST)";
  if (exchange.connector.addresses().empty()) return "looking up the host's name (SEND_REQUEST)";
  return exchange.connector.connected() ? "sending the request to the host (SEND_REQUEST)"
                                        : "connecting to the host (SEND_REQUEST)";
}

// RFC 9110 section 10.2.3, rounded up.
std::uint32_t retry_after_s(const request_info& record, Turn& turn, Worker& worker) noexcept {
  return static_cast<std::uint32_t>((turn.limits()->request_wait_ms(record.client, worker.now) + 999) / 1000);
}

http::ErrorDetails failure_of(const request_info& record, Turn& turn, Worker& worker,
                              Reason reason) noexcept {
  const Exchange& exchange = *record.exchange;
  return {.reason = reason,
          .detail = exchange.log.detail,
          .error = exchange.log.error,
          .id = exchange.log.id,
          .phase = phase(record),
          .host = exchange.route.host_view(),
          .port = exchange.route.port,
          .received = exchange.log.received,
          .addresses = exchange.connector.addresses(),
          .attempts = exchange.connector.attempts(),
          .challenge = reason == Reason::auth_required ? http::kBasicChallenge : std::string_view{},
          .retry_after_s = reason == Reason::too_many_requests ? retry_after_s(record, turn, worker) : 0,
          .as_page = exchange.message.wants_page,
          .to_head = exchange.message.to_head};
}

// Bytes before the body, those of interim responses included. `length`: of the response at `end`.
std::uint64_t head_bytes(const net::Lane& answer, std::size_t length) noexcept {
  const std::string_view text{reinterpret_cast<const char*>(answer.block->bytes) + answer.end, length};
  return answer.bytes_sent + answer.end + text.find("\r\n\r\n") + 4;
}

// For the log, even if the client gets no response.
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
  net::Lane& answer = record.lane[kResponse];
  exchange.log.status = http::error_reply(failure.reason).status;
  const std::size_t length =
      http::write_answer(failure, {turn.via(), worker.date},
                         {reinterpret_cast<char*>(answer.block->bytes) + answer.end, http::kAnswerBytesMax});
  exchange.log.head_down = head_bytes(answer, length) - exchange.sent_down_at_start - record.head_bytes_sent;
  answer.begin =
      std::exchange(record.head_bytes_sent, std::uint8_t{0});  // 0 if an interim response is being sent
  answer.end = static_cast<std::uint16_t>(answer.end + length);
  answer.framing = http::Framing{};
  trace(record, worker, TraceEvent::answered, exchange.log.status, static_cast<std::uint8_t>(failure.reason),
        failure.error);
  return Event::local_response;
}

}  // namespace

Result fail_request(request_info& record, Turn& turn, Worker& worker, Reason reason) noexcept {
  const std::uint16_t status = http::error_reply(reason).status;
  const bool speaks_http = !plan::kind_of(turn.listener(record).role);
  if (status == 0 || record.state == State::SEND_RESPONSE || !speaks_http) return close_connection(reason);
  if (upload_truncation_undetectable(record)) sys::reset_on_close(record.side[kUpstream].fd);
  record.side[kUpstream] = net::Endpoint{};
  record.handshake.reset();
  if (!begin_exchange(record, worker)) {
    record.verdict = reason;  // PLANT(exchanges-exhausted)
    return yield(Wait::linger);
  }
  Exchange& exchange = *record.exchange;
  exchange.connector.abandon();
  set_reason(record, reason);
  exchange.message.keep_alive = false;
  if (!take_response_block(record, worker)) {
    record.verdict = reason;
    return need_block(Wait::linger);
  }
  if (record.state == State::READ_REQUEST)
    record.lane[kRequest].framing = http::Framing{{http::Body::Kind::until_eof}};
  record.lane[kRequest].sink_closed = true;
  return send_local_response(record, turn, worker, failure_of(record, turn, worker, reason));
}

Result reject_response(request_info& record, Turn& turn, Worker& worker, Reason detail) noexcept {
  record.exchange->log.detail = detail;
  return fail_request(record, turn, worker, Reason::bad_response);
}

Result refuse_request(request_info& record, Turn& turn, Worker& worker, Reason reason,
                      std::string_view fields) noexcept {
  Exchange& exchange = *record.exchange;
  net::Lane& answer = record.lane[kResponse];
  set_reason(record, reason);
  http::ErrorDetails failure = failure_of(record, turn, worker, reason);
  failure.phase = {};
  failure.fields = fields;
  failure.stays = exchange.message.keep_alive;
  answer.begin = answer.end = 0;
  return send_local_response(record, turn, worker, failure);
}

Result answer_locally(request_info& record, Turn& turn, Worker& worker,
                      const http::RequestHead& head) noexcept {
  net::Lane& response = record.lane[kResponse];
  std::array<char, base::kBlockBytes> text;  // the head lies in the block that the response will use
  const std::size_t length = http::write_last_hop_reply(head, {turn.via(), worker.date}, text);
  if (length == 0) return fail_request(record, turn, worker, Reason::head_too_large);
  record.exchange->log.status = 200;
  record.exchange->message.keep_alive = false;
  if (!take_response_block(record, worker))
    return close_connection(Reason::no_buffer);  // cannot happen: the request has a block
  record.lane[kRequest].sink_closed = true;
  std::memcpy(response.block->bytes, text.data(), length);
  record.exchange->log.head_down = head_bytes(response, length) - record.exchange->sent_down_at_start;
  response.end = static_cast<std::uint16_t>(length);
  response.framing = http::Framing{};
  return Event::local_response;
}

}  // namespace state
