// The four states of a request: a function for each, and `advance`, `admit` and `release`, which alone change
// a record's state.
#include "request_state.hpp"

#include <utility>

#include "src/plan/board.hpp"
#include "src/plan/router.hpp"
#include "src/state/blocks.hpp"
#include "src/state/bookkeeping.hpp"
#include "src/state/forward.hpp"
#include "src/state/full_table.hpp"
#include "src/state/probe.hpp"
#include "src/state/read_head.hpp"
#include "src/state/start.hpp"
#include "src/state/stream.hpp"
#include "src/state/upload.hpp"
#include "src/state/upstream.hpp"

using base::Reason;
using base::TraceEvent;
using net::Link;
using plan::BlockUse;
using plan::Wait;
using namespace state;

// ---- the four states -------------------------------------------------------------------------------------

Result read_request(request_info& record, Turn& turn, Worker& worker) noexcept {
  assert(record.state == State::READ_REQUEST);
  // A load balancer in front of the proxy names the client first.
  if (awaits_proxy_header(record, turn)) return read_proxy_header(record, turn, worker);
  // Roles without HTTP: TCP proxy, TCP echo, line reverser, file sender.
  const plan::Listener& listener = turn.listener(record);
  if (const auto kind = plan::kind_of(listener.role)) return open_stream(record, turn, worker, *kind);
  http::RequestHead head;
  const HeadRead read = read_request_head(record, turn, worker, head);
  if (!read.complete()) return read.otherwise;
  return start_request(record, turn, worker, head, read.length);
}

Result send_request(request_info& record, Turn& turn, Worker& worker) noexcept {
  assert(record.state == State::SEND_REQUEST);
  // The client may still have to get a 100, from the proxy or from the upstream.
  if (!send_interim_bytes(record)) return close_connection(Reason::client_closed);
  if (const auto failure = upload_failure(record, turn, worker)) return *failure;
  // A client that has sent FIN may have left: find out before connecting for it.
  probe_half_closed(record);
  if (record.side[kUpstream].link != Link::open) return connect_upstream(record, turn, worker);
  // CONNECT and TCP proxy: from here on bytes go both ways at once.
  if (plan::is_opaque(record.exchange->route.kind)) return open_tunnel(record, turn, worker);
  // The response may come before the request is complete.
  return await_response(record);
}

Result read_response(request_info& record, Turn& turn, Worker& worker) noexcept {
  assert(record.state == State::READ_RESPONSE);
  if (const auto failure = upload_failure(record, turn, worker)) return *failure;
  probe_half_closed(record);  // PLANT(probe-half-closed)
  http::ResponseHead head;
  const HeadRead read = read_response_head(record, turn, worker, head);
  if (!read.complete()) return read.otherwise;
  // After a 1xx response the record comes back here for the next one.
  if (head.interim()) return forward_interim(record, turn, worker, head, read.length);
  return forward_response(record, turn, worker, head, read.length);
}

Result send_response(request_info& record, Turn& turn, Worker& worker) noexcept {
  assert(record.state == State::SEND_RESPONSE);
  // The response is sent, and the client may still be sending.
  if (!record.exchange) return lingering_close(record, turn, worker);
  if (record.exchange->message.tunneled) return pump_tunnel(record, turn, worker);
  // TCP echo and line reverser: the client's own bytes are the response.
  if (is_sent_back(record.exchange->route.kind)) return send_back(record, turn, worker);
  return pump_response(record, turn, worker);
}

// ---- running a record ------------------------------------------------------------------------------------

