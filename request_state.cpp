// The four states of a request. Each has one function, which asserts its state, moves what can be moved, and
// says what it wants next; `advance` alone carries that out.
#include "request_state.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <new>

#include "src/base/text.hpp"
#include "src/base/trace.hpp"
#include "src/http/rewrite.hpp"
#include "src/net/resolver.hpp"

using base::Did;
using base::Reason;
using net::Flow;
using net::Link;
using plan::Wait;

namespace {

constexpr std::size_t kTurnBytes = std::size_t{64} * 1024;  // a record's share of a turn, each way
constexpr std::uint8_t kInterimsMax = 16;                   // 1xx heads before an answer

// A head that was read, rewritten, fits in the block it came in, together with the body bytes read behind it.
static_assert(http::kHeadBytesMax + http::kRewriteGrowthMax + net::kChunkHeadBytes + net::kChunkEndBytes <=
              base::kBlockBytes);
static_assert(http::kAnswerBytesMax + http::kContinue.size() <= base::kBlockBytes);

// ---- steps -----------------------------------------------------------------------------------------------

constexpr Step wait_for(Wait wait) noexcept { return {.what = Step::What::wait, .wait = wait}; }
constexpr Step yield(Wait wait = Wait::none) noexcept { return {.what = Step::What::yield, .wait = wait}; }
constexpr Step starve(Wait wait) noexcept { return {.what = Step::What::starve, .wait = wait}; }
constexpr Step go(State state) noexcept { return {.what = Step::What::go, .state = state}; }
constexpr Step close(Reason reason) noexcept { return {.what = Step::What::close, .reason = reason}; }

// ---- what is noted ---------------------------------------------------------------------------------------

void note(const request_info& record, Services& services, Did did, std::int64_t value, std::uint8_t detail,
          int error = 0) noexcept {
  services.trace.add({.id = record.id,
                      .time = services.now,
                      .slot = services.table.slot_of(record),
                      .value = static_cast<std::int32_t>(std::min<std::int64_t>(value, INT32_MAX)),
                      .error = error,
                      .did = did,
                      .state = static_cast<std::uint8_t>(record.state),
                      .detail = detail});
}

std::uint64_t moved(const request_info& record) noexcept {
  return record.lane[kRequest].moved + record.lane[kResponse].moved;
}

template <std::size_t N>
std::size_t copy_cut(std::string_view text, std::array<char, N>& out) noexcept {
  return text.copy(out.data(), N);
}

// The notes on this request. There are two for each record: one may be in use while another waits for the
// log. False: all are in use, until the log is written at the end of this turn.
bool begin_exchange(request_info& record, Services& services) noexcept {
  if (record.exchange) return true;
  record.exchange = services.exchanges.take();
  if (!record.exchange) return false;
  Exchange& exchange = *record.exchange;
  std::memset(static_cast<void*>(&exchange), 0, offsetof(Exchange, method));
  exchange.id = record.id;
  exchange.client = record.client;
  exchange.wall_ms = services.wall_ms - (services.now - record.entered);
  exchange.nth = record.served + 1;
  exchange.sent_up = record.lane[kRequest].moved;
  exchange.sent_down = record.lane[kResponse].moved;
  return true;
}

// Something of this request has been sent.
bool has_gone(const request_info& record) noexcept {
  return record.lane[kRequest].moved != record.exchange->sent_up;
}

// RFC 9110 section 9.2.2: sent twice, it does what it does sent once.
bool is_idempotent(std::string_view method) noexcept {
  constexpr std::array<std::string_view, 6> kMethods{"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

std::string_view first_value(const http::Fields& fields, std::string_view name) noexcept {
  for (const http::Field& field : fields.all())
    if (base::equals_ignoring_case(field.name, name)) return field.value;
  return {};
}

void describe_agent(Exchange& exchange, const http::Fields& fields) noexcept {
  exchange.referer_length =
      static_cast<std::uint8_t>(copy_cut(first_value(fields, "Referer"), exchange.referer));
  exchange.agent_length =
      static_cast<std::uint8_t>(copy_cut(first_value(fields, "User-Agent"), exchange.agent));
}

void describe(Exchange& exchange, const http::RequestHead& head, const plan::Config& config) noexcept {
  exchange.method_length = static_cast<std::uint8_t>(copy_cut(head.method, exchange.method));
  exchange.target_length = static_cast<std::uint16_t>(copy_cut(head.target, exchange.target));
  exchange.target_cut = exchange.target_length < head.target.size();
  exchange.host_length = static_cast<std::uint8_t>(copy_cut(head.authority.host, exchange.host));
  exchange.port = head.authority.port;
  exchange.to_head = head.method == "HEAD";
  exchange.http10 = head.version == http::Version::http10;
  exchange.wants_page = http::accepts_page(head.fields);
  if (plan::row(config.log_format).tells_agent) describe_agent(exchange, head.fields);
  exchange.version = config.http10 ? http::Version::http10 : head.version;
  const bool http11 = exchange.version == http::Version::http11;
  exchange.persistent = exchange.may_continue = http11 && head.persistent;
  exchange.upgrade = http::request_form(head, exchange.version).upgrade;
  exchange.repeatable = http11 && !exchange.upgrade && is_idempotent(head.method);
}

// The exchange is over: its notes go to whoever writes the log.
void end_exchange(request_info& record, Reason reason, Services& services) noexcept {
  if (!record.exchange) return;
  Exchange& exchange = *record.exchange;
  if (exchange.reason == Reason::none) exchange.reason = reason;
  exchange.spent_ms[static_cast<std::size_t>(record.state)] +=
      static_cast<std::uint32_t>(services.now - record.entered);
  exchange.sent_up = record.lane[kRequest].moved - exchange.sent_up;
  exchange.sent_down = record.lane[kResponse].moved - exchange.sent_down;
  services.finished.push_back(std::move(record.exchange));
}

// ---- answers of our own ----------------------------------------------------------------------------------

// Makes room for an answer of our own: in a new block, or in one whose content is of no more use. What stays
// is an interim answer that is on its way to the client.
bool make_room(request_info& record, Services& services) noexcept {
  net::Lane& answer = record.lane[kResponse];
  net::Lane& request = record.lane[kRequest];
  const std::size_t kept = record.state == State::SEND_REQUEST ? answer.held() : 0;
  if (!answer.block) answer.block = std::move(request.block);
  request.drop_block();
  request.repeatable = false;
  if (!answer.block) answer.block = services.blocks.take();
  if (!answer.block) return false;
  std::memmove(answer.block->bytes, answer.block->bytes + answer.begin, kept);
  answer.begin = answer.tail = 0;
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
  const bool connected =
      exchange.next_address > 0 && exchange.attempts[exchange.next_address - 1U].error == 0;
  return connected ? "sending the request to the host (SEND_REQUEST)"
                   : "connecting to the host (SEND_REQUEST)";
}

// RFC 9110 section 10.2.3, rounded up.
std::uint32_t retry_after_s(const request_info& record, Services& services) noexcept {
  return static_cast<std::uint32_t>((services.limits->request_wait_ms(record.client, services.now) + 999) /
                                    1000);
}

http::Failure failure_of(const request_info& record, Services& services, Reason reason) noexcept {
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
          .challenge = reason == Reason::login_required ? plan::kChallenge : std::string_view{},
          .retry_after_s = reason == Reason::too_many_requests ? retry_after_s(record, services) : 0,
          .as_page = exchange.wants_page,
          .to_head = exchange.to_head};
}

// Those before the body: what was sent of interim answers counts among them.
std::uint64_t head_bytes(const net::Lane& answer, std::size_t whole) noexcept {
  const std::string_view text{reinterpret_cast<const char*>(answer.block->bytes) + answer.end, whole};
  return answer.moved + answer.end + text.find("\r\n\r\n") + 4;
}

// The upstream of a tunnel would take the end of the stream for the client's, which has not come: had it
// come, it would have been passed on.
bool would_look_whole_above(const request_info& record) noexcept {
  const net::Endpoint& upstream = record.side[kUpstream];
  return record.exchange && record.exchange->kind == plan::Kind::tunnel && upstream.fd && !upstream.shut;
}

// Ends the exchange for `reason`: by an answer that says so, if none has begun and the reason has one.
Step give_up(request_info& record, Services& services, Reason reason) noexcept {
  const std::uint16_t status = base::row(reason).status;
  if (status == 0 || record.state == State::SEND_RESPONSE) return close(reason);
  if (would_look_whole_above(record)) sys::reset_on_close(record.side[kUpstream].fd);
  record.side[kUpstream] = net::Endpoint{};
  if (!begin_exchange(record, services)) {
    record.verdict = reason;
    return yield(Wait::linger);
  }
  Exchange& exchange = *record.exchange;
  exchange.reason = reason;
  exchange.persistent = false;
  if (!make_room(record, services)) {
    record.verdict = reason;
    return starve(Wait::linger);
  }
  if (record.state == State::READ_REQUEST)
    record.lane[kRequest].framing = http::Framing{{http::Body::Kind::until_eof}};
  exchange.status = status;
  record.lane[kRequest].dead = true;

  net::Lane& answer = record.lane[kResponse];
  const std::size_t length =
      http::write_answer(failure_of(record, services, reason), {services.via, services.date},
                         {reinterpret_cast<char*>(answer.block->bytes) + answer.end, http::kAnswerBytesMax});
  exchange.head_down = head_bytes(answer, length) - exchange.sent_down;
  answer.begin = std::exchange(record.greeted, std::uint8_t{0});  // 0 if an interim answer is on its way
  answer.end = static_cast<std::uint16_t>(answer.end + length);
  answer.framing = http::Framing{};
  note(record, services, Did::answered, status, static_cast<std::uint8_t>(reason), exchange.error);
  return go(State::SEND_RESPONSE);
}

// ---- connecting ------------------------------------------------------------------------------------------

Reason reason_for(int error) noexcept {
  switch (error) {
    case 0: return Reason::upstream_closed;
    case ECONNREFUSED: return Reason::refused;
    case ECONNRESET:
    case EPIPE: return Reason::upstream_reset;
    case ETIMEDOUT: return Reason::connect_timeout;
    case EMFILE:
    case ENFILE: return Reason::no_descriptor;
    case ENOBUFS:
    case ENOMEM: return Reason::no_memory;
    default: return Reason::unreachable;
  }
}

// No other address would help.
bool is_ours(Reason reason) noexcept {
  return reason == Reason::no_descriptor || reason == Reason::no_memory;
}

// A request to ourselves would come back; and rules may speak of the address that a name leads to.
Reason objection_to(const Exchange& exchange, const Services& services,
                    const sys::Address& address) noexcept {
  if (std::any_of(services.own.begin(), services.own.end(),
                  [&address](const sys::Address& own) { return address.reaches(own); }))
    return Reason::loop;
  const plan::Verdict verdict = services.config.rules.for_address(
      {exchange.client, exchange.host_view(), exchange.port, exchange.method_view()}, address);
  return verdict.decision == plan::Decision::deny ? Reason::request_not_allowed : Reason::none;
}

// What became of the address that was begun with last.
void settle_attempt(Exchange& exchange, const Services& services, int error) noexcept {
  assert(exchange.next_address > 0);
  exchange.attempts[exchange.next_address - 1U] = {
      static_cast<std::uint32_t>(services.now - exchange.tried_at), error};
}

// Begins to connect to the next address that lets us begin.
Step connect_next(request_info& record, Services& services, Reason otherwise) noexcept {
  Exchange& exchange = *record.exchange;
  net::Endpoint& upstream = record.side[kUpstream];
  while (exchange.next_address < exchange.addresses.count && !is_ours(otherwise)) {
    const std::uint8_t index = exchange.next_address++;
    exchange.tried_at = services.now;
    if (const Reason why = objection_to(exchange, services, exchange.addresses.list[index]);
        why != Reason::none) {
      settle_attempt(exchange, services, EACCES);
      otherwise = why;
      continue;
    }
    upstream = net::Endpoint{};
    sys::Opened opened = sys::connect(exchange.addresses.list[index]);
    const std::uint32_t serial = services.table.new_serial();
    const net::Token token{serial, static_cast<std::uint32_t>(opened.fd.get()), net::Token::Kind::upstream};
    if (opened.fd) opened.error = sys::watch(services.poller, opened.fd.get(), token.packed());
    if (opened.error == EMFILE && services.upstreams.drop_oldest()) {
      --exchange.next_address;
      continue;
    }
    if (opened.error != 0) {
      exchange.error = opened.error;
      settle_attempt(exchange, services, opened.error);
      otherwise = reason_for(opened.error);
      continue;
    }
    if (!record.lane[kRequest].framing.complete())
      sys::send_at_once(opened.fd);  // else one send carries it all
    upstream.fd = std::move(opened.fd);
    upstream.serial = serial;
    upstream.link = Link::connecting;
    upstream.writable =
        record.lane[kRequest].held() > 0;  // in hope: on the same machine it is connected by now
    services.upstreams.own(upstream, services.table.slot_of(record));
    note(record, services, Did::connected, index, 0);
    return go(State::SEND_REQUEST);
  }
  return give_up(record, services, otherwise);
}

// The upstream could not be reached: perhaps at its next address.
Step connect_failed(request_info& record, Services& services, Reason reason, int error) noexcept {
  record.exchange->error = error;
  settle_attempt(*record.exchange, services, error);
  note(record, services, Did::retried, record.exchange->next_address, static_cast<std::uint8_t>(reason),
       error);
  return connect_next(record, services, reason);
}

// Nothing lies unread that nobody asked for.
bool is_silent(const net::Endpoint& upstream) noexcept {
  std::array<std::byte, 1> more;
  return sys::receive(upstream.fd, more).outcome == sys::Outcome::again;
}

// A connection that was used before may die under the request (RFC 9112 section 9.3.1), so it is taken only
// for one that lies in the block whole and may be sent twice.
bool take_used(request_info& record, Services& services) noexcept {
  Exchange& exchange = *record.exchange;
  net::Lane& request = record.lane[kRequest];
  if (!exchange.repeatable || exchange.reused || !request.framing.complete()) return false;
  const std::uint32_t slot = services.table.slot_of(record);
  net::Endpoint used;
  // What came meanwhile, and was not reported yet, would be taken for the answer to what was never asked.
  do {
    used = services.upstreams.take(exchange.host_view(), exchange.port, slot);
    if (!used.fd) return false;
  } while (!is_silent(used));
  record.side[kUpstream] = std::move(used);
  exchange.reused = request.repeatable = true;
  note(record, services, Did::reused, 0, 0);
  return true;
}

// The connection that was used before is dead: the request goes once more, over a new one.
Step repeat(request_info& record) noexcept {
  net::Lane& request = record.lane[kRequest];
  record.side[kUpstream] = net::Endpoint{};
  record.lane[kResponse].drop_block();
  request.begin = 0;
  request.repeatable = request.dead = false;
  record.exchange->sent_up = request.moved;
  return go(State::SEND_REQUEST);
}

Step look_up(request_info& record, Services& services) noexcept {
  Exchange& exchange = *record.exchange;
  net::Endpoint& upstream = record.side[kUpstream];
  if (upstream.link == Link::none) {
    if (take_used(record, services)) return go(State::SEND_REQUEST);
    upstream.link = Link::resolving;
    upstream.serial = services.table.new_serial();
  }
  const net::Token me{upstream.serial, services.table.slot_of(record), net::Token::Kind::lookup};
  const net::Lookup found = services.resolver.find(exchange.host_view(), exchange.port, me, services.now);
  if (found.what == net::Lookup::What::pending) return wait_for(Wait::resolve);
  if (found.what == net::Lookup::What::failed) return give_up(record, services, found.why);
  exchange.addresses = found.addresses;
  return connect_next(record, services, Reason::unreachable);
}

// Until the first byte is taken, or, with none to send, until there is room for one, nothing is known.
Step connecting(request_info& record, Services& services) noexcept {
  net::Lane& request = record.lane[kRequest];
  net::Endpoint& upstream = record.side[kUpstream];
  if (!has_gone(record)) {
    if (request.flow == Flow::write_failed) {
      request.dead = false;
      return connect_failed(record, services, reason_for(request.error), request.error);
    }
    if (request.held() > 0 || !upstream.writable) return wait_for(Wait::connect);
    if (const int error = sys::socket_error(upstream.fd); error != 0)
      return connect_failed(record, services, reason_for(error), error);
  }
  upstream.link = Link::open;
  settle_attempt(*record.exchange, services, 0);
  record.exchange->error = 0;  // that of an address tried before is of no interest any more
  return go(State::SEND_REQUEST);
}

// ---- the client's half-close -----------------------------------------------------------------------------

// A client that has sent FIN may wait for its answer all the same, or it may have left: the same segment says
// both. Every answer begins with "HTTP/1.", so its first byte can be sent at any time: a client that has left
// answers with RST, and its record is free at once; one that waits has the first byte of its answer.
void greet_half_closed(request_info& record) noexcept {
  net::Endpoint& client = record.side[kClient];
  const bool pending = record.state == State::SEND_REQUEST && record.lane[kResponse].held() > 0;
  if (!client.finished || record.greeted > 0 || !client.writable || pending) return;
  static constexpr std::byte kFirst{'H'};
  const sys::Io io = sys::transmit(client.fd, {&kFirst, 1});
  record.greeted = io.outcome == sys::Outcome::done ? 1 : 0;
  record.lane[kResponse].moved += record.greeted;
  client.hung |= io.outcome == sys::Outcome::fail;
}

// ---- READ_REQUEST ----------------------------------------------------------------------------------------

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
  if (chunked) net::end_chunk(lane, body.payload, lane.framing.complete());
  if (ahead == 0) return true;
  std::memmove(bytes + lane.end, bytes + next_to, ahead);
  lane.tail = static_cast<std::uint16_t>(lane.end + ahead);
  return true;
}

// An HTTP/1.0 upstream knows no 100, so the client that waits for one has ours (RFC 9110 section 10.1.1).
void ask_for_body(net::Lane& response, Services& services) noexcept {
  response.block = services.blocks.take();
  if (!response.block) return;
  std::memcpy(response.block->bytes, http::kContinue.data(), http::kContinue.size());
  response.end = static_cast<std::uint16_t>(http::kContinue.size());
}

// As in the log; empty if nobody wants it.
std::string_view request_id(const Exchange& exchange, const Services& services,
                            std::span<char> room) noexcept {
  if (!services.config.request_id) return {};
  base::Writer out{room};
  out << services.run_id << '-' << exchange.id << '.' << std::uint64_t{exchange.nth};
  return out.view();
}

// The request goes on: its head is written anew in front of what has come of its body.
Step forward(request_info& record, Services& services, const http::RequestHead& head,
             std::size_t head_length) noexcept {
  net::Lane& request = record.lane[kRequest];
  Exchange& exchange = *record.exchange;
  const bool http11 = exchange.version == http::Version::http11;
  std::array<char, 64> id_room;
  http::Form form = http::request_form(head, exchange.version);
  form.request_id = request_id(exchange, services, id_room);
  http::HeadRoom rewritten;
  const std::size_t length = http::write_request(head, {services.via, services.date}, form, rewritten);
  if (length == 0) return give_up(record, services, Reason::head_too_large);
  request.framing = http::Framing{head.body};
  request.shared = true;
  request.encoding = form.chunked ? net::Encoding::chunked : net::Encoding::plain;
  const bool waits = head.expects_continue && !http11;
  if (!replace_head(request, {rewritten.data(), length}, head_length))
    return give_up(record, services, Reason::bad_chunk);
  if (!exchange.persistent && !exchange.upgrade) {
    exchange.may_continue |= request.ahead() > 0;
    request.tail = 0;  // it will not be answered
  }
  if (waits && !request.framing.complete()) ask_for_body(record.lane[kResponse], services);
  return go(State::SEND_REQUEST);
}

// Everything behind the head is for the tunnel's other end, and none of it is looked at.
Step begin_tunnel(request_info& record, std::size_t head_length) noexcept {
  net::Lane& request = record.lane[kRequest];
  request.framing = http::Framing{{http::Body::Kind::until_eof}};
  request.begin = static_cast<std::uint16_t>(head_length);
  if (request.held() == 0) request.drop_block();
  return go(State::SEND_REQUEST);
}

// The request is not to go on: the answer is ours, though there is nothing wrong.
Step end_of_way(request_info& record, Services& services, const http::RequestHead& head) noexcept {
  net::Lane& response = record.lane[kResponse];
  std::array<char, base::kBlockBytes> text;  // the head lies in the block that is to take the answer
  const std::size_t length = http::write_end_of_way(head, {services.via, services.date}, text);
  if (length == 0) return give_up(record, services, Reason::head_too_large);
  record.exchange->status = 200;
  record.exchange->persistent = false;
  if (!make_room(record, services)) return close(Reason::memory_short);  // it has the request's block
  record.lane[kRequest].dead = true;
  std::memcpy(response.block->bytes, text.data(), length);
  response.end = static_cast<std::uint16_t>(length);
  response.framing = http::Framing{};
  return go(State::SEND_RESPONSE);
}

// Whether the client has shown who it is, and has not asked too often.
Reason objection_to(const request_info& record, Services& services, const http::RequestHead& head) noexcept {
  if (services.users != nullptr && services.users->login(head.fields).what != plan::Login::What::good)
    return Reason::login_required;
  const bool too_many =
      services.limits != nullptr && !services.limits->may_request(record.client, services.now);
  return too_many ? Reason::too_many_requests : Reason::none;
}

Step take_up(request_info& record, Services& services, const http::RequestHead& head,
             std::size_t length) noexcept {
  if (!begin_exchange(record, services)) return yield(Wait::head);
  Exchange& exchange = *record.exchange;
  describe(exchange, head, services.config);
  const bool crowded = services.table.used() > services.requests_max;
  const plan::Plan decided = plan::plan_request(services.config, head, record.client, crowded);
  exchange.kind = decided.kind;
  if (decided.kind != plan::Kind::refuse)
    if (const Reason why = objection_to(record, services, head); why != Reason::none)
      return give_up(record, services, why);
  switch (decided.kind) {
    case plan::Kind::refuse: return give_up(record, services, decided.reason);
    case plan::Kind::tunnel: return begin_tunnel(record, length);
    case plan::Kind::reply: return end_of_way(record, services, head);
    case plan::Kind::forward: break;
  }
  return forward(record, services, head, length);
}

std::string_view text_of(const net::Lane& lane) noexcept {
  return {reinterpret_cast<const char*>(lane.block->bytes), lane.end};
}

// ---- READ_RESPONSE ---------------------------------------------------------------------------------------

Step bad_response(request_info& record, Services& services, Reason detail) noexcept;

// The head of an answer, final or interim, goes on, written anew in front of what has come of its body.
Step pass_head(request_info& record, Services& services, const http::ResponseHead& head,
               const http::Form& form, std::size_t old_length) noexcept {
  net::Lane& response = record.lane[kResponse];
  Exchange& exchange = *record.exchange;
  http::HeadRoom rewritten;
  const std::size_t length = http::write_response(head, {services.via, services.date}, form, rewritten);
  exchange.head_down = response.moved - exchange.sent_down + length;
  if (length == 0) return bad_response(record, services, Reason::head_too_large);
  if (!replace_head(response, {rewritten.data(), length}, old_length))
    return bad_response(record, services, Reason::bad_chunk);
  response.begin = std::exchange(record.greeted, std::uint8_t{0});
  return go(State::SEND_RESPONSE);
}

Step answer(request_info& record, Services& services, const http::ResponseHead& head,
            std::size_t head_length) noexcept {
  Exchange& exchange = *record.exchange;
  const net::Lane& request = record.lane[kRequest];
  net::Lane& response = record.lane[kResponse];
  const bool http11 = exchange.version == http::Version::http11;
  const bool open_ended =
      head.body.kind == http::Body::Kind::chunked || head.body.kind == http::Body::Kind::until_eof;
  // An answer that comes before the request is whole ends the connection: what is still to come is not read.
  exchange.persistent &= request.complete() && !request.dead;
  exchange.upstream_persists = http11 && head.persistent && head.body.kind != http::Body::Kind::until_eof;
  exchange.status = exchange.received = head.status;
  const http::Form form{
      .version = exchange.version, .chunked = http11 && open_ended, .close = !exchange.persistent};
  response.framing = http::Framing{head.body};
  response.encoding = form.chunked ? net::Encoding::chunked : net::Encoding::plain;
  const Step step = pass_head(record, services, head, form, head_length);
  response.surplus |= response.ahead() > 0;
  response.tail = 0;
  return step;
}

// 101: both sides speak another protocol from here on, which is not looked at.
Step switch_protocols(request_info& record) noexcept {
  net::Lane& request = record.lane[kRequest];
  record.exchange->kind = plan::Kind::tunnel;
  request.framing = record.lane[kResponse].framing = http::Framing{{http::Body::Kind::until_eof}};
  request.end = static_cast<std::uint16_t>(request.end + request.ahead());
  request.tail = 0;
  request.shared = false;
  return go(State::SEND_RESPONSE);
}

// An interim answer is for an HTTP/1.1 client (RFC 9110 section 15.2), and another head follows.
Step pass_interim(request_info& record, Services& services, const http::ResponseHead& head,
                  std::size_t head_length) noexcept {
  Exchange& exchange = *record.exchange;
  const bool switches = head.status == 101;
  exchange.received = head.status;
  if (++exchange.interims > kInterimsMax || (switches && (!exchange.upgrade || head.upgrade.empty())))
    return bad_response(record, services, Reason::bad_status_line);
  net::Lane& response = record.lane[kResponse];
  if (exchange.version == http::Version::http10) {
    response.end = static_cast<std::uint16_t>(response.end - head_length);
    std::memmove(response.block->bytes, response.block->bytes + head_length, response.end);
    response.begin = 0;
    return go(State::READ_RESPONSE);
  }
  exchange.status = head.status;
  const http::Form form{.version = exchange.version, .close = false, .upgrade = switches};
  response.framing = http::Framing{switches ? http::Body{http::Body::Kind::until_eof} : http::Body{}};
  const Step step = pass_head(record, services, head, form, head_length);
  return switches && step.what == Step::What::go && exchange.reason == Reason::none ? switch_protocols(record)
                                                                                    : step;
}

Step bad_response(request_info& record, Services& services, Reason detail) noexcept {
  record.exchange->detail = detail;
  return give_up(record, services, Reason::bad_response);
}

// ---- SEND_RESPONSE ---------------------------------------------------------------------------------------

// The answer breaks off.
Step cut(request_info& record, Reason reason, Reason detail) noexcept {
  record.exchange->detail = detail;
  record.exchange->error = record.lane[kResponse].error;
  return close(reason);
}

// The client would take the end of the stream for the end of the answer, which has not come.
bool would_look_whole(const request_info& record) noexcept {
  const net::Lane& response = record.lane[kResponse];
  return record.state == State::SEND_RESPONSE && response.flow != Flow::complete &&
         response.encoding == net::Encoding::plain && !response.framing.has_length();
}

// Closing over unread bytes sends RST and can destroy the answer on its way. So a client that is still
// sending is read until it closes, for a while (RFC 9112 section 9.6).
Step linger(request_info& record, Services& services) noexcept {
  switch (
      net::discard(record.lane[kRequest], record.side[kClient], services.blocks, services.budget[kRequest])) {
    case Flow::need_read: return wait_for(Wait::linger);
    case Flow::budget: return yield(Wait::linger);
    case Flow::no_block: return starve(Wait::linger);
    default: return close(Reason::complete);
  }
}

// The request's block is kept in case it is sent again, or because the next request has begun in it. Where no
// other is to be had, the answer is worth more. False: it is not kept, or still needed.
bool give_up_kept(request_info& record) noexcept {
  net::Lane& request = record.lane[kRequest];
  if (!request.block || !(request.complete() || request.dead)) return false;
  if (record.exchange->upgrade && request.ahead() > 0) return false;  // it may be for the other protocol
  record.exchange->persistent &=
      request.ahead() == 0;  // a client repeats what was not answered (RFC 9112 section 9.3.2)
  request.repeatable = false;
  request.drop_block();
  return true;
}

// An upstream that has kept to its message, and has had ours whole, can have another.
void keep_upstream(request_info& record, Services& services) noexcept {
  net::Endpoint upstream = std::exchange(record.side[kUpstream], net::Endpoint{});
  const Exchange& exchange = *record.exchange;
  const net::Lane& request = record.lane[kRequest];
  if (!exchange.upstream_persists || !request.complete() || request.dead || record.lane[kResponse].surplus ||
      upstream.finished || upstream.hung)
    return;
  // The last read was as long as the message: only another tells whether nothing lies behind it.
  if (upstream.readable && !is_silent(upstream)) return;
  upstream.readable = false;
  services.upstreams.keep(std::move(upstream), exchange.host_view(), exchange.port, services.now);
}

// The client's connection serves its next request, which may have begun to come already.
Step next_request(request_info& record, Services& services) noexcept {
  end_exchange(record, Reason::complete, services);
  for (net::Lane& lane : record.lane) {
    lane.turn_page();
    net::Lane fresh;
    fresh.block = std::move(lane.block);
    fresh.end = lane.end;
    fresh.moved = lane.moved;
    lane = std::move(fresh);
  }
  ++record.served;
  return go(State::READ_REQUEST);
}

// All is said, and the client may still be speaking.
Step hear_out(request_info& record, Services& services) noexcept {
  net::Endpoint& client = record.side[kClient];
  record.lane[kRequest].dead = true;
  end_exchange(record, Reason::complete, services);
  record.side[kUpstream] = net::Endpoint{};
  if (!client.shut) sys::shutdown_write(client.fd);
  client.shut = true;
  return linger(record, services);
}

// The answer is through: an interim one is followed by another, and a whole exchange perhaps by the next.
Step all_sent(request_info& record, Services& services) noexcept {
  net::Endpoint& client = record.side[kClient];
  net::Lane& request = record.lane[kRequest];
  if (record.exchange->status < 200) {
    record.lane[kResponse].turn_page();
    return go(State::READ_RESPONSE);
  }
  keep_upstream(record, services);
  if (record.exchange->persistent) return next_request(record, services);
  // Who thinks that the connection stays may send the next request at any time.
  const bool still_sending = client.readable || !request.framing.complete() || record.exchange->may_continue;
  if (client.eof || !still_sending) return close(Reason::complete);
  return hear_out(record, services);
}

// The end of one direction is passed on; the other goes on (RFC 9110 section 9.3.6).
void pass_end(const net::Lane& lane, net::Endpoint& to) noexcept {
  if (lane.flow != Flow::complete || to.shut) return;
  sys::shutdown_write(to.fd);
  to.shut = true;
}

// Both lanes of a tunnel run until each has come to its end.
Step relay(request_info& record, Services& services) noexcept {
  net::Lane& up = record.lane[kRequest];
  net::Lane& down = record.lane[kResponse];
  net::Endpoint& client = record.side[kClient];
  net::Endpoint& upstream = record.side[kUpstream];
  const Flow flow = net::pump(down, upstream, client, services.blocks, services.budget[kResponse]);
  if (flow == Flow::write_failed || up.flow == Flow::read_failed) return close(Reason::client_left);
  if (flow == Flow::read_failed) return cut(record, Reason::upstream_reset, Reason::none);
  pass_end(up, upstream);
  pass_end(down, client);
  if (flow == Flow::complete && up.flow == Flow::complete) return close(Reason::complete);
  // Who takes no more may have said its last before: that goes through to its end.
  if (flow == Flow::complete && up.dead) return hear_out(record, services);
  if (flow == Flow::budget) return yield(Wait::tunnel);
  return flow == Flow::no_block ? starve(Wait::tunnel) : wait_for(Wait::tunnel);
}

// The connection to the tunnel's other end is open.
Step open_tunnel(request_info& record, Services& services) noexcept {
  net::Lane& response = record.lane[kResponse];
  if (!response.block) response.block = services.blocks.take();
  if (!response.block) return starve(Wait::connect);
  const std::string_view opened = record.exchange->version == http::Version::http11
                                      ? "HTTP/1.1 200 Connection Established\r\n\r\n"
                                      : "HTTP/1.0 200 Connection Established\r\n\r\n";
  opened.copy(reinterpret_cast<char*>(response.block->bytes), opened.size());
  response.begin = std::exchange(record.greeted, std::uint8_t{0});
  response.end = static_cast<std::uint16_t>(opened.size());
  response.framing = http::Framing{{http::Body::Kind::until_eof}};
  record.exchange->status = 200;
  return go(State::SEND_RESPONSE);
}

// ---- queues and deadlines --------------------------------------------------------------------------------

void stop_timer(request_info& record, Services& services) noexcept {
  if (record.timer.linked())
    services.timers[static_cast<std::size_t>(record.wait)].remove(services.table.slot_of(record));
  record.wait = Wait::none;
}

// All records of one wait have the same time-out, so a queue in the order of starting is in the order of
// ending.
void start_timer(request_info& record, Services& services, Wait wait) noexcept {
  stop_timer(record, services);
  record.wait = wait;
  record.deadline = services.now + services.config.wait(wait);
  services.timers[static_cast<std::size_t>(wait)].push(services.table.slot_of(record));
}

void leave_queue(request_info& record, Services& services) noexcept {
  if (!record.ready.linked()) return;
  (record.starved ? services.starved : services.ready).remove(services.table.slot_of(record));
  record.starved = false;
}

void enter(request_info& record, Services& services, State state) noexcept {
  const State before = record.state;
  if (before != state) {
    assert(may_follow(before, state));
    if (record.exchange)
      record.exchange->spent_ms[static_cast<std::size_t>(before)] +=
          static_cast<std::uint32_t>(services.now - record.entered);
    record.entered = services.now;
    record.state = state;
    note(record, services, Did::entered, static_cast<std::int64_t>(before), 0);
  }
}

// What is told of a wait: the bytes of a head that is not whole yet, or those that were moved.
std::uint64_t bytes_to_tell(const request_info& record, std::uint64_t progress) noexcept {
  if (record.state == State::READ_REQUEST) return record.lane[kRequest].end;
  return record.state == State::READ_RESPONSE ? record.lane[kResponse].end : progress;
}

void pause(request_info& record, Services& services, Wait wait, std::uint64_t moved_before) noexcept {
  const std::uint64_t progress = moved(record) - moved_before;
  if (record.wait == wait && progress == 0) return;
  if (record.wait != wait || plan::row(wait).restarts) start_timer(record, services, wait);
  note(record, services, Did::waited, static_cast<std::int64_t>(bytes_to_tell(record, progress)),
       static_cast<std::uint8_t>(wait));
}

// A record that runs again at once waits for nobody; but a wait that counts in total goes on.
void yield_turn(request_info& record, Services& services, Wait wait) noexcept {
  if (wait != Wait::none && record.wait != wait) start_timer(record, services, wait);
  if (wait == Wait::none) stop_timer(record, services);
  services.ready.push(services.table.slot_of(record));
}

// An upload runs beside everything else, whatever the state: the answer may come early. `none`: there is
// none.
Flow pump_request(request_info& record, Services& services) noexcept {
  net::Lane& request = record.lane[kRequest];
  net::Endpoint& upstream = record.side[kUpstream];
  const bool linked = upstream.link == Link::connecting || upstream.link == Link::open;
  if (!linked || request.dead || request.complete()) return Flow::none;
  const Flow flow =
      net::pump(request, record.side[kClient], upstream, services.blocks, services.budget[kRequest]);
  request.dead = flow == Flow::write_failed || flow == Flow::bad_framing;
  const bool for_another_address = upstream.link == Link::connecting && !has_gone(record);
  if (request.dead && !for_another_address && !request.repeatable) request.drop_block();
  return flow;
}

// If the state has to wait, but the upload could go on, then the record does not wait.
Step unless_upload_runs(Step step, Flow upload) noexcept {
  if (step.what != Step::What::wait) return step;
  if (upload == Flow::budget) return yield();
  return upload == Flow::no_block ? starve(step.wait) : step;
}

using StateFunction = Step (*)(request_info&, Services&);
constexpr std::array<StateFunction, kStates> kFunctions{nullptr, read_request, send_request, read_response,
                                                        send_response};

Step next_step(request_info& record, Services& services) noexcept {
  // After our own FIN the client's makes a hang-up, with bytes perhaps unread: those are for `linger`.
  const net::Endpoint& client = record.side[kClient];
  if (client.hung && !client.shut) return close(Reason::client_left);
  if (const Reason verdict = std::exchange(record.verdict, Reason::none); verdict != Reason::none) {
    if (record.side[kUpstream].link == Link::connecting)
      return connect_failed(record, services, verdict, ETIMEDOUT);
    return give_up(record, services, verdict);
  }
  const Flow upload = pump_request(record, services);
  return unless_upload_runs(kFunctions[static_cast<std::size_t>(record.state)](record, services), upload);
}

// The record that an event of an upstream is for; null: none, any more.
request_info* record_of(const net::Token& upstream, Services& services) noexcept {
  const std::uint32_t slot = services.upstreams.owner(upstream);
  if (slot == base::kNoIndex) return nullptr;
  request_info& record = services.table.at(slot);
  return record.side[kUpstream].serial == upstream.serial ? &record : nullptr;
}

}  // namespace

