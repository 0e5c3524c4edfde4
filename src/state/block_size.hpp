// The size of blocks: a head that was read and rewritten fits in its block, together with the body bytes read
// after it.
#pragma once
#include "../http/rewrite.hpp"
#include "../net/lane.hpp"

namespace state {

// In bytes: base::kBlockBytes, or more if heads within these limits need it.
constexpr std::size_t block_bytes_for(const http::HeadLimits& limits) noexcept {
  constexpr std::size_t kStep = 1024;
  const std::size_t needed =
      limits.bytes + http::rewrite_growth(limits.fields) + net::kChunkHeadBytes + net::kChunkEndBytes;
  return needed <= base::kBlockBytes ? base::kBlockBytes : (needed + kStep - 1) / kStep * kStep;
}

inline constexpr std::size_t kLargestBlock = block_bytes_for({http::kLargestHead, http::kMostFields});
static_assert(kLargestBlock <= UINT16_MAX, "a lane has offsets of 16 bits");
static_assert(block_bytes_for({}) == base::kBlockBytes);

}  // namespace state
