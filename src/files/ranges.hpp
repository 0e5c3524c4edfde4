// Range requests (RFC 9110 section 14): which bytes a client asks for.
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
    whole,    // there is no reason to send less: no ranges, none that are understood, or too many
    parts,    // `parts`, at least one
    outside,  // none of them lies in the file: 416
  };
  What what = What::whole;
  std::vector<ByteRange> parts{};  // in the order asked for; if some met, in the file's order and joined
};

// More parts than this are not sent: the whole file is.
inline constexpr std::size_t kRangesMax = 16;

// Reads the value of Range for a file of `size` bytes.
Ranges parse_ranges(std::string_view value, std::uint64_t size);

}  // namespace files
