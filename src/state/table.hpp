// The fixed array of records.
#pragma once
#include <cstdint>

#include "../../request_state.hpp"

// A record's memory is touched at its first use; the record that was released last is taken first.
class Table {
 public:
  // REQUIRES: `memory` has room for `slots` records and outlives the table.
  Table(request_info* memory, std::uint32_t slots) noexcept : records_(memory), slots_(slots) {}
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  // Returns a free record, now in use, in state FREE; null if there is none.
  request_info* take() noexcept;
  // Frees the record and all that it holds. REQUIRES: it is in no queue.
  void give(request_info& record) noexcept;
  // Returns the record that the token's endpoint belongs to; null, and counted as stale, if that endpoint is
  // closed.
  request_info* find(const net::Token& token) noexcept;

  // The array.
  [[nodiscard]] request_info* records() noexcept { return records_; }
  // The record in that slot.
  [[nodiscard]] request_info& at(std::uint32_t slot) noexcept { return records_[slot]; }
  [[nodiscard]] const request_info& at(std::uint32_t slot) const noexcept { return records_[slot]; }
  // The index of a record.
  [[nodiscard]] std::uint32_t slot_of(const request_info& record) const noexcept {
    return static_cast<std::uint32_t>(&record - records_);
  }
  // The records below this slot were used at least once.
  [[nodiscard]] std::uint32_t touched() const noexcept { return touched_; }
  [[nodiscard]] std::uint32_t used() const noexcept { return used_; }    // records in use
  [[nodiscard]] std::uint32_t slots() const noexcept { return slots_; }  // of the array
  [[nodiscard]] std::uint64_t given() const noexcept { return given_; }  // records released so far
  [[nodiscard]] std::uint64_t stale() const noexcept { return stale_; }  // events of closed endpoints
  // Returns a serial number for an endpoint, different from all before.
  std::uint32_t new_serial() noexcept { return ++serial_; }

 private:
  request_info* records_;
  std::uint32_t slots_;
  std::uint32_t touched_ = 0;
  std::uint32_t used_ = 0;
  std::uint32_t free_ = base::kNoIndex;  // head of the free chain, linked through `ready.next`
  std::uint32_t serial_ = 0;
  std::uint64_t given_ = 0;
  std::uint64_t stale_ = 0;
};
