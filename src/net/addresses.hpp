// The addresses of a host.
#pragma once
#include <array>
#include <cassert>
#include <memory>
#include <vector>

#include "../sys/address.hpp"

namespace net {

// Addresses with one port, in order of preference. Copies share a long list, so that a copy allocates
// nothing.
class Addresses {
 public:
  static constexpr std::size_t kMax = 255;

  // Appends an address, whose port becomes the port of all; ignores it if the list is full. Allocates memory
  // for the third and further addresses.
  void add(const sys::Address& address);
  // Takes the first `kMax` of these addresses.
  static Addresses of(std::vector<sys::Address> all);
  // Sets the port of all addresses.
  void set_port(std::uint16_t port) noexcept { port_ = port; }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }  // at most kMax
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  // Returns an address, with the port. REQUIRES: index < size().
  [[nodiscard]] sys::Address operator[](std::size_t index) const noexcept {
    assert(index < size_);
    sys::Address address = many_ == nullptr ? few_[index] : (*many_)[index];
    address.port = port_;
    return address;
  }

  // All of them, with the port.
  [[nodiscard]] std::vector<sys::Address> list() const;

 private:
  static constexpr std::size_t kFew = 2;  // localhost, and most hosts
  std::array<sys::Address, kFew> few_{};
  std::shared_ptr<const std::vector<sys::Address>> many_;  // null: all are in `few_`
  std::uint16_t port_ = 0;
  std::uint8_t size_ = 0;
};

// Alternates the address families, beginning with that of the first address (RFC 8305 section 4). Keeps the
// order within each family.
Addresses interleaved(const Addresses& addresses);

}  // namespace net
