#include "roles.hpp"

#include "../base/text.hpp"

namespace plan {

std::string text_of(const Hop& hop) {
  if (!hop.socket.empty()) return "unix:" + hop.socket;
  const bool ipv6 = hop.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + hop.host + "]:" : hop.host + ":") + std::to_string(hop.port);
}

std::string_view authority_of(const Hop& hop, std::span<char> room) noexcept {
  base::Writer out{room};
  if (!hop.socket.empty()) return "localhost";
  base::put_host(out, hop.host) << ':' << std::uint64_t{hop.port};
  return out.view();
}

}  // namespace plan
