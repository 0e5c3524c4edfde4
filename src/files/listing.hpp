// The HTML page of a directory, written in pieces: its beginning, a row for each entry, its end.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace files {

struct ListingRow {
  std::string_view name;
  bool folder = false;
  std::uint64_t size = 0;       // bytes
  std::int64_t modified_s = 0;  // since 1970-01-01 UTC
};

// The order of the rows. Directories come first in any order.
struct ListingOrder {
  enum class Column : std::uint8_t { name, size, time };
  Column column = Column::name;
  bool descending = false;
  bool operator==(const ListingOrder&) const = default;
};

// Reads sort=name|size|time and order=asc|desc of a query. By name if it has neither.
ListingOrder read_listing_order(std::string_view query) noexcept;
// Row `a` comes before row `b`.
bool comes_before(const ListingRow& a, const ListingRow& b, ListingOrder order) noexcept;

// Returns the beginning of the page, in UTF-8. It loads nothing else. `path`: of the directory, decoded, for
// the title; `has_parent`: its parent directory is served too.
std::string listing_begin(std::string_view path, bool has_parent, ListingOrder order);
// Appends the row of an entry.
void put_listing_row(std::string& out, const ListingRow& row);
// Returns the end of the page. `cut`: the directory has more entries than the page's `rows`.
std::string listing_end(bool cut, std::size_t rows);

}  // namespace files
