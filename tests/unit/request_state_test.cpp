// The state machine: each transition, each timeout, each way to end.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "../../src/config/options.hpp"
#include "bench.hpp"

namespace {

using base::Reason;
using bench::Bench;
using plan::Wait;
using std::string;

const string kGet = "GET http://10.0.0.1/ HTTP/1.0\r\n\r\n";
const string kForwarded = "GET / HTTP/1.0\r\nHost: 10.0.0.1\r\nVia: 1.0 proxy\r\nConnection: close\r\n\r\n";
const string kAnswer = "HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: 5\r\n\r\nhello";
const string kPassedOn =
    "HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: 5\r\nVia: 1.0 proxy\r\nConnection: close\r\n\r\nhello";

// The transitions in the trace, as "A>B".
std::set<string> transitions(const base::Trace& trace) {
  std::set<string> seen;
  for (std::uint64_t at = trace.oldest(); at < trace.written(); ++at) {
    const base::TraceEntry& entry = trace.at(at);
    if (entry.event != base::TraceEvent::entered && entry.event != base::TraceEvent::released) continue;
    seen.insert(string{name(static_cast<State>(entry.before))} + ">" +
                string{name(static_cast<State>(entry.state))});
  }
  return seen;
}

int status_of(const string& answer) { return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3)); }

TEST(Table, AllowedTransitions) {
  const std::set<string> allowed{
      "FREE>READ_REQUEST",  "READ_REQUEST>SEND_REQUEST",   "READ_REQUEST>SEND_RESPONSE",
      "READ_REQUEST>FREE",  "SEND_REQUEST>READ_RESPONSE",  "SEND_REQUEST>SEND_RESPONSE",
      "SEND_REQUEST>FREE",  "READ_RESPONSE>SEND_RESPONSE", "READ_RESPONSE>SEND_REQUEST",
      "READ_RESPONSE>FREE", "SEND_RESPONSE>READ_REQUEST",  "SEND_RESPONSE>READ_RESPONSE",
      "SEND_RESPONSE>FREE"};
  std::set<string> rows;
  for (const Transition& row : kTransitions) {
    rows.insert(string{name(row.from)} + ">" + string{name(row.to)});
    EXPECT_EQ(next_state(row.from, row.event), row.to) << name(row.from) << ", " << name(row.event);
  }
  EXPECT_EQ(rows, allowed);
}

TEST(Table, AllocatesFreesAndFinds) {
  Bench b;
  const auto client = b.client();
  request_info& record = b.record();
  const net::Token token{record.side[kClient].serial, 0, net::Token::Kind::client};
  EXPECT_EQ(b.table.find(token), &record);
  release(record, Reason::client_closed, *b.worker);
  EXPECT_EQ(b.table.find(token), nullptr) << "an event of a closed descriptor finds no record";
  EXPECT_EQ(b.table.stale(), 1U);
  const auto next = b.client();
  EXPECT_EQ(b.table.find(token), nullptr) << "nor its successor in the same slot";
  EXPECT_EQ(b.table.touched(), 1U) << "the slot is used again";
}

TEST(Table, IsFullAtItsLimit) {
  Bench b;
  std::vector<sim::ConnectionPtr> clients;
  for (std::uint32_t i = 0; i < Bench::kSlots; ++i) clients.push_back(b.client());
  EXPECT_EQ(b.table.take(), nullptr);
  EXPECT_EQ(b.table.used(), Bench::kSlots);
}

TEST(Exchange, Get) {
  Bench b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, kGet);
  const auto origin = b.arrival(host);
  ASSERT_TRUE(origin);
  EXPECT_EQ(b.read(origin), kForwarded);
  EXPECT_EQ(b.record().state, State::READ_RESPONSE);
  EXPECT_EQ(b.blocks_pool.used(), 0U) << "a waiting record holds no block";
  b.send(origin, kAnswer);
  EXPECT_EQ(b.read(client), kPassedOn);
  EXPECT_TRUE(client->down.fin_arrived);
  EXPECT_TRUE(b.clean());
  EXPECT_EQ(transitions(b.trace),
            (std::set<string>{"FREE>READ_REQUEST", "READ_REQUEST>SEND_REQUEST", "SEND_REQUEST>READ_RESPONSE",
                              "READ_RESPONSE>SEND_RESPONSE", "SEND_RESPONSE>FREE"}));
  EXPECT_EQ(b.last().method_view(), "GET");
  EXPECT_EQ(b.last().target_view(), "http://10.0.0.1/");
  EXPECT_EQ(b.last().status, 200);
  EXPECT_EQ(b.last().reason, Reason::complete);
  EXPECT_EQ(b.last().sent_up, kForwarded.size());
  EXPECT_EQ(b.last().sent_down, kPassedOn.size());
}

TEST(Exchange, RequestAndResponseCutAtEachByte) {
  const string request = "POST http://10.0.0.1/ HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody";
  const string forwarded =
      "POST / HTTP/1.0\r\nHost: 10.0.0.1\r\nContent-Length: 4\r\nVia: 1.0 proxy\r\nConnection: "
      "close\r\n\r\nbody";
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    Bench b;
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, request.substr(0, cut));
    b.send(client, request.substr(cut));
    const auto origin = b.arrival(host);
    ASSERT_TRUE(origin) << cut;
    EXPECT_EQ(b.read(origin), forwarded) << "request cut at " << cut;
  }
  for (std::size_t cut = 1; cut < kAnswer.size(); ++cut) {
    Bench b;
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, kGet);
    const auto origin = b.arrival(host);
    b.send(origin, kAnswer.substr(0, cut));
    b.send(origin, kAnswer.substr(cut));
    EXPECT_EQ(b.read(client), kPassedOn) << "response cut at " << cut;
    EXPECT_TRUE(b.clean()) << cut;
  }
}

