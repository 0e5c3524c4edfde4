// SIGHUP: other configurations while a history goes on, and which of them serves whom. A connection is served to its
// end by the one it came under; one that cannot be read, or whose listeners cannot be opened, changes nothing.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../../src/state/worker.hpp"
#include "kernel.hpp"

namespace sim {

struct Scenario;

// What the file says when the signal comes: always the whole of it.
struct ReloadPlan {
  enum class What : std::uint8_t {
    same,    // what it said at first
    more,    // a listener more, before the others
    closed,  // a listener alone that nobody comes to
    denied,  // nobody may ask for anything
    astray,  // a parent where nobody listens
    others,  // the groups have another server, and the program another name
    broken,  // it cannot be read
    taken,   // a listener more, on another program's port
  };
  std::uint64_t after = 1;  // turns
  What what = What::same;
};
using Under = ReloadPlan::What;

// What the clients of a configuration must meet.
constexpr bool is_good(Under what) { return what < Under::broken; }
constexpr int status_of(Under what) { return what == Under::denied ? 403 : what == Under::astray ? 502 : 0; }  // 0: they are served

// The configurations that were in force, in their order.
class Editions {
 public:
  [[nodiscard]] Under of(std::size_t edition) const { return all_[edition]; }
  [[nodiscard]] bool passed(std::size_t edition) const { return edition + 1 < all_.size(); }  // another came after it
  [[nodiscard]] std::size_t last() const { return all_.size() - 1; }
  void add(Under what) { all_.push_back(what); }

 private:
  std::vector<Under> all_{Under::same};
};

// Sends the signals, and finds out what has come of them.
class Reloads {
 public:
  Reloads(World& world, const Scenario& scenario);
  // Of the command line; they name the file.
  [[nodiscard]] std::span<const char* const> arguments() const { return arguments_; }
  // The program's turn is over: what is wrong; empty: nothing. `adopted`: another configuration is in force.
  std::string poll(std::uint64_t turn, bool draining, bool& adopted);
  [[nodiscard]] const Editions& editions() const { return editions_; }

 private:
  void send(Under what);
  std::string settle(bool& adopted);
  void note_newcomers(bool adopted);

  World& world_;
  const Scenario& scenario_;
  Editions editions_;
  Under sent_ = Under::same;  // with the last signal
  std::uint32_t heard_ = 0;
  std::size_t complained_ = 0;  // of what the program complained of, looked at
  bool was_draining_ = false;
  std::array<const char*, 2> arguments_;
};

// The file that configures the program for this scenario.
std::string file_text(const Scenario& scenario, Under what);
bool listens(Under what, std::uint16_t port);  // somebody is served at that port

// All generations serve somebody but the youngest, and what they count agrees with the records.
std::string check_generations(Worker& worker, const std::vector<std::unique_ptr<plan::Generation>>& generations);

void draw_reloads(Chooser& chooser, Scenario& scenario);
std::string describe(const std::vector<ReloadPlan>& reloads);

}  // namespace sim
