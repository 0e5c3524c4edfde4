#include "turn_checks.hpp"

namespace doctor {

using watch::Finding;

void TurnChecks::add(Finding finding, std::uint64_t value, std::string_view cause) noexcept {
  if (count_ < kMost) found_[count_++] = {.finding = finding, .value = value, .cause = cause};
}

// Asked only after a slow turn: wall time alone does not tell a busy program from a blocked one.
std::string_view TurnChecks::cause(std::uint64_t took_us) const {
  const sys::ThreadUsage now = sys::thread_usage();
  if (now.cpu_us - baseline_.cpu_us >= took_us / 5 * 4) return "It was computing.";
  if (now.preempted != baseline_.preempted) return "The machine was busy: other programs ran.";
  return "It was blocked in a system call.";
}

void TurnChecks::check_time(const TurnFacts& turn) {
  const std::uint64_t took = turn.ended - turn.woke;
  if (took > kSlowTurnUs) add(Finding::slow_turn, took / 1000, cause(took));
  if (last_end_ == 0 || turn.timeout_ms < 0 || turn.events > 0) return;
  const std::uint64_t due = last_end_ + static_cast<std::uint64_t>(turn.timeout_ms) * 1000;
  if (turn.woke > due + kLateWakeUs) add(Finding::late_wake, (turn.woke - due) / 1000);
}

// A peer that sends small segments causes a turn for each, but then the loop is willing to sleep.
void TurnChecks::check_progress(const TurnFacts& turn) noexcept {
  if (turn.progress || turn.timeout_ms != 0) {
    idle_turns_ = 0;
    return;
  }
  if (idle_turns_++ == 0) idle_since_ = turn.woke;
  const bool long_enough = idle_turns_ >= kSpinTurnsMin && turn.ended - idle_since_ >= kSpinUs;
  if (idle_turns_ < kSpinTurns && !long_enough) return;
  add(Finding::spin, idle_turns_);
  idle_turns_ = 0;
}

void TurnChecks::check_window(const TurnFacts& turn) noexcept {
  runs_ += turn.runs;
  if (turn.ended - turn.woke > kBusyTurnUs) busy_runs_ += turn.runs;
  if (turn.events == 0) own_runs_ += turn.runs;
  if (turn.ended < window_begin_ + kWindowUs) return;
  if (runs_ >= kWindowRunsMin) {
    if (busy_runs_ * 100 > runs_) add(Finding::scheduled_late, busy_runs_ * 100 / runs_);
    if (own_runs_ * 10 > runs_ * 9) add(Finding::self_wakes, own_runs_ * 100 / runs_);
  }
  runs_ = busy_runs_ = own_runs_ = 0;
  window_begin_ = turn.ended;
}

std::span<const watch::Sighting> TurnChecks::check(const TurnFacts& turn) {
  count_ = 0;
  check_time(turn);
  check_progress(turn);
  check_window(turn);
  last_end_ = turn.ended;
  return {found_.data(), count_};
}

}  // namespace doctor
