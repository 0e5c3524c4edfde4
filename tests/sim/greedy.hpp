// Histories with greedy clients beside a modest one, which must be served soon, whatever the others hold.
#pragma once
#include <string>
#include <vector>

#include "kernel.hpp"

namespace sim {

// One client that keeps many connections, all of one kind.
struct GreedyPlan {
  std::size_t kind = 0;         // row of the table of kinds in greedy.cpp
  std::uint32_t width = 1;      // connections at the same time
  std::uint32_t lives = 1;      // connections in all: a closed one is replaced
};

struct GreedyScenario {
  std::uint32_t slots = 4;      // of the table of records
  std::size_t blocks = 6;       // of the pool, at least two for each client
  std::uint32_t connections = 0;  // --client-connections; 0: no limit
  std::vector<GreedyPlan> clients;
  std::uint32_t requests = 3;   // of the modest client, one after another
  std::size_t modest = 0;       // row of the table of its requests in greedy.cpp
  bool users = false;           // the proxy requires a password
  std::size_t body = 100;       // of each response to it, bytes
  std::size_t room = 4096;      // bytes a connection holds in each direction
  std::uint32_t linger = 0;     // as in Temper
};

GreedyScenario draw_greedy(Chooser& chooser);
// Plays it. Returns the invariant that is broken; empty: none. `recording`: gets the proxy's record file.
std::string play_greedy(const GreedyScenario& scenario, Chooser& chooser, std::string* recording = nullptr);
std::string describe(const GreedyScenario& scenario);

}  // namespace sim
