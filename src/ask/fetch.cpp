#include "fetch.hpp"

#include <array>
#include <utility>

namespace ask {

Fetched fetch(std::span<const sys::Address> addresses, const std::string& request, std::uint64_t timeout_ms) {
  const std::uint64_t deadline = sys::now_ms() + timeout_ms;
  const sys::Opened poller = sys::make_poller();
  if (poller.error != 0) return {Fetched::What::unreachable, poller.error};
  Session session{poller.fd, {addresses.begin(), addresses.end()}, kResponseMax};
  session.ask(request);
  while (!session.step()) {
    const std::uint64_t now = sys::now_ms();
    std::array<sys::Event, 1> events;
    if (now >= deadline)
      session.give_up();
    else
      (void)sys::wait(poller.fd, events, static_cast<int>(deadline - now));
  }
  return std::move(session.result());
}

}  // namespace ask
