// How many bytes a record may read: its share of the turn, and its client's allowance (--client-bytes).
//
// Each byte is charged once, when it is read, whichever way it goes. A record whose client has used its
// allowance sleeps for a moment (see `end_turn`).
#pragma once
#include "turn.hpp"
#include "worker.hpp"

namespace state {

// Bytes that the record's client may read on that way now: 0 if it has used up its allowance. Where both ways
// may run, the upload, which runs first, leaves half.
std::uint64_t allowance(const request_info& record, const Turn& turn, const Worker& worker, Way way) noexcept;
// The record may begin work that counts against the turn's budget. Otherwise it must yield: it then waits for
// it (Share::work). While others wait, only those whose turn it is may.
bool may_work(Turn& turn, const Worker& worker) noexcept;
// Like net::pump, with that lane's source and sink, within the record's share and its client's allowance.
// Flow::budget: one of them is used up. REQUIRES: an exchange.
net::Flow pump_lane(request_info& record, Turn& turn, Worker& worker, Way way) noexcept;
// Like net::fill, for a head and what follows it, within the client's allowance. Flow::budget: it is used up.
// REQUIRES: a block.
net::Flow fill_head(request_info& record, Turn& turn, Worker& worker, Way way) noexcept;
// Like `fill_head`, from the client to the response's lane, up to the end of the block.
net::Flow fill_line(request_info& record, Turn& turn, Worker& worker) noexcept;
// Reads and drops what the client sends, within the record's share and its client's allowance, like
// net::discard. Flow::budget: one of them is used up.
net::Flow discard(request_info& record, Turn& turn, Worker& worker) noexcept;
// Charges bytes that were read or written in another way to the client.
void charge(const request_info& record, Turn& turn, std::uint64_t bytes) noexcept;

}  // namespace state
