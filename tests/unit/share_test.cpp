// The byte rate limit of a client, on a clock that only the test advances.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "../../src/config/command_line.hpp"
#include "../../src/config/parent_text.hpp"
#include "bench.hpp"

namespace {

using base::Reason;
using bench::Bench;
using plan::Wait;
using std::string;

constexpr std::uint64_t kStep = plan::row(Wait::throttle).default_ms;
constexpr std::uint64_t kPerStep = 500;
constexpr plan::Rate kRate{kPerStep * 1000 / kStep, 4000};  // per second, and burst

struct Throttled {
  explicit Throttled(plan::Rate rate = kRate, bool http10 = true) : b{16, 1 << 20, http10} {
    b.config.allowance.bytes = rate;
    limit_clients(b.generation, nullptr, 8, {});
  }
  // A client that downloads from `origin`, which has sent its head and `body`, if not empty.
  sim::ConnectionPtr download(sim::World::Host& host, sim::ConnectionPtr& origin, const string& body) {
    const auto client = b.client();
    b.send(client, "GET http://10.0.0.1/ HTTP/1.0\r\n\r\n");
    origin = b.arrival(host);
    b.read(origin);
    if (!body.empty()) answer(origin, body);
    return client;
  }
  void answer(const sim::ConnectionPtr& origin, const string& body) {
    b.world.remote_send(*origin, "HTTP/1.0 200 OK\r\nDate: x\r\n\r\n" + body);
  }
  // All bytes that the program has read from all peers.
  [[nodiscard]] std::size_t read_in_all() const {
    std::size_t sum = 0;
    for (const auto& connection : b.world.connections()) sum += connection->read;
    return sum;
  }

