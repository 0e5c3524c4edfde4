#include "rows.hpp"

#include <algorithm>

namespace console {
namespace {

using base::TraceEntry;
using base::TraceEvent;

template <class Row>
void append(std::string& out, const Row& row) {
  out.append(reinterpret_cast<const char*>(&row), sizeof row);
}

// The bytes of an answer: the head is written at its end, when the numbers are known.
class Answer {
 public:
  Answer(std::uint64_t first, std::uint64_t oldest, std::uint32_t row_bytes) {
    head_.first = head_.next = first;
    head_.oldest = oldest;
    head_.row_bytes = row_bytes;
    bytes_.resize(sizeof head_);
  }
  template <class Row>
  void add(const Row& row) {
    append(bytes_, row);
    ++head_.count;
  }
  [[nodiscard]] std::size_t count() const noexcept { return head_.count; }
  std::string take(std::uint64_t next) {
    head_.next = next;
    bytes_.replace(0, sizeof head_, reinterpret_cast<const char*>(&head_), sizeof head_);
    return std::move(bytes_);
  }

 private:
  RowsHead head_;
  std::string bytes_;
};

// The entry of a turn has a number in the place of the slot.
bool is_of(const TraceEntry& entry, std::uint32_t slot) noexcept {
  return entry.event != TraceEvent::turn_began && entry.event != TraceEvent::turn_ended &&
         entry.event != TraceEvent::lost && entry.slot == slot;
}

}  // namespace

Rows steps(const base::Trace& trace, std::uint64_t end, std::uint64_t since,
           std::optional<std::uint32_t> slot) {
  const std::uint64_t oldest = std::min(trace.oldest(), end), first = std::clamp(since, oldest, end);
  Answer answer{first, oldest, sizeof(Step)};
  constexpr std::uint64_t kNone = ~std::uint64_t{0};
  std::uint64_t turn = kNone;  // its beginning is not in the answer yet
  std::uint64_t at = first;
  // With the beginning of its turn, an entry takes two rows.
  for (const std::uint64_t last = std::min(end, first + kEntriesMax);
       at < last && answer.count() + 2 <= kStepsMax; ++at) {
    const TraceEntry& entry = trace.at(at);
    if (entry.event == TraceEvent::turn_began) turn = at;
    if (slot && !is_of(entry, *slot)) continue;
    if (slot && turn != kNone) answer.add(Step{turn, trace.at(turn)});
    turn = kNone;
    answer.add(Step{at, entry});
  }
  // A turn whose beginning was seen and not its entries is looked at again, unless nothing else was seen.
  const std::uint64_t next = slot && turn != kNone && turn > first ? turn : at;
  return {answer.take(next), at - first};
}

std::string turns(const Tally& tally, std::uint64_t since) {
  const std::uint64_t first = std::clamp(since, tally.oldest(), tally.next());
  Answer answer{first, tally.oldest(), sizeof(TurnRow)};
  for (std::uint64_t number = first; number < tally.next(); ++number) answer.add(tally.turn(number));
  return answer.take(tally.next());
}

std::string requests(const record::NoteRing& notes, std::uint64_t since) {
  const std::uint64_t first = std::clamp(since, notes.oldest(), notes.next());
  Answer answer{first, notes.oldest(), sizeof(record::Note)};
  for (const std::span<const record::Note> part : notes.from(first, kRequestsMax))
    for (const record::Note& note : part) answer.add(note);
  const std::uint64_t next = first + answer.count();
  return answer.take(next);
}

}  // namespace console
