#include "call_checks.hpp"

#include <algorithm>

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
void find(CallChecks::Result& result, const watch::Sighting& wrong) noexcept {
  if (result.wrong.finding == Finding::count) result.wrong = wrong;
}

bool reads(sys::Call call) noexcept { return call == sys::Call::receive || call == sys::Call::splice_in; }

bool sends(sys::Call call) noexcept {
  return call == sys::Call::transmit || call == sys::Call::splice_out || call == sys::Call::send_file;
}

}  // namespace

CallChecks::CallChecks(std::size_t slots) {
  taken_.reserve(slots);  // memory that is never used costs nothing
}

void CallChecks::read_call(const TraceEntry& entry, Result& result) {
  const auto call = static_cast<sys::Call>(entry.detail);
  const auto bytes = static_cast<std::uint64_t>(std::max(entry.value, 0));
  if (entry.error != 0) return;
  if (call == sys::Call::accept || call == sys::Call::connect) result.progress = true;
  if (!reads(call) && !sends(call)) return;
  result.progress |= bytes > 0;
  if (entry.slot == TraceEntry::kNoSlot) return;
  if (entry.slot != run_.slot) end_run(result);
  run_.slot = entry.slot;
  (reads(call) ? run_.read : run_.sent) += bytes;
  if (sends(call) && entry.slot < taken_.size()) taken_[entry.slot] += bytes;
}

// More than four shares, when each of the others had one; or more than the record's lanes can hold.
void CallChecks::end_run(Result& result) {
  using base::TurnBudget;
  if (run_.read > run_.sent + kHeldMax)
    find(result, {.finding = Finding::read_ahead, .slot = run_.slot, .value = run_.read - run_.sent});
  const std::uint64_t share = std::clamp<std::uint64_t>(TurnBudget::kBytes / std::max<std::size_t>(runs_, 1),
                                                        TurnBudget::kShareMin, TurnBudget::kShareMax);
  if (runs_ > 1 && run_.read > kUnfairShares * share)
    find(result, {.finding = Finding::unfair, .slot = run_.slot, .value = run_.read});
  run_ = {};
}

// What the record counted as sent was taken by a call.
void CallChecks::note_release(const TraceEntry& entry, Result& result) {
  const auto counted = static_cast<std::uint64_t>(std::max(entry.value, 0));
  if (entry.slot >= taken_.size() || entry.value == INT32_MAX || counted <= taken_[entry.slot]) return;
  find(result, {.finding = Finding::bytes_lost,
                .slot = entry.slot,
                .id = entry.id,
                .value = counted - taken_[entry.slot]});
}

void CallChecks::read_entry(const TraceEntry& entry, Result& result) {
  switch (entry.event) {
    case TraceEvent::called: return read_call(entry, result);
    case TraceEvent::accepted:
      while (taken_.size() <= entry.slot) taken_.push_back(0);
      taken_[entry.slot] = 0;
      break;
    case TraceEvent::released: note_release(entry, result); break;
    case TraceEvent::entered:
    case TraceEvent::answered: break;
    default: return;
  }
  result.progress = true;
}

CallChecks::Result CallChecks::read(const base::Trace& trace, std::size_t runs) {
  Result result;
  runs_ = runs;
  next_ = std::max(next_, trace.oldest());
  for (; next_ < trace.written(); ++next_) read_entry(trace.at(next_), result);
  end_run(result);
  return result;
}

}  // namespace doctor
