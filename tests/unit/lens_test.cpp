// The lens: its settings, and what it does on the simulated kernel.
#include "../../src/sys/lens.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>

#include "../../src/config/lens_text.hpp"
#include "../../src/sys/call_trace.hpp"
#include "bench.hpp"

namespace {

using base::TraceEntry;
using base::TraceEvent;
using std::string;

sys::LensSettings settings_of(std::string_view text) {
  sys::LensSettings settings;
  EXPECT_EQ(config::parse_lens(text, settings), "") << text;
  return settings;
}

TEST(LensText, Settings) {
  const sys::LensSettings all =
      settings_of("seed=7,read=3,write=5,eagain=4%,eintr=1,reset=2%,delay=50ms,shuffle,emfile=40");
  EXPECT_EQ(all.seed, 7U);
  EXPECT_EQ(all.read_max, 3U);
  EXPECT_EQ(all.write_max, 5U);
  EXPECT_EQ(all.again_percent, 4U);
  EXPECT_EQ(all.intr_percent, 1U);
  EXPECT_EQ(all.reset_percent, 2U);
  EXPECT_EQ(all.delay_ms, 50U);
  EXPECT_TRUE(all.shuffle);
  EXPECT_EQ(all.descriptors_max, 40U);
}

TEST(LensText, Presets) {
  EXPECT_EQ(settings_of("crumbs").read_max, 7U);
  EXPECT_EQ(settings_of("crumbs").write_max, 7U);
  EXPECT_EQ(settings_of("crumbs,read=1,seed=3").read_max, 1U) << "a later setting counts";
  EXPECT_EQ(settings_of("crumbs,read=1,seed=3").text, "crumbs,read=1,seed=3");
  EXPECT_GT(settings_of("slow-reader").delay_ms, 0U);
  EXPECT_GT(settings_of("bad-line").reset_percent, 0U);
}

TEST(LensText, Errors) {
  struct Row {
    std::string_view text, says;
  };
  constexpr std::array<Row, 11> kRows{{
      {"", "unknown setting ''"},
      {"crumb", "unknown setting 'crumb': expected slow-reader, crumbs, bad-line, seed, read"},
      {"read", "invalid setting 'read': expected bytes of one read, as in read=3"},
      {"read=0", "bytes of one read"},
      {"write=x", "bytes of one write"},
      {"eagain=91%", "0% to 90%"},
      {"delay=11", "at most 10 seconds"},
      {"shuffle=1", "invalid setting 'shuffle=1': expected no value"},
      {"seed=-1", "a number"},
      {"emfile=0", "the number of open descriptors"},
      {"read=3,", "unknown setting ''"},
  }};
  for (const Row& row : kRows) {
    sys::LensSettings settings;
    EXPECT_NE(config::parse_lens(row.text, settings).find(row.says), string::npos)
        << config::parse_lens(row.text, settings);
    EXPECT_EQ(settings.text, "") << "unchanged";
  }
}

// A watched connection of a client, seen through a lens.
class LensTest : public testing::Test {
 protected:
  void look_through(std::string_view text) {
    lens_ = std::make_unique<sys::Lens>(settings_of(text));
    sys::use_lens(lens_.get());
    sys::trace_calls(&b.trace);
    sys::watch(b.poller, b.listener.get(), kListener);
    remote = b.world.connect_to_program(8080);
    sys::Address peer;
    sys::Opened client = sys::accept(b.listener, peer);
    if (!client.fd) return;
    socket = std::move(client.fd);
    sys::watch(b.poller, socket.get(), kSocket);
  }
  LensTest() = default;
  ~LensTest() override {
    socket.reset();
    sys::use_lens(nullptr);
    sys::trace_calls(nullptr);
  }
  LensTest(const LensTest&) = delete;
  LensTest& operator=(const LensTest&) = delete;

