// A ring buffer of what the event loop did, always on. Only output (`-v`) and tests read it.
#pragma once
#include <array>
#include <cstdint>

namespace base {

// What happened to a record; `value`, `detail` and `error` of the entry depend on it.
enum class TraceEvent : std::uint8_t {
  accepted,   // the connection was accepted; value: its descriptor
  entered,    // a state was entered; value: the previous State; detail: the Event
  waited,     // the record waits; value: bytes moved in this turn, or held while reading a head; detail: the
              // plan::Wait
  connected,  // a connection attempt was started; value: the index of the address
  reused,     // an idle upstream connection was taken from the pool
  retried,    // an attempt failed, the next address is tried; detail: the Reason; error: errno
  answered,   // the proxy responds itself; value: the status; detail: the Reason
  released,   // the record was released; value: bytes moved; detail: the Reason
};

// One step of a record.
struct TraceEntry {
  std::uint64_t id;    // of the connection, from 1
  std::uint64_t time;  // ms, monotonic
  std::uint32_t slot;
  std::int32_t value;
  std::int32_t error;  // errno or 0
  TraceEvent event;
  std::uint8_t state;  // the State of the record
  std::uint8_t detail;
};
static_assert(sizeof(TraceEntry) <= 32);

// The ring buffer.
class Trace {
 public:
  static constexpr std::size_t kEntries = 4096;

  // Overwrites the oldest entry when the ring is full.
  void add(const TraceEntry& entry) noexcept { ring_[written_++ % kEntries] = entry; }

  // The number of entries added so far: the position of the next one.
  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }
  // The position of the oldest entry in the ring.
  [[nodiscard]] std::uint64_t oldest() const noexcept {
    return written_ < kEntries ? 0 : written_ - kEntries;
  }
  // Returns the entry at `position`. REQUIRES: oldest() <= position < written().
  [[nodiscard]] const TraceEntry& at(std::uint64_t position) const noexcept {
    return ring_[position % kEntries];
  }

 private:
  std::array<TraceEntry, kEntries> ring_{};
  std::uint64_t written_ = 0;
};

}  // namespace base
