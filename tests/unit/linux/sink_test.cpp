// The sink on a real pipe, file and socket: writing never blocks.
#include "../../../src/watch/sink.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <fstream>
#include <sstream>

#include "support.hpp"

namespace {

using std::string;
using watch::Sink;

class LinuxSink : public testing::Test {
 protected:
  LinuxSink() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    reader = sys::Fd{ends[0]};
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

TEST_F(LinuxSink, WritesDueLines) {
  sink->add("one\n", 1000);
  EXPECT_EQ(sink->next_flush(), 1000 + Sink::kBatchMs);
  sink->flush_if_due(1000 + Sink::kBatchMs - 1);
  EXPECT_EQ(read(), "");
  sink->flush_if_due(1000 + Sink::kBatchMs);
  EXPECT_EQ(read(), "one\n");
  EXPECT_EQ(sink->next_flush(), 0U);
  EXPECT_EQ(sink->dropped(), 0U);
}

TEST_F(LinuxSink, FullPipeReportsDroppedLines) {
  fill_pipe();
  string expected;
  std::size_t lines = 0;
  for (; lines < 1000; ++lines) {
    const string line = std::to_string(lines) + string(500, 'x') + "\n";
    if (expected.size() + line.size() > Sink::kBufferMax) break;
    expected += line;
    sink->add(line, 1000);
    sink->flush_if_due(1000);
  }
  ASSERT_LT(lines, 1000U);
  EXPECT_EQ(sink->dropped(), 0U);
  for (int i = 0; i < 7; ++i) sink->add(string(600, '@') + "\n", 1000);
  EXPECT_EQ(sink->dropped(), 7U);
  EXPECT_GT(sink->next_flush(), 1000U) << "retried, but not at once";
  string got;
  for (std::uint64_t now = 2000; sink->next_flush() != 0; now = sink->next_flush() + 1) {
    got += read();
    sink->flush_if_due(now);
  }
  got += read();
  got.erase(0, got.find_first_not_of('#'));
  ASSERT_GT(got.size(), expected.size());
  EXPECT_EQ(got.substr(0, expected.size()), expected);
  EXPECT_NE(got.find(" 7 log lines", expected.size()), string::npos) << got.substr(expected.size());
  EXPECT_EQ(got.find('@', expected.size()), string::npos) << "dropped lines are reported";
  sink->add("next\n", 9'000'000);
  sink->flush(9'000'000);
  EXPECT_EQ(read(), "next\n") << "reported once";
  EXPECT_EQ(sink->dropped(), 7U) << "the total is kept";
}

TEST_F(LinuxSink, ClosedPipeRaisesNoSignal) {
  ASSERT_NE(::signal(SIGPIPE, SIG_IGN), SIG_ERR);
  reader.reset();
  sink->add("not read\n", 1000);
  sink->flush(1000);
  EXPECT_GT(sink->next_flush(), 1000U);
}

TEST_F(LinuxSink, ReportMarksTheGap) {
  fill_pipe();
  const string line(1023, 'x');
  while (sink->dropped() == 0) sink->add(line + "\n", 1000);
  sink->flush(1000);
  string got = read();
  sink->flush(2000);  // a full pipe, not all lines
  sink->add("again\n", 2000);
  for (std::uint64_t now = 3000; sink->next_flush() != 0; now += 1000) {
    got += read();
    sink->flush_if_due(now);
  }
  got += read();
  const string end = "\nproxy: 1 log lines dropped here\nagain\n";
  EXPECT_TRUE(got.ends_with("x" + end)) << got.substr(got.size() - 200);
}

// A temporary directory.
class LinuxLog : public testing::Test {
 protected:
  LinuxLog() { EXPECT_NE(::mkdtemp(folder_.data()), nullptr); }
  ~LinuxLog() override {
    for (const char* name : {"log", "log.1", "socket"}) ::unlink(path(name).c_str());
    ::rmdir(folder_.c_str());
  }
  LinuxLog(const LinuxLog&) = delete;
  LinuxLog& operator=(const LinuxLog&) = delete;
  [[nodiscard]] string path(const string& name) const { return folder_ + "/" + name; }
  [[nodiscard]] string content(const string& name) const {
    std::ostringstream out;
    out << std::ifstream{path(name)}.rdbuf();
    return out.str();
  }