  Bench b;
};

TEST(Share, ADownloadRunsAtTheRateLimit) {
  Throttled t;
  auto& host = t.b.origin();
  sim::ConnectionPtr origin;
  const auto client = t.download(host, origin, string(10'000, 'x'));
  string got = t.b.read(client);
  EXPECT_EQ(t.read_in_all(), kRate.burst) << "heads count too";
  EXPECT_EQ(t.b.record().wait, Wait::throttle);
  EXPECT_TRUE(t.b.scheduler.idle()) << "it sleeps";
  for (std::size_t step = 1; step <= 10; ++step) {
    t.b.pass(kStep - 1);
    t.b.pass(1);
    EXPECT_LE(t.read_in_all(), kRate.burst + step * kPerStep);
    EXPECT_GE(t.read_in_all(), kRate.burst + (step - 1) * kPerStep);
  }
  t.b.world.remote_close(*origin);
  for (int i = 0; i < 20; ++i) {
    t.b.pass(kStep);
    got += t.b.read(client);
  }
  EXPECT_TRUE(got.ends_with(string(10'000, 'x')));
  EXPECT_TRUE(t.b.clean());
  EXPECT_EQ(t.b.last().reason, Reason::complete);
}

TEST(Share, AnUploadRunsAtTheRateLimit) {
  Throttled t;
  auto& host = t.b.origin();
  const auto client = t.b.client();
  t.b.world.remote_send(*client,
                        "POST http://10.0.0.1/ HTTP/1.0\r\nContent-Length: 9000\r\n\r\n" + string(9000, 'x'));
  t.b.settle();
  EXPECT_EQ(t.read_in_all(), kRate.burst);
  EXPECT_EQ(t.b.record().wait, Wait::throttle);
  t.b.pass(kStep);
  EXPECT_EQ(t.read_in_all(), kRate.burst + kPerStep);
  for (int i = 0; i < 20; ++i) t.b.pass(kStep);
  EXPECT_TRUE(t.b.read(t.b.arrival(host)).ends_with(string(9000, 'x')));
}

TEST(Share, BothDirectionsOfATunnelShareIt) {
  Throttled t;
  t.b.config.connect_ports = {{80, 80}};
  auto& host = t.b.origin();
  const auto client = t.b.client();
  t.b.send(client, "CONNECT 10.0.0.1:80 HTTP/1.0\r\n\r\n");
  const auto origin = t.b.arrival(host);
  t.b.read(client);
  t.b.world.remote_send(*client, string(50'000, 'u'));
  t.b.world.remote_send(*origin, string(50'000, 'd'));
  t.b.settle();
  EXPECT_EQ(t.b.record().wait, Wait::throttle);
  for (int i = 0; i < 40; ++i) t.b.pass(kStep);
  const std::size_t up = t.b.read(origin).size(), down = t.b.read(client).size();
  EXPECT_LE(t.read_in_all(), kRate.burst + 40 * kPerStep);
  EXPECT_GT(up + down, kRate.burst + 38 * kPerStep) << "and no byte is lost";
  EXPECT_GT(up, down / 2);
  EXPECT_GT(down, up / 2);
}

TEST(Share, BytesOfAHostAfterTheParentsReplyCount) {
  Throttled t{kRate, false};
  ASSERT_EQ(config::parse_parent("http://10.0.0.1:80", t.b.config.parents.emplace_back().parent.emplace()),
            "");
  auto& host = t.b.origin();
  const auto client = t.b.client();
  const string request = "CONNECT o.test:443 HTTP/1.1\r\nHost: o.test:443\r\n\r\n", early(3000, 'd');
  t.b.send(client, request);
  const auto parent = t.b.arrival(host);
  t.b.read(parent);
  t.b.send(parent, "HTTP/1.1 200 OK\r\n\r\n" + early);
  EXPECT_TRUE(t.b.read(client).ends_with(early));
  EXPECT_EQ(t.b.generation.limits->bytes_allowed(t.b.record().client, t.b.worker->now),
            kRate.burst - request.size() - early.size() -
                string{"HTTP/1.1 200 Connection Established\r\n\r\n"}.size())
      << "and the parent's own reply does not";
}

TEST(Share, ATunnelWithOneDirectionUsesAllOfIt) {
  for (const bool upload : {false, true}) {
    Throttled t;
    t.b.config.connect_ports = {{80, 80}};
    auto& host = t.b.origin();
    const auto client = t.b.client();
    t.b.send(client, "CONNECT 10.0.0.1:80 HTTP/1.0\r\n\r\n");
    const auto origin = t.b.arrival(host);
    t.b.world.remote_send(upload ? *client : *origin, string(50'000, 'x'));
    t.b.settle();
    for (int i = 0; i < 40; ++i) t.b.pass(kStep);
    EXPECT_GT(t.read_in_all(), kRate.burst + 37 * kPerStep) << upload;
    EXPECT_LE(t.read_in_all(), kRate.burst + 40 * kPerStep) << upload;
  }
}

TEST(Share, ConnectionsOfOneClientTakeTurns) {
  Throttled t;
  auto& host = t.b.origin();
  std::vector<sim::ConnectionPtr> clients, origins(3);
  for (auto& origin : origins) clients.push_back(t.download(host, origin, ""));
  for (const auto& origin : origins) t.answer(origin, string(50'000, 'x'));
  t.b.settle();
  EXPECT_EQ(t.read_in_all(), kRate.burst);
  for (const auto& client : clients) t.b.read(client);
  for (int i = 0; i < 60; ++i) t.b.pass(kStep);
  EXPECT_LE(t.read_in_all(), kRate.burst + 60 * kPerStep);
  for (const auto& client : clients) EXPECT_GT(t.b.read(client).size(), 15 * kPerStep);
}

TEST(Share, AnotherClientIsNotAffected) {
  Throttled t;
  auto& host = t.b.origin();
  sim::ConnectionPtr origin;
  const auto client = t.download(host, origin, string(50'000, 'x'));
  t.b.settle();
  ASSERT_EQ(t.b.record().wait, Wait::throttle);
  auto connection = t.b.world.connect_to_program(8080);
  sys::Address peer;
  sys::Fd accepted = sys::accept(t.b.listener, peer).fd;
  sys::parse_ip("127.0.0.9", 1, peer);
  admit(std::move(accepted), peer, 0, *t.b.worker);
  t.b.send(connection, "GET http://10.0.0.1/ HTTP/1.0\r\n\r\n");
  t.b.send(t.b.arrival(host), "HTTP/1.0 200 OK\r\nContent-Length: 2000\r\n\r\n" + string(2000, 'y'));
  EXPECT_TRUE(t.b.read(connection).ends_with(string(2000, 'y')));
}

TEST(Share, PipelinedHeadsCount) {
  Throttled t{{1000, 200}, false};
  auto& host = t.b.origin();
  const auto client = t.b.client();
  const string ask = "GET http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n";  // 49 bytes
  const string answer = "HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n";
  string asks;
  for (int i = 0; i < 20; ++i) asks += ask;
  t.b.world.remote_send(*client, asks);
  const auto origin = t.b.arrival(host);
  std::size_t heads = 0;
  for (std::uint64_t ms = 0; ms < 5000; ms += kStep) {
    t.b.read(origin);
    EXPECT_LE(t.read_in_all(), 200 + ms) << ms;
    if (t.b.record().state == State::READ_RESPONSE && heads < 20) {
      t.b.send(origin, answer);
      ++heads;
    }
    t.b.pass(kStep);
  }
  EXPECT_EQ(heads, 20U);
  EXPECT_EQ(t.read_in_all(), 20 * (ask.size() + answer.size()));
}

TEST(Share, AClientThatLeavesDuringThePauseIsReleasedAtOnce) {
  for (const bool by_reset : {false, true}) {
    Throttled t;
    auto& host = t.b.origin();
    sim::ConnectionPtr origin;
    const auto client = t.download(host, origin, string(50'000, 'x'));
    t.b.settle();
    ASSERT_EQ(t.b.record().wait, Wait::throttle);
    by_reset ? t.b.world.remote_rst(*client) : t.b.world.remote_close(*client);
    t.b.settle();
    if (!by_reset) t.b.pass(kStep);  // FIN alone is a half-close: later bytes decide
    t.b.settle();
    EXPECT_TRUE(t.b.clean()) << by_reset;
    EXPECT_EQ(t.b.last().reason, Reason::client_closed);
  }
}

TEST(Share, EventsDoNotEndThePause) {
  Throttled t;
  auto& host = t.b.origin();
  sim::ConnectionPtr origin;
  const auto client = t.download(host, origin, string(5000, 'x'));
  t.b.settle();
  const std::uint64_t until = t.b.record().deadline;
  t.b.pass(kStep - 1);
  t.b.send(origin, "more");
  EXPECT_EQ(t.read_in_all(), kRate.burst);
  EXPECT_EQ(t.b.record().deadline, until) << "nor extend it";
  t.b.pass(1);
  EXPECT_EQ(t.read_in_all(), kRate.burst + kPerStep);
}

// Unwanted bytes of a client are read at once, so that it can receive the response; they count.
// The client has its response. What it goes on sending is read within its allowance only.
TEST(Share, ALingeringCloseReadsWithinTheAllowance) {
  Throttled t;
  const auto client = t.b.client();
  t.b.send(client, "nonsense\r\n\r\n");
  const string page = t.b.read(client);
  EXPECT_NE(page.find(" 400 "), string::npos);
  t.b.send(client, string(6000, 'x'));
  EXPECT_EQ(t.b.record().wait, Wait::linger);
  EXPECT_EQ(t.read_in_all(), kRate.burst - page.size()) << "the page counts too";
  EXPECT_EQ(t.b.generation.limits->bytes_allowed(t.b.record().client, t.b.worker->now), 0U);
  EXPECT_TRUE(t.b.scheduler.idle()) << "it does not spin";
  t.b.pass(t.b.config.wait(Wait::linger));
  EXPECT_TRUE(t.b.clean());
}

// A refused connection costs its client too.
TEST(Share, ARefusedConnectionReadsWithinTheAllowance) {
  Throttled t;
  t.b.config.allowance.connections = 1;
  limit_clients(t.b.generation, nullptr, 8, {});
  const auto first = t.b.client();
  for (int i = 0; i < 10; ++i) {
    const auto next = t.b.world.connect_to_program(8080);
    t.b.world.remote_send(*next, string(3000, 'x'));
    t.b.world.settle();
    sys::Address peer;
    sys::Fd accepted = sys::accept(t.b.listener, peer).fd;
    EXPECT_FALSE(admit(std::move(accepted), peer, 0, *t.b.worker));
  }
  EXPECT_LE(t.read_in_all(), kRate.burst);
  EXPECT_EQ(t.b.generation.limits->bytes_allowed(t.b.record().client, t.b.worker->now), 0U);
}

// A client that uses up its rate on another connection must still complete this head in time.
TEST(Share, TheTimeoutOfAHeadStillHolds) {
  Throttled t{{20, 20}};
  const auto client = t.b.client();
  t.b.world.remote_send(*client, "GET http://10.0.0.1/ HTTP/1.0\r\nX: " + string(5000, 'x'));
  t.b.settle();
  const std::uint64_t begun = t.b.worker->now;
  string got;
  while (got.empty() && t.b.worker->now < begun + 2 * t.b.config.wait(Wait::request_head)) {
    t.b.pass(kStep);
    got = t.b.read(client);
  }
  EXPECT_NE(got.find(" 408 "), string::npos);
  EXPECT_EQ(t.b.worker->now, begun + t.b.config.wait(Wait::request_head));
}

TEST(Share, TheOption) {
  const char* const arguments[] = {"80", "--client-bytes", "64k:1m"};
  const config::CommandLine line = config::parse_command_line(arguments);
  EXPECT_EQ(line.config.allowance.bytes.per_second, 64U << 10);
  EXPECT_EQ(line.config.allowance.bytes.burst, 1U << 20);
  EXPECT_TRUE(line.config.allowance.is_limited());
  const char* const wrong[] = {"80", "--client-bytes", "fast"};
  EXPECT_NE(config::parse_command_line(wrong).message.find("--client-bytes: invalid rate 'fast'"),
            string::npos);
  EXPECT_NE(config::help_text().find("--client-bytes RATE"), string::npos);
}

}  // namespace
