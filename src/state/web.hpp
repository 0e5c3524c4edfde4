// The web server's own responses: files, redirects, metrics.
#pragma once
#include "../plan/plan.hpp"
#include "local_response.hpp"

namespace state {

// Responds to a request as planned. REQUIRES: the response has a block; `head` and what `plan` refers to lie
// in the request's block.
Result serve_web(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
                 std::size_t head_length, const plan::Plan& plan) noexcept;

}  // namespace state
