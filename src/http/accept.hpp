// Content negotiation: weights, and the media types of Accept (RFC 9110 sections 12.4.2 and 12.5.1).
#pragma once
#include <string_view>

#include "head.hpp"

namespace http {

// A weight, as in "q=0.5", in thousandths: "0.5" is 500. Returns 0 if it is invalid.
unsigned parse_weight(std::string_view text) noexcept;

// Returns true if Accept gives `type` a higher weight than `other`; with equal weights, if it names `type`
// and not only a range that includes it, as */*. The most specific range gives the weight of a type. Types
// are as "text/html"; ranges match ignoring case, and their parameters do not count.
bool prefers(const Fields& fields, std::string_view type, std::string_view other) noexcept;

}  // namespace http
