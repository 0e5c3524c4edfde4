// Access control in the state machine: rules, passwords, limits, loops, and requests that the proxy answers
// itself.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "../../src/config/options.hpp"
#include "bench.hpp"

namespace {

using base::Reason;
using bench::Bench;
using std::string;

const string kEnd = "\r\n\r\n";

string status_line(const string& answer) { return answer.substr(0, answer.find("\r\n")); }
bool has(const string& answer, const string& field) {
  return answer.substr(0, answer.find(kEnd)).find("\r\n" + field) != string::npos;
}

// Accepts one password.
class Plain final : public plan::Hasher {
 public:
  bool knows(const char*) const noexcept override { return true; }
  plan::HashCost cost(const char*) noexcept override { return {true, 1000, 72}; }
  std::string_view hash(const char* password, const char* setting) noexcept override {
    return string{password} == "secret" ? setting : "";
  }
};

TEST(Access, RequiresThePassword) {
  Plain hasher;
  const auto users = std::make_shared<plan::Users>(&hasher, base::SipKey{});
  users->set({{"ann", "$6$saltsalt$" + string(86, 'x')}});
  struct Row {
    const char* field;
    const char* status;
  };
  for (const Row& row :
       {Row{"", "HTTP/1.0 407 Proxy Authentication Required"},
        Row{"Proxy-Authorization: Basic YW5uOnNlY3JldA==\r\n", "HTTP/1.0 200 OK"},
        Row{"Proxy-Authorization: Basic YW5uOndyb25n\r\n", "HTTP/1.0 407 Proxy Authentication Required"}}) {
    Bench b;
    b.generation.users = {users};
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, string{"GET http://10.0.0.1/ HTTP/1.0\r\n"} + row.field + "\r\n");
    if (const auto origin = b.arrival(host)) {
      EXPECT_EQ(b.read(origin).find("Proxy-Authorization"), string::npos);
      b.send(origin, "HTTP/1.0 200 OK\r\n\r\n");
      b.world.remote_close(*origin);
    }
    const string got = b.read(client);
    EXPECT_EQ(status_line(got), row.status) << row.field;
    EXPECT_EQ(has(got, "Proxy-Authenticate: Basic "), got.find(" 407 ") != string::npos);
  }
}

// Which status a request gets, and whether a password was hashed for it.
TEST(Access, UsersInRules) {
  constexpr const char *kAnn = "Proxy-Authorization: Basic YW5uOnNlY3JldA==\r\n",
                       *kWrong = "Proxy-Authorization: Basic YW5uOndyb25n\r\n";
  struct Row {
    const char* title;
    std::vector<const char*> rules;
    const char* field;
    int status;
    std::uint64_t hashes;
  };
  const Row rows[] = {
      {"a user of the list", {"--allow", "user=ann"}, kAnn, 200, 1},
      {"no password", {"--allow", "user=ann"}, "", 407, 0},
      {"a wrong one", {"--allow", "user=ann"}, kWrong, 407, 1},
      {"another user", {"--allow", "user=bob"}, kAnn, 403, 1},
      {"a user that is denied", {"--deny", "user=ann"}, kAnn, 403, 1},
      {"a client that no rule is for", {"--allow", "user=ann,client=10.7.0.0/16"}, kAnn, 403, 0},
      {"a client that is denied", {"--deny", "client=0.0.0.0/0|::/0", "--allow", "user=ann"}, kAnn, 403, 0},
      {"no password is needed", {"--allow", "host=10.0.0.1,user=none"}, "", 200, 0},
      {"nor read", {"--allow", "host=10.0.0.1,user=none"}, kWrong, 200, 0},
      {"for another host it is", {"--allow", "host=10.0.0.2,user=none", "--allow", "all"}, "", 407, 0},
      {"a user comes first", {"--deny", "user=bob", "--allow", "user=none"}, "", 407, 0},
      {"the address is denied", {"--deny", "to=10.0.0.0/8", "--allow", "user=none"}, "", 403, 0},
  };
  for (const Row& row : rows) {
    Plain hasher;
    const auto users = std::make_shared<plan::Users>(&hasher, base::SipKey{});
    users->set({{"ann", "$6$saltsalt$" + string(86, 'x')}});
    Bench b;
    b.generation.users = {users};
    for (std::size_t i = 0; i < row.rules.size(); i += 2)
      ASSERT_EQ(config::apply_option(b.config, row.rules[i], row.rules[i + 1]), "");
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, string{"GET http://10.0.0.1/ HTTP/1.0\r\n"} + row.field + "\r\n");
    if (const auto origin = b.arrival(host)) {
      EXPECT_EQ(b.read(origin).find("Proxy-Authorization"), string::npos) << row.title;
      b.send(origin, "HTTP/1.0 200 OK\r\n\r\n");
      b.world.remote_close(*origin);
    }
    EXPECT_EQ(b.read(client).substr(9, 3), std::to_string(row.status)) << row.title;
    EXPECT_EQ(users->computed(), row.hashes) << row.title;
  }
}

