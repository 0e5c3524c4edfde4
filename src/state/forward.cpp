#include "forward.hpp"

#include <cstring>
#include <utility>

#include "../base/erase.hpp"
#include "../base/text.hpp"
#include "../http/connection_login.hpp"
#include "../http/reply.hpp"
#include "../http/rewrite.hpp"
#include "../plan/forwarding.hpp"
#include "../plan/router.hpp"
#include "bookkeeping.hpp"

using base::Reason;

namespace state {

namespace {

// Bytes of the 1xx responses before the final one. --answer-timeout bounds the time between two of them.
constexpr std::uint32_t kInterimBytesMax = 1U << 20U;

// A head of so many bytes can replace the received one: with it, all that was read after that one fits.
bool fits(const net::Lane& lane, std::size_t length, std::size_t old_length) noexcept {
  const std::size_t room = lane.block->size - net::kChunkHeadBytes - net::kChunkEndBytes;
  return length > 0 && length + lane.end - old_length <= room;
}

// Replaces the received head by the rewritten one, before the body bytes received so far. Bytes after the
// message stay as the lane's pipelined bytes. Returns false if the body's chunks are malformed.
bool replace_head(net::Lane& lane, std::string_view head, std::size_t old_length) noexcept {
  const bool chunked = lane.encoding == net::Encoding::chunked;
  std::byte* const bytes = lane.block->bytes;
  const auto body = lane.framing.take({bytes + old_length, lane.end - old_length});
  if (body.bad) return false;
  std::array<std::byte, net::kChunkHeadBytes> chunk;
  const std::size_t chunk_length =
      chunked && body.payload > 0 ? net::write_chunk_head(body.payload, chunk.data()) : 0;
  const std::size_t to = head.size() + chunk_length, end = to + body.payload;
  const std::size_t next = old_length + body.consumed, ahead = lane.end - next;
  const std::size_t next_to = end + (chunked ? net::kChunkEndBytes : 0);
  // In the order in which neither move overwrites what the other still needs.
  if (next_to >= next) std::memmove(bytes + next_to, bytes + next, ahead);
  std::memmove(bytes + to, bytes + old_length, body.payload);
  if (next_to < next) std::memmove(bytes + next_to, bytes + next, ahead);
  head.copy(reinterpret_cast<char*>(bytes), head.size());
  std::memcpy(bytes + head.size(), chunk.data(), chunk_length);
  lane.begin = 0;
  lane.end = static_cast<std::uint16_t>(end);
  if (chunked) net::end_chunk(lane, body.payload, lane.framing.complete());  // PLANT(end-chunk-of-head)
  if (ahead == 0) return true;
  std::memmove(bytes + lane.end, bytes + next_to, ahead);
  lane.pipelined_end = static_cast<std::uint16_t>(lane.end + ahead);  // PLANT(keep-pipelined)
  return true;
}

// Lets viewers of the board see the head at the front of the lane and its replacement.
void show_head(const request_info& record, const Worker& worker, HeadKeeper::Message message,
               const net::Lane& lane, std::size_t old_length, std::string_view sent) noexcept {
  if (worker.heads == nullptr) [[likely]]
    return;
  worker.heads->keep(record, message, {reinterpret_cast<const char*>(lane.block->bytes), old_length}, sent);
}

// An HTTP/1.0 upstream sends no 100, so the proxy does (RFC 9110 section 10.1.1). Without a free block the
// client sends its body after a while all the same.
void send_continue(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& response = record.lane[kResponse];
  response.block = worker.blocks.take();
  if (!response.block) return;
  charge(record, turn, http::kContinue.size());
  std::memcpy(response.block->bytes, http::kContinue.data(), http::kContinue.size());
  response.end = static_cast<std::uint16_t>(http::kContinue.size());
}

// As in the log; empty if the configuration adds none.
std::string_view request_id(const Exchange& exchange, const Turn& turn, const Worker& worker,
                            std::span<char> room) noexcept {
  if (!turn.config().request_id) return {};
  base::Writer out{room};
  out << worker.run_id << '-' << exchange.log.id << '.' << std::uint64_t{exchange.log.nth};
  return out.view();
}

// What is added to the request's head. The form's views refer to it.
struct Additions {
  std::array<char, http::kRequestIdMax> id;
  plan::FormTexts texts;
};

http::Form request_form(const request_info& record, const Turn& turn, const Worker& worker,
                        const http::RequestHead& head, Additions& additions) noexcept {
  const Exchange& exchange = *record.exchange;
  const Route& route = exchange.route;
  const http::Version version = exchange.message.version;
  http::Form form = route.kind == plan::Kind::reverse
                        ? plan::reverse_form(turn.config(), head, version, *route.web, *route.hop,
                                             record.client, additions.texts)
                        : plan::forward_form(turn.config(), head, version, route.parent, additions.texts);
  form.proxy_login = exchange.message.proxy_login;
  form.request_id = request_id(exchange, turn, worker, additions.id);
  return form;
}

}  // namespace

Result forward_request(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
                       std::size_t head_length) noexcept {
  net::Lane& request = record.lane[kRequest];
  MessageInfo& message = record.exchange->message;
  Additions additions;
  const http::Form form = request_form(record, turn, worker, head, additions);
  http::HeadRoom rewritten;
  const std::size_t length = http::write_request(head, turn.hop(record, worker.date), form, rewritten);
  const base::Eraser eraser{http::used(rewritten, length)};
  if (!fits(request, length, head_length)) return fail_request(record, turn, worker, Reason::head_too_large);
  show_head(record, worker, HeadKeeper::Message::request, request, head_length, {rewritten.data(), length});
  const std::uint64_t most =
      plan::body_limit(turn.config(), turn.listener(record), record.exchange->route.web);
  request.framing = http::Framing{head.body, http::Sender::client, most};
  request.stop_at_message_end = true;
  request.encoding = form.chunked ? net::Encoding::chunked : net::Encoding::plain;
  const bool needs_continue = head.expects_continue && message.version == http::Version::http10;
  if (!replace_head(request, {rewritten.data(), length}, head_length))  // the views in `head` are invalid now
    return reject_body(record, turn, worker);
  if (!message.keep_alive && !message.upgrade) {
    if (request.pipelined() > 0) message.keep_alive_expected = true;
    request.pipelined_end = 0;  // the next request gets no response
  }
  if (needs_continue && !request.framing.complete()) send_continue(record, turn, worker);
  return Event::forwarded;
}

Result forward_to_group(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
                        std::size_t head_length, const plan::Plan& plan) noexcept {
  Exchange& exchange = *record.exchange;
  if (!plan.keep_alive) exchange.message.keep_alive = false;
  exchange.route.group = static_cast<std::uint16_t>(plan.route->group);
  if (!choose_member(record, turn, worker))
    return fail_request(record, turn, worker, Reason::host_unreachable);
  return forward_request(record, turn, worker, head, head_length);
}

namespace {

// Rewrites the head of a response, final or interim.
Result send_response_head(request_info& record, Turn& turn, Worker& worker, const http::ResponseHead& head,
                          const http::Form& form, std::size_t old_length) noexcept {
  net::Lane& response = record.lane[kResponse];
  Exchange& exchange = *record.exchange;
  http::HeadRoom rewritten;
  http::ServerTiming timing;
  const std::size_t length =
      http::write_response(head, response_fields(record, turn, worker, timing), form, rewritten);
  const base::Eraser eraser{http::used(rewritten, length)};
  exchange.log.head_down =
      response.bytes_sent - exchange.sent_down_at_start + length - record.head_bytes_sent;
  if (!fits(response, length, old_length))
    return reject_response(record, turn, worker, Reason::head_too_large);
  show_head(record, worker, HeadKeeper::Message::response, response, old_length, {rewritten.data(), length});
  if (!replace_head(response, {rewritten.data(), length}, old_length))
    return reject_response(record, turn, worker, Reason::bad_chunk);
  response.begin = std::exchange(record.head_bytes_sent, std::uint8_t{0});
  return Event::response_head;
}

// The head does not tell where the body ends.
bool is_open_ended(const http::Body& body) noexcept {
  return body.kind == http::Body::Kind::chunked || body.kind == http::Body::Kind::until_eof;
}

// How the head of a final response is rewritten.
http::Form response_form(const Exchange& exchange, const Turn& turn,
                         const http::ResponseHead& head) noexcept {
  const bool http11 = exchange.message.version == http::Version::http11;
  const Route& route = exchange.route;
  return {.version = exchange.message.version,
          .chunked = http11 && is_open_ended(head.body),
          .close = !exchange.message.keep_alive,
          .upgrade = http11 && head.status == 426 ? http::UpgradeLine::all : http::UpgradeLine::none,
          .via = turn.config().via && route.kind != plan::Kind::reverse,
          .proxy_login = exchange.message.proxy_login,
          .edits = route.web == nullptr ? nullptr : &route.web->response_fields};
}

// Why a 407 of the parent is not for the client; `none`: it is, or the response is another.
Reason login_failure(const Exchange& exchange, std::uint16_t status) noexcept {
  const plan::Parent* const parent = exchange.route.parent;
  if (status != 407 || parent == nullptr || exchange.message.proxy_login) return Reason::none;
  return parent->user.empty() ? Reason::parent_auth_required : Reason::parent_auth_failed;
}

// HTTP/1.0 has no 1xx responses (RFC 9110 section 15.2). The next head follows in the block.
Result drop_interim(net::Lane& response, std::size_t head_length) noexcept {
  response.end = static_cast<std::uint16_t>(response.end - head_length);
  std::memmove(response.block->bytes, response.block->bytes + head_length, response.end);
  response.begin = 0;
  return again();
}

}  // namespace

Result forward_response(request_info& record, Turn& turn, Worker& worker, const http::ResponseHead& head,
                        std::size_t head_length) noexcept {
  AccessRecord& log = record.exchange->log;
  MessageInfo& message = record.exchange->message;
  net::Lane& request = record.lane[kRequest];
  net::Lane& response = record.lane[kResponse];
  // If the response comes before the request is complete, the rest of the request is not read.
  // PLANT(persistent-after-upload)
  if (!request.complete() || request.sink_closed) message.keep_alive = false;
  const bool http11 = message.version == http::Version::http11;
  const bool has_end = http11 || !is_open_ended(head.body);  // HTTP/1.0 has no chunks
  if (message.keep_alive && !(has_end && may_keep_alive(record, worker))) {
    message.keep_alive = false;
    request.drop_block();  // pipelined requests get no response
  }
  if (const Reason reason = login_failure(*record.exchange, head.status); reason != Reason::none)
    return fail_request(record, turn, worker, reason);
  message.bound |= http::logs_in_connection(head.fields);
  message.end_in_doubt |= message.responds_early || !request.complete() || message.expects;
  message.upstream_keep_alive =
      http11 && head.persistent && head.body.kind != http::Body::Kind::until_eof && !message.end_in_doubt;
  log.status = log.received = head.status;
  log.announced = head.body.kind == http::Body::Kind::length;
  log.body_length = head.body.length;
  const http::Form form = response_form(*record.exchange, turn, head);
  response.framing = http::Framing{head.body, http::Sender::server};
  response.encoding = form.chunked ? net::Encoding::chunked : net::Encoding::plain;
  const Result result = send_response_head(record, turn, worker, head, form, head_length);
  response.trailing_bytes |= response.pipelined() > 0;  // PLANT(trailing-bytes)
  response.pipelined_end = 0;
  return result;
}

Result forward_interim(request_info& record, Turn& turn, Worker& worker, const http::ResponseHead& head,
                       std::size_t head_length) noexcept {
  Exchange& exchange = *record.exchange;
  const bool switches = head.status == 101;
  const plan::Config& config = turn.config();
  const bool unasked = switches && !(exchange.message.upgrade && head.upgrade &&
                                     http::may_switch(head.fields, plan::upgrade_protocols(config)));
  exchange.log.received = head.status;
  if (exchange.log.interims < UINT8_MAX) ++exchange.log.interims;
  exchange.interim_bytes += static_cast<std::uint32_t>(head_length);
  if (unasked) return reject_response(record, turn, worker, Reason::unrequested_switch);
  if (exchange.interim_bytes > kInterimBytesMax)
    return reject_response(record, turn, worker, Reason::interims_too_large);
  net::Lane& response = record.lane[kResponse];
  if (head.status == 100) exchange.message.expects = false;
  // Bytes after this head may be those of the final response.
  exchange.message.responds_early &= response.end > head_length;
  if (exchange.message.version == http::Version::http10) return drop_interim(response, head_length);
  exchange.log.status = head.status;
  const http::Form form{.version = exchange.message.version,
                        .close = false,
                        .upgrade = switches ? http::UpgradeLine::passing : http::UpgradeLine::none,
                        .protocols = plan::upgrade_protocols(config),
                        .via = config.via && exchange.route.kind != plan::Kind::reverse};
  response.framing = http::Framing{switches ? http::kUntilEof : http::Body{}};
  const Result result = send_response_head(record, turn, worker, head, form, head_length);
  return switches && result.is(Event::response_head) ? switch_protocols(record) : result;
}

}  // namespace state
