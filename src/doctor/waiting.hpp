// What a record waits for, as values: for the checks, and for a sentence.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "../../request_state.hpp"
#include "../state/diagnosis.hpp"

namespace doctor {

// A read or a write that a record waits for.
struct Need {
  Side side = kClient;
  bool write = false;
};
// At most one for each lane of a tunnel.
struct Needs {
  std::array<Need, 2> all{};
  std::size_t count = 0;
};

// The reads and writes that the record waits for. None: it is queued to run, or waits for something else.
Needs needs_of(const request_info& record) noexcept;
// The mark of that endpoint: the read or the write may succeed.
bool is_marked(const request_info& record, const Need& need) noexcept;

// Since when the record has waited, and what it holds. `now` in ms. REQUIRES: the record is in use.
state::Situation situation_of(const request_info& record, std::uint64_t now) noexcept;

}  // namespace doctor
