// Counts what the program uses, owner by owner: to be compared with what is counted when it is taken and
// returned.
#pragma once
#include <cstddef>
#include <cstdint>

#include "../state/worker.hpp"

namespace doctor {

struct Census {
  std::uint32_t records = 0;    // in use
  std::size_t descriptors = 0;  // that records, pools, the resolver and the file server have open
};

// Visits each record that was ever used. REQUIRES: called at the end of a turn.
Census take_census(const Worker& worker) noexcept;

}  // namespace doctor