// ---- the four states -------------------------------------------------------------------------------------

Step read_request(request_info& record, Services& services) noexcept {
  assert(record.state == State::READ_REQUEST);
  net::Lane& request = record.lane[kRequest];
  net::Endpoint& client = record.side[kClient];
  const Wait nothing_yet = record.served == 0 ? Wait::idle : Wait::kept;
  for (;;) {
    if (request.held() == 0) {  // all of it was looked at
      if (!request.block && !client.readable) return wait_for(nothing_yet);
      if (!request.block) request.block = services.blocks.take();
      if (!request.block) return starve(nothing_yet);
      request.flow = net::fill(request, client, http::kHeadBytesMax - request.end);
      if (request.flow == Flow::read_failed) return close(Reason::client_left);
      if (request.flow == Flow::need_read && request.end > 0) return wait_for(Wait::head);
      if (request.flow == Flow::need_read) {
        request.drop_block();
        continue;
      }
    }
    if (request.begin == 0) record.entered = services.now;  // the request begins with its first byte
    http::RequestHead head;
    const http::Parsed parsed = http::parse_request(text_of(request), request.begin, head);
    if (parsed.what == http::Parsed::What::bad) return give_up(record, services, parsed.why);
    if (parsed.what == http::Parsed::What::complete) return take_up(record, services, head, parsed.length);
    request.begin = request.end;
  }
}

