// Counts the requests that have ended, and tells the counts with what there is now: as text in Prometheus'
// exposition format, version 0.0.4, or as JSON.
//
// All is of fixed size: a bounded number of counters, whatever clients ask for. Nothing that others choose
// (a host, a URL) becomes a label. A restart of the program begins at 0.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "../../request_state.hpp"

namespace watch {

// How often a time fell into which bucket.
class Histogram {
 public:
  // Upper ends, ms, each within its bucket; what is longer is counted by `count` alone.
  static constexpr std::array<std::uint32_t, 13> kBounds{1,   2,   5,    10,   20,   50,   100,
                                                         200, 500, 1000, 2000, 5000, 10000};

  void add(std::uint64_t ms) noexcept;
  // Of times up to kBounds[bound], those of smaller bounds among them.
  [[nodiscard]] std::uint64_t up_to(std::size_t bound) const noexcept;
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t sum_ms() const noexcept { return sum_ms_; }

 private:
  std::array<std::uint64_t, kBounds.size()> in_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ms_ = 0;
};

// What there is when the page is written.
struct Gauges {
  std::array<std::uint64_t, kStates> records{};  // by state; of FREE those that are not in use
  std::uint64_t records_limit = 0;
  std::uint64_t blocks = 0, blocks_limit = 0;
  std::uint64_t pipes = 0;
  std::uint64_t idle_upstreams = 0;
  std::uint64_t names = 0;  // that the resolver remembers
  struct Listener {
    std::string address;
    std::uint64_t connections = 0;  // since it was opened
  };
  std::vector<Listener> listeners{};  // those that there are
  // Since the start.
  std::uint64_t connections = 0;
  std::uint64_t stale_events = 0;
  std::uint64_t dropped_lines = 0;
  std::uint64_t uptime_ms = 0;
};

// Where a request's time goes. A phase that a request did not have is not counted for it.
enum class Interval : std::uint8_t { resolve, connect, send, wait, receive };
inline constexpr std::array<std::string_view, 5> kIntervalNames{"resolve", "connect", "send", "wait",
                                                                "receive"};

// How it went with an address that was tried.
enum class AttemptResult : std::uint8_t { connected, failed, canceled, denied, abandoned };
inline constexpr std::array<std::string_view, 5> kAttemptResultNames{"connected", "failed", "canceled",
                                                                     "denied", "abandoned"};

class Metrics {
 public:
  // To be called once for each request that has ended.
  void count(const Exchange& exchange) noexcept;

  [[nodiscard]] std::string text(const Gauges& gauges) const;  // ends in a newline
  // An object with a member for each metric, in it a list of {labels..., "value": number}; a histogram has
  // "buckets" (cumulative), "sum" and "count" instead.
  [[nodiscard]] std::string json(const Gauges& gauges) const;

  // The counts, for those who write them.
  struct Counts {
    std::array<std::uint64_t, 6> by_class{};  // of the status: [0] without answer, [1] 1xx ... [5] 5xx
    std::array<std::uint64_t, static_cast<std::size_t>(base::Reason::count)> by_reason{};
    std::array<std::uint64_t, kAttemptResultNames.size()> attempts{};
    std::uint64_t bytes_up = 0, bytes_down = 0;
    std::uint64_t interims = 0;
    std::uint64_t reused = 0, repeated = 0;
    std::uint64_t tunnels = 0;
    Histogram total;
    std::array<Histogram, kIntervalNames.size()> intervals;
  };

 private:
  void count_attempts(const Exchange& exchange) noexcept;
  void count_times(const Exchange& exchange) noexcept;

  Counts counts_;
};

}  // namespace watch
