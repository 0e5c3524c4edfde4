#include "civil_time.hpp"

#include <algorithm>
#include <chrono>

namespace base {
namespace {

// The first second of the year, since 1970-01-01 UTC.
constexpr std::int64_t start_of(std::chrono::year year) noexcept {
  return std::chrono::sys_seconds{std::chrono::sys_days{year / 1 / 1}}.time_since_epoch().count();
}

constexpr std::int64_t kFirst = start_of(std::chrono::year{0});
constexpr std::int64_t kLast = start_of(std::chrono::year{10'000}) - 1;

}  // namespace

CivilTime civil_time(std::int64_t unix_s) noexcept {
  using namespace std::chrono;
  const sys_seconds at{seconds{std::clamp(unix_s, kFirst, kLast)}};
  const sys_days day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss time{at - day};
  return {static_cast<unsigned>(static_cast<int>(date.year())),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          static_cast<unsigned>(time.hours().count()),
          static_cast<unsigned>(time.minutes().count()),
          static_cast<unsigned>(time.seconds().count())};
}

unsigned weekday(const CivilTime& time) noexcept {
  using namespace std::chrono;
  const year_month_day date{year{static_cast<int>(time.year)}, month{time.month}, day{time.day}};
  return std::chrono::weekday{sys_days{date}}.iso_encoding();
}

void put_date(Writer& out, const CivilTime& time) noexcept {
  out.padded(time.year, 4) << '-';
  out.padded(time.month, 2) << '-';
  out.padded(time.day, 2);
}

void put_clock(Writer& out, const CivilTime& time) noexcept {
  out.padded(time.hour, 2) << ':';
  out.padded(time.minute, 2) << ':';
  out.padded(time.second, 2);
}

}  // namespace base
