#include "connect.hpp"

#include <algorithm>
#include <cerrno>

#include "../net/error_reason.hpp"
#include "bookkeeping.hpp"
#include "login.hpp"

using base::Reason;
using base::TraceEvent;
using net::Flow;
using net::Link;
using plan::Wait;
using Outcome = net::Connector::Outcome;
using Status = net::Connector::Status;

namespace state {

namespace {

// The request can be sent at once on a connection; else the proxy waits until it is writable.
bool can_write_first(const request_info& record) noexcept {
  return record.lane[kRequest].held() > 0 && record.exchange->handshake_step == net::HandshakeStep::none;
}

// Opens and watches a socket. Closes idle upstream connections if there is no descriptor.
sys::Opened open_socket(const Exchange& exchange, Worker& worker, const sys::Address& address) noexcept {
  for (;;) {
    sys::Opened opened = address.family == sys::Address::Family::local
                             ? sys::connect_local(exchange.route.hop->socket.c_str())
                             : sys::connect(address);
    if (opened.error != EMFILE || !worker.upstreams.close_oldest()) return opened;
  }
}

// Begins to connect the upstream endpoint to that address.
Outcome open_connection(request_info& record, Turn& turn, Worker& worker, const sys::Address& address,
                        net::Endpoint& upstream) noexcept {
  Exchange& exchange = *record.exchange;
  begin_phase(exchange, worker.now, Phase::connect);
  const Reason objection = address_objection(record, turn, worker, address);
  if (objection != Reason::none) return {Status::failed, objection, EACCES};
  sys::Opened opened = open_socket(exchange, worker, address);
  const std::uint32_t serial = worker.table.new_serial();
  const net::Token token{serial, static_cast<std::uint32_t>(opened.fd.get()), net::Token::Kind::upstream};
  if (opened.fd) opened.error = sys::watch(worker.poller, opened.fd.get(), token.packed());
  if (opened.error != 0) {
    exchange.log.error = opened.error;
    return {Status::failed, net::reason_for(opened.error), opened.error};
  }
  if (!record.lane[kRequest].framing.complete()) sys::set_nodelay(opened.fd);  // else one send carries it all
  upstream = net::Endpoint{};
  upstream.fd = std::move(opened.fd);
  upstream.serial = serial;
  upstream.link = Link::connecting;
  upstream.writable = can_write_first(record);  // on the same machine it is connected by now
  worker.upstreams.own(upstream, worker.table.slot_of(record));
  return {};
}

// Waits for the newest attempt: until the next one is due, or for the rest of the connect timeout.
Result wait_connecting(const Exchange& exchange) noexcept {
  return wait_for(exchange.connector.left() > 0 ? Wait::attempt : Wait::connect);
}

// No address of the host is left. If one of them leads to this proxy, this is the cause, whatever the others
// did; but a shortage of the proxy's own is never the client's mistake.
Result give_up(request_info& record, Turn& turn, Worker& worker, Reason last) noexcept {
  Exchange& exchange = *record.exchange;
  const auto tried = exchange.connector.addresses();
  const bool loops = !exchange.route.in_group && !base::ended_by_proxy(last) &&
                     std::any_of(tried.begin(), tried.end(),
                                 [&worker](const auto& address) { return worker.machine.is_loop(address); });
  if (!loops) return fail_over(record, turn, worker, last);
  exchange.log.error = 0;  // of another address
  return fail_over(record, turn, worker, Reason::loop_detected);
}

// Starts the next attempt beside those pending. Fails over for `otherwise` if there is none.
Result start_attempt(request_info& record, Turn& turn, Worker& worker, Reason otherwise) noexcept {
  net::Connector& connector = record.exchange->connector;
  net::Endpoint& upstream = record.side[kUpstream];
  bool started = false;
  const auto open = [&](const sys::Address& address, net::Endpoint& into) {
    const Outcome outcome = open_connection(record, turn, worker, address, into);
    started = outcome.status != Status::failed;
    return outcome;
  };
  const Outcome outcome = connector.start_next(upstream, worker.now, otherwise, open);
  if (outcome.status == Status::failed) return give_up(record, turn, worker, outcome.reason);
  if (started) trace(record, worker, TraceEvent::connected, connector.index(), 0);
  return started || upstream.writable ? again() : wait_connecting(*record.exchange);
}

Result attempt_failed(request_info& record, Turn& turn, Worker& worker, int error) noexcept {
  Exchange& exchange = *record.exchange;
  const Reason reason = net::reason_for(error);
  exchange.log.error = error;
  trace(record, worker, TraceEvent::retried, static_cast<std::int64_t>(exchange.connector.tried()),
        static_cast<std::uint8_t>(reason), error);
  exchange.connector.fail(record.side[kUpstream], error, worker.now);
  return start_attempt(record, turn, worker, reason);
}

// A member of a group may be another listener of this proxy. HTTP finds loops by Via; a TCP proxy must not
// lead back to itself. The indices are those of the newest configuration.
Reason group_objection(const request_info& record, const Turn& turn, Worker& worker,
                       const sys::Address& address) noexcept {
  const bool relays = record.exchange->route.kind == plan::Kind::relay && &turn.generation == worker.current;
  return relays && worker.machine.closes_loop(record.listener, address) ? Reason::loop_detected
                                                                        : Reason::none;
}

}  // namespace

Reason address_objection(const request_info& record, const Turn& turn, Worker& worker,
                         const sys::Address& address) noexcept {
  const Exchange& exchange = *record.exchange;
  if (exchange.route.in_group) return group_objection(record, turn, worker, address);
  if (worker.machine.is_loop(address)) return Reason::loop_detected;
  if (exchange.route.parent != nullptr) return Reason::none;  // configured, not chosen by the client
  const plan::Verdict verdict = turn.config().rules.for_address(
      {exchange.log.client, exchange.route.host_view(), exchange.route.port, exchange.log.method_view(),
       worker.machine.addresses(), requester(exchange, turn.config())},
      address);
  return verdict.decision == plan::Decision::deny ? Reason::request_not_allowed : Reason::none;
}

Result start_connecting(request_info& record, Turn& turn, Worker& worker,
                        const net::Addresses& addresses) noexcept {
  record.exchange->connector.start(addresses, worker.address_health);
  return start_attempt(record, turn, worker, Reason::host_unreachable);
}

Result connect_timed_out(request_info& record, Turn& turn, Worker& worker, Reason reason) noexcept {
  Exchange& exchange = *record.exchange;
  net::Connector& connector = exchange.connector;
  trace(record, worker, TraceEvent::retried, static_cast<std::int64_t>(connector.tried()),
        static_cast<std::uint8_t>(reason), ETIMEDOUT);
  if (connector.left() > 0) return start_attempt(record, turn, worker, reason);
  connector.end_earlier(ETIMEDOUT, worker.now);
  connector.fail(record.side[kUpstream], ETIMEDOUT, worker.now);
  exchange.log.error = ETIMEDOUT;
  return give_up(record, turn, worker, reason);
}

// With bytes to send, the first write tells whether the connection is established.
Result poll_connecting(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& request = record.lane[kRequest];
  Exchange& exchange = *record.exchange;
  net::Endpoint& upstream = record.side[kUpstream];
  if (!anything_sent(record)) {
    if (request.flow == Flow::write_failed) {
      request.sink_closed = false;
      request.flow = Flow::none;
      return attempt_failed(record, turn, worker, request.error);
    }
    if (exchange.connector.promote_connected(upstream, worker.now)) return again();
    if (can_write_first(record) || !upstream.writable) return wait_connecting(exchange);
    if (const int error = sys::socket_error(upstream.fd); error != 0)
      return attempt_failed(record, turn, worker, error);
  }
  upstream.link = exchange.handshake_step == net::HandshakeStep::none ? Link::open : Link::handshaking;
  begin_phase(exchange, worker.now, Phase::send);
  exchange.connector.finish(worker.now);
  exchange.log.error = 0;  // of an attempt that does not matter any more
  return again();
}

}  // namespace state