TEST(Exchange, Head) {
  Bench b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, "HEAD http://10.0.0.1/ HTTP/1.0\r\n\r\n");
  b.send(b.arrival(host), "HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(b.read(client),
            "HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: 5\r\nVia: 1.0 proxy\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(b.clean());
}

TEST(Exchange, ResponseThatEndsWithTheConnection) {
  Bench b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, kGet);
  const auto origin = b.arrival(host);
  b.read(origin);
  b.send(origin, "HTTP/1.0 200 OK\r\nDate: x\r\n\r\nhel");
  EXPECT_NE(b.read(client).find("hel"), string::npos) << "the first bytes do not wait for the last";
  EXPECT_FALSE(b.clean());
  b.send(origin, "lo");
  b.world.remote_close(*origin);
  EXPECT_EQ(b.read(client), "lo");
  EXPECT_TRUE(client->down.fin_arrived);
  EXPECT_FALSE(client->remote_reset);
  EXPECT_TRUE(b.clean());
}

TEST(Exchange, ChunksAreDecoded) {
  Bench b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, kGet);
  b.send(b.arrival(host),
         "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;a\r\nllo\r\n0\r\nA: "
         "b\r\n\r\n");
  EXPECT_EQ(b.read(client), "HTTP/1.0 200 OK\r\nDate: x\r\nVia: 1.1 proxy\r\nConnection: close\r\n\r\nhello");
  EXPECT_TRUE(b.clean());
}

TEST(Exchange, InterimResponsesAreDropped) {
  Bench b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, kGet);
  b.send(b.arrival(host), "HTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 100 Go\r\n\r\n" + kAnswer);
  EXPECT_EQ(b.read(client), kPassedOn);
}

TEST(Exchange, TooManyBytesOfInterimResponsesAreRefused) {
  Bench b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, kGet);
  string flood;
  while (flood.size() <= 1024 * 1024) flood += "HTTP/1.1 103 Early\r\n\r\n";
  const auto origin = b.arrival(host);
  for (std::size_t at = 0; at < flood.size() && !origin->down.fin_arrived;)
    at += b.world.remote_send(*origin, std::string_view{flood}.substr(at, 5000)), b.settle();
  EXPECT_EQ(status_of(b.read(client)), 502);
}

TEST(Exchange, UnrequestedSwitchingProtocolsIsRefused) {
  Bench b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, kGet);
  b.send(b.arrival(host), "HTTP/1.1 101 Switch\r\n\r\n");
  EXPECT_EQ(status_of(b.read(client)), 502);
}

TEST(Exchange, SendsContinueIfExpected) {
  Bench b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(
      client,
      "PUT http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(b.read(client), "HTTP/1.1 100 Continue\r\n\r\n");
  b.send(client, "abc");
  const auto origin = b.arrival(host);
  EXPECT_NE(b.read(origin).find("\r\n\r\nabc"), string::npos);
  b.send(origin, kAnswer);
  EXPECT_EQ(b.read(client), kPassedOn);
}

TEST(Exchange, ResponseDuringTheUpload) {
  Bench b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, "PUT http://10.0.0.1/ HTTP/1.0\r\nContent-Length: 100\r\n\r\nfirst");
  const auto origin = b.arrival(host);
  EXPECT_EQ(b.record().state, State::SEND_REQUEST);
  b.send(origin, "HTTP/1.0 413 No\r\nDate: x\r\nContent-Length: 3\r\n\r\nn");
  EXPECT_EQ(b.record().state, State::SEND_RESPONSE);
  b.send(client, "second");
  EXPECT_NE(b.read(origin).find("firstsecond"), string::npos) << "the upload continues during the response";
  b.send(origin, "o!");
  const string got = b.read(client);
  EXPECT_EQ(got.substr(got.size() - 3), "no!");
  EXPECT_TRUE(client->down.fin_arrived);
  EXPECT_EQ(b.table.used(), 1U) << "lingering close: the client is still sending";
  b.send(client, string(20, 'x'));
  b.world.remote_close(*client);
  b.settle();
  EXPECT_TRUE(b.clean());
}

TEST(Exchange, Backpressure) {
  Bench b{16, 8192};
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, kGet);
  const auto origin = b.arrival(host);
  string body = "HTTP/1.0 200 OK\r\nDate: x\r\n\r\n" + string(1 << 20, 'b');
  std::size_t sent = 0;
  for (std::size_t last = 1; last != 0; b.settle())
    sent += last = b.world.remote_send(*origin, std::string_view{body}.substr(sent));
  EXPECT_LE(sent, 2 * 8192 + base::kBlockBytes + 1) << "the capacity of the sockets and one block";
  EXPECT_LE(b.blocks_pool.used(), 1U);
  EXPECT_EQ(b.record().wait, Wait::client_write);
  string got;
  while (sent < body.size() || !b.world.still()) {
    got += b.read(client);
    sent += b.world.remote_send(*origin, std::string_view{body}.substr(sent));
    b.settle();
  }
  b.world.remote_close(*origin);
  got += b.read(client);
  EXPECT_EQ(got.substr(got.find("\r\n\r\n") + 4), body.substr(body.find("\r\n\r\n") + 4));
}

// ---- refused requests ------------------------------------------------------------------------------------

