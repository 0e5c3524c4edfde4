// What `proxy top` knows about a running proxy: decodes the binary answers of the board
// (src/console/wire.hpp).
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "../console/wire.hpp"
#include "../state/diagnosis.hpp"

namespace ask {

// Turns of the loop, in one second.
struct LoopRates {
  double turns = 0, events = 0, runs = 0, calls = 0,
         again = 0;              // a second; again: calls that returned EAGAIN
  double awake = 0;              // part of the time, 0 to 1
  std::uint32_t longest_us = 0;  // of these turns, awake
};

struct Board {
  static constexpr std::uint64_t kRateUs = 1'000'000;  // rates are of at least this time
  static constexpr std::size_t kTurnsMax = 1024;

  console::CellsHead head{.frame = 0};    // of the last answer; frame 0: there was none
  std::vector<console::Cell> cells{};     // by slot; slots that were never in use can be missing
  std::array<double, kStates> entered{};  // how often each state was entered, a second; FREE: ends
  bool rates = false;                     // `entered` is known
  bool rateless = false;                  // it will not be: the proxy has other transitions than this program
  std::deque<console::TurnRow> turns{};   // the last kTurnsMax, the oldest first
  std::uint64_t next_turn = 0;            // number of the next row to ask for

  // Where rates count from.
  struct Base {
    std::uint64_t now_us = 0;
    std::vector<std::uint32_t> transitions{};
  } base{};
};

// Applies an answer of /console/cells or of /console/turns. Returns what is wrong with it, as the end of a
// sentence about the proxy, and leaves `board` as it was; empty: nothing.
std::string apply_cells(std::string_view bytes, Board& board);
std::string apply_turns(std::string_view bytes, Board& board);

// Of the turns in the last second. REQUIRES: an answer of /console/cells was applied.
LoopRates loop_rates(const Board& board);

// The connection waits for its first or next request.
bool is_idle(const console::Cell& cell) noexcept;
// Neither FREE nor a viewer of the board.
bool is_in_use(const console::Cell& cell) noexcept;
// How long it has waited, in ms; 0 for one that is queued to run.
std::uint64_t waited_ms(const Board& board, const console::Cell& cell) noexcept;
// For state::write_diagnosis; the time that remains is not known.
state::Situation situation(const Board& board, const console::Cell& cell) noexcept;

// Those in use, the longest wait first, idle ones last; then by slot. Pointers into `board.cells`.
std::vector<const console::Cell*> by_wait(const Board& board);
// The first of these if it is not idle and has waited for over a second; null otherwise.
const console::Cell* longest_wait(const Board& board);

}  // namespace ask
