#include "blocks.hpp"

#include <algorithm>

#include "../base/fair_share.hpp"
#include "../plan/generation.hpp"
#include "timeouts.hpp"

using plan::BlockUse;

namespace state {

namespace {

constexpr std::array kUses{BlockUse::head, BlockUse::body};

std::size_t free_blocks(const Worker& worker) noexcept {
  return worker.blocks.limit() - worker.blocks.used();
}

// The free blocks that may be used for that.
std::size_t available(const Worker& worker, BlockUse use) noexcept {
  const std::size_t kept = use == BlockUse::body ? reserved_blocks(worker) : 0;
  return free_blocks(worker) - std::min(free_blocks(worker), kept);
}

// The oldest incomplete request head, of the waiting client itself or of one that holds no less.
request_info* oldest_head(std::uint32_t client, Worker& worker) noexcept {
  const plan::Shares& shares = worker.shares;
  const std::uint32_t own = shares.oldest_holder(client);
  if (own != base::kNoIndex && worker.table.at(own).wait == plan::Wait::request_head)
    return &worker.table.at(own);
  request_info* const oldest = worker.scheduler.oldest(plan::Wait::request_head);
  if (oldest == nullptr) return nullptr;
  const std::uint32_t other = shares.client_of(worker.table.slot_of(*oldest));
  return shares.blocks(other) >= shares.blocks(client) ? oldest : nullptr;
}

// The peer of a record that holds a block has accepted nothing for so long that even its client's only block
// goes to another client.
bool is_stalled(const request_info& record, const Worker& worker) noexcept {
  constexpr std::uint64_t kStalledMs = 1000;
  const bool writes = record.wait == plan::Wait::client_write || record.wait == plan::Wait::upstream_write;
  return writes && state::has_waited(record, kStalledMs, worker.now);
}

}  // namespace

std::size_t blocks_to_leave(const request_info& record, const Worker& worker, BlockUse use) noexcept {
  if (!record.has_turn && worker.scheduler.block_needed(use)) return worker.blocks.limit();
  return use == BlockUse::body ? reserved_blocks(worker) : 0;
}

base::BlockPtr take_for_head(const request_info& record, Turn& turn, Worker& worker) noexcept {
  base::BlockPtr block = worker.blocks.take(turn.leave_for_heads);
  turn.leave_for_heads = blocks_to_leave(record, worker, BlockUse::head);  // PLANT(one-block-a-turn)
  return block;
}

void feed_starved(Worker& worker) noexcept {
  for (std::size_t free = free_blocks(worker); free > 0; --free) {
    const auto use = worker.shares.next_use(free > reserved_blocks(worker));  // PLANT(neediest-of-both-uses)
    if (!use) return;
    worker.scheduler.feed(*use, 1);
  }
}

request_info* starving_others(Worker& worker) noexcept {
  for (const BlockUse use : kUses) {
    const std::uint32_t client = worker.shares.neediest(use);
    if (client == base::kNoIndex) continue;
    if (request_info* const head = oldest_head(client, worker); head != nullptr) return head;
    if (worker.now < worker.shares.waits_since(client, use) + kBlockWaitMs) continue;
    const std::uint32_t slot = worker.shares.block_holder(client);  // PLANT(holder-gives-way)
    if (slot == base::kNoIndex) continue;
    const std::size_t held = worker.shares.blocks(worker.shares.client_of(slot));
    request_info& holder = worker.table.at(slot);
    if (base::must_return(held, worker.shares.blocks(client)) || is_stalled(holder, worker)) return &holder;
  }
  return nullptr;
}

std::uint64_t block_wait_deadline(const Worker& worker) noexcept {
  std::uint64_t next = 0;
  for (const BlockUse use : kUses) {
    const std::uint32_t client = worker.shares.neediest(use);
    if (client == base::kNoIndex || worker.shares.block_holder(client) == base::kNoIndex) continue;
    std::uint64_t at = worker.shares.waits_since(client, use) + kBlockWaitMs;
    if (at <= worker.now) at = worker.now + kBlockWaitMs;  // until the holder has stalled for long enough
    next = next == 0 ? at : std::min(next, at);
  }
  return next;
}

bool can_feed(Worker& worker) noexcept {
  const bool is_free = std::any_of(kUses.begin(), kUses.end(), [&worker](BlockUse use) {
    return worker.scheduler.block_needed(use) && available(worker, use) > 0;
  });
  return is_free || starving_others(worker) != nullptr;  // PLANT(wait-while-starved)
}

}  // namespace state
