// What is said to a parent proxy until the connection leads on to the host.
#include <cstring>
#include <new>

#include "parts.hpp"

using net::Flow;
using net::Greeting;
using net::Link;
using What = net::Heard::What;

namespace state {

namespace {

net::Login login_of(const plan::Parent& parent) noexcept { return {parent.user, parent.password}; }

Result refused(request_info& record, Turn& turn, Worker& worker, Reason reason,
               std::uint16_t status) noexcept {
  record.exchange->received = status;
  return give_up(record, turn, worker, reason);
}

// Puts what is to be said in this stage to the block. False: it cannot be said.
bool prepare(request_info& record, const Turn& turn) noexcept {
  const Exchange& exchange = *record.exchange;
  net::Lane& talk = record.approach->talk;
  const std::size_t length =
      net::write_greeting(exchange.greeting, login_of(*exchange.parent), exchange.host_view(), exchange.port,
                          turn.via(), talk.block->bytes);
  talk.begin = 0;
  talk.end = static_cast<std::uint16_t>(length);
  return length > 0;
}

// The parent's own words are taken out; what lies behind them stays.
void take_out(net::Lane& talk, std::size_t length) noexcept {
  talk.end = static_cast<std::uint16_t>(talk.end - length);
  std::memmove(talk.block->bytes, talk.block->bytes + length, talk.end);
}

// The parent has said something. `none`: it has not finished.
Result listen_to(request_info& record, Turn& turn, Worker& worker) noexcept {
  Exchange& exchange = *record.exchange;
  net::Lane& talk = record.approach->talk;
  const net::Heard heard = net::hear(exchange.greeting, login_of(*exchange.parent),
                                     {reinterpret_cast<const char*>(talk.block->bytes), talk.end});
  if (heard.what == What::failed) return refused(record, turn, worker, heard.why, heard.status);
  if (heard.what == What::more) return again();
  take_out(talk, heard.consumed);
  if (heard.what == What::next) {
    // Nobody speaks before being asked.
    if (talk.end > 0) return refused(record, turn, worker, Reason::bad_parent_response, heard.status);
    exchange.greeting = heard.next;
    record.approach->said = false;
    talk.drop_block();
    return again();
  }
  // Early bytes of the host are for a tunnel's client; nobody else has asked for any yet.
  if (talk.end > 0 && exchange.kind != plan::Kind::tunnel)
    return refused(record, turn, worker, Reason::bad_response, 0);
  if (talk.end == 0) record.approach.reset();
  record.side[kUpstream].link = Link::open;
  return again();
}

}  // namespace

bool need_approach(request_info& record) noexcept {
  if (!record.approach) record.approach.reset(new (std::nothrow) Approach);
  return record.approach != nullptr;
}

Greeting first_greeting(const Exchange& exchange) noexcept {
  if (exchange.parent == nullptr) return Greeting::none;
  if (exchange.parent->kind == plan::Parent::Kind::socks5) return Greeting::socks_methods;
  return exchange.kind == plan::Kind::tunnel ? Greeting::connect : Greeting::none;
}

Result greet(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Endpoint& upstream = record.side[kUpstream];
  if (!need_approach(record)) return give_up(record, turn, worker, Reason::no_memory);
  net::Lane& talk = record.approach->talk;
  if (!talk.block) {
    talk.block = worker.blocks.take();
    if (!talk.block) return need_block(Wait::response_head);
    if (!prepare(record, turn)) return give_up(record, turn, worker, Reason::bad_parent_response);
  }
  if (!record.approach->said) {
    const Flow flow = net::drain(talk, upstream);
    if (flow == Flow::need_write) return wait_for(Wait::upstream_write);
    if (flow == Flow::write_failed) return give_up(record, turn, worker, reason_for(talk.error));
    record.approach->said = true;
  }
  switch (net::fill(talk, upstream, http::kHeadBytesMax - talk.end)) {
    case Flow::need_read: return wait_for(Wait::response_head);
    case Flow::read_failed:
      record.exchange->error = talk.error;
      return give_up(record, turn, worker, reason_for(talk.error));
    default: return listen_to(record, turn, worker);
  }
}

}  // namespace state
