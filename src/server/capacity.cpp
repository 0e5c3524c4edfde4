#include "capacity.hpp"

#include <algorithm>
#include <bit>

#include "../net/pipes.hpp"
#include "../net/resolver.hpp"
#include "../state/block_size.hpp"
#include "../sys/sys.hpp"

namespace server {
namespace {

// Standard streams, listeners, logs, health checks. A DNS query uses the two of its request, and rarely more.
constexpr std::size_t kReservedDescriptors = 32;
constexpr std::size_t kPipesShare = 8;     // pipes use at most one descriptor in eight
constexpr std::size_t kLookupsShare = 32;  // descriptors for each DNS query
constexpr std::size_t kLookupsMin = 8;

}  // namespace

Capacity capacity_for(const plan::Config& config) noexcept {
  const std::size_t descriptors = sys::raise_descriptor_limit();
  const std::size_t pipes = std::min(descriptors / kPipesShare / 2, net::Pipes::kMost);
  const std::size_t free = descriptors - 2 * pipes;
  const std::size_t pairs = free > 2 * kReservedDescriptors ? (free - kReservedDescriptors) / 2 : 16;
  const auto slots =
      static_cast<std::uint32_t>(std::min(config.max_requests.value_or(plan::kRequestsDefault), pairs));
  const std::size_t block_bytes = state::block_bytes_for(config.head_limits);
  return {slots,
          config.buffer_mib * 1024 * 1024 / block_bytes,
          block_bytes,
          pipes,
          std::clamp(descriptors / kLookupsShare, kLookupsMin, net::Resolver::kPendingMax),
          std::bit_ceil(config.trace_entries)};
}

}  // namespace server
