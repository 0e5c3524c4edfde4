// Notes of requests, as record files and the board have them.
#pragma once
#include <cstdint>

#include "../record/recording.hpp"
#include "../state/worker.hpp"

namespace console {

// The note of a request that has ended. `position`: of the next trace entry.
record::Note note_of(const Exchange& exchange, std::uint64_t position) noexcept;
// The note of the request in progress. REQUIRES: the record has an exchange.
record::Note note_in_progress(const request_info& record, std::uint32_t slot, const Worker& worker) noexcept;

}  // namespace console
