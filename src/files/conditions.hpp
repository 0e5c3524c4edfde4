// Conditional requests (RFC 9110 section 13): is the answer still wanted, and are ranges of it?
#pragma once
#include <cstdint>
#include <string_view>

#include "../http/head.hpp"

namespace files {

// What tells one state of a file from another.
struct Validators {
  std::string_view etag;         // with its quotes, strong; empty: there is none
  std::int64_t modified_s = -1;  // since 1970-01-01 UTC; below 0: not known
};

enum class Condition : std::uint8_t {
  holds,         // go on
  not_modified,  // 304
  failed,        // 412
};

// The order of RFC 9110 section 13.2.2, for GET and HEAD. A date that is none is as if it were not there.
Condition evaluate(const http::Fields& fields, const Validators& current, std::int64_t now_s) noexcept;

// Section 13.1.5: may ranges be sent, or must it be all? A date holds only if it is exactly the file's, and
// not of this very second, in which the file may change again.
bool if_range_holds(const http::Fields& fields, const Validators& current, std::int64_t now_s) noexcept;

}  // namespace files
