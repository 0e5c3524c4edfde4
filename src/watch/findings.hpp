// The findings of the loop doctor (src/doctor): their codes, severities and sentences, and which of them
// last.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "../base/text.hpp"
#include "../base/trace.hpp"

namespace watch {

// A new one is added at the end: recordings of earlier versions have these numbers.
enum class Finding : std::uint8_t {
  edge_not_drained,
  listener_not_drained,
  forgotten_mark,
  no_deadline,
  overdue,
  slow_turn,
  late_wake,
  spin,
  eof_read_again,
  level_noise,
  unfair,
  self_wakes,
  scheduled_late,
  stale_event,
  slot_ledger,
  bytes_lost,
  read_ahead,
  starved,
  backlog,
  log_dropped,
  double_close,
  descriptors_short,
  fd_ledger,
  slow_run,
  steps_dropped,
  count
};
inline constexpr auto kFindings = static_cast<std::size_t>(Finding::count);

enum class Severity : std::uint8_t {
  note,     // worth knowing
  warning,  // a client suffers
  error,    // the program is wrong
};
inline constexpr std::array<std::string_view, 3> kSeverityNames{"note", "warning", "error"};

struct FindingRow {
  Finding finding;
  std::string_view code;
  Severity severity;
  std::string_view sentence;  // "{slot}" and "{value}" stand for those of the sighting
  std::string_view condition;
};

// clang-format off
inline constexpr std::array<FindingRow, kFindings> kFindingRows{{
    {Finding::edge_not_drained, "edge-not-drained", Severity::error, "Slot {slot} waits for a socket that is ready, and no further event will report it: an earlier read or write stopped before EAGAIN.",
     "a record waits for a read or a write, the mark of that endpoint is false, poll(2) says that it is ready, and the next epoll_wait(2) does not report it; twice"},
    {Finding::listener_not_drained, "listener-not-drained", Severity::error, "Clients wait at listener {value}, and no further event will report them: accept stopped before EAGAIN.",
     "the mark of a listener is false, poll(2) says that it is ready, and the next epoll_wait(2) does not report it; twice"},
    {Finding::forgotten_mark, "forgotten-mark", Severity::error, "Slot {slot} could go on, because the endpoint that it waits for is marked ready, but it is not queued to run.",
     "a record waits for an endpoint whose mark is set, and is in no queue; twice"},
    {Finding::no_deadline, "no-deadline", Severity::error, "Slot {slot} waits without a timer: nothing limits its wait.",
     "a record in use is in no queue, or waits for a free buffer, and has no timer; twice"},
    {Finding::overdue, "overdue", Severity::error, "The timeout of slot {slot} passed {value} ms ago.",
     "a timer should have expired over a second ago, and its record is not queued to run; twice"},
    {Finding::slow_turn, "slow-turn", Severity::warning, "The event loop did not return to epoll_wait(2) for {value} ms.",
     "a turn took over 50 ms"},
    {Finding::late_wake, "late-wake", Severity::note, "The kernel woke the program {value} ms late: the machine is busy.",
     "epoll_wait(2) returned without an event over 20 ms after its timeout"},
    {Finding::spin, "spin", Severity::error, "The event loop made {value} turns without progress.",
     "1,000 turns in a row, or turns for 200 ms, in which no byte moved, no connection was accepted or made, no state was entered and no work was done, and whose timeout for epoll_wait(2) was 0"},
    {Finding::eof_read_again, "eof-read-again", Severity::error, "Descriptor {value} was read again after the end of its stream.",
     "a read returned 0 on a connection that had returned 0 before"},
    {Finding::level_noise, "level-noise", Severity::note, "{value} % of the events for waiting records brought no new mark.",
     "of 10,000 events, over half were for records that waited, and set no mark"},
    {Finding::unfair, "unfair", Severity::warning, "Slot {slot} read {value} bytes in one turn while others waited.",
     "the record that is followed read over four times its share of a turn in which others ran"},
    {Finding::self_wakes, "self-wakes", Severity::note, "{value} % of the runs of records followed no event: transfers use up their share of each turn, and take turns.",
     "over 90 % of at least 1,000 runs within a second were in turns without an event"},
    {Finding::scheduled_late, "scheduled-late", Severity::note, "{value} % of the runs of records were in turns that took over 10 ms: the loop is busy.",
     "over 1 % of at least 1,000 runs within a second were in turns that took over 10 ms"},
    {Finding::stale_event, "stale-event", Severity::error, "An event of a closed connection was given to the connection in slot {slot}.",
     "the serial number of a turn's first event differs from that of the connection in its slot, and the table has not counted it as stale"},
    {Finding::slot_ledger, "slot-ledger", Severity::error, "{value} records are neither free nor in use.",
     "the number of records in use differs from that of the table, in two looks"},
    {Finding::bytes_lost, "bytes-lost", Severity::error, "Slot {slot} counted {value} bytes as sent that no call has taken.",
     "at the end of the connection that is followed, more bytes are counted as sent than the calls have taken"},
    {Finding::read_ahead, "read-ahead", Severity::error, "Slot {slot} read {value} bytes more than it sent in one turn: backpressure does not work.",
     "in a run, the record that is followed read over 2.25 MiB more than it sent"},
    {Finding::starved, "starved", Severity::warning, "Records have waited for a free buffer for {value} ms (--buffers).",
     "a record has waited for a buffer at each look for over a second"},
    {Finding::backlog, "backlog", Severity::warning, "Clients wait at listener {value}: accepting pauses for lack of descriptors or memory.",
     "a listener is ready and its pause goes on; twice"},
    {Finding::log_dropped, "log-dropped", Severity::note, "{value} log lines were dropped.",
     "the number of dropped log lines has grown"},
    {Finding::double_close, "double-close", Severity::error, "Descriptor {value} was closed or used after it had been closed: the next time, another connection can have its number.",
     "close(2) of a descriptor that is not open, or a call that failed with EBADF"},
    {Finding::descriptors_short, "descriptors-short", Severity::warning, "{value} descriptors are open, over 90 % of the limit (RLIMIT_NOFILE).",
     "over 90 % of the descriptors that the limit allows are open"},
    {Finding::fd_ledger, "fd-ledger", Severity::error, "{value} descriptors are not accounted for.",
     "the number of open descriptors differs from the number that listeners, clients, upstreams, connection attempts, idle connections, pipes, files, DNS, health checks, logs and record files use, in two looks a second apart"},
    {Finding::slow_run, "slow-run", Severity::note, "Slot {slot} ran for {value} ms in one turn.",
     "a record ran for over 10 ms; runs are measured for a second after a turn that took over 10 ms"},
    {Finding::steps_dropped, "steps-dropped", Severity::note, "{value} trace entries were overwritten before -v or --record wrote them (--trace-entries).",
     "the number of such entries has grown"},
}};
// clang-format on

constexpr const FindingRow& row(Finding finding) noexcept {
  return kFindingRows[static_cast<std::size_t>(finding)];
}

// One sighting.
struct Sighting {
  static constexpr std::uint32_t kNoSlot = base::TraceEntry::kNoSlot;

