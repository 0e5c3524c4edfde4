// Finds out whether a client that has sent FIN is still there.
#pragma once
#include "../../request_state.hpp"

namespace state {

// Sends the first byte of the response head early, once. A client that has sent FIN may wait for the response
// or may have left: the segment is the same. Every response begins with "HTTP/1.", so one that waits can have
// the first byte at any time; one that has left answers with RST, and its record is freed at once.
void probe_half_closed(request_info& record) noexcept;

}  // namespace state
