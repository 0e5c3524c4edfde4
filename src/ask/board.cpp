#include "board.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "../../request_state.hpp"

namespace ask {
namespace {

using console::Cell;
using console::CellsHead;
using console::RowsHead;
using console::TurnRow;

constexpr std::uint32_t kSlotsMax = std::uint32_t{1} << 24;  // as epoll's token has room for
constexpr const char* kOtherVersion =
    "sends its data in the format of another version: use the program of the same version";
constexpr const char* kCutShort = "sends data that are cut short or malformed";

// Reads a T from the front of `bytes` and removes it. REQUIRES: there are enough bytes.
template <class T>
T take(std::string_view& bytes) noexcept {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return value;
}

// The part after the head: counters, then cells.
struct CellsAnswer {
  CellsHead head;
  std::vector<std::uint32_t> transitions;
  std::vector<Cell> cells;
};

std::string read_cells(std::string_view bytes, CellsAnswer& answer) {
  if (bytes.size() < sizeof(CellsHead)) return kCutShort;
  CellsHead& head = answer.head = take<CellsHead>(bytes);
  if (head.magic != CellsHead::kMagic || head.cell_bytes != sizeof(Cell)) return kOtherVersion;
  if (bytes.size() != head.transitions * sizeof(std::uint32_t) + head.count * sizeof(Cell)) return kCutShort;
  if (head.touched > head.slots || head.slots > kSlotsMax || head.frame == 0) return kCutShort;
  for (std::size_t i = 0; i < head.transitions; ++i) answer.transitions.push_back(take<std::uint32_t>(bytes));
  for (std::size_t i = 0; i < head.count; ++i) {
    const Cell cell = take<Cell>(bytes);
    if (cell.slot >= head.touched) return kCutShort;
    if (cell.state >= kStates || cell.wait > plan::kWaits) return kOtherVersion;
    answer.cells.push_back(cell);
  }
  return {};
}

void put(const Cell& cell, std::vector<Cell>& cells) {
  while (cells.size() <= cell.slot) cells.push_back({.slot = static_cast<std::uint32_t>(cells.size())});
  cells[cell.slot] = cell;
}

// Counters wrap around. Another version has other transitions: then there are no rates.
void update_rates(const CellsAnswer& answer, Board& board) {
  Board::Base& base = board.base;
  board.rateless = answer.transitions.size() != kTransitions.size();
  if (board.rateless) return;
  if (base.transitions.empty()) {
    base = {answer.head.now_us, answer.transitions};
    return;
  }
  const std::uint64_t passed = answer.head.now_us - base.now_us;
  if (passed < Board::kRateUs) return;
  board.entered = {};
  for (std::size_t i = 0; i < kTransitions.size(); ++i)
    board.entered[static_cast<std::size_t>(kTransitions[i].to)] +=
        static_cast<std::uint32_t>(answer.transitions[i] - base.transitions[i]) * 1e6 /
        static_cast<double>(passed);
  board.rates = true;
  base = {answer.head.now_us, answer.transitions};
}

}  // namespace

std::string apply_cells(std::string_view bytes, Board& board) {
  CellsAnswer answer;
  if (std::string wrong = read_cells(bytes, answer); !wrong.empty()) return wrong;
  const bool restarted = board.head.frame != 0 && answer.head.run != board.head.run;
  if (restarted) board = {};
  if ((answer.head.flags & CellsHead::kAll) != 0) board.cells.clear();
  for (const Cell& cell : answer.cells) put(cell, board.cells);
  board.head = answer.head;
  update_rates(answer, board);
  return {};
}

std::string apply_turns(std::string_view bytes, Board& board) {
  if (bytes.size() < sizeof(RowsHead)) return kCutShort;
  const auto head = take<RowsHead>(bytes);
  if (head.row_bytes != sizeof(TurnRow)) return kOtherVersion;
  if (bytes.size() != head.count * sizeof(TurnRow)) return kCutShort;
  for (std::size_t i = 0; i < head.count; ++i) board.turns.push_back(take<TurnRow>(bytes));
  while (board.turns.size() > Board::kTurnsMax) board.turns.pop_front();
  board.next_turn = head.next;
  return {};
}

LoopRates loop_rates(const Board& board) {
  LoopRates sum;
  double awake = 0;
  std::uint64_t first = board.head.now_us;
  for (auto turn = board.turns.rbegin(); turn != board.turns.rend(); ++turn) {
    if (turn->began_us + Board::kRateUs < board.head.now_us) break;
    first = std::min(first, turn->began_us);
    sum.turns += 1;
    sum.events += turn->events;
    sum.runs += turn->runs;
    sum.calls += turn->calls;
    sum.again += turn->again;
    sum.longest_us = std::max(sum.longest_us, turn->awake_us);
    awake += turn->awake_us;
  }
  // Of a full list, the time that it covers; otherwise a second has passed, or the rest of it without a turn.
  const bool full = board.turns.size() == Board::kTurnsMax && sum.turns == Board::kTurnsMax;
  const double us =
      full ? std::max(1.0, static_cast<double>(board.head.now_us - first)) : double{Board::kRateUs};
  for (double* const rate : {&sum.turns, &sum.events, &sum.runs, &sum.calls, &sum.again}) *rate *= 1e6 / us;
  sum.awake = std::min(1.0, awake / us);
  return sum;
}

bool is_idle(const Cell& cell) noexcept {
  const auto wait = static_cast<plan::Wait>(cell.wait);
  return cell.state == static_cast<std::uint8_t>(State::READ_REQUEST) &&
         (wait == plan::Wait::idle || wait == plan::Wait::keep_alive);
}

bool is_in_use(const Cell& cell) noexcept {
  return cell.state != static_cast<std::uint8_t>(State::FREE) && (cell.flags & Cell::kViewer) == 0;
}

// Both are ms of the same clock; `since_ms` wraps around after 49 days.
std::uint64_t waited_ms(const Board& board, const Cell& cell) noexcept {
  if (static_cast<plan::Wait>(cell.wait) == plan::Wait::none) return 0;
  const auto now = static_cast<std::uint32_t>(board.head.now_us / 1000);
  const std::uint32_t waited = now - cell.since_ms;
  return waited > UINT32_MAX / 2 ? 0 : waited;  // it began after the time of the answer's head
}

state::Situation situation(const Board& board, const Cell& cell) noexcept {
  return {.state = static_cast<State>(cell.state),
          .wait = static_cast<plan::Wait>(cell.wait),
          .needs_block = (cell.flags & Cell::kStarved) != 0,
          .held = std::uint64_t{cell.held_up} + cell.held_down,
          .waited = waited_ms(board, cell)};
}

std::vector<const Cell*> by_wait(const Board& board) {
  std::vector<const Cell*> found;
  for (const Cell& cell : board.cells)
    if (is_in_use(cell)) found.push_back(&cell);
  const auto key = [&](const Cell* cell) {
    return std::tuple{is_idle(*cell), ~waited_ms(board, *cell), cell->slot};
  };
  std::sort(found.begin(), found.end(), [&](const Cell* a, const Cell* b) { return key(a) < key(b); });
  return found;
}

const Cell* longest_wait(const Board& board) {
  constexpr std::uint64_t kShortMs = 1000;
  const Cell* longest = nullptr;
  std::uint64_t most = kShortMs;
  for (const Cell& cell : board.cells) {
    if (!is_in_use(cell) || is_idle(cell) || waited_ms(board, cell) <= most) continue;
    most = waited_ms(board, cell);
    longest = &cell;
  }
  return longest;
}

}  // namespace ask
