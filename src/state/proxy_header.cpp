#include "proxy_header.hpp"

#include <cstring>
#include <utility>

#include "../net/proxy_protocol.hpp"
#include "blocks.hpp"
#include "bookkeeping.hpp"

using base::Reason;
using net::Flow;
using plan::Wait;

namespace state {

namespace {

// The limits of the client that the header names apply from now on.
Reason accept_proxy_header(request_info& record, const Turn& turn, Worker& worker,
                           const sys::Address& client) noexcept {
  if (client.family == sys::Address::Family::none) return Reason::none;
  if (std::exchange(record.counted, false)) turn.limits()->closed(record.client);
  record.client = client;  // PLANT(client-of-proxy-header)
  worker.shares.close(worker.table.slot_of(record));
  worker.shares.open(worker.table.slot_of(record), client);
  if (turn.limits() == nullptr) return Reason::none;
  record.counted = turn.limits()->may_connect(client, worker.now);
  return record.counted ? Reason::none : Reason::too_many_connections;
}

}  // namespace

Result read_proxy_header(request_info& record, Turn& turn, Worker& worker) noexcept {
  net::Lane& request = record.lane[kRequest];
  if (!plan::is_among(turn.listener(record).proxy_header_from, record.client))
    return close_connection(Reason::client_not_allowed);
  for (;;) {
    if (!request.block) request.block = take_for_head(record, turn, worker);
    if (!request.block) return need_block(Wait::request_head);
    const Flow flow = net::fill(request, record.side[kClient], http::kHeadBytesMax - request.end);
    if (flow == Flow::need_read) {
      if (request.end == 0) request.drop_block();
      return worker.stopping() && request.end == 0 ? close_idle(record) : wait_for(Wait::request_head);
    }
    if (flow == Flow::read_failed) return close_connection(Reason::client_closed);
    const net::ProxyHeader header =
        net::read_proxy_header({reinterpret_cast<const char*>(request.block->bytes), request.end});
    if (header.what == net::ProxyHeader::What::partial) continue;
    // PLANT(reject-proxy-header)
    if (header.what == net::ProxyHeader::What::bad) return close_connection(Reason::bad_proxy_header);
    record.proxy_header_read = true;
    request.end = static_cast<std::uint16_t>(request.end - header.length);  // PLANT(cut-off-proxy-header)
    // PLANT(move-after-proxy-header)
    std::memmove(request.block->bytes, request.block->bytes + header.length, request.end);
    if (request.end == 0) request.drop_block();
    if (const Reason why = accept_proxy_header(record, turn, worker, header.client); why != Reason::none)
      return close_connection(why);
    charge(record, turn, request.end);  // read before it was known whose bytes they are
    return again();
  }
}

void prepend_proxy_header(request_info& record, std::uint8_t version) noexcept {
  net::Lane& request = record.lane[kRequest];
  std::array<std::byte, net::kProxyHeaderWrittenMax> header;
  const std::size_t length =
      net::write_proxy_header(version, record.client, sys::local_address(record.side[kClient].fd), header);
  std::memmove(request.block->bytes + length, request.block->bytes + request.begin, request.held());
  std::memcpy(request.block->bytes, header.data(), length);
  request.end = static_cast<std::uint16_t>(length + request.held());
  request.begin = 0;
}

}  // namespace state