TEST(Refusal, InvalidProxyRequests) {
  struct Row {
    const char* title;
    string text;
    int status;
  };
  const Row rows[] = {
      {"not HTTP", "hello\r\n", 400},
      {"origin form", "GET / HTTP/1.0\r\n\r\n", 400},
      {"CONNECT", "CONNECT h:25 HTTP/1.0\r\n\r\n", 403},
      {"https", "GET https://h/ HTTP/1.0\r\n\r\n", 501},
      {"HTTP/2", "PRI * HTTP/2.0\r\n\r\n", 505},
      {"chunks", "POST http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 411},
      {"gzip", "POST http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"POST in 1.0 without length", "POST http://h/ HTTP/1.0\r\n\r\n", 411},
      {"a long URL", "GET http://h/" + string(9000, 'a') + " HTTP/1.0\r\n\r\n", 414},
      {"a long head", "GET http://h/ HTTP/1.0\r\nA: " + string(16'000, 'a'), 431},
      {"an odd length", "POST http://h/ HTTP/1.0\r\nContent-Length: 1, 1\r\n\r\n", 400},
  };
  for (const Row& row : rows) {
    Bench b;
    const auto client = b.client();
    b.send(client, row.text);
    const string got = b.read(client);
    EXPECT_EQ(status_of(got), row.status) << row.title;
    EXPECT_TRUE(client->down.fin_arrived) << row.title;
    EXPECT_FALSE(client->remote_reset) << row.title << ": the response must not be destroyed in flight";
    EXPECT_EQ(b.record().wait, Wait::linger) << row.title;
    b.world.remote_close(*client);
    b.settle();
    EXPECT_TRUE(b.clean()) << row.title;
    EXPECT_EQ(b.last().status, row.status) << row.title;
  }
}

TEST(Refusal, ClientsThatAreNotAllowed) {
  Bench b;
  ASSERT_EQ(config::apply_option(b.config, "--allow", "10.0.0.1"), "");
  const auto client = b.client();
  b.send(client, kGet);
  EXPECT_EQ(status_of(b.read(client)), 403);
}

TEST(Refusal, EachWayToFailToConnect) {
  struct Row {
    const char* title;
    net::Found::What found;
    Reason reason;
    int status;
  };
  const Row rows[] = {{"no such name", net::Found::What::not_found, Reason::host_not_found, 502},
                      {"name server fails", net::Found::What::failed, Reason::dns_error, 502}};
  for (const Row& row : rows) {
    Bench b;
    net::Found found;
    found.what = row.found;
    b.world.names["o.test"] = found;
    const auto client = b.client();
    b.send(client, "GET http://o.test/ HTTP/1.0\r\n\r\n");
    EXPECT_EQ(status_of(b.read(client)), row.status) << row.title;
    EXPECT_EQ(b.last().reason, row.reason) << row.title;
    EXPECT_TRUE(b.clean()) << row.title;
  }
  Bench b;
  const auto client = b.client();
  b.send(client, kGet);
  EXPECT_EQ(status_of(b.read(client)), 502);
  EXPECT_EQ(b.last().reason, Reason::connection_refused);
  EXPECT_EQ(b.last().error, ECONNREFUSED);
}

net::Found two_addresses() {
  net::Found found;
  found.what = net::Found::What::found;
  found.ttl_ms = 60'000;
  sys::Address other;
  sys::parse_ip("10.9.9.9", 0, other);
  found.addresses.add(other);
  sys::Address good = bench::origin_address();
  good.port = 0;
  found.addresses.add(good);
  return found;
}

TEST(Connecting, TriesTheNextAddressIfOneRefuses) {
  Bench b;
  auto& host = b.origin();
  b.world.names["o.test"] = two_addresses();
  const auto client = b.client();
  b.send(client, "GET http://o.test/ HTTP/1.0\r\n\r\n");
  b.send(b.arrival(host), kAnswer);
  EXPECT_EQ(b.read(client), kPassedOn);
  EXPECT_TRUE(b.clean());
}

// The first of two addresses does not respond.
struct SilentFirst : Bench {
  SilentFirst() {
    world.names["o.test"] = two_addresses();
    world.host(two_addresses().addresses[0], sim::World::Host::Manner::swallows).address.port = 80;
  }
  sim::ConnectionPtr ask() {
    auto asking = client();
    send(asking, "GET http://o.test/ HTTP/1.0\r\n\r\n");
    return asking;
  }
  // The attempt at the silent address succeeds at last.
  void relent() {
    for (const sim::ConnectionPtr& connection : world.connections())
      if (connection->phase == sim::Connection::Phase::black_hole)
        connection->phase = sim::Connection::Phase::connecting;
    settle();
  }
};

TEST(Racing, TriesTheNextAddressBesideASilentOne) {
  SilentFirst b;
  auto& host = b.origin();
  const auto client = b.ask();
  EXPECT_EQ(b.record().wait, Wait::attempt);
  b.worker->now += b.config.wait(Wait::attempt) - 1;
  b.pass(0);
  EXPECT_TRUE(host.arrivals.empty()) << "not a moment too early";
  b.pass(1);
  b.send(b.arrival(host), kAnswer);
  EXPECT_EQ(b.read(client), kPassedOn);
  EXPECT_EQ(b.last().attempts[0].error, ECANCELED);
  EXPECT_EQ(b.last().attempts[0].ms, b.config.wait(Wait::attempt));
  EXPECT_EQ(b.last().attempts[1].error, 0);
  EXPECT_TRUE(b.clean());
}

TEST(Racing, TheFirstAttemptWinsIfItConnectsFirst) {
  SilentFirst b;
  b.world.host(bench::origin_address(), sim::World::Host::Manner::swallows);
  const auto client = b.ask();
  b.pass(b.config.wait(Wait::attempt));
  EXPECT_EQ(b.world.sockets(), 3U) << "both are pending";
  EXPECT_EQ(b.record().wait, Wait::connect);
  for (const sim::ConnectionPtr& connection : b.world.connections())
    if (connection->to.bytes[1] == 9) connection->phase = sim::Connection::Phase::connecting;
  b.settle();
  EXPECT_EQ(b.world.sockets(), 2U) << "the other is closed";
  EXPECT_EQ(b.record().state, State::READ_RESPONSE) << "the request has been sent";
  EXPECT_TRUE(b.record().exchange->connector.earlier().empty());
}

TEST(Racing, AFailedAttemptDoesNotEndTheOthers) {
  SilentFirst b;
  const auto client = b.ask();  // the second refuses
  b.pass(b.config.wait(Wait::attempt));
  EXPECT_EQ(b.record().state, State::SEND_REQUEST);
  EXPECT_EQ(b.world.sockets(), 2U) << "the first is still pending";
  b.relent();
  EXPECT_EQ(b.record().state, State::READ_RESPONSE);
}

TEST(Racing, SilentAttemptsTimeOutTogether) {
  SilentFirst b;
  b.world.host(bench::origin_address(), sim::World::Host::Manner::swallows);
  const auto client = b.ask();
  b.pass(b.config.wait(Wait::attempt));
  b.pass(b.config.wait(Wait::connect));
  EXPECT_EQ(status_of(b.read(client)), 504);
  EXPECT_EQ(b.last().reason, Reason::connect_timeout);
  EXPECT_EQ(b.last().attempts[0].ms, b.config.wait(Wait::attempt) + b.config.wait(Wait::connect));
  EXPECT_EQ(b.last().attempts[1].ms, b.config.wait(Wait::connect));
  EXPECT_TRUE(b.clean());
}

TEST(Racing, TheSlowerAddressComesLastTheNextTime) {
  SilentFirst b;
  auto& host = b.origin();
  const auto first = b.ask();
  b.pass(b.config.wait(Wait::attempt));
  b.send(b.arrival(host), kAnswer);
  const auto second = b.ask();
  b.send(b.arrival(host), kAnswer);
  EXPECT_EQ(b.read(second), kPassedOn) << "without any delay";
  EXPECT_EQ(b.last().attempt_count, 1);
}

TEST(Racing, AClientThatLeavesEndsAllAttempts) {
  SilentFirst b;
  b.world.host(bench::origin_address(), sim::World::Host::Manner::swallows);
  const auto client = b.ask();
  b.pass(b.config.wait(Wait::attempt));
  b.world.remote_rst(*client);
  b.settle();
  EXPECT_EQ(b.world.sockets(), 0U);
  EXPECT_TRUE(b.clean());
}

TEST(Racing, ATunnelUsesTheFirstConnection) {
  SilentFirst b;
  auto& host = b.origin();
  b.config.connect_ports = {{80, 80}};
  const auto client = b.client();
  b.send(client, "CONNECT o.test:80 HTTP/1.1\r\nHost: o.test:80\r\n\r\n");
  b.pass(b.config.wait(Wait::attempt));
  const auto origin = b.arrival(host);
  EXPECT_EQ(status_of(b.read(client)), 200);
  b.send(client, "up");
  EXPECT_EQ(b.world.remote_read(*origin, 10), "up");
}

TEST(Racing, WithoutADescriptorForTheNextTheOthersContinue) {
  SilentFirst b;
  const auto client = b.ask();
  b.world.failure = {sim::Call::connect, b.world.calls_made[static_cast<std::size_t>(sim::Call::connect)],
                     EMFILE};
  b.pass(b.config.wait(Wait::attempt));
  EXPECT_EQ(b.record().state, State::SEND_REQUEST);
  b.relent();
  EXPECT_EQ(b.record().state, State::READ_RESPONSE);
}

// ---- access record and error responses -------------------------------------------------------------------

// The addresses behind a name can be internal.
TEST(Record, AddressesAreForClientsOnThisMachine) {
  for (const bool remote : {false, true}) {
    Bench b;
    b.world.names["o.test"] = two_addresses();
    if (remote) b.world.peer_address = bench::origin_address();
    const auto client = b.client();
    b.send(client, "GET http://o.test/ HTTP/1.0\r\n\r\n");
    const string answer = b.read(client);
    EXPECT_EQ(answer.substr(0, 24), "HTTP/1.0 502 Bad Gateway");
    EXPECT_EQ(answer.find("\nTried: ") == string::npos, remote) << answer;
    for (const char* address : {"10.9.9.9", "10.0.0.1"})
      EXPECT_EQ(answer.find(address) == string::npos, remote) << answer;
    EXPECT_EQ(b.last().attempt_count, 2) << "the log has them";
  }
}

TEST(Record, EachAddressTried) {
  Bench b;
  b.world.names["o.test"] = two_addresses();
  b.world.host(two_addresses().addresses[0], sim::World::Host::Manner::swallows).address.port = 80;
  const auto client = b.client();
  b.send(client, "GET http://o.test/ HTTP/1.0\r\n\r\n");
  b.pass(b.config.wait(Wait::attempt));
  b.pass(b.config.wait(Wait::connect));
  const string answer = b.read(client);
  ASSERT_EQ(b.last().attempt_count, 2);
  EXPECT_EQ(b.last().attempts[0].error, ETIMEDOUT);
  EXPECT_EQ(b.last().attempts[0].ms, b.config.wait(Wait::attempt) + b.config.wait(Wait::connect));
  EXPECT_EQ(b.last().attempts[1].error, ECONNREFUSED);
  EXPECT_EQ(b.last().attempts[1].ms, 0U);
  EXPECT_NE(answer.find(":80: Connection timed out (ETIMEDOUT), after 10250 ms\nTried: "), string::npos)
      << answer;
  EXPECT_NE(answer.find("Failed while: connecting to the host (SEND_REQUEST)\nHost: o.test, port 80\n"),
            string::npos);
  EXPECT_NE(answer.find("Request: #1 in the proxy's log\n"), string::npos);
}

TEST(Record, WhatFailedInWhichPhase) {
  struct Row {
    const char *answer, *phase;
  };
  const Row rows[] = {{"nonsense\r\n\r\n", "reading the response (READ_RESPONSE)\nHost: "},
                      {"", "reading the response (READ_RESPONSE)\nHost: "}};
  for (const Row& row : rows) {
    Bench b;
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, kGet);
    const auto origin = b.arrival(host);
    b.send(origin, row.answer);
    b.world.remote_close(*origin);
    const string answer = b.read(client);
    EXPECT_NE(answer.find(string{"\nFailed while: "} + row.phase), string::npos) << answer;
    EXPECT_NE(answer.find(":80: connected, after 0 ms\n"), string::npos) << answer;
  }
  Bench b;
  const auto unknown = b.client();
  b.send(unknown, "GET http://nosuch.test/ HTTP/1.0\r\n\r\n");
  EXPECT_NE(b.read(unknown).find("\nFailed while: looking up the host's name (SEND_REQUEST)\n"),
            string::npos);
  const auto wrong = b.client();
  b.send(wrong, "nonsense\r\n\r\n");
  EXPECT_NE(b.read(wrong).find("\nFailed while: reading the request (READ_REQUEST)\n"), string::npos);
}

TEST(Record, TheStatusReceivedBeforeTheFailure) {
  Bench b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, kGet);
  b.send(b.arrival(host), "HTTP/1.1 203 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n");
  const string answer = b.read(client);
  EXPECT_NE(answer.find("; error=http_protocol_error; received-status=203; "), string::npos) << answer;
  EXPECT_NE(answer.find("\nStatus: 203 from the server\n"), string::npos) << answer;
  EXPECT_NE(answer.find("\nCause: The chunked body is malformed.\n"), string::npos) << answer;
}

TEST(Record, ABrowserGetsAPage) {
  Bench b;
  const auto client = b.client();
  b.send(client, "GET http://10.9.9.9/ HTTP/1.0\r\nAccept: text/html, */*;q=0.8\r\n\r\n");
  const string answer = b.read(client);
  EXPECT_NE(answer.find("\r\nContent-Type: text/html;"), string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("</html>\n"));
}

TEST(Record, TheBytesBeforeTheBody) {
  Bench b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, kGet);
  b.send(b.arrival(host), "HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_EQ(b.read(client).size(), b.last().sent_down);
  EXPECT_EQ(b.last().sent_down - b.last().head_down, 4U);
  const auto other = b.client();
  b.send(other, "GET http://10.9.9.9/ HTTP/1.1\r\nHost: x\r\n\r\n");
  const string answer = b.read(other);
  EXPECT_EQ(b.last().head_down, answer.find("\r\n\r\n") + 4);
  EXPECT_EQ(b.last().sent_down, answer.size());
  EXPECT_FALSE(b.last().http10);
}

TEST(Record, BytesOfTheBodySentAndAnnounced) {
  struct Row {
    const char *answer, *client_does;
    std::uint64_t sent, announced;  // 0: none
  };
  const Row rows[] = {{"Content-Length: 9\r\n\r\n123456789", "", 9, 9},
                      {"Content-Length: 9\r\n\r\n1234", "", 4, 9},
                      {"\r\n1234", "", 4, 0},
                      {"Content-Length: 9\r\n\r\n123456789", "half-closes", 9, 9}};
  for (const Row& row : rows) {
    Bench b;
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, kGet);
    const auto origin = b.arrival(host);
    if (*row.client_does != '\0') b.world.remote_shutdown(*client);
    b.settle();
    b.send(origin, "HTTP/1.0 200 OK\r\nDate: x\r\n" + string{row.answer});
    b.world.remote_close(*origin);
    b.settle();
    EXPECT_EQ(b.last().body_bytes(), row.sent) << row.answer;
    EXPECT_EQ(b.last().announced, row.announced != 0) << row.answer;
    if (row.announced != 0) {
      EXPECT_EQ(b.last().body_length, row.announced) << row.answer;
    }
  }
}

TEST(Record, BytesOfATunnelAfterItsHead) {
  Bench b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, "CONNECT 10.0.0.1:443 HTTP/1.1\r\nHost: x\r\n\r\n");
  b.config.connect_ports = {{80, 80}};
  b.read(client);
  const auto other = b.client();
  b.send(other, "CONNECT 10.0.0.1:80 HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto origin = b.arrival(host);
  b.send(origin, "12345");
  const string got = b.read(other);
  b.world.remote_close(*origin);
  b.world.remote_close(*other);
  b.settle();
  EXPECT_TRUE(got.ends_with("\r\n\r\n12345")) << got;
  EXPECT_EQ(b.last().body_bytes(), 5U);
  EXPECT_FALSE(b.last().announced);
}

// The duration of each phase, by a clock that only the test advances.
TEST(Record, ThePhasesOfSendRequest) {
  Bench b{16, 8192};
  b.world.names["o.test"] = two_addresses();
  b.world.unanswered.insert("o.test");
  b.world.host(two_addresses().addresses[0], sim::World::Host::Manner::swallows).address.port = 80;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, "POST http://o.test/ HTTP/1.0\r\nContent-Length: 9\r\n\r\n");
  b.pass(7);
  b.world.unanswered.clear();
  b.settle();
  const std::uint64_t connecting = b.config.wait(Wait::connect);
  b.pass(connecting);  // the first address does not respond; the second connects at once
  b.pass(30);
  b.send(client, "123456789");
  b.settle();
  const auto origin = b.arrival(host);
  b.pass(11);
  b.send(origin, kAnswer);
  b.read(client);
  const AccessRecord& record = b.last();
  EXPECT_EQ(record.phase_ms,
            (std::array<std::uint32_t, kPhases>{7, static_cast<std::uint32_t>(connecting), 30}));
  EXPECT_EQ(record.state_ms[static_cast<std::size_t>(State::SEND_REQUEST)], 37 + connecting);
  EXPECT_EQ(record.state_ms[static_cast<std::size_t>(State::READ_RESPONSE)], 11U);
  EXPECT_EQ(record.phases, 0b111);
  EXPECT_EQ(record.ended_in, State::SEND_RESPONSE);
}

