// Lanes, acceptor and resolver on the simulated kernel.
#include <gtest/gtest.h>

#include <map>
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

TEST_F(LaneTest, ForwardsOneMessage) {
  frame({http::Body::Kind::length, 5});
  arrive("hello and more");
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_EQ(sink->down.flight, "hello");
  EXPECT_EQ(source->up.arrived, " and more") << "bytes after the message are not read";
  EXPECT_EQ(lane.bytes_sent, 5U);
  EXPECT_EQ(blocks.used(), 0U);
}

TEST_F(LaneTest, HoldsNoBlockWhileWaitingForTheSource) {
  frame({http::Body::Kind::length, 9});
  arrive("hello");
  EXPECT_EQ(pump(), Flow::need_read);
  EXPECT_FALSE(from.readable);
  EXPECT_EQ(blocks.used(), 0U);
  EXPECT_EQ(pump(), Flow::need_read) << "no read without the mark";
}

TEST_F(LaneTest, ShortReadClearsReadableUnlessFinReported) {
  frame({http::Body::Kind::until_eof, 0});
  arrive("hello");
  lane.block = blocks.take();
  EXPECT_EQ(net::fill(lane, from, 100), Flow::none);
  EXPECT_FALSE(from.readable);
  arrive("again");
  from.finished = true;
  EXPECT_EQ(net::fill(lane, from, 100), Flow::none);
  EXPECT_TRUE(from.readable) << "end of stream may have been reported with these bytes";
  arrive("hung");
  from.finished = false;
  from.hung = true;
  EXPECT_EQ(net::fill(lane, from, 100), Flow::none);
  EXPECT_TRUE(from.readable);
  from.hung = false;
  arrive("1234");
  EXPECT_EQ(net::fill(lane, from, 4), Flow::none);
  EXPECT_TRUE(from.readable) << "a full read: more bytes may follow";
}

