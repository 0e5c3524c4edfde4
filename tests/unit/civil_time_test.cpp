// Times as a calendar and a clock show them; the expected ones are those of date(1).
#include "../../src/base/civil_time.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>

namespace {

using base::CivilTime;

std::string shown(std::int64_t unix_s) {
  std::array<char, 64> room;
  base::Writer out{room};
  const CivilTime at = base::civil_time(unix_s);
  base::put_date(out, at);
  base::put_clock(out << ' ', at);
  out << ' ' << std::uint64_t{base::weekday(at)};
  return std::string{out.view()};
}

TEST(CivilTime, Dates) {
  EXPECT_EQ(shown(0), "1970-01-01 00:00:00 4");
  EXPECT_EQ(shown(-1), "1969-12-31 23:59:59 3");
  EXPECT_EQ(shown(784'111'777), "1994-11-06 08:49:37 7");
  EXPECT_EQ(shown(1'709'251'199), "2024-02-29 23:59:59 4");
  EXPECT_EQ(shown(4'107'542'400), "2100-03-01 00:00:00 1");
}

// Of a record file, or of a file system.
TEST(CivilTime, AnyNumberIsADate) {
  EXPECT_EQ(shown(253'402'300'799), "9999-12-31 23:59:59 5");
  EXPECT_EQ(shown(253'402'300'800), "9999-12-31 23:59:59 5");
  EXPECT_EQ(shown(std::numeric_limits<std::int64_t>::max()), "9999-12-31 23:59:59 5");
  EXPECT_EQ(shown(-62'167'219'200), "0000-01-01 00:00:00 6");
  EXPECT_EQ(shown(std::numeric_limits<std::int64_t>::min()), "0000-01-01 00:00:00 6");
}

}  // namespace
