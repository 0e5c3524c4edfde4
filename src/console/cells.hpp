// The records as cells, and which of them changed: the answer to GET /console/cells.
//
// Nothing in the event loop marks a change. When a viewer asks, and at most each kScanMs, one scan compares
// each record with its last copy and notes the number of the scan (the frame) where it differs. So any number
// of viewers costs one scan.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../state/table.hpp"
#include "../watch/findings.hpp"
#include "wire.hpp"

namespace console {

// The cell of a record in use. `now` in ms.
Cell cell_of(const request_info& record, std::uint32_t slot, std::uint64_t now) noexcept;

// Times in ms, monotonic.
class Cells {
 public:
  static constexpr std::uint64_t kScanMs = 50;

  // `run`: a number of this run of the program. Frames begin at a number that depends on it, so that a frame
  // of another run is recognized.
  explicit Cells(std::uint64_t run) noexcept;

  // Compares all records, unless the last scan is less than kScanMs ago. Returns the number of records that
  // were compared.
  std::size_t scan(const Table& table, const watch::FindingLog& findings, std::uint64_t now);
  // Appends the cells that changed after `frame`, and sets `frame`, `flags`, `count`, `cell_bytes` and the
  // numbers of records in `head`. If `frame` is not of this run: all that are not FREE. REQUIRES: a scan.
  void append_since(std::uint32_t frame, CellsHead& head, std::string& out) const;
  [[nodiscard]] std::uint32_t frame() const noexcept { return frame_; }

 private:
  void store(std::uint32_t slot, const Cell& cell) noexcept;
  // A finding's record has its mark until nothing was seen of it for FindingLog::kQuietMs.
  void mark_findings(const Table& table, const watch::FindingLog& findings, std::uint64_t now) noexcept;

  std::uint32_t first_;  // frame
  std::uint32_t frame_;
  std::uint64_t scanned_ = 0;          // ms; 0: never
  std::vector<Cell> cells_;            // by slot
  std::vector<std::uint32_t> stamps_;  // by slot: the frame in which it changed
  std::vector<std::uint8_t> found_;    // by slot: the record has a finding
  std::vector<std::uint32_t> named_;   // slots in `found_`
};

}  // namespace console
