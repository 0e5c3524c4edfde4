#include "tally.hpp"

#include <algorithm>
#include <cerrno>

#include "../base/elapsed.hpp"

namespace console {
namespace {

using base::TraceEntry;
using base::TraceEvent;

// By state and event: the row of kTransitions, or their number.
using Rows = std::array<std::array<std::uint8_t, kEvents>, kStates>;
constexpr Rows rows_of_transitions() noexcept {
  Rows rows{};
  for (auto& of_state : rows) of_state.fill(kTransitions.size());
  for (std::size_t i = 0; i < kTransitions.size(); ++i)
    rows[static_cast<std::size_t>(kTransitions[i].from)][static_cast<std::size_t>(kTransitions[i].event)] =
        static_cast<std::uint8_t>(i);
  return rows;
}
constexpr Rows kRowOf = rows_of_transitions();

std::size_t row_of(std::uint8_t state, std::uint8_t event) noexcept {
  return state < kStates && event < kEvents ? kRowOf[state][event] : kTransitions.size();
}

// The transition that the entry is about; the number of rows: none.
std::size_t transition_of(const TraceEntry& entry) noexcept {
  if (entry.event == TraceEvent::entered) return row_of(entry.before, entry.detail);
  const bool closed =
      entry.event == TraceEvent::released && static_cast<base::Reason>(entry.detail) != base::Reason::board;
  return closed ? row_of(entry.before, static_cast<std::uint8_t>(Event::closed)) : kTransitions.size();
}

void count(std::uint16_t& number) noexcept {
  if (number < UINT16_MAX) ++number;
}

}  // namespace

void Tally::add_call(const TraceEntry& entry) noexcept {
  ++row_.calls;
  if (entry.error == EAGAIN)
    count(row_.again);
  else if (entry.error != 0)
    count(row_.failed);
}

// The entries of a run follow each other.
void Tally::end_run() noexcept {
  if (slot_ != TraceEntry::kNoSlot && state_ > 0 && state_ < kStates) count(row_.by_state[state_ - 1U]);
  slot_ = TraceEntry::kNoSlot;
}

void Tally::end_turn(const TraceEntry& entry) {
  end_run();
  const std::uint64_t now = base::turn_time(entry);
  if (begun_) {
    row_.runs = entry.slot;
    row_.awake_us = base::elapsed(row_.began_us, now);
    if (turns_.size() < kTurns)
      turns_.push_back(row_);
    else
      turns_[next_turn_ % kTurns] = row_;
    ++next_turn_;
  }
  begun_ = false;
  ended_ = now;
}

void Tally::add(const TraceEntry& entry) noexcept {
  if (entry.event == TraceEvent::turn_began) {
    const std::uint64_t now = base::turn_time(entry);
    row_ = {.began_us = now, .asleep_us = ended_ == 0 ? 0 : base::elapsed(ended_, now), .events = entry.slot};
    begun_ = true;
    return;
  }
  if (const std::size_t row = transition_of(entry); row < kTransitions.size()) ++transitions_[row];
  if (entry.event == TraceEvent::notified || entry.event == TraceEvent::finding) return;
  if (entry.slot != slot_) end_run();
  slot_ = entry.slot;
  state_ = entry.state;
  if (entry.event == TraceEvent::called) add_call(entry);
}

std::uint64_t Tally::read(const base::Trace& trace, std::uint64_t end) {
  const bool first = position_ == 0;
  const std::uint64_t from = std::max(position_, trace.oldest());
  if (from != position_) {  // entries were lost
    begun_ = false;
    ended_ = 0;
  }
  for (position_ = from; position_ < end; ++position_) {
    const TraceEntry& entry = trace.at(position_);
    if (entry.event == TraceEvent::turn_ended)
      end_turn(entry);
    else
      add(entry);
  }
  if (first) transitions_ = {};  // since the first viewer came
  return end > from ? end - from : 0;
}

}  // namespace console
