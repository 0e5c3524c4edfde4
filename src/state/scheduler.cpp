#include "scheduler.hpp"

#include <utility>

Scheduler::Scheduler(Table& table) noexcept
    : table_(table),
      ready_(table.records()),
      starved_(table.records()),
      timers_([records = table.records()]<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<TimerQueue, plan::kWaits>{((void)I, TimerQueue{records})...};
      }(std::make_index_sequence<plan::kWaits>{})) {}

// ---- the queues ------------------------------------------------------------------------------------------

void Scheduler::wake(request_info& record) noexcept {
  if (std::exchange(record.needs_block, false)) starved_.remove(table_.slot_of(record));
  if (!record.ready.linked()) ready_.push(table_.slot_of(record));
}

void Scheduler::wait_for_block(request_info& record) noexcept {
  record.needs_block = true;
  starved_.push(table_.slot_of(record));
}

void Scheduler::remove(request_info& record) noexcept {
  stop_timer(record);
  if (!record.ready.linked()) return;
  (std::exchange(record.needs_block, false) ? starved_ : ready_).remove(table_.slot_of(record));
}

void Scheduler::feed(std::size_t blocks) noexcept {
  for (; blocks > 0 && !starved_.empty(); --blocks) wake(table_.at(starved_.front()));
}

// ---- the timers ------------------------------------------------------------------------------------------

// A queue is in the order of expiry. Nearly all its records have the same timeout, so that is the order of
// starting too, except for a route's own timeout and that of an older configuration.
void Scheduler::start_timer(request_info& record, plan::Wait wait, std::uint64_t deadline) noexcept {
  stop_timer(record);
  record.wait = wait;
  record.deadline = deadline;
  const auto later = [this](std::uint32_t one, std::uint32_t other) {
    return table_.at(one).deadline > table_.at(other).deadline;
  };
  timers_[static_cast<std::size_t>(wait)].insert(table_.slot_of(record), later);
}

void Scheduler::stop_timer(request_info& record) noexcept {
  if (record.timer.linked()) timers_[static_cast<std::size_t>(record.wait)].remove(table_.slot_of(record));
  record.wait = plan::Wait::none;
}

void Scheduler::expire(std::uint64_t now) noexcept {
  for (std::size_t i = 0; i < plan::kWaits; ++i) {
    TimerQueue& queue = timers_[i];
    while (!queue.empty() && table_.at(queue.front()).deadline <= now) {
      request_info& record = table_.at(queue.front());
      stop_timer(record);
      record.verdict = plan::kWaitRows[i].reason;
      wake(record);
    }
  }
}

std::uint64_t Scheduler::next_deadline() const noexcept {
  std::uint64_t next = 0;
  for (const TimerQueue& queue : timers_) {
    if (queue.empty()) continue;
    const std::uint64_t deadline = table_.at(queue.front()).deadline;
    if (next == 0 || deadline < next) next = deadline;
  }
  return next;
}

request_info* Scheduler::oldest(plan::Wait wait) noexcept {
  const TimerQueue& queue = timers_[static_cast<std::size_t>(wait)];
  return queue.empty() ? nullptr : &table_.at(queue.front());
}
