#include "text.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "../state/diagnosis.hpp"
#include "../watch/trace_printer.hpp"
#include "clock.hpp"

namespace replay {
namespace {

using base::TraceEntry;
using base::TraceEvent;
using base::Writer;

constexpr std::size_t kLineBytes = 768;

// "-1.234567", "?": not known.
void put_time(Writer& out, std::uint64_t time, std::uint64_t last) {
  if (time == 0) {
    out << '?';
    return;
  }
  const std::uint64_t before = last - std::min(last, time);
  out << '-' << before / 1'000'000 << '.';
  out.padded(before % 1'000'000, 6);
}

// As TracePrinter: a turn without other entries is not written.
class Lines {
 public:
  Lines(const record::Recording& recording, const Selection& selection, Output& out)
      : selection_(selection), out_(out), names_(recording.names.view()), last_(last_time(recording)) {}

  void add(const TraceEntry& entry, std::uint64_t position) {
    if (is_turn(entry)) return add_turn(entry, position);
    const bool details = entry.event == TraceEvent::notified || entry.event == TraceEvent::called;
    const bool selected = position >= selection_.from && selection_.has(entry.slot);
    if (!selected || (details && !selection_.calls)) return;
    if (selection_.calls && began_ != nullptr) line(*began_, began_at_);
    began_ = nullptr;
    line(entry, position);
    turn_written_ = true;
  }

 private:
  void add_turn(const TraceEntry& entry, std::uint64_t position) {
    now_ = base::turn_time(entry);
    if (entry.event == TraceEvent::turn_ended && turn_written_ && selection_.calls) line(entry, position);
    turn_written_ = false;
    began_ = entry.event == TraceEvent::turn_began ? &entry : nullptr;
    began_at_ = position;
  }

  void line(const TraceEntry& entry, std::uint64_t position) {
    std::array<char, kLineBytes> room;
    Writer line{room};
    put_time(line, now_, last_);
    line << ' ' << position << ' ';
    watch::write_entry(entry, names_, line);
    out_.write(line.view());
  }

  const Selection& selection_;
  Output& out_;
  const watch::TraceNames names_;
  const std::uint64_t last_;
  std::uint64_t now_ = 0, began_at_ = 0;
  const TraceEntry* began_ = nullptr;  // the turn, while it is not written
  bool turn_written_ = false;
};

void put_row(Writer& out, const Row& row, const watch::TraceNames& names) {
  watch::put_name(out, names.states, row.state);
  if (row.wait == Row::kNotKnown)
    out << ", waiting for something that began before the recording";
  else if (row.wait < names.waits.size())
    watch::put_name(out << ", waiting for ", names.waits, row.wait);
  else
    out << ", running or about to run";
  if (row.bytes >= 0)
    out << ", " << static_cast<std::uint64_t>(row.bytes) << ' ' << watch::waited_unit(row.state);
}

// The number that this program has for a name in the recording; the list's size if it has none.
std::size_t own_number(watch::TraceNames::List own, watch::TraceNames::List recorded, std::size_t number) {
  const std::string_view name = watch::name_in(recorded, number);
  return static_cast<std::size_t>(std::find(own.begin(), own.end(), name) - own.begin());
}

// What the record waits for, as a sentence; nothing if this program does not have that wait in that state.
void put_diagnosis(Writer& out, const Row& row, const watch::TraceNames& names, std::uint64_t now) {
  const watch::TraceNames& own = watch::built_in_names();
  const std::size_t state = own_number(own.states, names.states, row.state);
  const std::size_t wait = own_number(own.waits, names.waits, row.wait);
  if (state == own.states.size() || wait == own.waits.size()) return;
  state::Situation situation{.state = static_cast<State>(state), .wait = static_cast<plan::Wait>(wait)};
  if (state::find_diagnosis(situation.state, situation.wait) == nullptr) return;
  if (row.since != 0 && now >= row.since) situation.waited = (now - row.since) / 1000;
  state::write_diagnosis(situation, out << "    ");
  out << '\n';
}

}  // namespace

void write_summary(const record::Recording& recording, Output& out) {
  const record::Head& head = recording.head;
  const std::uint64_t end = recording.first + recording.entries.size();
  out.write("# proxy " + base::printable(head.version) + ", recorded for " + base::printable(head.reason) +
            '\n');
  if (!head.command.empty()) out.write("# command line: " + base::printable(head.command) + '\n');
  if (!head.lens.empty()) out.write("# faults injected: " + base::printable(head.lens) + '\n');
  out.write("# entries " + std::to_string(recording.first) + " to " + std::to_string(end) + ", requests " +
            std::to_string(recording.notes.size()) + '\n');
}

void write_text(const record::Recording& recording, const Selection& selection, Output& out) {
  Lines lines{recording, selection, out};
  for (std::uint64_t at = recording.first; at < selection.to && !out.failed(); ++at)
    lines.add(recording.entries[at - recording.first], at);
}

void write_table(const record::Recording& recording, const Table& table, const Selection& selection,
                 Output& out) {
  const watch::TraceNames names = recording.names.view();
  const std::uint64_t last = last_time(recording);
  std::array<char, kLineBytes> room;
  Writer head{room};
  put_time(head << "# position " << table.position << ", time ", table.now, last);
  head << " s, records in use: " << std::uint64_t{table.rows.size()} << '\n';
  out.write(head.view());
  for (const auto& [slot, row] : table.rows) {
    if (!selection.has(slot)) continue;
    Writer line{room};
    line << "[slot " << std::uint64_t{slot} << ", #";
    (row.id == 0 ? line << '?' : line << std::uint64_t{row.id}) << "] ";
    put_row(line, row, names);
    put_time(line << ", since ", row.since, last);
    line << (row.since == 0 ? "\n" : " s\n");
    put_diagnosis(line, row, names, table.now);
    out.write(line.view());
  }
  if (!recording.has_table) out.write("# slots without an entry are missing: the file has no table\n");
}

}  // namespace replay
