// A file descriptor with one owner, which closes it exactly once.
#pragma once
#include <utility>

namespace sys {

// close(2). EINTR is not retried: Linux has released the number by then.
void close_fd(int fd) noexcept;

// Owns a file descriptor.
class Fd {
 public:
  Fd() noexcept = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
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
  // Closes the descriptor, if any, and takes ownership of `fd`.
  void reset(int fd = -1) noexcept {
    const int old = std::exchange(fd_, fd);
    if (old >= 0) close_fd(old);  // PLANT(close-once)
  }

 private:
  int fd_ = -1;
};

}  // namespace sys
