// One run of a record in `advance`: the configuration that the record is served by, and what it may still do.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../plan/generation.hpp"

struct Turn {
  static constexpr std::size_t kBytes = std::size_t{64} * 1024;  // a record's share of a turn, each way

  [[nodiscard]] const plan::Config& config() const noexcept { return generation.config; }
  [[nodiscard]] plan::Balancer& groups() const noexcept { return *generation.groups; }
  // Null if no password is required.
  [[nodiscard]] plan::Users* users() const noexcept { return generation.users.get(); }
  // Null if clients have no limits.
  [[nodiscard]] plan::ClientLimits* limits() const noexcept { return generation.limits.get(); }
  [[nodiscard]] std::string_view via() const noexcept { return generation.config.name; }

  plan::Generation& generation;                       // of the record
  std::uint64_t moved_before;                         // bytes sent on before this turn, both ways
  bool asleep;                                        // the record reads nothing in this turn
  std::array<std::size_t, 2> budget{kBytes, kBytes};  // bytes that each lane may still read
  std::uint64_t charged = 0;                          // bytes read, on its client's account
  bool throttled = false;                             // it could read more, and its client may not
};
