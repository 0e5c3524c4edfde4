// Dates in fields (RFC 9110 section 5.6.7), read; `write_date` writes them.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace http {

// Seconds since 1970-01-01 UTC of an HTTP-date in any of its three forms, or nothing if it is none. A year of
// two digits is the one that is not more than 50 years after `now_s`.
std::optional<std::int64_t> parse_date(std::string_view text, std::int64_t now_s) noexcept;

}  // namespace http
