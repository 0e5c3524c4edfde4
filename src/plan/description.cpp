#include "description.hpp"

#include <algorithm>

namespace plan {

std::string servers_text(const Config& config, std::size_t group) {
  std::string text;
  for (const Hop& hop : config.groups[group].members) text += (text.empty() ? "" : ", ") + text_of(hop);
  return text;
}

const Listener* listener_at(const Config& config, std::uint16_t port) noexcept {
  const auto found = std::find_if(config.listeners.begin(), config.listeners.end(),
                                  [port](const Listener& one) { return one.address.port == port; });
  return found == config.listeners.end() ? nullptr : &*found;
}

const Listener* forward_listener(const Config& config) noexcept {
  const auto found = std::find_if(config.listeners.begin(), config.listeners.end(),
                                  [](const Listener& one) { return one.role == Role::forward; });
  return found == config.listeners.end() ? nullptr : &*found;
}

std::string description(const Config& config, const Listener& listener) {
  switch (listener.role) {
    case Role::forward: return "proxy";
    case Role::relay: return "relay to " + servers_text(config, listener.group);
    case Role::echo: return "echo";
    case Role::reverse_lines: return "line reverser";
    case Role::send_file: return "sends " + listener.file;
    case Role::web: break;
  }
  const std::vector<WebRoute>& routes = config.sites[listener.sites.front()].routes;
  if (listener.sites.size() > 1 || routes.size() != 1) return "web server";
  if (routes.front().kind == RouteKind::reverse)
    return "reverse proxy to " + servers_text(config, routes.front().group);
  if (routes.front().kind == RouteKind::board) return "board, for a browser";
  return routes.front().kind == RouteKind::files ? "files of " + routes.front().directory : "web server";
}

}  // namespace plan
