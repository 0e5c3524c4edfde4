// What the trace tells over time, for viewers of the board: the turns of the event loop, and how often each
// transition was taken.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../../request_state.hpp"
#include "../base/trace.hpp"
#include "wire.hpp"

namespace console {

// Reads the trace when it is asked, from where it was. What the ring has lost meanwhile is not counted.
class Tally {
 public:
  static constexpr std::size_t kTurns = 1024;  // that are kept

  // Reads the entries before `end`. Returns the number of entries read.
  std::uint64_t read(const base::Trace& trace, std::uint64_t end);

  // The number of the next turn, and of the oldest one that is kept.
  [[nodiscard]] std::uint64_t next() const noexcept { return next_turn_; }
  [[nodiscard]] std::uint64_t oldest() const noexcept { return next_turn_ - turns_.size(); }
  // REQUIRES: oldest() <= number < next().
  [[nodiscard]] const TurnRow& turn(std::uint64_t number) const noexcept { return turns_[number % kTurns]; }
  // In the order of kTransitions.
  [[nodiscard]] const std::array<std::uint32_t, kTransitions.size()>& transitions() const noexcept {
    return transitions_;
  }

 private:
  void add(const base::TraceEntry& entry) noexcept;
  void add_call(const base::TraceEntry& entry) noexcept;
  void end_run() noexcept;
  void end_turn(const base::TraceEntry& entry);

  std::uint64_t position_ = 0;  // of the next entry
  std::vector<TurnRow> turns_;  // turn n is at n % kTurns
  std::uint64_t next_turn_ = 0;
  TurnRow row_;                                     // of the turn that goes on
  bool begun_ = false;                              // its beginning was read
  std::uint64_t ended_ = 0;                         // µs: when the turn before ended; 0: not known
  std::uint32_t slot_ = base::TraceEntry::kNoSlot;  // of the record whose entries are read
  std::uint8_t state_ = 0;                          // its state
  std::array<std::uint32_t, kTransitions.size()> transitions_{};
};

}  // namespace console
