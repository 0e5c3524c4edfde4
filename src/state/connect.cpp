// From a host's name to an open connection: one that was used before, or a new one to the first address that
// answers.
#include <algorithm>
#include <cassert>
#include <cerrno>

#include "../base/trace.hpp"
#include "../net/resolver.hpp"
#include "parts.hpp"

using base::Did;
using net::Flow;
using net::Link;

namespace state {

namespace {

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
    begin_phase(exchange, services, Phase::connect);
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
  begin_phase(exchange, services, Phase::send);
  note(record, services, Did::reused, 0, 0);
  return true;
}

}  // namespace

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

Step connect_failed(request_info& record, Services& services, Reason reason, int error) noexcept {
  record.exchange->error = error;
  settle_attempt(*record.exchange, services, error);
  note(record, services, Did::retried, record.exchange->next_address, static_cast<std::uint8_t>(reason),
       error);
  return connect_next(record, services, reason);
}

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
    begin_phase(exchange, services, Phase::resolve);
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
  begin_phase(*record.exchange, services, Phase::send);
  settle_attempt(*record.exchange, services, 0);
  record.exchange->error = 0;  // that of an address tried before is of no interest any more
  return go(State::SEND_REQUEST);
}

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

}  // namespace state
