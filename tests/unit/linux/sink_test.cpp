// The sink on a real pipe: one that is full is not waited for.
#include "../../../src/watch/sink.hpp"

#include "support.hpp"

namespace {

using std::string;
using watch::Sink;

class LinuxSink : public testing::Test {
 protected:
  LinuxSink() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    reader.reset(ends[0]);
    sink.emplace(sys::Fd{ends[1]});
    write_end_ = ends[1];
  }
  string read() {
    string out;
    std::array<char, 65536> piece;
    for (ssize_t count = 0; (count = ::read(reader.get(), piece.data(), piece.size())) > 0;)
      out.append(piece.data(), static_cast<std::size_t>(count));
    return out;
  }
  void fill_pipe() {
    const string page(4096, '#');
    while (::write(write_end_, page.data(), page.size()) > 0) ++pages_;
    while (::write(write_end_, "#", 1) > 0) {
    }
  }

  sys::Fd reader;
  std::optional<Sink> sink;
  std::size_t pages_ = 0;

 private:
  int write_end_ = -1;
};

TEST_F(LinuxSink, WritesWhatIsDue) {
  sink->add("one\n", 1000);
  EXPECT_EQ(sink->next_flush(), 1000 + Sink::kBatchMs);
  sink->flush_if_due(1000 + Sink::kBatchMs - 1);
  EXPECT_EQ(read(), "");
  sink->flush_if_due(1000 + Sink::kBatchMs);
  EXPECT_EQ(read(), "one\n");
  EXPECT_EQ(sink->next_flush(), 0U);
  EXPECT_EQ(sink->dropped(), 0U);
}

TEST_F(LinuxSink, AFullPipeLosesNothingThatWasTakenAndTellsWhatWasNot) {
  fill_pipe();
  string expected;
  std::size_t lines = 0;
  for (; lines < 1000; ++lines) {
    const string line = std::to_string(lines) + string(500, 'x') + "\n";
    if (expected.size() + line.size() > Sink::kGatheredMax) break;
    expected += line;
    sink->add(line, 1000);
    sink->flush_if_due(1000);
  }
  ASSERT_LT(lines, 1000U);
  EXPECT_EQ(sink->dropped(), 0U);
  for (int i = 0; i < 7; ++i) sink->add(string(600, '@') + "\n", 1000);
  EXPECT_EQ(sink->dropped(), 7U);
  EXPECT_GT(sink->next_flush(), 1000U) << "it is tried again, but not at once";
  string got;
  for (std::uint64_t now = 2000; sink->next_flush() != 0; now = sink->next_flush() + 1) {
    got += read();
    sink->flush_if_due(now);
  }
  got += read();
  got.erase(0, got.find_first_not_of('#'));
  ASSERT_GT(got.size(), expected.size());
  EXPECT_EQ(got.substr(0, expected.size()), expected);
  EXPECT_NE(got.find(" 7 lines", expected.size()), string::npos) << got.substr(expected.size());
  EXPECT_EQ(got.find('@', expected.size()), string::npos) << "they are gone, and it says so";
  sink->add("next\n", 9'000'000);
  sink->flush(9'000'000);
  EXPECT_EQ(read(), "next\n") << "it is told once";
  EXPECT_EQ(sink->dropped(), 7U) << "and counted for ever";
}

TEST_F(LinuxSink, AReaderThatHasLeftDoesNotKillTheProgram) {
  ASSERT_NE(::signal(SIGPIPE, SIG_IGN), SIG_ERR);
  reader.reset();
  sink->add("nobody reads\n", 1000);
  sink->flush(1000);
  EXPECT_GT(sink->next_flush(), 1000U);
}

}  // namespace
