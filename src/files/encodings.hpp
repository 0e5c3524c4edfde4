// Negotiation of gzip (RFC 9110 section 12.5.3).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "../http/head.hpp"

namespace files {

// Returns true if Accept-Encoding accepts gzip, or "*", with a weight above 0 and at least that of
// `identity`.
bool accepts_gzip(const http::Fields& fields) noexcept;

// Returns true if the media type, with or without parameters, is a text format or matches one of `patterns`;
// a "*" at the end of a pattern matches any rest.
bool is_compressible(std::string_view type, const std::vector<std::string>& patterns) noexcept;

}  // namespace files
