// Tells the trace in words (-v), for those who want to see the state machine work.
#pragma once
#include <cstdint>

#include "../base/text.hpp"
#include "../base/trace.hpp"
#include "sink.hpp"

namespace watch {

class TracePrinter {
 public:
  // Tells what was added to the trace since the last call.
  void tell(const base::Trace& trace, Sink& sink);

 private:
  std::uint64_t told_ = 0;
};

// "[slot 3, #17] READ_REQUEST -> SEND_REQUEST (forwarded)".
void write_entry(const base::TraceEntry& entry, base::Writer& out) noexcept;

}  // namespace watch
