#include "trace_printer.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "../base/reason.hpp"
#include "../plan/waits.hpp"
#include "../state/states.hpp"
#include "../sys/call_trace.hpp"

namespace watch {
namespace {

using base::TraceEntry;
using base::TraceEvent;
using base::Writer;
using plan::Verbosity;

constexpr std::size_t kEntryBytesMax = 256;

std::uint64_t number(std::int32_t value) noexcept {
  return static_cast<std::uint64_t>(value < 0 ? 0 : value);
}

void put_error(Writer& out, int error) noexcept {
  if (error != 0) out << " (" << std::string_view{std::strerror(error)} << ')';
}

std::string_view reason_name(const TraceEntry& entry) noexcept {
  return base::row(static_cast<base::Reason>(entry.detail)).name;
}

std::string_view state_name(std::uint8_t state) noexcept { return name(static_cast<State>(state)); }

// ---- of the event loop (-vv) -----------------------------------------------------------------------------

void write_turn(const TraceEntry& entry, Writer& out) noexcept {
  const std::uint64_t us = base::turn_time(entry);
  const bool began = entry.event == TraceEvent::turn_began;
  out << (began ? "turn begins at " : "turn ends at ") << us / 1'000'000 << '.';
  out.padded(us % 1'000'000, 6) << " s, " << (began ? "events: " : "runs of records: ");
  out << std::uint64_t{entry.slot} << '\n';
}

// What a call returned.
void write_result(const TraceEntry& entry, Writer& out) noexcept {
  switch (static_cast<sys::Call>(entry.detail)) {
    case sys::Call::close:
    case sys::Call::connect:
    case sys::Call::shutdown_write: return;
    case sys::Call::accept: out << " = descriptor " << number(entry.value); return;
    case sys::Call::socket_error: out << " = " << number(entry.value); return put_error(out, entry.value);
    case sys::Call::receive:
    case sys::Call::splice_in:
      out << " = " << number(entry.value) << (entry.value == 0 ? " (end of stream)" : "");
      return;
    case sys::Call::transmit:
    case sys::Call::splice_out:
    case sys::Call::send_file: out << " = " << number(entry.value); return;
  }
}

// "recv(7) = 812", "recv(7) = EAGAIN".
void write_call(const TraceEntry& entry, Writer& out) noexcept {
  if (entry.slot == TraceEntry::kNoSlot)
    out << "[loop] ";
  else
    out << "[slot " << std::uint64_t{entry.slot} << "] " << state_name(entry.state) << ' ';
  const bool has_descriptor = static_cast<std::int32_t>(entry.id) >= 0;
  out << name(static_cast<sys::Call>(entry.detail)) << '(';
  if (has_descriptor) out << std::uint64_t{entry.id};
  out << ')';
  if (entry.error == 0)
    write_result(entry, out);
  else if (entry.error == EAGAIN)
    out << " = EAGAIN";
  else
    put_error(out << " failed", entry.error);
}

void write_notice(const TraceEntry& entry, Writer& out) noexcept {
  out << state_name(entry.state) << " event of the " << (entry.value == 0 ? "client:" : "upstream:");
  const auto put = [&](TraceEntry::Ready bit, std::string_view text) {
    if ((entry.detail & bit) != 0) out << text;
  };
  put(TraceEntry::kReadable, " readable");
  put(TraceEntry::kWritable, " writable");
  put(TraceEntry::kFinished, " finished");
  put(TraceEntry::kHung, " hung");
}

// ---- of a record (-v) ------------------------------------------------------------------------------------

void write_wait(const TraceEntry& entry, Writer& out) noexcept {
  const bool reads_head = entry.state == static_cast<std::uint8_t>(State::READ_REQUEST) ||
                          entry.state == static_cast<std::uint8_t>(State::READ_RESPONSE);
  out << state_name(entry.state) << " waiting for " << plan::row(static_cast<plan::Wait>(entry.detail)).what
      << " (" << number(entry.value) << (reads_head ? " bytes buffered)" : " bytes moved)");
}

void write_step(const TraceEntry& entry, Writer& out) noexcept {
  const std::string_view state = state_name(entry.state);
  switch (entry.event) {
    case TraceEvent::notified: return write_notice(entry, out);
    case TraceEvent::accepted: out << "accepted, descriptor " << number(entry.value); break;
    case TraceEvent::entered:
      out << state_name(entry.before) << " -> " << state << " (" << name(static_cast<Event>(entry.detail))
          << ')';
      break;
    case TraceEvent::waited: return write_wait(entry, out);
    case TraceEvent::connected: out << state << " connecting to address " << number(entry.value) + 1; break;
    case TraceEvent::reused: out << state << " reuses an idle upstream connection"; break;
    case TraceEvent::retried: out << state << " connection attempt failed: " << reason_name(entry); break;
    case TraceEvent::answered:
      out << state << " responds with " << number(entry.value) << ": " << reason_name(entry);
      break;
    case TraceEvent::released:
      out << state_name(entry.before) << " -> FREE: " << reason_name(entry) << ", " << number(entry.value)
          << " bytes moved in total";
      break;
    default: break;  // of the event loop
  }
  put_error(out, entry.error);
}

}  // namespace

void write_entry(const TraceEntry& entry, Writer& out) noexcept {
  switch (entry.event) {
    case TraceEvent::turn_began:
    case TraceEvent::turn_ended: return write_turn(entry, out);
    case TraceEvent::called: write_call(entry, out); break;
    default:
      out << "[slot " << std::uint64_t{entry.slot} << ", #" << std::uint64_t{entry.id} << "] ";
      write_step(entry, out);
  }
  out << '\n';
}

// The lines are written at the next flush, whose own turn must not make another line.
bool TracePrinter::wanted(const TraceEntry& entry, Verbosity verbosity) noexcept {
  switch (entry.event) {
    case TraceEvent::turn_began:
      turn_ = entry;
      turn_written_ = false;
      return false;
    case TraceEvent::turn_ended: return verbosity == Verbosity::calls && turn_written_;
    case TraceEvent::notified:
    case TraceEvent::called: return verbosity == Verbosity::calls;
    default: return verbosity != Verbosity::none;
  }
}

void TracePrinter::write(const TraceEntry& entry, Sink& sink) const {
  std::array<char, kEntryBytesMax> room;
  Writer line{room};
  write_entry(entry, line);
  sink.add(line.view(), 0);
}

void TracePrinter::print_new(const base::Trace& trace, Verbosity verbosity, Sink& sink) {
  if (printed_ < trace.oldest()) {
    sink.add("proxy: trace overrun: " + std::to_string(trace.oldest() - printed_) + " entries lost\n", 0);
    printed_ = trace.oldest();
  }
  for (; printed_ < trace.written(); ++printed_) {
    const TraceEntry& entry = trace.at(printed_);
    if (!wanted(entry, verbosity)) continue;
    if (verbosity == Verbosity::calls && !std::exchange(turn_written_, true)) write(turn_, sink);
    write(entry, sink);
  }
}

}  // namespace watch
