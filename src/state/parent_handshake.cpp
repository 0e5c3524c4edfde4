#include "parent_handshake.hpp"

#include <cstring>
#include <new>
#include <utility>

#include "../net/error_reason.hpp"
#include "bookkeeping.hpp"

using base::Reason;
using net::Flow;
using net::HandshakeStep;
using net::Link;
using plan::Wait;
using What = net::HandshakeResult::What;

namespace state {

namespace {

// Allocates the record's HandshakeProgress. Returns false if there is no memory.
bool need_progress(request_info& record) noexcept {
  if (!record.handshake) record.handshake.reset(new (std::nothrow) HandshakeProgress);
  return record.handshake != nullptr;
}

net::Login login_of(const plan::Parent& parent) noexcept { return {parent.user, parent.password}; }

Result parent_failed(request_info& record, Turn& turn, Worker& worker, Reason reason,
                     std::uint16_t status) noexcept {
  // A reply code of SOCKS is not an HTTP status.
  const bool is_http = record.exchange->route.parent->kind == plan::Parent::Kind::http;
  record.exchange->log.received = is_http ? status : std::uint16_t{0};
  return fail_request(record, turn, worker, reason);
}

// Writes this step's message to the block. Returns false if it does not fit.
bool write_handshake(request_info& record, const Turn& turn, const net::Login& login) noexcept {
  const Exchange& exchange = *record.exchange;
  net::Lane& lane = record.handshake->lane;
  const std::size_t length =
      net::write_handshake(exchange.handshake_step, login, exchange.route.host_view(), exchange.route.port,
                           turn.config().via ? turn.via() : std::string_view{}, lane.block->room());
  lane.begin = 0;
  lane.end = static_cast<std::uint16_t>(length);
  return length > 0;
}

// Removes the parent's reply from the front of the block.
void remove_reply(net::Lane& lane, std::size_t length) noexcept {
  lane.end = static_cast<std::uint16_t>(lane.end - length);
  std::memmove(lane.block->bytes, lane.block->bytes + length, lane.end);
}

// The status is for the client, with the field that says what to do: a login, or another protocol.
bool is_for_client(const request_info& record, std::uint16_t status) noexcept {
  return status == 426 || (status == 407 && record.exchange->message.proxy_login);
}

// The parent's reply is the response to the client's CONNECT.
Result relay_reply(request_info& record) noexcept {
  net::Lane& request = record.lane[kRequest];
  net::Lane& response = record.lane[kResponse];
  response.block = std::move(record.handshake->lane.block);
  response.begin = 0;
  response.end = record.handshake->lane.end;
  record.handshake.reset();
  record.side[kUpstream].link = Link::open;
  record.exchange->route.kind = plan::Kind::forward;
  if (request.held() > 0) record.exchange->message.keep_alive = false;  // bytes for the tunnel
  request.drop_block();
  request.framing = http::Framing{};
  return Event::request_sent;
}

Result parse_parent_reply(request_info& record, Turn& turn, Worker& worker) noexcept {
  Exchange& exchange = *record.exchange;
  net::Lane& lane = record.handshake->lane;
  const net::HandshakeResult result =
      net::parse_reply(exchange.handshake_step, login_of(*exchange.route.parent),
                       {reinterpret_cast<const char*>(lane.block->bytes), lane.end}, worker.head_limits);
  if (is_for_client(record, result.status)) return relay_reply(record);
  if (result.what == What::failed) return parent_failed(record, turn, worker, result.reason, result.status);
  if (result.what == What::more) return again();
  remove_reply(lane, result.consumed);
  if (result.what == What::next) {
    // The parent must not send more than its reply to this step.
    if (lane.end > 0) return parent_failed(record, turn, worker, Reason::bad_parent_response, result.status);
    exchange.handshake_step = result.next;
    record.handshake->message_sent = false;
    lane.drop_block();
    return again();
  }
  // The host may send first only in a tunnel.
  if (lane.end > 0 && exchange.route.kind != plan::Kind::tunnel)
    return parent_failed(record, turn, worker, Reason::bad_response, 0);
  if (lane.end == 0) record.handshake.reset();
  record.side[kUpstream].link = Link::open;
  return again();
}

}  // namespace

std::optional<Result> prepare_handshake(request_info& record, Turn& turn, Worker& worker,
                                        std::string_view credentials) noexcept {
  if (!need_progress(record)) return fail_request(record, turn, worker, Reason::no_memory);
  net::Lane& lane = record.handshake->lane;
  if (!lane.block) lane.block = worker.blocks.take();
  if (!lane.block) return need_block(Wait::request_head);
  record.exchange->handshake_step = HandshakeStep::connect;
  if (!write_handshake(record, turn, {{}, {}, credentials}))
    return fail_request(record, turn, worker, Reason::head_too_large);
  return {};
}

HandshakeStep first_handshake_step(const Route& route) noexcept {
  if (route.parent == nullptr) return HandshakeStep::none;
  if (route.parent->kind == plan::Parent::Kind::socks5) return HandshakeStep::socks_methods;
  return route.kind == plan::Kind::tunnel ? HandshakeStep::connect : HandshakeStep::none;
}

Result parent_handshake(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Endpoint& upstream = record.side[kUpstream];
  if (!need_progress(record)) return fail_request(record, turn, worker, Reason::no_memory);
  net::Lane& lane = record.handshake->lane;
  if (!lane.block) {
    lane.block = worker.blocks.take(turn.stores.leave);
    if (!lane.block) return need_block(Wait::response_head);
    if (!write_handshake(record, turn, login_of(*record.exchange->route.parent)))
      return fail_request(record, turn, worker, Reason::bad_parent_response);
  }
  if (!record.handshake->message_sent) {
    const Flow flow = net::drain(lane, upstream);
    if (flow == Flow::need_write) return wait_for(Wait::upstream_write);
    if (flow == Flow::write_failed) return fail_request(record, turn, worker, net::reason_for(lane.error));
    record.handshake->message_sent = true;
  }
  switch (net::fill(lane, upstream, worker.head_limits.bytes - lane.end)) {
    case Flow::need_read: return wait_for(Wait::response_head);
    case Flow::read_failed:
      record.exchange->log.error = lane.error;
      return fail_request(record, turn, worker, net::reason_for(lane.error));
    default: return parse_parent_reply(record, turn, worker);
  }
}

}  // namespace state