// The password of this proxy is not for the parent, although no password was checked.
TEST(Access, AnExcusedClientsPasswordStaysHere) {
  Plain hasher;
  const auto users = std::make_shared<plan::Users>(&hasher, base::SipKey{});
  users->set({{"ann", "$6$saltsalt$" + string(86, 'x')}});
  Bench b;
  b.generation.users = {users};
  ASSERT_EQ(config::apply_option(b.config, "--parent", "http://10.0.0.1:80"), "");
  ASSERT_EQ(config::apply_option(b.config, "--allow", "user=none"), "");
  auto& host = b.origin();
  const auto client = b.client();
  b.send(
      client,
      "GET http://o.test/ HTTP/1.1\r\nHost: o.test\r\nProxy-Authorization: Basic YW5uOnNlY3JldA==\r\n\r\n");
  const string got = b.read(b.arrival(host));
  EXPECT_EQ(got.substr(0, 18), "GET http://o.test/");
  EXPECT_EQ(got.find("Proxy-Authorization"), string::npos);
}

// "Basic ann:PASSWORD" for a password of one letter.
string basic(char password) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto c = static_cast<unsigned char>(password);
  // "ann" and ":x" in base64; the last group has two bytes.
  return string{"Basic YW5u"} + kAlphabet[':' >> 2] + kAlphabet[(':' & 3U) << 4 | c >> 4] +
         kAlphabet[(c & 15U) << 2] + "=";
}

// Notes each password that is hashed. "r" is right.
class Noting final : public plan::Hasher {
 public:
  bool knows(const char*) const noexcept override { return true; }
  plan::HashCost cost(const char*) noexcept override { return {true, 1000, 72}; }
  std::string_view hash(const char* password, const char* setting) noexcept override {
    asked += password;
    if (takes_ms > 0) sim::World::current().hash(takes_ms);
    return string{password} == "r" ? setting : "";
  }
  string asked;
  std::uint64_t takes_ms = 0;
};

// Requests that arrive at the same time, before the first turn.
class Crowd : public Bench {
 public:
  Crowd() {
    users->set({{"ann", "$6$saltsalt$" + string(86, 'x'), 1000}});
    generation.users = {users};
  }
  sim::ConnectionPtr ask(const char* from, char password) {
    const auto connection = world.connect_to_program(8080);
    const string text =
        "GET http://10.0.0.9/ HTTP/1.0\r\nProxy-Authorization: " + basic(password) + "\r\n\r\n";
    EXPECT_EQ(world.remote_send(*connection, text), text.size());
    std::vector<sys::Event> events(16);
    while (!world.still()) sys::wait(poller, events, 0);
    sys::Address peer, any;
    EXPECT_TRUE(sys::parse_ip(from, 1, peer));
    admit(sys::accept(listener, any).fd, peer, 0, *worker);
    return connection;
  }
  void turn() {
    worker->now += 10;  // more than the pause after a hash
    worker->budget.begin_turn();
    run_records(*worker);
  }

