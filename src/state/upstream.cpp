// Which connection a request goes over: one that was used before, or a new one to the host's addresses.
#include <array>
#include <utility>

#include "../net/resolver.hpp"
#include "parts.hpp"

using base::TraceEvent;
using net::Link;

namespace state {

namespace {

// Nothing lies unread that nobody asked for.
bool is_silent(const net::Endpoint& upstream) noexcept {
  std::array<std::byte, 1> more;
  return sys::receive(upstream.fd, more).outcome == sys::Outcome::again;
}

// What a connection can be used for again: requests that go to the same place. What a SOCKS parent has made
// leads to one host; an HTTP parent takes requests for all.
struct Key {
  std::string_view host;
  std::uint16_t port;
};
Key key_of(const Exchange& exchange) noexcept {
  const bool leads_on = exchange.parent != nullptr && exchange.parent->kind == plan::Parent::Kind::socks5;
  if (leads_on) return {exchange.host_view(), exchange.port};  // PLANT(pool-key-of-socks)
  if (exchange.hop != nullptr && !exchange.hop->socket.empty()) return {exchange.hop->socket, 0};
  return {exchange.hop_host(), exchange.hop_port()};
}

// A connection that was used before may die under the request (RFC 9112 section 9.3.1), so it is taken only
// for one that lies in the block whole and may be sent twice.
bool take_used(request_info& record, Turn& turn, Worker& worker) noexcept {
  Exchange& exchange = *record.exchange;
  net::Lane& request = record.lane[kRequest];
  if (!exchange.repeatable || exchange.reused || !request.framing.complete()) return false;
  if (!may_stay(record, worker)) return false;  // another configuration may lead elsewhere
  const std::uint32_t slot = worker.table.slot_of(record);
  const Key key = key_of(exchange);
  net::UpstreamPool::IdleConnection used;
  // What came meanwhile, and was not reported yet, would be taken for the answer to what was never asked.
  // PLANT(check-idle-silent)
  do {
    used = worker.upstreams.acquire(key.host, key.port, slot);
    if (!used.upstream.fd) return false;
  } while (!is_silent(used.upstream));
  // Who may not connect to that address may not use another's connection to it.
  if (objection_to(exchange, turn, worker, used.address) != Reason::none) return false;
  record.side[kUpstream] = std::move(used.upstream);
  exchange.addresses.list[exchange.address] = used.address;
  exchange.reused = request.repeatable = true;
  begin_phase(exchange, worker, Phase::send);
  note(record, worker, TraceEvent::reused, 0, 0);
  return true;
}

}  // namespace

Result look_up(request_info& record, Turn& turn, Worker& worker) noexcept {
  Exchange& exchange = *record.exchange;
  exchange.greeting = first_greeting(exchange);
  net::Endpoint& upstream = record.side[kUpstream];
  if (upstream.link == Link::none) {
    if (take_used(record, turn, worker)) return again();
    upstream.link = Link::resolving;
    begin_phase(exchange, worker, Phase::resolve);
    upstream.serial = worker.table.new_serial();
  }
  if (exchange.hop != nullptr && !exchange.hop->socket.empty()) {
    exchange.addresses = {};
    exchange.addresses.add({.family = sys::Address::Family::local});
    return begin_connecting(record, turn, worker);
  }
  const net::Token me{upstream.serial, worker.table.slot_of(record), net::Token::Kind::lookup};
  const net::Lookup found = worker.resolver.find(exchange.hop_host(), exchange.hop_port(), me, worker.now);
  if (found.what == net::Lookup::What::pending) return wait_for(Wait::resolve);
  if (found.what == net::Lookup::What::failed) return unreachable(record, turn, worker, found.why);
  exchange.addresses = found.addresses;
  return begin_connecting(record, turn, worker);
}

bool choose_member(request_info& record, Turn& turn, Worker& worker) noexcept {
  Exchange& exchange = *record.exchange;
  const std::size_t member = turn.groups().choose(exchange.group, record.client, worker.now, exchange.tried);
  exchange.grouped = member != plan::kNoMember;
  if (!exchange.grouped) return false;
  turn.groups().begun(exchange.group, member);
  exchange.member = static_cast<std::uint8_t>(member);
  exchange.tried |= std::uint64_t{1} << member;  // PLANT(member-tried)
  exchange.hop = &turn.config().groups[exchange.group].members[member];
  return true;
}

Result unreachable(request_info& record, Turn& turn, Worker& worker, Reason reason) noexcept {
  Exchange& exchange = *record.exchange;
  // What we lack ourselves no other member has either, and none is to blame for it.
  const bool ours = base::row(reason).ended_by == base::Party::proxy;
  if (!exchange.grouped || ours) return give_up(record, turn, worker, reason);
  turn.groups().ended(exchange.group, exchange.member);
  turn.groups().failed(exchange.group, exchange.member, worker.now);
  if (!choose_member(record, turn, worker)) return give_up(record, turn, worker, reason);
  exchange.addresses = {};  // PLANT(next-member)
  exchange.next_address = exchange.address = 0;
  record.side[kUpstream] = net::Endpoint{};
  record.approach.reset();
  return again();
}

Result repeat(request_info& record) noexcept {
  net::Lane& request = record.lane[kRequest];
  record.side[kUpstream] = net::Endpoint{};
  record.lane[kResponse].drop_block();
  request.begin = 0;
  request.repeatable = request.sink_closed = false;  // PLANT(repeat-over-new)
  // PLANT(forget-old-error)
  request.flow = net::Flow::none;  // what failed was the old connection
  record.exchange->sent_up = request.bytes_sent;
  return Event::retry;
}

void keep_upstream(request_info& record, Worker& worker) noexcept {
  net::Endpoint upstream = std::exchange(record.side[kUpstream], net::Endpoint{});
  const Exchange& exchange = *record.exchange;
  const net::Lane& request = record.lane[kRequest];
  if (!may_stay(record, worker) || !exchange.upstream_persists || !request.complete() ||
      request.sink_closed || record.lane[kResponse].trailing_bytes || upstream.finished || upstream.hung)
    return;
  // The last read was as long as the message: only another tells whether nothing lies behind it.
  if (upstream.readable && !is_silent(upstream)) return;  // PLANT(pool-only-silent)
  upstream.readable = false;
  const Key key = key_of(exchange);
  worker.upstreams.release({std::move(upstream), exchange.addresses.list[exchange.address]}, key.host,
                           key.port, worker.now);
}

}  // namespace state
