#include "parent_handshake.hpp"

#include <cstring>
#include <new>

#include "../net/error_reason.hpp"
#include "bookkeeping.hpp"

using base::Reason;
using net::Flow;
using net::Greeting;
using net::Link;
using plan::Wait;
using What = net::Heard::What;

namespace state {

namespace {

// Allocates the record's Approach. Returns false if there is no memory.
bool need_approach(request_info& record) noexcept {
  if (!record.approach) record.approach.reset(new (std::nothrow) Approach);
  return record.approach != nullptr;
}

net::Login login_of(const plan::Parent& parent) noexcept { return {parent.user, parent.password}; }

Result parent_failed(request_info& record, Turn& turn, Worker& worker, Reason reason,
                     std::uint16_t status) noexcept {
  record.exchange->log.received = status;
  return fail_request(record, turn, worker, reason);
}

// Writes this step's message to the block. Returns false if it does not fit.
bool write_handshake(request_info& record, const Turn& turn) noexcept {
  const Exchange& exchange = *record.exchange;
  net::Lane& talk = record.approach->talk;
  const std::size_t length =
      net::write_greeting(exchange.greeting, login_of(*exchange.route.parent), exchange.route.host_view(),
                          exchange.route.port, turn.via(), talk.block->bytes);
  talk.begin = 0;
  talk.end = static_cast<std::uint16_t>(length);
  return length > 0;
}

// Removes the parent's reply from the front of the block.
void remove_reply(net::Lane& talk, std::size_t length) noexcept {
  talk.end = static_cast<std::uint16_t>(talk.end - length);
  std::memmove(talk.block->bytes, talk.block->bytes + length, talk.end);
}

Result parse_parent_reply(request_info& record, Turn& turn, Worker& worker) noexcept {
  Exchange& exchange = *record.exchange;
  net::Lane& talk = record.approach->talk;
  const net::Heard heard = net::hear(exchange.greeting, login_of(*exchange.route.parent),
                                     {reinterpret_cast<const char*>(talk.block->bytes), talk.end});
  if (heard.what == What::failed) return parent_failed(record, turn, worker, heard.why, heard.status);
  if (heard.what == What::more) return again();
  remove_reply(talk, heard.consumed);
  if (heard.what == What::next) {
    // The parent must not send more than its reply to this step.
    if (talk.end > 0) return parent_failed(record, turn, worker, Reason::bad_parent_response, heard.status);
    exchange.greeting = heard.next;
    record.approach->said = false;
    talk.drop_block();
    return again();
  }
  // The host may send first only in a tunnel.
  if (talk.end > 0 && exchange.route.kind != plan::Kind::tunnel)
    return parent_failed(record, turn, worker, Reason::bad_response, 0);
  if (talk.end == 0) record.approach.reset();
  record.side[kUpstream].link = Link::open;
  return again();
}

}  // namespace

Greeting first_greeting(const Route& route) noexcept {
  if (route.parent == nullptr) return Greeting::none;
  if (route.parent->kind == plan::Parent::Kind::socks5) return Greeting::socks_methods;
  return route.kind == plan::Kind::tunnel ? Greeting::connect : Greeting::none;
}

Result parent_handshake(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Endpoint& upstream = record.side[kUpstream];
  if (!need_approach(record)) return fail_request(record, turn, worker, Reason::no_memory);
  net::Lane& talk = record.approach->talk;
  if (!talk.block) {
    talk.block = worker.blocks.take();
    if (!talk.block) return need_block(Wait::response_head);
    if (!write_handshake(record, turn))
      return fail_request(record, turn, worker, Reason::bad_parent_response);
  }
  if (!record.approach->said) {
    const Flow flow = net::drain(talk, upstream);
    if (flow == Flow::need_write) return wait_for(Wait::upstream_write);
    if (flow == Flow::write_failed) return fail_request(record, turn, worker, net::reason_for(talk.error));
    record.approach->said = true;
  }
  switch (net::fill(talk, upstream, http::kHeadBytesMax - talk.end)) {
    case Flow::need_read: return wait_for(Wait::response_head);
    case Flow::read_failed:
      record.exchange->log.error = talk.error;
      return fail_request(record, turn, worker, net::reason_for(talk.error));
    default: return parse_parent_reply(record, turn, worker);
  }
}

}  // namespace state
