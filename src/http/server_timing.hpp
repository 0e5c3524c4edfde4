// Server-Timing in responses: where the time of a request went (https://www.w3.org/TR/server-timing/).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../base/text.hpp"

namespace http {

struct ServerTiming {
  static constexpr std::size_t kMetricsMax = 5, kNameMax = 13;
  struct Metric {
    std::string_view name;  // a token of at most kNameMax bytes
    std::uint32_t ms;
  };
  std::array<Metric, kMetricsMax> metrics;  // the first `count`
  std::size_t count = 0;

  void add(std::string_view name, std::uint64_t ms) noexcept;
};

// Longest line of put_server_timing: "Server-Timing: ", then "read_response;dur=4294967295, " for each
// metric.
inline constexpr std::size_t kServerTimingMax =
    17 + ServerTiming::kMetricsMax * (ServerTiming::kNameMax + 17);

// The line of the field with CR LF; nothing for null or without a metric.
void put_server_timing(base::Writer& out, const ServerTiming* timing) noexcept;

}  // namespace http