  Noting hasher;
  std::shared_ptr<plan::Users> users = std::make_shared<plan::Users>(&hasher, base::SipKey{1, 2});
};

TEST(Access, OneHashInATurnAndClientsTakeTurns) {
  Crowd b;
  for (const char guess : {'a', 'b', 'c', 'd'}) b.ask("10.9.0.1", guess);
  b.ask("10.9.0.2", 'x');
  b.ask("2001:db8::1", 'y');
  b.ask("2001:db8::2", 'z');
  const string order = "axybzcd";
  for (std::size_t turn = 1; turn <= order.size(); ++turn) {
    b.turn();
    EXPECT_EQ(b.hasher.asked, order.substr(0, turn)) << "the /64 network is one client";
    EXPECT_EQ(b.worker->budget.spent(), 1000U);
  }
}

TEST(Access, AVerifiedUserNeverWaitsForAHash) {
  Crowd b;
  b.ask("10.9.0.1", 'r');
  b.turn();
  EXPECT_EQ(b.hasher.asked, "r");
  for (const char guess : {'a', 'b', 'c'}) b.ask("10.9.0.1", guess);
  b.ask("10.9.0.1", 'r');
  b.turn();
  EXPECT_EQ(b.record(4).state, State::SEND_REQUEST) << "the request was allowed";
  EXPECT_EQ(b.hasher.asked, "ra");
}

