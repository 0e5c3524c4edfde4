// One history: a scenario, played in a world whose freedoms a chooser decides, and every promise checked.
#pragma once
#include <string>
#include <vector>

#include "actors.hpp"

namespace sim {

struct Scenario {
  std::vector<Pair> pairs;
  Temper temper;
  std::size_t max_requests = 8;
  std::size_t blocks = 0;            // 0: as many as anybody could want
  std::size_t descriptor_limit = 256;
  std::optional<World::Failure> failure;
  bool last_is_after = false;  // the last pair comes when the failure is over: it must be served as in a kind world
};

struct Outcome {
  std::string broken;   // empty: all promises were kept
  std::string story;    // what happened, for a human: actors and the proxy's own trace
  std::vector<std::uint32_t> calls;  // made, by kind
  std::uint64_t turns = 0;
  struct Seen {
    std::string client, origin;
  };
  std::vector<Seen> seen;  // the bytes that came to each
};

Outcome play(const Scenario& scenario, Chooser& chooser);

// A scenario drawn at random.
Scenario draw(Chooser& chooser);
std::string describe(const Scenario& scenario);

// What is left when everything that can be left out without losing the failure has been left out.
Scenario shrink(const Scenario& scenario, const std::function<bool(const Scenario&)>& fails);

}  // namespace sim
