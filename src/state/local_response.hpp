// Responses of the proxy's own: errors, and requests that are answered here instead of forwarded.
#pragma once
#include "quota.hpp"

namespace state {

// Removes the request from the block: its head, and its body as far as it was read. What follows is the next
// request. If the body is not complete, the rest is not read, and the connection ends after the response.
void consume_request(request_info& record, const http::Body& body, std::size_t head_length) noexcept;

// Ends the request for `reason`: with an error response if none has begun and the reason has a status, else
// by closing the connection. The client's connection is kept if it may be and the request was read whole.
Result fail_request(request_info& record, Turn& turn, Worker& worker, base::Reason reason) noexcept;
// The same for a response from the upstream that is invalid, because of `detail`.
Result reject_response(request_info& record, Turn& turn, Worker& worker, base::Reason detail) noexcept;
// The same for a request whose framing has found its body malformed, or larger than allowed.
Result reject_body(request_info& record, Turn& turn, Worker& worker) noexcept;
// Sends an error response of a web server, with whole lines `fields` in its head; the client's connection may
// be kept. REQUIRES: the request is read, and the response has a block.
Result refuse_request(request_info& record, Turn& turn, Worker& worker, base::Reason reason,
                      std::string_view fields) noexcept;
// Responds to a request whose last hop is this proxy: OPTIONS or TRACE with Max-Forwards: 0, OPTIONS *.
Result answer_locally(request_info& record, Turn& turn, Worker& worker,
                      const http::RequestHead& head) noexcept;

}  // namespace state
