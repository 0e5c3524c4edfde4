// A new connection when all records are in use: an older one gives way, or the new one is refused.
#pragma once
#include "worker.hpp"

namespace state {

// The record to release so that a new connection of `peer` gets one; null: the connection is refused.
// First an idle one, from which no event waits: that of the client that has most connections, or else the
// longest-idle of all. Then one in use, of the client that has most, if that is more than `peer` has. A
// connection that has become idle within a second is the last to give way, unless its client has many.
request_info* record_to_release(const sys::Address& peer, Worker& worker) noexcept;
// Sends a new connection an error response for `reason`, if its listener speaks HTTP, and closes it. It gets
// no record; it is logged unless too many were refused in this turn.
void refuse(sys::Fd client, const sys::Address& peer, std::uint8_t listener, base::Reason reason,
            Worker& worker) noexcept;

}  // namespace state
