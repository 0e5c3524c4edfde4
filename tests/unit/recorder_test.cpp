// The file of a whole run (--record): what the trace loses before it is written is a gap, and counted.
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

}  // namespace
