#include "stream.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "../files/server.hpp"
#include "blocks.hpp"
#include "bookkeeping.hpp"

using base::Reason;
using net::Flow;
using plan::Wait;

namespace state {

namespace {

std::string_view name_of(plan::Kind kind) noexcept {
  switch (kind) {
    case plan::Kind::relay: return "RELAY";
    case plan::Kind::echo: return "ECHO";
    case plan::Kind::reverse_lines: return "LINES";
    case plan::Kind::send_file: return "FILE";
    default: return "-";
  }
}

// Notes for the log what is done in place of the method, and with what in place of the URL.
void describe_stream(Exchange& exchange, plan::Kind kind, std::string_view with) noexcept {
  exchange.route.kind = kind;
  exchange.log.method_length =
      static_cast<std::uint8_t>(name_of(kind).copy(exchange.log.method.data(), exchange.log.method.size()));
  with = with.empty() ? "-" : with;
  exchange.log.target_length =
      static_cast<std::uint16_t>(with.copy(exchange.log.target.data(), exchange.log.target.size()));
}

Result begin_tcp_proxy(request_info& record, Turn& turn, Worker& worker,
                       const plan::Listener& listener) noexcept {
  Exchange& exchange = *record.exchange;
  net::Lane& request = record.lane[kRequest];
  const bool sends_header = listener.proxy_header_out != 0;
  if (sends_header && !request.block) request.block = take_for_head(record, turn, worker);
  if (sends_header && !request.block) return need_block(Wait::request_head);
  exchange.route.group = static_cast<std::uint16_t>(listener.group);
  if (!choose_member(record, turn, worker)) return close_connection(Reason::host_unreachable);
  describe_stream(exchange, plan::Kind::relay, plan::text_of(*exchange.route.hop));
  request.framing = http::Framing{http::kUntilEof};
  if (sends_header) prepend_proxy_header(record, listener.proxy_header_out);
  return Event::forwarded;
}

Result begin_file(request_info& record, Worker& worker, const plan::Listener& listener) noexcept {
  Exchange& exchange = *record.exchange;
  describe_stream(exchange, plan::Kind::send_file, listener.file);
  Reason why = Reason::none;
  do record.body_source = files::open_whole_file(listener.root, listener.file, why);
  while (!record.body_source && why == Reason::no_descriptor && worker.upstreams.close_oldest());
  if (!record.body_source) return close_connection(exchange.log.reason = why);
  record.lane[kRequest].framing = record.lane[kResponse].framing = http::Framing{http::kUntilEof};
  return Event::stream_opened;
}

Result begin_echo(request_info& record, plan::Kind kind) noexcept {
  net::Lane& request = record.lane[kRequest];
  net::Lane& response = record.lane[kResponse];
  describe_stream(*record.exchange, kind, {});
  std::swap(request, response);  // bytes after a PROXY header are sent back too
  request.framing = response.framing = http::Framing{http::kUntilEof};
  return Event::stream_opened;
}

}  // namespace

Result open_stream(request_info& record, Turn& turn, Worker& worker, plan::Kind kind) noexcept {
  if (!begin_exchange(record, worker)) return yield(Wait::request_head);
  const plan::Listener& listener = turn.listener(record);
  if (kind == plan::Kind::relay) return begin_tcp_proxy(record, turn, worker, listener);
  if (kind == plan::Kind::send_file) return begin_file(record, worker, listener);
  return begin_echo(record, kind);
}

namespace {

Result echo(request_info& record, Turn& turn, Worker& worker) noexcept {
  switch (pump_lane(record, turn, worker, kResponse)) {
    case Flow::complete: return finish_response(record, turn, worker);
    case Flow::need_read: return wait_for(Wait::tunnel);
    case Flow::need_write: return wait_for(Wait::client_write);
    case Flow::budget: return yield();
    case Flow::no_block: return need_block(Wait::tunnel);
    default: return close_connection(Reason::client_closed);
  }
}

// Returns the first line of the lane's content, with its end; empty if no line is complete.
std::string_view whole_line(const net::Lane& lane) noexcept {
  const std::string_view text{reinterpret_cast<const char*>(lane.block->bytes) + lane.begin, lane.held()};
  const std::size_t end = text.find('\n');
  return end == std::string_view::npos ? std::string_view{} : text.substr(0, end + 1);
}

// Reverses the bytes of the first line, except its end, and makes it the lane's content; the bytes after it
// are the pipelined ones. REQUIRES: a block.
void reverse_line(net::Lane& lane, std::size_t length) noexcept {
  assert(lane.block);
  auto* const line = reinterpret_cast<char*>(lane.block->bytes) + lane.begin;
  std::size_t end = length;
  while (end > 0 && (line[end - 1] == '\n' || line[end - 1] == '\r')) --end;
  std::reverse(line, line + end);
  lane.pipelined_end = lane.end;  // PLANT(keep-next-lines)
  lane.end = static_cast<std::uint16_t>(lane.begin + length);
}

// Reads more after the incomplete line in the block. Flow::bad_framing: the line does not fit.
Flow read_more(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& lane = record.lane[kResponse];
  if (!lane.block) lane.block = worker.blocks.take(turn.stores.leave);
  if (!lane.block) return Flow::no_block;
  std::memmove(lane.block->bytes, lane.block->bytes + lane.begin, lane.held());
  lane.end = static_cast<std::uint16_t>(lane.held());
  lane.begin = 0;
  if (lane.end == base::kBlockBytes) return Flow::bad_framing;
  const Flow flow = fill_line(record, turn, worker);
  if (lane.held() == 0) lane.drop_block();
  return flow;
}

// Prepares the next line. Returns Flow::none if it can be sent, and else why there is none.
Flow next_line(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& lane = record.lane[kResponse];
  for (;;) {
    std::size_t length = lane.block ? whole_line(lane).size() : 0;
    if (length == 0 && record.side[kClient].eof) length = lane.held();  // the last line may have no end
    if (length > 0) {
      reverse_line(lane, length);
      return Flow::none;
    }
    if (record.side[kClient].eof) return Flow::complete;
    const Flow flow = read_more(record, turn, worker);
    if (flow != Flow::none && !(flow == Flow::read_failed && record.side[kClient].eof)) return flow;
  }
}

// A line is reversed in its block: with a second block for each record, all could wait for one without end.
Result reverse_lines(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& lane = record.lane[kResponse];
  for (;;) {
    if (lane.pipelined_end != 0) {  // a line is being sent
      const Flow sent = net::drain(lane, record.side[kClient]);
      if (sent == Flow::need_write) return wait_for(Wait::client_write);
      if (sent != Flow::complete) return close_connection(Reason::client_closed);
      lane.end = std::exchange(lane.pipelined_end, std::uint16_t{0});
    }
    switch (next_line(record, turn, worker)) {
      case Flow::none: continue;
      case Flow::need_read: return wait_for(Wait::tunnel);
      case Flow::complete: lane.flow = Flow::complete; return finish_response(record, turn, worker);
      case Flow::budget: return yield();
      case Flow::no_block: return need_block(Wait::tunnel);
      case Flow::bad_framing:  // the lines before it are still being sent
        end_exchange(record, Reason::line_too_long, worker);
        return start_lingering_close(record, turn, worker);
      default: return close_connection(Reason::client_closed);
    }
  }
}

}  // namespace

Result send_back(request_info& record, Turn& turn, Worker& worker) noexcept {
  return record.exchange->route.kind == plan::Kind::echo ? echo(record, turn, worker)
                                                         : reverse_lines(record, turn, worker);
}

}  // namespace state
