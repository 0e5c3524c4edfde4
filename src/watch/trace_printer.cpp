#include "trace_printer.hpp"

#include <array>
#include <string>
#include <utility>

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

// One line about an entry.
class Line {
 public:
  Line(const TraceEntry& entry, const TraceNames& names, Writer& out) noexcept
      : entry_(entry), names_(names), out_(out) {}

  void write() noexcept {
    switch (entry_.event) {
      case TraceEvent::turn_began:
      case TraceEvent::turn_ended: write_turn(); break;
      case TraceEvent::called: write_call(); break;
      case TraceEvent::finding: write_found(); break;
      case TraceEvent::lost: out_ << "entries lost: " << base::turn_time(entry_); break;
      default:
        out_ << "[slot " << std::uint64_t{entry_.slot} << ", #" << std::uint64_t{entry_.id} << "] ";
        write_step();
    }
    out_ << '\n';
  }

 private:
  Writer& put_state(std::uint8_t state) noexcept { return put_name(out_, names_.states, state); }
  void put_reason() noexcept { put_name(out_, names_.reasons, entry_.detail); }
  void put_error(std::size_t error) noexcept {
    if (error != 0) put_name(out_ << " (", names_.error_texts, error) << ')';
  }

  void put_forced() noexcept { out_ << (entry_.forced != 0 ? " (forced)" : ""); }

  void write_turn() noexcept;
  void write_found() noexcept;
  void write_call() noexcept;
  void write_result() noexcept;
  void write_step() noexcept;
  void write_notice() noexcept;
  void write_wait() noexcept;
  void write_other() noexcept;

  const TraceEntry& entry_;
  const TraceNames& names_;
  Writer& out_;
};

// ---- of the event loop (-vv) -----------------------------------------------------------------------------

void Line::write_turn() noexcept {
  const std::uint64_t us = base::turn_time(entry_);
  const bool began = entry_.event == TraceEvent::turn_began;
  out_ << (began ? "turn begins at " : "turn ends at ") << us / 1'000'000 << '.';
  out_.padded(us % 1'000'000, 6) << " s, " << (began ? "events: " : "runs of records: ");
  out_ << std::uint64_t{entry_.slot};
}

// "[loop] finding slow-turn, value 81".
void Line::write_found() noexcept {
  if (entry_.slot == TraceEntry::kNoSlot)
    out_ << "[loop] finding ";
  else
    out_ << "[slot " << std::uint64_t{entry_.slot} << ", #" << std::uint64_t{entry_.id} << "] finding ";
  put_name(out_, names_.findings, entry_.detail) << ", value " << number(entry_.value);
}

// What a call returned.
void Line::write_result() noexcept {
  switch (static_cast<sys::Call>(entry_.detail)) {
    case sys::Call::close:
    case sys::Call::connect:
    case sys::Call::shutdown_write: return;
    case sys::Call::accept: out_ << " = descriptor " << number(entry_.value); return;
    case sys::Call::socket_error:
      out_ << " = " << number(entry_.value);
      return put_error(static_cast<std::size_t>(number(entry_.value)));
    case sys::Call::receive:
    case sys::Call::splice_in:
      out_ << " = " << number(entry_.value) << (entry_.value == 0 ? " (end of stream)" : "");
      return;
    default: out_ << " = " << number(entry_.value);
  }
}

// "recv(7) = 812", "recv(7) = EAGAIN (forced)".
void Line::write_call() noexcept {
  if (entry_.slot == TraceEntry::kNoSlot) {
    out_ << "[loop] ";
  } else {
    out_ << "[slot " << std::uint64_t{entry_.slot} << "] ";
    put_state(entry_.state) << ' ';
  }
  const bool has_descriptor = static_cast<std::int32_t>(entry_.id) >= 0;
  put_name(out_, names_.calls, entry_.detail) << '(';
  if (has_descriptor) out_ << std::uint64_t{entry_.id};
  out_ << ')';
  if (entry_.error == 0)
    write_result();
  else if (const std::string_view error = name_in(names_.error_names, entry_.error); error == "EAGAIN")
    out_ << " = " << error;
  else {
    out_ << " failed";
    put_error(entry_.error);
  }
  put_forced();
}

void Line::write_notice() noexcept {
  put_state(entry_.state) << " event of the " << (entry_.value == 0 ? "client:" : "upstream:");
  const auto put = [&](TraceEntry::Ready bit, std::string_view text) {
    if ((entry_.detail & bit) != 0) out_ << text;
  };
  put(TraceEntry::kReadable, " readable");
  put(TraceEntry::kWritable, " writable");
  put(TraceEntry::kFinished, " finished");
  put(TraceEntry::kHung, " hung");
  put_forced();
}

// ---- of a record (-v) ------------------------------------------------------------------------------------

void Line::write_wait() noexcept {
  put_name(put_state(entry_.state) << " waiting for ", names_.waits, entry_.detail)
      << " (" << number(entry_.value) << ' ' << waited_unit(entry_.state) << ')';
}

// Of a later version.
void Line::write_other() noexcept {
  put_state(entry_.state) << ' ';
  put_name(out_, names_.trace_events, static_cast<std::size_t>(entry_.event))
      << ", value " << number(entry_.value) << ", detail " << std::uint64_t{entry_.detail};
}

void Line::write_step() noexcept {
  switch (entry_.event) {
    case TraceEvent::notified: return write_notice();
    case TraceEvent::accepted: out_ << "accepted, descriptor " << number(entry_.value); break;
    case TraceEvent::entered:
      put_state(entry_.before) << " -> ";
      put_state(entry_.state) << " (";
      put_name(out_, names_.events, entry_.detail) << ')';
      break;
    case TraceEvent::waited: return write_wait();
    case TraceEvent::connected:
      put_state(entry_.state) << " connecting to address " << number(entry_.value) + 1;
      break;
    case TraceEvent::reused: put_state(entry_.state) << " reuses an idle upstream connection"; break;
    case TraceEvent::retried:
      put_state(entry_.state) << " connection attempt failed: ";
      put_reason();
      break;
    case TraceEvent::answered:
      put_state(entry_.state) << " responds with " << number(entry_.value) << ": ";
      put_reason();
      break;
    case TraceEvent::released:
      put_state(entry_.before) << " -> FREE: ";
      put_reason();
      out_ << ", " << number(entry_.value) << " bytes moved in total";
      break;
    default: write_other();
  }
  put_error(entry_.error);
}

}  // namespace

std::string_view waited_unit(std::uint8_t state) noexcept {
  const bool reads_head = state == static_cast<std::uint8_t>(State::READ_REQUEST) ||
                          state == static_cast<std::uint8_t>(State::READ_RESPONSE);
  return reads_head ? "bytes buffered" : "bytes moved";
}

void write_entry(const TraceEntry& entry, const TraceNames& names, Writer& out) noexcept {
  Line{entry, names, out}.write();
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
  write_entry(entry, built_in_names(), line);
  sink.add(line.view(), 0);
}

void TracePrinter::print_new(const base::Trace& trace, Verbosity verbosity, Sink& sink) {
  if (printed_ < trace.oldest()) {
    sink.add("proxy: trace overrun: " + std::to_string(trace.oldest() - printed_) + " entries lost\n", 0);
    lost_ += trace.oldest() - printed_;
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
