// The binary answers of the board's data pages, as they lie in memory; docs/board.md describes the pages.
//
// All numbers are little-endian. Entries of the trace and notes of requests are those of a record file
// (src/record/recording.hpp), so one decoder reads what is live and what was recorded.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "../base/trace.hpp"
#include "../state/states.hpp"

namespace console {

// GET /console/cells?since=FRAME: the records that changed after that answer; 0: all in use.
struct CellsHead {
  static constexpr std::array<char, 4> kMagic{'P', 'X', 'C', '1'};
  // Bits of `flags`.
  enum Flag : std::uint16_t {
    kAll = 1,       // the cells are all that are not FREE: the viewer forgets what it has
    kProxied = 2,   // a request through the proxy came from this viewer's browser
    kDraining = 4,  // graceful shutdown
  };

  std::array<char, 4> magic = kMagic;
  std::uint32_t frame = 0;     // of this answer: the viewer's next FRAME
  std::uint64_t now_us = 0;    // monotonic, as base::turn_time
  std::uint64_t run = 0;       // identifies the run of the program: another one means that it was restarted
  std::uint64_t position = 0;  // of the next trace entry
  std::uint64_t oldest = 0;    // position of the oldest trace entry
  std::uint64_t turns = 0;     // number of the next row of /console/turns
  std::uint64_t requests = 0;  // number of the next row of /console/requests
  std::uint32_t slots = 0;     // of the table
  std::uint32_t touched = 0;   // of these, ever used: all later ones are FREE
  std::uint32_t used = 0;      // in use, without those of viewers
  std::uint32_t viewers = 0;   // in use by viewers of the board
  std::array<std::uint32_t, kStates> by_state{};  // without those of viewers
  std::uint32_t findings = 0;                     // of the loop doctor that last
  std::uint16_t next_ms = 0;                      // poll no sooner than after this time
  std::uint16_t flags = 0;
  std::uint16_t transitions = 0;  // the number of counters that follow
  std::uint16_t cell_bytes = 0;   // size of a cell
  std::uint32_t count = 0;        // of cells
  std::uint32_t unused = 0;
};
static_assert(sizeof(CellsHead) == 112);
// After the head: for each row of kTransitions, in its order, a u32: how often it was taken since the first
// viewer came; it wraps around. Then the cells.

// A record. One that is FREE again has `state` FREE.
struct Cell {
  // Bits of `flags`.
  enum Flag : std::uint8_t {
    kTunnel = 1,    // both directions of a tunnel are open
    kFinding = 2,   // a finding of the loop doctor names it
    kViewer = 4,    // a viewer of the board
    kReady = 8,     // it is queued to run
    kStarved = 16,  // it waits for a buffer or for its share of the turn
    kSecond = 32,   // not the first request of its connection
  };
  // Bits of `marks`: of the client in the low half, of the upstream in the high half.
  enum Mark : std::uint8_t { kReadable = 1, kWritable = 2, kFinished = 4, kConnected = 8 };

  std::uint32_t slot = 0;
  std::uint32_t id = 0;         // of the connection, its low half, as in trace entries
  std::uint32_t since_ms = 0;   // when its wait began, or made its last progress: ms of the clock of now_us
  std::uint32_t held_up = 0;    // bytes read and not sent: to the upstream
  std::uint32_t held_down = 0;  // and to the client
  std::uint8_t state = 0;       // State
  std::uint8_t wait = 0;        // plan::Wait
  std::uint8_t flags = 0;
  std::uint8_t marks = 0;
};
static_assert(sizeof(Cell) == 24);

// In front of the rows of the other answers.
struct RowsHead {
  std::uint64_t first = 0;   // number of the first row; of steps: the position that the answer begins at
  std::uint64_t next = 0;    // what to ask for next
  std::uint64_t oldest = 0;  // the oldest number that can be asked for
  std::uint32_t row_bytes = 0;
  std::uint32_t count = 0;
};
static_assert(sizeof(RowsHead) == 32);

// GET /console/steps?since=POSITION[&slot=N]: entries of the trace, the oldest first; with `slot` those of
// that slot, and in front of each turn that has one its turn_began entry. `next`: everything before it was
// looked at.
struct Step {
  std::uint64_t position = 0;
  base::TraceEntry entry;
};
static_assert(sizeof(Step) == 24);

// GET /console/turns?since=NUMBER: turns of the loop, the oldest first.
struct TurnRow {
  std::uint64_t began_us = 0;               // as CellsHead::now_us
  std::uint32_t awake_us = 0;               // from the return of epoll_wait(2) to the next call
  std::uint32_t asleep_us = 0;              // before it, in epoll_wait(2)
  std::uint32_t events = 0;                 // that epoll_wait(2) returned
  std::uint32_t runs = 0;                   // how often a record ran
  std::uint32_t calls = 0;                  // system calls
  std::uint16_t again = 0;                  // of these, calls that returned EAGAIN; at most 65,535
  std::uint16_t failed = 0;                 // of these, calls with another error; at most 65,535
  std::array<std::uint16_t, 4> by_state{};  // runs that left a record in READ_REQUEST … SEND_RESPONSE
};
static_assert(sizeof(TurnRow) == 40);

// GET /console/requests?since=NUMBER: the notes of requests that ended, each a record::Note, the oldest
// first.

}  // namespace console
