// How a response ends, and what happens to the client's connection afterwards.
#pragma once
#include "quota.hpp"

namespace state {

// Sends the response from the upstream or from the record's body source.
Result pump_response(request_info& record, Turn& turn, Worker& worker) noexcept;
// The response is sent: waits for the final one after a 1xx, for the next request if the connection is kept,
// and closes otherwise.
Result finish_response(request_info& record, Turn& turn, Worker& worker) noexcept;
// Ends the exchange, sends FIN and begins to read what the client still sends.
Result start_lingering_close(request_info& record, Turn& turn, Worker& worker) noexcept;
// Reads and drops what the client still sends, until it closes or the timeout expires. Closing a connection
// with unread bytes sends RST, which can destroy the response on its way (RFC 9112 section 9.6).
Result lingering_close(request_info& record, Turn& turn, Worker& worker) noexcept;
// Graceful shutdown: ends the connection of a client that waits for nothing.
Result close_idle(request_info& record) noexcept;
// Closes the connection in the middle of a response.
Result abort_response(request_info& record, base::Reason reason, base::Reason detail) noexcept;
// Frees the request's block, kept in case the request is sent again, when the response can get no other.
// Returns false if there is none, or if it is still needed.
bool release_retained_block(request_info& record) noexcept;

}  // namespace state
