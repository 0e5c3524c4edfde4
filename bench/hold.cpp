// Clients of `make bench` that hold connections.
//
//   hold --port PORT --clients N [--head TEXT]
//
// Opens N connections, sends TEXT on each, reads nothing, prints "ready", and holds the connections until the
// end of standard input.
#include <iostream>
#include <string>
#include <vector>

#include "parts.hpp"

namespace {

// Connects, and sends the head. The socket is writable when the connection is established.
sys::Fd open_one(const sys::Fd& poller, const sys::Address& target, std::string_view head) {
  sys::Opened opened = sys::connect(target);
  if (!opened.fd) bench::fail("hold: cannot connect:", opened.error);
  sys::watch(poller, opened.fd.get(), 0);
  std::array<sys::Event, 64> events;
  sys::Io io{sys::Outcome::again, 0, 0};
  while (io.outcome == sys::Outcome::again) {
    sys::wait(poller, events, -1);
    if (const int error = sys::socket_error(opened.fd); error != 0)
      bench::fail("hold: cannot connect:", error);
    if (head.empty()) break;
    io = sys::transmit(opened.fd, bench::bytes_of(head));
  }
  return std::move(opened.fd);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments given{argc, argv};
  sys::raise_descriptor_limit();
  const sys::Address target = sys::loopback4(static_cast<std::uint16_t>(given.number("--port", 0)));
  std::vector<sys::Fd> held;
  for (std::uint64_t left = given.number("--clients", 1); left > 0; --left) {
    const sys::Fd poller = sys::make_poller().fd;
    held.push_back(open_one(poller, target, given.text("--head")));
  }
  std::puts("ready");
  std::fflush(stdout);
  std::string line;
  while (std::getline(std::cin, line)) {
  }
}
