// --check: what a start would report about files, sockets and users, found without a change to any of them.
#pragma once
#include <string>

#include "../plan/generation.hpp"

namespace server {

// Goes through the steps of a start in their order: this process becomes the user of the configuration, and
// reads the files that it names into `generation`. Returns an error message; empty: nothing is wrong that can
// be seen without a start.
std::string check(plan::Generation& generation);

}  // namespace server
