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

// A wait that is worth a line (-v, `proxy doctor`), ms.
inline constexpr std::uint64_t kLongWaitMs = 5000;

// Bytes that were read and not sent, those of an incomplete head included: to the upstream, to the client.
struct Held {
  std::uint32_t up = 0, down = 0;
};
Held held_by(const request_info& record) noexcept;

// Since when the record has waited, and what it holds. `now` in ms. REQUIRES: the record is in use.
state::Situation situation_of(const request_info& record, std::uint64_t now) noexcept;

// The most bytes of the text below.
inline constexpr std::size_t kWaitTextMax = state::kDiagnosisMax + 64;
// Writes "[slot 0, #1] READ_REQUEST: " and the diagnosis. `id`: of the connection.
void write_wait(std::uint32_t slot, std::uint64_t id, const state::Situation& situation,
                base::Writer& out) noexcept;

}  // namespace doctor
