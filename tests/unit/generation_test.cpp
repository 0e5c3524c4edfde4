// Reload and graceful shutdown: requests in flight are finished, nothing else is served.
#include <gtest/gtest.h>

#include <string>

#include "../../src/config/options.hpp"
#include "bench.hpp"

namespace {

using base::Reason;
using bench::Bench;
using plan::Wait;
using std::string;

constexpr const char* kGet = "GET http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n";
constexpr const char* kOk = "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nab";

bool has(const string& text, const char* what) { return text.find(what) != string::npos; }

// A program that serves HTTP/1.1, and a configuration to load.
struct Changing {
  Changing() { next.config.listeners.emplace_back(); }
  plan::Generation next;
  Bench b{16, 1 << 20, false};
  void change() {
    b.worker->current = &next;
    b.upstreams.reset(8);
  }
  // One request and its response; the connection to the origin stays open.
  string ask(const sim::ConnectionPtr& client, sim::World::Host& host, sim::ConnectionPtr& origin) {
    b.send(client, kGet);
    if (auto fresh = b.arrival(host)) origin = fresh;
    b.read(origin);
    b.send(origin, kOk);
    return b.read(client);
  }
};

TEST(Generations, AnIdleConnectionGetsOneMoreResponseWithClose) {
  Changing c;
  auto& host = c.b.origin();
  sim::ConnectionPtr origin;
  const auto client = c.b.client();
  EXPECT_FALSE(has(c.ask(client, host, origin), "Connection: close"));
  EXPECT_EQ(c.b.generation.records, 1U);
  c.change();
  c.b.settle();
  EXPECT_FALSE(client->down.fin_arrived) << "an idle connection stays";
  const string last = c.ask(client, host, origin);
  EXPECT_TRUE(has(last, "HTTP/1.1 200 OK") && has(last, "Connection: close")) << last;
  c.b.world.remote_close(*client);
  c.b.settle();
  EXPECT_EQ(c.b.generation.records, 0U) << "no connection uses it any more";
}

TEST(Generations, EarlierConnectionsUseTheOldConfiguration) {
  Changing c;
  ASSERT_EQ(config::apply_option(c.next.config, "--deny", "to=10.0.0.0/8"), "");
  auto& host = c.b.origin();
  sim::ConnectionPtr origin;
  const auto before = c.b.client();
  c.change();
  const auto after = c.b.client();
  EXPECT_EQ(c.b.generation.records, 1U);
  EXPECT_EQ(c.next.records, 1U);
  c.b.send(after, kGet);
  EXPECT_TRUE(has(c.b.read(after), " 403 "));
  EXPECT_TRUE(has(c.ask(before, host, origin), " 200 "));
}

TEST(Generations, APendingResponseClosesTheConnection) {
  Changing c;
  auto& host = c.b.origin();
  const auto client = c.b.client();
  c.b.send(client, string{kGet} + kGet);
  const auto origin = c.b.arrival(host);
  c.b.read(origin);
  c.change();
  c.b.send(origin, kOk);
  const string got = c.b.read(client);
  EXPECT_TRUE(has(got, "Connection: close\r\n")) << got;
  EXPECT_EQ(got.find("HTTP/1.1 200 OK"), got.rfind("HTTP/1.1 200 OK")) << "exactly one response";
  EXPECT_TRUE(client->down.fin_arrived);
  EXPECT_FALSE(client->remote_reset);
  EXPECT_EQ(c.b.upstreams.idle(), 0U) << "the new configuration may not allow its destination";
}

TEST(Generations, UnchangedLimitsKeepTheirState) {
  plan::Generation one, same, other;
  one.config.allowance.connections = same.config.allowance.connections = 3;
  other.config.allowance.connections = 4;
  limit_clients(one, nullptr, 8, {});
  limit_clients(same, &one, 8, {});
  limit_clients(other, &one, 8, {});
  EXPECT_EQ(one.limits, same.limits);
  EXPECT_NE(one.limits, other.limits);
}

// ---- deadlines ------------------------------------------------------------------------------------------

TEST(Generations, EachHasItsOwnTimeouts) {
  Changing c;
  c.next.config.wait_ms[static_cast<std::size_t>(Wait::idle)] = 5;
  const auto before = c.b.client();
  c.b.settle();
  c.change();
  const auto after = c.b.client();
  c.b.settle();
  EXPECT_EQ(c.b.scheduler.next_deadline(), c.b.worker->now + 5);
  c.b.pass(5);
  EXPECT_TRUE(after->down.fin_arrived);
  EXPECT_FALSE(before->down.fin_arrived);
  EXPECT_EQ(c.b.generation.records, 1U);
  EXPECT_EQ(c.next.records, 0U);
}

TEST(Generations, ARequestMayHaveItsOwnResponseTimeout) {
  Changing c;
  c.b.origin();
  const auto slow = c.b.client(), quick = c.b.client();
  c.b.send(slow, kGet);
  c.b.settle();
  c.b.send(quick, "PUT http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\nContent-Length: 1\r\n\r\n");
  c.b.settle();
  plan::WebRoute route;
  route.timeouts = {{plan::Wait::response_head, 7}};
  c.b.record(1).exchange->route.web = &route;
  c.b.send(quick, "x");
  EXPECT_EQ(c.b.scheduler.next_deadline(), c.b.worker->now + 7);
  c.b.pass(7);
  EXPECT_TRUE(has(c.b.read(quick), " 504 "));
  EXPECT_EQ(c.b.read(slow), "");
}

// ---- graceful shutdown ----------------------------------------------------------------------------------

TEST(Drain, AnIdleConnectionClosesAtOnce) {
  Changing c;
  auto& host = c.b.origin();
  sim::ConnectionPtr origin;
  const auto silent = c.b.client(), kept = c.b.client();
  c.b.settle();
  c.ask(kept, host, origin);
  EXPECT_EQ(c.b.table.used(), 2U);
  begin_drain(*c.b.worker);
  c.b.settle();
  EXPECT_EQ(c.b.table.used(), 0U);
  EXPECT_TRUE(silent->down.fin_arrived && kept->down.fin_arrived);
}

TEST(Drain, RequestsInFlightAreFinished) {
  Changing c;
  auto& host = c.b.origin();
  const auto half = c.b.client(), waiting = c.b.client();
  c.b.send(half, "GET http://10.0.0.1/ HT");
  c.b.send(waiting, kGet);
  const auto origin = c.b.arrival(host);
  c.b.read(origin);
  begin_drain(*c.b.worker);
  c.b.settle();
  EXPECT_EQ(requests_in_flight(*c.b.worker), 2U);
  c.b.send(origin, kOk);
  EXPECT_TRUE(has(c.b.read(waiting), "Connection: close"));
  c.b.send(half, "TP/1.1\r\nHost: 10.0.0.1\r\n\r\n");
  const auto second = c.b.arrival(host);
  ASSERT_TRUE(second);
  c.b.read(second);
  c.b.send(second, kOk);
  const string got = c.b.read(half);
  EXPECT_TRUE(has(got, " 200 OK") && has(got, "Connection: close")) << got;
  EXPECT_EQ(requests_in_flight(*c.b.worker), 0U);
}

// The response in flight has announced keep-alive, so the next request may have arrived already.
TEST(Drain, ARequestThatFollowsAKeepAliveResponseIsServed) {
  for (const bool more : {false, true}) {
    Changing c;
    auto& host = c.b.origin();
    const auto client = c.b.client();
    c.b.send(client, kGet);
    const auto origin = c.b.arrival(host);
    c.b.read(origin);
    c.b.send(origin, string{kOk}.substr(0, string{kOk}.size() - 1));
    const string begun = c.b.read(client);
    EXPECT_TRUE(has(begun, "200 OK") && !has(begun, "Connection: close")) << begun;
    begin_drain(*c.b.worker);
    if (more) c.b.send(client, kGet);
    c.b.send(origin, "b");
    EXPECT_EQ(c.b.read(client), "b");
    EXPECT_EQ(requests_in_flight(*c.b.worker), more ? 1U : 0U);
    EXPECT_EQ(client->down.fin_arrived, !more);
    if (!more) continue;
    const auto second = c.b.arrival(host);
    ASSERT_TRUE(second) << "a used connection is not kept";
    c.b.read(second);
    c.b.send(second, kOk);
    EXPECT_TRUE(has(c.b.read(client), "Connection: close"));
    EXPECT_TRUE(client->down.fin_arrived);
  }
}

}  // namespace
