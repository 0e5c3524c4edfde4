#include "access_log.hpp"

#include <chrono>

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

struct Moment {
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<std::chrono::milliseconds> time;
};

Moment moment(std::uint64_t unix_ms) noexcept {
  using namespace std::chrono;
  const sys_time<milliseconds> at{milliseconds{unix_ms}};
  const sys_days day = floor<days>(at);
  return {year_month_day{day}, hh_mm_ss{at - day}};
}

void put_clock(Writer& out, const Moment& at) noexcept {
  out.padded(static_cast<std::uint64_t>(at.time.hours().count()), 2) << ':';
  out.padded(static_cast<std::uint64_t>(at.time.minutes().count()), 2) << ':';
  out.padded(static_cast<std::uint64_t>(at.time.seconds().count()), 2);
}

std::uint64_t year(const Moment& at) noexcept {
  return static_cast<std::uint64_t>(static_cast<int>(at.date.year()));
}

// RFC 3339, UTC, with milliseconds.
void put_time(Writer& out, std::uint64_t unix_ms) noexcept {
  const Moment at = moment(unix_ms);
  out.padded(year(at), 4) << '-';
  out.padded(static_cast<unsigned>(at.date.month()), 2) << '-';
  out.padded(static_cast<unsigned>(at.date.day()), 2) << 'T';
  put_clock(out, at);
  out << '.';
  out.padded(static_cast<std::uint64_t>(at.time.subseconds().count()), 3) << 'Z';
}

// As in the Common Log Format: "21/Nov/2026:04:30:27 +0000".
void put_common_time(Writer& out, std::uint64_t unix_ms) noexcept {
  const Moment at = moment(unix_ms);
  out.padded(static_cast<unsigned>(at.date.day()), 2)
      << '/' << http::month_name(static_cast<unsigned>(at.date.month())) << '/';
  out.padded(year(at), 4) << ':';
  put_clock(out, at);
  out << " +0000";
}

// ---- own -------------------------------------------------------------------------------------------------

constexpr std::array kTimed{State::READ_REQUEST, State::SEND_REQUEST, State::READ_RESPONSE,
                            State::SEND_RESPONSE};

std::uint64_t spent(const Exchange& exchange, State state) noexcept {
  return exchange.spent_ms[static_cast<std::size_t>(state)];
}

std::uint64_t spent(const Exchange& exchange, Phase phase) noexcept {
  return exchange.phase_ms[static_cast<std::size_t>(phase)];
}

void put_request(Writer& out, const Exchange& exchange) noexcept {
  if (exchange.method_length == 0) {
    out << "- -";
    return;
  }
  put_escaped(out, exchange.method_view());
  put_escaped(out << ' ', exchange.target_view());
  out << (exchange.target_cut ? "..." : "");
}

// The phases that the request reached, in order: (resolve=3ms,connect=12ms,send=0ms).
void put_phases(Writer& out, const Exchange& exchange) noexcept {
  char before = '(';
  for (std::size_t i = 0; i < kPhases; ++i) {
    const auto phase = static_cast<Phase>(i);
    if (!exchange.had(phase)) continue;
    out << before << kPhaseNames[i] << '=' << spent(exchange, phase) << "ms";
    before = ',';
  }
  if (before == ',') out << ')';
}

void put_times(Writer& out, const Exchange& exchange) noexcept {
  for (const State state : kTimed) {
    out << ' ' << name(state) << '=' << spent(exchange, state) << "ms";
    if (state == State::SEND_REQUEST) put_phases(out, exchange);
  }
}

void put_end(Writer& out, const Exchange& exchange) noexcept {
  const base::ReasonRow& reason = base::row(exchange.reason);
  out << " in=" << name(exchange.ended_in) << " end=" << reason.name;
  if (exchange.detail != base::Reason::none) out << '(' << base::row(exchange.detail).name << ')';
  out << " by=" << base::name(reason.ended_by);
  if (exchange.error != 0) base::put_error_name(out << " error=", exchange.error);
}

void write_own(const Exchange& exchange, Writer& out) noexcept {
  put_time(out, exchange.wall_ms);
  out << ' ' << sys::endpoint_text(exchange.client).view() << " #" << exchange.id;
  if (exchange.nth > 1) out << '.' << std::uint64_t{exchange.nth};
  out << ' ';
  put_request(out, exchange);
  out << ' ' << std::uint64_t{exchange.status} << " up=" << exchange.sent_up << " down=" << exchange.sent_down
      << " body=" << exchange.body_bytes();
  if (exchange.announced) out << '/' << exchange.body_length;
  put_times(out, exchange);
  put_end(out, exchange);
  out << '\n';
}

// ---- common, combined: as the Apache HTTP Server writes them ---------------------------------------------

