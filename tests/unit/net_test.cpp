// Lanes, listener and resolver on the simulated kernel.
#include <gtest/gtest.h>

#include <string>

#include "../../src/net/acceptor.hpp"
#include "../../src/net/lane.hpp"
#include "../../src/net/resolver.hpp"
#include "lane_bench.hpp"

namespace {

using bench::LaneTest;
using net::Flow;
using std::string;

TEST(Token, PacksAndUnpacks) {
  for (const net::Token token : {net::Token{0, 0, net::Token::Kind::client},
                                 net::Token{0xffffffff, net::Token::kSlotMax, net::Token::Kind::signals},
                                 net::Token{1, 2, net::Token::Kind::upstream}})
    EXPECT_EQ(net::Token::unpacked(token.packed()), token);
}

TEST_F(LaneTest, MovesAMessageToItsEnd) {
  frame({http::Body::Kind::length, 5});
  arrive("hello and more");
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_EQ(sink->down.flight, "hello");
  EXPECT_EQ(source->up.arrived, " and more") << "what is behind the message stays where it is";
  EXPECT_EQ(lane.bytes_sent, 5U);
  EXPECT_EQ(blocks.used(), 0U);
}

TEST_F(LaneTest, WaitsForTheSourceWithoutABlock) {
  frame({http::Body::Kind::length, 9});
  arrive("hello");
  EXPECT_EQ(pump(), Flow::need_read);
  EXPECT_FALSE(from.readable);
  EXPECT_EQ(blocks.used(), 0U);
  EXPECT_EQ(pump(), Flow::need_read) << "without the mark it does not even try";
}

TEST_F(LaneTest, AShortReadClearsTheMarkUnlessTheEndWasTold) {
  frame({http::Body::Kind::until_eof, 0});
  arrive("hello");
  lane.block = blocks.take();
  EXPECT_EQ(net::fill(lane, from, 100), Flow::none);
  EXPECT_FALSE(from.readable);
  arrive("again");
  from.finished = true;
  EXPECT_EQ(net::fill(lane, from, 100), Flow::none);
  EXPECT_TRUE(from.readable) << "the end may have been told together with these bytes";
  arrive("hung");
  from.finished = false;
  from.hung = true;
  EXPECT_EQ(net::fill(lane, from, 100), Flow::none);
  EXPECT_TRUE(from.readable);
  from.hung = false;
  arrive("1234");
  EXPECT_EQ(net::fill(lane, from, 4), Flow::none);
  EXPECT_TRUE(from.readable) << "as much as was asked for: there may be more";
}

TEST_F(LaneTest, WaitsForTheSinkWithWhatItHolds) {
  frame({http::Body::Kind::until_eof, 0});
  arrive(string(20'000, 'a'));
  EXPECT_EQ(pump(), Flow::need_write);
  EXPECT_FALSE(to.writable);
  EXPECT_EQ(sink->down.flight.size(), 8192U);
  EXPECT_EQ(lane.held(), base::kBlockBytes - 8192);
  sink->down.flight.clear();
  to.writable = true;
  EXPECT_EQ(pump(), Flow::need_write);
  sink->down.flight.clear();
  to.writable = true;
  EXPECT_EQ(pump(), Flow::need_read);
  EXPECT_EQ(lane.bytes_sent, 20'000U);
}

TEST_F(LaneTest, TheEndOfTheStream) {
  frame({http::Body::Kind::until_eof, 0});
  arrive("hello");
  source->up.fin_arrived = from.finished = true;
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_TRUE(from.eof);
  EXPECT_EQ(sink->down.flight, "hello");
}

TEST_F(LaneTest, TheEndOfTheStreamTooEarly) {
  frame({http::Body::Kind::length, 9});
  arrive("hello");
  source->up.fin_arrived = from.finished = true;
  EXPECT_EQ(pump(), Flow::read_failed);
  EXPECT_EQ(lane.error, 0);
  EXPECT_EQ(sink->down.flight, "hello") << "what came is passed on";
  EXPECT_EQ(blocks.used(), 0U);
}

TEST_F(LaneTest, ErrorsOfEitherSide) {
  frame({http::Body::Kind::length, 9});
  source->dead = true;
  source->error = ECONNRESET;
  EXPECT_EQ(pump(), Flow::read_failed);
  EXPECT_EQ(lane.error, ECONNRESET);
  source->dead = false;
  arrive("hello");
  sink->dead = true;
  sink->error = EPIPE;
  EXPECT_EQ(pump(), Flow::write_failed);
  EXPECT_EQ(lane.error, EPIPE);
}

TEST_F(LaneTest, StopsWhenItsShareIsUsedUp) {
  sink->room = 1 << 20;
  frame({http::Body::Kind::until_eof, 0});
  arrive(string(100'000, 'a'));
  EXPECT_EQ(pump(40'000), Flow::budget);
  EXPECT_EQ(lane.bytes_sent, 3 * base::kBlockBytes) << "whole blocks, until 40,000 bytes were read";
  EXPECT_TRUE(from.readable);
  EXPECT_EQ(pump(), Flow::need_read);
}

TEST_F(LaneTest, NeedsABlock) {
  const auto one = blocks.take(), two = blocks.take();
  frame({http::Body::Kind::length, 5});
  arrive("hello");
  EXPECT_EQ(pump(), Flow::no_block);
  EXPECT_TRUE(from.readable);
}

TEST_F(LaneTest, BadChunks) {
  frame({http::Body::Kind::chunked, 0});
  arrive("2\r\nab\r\nzz");
  EXPECT_EQ(pump(), Flow::bad_framing);
}

TEST_F(LaneTest, ChunksWithoutContentMoveOn) {
  frame({http::Body::Kind::chunked, 0});
  arrive("2;" + string(500, 'x') + "\r\nab\r\n");
  EXPECT_EQ(pump(), Flow::need_read);
  EXPECT_EQ(sink->down.flight, "ab");
  arrive("0\r\n");
  EXPECT_EQ(pump(), Flow::need_read);
  arrive("\r\n");
  EXPECT_EQ(pump(), Flow::complete);
}

TEST_F(LaneTest, DiscardReadsToTheEnd) {
  std::size_t budget = 1000;
  arrive("unwanted");
  EXPECT_EQ(net::discard(lane, from, blocks, budget), Flow::need_read);
  EXPECT_EQ(budget, 992U);
  EXPECT_TRUE(source->up.arrived.empty());
  arrive(string(30'000, 'x'));
  EXPECT_EQ(net::discard(lane, from, blocks, budget), Flow::budget);
  source->up.arrived.clear();
  source->up.fin_arrived = from.readable = true;
  budget = 1000;
  EXPECT_EQ(net::discard(lane, from, blocks, budget), Flow::complete);
  EXPECT_TRUE(from.eof);
  EXPECT_EQ(blocks.used(), 0U);
}

TEST_F(LaneTest, DiscardFailsWithItsSource) {
  std::size_t budget = 1000;
  source->dead = true;
  source->error = ECONNRESET;
  EXPECT_EQ(net::discard(lane, from, blocks, budget), Flow::read_failed);
  const auto one = blocks.take(), two = blocks.take();
  from.readable = true;
  EXPECT_EQ(net::discard(lane, from, blocks, budget), Flow::no_block);
}

// ---- the listener ----------------------------------------------------------------------------------------

class ListenerTest : public testing::Test {
 protected:
  ListenerTest() : world(chooser, bench::kind()) {
    world.enter();
    listener.emplace(sys::listen(sys::loopback4(8080), 1).fd, sys::loopback4(8080));
    listener->mark();
  }
  ~ListenerTest() override {
    listener.reset();
    world.leave();
  }
  ListenerTest(const ListenerTest&) = delete;
  ListenerTest& operator=(const ListenerTest&) = delete;
  sys::Fd accept(std::uint64_t now = 5000) {
    sys::Address peer;
    return listener->accept(peer, now, "no room");
  }

  bench::First chooser;
  sim::World world;
  std::optional<net::Acceptor> listener;
};

TEST_F(ListenerTest, AcceptsUntilNobodyWaits) {
  const auto one = world.connect_to_program(8080), two = world.connect_to_program(8080);
  EXPECT_TRUE(accept());
  EXPECT_TRUE(listener->ready(5000));
  EXPECT_TRUE(accept());
  EXPECT_FALSE(accept());
  EXPECT_FALSE(listener->ready(5000));
}

TEST_F(ListenerTest, TurnsAwayWithItsSpareDescriptor) {
  const auto one = world.connect_to_program(8080);
  const sys::Fd first = accept();
  world.descriptor_limit = 6;  // the listener, its spare and one client: no further number is given
  const auto two = world.connect_to_program(8080);
  EXPECT_FALSE(accept());
  EXPECT_EQ(two->down.flight, "no room");
  EXPECT_TRUE(two->down.fin_sent);
  EXPECT_FALSE(sys::open_log("/dev/null").fd) << "it is back before anybody else could take it";
  EXPECT_TRUE(listener->ready(5000)) << "the next one can be told too";
  EXPECT_FALSE(accept());
  EXPECT_FALSE(listener->ready(5000)) << "nobody waits";
}

TEST_F(ListenerTest, PausesWhenTheSystemHasNothingLeft) {
  const auto one = world.connect_to_program(8080);
  for (const int error : {ENFILE, ENOBUFS, ENOMEM}) {
    world.failure = {sim::Call::accept, world.calls_made[static_cast<std::size_t>(sim::Call::accept)], error};
    EXPECT_FALSE(accept());
    EXPECT_FALSE(listener->ready(5000));
    EXPECT_EQ(listener->wakes_at(), 5000 + net::Acceptor::kPauseMs);
    EXPECT_TRUE(listener->ready(5000 + net::Acceptor::kPauseMs));
    listener->resume();
    EXPECT_TRUE(listener->ready(5000)) << "something was freed";
  }
  EXPECT_TRUE(accept());
}

TEST_F(ListenerTest, AFailureOfOneClientIsNotThatOfTheNext) {
  const auto one = world.connect_to_program(8080), two = world.connect_to_program(8080);
  world.failure = {sim::Call::accept, 0, ECONNABORTED};
  EXPECT_FALSE(accept());
  EXPECT_TRUE(listener->ready(5000));
  EXPECT_TRUE(accept());
}

TEST_F(ListenerTest, PausesWithoutASpare) {
  listener.reset();
  sys::Opened opened = sys::listen(sys::loopback4(8080), 1);
  world.descriptor_limit = 3;
  listener.emplace(std::move(opened.fd), sys::loopback4(8080));
  listener->mark();
  const auto one = world.connect_to_program(8080);
  EXPECT_FALSE(accept());
  EXPECT_FALSE(listener->ready(5000));
  EXPECT_NE(listener->wakes_at(), 0U);
}

// ---- names -----------------------------------------------------------------------------------------------

class ResolverTest : public testing::Test {
 protected:
  ResolverTest() : world(chooser, bench::kind()) {
    world.enter();
    poller = sys::make_poller().fd;
    resolver.emplace(poller);
  }
  ~ResolverTest() override {
    resolver.reset();
    poller.reset();
    world.leave();
  }
  ResolverTest(const ResolverTest&) = delete;
  ResolverTest& operator=(const ResolverTest&) = delete;

  // By a waiter of its own each time, as each request is.
  net::Lookup find(std::string_view host, std::uint64_t now) {
    return find(host, now, {++serial, 1, net::Token::Kind::upstream});
  }
  net::Lookup find(std::string_view host, std::uint64_t now, net::Token waiter) {
    return resolver->find(host, 81, waiter, now);
  }
  // The name server answers what it was asked.
  std::size_t answer(net::Found::What what, std::uint64_t ttl_ms, std::uint64_t now) {
    while (!world.asked.empty()) {
      net::Found found;
      found.what = what;
      found.host = world.asked.front();
      found.ttl_ms = ttl_ms;
      if (what == net::Found::What::found) found.addresses.add(sys::loopback4(0));
      world.asked.pop_front();
      world.answered.push_back(found);
    }
    return resolver->woken(now).size();
  }

  bench::First chooser;
  sim::World world;
  sys::Fd poller;
  std::optional<net::Resolver> resolver;
  std::uint32_t serial = 1000;
};

TEST_F(ResolverTest, NumbersAndLocalhostAskNobody) {
  EXPECT_EQ(find("10.1.2.3", 0).addresses.list[0].port, 81);
  EXPECT_EQ(find("::1", 0).what, net::Lookup::What::ready);
  for (const char* host : {"localhost", "LocalHost", "localhost.", "a.b.localhost"}) {
    const net::Lookup found = find(host, 0);
    ASSERT_EQ(found.what, net::Lookup::What::ready) << host;
    ASSERT_EQ(found.addresses.count, 2) << host;
    EXPECT_EQ(found.addresses.list[0], sys::loopback4(81));
    EXPECT_EQ(found.addresses.list[1], sys::loopback6(81));
  }
  EXPECT_TRUE(world.asked.empty());
  EXPECT_EQ(find("notlocalhost", 0).what, net::Lookup::What::pending);
  EXPECT_EQ(find("localhost.test", 0).what, net::Lookup::What::pending);
}

TEST_F(ResolverTest, AsksOnceAndWakesAllWhoWait) {
  const net::Token one{1, 1, net::Token::Kind::upstream}, two{2, 2, net::Token::Kind::upstream};
  EXPECT_EQ(find("O.test", 0, one).what, net::Lookup::What::pending);
  EXPECT_EQ(find("o.TEST", 0, two).what, net::Lookup::What::pending);
  EXPECT_EQ(find("o.test", 0, one).what, net::Lookup::What::pending);
  EXPECT_EQ(world.asked.size(), 1U) << "names have no case";
  EXPECT_EQ(answer(net::Found::What::found, 1000, 0), 2U) << "each once";
  EXPECT_EQ(find("o.test", 0).addresses.list[0], sys::loopback4(81));
  EXPECT_EQ(resolver->woken(0).size(), 0U);
}

TEST_F(ResolverTest, KeepsAnswersForTheirTime) {
  find("o.test", 0);
  answer(net::Found::What::found, 1000, 0);
  EXPECT_EQ(find("o.test", 999).what, net::Lookup::What::ready);
  EXPECT_EQ(find("o.test", 1000).what, net::Lookup::What::pending);
  answer(net::Found::What::found, ~std::uint64_t{0} / 2, 1000);
  EXPECT_EQ(find("o.test", 1000 + net::Resolver::kAnswerKeptMaxMs).what, net::Lookup::What::pending)
      << "but not for ever";
}

TEST_F(ResolverTest, AnAnswerWithoutATimeIsForThoseWhoWaitAlone) {
  const net::Token one{1, 1, net::Token::Kind::upstream}, two{2, 2, net::Token::Kind::upstream};
  find("o.test", 0, one);
  find("o.test", 0, two);
  ASSERT_EQ(answer(net::Found::What::found, 0, 0), 2U);
  EXPECT_EQ(find("o.test", 0, one).what, net::Lookup::What::ready);
  EXPECT_EQ(find("o.test", 0, two).what, net::Lookup::What::ready);
  EXPECT_EQ(find("o.test", 0).what, net::Lookup::What::pending) << "who comes now asks anew";
  EXPECT_EQ(world.asked.size(), 1U);
}

TEST_F(ResolverTest, TheLoopMustNotSleepOnAnAnswerThatAnotherLookUpTookIn) {
  const net::Token one{1, 1, net::Token::Kind::upstream};
  find("o.test", 0, one);
  net::Found found;
  found.what = net::Found::What::found;
  found.host = "o.test";
  found.ttl_ms = 1000;
  found.addresses.add(sys::loopback4(0));
  world.answered.push_back(found);
  find("other.test", 0);
  EXPECT_EQ(resolver->timeout_ms(), 0) << "no event will";
  EXPECT_EQ(resolver->woken(0).size(), 1U);
  EXPECT_EQ(resolver->timeout_ms(), -1);
}

TEST_F(ResolverTest, KeepsFailuresBriefly) {
  struct Row {
    net::Found::What what;
    base::Reason why;
  };
  std::uint64_t now = 0;
  for (const Row row : {Row{net::Found::What::not_found, base::Reason::host_not_found},
                        Row{net::Found::What::failed, base::Reason::dns_error},
                        Row{net::Found::What::timed_out, base::Reason::dns_timeout}}) {
    ASSERT_EQ(find("o.test", now).what, net::Lookup::What::pending);
    answer(row.what, 0, now);
    EXPECT_EQ(find("o.test", now + net::Resolver::kFailureKeptMs - 1).why, row.why);
    now += net::Resolver::kFailureKeptMs;
  }
}

TEST_F(ResolverTest, RemembersABoundedNumber) {
  for (std::size_t i = 0; i < 2 * net::Resolver::kNamesMax; ++i) {
    find("o" + std::to_string(i) + ".test", 0);
    answer(net::Found::What::found, 100'000, 0);
  }
  std::size_t remembered = 0;
  for (std::size_t i = 0; i < 2 * net::Resolver::kNamesMax; ++i) {
    const std::size_t asked = world.asked.size();
    find("o" + std::to_string(i) + ".test", 1);
    remembered += world.asked.size() == asked ? 1 : 0;
  }
  EXPECT_LE(remembered, net::Resolver::kNamesMax);
  EXPECT_GT(remembered, 0U);
}

TEST_F(ResolverTest, ForgetsTheOldFirst) {
  for (std::size_t i = 0; i < net::Resolver::kNamesMax - 1; ++i) find("o" + std::to_string(i) + ".test", 0);
  answer(net::Found::What::found, 10, 0);
  find("young.test", 5);
  answer(net::Found::What::found, 1000, 5);
  find("another.test", 20);
  EXPECT_EQ(find("young.test", 20).what, net::Lookup::What::ready);
}

}  // namespace
