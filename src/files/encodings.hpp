// May an answer be sent in gzip, and is it worth it? (RFC 9110 section 12.5.3)
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "../http/head.hpp"

namespace files {

// Accept-Encoding names gzip, or "*", with a weight that is not 0 and not below that of `identity`.
bool accepts_gzip(const http::Fields& fields) noexcept;

// Is `type`, a media type with or without parameters, one of `patterns`? A "*" at the end of a pattern stands
// for the rest. Without patterns: what is text, in one format or another.
bool is_compressible(std::string_view type, const std::vector<std::string>& patterns) noexcept;

}  // namespace files
