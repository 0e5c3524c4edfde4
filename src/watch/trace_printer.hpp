// Prints the trace as text (-v).
#pragma once
#include "../base/text.hpp"
#include "../base/trace.hpp"
#include "sink.hpp"

namespace watch {

// Prints each entry once.
class TracePrinter {
 public:
  // Writes the entries added since the last call to `sink`, and a line with the number of lost ones, if any.
  void print(const base::Trace& trace, Sink& sink);

 private:
  std::uint64_t printed_ = 0;  // position of the next entry
};

// Writes an entry as one line: "[slot 3, #17] READ_REQUEST -> SEND_REQUEST (forwarded)".
void write_entry(const base::TraceEntry& entry, base::Writer& out) noexcept;

}  // namespace watch
