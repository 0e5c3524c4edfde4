// The findings of the loop doctor: their table, and how long they last.
#include "../../src/watch/findings.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace {

using std::string;
using watch::Finding;
using watch::FindingLog;

string text_of(const watch::Sighting& sighting) {
  std::array<char, watch::kFindingMax> room;
  base::Writer out{room};
  watch::write_finding(sighting, out);
  EXPECT_FALSE(out.overflowed()) << out.view();
  return string{out.view()};
}

TEST(Findings, Sentence) {
  EXPECT_EQ(text_of({.finding = Finding::overdue, .slot = 3, .id = 17, .value = 4000}),
            "finding overdue (error): The timeout of slot 3 passed 4000 ms ago.");
  EXPECT_EQ(text_of({.finding = Finding::slow_turn, .value = 81, .cause = "It was computing."}),
            "finding slow-turn (warning): The event loop did not return to epoll_wait(2) for 81 ms. It was "
            "computing.");
}

TEST(Findings, EachRow) {
  std::set<string> codes;
  for (const watch::FindingRow& row : watch::kFindingRows) {
    EXPECT_TRUE(codes.insert(string{row.code}).second) << row.code;
    const string text = text_of({.finding = row.finding, .slot = 4'000'000'000U, .value = UINT64_MAX});
    EXPECT_EQ(text.find('{'), string::npos) << text;
    EXPECT_TRUE(text.ends_with('.')) << text;
    EXPECT_FALSE(row.condition.empty()) << row.code;
  }
}

TEST(Findings, LastsUntilItIsQuiet) {
  FindingLog log;
  const watch::Sighting spin{.finding = Finding::spin, .value = 1000};
  EXPECT_FALSE(log.any());
  EXPECT_TRUE(log.add(spin, 5000));
  EXPECT_FALSE(log.add(spin, 6000)) << "reported once while it lasts";
  EXPECT_EQ(log.end_next(6000 + FindingLog::kQuietMs - 1), Finding::count);
  log.keep({.finding = Finding::spin}, 7000);
  EXPECT_EQ(log.end_next(6000 + FindingLog::kQuietMs), Finding::count) << "it was seen again";
  EXPECT_EQ(log.end_next(7000 + FindingLog::kQuietMs), Finding::spin);
  EXPECT_EQ(log[Finding::spin].sightings, 2U);
  EXPECT_EQ(log[Finding::spin].last - log[Finding::spin].since, 2000U);
  EXPECT_FALSE(log.any());
  EXPECT_TRUE(log.add(spin, 99'000)) << "and begins again";
  EXPECT_EQ(log[Finding::spin].total, 3U);
}

string shown(const FindingLog& log) { return text_of(log[Finding::overdue].shown()); }

TEST(Findings, ShowsARecordOfWhichItIsStillSo) {
  FindingLog log;
  const auto of = [](std::uint32_t slot, std::uint64_t value) {
    return watch::Sighting{.finding = Finding::overdue, .slot = slot, .id = 100 + slot, .value = value};
  };
  for (const std::uint32_t slot : {3U, 4U, 5U}) log.add(of(slot, 1000), 5000);
  EXPECT_EQ(shown(log), "finding overdue (error): The timeout of slot 3 passed 1000 ms ago.");
  for (const std::uint32_t slot : {4U, 5U}) log.keep(of(slot, 2000), 6000);
  EXPECT_EQ(shown(log), "finding overdue (error): The timeout of slot 4 passed 2000 ms ago.");
  EXPECT_EQ(log[Finding::overdue].first.slot, 3U);
  EXPECT_EQ(log[Finding::overdue].sightings, 3U);
  EXPECT_EQ(log[Finding::overdue].named().size(), 3U);
  for (std::uint32_t slot = 10; slot < 10 + FindingLog::kRecordsMax; ++slot) log.add(of(slot, 1), 7000);
  EXPECT_EQ(log[Finding::overdue].named().size(), FindingLog::kRecordsMax) << "there is no room for more";
  for (const auto& record : log[Finding::overdue].named()) EXPECT_GE(record.slot, 10U);
  ASSERT_EQ(log.end_next(99'000), Finding::overdue);
  log.keep(of(4, 3000), 99'000);
  log.add(of(6, 1000), 99'500);
  EXPECT_EQ(log[Finding::overdue].named().size(), 1U) << "it has begun again";
}

}  // namespace
