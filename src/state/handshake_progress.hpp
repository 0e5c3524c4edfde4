// The handshake with a parent (upstream proxy) in progress.
#pragma once
#include "../net/lane.hpp"

// Freed when the connection is open.
struct HandshakeProgress {
  net::Lane lane;             // what the proxy sends, then the reply
  bool message_sent = false;  // the former is sent
};
