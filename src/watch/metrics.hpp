// Counts completed requests and writes the counters and gauges: in the Prometheus text exposition format,
// version 0.0.4, in the OpenMetrics text format, version 1.0.0, or as JSON.
//
// The number of counters is fixed: no label has a value that a client chooses (a host, a URL). Counters start
// at 0 when the program starts.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "../state/access_record.hpp"
#include "../sys/sys.hpp"
#include "findings.hpp"

namespace watch {

// A histogram of durations.
class Histogram {
 public:
  static constexpr std::size_t kBuckets = 13;
  // Inclusive upper bounds of the buckets, µs. Longer durations are in `count` and `sum_us` only.
  using Bounds = std::array<std::uint32_t, kBuckets>;
  static constexpr Bounds kRequest{1'000,   2'000,   5'000,     10'000,    20'000,    50'000,    100'000,
                                   200'000, 500'000, 1'000'000, 2'000'000, 5'000'000, 10'000'000};
  static constexpr Bounds kTurn{20,    50,     100,    200,    500,     1'000,    2'000,
                                5'000, 10'000, 20'000, 50'000, 200'000, 1'000'000};

  // REQUIRES: `bounds` outlives this.
  explicit constexpr Histogram(const Bounds& bounds) noexcept : bounds_(&bounds) {}

  [[nodiscard]] const Bounds& bounds() const noexcept { return *bounds_; }
  // Counts a duration.
  void add(std::uint64_t us) noexcept;
  // The number of durations up to bounds()[bound] (cumulative).
  [[nodiscard]] std::uint64_t up_to(std::size_t bound) const noexcept;
  // The number of durations.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  // Their sum, µs.
  [[nodiscard]] std::uint64_t sum_us() const noexcept { return sum_us_; }

 private:
  const Bounds* bounds_;
  std::array<std::uint64_t, kBuckets> in_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_us_ = 0;
};

// The state of the proxy at the time of the page.
struct Gauges {
  std::array<std::uint64_t, kStates> records{};  // by state; FREE: not in use
  std::uint64_t records_limit = 0;
  std::uint64_t blocks = 0, blocks_limit = 0;
  std::uint64_t pipes = 0;
  std::uint64_t idle_upstreams = 0;
  std::uint64_t names = 0;    // in the DNS cache, or being resolved
  std::uint64_t queries = 0;  // names being resolved
  // An open listener.
  struct Listener {
    std::string address;
    std::uint64_t connections = 0;  // since it was opened
  };
  std::vector<Listener> listeners{};
  // Since the start of the program.
  std::uint64_t connections = 0;
  std::uint64_t stale_events = 0;
  std::uint64_t board_requests = 0;
  std::uint64_t dropped_lines = 0;
  std::array<std::uint64_t, kFindings> findings{};  // sightings
  std::uint64_t uptime_ms = 0;
  std::uint64_t started_ms = 0;  // when the program started, since 1970-01-01 UTC
  sys::ProcessFigures process{};
};

// The parts of a request's duration. A part that the request did not reach is not counted.
enum class Interval : std::uint8_t { resolve, connect, send, wait, receive };
inline constexpr std::array<std::string_view, 5> kIntervalNames{"resolve", "connect", "send", "wait",
                                                                "receive"};

// The result of a connection attempt to one address.
enum class AttemptResult : std::uint8_t { connected, failed, canceled, denied, abandoned };
inline constexpr std::array<std::string_view, 5> kAttemptResultNames{"connected", "failed", "canceled",
                                                                     "denied", "abandoned"};

// The counters.
class Metrics {
 public:
  // Counts a completed request.
  void count(const AccessRecord& record) noexcept;
  // Counts a turn of the event loop, from the return of epoll_wait(2) until all marked records have run.
  void count_turn(std::uint64_t us) noexcept { counts_.turns.add(us); }
  // Counts a wakeup for a timer that was due `us` before.
  void count_poll_delay(std::uint64_t us) noexcept { counts_.poll_delays.add(us); }

  // Returns the page in the Prometheus text format.
  [[nodiscard]] std::string text(const Gauges& gauges) const;
  // Returns the page in the OpenMetrics text format: the same samples.
  [[nodiscard]] std::string openmetrics(const Gauges& gauges) const;
  // Returns a JSON object with a member for each metric: a list of {labels..., "value": number}; a histogram
  // has "buckets" (cumulative), "sum" and "count" instead of "value".
  [[nodiscard]] std::string json(const Gauges& gauges) const;
  // Any of these three.
  using Writer = std::string (Metrics::*)(const Gauges& gauges) const;

  // The counters.
  struct Counts {
    std::array<std::uint64_t, 6> by_class{};  // by status: [0] no response, [1] 1xx ... [5] 5xx
    std::array<std::uint64_t, static_cast<std::size_t>(base::Reason::count)> by_reason{};
    std::array<std::uint64_t, kAttemptResultNames.size()> attempts{};
    std::uint64_t bytes_up = 0, bytes_down = 0;
    std::uint64_t interims = 0;
    std::uint64_t reused = 0, repeated = 0;
    std::uint64_t tunnels = 0;
    Histogram turns{Histogram::kTurn}, poll_delays{Histogram::kTurn};
    Histogram total{Histogram::kRequest};
    std::array<Histogram, kIntervalNames.size()> intervals{
        Histogram{Histogram::kRequest}, Histogram{Histogram::kRequest}, Histogram{Histogram::kRequest},
        Histogram{Histogram::kRequest}, Histogram{Histogram::kRequest}};
  };

 private:
  void count_attempts(const AccessRecord& record) noexcept;
  void count_times(const AccessRecord& record) noexcept;

  Counts counts_;
};

}  // namespace watch
