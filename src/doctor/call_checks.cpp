#include "call_checks.hpp"

#include <algorithm>
#include <utility>

#include "../base/budget.hpp"
#include "../sys/call_trace.hpp"

namespace doctor {
namespace {

using base::TraceEntry;
using base::TraceEvent;
using watch::Finding;

constexpr std::uint64_t kUnfairShares = 4;
// What two lanes can hold, and what a record may read and discard.
constexpr std::uint64_t kHeldMax = std::uint64_t{9} << 18U;

// Only the first thing wrong in a turn is kept: the others follow from it, or come again.
void find(watch::Sighting& wrong, const watch::Sighting& found) noexcept {
  if (wrong.finding == Finding::count) wrong = found;
}

bool reads(sys::Call call) noexcept { return call == sys::Call::receive || call == sys::Call::splice_in; }

bool sends(sys::Call call) noexcept {
  return call == sys::Call::transmit || call == sys::Call::splice_out || call == sys::Call::send_file;
}

std::uint64_t value_of(const TraceEntry& entry) noexcept {
  return static_cast<std::uint64_t>(std::max(entry.value, 0));
}

bool is_progress(const TraceEntry& entry) noexcept {
  if (entry.event != TraceEvent::called)
    return entry.event == TraceEvent::entered || entry.event == TraceEvent::answered ||
           entry.event == TraceEvent::accepted || entry.event == TraceEvent::released;
  const auto call = static_cast<sys::Call>(entry.detail);
  if (entry.error != 0) return false;
  return call == sys::Call::accept || call == sys::Call::connect ||
         ((reads(call) || sends(call)) && entry.value > 0);
}

}  // namespace

bool CallChecks::shows_progress(const base::Trace& trace, std::uint64_t first) noexcept {
  for (std::uint64_t at = std::max(first, trace.oldest()); at < trace.written(); ++at)
    if (is_progress(trace.at(at))) return true;
  return false;
}

void CallChecks::follow(const TraceEntry& accepted) noexcept {
  slot_ = accepted.slot;
  id_ = accepted.id;
  until_ = next_ + kEntriesMax;
  may_follow_ = false;
  taken_ = read_ = sent_ = 0;
}

// What the record has counted as sent, a call has taken.
void CallChecks::read_entry(const TraceEntry& entry, watch::Sighting& wrong) noexcept {
  if (entry.event == TraceEvent::released) {
    const std::uint64_t counted = value_of(entry);
    if (entry.value != INT32_MAX && counted > taken_)
      find(wrong, {.finding = Finding::bytes_lost, .slot = slot_, .id = id_, .value = counted - taken_});
    end_run(wrong);
    slot_ = TraceEntry::kNoSlot;
  }
  if (entry.event != TraceEvent::called || entry.error != 0) return;
  const auto call = static_cast<sys::Call>(entry.detail);
  if (reads(call)) read_ += value_of(entry);
  if (!sends(call)) return;
  sent_ += value_of(entry);
  taken_ += value_of(entry);
}

// More than four shares, when each of the others had one; or more than the record's lanes can hold.
void CallChecks::end_run(watch::Sighting& wrong) noexcept {
  using base::TurnBudget;
  if (read_ > sent_ + kHeldMax)
    find(wrong, {.finding = Finding::read_ahead, .slot = slot_, .id = id_, .value = read_ - sent_});
  const std::uint64_t share = std::clamp<std::uint64_t>(TurnBudget::kBytes / std::max<std::size_t>(runs_, 1),
                                                        TurnBudget::kShareMin, TurnBudget::kShareMax);
  if (runs_ > 1 && read_ > kUnfairShares * share)
    find(wrong, {.finding = Finding::unfair, .slot = slot_, .id = id_, .value = read_});
  read_ = sent_ = 0;
}

void CallChecks::find_next(const base::Trace& trace) noexcept {
  for (const std::uint64_t end = trace.written(); next_ < end; ++next_)
    if (const TraceEntry& entry = trace.at(next_); entry.event == TraceEvent::accepted) return follow(entry);
}

// Reads those of the connection, until it ends.
void CallChecks::read_entries(const base::Trace& trace, watch::Sighting& wrong) noexcept {
  const std::uint64_t end = trace.written();
  const std::uint32_t slot = slot_;
  for (std::uint64_t at = next_; at < end; ++at) {
    const TraceEntry& entry = trace.at(at);
    if (entry.slot != slot) continue;
    read_entry(entry, wrong);
    if (slot_ != slot) return;
  }
}

watch::Sighting CallChecks::read(const base::Trace& trace, std::size_t runs,
                                 std::uint64_t connections) noexcept {
  watch::Sighting wrong;
  runs_ = runs;
  if (next_ < trace.oldest()) {  // entries were lost: what was counted is not all
    next_ = trace.oldest();
    slot_ = TraceEntry::kNoSlot;
  }
  if (next_ >= until_) slot_ = TraceEntry::kNoSlot;
  const bool accepted = connections != std::exchange(connections_, connections);
  if (may_follow_ && accepted && slot_ == TraceEntry::kNoSlot) find_next(trace);
  if (slot_ != TraceEntry::kNoSlot) read_entries(trace, wrong);
  next_ = trace.written();
  if (read_ != 0) end_run(wrong);
  return wrong;
}

}  // namespace doctor