Step send_request(request_info& record, Services& services) noexcept {
  assert(record.state == State::SEND_REQUEST);
  net::Lane& request = record.lane[kRequest];
  net::Lane& response = record.lane[kResponse];
  net::Endpoint& upstream = record.side[kUpstream];
  if (net::drain(response, record.side[kClient]) == Flow::write_failed) return close(Reason::client_left);
  if (response.held() == 0)
    response.drop_block();  // a 100 is on its way; who waits for the body holds nothing for it
  if (request.flow == Flow::read_failed) return close(Reason::client_left);
  if (request.flow == Flow::bad_framing) return give_up(record, services, Reason::bad_chunk);
  greet_half_closed(record);
  if (upstream.link == Link::none || upstream.link == Link::resolving) return look_up(record, services);
  if (upstream.link == Link::connecting) return connecting(record, services);
  if (record.exchange->kind == plan::Kind::tunnel) return open_tunnel(record, services);

  const bool sent = request.complete() || request.dead;
  if (sent || upstream.readable) {
    if (response.held() > 0) return wait_for(Wait::reader);
    response.drop_block();
    return go(State::READ_RESPONSE);
  }
  return wait_for(request.flow == Flow::need_write ? Wait::send : Wait::body);
}

Step read_response(request_info& record, Services& services) noexcept {
  assert(record.state == State::READ_RESPONSE);
  net::Lane& request = record.lane[kRequest];
  net::Lane& response = record.lane[kResponse];
  net::Endpoint& upstream = record.side[kUpstream];
  if (request.flow == Flow::read_failed) return close(Reason::client_left);
  if (request.flow == Flow::bad_framing) return give_up(record, services, Reason::bad_chunk);
  greet_half_closed(record);
  for (;;) {
    if (response.held() == 0) {  // all of it was looked at
      if (!upstream.readable) {
        if (response.end == 0) response.drop_block();
        return wait_for(Wait::answer);
      }
      if (!response.block) response.block = services.blocks.take();
      if (!response.block && give_up_kept(record)) response.block = services.blocks.take();
      if (!response.block) return starve(Wait::answer);
      response.flow = net::fill(response, upstream, http::kHeadBytesMax - response.end);
      if (response.flow == Flow::need_read) continue;
      if (response.flow == Flow::read_failed) {
        if (request.repeatable) return repeat(record);
        record.exchange->error = response.error;
        return give_up(record, services, reason_for(response.error));
      }
      if (request.repeatable) request.drop_sent();  // it has been heard
    }
    http::ResponseHead head;
    const http::Parsed parsed =
        http::parse_response(text_of(response), response.begin, record.exchange->to_head, head);
    if (parsed.what == http::Parsed::What::bad) return bad_response(record, services, parsed.why);
    if (parsed.what == http::Parsed::What::complete)
      return head.interim() ? pass_interim(record, services, head, parsed.length)
                            : answer(record, services, head, parsed.length);
    response.begin = response.end;
  }
}

