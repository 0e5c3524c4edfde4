// How many of everything there is: told by the configuration, and bounded by the descriptors we may have.
#pragma once
#include <cstddef>
#include <cstdint>

#include "../plan/config.hpp"

struct Capacity {
  std::uint32_t requests;  // served at once
  std::uint32_t slots;     // with those that are told that there is no more room
  std::size_t blocks;
  std::size_t pipes;
};

// Raises the limit on descriptors (setrlimit(2)) as far as it goes.
Capacity capacity_for(const plan::Config& config) noexcept;