TEST(Record, ASkippedPhaseIsAbsent) {
  Bench b{16, 1 << 20, false};
  auto& host = b.origin();
  const auto client = b.client();
  sim::ConnectionPtr origin;
  for (const unsigned phases : {0b111U, 0b100U}) {  // the second request reuses the connection of the first
    b.send(client, "GET http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n");
    if (!origin) origin = b.arrival(host);
    b.send(origin, "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 0\r\n\r\n");
    b.read(client);
    EXPECT_EQ(b.last().phases, phases);
  }
  b.send(client, "GET http://unknown.test/ HTTP/1.1\r\nHost: unknown.test\r\n\r\n");
  b.read(client);
  EXPECT_EQ(b.last().phases, 0b001);
  EXPECT_EQ(b.last().ended_in, State::SEND_REQUEST) << "the state in which the error occurred";
  const auto other = b.client();
  b.send(other, "nonsense\r\n\r\n");
  b.read(other);
  EXPECT_EQ(b.last().phases, 0);
  EXPECT_EQ(b.last().ended_in, State::READ_REQUEST);
}

TEST(Record, TheClientOnlyIfTheLogContainsIt) {
  for (const plan::LogFormatRow& row : plan::kLogFormats) {
    Bench b;
    b.config.log_format = row.format;
    const auto client = b.client();
    const string agent(300, 'a');
    b.send(client,
           "GET http://10.9.9.9/ HTTP/1.0\r\nreferer: http://r.test/\r\nUser-Agent: " + agent + "\r\n\r\n");
    b.read(client);
    EXPECT_EQ(b.last().referer_view(), row.needs_agent ? "http://r.test/" : "") << row.name;
    EXPECT_EQ(b.last().agent_view(), agent.substr(0, row.needs_agent ? AccessRecord::kFieldBytes : 0))
        << row.name;
  }
}

