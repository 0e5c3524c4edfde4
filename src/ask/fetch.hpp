// One HTTP exchange with a server, by a program that has nothing else to do: it waits for the response.
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "session.hpp"

namespace ask {

inline constexpr std::size_t kResponseMax = std::size_t{1} << 20;  // bytes

// Sends `request` to the first of `addresses` that accepts a connection, and receives a response of at most
// kResponseMax bytes. Waits for at most `timeout_ms` in total. REQUIRES: an address.
Fetched fetch(std::span<const sys::Address> addresses, const std::string& request, std::uint64_t timeout_ms);

}  // namespace ask
