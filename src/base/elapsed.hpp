// Times between two readings of a clock, as narrow fields hold them.
#pragma once
#include <algorithm>
#include <cstdint>

namespace base {

// Returns the time from `from` to `to` in the clock's unit, at most `most`; 0 if `to` is before `from`.
constexpr std::uint32_t elapsed(std::uint64_t from, std::uint64_t to,
                                std::uint32_t most = UINT32_MAX) noexcept {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(to > from ? to - from : 0, most));
}

}  // namespace base
