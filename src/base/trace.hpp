// A ring of what the loop did, always on. Whoever looks on reads it; nothing that happens depends on it.
#pragma once
#include <array>
#include <cstdint>

namespace base {

enum class TraceEvent : std::uint8_t {
  accepted,   // value: descriptor
  entered,    // a state; value: the State before; detail: the Event
  waited,     // value: bytes moved in this turn; detail: the Flow
  connected,  // began to connect; value: which address, from 0
  reused,     // goes over a connection that was used before
  retried,    // an address failed, the next is tried; error: errno
  answered,   // we answer ourselves; detail: the Reason
  released,   // detail: the Reason
};

struct TraceEntry {
  std::uint64_t id;    // of the connection, from 1
  std::uint64_t time;  // ms, monotonic
  std::uint32_t slot;
  std::int32_t value;
  std::int32_t error;  // errno or 0
  TraceEvent event;
  std::uint8_t state;
  std::uint8_t detail;
};
static_assert(sizeof(TraceEntry) <= 32);

class Trace {
 public:
  static constexpr std::size_t kEntries = 4096;

  void add(const TraceEntry& entry) noexcept { ring_[written_++ % kEntries] = entry; }

  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }
  // The oldest position that is still there.
  [[nodiscard]] std::uint64_t oldest() const noexcept {
    return written_ < kEntries ? 0 : written_ - kEntries;
  }
  // REQUIRES: oldest() <= position < written().
  [[nodiscard]] const TraceEntry& at(std::uint64_t position) const noexcept {
    return ring_[position % kEntries];
  }

 private:
  std::array<TraceEntry, kEntries> ring_{};
  std::uint64_t written_ = 0;
};

}  // namespace base
