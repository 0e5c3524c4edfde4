// --user and --group: a server that was started as root, to open its ports, becomes another user.
#pragma once
#include "../plan/config.hpp"

namespace server {

// Becomes the user of the configuration, if it has one. Returns an error message; empty: success, also if
// this process runs as that user already.
std::string drop_privileges(const plan::Config& config);

}  // namespace server
