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

using Record = FindingLog::Record;

// Notes a sighting of a record. If there is no room, in place of the one that was seen longest ago.
void note_record(FindingLog::Entry& entry, const Sighting& sighting, std::uint64_t now) noexcept {
  if (sighting.slot == Sighting::kNoSlot) return;
  const auto begin = entry.records.begin(), end = begin + static_cast<std::ptrdiff_t>(entry.records_count);
  auto record = std::find_if(begin, end, [&](const Record& other) {
    return other.slot == sighting.slot && other.id == sighting.id;
  });
  if (record == end) {
    if (entry.records_count < FindingLog::kRecordsMax)
      ++entry.records_count;
    else
      record = std::ranges::min_element(entry.records, {}, &Record::last);
  }
  *record = {.slot = sighting.slot, .id = sighting.id, .value = sighting.value, .last = now};
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
  note_record(entry, sighting, now);
  return begins;
}

void FindingLog::keep(const Sighting& sighting, std::uint64_t now) noexcept {
  Entry& entry = at(sighting.finding);
  entry.last = now;
  if (entry.lasts) note_record(entry, sighting, now);
}

Sighting FindingLog::Entry::shown() const noexcept {
  Sighting sighting = first;
  if (records_count == 0) return sighting;
  const Record& record = *std::ranges::max_element(named(), {}, &Record::last);
  sighting.slot = record.slot;
  sighting.id = record.id;
  sighting.value = record.value;
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
