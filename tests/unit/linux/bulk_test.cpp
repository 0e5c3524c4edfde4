// Large bodies through real pipes: all bytes arrive, whatever the sockets accept at once; and what only
// Linux does.
#include <fcntl.h>

#include <cerrno>
#include <csignal>

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

class LinuxBulk : public support::LinuxLane {
 protected:
  LinuxBulk() {
    pipes.bulk_bytes = 0;
    // As in the program: splice(2) has no MSG_NOSIGNAL.
    EXPECT_NE(::signal(SIGPIPE, SIG_IGN), SIG_ERR);
  }
  // Runs both ends and the lane in turns until nothing moves or the lane has ended.
  Flow run() {
    Flow flow = Flow::none;
    for (int still = 0; still < 3;) {
      const std::size_t before = giver->outbox.size() + lane.bytes_sent + taker->received.size();
      giver->push();
      from.readable = to.writable = true;
      flow = pump();
      if (flow != Flow::need_read && flow != Flow::need_write && flow != Flow::budget) return flow;
      taker->pull();
      still = before == giver->outbox.size() + lane.bytes_sent + taker->received.size() ? still + 1 : 0;
    }
    return flow;
  }
};

TEST_F(LinuxBulk, ForwardsAllBytes) {
  const string body = counted(24 << 20);
  frame(Body::Kind::length, body.size());
  giver->outbox = body + "the next message";
  Flow flow = Flow::none;
  while (flow != Flow::complete) {
    flow = run();
    ASSERT_TRUE(flow == Flow::need_read || flow == Flow::need_write || flow == Flow::complete)
        << static_cast<int>(flow);
  }
  EXPECT_TRUE(taken(body.size()) == body);
  EXPECT_EQ(lane.bytes_sent, body.size());
  EXPECT_EQ(pipes.used(), 0U);
  EXPECT_EQ(pipes.open(), 1U) << "a pipe was used";
  EXPECT_EQ(blocks.used(), 0U);
}

TEST_F(LinuxBulk, BackpressureStopsTheSource) {
  frame(Body::Kind::until_eof);
  giver->outbox = string(32 << 20, 'x');
  taker->reads = false;
  EXPECT_EQ(run(), Flow::need_write);
  EXPECT_GT(giver->outbox.size(), 0U) << "the TCP window is closed";
  EXPECT_GT(lane.held(), 0U);
  EXPECT_LE(lane.held(), sys::kPipeBytesMax);
  EXPECT_EQ(pipes.used(), 1U);
  lane.drop_block();
  EXPECT_EQ(pipes.open(), 0U) << "a pipe with bytes is closed";
}

TEST_F(LinuxBulk, EndOfStreamAfterThePipeContent) {
  const string body = counted(8 << 20);
  frame(Body::Kind::until_eof);
  giver->outbox = body;
  taker->reads = false;
  EXPECT_EQ(run(), Flow::need_write);
  taker->reads = true;
  while (!giver->outbox.empty()) run();
  giver->finish();
  Flow flow = Flow::none;
  while (flow != Flow::complete) flow = run();
  EXPECT_TRUE(taken(body.size()) == body);
}

TEST_F(LinuxBulk, SinkErrorRaisesNoSignal) {
  frame(Body::Kind::until_eof);
  taker->abort();
  ASSERT_TRUE(support::await(to.fd.get(), POLLHUP));
  arrive("hello");
  EXPECT_EQ(pump(), Flow::write_failed);
  EXPECT_EQ(lane.error, ECONNRESET);
  to.writable = true;
  EXPECT_EQ(net::drain(lane, to), Flow::write_failed);
  EXPECT_EQ(lane.error, EPIPE);
}

// splice(2) alone never passes an urgent byte; recv(2) skips it.
TEST_F(LinuxBulk, SkipsAnUrgentByte) {
  frame(Body::Kind::until_eof);
  arrive("before");
  ASSERT_EQ(::send(giver->fd(), "!", 1, MSG_OOB), 1);
  arrive("behind");
  EXPECT_EQ(pump(), Flow::need_read);
  EXPECT_EQ(taken(12), "beforebehind");
  EXPECT_FALSE(from.readable);
  arrive("and on");
  EXPECT_EQ(pump(), Flow::need_read);
  EXPECT_EQ(taken(18), "beforebehindand on");
}

TEST_F(LinuxBulk, ResizedPipeHoldsMore) {
  const sys::Pipe pipe = sys::make_pipe();
  ASSERT_EQ(pipe.error, 0);
  EXPECT_EQ(::fcntl(pipe.in.get(), F_GETPIPE_SZ), static_cast<int>(sys::kPipeBytes));
  ASSERT_EQ(sys::resize_pipe(pipe.in, sys::kPipeBytesMax), 0);
  EXPECT_EQ(::fcntl(pipe.in.get(), F_GETPIPE_SZ), static_cast<int>(sys::kPipeBytesMax));
  EXPECT_EQ(sys::resize_pipe(from.fd, sys::kPipeBytesMax), EBADF) << "no pipe";
}

TEST_F(LinuxBulk, FullPipeReturnsAgain) {
  const sys::Pipe pipe = sys::make_pipe();
  ASSERT_EQ(pipe.error, 0);
  sys::Io io{};
  std::size_t held = 0;
  do {
    arrive(string(1000, 'x'));
    io = sys::splice_in(from.fd, pipe.in, 1000);
    held += io.bytes;
  } while (io.outcome == sys::Outcome::done && held < 2 * sys::kPipeBytes);
  EXPECT_EQ(io.outcome, sys::Outcome::again);
  EXPECT_LE(held, sys::kPipeBytes);
  EXPECT_EQ(sys::splice_out(pipe.out, to.fd, held).bytes, held) << "no byte is lost";
  EXPECT_EQ(sys::splice_in(from.fd, pipe.in, 2000).bytes, 1000U);
}

}  // namespace