TEST(Connecting, FailsAtOnceWithoutDescriptors) {
  Bench b;
  b.origin();
  const auto client = b.client();
  b.world.descriptor_limit = 3;
  b.send(client, kGet);
  b.world.descriptor_limit = 64;
  EXPECT_EQ(status_of(b.read(client)), 503);
  EXPECT_EQ(b.last().reason, Reason::no_descriptor);
}

// ---- timeouts --------------------------------------------------------------------------------------------

// Brings a bench to where a record waits as `wait` says. Returns the client.
sim::ConnectionPtr wait_as(Bench& b, Wait wait, std::vector<sim::ConnectionPtr>& kept) {
  const auto client = b.client();
  b.settle();
  const string upload = "PUT http://10.0.0.1/ HTTP/1.0\r\nContent-Length: 100000\r\n\r\n";
  switch (wait) {
    case Wait::idle: return client;
    case Wait::request_head: b.send(client, "GET http"); return client;
    case Wait::resolve:
      b.world.unanswered.insert("o.test");
      b.send(client, "GET http://o.test/ HTTP/1.0\r\n\r\n");
      return client;
    case Wait::connect:
      b.world.host(bench::origin_address(), sim::World::Host::Manner::swallows);
      b.send(client, kGet);
      return client;
    case Wait::linger: b.send(client, "nonsense\r\n"); return client;
    default: break;
  }
  auto& host = b.origin();
  if (wait == Wait::keep_alive || wait == Wait::tunnel) {
    b.config.http10 = false;
    b.config.connect_ports = {{80, 80}};
    b.send(client, wait == Wait::keep_alive ? "GET http://10.0.0.1/ HTTP/1.1\r\nHost: a\r\n\r\n"
                                            : "CONNECT 10.0.0.1:80 HTTP/1.1\r\nHost: a\r\n\r\n");
    kept.push_back(b.arrival(host));
    if (wait == Wait::keep_alive) b.send(kept.back(), "HTTP/1.1 204 Done\r\n\r\n");
    b.read(client);
    return client;
  }
  if (wait == Wait::request_body || wait == Wait::upstream_write) {
    b.send(client, upload);
    kept.push_back(b.arrival(host));
    if (wait == Wait::upstream_write) b.world.remote_send(*client, string(90'000, 'x'));
    b.settle();
    return client;
  }
  b.send(client, kGet);
  kept.push_back(b.arrival(host));
  if (wait == Wait::response_head) return client;
  if (wait == Wait::half_closed) b.world.remote_shutdown(*client);
  b.send(kept.back(), "HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: 100000\r\n\r\nsome");
  if (wait == Wait::client_write) b.world.remote_send(*kept.back(), string(90'000, 'x'));
  b.settle();
  return client;
}

TEST(Deadlines, EachHasItsReasonAndResponse) {
  struct Row {
    Wait wait;
    Reason reason;
    int status;  // 0: no response is possible any more
  };
  const Row rows[] = {
      {Wait::idle, Reason::idle_timeout, 0},
      {Wait::keep_alive, Reason::complete, 0},
      {Wait::request_head, Reason::head_timeout, 408},
      {Wait::request_body, Reason::body_timeout, 408},
      {Wait::resolve, Reason::dns_timeout, 504},
      {Wait::connect, Reason::connect_timeout, 504},
      {Wait::upstream_write, Reason::upstream_stalled, 504},
      {Wait::response_head, Reason::response_timeout, 504},
      {Wait::response_body, Reason::upstream_stalled, 0},
      {Wait::half_closed, Reason::client_closed, 0},
      {Wait::client_write, Reason::client_stalled, 0},
      {Wait::tunnel, Reason::tunnel_timeout, 0},
      {Wait::linger, Reason::complete, 0},
  };
  static_assert(std::size(rows) == plan::kDeadlines - 1);  // Wait::attempt ends nothing (see Racing)
  for (const Row& row : rows) {
    const string title{plan::row(row.wait).option};
    Bench b{16, 8192};
    std::vector<sim::ConnectionPtr> kept;
    const auto client = wait_as(b, row.wait, kept);
    ASSERT_EQ(b.record().wait, row.wait) << title;
    EXPECT_EQ(b.scheduler.next_deadline(), b.worker->now + b.config.wait(row.wait)) << title;
    const string before = b.world.remote_read(*client, 1 << 20);
    b.worker->now += b.config.wait(row.wait) - 1;
    b.scheduler.expire(b.worker->now);
    EXPECT_TRUE(b.scheduler.idle()) << title << ": not a moment too early";
    b.pass(1);
    const string got = b.read(client);
    EXPECT_EQ(status_of(got), row.status) << title << ": " << got.substr(0, 60);
    if (row.status == 0) {
      EXPECT_TRUE(b.clean()) << title;
    }
    if (row.wait == Wait::idle || row.wait == Wait::linger) continue;
    ASSERT_FALSE(b.worker->finished.empty()) << title;
    EXPECT_EQ(b.last().reason, row.reason) << title;
  }
}

TEST(Deadlines, ProgressExtendsThem) {
  Bench b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, kGet);
  const auto origin = b.arrival(host);
  b.send(origin, "HTTP/1.0 200 OK\r\nDate: x\r\n\r\n");
  for (int i = 0; i < 5; ++i) {
    b.pass(b.config.wait(Wait::response_body) - 1);
    ASSERT_EQ(b.table.used(), 1U) << i;
    b.send(origin, "more");
  }
}

TEST(Deadlines, AHeadHasOneOverall) {
  Bench b;
  const auto client = b.client();
  b.send(client, "GET ");
  for (int i = 0; i < 3; ++i) {
    b.pass(b.config.wait(Wait::request_head) / 4);
    b.send(client, "x");
  }
  b.pass(b.config.wait(Wait::request_head) / 4);
  EXPECT_EQ(status_of(b.read(client)), 408) << "single bytes do not extend it";
}

TEST(Deadlines, TheNearestOfManyIsReported) {
  Bench b;
  const auto first = b.client();
  b.settle();
  const std::uint64_t idle = b.scheduler.next_deadline();
  b.worker->now += 10;
  const auto second = b.client();
  b.settle();
  EXPECT_EQ(b.scheduler.next_deadline(), idle);
  b.send(first, "GET ");
  EXPECT_EQ(b.scheduler.next_deadline(), b.worker->now + b.config.wait(Wait::request_head));
}

// ---- the end of a connection -----------------------------------------------------------------------------

TEST(Ends, ClientLeavesInEachState) {
  for (const Wait wait : {Wait::idle, Wait::request_head, Wait::request_body, Wait::resolve, Wait::connect,
                          Wait::upstream_write, Wait::response_head, Wait::response_body, Wait::linger})
    for (const bool by_reset : {false, true}) {
      const string title = string{plan::row(wait).option} + (by_reset ? ", reset" : ", closed");
      Bench b{16, 8192};
      std::vector<sim::ConnectionPtr> kept;
      const auto client = wait_as(b, wait, kept);
      ASSERT_EQ(b.record().wait, wait) << title;
      b.world.remote_read(*client, 1 << 20);
      by_reset ? b.world.remote_rst(*client) : b.world.remote_close(*client);
      b.settle();
      // In the middle of a response no byte can be sent that would distinguish a close from a half-close.
      if (wait == Wait::response_body && !by_reset) {
        EXPECT_EQ(b.record().wait, Wait::half_closed);
        b.pass(b.config.wait(Wait::half_closed));
      }
      // The end of an upload behind a full window cannot be read before the timeout.
      if (wait == Wait::upstream_write && !by_reset) continue;
      EXPECT_TRUE(b.clean()) << title << ": its slot is free at once";
    }
}

TEST(Ends, AHalfClosedClientStillGetsItsResponse) {
  Bench b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, kGet);
  b.world.remote_shutdown(*client);
  b.settle();
  const auto origin = b.arrival(host);
  EXPECT_EQ(b.read(client), "H")
      << "the first byte of the response, sent to see whether the client is still there";
  b.send(origin, kAnswer);
  EXPECT_EQ("H" + b.read(client), kPassedOn);
  EXPECT_TRUE(b.clean());
  EXPECT_EQ(b.last().sent_down, kPassedOn.size());
}

TEST(Ends, AHalfClosedClientStillGetsItsError) {
  Bench b;
  b.world.unanswered.insert("o.test");
  const auto client = b.client();
  b.send(client, "GET http://o.test/ HTTP/1.0\r\n\r\n");
  b.world.remote_shutdown(*client);
  b.settle();
  b.pass(b.config.wait(Wait::resolve));
  EXPECT_EQ(status_of(b.read(client)), 504);
}

TEST(Ends, UpstreamClosesOrResetsWithoutAResponse) {
  for (const bool by_reset : {false, true})
    for (const char* start : {"", "HTTP/1.0 200 OK\r\nDa"}) {
      Bench b;
      auto& host = b.origin();
      const auto client = b.client();
      b.send(client, kGet);
      const auto origin = b.arrival(host);
      b.read(origin);
      b.send(origin, start);
      by_reset ? b.world.remote_rst(*origin) : b.world.remote_close(*origin);
      EXPECT_EQ(status_of(b.read(client)), 502);
      EXPECT_EQ(b.last().reason, by_reset ? Reason::upstream_reset : Reason::upstream_closed);
      EXPECT_TRUE(b.clean());
    }
}

TEST(Ends, ATruncatedResponseIsDetectable) {
  struct Row {
    const char* title;
    string head;
    bool by_reset, sees_reset;
  };
  const Row rows[] = {
      {"by length, closed", "HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: 9\r\n\r\n", false, false},
      {"by length, reset", "HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: 9\r\n\r\n", true, false},
      {"by end of stream, reset", "HTTP/1.0 200 OK\r\nDate: x\r\n\r\n", true, true},
      {"in chunks, closed", "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n", false,
       true},
  };
  for (const Row& row : rows) {
    Bench b;
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, kGet);
    const auto origin = b.arrival(host);
    b.read(origin);
    b.send(origin, row.head + "abc");
    row.by_reset ? b.world.remote_rst(*origin) : b.world.remote_close(*origin);
    const string got = b.read(client);
    EXPECT_EQ(client->remote_reset, row.sees_reset) << row.title;
    EXPECT_EQ(got.substr(got.size() - 3), "abc") << row.title;
    EXPECT_TRUE(b.clean()) << row.title;
  }
}

TEST(Ends, AMalformedChunkTruncatesTheResponse) {
  Bench b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, kGet);
  const auto origin = b.arrival(host);
  b.send(origin, "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  b.read(client);
  b.send(origin, "zzz\r\n");
  b.settle();
  EXPECT_TRUE(client->remote_reset);
  EXPECT_EQ(b.last().reason, Reason::bad_response);
  EXPECT_EQ(b.last().detail, Reason::bad_chunk);
  EXPECT_TRUE(b.clean());
}

TEST(Ends, UpstreamAbortsTheUploadButHasResponded) {
  Bench b{16, 8192};
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, "PUT http://10.0.0.1/ HTTP/1.0\r\nContent-Length: 100000\r\n\r\n");
  const auto origin = b.arrival(host);
  b.world.remote_send(*origin, "HTTP/1.0 413 No\r\nDate: x\r\nContent-Length: 0\r\n\r\n");
  b.world.remote_close(*origin);
  b.world.remote_send(*client, string(8000, 'x'));
  EXPECT_EQ(status_of(b.read(client)), 413);
}

