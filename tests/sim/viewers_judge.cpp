// What viewers of the board must receive.
#include <algorithm>
#include <cstring>
#include <span>

#include "../../src/console/wire.hpp"
#include "../../src/record/recording.hpp"
#include "viewers_model.hpp"

namespace sim {

namespace views {

std::string_view value_of(std::string_view head, std::string_view name) {
  const std::string line = "\r\n" + std::string{name} + ": ";
  const std::size_t at = head.find(line);
  if (at == std::string_view::npos) return {};
  const std::string_view value = head.substr(at + line.size());
  return value.substr(0, value.find("\r\n"));
}

std::size_t take_answer(std::string_view text, const Row* row, Answer& out, std::string& fault) {
  constexpr std::string_view kStart = "HTTP/1.";
  const std::size_t common = std::min(kStart.size(), text.size());
  if (text.substr(0, common) != kStart.substr(0, common)) fault = "it is not HTTP: " + std::string{text.substr(0, 40)};
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos || !fault.empty()) return 0;
  out.head = text.substr(0, end + 4);
  out.status = std::atoi(out.head.substr(9, 3).c_str());
  out.closes = value_of(out.head, "Connection") == "close" || out.head.starts_with("HTTP/1.0");
  const std::string_view length_text = value_of(out.head, "Content-Length");
  // A client that is refused before its request is read gets a body in any case, and the end of the connection.
  const bool to_head = row != nullptr && row->method == "HEAD" && (out.status == 200 || !out.closes);
  if (length_text.empty()) fault = "an answer has no Content-Length: " + out.head;
  const std::size_t length = to_head ? 0 : std::strtoul(std::string{length_text}.c_str(), nullptr, 10);
  out.body = text.substr(end + 4, length);
  out.complete = out.body.size() == length;
  return end + 4 + out.body.size();
}

namespace {

template <class Part>
bool take(std::string_view& bytes, Part& out) {
  if (bytes.size() < sizeof out) return false;
  std::memcpy(&out, bytes.data(), sizeof out);
  bytes.remove_prefix(sizeof out);
  return true;
}

// In use are those in a state other than FREE, without those of viewers. A scan can be 50 ms old.
std::string check_cells(std::string_view bytes) {
  console::CellsHead head;
  if (!take(bytes, head) || head.magic != console::CellsHead::kMagic) return "no head of cells";
  if (bytes.size() != 4UL * head.transitions + std::size_t{head.count} * head.cell_bytes || head.cell_bytes != sizeof(console::Cell))
    return "the cells have another size";
  bytes.remove_prefix(4UL * head.transitions);
  std::uint64_t in_states = 0;
  for (std::size_t state = 1; state < head.by_state.size(); ++state) in_states += head.by_state[state];
  if (in_states != head.used) return "the states have " + std::to_string(in_states) + " records of " + std::to_string(head.used) + " in use";
  if (head.used + head.viewers > head.touched || head.touched > head.slots) return "there are more records than slots";
  if (head.oldest > head.position) return "the oldest entry is newer than the next";
  std::uint32_t before = 0, viewers = 0, used = 0;
  for (console::Cell cell; take(bytes, cell); before = cell.slot + 1) {
    if (cell.slot < before || cell.slot >= head.touched) return "a cell is not in its order";
    const bool is_free = cell.state == 0, viewer = (cell.flags & console::Cell::kViewer) != 0;
    used += !is_free && !viewer ? 1 : 0;
    viewers += !is_free && viewer ? 1 : 0;
  }
  const bool all = (head.flags & console::CellsHead::kAll) != 0;
  if (all && (used != head.used || viewers != head.viewers)) return "the cells and their counts do not agree";
  return {};
}

std::string check_rows(std::string_view bytes, std::size_t row_bytes) {
  console::RowsHead head;
  if (!take(bytes, head)) return "no head of rows";
  if (head.row_bytes != row_bytes || bytes.size() != std::size_t{head.count} * row_bytes) return "the rows have another size";
  if (head.first < head.oldest || head.next < head.first) return "the numbers of the rows are wrong";
  return {};
}

// The positions grow; the turn in which the answer was made has no entry in it.
std::string check_steps(std::string_view bytes) {
  if (std::string fault = check_rows(bytes, sizeof(console::Step)); !fault.empty()) return fault;
  console::RowsHead head;
  take(bytes, head);
  std::uint64_t before = head.oldest;
  for (console::Step step; take(bytes, step); before = step.position + 1)
    if (step.position < before) return "the steps are not in their order";
  return {};
}

std::string check_recording(std::string_view bytes) {
  record::Recording recording;
  return record::read(std::as_bytes(std::span{bytes.data(), bytes.size()}), recording);
}

// docs/board.md: nothing is kept by a browser without asking, and each answer of the board restricts what a page may do.
std::string check_fields(const Row& row, const Answer& answer) {
  // A 400 can be a refusal of the proxy, under another configuration.
  if (row.sort != Sort::board || answer.status == 400) return {};
  const std::string_view cache = value_of(answer.head, "Cache-Control");
  if (cache != "no-store" && cache != "no-cache") return "it may be stored";
  if (!value_of(answer.head, "Content-Security-Policy").starts_with("default-src 'none'")) return "it has no Content-Security-Policy";
  return {};
}

std::string check_text(const Row& row, const std::string& body) {
  switch (row.body) {
    case Body::none: return body.empty() ? "" : "it has a body";
    case Body::text: return body.empty() ? "it is empty" : "";
    case Body::json: return body.starts_with('{') && body.ends_with("}\n") ? "" : "it is not a JSON object";
    case Body::cells: return check_cells(body);
    case Body::steps: return check_steps(body);
    case Body::turns: return check_rows(body, sizeof(console::TurnRow));
    case Body::requests: return check_rows(body, sizeof(record::Note));
    case Body::recording: return check_recording(body);
  }
  return {};
}

}  // namespace

std::string check_body(const Row& row, const Answer& answer) {
  std::string fault = check_fields(row, answer);
  if (fault.empty() && (answer.status == 200 || row.body != Body::none)) fault = check_text(row, answer.body);
  return fault;
}

std::uint64_t next_of(const Row& row, const Answer& answer) {
  std::string_view bytes = answer.body;
  console::CellsHead cells;
  console::RowsHead rows;
  if (row.body == Body::cells && take(bytes, cells)) return cells.frame;
  if (row.body == Body::steps && take(bytes, rows)) return rows.next;
  return 0;
}

namespace {

// Statuses with which any request may be refused if a resource is short or the configuration changes.
bool may_be(int status, const ViewedWorld& seen) {
  static constexpr int kScarce[] = {408, 500, 502, 503, 504}, kChanged[] = {400, 403, 421, 502, 503};
  const bool is_short = !seen.kind && std::find(std::begin(kScarce), std::end(kScarce), status) != std::end(kScarce);
  return is_short || (seen.changes && std::find(std::begin(kChanged), std::end(kChanged), status) != std::end(kChanged));
}

// All answers are owed.
bool is_owed(const Viewer& viewer, const ViewedWorld& seen) {
  const ViewManner manner = viewer.plan().manner;
  const bool patient = manner == ViewManner::plain || manner == ViewManner::slow || manner == ViewManner::stop;
  return patient && seen.kind && !seen.changes;
}

std::string judge_answer(const Viewer& viewer, std::size_t nth, const ViewedWorld& seen) {
  const Answer& answer = viewer.answers[nth];
  const bool stalled = viewer.plan().manner == ViewManner::stall && nth == viewer.asked();
  if (nth >= viewer.asked()) return stalled && answer.status == 408 ? "" : seen.kind ? "it answers no request" : "";
  const Row& row = viewer.row(nth);
  if (answer.status != status_at(row, viewer.owns_listener()) && !may_be(answer.status, seen))
    return "its status is " + std::to_string(answer.status) + " instead of " + std::to_string(status_at(row, viewer.owns_listener()));
  const bool last = viewer.plan().closes && nth + 1 == viewer.plan().asks.size();
  const bool kept = row.sort == Sort::board && is_owed(viewer, seen) && !seen.http10 && !last;
  return kept && answer.closes ? "the connection does not stay" : "";
}

std::string judge_viewer(const Viewer& viewer, const ViewedWorld& seen) {
  if (!viewer.fault.empty()) return viewer.fault;
  bool ended = false;
  for (std::size_t nth = 0; nth < viewer.answers.size(); ++nth) {
    const std::string where = "answer " + std::to_string(nth) + ": ";
    if (ended) return where + "the connection should have ended before it";
    if (const std::string fault = judge_answer(viewer, nth, seen); !fault.empty()) return where + fault;
    if (is_owed(viewer, seen) && !viewer.answers[nth].complete) return where + "it is cut";
    ended = viewer.answers[nth].closes;
  }
  if (is_owed(viewer, seen) && !ended && viewer.answers.size() < viewer.plan().asks.size())
    return "it has " + std::to_string(viewer.answers.size()) + " of " + std::to_string(viewer.plan().asks.size()) + " answers";
  return {};
}

}  // namespace

}  // namespace views

std::string Viewers::judge(const ViewedWorld& seen, const Editions& editions) const {
  ViewedWorld here = seen;
  // More than half of the records are not for viewers.
  here.kind &= plan_.views.size() <= std::max<std::size_t>(1, slots_ / 2);
  for (std::size_t i = 0; i < viewers_.size(); ++i) {
    const Viewer& viewer = *viewers_[i];
    if (viewer.refused && editions.of(viewer.edition()) == Under::closed) continue;
    if (const std::string fault = views::judge_viewer(viewer, here); !fault.empty()) return "viewer " + std::to_string(i) + ": " + fault;
  }
  return judge_counts(seen);
}

}  // namespace sim
