#include "announcement.hpp"

#include "../plan/board.hpp"
#include "../plan/description.hpp"
#include "../plan/mistake.hpp"

namespace watch {
namespace {

// The host by which a client on this machine reaches the listener.
std::string local_host(const sys::Address& address) {
  return address.is_wildcard() ? "localhost" : std::string{sys::ip_text(address).view()};
}

std::string local_endpoint(const sys::Address& address) {
  return address.is_wildcard() ? "localhost:" + std::to_string(address.port)
                               : std::string{sys::endpoint_text(address).view()};
}

// Where a browser on this machine sees the board: "localhost:8080". Empty: nowhere.
std::string board_endpoint(const plan::Config& config, const std::vector<sys::Address>& listeners,
                           const plan::ThisMachine& machine) {
  for (const sys::Address& address : listeners)
    if ((address.is_loopback() || address.is_wildcard()) &&
        plan::is_seen_locally(config, plan::Listener{}, address, machine))
      return local_endpoint(address);
  return {};
}

}  // namespace

std::string mistake_notice() {
  const std::string mistake{plan::built_in_mistake()};
  if (mistake.empty()) return {};
  return "proxy " + std::string{plan::kVersion} + " has a mistake built in, for learning only: " + mistake +
         "; see docs/mistakes";
}

std::vector<std::string> announcement(const plan::Config& config, const net::Acceptors& acceptors,
                                      const plan::ThisMachine& machine) {
  const std::string prefix = "proxy " + std::string{plan::kVersion} + " listens on ";
  std::vector<std::string> lines;
  if (!config.lens.text.empty())
    lines.push_back("proxy " + std::string{plan::kVersion} + " injects faults (--lens " + config.lens.text +
                    "): for tests only");
  std::vector<sys::Address> forward, direct;  // direct: a client needs no PROXY header
  for (const net::Acceptors::Entry& entry : acceptors.all()) {
    const plan::Listener& listener = config.listeners[entry.config_index];
    const sys::Address& address = entry.acceptor.address();
    if (listener.role == plan::Role::forward) {
      forward.push_back(address);
      if (!listener.proxy_header_in) direct.push_back(address);
    } else {
      lines.push_back(prefix + std::string{sys::endpoint_text(address).view()} + ": " +
                      plan::description(config, listener));
    }
  }
  if (direct.empty()) {
    if (!forward.empty())
      lines.push_back(prefix + list(forward) + ": forward proxy; a load balancer sends PROXY headers");
    lines.emplace_back("Ctrl-C stops it.");
    return lines;
  }
  const sys::Address& first = direct.front();
  const std::string seen =
      config.board == plan::Board::forward ? board_endpoint(config, direct, machine) : std::string{};
  const std::string board = seen.empty() ? "" : " Board: http://" + seen + "/";
  lines.push_back(prefix + list(forward) + ". Try: curl -x http://" + local_endpoint(first) +
                  " http://example.com/   In a browser: HTTP proxy " + local_host(first) + ", port " +
                  std::to_string(first.port) + "." + board + " Ctrl-C stops it.");
  return lines;
}

std::string list(std::span<const sys::Address> addresses) {
  std::string text;
  for (const sys::Address& address : addresses)
    text += (text.empty() ? "" : " and ") + std::string{sys::endpoint_text(address).view()};
  return text;
}

}  // namespace watch
