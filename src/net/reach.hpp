// Which of a host's addresses to try first.
#pragma once
#include <array>
#include <cstdint>

#include "name_source.hpp"

namespace net {

// Addresses that lately could not be reached, or were outrun by one that was begun with after them. The
// oldest is forgotten when there is no room.
class Reach {
 public:
  static constexpr std::size_t kMax = 64;
  static constexpr std::uint64_t kRememberedMs = 60'000;

  void failed(const sys::Address& address, std::uint64_t now) noexcept;
  void succeeded(const sys::Address& address) noexcept;
  // The families by turns, beginning with that of the first (RFC 8305 section 4); those that failed lately
  // behind all others. Otherwise the order stays.
  void order(Addresses& addresses, std::uint64_t now) const noexcept;

 private:
  struct Failure {
    sys::Address address;
    std::uint64_t at = 0;
  };
  [[nodiscard]] bool failed_lately(const sys::Address& address, std::uint64_t now) const noexcept;
  std::array<Failure, kMax> failures_;
  std::size_t next_ = 0;  // to be overwritten
  bool any_ = false;      // some was ever noted
};

}  // namespace net
