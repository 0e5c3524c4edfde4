#include "sentences.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "../base/text.hpp"

namespace ask {
namespace {

using console::Cell;
using console::CellsHead;
using std::string;
using std::string_view;

template <class Write>
string text_of(Write write) {
  std::array<char, state::kDiagnosisMax> room;
  base::Writer out{room};
  write(out);
  return string{out.view()};
}

// With one digit after the point below 10.
string decimal(double value) {
  const auto tenths = static_cast<std::uint64_t>(std::llround(std::max(0.0, value) * 10));
  if (tenths >= 100) return std::to_string((tenths + 5) / 10);
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10);
}

string counted(std::uint64_t count, string_view one, string_view many) {
  return std::to_string(count) + ' ' + string{count == 1 ? one : many};
}

string joined(string text, string_view separator, string_view more) {
  if (!text.empty() && !more.empty()) text += separator;
  return text += more;
}

}  // namespace

string duration(std::uint64_t ms) {
  return text_of([&](base::Writer& out) { base::put_duration(out, ms); });
}

string bytes(std::uint64_t count) {
  if (count < 1024) return std::to_string(count) + " B";
  const double kib = static_cast<double>(count) / 1024;
  return kib < 1024 ? decimal(kib) + " KiB" : decimal(kib / 1024) + " MiB";
}

string diagnosis(const Board& board, const Cell& cell) {
  return text_of([&](base::Writer& out) { state::write_diagnosis(situation(board, cell), out); });
}

string headline(const Known& known) {
  const Board& board = known.board;
  if (board.head.used == 0) {
    const string_view proxy = member(known.hello, "proxy");
    if (proxy.empty()) return "The proxy has no clients.";
    return "The proxy has no clients. Try: curl -x http://" + string{proxy} + "/ http://example.com/";
  }
  if (const Cell* const cell = longest_wait(board)) {
    string text = diagnosis(board, *cell);
    if (const std::size_t end = text.find(". "); end != string::npos) text.resize(end + 1);
    return "Slot " + std::to_string(cell->slot) + " waits longest: " + base::lower(text.front()) +
           text.substr(1);
  }
  return counted(board.head.used, "connection", "connections") + "; no request has waited for over a second.";
}

string version_notice(const Members& hello, string_view version, string_view build) {
  const string_view other = member(hello, "version"), other_build = member(hello, "build");
  const bool same_build = other_build.empty() || other_build.find(build) != string_view::npos;
  if (hello.empty() || (other == version && same_build)) return {};
  const string it = other == version ? "another build" : "version " + string{other};
  return "The proxy is " + it + ", and this program version " + string{version} +
         ": states and waits can have wrong names here.";
}

string slots_sentence(const CellsHead& head) {
  string text = std::to_string(head.used) + " of " + counted(head.slots, "slot", "slots") +
                (head.used == 1 ? " is in use, " : " are in use, ") + std::to_string(head.viewers) +
                (head.viewers == 1 ? " more is" : " more are") + " used by viewers";
  if (head.touched < head.slots)
    text += "; slots from " + std::to_string(head.touched) + " on were never in use";
  return text + '.';
}

string loop_sentence(const Board& board) {
  const LoopRates rates = loop_rates(board);
  if (rates.turns == 0) return "The event loop has slept for the last second.";
  const auto longest = rates.longest_us;
  return decimal(rates.turns) + " turns/s, " + decimal(rates.calls) + " calls/s (" +
         decimal(rates.calls > 0 ? 100 * rates.again / rates.calls : 0) + " % EAGAIN), awake " +
         decimal(100 * rates.awake) + " % of the time, at most " +
         (longest < 1000 ? std::to_string(longest) + " us" : decimal(longest / 1000.0) + " ms") +
         " in a turn.";
}

// "spin (error): The event loop made ...", those that last.
std::vector<string> lasting_findings(const Members& findings) {
  std::vector<string> lines;
  std::size_t count = 0;
  (void)base::parse_decimal(member(findings, "findings.length"), count);
  for (std::size_t i = 0; i < count; ++i) {
    const string front = "findings." + std::to_string(i) + '.';
    if (member(findings, front + "lasts") != "true") continue;
    lines.push_back(string{member(findings, front + "code")} + " (" +
                    string{member(findings, front + "severity")} +
                    "): " + string{member(findings, front + "sentence")});
  }
  return lines;
}

string findings_sentence(const Known& known) {
  const std::uint32_t count = known.board.head.findings;
  if (count == 0) return "The loop doctor finds nothing.";
  return counted(count, "finding of the loop doctor lasts", "findings of the loop doctor last") + '.';
}

string state_figures(const Board& board, State state) {
  const auto number = static_cast<std::size_t>(state);
  string text{name(state)};
  text.resize(14, ' ');
  const string count = std::to_string(board.head.by_state[number]);
  text += string(count.size() < 5 ? 5 - count.size() : 0, ' ') + count;
  return board.rates ? text + "  " + decimal(board.entered[number]) + "/s" : text;
}

string status(const Known& known, const View& view) {
  string text = view.paused ? "paused" : "live";
  if ((known.board.head.flags & CellsHead::kDraining) != 0) text += ", shutting down";
  return text;
}

// "127.0.0.1:4711, descriptor 9; readable, eof; kernel: unread 0, unsent 4096".
string endpoint(const Members& members, const string& front) {
  const auto value = [&](string_view path) { return member(members, front + string{path}); };
  if (value("address").empty() && value("fd").empty()) return "none";
  string text = string{value("address")};
  if (!value("port").empty()) text += ':' + string{value("port")};
  if (!value("fd").empty()) text = joined(std::move(text), ", ", "descriptor " + string{value("fd")});
  string marks;
  for (const string_view mark : {"readable", "writable", "finished", "eof", "hung", "shut"})
    if (value("marks." + string{mark}) == "true") marks = joined(std::move(marks), ", ", mark);
  text += "; marks: " + (marks.empty() ? string{"none"} : marks);
  const string group = front + "kernel.";
  string kernel;
  for (const auto& [key, word] : members)
    if (key.starts_with(group))
      kernel = joined(joined(std::move(kernel), ", ", key.substr(group.size())), " ", word);
  return joined(std::move(text), "; kernel: ", kernel);
}

string lane(const Members& members, const string& front) {
  std::uint64_t held = 0;
  (void)base::parse_decimal(member(members, front + "held"), held);
  const string_view storage = member(members, front + "storage");
  const bool stored = !storage.empty() && storage != "none";
  return bytes(held) + (stored ? " held in a " + string{storage} : " held") + ", " +
         string{member(members, front + "sent")} + " bytes sent";
}

string request_line(const Members& members) {
  const auto value = [&](string_view path) { return string{member(members, "request." + string{path})}; };
  if (value("method").empty()) return "none";
  string text = value("method") + ' ' + joined(value("scheme"), "://", value("host"));
  if (!value("port").empty()) text += ':' + value("port");
  text += value("path");
  if (!value("status").empty() && value("status") != "0") text += ", status " + value("status");
  return text;
}

}  // namespace ask
