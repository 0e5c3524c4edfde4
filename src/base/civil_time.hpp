// Date and time of day in UTC (proleptic Gregorian calendar).
#pragma once
#include <cstdint>

#include "text.hpp"

namespace base {

struct CivilTime {
  unsigned year, month, day;  // 0 to 9999, 1 to 12, 1 to 31
  unsigned hour, minute, second;
};

// `unix_s`: seconds since 1970-01-01 UTC. A file can contain any number: those before the year 0 and after
// the year 9999 count as the first and the last second of these years.
CivilTime civil_time(std::int64_t unix_s) noexcept;
// 1: Monday, 7: Sunday.
unsigned weekday(const CivilTime& time) noexcept;

// Write "2026-11-21" and "08:49:37".
void put_date(Writer& out, const CivilTime& time) noexcept;
void put_clock(Writer& out, const CivilTime& time) noexcept;

}  // namespace base
