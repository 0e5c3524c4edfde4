// The table of records at any position of a recording.
#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "../record/recording.hpp"

namespace replay {

// A slot in use, as far as the entries before a position say.
struct Row {
  static constexpr std::uint8_t kNotKnown = 255;  // as `wait`: it began before the recording
  static constexpr std::uint8_t kRuns = 254;      // as `wait`: the record does not wait

  std::uint32_t id = 0;  // of the connection, its low half; 0: not known
  std::uint8_t state = 0;
  std::uint8_t wait = kNotKnown;  // plan::Wait of the program that was recorded
  std::int32_t bytes = -1;        // of the wait's entry, see base::TraceEvent::waited; -1: not known
  std::uint64_t since = 0;        // when the wait or the state began, µs as `base::turn_time`; 0: not known
  bool operator==(const Row&) const = default;
};

// The table before the entry at `position`.
struct Table {
  std::uint64_t position = 0;
  std::uint64_t now = 0;              // of the latest turn, µs; 0: not known
  std::map<std::uint32_t, Row> rows;  // by slot
  bool operator==(const Table&) const = default;
};

// Moves in a recording, in both directions. Copies of the table at regular distances, made once, let it go
// backwards: a step takes at most one such distance.
class Timeline {
 public:
  // REQUIRES: the recording outlives the timeline.
  explicit Timeline(const record::Recording& recording);

  // The positions of the first entry, and after the last.
  [[nodiscard]] std::uint64_t first() const noexcept { return recording_.first; }
  [[nodiscard]] std::uint64_t end() const noexcept { return recording_.first + recording_.entries.size(); }
  // Returns the table before the entry at `position`; at end(), after all entries. REQUIRES: first() <=
  // position <= end().
  const Table& at(std::uint64_t position);

 private:
  [[nodiscard]] Table first_table() const;
  void step();

  const record::Recording& recording_;
  std::size_t distance_;  // entries between two copies
  std::vector<Table> copies_;
  Table table_;
};

}  // namespace replay
