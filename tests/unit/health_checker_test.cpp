// Health checks of upstream servers: requests, results, and cleanup.
#include "../../src/server/health_checker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "role_bench.hpp"

namespace {

using bench::member_address;
using server::HealthChecker;
using std::string;
using Manner = sim::World::Host::Manner;

constexpr std::uint32_t kEveryMs = 1000;
constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
constexpr const char* kSick = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

sim::Temper unkind() { return {.short_io = 2, .split = 2, .error = 0, .linger = 2, .send_room = 32}; }

class Random final : public sim::Chooser {
 public:
  explicit Random(unsigned seed) : numbers_(seed) {}
  std::uint32_t choose(std::uint32_t n) override { return static_cast<std::uint32_t>(numbers_() % n); }

 private:
  std::mt19937 numbers_;
};

plan::Config checked(std::vector<plan::Hop> members) {
  plan::Config config;
  plan::Group group;
  group.members = std::move(members);
  group.check_path = "/up";
  group.check_ms = kEveryMs;
  config.groups.push_back(std::move(group));
  return config;
}

plan::Hop hop(int n) { return {.host = "10.0.0." + std::to_string(n), .port = 80, .socket = {}}; }

// A checker in an event loop. `at` is the time that the checker sees.
struct Asking {
  explicit Asking(std::vector<plan::Hop> members, sim::Chooser& by = kindest(),
                  const sim::Temper& temper = bench::kind(), std::size_t blocks = 16)
      : world(by, temper), generation(checked(std::move(members))), pool(memory.memory, blocks) {
    group_servers(generation, {1, 2});
    checker.use(&generation);
  }
  static sim::Chooser& kindest() {
    static bench::First first;
    return first;
  }
  void turn() {
    std::vector<sys::Event> events(16);
    const std::size_t count = sys::wait(poller, events, 0).count;
    for (std::size_t i = 0; i < count; ++i) {
      const net::Token token = net::Token::unpacked(events[i].token);
      if (token.kind == net::Token::Kind::check) checker.mark(token, events[i]);
    }
    for (const net::Token& token : resolver.woken(at)) checker.wake(token);
    for (const HealthChecker::Change& change : checker.run(at)) reports.push_back(text_of(change));
  }
  // Runs until nothing more can happen without time passing.
  void settle() {
    for (int still = 0; still < 5; still = world.still() ? still + 1 : 0) turn();
  }
  void pass(std::uint64_t ms) {
    at += ms;
    settle();
  }
  sim::World::Host& host(int n, Manner manner = Manner::accepts) {
    return world.host(member_address(n), manner);
  }
  // The server's next connection and the request received on it; complete unless it ends before.
  std::pair<sim::ConnectionPtr, string> asked(sim::World::Host& server) {
    settle();
    if (server.arrivals.empty()) return {};
    const auto connection = server.arrivals.front();
    server.arrivals.pop_front();
    string text;
    for (int n = 0; n < 100 && !text.ends_with("\r\n\r\n"); ++n) {
      text += world.remote_read(*connection, 1 << 20);
      settle();
    }
    return {connection, text};
  }
  void say(const sim::ConnectionPtr& connection, std::string_view bytes) {
    while (!bytes.empty() && !connection->remote_reset) {
      bytes.remove_prefix(world.remote_send(*connection, bytes));
      settle();
    }
  }
  // The server receives a check and replies.
  void answers(sim::World::Host& server, std::string_view bytes) {
    const auto [connection, text] = asked(server);
    ASSERT_TRUE(connection) << "no check";
    ASSERT_TRUE(text.starts_with("GET /up HTTP/1.1\r\n") && text.ends_with("\r\nConnection: close\r\n\r\n"))
        << text;
    say(connection, bytes);
    world.remote_close(*connection);
    settle();
  }
  [[nodiscard]] bool is_ejected(std::size_t member = 0) const {
    return generation.groups->is_ejected(0, member, at);
  }
  [[nodiscard]] bool clean() const {
    return checker.in_progress() == 0 && pool.used() == 0 && world.sockets() == 0 && world.broken.empty();
  }

