// One history: a scenario, played in a world whose freedoms a chooser decides, and every promise checked.
#pragma once
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "../../src/plan/limits.hpp"
#include "reload.hpp"
#include "roles.hpp"
#include "talk.hpp"

namespace sim {

constexpr std::uint32_t kDrainMs = 900'000;   // longer than any deadline: whoever is owed something has it before
constexpr std::uint16_t kAsidePort = 9090;    // where no client comes
constexpr std::uint16_t kTakenPort = 9091;    // where another program listens

struct Scenario {
  bool http10 = true;               // the proxy's old behaviour, one request a connection: `pairs`; else the rest
  std::vector<Pair> pairs;
  std::vector<Visit> visits;
  std::vector<HousePlan> houses;
  ParentPlan parent;
  RolesPlan roles;                  // beside the proxy: other listeners
  std::size_t keep_upstreams = 64;  // idle connections to origins
  Temper temper;
  std::size_t max_requests = 8;
  std::size_t blocks = 0;            // 0: as many as anybody could want
  std::size_t descriptor_limit = 256;
  plan::Rate client_bytes;           // of all clients, who come from one address
  std::uint32_t bulk_bytes = 1024;   // of a body, before the rest goes through a pipe
  std::uint64_t drained_after = 0;   // so many turns the program is told to finish what is under way, and to end; 0: never
  std::vector<ReloadPlan> reloads;
  std::optional<World::Failure> failure;
  bool told = false;           // the story is written whatever happens
  bool last_is_after = false;  // the last pair or visit comes when the failure is over: it must be served as in a kind world
};

// What had come to an origin when the program was told to finish it.
struct UnderWay {
  bool all = true;  // it never was told
  std::set<std::size_t> pairs;
  std::set<std::pair<std::size_t, std::size_t>> asks;  // visit and number
  [[nodiscard]] bool has_pair(std::size_t index) const { return all || pairs.contains(index); }
  [[nodiscard]] bool has_ask(std::size_t visit, std::size_t nth) const { return all || asks.contains({visit, nth}); }
  std::set<std::pair<std::size_t, std::size_t>> reloaded;  // asks that had come when another configuration did
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

// A scenario drawn at random; `by_ways`: with hosts of several addresses, or by way of a parent.
Scenario draw(Chooser& chooser, bool http10, bool by_ways);
Scenario draw_with_roles(Chooser& chooser);
std::string describe(const Scenario& scenario);

// What is left when everything that can be left out without losing the failure has been left out.
Scenario shrink(const Scenario& scenario, const std::function<bool(const Scenario&)>& fails);

// Nothing is short, nothing fails by itself.
bool is_kind_world(const Scenario& scenario);

// ---- of kept connections ----
using Visitors = std::vector<std::unique_ptr<Visitor>>;
using Houses = std::vector<std::unique_ptr<House>>;
// What is wrong with what they have seen; empty: nothing.
std::string judge_talk(const Scenario& scenario, const UnderWay& owed, const Editions& editions, const Visitors& visitors, const Houses& houses);
void draw_talk(Chooser& chooser, Scenario& scenario);
void limit_talk(Scenario& scenario, std::size_t most);  // of any body
std::string describe_talk(const Scenario& scenario);
void shrink_talk(Scenario& best, const std::function<void(const std::function<void(Scenario&)>&)>& attempt);

}  // namespace sim
