// Where a redirect leads.
#pragma once
#include <string>
#include <string_view>

namespace http {

// The URL for Location (RFC 9110 section 10.2.2): `pattern` with path and query of the request's target in
// place of {path} and {query}.
std::string redirect_location(std::string_view pattern, std::string_view target);

}  // namespace http
