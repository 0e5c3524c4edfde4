// Which record may take a block of the pool, and which one must return its own.
#pragma once
#include "turn.hpp"
#include "worker.hpp"

namespace state {

// A client that waits for a block so long gets that of a client that holds more, ms.
inline constexpr std::uint64_t kBlockWaitMs = 250;

// Blocks that are kept free of bodies, for request heads and the proxy's own responses.
inline std::size_t reserved_blocks(const Worker& worker) noexcept { return worker.blocks.limit() / 16; }

// How many blocks must stay free when the record takes one now. While others wait for that use, it takes
// none, unless it is its turn.
std::size_t blocks_to_leave(const request_info& record, const Worker& worker, plan::BlockUse use) noexcept;

// Takes a block for a request head or a response of the proxy's own. Null: the record must wait. A turn in
// the queue is good for one block.
base::BlockPtr take_for_head(const request_info& record, Turn& turn, Worker& worker) noexcept;

// Gives the free blocks to records that wait, those of the client that holds fewest first: they run first in
// this turn.
void feed_starved(Worker& worker) noexcept;
// The record that must end so that one that waits gets a block; null: none, or not yet. First an incomplete
// request head: a slow flood starves itself. Else, after kBlockWaitMs, the record that has held a block for
// longest without sending, of the client that holds most. REQUIRES: called after `feed_starved`.
request_info* starving_others(Worker& worker) noexcept;
// When to call `starving_others` again, ms; 0: when something has happened.
std::uint64_t block_wait_deadline(const Worker& worker) noexcept;
// True if a record that waits can get a block in the next turn: there is a free one, or another record must
// end now.
bool can_feed(Worker& worker) noexcept;

}  // namespace state