 private:
  string folder_ = "/tmp/proxy-sink-XXXXXX";
};

TEST_F(LinuxLog, ReopensByName) {
  Sink sink{sys::open_log(path("log").c_str()).fd, watch::log_target(path("log"))};
  sink.add("before\n", 1000);
  ASSERT_EQ(::rename(path("log").c_str(), path("log.1").c_str()), 0);
  sink.add("still before\n", 1000);
  EXPECT_EQ(sink.reopen(1000), 0);
  sink.add("after\n", 1000);
  sink.flush(1000);
  EXPECT_EQ(content("log.1"), "before\nstill before\n");
  EXPECT_EQ(content("log"), "after\n");
}

TEST_F(LinuxLog, KeepsTheOldFileIfReopeningFails) {
  Sink sink{sys::open_log(path("log").c_str()).fd, watch::log_target(path("log"))};
  ASSERT_EQ(::rename(path("log").c_str(), path("log.1").c_str()), 0);
  ASSERT_EQ(::mkdir(path("log").c_str(), 0700), 0);
  EXPECT_EQ(sink.reopen(1000), EISDIR);
  ASSERT_EQ(::rmdir(path("log").c_str()), 0);
  sink.add("after\n", 1000);
  sink.flush(1000);
  EXPECT_EQ(content("log.1"), "after\n");
}

TEST_F(LinuxLog, AnErrorIsToldOnceUntilAWriteSucceeds) {
  Sink sink{sys::open_log("/dev/full").fd, watch::log_target(path("log"))};
  sink.add("first\n", 1000);
  EXPECT_EQ(sink.take_error(), 0);
  sink.flush(1000);
  EXPECT_EQ(sink.take_error(), ENOSPC);
  sink.add("second\n", 2000);
  sink.flush(2000);
  EXPECT_EQ(sink.take_error(), 0);
  EXPECT_EQ(sink.unwritten(), 2U);
  EXPECT_EQ(sink.reopen(3000), 0);
  EXPECT_EQ(content("log"), "first\nsecond\n");
  EXPECT_EQ(sink.unwritten(), 0U);
}

// A report of dropped lines counts for as many, until it is written.
TEST_F(LinuxLog, LinesThatAreLostWithTheirReport) {
  Sink sink{sys::open_log("/dev/full").fd, watch::log_target(path("log"))};
  const string line(999, 'x');
  for (int i = 0; i < 300; ++i) sink.add(line + '\n', 1000);
  EXPECT_EQ(sink.dropped(), 38U);
  EXPECT_EQ(sink.unwritten(), 300U);
  EXPECT_EQ(sink.reopen(3000), 0);
  EXPECT_EQ(sink.unwritten(), 0U);
  EXPECT_NE(content("log").find("proxy: 38 log lines dropped here\n"), string::npos);
}

// With the report in the buffer.
TEST_F(LinuxLog, LinesThatAreLostAfterAReport) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_NONBLOCK), 0);
  const sys::Fd reader{ends[0]};
  Sink sink{sys::Fd{ends[1]}};
  const string line = string(999, 'x') + '\n';
  std::size_t added = 0, arrived = 0;
  std::array<char, 30'000> room;
  const auto add = [&](std::size_t lines) {
    for (; lines > 0; --lines, ++added) sink.add(line, 1000);
  };
  add(400);
  sink.flush(1000);
  arrived += static_cast<std::size_t>(::read(reader.get(), room.data(), room.size()));
  sink.flush(1000);
  add(400);
  ASSERT_GT(sink.dropped(), 138U) << "twice";
  for (ssize_t n = 0; (n = ::read(reader.get(), room.data(), room.size())) > 0;)
    arrived += static_cast<std::size_t>(n);
  EXPECT_EQ(sink.unwritten() + arrived / line.size(), added);
}

// Simulates a full disk: a file size limit truncates a line.
TEST_F(LinuxLog, CountsATruncatedLineAsDropped) {
  ASSERT_TRUE(sys::make_signalfd().fd);  // SIGXFSZ
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{.rlim_cur = 110, .rlim_max = before.rlim_max};
  Sink sink{sys::open_log(path("log").c_str()).fd, watch::log_target(path("log"))};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const string first = string(105, '1') + "\n";
  for (const string& line : {first, string{"second\n"}, string{"third\n"}}) sink.add(line, 1000);
  sink.flush(1000);
  EXPECT_EQ(content("log"), first + "seco");
  EXPECT_EQ(sink.next_flush(), 1000 + Sink::kFailedMs);
  ASSERT_EQ(::rename(path("log").c_str(), path("log.1").c_str()), 0);
  EXPECT_EQ(sink.reopen(1000), 0);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(sink.dropped(), 1U);
  EXPECT_EQ(content("log"), "third\nproxy: 1 log lines dropped here\n");
}

