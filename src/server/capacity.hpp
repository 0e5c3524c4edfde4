// Sizes of the table and the pools, from the configuration and the limit on descriptors.
#pragma once
#include <cstddef>
#include <cstdint>

#include "../plan/config.hpp"

namespace server {

struct Capacity {
  std::uint32_t slots;  // records: connections served at the same time
  std::size_t blocks;
  std::size_t block_bytes;
  std::size_t pipes;
  std::size_t lookups;        // DNS queries at the same time
  std::size_t trace_entries;  // a power of two
};

// Raises the descriptor limit (setrlimit(2)) to the hard limit and sizes the pools to fit.
Capacity capacity_for(const plan::Config& config) noexcept;

}  // namespace server
