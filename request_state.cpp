// The four states of a request. Each has one function, which asserts its state, moves what can be moved, and
// says what it wants next; `advance` alone carries that out.
#include "request_state.hpp"

#include <cassert>

#include "src/http/rewrite.hpp"
#include "src/plan/generation.hpp"
#include "src/state/parts.hpp"

using base::Reason;
using base::TraceEvent;
using net::Flow;
using net::Link;
using plan::Wait;
using namespace state;

namespace {

// A head that was read, rewritten, fits in the block it came in, together with the body bytes read behind it.
static_assert(http::kHeadBytesMax + http::kRewriteGrowthMax + net::kChunkHeadBytes + net::kChunkEndBytes <=
              base::kBlockBytes);
static_assert(http::kAnswerBytesMax + http::kContinue.size() <= base::kBlockBytes);

// A client that has sent FIN may wait for its answer all the same, or it may have left: the same segment says
// both. Every answer begins with "HTTP/1.", so its first byte can be sent at any time: a client that has left
// answers with RST, and its record is free at once; one that waits has the first byte of its answer.
void greet_half_closed(request_info& record) noexcept {
  net::Endpoint& client = record.side[kClient];
  const bool pending = record.state == State::SEND_REQUEST && record.lane[kResponse].held() > 0;
  if (record.exchange->kind == plan::Kind::relay) return;  // its answer may begin with anything
  if (!client.finished || record.greeted > 0 || !client.writable || pending) return;  // PLANT(probe-once)
  static constexpr std::byte kFirst{'H'};
  const sys::Io io = sys::transmit(client.fd, {&kFirst, 1});
  record.greeted = io.outcome == sys::Outcome::done ? 1 : 0;
  record.lane[kResponse].bytes_sent += record.greeted;
  client.hung |= io.outcome == sys::Outcome::fail;
}

std::string_view text_of(const net::Lane& lane) noexcept {
  return {reinterpret_cast<const char*>(lane.block->bytes), lane.end};
}

// An upload runs beside everything else, whatever the state: the answer may come early. `none`: there is
// none.
Flow pump_request(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& request = record.lane[kRequest];
  net::Endpoint& upstream = record.side[kUpstream];
  const bool in_hope = upstream.link == Link::connecting && record.exchange->greeting == net::Greeting::none;
  const bool linked = in_hope || upstream.link == Link::open;                   // PLANT(send-when-open)
  if (!linked || request.sink_closed || request.complete()) return Flow::none;  // PLANT(pump-linked)
  const Flow flow = pump(record, turn, worker, kRequest);
  request.sink_closed = flow == Flow::write_failed || flow == Flow::bad_framing;
  const bool for_another_address = upstream.link == Link::connecting && !has_gone(record);
  // PLANT(dead-upload-frees-block)
  if (request.sink_closed && !for_another_address && !request.repeatable) request.drop_block();
  return flow;
}

// The head's deadline stands still while its client may move no more: so it is looked at here, lest a client
// that keeps itself short has for ever.
Result head_throttled(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& request = record.lane[kRequest];
  if (request.end == 0)
    request.drop_block();
  else if (worker.now - record.entered >= turn.config().wait(Wait::request_head))
    return give_up(record, turn, worker, Reason::head_timeout);
  return yield();
}

// If the state has to wait, but the upload could go on, then the record does not wait.
Result unless_upload_runs(Result result, Flow upload) noexcept {
  if (result.what != Result::What::wait) return result;
  if (upload == Flow::budget) return yield();  // PLANT(upload-out-of-budget)
  return upload == Flow::no_block ? need_block(result.wait) : result;
}

using StateFunction = Result (*)(request_info&, Turn&, Worker&);
constexpr std::array<StateFunction, kStates> kFunctions{nullptr, read_request, send_request, read_response,
                                                        send_response};

Result run_state(request_info& record, Turn& turn, Worker& worker) noexcept {
  // After our own FIN the client's makes a hang-up, with bytes perhaps unread: those are for `linger`.
  const net::Endpoint& client = record.side[kClient];
  if (client.hung && !client.shut) return close_connection(Reason::client_closed);  // PLANT(client-hangup)
  if (const Reason verdict = std::exchange(record.verdict, Reason::none); verdict != Reason::none) {
    if (record.side[kUpstream].link == Link::connecting) return connect_late(record, turn, worker, verdict);
    if (record.side[kUpstream].link == Link::resolving) return unreachable(record, turn, worker, verdict);
    return give_up(record, turn, worker, verdict);
  }
  const Flow upload = pump_request(record, turn, worker);
  return unless_upload_runs(kFunctions[static_cast<std::size_t>(record.state)](record, turn, worker), upload);
}

}  // namespace

// ---- the four states -------------------------------------------------------------------------------------