Step send_response(request_info& record, Services& services) noexcept {
  assert(record.state == State::SEND_RESPONSE);
  net::Endpoint& client = record.side[kClient];
  if (!record.exchange) return linger(record, services);
  if (record.exchange->kind == plan::Kind::tunnel && record.exchange->status != 0 &&
      record.exchange->reason == Reason::none)
    return relay(record, services);
  net::Lane& response = record.lane[kResponse];
  switch (net::pump(response, record.side[kUpstream], client, services.blocks, services.budget[kResponse])) {
    case Flow::complete: return all_sent(record, services);
    case Flow::need_read: return wait_for(client.finished ? Wait::half_closed : Wait::stream);
    case Flow::need_write: return wait_for(Wait::reader);
    case Flow::budget: return yield();
    case Flow::no_block: return give_up_kept(record) ? yield() : starve(Wait::stream);
    case Flow::write_failed: return close(Reason::client_left);
    case Flow::bad_framing: return cut(record, Reason::bad_response, Reason::bad_chunk);
    case Flow::read_failed:
    case Flow::none: break;
  }
  return cut(record, response.error == 0 ? Reason::upstream_cut : Reason::upstream_reset, Reason::none);
}

// ---- running a record ------------------------------------------------------------------------------------

bool admit(sys::Fd client, const sys::Address& peer, std::uint8_t listener, Services& services) noexcept {
  request_info* const record = services.table.take();
  if (record == nullptr) return false;
  record->id = ++services.connections;
  record->client = peer;
  record->listener = listener;
  net::Endpoint& side = record->side[kClient];
  side.fd = std::move(client);
  side.serial = services.table.new_serial();
  side.link = Link::open;
  side.readable = side.writable = true;  // in hope: most clients have sent their request by now
  if (services.limits != nullptr) {
    record->counted = services.limits->may_connect(peer, services.now);
    if (!record->counted) record->verdict = Reason::too_many_connections;
  }
  note(*record, services, Did::accepted, side.fd.get(), 0);
  enter(*record, services, State::READ_REQUEST);
  const net::Token token{side.serial, services.table.slot_of(*record), net::Token::Kind::client};
  if (sys::watch(services.poller, side.fd.get(), token.packed()) != 0) {
    release(*record, Reason::no_memory, services);
    return false;
  }
  wake(*record, services);
  return true;
}

