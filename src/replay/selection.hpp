// The part of a recording that is written.
#pragma once
#include <cstdint>
#include <optional>

namespace replay {

struct Selection {
  std::optional<std::uint32_t> slot{};  // none: all
  std::uint64_t from = 0, to = 0;       // positions; `to` is not included
  bool calls = false;                   // also turns, events and system calls

  [[nodiscard]] bool has(std::uint32_t of) const noexcept { return !slot || *slot == of; }
};

}  // namespace replay
