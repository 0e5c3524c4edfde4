// How much one client may have.
#pragma once
#include <cstdint>

namespace plan {

inline constexpr std::uint64_t kUnlimited = UINT64_MAX;
inline constexpr std::uint64_t kRateMax = std::uint64_t{1} << 40;  // thousandths of it fit into 64 bits

struct Rate {
  std::uint64_t per_second = 0;  // 0: no limit
  std::uint64_t burst = 0;       // size of the bucket; 0: per_second
  bool operator==(const Rate&) const = default;
};

struct Allowance {
  Rate requests;
  Rate bytes;
  std::uint32_t connections = 0;  // 0: no limit
  [[nodiscard]] bool is_limited() const noexcept {
    return requests.per_second != 0 || bytes.per_second != 0 || connections != 0;
  }
  bool operator==(const Allowance&) const = default;
};

}  // namespace plan
