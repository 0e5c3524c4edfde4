// The handshake with a parent (upstream proxy) in progress.
#pragma once
#include "../net/lane.hpp"

// Freed when the connection is open.
struct Approach {
  net::Lane talk;     // what the proxy sends, then the reply
  bool said = false;  // the former is sent
};
