// How an attempt to connect to one address ended.
#pragma once
#include <cstdint>

namespace http {

struct Attempt {
  std::uint32_t ms;  // how long it took
  int error;         // errno; 0: connected
};

}  // namespace http
