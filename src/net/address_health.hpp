// Which of a host's addresses failed recently, and in which order to try them.
#pragma once
#include <array>
#include <cstdint>

#include "name_source.hpp"

namespace net {

// Remembers addresses whose connection failed, or was slower than one that started later. Forgets the oldest
// entry if there is no room.
class AddressHealth {
 public:
  static constexpr std::size_t kMax = 64;
  static constexpr std::uint64_t kRememberedMs = 60'000;

  void failed(const sys::Address& address, std::uint64_t now) noexcept;
  void succeeded(const sys::Address& address) noexcept;
  // Alternates the address families, beginning with the first address's (RFC 8305 section 4), and moves
  // addresses that failed recently to the end. Keeps the order otherwise.
  void order(Addresses& addresses, std::uint64_t now) const noexcept;

 private:
  struct Failure {
    sys::Address address;
    std::uint64_t at = 0;
  };
  [[nodiscard]] bool failed_lately(const sys::Address& address, std::uint64_t now) const noexcept;
  std::array<Failure, kMax> failures_;
  std::size_t next_ = 0;  // to be overwritten
  bool any_ = false;      // an address was ever remembered
};

}  // namespace net
