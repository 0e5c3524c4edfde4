// Forwards heads: each is rewritten for the next hop.
#pragma once
#include "../plan/plan.hpp"
#include "failover.hpp"
#include "tunnel.hpp"

namespace state {

// The next five take a head at the front of the lane's block, of so many bytes.

// Forwards the request to its host or to the parent.
Result forward_request(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
                       std::size_t head_length) noexcept;
// Forwards the request to a member of the group of the plan's route.
Result forward_to_group(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
                        std::size_t head_length, const plan::Plan& plan) noexcept;
// Forwards the final response.
Result forward_response(request_info& record, Turn& turn, Worker& worker, const http::ResponseHead& head,
                        std::size_t head_length) noexcept;
// Forwards a 1xx response; drops it if the client uses HTTP/1.0.
Result forward_interim(request_info& record, Turn& turn, Worker& worker, const http::ResponseHead& head,
                       std::size_t head_length) noexcept;

}  // namespace state
