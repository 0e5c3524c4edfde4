// The trace of a request (W3C Trace Context, https://www.w3.org/TR/trace-context/).
#pragma once
#include <string_view>

#include "head.hpp"

namespace http {

inline constexpr std::size_t kTraceIdBytes = 32;

// The trace-id of traceparent, kTraceIdBytes hexadecimal digits in lower case: a view into the field. Empty:
// the request has no valid traceparent, or more than one (section 3.2). A later version than 00 may have more
// parts.
std::string_view trace_id(const Fields& fields) noexcept;

}  // namespace http
