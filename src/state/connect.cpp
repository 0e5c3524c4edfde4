// From a host's addresses to an open connection: each is begun with while those before it are still being
// tried, and the first that is made is used (RFC 8305 section 5).
#include <algorithm>
#include <cassert>
#include <cerrno>
#include <new>
#include <utility>

#include "../base/trace.hpp"
#include "parts.hpp"

using base::TraceEvent;
using net::Flow;
using net::Link;

namespace state {

namespace {

// No other address would help.
bool is_ours(Reason reason) noexcept {
  return reason == Reason::no_descriptor || reason == Reason::no_memory;
}

// ---- what became of each address -------------------------------------------------------------------------

void begin_attempt(Exchange& exchange, const Worker& worker) noexcept {
  if (exchange.next_address == 0) exchange.tried_at = worker.now;
  exchange.attempts[exchange.next_address++] = {static_cast<std::uint32_t>(worker.now - exchange.tried_at),
                                                EINPROGRESS};
}

void settle_attempt(Exchange& exchange, Worker& worker, std::uint8_t index, int error) noexcept {
  http::Attempt& attempt = exchange.attempts[index];
  attempt = {static_cast<std::uint32_t>(worker.now - exchange.tried_at) - attempt.ms, error};
  const sys::Address& address = exchange.addresses.list[index];
  const bool had_its_time = error != ECANCELED || index < exchange.address;  // else it was begun with later
  if (error == 0) worker.address_health.succeeded(address);
  if (error != 0 && error != EACCES && !is_ours(reason_for(error)) && had_its_time)
    worker.address_health.failed(address, worker.now);
}

// ---- the race --------------------------------------------------------------------------------------------

bool is_racing(const request_info& record) noexcept {
  return record.approach && record.approach->race.count() > 0;
}

// The race is over: those that are still under way end for `error`.
void end_race(request_info& record, Worker& worker, int error) noexcept {
  if (!is_racing(record)) return;
  net::Race& race = record.approach->race;
  // PLANT(close-losers)
  for (; race.count() > 0; race.take(0)) settle_attempt(*record.exchange, worker, race.at(0).address, error);
}

// The connection that is being made joins those begun before it, so that another can be begun. False: there
// is no memory for it.
bool join_race(request_info& record) noexcept {
  if (record.side[kUpstream].link != Link::connecting) return true;
  if (!need_approach(record)) return false;
  // PLANT(add-attempt)
  record.approach->race.add(
      {std::exchange(record.side[kUpstream], net::Endpoint{}), record.exchange->address});
  return true;
}

// How long there is before `connect_late`.
Wait patience(const Exchange& exchange) noexcept {
  return exchange.next_address < exchange.addresses.count ? Wait::attempt : Wait::connect;
}

// One of those begun before takes the place of the last.
void promote(request_info& record, std::uint8_t place) noexcept {
  net::Runner runner = record.approach->race.take(place);
  record.side[kUpstream] = std::move(runner.endpoint);
  record.exchange->address = runner.address;
}

// Whether one of those begun before has been made; it is then the upstream. Those that failed are taken out.
bool outrun(request_info& record, Worker& worker) noexcept {
  for (std::uint8_t i = 0; is_racing(record) && i < record.approach->race.count();) {
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
    const std::uint8_t last = record.exchange->address;
    promote(record, i);  // PLANT(attempt-wins)
    settle_attempt(*record.exchange, worker, last, ECANCELED);
    return true;
  }
  return false;
}

// ---- beginning -------------------------------------------------------------------------------------------

// 0, or errno: the upstream is being connected to that address.
int begin_connection(request_info& record, Worker& worker, const sys::Address& address) noexcept {
  const Exchange& exchange = *record.exchange;
  sys::Opened opened = address.family == sys::Address::Family::local
                           ? sys::connect_local(exchange.hop->socket.c_str())
                           : sys::connect(address);
  const std::uint32_t serial = worker.table.new_serial();
  const net::Token token{serial, static_cast<std::uint32_t>(opened.fd.get()), net::Token::Kind::upstream};
  if (opened.fd) opened.error = sys::watch(worker.poller, opened.fd.get(), token.packed());
  if (opened.error != 0) return opened.error;
  const net::Lane& request = record.lane[kRequest];
  if (!request.framing.complete()) sys::set_nodelay(opened.fd);  // else one send carries it all
  net::Endpoint& upstream = record.side[kUpstream];
  upstream = net::Endpoint{};
  upstream.fd = std::move(opened.fd);
  upstream.serial = serial;
  upstream.link = Link::connecting;
  // In hope: on the same machine it is connected by now.
  upstream.writable = request.held() > 0 && exchange.greeting == net::Greeting::none;
  worker.upstreams.own(upstream, worker.table.slot_of(record));
  return 0;
}

// Begins to connect to the next address that lets us begin, beside those that are under way.
Result connect_next(request_info& record, Turn& turn, Worker& worker, Reason otherwise) noexcept {
  Exchange& exchange = *record.exchange;
  // PLANT(try-next-address)
  while (exchange.next_address < exchange.addresses.count && !is_ours(otherwise) && join_race(record)) {
    const std::uint8_t index = exchange.next_address;
    begin_attempt(exchange, worker);
    begin_phase(exchange, worker, Phase::connect);
    if (const Reason why = objection_to(exchange, turn, worker, exchange.addresses.list[index]);
        why != Reason::none) {
      settle_attempt(exchange, worker, index, EACCES);
      otherwise = why;
      continue;
    }
    const int error = begin_connection(record, worker, exchange.addresses.list[index]);
    if (error == 0) {
      exchange.address = index;
      note(record, worker, TraceEvent::connected, index, 0);
      return again();
    }
    if (error == EMFILE && worker.upstreams.close_oldest()) {
      --exchange.next_address;
      continue;
    }
    exchange.error = error;
    settle_attempt(exchange, worker, index, error);
    otherwise = reason_for(error);
  }
  const bool under_way = record.side[kUpstream].link == Link::connecting;
  if (!under_way && !is_racing(record)) return unreachable(record, turn, worker, otherwise);
  if (!under_way) promote(record, static_cast<std::uint8_t>(record.approach->race.count() - 1));
  return record.side[kUpstream].writable ? again() : wait_for(patience(exchange));
}

}  // namespace

Reason objection_to(const Exchange& exchange, const Turn& turn, const Worker& worker,
                    const sys::Address& address) noexcept {
  if (exchange.grouped) return Reason::none;  // a server behind us may well be one of our own
  if (std::any_of(worker.own.begin(), worker.own.end(),
                  [&address](const sys::Address& own) { return address.reaches(own); }))
    return Reason::loop_detected;
  if (exchange.parent != nullptr) return Reason::none;  // it was configured, and is nobody's wish
  const plan::Verdict verdict = turn.config().rules.for_address(
      {exchange.client, exchange.host_view(), exchange.port, exchange.method_view()}, address);
  return verdict.decision == plan::Decision::deny ? Reason::request_not_allowed : Reason::none;
}

Reason reason_for(int error) noexcept {
  switch (error) {
    case 0: return Reason::upstream_closed;
    case ECONNREFUSED: return Reason::connection_refused;
    case ECONNRESET:
    case EPIPE: return Reason::upstream_reset;
    case ETIMEDOUT: return Reason::connect_timeout;
    case EMFILE:
    case ENFILE: return Reason::no_descriptor;
    case ENOBUFS:
    case ENOMEM: return Reason::no_memory;
    default: return Reason::host_unreachable;
  }
}

Result begin_connecting(request_info& record, Turn& turn, Worker& worker) noexcept {
  worker.address_health.order(record.exchange->addresses, worker.now);
  return connect_next(record, turn, worker, Reason::host_unreachable);
}

Result connect_failed(request_info& record, Turn& turn, Worker& worker, Reason reason, int error) noexcept {
  record.exchange->error = error;
  settle_attempt(*record.exchange, worker, record.exchange->address, error);
  note(record, worker, TraceEvent::retried, record.exchange->next_address, static_cast<std::uint8_t>(reason),
       error);
  record.side[kUpstream] = net::Endpoint{};
  return connect_next(record, turn, worker, reason);
}

Result connect_late(request_info& record, Turn& turn, Worker& worker, Reason reason) noexcept {
  Exchange& exchange = *record.exchange;
  note(record, worker, TraceEvent::retried, exchange.next_address, static_cast<std::uint8_t>(reason),
       ETIMEDOUT);
  if (exchange.next_address < exchange.addresses.count) return connect_next(record, turn, worker, reason);
  end_race(record, worker, ETIMEDOUT);
  exchange.error = ETIMEDOUT;
  settle_attempt(exchange, worker, exchange.address, ETIMEDOUT);
  return unreachable(record, turn, worker, reason);
}

// Until the first byte is taken, or, with none to send, until there is room for one, nothing is known.
Result connecting(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& request = record.lane[kRequest];
  Exchange& exchange = *record.exchange;
  net::Endpoint& upstream = record.side[kUpstream];
  if (!has_gone(record)) {
    if (request.flow == Flow::write_failed) {
      request.sink_closed = false;
      request.flow = Flow::none;
      return connect_failed(record, turn, worker, reason_for(request.error), request.error);
    }
    if (outrun(record, worker)) return again();
    const bool speaks_first = request.held() > 0 && exchange.greeting == net::Greeting::none;
    if (speaks_first || !upstream.writable) return wait_for(patience(exchange));
    if (const int error = sys::socket_error(upstream.fd); error != 0)
      return connect_failed(record, turn, worker, reason_for(error), error);
  }
  upstream.link = exchange.greeting == net::Greeting::none ? Link::open : Link::greeting;
  begin_phase(exchange, worker, Phase::send);
  settle_attempt(exchange, worker, exchange.address, 0);
  end_race(record, worker, ECANCELED);  // PLANT(losers-end)
  record.approach.reset();              // PLANT(attempts-end)
  exchange.error = 0;                   // that of an address tried before is of no interest any more
  return again();
}

}  // namespace state