TEST_F(LaneTest, KeepsUnsentBytesWhileWaitingForTheSink) {
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

TEST_F(LaneTest, EndOfStream) {
  frame({http::Body::Kind::until_eof, 0});
  arrive("hello");
  source->up.fin_arrived = from.finished = true;
  EXPECT_EQ(pump(), Flow::complete);
  EXPECT_TRUE(from.eof);
  EXPECT_EQ(sink->down.flight, "hello");
}

TEST_F(LaneTest, PrematureEndOfStream) {
  frame({http::Body::Kind::length, 9});
  arrive("hello");
  source->up.fin_arrived = from.finished = true;
  EXPECT_EQ(pump(), Flow::read_failed);
  EXPECT_EQ(lane.error, 0);
  EXPECT_EQ(sink->down.flight, "hello") << "received bytes are forwarded";
  EXPECT_EQ(blocks.used(), 0U);
}

TEST_F(LaneTest, SourceAndSinkErrors) {
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

TEST_F(LaneTest, StopsWhenBudgetIsUsed) {
  sink->room = 1 << 20;
  frame({http::Body::Kind::until_eof, 0});
  arrive(string(100'000, 'a'));
  EXPECT_EQ(pump(20'000), Flow::budget);
  EXPECT_EQ(lane.bytes_sent, 2 * base::kBlockBytes) << "whole blocks, until 20,000 bytes were read";
  EXPECT_TRUE(from.readable);
  EXPECT_EQ(pump(), Flow::need_read);
}

TEST_F(LaneTest, ReportsAnEmptyBlockPool) {
  const auto one = blocks.take(), two = blocks.take();
  frame({http::Body::Kind::length, 5});
  arrive("hello");
  EXPECT_EQ(pump(), Flow::no_block);
  EXPECT_TRUE(from.readable);
}

TEST_F(LaneTest, MalformedChunks) {
  frame({http::Body::Kind::chunked, 0});
  arrive("2\r\nab\r\nzz");
  EXPECT_EQ(pump(), Flow::bad_framing);
}

TEST_F(LaneTest, ChunkOverheadWithoutContent) {
  frame({http::Body::Kind::chunked, 0});
  arrive("2;" + string(500, 'x') + "\r\nab\r\n");
  EXPECT_EQ(pump(), Flow::need_read);
  EXPECT_EQ(sink->down.flight, "ab");
  arrive("0\r\n");
  EXPECT_EQ(pump(), Flow::need_read);
  arrive("\r\n");
  EXPECT_EQ(pump(), Flow::complete);
}

TEST_F(LaneTest, DiscardReadsToEndOfStream) {
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

TEST_F(LaneTest, DiscardReportsErrors) {
  std::size_t budget = 1000;
  source->dead = true;
  source->error = ECONNRESET;
  EXPECT_EQ(net::discard(lane, from, blocks, budget), Flow::read_failed);
  const auto one = blocks.take(), two = blocks.take();
  from.readable = true;
  EXPECT_EQ(net::discard(lane, from, blocks, budget), Flow::no_block);
}

// ---- acceptor --------------------------------------------------------------------------------------------

class AcceptorTest : public testing::Test {
 protected:
  AcceptorTest() : world(chooser, bench::kind()) {
    world.enter();
    listener.emplace(sys::listen(sys::loopback4(8080), 1).fd, sys::loopback4(8080));
    listener->mark();
  }
  ~AcceptorTest() override {
    listener.reset();
    idle.reset(0);
    world.leave();
  }
  AcceptorTest(const AcceptorTest&) = delete;
  AcceptorTest& operator=(const AcceptorTest&) = delete;
  sys::Fd accept(std::uint64_t now = 5000) {
    sys::Address peer;
    return listener->accept(peer, now, "no room", idle);
  }

  bench::First chooser;
  sim::World world;
  std::optional<net::Acceptor> listener;
  net::UpstreamPool idle{8};
};

TEST_F(AcceptorTest, AcceptsUntilTheQueueIsEmpty) {
  const auto one = world.connect_to_program(8080), two = world.connect_to_program(8080);
  EXPECT_TRUE(accept());
  EXPECT_TRUE(listener->ready(5000));
  EXPECT_TRUE(accept());
  EXPECT_FALSE(accept());
  EXPECT_FALSE(listener->ready(5000));
}

TEST_F(AcceptorTest, RefusesWithTheReservedDescriptor) {
  const auto one = world.connect_to_program(8080);
  const sys::Fd first = accept();
  world.descriptor_limit = 6;  // the acceptor, its reserved descriptor and one client
  const auto two = world.connect_to_program(8080);
  EXPECT_FALSE(accept());
  EXPECT_EQ(two->down.flight, "no room");
  EXPECT_TRUE(two->down.fin_sent);
  EXPECT_FALSE(sys::open_log("/dev/null").fd) << "the reserved descriptor is open again";
  EXPECT_TRUE(listener->ready(5000)) << "the next client can be refused too";
  EXPECT_FALSE(accept());
  EXPECT_FALSE(listener->ready(5000)) << "the queue is empty";
}

TEST_F(AcceptorTest, PausesWhenTheSystemIsOutOfResources) {
  const auto one = world.connect_to_program(8080);
  for (const int error : {ENFILE, ENOBUFS, ENOMEM}) {
    world.failure = {sim::Call::accept, world.calls_made[static_cast<std::size_t>(sim::Call::accept)], error};
    EXPECT_FALSE(accept());
    EXPECT_FALSE(listener->ready(5000));
    EXPECT_EQ(listener->wakes_at(), 5000 + net::Acceptor::kPauseMs);
    EXPECT_TRUE(listener->ready(5000 + net::Acceptor::kPauseMs));
    listener->resume();
    EXPECT_TRUE(listener->ready(5000)) << "a descriptor was closed";
  }
  EXPECT_TRUE(accept());
}

TEST_F(AcceptorTest, ErrorOfOneConnectionDoesNotAffectTheNext) {
  const auto one = world.connect_to_program(8080), two = world.connect_to_program(8080);
  world.failure = {sim::Call::accept, 0, ECONNABORTED};
  EXPECT_FALSE(accept());
  EXPECT_TRUE(listener->ready(5000));
  EXPECT_TRUE(accept());
}

TEST_F(AcceptorTest, PausesWithoutAReservedDescriptor) {
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

// ---- resolver --------------------------------------------------------------------------------------------

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

  // Each call has its own waiter, like each request; it waits until `leave`.
  net::Lookup find(std::string_view host, std::uint64_t now) {
    return find(host, now, {++serial, 1, net::Token::Kind::upstream});
  }
  net::Lookup find(std::string_view host, std::uint64_t now, net::Token token) {
    return find(host, now, token, sys::loopback4(0));
  }
  // Of the client 10.0.0.`client`.
  net::Lookup find_for(std::uint8_t client, std::string_view host, std::uint64_t now = 0) {
    return find(host, now, {++serial, client, net::Token::Kind::upstream}, address_of(client));
  }
  net::Lookup find(std::string_view host, std::uint64_t now, net::Token token, const sys::Address& client) {
    const auto waiter = waiters.try_emplace(token.serial, token, client).first;
    return resolver->find(host, 81, waiter->second, now);
  }
  void leave(std::uint32_t of) { waiters.erase(of); }
  static sys::Address address_of(std::uint8_t client) {
    sys::Address address = sys::loopback4(0);
    address.bytes = {10, 0, 0, client};
    return address;
  }
  [[nodiscard]] bool is_asked(const std::string& host) const {
    return std::find(world.asked.begin(), world.asked.end(), host) != world.asked.end();
  }
  // A client asks for names of its own.
  void flood(std::uint8_t client, std::size_t count, const std::string& names = "flood") {
    for (std::size_t i = 0; i < count; ++i)
      find_for(client, names + std::to_string(client) + "-" + std::to_string(i) + ".test");
  }
  [[nodiscard]] std::size_t asked_of(const std::string& names) const {
    return static_cast<std::size_t>(std::count_if(world.asked.begin(), world.asked.end(),
                                                  [&](const auto& host) { return host.starts_with(names); }));
  }
  // The name server answers all pending queries.
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
  std::map<std::uint32_t, net::Resolver::Waiter> waiters;
  std::uint32_t serial = 1000;
};

TEST_F(ResolverTest, NumericAddressesAndLocalhostNeedNoQuery) {
  struct Row {
    const char* host;
    std::vector<sys::Address> expected;
  };
  sys::Address four, six;
  ASSERT_TRUE(sys::parse_ip("192.0.2.7", 81, four));
  ASSERT_TRUE(sys::parse_ip("2001:db8::7", 81, six));
  // RFC 6761 section 6.3: localhost and its subdomains are loopback.
  const std::vector<sys::Address> here{sys::loopback4(81), sys::loopback6(81)};
  const Row rows[] = {{"192.0.2.7", {four}},   {"2001:db8::7", {six}}, {"localhost", here},
                      {"LOCALHOST", here},     {"localhost.", here},   {"x.localhost", here},
                      {"a.b.LocalHost.", here}};
  for (const Row& row : rows) {
    const net::Lookup found = find(row.host, 0);
    ASSERT_EQ(found.what, net::Lookup::What::ready) << row.host;
    EXPECT_EQ(found.addresses.list(), row.expected) << row.host;
  }
  EXPECT_TRUE(world.asked.empty());
  for (const char* host : {"localhost.test", "xlocalhost", "local", "localhos", "1.2.3.4.test"})
    EXPECT_EQ(find(host, 0).what, net::Lookup::What::pending) << host;
}

TEST_F(ResolverTest, OneQueryWakesAllWaiters) {
  const net::Token one{1, 1, net::Token::Kind::upstream}, two{2, 2, net::Token::Kind::upstream};
  EXPECT_EQ(find("O.test", 0, one).what, net::Lookup::What::pending);
  EXPECT_EQ(find("o.TEST", 0, two).what, net::Lookup::What::pending);
  EXPECT_EQ(find("o.test", 0, one).what, net::Lookup::What::pending);
  EXPECT_EQ(world.asked.size(), 1U) << "names are case-insensitive";
  EXPECT_EQ(answer(net::Found::What::found, 1000, 0), 2U) << "once each";
  EXPECT_EQ(find("o.test", 0).addresses[0], sys::loopback4(81));
  EXPECT_EQ(resolver->woken(0).size(), 0U);
}

TEST_F(ResolverTest, CachesAnswersForTheirTtl) {
  find("o.test", 0);
  answer(net::Found::What::found, 1000, 0);
  EXPECT_EQ(find("o.test", 999).what, net::Lookup::What::ready);
  EXPECT_EQ(find("o.test", 1000).what, net::Lookup::What::pending);
  answer(net::Found::What::found, ~std::uint64_t{0} / 2, 1000);
  EXPECT_EQ(find("o.test", 1000 + net::Resolver::kAnswerKeptMaxMs).what, net::Lookup::What::pending)
      << "the TTL is limited";
}

TEST_F(ResolverTest, AnswerWithZeroTtlIsForItsWaitersOnly) {
  const net::Token one{1, 1, net::Token::Kind::upstream}, two{2, 2, net::Token::Kind::upstream};
  find("o.test", 0, one);
  find("o.test", 0, two);
  ASSERT_EQ(answer(net::Found::What::found, 0, 0), 2U);
  EXPECT_EQ(find("o.test", 0, one).what, net::Lookup::What::ready);
  EXPECT_EQ(find("o.test", 0, two).what, net::Lookup::What::ready);
  EXPECT_EQ(find("o.test", 0).what, net::Lookup::What::pending) << "a new waiter causes a new query";
  EXPECT_EQ(world.asked.size(), 1U);
}

TEST_F(ResolverTest, NoSleepWhileWaitersOfACompletedQueryAreQueued) {
  const net::Token one{1, 1, net::Token::Kind::upstream};
  find("o.test", 0, one);
  net::Found found;
  found.what = net::Found::What::found;
  found.host = "o.test";
  found.ttl_ms = 1000;
  found.addresses.add(sys::loopback4(0));
  world.answered.push_back(found);
  find("other.test", 0);
  EXPECT_EQ(resolver->timeout_ms(0), 0) << "no event wakes the loop";
  EXPECT_EQ(resolver->woken(0).size(), 1U);
  EXPECT_EQ(resolver->timeout_ms(0), -1);
}

TEST_F(ResolverTest, CachesFailuresBriefly) {
  struct Row {
    net::Found::What what;
    base::Reason why;
  };
  std::uint64_t now = 0;
  for (const Row row : {Row{net::Found::What::not_found, base::Reason::host_not_found},
                        Row{net::Found::What::failed, base::Reason::dns_error}}) {
    ASSERT_EQ(find("o.test", now).what, net::Lookup::What::pending);
    answer(row.what, 0, now);
    EXPECT_EQ(find("o.test", now + net::Resolver::kFailureKeptMs - 1).why, row.why);
    now += net::Resolver::kFailureKeptMs;
  }
}

TEST_F(ResolverTest, CacheIsBounded) {
  for (std::size_t i = 0; i < 2 * net::Resolver::kNamesMax; ++i) {
    find("o" + std::to_string(i) + ".test", 0);
    answer(net::Found::What::found, 100'000, 0);
    ASSERT_LE(resolver->names(), net::Resolver::kNamesMax);
  }
  EXPECT_EQ(find("o" + std::to_string(2 * net::Resolver::kNamesMax - 1) + ".test", 1).what,
            net::Lookup::What::ready);
  EXPECT_NE(find("o0.test", 1).what, net::Lookup::What::ready) << "the oldest is forgotten";
}

TEST_F(ResolverTest, AUsedAnswerStaysLonger) {
  for (std::size_t i = 0; i < net::Resolver::kNamesMax; ++i) {
    find("o" + std::to_string(i) + ".test", 0);
    answer(net::Found::What::found, 100'000, 0);
  }
  EXPECT_EQ(find("o0.test", 1).what, net::Lookup::What::ready);
  find("another.test", 1);
  EXPECT_EQ(find("o0.test", 1).what, net::Lookup::What::ready);
  EXPECT_EQ(find("o1.test", 1).what, net::Lookup::What::pending);
}

TEST_F(ResolverTest, AQueryThatNobodyWaitsForIsCancelled) {
  const net::Token one{1, 1, net::Token::Kind::upstream}, two{2, 2, net::Token::Kind::upstream};
  find("o.test", 0, one);
  find("o.test", 0, two);
  leave(1);
  EXPECT_TRUE(is_asked("o.test")) << "the other one still waits";
  leave(2);
  EXPECT_FALSE(is_asked("o.test"));
  EXPECT_EQ(resolver->names(), 0U);
  EXPECT_EQ(resolver->pending(), 0U);
}

TEST_F(ResolverTest, AWaiterOfAnotherNameLeavesTheFirst) {
  const net::Token one{1, 1, net::Token::Kind::upstream};
  find("o.test", 0, one);
  find("p.test", 0, one);
  EXPECT_FALSE(is_asked("o.test"));
  EXPECT_TRUE(is_asked("p.test"));
}

TEST_F(ResolverTest, ManyClientsThatLeaveHoldNothing) {
  for (std::size_t i = 0; i < 3000; ++i) {
    find("n" + std::to_string(i) + ".test", 0);
    leave(serial);
  }
  EXPECT_EQ(resolver->names(), 0U);
  EXPECT_TRUE(world.asked.empty());
}

TEST_F(ResolverTest, AClientAloneMayUseAllQueries) {
  flood(1, 2 * net::Resolver::kPendingMax);
  EXPECT_EQ(world.asked.size(), net::Resolver::kPendingMax);
  EXPECT_EQ(resolver->woken(0).size(), 0U) << "none is free";
  EXPECT_EQ(resolver->timeout_ms(0), -1);
  EXPECT_EQ(answer(net::Found::What::found, 1000, 0), 2 * net::Resolver::kPendingMax)
      << "the others may ask now";
  leave(1001);
}

TEST_F(ResolverTest, AClientIsServedAtOnceBesideOneThatUsesAllQueries) {
  flood(1, 3 * net::Resolver::kPendingMax);
  EXPECT_EQ(find_for(2, "modest.test").what, net::Lookup::What::pending);
  EXPECT_TRUE(is_asked("modest.test"));
  EXPECT_EQ(world.asked.size(), net::Resolver::kPendingMax) << "another query was taken back";
  EXPECT_FALSE(is_asked("flood1-" + std::to_string(net::Resolver::kPendingMax - 1) + ".test"))
      << "the newest";
}

TEST_F(ResolverTest, GreedyClientsShareTheQueries) {
  for (std::uint8_t client = 1; client <= 4; ++client) flood(client, 2 * net::Resolver::kPendingMax);
  for (const char* names : {"flood1-", "flood2-", "flood3-", "flood4-"})
    EXPECT_NEAR(static_cast<double>(asked_of(names)), net::Resolver::kPendingMax / 4.0, 2) << names;
  EXPECT_LE(world.asked.size(), net::Resolver::kPendingMax);
}

TEST_F(ResolverTest, ThoseInTheQueueAreWokenInTurns) {
  flood(1, net::Resolver::kPendingMax + 50);
  flood(2, net::Resolver::kPendingMax + 50);
  const std::size_t before = world.asked.size();
  leave(1001);  // one query is free
  leave(1002);
  std::size_t woken = 0;
  for (const net::Token& token : resolver->woken(0)) woken += token.slot == 2 || token.slot == 1 ? 1 : 0;
  EXPECT_LE(woken, 2U);
  EXPECT_LE(world.asked.size(), before);
}

TEST_F(ResolverTest, TheEndOfAWaiterInTheQueueWakesNobodyElseForNothing) {
  flood(1, net::Resolver::kPendingMax);
  find_for(1, "waits.test");
  const std::uint32_t waiting = serial;
  leave(waiting);
  leave(1001);
  EXPECT_EQ(resolver->woken(0).size(), 0U);
  EXPECT_EQ(resolver->timeout_ms(0), -1);
  EXPECT_EQ(find_for(1, "next.test").what, net::Lookup::What::pending);
  EXPECT_TRUE(is_asked("next.test"));
}

TEST_F(ResolverTest, NoClientEvictsTheAnswersOfOthers) {
  for (int i = 0; i < 10; ++i) find_for(2, "modest" + std::to_string(i) + ".test");
  answer(net::Found::What::found, 100'000, 0);
  for (std::size_t i = 0; i < 4 * net::Resolver::kNamesMax; ++i) {
    find_for(1, "flood" + std::to_string(i) + ".test");
    answer(net::Found::What::found, 100'000, 0);
  }
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(find_for(3, "modest" + std::to_string(i) + ".test").what, net::Lookup::What::ready) << i;
}

TEST_F(ResolverTest, AClientIsAnIpv6Network) {
  sys::Address one, two;
  ASSERT_TRUE(sys::parse_ip("2001:db8::1", 0, one));
  ASSERT_TRUE(sys::parse_ip("2001:db8::ffff:2", 0, two));
  for (std::size_t i = 0; i < net::Resolver::kPendingMax; ++i)
    find("a" + std::to_string(i) + ".test", 0, {++serial, 1, net::Token::Kind::upstream}, one);
  find("b.test", 0, {++serial, 1, net::Token::Kind::upstream}, two);
  EXPECT_FALSE(is_asked("b.test")) << "the same client";
}

TEST_F(ResolverTest, AChangeOfTheSystemsConfigurationForgetsAllAnswers) {
  find("o.test", 0);
  find("unknown.test", 0);
  answer(net::Found::What::found, 100'000, 0);
  world.names_changed = true;
  EXPECT_EQ(find("o.test", 1).what, net::Lookup::What::pending);
  EXPECT_EQ(world.asked.size(), 1U);
  answer(net::Found::What::found, 100'000, 1);
  resolver->use({});
  EXPECT_EQ(find("o.test", 1).what, net::Lookup::What::pending) << "SIGHUP";
}

}  // namespace
