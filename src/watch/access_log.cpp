#include "access_log.hpp"

#include "../base/civil_time.hpp"
#include "../base/escape.hpp"
#include "../http/date.hpp"
#include "../sys/address.hpp"

namespace watch {
namespace {

using base::put_escaped;
using base::put_json;
using base::Writer;

// ---- values that clients and upstreams choose ------------------------------------------------------------

// Escapes text between quotes, where a space does not end the value.
void put_quotable(Writer& out, std::string_view text) noexcept {
  for (const char c : text) c == ' ' ? void(out << c) : put_escaped(out, {&c, 1});
}

// ---- times -----------------------------------------------------------------------------------------------

base::CivilTime second_of(std::uint64_t unix_ms) noexcept {
  return base::civil_time(static_cast<std::int64_t>(unix_ms / 1000));
}

// As in the Common Log Format: "21/Nov/2026:04:30:27 +0000".
void put_common_time(Writer& out, std::uint64_t unix_ms) noexcept {
  const base::CivilTime at = second_of(unix_ms);
  out.padded(at.day, 2) << '/' << http::month_name(at.month) << '/';
  out.padded(at.year, 4) << ':';
  base::put_clock(out, at);
  out << " +0000";
}

// ---- own -------------------------------------------------------------------------------------------------

constexpr std::array kTimed{State::READ_REQUEST, State::SEND_REQUEST, State::READ_RESPONSE,
                            State::SEND_RESPONSE};

std::uint64_t spent(const AccessRecord& record, State state) noexcept {
  return record.state_ms[static_cast<std::size_t>(state)];
}

std::uint64_t spent(const AccessRecord& record, Phase phase) noexcept {
  return record.phase_ms[static_cast<std::size_t>(phase)];
}

void put_request(Writer& out, const AccessRecord& record) noexcept {
  if (record.method_length == 0) {
    out << "- -";
    return;
  }
  put_escaped(out, record.method_view());
  put_escaped(out << ' ', record.target_view());
  out << (record.target_cut ? "..." : "");
}

// The phases that the request reached, in order: (resolve=3ms,connect=12ms,send=0ms).
void put_phases(Writer& out, const AccessRecord& record) noexcept {
  char before = '(';
  for (std::size_t i = 0; i < kPhases; ++i) {
    const auto phase = static_cast<Phase>(i);
    if (!record.had(phase)) continue;
    out << before << kPhaseNames[i] << '=' << spent(record, phase) << "ms";
    before = ',';
  }
  if (before == ',') out << ')';
}

void put_times(Writer& out, const AccessRecord& record) noexcept {
  for (const State state : kTimed) {
    out << ' ' << name(state) << '=' << spent(record, state) << "ms";
    if (state == State::SEND_REQUEST) put_phases(out, record);
  }
}

void put_end(Writer& out, const AccessRecord& record) noexcept {
  const base::ReasonRow& reason = base::row(record.reason);
  out << " in=" << name(record.ended_in) << " end=" << reason.name;
  if (record.detail != base::Reason::none) out << '(' << base::row(record.detail).name << ')';
  out << " by=" << base::name(reason.ended_by);
  if (record.error != 0) base::put_error_name(out << " error=", record.error);
}

void write_own(const AccessRecord& record, Writer& out) noexcept {
  put_time(out, record.wall_ms);
  out << ' ' << sys::endpoint_text(record.client).view() << " #" << record.id;
  if (record.nth > 1) out << '.' << std::uint64_t{record.nth};
  out << ' ';
  put_request(out, record);
  out << ' ' << std::uint64_t{record.status} << " up=" << record.sent_up << " down=" << record.sent_down
      << " body=" << record.body_bytes();
  if (record.announced) out << '/' << record.body_length;
  put_times(out, record);
  put_end(out, record);
  if (record.user_length != 0) put_escaped(out << " user=", record.user_view());
  out << '\n';
}

// ---- common, combined: as the Apache HTTP Server writes them ---------------------------------------------

void put_request_line(Writer& out, const AccessRecord& record) noexcept {
  if (record.method_length == 0) {
    out << "\"-\"";
    return;
  }
  out << '"';
  put_request(out, record);
  out << (record.http10 ? " HTTP/1.0\"" : " HTTP/1.1\"");
}

// The bytes of the response body; "-" if there are none.
void put_body_bytes(Writer& out, const AccessRecord& record) noexcept {
  if (const std::uint64_t bytes = record.body_bytes(); bytes > 0)
    out << bytes;
  else
    out << '-';
}

// The response status; "-" if the request got no response.
void put_status(Writer& out, const AccessRecord& record) noexcept {
  if (record.status == 0)
    out << '-';
  else
    out.padded(record.status, 3);
}

// The client's identity (RFC 1413) is never known, and the user only if a password was checked: "-".
void put_common(Writer& out, const AccessRecord& record) noexcept {
  out << sys::ip_text(record.client).view() << " - ";
  put_escaped(out, record.user_length == 0 ? "-" : record.user_view());
  out << " [";
  put_common_time(out, record.wall_ms);
  put_request_line(out << "] ", record);
  put_status(out << ' ', record);
  put_body_bytes(out << ' ', record);
}

void put_quoted(Writer& out, std::string_view text) noexcept {
  out << '"';
  put_quotable(out, text.empty() ? "-" : text);
  out << '"';
}

void write_common(const AccessRecord& record, Writer& out) noexcept {
  put_common(out, record);
  out << '\n';
}

void write_combined(const AccessRecord& record, Writer& out) noexcept {
  put_common(out, record);
  put_quoted(out << ' ', record.referer_view());
  put_quoted(out << ' ', record.agent_view());
  out << '\n';
}

// ---- json: one object per line, always with the same members ---------------------------------------------

void put_json_request(Writer& out, const AccessRecord& record) noexcept {
  if (record.method_length == 0) {
    out << R"(,"method":null,"url":null,"url_cut":false)";
    return;
  }
  put_json(out << R"(,"method":)", record.method_view());
  put_json(out << R"(,"url":)", record.target_view());
  out << R"(,"url_cut":)" << (record.target_cut ? "true" : "false");
}

void put_json_times(Writer& out, const AccessRecord& record) noexcept {
  for (const State state : kTimed) out << ",\"" << name(state) << R"(_ms":)" << spent(record, state);
  for (std::size_t i = 0; i < kPhases; ++i) {
    out << ",\"" << kPhaseNames[i] << R"(_ms":)";
    if (const auto phase = static_cast<Phase>(i); record.had(phase))
      out << spent(record, phase);
    else
      out << "null";
  }
}

