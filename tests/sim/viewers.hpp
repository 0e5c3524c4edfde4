// Viewers of the board: clients that ask the proxy for its own pages, well or badly, while others are served. What they
// must receive, and that the program keeps no trace of them, is written from docs/board.md.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "../../src/state/worker.hpp"
#include "kernel.hpp"
#include "reload.hpp"

namespace sim {

constexpr std::uint16_t kBoardPort = 8079;  // of a listener for viewers only

// One connection.
struct ViewPlan {
  enum class Manner : std::uint8_t {
    plain,   // asks, reads each answer, closes
    slow,    // pauses after each piece that it reads
    stop,    // reads `cut` bytes, then nothing for a while, then the rest
    vanish,  // closes after `cut` bytes sent
    reset,   // resets after `cut` bytes sent
    leave,   // reads `cut` bytes and closes
    stall,   // sends `cut` bytes and then nothing more
    deaf,    // reads nothing
  };
  Manner manner = Manner::plain;
  std::vector<std::size_t> asks;  // rows of the table of requests in viewers.cpp
  bool pipelines = false;         // sends all requests at once
  bool closes = false;            // the last request says Connection: close
  std::size_t cut = 0;
  std::uint64_t pause_ms = 0;  // before the first byte
};

struct ViewersPlan {
  std::vector<ViewPlan> views;  // empty: none
  bool own = false;             // the board has a listener of its own (--console)
};

class Viewer;

// What the judge of the answers has to know about a history.
struct ViewedWorld {
  bool kind = false;     // no resource is short and nothing fails: each answer is owed
  bool http10 = false;   // the proxy speaks HTTP/1.0
  bool changes = false;  // it is reloaded or shut down
  bool errors = false;   // calls fail, so lines of the log can be lost
};

// All viewers, and the checks of what the program does with them.
class Viewers {
 public:
  // `slots`: of the table of records.
  Viewers(World& world, const ViewersPlan& plan, std::size_t slots, bool http10);
  ~Viewers();
  Viewers(const Viewers&) = delete;
  Viewers& operator=(const Viewers&) = delete;
  [[nodiscard]] bool over() const;
  [[nodiscard]] std::uint64_t next_time() const;  // when a waiting actor acts; 0: none waits

  // Before and after each turn. Returns the error; empty: none.
  void begin_turn(const Worker& worker);
  std::string check_turn(Worker& worker);
  // After the last turn: keeps the metrics, for `judge`.
  void keep_metrics(const Worker& worker);
  // Checks what they have received, and what the log and the metrics have of them. Returns the error; empty: none.
  [[nodiscard]] std::string judge(const ViewedWorld& seen, const Editions& editions) const;

 private:
  std::string check_trace(const Worker& worker);
  [[nodiscard]] std::string check_records(Worker& worker) const;
  [[nodiscard]] std::string judge_counts(const ViewedWorld& seen) const;
  std::string check_entry(const base::TraceEntry& entry);

  World& world_;
  const ViewersPlan& plan_;
  std::size_t slots_;
  std::vector<std::unique_ptr<Viewer>> viewers_;
  // The slots that the trace knows to be in use, with the connection there.
  enum class Known : std::uint8_t { used, ended, board };
  struct Occupant {
    std::uint32_t id = 0;
    Known known = Known::used;
  };
  std::map<std::uint32_t, Occupant> occupants_;
  std::uint64_t position_ = 0;  // of the next entry of the trace to check
  // At the beginning of the turn: only viewers used records, and so many.
  bool alone_ = false;
  std::size_t had_ = 0;
  std::uint64_t turns_ = 0;
  std::string metrics_;  // at the end
};

void add_viewers(plan::Config& config, const ViewersPlan& plan);
struct Scenario;
void draw_viewers(Chooser& chooser, Scenario& scenario);
void limit_viewers(ViewersPlan& plan);  // to short answers
std::string describe(const ViewersPlan& plan);
void shrink_viewers(const std::function<void(const std::function<void(ViewersPlan&)>&)>& attempt, const ViewersPlan& best);

}  // namespace sim
