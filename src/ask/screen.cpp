#include "screen.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <utility>

#include "sentences.hpp"

namespace ask {
namespace {

using console::Cell;
using console::CellsHead;
using std::string;
using std::string_view;

constexpr std::uint64_t kLongMs = 5000;  // a wait from here on is shown in reverse video
constexpr std::size_t kLabel = 7;        // columns of the slot number in front of a row of the grid

struct StateLook {
  string_view letter;
  Style style;
};
constexpr std::array<StateLook, kStates> kLooks{{{".", Style::dim},
                                                 {"r", Style::read_request},
                                                 {"s", Style::send_request},
                                                 {"R", Style::read_response},
                                                 {"S", Style::send_response}}};

const StateLook& look(State state) noexcept { return kLooks[static_cast<std::size_t>(state)]; }

string title(const Known& known, const View& view) {
  return "proxy " + string{member(known.hello, "version")} + " at " + view.proxy + ": ";
}

// ---- parts of the screen ---------------------------------------------------------------------------------

void put_title(Canvas& canvas, const Known& known, const View& view, string_view notice) {
  if (known.problem.empty())
    canvas.put(title(known, view) + status(known, view), Style::strong);
  else
    canvas.put("No answer: " + known.problem, Style::finding);
  canvas.end_line();
  if (!notice.empty()) canvas.wrap(notice, 2, Style::finding);
  if (const string_view mistake = member(known.hello, "mistake"); !mistake.empty())
    canvas.wrap("A mistake is built in: " + string{mistake}, 2, Style::finding);
}

void put_state(Canvas& canvas, const Board& board, State state) {
  canvas.put(look(state).letter, look(state).style)
      .put(" ")
      .put(state_figures(board, state), look(state).style);
}

// The states in the order of a request, clockwise.
void put_machine(Canvas& canvas, const Board& board) {
  constexpr std::size_t kMiddle = 34;
  put_state(canvas, board, State::READ_REQUEST);
  canvas.tab(kMiddle).put("->  ", Style::dim);
  put_state(canvas, board, State::SEND_REQUEST);
  canvas.end_line();
  put_state(canvas, board, State::SEND_RESPONSE);
  canvas.tab(kMiddle).put("<-  ", Style::dim);
  put_state(canvas, board, State::READ_RESPONSE);
  canvas.end_line();
}

void put_cell(Canvas& canvas, const Board& board, const Cell& cell, bool utf8, bool shown) {
  const auto state = static_cast<State>(cell.state);
  StateLook drawn = look(state);
  if (state == State::FREE) {
    if (utf8) drawn.letter = "·";
  } else if ((cell.flags & Cell::kViewer) != 0) {
    drawn = {"v", Style::dim};
  } else if ((cell.flags & Cell::kFinding) != 0) {
    drawn = {"!", Style::finding};
  } else if (is_idle(cell)) {
    drawn.letter = utf8 ? "○" : "o";
  } else if ((cell.flags & Cell::kTunnel) != 0) {
    drawn.letter = "T";
  }
  const bool old = is_in_use(cell) && !is_idle(cell) && waited_ms(board, cell) > kLongMs;
  if (shown) canvas.put("[", Style::strong);
  canvas.put_glyph(drawn.letter, drawn.style, old);
  if (shown) canvas.put("]", Style::strong);
}

// The rows of the grid from the first one such that the shown slot is on the screen.
void put_grid(Canvas& canvas, const Known& known, const View& view, std::size_t rows) {
  const Board& board = known.board;
  const std::size_t width = grid_width(view), slots = std::max<std::size_t>(board.head.touched, 1);
  const std::size_t all = (slots + width - 1) / width;
  std::uint32_t shown = 0;
  const bool any = shown_slot(known, view, shown);
  std::size_t first = 0;
  if (all > rows && any) first = std::min(all - rows, shown / width >= rows ? shown / width - rows + 1 : 0);
  for (std::size_t row = first; row < std::min(all, first + rows); ++row) {
    const string label = std::to_string(row * width);
    canvas.put(string(label.size() < kLabel - 1 ? kLabel - 1 - label.size() : 0, ' ') + label, Style::dim)
        .put(" ");
    for (std::size_t slot = row * width; slot < std::min((row + 1) * width, slots); ++slot)
      put_cell(canvas, board, slot < board.cells.size() ? board.cells[slot] : Cell{}, view.utf8,
               any && slot == shown);
    canvas.end_line();
  }
}

void put_help(Canvas& canvas, bool utf8) {
  for (const string_view line :
       {"A cell is a slot of the table of records; its letter is the state:",
        "  r s R S  READ_REQUEST, SEND_REQUEST, READ_RESPONSE, SEND_RESPONSE",
        utf8 ? "  T tunnel   ○ idle (kept alive, or no request yet)   v viewer of the board   · FREE"
             : "  T tunnel   o idle (kept alive, or no request yet)   v viewer of the board   . FREE",
        "  ! a finding of the loop doctor names it   reverse video: it has waited for over 5 s",
        "space stops and continues; left, right, up and down choose a slot;",
        "enter shows its endpoints and lanes; esc follows the longest wait again; q ends."}) {
    canvas.put(line);
    canvas.end_line();
  }
}

// The loop, and its last turns as bars: from 10 us to 100 ms, logarithmic.
void put_loop(Canvas& canvas, const Known& known, bool utf8) {
  constexpr std::array<string_view, 8> kBars{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::uint32_t kSlowUs = 50'000;  // as the finding slow-turn
  canvas.put(loop_sentence(known.board));
  canvas.end_line();
  const auto& turns = known.board.turns;
  if (!utf8 || turns.empty()) return;
  const std::size_t bars = std::min(turns.size(), canvas.columns());
  for (std::size_t i = turns.size() - bars; i < turns.size(); ++i) {
    const double level = (std::log10(std::max(10.0, double{1} * turns[i].awake_us)) - 1) / 4 * 7;
    const auto bar = std::min(kBars.size() - 1, static_cast<std::size_t>(level));
    canvas.put_glyph(kBars[bar], turns[i].awake_us > kSlowUs ? Style::finding : Style::dim);
  }
  canvas.end_line();
}

void put_findings(Canvas& canvas, const Known& known) {
  constexpr std::size_t kMost = 3;
  const std::vector<string> all = lasting_findings(known.findings);
  if (all.empty() || known.board.head.findings == 0) {
    canvas.put(findings_sentence(known), known.board.head.findings > 0 ? Style::finding : Style::normal);
    canvas.end_line();
    return;
  }
  for (std::size_t i = 0; i < std::min(all.size(), kMost); ++i) canvas.wrap("! " + all[i], 2, Style::finding);
}

// ---- the shown slot --------------------------------------------------------------------------------------

void put_details(Canvas& canvas, const Members& members) {
  for (const string& line :
       {"Request: " + request_line(members), "Client: " + endpoint(members, "client."),
        "Upstream: " + endpoint(members, "upstream."), "Request lane: " + lane(members, "request_lane."),
        "Response lane: " + lane(members, "response_lane.")})
    canvas.wrap(line, 2);
}

void put_slot(Canvas& canvas, const Known& known, const View& view) {
  std::uint32_t slot = 0;
  if (!shown_slot(known, view, slot)) return;
  const Cell cell = slot < known.board.cells.size() ? known.board.cells[slot] : Cell{.slot = slot};
  const auto state = static_cast<State>(cell.state);
  canvas.put("Slot " + std::to_string(slot), Style::strong);
  if (state != State::FREE)
    canvas.put(", connection #" + std::to_string(cell.id)).put(", ").put(name(state), look(state).style);
  canvas.end_line();
  const bool same =
      member(known.slot, "slot") == std::to_string(slot) && !member(known.slot, "state").empty();
  const string_view sentence = same && state != State::FREE ? member(known.slot, "sentence") : string_view{};
  canvas.wrap(sentence.empty() ? diagnosis(known.board, cell) : string{sentence}, 3);
  if (view.open && same && state != State::FREE) put_details(canvas, known.slot);
}

constexpr string_view kKeys =
    "q quit  space pause  arrows choose a slot  enter details  esc longest wait  ? help";

}  // namespace

bool shown_slot(const Known& known, const View& view, std::uint32_t& slot) {
  if (view.chosen) {
    slot = view.slot;
    return slot < std::max(known.board.head.touched, std::uint32_t{1});
  }
  const Cell* const cell = longest_wait(known.board);
  if (cell != nullptr) slot = cell->slot;
  return cell != nullptr;
}

// Two columns are for the brackets of the shown slot.
std::size_t grid_width(const View& view) noexcept {
  const std::size_t room = view.columns > kLabel + 12 ? view.columns - kLabel - 2 : 10;
  return room - room % 10;
}

std::vector<string> draw_screen(const Known& known, const View& view, string_view notice) {
  Canvas above{view.columns, view.colours}, grid = above, below = above;
  put_title(above, known, view, notice);
  if (known.board.head.frame == 0) return above.take_lines();
  above.wrap(headline(known), 2, Style::strong);
  put_machine(above, known.board);
  above.wrap(slots_sentence(known.board.head), 2);
  put_loop(below, known, view.utf8);
  put_findings(below, known);
  put_slot(below, known, view);
  below.put(kKeys, Style::dim);
  below.end_line();
  std::vector<string> lines = above.take_lines(), last = below.take_lines();
  const std::size_t taken = lines.size() + last.size();
  const std::size_t rows = std::max<std::size_t>(view.rows > taken ? view.rows - taken : 0, 2);
  if (view.help)
    put_help(grid, view.utf8);
  else
    put_grid(grid, known, view, rows);
  std::vector<string> middle = grid.take_lines();
  for (std::vector<string>* part : {&middle, &last})
    std::move(part->begin(), part->end(), std::back_inserter(lines));
  if (lines.size() > view.rows)
    lines.erase(lines.begin() + static_cast<long>(view.rows) - 1, lines.end() - 1);
  return lines;
}

string draw_once(const Known& known, const View& view, string_view notice) {
  const Board& board = known.board;
  string text = title(known, view) + status(known, view) + '\n';
  if (!notice.empty()) text += string{notice} + '\n';
  if (const string_view mistake = member(known.hello, "mistake"); !mistake.empty())
    text += "A mistake is built in: " + string{mistake} + '\n';
  text += headline(known) + '\n' + slots_sentence(board.head) + '\n';
  for (const State state :
       {State::READ_REQUEST, State::SEND_REQUEST, State::READ_RESPONSE, State::SEND_RESPONSE})
    text += state_figures(board, state) + '\n';
  text += loop_sentence(board) + '\n' + findings_sentence(known) + '\n';
  for (const string& line : lasting_findings(known.findings)) text += "! " + line + '\n';
  text += "\nSLOT  CONNECTION  STATE          WAITED    HELD       WAITS FOR\n";
  for (const Cell* const cell : by_wait(board)) {
    Canvas row{1000, Colours::none};
    row.put(std::to_string(cell->slot)).put(" ").tab(6).put("#" + std::to_string(cell->id)).put(" ").tab(18);
    row.put(name(static_cast<State>(cell->state)))
        .tab(33)
        .put(duration(waited_ms(board, *cell)))
        .put(" ")
        .tab(43);
    row.put(bytes(std::uint64_t{cell->held_up} + cell->held_down)).put(" ").tab(54);
    const auto wait = static_cast<plan::Wait>(cell->wait);
    row.put(wait == plan::Wait::none ? "nothing: it is queued to run" : plan::row(wait).what);
    text += row.take_lines().front() + '\n';
  }
  return text;
}

}  // namespace ask
