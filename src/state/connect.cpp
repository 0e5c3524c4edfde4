#include "connect.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <new>
#include <utility>

#include "../net/error_reason.hpp"
#include "bookkeeping.hpp"

using base::Reason;
using base::TraceEvent;
using net::Flow;
using net::Link;
using plan::Wait;

namespace state {

namespace {

// The proxy lacks a resource: another address would not help.
bool proxy_failed(Reason reason) noexcept {
  return reason == Reason::no_descriptor || reason == Reason::no_memory;
}

// ---- the attempts, for the log
// -----------------------------------------------------------------------------

void begin_attempt(Exchange& exchange, const Worker& worker) noexcept {
  if (exchange.log.attempt_count == 0) exchange.connecting.started_at = worker.now;
  exchange.log.attempts[exchange.log.attempt_count++] = {
      static_cast<std::uint32_t>(worker.now - exchange.connecting.started_at), EINPROGRESS};
}

void settle_attempt(Exchange& exchange, Worker& worker, std::uint8_t index, int error) noexcept {
  http::Attempt& attempt = exchange.log.attempts[index];
  attempt = {static_cast<std::uint32_t>(worker.now - exchange.connecting.started_at) - attempt.ms, error};
  const sys::Address& address = exchange.connecting.addresses.list[index];
  const bool had_its_time =
      error != ECANCELED ||
      index < exchange.connecting.address;  // else it began later than the successful one
  if (error == 0) worker.address_health.succeeded(address);
  if (error != 0 && error != EACCES && !proxy_failed(net::reason_for(error)) && had_its_time)
    worker.address_health.failed(address, worker.now);
}

// ---- attempts in parallel
// ----------------------------------------------------------------------------------

bool has_older_attempts(const request_info& record) noexcept {
  return record.approach && record.approach->race.count() > 0;
}

// Closes the older attempts; `error` is noted for each.
void end_attempts(request_info& record, Worker& worker, int error) noexcept {
  if (!has_older_attempts(record)) return;
  net::Race& race = record.approach->race;
  // PLANT(close-losers)
  for (; race.count() > 0; race.take(0)) settle_attempt(*record.exchange, worker, race.at(0).address, error);
}

// Keeps the current attempt as an older one, so that another can begin. Returns false if there is no memory.
bool keep_attempt(request_info& record) noexcept {
  if (record.side[kUpstream].link != Link::connecting) return true;
  if (!need_approach(record)) return false;
  // PLANT(add-attempt)
  record.approach->race.add(
      {std::exchange(record.side[kUpstream], net::Endpoint{}), record.exchange->connecting.address});
  return true;
}

// The timer of the current attempt: when it expires, the next one begins, or connecting fails.
Wait connect_wait(const Exchange& exchange) noexcept {
  return exchange.log.attempt_count < exchange.connecting.addresses.count ? Wait::attempt : Wait::connect;
}

// Makes an older attempt the current one.
void promote(request_info& record, std::uint8_t place) noexcept {
  net::Runner runner = record.approach->race.take(place);
  record.side[kUpstream] = std::move(runner.endpoint);
  record.exchange->connecting.address = runner.address;
}

// Returns true if an older attempt has connected: it is the current one then. Drops those that failed.
bool use_faster_attempt(request_info& record, Worker& worker) noexcept {
  for (std::uint8_t i = 0; has_older_attempts(record) && i < record.approach->race.count();) {
    const net::Runner& runner = record.approach->race.at(i);
    if (!runner.endpoint.writable) {
      ++i;
      continue;
    }
    if (const int error = sys::socket_error(runner.endpoint.fd); error != 0) {
      settle_attempt(*record.exchange, worker, runner.address, error);
      record.approach->race.take(i);
      continue;
    }
    const std::uint8_t last = record.exchange->connecting.address;
    promote(record, i);  // PLANT(attempt-wins)
    settle_attempt(*record.exchange, worker, last, ECANCELED);
    return true;
  }
  return false;
}

// ---- beginning an attempt
// ----------------------------------------------------------------------------------

// Begins to connect to that address. Returns 0 or errno.
int open_connection(request_info& record, Worker& worker, const sys::Address& address) noexcept {
  const Exchange& exchange = *record.exchange;
  sys::Opened opened = address.family == sys::Address::Family::local
                           ? sys::connect_local(exchange.route.hop->socket.c_str())
                           : sys::connect(address);
  const std::uint32_t serial = worker.table.new_serial();
  const net::Token token{serial, static_cast<std::uint32_t>(opened.fd.get()), net::Token::Kind::upstream};
  if (opened.fd) opened.error = sys::watch(worker.poller, opened.fd.get(), token.packed());
  if (opened.error != 0) return opened.error;
  const net::Lane& request = record.lane[kRequest];
  if (!request.framing.complete()) sys::set_nodelay(opened.fd);  // else one send carries the whole request
  net::Endpoint& upstream = record.side[kUpstream];
  upstream = net::Endpoint{};
  upstream.fd = std::move(opened.fd);
  upstream.serial = serial;
  upstream.link = Link::connecting;
  // Probably: on the same machine the connection is made by now.
  upstream.writable = request.held() > 0 && exchange.connecting.greeting == net::Greeting::none;
  worker.upstreams.own(upstream, worker.table.slot_of(record));
  return 0;
}

// Begins the next attempt that can begin, while the older ones continue. If there is none, waits for the
// older ones, or fails over because of `otherwise`.
Result connect_next(request_info& record, Turn& turn, Worker& worker, Reason otherwise) noexcept {
  Exchange& exchange = *record.exchange;
  // PLANT(try-next-address)
  while (exchange.log.attempt_count < exchange.connecting.addresses.count && !proxy_failed(otherwise) &&
         keep_attempt(record)) {
    const std::uint8_t index = exchange.log.attempt_count;
    begin_attempt(exchange, worker);
    begin_phase(exchange, worker.now, Phase::connect);
    if (const Reason why =
            address_objection(exchange, turn, worker, exchange.connecting.addresses.list[index]);
        why != Reason::none) {
      settle_attempt(exchange, worker, index, EACCES);
      otherwise = why;
      continue;
    }
    const int error = open_connection(record, worker, exchange.connecting.addresses.list[index]);
    if (error == 0) {
      exchange.connecting.address = index;
      trace(record, worker, TraceEvent::connected, index, 0);
      return again();
    }
    if (error == EMFILE && worker.upstreams.close_oldest()) {
      --exchange.log.attempt_count;
      continue;
    }
    exchange.log.error = error;
    settle_attempt(exchange, worker, index, error);
    otherwise = net::reason_for(error);
  }
  const bool under_way = record.side[kUpstream].link == Link::connecting;
  if (!under_way && !has_older_attempts(record)) return fail_over(record, turn, worker, otherwise);
  if (!under_way) promote(record, static_cast<std::uint8_t>(record.approach->race.count() - 1));
  return record.side[kUpstream].writable ? again() : wait_for(connect_wait(exchange));
}

}  // namespace

Reason address_objection(const Exchange& exchange, const Turn& turn, const Worker& worker,
                         const sys::Address& address) noexcept {
  if (exchange.route.in_group) return Reason::none;  // a member may be another listener of this proxy
  if (std::any_of(worker.own.begin(), worker.own.end(),
                  [&address](const sys::Address& own) { return address.reaches(own); }))
    return Reason::loop_detected;
  if (exchange.route.parent != nullptr) return Reason::none;  // configured, not chosen by the client
  const plan::Verdict verdict = turn.config().rules.for_address(
      {exchange.log.client, exchange.route.host_view(), exchange.route.port, exchange.log.method_view()},
      address);
  return verdict.decision == plan::Decision::deny ? Reason::request_not_allowed : Reason::none;
}

Result start_connecting(request_info& record, Turn& turn, Worker& worker) noexcept {
  worker.address_health.order(record.exchange->connecting.addresses, worker.now);
  return connect_next(record, turn, worker, Reason::host_unreachable);
}

namespace {

Result connect_failed(request_info& record, Turn& turn, Worker& worker, Reason reason, int error) noexcept {
  record.exchange->log.error = error;
  settle_attempt(*record.exchange, worker, record.exchange->connecting.address, error);
  trace(record, worker, TraceEvent::retried, record.exchange->log.attempt_count,
        static_cast<std::uint8_t>(reason), error);
  record.side[kUpstream] = net::Endpoint{};
  return connect_next(record, turn, worker, reason);
}

}  // namespace

Result connect_timed_out(request_info& record, Turn& turn, Worker& worker, Reason reason) noexcept {
  Exchange& exchange = *record.exchange;
  trace(record, worker, TraceEvent::retried, exchange.log.attempt_count, static_cast<std::uint8_t>(reason),
        ETIMEDOUT);
  if (exchange.log.attempt_count < exchange.connecting.addresses.count)
    return connect_next(record, turn, worker, reason);
  end_attempts(record, worker, ETIMEDOUT);
  exchange.log.error = ETIMEDOUT;
  settle_attempt(exchange, worker, exchange.connecting.address, ETIMEDOUT);
  return fail_over(record, turn, worker, reason);
}

// The connection is made once a byte was sent; or, with nothing to send, once the socket is writable.
Result poll_connecting(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& request = record.lane[kRequest];
  Exchange& exchange = *record.exchange;
  net::Endpoint& upstream = record.side[kUpstream];
  if (!anything_sent(record)) {
    if (request.flow == Flow::write_failed) {
      request.sink_closed = false;
      request.flow = Flow::none;
      return connect_failed(record, turn, worker, net::reason_for(request.error), request.error);
    }
    if (use_faster_attempt(record, worker)) return again();
    const bool speaks_first = request.held() > 0 && exchange.connecting.greeting == net::Greeting::none;
    if (speaks_first || !upstream.writable) return wait_for(connect_wait(exchange));
    if (const int error = sys::socket_error(upstream.fd); error != 0)
      return connect_failed(record, turn, worker, net::reason_for(error), error);
  }
  upstream.link = exchange.connecting.greeting == net::Greeting::none ? Link::open : Link::greeting;
  begin_phase(exchange, worker.now, Phase::send);
  settle_attempt(exchange, worker, exchange.connecting.address, 0);
  end_attempts(record, worker, ECANCELED);  // PLANT(losers-end)
  record.approach.reset();                  // PLANT(attempts-end)
  exchange.log.error = 0;                   // of an attempt that failed
  return again();
}

bool need_approach(request_info& record) noexcept {
  if (!record.approach) record.approach.reset(new (std::nothrow) Approach);
  return record.approach != nullptr;
}

}  // namespace state