namespace {

using StateFunction = Result (*)(request_info&, Turn&, Worker&);
constexpr std::array<StateFunction, kStates> kFunctions{nullptr, read_request, send_request, read_response,
                                                        send_response};

// Ends the request for the reason of the verdict, or tries another address or member of the group.
Result carry_out_verdict(request_info& record, Turn& turn, Worker& worker) noexcept {
  const Reason verdict = std::exchange(record.verdict, Reason::none);
  const Link link = record.side[kUpstream].link;
  if (link == Link::connecting && verdict == Reason::connect_timeout)
    return connect_timed_out(record, turn, worker, verdict);
  if (link == Link::resolving && verdict == Reason::dns_timeout)
    return fail_over(record, turn, worker, verdict);
  return fail_request(record, turn, worker, verdict);
}

// The upload runs in each state: the response may come early, and a tunnel sends both ways.
Result run_state(request_info& record, Turn& turn, Worker& worker) noexcept {
  // Once the proxy has sent FIN, the client's FIN is reported as a hang-up, although bytes may be unread.
  const net::Endpoint& client = record.side[kClient];
  if (client.hung && !client.shut) return close_connection(Reason::client_closed);  // PLANT(client-hangup)
  if (record.verdict != Reason::none) return carry_out_verdict(record, turn, worker);
  const net::Flow upload = pump_upload(record, turn, worker);
  const StateFunction run = kFunctions[static_cast<std::size_t>(record.state)];
  return unless_upload_runs(run(record, turn, worker), upload);
}

// The only place where a record's state changes, but for `release`: it frees the record.
void change_state(request_info& record, Event event, Worker& worker) noexcept {
  const State before = record.state;
  if (record.exchange) {
    record.exchange->log.state_ms[static_cast<std::size_t>(before)] +=
        static_cast<std::uint32_t>(worker.now - record.entered);
    begin_phase(*record.exchange, worker.now, Phase::none);
  }
  record.entered = worker.now;
  record.state = next_state(before, event);
  worker.trace.state = static_cast<std::uint8_t>(record.state);
  trace(record, worker, TraceEvent::entered, static_cast<std::int64_t>(before),
        static_cast<std::uint8_t>(event));
}

}  // namespace

void advance(request_info& record, Worker& worker) noexcept {
  const base::Trace::Mute mute{worker.trace, record.viewer};
  worker.trace.slot = worker.table.slot_of(record);
  worker.trace.state = static_cast<std::uint8_t>(record.state);
  ++(record.viewer ? worker.viewer_runs : worker.runs);
  const bool asleep = std::exchange(record.used_allowance, false) || record.wait == Wait::throttle;
  Turn turn{.generation = *record.generation,
            .stores = {worker.blocks, worker.pipes, blocks_to_leave(record, worker, BlockUse::body)},
            .leave_for_heads = blocks_to_leave(record, worker, BlockUse::head),
            .sent_before = bytes_sent(record),
            .asleep = asleep,
            .budget = {worker.budget.share(), worker.budget.share()}};
  record.has_turn = false;
  for (;;) {
    const Result result = run_state(record, turn, worker);  // PLANT(one-budget-a-turn)
    switch (result.what) {
      case Result::What::event: change_state(record, result.event, worker); [[fallthrough]];
      case Result::What::again: worker.scheduler.stop_timer(record); continue;
      case Result::What::close: return release(record, result.reason, worker);
      default: return end_turn(record, turn, worker, result);
    }
  }
}

namespace {

// Runs a record, and measures how long it takes if that is wanted.
void run_once(request_info& record, Worker& worker) noexcept {
  LongestRun& longest = worker.longest_run;
  if (!longest.measured) [[likely]]
    return advance(record, worker);
  const std::uint32_t slot = worker.table.slot_of(record);
  const std::uint64_t id = record.id, begun = sys::now_us();
  advance(record, worker);
  const std::uint64_t took = sys::now_us() - begun;
  if (took > longest.us) longest = {.measured = true, .slot = slot, .id = id, .us = took};
}

// Releases a record if all are in use. Returns false if none may be released for a client from there.
bool make_room(const sys::Address& peer, Worker& worker) noexcept {
  if (worker.table.used() < worker.table.slots()) return true;
  request_info* const other = record_to_release(peer, worker);
  if (other != nullptr)
    release(*other, other->exchange ? Reason::max_requests_reached : Reason::idle_timeout, worker);
  return other != nullptr;
}

// Runs the records that wait for `share`, first come first served, while `may_run` allows it.
template <class MayRun>
void run_awaiting(Worker& worker, Share share, MayRun may_run) noexcept {
  constexpr int kMost = 256;  // in a turn: some do not need it any longer
  worker.serving = share;
  for (int n = 0; n < kMost && may_run(); ++n) {
    request_info* const record = worker.scheduler.take_first(share);
    if (record == nullptr) break;
    run_once(*record, worker);
  }
  worker.serving = Share::none;
}

}  // namespace