  sim::World world;
  bench::Inside inside{world};
  plan::Generation generation;
  sys::Fd poller = sys::make_poller().fd;
  net::Resolver resolver{poller};
  bench::Room<base::Block> memory{base::BlockPool::footprint(16)};
  base::BlockPool pool;
  HealthChecker checker{poller, resolver, pool};
  std::vector<string> reports;
  std::uint64_t at = 5'000;
};

// ---- requests and their times ----------------------------------------------------------------------------

TEST(HealthChecker, ChecksAtOnceAndThenInEachPeriod) {
  Asking a{{hop(1)}};
  auto& server = a.host(1);
  for (int n = 0; n < 3; ++n) {
    const auto [connection, text] = a.asked(server);
    ASSERT_TRUE(connection);
    EXPECT_EQ(text, "GET /up HTTP/1.1\r\nHost: 10.0.0.1:80\r\nConnection: close\r\n\r\n");
    a.say(connection, kOk);
    EXPECT_TRUE(connection->down.fin_arrived) << "it ends with the response";
    EXPECT_FALSE(connection->remote_reset);
    EXPECT_TRUE(a.clean());
    EXPECT_EQ(a.checker.next_deadline(), a.at + kEveryMs);
    a.pass(kEveryMs - 1);
    EXPECT_TRUE(server.arrivals.empty());
    a.pass(1);
  }
  EXPECT_TRUE(a.reports.empty()) << "nothing has changed";
}

TEST(HealthChecker, NoChecksWithoutAPath) {
  Asking a{{hop(1)}};
  plan::Generation other{checked({hop(1)})};
  other.config.groups[0].check_path.clear();
  group_servers(other, {1, 2});
  auto& server = a.host(1);
  for (const plan::Generation* const generation :
       {static_cast<const plan::Generation*>(&other), static_cast<const plan::Generation*>(nullptr)}) {
    a.checker.use(generation);
    a.pass(10 * kEveryMs);
    EXPECT_TRUE(server.arrivals.empty());
    EXPECT_EQ(a.checker.next_deadline(), 0U);
  }
}

TEST(HealthChecker, ResolvesNames) {
  Asking a{{{.host = "app.test", .port = 80, .socket = {}}, {.host = "none.test", .port = 80, .socket = {}}}};
  net::Found found{net::Found::What::found, "app.test", {}, 60'000};
  found.addresses.add(member_address(1));
  a.world.names["app.test"] = found;
  auto& server = a.host(1);
  const auto [connection, text] = a.asked(server);
  ASSERT_TRUE(connection);
  EXPECT_NE(text.find("Host: app.test:80\r\n"), string::npos) << text;
  a.say(connection, kOk);
  EXPECT_FALSE(a.is_ejected(0));
  EXPECT_TRUE(a.is_ejected(1));
  EXPECT_EQ(a.reports,
            std::vector<string>{
                "health check /up of none.test:80 failed (host-not-found): ejected until a check passes"});
}

TEST(HealthChecker, TriesTheNextAddress) {
  for (const Manner first : {Manner::refuses, Manner::swallows}) {
    Asking a{{{.host = "app.test", .port = 80, .socket = {}}}};
    net::Found found{net::Found::What::found, "app.test", {}, 60'000};
    found.addresses.add(member_address(1));
    found.addresses.add(member_address(2));
    a.world.names["app.test"] = found;
    a.host(1, first);
    auto& second = a.host(2);
    a.settle();
    if (first == Manner::swallows) {
      EXPECT_EQ(a.checker.next_deadline(), a.at + HealthChecker::kLongestMs / 2);
      a.pass(HealthChecker::kLongestMs / 2);
    }
    a.answers(second, kOk);
    EXPECT_FALSE(a.is_ejected());
    EXPECT_TRUE(a.reports.empty());
    a.checker.use(nullptr);  // the next is due by now
    EXPECT_TRUE(a.clean());
  }
}

TEST(HealthChecker, ChecksThroughAUnixSocket) {
  Asking a{{{.host = {}, .port = 0, .socket = "/run/app"}, {.host = {}, .port = 0, .socket = "/run/none"}}};
  a.world.local_hosts["/run/app"] = member_address(1);
  auto& server = a.host(1);
  const auto [connection, text] = a.asked(server);
  ASSERT_TRUE(connection);
  EXPECT_EQ(text, "GET /up HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  a.say(connection, kOk);
  EXPECT_FALSE(a.is_ejected(0));
  EXPECT_TRUE(a.is_ejected(1));
  EXPECT_EQ(
      a.reports,
      std::vector<string>{
          "health check /up of unix:/run/none failed (connection-refused): ejected until a check passes"});
  EXPECT_TRUE(a.clean());
}

// ---- results ---------------------------------------------------------------------------------------------

TEST(HealthChecker, ResultOfEachResponse) {
  // The status line and what follows, and the reported result; empty: healthy.
  const std::vector<std::pair<string, string>> cases{
      {"HTTP/1.1 200 OK\r\n\r\n", ""},
      {"HTTP/1.0 204 No Content\r\n\r\n", ""},
      {"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", ""},
      {"HTTP/1.1 304 Not Modified\r\n\r\n", ""},
      {"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", ""},
      {"HTTP/1.1 404 Not Found\r\n\r\n", "404"},
      {"HTTP/1.1 503 Service Unavailable\r\n\r\n", "503"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 Oh\r\n\r\n", "500"},
      {"SSH-2.0-OpenSSH_9\r\n", "bad-status-line"},
      {"HTTP/1.1 200 OK\r\nno field\r\n\r\n", "bad-header"},
      {"HTTP/1.1 200 OK\r\n", "upstream-closed"},
      {"", "upstream-closed"},
      {"HTTP/1.1 200 OK\r\nX: " + string(20'000, 'x'), "head-too-large"},
  };
  for (const auto& [answer, result] : cases)
    for (std::size_t cut = 0; cut <= std::min<std::size_t>(answer.size(), 200); ++cut) {
      Asking a{{hop(1)}};
      const auto [connection, text] = a.asked(a.host(1));
      a.say(connection, answer.substr(0, cut));
      a.say(connection, answer.substr(cut));
      a.world.remote_close(*connection);
      a.settle();
      EXPECT_EQ(a.is_ejected(), !result.empty()) << answer.substr(0, 60);
      const string line =
          "health check /up of 10.0.0.1:80 failed (" + result + "): ejected until a check passes";
      EXPECT_EQ(a.reports, result.empty() ? std::vector<string>{} : std::vector<string>{line});
      EXPECT_TRUE(a.clean()) << answer.substr(0, 60);
    }
}

TEST(HealthChecker, LimitsInterimResponses) {
  Asking a{{hop(1)}};
  const auto [connection, text] = a.asked(a.host(1));
  ASSERT_TRUE(connection);
  for (int n = 0; n < 2000 && a.checker.in_progress() > 0; ++n) a.say(connection, "HTTP/1.1 103 H\r\n\r\n");
  EXPECT_EQ(a.checker.in_progress(), 0U);
  EXPECT_LE(connection->read, base::kBlockBytes);
  EXPECT_TRUE(a.is_ejected());
}

TEST(HealthChecker, RefusedOrResetMeansUnhealthy) {
  Asking a{{hop(1), hop(2)}};
  a.host(1, Manner::refuses);
  const auto [connection, text] = a.asked(a.host(2));
  a.world.remote_rst(*connection);
  a.settle();
  EXPECT_TRUE(a.is_ejected(0) && a.is_ejected(1));
  ASSERT_EQ(a.reports.size(), 2U);
  EXPECT_NE(a.reports[0].find("(connection-refused)"), string::npos);
  EXPECT_NE(a.reports[1].find("(upstream-reset)"), string::npos);
}

TEST(HealthChecker, SilenceMeansUnhealthy) {
  Asking a{{hop(1), hop(2), {.host = "slow.test", .port = 80, .socket = {}}}};
  a.world.unanswered.insert("slow.test");
  a.host(1, Manner::swallows);
  const auto [connection, text] = a.asked(a.host(2));
  a.say(connection, "HTTP/1.1 200");
  EXPECT_EQ(a.checker.next_deadline(), a.at + HealthChecker::kLongestMs);
  a.pass(HealthChecker::kLongestMs - 1);
  EXPECT_TRUE(a.reports.empty());
  a.pass(1);
  ASSERT_EQ(a.reports.size(), 3U);
  EXPECT_NE(a.reports[0].find("(connect-timeout)"), string::npos) << a.reports[0];
  EXPECT_NE(a.reports[1].find("(response-timeout)"), string::npos) << a.reports[1];
  EXPECT_NE(a.reports[2].find("(dns-timeout)"), string::npos) << a.reports[2];
}

TEST(HealthChecker, AResponseReceivedInTimeCountsHoweverLateItIsRead) {
  Asking a{{hop(1), hop(2)}};
  auto& server = a.host(1);
  a.host(2, Manner::swallows);
  const auto [connection, text] = a.asked(server);
  a.world.remote_send(*connection, kOk);
  a.world.settle();
  a.at += 10 * HealthChecker::kLongestMs;
  a.turn();
  EXPECT_FALSE(a.is_ejected(0));
  EXPECT_EQ(a.reports.size(), 1U);
  a.turn();
  EXPECT_LE(a.checker.next_deadline(), a.at + HealthChecker::kLongestMs);
}

TEST(HealthChecker, ANameResolvedTooLateIsNotUsed) {
  Asking a{{{.host = "app.test", .port = 80, .socket = {}}}};
  net::Found found{net::Found::What::found, "app.test", {}, 60'000};
  found.addresses.add(member_address(1));
  a.world.names["app.test"] = found;
  auto& server = a.host(1);
  a.checker.run(a.at);
  a.world.settle();
  a.at += HealthChecker::kLongestMs;
  a.turn();
  ASSERT_EQ(a.reports.size(), 1U);
  EXPECT_NE(a.reports[0].find("(dns-timeout)"), string::npos) << a.reports[0];
  EXPECT_LE(a.checker.next_deadline(), a.at + HealthChecker::kLongestMs);
  a.answers(server, kOk);
  EXPECT_EQ(a.reports.size(), 2U) << "the address is cached for the next check";
}

TEST(HealthChecker, TheResponseTimeoutHolds) {
  Asking a{{hop(1)}};
  a.generation.config.wait_ms[static_cast<std::size_t>(plan::Wait::response_head)] = 70;
  a.host(1);
  a.settle();
  EXPECT_EQ(a.checker.next_deadline(), a.at + 70);
  a.pass(70);
  EXPECT_TRUE(a.is_ejected());
}

TEST(HealthChecker, AChangeIsReportedOnce) {
  Asking a{{hop(1), hop(2)}};
  auto& sick = a.host(1);
  auto& well = a.host(2);
  for (const char* const answer : {kOk, kSick, kSick, kSick, kOk, kOk}) {
    a.answers(sick, answer);
    a.answers(well, kOk);
    EXPECT_EQ(a.is_ejected(0), answer == kSick);
    EXPECT_FALSE(a.is_ejected(1));
    a.pass(kEveryMs);
  }
  EXPECT_EQ(a.reports,
            (std::vector<string>{"health check /up of 10.0.0.1:80 failed (503): ejected until a check passes",
                                 "health check /up of 10.0.0.1:80 passed (200): back in use"}));
}

// ---- shortage --------------------------------------------------------------------------------------------

TEST(HealthChecker, ALocalShortageSaysNothingAboutTheServer) {
  for (const int error : {EMFILE, ENFILE, ENOBUFS}) {
    Asking a{{hop(1)}};
    auto& server = a.host(1);
    a.world.failure = {sim::Call::connect, 0, error};
    a.settle();
    EXPECT_TRUE(a.reports.empty() && !a.is_ejected() && a.clean());
    a.pass(kEveryMs);
    a.answers(server, kSick);
    EXPECT_TRUE(a.is_ejected()) << "the next one counts";
  }
  Asking a{{hop(1)}, Asking::kindest(), bench::kind(), 1};
  const base::BlockPtr last = a.pool.take();
  a.answers(a.host(1), kSick);
  EXPECT_TRUE(a.reports.empty() && !a.is_ejected());
  EXPECT_EQ(a.checker.in_progress(), 0U);
}

TEST(HealthChecker, SilentServersDoNotDelayOthers) {
  std::vector<plan::Hop> members;
  for (int n = 1; n <= 41; ++n) members.push_back(hop(n));
  Asking a{members};
  for (int n = 1; n <= 40; ++n) a.host(n, Manner::swallows);
  auto& last = a.host(41);
  for (int n = 0; n < 3; ++n) {
    int rounds = 0;
    for (; last.arrivals.empty() && rounds < 6; ++rounds) {
      a.settle();
      EXPECT_LE(a.checker.in_progress(), HealthChecker::kChecksMax);
      EXPECT_LE(a.world.sockets(), HealthChecker::kChecksMax);
      const bool full = a.checker.in_progress() == HealthChecker::kChecksMax;
      EXPECT_TRUE(!full || a.checker.next_deadline() > a.at) << "it sleeps";
      if (last.arrivals.empty()) a.pass(HealthChecker::kLongestMs);
    }
    EXPECT_LE(rounds, 3) << "forty silent servers, sixteen at once";
    a.answers(last, kOk);
  }
  EXPECT_FALSE(a.is_ejected(40));
  EXPECT_TRUE(a.is_ejected(0) && a.is_ejected(39));
}

// ---- reload and shutdown ---------------------------------------------------------------------------------

TEST(HealthChecker, ReloadAbandonsChecksInFlight) {
  Asking a{{hop(1), {.host = "slow.test", .port = 80, .socket = {}}}};
  a.world.unanswered.insert("slow.test");
  auto& server = a.host(1);
  const auto [connection, text] = a.asked(server);
  ASSERT_TRUE(connection);
  a.say(connection, "HTTP/1.1 5");
  EXPECT_EQ(a.checker.in_progress(), 2U);
  plan::Generation next{checked({hop(1)})};
  group_servers(next, {1, 2});
  a.checker.use(&next);
  EXPECT_TRUE(a.clean());
  a.world.remote_send(*connection, "03 Late\r\n\r\n");
  a.answers(server, kSick);
  EXPECT_FALSE(a.is_ejected()) << "the old one records no more results";
  EXPECT_TRUE(next.groups->is_ejected(0, 0, a.at));
  EXPECT_EQ(a.reports.size(), 1U);
  // Back to the first: an abandoned check can start again.
  a.checker.use(&a.generation);
  a.pass(kEveryMs);
  a.answers(server, kSick);
  EXPECT_TRUE(a.is_ejected());
  a.checker.use(nullptr);
  EXPECT_TRUE(a.clean());
}

TEST(HealthChecker, AnEventOfAnEarlierConnectionIsIgnored) {
  Asking a{{hop(1)}};
  a.host(1, Manner::swallows);
  a.settle();
  // The lookup's serial with an index out of range: it must not be taken for a check's own.
  for (const net::Token token : {net::Token{1, 0, net::Token::Kind::check},
                                 net::Token{0, HealthChecker::kChecksMax, net::Token::Kind::check}}) {
    a.checker.mark(token, {.token = 0, .readable = true, .writable = true, .finished = false, .hung = false});
    a.checker.wake(token);
    a.settle();
  }
  a.pass(HealthChecker::kLongestMs);
  ASSERT_EQ(a.reports.size(), 1U);
  EXPECT_NE(a.reports[0].find("(connect-timeout)"), string::npos) << a.reports[0];
}

// ---- an adverse kernel -----------------------------------------------------------------------------------

// However bytes are cut and whenever events arrive, the result is that of the response.
TEST(HealthChecker, InAnyOrder) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    Random chooser{seed};
    Asking a{{hop(1), hop(2), hop(3)}, chooser, unkind()};
    std::vector<sim::World::Host*> servers{&a.host(1), &a.host(2)};
    a.host(3, Manner::refuses);
    for (int round = 0; round < 4; ++round) {
      const bool sick = chooser.choose(2) == 0;
      a.answers(*servers[0], sick ? kSick : kOk);
      a.answers(*servers[1], kOk);
      ASSERT_EQ(a.is_ejected(0), sick) << "seed " << seed << ", round " << round;
      ASSERT_FALSE(a.is_ejected(1)) << "seed " << seed;
      ASSERT_TRUE(a.is_ejected(2)) << "seed " << seed;
      ASSERT_TRUE(a.clean()) << "seed " << seed << ": " << a.world.broken;
      a.pass(kEveryMs);
    }
  }
}

// Whichever call fails, nothing leaks and the next check runs.
TEST(HealthChecker, FailingCalls) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    Random chooser{seed};
    sim::Temper temper = unkind();
    temper.error = 4;
    Asking a{{hop(1)}, chooser, temper};
    auto& server = a.host(1);
    for (int round = 0; round < 4; ++round) {
      if (const auto [connection, text] = a.asked(server); connection) {
        a.world.remote_send(*connection, kOk);
        a.settle();
        a.world.remote_close(*connection);
      }
      a.pass(HealthChecker::kLongestMs);
    }
    a.checker.use(nullptr);
    ASSERT_TRUE(a.clean()) << "seed " << seed << ": " << a.world.broken;
  }
}

}  // namespace
