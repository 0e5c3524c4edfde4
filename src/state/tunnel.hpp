// Tunnels (CONNECT, Upgrade) and TCP proxies: bytes are forwarded both ways without looking at them.
#pragma once
#include "finish.hpp"

namespace state {

// CONNECT: all that follows the head is for the other end.
Result begin_tunnel(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
                    std::size_t head_length) noexcept;
// The connection to the other end is open: tells an HTTP client so.
Result open_tunnel(request_info& record, Turn& turn, Worker& worker) noexcept;
// 101 was received: client and upstream speak another protocol from here on.
Result switch_protocols(request_info& record) noexcept;
// Forwards bytes until both ways have ended.
Result pump_tunnel(request_info& record, Turn& turn, Worker& worker) noexcept;

}  // namespace state
