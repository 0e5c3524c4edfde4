// The addresses of this machine.
#pragma once
#include "../plan/network.hpp"

namespace server {

// Reads them into `out`, each as a network. Returns false, and reports it, if they cannot be read; `out` is
// unchanged then.
bool read_own_networks(plan::Networks& out);

}  // namespace server