// For the loop doctor, while it asks for it.
TEST(Access, TheLongestRunIsMeasured) {
  Crowd b;
  b.hasher.takes_ms = 12;
  b.ask("10.9.0.1", 'a');
  b.turn();
  EXPECT_EQ(b.worker->longest_run.us, 0U);
  b.worker->longest_run.measured = true;
  b.ask("10.9.0.1", 'b');
  b.ask("10.9.0.2", 'c');
  b.turn();
  EXPECT_EQ(b.worker->longest_run.us, 12'000U);
  EXPECT_EQ(b.worker->longest_run.slot, 2U) << "clients take turns";
}

// A browser opens several connections at once.
TEST(Access, ConnectionsOfOneUserShareAHash) {
  Crowd b;
  b.ask("10.9.0.1", 'a');
  for (int i = 0; i < 4; ++i) b.ask("10.9.0.2", 'r');
  b.turn();
  b.turn();
  EXPECT_EQ(b.hasher.asked, "ar");
  EXPECT_FALSE(b.scheduler.awaited(Share::hash));
  b.turn();
  for (std::uint32_t slot = 1; slot <= 4; ++slot)
    EXPECT_EQ(b.record(slot).state, State::SEND_REQUEST) << slot;
  EXPECT_EQ(b.hasher.asked, "ar");
}

TEST(Access, AClientThatLeavesNeedsNoHash) {
  Crowd b;
  b.ask("10.9.0.1", 'a');
  b.ask("10.9.0.1", 'b');
  b.turn();
  b.record(1).side[kClient].hung = true;
  b.scheduler.wake(b.record(1));
  b.turn();
  EXPECT_EQ(b.record(1).state, State::FREE);
  EXPECT_EQ(b.hasher.asked, "a");
}

TEST(Access, AWaitForAHashEnds) {
  Crowd b;
  b.ask("10.9.0.1", 'a');
  const auto waits = b.ask("10.9.0.1", 'b');
  b.turn();
  b.worker->budget.hashed(1000, b.worker->now, b.worker->now);  // none may be computed in this turn
  b.worker->now += plan::row(plan::Wait::login).default_ms;
  b.scheduler.expire(b.worker->now);
  run_records(*b.worker);
  EXPECT_EQ(b.hasher.asked, "a");
  EXPECT_EQ(status_line(b.read(waits)), "HTTP/1.0 503 Service Unavailable");
}

// The limit of requests comes before the password, and a failure counts as five requests.
TEST(Access, WrongPasswordsUseUpTheLimitOfRequests) {
  Bench b;
  Noting hasher;
  b.generation.users = {std::make_shared<plan::Users>(&hasher, base::SipKey{})};
  b.generation.users.front()->set({{"ann", "$6$saltsalt$" + string(86, 'x'), 1000}});
  b.config.allowance = {.requests = {1, 12}, .bytes = {}, .connections = 0};
  limit_clients(b.generation, nullptr, 8, {});
  string statuses;
  for (const char password : {'a', 'r', 'b', 'c', 'r'}) {
    const auto client = b.client();
    b.send(client, "GET http://10.0.0.9/ HTTP/1.0\r\nProxy-Authorization: " + basic(password) + "\r\n\r\n");
    statuses += b.read(client).substr(9, 3) + ' ';
    b.world.remote_close(*client);
    b.settle();
  }
  EXPECT_EQ(statuses, "407 502 407 407 429 ") << "12 tokens: 5, 1, 5, and with the last one a debt";
  EXPECT_EQ(hasher.asked, "arbc");
}

// A client that guesses is not kept, one that has not been asked yet is.
TEST(Access, AWrongPasswordEndsTheConnection) {
  for (const string& field : {string{}, "Proxy-Authorization: " + basic('a') + "\r\n"}) {
    Crowd b;
    b.config.http10 = false;
    const auto client = b.client();
    b.send(client, "GET http://10.0.0.9/ HTTP/1.1\r\nHost: x\r\n" + field + "\r\n");
    const string got = b.read(client);
    EXPECT_EQ(status_line(got), "HTTP/1.1 407 Proxy Authentication Required");
    EXPECT_EQ(has(got, "Connection: close"), !field.empty()) << got;
  }
}

TEST(Access, LimitsRequestsOfAClient) {
  Bench b;
  b.config.allowance = {.requests = {1, 2}, .bytes = {}, .connections = 0};
  limit_clients(b.generation, nullptr, 8, {});
  for (const char* status :
       {"HTTP/1.0 502 Bad Gateway", "HTTP/1.0 502 Bad Gateway", "HTTP/1.0 429 Too Many Requests"}) {
    const auto client = b.client();
    b.send(client, "GET http://10.0.0.9/ HTTP/1.0\r\n\r\n");
    const string got = b.read(client);
    EXPECT_EQ(status_line(got), status);
    EXPECT_EQ(has(got, "Retry-After: 1\r\n"), got.find(" 429 ") != string::npos) << got;
  }
}

TEST(Access, LimitsConnectionsOfAClient) {
  Bench b;
  b.config.allowance = {.requests = {}, .bytes = {}, .connections = 2};
  limit_clients(b.generation, nullptr, 8, {});
  const auto one = b.client(), two = b.client(), three = b.client();
  EXPECT_EQ(status_line(b.read(three)), "HTTP/1.0 429 Too Many Requests");
  b.world.remote_close(*one);
  b.settle();
  const auto four = b.client();
  EXPECT_EQ(b.read(four), "") << "a connection was free";
}

TEST(Access, DeniesAnAddressWhateverNameResolvedToIt) {
  Bench b;
  ASSERT_EQ(config::apply_option(b.config, "--deny", "to=10.0.0.0/8"), "");
  net::Found found;
  found.what = net::Found::What::found;
  found.host = "o.test";
  found.addresses.add(bench::origin_address());
  b.world.names["o.test"] = found;
  for (const char* host : {"10.0.0.1", "o.test"}) {
    const auto client = b.client();
    b.send(client, string{"GET http://"} + host + "/ HTTP/1.0\r\n\r\n");
    EXPECT_EQ(status_line(b.read(client)), "HTTP/1.0 403 Forbidden") << host;
    EXPECT_EQ(b.last().reason, Reason::request_not_allowed);
  }
}

TEST(Access, RefusesRequestsToTheProxyItself) {
  Bench b;
  b.config.board = plan::Board::none;
  b.worker->machine.set_listeners({{bench::origin_address(), 0, plan::Forwards::requests},
                                   {sys::loopback4(8080), 0, plan::Forwards::requests},
                                   {sys::loopback4(8082), 0, plan::Forwards::nothing}});
  for (const char* host : {"10.0.0.1", "127.0.0.1:8080", "[::ffff:127.0.0.1]:8080"}) {
    const auto client = b.client();
    b.send(client, string{"GET http://"} + host + "/ HTTP/1.0\r\n\r\n");
    EXPECT_EQ(status_line(b.read(client)), "HTTP/1.0 508 Loop Detected") << host;
  }
  const auto client = b.client();
  b.send(client, "GET http://127.0.0.1:8081/ HTTP/1.0\r\n\r\n");
  EXPECT_EQ(status_line(b.read(client)), "HTTP/1.0 502 Bad Gateway");
  const auto second = b.client();
  b.send(second, "GET http://127.0.0.1:8082/ HTTP/1.0\r\n\r\n");
  EXPECT_EQ(status_line(b.read(second)), "HTTP/1.0 502 Bad Gateway") << "a listener that forwards nothing";
}

// The other address refuses the connection, or the proxy has no descriptor for a connection to it.
TEST(Access, ALoopByOneOfTwoAddresses) {
  for (const bool shortage : {false, true}) {
    Bench b;
    b.config.board = plan::Board::none;
    sys::Address other;
    sys::parse_ip("10.9.9.9", 80, other);
    b.worker->machine.set_listeners({{bench::origin_address(), 0, plan::Forwards::requests}});
    net::Found& found = b.world.names["o.test"];
    found.what = net::Found::What::found;
    found.ttl_ms = 60'000;
    for (const sys::Address& address : {bench::origin_address(), other}) found.addresses.add(address);
    if (shortage) b.world.failure = {sim::Call::connect, 0, EMFILE};
    const auto client = b.client();
    b.send(client, "GET http://o.test/ HTTP/1.0\r\n\r\n");
    EXPECT_EQ(b.last().reason, shortage ? Reason::no_descriptor : Reason::loop_detected);
    EXPECT_EQ(b.last().error, shortage ? EMFILE : 0) << "not that of the other address";
    EXPECT_EQ(b.last().attempt_count, 2);
  }
}

// A client without a password must not learn which hosts and ports the rules deny.
TEST(Access, AsksForThePasswordBeforeItTellsOfRules) {
  Plain hasher;
  Bench b;
  ASSERT_EQ(config::apply_option(b.config, "--deny", "host=secret.test"), "");
  const auto users = std::make_shared<plan::Users>(&hasher, base::SipKey{});
  users->set({{"ann", "$6$saltsalt$" + string(86, 'x')}});
  b.generation.users = {users};
  for (const char* request :
       {"GET http://secret.test/", "CONNECT secret.test:443", "CONNECT o.test:22", "GET http://o.test:25/"}) {
    const auto client = b.client();
    b.send(client, string{request} + " HTTP/1.0\r\n\r\n");
    EXPECT_EQ(status_line(b.read(client)), "HTTP/1.0 407 Proxy Authentication Required") << request;
  }
}

TEST(Access, PortsOfOtherProtocols) {
  for (const char* port :
       {"1", "22", "25", "110", "143", "587", "3306", "5060", "6379", "6667", "6668", "10080", "11211"}) {
    Bench b;
    const auto client = b.client();
    b.send(client, string{"GET http://10.0.0.1:"} + port + "/ HTTP/1.0\r\n\r\n");
    EXPECT_EQ(status_line(b.read(client)), "HTTP/1.0 403 Forbidden") << port;
    EXPECT_EQ(b.last().reason, Reason::port_not_allowed);
    ASSERT_EQ(config::apply_option(b.config, "--http-ports", "80,1-11211"), "");
    const auto again = b.client();
    b.send(again, string{"GET http://10.0.0.1:"} + port + "/ HTTP/1.0\r\n\r\n");
    EXPECT_EQ(status_line(b.read(again)), "HTTP/1.0 502 Bad Gateway") << port;
  }
  Bench b;
  for (const char* port : {"81", "24", "443", "8080", "6664", "65535"}) {
    const auto client = b.client();
    b.send(client, string{"GET http://10.0.0.1:"} + port + "/ HTTP/1.0\r\n\r\n");
    EXPECT_EQ(status_line(b.read(client)), "HTTP/1.0 502 Bad Gateway") << port;
  }
  ASSERT_EQ(config::apply_option(b.config, "--http-ports", "none"), "");
  const auto client = b.client();
  b.send(client, "GET http://10.0.0.1/ HTTP/1.0\r\n\r\n");
  EXPECT_EQ(status_line(b.read(client)), "HTTP/1.0 403 Forbidden");
}

TEST(Access, UserinfoIsNotKept) {
  Bench b;
  b.config.log_format = plan::LogFormat::combined;
  const auto client = b.client();
  b.send(client,
         "GET http://joe:hunter2@10.0.0.1:81/a?b HTTP/1.0\r\nReferer: http://ann:hunter2@h/x\r\n\r\n");
  EXPECT_EQ(b.read(client).find("hunter2"), string::npos);
  EXPECT_EQ(b.last().target_view(), "http://10.0.0.1:81/a?b");
  EXPECT_FALSE(b.last().target_cut);
  EXPECT_EQ(b.last().referer_view(), "http://h/x");
  const auto tracer = b.client();
  b.send(tracer,
         "TRACE http://joe:hunter2@10.0.0.1/a HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n"
         "Referer: http://ann:hunter2@h/x\r\n\r\n");
  const string got = b.read(tracer);
  EXPECT_NE(got.find("TRACE http://10.0.0.1/a HTTP/1.1\r\n"), string::npos) << got;
  EXPECT_NE(got.find("Referer: http://h/x\r\n"), string::npos) << got;
  EXPECT_EQ(got.find("hunter2"), string::npos) << got;
}

TEST(LocalResponse, OptionsAndTrace) {
  for (const string text : {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
                            "OPTIONS http://10.0.0.1 HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n"}) {
    Bench b;
    const auto client = b.client();
    b.send(client, text);
    const string got = b.read(client);
    EXPECT_EQ(status_line(got), "HTTP/1.0 200 OK") << "--http 1.0";
    EXPECT_TRUE(has(got, "Content-Length: 0\r\n"));
    EXPECT_FALSE(has(got, "Via: ")) << "it was not forwarded";
    EXPECT_EQ(got.substr(got.size() - 4), kEnd);
  }
  Bench b;
  const auto client = b.client();
  b.send(
      client,
      "TRACE http://10.0.0.1/a HTTP/1.0\r\nA: b\r\nCookie: c\r\nAuthorization: d\r\nMax-Forwards: 0\r\n\r\n");
  const string got = b.read(client);
  EXPECT_TRUE(has(got, "Content-Type: message/http\r\n"));
  EXPECT_EQ(got.substr(got.find(kEnd) + 4),
            "TRACE http://10.0.0.1/a HTTP/1.0\r\nA: b\r\nMax-Forwards: 0\r\n\r\n");
  b.world.remote_close(*client);
  b.settle();
  EXPECT_TRUE(b.clean());
}

TEST(LocalResponse, MaxForwardsIsDecrementedForTraceAndOptionsOnly) {
  for (const auto& [method, left] : {std::pair{"TRACE", "4"}, {"OPTIONS", "4"}, {"GET", "5"}}) {
    Bench b;
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, string{method} + " http://10.0.0.1/ HTTP/1.0\r\nMax-Forwards: 5\r\n\r\n");
    EXPECT_TRUE(has(b.read(b.arrival(host)), string{"Max-Forwards: "} + left + "\r\n")) << method;
  }
}

TEST(RequestId, IsAddedIfEnabledAndAbsent) {
  for (const char* field : {"", "X-Request-Id: mine\r\n"}) {
    Bench b;
    b.config.request_id = true;
    b.worker->run_id = "run";
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, string{"GET http://10.0.0.1/ HTTP/1.0\r\n"} + field + "\r\n");
    EXPECT_TRUE(has(b.read(b.arrival(host)), *field == '\0' ? "X-Request-Id: run-1.1\r\n" : field));
  }
}

}  // namespace
