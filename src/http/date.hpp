// Dates in header fields (RFC 9110 section 5.6.7).
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace http {

inline constexpr std::size_t kDateBytes = 29;

// Writes an IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT".
void write_date(std::uint64_t unix_ms, std::span<char, kDateBytes> room) noexcept;

// Reads an HTTP-date in any of its three forms: seconds since 1970-01-01 UTC, or nothing if it is invalid. A
// year of two digits is at most 50 years after `now_s`.
std::optional<std::int64_t> parse_date(std::string_view text, std::int64_t now_s) noexcept;

// "Jan" to "Dec". REQUIRES: `month` from 1 to 12.
std::string_view month_name(unsigned month) noexcept;

}  // namespace http
