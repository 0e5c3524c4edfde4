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
struct Key {
  std::string_view host;
  std::uint16_t port;
};
Key key_of(const Route& route) noexcept {
  const bool leads_on = route.parent != nullptr && route.parent->kind == plan::Parent::Kind::socks5;
  if (leads_on) return {route.host_view(), route.port};  // PLANT(pool-key-of-socks)
  if (route.hop != nullptr && !route.hop->socket.empty()) return {route.hop->socket, 0};
  return {route.next_host(), route.next_port()};
}

// The upstream may close a reused connection while the request is being sent (RFC 9112 section 9.3.1). So
// only a request that may be sent twice, and lies in the block as a whole, uses one.
bool reuse_connection(request_info& record, Turn& turn, Worker& worker) noexcept {
  Exchange& exchange = *record.exchange;
  net::Lane& request = record.lane[kRequest];
  if (!exchange.message.repeatable || exchange.log.reused || !request.framing.complete()) return false;
  if (!may_keep_alive(record, worker)) return false;  // the pool belongs to the newest configuration
  const std::uint32_t slot = worker.table.slot_of(record);
  const Key key = key_of(exchange.route);
  net::UpstreamPool::IdleConnection used;
  // Bytes that epoll has not reported yet would be taken for the response.
  // PLANT(check-idle-silent)
  do {
    used = worker.upstreams.acquire(key.host, key.port, slot);
    if (!used.upstream.fd) return false;
  } while (!is_silent(used.upstream));
  // The rules for this client may deny the address of another client's connection.
  if (address_objection(exchange, turn, worker, used.address) != Reason::none) return false;
  record.side[kUpstream] = std::move(used.upstream);
  exchange.connector.reuse(used.address);
  exchange.log.reused = request.repeatable = true;
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
  }
  if (route.hop != nullptr && !route.hop->socket.empty()) {
    net::Addresses addresses;
    addresses.add({.family = sys::Address::Family::local});
    return start_connecting(record, turn, worker, addresses);
  }
  const net::Token token{upstream.serial, worker.table.slot_of(record), net::Token::Kind::lookup};
  const net::Lookup found = worker.resolver.find(route.next_host(), route.next_port(), token, worker.now);
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
  const net::Lane& request = record.lane[kRequest];
  if (!may_keep_alive(record, worker) || !exchange.message.upstream_keep_alive || !request.complete() ||
      request.sink_closed || record.lane[kResponse].trailing_bytes || upstream.finished || upstream.hung)
    return;
  // The last read ended where the message ends; only another read tells whether more bytes came.
  if (upstream.readable && !is_silent(upstream)) return;  // PLANT(pool-only-silent)
  upstream.readable = false;
  const Key key = key_of(exchange.route);
  worker.upstreams.release({std::move(upstream), exchange.connector.address()}, key.host, key.port,
                           worker.now);
}

}  // namespace state
