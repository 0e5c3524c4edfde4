// Decides which record runs next: the ready queue, the queue for a free block, and the timers.
#pragma once
#include <array>
#include <cstdint>

#include "table.hpp"

// A record is in at most one of the two queues, and has at most one timer.
class Scheduler {
 public:
  // REQUIRES: the table outlives the scheduler.
  explicit Scheduler(Table& table) noexcept;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Queues the record to run, unless it is queued; it no longer waits for a block.
  void wake(request_info& record) noexcept;
  // Queues the record for a free block. REQUIRES: it is in neither queue.
  void wait_for_block(request_info& record) noexcept;
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
  // Wakes at most `blocks` records that wait for a block, in the order in which they came.
  void feed(std::size_t blocks) noexcept;
  // No record is ready.
  [[nodiscard]] bool idle() const noexcept { return ready_.empty(); }
  // A record waits for a free block.
  [[nodiscard]] bool block_needed() const noexcept { return !starved_.empty(); }

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

  Table& table_;
  Queue ready_;    // to run in this turn or the next
  Queue starved_;  // waiting for a block
  std::array<TimerQueue, plan::kWaits> timers_;
};
