#include "timeline.hpp"

#include <algorithm>
#include <unordered_set>

#include "clock.hpp"

namespace replay {
namespace {

using base::TraceEntry;
using base::TraceEvent;

constexpr std::size_t kDistance = 1024;

void apply(const TraceEntry& entry, Row& row, std::uint64_t now) {
  row.state = entry.state;
  if (entry.event != TraceEvent::called) row.id = entry.id;
  if (entry.event != TraceEvent::waited && entry.event != TraceEvent::entered) return;
  const bool waits = entry.event == TraceEvent::waited;
  row.wait = waits ? entry.detail : Row::kRuns;
  row.bytes = waits ? entry.value : -1;
  row.since = now;
}

// A slot without entries did not change: its cell at the end is its row at each position.
Row row_of(const record::Cell& cell, std::uint64_t end) {
  const std::uint64_t in_state = std::uint64_t{cell.in_state_ms} * 1000;
  return {
      .id = cell.id, .state = cell.state, .wait = cell.wait, .since = in_state < end ? end - in_state : 0};
}

}  // namespace

// Copies of a large table are further apart, so that all together take no more memory than the entries do.
Timeline::Timeline(const record::Recording& recording) : recording_(recording) {
  table_ = first_table();
  std::unordered_set<std::uint32_t> slots;
  for (const TraceEntry& entry : recording.entries)
    if (is_of_slot(entry)) slots.insert(entry.slot);
  distance_ = std::max(kDistance, 4 * (slots.size() + table_.rows.size()));
  copies_.push_back(table_);
  while (table_.position < end()) {
    step();
    if ((table_.position - first()) % distance_ == 0) copies_.push_back(table_);
  }
}

// The first entry of a slot says what was before it.
Table Timeline::first_table() const {
  Table table;
  table.position = first();
  const std::uint64_t last = last_time(recording_);
  for (const record::Cell& cell : recording_.table) table.rows[cell.slot] = row_of(cell, last);
  std::unordered_set<std::uint32_t> seen, named;
  for (const TraceEntry& entry : recording_.entries) {
    if (!is_of_slot(entry)) continue;
    Row& row = table.rows[entry.slot];
    if (seen.insert(entry.slot).second) row = {.id = row.id, .state = entry.before};
    if (entry.event != TraceEvent::called && named.insert(entry.slot).second) row.id = entry.id;
  }
  std::erase_if(table.rows, [](const auto& row) { return row.second.state == 0; });
  return table;
}

void Timeline::step() {
  const TraceEntry& entry = recording_.entries[table_.position++ - first()];
  if (is_turn(entry)) table_.now = base::turn_time(entry);
  if (!is_of_slot(entry)) return;
  if (entry.state == 0)
    table_.rows.erase(entry.slot);
  else
    apply(entry, table_.rows[entry.slot], table_.now);
}

const Table& Timeline::at(std::uint64_t position) {
  const std::size_t copy = std::min((position - first()) / distance_, copies_.size() - 1);
  if (position < table_.position || copies_[copy].position > table_.position) table_ = copies_[copy];
  while (table_.position < position) step();
  return table_;
}

}  // namespace replay
