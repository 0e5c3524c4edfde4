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
  if (entry.lasts) return false;
  ++lasting_;
  entry = {.lasts = true, .since = now, .last = now, .sightings = 1, .total = entry.total, .first = sighting};
  return true;
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
