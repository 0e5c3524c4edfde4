// SIGHUP: reloads during a history, and which configuration serves each connection. A connection keeps its
// configuration; a configuration that cannot be read, or whose listeners cannot be opened, changes nothing.
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

// The content of the file when the signal arrives.
struct ReloadPlan {
  enum class What : std::uint8_t {
    same,    // the first content
    more,    // one more listener, before the others
    closed,  // a single listener without clients
    denied,  // all requests are denied
    astray,  // a parent that refuses connections
    others,  // another server in each group, another name of the proxy
    broken,  // it cannot be read
    taken,   // one more listener, on a port in use
  };
  std::uint64_t after = 1;  // turns
  What what = What::same;
};
using Under = ReloadPlan::What;

// The effect of a configuration on its clients.
constexpr bool is_good(Under what) { return what < Under::broken; }
constexpr int status_of(Under what) { return what == Under::denied ? 403 : what == Under::astray ? 502 : 0; }  // 0: clients are served

// The configurations so far, in order.
class Editions {
 public:
  [[nodiscard]] Under of(std::size_t edition) const { return all_[edition]; }
  [[nodiscard]] bool passed(std::size_t edition) const { return edition + 1 < all_.size(); }  // a newer one exists
  [[nodiscard]] std::size_t last() const { return all_.size() - 1; }
  void add(Under what) { all_.push_back(what); }

 private:
  std::vector<Under> all_{Under::same};
};

// Sends the signals and checks their effect.
class Reloads {
 public:
  Reloads(World& world, const Scenario& scenario);
  // Options of the command line that name the file.
  [[nodiscard]] std::span<const char* const> arguments() const;
  // Checks after a turn. Returns the error; empty: none. `adopted`: a new configuration is in force.
  std::string poll(std::uint64_t turn, bool draining, bool& adopted);
  [[nodiscard]] const Editions& editions() const { return editions_; }

 private:
  void send(Under what);
  std::string settle(bool& adopted);
  void note_newcomers(bool adopted);

  World& world_;
  const Scenario& scenario_;
  Editions editions_;
  Under sent_ = Under::same;  // sent with the last signal
  std::uint32_t heard_ = 0;
  std::size_t complained_ = 0;  // bytes of its error output checked so far
  bool was_draining_ = false;
  std::array<const char*, 4> arguments_;
};

// The configuration file for this scenario.
std::string file_text(const Scenario& scenario, Under what);
bool listens(Under what, std::uint16_t port);  // a listener of the configuration uses that port

// Each generation but the newest serves a record, and their counts match the records.
std::string check_generations(Worker& worker, const std::vector<std::unique_ptr<plan::Generation>>& generations);

void draw_reloads(Chooser& chooser, Scenario& scenario);
std::string describe(const std::vector<ReloadPlan>& reloads);

}  // namespace sim
