#include "page.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "../base/escape.hpp"
#include "waiting.hpp"

namespace doctor {
namespace {

using base::put_duration;
using base::Writer;
using watch::FindingLog;
using watch::kSeverityNames;
using Wait = LongWaits::Wait;

// ---- what is on the page ---------------------------------------------------------------------------------

struct Found {
  const watch::FindingRow* row;
  const FindingLog::Entry* entry;
};

// Those that last before those that have ended; then the gravest, then the one that was seen last.
bool comes_before(const Found& a, const Found& b) noexcept {
  return std::tuple{a.entry->lasts, a.row->severity, a.entry->last} >
         std::tuple{b.entry->lasts, b.row->severity, b.entry->last};
}

// The findings since the start of the program, in their order.
std::vector<Found> found_in(const FindingLog& findings) {
  std::vector<Found> all;
  for (const watch::FindingRow& row : watch::kFindingRows)
    if (findings[row.finding].total > 0) all.push_back({&row, &findings[row.finding]});
  std::stable_sort(all.begin(), all.end(), comes_before);
  return all;
}

// The number of findings that last, by severity.
using Counts = std::array<std::uint64_t, kSeverityNames.size()>;

Counts count_lasting(const FindingLog& findings) noexcept {
  Counts counts{};
  for (const watch::FindingRow& row : watch::kFindingRows)
    counts[static_cast<std::size_t>(row.severity)] += findings[row.finding].lasts ? 1U : 0U;
  return counts;
}

std::string_view severity_of(const Found& found) noexcept {
  return kSeverityNames[static_cast<std::size_t>(found.row->severity)];
}

// Waits for a request. The record that asks for the page is in READ_REQUEST too, but has an exchange.
bool is_idle(const request_info& record) noexcept {
  return record.state == State::READ_REQUEST && record.exchange == nullptr &&
         (record.wait == plan::Wait::idle || record.wait == plan::Wait::keep_alive);
}

// Of two that have waited equally long, the one in the lower slot.
bool is_longer(const Wait& a, const Wait& b) noexcept {
  return a.situation.waited != b.situation.waited ? a.situation.waited > b.situation.waited : a.slot < b.slot;
}

// Keeps the longest waits, as a heap: the shortest of them is in front, to be replaced.
void add(LongWaits& waits, const Wait& wait) {
  ++waits.count;
  std::vector<Wait>& heap = waits.longest;
  if (heap.size() == LongWaits::kListedMax) {
    if (!is_longer(wait, heap.front())) return;
    std::pop_heap(heap.begin(), heap.end(), is_longer);
    heap.pop_back();
  }
  heap.push_back(wait);
  std::push_heap(heap.begin(), heap.end(), is_longer);
}

// The most bytes of a page. Each finding and each wait has its sentence, once, and less than 400 bytes
// beside.
constexpr std::size_t kPageMax = watch::kFindings * (watch::kFindingMax + 400) +
                                 LongWaits::kListedMax * (state::kDiagnosisMax + 400) + 1000;

template <class Write>
std::string page_of(Write write) {
  std::string page(kPageMax, '\0');
  Writer out{page};
  write(out);
  page.resize(out.length());
  return page;
}

// ---- as text ---------------------------------------------------------------------------------------------

Writer& put_count(Writer& out, std::uint64_t count, std::string_view one, std::string_view many) {
  return out << count << ' ' << (count == 1 ? one : many);
}

void put_summary(Writer& out, const PageFacts& facts) {
  const Counts counts = count_lasting(facts.findings);
  if (!facts.findings.any()) {
    out << "Nothing is found: no finding lasts.\n";
  } else {
    put_count(out, counts[0] + counts[1] + counts[2], "finding lasts: ", "findings last: ");
    put_count(out, counts[2], "error, ", "errors, ");
    put_count(out, counts[1], "warning, ", "warnings, ");
    put_count(out, counts[0], "note.\n", "notes.\n");
  }
  put_duration(out << "The proxy has run for ", facts.uptime_ms);
  out << "; " << facts.records << " of " << facts.records_limit << " records are in use, " << facts.waits.idle
      << " of them by idle connections";
  if (facts.viewers > 0) out << "; viewers of the board use " << facts.viewers << " more";
  out << ".\n";
}

void put_finding(Writer& out, const Found& found, std::uint64_t now) {
  const FindingLog::Entry& entry = *found.entry;
  out << "  " << found.row->code << " (" << severity_of(found) << "): ";
  put_count(out, entry.sightings, "sighting", "sightings");
  if (entry.last > entry.since) put_duration(out << " in ", entry.last - entry.since);
  put_duration(out << ", the last ", now - entry.last) << " ago\n    ";
  watch::write_sentence(entry.shown(), out);
  out << '\n';
}

void put_findings(Writer& out, const std::vector<Found>& all, bool lasts, std::uint64_t now) {
  bool first = true;
  for (const Found& found : all) {
    if (found.entry->lasts != lasts) continue;
    if (std::exchange(first, false)) out << (lasts ? "\nFindings:\n" : "\nFindings that have ended:\n");
    put_finding(out, found, now);
  }
}

void put_waits(Writer& out, const LongWaits& waits) {
  if (waits.count == 0) return;
  put_count(out << '\n', waits.count, "connection waits", "connections wait");
  out << " for 5 s or longer";
  if (waits.count > waits.longest.size()) out << "; the longest " << waits.longest.size();
  out << ":\n";
  for (const Wait& wait : waits.longest) {
    write_wait(wait.slot, wait.id, wait.situation, out << "  ");
    out << '\n';
  }
}

// ---- as JSON ---------------------------------------------------------------------------------------------

template <class Write>
void put_string(Writer& out, Write write) {
  std::array<char, std::max(watch::kFindingMax, state::kDiagnosisMax)> room;
  Writer text{room};
  write(text);
  base::put_json(out, text.view());
}

void put_json(Writer& out, const Found& found, std::uint64_t now) {
  const FindingLog::Entry& entry = *found.entry;
  out << R"({"code":")" << found.row->code << R"(","severity":")" << severity_of(found) << R"(","sentence":)";
  const watch::Sighting shown = entry.shown();
  put_string(out, [&](Writer& text) { watch::write_sentence(shown, text); });
  out << R"(,"lasts":)" << (entry.lasts ? "true" : "false");
  if (shown.slot == watch::Sighting::kNoSlot)
    out << R"(,"slot":null,"connection":null)";
  else
    out << R"(,"slot":)" << std::uint64_t{shown.slot} << R"(,"connection":)" << shown.id;
  out << R"(,"first_ms_ago":)" << now - entry.since << R"(,"last_ms_ago":)" << now - entry.last
      << R"(,"sightings":)" << entry.sightings << R"(,"total":)" << entry.total << '}';
}

void put_json(Writer& out, const Wait& wait) {
  out << R"({"slot":)" << std::uint64_t{wait.slot} << R"(,"connection":)" << wait.id << R"(,"state":")"
      << name(wait.situation.state) << R"(","waited_ms":)" << wait.situation.waited << R"(,"held_bytes":)"
      << wait.situation.held << R"(,"diagnosis":)";
  put_string(out, [&](Writer& text) { state::write_diagnosis(wait.situation, text); });
  out << '}';
}