TEST(Ends, ADeadUploadIsNeitherSentNorRead) {
  Bench b{16, 4096};
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, "PUT http://10.0.0.1/ HTTP/1.0\r\nContent-Length: 1000000\r\n\r\nfirst");
  const auto origin = b.arrival(host);
  b.read(origin);
  b.send(origin, "HTTP/1.0 200 OK\r\nDate: x\r\n\r\n");
  for (int i = 0; i < 4; ++i) {  // more than the client, which does not read, has room for
    b.world.remote_send(*origin, string(4000, 'x'));
    b.settle();
  }
  b.world.remote_rst(*origin);
  b.settle();
  b.world.remote_send(*client, "second");
  b.settle();
  ASSERT_EQ(b.record().state, State::SEND_RESPONSE);
  const auto calls = [&b](sim::Call call) { return b.world.calls_made[static_cast<std::size_t>(call)]; };
  const auto sent = calls(sim::Call::transmit), received = calls(sim::Call::receive);
  b.world.remote_send(*client, "third");
  b.settle();
  EXPECT_EQ(calls(sim::Call::transmit), sent);
  EXPECT_EQ(calls(sim::Call::receive), received);
}

TEST(Explained, TheConnectionsNumberAndTheBytesOfAHead) {
  Bench b;
  auto& host = b.origin();
  const auto first = b.client(), client = b.client();
  b.send(client, "PUT http://10.0.0.1/ HTTP/1.0\r\nContent-Length: 9\r\n\r\nfirst");
  const auto origin = b.arrival(host);
  b.send(origin, kAnswer.substr(0, 17));
  const base::TraceEntry& waited = b.trace.at(b.trace.written() - 1);
  EXPECT_EQ(waited.event, base::TraceEvent::waited);
  EXPECT_EQ(waited.value, 17);
  EXPECT_EQ(waited.id, 2U);
  b.send(origin, kAnswer.substr(17));
  b.read(client);
  b.world.remote_close(*client);
  b.settle();
  ASSERT_FALSE(b.worker->finished.empty());
  EXPECT_EQ(b.last().id, 2U);
}

