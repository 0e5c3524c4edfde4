// The HTML page of a directory.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace files {

struct ListingRow {
  std::string name;
  bool folder = false;
  std::uint64_t size = 0;       // bytes
  std::int64_t modified_s = 0;  // since 1970-01-01 UTC
};

struct Listing {
  std::string_view path;    // of the directory, decoded, for the title
  bool has_parent = false;  // its parent directory is served too
  bool cut = false;         // the directory has more entries than `rows`
  std::string_view query;   // sort=name|size|time and order=asc|desc; else by name
  std::vector<ListingRow> rows;
};

// Writes HTML in UTF-8 that loads nothing else. Directories come first.
std::string write_listing(Listing listing);

}  // namespace files
