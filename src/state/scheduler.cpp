#include "scheduler.hpp"

#include <utility>

Scheduler::Scheduler(Table& table, plan::Shares& shares)
    : table_(table),
      shares_(shares),
      ready_(table.records()),
      awaiting_{Queue{table.records()}, Queue{table.records()}},
      timers_([records = table.records()]<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<TimerQueue, plan::kWaits>{((void)I, TimerQueue{records})...};
      }(std::make_index_sequence<plan::kWaits>{})) {
  starved_.reserve(table.slots());  // memory that is never used costs nothing
}

// ---- the queues ------------------------------------------------------------------------------------------

namespace {

// What the record waits for: its state does not change meanwhile.
plan::BlockUse use_of(const request_info& record) noexcept {
  return record.state == State::READ_REQUEST ? plan::BlockUse::head : plan::BlockUse::body;
}

}  // namespace

Scheduler::Queue& Scheduler::starved_with(const request_info& record) noexcept {
  const std::uint32_t client = shares_.client_of(table_.slot_of(record));
  while (client >= starved_.size()) starved_.push_back({Queue{table_.records()}, Queue{table_.records()}});
  return starved_[client][static_cast<std::size_t>(use_of(record))];
}

Scheduler::Queue& Scheduler::queue_of(const request_info& record) noexcept {
  if (record.awaits == Share::none) return ready_;
  return awaiting_[index(record.awaits)];
}

void Scheduler::unqueue(request_info& record) noexcept {
  if (record.needs_block) return stop_starving(record);
  queue_of(record).remove(table_.slot_of(record));
  record.awaits = Share::none;
}

void Scheduler::wake(request_info& record) noexcept {
  if (record.ready.linked()) {
    if (!record.needs_block && record.awaits == Share::none) return;
    unqueue(record);
  }
  ready_.push(table_.slot_of(record));
}

void Scheduler::wait_for_block(request_info& record, std::uint64_t now) noexcept {
  Queue& queue = starved_with(record);
  if (queue.empty()) shares_.begin_waiting(shares_.client_of(table_.slot_of(record)), use_of(record), now);
  record.needs_block = true;
  queue.push(table_.slot_of(record));
}

void Scheduler::stop_starving(request_info& record) noexcept {
  Queue& queue = starved_with(record);
  record.needs_block = false;
  queue.remove(table_.slot_of(record));
  if (queue.empty()) shares_.end_waiting(shares_.client_of(table_.slot_of(record)), use_of(record));
}

void Scheduler::wait_for_share(request_info& record, Share share) noexcept {
  std::uint64_t& place = record.exchange->place;
  if (place == 0) place = order_[index(share)].place(shares_.client_of(table_.slot_of(record)));
  record.awaits = share;
  const auto later = [this](std::uint32_t one, std::uint32_t other) {
    return table_.at(one).exchange->place > table_.at(other).exchange->place;
  };
  awaiting_[index(share)].insert(table_.slot_of(record), later);
}

request_info* Scheduler::take_first(Share share) noexcept {
  Queue& queue = awaiting_[index(share)];
  if (queue.empty()) return nullptr;
  request_info& record = table_.at(queue.front());
  unqueue(record);
  order_[index(share)].serve(std::exchange(record.exchange->place, 0));
  return &record;
}

void Scheduler::wake_all(Share share) noexcept {
  Queue& queue = awaiting_[index(share)];
  while (!queue.empty()) wake(table_.at(queue.front()));
}

void Scheduler::remove(request_info& record) noexcept {
  stop_timer(record);
  if (record.ready.linked()) unqueue(record);
}

std::size_t Scheduler::feed(plan::BlockUse use, std::size_t blocks) noexcept {
  std::size_t fed = 0;
  for (; fed < blocks && block_needed(use); ++fed) {
    const std::uint32_t client = shares_.neediest(use);
    request_info& record = table_.at(starved_[client][static_cast<std::size_t>(use)].front());
    stop_starving(record);
    shares_.had_turn(client, use);  // PLANT(clients-take-turns)
    record.has_turn = true;
    ready_.push_front(table_.slot_of(record));
  }
  return fed;
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
