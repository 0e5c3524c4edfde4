// Which addresses failed recently.
#pragma once
#include <array>
#include <cstdint>

#include "../sys/address.hpp"

namespace net {

// Remembers addresses whose connection failed, or was slower than one that started later. Forgets the oldest
// entry if there is no room.
class AddressHealth {
 public:
  static constexpr std::size_t kMax = 64;
  static constexpr std::uint64_t kRememberedMs = 60'000;

  // A connection to `address` has failed, or was slower. `now` in monotonic ms.
  void failed(const sys::Address& address, std::uint64_t now) noexcept;
  // A connection to `address` was established: forgets its failure.
  void succeeded(const sys::Address& address) noexcept;
  // True if it failed within kRememberedMs, and has not succeeded since.
  [[nodiscard]] bool failed_lately(const sys::Address& address, std::uint64_t now) const noexcept;

 private:
  struct Failure {
    sys::Address address;
    std::uint64_t at = 0;
  };
  std::array<Failure, kMax> failures_;
  std::size_t next_ = 0;  // to be overwritten
  bool any_ = false;      // an address was ever remembered
};

}  // namespace net
