#include "upstream.hpp"

#include <array>
#include <utility>

#include "bookkeeping.hpp"

using base::Reason;
using base::TraceEvent;
using net::Link;
using plan::Wait;

namespace state {

namespace {

// No byte was received beyond the last response.
bool is_silent(const net::Endpoint& upstream) noexcept {
  std::array<std::byte, 1> more;
  return sys::receive(upstream.fd, more).outcome == sys::Outcome::again;
}

// Requests with the same key can share a connection. One through a SOCKS parent leads to one host; an HTTP
// parent takes requests for all hosts.
net::UpstreamKey key_of(const Route& route) noexcept {
  const bool leads_on = route.parent != nullptr && route.parent->kind == plan::Parent::Kind::socks5;
  const std::uint16_t parent = route.parent == nullptr ? 0 : route.parent->number;
  if (leads_on || route.hop == nullptr)
    return {route.host_view(), route.port, parent};  // PLANT(pool-key-of-socks)
  net::UpstreamKey key = pool_key(*route.hop);
  key.parent = parent;
  return key;
}

// The request may be sent over a connection that others have used. The upstream may close it meanwhile (RFC
// 9112 section 9.3.1), so the request must be one that may be sent twice, and lie in the block as a whole.
bool is_repeatable(const request_info& record) noexcept {
  return record.exchange->message.repeatable && record.lane[kRequest].framing.complete();
}

// Takes an idle connection for the request: one that is bound to its client, whatever the request is, because
// only there the client is logged in; or else one that is not bound.
net::IdleConnection take_idle(const request_info& record, Worker& worker) noexcept {
  const std::uint32_t slot = worker.table.slot_of(record);
  const net::UpstreamKey key = key_of(record.exchange->route);
  net::IdleConnection bound = worker.upstreams.acquire_bound(key, record.id, slot);
  if (bound.upstream.fd || !is_repeatable(record)) return bound;
  return worker.upstreams.acquire(key, slot);
}

// Bytes that no request has asked for would be taken for the response. Any event closes an idle connection.
// So none are there if it was idle before the last wait, and this wait has reported all that was ready. A
// bound connection is read in any case: its end may have come since, and its request may be one that is not
// repeated.
bool has_unrequested_bytes(const net::IdleConnection& idle, const Worker& worker) noexcept {
  const bool seen = idle.client == 0 && worker.all_reported && idle.wait < worker.waits;
  return !seen && !is_silent(idle.upstream);  // PLANT(check-idle-silent)
}

bool reuse_connection(request_info& record, Turn& turn, Worker& worker) noexcept {
  Exchange& exchange = *record.exchange;
  if (exchange.log.reused || !may_keep_alive(record, worker))
    return false;  // the pool belongs to the newest configuration
  net::IdleConnection used;
  do {
    used = take_idle(record, worker);
    if (!used.upstream.fd) return false;
  } while (has_unrequested_bytes(used, worker));
  // The rules for this client may deny the address of another client's connection.
  if (address_objection(record, turn, worker, used.address) != Reason::none) return false;
  record.side[kUpstream] = std::move(used.upstream);
  exchange.connector.reuse(used.address);
  // The client's next step of a login to the parent: CONNECT over the same connection.
  if (exchange.handshake_step == net::HandshakeStep::connect) record.side[kUpstream].link = Link::handshaking;
  exchange.log.reused = true;
  exchange.message.bound |= used.client != 0;
  record.lane[kRequest].repeatable = is_repeatable(record);
  begin_phase(exchange, worker.now, Phase::send);
  trace(record, worker, TraceEvent::reused, 0, 0);
  return true;
}

// Looks up the next hop's addresses and begins to connect.
Result find_upstream(request_info& record, Turn& turn, Worker& worker) noexcept {
  const Route& route = record.exchange->route;
  net::Endpoint& upstream = record.side[kUpstream];
  record.exchange->handshake_step = first_handshake_step(route);
  if (upstream.link == Link::none) {
    if (reuse_connection(record, turn, worker)) return again();
    upstream.link = Link::resolving;
    begin_phase(*record.exchange, worker.now, Phase::resolve);
    upstream.serial = worker.table.new_serial();
    record.exchange->lookup.restart({upstream.serial, worker.table.slot_of(record), net::Token::Kind::lookup},
                                    record.client);
  }
  if (route.hop != nullptr && !route.hop->socket.empty()) {
    net::Addresses addresses;
    addresses.add({.family = sys::Address::Family::local});
    return start_connecting(record, turn, worker, addresses);
  }
  const net::Lookup found =
      worker.resolver.find(route.next_host(), route.next_port(), record.exchange->lookup, worker.now);
  if (found.what == net::Lookup::What::pending) return wait_for(Wait::resolve);
  if (found.what == net::Lookup::What::failed) return fail_over(record, turn, worker, found.why);
  return start_connecting(record, turn, worker, found.addresses);
}

}  // namespace

Result connect_upstream(request_info& record, Turn& turn, Worker& worker) noexcept {
  switch (record.side[kUpstream].link) {
    case Link::none:
    case Link::resolving: return find_upstream(record, turn, worker);
    case Link::connecting: return poll_connecting(record, turn, worker);
    case Link::handshaking: return parent_handshake(record, turn, worker);
    case Link::open: break;
  }
  return again();
}

Result retry_request(request_info& record) noexcept {
  net::Lane& request = record.lane[kRequest];
  record.side[kUpstream] = net::Endpoint{};
  record.lane[kResponse].drop_block();
  request.begin = 0;
  request.repeatable = request.sink_closed = false;  // PLANT(repeat-over-new)
  request.flow = net::Flow::none;                    // PLANT(forget-old-error)
  record.exchange->sent_up_at_start = request.bytes_sent;
  return Event::retry;
}

void release_upstream(request_info& record, Worker& worker) noexcept {
  net::Endpoint upstream = std::exchange(record.side[kUpstream], net::Endpoint{});
  const Exchange& exchange = *record.exchange;
  const MessageInfo& message = exchange.message;
  const net::Lane& request = record.lane[kRequest];
  if (!upstream.fd) return;                          // the proxy responded
  if (message.bound && !message.keep_alive) return;  // ends with the client's connection
  if (!may_keep_alive(record, worker) || !message.upstream_keep_alive || !request.complete() ||
      request.sink_closed || record.lane[kResponse].trailing_bytes || upstream.finished || upstream.hung)
    return;
  // The last read ended where the message ends; only another read tells whether more bytes came.
  if (upstream.readable && !is_silent(upstream)) return;  // PLANT(pool-only-silent)
  upstream.readable = false;
  const std::uint64_t client = message.bound ? record.id : 0;  // PLANT(bind-to-client)
  worker.upstreams.release({std::move(upstream), exchange.connector.address(), client, worker.waits},
                           key_of(exchange.route), worker.now);
}

}  // namespace state