  void arrives(std::string_view bytes) {
    b.world.remote_send(*remote, bytes);
    b.world.settle();
  }
  // The events of the socket.
  std::vector<sys::Event> wait(int timeout_ms = 0) {
    std::vector<sys::Event> events(8);
    events.resize(sys::wait(b.poller, events, timeout_ms).count);
    std::erase_if(events, [](const sys::Event& event) { return event.token != kSocket; });
    return events;
  }
  sys::Io receive(std::size_t most = 100) { return sys::receive(socket, std::span{room}.first(most)); }
  [[nodiscard]] sys::Level level() const {
    sys::Level level{.fd = socket.get()};
    sys::levels({&level, 1});
    return level;
  }
  // The last call in the trace.
  [[nodiscard]] TraceEntry last() const { return b.trace.at(b.trace.written() - 1); }
  // The calls so far, forced ones with "!".
  [[nodiscard]] string calls() const {
    string all;
    for (std::uint64_t at = b.trace.oldest(); at < b.trace.written(); ++at) {
      const TraceEntry& entry = b.trace.at(at);
      if (entry.event == TraceEvent::called)
        all += (entry.error != 0 ? "e" + std::to_string(entry.error) : std::to_string(entry.value)) +
               (entry.forced != 0 ? "! " : " ");
    }
    return all;
  }

