// Connections without HTTP: TCP proxy, TCP echo, line reverser, file sender.
#pragma once
#include "failover.hpp"
#include "finish.hpp"
#include "proxy_header.hpp"

namespace state {

// Begins what the listener's role says. REQUIRES: the role has no HTTP, and `kind` is its plan.
Result open_stream(request_info& record, Turn& turn, Worker& worker, plan::Kind kind) noexcept;
// TCP echo or line reverser: what the client gets is what it has sent.
constexpr bool is_sent_back(plan::Kind kind) noexcept {
  return kind == plan::Kind::echo || kind == plan::Kind::reverse_lines;
}
// Sends back what the client sends, or each line with its bytes reversed. REQUIRES: is_sent_back.
Result send_back(request_info& record, Turn& turn, Worker& worker) noexcept;

}  // namespace state
