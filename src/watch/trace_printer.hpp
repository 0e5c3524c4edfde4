// Prints the trace as text (-v, -vv).
#pragma once
#include "../base/text.hpp"
#include "../base/trace.hpp"
#include "../plan/config.hpp"
#include "sink.hpp"
#include "trace_names.hpp"

namespace watch {

// Prints each entry once.
class TracePrinter {
 public:
  // Writes the entries added since the last call to `sink`, as far as `verbosity` says, and a line with the
  // number of lost ones, if any. Of a turn without other entries nothing is written.
  void print(const base::Trace& trace, plan::Verbosity verbosity, Sink& sink) {
    if (verbosity == plan::Verbosity::none)
      printed_ = trace.written();
    else
      print_new(trace, verbosity, sink);
  }
  // Entries that were overwritten before they could be printed.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }

 private:
  void print_new(const base::Trace& trace, plan::Verbosity verbosity, Sink& sink);
  [[nodiscard]] bool wanted(const base::TraceEntry& entry, plan::Verbosity verbosity) noexcept;
  void write(const base::TraceEntry& entry, Sink& sink) const;

  base::TraceEntry turn_{};    // how the turn began
  bool turn_written_ = true;   // it, or nothing need be
  std::uint64_t printed_ = 0;  // position of the next entry
  std::uint64_t lost_ = 0;
};

// What the value of an entry `waited` in that state counts: "bytes buffered" of a head, or "bytes moved".
std::string_view waited_unit(std::uint8_t state) noexcept;

// Writes an entry as one line: "[slot 3, #17] READ_REQUEST -> SEND_REQUEST (forwarded)".
void write_entry(const base::TraceEntry& entry, const TraceNames& names, base::Writer& out) noexcept;

}  // namespace watch
