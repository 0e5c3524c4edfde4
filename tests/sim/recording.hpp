// The record file of a simulated history.
#pragma once
#include <string>

#include "../../src/server/server.hpp"

namespace sim {

// What the server's event loop did, as a whole record file. REQUIRES: the server's world is entered.
inline std::string record_file_of(const server::Server& proxy) {
  record::Memory<std::string> out;
  proxy.record_to(out, "a simulated history");
  return out.content;
}

}  // namespace sim
