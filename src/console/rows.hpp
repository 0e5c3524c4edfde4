// The answers of /console/steps, turns and requests: RowsHead and its rows.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "../base/trace.hpp"
#include "../record/note_ring.hpp"
#include "tally.hpp"
#include "wire.hpp"

namespace console {

inline constexpr std::size_t kStepsMax = 4096;        // rows of an answer
inline constexpr std::size_t kRequestsMax = 500;      // the same
inline constexpr std::uint64_t kEntriesMax = 65'536;  // that are looked at for an answer

// An answer, and how many entries of the trace were looked at for it.
struct Rows {
  std::string bytes;
  std::uint64_t looked_at = 0;
};

// Entries from position `since`, before `end`; with `slot` those of that slot, see Step.
Rows steps(const base::Trace& trace, std::uint64_t end, std::uint64_t since,
           std::optional<std::uint32_t> slot);
// Turns from number `since`.
std::string turns(const Tally& tally, std::uint64_t since);
// Notes from number `since`.
std::string requests(const record::NoteRing& notes, std::uint64_t since);

}  // namespace console
