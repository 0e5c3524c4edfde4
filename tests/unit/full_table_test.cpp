// A table of records that is full: which connection gives way, and how a connection is refused.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "role_bench.hpp"

namespace {

using base::Reason;
using bench::Bench;
using bench::RoleBench;
using std::string;

using bench::kAnswer;
using bench::kGet;
using bench::kGreedy;
using bench::kModest;

struct Full : Bench {
  explicit Full(std::size_t send_room = 1 << 20) : Bench(16, send_room, false) {
    config.connect_ports = {{80, 80}};
  }

  // That many connections from there, which all send `text`.
  std::vector<sim::ConnectionPtr> crowd(const char* from, std::uint32_t count, const string& text = {}) {
    std::vector<sim::ConnectionPtr> all;
    for (std::uint32_t i = 0; i < count; ++i) {
      worker->now += 1;
      all.push_back(client(from));
      if (!text.empty()) send(all.back(), text);
      settle();
    }
    return all;
  }
  // A request from there is answered with the host's response.
  bool is_served(const char* from, sim::World::Host& host) {
    const auto connection = client(from);
    send(connection, kGet);
    sim::ConnectionPtr at;
    while (const auto next = arrival(host)) at = next;
    if (at) send(at, kAnswer);
    return read(connection).ends_with("ok");
  }
  static bool is_closed(const sim::ConnectionPtr& connection) {
    return connection->down.fin_arrived || connection->remote_reset;
  }
};

// What a connection can do that needs no more of the proxy than to hold a record.
struct Kind {
  const char* title;
  const char* text;    // from the client
  const char* answer;  // from its host; null: none
};
const Kind kKinds[]{
    {"silent", "", nullptr},
    {"half a head", "GET http://10.0.0.1/ HTTP/1.1\r\nHo", nullptr},
    {"an upload that sends nothing",
     "POST http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\nContent-Length: 9\r\n\r\n", nullptr},
    {"a host that does not respond", kGet, nullptr},
    {"an idle tunnel", "CONNECT 10.0.0.1:80 HTTP/1.1\r\nHost: 10.0.0.1:80\r\n\r\n", nullptr},
    {"a response that stops", kGet, "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 99\r\n\r\nok"},
    {"kept alive", kGet, "HTTP/1.1 200 OK\r\nDate: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"},
    {"refused", "GET / HTTP/1.1\r\n\r\n", nullptr},
};

TEST(FullTable, AnotherClientGetsARecordWhateverTheGreedyOneHolds) {
  for (const Kind& kind : kKinds) {
    Full b;
    auto& host = b.origin();
    b.crowd(kGreedy, Bench::kSlots, kind.text);
    if (kind.answer != nullptr)
      while (const auto at = b.arrival(host)) b.send(at, kind.answer);
    ASSERT_EQ(b.table.used(), Bench::kSlots) << kind.title;
    EXPECT_TRUE(b.is_served(kModest, host)) << kind.title;
    EXPECT_EQ(b.table.used(), Bench::kSlots) << kind.title << ": exactly one gave way";
  }
}

TEST(FullTable, AReaderThatReadsNothingGivesWay) {
  Full b{600};
  auto& host = b.origin();
  b.crowd(kGreedy, Bench::kSlots, kGet);
  const string large = "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5000\r\n\r\n" + string(400, 'x');
  while (const auto at = b.arrival(host)) b.send(at, large);
  EXPECT_TRUE(b.is_served(kModest, host));
}

TEST(FullTable, AConnectionOfARoleWithoutHttpGivesWay) {
  RoleBench b{plan::Role::echo};
  for (std::uint32_t i = 0; i < Bench::kSlots; ++i) b.send(b.client(kGreedy), "x");
  const auto modest = b.client(kModest);
  b.send(modest, "hello");
  EXPECT_EQ(b.read(modest), "hello");
}

TEST(FullTable, TheLongestIdleOfTheLargestClientGoesFirst) {
  Full b;
  auto& host = b.origin();
  const auto modest = b.crowd(kModest, 1);
  const auto greedy = b.crowd(kGreedy, Bench::kSlots - 2);
  const auto busy = b.crowd(kGreedy, 1, "GET http://10.0.0.1/ HTTP/1.1\r\n");
  EXPECT_TRUE(b.is_served("10.0.0.88", host));
  EXPECT_TRUE(Full::is_closed(greedy[0]));
  EXPECT_FALSE(Full::is_closed(greedy[1]));
  EXPECT_FALSE(Full::is_closed(modest[0])) << "idle for longest, but its client has only one connection";
  EXPECT_FALSE(Full::is_closed(busy[0]));
}

TEST(FullTable, WithEqualClientsTheLongestIdleGoesFirst) {
  Full b;
  auto& host = b.origin();
  std::vector<sim::ConnectionPtr> all;
  for (std::uint32_t i = 0; i < Bench::kSlots; ++i)
    all.push_back(b.crowd(("10.0.1." + std::to_string(i + 1)).c_str(), 1, i == 0 ? "GET " : "")[0]);
  EXPECT_TRUE(b.is_served(kModest, host));
  EXPECT_FALSE(Full::is_closed(all[0])) << "it has begun a request";
  EXPECT_TRUE(Full::is_closed(all[1]));
  EXPECT_FALSE(Full::is_closed(all[2]));
}

TEST(FullTable, OfClientsWithOneConnectionALateHeadGivesWay) {
  Full b;
  auto& host = b.origin();
  std::vector<sim::ConnectionPtr> heads;
  for (std::uint32_t i = 0; i < Bench::kSlots; ++i)
    heads.push_back(b.crowd(("10.0.1." + std::to_string(i + 1)).c_str(), 1, "GET http://10.0.0.1/ HT")[0]);
  EXPECT_FALSE(b.is_served(kModest, host)) << "the rest of the heads may be on the way";
  b.worker->now += 1000;
  EXPECT_TRUE(b.is_served(kModest, host));
  EXPECT_TRUE(Full::is_closed(heads[0])) << "it waits for longest";
  for (std::size_t i = 1; i < heads.size(); ++i) EXPECT_FALSE(Full::is_closed(heads[i])) << i;
}

TEST(FullTable, ALateHeadKeepsItsPlaceBesideAClientWithAsManyConnections) {
  Full b;
  b.origin();
  const auto head = b.crowd(kModest, 1, "GET http://10.0.0.1/ HT");
  b.crowd(kGreedy, Bench::kSlots - 1, kGet);
  b.worker->now += 1000;
  b.crowd(kGreedy, 3);
  EXPECT_FALSE(Full::is_closed(head[0]));
}

TEST(FullTable, LimitsHaveAPlaceForANewClientBesideAllThatAreConnected) {
  Full b;
  b.config.allowance.connections = 2;
  limit_clients(b.generation, nullptr, Bench::kSlots, {});
  auto& host = b.origin();
  for (std::uint32_t i = 0; i < Bench::kSlots; ++i) b.crowd(("10.0.1." + std::to_string(i + 1)).c_str(), 1);
  b.worker->now += 1000;
  EXPECT_TRUE(b.is_served(kModest, host)) << "the longest-idle connection gives way";
}

TEST(FullTable, AConnectionWithAnEventIsNotIdle) {
  Full b;
  auto& host = b.origin();
  const auto greedy = b.crowd(kGreedy, Bench::kSlots);
  b.world.remote_send(*greedy[0], kGet);
  b.world.settle();
  std::vector<sys::Event> events(16);
  const std::size_t count = sys::wait(b.poller, events, 0).count;
  for (std::size_t i = 0; i < count; ++i)
    deliver(net::Token::unpacked(events[i].token), events[i], *b.worker);
  const auto modest = b.client(kModest);  // in the same turn, before the request is read
  b.settle();
  EXPECT_FALSE(Full::is_closed(greedy[0]));
  EXPECT_TRUE(Full::is_closed(greedy[1]));
  EXPECT_NE(b.arrival(host), nullptr);
}

TEST(FullTable, ClientsEndWithEqualParts) {
  Full b;
  b.origin();
  b.crowd(kGreedy, Bench::kSlots, kGet);
  b.crowd(kModest, 2 * Bench::kSlots, kGet);
  sys::Address greedy, modest;
  sys::parse_ip(kGreedy, 1, greedy);
  sys::parse_ip(kModest, 1, modest);
  EXPECT_EQ(b.shares.connections(greedy), Bench::kSlots / 2);
  EXPECT_EQ(b.shares.connections(modest), Bench::kSlots / 2);
}

TEST(FullTable, AConnectionIsRefusedWithOneSendAndNoRecord) {
  Full b;
  auto& host = b.origin();
  const auto greedy = b.crowd(kGreedy, Bench::kSlots, kGet);
  const auto next = b.world.connect_to_program(8080);
  b.world.remote_send(*next, kGet);
  b.world.settle();
  sys::Address peer;
  sys::Fd accepted = sys::accept(b.listener, peer).fd;
  peer = b.record().client;
  const std::size_t descriptors = b.world.descriptors();
  EXPECT_FALSE(admit(std::move(accepted), peer, 0, *b.worker));
  EXPECT_EQ(b.world.descriptors(), descriptors - 1) << "it is closed at once";
  EXPECT_EQ(b.table.used(), Bench::kSlots);
  EXPECT_TRUE(b.read(next).starts_with("HTTP/1.0 503 "));
  EXPECT_FALSE(next->remote_reset) << "what it had sent was read";
  EXPECT_EQ(b.last().reason, Reason::max_requests_reached);
  EXPECT_EQ(b.last().status, 503);
  EXPECT_EQ(b.last().id, Bench::kSlots + 1);
  for (const auto& connection : greedy) EXPECT_FALSE(Full::is_closed(connection));
  EXPECT_NE(b.arrival(host), nullptr);
}

TEST(FullTable, RefusalsLeaveTheRequestsTheirLogRecords) {
  Full b;
  b.origin();
  b.crowd(kGreedy, Bench::kSlots, kGet);
  for (int i = 0; i < 1000; ++i) {
    const auto connection = b.world.connect_to_program(8080);
    sys::Address peer;
    sys::Fd accepted = sys::accept(b.listener, peer).fd;
    admit(std::move(accepted), b.record().client, 0, *b.worker);
  }
  EXPECT_FALSE(b.worker->finished.empty());
  EXPECT_EQ(b.exchanges.used(), b.exchanges.limit() - Bench::kSlots);
}

TEST(FullTable, AClientOverItsLimitTakesNoRecordAndEvictsNobody) {
  Full b;
  b.config.allowance.connections = 2;
  limit_clients(b.generation, nullptr, 8, {});
  auto& host = b.origin();
  const auto idle = b.crowd(kGreedy, 2);
  for (int i = 0; i < 100; ++i) {
    const auto refused = b.client(kGreedy);
    EXPECT_TRUE(b.read(refused).starts_with("HTTP/1.0 429 "));
    EXPECT_TRUE(Full::is_closed(refused));
    b.worker->finished.clear();
  }
  EXPECT_EQ(b.table.used(), 2U);
  EXPECT_FALSE(Full::is_closed(idle[0]));
  EXPECT_TRUE(b.is_served(kModest, host));
  b.world.remote_close(*idle[0]);
  b.settle();
  EXPECT_TRUE(b.is_served(kGreedy, host)) << "its place is free";
}

}  // namespace
