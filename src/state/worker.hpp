// Shared resources of all records: memory, queues, DNS, connection pool, clocks. One per program.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
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
#include "scheduler.hpp"

// The proxy's own pages. They do not depend on the client.
class Pages {
 public:
  static constexpr std::string_view kTextType = "text/plain; version=0.0.4; charset=utf-8";
  static constexpr std::string_view kPlainType = "text/plain; charset=utf-8";
  static constexpr std::string_view kJsonType = "application/json";
  static constexpr std::string_view kOpenMetricsType =
      "application/openmetrics-text; version=1.0.0; charset=utf-8";

  enum class MetricsFormat : std::uint8_t { text, json, openmetrics };
  static constexpr std::size_t kMetricsFormats = 3;

  virtual ~Pages() = default;
  // Counters and gauges. A page that other clients still receive is shared for a second.
  [[nodiscard]] virtual std::shared_ptr<const std::string> metrics(MetricsFormat format) = 0;
  // What the loop doctor finds: the page, and header fields with the number of findings.
  struct FindingsPage {
    std::shared_ptr<const std::string> text{};
    std::string fields{};  // of the response; each ends in CR LF
  };
  // What the loop doctor finds, for people or as JSON; shared in the same way.
  [[nodiscard]] virtual FindingsPage findings_page(bool json) = 0;
  // A page of the board.
  struct Page {
    std::uint16_t status = 200;
    std::shared_ptr<const std::string> text{};  // null: there is no body
    std::string fields{};                       // of the response; each ends in CR LF
    std::uint64_t work = 0;                     // units of work, besides that for the text
    bool pending = false;                       // made in parts: ask for it again in the next turn
  };
  // What the board responds to GET or HEAD of `viewer`.
  [[nodiscard]] virtual Page board_page(const http::RequestHead& head, const request_info& viewer) = 0;
};

// Keeps heads of forwarded messages, and which clients use the forward proxy, for the viewers of the board.
class HeadKeeper {
 public:
  enum class Message : std::uint8_t { request, response };

  virtual ~HeadKeeper() = default;
  // The head of a message of the record's request, with its empty line, as received and as sent.
  virtual void keep(const request_info& record, Message message, std::string_view received,
                    std::string_view sent) noexcept = 0;
  // A request came to the forward proxy from that address, with this User-Agent (empty: none).
  virtual void note_client(const sys::Address& client, std::string_view agent) noexcept = 0;
};

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