void deliver(const net::Token& token, const sys::Event& event, Services& services) noexcept {
  const bool client = token.kind == net::Token::Kind::client;
  request_info* const record = client ? services.table.find(token) : record_of(token, services);
  if (record == nullptr) return;
  record->side[client ? kClient : kUpstream].mark(event);
  wake(*record, services);
}

void wake(request_info& record, Services& services) noexcept {
  if (record.starved) leave_queue(record, services);
  if (!record.ready.linked()) services.ready.push(services.table.slot_of(record));
}

void advance(request_info& record, Services& services) noexcept {
  const std::uint64_t moved_before = moved(record);
  services.budget = {kTurnBytes, kTurnBytes};
  for (;;) {
    const Step step = next_step(record, services);
    switch (step.what) {
      case Step::What::go:
        stop_timer(record, services);
        enter(record, services, step.state);
        continue;
      case Step::What::wait: return pause(record, services, step.wait, moved_before);
      case Step::What::yield: return yield_turn(record, services, step.wait);
      case Step::What::starve:
        pause(record, services, step.wait, moved_before);
        record.starved = true;
        return services.starved.push(services.table.slot_of(record));
      case Step::What::close: return release(record, step.reason, services);
    }
  }
}

void expire(Services& services) noexcept {
  for (std::size_t i = 0; i < plan::kWaits; ++i) {
    TimerQueue& queue = services.timers[i];
    while (!queue.empty() && services.table.at(queue.front()).deadline <= services.now) {
      request_info& record = services.table.at(queue.front());
      stop_timer(record, services);
      record.verdict = plan::kWaitRows[i].reason;
      wake(record, services);
    }
  }
}

