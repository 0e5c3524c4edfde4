// The four states of a request. Each has one function, which asserts its state, moves what can be moved, and
// says what it wants next; `advance` alone carries that out.
#include "request_state.hpp"

#include <cassert>

#include "src/http/rewrite.hpp"
#include "src/state/generation.hpp"
#include "src/state/parts.hpp"

using base::Did;
using base::Reason;
using net::Flow;
using net::Link;
using plan::Wait;
using namespace state;

namespace {

constexpr std::size_t kTurnBytes = std::size_t{64} * 1024;  // a record's share of a turn, each way

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
  record.lane[kResponse].moved += record.greeted;
  client.hung |= io.outcome == sys::Outcome::fail;
}

std::string_view text_of(const net::Lane& lane) noexcept {
  return {reinterpret_cast<const char*>(lane.block->bytes), lane.end};
}

// An upload runs beside everything else, whatever the state: the answer may come early. `none`: there is
// none.
Flow pump_request(request_info& record, Services& services) noexcept {
  net::Lane& request = record.lane[kRequest];
  net::Endpoint& upstream = record.side[kUpstream];
  const bool in_hope = upstream.link == Link::connecting && record.exchange->greeting == net::Greeting::none;
  const bool linked = in_hope || upstream.link == Link::open;            // PLANT(send-when-open)
  if (!linked || request.dead || request.complete()) return Flow::none;  // PLANT(pump-linked)
  const Flow flow = pump(record, services, kRequest);
  request.dead = flow == Flow::write_failed || flow == Flow::bad_framing;
  const bool for_another_address = upstream.link == Link::connecting && !has_gone(record);
  // PLANT(dead-upload-frees-block)
  if (request.dead && !for_another_address && !request.repeatable) request.drop_block();
  return flow;
}

// The head's deadline stands still while its client may move no more: so it is looked at here, lest a client
// that keeps itself short has for ever.
Step head_throttled(request_info& record, Services& services) noexcept {
  net::Lane& request = record.lane[kRequest];
  if (request.end == 0)
    request.drop_block();
  else if (services.now - record.entered >= services.config->wait(Wait::head))
    return give_up(record, services, Reason::head_timeout);
  return yield();
}

// If the state has to wait, but the upload could go on, then the record does not wait.
Step unless_upload_runs(Step step, Flow upload) noexcept {
  if (step.what != Step::What::wait) return step;
  if (upload == Flow::budget) return yield();  // PLANT(upload-out-of-budget)
  return upload == Flow::no_block ? starve(step.wait) : step;
}

using StateFunction = Step (*)(request_info&, Services&);
constexpr std::array<StateFunction, kStates> kFunctions{nullptr, read_request, send_request, read_response,
                                                        send_response};

Step next_step(request_info& record, Services& services) noexcept {
  // After our own FIN the client's makes a hang-up, with bytes perhaps unread: those are for `linger`.
  const net::Endpoint& client = record.side[kClient];
  if (client.hung && !client.shut) return close(Reason::client_left);  // PLANT(client-hangup)
  if (const Reason verdict = std::exchange(record.verdict, Reason::none); verdict != Reason::none) {
    if (record.side[kUpstream].link == Link::connecting) return connect_late(record, services, verdict);
    if (record.side[kUpstream].link == Link::resolving) return unreachable(record, services, verdict);
    return give_up(record, services, verdict);
  }
  const Flow upload = pump_request(record, services);
  return unless_upload_runs(kFunctions[static_cast<std::size_t>(record.state)](record, services), upload);
}

}  // namespace

// ---- the four states -------------------------------------------------------------------------------------

