// A file descriptor with one owner, which closes it exactly once.
#pragma once
#include <utility>

#include "descriptor_ledger.hpp"

namespace sys {

// close(2). EINTR is not retried: Linux has released the number by then.
void close_fd(int fd) noexcept;

// Owns a file descriptor, which is in the ledger as long as it is open.
class Fd {
 public:
  Fd() noexcept = default;
  // Takes ownership of `fd`, which was just opened; -1: none.
  explicit Fd(int fd) noexcept : fd_(fd) {
    if (fd >= 0) descriptors().opened(fd);
  }
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) replace(other.release());
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  // The number; -1: none is open.
  [[nodiscard]] int get() const noexcept { return fd_; }
  // True if a descriptor is open.
  [[nodiscard]] bool open() const noexcept { return fd_ >= 0; }
  explicit operator bool() const noexcept { return open(); }
  // Gives up ownership without closing. Returns the number; -1: none.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  // Closes the descriptor, if any.
  void reset() noexcept { replace(-1); }

 private:
  void replace(int fd) noexcept {
    const int old = std::exchange(fd_, fd);
    if (old >= 0) close_fd(old);  // PLANT(close-once)
  }

  int fd_ = -1;
};

}  // namespace sys
