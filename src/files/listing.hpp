// What stands in a folder, as a page.
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
  std::string_view path;    // of the folder, decoded, as its title
  bool has_parent = false;  // a folder above it is served too
  bool cut = false;         // there is more than `rows`
  std::string_view query;   // sort=name|size|time and order=asc|desc; else by name
  std::vector<ListingRow> rows;
};

// HTML in UTF-8, whatever the names are; nothing in it is loaded from elsewhere. Folders come first.
std::string write_listing(Listing listing);

}  // namespace files