Step read_request(request_info& record, Services& services) noexcept {
  assert(record.state == State::READ_REQUEST);
  net::Lane& request = record.lane[kRequest];
  net::Endpoint& client = record.side[kClient];
  const plan::Listener& listener = listener_of(record, services);
  if (listener.proxy_header_in && !record.introduced) return read_introduction(record, services);
  if (const auto kind = plan::kind_of(listener.role)) return begin_raw(record, services, *kind);
  const Wait nothing_yet = record.served == 0 ? Wait::idle : Wait::kept;
  for (;;) {
    if (request.held() == 0) {  // all of it was looked at
      if (!request.block && !client.readable)
        return services.draining ? leave(record) : wait_for(nothing_yet);  // PLANT(drain-closes-idle)
      if (!request.block) request.block = services.blocks.take();
      if (!request.block) return starve(nothing_yet);
      fill_head(record, services, kRequest);
      if (request.flow == Flow::budget) return head_throttled(record, services);
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
  if (upstream.link == Link::greeting) return greet(record, services);
  if (record.exchange->kind == plan::Kind::tunnel) return open_tunnel(record, services);
  if (record.exchange->kind == plan::Kind::relay) return open_relay(record);

  const bool sent = request.complete() || request.dead;
  // PLANT(early-response)
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
  greet_half_closed(record);  // PLANT(probe-half-closed)
  for (;;) {
    if (response.held() == 0) {  // all of it was looked at
      // PLANT(read-before-hangup)
      if (!upstream.readable) {
        if (response.end == 0) response.drop_block();
        return wait_for(Wait::answer);
      }
      if (!response.block) response.block = services.blocks.take();
      // PLANT(take-kept-block)
      if (!response.block && give_up_kept(record)) response.block = services.blocks.take();
      if (!response.block) return starve(Wait::answer);
      fill_head(record, services, kResponse);
      if (response.flow == Flow::need_read) continue;
      if (response.flow == Flow::budget) {
        if (response.end == 0) response.drop_block();
        return yield();
      }
      if (response.flow == Flow::read_failed) {
        if (request.repeatable) return repeat(record);
        record.exchange->error = response.error;
        return give_up(record, services, reason_for(response.error));
      }
      // PLANT(response-ends-repeat)
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
  if (record.exchange->kind == plan::Kind::echo) return echo(record, services);
  if (record.exchange->kind == plan::Kind::reverse_lines) return reverse_lines(record, services);
  if (record.exchange->opaque) return relay(record, services);
  net::Lane& response = record.lane[kResponse];
  switch (pump(record, services, kResponse)) {
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

void advance(request_info& record, Services& services) noexcept {
  const std::uint64_t moved_before = moved(record);
  services.use(*record.generation);
  services.budget = {kTurnBytes, kTurnBytes};
  services.asleep = std::exchange(record.had_share, false) || record.wait == Wait::throttle;
  services.taken = 0;
  services.throttled = false;
  for (;;) {
    const Step step = next_step(record, services);  // PLANT(one-budget-a-turn)
    switch (step.what) {
      case Step::What::go:
        stop_timer(record, services);
        enter(record, services, step.state);
        continue;
      case Step::What::wait: return pause(record, services, step.wait, moved_before);
      case Step::What::yield:
        // PLANT(throttled-sleeps)
        if (services.throttled && (step.wait == Wait::none || plan::row(step.wait).restarts))
          return throttle(record, services, step, moved_before);
        return yield_turn(record, services, step.wait);
      case Step::What::starve:
        pause(record, services, step.wait, moved_before);  // PLANT(starving-has-deadline)
        record.starved = true;
        return services.starved.push(services.table.slot_of(record));
      case Step::What::close: return release(record, step.reason, services);
    }
  }
}

void release(request_info& record, Reason reason, Services& services) noexcept {
  services.use(*record.generation);
  if (record.counted) services.limits->closed(record.client);
  note(record, services, Did::released, static_cast<std::int64_t>(moved(record)),
       static_cast<std::uint8_t>(reason));
  const bool look_whole = would_look_whole(record), look_whole_above = would_look_whole_above(record);
  end_exchange(record, reason, services);
  if (look_whole) sys::reset_on_close(record.side[kClient].fd);          // PLANT(truncated-response-resets)
  if (look_whole_above) sys::reset_on_close(record.side[kUpstream].fd);  // PLANT(truncated-tunnel-resets)
  stop_timer(record, services);
  leave_queue(record, services);
  --record.generation->records;
  services.table.give(record);
}
