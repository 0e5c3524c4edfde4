// Begins a request whose head is complete: decides what is done with it.
#pragma once
#include "quota.hpp"

namespace state {

// REQUIRES: `head` lies at the front of the request's block, `head_length` bytes long.
Result start_request(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
                     std::size_t head_length) noexcept;

}  // namespace state
