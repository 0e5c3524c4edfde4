// Translates the results of system calls. Used by src/sys only.
#pragma once
#include <cerrno>
#include <cstddef>

#include "sys.hpp"

struct sockaddr_un;

namespace sys::calls {

// An `Opened` with an error.
inline Opened failed(int error) noexcept { return {Fd{}, error}; }

// The result of a call that returns a descriptor, or -1 and errno.
inline Opened opened(int fd) noexcept {
  if (fd < 0) return failed(errno);
  return {Fd{fd}, 0};
}

// The socket address of a Unix socket (unix(7)). Returns false if `path` is too long for one.
bool to_kernel(const char* path, sockaddr_un& out) noexcept;

// The result of a read or a write, which returns a byte count, or -1 and errno.
inline Io io_result(std::ptrdiff_t result) noexcept {
  if (result > 0) return {Outcome::done, 0, static_cast<std::size_t>(result)};
  if (result == 0) return {Outcome::eof, 0, 0};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {Outcome::again, 0, 0};
  return {Outcome::fail, errno, 0};
}

// Repeats `call` while it fails with EINTR. Returns its last result.
template <class Call>
auto uninterrupted(Call call) noexcept {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

}  // namespace sys::calls
