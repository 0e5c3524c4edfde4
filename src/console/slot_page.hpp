// GET /console/slot/N: all about one record.
#pragma once
#include <cstdint>
#include <string>

#include "../state/worker.hpp"
#include "heads.hpp"

namespace console {

// A JSON object, see docs/board.md. Asks the kernel about the record's sockets.
std::string slot_json(const Worker& worker, std::uint32_t slot, const HeadStore& heads);

}  // namespace console
