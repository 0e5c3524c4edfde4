// Heads: what is to be done with a request, and each head written anew for the next hop.
#include <cstring>

#include "../base/text.hpp"
#include "../http/basic_auth.hpp"
#include "../http/rewrite.hpp"
#include "parts.hpp"

namespace state {

namespace {

constexpr std::uint8_t kInterimsMax = 16;  // 1xx heads before an answer

// Puts a head that was written anew in the place of the one that came, before what has come of the body. What
// lies behind the message stays as the lane's tail. False: the body's chunks are malformed.
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
  // Neither move may destroy what the other still needs.
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

// An HTTP/1.0 upstream knows no 100, so the client that waits for one has ours (RFC 9110 section 10.1.1).
void ask_for_body(net::Lane& response, Worker& worker) noexcept {
  response.block = worker.blocks.take();
  if (!response.block) return;
  std::memcpy(response.block->bytes, http::kContinue.data(), http::kContinue.size());
  response.end = static_cast<std::uint16_t>(http::kContinue.size());
}

// As in the log; empty if nobody wants it.
std::string_view request_id(const Exchange& exchange, const Turn& turn, const Worker& worker,
                            std::span<char> room) noexcept {
  if (!turn.config().request_id) return {};
  base::Writer out{room};
  out << worker.run_id << '-' << exchange.id << '.' << std::uint64_t{exchange.nth};
  return out.view();
}

// As RFC 7617 section 2 has them; empty without a user, or if there is no room.
std::string_view credentials(const plan::Parent& parent, std::span<char> room) noexcept {
  base::Writer out{room};
  if (!parent.user.empty()) http::put_basic(out, parent.user, parent.password);
  return out.overflowed() ? std::string_view{} : out.view();
}

}  // namespace

std::string_view authority_of(const plan::Hop& hop, std::span<char> room) noexcept {
  base::Writer out{room};
  if (!hop.socket.empty()) return "localhost";
  base::put_host(out, hop.host) << ':' << std::uint64_t{hop.port};
  return out.view();
}

namespace {

// The request goes on: its head is written anew in front of what has come of its body.
Result forward(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
               std::size_t head_length) noexcept {
  net::Lane& request = record.lane[kRequest];
  Exchange& exchange = *record.exchange;
  const bool http11 = exchange.version == http::Version::http11;
  std::array<char, 64> id_room;
  http::Form form = http::request_form(head, exchange.version);
  form.request_id = request_id(exchange, turn, worker, id_room);
  std::array<char, http::kCredentialsBytesMax> credentials_room;
  if (exchange.parent != nullptr && exchange.parent->kind == plan::Parent::Kind::http) {
    form.absolute = true;
    form.credentials = credentials(*exchange.parent, credentials_room);
  }
  std::array<char, http::kHostTextMax> host_room;
  if (exchange.kind == plan::Kind::reverse) {
    form.reverse = true;
    form.client = record.client;
    form.host = authority_of(*exchange.hop, host_room);
  }
  http::HeadRoom rewritten;
  const std::size_t length = http::write_request(head, {turn.via(), worker.date}, form, rewritten);
  if (length == 0) return give_up(record, turn, worker, Reason::head_too_large);
  request.framing = http::Framing{head.body};
  request.stop_at_message_end = true;
  request.encoding = form.chunked ? net::Encoding::chunked : net::Encoding::plain;
  const bool waits = head.expects_continue && !http11;
  if (!replace_head(request, {rewritten.data(), length}, head_length))
    return give_up(record, turn, worker, Reason::bad_chunk);
  if (!exchange.persistent && !exchange.upgrade) {
    exchange.may_continue |= request.pipelined() > 0;
    request.pipelined_end = 0;  // it will not be answered
  }
  if (waits && !request.framing.complete()) ask_for_body(record.lane[kResponse], worker);
  return Event::forwarded;
}

// To a server behind us.
Result forward_in_group(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
                        std::size_t head_length, const plan::Plan& decided) noexcept {
  Exchange& exchange = *record.exchange;
  exchange.persistent &= decided.keep_alive;
  exchange.answer_ms = decided.route->timeout_ms;
  exchange.group = static_cast<std::uint16_t>(decided.route->group);
  if (!choose_member(record, turn, worker)) return give_up(record, turn, worker, Reason::host_unreachable);
  return forward(record, turn, worker, head, head_length);
}

// Whether the client has shown who it is, and has not asked too often.
Reason objection_to(const request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
                    bool web) noexcept {
  if (!web && turn.users() != nullptr && turn.users()->login(head.fields).what != plan::LoginResult::What::good)
    return Reason::auth_required;
  const bool too_many = turn.limits() != nullptr && !turn.limits()->may_request(record.client, worker.now);
  return too_many ? Reason::too_many_requests : Reason::none;
}

}  // namespace

Result take_up(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
               std::size_t length) noexcept {
  if (!begin_exchange(record, worker)) return yield(Wait::request_head);
  Exchange& exchange = *record.exchange;
  const plan::Listener& listener = listener_of(record, turn);
  const bool web = listener.role == plan::Role::web;
  if (web && !reserve_answer(record, worker)) return need_block(Wait::request_head);
  describe(exchange, head, turn.config());
  exchange.persistent &= may_stay(record, worker);
  const bool crowded = worker.table.used() > worker.requests_max;
  const plan::Plan decided = plan::plan_request(turn.config(), listener, head, record.client, crowded);
  exchange.kind = decided.kind;
  exchange.parent = decided.parent;
  exchange.hop = decided.parent == nullptr ? nullptr : &decided.parent->hop;
  if (decided.kind != plan::Kind::refuse)
    if (const Reason why = objection_to(record, turn, worker, head, web); why != Reason::none)
      return give_up(record, turn, worker, why);
  switch (decided.kind) {
    case plan::Kind::forward: return forward(record, turn, worker, head, length);
    case plan::Kind::tunnel: return begin_tunnel(record, length);
    case plan::Kind::reply: return end_of_way(record, turn, worker, head);
    case plan::Kind::reverse: return forward_in_group(record, turn, worker, head, length, decided);
    default: break;
  }
  return web ? serve(record, turn, worker, head, length, decided)
             : give_up(record, turn, worker, decided.reason);
}

namespace {

// The head of an answer, final or interim, goes on, written anew in front of what has come of its body.
Result pass_head(request_info& record, Turn& turn, Worker& worker, const http::ResponseHead& head,
                 const http::Form& form, std::size_t old_length) noexcept {
  net::Lane& response = record.lane[kResponse];
  Exchange& exchange = *record.exchange;
  http::HeadRoom rewritten;
  const std::size_t length = http::write_response(head, {turn.via(), worker.date}, form, rewritten);
  exchange.head_down = response.bytes_sent - exchange.sent_down + length - record.greeted;
  if (length == 0) return bad_response(record, turn, worker, Reason::head_too_large);
  if (!replace_head(response, {rewritten.data(), length}, old_length))
    return bad_response(record, turn, worker, Reason::bad_chunk);
  response.begin = std::exchange(record.greeted, std::uint8_t{0});
  return Event::response_head;
}

}  // namespace

Result answer(request_info& record, Turn& turn, Worker& worker, const http::ResponseHead& head,
              std::size_t head_length) noexcept {
  Exchange& exchange = *record.exchange;
  net::Lane& request = record.lane[kRequest];
  net::Lane& response = record.lane[kResponse];
  const bool http11 = exchange.version == http::Version::http11;
  const bool open_ended =
      head.body.kind == http::Body::Kind::chunked || head.body.kind == http::Body::Kind::until_eof;
  // An answer that comes before the request is whole ends the connection: what is still to come is not read.
  exchange.persistent &= request.complete() && !request.sink_closed;  // PLANT(persistent-after-upload)
  if (exchange.persistent && !may_stay(record, worker)) {
    exchange.persistent = false;
    request.drop_block();  // what came behind it will not be answered
  }
  exchange.upstream_persists = http11 && head.persistent && head.body.kind != http::Body::Kind::until_eof;
  exchange.status = exchange.received = head.status;
  exchange.announced = head.body.kind == http::Body::Kind::length;
  exchange.body_length = head.body.length;
  const http::Form form{.version = exchange.version,
                        .chunked = http11 && open_ended,
                        .close = !exchange.persistent,
                        .via = exchange.kind != plan::Kind::reverse};
  response.framing = http::Framing{head.body};
  response.encoding = form.chunked ? net::Encoding::chunked : net::Encoding::plain;
  const Result result = pass_head(record, turn, worker, head, form, head_length);
  response.trailing_bytes |= response.pipelined() > 0;  // PLANT(trailing-bytes)
  response.pipelined_end = 0;
  return result;
}

// An interim answer is for an HTTP/1.1 client (RFC 9110 section 15.2), and another head follows.
Result pass_interim(request_info& record, Turn& turn, Worker& worker, const http::ResponseHead& head,
                    std::size_t head_length) noexcept {
  Exchange& exchange = *record.exchange;
  const bool switches = head.status == 101;
  exchange.received = head.status;
  if (++exchange.interims > kInterimsMax || (switches && (!exchange.upgrade || head.upgrade.empty())))
    return bad_response(record, turn, worker, Reason::bad_status_line);
  net::Lane& response = record.lane[kResponse];
  if (exchange.version == http::Version::http10) {
    response.end = static_cast<std::uint16_t>(response.end - head_length);
    std::memmove(response.block->bytes, response.block->bytes + head_length, response.end);
    response.begin = 0;
    return again();
  }
  exchange.status = head.status;
  const http::Form form{.version = exchange.version,
                        .close = false,
                        .upgrade = switches,
                        .via = exchange.kind != plan::Kind::reverse};
  response.framing = http::Framing{switches ? http::Body{http::Body::Kind::until_eof} : http::Body{}};
  const Result result = pass_head(record, turn, worker, head, form, head_length);
  return switches && result.is(Event::response_head) ? switch_protocols(record) : result;
}

Result bad_response(request_info& record, Turn& turn, Worker& worker, Reason detail) noexcept {
  record.exchange->detail = detail;
  return give_up(record, turn, worker, Reason::bad_response);
}

}  // namespace state