void run_records(Worker& worker) noexcept {
  worker.budget.divide(worker.scheduler.ready());
  worker.scheduler.run_ready([&worker](request_info& record) {
    const bool in_exchange = record.exchange != nullptr;
    run_once(record, worker);
    const bool waits_only = record.awaits == Share::hash;
    if ((in_exchange || record.exchange) && !waits_only) worker.budget.note_other_work();
  });
  run_awaiting(worker, Share::work, [&worker] { return !worker.budget.exhausted(); });
  run_awaiting(worker, Share::hash, [&worker] { return worker.budget.may_hash(worker.now); });
  worker.trace.slot = base::TraceEntry::kNoSlot;
}

bool admit(sys::Fd client, const sys::Address& peer, std::uint8_t listener, Worker& worker) noexcept {
  plan::ClientLimits* const limits = worker.current->limits.get();
  const bool counted = limits != nullptr && limits->may_connect(peer, worker.now);
  if (limits != nullptr && !counted) {
    refuse(std::move(client), peer, listener, Reason::too_many_connections, worker);
    return false;
  }
  if (!make_room(peer, worker)) {
    if (counted) limits->closed(peer);
    refuse(std::move(client), peer, listener, Reason::max_requests_reached, worker);
    return false;
  }
  const plan::Config& config = worker.current->config;
  const bool is_viewer = plan::is_board(config, config.listeners[listener]);
  const base::Trace::Mute mute{worker.trace, is_viewer};
  request_info* const record = worker.table.take();
  record->id = ++worker.connections;
  record->generation = worker.current;
  ++record->generation->records;
  record->client = peer;
  record->listener = listener;
  net::Endpoint& side = record->side[kClient];
  side.fd = std::move(client);
  side.serial = worker.table.new_serial();
  side.link = Link::open;
  side.readable = side.writable = true;  // probably: most clients have sent their request by now
  record->counted = counted;
  worker.shares.open(worker.table.slot_of(*record), peer);
  if (is_viewer) become_viewer(*record, worker);
  trace(*record, worker, TraceEvent::accepted, side.fd.get(), 0);
  change_state(*record, Event::accepted, worker);  // PLANT(begin-with-free-record)
  const net::Token token{side.serial, worker.table.slot_of(*record), net::Token::Kind::client};
  if (sys::watch(worker.poller, side.fd.get(), token.packed()) != 0) {
    release(*record, Reason::no_memory, worker);
    return false;
  }
  worker.scheduler.wake(*record);
  return true;
}

void release(request_info& record, Reason reason, Worker& worker) noexcept {
  const base::Trace::Mute mute{worker.trace, record.viewer};
  worker.viewers -= record.viewer ? 1 : 0;  // PLANT(viewer-leaves)
  if (record.counted) record.generation->limits->closed(record.client);
  // Event::closed: the entry goes from the record's state to FREE.
  trace(record, worker, TraceEvent::released, traced_bytes(record), static_cast<std::uint8_t>(reason));
  worker.trace.state = static_cast<std::uint8_t>(State::FREE);
  const bool silent = reason == Reason::tunnel_timeout;  // also what was sent before a FIN may be unread
  const bool truncated = silent || truncation_undetectable(record) || is_unread(record, kResponse);
  const bool upload_truncated = must_reset_upstream(record) || (silent && record.side[kUpstream].fd);
  end_exchange(record, reason, worker);
  worker.upstreams.close_bound(record.id);
  if (truncated) sys::reset_on_close(record.side[kClient].fd);           // PLANT(truncated-response-resets)
  if (upload_truncated) sys::reset_on_close(record.side[kUpstream].fd);  // PLANT(truncated-tunnel-resets)
  worker.scheduler.remove(record);
  worker.shares.close(worker.table.slot_of(record));
  --record.generation->records;
  worker.table.give(record);
}
