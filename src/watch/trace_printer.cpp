#include "trace_printer.hpp"

#include <array>
#include <cstring>
#include <string>

#include "../base/reason.hpp"
#include "../plan/waits.hpp"
#include "../state/states.hpp"

namespace watch {
namespace {

using base::TraceEntry;
using base::TraceEvent;
using base::Writer;

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

}  // namespace

void write_entry(const TraceEntry& entry, Writer& out) noexcept {
  const std::string_view state = name(static_cast<State>(entry.state));
  out << "[slot " << std::uint64_t{entry.slot} << ", #" << entry.id << "] ";
  switch (entry.event) {
    case TraceEvent::accepted: out << "accepted, descriptor " << number(entry.value); break;
    case TraceEvent::entered:
      out << name(static_cast<State>(entry.value)) << " -> " << state << " ("
          << name(static_cast<Event>(entry.detail)) << ')';
      break;
    case TraceEvent::waited: {
      const bool reads_head = entry.state == static_cast<std::uint8_t>(State::READ_REQUEST) ||
                              entry.state == static_cast<std::uint8_t>(State::READ_RESPONSE);
      out << state << " waiting for " << plan::row(static_cast<plan::Wait>(entry.detail)).what << " ("
          << number(entry.value) << (reads_head ? " bytes buffered)" : " bytes moved)");
      break;
    }
    case TraceEvent::connected: out << state << " connecting to address " << number(entry.value) + 1; break;
    case TraceEvent::reused: out << state << " reuses an idle upstream connection"; break;
    case TraceEvent::retried: out << state << " connection attempt failed: " << reason_name(entry); break;
    case TraceEvent::answered:
      out << state << " responds with " << number(entry.value) << ": " << reason_name(entry);
      break;
    case TraceEvent::released:
      out << state << " -> FREE: " << reason_name(entry) << ", " << number(entry.value)
          << " bytes moved in total";
      break;
  }
  put_error(out, entry.error);
  out << '\n';
}

void TracePrinter::print(const base::Trace& trace, Sink& sink) {
  if (printed_ < trace.oldest()) {
    sink.add("proxy: trace overrun: " + std::to_string(trace.oldest() - printed_) + " entries lost\n", 0);
    printed_ = trace.oldest();
  }
  for (; printed_ < trace.written(); ++printed_) {
    std::array<char, kEntryBytesMax> room;
    Writer line{room};
    write_entry(trace.at(printed_), line);
    sink.add(line.view(), 0);  // written at the next flush
  }
}

}  // namespace watch
