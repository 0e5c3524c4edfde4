// What `proxy explain` says about a request to a web server of the configuration.
#pragma once
#include "asked.hpp"

namespace explain {

// REQUIRES: the listener is a web server.
std::string web_answer(const Asked& asked);

}  // namespace explain
