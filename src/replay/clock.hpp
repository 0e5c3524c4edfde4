// The time of each entry of a recording: exact for the entries of turns, between them by their order.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "../record/recording.hpp"

namespace replay {

// The entry says when a turn began or ended.
constexpr bool is_turn(const base::TraceEntry& entry) noexcept {
  return entry.event == base::TraceEvent::turn_began || entry.event == base::TraceEvent::turn_ended;
}
// The entry is about a record.
constexpr bool is_of_slot(const base::TraceEntry& entry) noexcept {
  return !is_turn(entry) && entry.event <= base::TraceEvent::released &&
         entry.slot != base::TraceEntry::kNoSlot;
}

// The time of the last turn, µs as `base::turn_time`; 0: the recording has none.
std::uint64_t last_time(const record::Recording& recording) noexcept;

// The time of each entry in ns, never decreasing. The entries of a turn divide its time evenly.
std::vector<std::uint64_t> times_of(const record::Recording& recording);

// A value of --from, --to or --at.
struct Moment {
  bool before_end = false;
  std::uint64_t value = 0;  // µs before the end of the recording, or a position
};
// Parses "48213" (a position) or "-1.5s", "-200ms" (before the end). Returns false on anything else.
bool parse_moment(std::string_view text, Moment& moment) noexcept;
// The position, from that of the first entry to the one after the last; of a time, that of the first turn
// that begins no earlier.
std::uint64_t position_of(const Moment& moment, const record::Recording& recording) noexcept;

}  // namespace replay
