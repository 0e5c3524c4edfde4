// Shared resources of all records: memory, queues, DNS, connection pool, clocks. One per program.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "../base/budget.hpp"
#include "../base/trace.hpp"
#include "../files/server.hpp"
#include "../net/address_health.hpp"
#include "../net/resolver.hpp"
#include "../net/upstream_pool.hpp"
#include "../plan/shares.hpp"
#include "../plan/this_machine.hpp"
#include "pages.hpp"
#include "scheduler.hpp"

// The run of a record that took longest in this turn.
struct LongestRun {
  bool measured = false;  // false: runs are not measured
  std::uint32_t slot = 0;
  std::uint64_t id = 0;  // of the connection
  std::uint64_t us = 0;
};

// Nothing here depends on a record. What depends on a record's configuration is in Turn.
struct Worker {
  plan::Generation* current;  // the newest configuration, which new connections use
  const sys::Fd& poller;
  Table& table;
  Scheduler& scheduler;
  plan::Shares& shares;
  base::BlockPool& blocks;
  net::Pipes& pipes;
  ExchangePool& exchanges;
  net::Resolver& resolver;
  net::UpstreamPool& upstreams;
  base::Trace& trace;
  net::AddressHealth address_health{};
  ::files::Server* files = nullptr;
  Pages* pages = nullptr;            // null: there are none
  HeadKeeper* heads = nullptr;       // null: heads are not kept
  plan::ThisMachine machine{};       // its addresses, and where the proxy listens
  http::HeadLimits head_limits{};    // the blocks have room for such heads
  std::string_view run_id{};         // identifies this run of the program, so that request IDs are unique
  bool draining = false;             // graceful shutdown: requests in flight are finished, nothing else
  bool replaced = false;             // the same, but another process accepts: idle clients may still ask once
  std::uint64_t connections = 0;     // accepted so far
  std::size_t runs = 0;              // of records, in this turn, without those of viewers
  std::size_t viewers = 0;           // records of viewers of the board
  std::size_t viewer_runs = 0;       // of these, in this turn
  std::size_t viewer_events = 0;     // for these, in this turn
  std::uint64_t board_requests = 0;  // of viewers, so far
  LongestRun longest_run{};          // set by the loop doctor to be measured
  std::uint64_t waits = 0;           // so far, one for each turn
  bool all_reported = false;         // the last wait has reported all that was ready
  std::uint64_t events = 0;          // for records
  std::uint64_t idle_events = 0;     // of these, that set no mark of a record that waited
  base::TurnBudget budget{};         // of this turn
  Share serving = Share::none;       // the record that runs was taken from this queue
  // The clocks, read once a turn.
  std::uint64_t now = 0;  // ms, monotonic
  std::uint64_t wall_ms = 0;
  std::string_view date{};              // of the Date field
  std::vector<ExchangePtr> finished{};  // for the log

  // Idle clients are closed, and the proxy is not ready for new ones.
  [[nodiscard]] bool stopping() const noexcept { return draining && !replaced; }
};
