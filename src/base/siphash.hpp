// SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, 2012): a keyed hash. Without the key a client
// can neither find collisions nor fill one hash bucket.
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

namespace base {

// The secret key, 128 bits.
struct SipKey {
  std::uint64_t low = 0, high = 0;
};

// A hash value, 128 bits.
struct SipHash {
  std::uint64_t low = 0, high = 0;
  bool operator==(const SipHash&) const = default;
};

namespace detail {

// The internal state of the hash, fed with words of 64 bits.
class SipState {
 public:
  constexpr explicit SipState(SipKey key) noexcept
      : v_{key.low ^ 0x736f6d6570736575U, key.high ^ 0x646f72616e646f6dU ^ 0xeeU,
           key.low ^ 0x6c7967656e657261U, key.high ^ 0x7465646279746573U} {}

  constexpr void take(std::uint64_t word) noexcept {
    v_[3] ^= word;
    rounds(2);
    v_[0] ^= word;
  }
  // Returns the hash. Call it once.
  constexpr SipHash finish() noexcept {
    v_[2] ^= 0xeeU;
    rounds(4);
    const std::uint64_t low = folded();
    v_[1] ^= 0xddU;
    rounds(4);
    return {low, folded()};
  }

 private:
  constexpr void rounds(int count) noexcept {
    for (int i = 0; i < count; ++i) {
      v_[0] += v_[1];
      v_[1] = std::rotl(v_[1], 13) ^ v_[0];
      v_[0] = std::rotl(v_[0], 32);
      v_[2] += v_[3];
      v_[3] = std::rotl(v_[3], 16) ^ v_[2];
      v_[0] += v_[3];
      v_[3] = std::rotl(v_[3], 21) ^ v_[0];
      v_[2] += v_[1];
      v_[1] = std::rotl(v_[1], 17) ^ v_[2];
      v_[2] = std::rotl(v_[2], 32);
    }
  }
  [[nodiscard]] constexpr std::uint64_t folded() const noexcept { return v_[0] ^ v_[1] ^ v_[2] ^ v_[3]; }

  std::array<std::uint64_t, 4> v_;
};

}  // namespace detail

// Returns the hash of `text` under `key`.
constexpr SipHash siphash(SipKey key, std::string_view text) noexcept {
  detail::SipState state{key};
  const std::size_t length = text.size();
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < length; ++i) {
    word |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * (i % 8));
    if (i % 8 != 7) continue;
    state.take(word);
    word = 0;
  }
  state.take(word | std::uint64_t{length} << 56);
  return state.finish();
}

}  // namespace base
