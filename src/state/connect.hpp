// From a host's addresses to an open connection. The attempts overlap, and the first connection made is used
// (RFC 8305 section 5).
#pragma once
#include "failover.hpp"

namespace state {

// Begins to connect to the first of these addresses.
Result start_connecting(request_info& record, Turn& turn, Worker& worker,
                        const net::Addresses& addresses) noexcept;
// Looks whether a connection is made; begins the next attempt if one has failed.
Result poll_connecting(request_info& record, Turn& turn, Worker& worker) noexcept;
// The timer of an attempt has expired: begins the next one too; or fails over if there is none.
Result connect_timed_out(request_info& record, Turn& turn, Worker& worker, base::Reason reason) noexcept;
// Returns why the proxy must not connect to that address: it would lead back to the proxy, or a rule denies
// it. Returns Reason::none if it may.
base::Reason address_objection(const request_info& record, const Turn& turn, Worker& worker,
                               const sys::Address& address) noexcept;

}  // namespace state
