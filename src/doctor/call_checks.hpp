// Reads the new entries of the trace: what the system calls returned, compared with what a record made of it.
//
// One connection at a time is followed, from its acceptance to its end, and at most one begins in 100 ms: to
// read the calls of all would cost more than the doctor may.
#pragma once
#include <cstddef>
#include <cstdint>

#include "../base/trace.hpp"
#include "../watch/findings.hpp"

namespace doctor {

class CallChecks {
 public:
  static constexpr std::uint64_t kEntriesMax =
      4096;  // read for one connection; then it is followed no longer

  // Reads the entries since the last call. `runs`: of records, in this turn; `connections`: accepted so far.
  // Returns the first thing wrong with the connection that is followed; Finding::count: nothing.
  watch::Sighting read(const base::Trace& trace, std::size_t runs, std::uint64_t connections) noexcept;

  // The next connection may be followed, unless one is.
  void allow_next() noexcept { may_follow_ = true; }

  // In the entries from `first` on, bytes moved, or a connection or a state changed.
  static bool shows_progress(const base::Trace& trace, std::uint64_t first) noexcept;
  // The position of the next entry to be read.
  [[nodiscard]] std::uint64_t next() const noexcept { return next_; }

 private:
  void find_next(const base::Trace& trace) noexcept;
  void follow(const base::TraceEntry& accepted) noexcept;
  void read_entries(const base::Trace& trace, watch::Sighting& wrong) noexcept;
  void read_entry(const base::TraceEntry& entry, watch::Sighting& wrong) noexcept;
  void end_run(watch::Sighting& wrong) noexcept;

  bool may_follow_ = true;
  std::uint64_t next_ = 0;                          // position of the next entry
  std::uint32_t slot_ = base::TraceEntry::kNoSlot;  // that is followed; kNoSlot: none
  std::uint32_t id_ = 0;                            // of its connection
  std::uint64_t until_ = 0;                         // position of the first entry that is not read for it
  std::uint64_t taken_ = 0;                         // bytes that calls have sent for the connection
  std::uint64_t read_ = 0, sent_ = 0;               // bytes, in this turn
  std::size_t runs_ = 0;                            // of records, in this turn
  std::uint64_t connections_ = 0;                   // accepted so far
};

}  // namespace doctor
