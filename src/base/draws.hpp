// Random numbers that a seed repeats: SplitMix64 (public domain, Vigna). Not for secrets.
#pragma once
#include <cstdint>

namespace base {

// Mixes all bits of `z`; different numbers have different results.
constexpr std::uint64_t mixed(std::uint64_t z) noexcept {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

class Draws {
 public:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15ULL;

  explicit Draws(std::uint64_t state) noexcept : state_(state) {}
  std::uint64_t next() noexcept { return mixed(state_ += kStep); }
  // True in so many of 100 cases. Draws nothing for 0.
  bool percent(std::uint32_t percent) noexcept { return percent != 0 && next() % 100 < percent; }

 private:
  std::uint64_t state_;
};

}  // namespace base
