// What one turn of the event loop may still spend on costly work.
//
// Work that is bounded for one record is not bounded for a turn, in which each record runs. What does not fit
// waits, in an order that is fair to the clients (FairOrder), for the next turn. Password hashes, and
// response bodies of the proxy's own (files, compression, listings, pages), draw on it; DNS messages and what
// a reload reads leave less for them. Forwarding bytes is not counted here: each record has a share for it
// (`share`).
//
// Work is counted in units of about a microsecond, not measured, so that a test can bound a turn exactly. A
// password hash is one indivisible piece of work, up to kHashMaxUnits. Therefore it is limited in time too:
// at most one in a turn, and while there is other work, at most a quarter of the time.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace base {

// What work costs, in units.
struct Work {
  static constexpr std::uint64_t kFileBytes = 4096;   // read, sent or copied for one unit
  static constexpr std::uint64_t kGzipBytes = 32;     // compressed for one unit
  static constexpr std::uint64_t kFileLookedUp = 10;  // a path is followed
  static constexpr std::uint64_t kNameRead = 4;       // of a directory, with its status
  static constexpr std::uint64_t kNameSorted = 2;
  static constexpr std::uint64_t kNameWritten = 1;
  static constexpr std::uint64_t kTextBytes = 32;         // of a page, written for one unit
  static constexpr std::uint64_t kRecordsCounted = 100;   // for a page, for one unit
  static constexpr std::uint64_t kRecordsCompared = 20;   // the same: how long each has waited
  static constexpr std::uint64_t kDescriptorCounted = 1;  // for a page
  static constexpr std::uint64_t kDnsMessage = 10;
};

class TurnBudget {
 public:
  static constexpr std::uint64_t kUnits = 10'000;              // for one turn
  static constexpr std::uint64_t kHashMaxUnits = 350'000;      // the costliest hash that is accepted
  static constexpr std::uint64_t kPauseMaxMs = 1000;           // after hashing
  static constexpr std::size_t kBytes = std::size_t{4} << 20;  // of all ready records
  static constexpr std::size_t kShareMin = std::size_t{64} << 10;
  static constexpr std::size_t kShareMax = std::size_t{1} << 20;

  void begin_turn() noexcept {
    spent_ = 0;
    hashed_ = false;
  }
  // So many records are ready in this turn.
  void divide(std::size_t ready) noexcept { ready_ = std::max<std::size_t>(ready, 1); }
  // Bytes that a record may read in this turn, each way. A transfer alone moves kShareMax at a time; the more
  // records are ready, and the more of the turn is spent, the less, down to kShareMin.
  [[nodiscard]] std::size_t share() const noexcept {
    const std::uint64_t left = kUnits - std::min(spent_, kUnits);
    return std::clamp<std::size_t>(bytes / ready_ * left / kUnits, kShareMin, kShareMax);
  }
  // There is other work than hashes.
  void note_other_work() noexcept { busy_ = true; }

  // No more work may begin in this turn. A piece that has begun may exceed the budget.
  [[nodiscard]] bool exhausted() const noexcept { return spent_ >= kUnits; }
  void spend(std::uint64_t units) noexcept { spent_ += units; }
  // Units spent in this turn.
  [[nodiscard]] std::uint64_t spent() const noexcept { return spent_; }

  // A hash may be computed in this turn. `now` in ms.
  [[nodiscard]] bool may_hash(std::uint64_t now) const noexcept {
    return !hashed_ && (!busy_ || now >= pause_ends_);  // PLANT(one-hash-a-turn)
  }
  // A hash of `units` was computed from `began` to `ended`, ms.
  void hashed(std::uint64_t units, std::uint64_t began, std::uint64_t ended) noexcept {
    spend(units);
    hashed_ = true;
    busy_ = false;
    const std::uint64_t took = std::max<std::uint64_t>(ended - began, 1);
    pause_ends_ = std::min(std::max(pause_ends_, began) + 4 * took, ended + kPauseMaxMs);
  }
  // When the pause after hashing ends, ms; 0: there is no other work that it is for.
  [[nodiscard]] std::uint64_t pause_ends() const noexcept { return busy_ ? pause_ends_ : 0; }

  std::size_t bytes = kBytes;  // that all ready records may read in a turn, while they are few

 private:
  std::uint64_t spent_ = 0;
  std::size_t ready_ = 1;         // records
  bool hashed_ = false;           // in this turn
  bool busy_ = false;             // there was other work since the last hash
  std::uint64_t pause_ends_ = 0;  // ms
};

}  // namespace base
