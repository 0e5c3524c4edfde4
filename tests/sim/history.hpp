// One history: a scenario played in a world whose choices a chooser makes, with every invariant checked.
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
#include "viewers.hpp"

namespace sim {

constexpr std::uint32_t kDrainMs = 900'000;   // longer than any deadline: every response has arrived before
constexpr std::uint16_t kAsidePort = 9090;    // no client connects here
constexpr std::uint16_t kTakenPort = 9091;    // in use by another program

struct Scenario {
  bool http10 = true;               // HTTP/1.0 behaviour, one request per connection: `pairs`; else the rest
  std::vector<Pair> pairs;
  std::vector<Visit> visits;
  std::vector<HousePlan> houses;
  ParentPlan parent;
  RolesPlan roles;                  // listeners with other roles
  ViewersPlan viewers;              // of the board
  std::size_t keep_upstreams = 64;  // idle connections to origins
  Temper temper;
  std::size_t max_requests = 8;
  std::size_t blocks = 0;            // 0: enough
  std::size_t descriptor_limit = 256;
  plan::Rate client_bytes;           // of all clients together: they have one address
  std::uint32_t bulk_bytes = 1024;   // of a body, before a pipe is used
  std::uint64_t drained_after = 0;   // turns until the graceful shutdown; 0: never
  std::vector<ReloadPlan> reloads;
  std::optional<World::Failure> failure;
  sys::LensSettings lens;      // --lens of the program
  bool narrated = false;       // write the story and the recording even without a failure
  bool last_is_after = false;  // the last pair or visit comes after the failure: it must be served as in a kind world
};

// What the origins had received when the shutdown began.
struct UnderWay {
  bool all = true;  // no shutdown
  std::set<std::size_t> pairs;
  std::set<std::pair<std::size_t, std::size_t>> asks;  // visit and number
  [[nodiscard]] bool has_pair(std::size_t index) const { return all || pairs.contains(index); }
  [[nodiscard]] bool has_ask(std::size_t visit, std::size_t nth) const { return all || asks.contains({visit, nth}); }
  std::set<std::pair<std::size_t, std::size_t>> reloaded;  // asks received before a reload
};

struct Outcome {
  std::string broken;   // empty: all invariants hold
  std::string story;    // what happened, for a reader: actors and the proxy's trace
  std::string recording;  // the proxy's record file, if `narrated` or if it failed while the proxy ran
  std::vector<std::uint32_t> calls;  // made, by kind
  std::uint64_t turns = 0;
  std::vector<std::string_view> findings;  // of the loop doctor: their codes
  struct Seen {
    std::string client, origin;
  };
  std::vector<Seen> seen;  // the bytes that each received
};

Outcome play(const Scenario& scenario, Chooser& chooser);

// Draws a scenario; `by_ways`: with hosts of several addresses, or with a parent proxy.
Scenario draw(Chooser& chooser, bool http10, bool by_ways);
Scenario draw_with_roles(Chooser& chooser);
std::string describe(const Scenario& scenario);

// Shrinks a scenario: removes everything that is not needed for the failure.
Scenario shrink(const Scenario& scenario, const std::function<bool(const Scenario&)>& fails);

// ---- the lens (lens.cpp) ----
void draw_lens(Chooser& chooser, Scenario& scenario);
void shrink_lens(const std::function<void(const std::function<void(Scenario&)>&)>& attempt);

// No resource is short and nothing fails.
bool is_kind_world(const Scenario& scenario);

// ---- keep-alive connections ----
using Visitors = std::vector<std::unique_ptr<Visitor>>;
using Houses = std::vector<std::unique_ptr<House>>;
// Checks what they have received. Returns the error; empty: none.
std::string judge_talk(const Scenario& scenario, const UnderWay& owed, const Editions& editions, const Visitors& visitors, const Houses& houses);
void draw_talk(Chooser& chooser, Scenario& scenario);
// Bytes that arrive during a turn. In some histories all origins send more than their responses.
void draw_surplus(Chooser& chooser, Scenario& scenario);
void limit_talk(Scenario& scenario, std::size_t most);  // of any body
std::string describe_talk(const Scenario& scenario);
void shrink_talk(Scenario& best, const std::function<void(const std::function<void(Scenario&)>&)>& attempt);

}  // namespace sim
