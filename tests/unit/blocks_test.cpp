// A pool of blocks that is used up: which record gets the next block, and which one returns its own.
#include "../../src/state/blocks.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "role_bench.hpp"

namespace {

using base::Reason;
using bench::Bench;
using plan::BlockUse;
using std::string;

using bench::kAnswer;
using bench::kGet;
using bench::kGreedy;
using bench::kModest;

struct Short : Bench {
  explicit Short(std::size_t blocks) : Bench(blocks, 600, false) {}

  // One turn, as the loop makes it.
  void turn(std::uint64_t ms = 0) {
    worker->now += ms;
    scheduler.expire(worker->now);
    state::feed_starved(*worker);
    if (request_info* const holder = state::starving_others(*worker); holder != nullptr) {
      holder->verdict = Reason::no_buffer;
      scheduler.wake(*holder);
    }
    settle();
  }
};

// All blocks are held by readers of one client.
std::vector<sim::ConnectionPtr> hoard(Short& b, sim::World::Host& host, std::size_t blocks) {
  std::vector<sim::ConnectionPtr> all;
  const std::size_t before = b.blocks_pool.used();
  for (std::size_t i = 0; i < blocks; ++i) {
    b.worker->now += 1;
    all.push_back(b.client(kGreedy));
    b.send(all.back(), kGet);
    const auto at = b.arrival(host);
    EXPECT_NE(at, nullptr);
    if (!at) return all;
    string body = "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5000\r\n\r\n" + string(5000, 'x');
    for (int n = 0; n < 20 && !body.empty(); ++n) {
      body.erase(0, b.world.remote_send(*at, body));
      b.settle();
    }
  }
  EXPECT_EQ(b.blocks_pool.used(), before + blocks);
  return all;
}

bool is_closed(const sim::ConnectionPtr& connection) {
  return connection->down.fin_arrived || connection->remote_reset;
}

TEST(Blocks, AnotherClientGetsTheBlockThatWasHeldForLongest) {
  Short b{3};
  auto& host = b.origin();
  const auto greedy = hoard(b, host, 3);
  const auto modest = b.client(kModest);
  b.send(modest, kGet);
  b.turn();
  EXPECT_TRUE(b.scheduler.block_needed(BlockUse::head));
  EXPECT_EQ(state::block_wait_deadline(*b.worker), b.worker->now + state::kBlockWaitMs);
  b.turn(state::kBlockWaitMs - 1);
  EXPECT_FALSE(is_closed(greedy[0])) << "it may still read";
  b.turn(1);
  EXPECT_TRUE(is_closed(greedy[0]));
  EXPECT_EQ(b.last().reason, Reason::no_buffer);
  b.turn();
  const auto at = b.arrival(host);
  ASSERT_NE(at, nullptr);
  b.send(at, kAnswer);
  b.turn();
  EXPECT_TRUE(b.read(modest).ends_with("ok"));
  EXPECT_FALSE(is_closed(greedy[1]));
  EXPECT_FALSE(is_closed(greedy[2]));
}

TEST(Blocks, AClientAloneMayHoldAll) {
  Short b{3};
  auto& host = b.origin();
  const auto greedy = hoard(b, host, 3);
  const auto more = b.client(kGreedy);
  b.send(more, kGet);
  for (int i = 0; i < 10; ++i) b.turn(state::kBlockWaitMs);
  EXPECT_FALSE(is_closed(greedy[0]));
  EXPECT_EQ(state::block_wait_deadline(*b.worker), 0U) << "nothing to wake up for";
}

TEST(Blocks, AReaderThatReadsIsNotTheOneThatEnds) {
  Short b{3};
  auto& host = b.origin();
  const auto greedy = hoard(b, host, 3);
  b.worker->now += 10;
  b.read(greedy[0]);
  ASSERT_FALSE(is_closed(greedy[0]));
  const auto modest = b.client(kModest);
  b.send(modest, kGet);
  if (b.blocks_pool.used() < 3) return;  // it has returned its block, which is as good
  b.turn();
  b.turn(state::kBlockWaitMs);
  EXPECT_TRUE(is_closed(greedy[1]));
}

// The newcomer's half head is the oldest, and still it is not the one to end.
TEST(Blocks, AModestHalfHeadDoesNotEndForAGreedyClient) {
  Short b{4};
  auto& host = b.origin();
  const auto modest = b.client(kModest);
  b.send(modest, "GET http");
  const auto greedy = hoard(b, host, 3);
  const auto more = b.client(kGreedy);
  b.send(more, kGet);
  for (int i = 0; i < 10; ++i) b.turn(100);
  EXPECT_FALSE(is_closed(modest));
}

// Two blocks are free, and two clients wait. One of them has sent two requests, for which it needs two
// blocks.
TEST(Blocks, ATurnIsGoodForOneBlock) {
  bench::RoleBench b{plan::Role::web, 3};
  b.site({bench::files_at("/")});
  b.world.put_file("/www/a", "content");
  const string get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
  std::vector<base::BlockPtr> held;
  for (int i = 0; i < 3; ++i) held.push_back(b.blocks_pool.take());
  const auto modest = b.client(kModest);
  b.send(modest, get);
  const auto greedy = b.client(kGreedy);
  b.send(greedy, get + get);
  ASSERT_TRUE(b.record(0).needs_block && b.record(1).needs_block);
  held.resize(1);
  state::feed_starved(*b.worker);
  b.run_turn();
  EXPECT_TRUE(b.read(modest).ends_with("content"));
}

TEST(Blocks, AFloodOfHalfHeadsStarvesItself) {
  Short b{2};
  auto& host = b.origin();
  const auto first = b.client(kGreedy);
  b.send(first, "GET http");
  b.worker->now += 1;
  const auto second = b.client(kGreedy);
  b.send(second, "GET http");
  const auto third = b.client(kGreedy);
  b.send(third, kGet);
  b.turn();
  EXPECT_TRUE(b.read(first).starts_with("HTTP/1.0 408 ")) << "at once";
  b.turn();
  EXPECT_NE(b.arrival(host), nullptr);
  EXPECT_FALSE(is_closed(second));
}

TEST(Blocks, APartOfThePoolIsForHeads) {
  Short b{16};
  EXPECT_EQ(state::reserved_blocks(*b.worker), 1U);
  std::vector<base::BlockPtr> held;
  while (b.blocks_pool.used() < 15) held.push_back(b.blocks_pool.take());
  auto& host = b.origin();
  const auto client = b.client(kModest);
  b.send(client, kGet);
  const auto at = b.arrival(host);
  ASSERT_NE(at, nullptr) << "its head has the reserved block";
  b.send(at, kAnswer);
  EXPECT_TRUE(b.scheduler.block_needed(BlockUse::body)) << "the response may not have it";
  EXPECT_FALSE(state::can_feed(*b.worker));
  held.pop_back();
  EXPECT_TRUE(state::can_feed(*b.worker));
  b.turn();
  EXPECT_TRUE(b.read(client).ends_with("ok"));
}

TEST(Blocks, ARecordTakesNoneBeforeThoseThatWait) {
  Short b{3};
  auto& host = b.origin();
  std::vector<base::BlockPtr> held;
  while (b.blocks_pool.used() < 3) held.push_back(b.blocks_pool.take());
  const auto modest = b.client(kModest);
  b.send(modest, kGet);
  ASSERT_TRUE(b.record(0).needs_block);
  held.pop_back();
  const auto greedy = b.client(kGreedy);
  b.send(greedy, kGet);  // runs while a block is free
  EXPECT_TRUE(b.record(1).needs_block);
  b.turn();
  EXPECT_FALSE(b.record(0).needs_block);
  EXPECT_NE(b.arrival(host), nullptr);
}

TEST(Blocks, ARecordReturnsItsEmptyBlockAtTheEndOfItsRun) {
  Bench b{4, 1 << 20, false};
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, kGet);
  const auto at = b.arrival(host);
  const string body(200'000, 'x');
  b.world.remote_send(*at, "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 200000\r\n\r\n" + body);
  b.world.settle();
  std::vector<sys::Event> events(16);
  const std::size_t count = sys::wait(b.poller, events, 0).count;
  for (std::size_t i = 0; i < count; ++i)
    deliver(net::Token::unpacked(events[i].token), events[i], *b.worker);
  b.worker->budget.divide(1000);
  b.scheduler.run_ready([&b](request_info& record) { advance(record, *b.worker); });
  ASSERT_TRUE(b.record().ready.linked()) << "its share of the turn is used up";
  EXPECT_GT(b.record().lane[kResponse].bytes_sent, 0U);
  EXPECT_EQ(b.blocks_pool.used(), 0U);
  EXPECT_TRUE(b.read(client).ends_with(body));
}

}  // namespace
