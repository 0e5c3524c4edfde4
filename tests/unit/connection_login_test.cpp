// Logins that belong to a connection (NTLM, Negotiate), and exchanges whose end is in doubt: which upstream
// connections serve which clients.
#include "../../src/http/connection_login.hpp"

#include <gtest/gtest.h>

#include <string>

#include "role_bench.hpp"

namespace {

using bench::Bench;
using std::string;

http::Fields fields(std::string_view name, std::string_view value) {
  http::Fields all;
  all.add({name, value});
  return all;
}

TEST(ConnectionLogin, IsEachSchemeButBasicBearerAndDigest) {
  for (const char* value :
       {"NTLM", "NTLM TlRMTVNTUAAB", "Negotiate YIIg==", "Kerberos x", "negotiate", "HOBA result=\"x\"",
        "Basic realm=\"a\", NTLM", "NTLM, Basic realm=\"a\"", ", ,NTLM", "Basic realm=\"a, b\",Negotiate",
        "Digest qop=\"auth\", nonce = \"x\", Negotiate", "Basic realm=\"open, NTLM", "Basic realm=\"\\", "=x",
        "Basic=", "\"NTLM\"", "BasicX y", "Basic realm=\"\\\"\", NTLM"})
    for (const char* name :
         {"Authorization", "WWW-Authenticate", "proxy-authorization", "Proxy-Authenticate"})
      EXPECT_TRUE(http::logs_in_connection(fields(name, value))) << name << ": " << value;
}

TEST(ConnectionLogin, IsNothingElse) {
  for (const char* value : {"", "Basic YWxhZGRpbjpvcGVu", "bearer abc.def", "Digest username=\"NTLM\", x=y",
                            "Basic realm=\"say NTLM, Negotiate\"", "Basic realm = \"x\" , charset=\"UTF-8\"",
                            "Basic realm=\"\\\", NTLM\"", "Basic, Bearer,, Digest realm=\"x\""})
    EXPECT_FALSE(http::logs_in_connection(fields("WWW-Authenticate", value))) << value;
  EXPECT_FALSE(http::logs_in_connection(fields("X-Authorization", "NTLM")));
}

struct Http11 : Bench {
  Http11() : Bench(16, 1 << 20, false) {}
  sim::World::Host& host = origin();
};

string request(const string& fields, const string& method = "GET") {
  return method + " http://10.0.0.1/ HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n";
}
constexpr auto kOk = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
constexpr auto kAsk = "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n";

// Sends a request and answers it on `origin`, or on a new connection, which `origin` then is.
void exchange(Http11& b, const sim::ConnectionPtr& client, sim::ConnectionPtr& origin, const string& asked,
              const string& answer = kOk) {
  b.send(client, asked);
  if (auto fresh = b.arrival(b.host)) origin = fresh;
  ASSERT_TRUE(origin);
  EXPECT_NE(b.read(origin), "") << "the request goes over this connection";
  b.send(origin, answer);
  EXPECT_TRUE(b.read(client).starts_with(answer.substr(0, 12)));
}

TEST(BoundConnection, ServesItsClientOnly) {
  struct Row {
    const char* title;
    string asked, answer;
    std::size_t bound;
  };
  const Row rows[] = {
      {"credentials", request("Authorization: NTLM x\r\n"), kOk, 1},
      {"a challenge", request(""), kAsk, 1},
      {"credentials for a proxy", request("Proxy-Authorization: Negotiate x\r\n"), kOk, 1},
      {"Basic", request("Authorization: Basic x\r\n"), kOk, 0},
      {"Bearer", request("Authorization: Bearer x\r\n"), kOk, 0},
      {"none", request(""), kOk, 0},
  };
  for (const Row& row : rows) {
    Http11 b;
    const auto alice = b.client(), bob = b.client();
    sim::ConnectionPtr first, second;
    exchange(b, alice, first, row.asked, row.answer);
    EXPECT_EQ(b.upstreams.idle(), 1U) << row.title;
    EXPECT_EQ(b.upstreams.bound(), row.bound) << row.title;
    second = first;
    exchange(b, bob, second, request(""));
    EXPECT_EQ(second != first, row.bound == 1) << row.title;
  }
}

TEST(BoundConnection, CarriesAllStepsWhateverTheMethodIs) {
  Http11 b;
  const auto client = b.client();
  sim::ConnectionPtr origin;
  exchange(b, client, origin, request(""), kAsk);
  const auto first = origin;
  exchange(b, client, origin, request("Authorization: NTLM 1\r\nContent-Length: 0\r\n", "POST"), kAsk);
  exchange(b, client, origin, request("Authorization: NTLM 3\r\nContent-Length: 2\r\n", "POST") + "hi");
  exchange(b, client, origin, request(""));
  EXPECT_EQ(origin, first);
  EXPECT_EQ(b.upstreams.bound(), 1U) << "the login lasts as long as the connection";
}

TEST(BoundConnection, EndsWithItsClient) {
  Http11 b;
  const auto alice = b.client(), bob = b.client();
  sim::ConnectionPtr first, second;
  exchange(b, alice, first, request("Authorization: NTLM x\r\n"));
  exchange(b, bob, second, request("Authorization: NTLM x\r\n"));
  ASSERT_EQ(b.upstreams.bound(), 2U);
  b.world.remote_close(*alice);
  b.settle();
  EXPECT_TRUE(first->down.fin_arrived);
  EXPECT_FALSE(second->down.fin_arrived);
  exchange(b, bob, second, request("Connection: close\r\n"));
  EXPECT_TRUE(second->down.fin_arrived) << "the client's connection ends after the response";
  EXPECT_EQ(b.upstreams.idle(), 0U);
}

TEST(BoundConnection, NeitherExpiresNorCounts) {
  Http11 b;
  b.upstreams.reset(0);
  const auto client = b.client();
  sim::ConnectionPtr origin;
  exchange(b, client, origin, request("Authorization: NTLM 1\r\n"), kAsk);
  const auto first = origin;
  b.upstreams.expire(b.worker->now + net::UpstreamPool::kIdleMs);
  EXPECT_EQ(b.upstreams.next_deadline(), 0U);
  exchange(b, client, origin, request("Authorization: NTLM 3\r\n"));
  EXPECT_EQ(origin, first);
}

TEST(BoundConnection, ADeadOneIsReplacedOnlyForARequestThatMayBeRepeated) {
  for (const string method : {"GET", "POST"}) {
    Http11 b;
    const auto client = b.client();
    sim::ConnectionPtr origin;
    exchange(b, client, origin, request("Authorization: NTLM 1\r\n"), kAsk);
    b.send(client, request("Authorization: NTLM 3\r\nContent-Length: 0\r\n", method));
    EXPECT_NE(b.read(origin), "");
    b.world.remote_close(*origin);
    EXPECT_EQ(b.arrival(b.host) != nullptr, method == "GET");
    if (method == "POST") {
      EXPECT_EQ(b.read(client).substr(8, 4), " 502");
    }
  }
}

TEST(BoundConnection, LeadsToTheSameMemberOfAGroup) {
  bench::RoleBench b{plan::Role::web};
  b.site({bench::reverse_at("/")});
  b.group(2);
  auto& first = b.member(1);
  auto& second = b.member(2);
  const auto client = b.client();
  const string asked = "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: NTLM x\r\n\r\n";
  b.send(client, asked);
  const auto server = b.arrival(first);
  for (int step = 0; step < 3; ++step) {
    EXPECT_NE(b.read(server), "") << step;
    b.send(server, kAsk);
    EXPECT_TRUE(b.read(client).starts_with("HTTP/1.1 401"));
    b.send(client, asked);
    EXPECT_EQ(b.arrival(second), nullptr) << "round robin would choose it";
  }
}

// ---- exchanges whose end is in doubt ---------------------------------------------------------------------

TEST(EndInDoubt, TheUpstreamConnectionIsNotReused) {
  struct Row {
    const char* title;
    string first, answer, rest;
    bool kept;
  };
  const string hi = "Content-Length: 2\r\n", expects = "Expect: 100-continue\r\n" + hi;
  const Row rows[] = {
      {"GET without a body", request(""), kOk, "", true},
      {"GET of length 0", request("Content-Length: 0\r\n"), kOk, "", true},
      {"GET with a body", request(hi) + "hi", kOk, "", false},
      {"GET with chunks", request("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", kOk, "", false},
      {"HEAD with a body", request(hi, "HEAD") + "hi", "HTTP/1.1 200 OK\r\n\r\n", "", false},
      {"DELETE with a body", request(hi, "DELETE") + "hi", kOk, "", false},
      {"OPTIONS with a body", request(hi, "OPTIONS") + "hi", kOk, "", false},
      {"TRACE with a body", request(hi, "TRACE") + "hi", kOk, "", false},
      {"POST with a body", request(hi, "POST") + "hi", kOk, "", true},
      {"PUT with a body", request(hi, "PUT") + "hi", kOk, "", true},
      {"a response before the request is complete", request(hi, "POST") + "h",
       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", "i", false},
      {"a part of its head before", request(hi, "POST") + "h", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n",
       "i", false},
      {"only an interim response before", request(hi, "POST") + "h", "HTTP/1.1 102 Processing\r\n\r\n", "i",
       true},
      {"100, then the body", request(expects, "POST"), "HTTP/1.1 100 Continue\r\n\r\n", "hi", true},
      {"no 100, but the body comes", request(expects, "POST") + "hi", kOk, "", false},
      {"a 102 in place of the 100", request(expects, "POST"), "HTTP/1.1 102 Processing\r\n\r\n", "hi", false},
  };
  for (const Row& row : rows) {
    Http11 b;
    const auto client = b.client();
    b.send(client, row.first);
    const auto origin = b.arrival(b.host);
    b.read(origin);
    b.send(origin, row.answer);
    b.send(client, row.rest);
    b.read(origin);
    if (row.answer.ends_with("Content-Length: 1\r\n")) b.send(origin, "\r\n");
    if (row.answer.find("Content-Length: 1\r\n") != string::npos) b.send(origin, "x");
    if (row.answer.find("HTTP/1.1 10") != string::npos) b.send(origin, kOk);
    EXPECT_NE(b.read(client).find("HTTP/1.1 200"), string::npos) << row.title;
    EXPECT_EQ(b.upstreams.idle(), row.kept ? 1U : 0U) << row.title;
  }
}

}  // namespace
