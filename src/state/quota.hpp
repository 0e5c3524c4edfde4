// How many bytes a record may read: its share of the turn, and its client's allowance (--client-bytes).
//
// Each byte is charged once, when it is read, whichever way it goes. A record whose client has used its
// allowance sleeps for a moment (see `end_turn`).
#pragma once
#include "turn.hpp"
#include "worker.hpp"

namespace state {

// Like net::pump, with that lane's source and sink, within the record's share and its client's allowance.
// Flow::budget: one of them is used up. REQUIRES: an exchange.
net::Flow pump_lane(request_info& record, Turn& turn, Worker& worker, Way way) noexcept;
// Like net::fill, for a head and what follows it, within the client's allowance. Flow::budget: it is used up.
// REQUIRES: a block.
net::Flow fill_head(request_info& record, Turn& turn, Worker& worker, Way way) noexcept;
// Like `fill_head`, from the client to the response's lane, up to the end of the block.
net::Flow fill_line(request_info& record, Turn& turn, Worker& worker) noexcept;
// Charges bytes that were read in another way to the client.
void charge(const request_info& record, Turn& turn, std::uint64_t bytes) noexcept;

}  // namespace state
