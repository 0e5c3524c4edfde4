// Connection attempts in progress: needed only until the connection to the upstream is open.
#pragma once
#include "../net/lane.hpp"
#include "../net/race.hpp"

struct Approach {
  net::Race race;     // attempts begun before the last one, which is the record's upstream endpoint
  net::Lane talk;     // handshake with a parent: what the proxy sends, then the reply
  bool said = false;  // the former is sent
};
