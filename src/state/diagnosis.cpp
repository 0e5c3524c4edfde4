#include "diagnosis.hpp"

#include <algorithm>

namespace state {
namespace {

using base::put_duration;
using plan::Wait;

// No pair is listed twice, and FREE is in none.
consteval bool pairs_are_unique() {
  for (std::size_t i = 0; i < kDiagnosisRows.size(); ++i) {
    if (kDiagnosisRows[i].state == State::FREE) return false;
    for (std::size_t j = 0; j < i; ++j)
      if (kDiagnosisRows[i].state == kDiagnosisRows[j].state &&
          kDiagnosisRows[i].wait == kDiagnosisRows[j].wait)
        return false;
  }
  return true;
}
static_assert(pairs_are_unique());

// Nothing if the wait has no option.
void put_setting(plan::Wait wait, const plan::Timeout* own, base::Writer& out) noexcept {
  if (!plan::row(wait).option.empty()) write_setting(wait, own, out << " ("), out << ')';
}

void put_end(const DiagnosisRow& row, const Situation& situation, base::Writer& out) noexcept {
  if (situation.remaining == Situation::kNever) {
    write_setting(row.wait, situation.own, out << " There is no timeout (");
    out << (situation.own == nullptr ? " 0)." : ").");
    return;
  }
  if (situation.remaining == Situation::kUnknown)
    out << " At the timeout ";
  else
    put_duration(out << " In ", situation.remaining), out << ' ';
  out << row.end;
  put_setting(row.wait, situation.own, out);
  out << '.';
}

}  // namespace

const DiagnosisRow* find_diagnosis(State state, Wait wait) noexcept {
  const auto* const found =
      std::find_if(kDiagnosisRows.begin(), kDiagnosisRows.end(),
                   [&](const DiagnosisRow& row) { return row.state == state && row.wait == wait; });
  return found == kDiagnosisRows.end() ? nullptr : found;
}

// Of a connection, the wait for all attempts is meant and not that for one.
const DiagnosisRow* find_timeout(State state, base::Reason reason) noexcept {
  const auto ends = [&](const DiagnosisRow& row) {
    return row.state == state && row.wait != Wait::none && row.wait != Wait::attempt &&
           plan::row(row.wait).reason == reason;
  };
  const auto* const found = std::find_if(kDiagnosisRows.begin(), kDiagnosisRows.end(), ends);
  return reason == base::Reason::none || found == kDiagnosisRows.end() ? nullptr : found;
}

void write_setting(plan::Wait wait, const plan::Timeout* own, base::Writer& out) noexcept {
  const std::string_view option = plan::row(wait).option;
  if (own == nullptr) {
    out << option;
    return;
  }
  if (own->of_request)
    out << "request_timeout_ms";
  else
    for (const char c : option.substr(2)) out << (c == '-' ? '_' : c);
  out << " in the configuration file";
}

void write_diagnosis(const Situation& situation, base::Writer& out) noexcept {
  const DiagnosisRow* const row = find_diagnosis(situation.state, situation.wait);
  if (row == nullptr) {
    out << (situation.state == State::FREE ? "The record is free." : "The record waits in an unknown way.");
    return;
  }
  out << (situation.needs_block ? "No buffer (--buffers) has been free" : row->what);
  if (situation.waited != Situation::kUnknown) put_duration(out << " for ", situation.waited);
  if (situation.held == 1)
    out << "; 1 byte is held";
  else if (situation.held > 0)
    out << "; " << situation.held << " bytes are held";
  out << '.';
  if (situation.wait != Wait::none) put_end(*row, situation, out);
}

void write_timeout(State state, base::Reason reason, std::uint64_t waited, const plan::Timeout* own,
                   base::Writer& out) noexcept {
  const auto* const row = find_timeout(state, reason);
  if (row == nullptr) return;
  put_duration(out << row->what << " for ", waited);
  put_setting(row->wait, own, out);
  out << '.';
}

}  // namespace state
