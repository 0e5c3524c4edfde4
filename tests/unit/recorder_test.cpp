// Record files: of a whole run (--record), where what the trace loses before it is written is a gap, and
// counted; of findings, which keep the last ones; and written at once.
#include "../../src/server/recorder.hpp"

#include <gtest/gtest.h>

#include "bench.hpp"

namespace {

using base::TraceEntry;
using base::TraceEvent;

class RecorderTest : public testing::Test {
 protected:
  RecorderTest() { EXPECT_EQ(recorder.begin_run("/run.pxr"), ""); }
  void add(std::uint32_t entries) {
    for (std::uint32_t i = 0; i < entries; ++i)
      bench.worker->trace.add({.id = next_++, .slot = 1, .event = TraceEvent::connected});
  }
  [[nodiscard]] record::Recording read() const {
    record::Recording file;
    EXPECT_EQ(record::read(std::as_bytes(std::span{bench.world.record_file}), file), "");
    return file;
  }

  bench::Bench bench;
  server::Recorder recorder{*bench.worker, {}, {}};
  const std::uint32_t capacity = static_cast<std::uint32_t>(bench.worker->trace.capacity());

 private:
  std::uint32_t next_ = 0;
};

TEST_F(RecorderTest, ABlockIsWrittenWhenItIsFull) {
  EXPECT_EQ(recorder.write_run(), "") << "the first one is due at once";
  const std::size_t begun = bench.world.record_file.size();
  const auto enough =
      static_cast<std::uint32_t>(std::min<std::size_t>(record::kEntriesInBlock, capacity / 2));
  add(enough - 1);
  EXPECT_EQ(recorder.write_run(), "");
  EXPECT_EQ(bench.world.record_file.size(), begun);
  add(1);
  EXPECT_EQ(recorder.write_run(), "");
  EXPECT_EQ(bench.world.record_file.size(), begun + enough * sizeof(TraceEntry) + 28)
      << "a block with head and checksum";
  EXPECT_NE(read().damage.find("has no end"), std::string::npos);
}

TEST_F(RecorderTest, AfterASecondTheRestIsWritten) {
  recorder.write_run();
  add(3);
  recorder.write_run();
  EXPECT_EQ(read().entries.size(), 0U);
  bench.worker->now += 1000;
  recorder.write_run();
  EXPECT_EQ(read().entries.size(), 3U);
}

TEST_F(RecorderTest, ALossIsAGap) {
  recorder.write_run();
  add(10);
  bench.worker->now += 1000;
  recorder.write_run();
  add(capacity + 7);
  const std::string said = recorder.end_run();
  EXPECT_NE(said.find("saved " + std::to_string(capacity + 10) + " trace entries in /run.pxr, 7 lost"),
            std::string::npos)
      << said;
  const record::Recording file = read();
  EXPECT_EQ(file.damage, "");
  EXPECT_TRUE(file.has_table);
  ASSERT_EQ(file.entries.size(), 10 + 1 + capacity);
  EXPECT_EQ(file.entries[10].event, TraceEvent::lost);
  EXPECT_EQ(base::turn_time(file.entries[10]), 7U);
  EXPECT_EQ(file.entries[11].id, 17U);
}

TEST_F(RecorderTest, RequestsInProgressAreNotes) {
  bench.origin();
  const auto idle = bench.client("192.0.2.7"), client = bench.client("192.0.2.8");
  bench.send(client, "GET http://10.0.0.1/page?hidden HTTP/1.0\r\n\r\n");
  bench.settle();
  recorder.end_run();
  const record::Recording file = read();
  ASSERT_EQ(file.table.size(), 2U);
  ASSERT_EQ(file.notes.size(), 1U) << "the other client has sent nothing";
  EXPECT_EQ(file.notes[0].slot, file.table[1].slot);
  EXPECT_EQ(record::text_of(file.notes[0].path), "/page");
  EXPECT_EQ(file.notes[0].client_family, 4U);
  EXPECT_EQ(file.notes[0].client[3], 8U);
}

// ---- of findings -----------------------------------------------------------------------------------------

class OfFindings : public testing::Test {
 protected:
  // Begins a file and writes it; the names of those that are there then, in their order.
  void save(std::string_view code) {
    EXPECT_EQ(recorder.begin_for_finding("/records", code), "");
    while (recorder.active()) said = recorder.write_next();
  }
  [[nodiscard]] bool has(const std::string& name) const {
    return bench.world.made_files.contains("/records/proxy-" + name + ".pxr");
  }

