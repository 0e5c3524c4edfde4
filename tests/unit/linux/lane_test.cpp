// Lanes between real sockets: readiness marks, and when a lane stops.
#include "../../../src/net/lane.hpp"

#include "lane_bench.hpp"

namespace {

using http::Body;
using net::Flow;
using std::string;
using support::LinuxLane;
using support::Pair;

TEST_F(LinuxLane, ForwardsOneMessageOnly) {
  frame(Body::Kind::length, 5);
  arrive("hello and more");
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_EQ(lane.flow, Flow::complete);
  EXPECT_EQ(taken(5), "hello");
  EXPECT_EQ(lane.bytes_sent, 5U);
  EXPECT_EQ(blocks.used(), 0U);
  std::array<std::byte, 64> rest;
  EXPECT_EQ(sys::receive(from.fd, rest).bytes, 9U) << "bytes after the message are not read";
}

TEST_F(LinuxLane, EagainClearsReadable) {
  frame(Body::Kind::until_eof);
  EXPECT_EQ(pump(), Flow::need_read);
  EXPECT_FALSE(from.readable);
  EXPECT_EQ(blocks.used(), 0U) << "no block is held while waiting";
  arrive("late");
  from.readable = false;
  EXPECT_EQ(pump(), Flow::need_read) << "no read without the mark";
  from.readable = true;
  EXPECT_EQ(pump(), Flow::need_read);
  EXPECT_EQ(taken(4), "late");
}

TEST_F(LinuxLane, ShortReadClearsReadableUnlessFinReported) {
  struct Row {
    const char* title;
    bool finished, hung;
    std::size_t room;
    bool readable;
  };
  const Row rows[] = {{"short", false, false, 100, false},
                      {"short, and FIN was reported", true, false, 100, true},
                      {"short, and FIN of both directions was reported", false, true, 100, true},
                      {"as much as was asked for", false, false, 5, true},
                      {"less than there is", false, false, 3, true}};
  frame(Body::Kind::until_eof);
  lane.block = blocks.take();
  for (const Row& row : rows) {
    lane.end = 0;
    arrive("hello");
    from.finished = row.finished;
    from.hung = row.hung;
    EXPECT_EQ(net::fill(lane, from, row.room), Flow::none) << row.title;
    EXPECT_EQ(from.readable, row.readable) << row.title;
    EXPECT_EQ(lane.end, std::min<std::size_t>(5, row.room)) << row.title;
    std::array<std::byte, 8> rest;
    sys::receive(from.fd, rest);
  }
}

TEST_F(LinuxLane, EagainClearsWritable) {
  frame(Body::Kind::until_eof);
  taker->reads = false;
  string all;
  for (Flow flow = Flow::need_read; flow == Flow::need_read;) {
    arrive(string(10'000, static_cast<char>('a' + all.size() / 10'000 % 26)));
    all.append(10'000, static_cast<char>('a' + all.size() / 10'000 % 26));
    flow = pump();
    ASSERT_TRUE(flow == Flow::need_read || flow == Flow::need_write);
  }
  EXPECT_FALSE(to.writable);
  EXPECT_GT(lane.held(), 0U) << "unsent bytes are kept";
  EXPECT_EQ(blocks.used() + pipes.used(), 1U);
  const std::size_t moved = lane.bytes_sent;
  EXPECT_EQ(pump(), Flow::need_write) << "no write without the mark";
  EXPECT_EQ(lane.bytes_sent, moved);
  taker->reads = true;
  taken(moved);
  ASSERT_TRUE(support::await(to.fd.get(), POLLOUT));
  to.writable = true;
  EXPECT_EQ(pump(), Flow::need_read);
  EXPECT_EQ(taken(all.size()), all);
  EXPECT_EQ(blocks.used(), 0U);
}

TEST_F(LinuxLane, EndOfTheSource) {
  struct Row {
    const char* title;
    Body body;
    string text, content;
    Flow flow;
  };
  const Row rows[] = {
      {"completes what lasts until then", {Body::Kind::until_eof, 0}, "hello", "hello", Flow::complete},
      {"completes even nothing", {Body::Kind::until_eof, 0}, "", "", Flow::complete},
      {"comes too early for a length", {Body::Kind::length, 9}, "hello", "hello", Flow::read_failed},
      {"comes too early for chunks", {Body::Kind::chunked, 0}, "5\r\nhello\r\n", "hello", Flow::read_failed},
      {"comes after a whole length", {Body::Kind::length, 5}, "hello", "hello", Flow::complete},
      {"comes after the last chunk",
       {Body::Kind::chunked, 0},
       "5\r\nhello\r\n0\r\n\r\n",
       "hello",
       Flow::complete},
  };
  for (const Row& row : rows) {
    Pair source, sink;
    net::Endpoint in, out;
    in.fd = std::move(source.near);
    out.fd = std::move(sink.near);
    in.readable = in.finished = out.writable = true;
    if (!row.text.empty()) sys::transmit(source.far, std::as_bytes(std::span{row.text}));
    sys::shutdown_write(source.far);
    ASSERT_TRUE(support::await(in.fd.get(), POLLRDHUP));
    net::Lane there;
    there.framing = http::Framing{row.body};
    there.error = EIO;
    std::size_t budget = 1 << 20;
    EXPECT_EQ(net::pump(there, in, out, {blocks, pipes}, budget), row.flow) << row.title;
    if (row.flow == Flow::read_failed) {
      EXPECT_EQ(there.error, 0) << row.title << ": end of stream, no error";
    }
    EXPECT_EQ(there.bytes_sent, row.content.size()) << row.title;
    EXPECT_EQ(blocks.used(), 0U) << row.title;
  }
}

