// Reads numbers, times and rates from text.
#pragma once
#include <optional>
#include <string_view>

#include "../plan/allowance.hpp"

namespace config {

inline constexpr std::uint32_t kMsMax = 86'400'000;  // one day

// Seconds with up to three decimals ("30", "0.25"), in milliseconds; at most kMsMax.
std::optional<std::uint32_t> parse_seconds(std::string_view text) noexcept;

// "100" per second, or with the burst "100:500". Each number may end in k, m or g, for factors of 2^10, 2^20
// and 2^30.
std::optional<plan::Rate> parse_rate(std::string_view text) noexcept;

}  // namespace config
