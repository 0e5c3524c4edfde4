// Conditional requests (RFC 9110 section 13).
#pragma once
#include <cstdint>
#include <string_view>

#include "../http/head.hpp"

namespace files {

// The validators of a file's current state.
struct Validators {
  std::string_view etag;         // strong, with quotes; empty: none
  std::int64_t modified_s = -1;  // seconds since 1970-01-01 UTC; below 0: unknown
};

enum class Condition : std::uint8_t {
  holds,         // send the response
  not_modified,  // 304
  failed,        // 412
};

// Evaluates the conditions in the order of section 13.2.2, for GET and HEAD. Invalid dates are ignored.
Condition evaluate(const http::Fields& fields, const Validators& current, std::int64_t now_s) noexcept;

// Evaluates If-Range (section 13.1.5): returns true if ranges may be sent. A date must be exactly the file's,
// and before the current second, in which the file may still change.
bool if_range_holds(const http::Fields& fields, const Validators& current, std::int64_t now_s) noexcept;

}  // namespace files