void put_json_body(Writer& out, const AccessRecord& record) noexcept {
  out << R"(,"body_bytes":)" << record.body_bytes() << R"(,"body_length":)";
  if (record.announced)
    out << record.body_length;
  else
    out << "null";
}

void put_json_end(Writer& out, const AccessRecord& record) noexcept {
  const base::ReasonRow& reason = base::row(record.reason);
  put_json(out << R"(,"state":)", name(record.ended_in));
  put_json(out << R"(,"end":)", reason.name);
  out << R"(,"detail":)";
  if (record.detail == base::Reason::none)
    out << "null";
  else
    put_json(out, base::row(record.detail).name);
  put_json(out << R"(,"by":)", base::name(reason.ended_by));
  out << R"(,"error":)";
  if (record.error == 0) {
    out << "null";
    return;
  }
  base::put_error_name(out << '"', record.error);
  out << '"';
}

void write_json(const AccessRecord& record, Writer& out) noexcept {
  put_time(out << R"({"time":")", record.wall_ms);
  out << R"(","client":")" << sys::endpoint_text(record.client).view() << R"(","id":)" << record.id
      << R"(,"user":)";
  if (record.user_length == 0)
    out << "null";
  else
    put_json(out, record.user_view());
  out << R"(,"trace_id":)";
  if (record.trace_length == 0)
    out << "null";
  else
    put_json(out, record.trace_view());
  put_json_request(out, record);
  out << R"(,"status":)" << std::uint64_t{record.status} << R"(,"up":)" << record.sent_up << R"(,"down":)"
      << record.sent_down;
  put_json_body(out, record);
  put_json_times(out, record);
  put_json_end(out, record);
  out << "}\n";
}

// ---- the formats -----------------------------------------------------------------------------------------

using Write = void (*)(const AccessRecord&, Writer&) noexcept;
constexpr std::array<Write, plan::kLogFormats.size()> kWriters{write_own, write_common, write_combined,
                                                               write_json};

}  // namespace

void put_time(Writer& out, std::uint64_t unix_ms) noexcept {
  const base::CivilTime at = second_of(unix_ms);
  base::put_date(out, at);
  base::put_clock(out << 'T', at);
  out << '.';
  out.padded(unix_ms % 1000, 3) << 'Z';
}

void write_access_line(plan::LogFormat format, const AccessRecord& record, Writer& out) noexcept {
  kWriters[static_cast<std::size_t>(format)](record, out);
}

}  // namespace watch