  static constexpr std::uint64_t kListener = 1, kSocket = 2;
  bench::Bench b;
  sim::ConnectionPtr remote;
  sys::Fd socket;
  std::array<std::byte, 4096> room{};
  std::unique_ptr<sys::Lens> lens_;
};

TEST_F(LensTest, AShortReadIsFollowedByAnEdge) {
  look_through("read=3");
  arrives("12345");
  wait();
  EXPECT_EQ(receive().bytes, 3U);
  EXPECT_EQ(last().forced, 1);
  const std::vector<sys::Event> events = wait();
  ASSERT_EQ(events.size(), 1U) << "the kernel has none, as the bytes were reported before";
  EXPECT_TRUE(events[0].readable);
  EXPECT_TRUE(events[0].forced);
  EXPECT_EQ(receive().bytes, 2U);
  EXPECT_EQ(last().forced, 0) << "the kernel had nothing further";
  EXPECT_TRUE(wait().empty());
}

TEST_F(LensTest, AWriteIsShort) {
  look_through("write=5");
  EXPECT_EQ(sys::transmit(socket, std::span{room}.first(8)).bytes, 5U);
  EXPECT_EQ(last().forced, 1);
  EXPECT_EQ(sys::transmit(socket, std::span{room}.first(3)).bytes, 3U);
  EXPECT_EQ(last().forced, 0);
}

// A listener that is to be closed is emptied first, until accept(2) fails.
TEST_F(LensTest, AcceptFailsOnlyWhenNothingIsThere) {
  for (int i = 0; i < 20; ++i) {
    look_through("eagain=90%");
    EXPECT_TRUE(socket) << i;
    sys::Address peer;
    EXPECT_EQ(sys::accept(b.listener, peer).error, EAGAIN) << i;
    socket.reset();
  }
}

TEST_F(LensTest, AForcedEagainIsFollowedByAnEdge) {
  look_through("eagain=60%,seed=3");
  std::size_t forced = 0, received = 0;
  for (int i = 0; i < 50; ++i) {
    arrives("x");
    for (bool readable = false; !readable;)
      for (const sys::Event& event : wait()) readable |= event.readable;
    while (receive().outcome == sys::Outcome::again) {
      ++forced;
      EXPECT_EQ(last().forced, 1);
      EXPECT_EQ(last().error, EAGAIN);
      std::vector<sys::Event> events = wait();
      ASSERT_EQ(events.size(), 1U);
      EXPECT_TRUE(events[0].readable && events[0].forced);
    }
    ++received;
  }
  EXPECT_EQ(received, 50U);
  EXPECT_GT(forced, 20U);
}

TEST_F(LensTest, AProbeOfOneByteGetsTheKernelsAnswer) {
  look_through("reset=90%");
  arrives("12");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(receive(1).bytes, 1U);
  EXPECT_EQ(receive(1).outcome, sys::Outcome::again);
}

TEST_F(LensTest, AnEventIsHeldBackWithoutSleeping) {
  look_through("delay=50ms");
  wait(50);  // that the socket is writable
  EXPECT_EQ(wait(50).size(), 1U);
  arrives("1");
  const std::uint64_t begun = b.world.now();
  EXPECT_TRUE(wait().empty());
  EXPECT_TRUE(sys::held_by_lens(socket.get()));
  EXPECT_FALSE(level().readable) << "the doctor would see a lost edge";
  EXPECT_EQ(b.world.now(), begun) << "the wait has no timeout";
  EXPECT_EQ(wait(1000).size(), 1U);
  EXPECT_EQ(b.world.now(), begun + 50) << "the timeout is shortened";
  EXPECT_FALSE(sys::held_by_lens(socket.get()));
  EXPECT_TRUE(level().readable);
}

TEST_F(LensTest, AnEventOfAClosedDescriptorIsForgotten) {
  look_through("delay=50ms");
  arrives("1");
  wait();
  ASSERT_TRUE(sys::held_by_lens(socket.get()));
  socket.reset();
  EXPECT_TRUE(wait(1000).empty());
}

TEST_F(LensTest, AResetIsOneOfBothSides) {
  look_through("reset=90%,seed=2");
  sys::Io io{};
  do {
    arrives("12345");
    io = receive();
  } while (io.outcome == sys::Outcome::done);
  EXPECT_EQ(io.error, ECONNRESET);
  EXPECT_EQ(last().forced, 1);
  EXPECT_EQ(receive().outcome, sys::Outcome::eof) << "as after a real one";
  EXPECT_EQ(sys::transmit(socket, std::span{room}.first(8)).error, EPIPE);
  bool hung = false;
  for (const sys::Event& event : wait()) hung |= event.hung && event.finished;
  EXPECT_TRUE(hung);
  socket.reset();
  b.world.settle();
  EXPECT_TRUE(remote->remote_reset) << "the peer cannot take what it has for the whole";
  EXPECT_EQ(sys::descriptors().read_after_end().count, 0U);
}

// tcp_reset() of Linux leaves the received bytes; recv(2) returns them, then the end. If the FIN was reported
// before the reset, the program may take this end for the true one: then no byte may be missing.
TEST_F(LensTest, AfterAResetTheReceivedBytesCanBeRead) {
  look_through("reset=90%,seed=2");
  arrives("12345");
  b.world.remote_shutdown(*remote);
  b.world.settle();
  sys::Io io{};
  do io = sys::transmit(socket, std::span{room}.first(8));
  while (io.outcome == sys::Outcome::done);
  ASSERT_EQ(io.error, ECONNRESET);
  EXPECT_EQ(receive(3).bytes, 3U);
  EXPECT_EQ(receive().bytes, 2U);
  EXPECT_EQ(receive().outcome, sys::Outcome::eof);
  EXPECT_EQ(last().forced, 0) << "it is the kernel's";
  EXPECT_EQ(sys::descriptors().read_after_end().count, 0U);
}

// What arrives after the end of stream was read is not read any more.
TEST_F(LensTest, AfterAResetTheEndOfStreamStays) {
  look_through("reset=90%,seed=2");
  while (sys::transmit(socket, std::span{room}.first(8)).outcome == sys::Outcome::done) {
  }
  EXPECT_EQ(receive().outcome, sys::Outcome::eof);
  EXPECT_EQ(last().forced, 1) << "no FIN has arrived";
  arrives("12345");
  EXPECT_EQ(receive().outcome, sys::Outcome::eof);
}

// connect(2): that the socket becomes writable says that the handshake is over. Only the kernel knows that.
TEST_F(LensTest, AConnectingSocketIsNotReportedAsWritable) {
  constexpr std::uint64_t kConnecting = 3, kHandshakeMs = 1000;
  look_through("eagain=90%");
  b.world.host(bench::origin_address(), sim::World::Host::Manner::accepts, kHandshakeMs);
  const sys::Opened made = sys::connect(bench::origin_address());
  ASSERT_TRUE(made.fd);
  sys::watch(b.poller, made.fd.get(), kConnecting);
  std::vector<sys::Event> events(8);
  const auto writable = [&] {
    const std::size_t count = sys::wait(b.poller, events, 0).count;
    return std::any_of(events.begin(), events.begin() + static_cast<std::ptrdiff_t>(count),
                       [](const sys::Event& event) { return event.token == kConnecting && event.writable; });
  };
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(sys::transmit(made.fd, std::span{room}.first(8)).outcome, sys::Outcome::again);
    EXPECT_EQ(last().forced, 0) << i;
    ASSERT_FALSE(writable()) << i;
  }
  const std::uint64_t begun = b.world.now();
  while (b.world.now() < begun + kHandshakeMs) sys::wait(b.poller, events, static_cast<int>(kHandshakeMs));
  b.world.settle();
  std::size_t forced = 0;
  for (int i = 0; i < 20; ++i) {
    if (sys::transmit(made.fd, std::span{room}.first(1)).outcome != sys::Outcome::again) continue;
    ++forced;
    EXPECT_TRUE(writable()) << "now the edge is made up";
  }
  EXPECT_GT(forced, 0U);
}

