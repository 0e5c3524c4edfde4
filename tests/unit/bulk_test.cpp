// Large bodies through a pipe: when a lane uses one, and that the bytes are the same.
#include <gtest/gtest.h>

#include <algorithm>
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

// ---- pool ------------------------------------------------------------------------------------------------

class PipesTest : public testing::Test {
 protected:
  bench::First chooser;
  sim::World world{chooser, bench::kind()};
  bench::Inside inside{world};
};

TEST_F(PipesTest, ReusesAnEmptyPipe) {
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

TEST_F(PipesTest, ClosesAPipeWithBytes) {
  net::Pipes pipes{4};
  net::PipePtr one = pipes.take();
  one->held = 1;
  one.reset();
  EXPECT_EQ(pipes.open(), 0U);
  EXPECT_EQ(world.pipe_ends(), 0U);
  EXPECT_EQ(pipes.take()->held, 0U);
}

TEST_F(PipesTest, KeepsFewPipesOpen) {
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

TEST_F(PipesTest, RespectsTheLimit) {
  net::Pipes pipes{1}, none{0};
  const net::PipePtr one = pipes.take();
  EXPECT_TRUE(one);
  EXPECT_FALSE(pipes.take());
  EXPECT_FALSE(none.take());
}

TEST_F(PipesTest, DoesNotRetryAFailedPipeAtOnce) {
  net::Pipes pipes{4};
  world.failure = sim::World::Failure{sim::Call::pipe, 0, EMFILE};
  const auto& asked = world.calls_made[static_cast<std::size_t>(sim::Call::pipe)];
  EXPECT_FALSE(pipes.take());
  EXPECT_FALSE(pipes.take());
  EXPECT_EQ(asked, 1U);
  for (int i = 0; i < 10'000 && !pipes.take(); ++i) {
  }
  EXPECT_EQ(asked, 2U);
  EXPECT_TRUE(pipes.take()) << "a pipe is available now";
}

// 16 MiB, and 64 KiB for each of the others: together less than the user's limit.
TEST_F(PipesTest, FirstPipesAreLarge) {
  net::Pipes pipes{net::Pipes::kMost};
  std::vector<net::PipePtr> all(net::Pipes::kLargeMost + 2);
  for (net::PipePtr& each : all) each = pipes.take();
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const net::PipePtr& pipe) { return pipe->large; }),
            net::Pipes::kLargeMost);
  all.front()->held = 1;
  all.front().reset();
  EXPECT_TRUE(pipes.take()->large) << "in place of one that was closed";
  constexpr std::size_t kSmall = net::Pipes::kMost - net::Pipes::kLargeMost;
  EXPECT_LE(net::Pipes::kLargeMost * sys::kPipeBytesMax + kSmall * sys::kPipeBytes, 64U << 20);
}

TEST_F(PipesTest, KeepsItsSizeAtTheUsersLimit) {
  net::Pipes pipes{4};
  world.failure = sim::World::Failure{sim::Call::resize_pipe, 0, EPERM};
  const net::PipePtr one = pipes.take(), other = pipes.take();
  ASSERT_TRUE(one && other);
  EXPECT_FALSE(one->large);
  EXPECT_TRUE(other->large);
}

TEST_F(PipesTest, ClosesUnusedPipes) {
  net::Pipes pipes{4};
  EXPECT_EQ(pipes.next_deadline(), 0U);
  net::PipePtr one = pipes.take();
  pipes.expire(5000);
  EXPECT_EQ(pipes.next_deadline(), 0U) << "it is in use";
  one.reset();
  pipes.expire(5000 + net::Pipes::kIdleMs - 1);
  EXPECT_EQ(pipes.open(), 1U);
  EXPECT_EQ(pipes.next_deadline(), 5000 + net::Pipes::kIdleMs);
  pipes.take();
  pipes.expire(5000 + net::Pipes::kIdleMs);
  EXPECT_EQ(pipes.open(), 1U) << "it has been used";
  pipes.expire(5000 + 2 * net::Pipes::kIdleMs);
  EXPECT_EQ(pipes.open(), 0U);
  EXPECT_EQ(world.pipe_ends(), 0U);
  EXPECT_EQ(pipes.next_deadline(), 0U);
}