template <class Values, class Put>
void put_list(Writer& out, std::string_view name, const Values& values, Put put) {
  out << ",\n\"" << name << "\":[";
  std::string_view separator = "\n";
  for (const auto& value : values) {
    out << std::exchange(separator, ",\n");
    put(value);
  }
  out << ']';
}

void write_json(Writer& out, const PageFacts& facts) {
  out << R"({"uptime_ms":)" << facts.uptime_ms << R"(,"records":)" << facts.records << R"(,"records_limit":)"
      << facts.records_limit << R"(,"viewers":)" << facts.viewers << R"(,"idle_connections":)"
      << facts.waits.idle << R"(,"long_waits_count":)" << facts.waits.count << ",\n\"lasting\":{";
  const Counts counts = count_lasting(facts.findings);
  for (std::size_t i = 0; i < counts.size(); ++i)
    out << (i == 0 ? "\"" : ",\"") << kSeverityNames[i] << "\":" << counts[i];
  out << '}';
  put_list(out, "findings", found_in(facts.findings),
           [&](const Found& found) { put_json(out, found, facts.now); });
  put_list(out, "long_waits", facts.waits.longest, [&](const Wait& wait) { put_json(out, wait); });
  out << "}\n";
}

}  // namespace

LongWaits long_waits(const Table& table, std::uint64_t now) {
  LongWaits waits;
  for (std::uint32_t slot = 0; slot < table.touched(); ++slot) {
    const request_info& record = table.at(slot);
    if (record.state == State::FREE || record.viewer) continue;
    if (is_idle(record)) {
      ++waits.idle;
      continue;
    }
    const state::Situation situation = situation_of(record, now);
    if (situation.waited >= kLongWaitMs) add(waits, {slot, record.id, situation});
  }
  std::sort_heap(waits.longest.begin(), waits.longest.end(), is_longer);
  return waits;
}

std::string page_text(const PageFacts& facts) {
  return page_of([&](Writer& out) {
    const std::vector<Found> all = found_in(facts.findings);
    put_summary(out, facts);
    put_findings(out, all, true, facts.now);
    put_findings(out, all, false, facts.now);
    put_waits(out, facts.waits);
  });
}

std::string page_json(const PageFacts& facts) {
  return page_of([&](Writer& out) { write_json(out, facts); });
}

std::string summary_field(const FindingLog& findings) {
  const Counts counts = count_lasting(findings);
  return "Proxy-Findings: error=" + std::to_string(counts[2]) + ", warning=" + std::to_string(counts[1]) +
         ", note=" + std::to_string(counts[0]) + "\r\n";
}

}  // namespace doctor
