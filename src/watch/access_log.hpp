// One line for each finished request.
#pragma once
#include <string_view>

#include "../../request_state.hpp"
#include "../base/text.hpp"

namespace watch {

inline constexpr std::size_t kAccessLineMax = 1024;

// For example (one line):
// 2026-11-21T04:30:27.123Z 127.0.0.1:50312 #17 GET http://o.test/a 200 up=92 down=5120
//   READ_REQUEST=0ms SEND_REQUEST=3ms READ_RESPONSE=12ms SEND_RESPONSE=4ms end=complete by=upstream
void write_access_line(const Exchange& exchange, base::Writer& out) noexcept;

}  // namespace watch