Result read_request(request_info& record, Turn& turn, Worker& worker) noexcept {
  assert(record.state == State::READ_REQUEST);
  net::Lane& request = record.lane[kRequest];
  net::Endpoint& client = record.side[kClient];
  const plan::Listener& listener = listener_of(record, turn);
  if (listener.proxy_header_in && !record.introduced) return read_introduction(record, turn, worker);
  if (const auto kind = plan::kind_of(listener.role)) return begin_raw(record, turn, worker, *kind);
  const Wait nothing_yet = record.served == 0 ? Wait::idle : Wait::keep_alive;
  for (;;) {
    if (request.held() == 0) {  // all of it was looked at
      if (!request.block && !client.readable)
        return worker.draining ? leave(record) : wait_for(nothing_yet);  // PLANT(drain-closes-idle)
      if (!request.block) request.block = worker.blocks.take();
      if (!request.block) return need_block(nothing_yet);
      fill_head(record, turn, worker, kRequest);
      if (request.flow == Flow::budget) return head_throttled(record, turn, worker);
      if (request.flow == Flow::read_failed) return close_connection(Reason::client_closed);
      if (request.flow == Flow::need_read && request.end > 0) return wait_for(Wait::request_head);
      if (request.flow == Flow::need_read) {
        request.drop_block();
        continue;
      }
    }
    if (request.begin == 0) record.entered = worker.now;  // the request begins with its first byte
    http::RequestHead head;
    const http::Parsed parsed = http::parse_request(text_of(request), request.begin, head);
    if (parsed.what == http::Parsed::What::bad) return give_up(record, turn, worker, parsed.why);
    if (parsed.what == http::Parsed::What::complete)
      return take_up(record, turn, worker, head, parsed.length);
    request.begin = request.end;
  }
}

Result send_request(request_info& record, Turn& turn, Worker& worker) noexcept {
  assert(record.state == State::SEND_REQUEST);
  net::Lane& request = record.lane[kRequest];
  net::Lane& response = record.lane[kResponse];
  net::Endpoint& upstream = record.side[kUpstream];
  if (net::drain(response, record.side[kClient]) == Flow::write_failed)
    return close_connection(Reason::client_closed);
  if (response.held() == 0)
    response.drop_block();  // a 100 is on its way; who waits for the body holds nothing for it
  if (request.flow == Flow::read_failed) return close_connection(Reason::client_closed);
  if (request.flow == Flow::bad_framing) return give_up(record, turn, worker, Reason::bad_chunk);
  greet_half_closed(record);
  if (upstream.link == Link::none || upstream.link == Link::resolving) return look_up(record, turn, worker);
  if (upstream.link == Link::connecting) return connecting(record, turn, worker);
  if (upstream.link == Link::greeting) return greet(record, turn, worker);
  if (record.exchange->kind == plan::Kind::tunnel) return open_tunnel(record, turn, worker);
  if (record.exchange->kind == plan::Kind::relay) return open_relay(record);

  const bool sent = request.complete() || request.sink_closed;
  // PLANT(early-response)
  if (sent || upstream.readable) {
    if (response.held() > 0) return wait_for(Wait::client_write);
    response.drop_block();
    return sent ? Event::request_sent : Event::response_early;
  }
  return wait_for(request.flow == Flow::need_write ? Wait::upstream_write : Wait::request_body);
}

Result read_response(request_info& record, Turn& turn, Worker& worker) noexcept {
  assert(record.state == State::READ_RESPONSE);
  net::Lane& request = record.lane[kRequest];
  net::Lane& response = record.lane[kResponse];
  net::Endpoint& upstream = record.side[kUpstream];
  if (request.flow == Flow::read_failed) return close_connection(Reason::client_closed);
  if (request.flow == Flow::bad_framing) return give_up(record, turn, worker, Reason::bad_chunk);
  greet_half_closed(record);  // PLANT(probe-half-closed)
  for (;;) {
    if (response.held() == 0) {  // all of it was looked at
      // PLANT(read-before-hangup)
      if (!upstream.readable) {
        if (response.end == 0) response.drop_block();
        return wait_for(Wait::response_head);
      }
      if (!response.block) response.block = worker.blocks.take();
      // PLANT(take-kept-block)
      if (!response.block && give_up_kept(record)) response.block = worker.blocks.take();
      if (!response.block) return need_block(Wait::response_head);
      fill_head(record, turn, worker, kResponse);
      if (response.flow == Flow::need_read) continue;
      if (response.flow == Flow::budget) {
        if (response.end == 0) response.drop_block();
        return yield();
      }
      if (response.flow == Flow::read_failed) {
        if (request.repeatable) return repeat(record);
        record.exchange->error = response.error;
        return give_up(record, turn, worker, reason_for(response.error));
      }
      // PLANT(response-ends-repeat)
      if (request.repeatable) request.drop_sent();  // it has been heard
    }
    http::ResponseHead head;
    const http::Parsed parsed =
        http::parse_response(text_of(response), response.begin, record.exchange->to_head, head);
    if (parsed.what == http::Parsed::What::bad) return bad_response(record, turn, worker, parsed.why);
    if (parsed.what == http::Parsed::What::complete)
      return head.interim() ? pass_interim(record, turn, worker, head, parsed.length)
                            : answer(record, turn, worker, head, parsed.length);
    response.begin = response.end;
  }
}

