// The kinds of listeners and of routes, as sets: where a setting has an effect.
#pragma once
#include <string>

#include "../plan/config.hpp"

namespace config {

// A set of kinds, one bit each.
using Kinds = std::uint16_t;

inline constexpr Kinds kForwardBit = 1, kSiteBit = 2,  // a web server, whatever its routes are
    kFilesBit = 4, kRedirectBit = 8, kReverseBit = 16, kMetricsBit = 32, kRelayBit = 64, kEchoBit = 128,
                       kLinesBit = 256, kSentFileBit = 512,
                       kHeaderBit = 1024;  // a listener whose connections begin with a PROXY header

inline constexpr Kinds kRouteBits = kFilesBit | kRedirectBit | kReverseBit | kMetricsBit,
                       kWebBits = kSiteBit | kRouteBits, kHttpBits = kForwardBit | kWebBits,
                       kMessageBits = kForwardBit | kReverseBit, kUpstreamBits = kMessageBits | kRelayBit,
                       kPlainBits = kEchoBit | kLinesBit | kSentFileBit, kAllBits = 2047;

// That of one route; `health`, `ready`, `doctor` and `board` are pages of the proxy like `metrics`.
constexpr Kinds bit_of(plan::RouteKind kind) noexcept {
  constexpr Kinds kEach[] = {kFilesBit,   kRedirectBit, kReverseBit, kMetricsBit,
                             kMetricsBit, kMetricsBit,  kMetricsBit, kMetricsBit};
  return kEach[static_cast<std::size_t>(kind)];
}

// kSiteBit, and those of the routes.
Kinds kinds_of(const plan::Site& site) noexcept;
// Those that the listener serves.
Kinds kinds_of(const plan::Config& config, const plan::Listener& listener) noexcept;

// Those of all listeners.
Kinds kinds_of(const plan::Config& config) noexcept;

// "a forward proxy or a web server".
std::string names_of(Kinds kinds);

}  // namespace config
