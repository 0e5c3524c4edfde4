// Range requests (RFC 9110 section 14).
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace files {

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t length = 0;  // at least 1
  bool operator==(const ByteRange&) const = default;
};

struct Ranges {
  enum class What : std::uint8_t {
    whole,    // no valid ranges, or too many
    parts,    // `parts`, at least one
    outside,  // none of them lies in the file: 416
  };
  What what = What::whole;
  std::vector<ByteRange> parts{};  // in the requested order; if some were joined, in the file's order
};

// With more parts the whole file is sent.
inline constexpr std::size_t kRangesMax = 16;

// Parses the value of Range for a file of `size` bytes.
Ranges parse_ranges(std::string_view value, std::uint64_t size);

}  // namespace files
