// Owns a range of reserved address space (`sys::reserve`).
#pragma once
#include <cstddef>

#include "sys.hpp"

namespace sys {

class Reservation {
 public:
  // Reserves `bytes`; check `memory()`.
  explicit Reservation(std::size_t bytes) noexcept : memory_(reserve(bytes)), bytes_(bytes) {}
  ~Reservation() {
    if (memory_ != nullptr) unreserve(memory_, bytes_);
  }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  // Null: the reservation failed.
  [[nodiscard]] std::byte* memory() const noexcept { return memory_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::byte* memory_;
  std::size_t bytes_;
};

}  // namespace sys