TEST_F(LinuxLane, SourceError) {
  frame(Body::Kind::until_eof);
  arrive("hello");
  EXPECT_EQ(pump(), Flow::need_read);
  giver->abort();
  ASSERT_TRUE(support::await(from.fd.get(), POLLHUP));
  from.readable = from.finished = from.hung = true;
  EXPECT_EQ(pump(), Flow::read_failed);
  EXPECT_EQ(lane.error, ECONNRESET);
  EXPECT_FALSE(from.eof) << "an error is not an end of stream";
  EXPECT_EQ(taken(5), "hello");
}

TEST_F(LinuxLane, SinkError) {
  frame(Body::Kind::until_eof);
  arrive("hello");
  taker->abort();
  ASSERT_TRUE(support::await(to.fd.get(), POLLHUP));
  EXPECT_EQ(pump(), Flow::write_failed);
  EXPECT_TRUE(lane.error == ECONNRESET || lane.error == EPIPE) << lane.error;
}

TEST_F(LinuxLane, StopsWhenBudgetIsUsed) {
  frame(Body::Kind::until_eof);
  arrive(string(100'000, 'x'));
  std::size_t budget = 40'000;
  // Each read asks for a whole block; the kernel decides how many bytes it returns.
  Flow flow = net::pump(lane, from, to, {blocks, pipes}, budget);
  ASSERT_EQ(flow, Flow::budget);
  EXPECT_EQ(budget, 0U);
  EXPECT_GE(lane.bytes_sent, 40'000U);
  EXPECT_LT(lane.bytes_sent, 40'000U + base::kBlockBytes);
  EXPECT_TRUE(from.readable) << "the next turn continues without a new event";
  EXPECT_EQ(net::pump(lane, from, to, {blocks, pipes}, budget), Flow::budget)
      << "no byte is read that cannot be sent";
}

TEST_F(LinuxLane, WaitsForABlock) {
  auto one = blocks.take(), two = blocks.take();
  frame(Body::Kind::length, 5);
  arrive("hello");
  EXPECT_EQ(pump(), Flow::no_block);
  EXPECT_TRUE(from.readable);
  one.reset();
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_EQ(taken(5), "hello");
}

TEST_F(LinuxLane, DecodesChunksAndStopsAtAMalformedOne) {
  frame(Body::Kind::chunked);
  arrive("2\r\nab\r\n1;x=y\r\nc");
  EXPECT_EQ(pump(), Flow::need_read);
  arrive("\r\nzz");
  EXPECT_EQ(pump(), Flow::bad_framing);
  EXPECT_EQ(taken(3), "abc");
}

TEST_F(LinuxLane, DrainSendsHeldBytes) {
  lane.block = blocks.take();
  std::memcpy(lane.block->bytes, "0123456789", 10);
  lane.begin = 3;
  lane.end = 8;
  EXPECT_EQ(net::drain(lane, to), Flow::complete);
  EXPECT_EQ(taken(5), "34567");
  EXPECT_EQ(lane.bytes_sent, 5U);
  EXPECT_EQ(lane.held(), 0U);
  EXPECT_EQ(net::drain(lane, to), Flow::complete) << "nothing to send";
}

TEST_F(LinuxLane, DiscardReadsToEndOfStream) {
  std::size_t budget = 1'000'000;
  arrive("unwanted");
  EXPECT_EQ(net::discard(lane, from, blocks, budget), Flow::need_read);
  EXPECT_EQ(budget, 1'000'000U - 8);
  EXPECT_FALSE(from.readable);
  arrive(string(50'000, 'x'));
  budget = 1;
  EXPECT_EQ(net::discard(lane, from, blocks, budget), Flow::budget);
  budget = 1'000'000;
  EXPECT_EQ(net::discard(lane, from, blocks, budget), Flow::need_read);
  end_of_source();
  EXPECT_EQ(net::discard(lane, from, blocks, budget), Flow::complete);
  EXPECT_TRUE(from.eof);
  EXPECT_EQ(net::discard(lane, from, blocks, budget), Flow::complete) << "end of stream is permanent";
  EXPECT_EQ(blocks.used(), 0U);
}

TEST_F(LinuxLane, DiscardReturnsTheBlockAndNeedsOne) {
  lane.block = blocks.take();
  lane.end = 10;
  arrive("unwanted");
  std::size_t budget = 100;
  EXPECT_EQ(net::discard(lane, from, blocks, budget), Flow::need_read);
  EXPECT_FALSE(lane.block);
  EXPECT_EQ(lane.held(), 0U);
  const auto one = blocks.take(), two = blocks.take();
  from.readable = true;
  EXPECT_EQ(net::discard(lane, from, blocks, budget), Flow::no_block);
}

TEST_F(LinuxLane, DiscardReportsASourceError) {
  giver->abort();
  ASSERT_TRUE(support::await(from.fd.get(), POLLHUP));
  std::size_t budget = 100;
  EXPECT_EQ(net::discard(lane, from, blocks, budget), Flow::read_failed);
  EXPECT_FALSE(from.readable);
}

}  // namespace
