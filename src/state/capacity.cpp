#include "capacity.hpp"

#include <algorithm>

#include "../base/pool.hpp"
#include "../net/pipes.hpp"
#include "../sys/sys.hpp"

namespace {

constexpr std::size_t kDescriptorsKept = 32;  // for standard streams, listeners, logs, name servers, checks
constexpr std::size_t kPipesShare = 8;        // of all descriptors, one in so many may be a pipe's

}  // namespace

Capacity capacity_for(const plan::Config& config) noexcept {
  const std::size_t descriptors = sys::raise_descriptor_limit();
  const std::size_t pipes = std::min(descriptors / kPipesShare / 2, net::Pipes::kMost);
  const std::size_t free = descriptors - 2 * pipes;
  const std::size_t pairs = free > 2 * kDescriptorsKept ? (free - kDescriptorsKept) / 2 : 16;
  const auto requests = static_cast<std::uint32_t>(std::min(config.max_requests, pairs));
  const std::uint32_t refusals = std::clamp(requests / 8, 4U, 256U);
  return {requests, requests + refusals, config.buffer_mib * 1024 * 1024 / base::kBlockBytes, pipes};
}
