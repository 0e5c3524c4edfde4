// The routes of a web server, from the configuration file.
#pragma once
#include "../plan/config.hpp"
#include "value.hpp"

namespace config {

// Adds them to `site`, and their groups to `config`.
void read_routes(const FileValue& routes, plan::Config& config, plan::Site& site);

// A group from "upstreams" (or "upstream") and "load_balancing"; nothing if it is wrong, which has been said.
std::optional<plan::Group> read_group(const FileObject& object);

}  // namespace config
