#include "findings.hpp"

#include <algorithm>

namespace watch {
namespace {

consteval bool rows_are_in_order() {
  for (std::size_t i = 0; i < kFindings; ++i)
    if (kFindingRows[i].finding != static_cast<Finding>(i)) return false;
  return true;
}
static_assert(rows_are_in_order());

void put_sentence(const Sighting& sighting, base::Writer& out) noexcept {
  constexpr std::string_view kSlot = "{slot}", kValue = "{value}";
  std::string_view text = row(sighting.finding).sentence;
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find('{'), text.size());
    out << text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.starts_with(kSlot)) {
      out << std::uint64_t{sighting.slot};
      text.remove_prefix(kSlot.size());
    } else if (text.starts_with(kValue)) {
      out << sighting.value;
      text.remove_prefix(kValue.size());
    }
  }
}

using Place = FindingLog::Place;

// Notes a sighting of a record. If there is no room, in place of the one that was seen longest ago.
void note_place(FindingLog::Entry& entry, const Sighting& sighting, std::uint64_t now) noexcept {
  if (sighting.slot == Sighting::kNoSlot) return;
  const auto begin = entry.places.begin(), end = begin + static_cast<std::ptrdiff_t>(entry.places_count);
  auto place = std::find_if(
      begin, end, [&](const Place& other) { return other.slot == sighting.slot && other.id == sighting.id; });
  if (place == end) {
    if (entry.places_count < FindingLog::kPlaces)
      ++entry.places_count;
    else
      place = std::ranges::min_element(entry.places, {}, &Place::last);
  }
  *place = {.slot = sighting.slot, .id = sighting.id, .value = sighting.value, .last = now};
}

}  // namespace

void write_sentence(const Sighting& sighting, base::Writer& out) noexcept {
  put_sentence(sighting, out);
  if (!sighting.cause.empty()) out << ' ' << sighting.cause;
}

void write_finding(const Sighting& sighting, base::Writer& out) noexcept {
  const FindingRow& found = row(sighting.finding);
  out << "finding " << found.code << " (" << kSeverityNames[static_cast<std::size_t>(found.severity)]
      << "): ";
  write_sentence(sighting, out);
}

bool FindingLog::add(const Sighting& sighting, std::uint64_t now) noexcept {
  Entry& entry = at(sighting.finding);
  ++entry.total;
  ++entry.sightings;
  entry.last = now;
  const bool begins = !entry.lasts;
  if (begins) {
    ++lasting_;
    entry = {
        .lasts = true, .since = now, .last = now, .sightings = 1, .total = entry.total, .first = sighting};
  }
  note_place(entry, sighting, now);
  return begins;
}

void FindingLog::keep(const Sighting& sighting, std::uint64_t now) noexcept {
  Entry& entry = at(sighting.finding);
  entry.last = now;
  if (entry.lasts) note_place(entry, sighting, now);
}

Sighting FindingLog::Entry::shown() const noexcept {
  Sighting sighting = first;
  if (places_count == 0) return sighting;
  const Place& place = *std::ranges::max_element(named(), {}, &Place::last);
  sighting.slot = place.slot;
  sighting.id = place.id;
  sighting.value = place.value;
  return sighting;
}

Finding FindingLog::end_next(std::uint64_t now) noexcept {
  for (std::size_t i = 0; i < kFindings; ++i) {
    Entry& entry = entries_[i];
    if (!entry.lasts || now < entry.last + kQuietMs) continue;
    entry.lasts = false;
    --lasting_;
    return static_cast<Finding>(i);
  }
  return Finding::count;
}

}  // namespace watch
