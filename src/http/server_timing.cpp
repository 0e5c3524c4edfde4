#include "server_timing.hpp"

#include <algorithm>
#include <cassert>

namespace http {

void ServerTiming::add(std::string_view name, std::uint64_t ms) noexcept {
  assert(count < kMetricsMax && name.size() <= kNameMax);
  metrics[count++] = {name, static_cast<std::uint32_t>(std::min<std::uint64_t>(ms, UINT32_MAX))};
}

void put_server_timing(base::Writer& out, const ServerTiming* timing) noexcept {
  if (timing == nullptr || timing->count == 0) return;
  for (std::size_t i = 0; i < timing->count; ++i)
    out << (i == 0 ? "Server-Timing: " : ", ") << timing->metrics[i].name
        << ";dur=" << std::uint64_t{timing->metrics[i].ms};
  out << "\r\n";
}

}  // namespace http
