// Bulk through a pipe: when a lane takes one, what it does with it, and that nobody notices.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "lane_bench.hpp"

namespace {

using http::Body;
using net::Flow;
using std::string;

string counted(std::size_t bytes) {
  string out(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<char>((i * 31 + i / 251) & 0xff);
  return out;
}

// ---- the pool --------------------------------------------------------------------------------------------

class PipesTest : public testing::Test {
 protected:
  bench::First chooser;
  sim::World world{chooser, bench::kind()};
  bench::Inside inside{world};
};

TEST_F(PipesTest, AnEmptyOneIsUsedAgain) {
  net::Pipes pipes{4};
  net::PipePtr one = pipes.take();
  ASSERT_TRUE(one);
  const int number = one->in.get();
  one.reset();
  EXPECT_EQ(pipes.used(), 0U);
  EXPECT_EQ(pipes.open(), 1U);
  one = pipes.take();
  EXPECT_EQ(one->in.get(), number);
  EXPECT_EQ(world.pipe_ends(), 2U);
}

TEST_F(PipesTest, OneWithBytesInItIsClosed) {
  net::Pipes pipes{4};
  net::PipePtr one = pipes.take();
  one->held = 1;
  one.reset();
  EXPECT_EQ(pipes.open(), 0U);
  EXPECT_EQ(world.pipe_ends(), 0U);
  EXPECT_EQ(pipes.take()->held, 0U);
}

TEST_F(PipesTest, FewAreKeptForLater) {
  constexpr std::size_t kMany = net::Pipes::kSpareMax + 3;
  net::Pipes pipes{kMany};
  std::vector<net::PipePtr> all(kMany);
  for (net::PipePtr& each : all) each = pipes.take();
  EXPECT_EQ(pipes.used(), kMany);
  all.clear();
  EXPECT_EQ(pipes.used(), 0U);
  EXPECT_EQ(pipes.open(), net::Pipes::kSpareMax);
  EXPECT_EQ(world.pipe_ends(), 2 * net::Pipes::kSpareMax);
}

TEST_F(PipesTest, NoMoreThanTheLimit) {
  net::Pipes pipes{1}, none{0};
  const net::PipePtr one = pipes.take();
  EXPECT_TRUE(one);
  EXPECT_FALSE(pipes.take());
  EXPECT_FALSE(none.take());
}

TEST_F(PipesTest, TheKernelIsNotAskedAgainAtOnce) {
  net::Pipes pipes{4};
  world.failure = sim::World::Failure{sim::Call::pipe, 0, EMFILE};
  const auto& asked = world.calls_made[static_cast<std::size_t>(sim::Call::pipe)];
  EXPECT_FALSE(pipes.take());
  EXPECT_FALSE(pipes.take());
  EXPECT_EQ(asked, 1U);
  for (int i = 0; i < 10'000 && !pipes.take(); ++i) {
  }
  EXPECT_EQ(asked, 2U);
  EXPECT_TRUE(pipes.take()) << "it has one now";
}

TEST_F(PipesTest, GivesNoneOnceGivenUp) {
  net::Pipes pipes{4};
  pipes.take();
  pipes.disable();
  EXPECT_FALSE(pipes.take());
}

// ---- lanes -----------------------------------------------------------------------------------------------

constexpr std::size_t kBulk = 1000;

class BulkTest : public bench::LaneTest {
 protected:
  BulkTest() { pipes.bulk_bytes = kBulk; }
  // The lane has sent `kBulk` bytes of a body through a block, and waits: what comes next is bulk.
  void begin(Body body) {
    frame(body);
    arrive(string(kBulk, 'x'));
    ASSERT_EQ(pump(), Flow::need_read);
    ASSERT_EQ(world.pipe_ends(), 0U);
    sink->down.flight.clear();
  }
  // What the sink has taken; it has room again.
  string drained() {
    to.writable = true;
    return std::exchange(sink->down.flight, {});
  }
};

TEST_F(BulkTest, GoesThroughAPipe) {
  const string body = counted(kBulk + 5000);
  frame({Body::Kind::length, body.size()});
  arrive(body.substr(0, kBulk));
  EXPECT_EQ(pump(), Flow::need_read);
  EXPECT_EQ(world.pipe_ends(), 0U) << "it was not bulk yet";
  arrive(body.substr(kBulk) + "the next message");
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_EQ(world.pipe_ends(), 2U);
  EXPECT_TRUE(sink->down.flight == body);
  EXPECT_EQ(source->up.arrived, "the next message");
  EXPECT_EQ(lane.bytes_sent, body.size());
  EXPECT_EQ(pipes.used(), 0U);
  EXPECT_EQ(blocks.used(), 0U);
}

TEST_F(BulkTest, WhatIsSharedEndsWithItsMessageToo) {
  begin({Body::Kind::length, kBulk + 10});
  lane.stop_at_message_end = true;
  arrive("0123456789 and the next");
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_EQ(sink->down.flight, "0123456789");
  EXPECT_EQ(source->up.arrived, " and the next");
}

TEST_F(BulkTest, NeedsNoBlock) {
  begin({Body::Kind::until_eof, 0});
  const auto one = blocks.take(), two = blocks.take();
  arrive("more");
  EXPECT_EQ(pump(), Flow::need_read);
  EXPECT_EQ(sink->down.flight, "more");
  EXPECT_EQ(pipes.used(), 0U) << "who waits for bytes holds no pipe";
}

TEST_F(BulkTest, NotWhatIsLookedAtOrChangedOrSentAgain) {
  sink->room = 1 << 20;
  const auto no_pipe = [this](const char* title, std::string_view bytes) {
    arrive(bytes);
    EXPECT_EQ(pump(), Flow::need_read) << title;
    arrive(bytes);
    EXPECT_EQ(pump(), Flow::need_read) << title;
    EXPECT_EQ(world.pipe_ends(), 0U) << title;
    lane = net::Lane{};
  };
  frame({Body::Kind::chunked, 0});
  no_pipe("chunks are taken out", "3e8\r\n" + string(1000, 'x') + "\r\n");
  frame({Body::Kind::until_eof, 0});
  lane.encoding = net::Encoding::chunked;
  no_pipe("chunks are put in", string(2000, 'x'));
  frame({Body::Kind::until_eof, 0});
  lane.repeatable = true;
  no_pipe("it may be sent once more", string(2000, 'x'));
}

TEST_F(BulkTest, EachMessageBeginsAnew) {
  begin({Body::Kind::until_eof, 0});
  frame({Body::Kind::length, 500});
  arrive(string(500, 'y'));
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_EQ(world.pipe_ends(), 0U);
}

TEST_F(BulkTest, WaitsForTheSinkWithWhatThePipeHolds) {
  begin({Body::Kind::until_eof, 0});
  const string body = counted(20'000);
  arrive(body);
  EXPECT_EQ(pump(), Flow::need_write);
  EXPECT_FALSE(to.writable);
  EXPECT_EQ(lane.held(), body.size() - sink->room);
  EXPECT_FALSE(lane.complete());
  EXPECT_EQ(blocks.used(), 0U);
  arrive("and more");
  EXPECT_EQ(pump(), Flow::need_write) << "without its mark the sink is not tried";
  string got = drained();
  EXPECT_EQ(pump(), Flow::need_write);
  EXPECT_EQ(source->up.arrived, "and more") << "nothing is read behind what is not sent";
  got += drained();
  EXPECT_EQ(pump(), Flow::need_read);
  EXPECT_TRUE(got + drained() == body + "and more");
  EXPECT_EQ(lane.bytes_sent, kBulk + body.size() + 8);
  EXPECT_EQ(pipes.used(), 0U);
}

TEST_F(BulkTest, OnlyEagainClearsTheMarkOfTheSource) {
  begin({Body::Kind::until_eof, 0});
  arrive(string(3000, 'y'));
  EXPECT_EQ(pump(3000), Flow::budget);
  EXPECT_TRUE(from.readable) << "a short one says nothing of the socket";
  EXPECT_EQ(pump(), Flow::need_read);
  EXPECT_FALSE(from.readable);
}

TEST_F(BulkTest, TheEndWaitsForThePipe) {
  begin({Body::Kind::until_eof, 0});
  const string body = counted(10'000);
  arrive(body);
  source->up.fin_arrived = from.finished = true;
  EXPECT_EQ(pump(), Flow::need_write);
  EXPECT_FALSE(from.eof) << "nobody has read up to it";
  string got = drained();
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_TRUE(from.eof);
  EXPECT_TRUE(got + drained() == body);
  EXPECT_EQ(pipes.used(), 0U);
}

TEST_F(BulkTest, TheEndTooEarly) {
  begin({Body::Kind::length, kBulk + 9});
  arrive("hello");
  source->up.fin_arrived = from.finished = true;
  lane.error = EIO;
  EXPECT_EQ(pump(), Flow::read_failed);
  EXPECT_EQ(lane.error, 0) << "no error, only an end";
  EXPECT_EQ(sink->down.flight, "hello") << "what came is passed on";
  EXPECT_EQ(pipes.used(), 0U);
}

TEST_F(BulkTest, TheEndOfABrokenConnectionIsNone) {
  begin({Body::Kind::until_eof, 0});
  from.error_consumed = from.readable = true;
  source->dead = true;
  EXPECT_EQ(pump(), Flow::read_failed);
  EXPECT_EQ(lane.error, ECONNRESET);
  EXPECT_FALSE(from.eof);
}

TEST_F(BulkTest, ASourceThatBreaksOff) {
  begin({Body::Kind::until_eof, 0});
  arrive("hello");
  source->dead = true;
  source->error = ECONNRESET;
  EXPECT_EQ(pump(), Flow::read_failed);
  EXPECT_EQ(lane.error, ECONNRESET);
  EXPECT_EQ(sink->down.flight, "hello") << "what came before is passed on";
}

TEST_F(BulkTest, ASinkThatBreaksOff) {
  begin({Body::Kind::until_eof, 0});
  arrive("hello");
  sink->dead = true;
  sink->error = EPIPE;
  EXPECT_EQ(pump(), Flow::write_failed);
  EXPECT_EQ(lane.error, EPIPE);
  EXPECT_TRUE(to.error_consumed) << "the sink's own end would look like one";
  EXPECT_EQ(lane.held(), 5U);
  lane.drop_block();
  EXPECT_EQ(lane.held(), 0U);
  EXPECT_EQ(pipes.used(), 0U);
  EXPECT_EQ(world.pipe_ends(), 0U) << "with bytes in it, it is closed";
}

TEST_F(BulkTest, DiscardGivesUpThePipe) {
  begin({Body::Kind::until_eof, 0});
  arrive(string(10'000, 'y'));
  EXPECT_EQ(pump(), Flow::need_write);
  std::size_t budget = 1000;
  EXPECT_EQ(net::discard(lane, from, blocks, budget), Flow::need_read);
  EXPECT_EQ(lane.held(), 0U);
  EXPECT_EQ(world.pipe_ends(), 0U);
}

TEST_F(BulkTest, StopsWhenItsShareIsUsedUp) {
  sink->room = 1 << 20;
  begin({Body::Kind::until_eof, 0});
  arrive(string(200'000, 'y'));
  EXPECT_EQ(pump(100'000), Flow::budget);
  EXPECT_EQ(lane.bytes_sent, kBulk + 100'000) << "not a byte more";
  EXPECT_TRUE(from.readable);
  EXPECT_EQ(pump(), Flow::need_read);
}

// ---- where there is no pipe ------------------------------------------------------------------------------

TEST_F(BulkTest, WithoutAPipeItGoesOnWithBlocks) {
  const string body = counted(5000);
  begin({Body::Kind::length, kBulk + body.size()});
  const auto one = pipes.take(), two = pipes.take();
  arrive(body);
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_TRUE(sink->down.flight == body);
}

TEST_F(BulkTest, WithoutSpliceItGoesOnWithBlocks) {
  for (const int error : {EINVAL, ENOSYS, EPERM, EOPNOTSUPP}) {
    lane = net::Lane{};
    net::Pipes pool{2};
    pool.bulk_bytes = 0;
    const std::uint32_t next = world.calls_made[static_cast<std::size_t>(sim::Call::splice)];
    world.failure = sim::World::Failure{sim::Call::splice, next, error};
    frame({Body::Kind::length, 5});
    arrive("hello");
    std::size_t budget = 1000;
    EXPECT_EQ(net::pump(lane, from, to, {blocks, pool}, budget), Flow::complete) << error;
    EXPECT_EQ(drained(), "hello") << error;
    EXPECT_FALSE(pool.take()) << "it is not tried again";
    EXPECT_EQ(pool.used(), 0U);
  }
}

}  // namespace
