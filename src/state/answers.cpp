// Answers of our own: why a request could not be served, and where its way ends.
#include <cstring>

#include "../base/trace.hpp"
#include "../http/reply.hpp"
#include "../http/rewrite.hpp"
#include "../http/status.hpp"
#include "parts.hpp"

using base::TraceEvent;

namespace state {

namespace {

// Makes room for an answer of our own: in a new block, or in one whose content is of no more use. What stays
// is an interim answer that is on its way to the client.
bool make_room(request_info& record, Worker& worker) noexcept {
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

// What was being done when it failed.
std::string_view phase(const request_info& record) noexcept {
  const Exchange& exchange = *record.exchange;
  if (record.state == State::READ_REQUEST) return "reading the request (READ_REQUEST)";
  if (record.state == State::READ_RESPONSE) return "reading the host's answer (READ_RESPONSE)";
  if (exchange.reused) return "sending the request to the host (SEND_REQUEST)";
  if (exchange.addresses.count == 0) return "looking up the host's name (SEND_REQUEST)";
  const bool connected = exchange.next_address > 0 && exchange.attempts[exchange.address].error == 0;
  return connected ? "sending the request to the host (SEND_REQUEST)"
                   : "connecting to the host (SEND_REQUEST)";
}

// RFC 9110 section 10.2.3, rounded up.
std::uint32_t retry_after_s(const request_info& record, Turn& turn, Worker& worker) noexcept {
  return static_cast<std::uint32_t>((turn.limits()->request_wait_ms(record.client, worker.now) + 999) / 1000);
}

http::ErrorDetails failure_of(const request_info& record, Turn& turn, Worker& worker, Reason reason) noexcept {
  const Exchange& exchange = *record.exchange;
  return {.reason = reason,
          .detail = exchange.detail,
          .error = exchange.error,
          .id = exchange.id,
          .phase = phase(record),
          .host = exchange.host_view(),
          .port = exchange.port,
          .received = exchange.received,
          .addresses = exchange.addresses.all(),
          .attempts = {exchange.attempts.data(), exchange.next_address},
          .challenge = reason == Reason::auth_required ? http::kBasicChallenge : std::string_view{},
          .retry_after_s = reason == Reason::too_many_requests ? retry_after_s(record, turn, worker) : 0,
          .as_page = exchange.wants_page,
          .to_head = exchange.to_head};
}

// Those before the body: what was sent of interim answers counts among them.
std::uint64_t head_bytes(const net::Lane& answer, std::size_t whole) noexcept {
  const std::string_view text{reinterpret_cast<const char*>(answer.block->bytes) + answer.end, whole};
  return answer.bytes_sent + answer.end + text.find("\r\n\r\n") + 4;
}

// For the log, whether or not it can be told to the client.
void put_down(request_info& record, Reason reason) noexcept {
  Exchange& exchange = *record.exchange;
  exchange.reason = reason;
  exchange.ended_in = record.state;
  exchange.announced = false;
}

// Behind what is on its way to the client of an interim answer.
Result answer_with(request_info& record, Turn& turn, Worker& worker, const http::ErrorDetails& failure) noexcept {
  Exchange& exchange = *record.exchange;
  net::Lane& answer = record.lane[kResponse];
  exchange.status = http::error_reply(failure.reason).status;
  const std::size_t length =
      http::write_answer(failure, {turn.via(), worker.date},
                         {reinterpret_cast<char*>(answer.block->bytes) + answer.end, http::kAnswerBytesMax});
  exchange.head_down = head_bytes(answer, length) - exchange.sent_down - record.greeted;
  answer.begin = std::exchange(record.greeted, std::uint8_t{0});  // 0 if an interim answer is on its way
  answer.end = static_cast<std::uint16_t>(answer.end + length);
  answer.framing = http::Framing{};
  note(record, worker, TraceEvent::answered, exchange.status, static_cast<std::uint8_t>(failure.reason),
       failure.error);
  return Event::local_response;
}

}  // namespace

// The upstream of a tunnel would take the end of the stream for the client's, which has not come: had it
// come, it would have been passed on.
bool would_look_whole_above(const request_info& record) noexcept {
  const net::Endpoint& upstream = record.side[kUpstream];
  // PLANT(truncated-upload)
  return record.exchange && plan::is_opaque(record.exchange->kind) && upstream.fd && !upstream.shut;
}

Result give_up(request_info& record, Turn& turn, Worker& worker, Reason reason) noexcept {
  const std::uint16_t status = http::error_reply(reason).status;
  const bool speaks_http = !plan::kind_of(listener_of(record, turn).role);
  if (status == 0 || record.state == State::SEND_RESPONSE || !speaks_http) return close_connection(reason);
  if (would_look_whole_above(record)) sys::reset_on_close(record.side[kUpstream].fd);
  record.side[kUpstream] = net::Endpoint{};
  record.approach.reset();
  if (!begin_exchange(record, worker)) {
    record.verdict = reason;  // PLANT(exchanges-exhausted)
    return yield(Wait::linger);
  }
  Exchange& exchange = *record.exchange;
  put_down(record, reason);
  exchange.persistent = false;
  if (!make_room(record, worker)) {
    record.verdict = reason;
    return need_block(Wait::linger);
  }
  if (record.state == State::READ_REQUEST)
    record.lane[kRequest].framing = http::Framing{{http::Body::Kind::until_eof}};
  record.lane[kRequest].sink_closed = true;
  return answer_with(record, turn, worker, failure_of(record, turn, worker, reason));
}

Result refuse(request_info& record, Turn& turn, Worker& worker, Reason reason,
              std::string_view fields) noexcept {
  Exchange& exchange = *record.exchange;
  net::Lane& answer = record.lane[kResponse];
  put_down(record, reason);
  http::ErrorDetails failure = failure_of(record, turn, worker, reason);
  failure.phase = {};
  failure.fields = fields;
  failure.stays = exchange.persistent;
  answer.begin = answer.end = 0;
  return answer_with(record, turn, worker, failure);
}

Result end_of_way(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head) noexcept {
  net::Lane& response = record.lane[kResponse];
  std::array<char, base::kBlockBytes> text;  // the head lies in the block that is to take the answer
  const std::size_t length = http::write_last_hop_reply(head, {turn.via(), worker.date}, text);
  if (length == 0) return give_up(record, turn, worker, Reason::head_too_large);
  record.exchange->status = 200;
  record.exchange->persistent = false;
  if (!make_room(record, worker))
    return close_connection(Reason::no_buffer);  // it has the request's block
  record.lane[kRequest].sink_closed = true;
  std::memcpy(response.block->bytes, text.data(), length);
  record.exchange->head_down = head_bytes(response, length) - record.exchange->sent_down;
  response.end = static_cast<std::uint16_t>(length);
  response.framing = http::Framing{};
  return Event::local_response;
}

}  // namespace state
