// What the loop doctor has found in a simulated history.
#pragma once
#include <string>

#include "../../src/server/server.hpp"
#include "kernel.hpp"

namespace sim {

// A finding of severity error is a fault of the history.
inline void fault_errors(const server::Server& proxy, World& world) {
  for (const watch::FindingRow& row : watch::kFindingRows)
    if (row.severity == watch::Severity::error && proxy.findings()[row.finding].total > 0)
      world.fault("the loop doctor has found " + std::string{row.code});
}

}  // namespace sim
