// Which member of a group a request goes to, and the next one if that member cannot be reached.
#pragma once
#include "local_response.hpp"

namespace state {

// Where connections to that hop lead. The views refer to `hop`.
inline net::UpstreamKey pool_key(const plan::Hop& hop) noexcept {
  if (!hop.socket.empty()) return {hop.socket, 0};
  return {hop.host, hop.port};
}

// Chooses the member of the route's group to which the client has a logged-in connection; else lets the
// balancer choose a member that was not tried yet. Returns false if there is none.
bool choose_member(request_info& record, Turn& turn, Worker& worker) noexcept;
// The next hop cannot be reached: tries another member of its group, or fails the request for `reason`.
// REQUIRES: nothing of the request has been sent.
Result fail_over(request_info& record, Turn& turn, Worker& worker, base::Reason reason) noexcept;

}  // namespace state