class LinuxSyslog : public LinuxLog {
 protected:
  // Starts a daemon that receives at the path; replaces an earlier one.
  void listen() {
    ::unlink(path("socket").c_str());
    daemon = sys::Fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path("socket").copy(name.sun_path, sizeof name.sun_path - 1);
    ASSERT_EQ(::bind(daemon.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  }
  [[nodiscard]] Sink sink() const {
    return Sink{sys::open_datagrams(path("socket").c_str()).fd,
                watch::log_target("syslog:" + path("socket"))};
  }
  // The next datagram; empty: none.
  [[nodiscard]] string next() const {
    std::array<char, 8192> room;
    const ssize_t count = ::recv(daemon.get(), room.data(), room.size(), 0);
    return {room.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }
  sys::Fd daemon;
};

TEST_F(LinuxSyslog, NoDaemon) {
  EXPECT_EQ(sys::open_datagrams(path("socket").c_str()).error, ENOENT);
  EXPECT_EQ(sys::open_datagrams(string(300, 'x').c_str()).error, ENAMETOOLONG);
}

TEST_F(LinuxSyslog, OneDatagramPerLine) {
  listen();
  Sink out = sink();
  out.add("one\n", 1000);
  out.add(string(3000, 'x') + "\n", 1000);
  out.flush_if_due(1000);
  const string first = next();
  EXPECT_TRUE(first.starts_with("<30>")) << first;
  EXPECT_TRUE(first.ends_with(" proxy: one")) << first;
  EXPECT_EQ(first.size(), string{"<30>Nov  6 08:49:37 proxy: one"}.size()) << "the day has two columns";
  EXPECT_TRUE(next().ends_with(" proxy: " + string(3000, 'x')));
  EXPECT_EQ(next(), "");
}

TEST_F(LinuxSyslog, FullQueueReportsDroppedLines) {
  listen();
  Sink out = sink();
  std::size_t lines = 0;
  for (; out.dropped() < 5; ++lines) {
    out.add(std::to_string(lines) + string(900, 'x') + "\n", 1000);
    out.flush_if_due(1000);
  }
  EXPECT_EQ(out.next_flush(), 1000 + watch::kSyslog.again_ms);
  std::size_t got = 0;
  string last;
  const auto take = [&] {
    for (string line = next(); !line.empty(); line = next()) last = line, ++got;
  };
  for (std::uint64_t now = 2000; out.next_flush() != 0; now += 1000) {
    take();
    out.flush_if_due(now);
  }
  take();
  EXPECT_EQ(got, lines - 5 + 1);
  EXPECT_TRUE(last.ends_with(" proxy: proxy: 5 log lines dropped here")) << last;
}

TEST_F(LinuxSyslog, RestartedDaemonReceivesBufferedLines) {
  listen();
  Sink out = sink();
  daemon.reset();
  out.add("meanwhile\n", 1000);
  out.flush_if_due(1000);
  EXPECT_EQ(out.next_flush(), 1000 + Sink::kFailedMs);
  listen();
  out.flush_if_due(1000 + Sink::kFailedMs);
  EXPECT_TRUE(next().ends_with(" proxy: meanwhile"));
}

TEST(LinuxSignals, Usr1ReopensTheLog) {
  const sys::Opened signals = sys::make_signalfd();
  ASSERT_TRUE(signals.fd);
  EXPECT_EQ(sys::next_signal(signals.fd), sys::Signal::none);
  for (const auto& [number, signal] : {std::pair{SIGUSR1, sys::Signal::reopen},
                                       {SIGHUP, sys::Signal::reload},
                                       {SIGINT, sys::Signal::interrupt},
                                       {SIGTERM, sys::Signal::terminate}}) {
    ASSERT_EQ(::kill(::getpid(), number), 0);
    EXPECT_EQ(sys::next_signal(signals.fd), signal);
  }
}

}  // namespace
