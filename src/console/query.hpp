// The query of a data page: "since=12&slot=3".
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace console {

struct Query {
  std::uint64_t since = 0;
  std::optional<std::uint32_t> slot;
};

// What the parameters of a page may be.
struct QueryBounds {
  std::uint64_t since_most = UINT64_MAX;
  std::uint32_t slots = 0;  // `slot` is less than this; 0: the page has no such parameter
};

// Reads the parameters `since` and `slot`, each at most once, with decimal numbers within their bounds.
// Returns nothing if there is anything else.
std::optional<Query> parse_query(std::string_view text, const QueryBounds& bounds) noexcept;
// What is expected, as a sentence.
std::string query_help(const QueryBounds& bounds);

}  // namespace console