std::uint64_t next_deadline(Services& services) noexcept {
  std::uint64_t next = 0;
  for (const TimerQueue& queue : services.timers) {
    if (queue.empty()) continue;
    const std::uint64_t deadline = services.table.at(queue.front()).deadline;
    if (next == 0 || deadline < next) next = deadline;
  }
  return next;
}

void release(request_info& record, Reason reason, Services& services) noexcept {
  if (record.counted) services.limits->closed(record.client);
  note(record, services, Did::released, static_cast<std::int64_t>(moved(record)),
       static_cast<std::uint8_t>(reason));
  const bool look_whole = would_look_whole(record), look_whole_above = would_look_whole_above(record);
  end_exchange(record, reason, services);
  if (look_whole) sys::reset_on_close(record.side[kClient].fd);
  if (look_whole_above) sys::reset_on_close(record.side[kUpstream].fd);
  stop_timer(record, services);
  leave_queue(record, services);
  services.table.give(record);
}

Services::Services(const plan::Config& with, const sys::Fd& into, Table& of, base::BlockPool& from,
                   ExchangePool& notes, net::Resolver& names, net::Upstreams& spare,
                   base::Trace& into_trace) noexcept
    : config(with),
      poller(into),
      table(of),
      blocks(from),
      exchanges(notes),
      resolver(names),
      upstreams(spare),
      trace(into_trace),
      ready(of.records()),
      starved(of.records()),
      timers([records = of.records()]<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<TimerQueue, plan::kWaits>{((void)I, TimerQueue{records})...};
      }(std::make_index_sequence<plan::kWaits>{})) {}

// ---- the table -------------------------------------------------------------------------------------------

Table::~Table() {
  for (std::uint32_t slot = 0; slot < touched_; ++slot) records_[slot].~request_info();
}

request_info* Table::take() noexcept {
  if (free_ == base::kNoIndex && touched_ == slots_) return nullptr;
  ++used_;
  if (free_ == base::kNoIndex) return ::new (static_cast<void*>(&records_[touched_++])) request_info{};
  request_info& record = records_[free_];
  free_ = record.ready.next;
  record.ready = {};
  return &record;
}

void Table::give(request_info& record) noexcept {
  assert(!record.ready.linked() && !record.timer.linked());
  record = request_info{};
  record.ready.next = free_;
  free_ = slot_of(record);
  --used_;
  ++given_;
}

request_info* Table::find(const net::Token& token) noexcept {
  const auto side = token.kind == net::Token::Kind::client ? kClient : kUpstream;
  if (token.slot < touched_ && records_[token.slot].side[side].serial == token.serial)
    return &records_[token.slot];
  ++stale_;
  return nullptr;
}
