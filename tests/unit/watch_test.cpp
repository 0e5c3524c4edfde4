// Those who look on: the sink, the access log, the narrator.
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "../../src/watch/access_log.hpp"
#include "../../src/watch/narrator.hpp"
#include "../../src/watch/sink.hpp"
#include "bench.hpp"

namespace {

using std::string;

class SinkTest : public testing::Test {
 protected:
  SinkTest() : world(chooser, bench::kind()) {
    world.enter();
    sink.emplace(sys::open_stdout().fd);
  }
  ~SinkTest() override {
    sink.reset();
    world.leave();
  }
  SinkTest(const SinkTest&) = delete;
  SinkTest& operator=(const SinkTest&) = delete;
  // The next writes are refused, as by a full pipe.
  void refuse(std::uint32_t nth, int error) { world.failure = {sim::Call::append, nth, error}; }

  bench::First chooser;
  sim::World world;
  std::optional<watch::Sink> sink;
};

TEST_F(SinkTest, WritesInBatches) {
  sink->add("one\n", 1000);
  sink->flush_if_due(1000);
  EXPECT_TRUE(world.log.empty());
  EXPECT_EQ(sink->next_flush(), 1000 + watch::Sink::kBatchMs);
  sink->add("two\n", 1100);
  sink->flush_if_due(1000 + watch::Sink::kBatchMs);
  EXPECT_EQ(world.log, "one\ntwo\n");
  EXPECT_EQ(sink->next_flush(), 0U);
}

TEST_F(SinkTest, WritesABigBatchAtOnce) {
  const string line(1000, 'x');
  for (int i = 0; i < 17; ++i) sink->add(line, 1000);
  sink->flush_if_due(1000);
  EXPECT_EQ(world.log.size(), 17'000U);
}

TEST_F(SinkTest, DropsWhatFindsNoRoomAndSaysSo) {
  const string line(1023, 'x');
  for (int i = 0; i < 300; ++i) sink->add(line + "\n", 1000);
  EXPECT_EQ(sink->dropped(), 300 - watch::Sink::kGatheredMax / 1024);
  refuse(0, EAGAIN);
  sink->flush(1000);
  EXPECT_TRUE(world.log.empty());
  EXPECT_EQ(sink->next_flush(), 1000 + watch::Sink::kBatchMs) << "it is tried again";
  sink->flush(2000);
  sink->flush(2000);
  EXPECT_NE(world.log.find("44 lines were dropped"), string::npos)
      << world.log.substr(world.log.size() - 100);
}

TEST(Sink, WithoutADescriptorTakesNothing) {
  watch::Sink sink;
  sink.add("line\n", 0);
  EXPECT_EQ(sink.next_flush(), 0U);
}

TEST(AccessLog, HasEverythingThatWasPromised) {
  Exchange exchange;
  std::memset(static_cast<void*>(&exchange), 0, sizeof exchange);
  exchange.id = 17;
  exchange.wall_ms = 784'111'777'123;  // 1994-11-06 08:49:37
  exchange.client = sys::loopback4(50312);
  exchange.sent_up = 92;
  exchange.sent_down = 5120;
  exchange.spent_ms = {0, 1, 2, 3, 4};
  exchange.status = 200;
  exchange.reason = base::Reason::complete;
  exchange.method_length = 3;
  std::memcpy(exchange.method.data(), "GET", 3);
  exchange.target_length = 15;
  std::memcpy(exchange.target.data(), "http://o.test/a", 15);
  std::array<char, watch::kAccessLineMax> room;
  base::Writer line{room};
  watch::write_access_line(exchange, line);
  EXPECT_EQ(line.view(),
            "1994-11-06T08:49:37.123Z 127.0.0.1:50312 #17 GET http://o.test/a 200 up=92 down=5120 "
            "READ_REQUEST=1ms SEND_REQUEST=2ms "
            "READ_RESPONSE=3ms SEND_RESPONSE=4ms end=complete by=upstream\n");

  exchange.method_length = 0;
  exchange.reason = base::Reason::bad_response;
  exchange.detail = base::Reason::bad_field;
  exchange.error = ECONNRESET;
  base::Writer other{room};
  watch::write_access_line(exchange, other);
  EXPECT_NE(other.view().find(" - - 200 "), string::npos);
  EXPECT_NE(other.view().find("end=bad-response(bad-field) by=upstream error=ECONNRESET\n"), string::npos)
      << other.view();
}

TEST(AccessLog, ALineAlwaysFits) {
  Exchange exchange;
  std::memset(static_cast<void*>(&exchange), 0xff, offsetof(Exchange, method));
  exchange.client.family = sys::Address::Family::ipv6;
  exchange.method_length = http::kMethodBytesMax;
  exchange.target_length = Exchange::kTargetBytes;
  exchange.target_cut = true;
  exchange.to_head = false;
  exchange.reason = exchange.detail = base::Reason::length_and_encoding;
  exchange.method.fill('M');
  exchange.target.fill('t');
  std::array<char, watch::kAccessLineMax> room;
  base::Writer line{room};
  watch::write_access_line(exchange, line);
  EXPECT_FALSE(line.overflowed());
  EXPECT_EQ(line.view().back(), '\n');
}

TEST(Narrator, TellsTheWayOfARequest) {
  bench::Bench b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, "GET http://10.0.0.1/ HTTP/1.0\r\n\r\n");
  b.send(b.arrival(host), "HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: 0\r\n\r\n");
  b.settle();
  watch::Sink sink{sys::open_stdout().fd};
  watch::Narrator narrator;
  narrator.tell(b.trace, sink);
  sink.flush(0);
  std::size_t at = 0;
  for (const char* step :
       {"[slot 0, #1] accepted on descriptor", "FREE -> READ_REQUEST", "READ_REQUEST -> SEND_REQUEST",
        "SEND_REQUEST connects to address 1", "SEND_REQUEST -> READ_RESPONSE",
        "READ_RESPONSE -> SEND_RESPONSE", "SEND_RESPONSE -> FREE: complete"}) {
    at = b.world.log.find(step, at);
    ASSERT_NE(at, string::npos) << step << " in its order, in\n" << b.world.log;
  }
  const std::size_t told = b.world.log.size();
  narrator.tell(b.trace, sink);
  sink.flush(0);
  EXPECT_EQ(b.world.log.size(), told) << "nothing is told twice";
}

TEST(Narrator, SaysWhatItMissed) {
  bench::Bench b;
  for (std::size_t i = 0; i < base::Trace::kEntries + 5; ++i)
    b.trace.add({.id = 1,
                 .time = 0,
                 .slot = 0,
                 .value = 0,
                 .error = 0,
                 .did = base::Did::entered,
                 .state = 1,
                 .detail = 0});
  watch::Sink sink{sys::open_stdout().fd};
  watch::Narrator narrator;
  narrator.tell(b.trace, sink);
  sink.flush(0);
  EXPECT_EQ(b.world.log.find("proxy: 5 steps went by untold\n"), 0U);
}

TEST(Narrator, ALineForEachKindOfEntry) {
  const auto text = [](base::Did did, std::uint8_t detail, int error) {
    std::array<char, 256> room;
    base::Writer line{room};
    watch::write_entry({.id = 9,
                        .time = 0,
                        .slot = 3,
                        .value = 7,
                        .error = error,
                        .did = did,
                        .state = static_cast<std::uint8_t>(State::SEND_REQUEST),
                        .detail = detail},
                       line);
    EXPECT_FALSE(line.overflowed());
    return string{line.view()};
  };
  EXPECT_EQ(text(base::Did::waited, static_cast<std::uint8_t>(plan::Wait::send), 0),
            "[slot 3, #9] SEND_REQUEST moved 7 bytes, waits for the host to take bytes\n");
  EXPECT_EQ(text(base::Did::retried, static_cast<std::uint8_t>(base::Reason::refused), ECONNREFUSED),
            "[slot 3, #9] SEND_REQUEST could not connect: refused (Connection refused)\n");
  EXPECT_EQ(text(base::Did::answered, static_cast<std::uint8_t>(base::Reason::refused), 0),
            "[slot 3, #9] SEND_REQUEST answers 7 itself: refused\n");
}

}  // namespace