TEST(Ends, ShutdownReleasesEverything) {
  for (const Wait wait :
       {Wait::idle, Wait::request_head, Wait::request_body, Wait::resolve, Wait::connect,
        Wait::upstream_write, Wait::response_head, Wait::response_body, Wait::client_write, Wait::linger}) {
    Bench b{16, 8192};
    std::vector<sim::ConnectionPtr> kept;
    const auto client = wait_as(b, wait, kept);
    release(b.record(), Reason::shutdown, *b.worker);
    EXPECT_TRUE(b.clean()) << plan::row(wait).option;
    EXPECT_EQ(b.scheduler.next_deadline(), 0U);
  }
}

// ---- memory ----------------------------------------------------------------------------------------------

TEST(Starving, WaitsForABlockAndGoesOn) {
  Bench b{1};
  auto& host = b.origin();
  const auto half = b.client();
  b.send(half, "GET http");  // holds the only block
  const auto client = b.client();
  b.send(client, kGet);
  EXPECT_EQ(b.record(1).state, State::READ_REQUEST);
  EXPECT_TRUE(b.record(1).needs_block);
  EXPECT_EQ(b.record(1).wait, Wait::idle) << "it still has a deadline";
  b.world.remote_close(*half);
  b.settle();
  ASSERT_TRUE(b.scheduler.block_needed());
  b.scheduler.wake(b.record(1));  // as the loop does when a block is free
  b.send(b.arrival(host), kAnswer);
  EXPECT_EQ(b.read(client), kPassedOn);
  EXPECT_TRUE(b.clean());
}

TEST(Starving, EndsAtItsDeadline) {
  Bench b{1};
  const auto half = b.client();
  b.send(half, "GET http");
  const auto client = b.client();
  b.send(client, kGet);
  b.worker->now += b.config.wait(Wait::idle);
  b.scheduler.expire(b.worker->now);
  EXPECT_FALSE(b.record(1).needs_block) << "it is removed from the queue";
  b.settle();
  EXPECT_TRUE(client->down.fin_arrived || client->remote_reset);
}

TEST(Starving, ADeadUploadReleasesItsBlock) {
  Bench b{1, 8192};
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, "PUT http://10.0.0.1/ HTTP/1.0\r\nContent-Length: 100000\r\n\r\n");
  const auto origin = b.arrival(host);
  b.world.remote_send(*client, string(8000, 'x'));
  b.settle();
  b.world.remote_close(*origin);  // with unread bytes: RST
  b.world.remote_send(*client, string(8000, 'x'));
  EXPECT_EQ(status_of(b.read(client)), 502) << "the only block is free for the response";
}

}  // namespace
