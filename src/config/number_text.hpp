// Reads numbers, times and rates from text.
#pragma once
#include <optional>
#include <string_view>

#include "../plan/allowance.hpp"

namespace config {

inline constexpr std::uint32_t kMsMax = 86'400'000;  // one day

// A time with up to three decimals, in seconds ("30", "0.25") or with a unit ("250ms", "10m", "1h", "1d").
// Returns milliseconds, at most kMsMax.
std::optional<std::uint32_t> parse_seconds(std::string_view text) noexcept;

// A number of bytes, which may end in k, m or g as those of parse_rate; 0 to plan::kRateMax.
std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;

// "100" or "100/s" per second, or with the burst "100:500". Each number may end in k, m or g, for factors of
// 2^10, 2^20 and 2^30.
std::optional<plan::Rate> parse_rate(std::string_view text) noexcept;

}  // namespace config
