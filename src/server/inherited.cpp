#include "inherited.hpp"

namespace server {
namespace {

// "LISTEN_FDS: socket 3 (web)".
std::string title(const sys::PassedSocket& passed) {
  const std::string name = passed.name.empty() ? "" : " (" + passed.name + ")";
  return "LISTEN_FDS: socket " + std::to_string(passed.number) + name;
}

std::string fault_of(const sys::PassedSocket& passed) {
  if (!passed.fd)
    return title(passed) + " is not open: unset LISTEN_FDS, or pass as many sockets as it says, from 3 up";
  switch (sys::check_listener(passed.fd)) {
    case sys::ListenerFault::none: return {};
    case sys::ListenerFault::not_listening:
      return title(passed) +
             " is not a listening TCP socket: use ListenStream=ADDRESS:PORT and Accept=no in the socket unit";
    case sys::ListenerFault::both_families:
      return title(passed) + " accepts IPv4 and IPv6 on port " +
             std::to_string(sys::local_address(passed.fd).port) +
             ": set BindIPv6Only=ipv6-only in the socket unit, and give IPv4 a ListenStream= of its own";
  }
  return {};
}

}  // namespace

std::string inherit(const plan::Config& config, Inherited& out) {
  if (!sys::take_passed_sockets(out.passed)) return "LISTEN_FDS: expected a number of sockets, at most 253";
  for (const sys::PassedSocket& passed : out.passed)
    if (std::string fault = fault_of(passed); !fault.empty()) return fault;
  return config.takeover.empty() ? std::string{} : out.before.find(config.takeover);
}

std::string unused_socket(const sys::Address& address) {
  const std::string where{sys::endpoint_text(address).view()};
  return "LISTEN_FDS: no listener of the configuration is at " + where + ": add one, as with --listen " +
         where + ", or remove that socket from the socket unit";
}

}  // namespace server
