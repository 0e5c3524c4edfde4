// The listeners of a configuration: which one, and what it does in words.
#pragma once
#include "config.hpp"

namespace plan {

// The servers of a group: "a:80, b:80".
std::string servers_text(const Config& config, std::size_t group);
// The first listener with this port; null: there is none.
const Listener* listener_at(const Config& config, std::uint16_t port) noexcept;
// The first listener of the forward proxy; null: there is none.
const Listener* forward_listener(const Config& config) noexcept;
// "reverse proxy to localhost:3000", "files of /srv/www", "web server".
std::string description(const Config& config, const Listener& listener);

}  // namespace plan
