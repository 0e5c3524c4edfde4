// The connection that a request is sent over: a reused one, or a new one.
#pragma once
#include "parent_handshake.hpp"

namespace state {

// Takes the next step to an open connection: a reused one of the pool; or DNS lookup, connecting, and the
// handshake with a parent. REQUIRES: the connection is not open.
Result connect_upstream(request_info& record, Turn& turn, Worker& worker) noexcept;
// The reused connection was closed without a response: sends the request again over a new one.
Result retry_request(request_info& record) noexcept;
// Puts the connection into the pool if both messages are complete and both sides keep it; else closes it.
void release_upstream(request_info& record, Worker& worker) noexcept;

}  // namespace state
