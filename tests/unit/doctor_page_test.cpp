// The page of the loop doctor: its text, its JSON, and which waits are on it.
#include <gtest/gtest.h>

#include "../../src/doctor/page.hpp"
#include "bench.hpp"

namespace {

using doctor::LongWaits;
using doctor::PageFacts;
using std::string;
using watch::Finding;
using watch::FindingLog;

LongWaits::Wait slow_reader(std::uint32_t slot, std::uint64_t waited) {
  return {slot,
          slot + 14,
          {.state = State::SEND_RESPONSE,
           .wait = plan::Wait::client_write,
           .held = 16'384,
           .waited = waited,
           .remaining = 60'000 - waited}};
}

std::size_t count(const string& text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// ---- the text --------------------------------------------------------------------------------------------

TEST(DoctorPage, NothingIsFound) {
  const FindingLog findings;
  EXPECT_EQ(
      doctor::page_text({.findings = findings, .uptime_ms = 61'500, .records = 4, .records_limit = 500}),
      "Nothing is found: no finding lasts.\n"
      "The proxy has run for 61.5 s; 4 of 500 records are in use, 0 of them by idle connections.\n");
  EXPECT_EQ(doctor::summary_field(findings), "Proxy-Findings: error=0, warning=0, note=0\r\n");
}

TEST(DoctorPage, RecordsOfViewers) {
  const FindingLog findings;
  const PageFacts facts{.findings = findings, .records = 4, .records_limit = 500, .viewers = 2};
  EXPECT_EQ(
      doctor::page_text(facts),
      "Nothing is found: no finding lasts.\n"
      "The proxy has run for 0 ms; 4 of 500 records are in use, 0 of them by idle connections; viewers of "
      "the board use 2 more.\n");
  EXPECT_NE(doctor::page_json(facts).find(R"("records":4,"records_limit":500,"viewers":2,)"), string::npos);
}

// Those that last first, the gravest at the top.
TEST(DoctorPage, Findings) {
  FindingLog findings;
  findings.add({.finding = Finding::slow_turn, .value = 81, .cause = "It was computing."}, 1000);
  findings.add({.finding = Finding::slow_turn, .value = 60}, 1300);
  ASSERT_EQ(findings.end_next(20'000), Finding::slow_turn);
  findings.add({.finding = Finding::log_dropped, .value = 3}, 21'000);
  findings.add({.finding = Finding::starved, .value = 1004}, 20'500);
  findings.add({.finding = Finding::overdue, .slot = 3, .id = 17, .value = 4000}, 20'000);
  findings.add({.finding = Finding::overdue, .slot = 4, .id = 18, .value = 9000}, 20'250);
  LongWaits waits{.longest = {slow_reader(3, 8200), slow_reader(1, 5000)}, .count = 2, .idle = 9};
  EXPECT_EQ(doctor::page_text(
                {.findings = findings, .waits = waits, .now = 22'000, .records = 11, .records_limit = 50}),
            "3 findings last: 1 error, 1 warning, 1 note.\n"
            "The proxy has run for 0 ms; 11 of 50 records are in use, 9 of them by idle connections.\n"
            "\n"
            "Findings:\n"
            "  overdue (error): 2 sightings in 250 ms, the last 1.7 s ago\n"
            "    The timeout of slot 4 passed 9000 ms ago.\n"
            "  starved (warning): 1 sighting, the last 1.5 s ago\n"
            "    Records have waited for a free buffer for 1004 ms (--buffers).\n"
            "  log-dropped (note): 1 sighting, the last 1.0 s ago\n"
            "    3 log lines were dropped.\n"
            "\n"
            "Findings that have ended:\n"
            "  slow-turn (warning): 2 sightings in 300 ms, the last 20.7 s ago\n"
            "    The event loop did not return to epoll_wait(2) for 81 ms. It was computing.\n"
            "\n"
            "2 connections wait for 5 s or longer:\n"
            "  [slot 3, #17] SEND_RESPONSE: The client has read no response bytes for 8.2 s; 16384 bytes are "
            "held. In "
            "51.8 s the connection closes (--reader-timeout).\n"
            "  [slot 1, #15] SEND_RESPONSE: The client has read no response bytes for 5.0 s; 16384 bytes are "
            "held. In "
            "55.0 s the connection closes (--reader-timeout).\n");
  EXPECT_EQ(doctor::summary_field(findings), "Proxy-Findings: error=1, warning=1, note=1\r\n");
}

TEST(DoctorPage, OneOfEach) {
  FindingLog findings;
  findings.add({.finding = Finding::spin, .value = 1000}, 1000);
  const LongWaits waits{.longest = {slow_reader(3, 8200)}, .count = 65};
  const string text = doctor::page_text({.findings = findings, .waits = waits, .now = 1000});
  EXPECT_TRUE(text.starts_with("1 finding lasts: 1 error, 0 warnings, 0 notes.\n")) << text;
  EXPECT_NE(text.find("\n65 connections wait for 5 s or longer; the longest 1:\n"), string::npos) << text;
}

// ---- JSON ------------------------------------------------------------------------------------------------

TEST(DoctorPage, Json) {
  FindingLog findings;
  findings.add({.finding = Finding::slow_turn, .value = 81}, 1000);
  ASSERT_EQ(findings.end_next(20'000), Finding::slow_turn);
  findings.add({.finding = Finding::slow_turn, .value = 82}, 20'000);
  findings.add({.finding = Finding::slow_turn, .value = 83}, 20'200);
  ASSERT_EQ(findings.end_next(31'000), Finding::slow_turn);
  findings.add({.finding = Finding::overdue, .slot = 3, .id = 17, .value = 4000}, 31'000);
  const LongWaits waits{.longest = {slow_reader(3, 8200)}, .count = 1, .idle = 9};
  EXPECT_EQ(
      doctor::page_json({.findings = findings,
                         .waits = waits,
                         .now = 31'500,
                         .uptime_ms = 99,
                         .records = 11,
                         .records_limit = 50}),
      R"({"uptime_ms":99,"records":11,"records_limit":50,"viewers":0,"idle_connections":9,"long_waits_count":1,)"
      "\n"
      R"("lasting":{"note":0,"warning":0,"error":1},)"
      "\n"
      R"("findings":[)"
      "\n"
      R"({"code":"overdue","severity":"error","sentence":"The timeout of slot 3 passed 4000 ms ago.",)"
      R"("lasts":true,"slot":3,"connection":17,"first_ms_ago":500,"last_ms_ago":500,"sightings":1,"total":1},)"
      "\n"
      R"({"code":"slow-turn","severity":"warning",)"
      R"("sentence":"The event loop did not return to epoll_wait(2) for 82 ms.","lasts":false,"slot":null,)"
      R"("connection":null,"first_ms_ago":11500,"last_ms_ago":11300,"sightings":2,"total":3}],)"
      "\n"
      R"("long_waits":[)"
      "\n"
      R"({"slot":3,"connection":17,"state":"SEND_RESPONSE","waited_ms":8200,"held_bytes":16384,)"
      R"("diagnosis":"The client has read no response bytes for 8.2 s; 16384 bytes are held. In 51.8 s the )"
      R"(connection closes (--reader-timeout)."}]})"
      "\n");
}

// The longest numbers, all findings, and as many waits as are listed.
TEST(DoctorPage, TheLongestIsWhole) {
  FindingLog findings;
  for (const watch::FindingRow& row : watch::kFindingRows) {
    findings.add({.finding = row.finding, .slot = 4'000'000'000U, .id = UINT64_MAX, .value = UINT64_MAX}, 1);
    findings.add({.finding = row.finding}, UINT64_MAX - 1);
  }
  LongWaits waits{.count = UINT64_MAX, .idle = UINT64_MAX};
  waits.longest.assign(LongWaits::kListedMax, {4'000'000'000U,
                                               UINT64_MAX,
                                               {.state = State::SEND_RESPONSE,
                                                .wait = plan::Wait::half_closed,
                                                .held = UINT64_MAX,
                                                .waited = UINT64_MAX - 2,
                                                .remaining = UINT64_MAX - 2}});
  const PageFacts facts{.findings = findings, .waits = waits, .now = UINT64_MAX, .uptime_ms = UINT64_MAX};
  EXPECT_TRUE(doctor::page_text(facts).ends_with(".\n"));
  EXPECT_TRUE(doctor::page_json(facts).ends_with("\"}]}\n"));
  EXPECT_EQ(count(doctor::page_json(facts), "diagnosis"), LongWaits::kListedMax);
}

// ---- which waits are listed ------------------------------------------------------------------------------

struct Records {
  explicit Records(std::uint32_t slots)
      : room(slots * sizeof(request_info)), table(reinterpret_cast<request_info*>(room.memory), slots) {}
  // A record that is ready to run since then.
  request_info& since(std::uint64_t entered) {
    request_info& record = *table.take();
    record.state = State::SEND_RESPONSE;
    record.entered = entered;
    record.id = 100 + table.slot_of(record);
    return record;
  }
  bench::Room<request_info> room;
  Table table;
};

TEST(DoctorPage, WaitsFrom5s) {
  Records records{4};
  records.since(4000);
  records.since(5001);
  records.since(5000);
  records.since(0).state = State::FREE;
  const LongWaits waits = doctor::long_waits(records.table, 10'000);
  EXPECT_EQ(waits.count, 2U);
  ASSERT_EQ(waits.longest.size(), 2U);
  EXPECT_EQ(waits.longest[0].slot, 0U);
  EXPECT_EQ(waits.longest[0].id, 100U);
  EXPECT_EQ(waits.longest[0].situation.waited, 6000U);
  EXPECT_EQ(waits.longest[1].slot, 2U);
}

TEST(DoctorPage, The64LongestWaits) {
  constexpr std::uint32_t kAll = 200;
  Records records{kAll};
  for (std::uint32_t i = 0; i < kAll; ++i) records.since(1000 + i * 7919 % kAll);
  const LongWaits waits = doctor::long_waits(records.table, 100'000);
  EXPECT_EQ(waits.count, kAll);
  ASSERT_EQ(waits.longest.size(), LongWaits::kListedMax);
  for (std::size_t i = 0; i < waits.longest.size(); ++i)
    EXPECT_EQ(waits.longest[i].situation.waited, 99'000 - i);
}

TEST(DoctorPage, WaitsOfAConnection) {
  bench::Bench b;
  const auto client = b.client();
  b.settle();
  b.worker->now += 6000;
  LongWaits waits = doctor::long_waits(b.table, b.worker->now);
  EXPECT_EQ(waits.idle, 1U) << "it has sent nothing yet";
  EXPECT_EQ(waits.count, 0U);
  b.world.remote_send(*client, "GET http://10.0");
  b.settle();
  b.worker->now += 6000;
  waits = doctor::long_waits(b.table, b.worker->now);
  EXPECT_EQ(waits.idle, 0U);
  ASSERT_EQ(waits.longest.size(), 1U);
  EXPECT_EQ(waits.longest[0].situation.wait, plan::Wait::request_head);
  EXPECT_EQ(waits.longest[0].situation.waited, 6000U);
}

}  // namespace
