// The loop doctor: checks the event loop while it runs, and changes nothing. docs/doctor.md describes the
// findings.
//
// Cheap checks are comparisons at the end of each turn. A look visits 64 records, each 100 ms while the loop
// runs, and each second while it sleeps with records in use; it never wakes a proxy without connections.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../state/worker.hpp"
#include "call_checks.hpp"
#include "suspects.hpp"
#include "turn_checks.hpp"

namespace doctor {

class Doctor {
 public:
  static constexpr std::uint64_t kLookMs = 100;
  static constexpr std::uint64_t kAsleepMs = 1000;
  static constexpr std::uint64_t kStarvedMs = 1000;
  static constexpr std::uint64_t kSlowRunUs = 10'000;
  static constexpr std::uint64_t kTimedUs = 1'000'000;  // so long are runs measured after a slow turn

  // REQUIRES: `worker` outlives this.
  explicit Doctor(Worker& worker);

  // The events of a turn are marked, and no record has run yet. `all`: epoll_wait(2) has reported all that
  // was ready.
  void begin_turn(std::span<const sys::Event> events, bool all,
                  std::span<const net::Acceptors::Entry> acceptors);
  // A turn ends; `turn.progress`: other work than that of records goes on. Adds findings to the trace.
  void end_turn(TurnFacts turn);
  // What the doctor cannot see by itself.
  struct Surroundings {
    std::span<const net::Acceptors::Entry> acceptors{};
    std::uint64_t dropped_lines = 0;  // of the log, since the start of the program
    std::uint64_t lost_entries = 0;   // of the trace, that -v or --record did not write
    std::size_t descriptors = 0;      // open ones, besides those of `take_census`
    bool verbose = false;             // report long waits
  };
  // A look is due. REQUIRES: `end_turn` was called in this turn.
  [[nodiscard]] bool look_due() const noexcept { return worker_.now >= last_look_ + kLookMs; }
  void look(const Surroundings& with);

  // When the next look is due although nothing happens, ms; 0: never.
  [[nodiscard]] std::uint64_t next_look() const noexcept;
  // There are messages, or an error.
  [[nodiscard]] bool has_news() const noexcept {
    return !messages_.empty() || error_ != watch::Finding::count;
  }
  // What to print, a line each: findings that begin or end, and records that wait long. Taken once.
  std::vector<std::string> take_messages();
  [[nodiscard]] const watch::FindingLog& findings() const noexcept { return findings_; }
  // A finding of severity error has begun since the last call. Finding::count: none.
  watch::Finding take_error() noexcept;

 private:
  void see(const watch::Sighting& sighting);
  // What the suspects' last look or confirmation has found, and what it has seen again.
  void note_suspects();
  void check_events(std::span<const sys::Event> events);
  void check_ledgers(std::size_t other_descriptors);
  void check_ledger(unsigned& looks, watch::Finding finding, std::size_t booked, std::size_t owned,
                    std::string_view cause = {});
  void check_descriptors();
  // `before`: the count of the last turn.
  void check_misuse(const sys::DescriptorLedger::Misuse& misuse, std::uint64_t& before,
                    watch::Finding finding);
  void check_runs(const TurnFacts& turn);
  void check_shortage(const Surroundings& with);
  void report_long_waits();
  void end_findings();

  Worker& worker_;
  CallChecks calls_;
  TurnChecks turns_;
  Suspects suspects_;
  watch::FindingLog findings_;
  std::vector<std::string> messages_;
  std::vector<std::uint64_t> reported_;  // by slot: the deadline of a long wait that was reported
  watch::Finding error_ = watch::Finding::count;
  std::uint64_t timed_until_ = 0;                 // µs: runs of records are measured
  std::uint64_t last_look_ = 0, last_count_ = 0;  // ms
  std::uint64_t starved_since_ = 0;               // ms; 0: no record waits for a buffer
  // As sys::DescriptorLedger counts.
  std::uint64_t closed_twice_before_ = 0, used_closed_before_ = 0, read_on_before_ = 0;
  std::size_t descriptors_max_;
  std::uint64_t stale_before_ = 0, dropped_before_ = 0, lost_before_ = 0;
  std::uint64_t events_before_ = 0, idle_before_ = 0;   // Worker::events when they were last compared
  unsigned records_wrong_ = 0, descriptors_wrong_ = 0;  // looks in a row
  bool to_confirm_ = false;
};

}  // namespace doctor
