// What the system calls' files share: results in our words. For src/sys alone.
#pragma once
#include <cerrno>
#include <cstddef>

#include "sys.hpp"

namespace sys::calls {

inline Opened failed(int error) noexcept { return {Fd{}, error}; }

inline Opened opened(int fd) noexcept {
  if (fd < 0) return failed(errno);
  return {Fd{fd}, 0};
}

// What a read or a write returned.
inline Io moved(std::ptrdiff_t result) noexcept {
  if (result > 0) return {Outcome::done, 0, static_cast<std::size_t>(result)};
  if (result == 0) return {Outcome::eof, 0, 0};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {Outcome::again, 0, 0};
  return {Outcome::fail, errno, 0};
}

template <class Call>
auto uninterrupted(Call call) noexcept {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

}  // namespace sys::calls
