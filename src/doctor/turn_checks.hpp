// Checks of a turn as a whole: its time, and whether it made progress.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "../sys/sys.hpp"
#include "../watch/findings.hpp"

namespace doctor {

// One turn of the event loop. Times in µs, monotonic.
struct TurnFacts {
  int timeout_ms = 0;      // of epoll_wait(2); -1: none
  std::uint64_t woke = 0;  // epoll_wait(2) has returned
  std::uint64_t ended = 0;
  std::size_t events = 0;
  std::size_t runs = 0;   // of records
  bool progress = false;  // bytes moved, a connection or a state changed, or other work was done
};

class TurnChecks {
 public:
  static constexpr std::size_t kMost = 5;
  static constexpr std::uint64_t kSlowTurnUs = 50'000;
  static constexpr std::uint64_t kLateWakeUs = 20'000;
  static constexpr std::uint64_t kBusyTurnUs = 10'000;
  static constexpr std::uint64_t kSpinTurns = 1000;
  static constexpr std::uint64_t kSpinUs = 200'000;
  static constexpr std::uint64_t kSpinTurnsMin = 100;  // for kSpinUs
  static constexpr std::uint64_t kWindowUs = 1'000'000;
  static constexpr std::uint64_t kWindowRunsMin = 1000;

  // Checks a turn. The result is valid until the next call.
  std::span<const watch::Sighting> check(const TurnFacts& turn);
  // What the thread had used before the turns that follow: for the cause of a slow one.
  void use_baseline(const sys::ThreadUsage& usage) noexcept { baseline_ = usage; }

 private:
  void add(watch::Finding finding, std::uint64_t value, std::string_view cause = {}) noexcept;
  void check_time(const TurnFacts& turn);
  void check_progress(const TurnFacts& turn) noexcept;
  void check_window(const TurnFacts& turn) noexcept;
  [[nodiscard]] std::string_view cause(std::uint64_t took_us) const;

  sys::ThreadUsage baseline_{};
  std::uint64_t last_end_ = 0;  // of the turn before; 0: none
  // Turns in a row without progress.
  std::uint64_t idle_turns_ = 0, idle_since_ = 0;
  // Runs of records in the present second.
  std::uint64_t window_begin_ = 0, runs_ = 0, busy_runs_ = 0, own_runs_ = 0;
  std::array<watch::Sighting, kMost> found_{};
  std::size_t count_ = 0;
};

}  // namespace doctor