void put_request_line(Writer& out, const Exchange& exchange) noexcept {
  if (exchange.method_length == 0) {
    out << "\"-\"";
    return;
  }
  out << '"';
  put_request(out, exchange);
  out << (exchange.http10 ? " HTTP/1.0\"" : " HTTP/1.1\"");
}

// The bytes of the response body; "-" if there are none.
void put_body_bytes(Writer& out, const Exchange& exchange) noexcept {
  if (const std::uint64_t bytes = exchange.body_bytes(); bytes > 0)
    out << bytes;
  else
    out << '-';
}

// The response status; "-" if the request got no response.
void put_status(Writer& out, const Exchange& exchange) noexcept {
  if (exchange.status == 0)
    out << '-';
  else
    out.padded(exchange.status, 3);
}

// The client's identity (RFC 1413) and user name are not known here: "-".
void put_common(Writer& out, const Exchange& exchange) noexcept {
  out << sys::ip_text(exchange.client).view() << " - - [";
  put_common_time(out, exchange.wall_ms);
  put_request_line(out << "] ", exchange);
  put_status(out << ' ', exchange);
  put_body_bytes(out << ' ', exchange);
}

void put_quoted(Writer& out, std::string_view text) noexcept {
  out << '"';
  put_quotable(out, text.empty() ? "-" : text);
  out << '"';
}

void write_common(const Exchange& exchange, Writer& out) noexcept {
  put_common(out, exchange);
  out << '\n';
}

void write_combined(const Exchange& exchange, Writer& out) noexcept {
  put_common(out, exchange);
  put_quoted(out << ' ', exchange.referer_view());
  put_quoted(out << ' ', exchange.agent_view());
  out << '\n';
}

// ---- json: one object per line, always with the same members ---------------------------------------------

void put_json_request(Writer& out, const Exchange& exchange) noexcept {
  if (exchange.method_length == 0) {
    out << R"(,"method":null,"url":null,"url_cut":false)";
    return;
  }
  put_json(out << R"(,"method":)", exchange.method_view());
  put_json(out << R"(,"url":)", exchange.target_view());
  out << R"(,"url_cut":)" << (exchange.target_cut ? "true" : "false");
}

void put_json_times(Writer& out, const Exchange& exchange) noexcept {
  for (const State state : kTimed) out << ",\"" << name(state) << R"(_ms":)" << spent(exchange, state);
  for (std::size_t i = 0; i < kPhases; ++i) {
    out << ",\"" << kPhaseNames[i] << R"(_ms":)";
    if (const auto phase = static_cast<Phase>(i); exchange.had(phase))
      out << spent(exchange, phase);
    else
      out << "null";
  }
}

void put_json_body(Writer& out, const Exchange& exchange) noexcept {
  out << R"(,"body_bytes":)" << exchange.body_bytes() << R"(,"body_length":)";
  if (exchange.announced)
    out << exchange.body_length;
  else
    out << "null";
}

void put_json_end(Writer& out, const Exchange& exchange) noexcept {
  const base::ReasonRow& reason = base::row(exchange.reason);
  put_json(out << R"(,"state":)", name(exchange.ended_in));
  put_json(out << R"(,"end":)", reason.name);
  out << R"(,"detail":)";
  if (exchange.detail == base::Reason::none)
    out << "null";
  else
    put_json(out, base::row(exchange.detail).name);
  put_json(out << R"(,"by":)", base::name(reason.ended_by));
  out << R"(,"error":)";
  if (exchange.error == 0) {
    out << "null";
    return;
  }
  base::put_error_name(out << '"', exchange.error);
  out << '"';
}

void write_json(const Exchange& exchange, Writer& out) noexcept {
  put_time(out << R"({"time":")", exchange.wall_ms);
  out << R"(","client":")" << sys::endpoint_text(exchange.client).view() << R"(","id":)" << exchange.id;
  put_json_request(out, exchange);
  out << R"(,"status":)" << std::uint64_t{exchange.status} << R"(,"up":)" << exchange.sent_up << R"(,"down":)"
      << exchange.sent_down;
  put_json_body(out, exchange);
  put_json_times(out, exchange);
  put_json_end(out, exchange);
  out << "}\n";
}

// ---- the formats -----------------------------------------------------------------------------------------

using Write = void (*)(const Exchange&, Writer&) noexcept;
constexpr std::array<Write, plan::kLogFormats.size()> kWriters{write_own, write_common, write_combined,
                                                               write_json};

}  // namespace

void write_access_line(plan::LogFormat format, const Exchange& exchange, Writer& out) noexcept {
  kWriters[static_cast<std::size_t>(format)](exchange, out);
}

}  // namespace watch
