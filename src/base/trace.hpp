// A ring buffer of what the event loop did, always on: turns, events, system calls, and the steps of records.
//
// An entry takes 16 bytes and reads no clock: within a turn the order is known, and the turn's own entries
// have the exact time.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace base {

// What happened; the entry's other members depend on it. A new one is added at the end: recordings of earlier
// versions have these numbers.
enum class TraceEvent : std::uint8_t {
  turn_began,  // epoll_wait(2) has returned; slot: the number of events; id, value: the time (`turn_time`)
  turn_ended,  // slot: how often a record ran; id, value: the time
  notified,    // an event for a record; value: the Side; detail: a sum of TraceEntry::Ready
  called,      // a system call; detail: the sys::Call; id: the descriptor; value: what sys::Call says
  accepted,    // the connection was accepted; value: its descriptor
  entered,     // a state was entered; value: the previous State; detail: the Event
  waited,      // the record waits; value: bytes moved in this turn, or held while reading a head; detail: the
               // plan::Wait
  connected,   // a connection attempt was started; value: the index of the address
  reused,      // an idle upstream connection was taken from the pool
  retried,     // an attempt failed, the next address is tried; detail: the Reason; error: errno
  answered,    // the proxy responds itself; value: the status; detail: the Reason
  released,    // the record was released; value: bytes moved; detail: the Reason
  lost,        // in a recording: entries are missing here; id, value: their number (`turn_time`)
  finding,     // of the loop doctor; detail: the watch::Finding; value: what its sentence says
};
inline constexpr std::array<std::string_view, 14> kTraceEventNames{
    "turn_began", "turn_ended", "notified", "called",   "accepted", "entered", "waited",
    "connected",  "reused",     "retried",  "answered", "released", "lost",    "finding"};

// One entry.
struct TraceEntry {
  static constexpr std::uint32_t kNoSlot = ~std::uint32_t{0};  // of no record
  static constexpr std::uint8_t kErrorAbove = 127;             // stands for all larger errors
  // Bits of `detail` in `notified`; see sys::Event.
  enum Ready : std::uint8_t { kReadable = 1, kWritable = 2, kFinished = 4, kHung = 8 };

  std::uint32_t id = 0;  // of the connection, from 1; its low half
  std::uint32_t slot = kNoSlot;
  std::int32_t value = 0;
  TraceEvent event = TraceEvent::entered;
  std::uint8_t state : 4 = 0;   // the State of the record
  std::uint8_t before : 4 = 0;  // its State before the entry, so that a reader can go backwards
  std::uint8_t detail = 0;
  std::uint8_t error : 7 = 0;   // errno; 0: none, kErrorAbove: above 126
  std::uint8_t forced : 1 = 0;  // 1: not the kernel made it so, but the lens
};
static_assert(sizeof(TraceEntry) == 16);

// An entry of a turn. `time` in µs, monotonic.
constexpr TraceEntry turn_entry(TraceEvent event, std::uint64_t time, std::size_t count) noexcept {
  return {.id = static_cast<std::uint32_t>(time),
          .slot = static_cast<std::uint32_t>(count),
          .value = static_cast<std::int32_t>(static_cast<std::uint32_t>(time >> 32)),
          .event = event};
}
// Its time, in µs.
constexpr std::uint64_t turn_time(const TraceEntry& entry) noexcept {
  return std::uint64_t{static_cast<std::uint32_t>(entry.value)} << 32 | entry.id;
}

// As an entry holds it. Linux has no errno above 126 that a socket or a file reports.
constexpr std::uint8_t traced_error(int error) noexcept {
  return static_cast<std::uint8_t>(
      static_cast<unsigned>(error) < TraceEntry::kErrorAbove ? error : TraceEntry::kErrorAbove);
}

// The ring buffer.
class Trace {
 public:
  // REQUIRES: the number of entries in `room` is a power of two.
  explicit Trace(std::span<TraceEntry> room) noexcept
      : ring_(room.data()), end_(room.data() + room.size()), next_(room.data()) {}

  // Overwrites the oldest entry when the ring is full. A request adds some 20: positions are computed only
  // when someone asks for them.
  void add(const TraceEntry& entry) noexcept {
    TraceEntry* const place = next_;
    if (++next_ == end_) [[unlikely]] {
      next_ = ring_;
      before_ += static_cast<std::size_t>(end_ - ring_);
    }
    *place = entry;
  }

  // The number of entries in a full ring.
  [[nodiscard]] std::size_t capacity() const noexcept { return cursor().size(); }
  // The number of entries added so far: the position of the next one.
  [[nodiscard]] std::uint64_t written() const noexcept {
    const Cursor now = cursor();
    return now.before + static_cast<std::uint64_t>(now.next - now.ring);
  }
  // The position of the oldest entry in the ring.
  [[nodiscard]] std::uint64_t oldest() const noexcept {
    return written() < capacity() ? 0 : written() - capacity();
  }
  // Returns the entry at `position`. REQUIRES: oldest() <= position < written().
  [[nodiscard]] const TraceEntry& at(std::uint64_t position) const noexcept {
    const Cursor now = cursor();
    return now.ring[position & (now.size() - 1)];
  }

  // Undoes `add` of the entries since `mark()`, at most one. REQUIRES: not muted since.
  struct Mark {
    TraceEntry* next;
    std::uint64_t before;
    TraceEntry overwritten;
  };
  [[nodiscard]] Mark mark() const noexcept { return {next_, before_, *next_}; }
  void take_back(const Mark& mark) noexcept {
    next_ = mark.next;
    before_ = mark.before;
    *next_ = mark.overwritten;
  }

  // While this lives, entries are dropped and not counted: those of a viewer of the board. They go to another
  // place meanwhile, so that `add` has no branch for it. What was added before can be read.
  class Mute {
   public:
    // Mutes if `now`; a Mute that does not can do so later, by mute(), and is not within another one.
    Mute(Trace& trace, bool now) noexcept : trace_(trace), nested_(now && trace.is_muted()) {
      if (now) trace.mute();
    }
    ~Mute() {
      if (!nested_) trace_.unmute();
    }
    Mute(const Mute&) = delete;
    Mute& operator=(const Mute&) = delete;

   private:
    Trace& trace_;
    bool nested_;
  };
  [[nodiscard]] bool is_muted() const noexcept { return ring_ == nowhere_.data(); }
  // Until the end of the outermost Mute, or until unmute(). REQUIRES: there is a Mute.
  void mute() noexcept {
    if (is_muted()) return;
    kept_ = {ring_, end_, next_, before_};
    ring_ = next_ = nowhere_.data();
    end_ = ring_ + nowhere_.size();
  }
  void unmute() noexcept {
    if (!is_muted()) [[likely]]
      return;
    ring_ = kept_.ring;
    end_ = kept_.end;
    next_ = kept_.next;
    before_ = kept_.before;
  }

  // The record that runs: system calls are noted as its calls.
  std::uint32_t slot = TraceEntry::kNoSlot;
  std::uint8_t state = 0;  // its State, below 16

 private:
  struct Cursor {
    TraceEntry *ring, *end, *next;
    std::uint64_t before;
    [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(end - ring); }
  };

  // Of the ring, also while muted.
  [[nodiscard]] Cursor cursor() const noexcept {
    return is_muted() ? kept_ : Cursor{ring_, end_, next_, before_};
  }

  TraceEntry* ring_;
  TraceEntry* end_;
  TraceEntry* next_;
  std::uint64_t before_ = 0;  // the number of entries added in earlier rounds of the ring
  Cursor kept_{};             // while muted
  std::array<TraceEntry, 1> nowhere_{};
};

}  // namespace base
