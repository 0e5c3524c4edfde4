#include "shutdown.hpp"

namespace server {

void Shutdown::request() noexcept {
  stopping_ |= requested_;
  requested_ = true;
}

bool Shutdown::begin(std::uint64_t now, std::uint32_t timeout_ms) noexcept {
  if (timeout_ms == 0) {
    stopping_ = true;
    return false;
  }
  timeout_ms_ = timeout_ms;
  deadline_ = now + timeout_ms;
  return true;
}

std::string Shutdown::poll(std::uint64_t now, std::size_t records_used, std::size_t in_flight) {
  stopping_ |= records_used == 0 || now >= deadline_;  // PLANT(drain-waits)
  if (reported_ || stopping_ || in_flight == 0) return {};
  reported_ = true;
  return "draining: " + std::to_string(in_flight) + (in_flight == 1 ? " request" : " requests") +
         " in flight, at most " + std::to_string((timeout_ms_ + 999) / 1000) +
         " s; a second signal stops at once";
}

}  // namespace server
