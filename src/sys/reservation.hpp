// Memory that is reserved once, and touched where it is needed.
#pragma once
#include <cstddef>

#include "sys.hpp"

namespace sys {

class Reservation {
 public:
  explicit Reservation(std::size_t bytes) noexcept : memory_(reserve(bytes)), bytes_(bytes) {}
  ~Reservation() {
    if (memory_ != nullptr) unreserve(memory_, bytes_);
  }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  [[nodiscard]] std::byte* memory() const noexcept { return memory_; }

 private:
  std::byte* memory_;
  std::size_t bytes_;
};

}  // namespace sys