TEST_F(PipesTest, ReturnsNoneWhenDisabled) {
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
  // Forwards `kBulk` bytes of a body, through a block if it has no length: the next bytes use a pipe.
  void begin(Body body) {
    frame(body);
    arrive(string(kBulk, 'x'));
    ASSERT_EQ(pump(), Flow::need_read);
    ASSERT_EQ(world.pipe_ends(), body.kind == Body::Kind::length ? 2U : 0U);
    sink->down.flight.clear();
  }
  // Takes the bytes that the sink received; it has room again.
  string drained() {
    to.writable = true;
    return std::exchange(sink->down.flight, {});
  }
};

TEST_F(BulkTest, LargeBodyGoesThroughAPipe) {
  const string body = counted(kBulk + 5000);
  frame({Body::Kind::length, body.size()});
  arrive(body + "the next message");
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_EQ(world.pipe_ends(), 2U);
  EXPECT_TRUE(sink->down.flight == body);
  EXPECT_EQ(source->up.arrived, "the next message");
  EXPECT_EQ(lane.bytes_sent, body.size());
  EXPECT_EQ(pipes.used(), 0U);
  EXPECT_EQ(blocks.used(), 0U);
}

TEST_F(BulkTest, SmallBodyDoesNot) {
  frame({Body::Kind::length, kBulk - 1});
  arrive(string(kBulk - 1, 'x'));
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_EQ(world.pipe_ends(), 0U);
}

TEST_F(BulkTest, StopsAtTheEndOfTheMessage) {
  begin({Body::Kind::length, kBulk + 10});
  lane.stop_at_message_end = true;
  arrive("0123456789 and the next");
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_EQ(sink->down.flight, "0123456789");
  EXPECT_EQ(source->up.arrived, " and the next");
}

TEST_F(BulkTest, MovesAMegabyteAtATime) {
  const auto& splices = world.calls_made[static_cast<std::size_t>(sim::Call::splice)];
  begin({Body::Kind::length, kBulk + sys::kPipeBytesMax});
  sink->room = 2 * sys::kPipeBytesMax;
  arrive(counted(sys::kPipeBytesMax));
  const auto before = splices;
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_EQ(splices - before, 1U);
  EXPECT_TRUE(drained() == counted(sys::kPipeBytesMax));
}

TEST_F(BulkTest, SmallPipeMovesTheSameBytes) {
  world.failure = sim::World::Failure{sim::Call::resize_pipe, 0, EPERM};
  begin({Body::Kind::length, kBulk + sys::kPipeBytesMax});
  sink->room = 2 * sys::kPipeBytesMax;
  arrive(counted(sys::kPipeBytesMax));
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_TRUE(drained() == counted(sys::kPipeBytesMax));
}

TEST_F(BulkTest, HoldsNoBlock) {
  begin({Body::Kind::until_eof, 0});
  const auto one = blocks.take(), two = blocks.take();
  arrive("more");
  EXPECT_EQ(pump(), Flow::need_read);
  EXPECT_EQ(sink->down.flight, "more");
  EXPECT_EQ(pipes.used(), 0U) << "no pipe is held while waiting";
}

