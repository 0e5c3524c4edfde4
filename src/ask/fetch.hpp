// One HTTP exchange with a server, by a program that has nothing else to do: it waits for the response.
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "../sys/address.hpp"

namespace ask {

struct Fetched {
  enum class What : std::uint8_t {
    response,     // `bytes` begin with a response head; with a Content-Length, its body is complete
    unreachable,  // no address accepts a connection; `error`: errno for the first one
    silent,       // the response was not complete at the deadline
    cut_off,      // the connection ended before the response was complete; `error`: errno, or 0
    not_http,     // the bytes are not a response, or it is too long
  };
  What what = What::unreachable;
  int error = 0;
  std::string bytes{};
};

inline constexpr std::size_t kResponseMax = std::size_t{1} << 20;  // bytes

// Sends `request` to the first of `addresses` that accepts a connection, and receives a response of at most
// kResponseMax bytes. Waits for at most `timeout_ms` in total.
Fetched fetch(std::span<const sys::Address> addresses, const std::string& request, std::uint64_t timeout_ms);

}  // namespace ask