  Finding finding = Finding::count;
  std::uint32_t slot = kNoSlot;  // of a record
  std::uint64_t id = 0;          // of its connection
  std::uint64_t value = 0;       // see the sentence
  std::string_view cause{};      // a further sentence; empty: none
};

// Writes the sentence with the numbers in place of their names, and the cause.
void write_sentence(const Sighting& sighting, base::Writer& out) noexcept;
// Writes "finding spin (error): The event loop made 1000 turns without progress."
void write_finding(const Sighting& sighting, base::Writer& out) noexcept;
inline constexpr std::size_t kFindingMax = 320;  // the longest text, in bytes

// Which findings last. A finding lasts from its first sighting until there was none for kQuietMs.
class FindingLog {
 public:
  static constexpr std::uint64_t kQuietMs = 10'000;
  static constexpr std::size_t kRecordsMax = 64;

  // A record with the finding.
  struct Record {
    std::uint32_t slot = Sighting::kNoSlot;
    std::uint64_t id = 0;     // of its connection
    std::uint64_t value = 0;  // see the sentence
    std::uint64_t last = 0;   // ms: the latest sighting there
  };

  struct Entry {
    bool lasts = false;
    std::uint64_t since = 0, last = 0;  // ms: the first and the latest sighting
    std::uint64_t sightings = 0;        // since it began
    std::uint64_t total = 0;            // of sightings since the program started
    Sighting first{};
    std::array<Record, kRecordsMax> records{};
    std::size_t records_count = 0;

    // The records that had a sighting since it began. If there are more than kRecordsMax, the latest.
    [[nodiscard]] std::span<const Record> named() const noexcept { return {records.data(), records_count}; }
    // The sighting to show: of the records that were seen last, the one that was named first.
    [[nodiscard]] Sighting shown() const noexcept;
  };

  // Adds a sighting. Returns true if the finding begins with it. `now` in ms.
  bool add(const Sighting& sighting, std::uint64_t now) noexcept;
  // What was sighted is still so.
  void keep(const Sighting& sighting, std::uint64_t now) noexcept;
  // Ends one finding that has had no sighting for kQuietMs, and returns it; Finding::count: there is none.
  Finding end_next(std::uint64_t now) noexcept;

  [[nodiscard]] const Entry& operator[](Finding finding) const noexcept {
    return entries_[static_cast<std::size_t>(finding)];
  }
  // Some finding lasts.
  [[nodiscard]] bool any() const noexcept { return lasting_ > 0; }

 private:
  Entry& at(Finding finding) noexcept { return entries_[static_cast<std::size_t>(finding)]; }

  std::array<Entry, kFindings> entries_{};
  std::size_t lasting_ = 0;  // findings that last
};

}  // namespace watch
