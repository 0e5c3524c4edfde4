#include "access_log.hpp"

#include <chrono>
#include <cstring>

#include "../sys/address.hpp"

namespace watch {
namespace {

// RFC 3339, UTC, with milliseconds.
void put_time(base::Writer& out, std::uint64_t unix_ms) noexcept {
  using namespace std::chrono;
  const sys_time<milliseconds> moment{milliseconds{unix_ms}};
  const sys_days day = floor<days>(moment);
  const year_month_day date{day};
  const hh_mm_ss time{moment - day};
  out.padded(static_cast<std::uint64_t>(static_cast<int>(date.year())), 4) << '-';
  out.padded(static_cast<unsigned>(date.month()), 2) << '-';
  out.padded(static_cast<unsigned>(date.day()), 2) << 'T';
  out.padded(static_cast<std::uint64_t>(time.hours().count()), 2) << ':';
  out.padded(static_cast<std::uint64_t>(time.minutes().count()), 2) << ':';
  out.padded(static_cast<std::uint64_t>(time.seconds().count()), 2) << '.';
  out.padded(static_cast<std::uint64_t>(time.subseconds().count()), 3) << 'Z';
}

void put_request(base::Writer& out, const Exchange& exchange) noexcept {
  if (exchange.method_length == 0) {
    out << "- -";
    return;
  }
  out << exchange.method_view() << ' ' << exchange.target_view() << (exchange.target_cut ? "..." : "");
}

void put_times(base::Writer& out, const Exchange& exchange) noexcept {
  for (const State state :
       {State::READ_REQUEST, State::SEND_REQUEST, State::READ_RESPONSE, State::SEND_RESPONSE})
    out << ' ' << row(state).name << '=' << std::uint64_t{exchange.spent_ms[static_cast<std::size_t>(state)]}
        << "ms";
}

void put_end(base::Writer& out, const Exchange& exchange) noexcept {
  const base::ReasonRow& reason = base::row(exchange.reason);
  out << " end=" << reason.name;
  if (exchange.detail != base::Reason::none) out << '(' << base::row(exchange.detail).name << ')';
  out << " by=" << base::name(reason.ended_by);
  if (exchange.error == 0) return;
  out << " error=";
  if (const char* const error = ::strerrorname_np(exchange.error); error != nullptr)
    out << std::string_view{error};
  else
    out << static_cast<std::uint64_t>(exchange.error);
}

}  // namespace

void write_access_line(const Exchange& exchange, base::Writer& out) noexcept {
  put_time(out, exchange.wall_ms);
  out << ' ' << sys::endpoint_text(exchange.client).view() << " #" << exchange.id;
  if (exchange.nth > 1) out << '.' << std::uint64_t{exchange.nth};
  out << ' ';
  put_request(out, exchange);
  out << ' ' << std::uint64_t{exchange.status} << " up=" << exchange.sent_up
      << " down=" << exchange.sent_down;
  put_times(out, exchange);
  put_end(out, exchange);
  out << '\n';
}

}  // namespace watch
