// The registered request methods.
#pragma once
#include <string_view>

#include "../base/reason.hpp"

namespace http {

// Returns true if the method is in the IANA registry (RFC 9110 section 16.1.1). Methods are case-sensitive.
bool is_registered_method(std::string_view method) noexcept;
// Why a page does not have the method; none for GET and HEAD.
base::Reason page_objection(std::string_view method) noexcept;
// The field Allow of their 405 (RFC 9110 section 15.5.6), with its CR LF.
inline constexpr std::string_view kPageAllow = "Allow: GET, HEAD\r\n";
// That of a CONNECT to a web server: its target HOST:PORT has no method there (section 10.2.1).
inline constexpr std::string_view kAllowNone = "Allow: \r\n";

}  // namespace http
