// Reads the new entries of the trace once: what the system calls returned, compared with what the records
// made of it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../base/trace.hpp"
#include "../watch/findings.hpp"

namespace doctor {

class CallChecks {
 public:
  // For a table of so many slots. Allocates no memory later.
  explicit CallChecks(std::size_t slots);

  // What a turn did, and the first thing wrong with it.
  struct Result {
    bool progress = false;    // bytes moved, or a connection or a state changed
    watch::Sighting wrong{};  // Finding::count: nothing
  };
  // Reads the entries since the last call. `runs`: of records, in this turn.
  Result read(const base::Trace& trace, std::size_t runs);

 private:
  // The calls of one record in one run.
  struct Run {
    std::uint32_t slot = base::TraceEntry::kNoSlot;
    std::uint64_t read = 0, sent = 0;  // bytes
  };

  void read_entry(const base::TraceEntry& entry, Result& result);
  void read_call(const base::TraceEntry& entry, Result& result);
  void note_release(const base::TraceEntry& entry, Result& result);
  void end_run(Result& result);

  std::uint64_t next_ = 0;  // position of the next entry
  std::size_t runs_ = 0;    // in this turn
  Run run_;
  std::vector<std::uint64_t> taken_;  // by slot: bytes that calls have sent for this connection
};

}  // namespace doctor
