// The PROXY header that a load balancer sends before a connection's bytes (PROXY protocol, versions 1 and 2).
#pragma once
#include "finish.hpp"

namespace state {

// The listener expects a header, and it has not been read.
inline bool awaits_proxy_header(const request_info& record, const Turn& turn) noexcept {
  return turn.listener(record).proxy_header_in && !record.proxy_header_read;
}
// Reads the header; from then on the record's client is the one that it names. REQUIRES: awaits_proxy_header.
Result read_proxy_header(request_info& record, Turn& turn, Worker& worker) noexcept;
// Puts the record's header before the bytes in the request's lane. REQUIRES: a block.
void prepend_proxy_header(request_info& record, std::uint8_t version) noexcept;

}  // namespace state
