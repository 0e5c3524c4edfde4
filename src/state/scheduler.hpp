// Decides which record runs next: the ready queue, the queues for a free block, and the timers.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "../base/fair_order.hpp"
#include "../plan/shares.hpp"
#include "table.hpp"

// A record is in at most one of the queues, and has at most one timer.
class Scheduler {
 public:
  // REQUIRES: both outlive the scheduler.
  Scheduler(Table& table, plan::Shares& shares);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Queues the record to run, unless it is queued; it no longer waits for a block.
  void wake(request_info& record) noexcept;
  // Queues the record for a free block, `now` in ms. REQUIRES: it is in neither queue.
  void wait_for_block(request_info& record, std::uint64_t now) noexcept;
  // Queues the record for its share of a turn, in an order that is fair to the clients. A record that is
  // woken before keeps its place. REQUIRES: it is in no queue and has an exchange; not Share::none.
  void wait_for_share(request_info& record, Share share) noexcept;
  // Takes the first record that waits for this out of its queue; null if there is none.
  request_info* take_first(Share share) noexcept;
  // Wakes all records that wait for this.
  void wake_all(Share share) noexcept;
  // A record waits for this.
  [[nodiscard]] bool awaited(Share share) const noexcept { return !awaiting_[index(share)].empty(); }
  // Takes the record out of the queue it is in, and stops its timer.
  void remove(request_info& record) noexcept;

  // Runs `run(record)` once for each record that is ready now. A record that is woken meanwhile runs in the
  // next turn.
  template <class Run>
  void run_ready(Run run) {
    const std::uint32_t last = ready_.back();
    while (!ready_.empty()) {
      const std::uint32_t slot = ready_.pop();
      run(table_.at(slot));
      if (slot == last) break;
    }
  }
  // Lets at most `blocks` records that wait for a block run next, before all others: those of the client that
  // holds fewest, in the order in which they came; clients that hold equally many take turns. Returns their
  // number.
  std::size_t feed(plan::BlockUse use, std::size_t blocks) noexcept;
  // Records that are ready now.
  [[nodiscard]] std::size_t ready() const noexcept { return ready_.size(); }
  // No record is ready, or waits for a part of the turn's work.
  [[nodiscard]] bool idle() const noexcept { return ready_.empty() && !awaited(Share::work); }
  // A record waits for a free block.
  [[nodiscard]] bool block_needed() const noexcept {
    return block_needed(plan::BlockUse::head) || block_needed(plan::BlockUse::body);
  }
  // A record waits for a free block for that use.
  [[nodiscard]] bool block_needed(plan::BlockUse use) const noexcept {
    return shares_.neediest(use) != base::kNoIndex;
  }

  // Starts the record's timer in place of the one that runs; it expires at `deadline`, ms.
  void start_timer(request_info& record, plan::Wait wait, std::uint64_t deadline) noexcept;
  // Stops the record's timer, if one runs.
  void stop_timer(request_info& record) noexcept;
  // Passes a verdict on each record whose timer has expired, and wakes it.
  void expire(std::uint64_t now) noexcept;
  // When the next timer expires, ms; 0 if none runs.
  [[nodiscard]] std::uint64_t next_deadline() const noexcept;
  // The record whose timer for this wait expires first; null if none runs.
  [[nodiscard]] request_info* oldest(plan::Wait wait) noexcept;

 private:
  using Queue = base::IndexQueue<request_info, &request_info::ready>;
  using TimerQueue = base::IndexQueue<request_info, &request_info::timer>;

  static constexpr std::size_t index(Share share) noexcept { return static_cast<std::size_t>(share) - 1; }
  // The queue that a record is in that waits for no block. REQUIRES: it is in one.
  [[nodiscard]] Queue& queue_of(const request_info& record) noexcept;
  void unqueue(request_info& record) noexcept;
  Queue& starved_with(const request_info& record) noexcept;
  void stop_starving(request_info& record) noexcept;

  Table& table_;
  plan::Shares& shares_;
  Queue ready_;                                               // to run in this turn or the next
  std::vector<std::array<Queue, plan::kBlockUses>> starved_;  // waiting for a block, by client
  std::array<Queue, 2> awaiting_;                             // waiting for a share of the turn, by `index`
  std::array<base::FairOrder, 2> order_;                      // of `awaiting_`
  std::array<TimerQueue, plan::kWaits> timers_;
};
