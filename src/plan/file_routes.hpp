// The routes of a web server, from the configuration file.
#pragma once
#include "config.hpp"
#include "file_value.hpp"

namespace plan {

// Adds them to `site`, and their groups to `config`.
void read_routes(const FileValue& routes, Config& config, Site& site);

// A group from "upstreams" (or "upstream") and "load_balancing"; nothing if it is wrong, which has been said.
std::optional<Group> read_group(const FileObject& object);

}  // namespace plan