TEST_F(BulkTest, NoPipeForChunksOrRetries) {
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

TEST_F(BulkTest, EachMessageStartsWithABlock) {
  begin({Body::Kind::until_eof, 0});
  frame({Body::Kind::length, 500});
  arrive(string(500, 'y'));
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_EQ(world.pipe_ends(), 0U);
}

TEST_F(BulkTest, KeepsBytesInThePipeWhileTheSinkIsFull) {
  begin({Body::Kind::until_eof, 0});
  const string body = counted(20'000);
  arrive(body);
  EXPECT_EQ(pump(), Flow::need_write);
  EXPECT_FALSE(to.writable);
  EXPECT_EQ(lane.held(), body.size() - sink->room);
  EXPECT_FALSE(lane.complete());
  EXPECT_EQ(blocks.used(), 0U);
  arrive("and more");
  EXPECT_EQ(pump(), Flow::need_write) << "no write without the mark";
  string got = drained();
  EXPECT_EQ(pump(), Flow::need_write);
  EXPECT_EQ(source->up.arrived, "and more") << "no read while bytes are unsent";
  got += drained();
  EXPECT_EQ(pump(), Flow::need_read);
  EXPECT_TRUE(got + drained() == body + "and more");
  EXPECT_EQ(lane.bytes_sent, kBulk + body.size() + 8);
  EXPECT_EQ(pipes.used(), 0U);
}

TEST_F(BulkTest, OnlyEagainClearsReadable) {
  begin({Body::Kind::until_eof, 0});
  arrive(string(3000, 'y'));
  EXPECT_EQ(pump(3000), Flow::budget);
  EXPECT_TRUE(from.readable) << "a short splice says nothing about the socket";
  EXPECT_EQ(pump(), Flow::need_read);
  EXPECT_FALSE(from.readable);
}

TEST_F(BulkTest, EndOfStreamWaitsForThePipe) {
  begin({Body::Kind::until_eof, 0});
  const string body = counted(10'000);
  arrive(body);
  source->up.fin_arrived = from.finished = true;
  EXPECT_EQ(pump(), Flow::need_write);
  EXPECT_FALSE(from.eof) << "end of stream has not been read";
  string got = drained();
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_TRUE(from.eof);
  EXPECT_TRUE(got + drained() == body);
  EXPECT_EQ(pipes.used(), 0U);
}

TEST_F(BulkTest, PrematureEndOfStream) {
  begin({Body::Kind::length, kBulk + 9});
  arrive("hello");
  source->up.fin_arrived = from.finished = true;
  lane.error = EIO;
  EXPECT_EQ(pump(), Flow::read_failed);
  EXPECT_EQ(lane.error, 0) << "end of stream, no error";
  EXPECT_EQ(sink->down.flight, "hello") << "received bytes are forwarded";
  EXPECT_EQ(pipes.used(), 0U);
}

TEST_F(BulkTest, EndOfStreamAfterAResetIsAnError) {
  begin({Body::Kind::until_eof, 0});
  from.error_consumed = from.readable = true;
  source->dead = true;
  EXPECT_EQ(pump(), Flow::read_failed);
  EXPECT_EQ(lane.error, ECONNRESET);
  EXPECT_FALSE(from.eof);
}

TEST_F(BulkTest, SourceError) {
  begin({Body::Kind::until_eof, 0});
  arrive("hello");
  source->dead = true;
  source->error = ECONNRESET;
  EXPECT_EQ(pump(), Flow::read_failed);
  EXPECT_EQ(lane.error, ECONNRESET);
  EXPECT_EQ(sink->down.flight, "hello") << "earlier bytes are forwarded";
}

TEST_F(BulkTest, SinkError) {
  begin({Body::Kind::until_eof, 0});
  arrive("hello");
  sink->dead = true;
  sink->error = EPIPE;
  EXPECT_EQ(pump(), Flow::write_failed);
  EXPECT_EQ(lane.error, EPIPE);
  EXPECT_TRUE(to.error_consumed) << "a later read would report a false end of stream";
  EXPECT_EQ(lane.held(), 5U);
  lane.drop_block();
  EXPECT_EQ(lane.held(), 0U);
  EXPECT_EQ(pipes.used(), 0U);
  EXPECT_EQ(world.pipe_ends(), 0U) << "a pipe with bytes is closed";
}

TEST_F(BulkTest, DiscardReturnsThePipe) {
  begin({Body::Kind::until_eof, 0});
  arrive(string(10'000, 'y'));
  EXPECT_EQ(pump(), Flow::need_write);
  std::size_t budget = 1000;
  EXPECT_EQ(net::discard(lane, from, blocks, budget), Flow::need_read);
  EXPECT_EQ(lane.held(), 0U);
  EXPECT_EQ(world.pipe_ends(), 0U);
}

TEST_F(BulkTest, StopsWhenBudgetIsUsed) {
  sink->room = 1 << 20;
  begin({Body::Kind::until_eof, 0});
  arrive(string(200'000, 'y'));
  EXPECT_EQ(pump(100'000), Flow::budget);
  EXPECT_EQ(lane.bytes_sent, kBulk + 100'000) << "exactly the budget";
  EXPECT_TRUE(from.readable);
  EXPECT_EQ(pump(), Flow::need_read);
}

// ---- no pipe available -----------------------------------------------------------------------------------

TEST_F(BulkTest, WithoutAPipeUsesBlocks) {
  const string body = counted(5000);
  begin({Body::Kind::length, kBulk + body.size()});
  const auto one = pipes.take(), two = pipes.take();
  arrive(body);
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_TRUE(sink->down.flight == body);
}

TEST_F(BulkTest, WithoutSpliceUsesBlocks) {
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