  bench::Bench bench;
  server::Recorder recorder{*bench.worker, {}, {}};
  std::string said;
};

TEST_F(OfFindings, TheNameAndTheReasonHaveItsCode) {
  save("edge-not-drained");
  EXPECT_TRUE(has("-1-edge-not-drained")) << "without a run's id";
  EXPECT_TRUE(said.ends_with(" trace entries in /records/proxy--1-edge-not-drained.pxr")) << said;
  record::Recording file;
  EXPECT_EQ(record::read(std::as_bytes(std::span{bench.world.record_file}), file), "");
  EXPECT_EQ(file.damage, "");
  EXPECT_EQ(file.head.reason, "finding edge-not-drained");
}

TEST_F(OfFindings, AtMostOneAMinute) {
  save("spin");
  bench.worker->now += 59'999;
  save("overdue");
  EXPECT_EQ(bench.world.made_files.size(), 1U);
  bench.worker->now += 1;
  save("overdue");
  EXPECT_EQ(bench.world.made_files.size(), 2U);
  EXPECT_TRUE(has("-2-overdue"));
  EXPECT_EQ(recorder.begin("/records", "SIGUSR2"), "") << "a signal is not counted";
  EXPECT_TRUE(has("-3"));
}

TEST_F(OfFindings, TheLastSixteenAreKept) {
  recorder.begin("/records", "SIGUSR2");
  while (recorder.active()) recorder.write_next();
  for (int i = 0; i < 16; ++i, bench.worker->now += 60'000) save("spin");
  EXPECT_EQ(bench.world.made_files.size(), 17U);
  save("spin");
  EXPECT_EQ(bench.world.made_files.size(), 17U);
  EXPECT_FALSE(has("-2-spin")) << "the oldest";
  EXPECT_TRUE(has("-1")) << "a file that was asked for stays";
  EXPECT_TRUE(has("-3-spin"));
  EXPECT_TRUE(has("-18-spin"));
}

TEST_F(OfFindings, AnothersFileIsNotRemoved) {
  for (int i = 0; i < 16; ++i, bench.worker->now += 60'000) save("spin");
  bench.world.made_files["/records/proxy--1-spin.pxr"] = 1000;  // another one, by its inode
  bench.world.made_files.erase("/records/proxy--2-spin.pxr");   // it was removed
  for (int i = 0; i < 3; ++i, bench.worker->now += 60'000) save("spin");
  EXPECT_TRUE(has("-1-spin"));
  EXPECT_FALSE(has("-3-spin"));
  EXPECT_TRUE(has("-4-spin"));
  EXPECT_EQ(bench.world.made_files.size(), 17U) << "16 of this program's";
}

TEST_F(OfFindings, AFailureIsReportedOnceAMinute) {
  bench.world.made_files["/records/proxy--1-spin.pxr"] = 1000;
  EXPECT_NE(recorder.begin_for_finding("/records", "spin").find("File exists"), std::string::npos);
  EXPECT_FALSE(recorder.active());
  EXPECT_EQ(recorder.begin_for_finding("/records", "spin"), "");
  EXPECT_FALSE(recorder.active());
}

// ---- at once ---------------------------------------------------------------------------------------------

TEST_F(OfFindings, AWholeFileAtOnce) {
  bench.origin();
  const auto client = bench.client("192.0.2.8");
  bench.send(client, "GET http://10.0.0.1/page HTTP/1.0\r\n\r\n");
  bench.settle();
  record::Memory<std::vector<std::byte>> out;
  EXPECT_TRUE(recorder.write_whole("seed 7", out));
  EXPECT_TRUE(bench.world.made_files.empty());
  record::Recording file;
  EXPECT_EQ(record::read(out.content, file), "");
  EXPECT_EQ(file.damage, "");
  EXPECT_EQ(file.head.reason, "seed 7");
  EXPECT_EQ(file.first + file.entries.size(), bench.worker->trace.written());
  ASSERT_EQ(file.table.size(), 1U);
  ASSERT_EQ(file.notes.size(), 1U);
}

// ---- in parts --------------------------------------------------------------------------------------------

class InParts : public testing::Test {
 protected:
  void add(std::uint32_t entries) {
    for (std::uint32_t i = 0; i < entries; ++i)
      bench.worker->trace.add({.id = next_++, .slot = 1, .event = TraceEvent::connected});
  }
  // Writes a part of at most 1000 entries.
  bool part() { return recorder.write_part("board", out, at, 1000); }
  [[nodiscard]] record::Recording read() const {
    record::Recording file;
    EXPECT_EQ(record::read(out.content, file), "");
    EXPECT_EQ(file.damage, "");
    EXPECT_TRUE(file.has_table);
    return file;
  }

  bench::Bench bench;
  server::Recorder recorder{*bench.worker, {}, {}};
  record::Memory<std::vector<std::byte>> out;
  record::Progress at;
  std::uint32_t next_ = 0;
};

TEST_F(InParts, EachPartIsBounded) {
  add(4000);
  std::size_t parts = 0;
  for (bool whole = false; !whole; ++parts) {
    const std::size_t before = out.content.size();
    whole = part();
    EXPECT_LE(out.content.size() - before, 1000 * sizeof(TraceEntry) + 16'384) << "and names, table, blocks";
  }
  EXPECT_EQ(parts, 4U);
  const record::Recording file = read();
  ASSERT_EQ(file.entries.size(), 4000U);
  for (std::uint32_t i = 0; i < 4000; ++i) EXPECT_EQ(file.entries[i].id, i);
  EXPECT_EQ(file.head.reason, "board");
}

TEST_F(InParts, TheTraceGoesOn) {
  add(2500);
  EXPECT_FALSE(part());
  add(100);
  EXPECT_FALSE(part());
  add(100);
  EXPECT_TRUE(part());
  const record::Recording file = read();
  ASSERT_EQ(file.entries.size(), 2700U) << "the table is that after the last one";
  EXPECT_EQ(file.entries[2699].id, 2699U);
}

TEST_F(InParts, TheTraceIsFaster) {
  add(4096);
  std::size_t parts = 0;
  for (bool whole = false; !whole; ++parts) {
    ASSERT_LT(parts, 20U);
    add(1500);
    whole = part();
  }
  EXPECT_GT(at.lost, 0U);
  EXPECT_EQ(read().entries.back().id, next_ - 1);
}

TEST_F(InParts, NotesAreAPartOfTheirOwn) {
  bench.origin();
  const auto client = bench.client("192.0.2.8");
  bench.send(client, "GET http://10.0.0.1/page HTTP/1.0\r\n\r\n");
  bench.settle();
  const ExchangePtr& exchange = bench.worker->table.at(0).exchange;
  ASSERT_TRUE(exchange);
  recorder.add(*exchange);
  EXPECT_FALSE(part());
  recorder.add(*exchange);
  EXPECT_TRUE(part());
  EXPECT_EQ(read().notes.size(), 3U) << "two that ended, and one in progress";
}

}  // namespace
