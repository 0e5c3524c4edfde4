#include "roles.hpp"

namespace plan {

std::string text_of(const Hop& hop) {
  if (!hop.socket.empty()) return "unix:" + hop.socket;
  const bool ipv6 = hop.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + hop.host + "]:" : hop.host + ":") + std::to_string(hop.port);
}

}  // namespace plan