TEST_F(LensTest, NoDescriptorIsFree) {
  look_through("emfile=" + std::to_string(sys::descriptors().open() + 2));
  ASSERT_TRUE(socket);
  {
    const sys::Opened one = sys::connect(bench::origin_address());
    EXPECT_TRUE(one.fd);
    EXPECT_EQ(sys::connect(bench::origin_address()).error, EMFILE);
    EXPECT_EQ(last().forced, 1);
    sys::Address peer;
    EXPECT_EQ(sys::accept(b.listener, peer).error, EMFILE);
  }
  EXPECT_TRUE(sys::connect(bench::origin_address()).fd);
}

TEST_F(LensTest, ACallIsInterruptedFirst) {
  look_through("eintr=90%");
  arrives("12345");
  EXPECT_EQ(receive().bytes, 5U);
  EXPECT_NE(calls().find("e4! 5 "), string::npos) << calls();
}

// All that is drawn depends on the seed alone.
TEST(Lens, TheSameSeedMakesTheSameChoices) {
  const auto choices = [](std::uint64_t seed) {
    base::Draws draws{seed};
    string all;
    for (int i = 0; i < 64; ++i) all += draws.percent(30) ? '1' : '0';
    return all;
  };
  EXPECT_EQ(choices(5), choices(5));
  EXPECT_NE(choices(5), choices(6));
}

// A whole exchange, through each lens: the bytes are those without it.
TEST(Lens, AnExchangeIsExact) {
  const auto play = [](const char* text) {
    const auto lens = text[0] == '\0' ? nullptr : std::make_unique<sys::Lens>(settings_of(text));
    bench::Bench b;
    sys::use_lens(lens.get());
    auto& host = b.origin();
    const auto client = b.client();
    string body(5000, 'x');
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 26);
    b.send(client, "POST http://10.0.0.1/ HTTP/1.0\r\nContent-Length: 5000\r\n\r\n" + body);
    const auto upstream = b.arrival(host);
    string sent = b.read(upstream);
    b.send(upstream, "HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: 5000\r\n\r\n" + body);
    sent += b.read(client);
    sys::use_lens(nullptr);
    return sent;
  };
  const string plain = play("");
  EXPECT_GT(plain.size(), 10'000U);
  for (const char* text : {"read=3", "write=5", "crumbs,shuffle", "eagain=30%", "read=7,write=7,eagain=50%"})
    EXPECT_EQ(play(text), plain) << text;
}

}  // namespace