Result send_response(request_info& record, Turn& turn, Worker& worker) noexcept {
  assert(record.state == State::SEND_RESPONSE);
  net::Endpoint& client = record.side[kClient];
  if (!record.exchange) return linger(record, turn, worker);
  if (record.exchange->kind == plan::Kind::echo) return echo(record, turn, worker);
  if (record.exchange->kind == plan::Kind::reverse_lines) return reverse_lines(record, turn, worker);
  if (record.exchange->opaque) return relay(record, turn, worker);
  net::Lane& response = record.lane[kResponse];
  switch (pump(record, turn, worker, kResponse)) {
    case Flow::complete: return all_sent(record, turn, worker);
    case Flow::need_read: return wait_for(client.finished ? Wait::half_closed : Wait::response_body);
    case Flow::need_write: return wait_for(Wait::client_write);
    case Flow::budget: return yield();
    case Flow::no_block: return give_up_kept(record) ? yield() : need_block(Wait::response_body);
    case Flow::write_failed: return close_connection(Reason::client_closed);
    case Flow::bad_framing: return cut(record, Reason::bad_response, Reason::bad_chunk);
    case Flow::read_failed:
    case Flow::none: break;
  }
  return cut(record, response.error == 0 ? Reason::response_truncated : Reason::upstream_reset, Reason::none);
}

// ---- running a record ------------------------------------------------------------------------------------

namespace {

// The only place where a record's state changes.
void change_state(request_info& record, Event event, Worker& worker) noexcept {
  const State before = record.state;
  if (record.exchange) {
    record.exchange->spent_ms[static_cast<std::size_t>(before)] +=
        static_cast<std::uint32_t>(worker.now - record.entered);
    begin_phase(*record.exchange, worker, Phase::none);
  }
  record.entered = worker.now;
  record.state = next_state(before, event);
  note(record, worker, TraceEvent::entered, static_cast<std::int64_t>(before),
       static_cast<std::uint8_t>(event));
}

}  // namespace

bool admit(sys::Fd client, const sys::Address& peer, std::uint8_t listener, Worker& worker) noexcept {
  request_info* const record = worker.table.take();
  if (record == nullptr) return false;
  record->id = ++worker.connections;
  record->generation = worker.current;
  ++record->generation->records;
  record->client = peer;
  record->listener = listener;
  net::Endpoint& side = record->side[kClient];
  side.fd = std::move(client);
  side.serial = worker.table.new_serial();
  side.link = Link::open;
  side.readable = side.writable = true;  // in hope: most clients have sent their request by now
  if (plan::ClientLimits* const limits = worker.current->limits.get(); limits != nullptr) {
    record->counted = limits->may_connect(peer, worker.now);
    if (!record->counted) record->verdict = Reason::too_many_connections;
  }
  note(*record, worker, TraceEvent::accepted, side.fd.get(), 0);
  change_state(*record, Event::accepted, worker);
  const net::Token token{side.serial, worker.table.slot_of(*record), net::Token::Kind::client};
  if (sys::watch(worker.poller, side.fd.get(), token.packed()) != 0) {
    release(*record, Reason::no_memory, worker);
    return false;
  }
  worker.scheduler.wake(*record);
  return true;
}

void advance(request_info& record, Worker& worker) noexcept {
  const bool asleep = std::exchange(record.had_share, false) || record.wait == Wait::throttle;
  Turn turn{.generation = *record.generation, .moved_before = moved(record), .asleep = asleep};
  for (;;) {
    const Result result = run_state(record, turn, worker);  // PLANT(one-budget-a-turn)
    switch (result.what) {
      case Result::What::event: change_state(record, result.event, worker); [[fallthrough]];
      case Result::What::again: worker.scheduler.stop_timer(record); continue;
      case Result::What::wait: return pause(record, turn, worker, result.wait);
      case Result::What::yield:
        // PLANT(throttled-sleeps)
        if (turn.throttled && (result.wait == Wait::none || plan::row(result.wait).restarts))
          return throttle(record, turn, worker, result);
        return yield_turn(record, turn, worker, result.wait);
      case Result::What::need_block:
        pause(record, turn, worker, result.wait);  // PLANT(starving-has-deadline)
        return worker.scheduler.wait_for_block(record);
      case Result::What::close: return release(record, result.reason, worker);
    }
  }
}

void release(request_info& record, Reason reason, Worker& worker) noexcept {
  if (record.counted) record.generation->limits->closed(record.client);
  note(record, worker, TraceEvent::released, static_cast<std::int64_t>(moved(record)),
       static_cast<std::uint8_t>(reason));
  const bool look_whole = would_look_whole(record), look_whole_above = would_look_whole_above(record);
  end_exchange(record, reason, worker);
  if (look_whole) sys::reset_on_close(record.side[kClient].fd);          // PLANT(truncated-response-resets)
  if (look_whole_above) sys::reset_on_close(record.side[kUpstream].fd);  // PLANT(truncated-tunnel-resets)
  worker.scheduler.remove(record);
  --record.generation->records;
  worker.table.give(record);
}
