// Connections without HTTP: relayed to another server, sent back, or answered with a file.
#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "../base/text.hpp"
#include "../net/proxy_protocol.hpp"
#include "parts.hpp"

using net::Flow;

namespace state {

namespace {

constexpr http::Body kOpenEnded{http::Body::Kind::until_eof};

std::string_view name_of(plan::Kind kind) noexcept {
  switch (kind) {
    case plan::Kind::relay: return "RELAY";
    case plan::Kind::echo: return "ECHO";
    case plan::Kind::reverse_lines: return "LINES";
    case plan::Kind::send_file: return "FILE";
    default: return "-";
  }
}

// For the log: what is done takes the method's place, and with what the target's.
void describe_raw(Exchange& exchange, plan::Kind kind, std::string_view with) noexcept {
  exchange.kind = kind;
  exchange.method_length =
      static_cast<std::uint8_t>(name_of(kind).copy(exchange.method.data(), exchange.method.size()));
  with = with.empty() ? "-" : with;
  exchange.target_length =
      static_cast<std::uint16_t>(with.copy(exchange.target.data(), exchange.target.size()));
}

// The header stands before all that the client has sent so far. REQUIRES: a block.
void introduce(request_info& record, std::uint8_t version) noexcept {
  net::Lane& request = record.lane[kRequest];
  std::array<std::byte, net::kProxyHeaderWrittenMax> header;
  const std::size_t length =
      net::write_proxy_header(version, record.client, sys::local_address(record.side[kClient].fd), header);
  std::memmove(request.block->bytes + length, request.block->bytes + request.begin, request.held());
  std::memcpy(request.block->bytes, header.data(), length);
  request.end = static_cast<std::uint16_t>(length + request.held());
  request.begin = 0;
}

Result begin_relay(request_info& record, Turn& turn, Worker& worker,
                   const plan::Listener& listener) noexcept {
  Exchange& exchange = *record.exchange;
  net::Lane& request = record.lane[kRequest];
  const bool introduces = listener.proxy_header_out != 0;
  if (introduces && !request.block) request.block = worker.blocks.take();
  if (introduces && !request.block) return need_block(Wait::request_head);
  exchange.group = static_cast<std::uint16_t>(listener.group);
  if (!choose_member(record, turn, worker)) return close_connection(Reason::host_unreachable);
  describe_raw(exchange, plan::Kind::relay, plan::text_of(*exchange.hop));
  request.framing = http::Framing{kOpenEnded};
  if (introduces) introduce(record, listener.proxy_header_out);
  return Event::forwarded;
}

Result begin_file(request_info& record, Worker& worker, const plan::Listener& listener) noexcept {
  Exchange& exchange = *record.exchange;
  describe_raw(exchange, plan::Kind::send_file, listener.file);
  Reason why = Reason::none;
  do record.feed = files::open_whole_file(listener.root, listener.file, why);
  while (!record.feed && make_room_for_file(worker, why));
  if (!record.feed) return close_connection(exchange.reason = why);
  record.lane[kRequest].framing = record.lane[kResponse].framing = http::Framing{kOpenEnded};
  return Event::stream_opened;
}

Result begin_echo(request_info& record, plan::Kind kind) noexcept {
  net::Lane& request = record.lane[kRequest];
  net::Lane& response = record.lane[kResponse];
  describe_raw(*record.exchange, kind, {});
  std::swap(request, response);  // what came behind a PROXY header is to go back too
  request.framing = response.framing = http::Framing{kOpenEnded};
  return Event::stream_opened;
}

// The client is who the header says it is, and counts as that one.
Reason accept_introduction(request_info& record, const Turn& turn, const Worker& worker,
                           const sys::Address& client) noexcept {
  if (client.family == sys::Address::Family::none) return Reason::none;
  if (std::exchange(record.counted, false)) turn.limits()->closed(record.client);
  record.client = client;  // PLANT(client-of-proxy-header)
  if (turn.limits() == nullptr) return Reason::none;
  record.counted = turn.limits()->may_connect(client, worker.now);
  return record.counted ? Reason::none : Reason::too_many_connections;
}

}  // namespace

const plan::Listener& listener_of(const request_info& record, const Turn& turn) noexcept {
  return turn.config().listeners[record.listener];
}

Result read_introduction(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& request = record.lane[kRequest];
  for (;;) {
    if (!request.block) request.block = worker.blocks.take();
    if (!request.block) return need_block(Wait::request_head);
    const Flow flow = net::fill(request, record.side[kClient], http::kHeadBytesMax - request.end);
    if (flow == Flow::need_read) {
      if (request.end == 0) request.drop_block();
      return worker.draining && request.end == 0 ? leave(record) : wait_for(Wait::request_head);
    }
    if (flow == Flow::read_failed) return close_connection(Reason::client_closed);
    const net::ProxyHeader header =
        net::read_proxy_header({reinterpret_cast<const char*>(request.block->bytes), request.end});
    if (header.what == net::ProxyHeader::What::partial) continue;
    // PLANT(reject-proxy-header)
    if (header.what == net::ProxyHeader::What::bad) return close_connection(Reason::bad_proxy_header);
    record.introduced = true;
    request.end = static_cast<std::uint16_t>(request.end - header.length);  // PLANT(cut-off-proxy-header)
    // PLANT(move-after-proxy-header)
    std::memmove(request.block->bytes, request.block->bytes + header.length, request.end);
    if (request.end == 0) request.drop_block();
    if (const Reason why = accept_introduction(record, turn, worker, header.client); why != Reason::none)
      return close_connection(why);
    spend(record, turn, request.end);  // whose it is was not known when it was read
    return again();
  }
}

Result begin_raw(request_info& record, Turn& turn, Worker& worker, plan::Kind kind) noexcept {
  const bool has_waited = record.exchange != nullptr;  // for a block: it came in time
  if (!begin_exchange(record, worker)) return yield(Wait::request_head);
  const plan::Listener& listener = listener_of(record, turn);
  if (!has_waited && worker.table.used() > worker.requests_max) {
    describe_raw(*record.exchange, kind, {});
    return close_connection(Reason::max_requests_reached);  // the further slots are for those who can be told so
  }
  if (kind == plan::Kind::relay) return begin_relay(record, turn, worker, listener);
  if (kind == plan::Kind::send_file) return begin_file(record, worker, listener);
  return begin_echo(record, kind);
}

Result open_relay(request_info& record) noexcept {
  record.exchange->opaque = true;
  record.lane[kResponse].framing = http::Framing{kOpenEnded};
  return Event::tunnel_opened;
}

Result echo(request_info& record, Turn& turn, Worker& worker) noexcept {
  switch (pump(record, turn, worker, kResponse)) {
    case Flow::complete: return all_sent(record, turn, worker);
    case Flow::need_read: return wait_for(Wait::tunnel);
    case Flow::need_write: return wait_for(Wait::client_write);
    case Flow::budget: return yield();
    case Flow::no_block: return need_block(Wait::tunnel);
    default: return close_connection(Reason::client_closed);
  }
}

namespace {

// What of the lane's content is a line, with its end; empty: none is whole.
std::string_view whole_line(const net::Lane& lane) noexcept {
  const std::string_view text{reinterpret_cast<const char*>(lane.block->bytes) + lane.begin, lane.held()};
  const std::size_t end = text.find('\n');
  return end == std::string_view::npos ? std::string_view{} : text.substr(0, end + 1);
}

// Turns the line at the front round, its end left where it is. It is to be sent; what lies behind it is the
// tail until then. REQUIRES: a block.
void turn_round(net::Lane& lane, std::size_t length) noexcept {
  assert(lane.block);
  auto* const line = reinterpret_cast<char*>(lane.block->bytes) + lane.begin;
  std::size_t end = length;
  while (end > 0 && (line[end - 1] == '\n' || line[end - 1] == '\r')) --end;
  std::reverse(line, line + end);
  lane.pipelined_end = lane.end;  // PLANT(keep-next-lines)
  lane.end = static_cast<std::uint16_t>(lane.begin + length);
}

// Brings what comes next behind the piece of a line that is there.
Flow bring_more(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& lane = record.lane[kResponse];
  if (!lane.block) lane.block = worker.blocks.take();
  if (!lane.block) return Flow::no_block;
  std::memmove(lane.block->bytes, lane.block->bytes + lane.begin, lane.held());
  lane.end = static_cast<std::uint16_t>(lane.held());
  lane.begin = 0;
  if (lane.end == base::kBlockBytes) return Flow::bad_framing;
  const Flow flow = fill_line(record, turn, worker);
  if (lane.held() == 0) lane.drop_block();
  return flow;
}

// A line has been answered, or there is none: what is to be done next. `none`: the next one can be sent.
Flow next_line(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& lane = record.lane[kResponse];
  for (;;) {
    std::size_t length = lane.block ? whole_line(lane).size() : 0;
    if (length == 0 && record.side[kClient].eof) length = lane.held();  // the last one has no end
    if (length > 0) {
      turn_round(lane, length);
      return Flow::none;
    }
    if (record.side[kClient].eof) return Flow::complete;
    const Flow flow = bring_more(record, turn, worker);
    if (flow != Flow::none && !(flow == Flow::read_failed && record.side[kClient].eof)) return flow;
  }
}

}  // namespace

// A line goes back from where it came to lie: whoever needed a second block for it might wait for one for
// ever.
Result reverse_lines(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& lane = record.lane[kResponse];
  for (;;) {
    if (lane.pipelined_end != 0) {  // a line is on its way
      const Flow sent = net::drain(lane, record.side[kClient]);
      if (sent == Flow::need_write) return wait_for(Wait::client_write);
      if (sent != Flow::complete) return close_connection(Reason::client_closed);
      lane.end = std::exchange(lane.pipelined_end, std::uint16_t{0});
    }
    switch (next_line(record, turn, worker)) {
      case Flow::none: continue;
      case Flow::need_read: return wait_for(Wait::tunnel);
      case Flow::complete: lane.flow = Flow::complete; return all_sent(record, turn, worker);
      case Flow::budget: return yield();
      case Flow::no_block: return need_block(Wait::tunnel);
      // What was whole is on its way yet.
      case Flow::bad_framing:
        end_exchange(record, Reason::line_too_long, worker);
        return hear_out(record, turn, worker);
      default: return close_connection(Reason::client_closed);
    }
  }
}

}  // namespace state
