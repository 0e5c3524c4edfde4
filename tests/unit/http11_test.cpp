// HTTP/1.1: keep-alive, pipelining, chunks, interim responses, tunnels.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "bench.hpp"

namespace {

using base::Reason;
using bench::Bench;
using plan::Wait;
using std::string;

struct Http11 : Bench {
  explicit Http11(std::size_t blocks = 16, std::size_t room = 1 << 20) : Bench(blocks, room, false) {}
};

string get(const string& path, const string& fields = "") {
  return "GET http://10.0.0.1" + path + " HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n";
}
string forwarded(const string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: 10.0.0.1\r\nVia: 1.1 proxy\r\n\r\n";
}
string answer(const string& body) {
  return "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
string passed_on(const string& body) {
  return "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nVia: 1.1 proxy\r\n\r\n" + body;
}

// The next write fails and clears the socket's error: a read after it returns end of stream.
void fail_next_write(Bench& b, int error) {
  const auto call = sim::Call::transmit;
  b.world.failure = sim::World::Failure{call, b.world.calls_made[static_cast<std::size_t>(call)], error};
}

// ---- large heads -----------------------------------------------------------------------------------------

TEST(LargeHeads, PassBothWaysWithWhatFollowsThem) {
  constexpr http::HeadLimits kLargest{http::kLargestHead, http::kMostFields};
  const auto fields = [](const string& start, std::size_t count) {
    string all = start;
    for (std::size_t i = 1; i < count; ++i) all += "A: b\r\n";
    return all + "C: " + string(http::kLargestHead - all.size() - 7, 'c') + "\r\n\r\n";
  };
  const string body(70'000, 'x'), length = "Content-Length: 70000\r\n", end = "Via: 1.1 proxy\r\n\r\n";
  for (const std::size_t count : {std::size_t{2}, std::size_t{900}}) {
    Bench b{16, 1 << 20, false, kLargest};
    auto& host = b.origin();
    const auto client = b.client();
    const string request = fields("PUT http://10.0.0.1/ HTTP/1.1\r\nHost: x\r\n" + length, count);
    ASSERT_EQ(request.size(), http::kLargestHead);
    const string kept = request.substr(request.find(length), request.size() - request.find(length) - 2);
    b.send(client, request + body + get("/next"));
    const auto origin = b.arrival(host);
    ASSERT_TRUE(origin);
    EXPECT_EQ(b.read(origin), "PUT / HTTP/1.1\r\nHost: 10.0.0.1\r\n" + kept + end + body);
    const string response = fields("HTTP/1.1 200 OK\r\nDate: x\r\n" + length, count);
    b.send(origin, response + body);
    EXPECT_EQ(b.read(client), response.substr(0, response.size() - 2) + end + body);
    EXPECT_EQ(b.read(origin), forwarded("/next")) << "the pipelined request";
    b.send(origin, answer("a"));
    EXPECT_EQ(b.read(client), passed_on("a"));
    EXPECT_EQ(b.blocks_pool.used(), 0U);
  }
}

TEST(LargeHeads, AreRefusedAboveTheLimits) {
  for (const http::HeadLimits& limits :
       {http::HeadLimits{}, http::HeadLimits{20'000, 300}, http::HeadLimits{2000, 10}}) {
    const string most(limits.bytes, 'c');
    string many;
    for (std::size_t i = 0; i <= limits.fields; ++i) many += "A: b\r\n";
    for (const string& fields : {"C: " + most + "\r\n", many}) {
      Bench b{16, 1 << 20, false, limits};
      auto& host = b.origin();
      const auto client = b.client(), other = b.client();
      b.send(client, get("/", fields));
      EXPECT_EQ(b.read(client).find("HTTP/1.1 431 "), 0U);
      b.send(other, get("/"));
      b.send(b.arrival(host), "HTTP/1.1 200 OK\r\n" + fields + "\r\n");
      EXPECT_EQ(b.read(other).find("HTTP/1.1 502 "), 0U);
    }
  }
}

TEST(LargeHeads, TheBlocksHaveRoomForThem) {
  EXPECT_EQ(state::block_bytes_for({}), base::kBlockBytes);
  EXPECT_EQ(state::block_bytes_for({1024, 1}), base::kBlockBytes);
  EXPECT_EQ(state::block_bytes_for({http::kHeadBytesMax, 200}), 17U * 1024);
  EXPECT_EQ(state::block_bytes_for({http::kLargestHead, http::kMostFields}), 62U * 1024);
}

// ---- keep-alive ------------------------------------------------------------------------------------------

TEST(Kept, ByClientAndUpstream) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  sim::ConnectionPtr origin;
  for (const string path : {"/1", "/2", "/3"}) {
    b.send(client, get(path));
    if (!origin) origin = b.arrival(host);
    EXPECT_EQ(b.read(origin), forwarded(path));
    b.send(origin, answer(path));
    EXPECT_EQ(b.read(client), passed_on(path));
    EXPECT_EQ(b.record().wait, Wait::keep_alive);
    EXPECT_EQ(b.blocks_pool.used(), 0U) << "an idle connection holds no block";
    EXPECT_EQ(b.upstreams.idle(), 1U);
  }
  EXPECT_EQ(b.arrival(host), nullptr) << "one connection was enough";
  ASSERT_EQ(b.worker->finished.size(), 3U);
  EXPECT_EQ(b.worker->finished[2]->log.nth, 3U);
  EXPECT_EQ(b.worker->finished[2]->log.sent_up, forwarded("/3").size());
  EXPECT_EQ(b.worker->finished[2]->log.sent_down, passed_on("/3").size());
}

TEST(Kept, PipelinedRequestsAreAnsweredInOrderHoweverTheyAreCut) {
  const string all =
      get("/1") + "POST http://10.0.0.1/2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" + get("/3");
  for (std::size_t cut = 1; cut < all.size(); ++cut) {
    Http11 b;
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, all.substr(0, cut));
    b.send(client, all.substr(cut));
    string seen, got;
    std::vector<sim::ConnectionPtr> origins;
    for (int i = 0; i < 3; ++i) {
      if (auto fresh = b.arrival(host)) origins.push_back(fresh);
      for (auto& origin : origins) {
        const string request = b.read(origin);
        if (request.empty()) continue;
        seen += request;
        b.send(origin, answer(std::to_string(i)));
      }
      got += b.read(client);
    }
    ASSERT_EQ(seen,
              forwarded("/1") +
                  "POST /2 HTTP/1.1\r\nHost: 10.0.0.1\r\nContent-Length: 3\r\nVia: 1.1 proxy\r\n\r\nabc" +
                  forwarded("/3"))
        << cut;
    ASSERT_EQ(got, passed_on("0") + passed_on("1") + passed_on("2")) << cut;
  }
}

TEST(Kept, NotIfTheClientOrItsVersionForbidsIt) {
  for (const string& request : {get("/", "Connection: close\r\n"), get("/", "Connection: x, CLOSE\r\n"),
                                string{"GET http://10.0.0.1/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"}}) {
    Http11 b;
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, request);
    b.send(b.arrival(host), answer("a"));
    EXPECT_NE(b.read(client).find("\r\nConnection: close\r\n"), string::npos) << request;
    EXPECT_TRUE(client->down.fin_arrived) << request;
    EXPECT_EQ(b.table.used(), 0U) << request;
  }
}

TEST(Kept, NotTheUpstreamIfItsFramingIsInDoubt) {
  struct Row {
    const char* title;
    string answer;
  };
  const Row rows[] = {
      {"it says close", "HTTP/1.1 200 OK\r\nDate: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\na"},
      {"HTTP/1.0", "HTTP/1.0 200 OK\r\nDate: x\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na"},
      {"more than the message", answer("a") + "HTTP/1.1 200 Poison\r\n\r\n"},
      {"more than a body without length", "HTTP/1.1 204 No\r\n\r\nx"},
      {"more than the last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx"},
  };
  for (const Row& row : rows) {
    Http11 b;
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, get("/"));
    b.send(b.arrival(host), row.answer);
    b.read(client);
    EXPECT_EQ(b.record().wait, Wait::keep_alive) << row.title;
    EXPECT_EQ(b.upstreams.idle(), 0U) << row.title;
  }
}

TEST(Kept, BytesAfterTheLastChunkAreDetected) {
  for (const string surplus : {"", "x"}) {
    Http11 b;
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, get("/"));
    const auto origin = b.arrival(host);
    b.send(origin, "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    b.send(origin, "1\r\na\r\n0\r\n\r\n" + surplus);
    b.read(client);
    EXPECT_EQ(b.upstreams.idle(), surplus.empty() ? 1U : 0U);
  }
}

TEST(Kept, BytesAfterAFullyReadResponseAreDetected) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, get("/"));
  const auto origin = b.arrival(host);
  b.send(origin, "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 20000\r\n\r\n");
  b.world.remote_send(*origin, string(20'000, 'x') + "HTTP/1.1 200 Poison\r\n\r\n");
  b.read(client);
  EXPECT_EQ(b.upstreams.idle(), 0U);
}

TEST(Kept, AnyEventClosesAnIdleUpstream) {
  for (const bool speaks : {true, false}) {
    Http11 b;
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, get("/"));
    const auto origin = b.arrival(host);
    b.send(origin, answer("a"));
    b.read(client);
    ASSERT_EQ(b.upstreams.idle(), 1U);
    speaks ? void(b.world.remote_send(*origin, "x")) : b.world.remote_close(*origin);
    b.settle();
    EXPECT_EQ(b.upstreams.idle(), 0U) << speaks;
  }
}

// An event would have closed a connection that has been idle since an earlier turn.
TEST(Kept, AnIdleConnectionIsReadBeforeReuseUnlessAWaitHasSeenIt) {
  std::array<std::uint32_t, 2> reads{};
  for (const bool seen : {false, true}) {
    Http11 b;
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, get("/1"));
    const auto origin = b.arrival(host);
    b.send(origin, answer("1"));
    b.read(client);
    b.worker->waits += seen ? 1 : 0;
    b.worker->all_reported = true;
    const auto& calls = b.world.calls_made[static_cast<std::size_t>(sim::Call::receive)];
    const auto before = calls;
    b.send(client, get("/2"));
    reads[seen ? 1 : 0] = calls - before;
    EXPECT_EQ(b.read(origin), forwarded("/1") + forwarded("/2"));
  }
  EXPECT_EQ(reads[0], reads[1] + 1);
}

TEST(Kept, BytesThatNoEventHasReportedYetAreNoResponse) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, get("/1"));
  const auto first = b.arrival(host);
  b.send(first, answer("1"));
  b.read(client);
  first->up.arrived += answer("poison");
  b.send(client, get("/2"));
  const auto second = b.arrival(host);
  ASSERT_TRUE(second) << "the first connection is closed";
  b.send(second, answer("2"));
  EXPECT_EQ(b.read(client), passed_on("2"));
}

TEST(Kept, ARequestOnADeadReusedConnectionIsRetriedOnce) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, get("/1"));
  const auto first = b.arrival(host);
  b.send(first, answer("1"));
  b.read(client);
  b.send(client, get("/2"));
  EXPECT_EQ(b.read(first), forwarded("/1") + forwarded("/2"));
  b.world.remote_close(*first);
  const auto second = b.arrival(host);
  ASSERT_TRUE(second) << "a new connection";
  EXPECT_EQ(b.read(second), forwarded("/2"));
  b.world.remote_close(*second);
  const string got = b.read(client);
  EXPECT_EQ(got.substr(0, 12), "HTTP/1.1 502") << "but not a third time";
  EXPECT_EQ(b.arrival(host), nullptr);
}

TEST(Kept, AConnectionToTheNextAddressToo) {
  Http11 b;
  auto& host = b.origin();
  net::Found found;
  found.what = net::Found::What::found;
  found.host = "o.test";
  found.ttl_ms = 1000;
  for (const char* text : {"10.0.0.9", "10.0.0.1"}) {  // nothing listens at the first
    sys::Address address;
    sys::parse_ip(text, 0, address);
    found.addresses.add(address);
  }
  b.world.names["o.test"] = found;
  const auto client = b.client();
  b.send(client, "GET http://o.test/ HTTP/1.1\r\nHost: x\r\n\r\n");
  b.send(b.arrival(host), answer("a"));
  EXPECT_EQ(b.read(client), passed_on("a"));
  EXPECT_EQ(b.upstreams.idle(), 1U) << "nothing remains of the first";
}

TEST(Kept, NoRetryOnceAResponseHasBegun) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, get("/1"));
  const auto first = b.arrival(host);
  b.send(first, answer("1"));
  b.read(client);
  b.send(client, get("/2"));
  b.send(first, "HTTP/1.1 2");
  b.world.remote_close(*first);
  EXPECT_EQ(b.read(client).substr(0, 12), "HTTP/1.1 502");
  EXPECT_EQ(b.arrival(host), nullptr);
}

TEST(Kept, NonIdempotentRequestsGetANewConnection) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, get("/1"));
  b.send(b.arrival(host), answer("1"));
  b.read(client);
  b.send(client, "POST http://10.0.0.1/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na");
  EXPECT_TRUE(b.arrival(host));
}

TEST(Pool, IsBoundedInNumberAndAge) {
  Http11 b;
  auto& host = b.origin();
  std::vector<sim::ConnectionPtr> clients, origins;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(b.client());
    b.send(clients.back(), get("/"));
    origins.push_back(b.arrival(host));
  }
  for (const auto& origin : origins) b.send(origin, answer("a"));
  EXPECT_EQ(b.upstreams.idle(), 5U);
  EXPECT_EQ(b.upstreams.next_deadline(), b.worker->now + net::UpstreamPool::kIdleMs);
  b.upstreams.expire(b.worker->now + net::UpstreamPool::kIdleMs - 1);
  EXPECT_EQ(b.upstreams.idle(), 5U);
  b.upstreams.expire(b.worker->now + net::UpstreamPool::kIdleMs);
  EXPECT_EQ(b.upstreams.idle(), 0U);
  EXPECT_EQ(b.upstreams.next_deadline(), 0U);
}

TEST(Pool, ReturnsTheNewestOfAnOriginAndEvictsTheOldest) {
  Http11 b;
  net::UpstreamPool pool{2};
  const auto endpoint = [&b] {
    net::Endpoint made;
    made.fd = sys::connect(bench::origin_address()).fd;
    made.serial = b.table.new_serial();
    return made;
  };
  std::vector<std::uint32_t> serials;
  for (const std::uint16_t port : {std::uint16_t{80}, std::uint16_t{81}, std::uint16_t{80}}) {
    net::Endpoint made = endpoint();
    serials.push_back(made.serial);
    pool.own(made, 7);
    pool.release({std::move(made), {}}, {"O.test", port}, 100);
  }
  EXPECT_EQ(pool.idle(), 2U) << "the oldest was evicted";
  EXPECT_FALSE(pool.acquire({"p.test", 80}, 1).upstream.fd);
  EXPECT_FALSE(pool.acquire({"o.test", 82}, 1).upstream.fd);
  const net::Endpoint taken = pool.acquire({"o.TEST", 80}, 1).upstream;
  EXPECT_EQ(taken.serial, serials[2]);
  const net::Token token{taken.serial, static_cast<std::uint32_t>(taken.fd.get()),
                         net::Token::Kind::upstream};
  EXPECT_EQ(pool.owner(token), 1U);
  EXPECT_EQ(pool.owner({taken.serial + 1, token.slot, token.kind}), base::kNoIndex)
      << "an event of an earlier connection";
  EXPECT_EQ(pool.owner({1, 100'000, token.kind}), base::kNoIndex);
  EXPECT_TRUE(pool.close_oldest());
  EXPECT_FALSE(pool.close_oldest());
}

// The payload of complete chunks including the last; "?" if they are invalid.
string unchunked(const string& text) {
  string content;
  for (std::size_t at = 0;;) {
    const std::size_t line = text.find("\r\n", at);
    if (line == string::npos) return "?";
    const std::size_t size = std::stoul(text.substr(at, line - at), nullptr, 16);
    content += text.substr(line + 2, size);
    at = line + 2 + size + 2;
    if (size == 0) return at == text.size() ? content : "?";
  }
}

// ---- bodies ----------------------------------------------------------------------------------------------

TEST(Chunks, AreDecodedAndEncodedInBothDirections) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client,
         "PUT http://10.0.0.1/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;e=f\r\nabc\r\n");
  const auto origin = b.arrival(host);
  EXPECT_EQ(
      b.read(origin),
      "PUT / HTTP/1.1\r\nHost: 10.0.0.1\r\nTransfer-Encoding: chunked\r\nVia: 1.1 proxy\r\n\r\n3\r\nabc\r\n");
  b.send(client, "1");
  b.send(client, "1\r\n0123456789abcdefg\r\n0\r\nA: b\r\n\r\n" + get("/next"));
  EXPECT_EQ(unchunked(b.read(origin)), "0123456789abcdefg");
  b.send(origin, "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  EXPECT_EQ(
      b.read(client),
      "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\nVia: 1.1 proxy\r\n\r\n5\r\nhello\r\n");
  b.send(origin, string{"14\r\n01234567890123456789\r\n"});
  EXPECT_EQ(b.read(client), "14\r\n01234567890123456789\r\n");
  b.send(origin, "0\r\n\r\n");
  EXPECT_EQ(b.read(client), "0\r\n\r\n");
  EXPECT_EQ(b.read(origin), forwarded("/next")) << "over the same connection";
}

TEST(Chunks, CompleteInTheFirstRead) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, get("/"));
  b.send(b.arrival(host),
         "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n");
  EXPECT_EQ(b.read(client),
            "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\nVia: 1.1 "
            "proxy\r\n\r\n6\r\nhello!\r\n0\r\n\r\n");
  EXPECT_EQ(b.upstreams.idle(), 1U);
}

TEST(Chunks, ForABodyThatEndsWithTheStream) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, get("/"));
  const auto origin = b.arrival(host);
  b.read(origin);
  b.send(origin, "HTTP/1.1 200 OK\r\nDate: x\r\n\r\nhello");
  b.send(origin, string(20'000, 'x'));
  b.world.remote_close(*origin);
  const string got = b.read(client);
  EXPECT_NE(got.find("\r\n\r\n5\r\nhello\r\n"), string::npos);
  EXPECT_EQ(got.substr(got.size() - 7), "\r\n0\r\n\r\n");
  EXPECT_EQ(b.record().wait, Wait::keep_alive) << "the client's connection stays";
  EXPECT_EQ(b.upstreams.idle(), 0U);
}

TEST(Chunks, ForABodyWhoseHeadArrivesAlone) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, get("/"));
  const auto origin = b.arrival(host);
  b.read(origin);
  b.send(origin, "HTTP/1.1 200 OK\r\nDate: x\r\n\r\n");
  b.send(origin, "hello");
  b.world.remote_close(*origin);
  const string got = b.read(client);
  EXPECT_EQ(unchunked(got.substr(got.find("\r\n\r\n") + 4)), "hello");
}

TEST(Chunks, ATruncatedBodyHasNoLastChunk) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, get("/"));
  const auto origin = b.arrival(host);
  b.read(origin);
  b.send(origin, "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  b.world.remote_close(*origin);
  EXPECT_EQ(b.read(client).find("0\r\n\r\n"), string::npos);
  EXPECT_TRUE(client->down.fin_arrived || client->remote_reset);
  EXPECT_EQ(b.last().reason, Reason::response_truncated);
}

TEST(Chunks, AResetReportedToTheUploadDoesNotEndTheResponse) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, "PUT http://10.0.0.1/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nfirst");
  const auto origin = b.arrival(host);
  b.read(origin);
  b.send(origin, "HTTP/1.1 200 OK\r\nDate: x\r\n\r\nhello");
  b.read(client);
  fail_next_write(b, ECONNRESET);
  b.send(client, "second");
  EXPECT_EQ(b.read(client).find("0\r\n\r\n"), string::npos);
  EXPECT_EQ(b.last().reason, Reason::upstream_reset);
}

TEST(Chunks, MalformedRequestChunksAreRefusedWhereverTheyCome) {
  for (const bool at_once : {true, false}) {
    Http11 b;
    auto& host = b.origin();
    const auto client = b.client();
    const string head = "PUT http://10.0.0.1/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    b.send(client, at_once ? head + "x\r\n" : head);
    const auto origin = b.arrival(host);
    if (!at_once) b.send(client, "x\r\n");
    EXPECT_EQ(b.read(client).substr(0, 12), "HTTP/1.1 400") << at_once;
    EXPECT_EQ(b.last().reason, Reason::bad_chunk);
    if (origin) {
      EXPECT_EQ(b.read(origin).find("0\r\n\r\n"), string::npos);
    }
  }
}

TEST(Chunks, AboveTheLimitAreRefusedWhereverTheyCome) {
  const string head = "PUT http://10.0.0.1/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  const string body = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", all = head + body;
  for (std::size_t cut = 1; cut <= all.size(); ++cut) {
    for (const std::uint64_t most : {5, 4}) {
      Http11 b;
      b.config.max_body = most;
      auto& host = b.origin();
      const auto client = b.client();
      b.send(client, all.substr(0, cut));
      b.send(client, all.substr(cut));
      const auto origin = b.arrival(host);
      const string sent = origin ? b.read(origin) : string{};
      if (most == 5) {
        ASSERT_TRUE(origin);
        EXPECT_EQ(unchunked(sent.substr(sent.find("\r\n\r\n") + 4)), "abcde") << cut;
        continue;
      }
      EXPECT_EQ(sent.find("de"), string::npos) << cut;
      EXPECT_EQ(sent.find("\r\n0\r\n"), string::npos) << cut << ": the body must not look complete";
      EXPECT_EQ(b.read(client).find("HTTP/1.1 413 Content Too Large\r\n"), 0U) << cut;
      EXPECT_TRUE(client->down.fin_arrived) << cut;
      EXPECT_EQ(b.last().reason, Reason::body_too_large) << cut;
      EXPECT_EQ(b.upstreams.idle(), 0U) << cut;
    }
  }
}

TEST(Framing, NeverReadsBeyondChunksIfConfigured) {
  const string body = "3\r\nabc\r\n10;x=y\r\n0123456789abcdef\r\n1 ;z\r\n!\r\n0\r\nA: b\r\nC:d\r\n\r\n";
  for (const std::size_t room : {std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
    http::Framing framing{{http::Body::Kind::chunked, 0}};
    string rest = body + "GET", content;
    while (!framing.complete()) {
      const std::size_t wanted = framing.certain(room);
      ASSERT_GT(wanted, 0U);
      ASSERT_LE(wanted, room);
      string piece = rest.substr(0, wanted);
      rest.erase(0, wanted);
      const auto taken = framing.take(std::as_writable_bytes(std::span{piece.data(), piece.size()}));
      ASSERT_FALSE(taken.bad);
      ASSERT_EQ(taken.consumed, piece.size()) << "it was all of this message";
      content += piece.substr(0, taken.payload);
    }
    EXPECT_EQ(content, "abc0123456789abcdef!");
    EXPECT_EQ(rest, "GET");
    EXPECT_EQ(framing.certain(room), 0U);
  }
}

// ---- interim responses -----------------------------------------------------------------------------------

TEST(InterimResponses, AreForwardedHoweverTheyAreCut) {
  const string all =
      "HTTP/1.1 103 Early\r\nLink: a\r\nContent-Length: 3\r\n\r\nHTTP/1.1 100 Go\r\n\r\n" + answer("hello");
  for (std::size_t cut = 1; cut < all.size(); ++cut) {
    Http11 b;
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, get("/"));
    const auto origin = b.arrival(host);
    b.send(origin, all.substr(0, cut));
    b.send(origin, all.substr(cut));
    ASSERT_EQ(
        b.read(client),
        "HTTP/1.1 103 Early\r\nLink: a\r\nVia: 1.1 proxy\r\n\r\nHTTP/1.1 100 Go\r\nVia: 1.1 proxy\r\n\r\n" +
            passed_on("hello"))
        << cut;
    EXPECT_EQ(b.last().status, 200);
  }
}

TEST(InterimResponses, TheHostSendsTheExpected100) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client,
         "PUT http://10.0.0.1/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  const auto origin = b.arrival(host);
  EXPECT_EQ(b.read(client), "");
  b.send(origin, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(b.read(client), "HTTP/1.1 100 Continue\r\nVia: 1.1 proxy\r\n\r\n");
  b.read(origin);
  b.send(client, "abc");
  EXPECT_EQ(b.read(origin), "abc");
  b.send(origin, answer("ok"));
  EXPECT_EQ(b.read(client), passed_on("ok"));
  EXPECT_EQ(b.record().wait, Wait::keep_alive);
}

TEST(InterimResponses, AResponseBeforeTheCompleteRequestClosesTheConnection) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, "PUT http://10.0.0.1/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
  b.send(b.arrival(host), answer("no"));
  EXPECT_NE(b.read(client).find("\r\nConnection: close\r\n"), string::npos);
  EXPECT_EQ(b.record().wait, Wait::linger);
  EXPECT_EQ(b.upstreams.idle(), 0U);
}

TEST(Kept, ARetainedBlockServesTheResponseIfNoOtherIsFree) {
  Http11 b{1};
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, get("/1") + get("/2"));
  const auto origin = b.arrival(host);
  EXPECT_EQ(b.read(origin), forwarded("/1"));
  b.send(origin, answer("1"));
  const string got = b.read(client);
  EXPECT_EQ(got.substr(got.size() - 5), "\r\n\r\n1");
  EXPECT_NE(got.find("\r\nConnection: close\r\n"), string::npos)
      << "the client must repeat the second request";
  b.world.remote_close(*client);
  b.settle();
  EXPECT_TRUE(b.clean());
}

TEST(Kept, LingersForAClientThatExpectsKeepAlive) {
  Http11 b;
  const auto client = b.client();
  b.send(client, "GET http://x!/ HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(b.read(client).substr(0, 12), "HTTP/1.1 400");
  EXPECT_EQ(b.record().wait, Wait::linger);
  b.send(client, get("/next"));
  EXPECT_FALSE(client->remote_reset) << "it would destroy the response";
  b.world.remote_close(*client);
  b.settle();
  EXPECT_TRUE(b.clean());
}

TEST(OwnErrors, AfterARequestThatWasReadWholeTheConnectionStays) {
  struct Row {
    const char* title;
    string request;
    const char* status;
    bool stays;
  };
  const string refused = "http://10.0.0.9/", denied = "http://169.254.169.254/";
  const Row rows[] = {
      {"an unreachable host", "GET " + refused + " HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 502", true},
      {"a whole body", "PUT " + refused + " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
       "HTTP/1.1 502", true},
      {"a part of a body", "PUT " + refused + " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nh",
       "HTTP/1.1 502", false},
      {"a denied address", "GET " + denied + " HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 403", true},
      {"a denied address and a whole body",
       "PUT " + denied + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
       "HTTP/1.1 403", true},
      {"a scheme that is not supported", "GET https://h/ HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 501", true},
      {"the same, and a part of a body", "PUT https://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nh",
       "HTTP/1.1 501", false},
      {"CONNECT to a port that is not allowed", "CONNECT h:25 HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 403",
       false},
      {"CONNECT to an unreachable host", "CONNECT 10.0.0.9:443 HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 502",
       false},
      {"an upgrade", "GET " + refused + " HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
       "HTTP/1.1 502", false},
      {"the client closes", "GET " + refused + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
       "HTTP/1.1 502", false},
      {"HTTP/1.0", "GET " + refused + " HTTP/1.0\r\n\r\n", "HTTP/1.0 502", false},
      {"a malformed request", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400", false},
      {"no HTTP", "hello\r\n\r\n", "HTTP/1.0 400", false},
      {"not a request for a proxy", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400", false},
      {"a Host other than the proxy's", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 421", true},
  };
  for (const Row& row : rows) {
    Http11 b;
    const auto client = b.client();
    b.send(client, row.request);
    const string got = b.read(client);
    EXPECT_EQ(got.substr(0, 12), row.status) << row.title;
    EXPECT_EQ(got.find("\r\nConnection: close\r\n") == string::npos, row.stays) << row.title;
    EXPECT_EQ(client->down.fin_arrived, !row.stays) << row.title;
    if (!row.stays) continue;
    EXPECT_EQ(b.record().wait, Wait::keep_alive) << row.title;
    EXPECT_EQ(b.blocks_pool.used(), 0U) << row.title;
    auto& host = b.origin();
    b.send(client, get("/next"));
    const auto origin = b.arrival(host);
    ASSERT_TRUE(origin) << row.title;
    EXPECT_EQ(b.read(origin), forwarded("/next")) << row.title;
    b.send(origin, answer("a"));
    EXPECT_EQ(b.read(client), passed_on("a")) << row.title;
  }
}

TEST(OwnErrors, ThePipelinedRequestIsServedNext) {
  for (const std::size_t blocks : {1U, 16U}) {
    Http11 b{blocks};
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, "GET http://10.0.0.9/ HTTP/1.1\r\nHost: x\r\n\r\n" + get("/next"));
    const auto origin = b.arrival(host);
    EXPECT_EQ(origin != nullptr, blocks == 16) << "with one block, the client repeats it";
    const string got = b.read(client);
    EXPECT_EQ(got.substr(0, 12), "HTTP/1.1 502");
    EXPECT_EQ(got.find("\r\nConnection: close\r\n") == string::npos, blocks == 16);
  }
}

TEST(InterimResponses, DoNotHideThatTheClientHasLeft) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, get("/"));
  b.send(b.arrival(host), "HTTP/1.1 103 Early\r\n\r\n");
  b.read(client);
  b.world.remote_close(*client);
  b.settle();
  EXPECT_EQ(b.table.used(), 0U);
}

// ---- tunnels ---------------------------------------------------------------------------------------------

constexpr auto kConnect = "CONNECT 10.0.0.1:80 HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr auto kEstablished = "HTTP/1.1 200 Connection Established\r\n\r\n";

struct TunnelTest : testing::Test {
  TunnelTest() {
    b.config.connect_ports = {{80, 80}};
    client = b.client();
  }
  void open(const string& early = "") {
    b.send(client, kConnect + early);
    far = b.arrival(host);
    ASSERT_TRUE(far);
    ASSERT_EQ(b.read(client), kEstablished);
  }
  Http11 b;
  sim::World::Host& host = b.origin();
  sim::ConnectionPtr client, far;
};

TEST_F(TunnelTest, BothDirectionsAtOnce) {
  open();
  b.world.remote_send(*client, "GET / HTTP/1.1\r\n\r\n");
  b.world.remote_send(*far, "HTTP/9.9 whatever\n");
  EXPECT_EQ(b.read(far), "GET / HTTP/1.1\r\n\r\n") << "not parsed";
  EXPECT_EQ(b.read(client), "HTTP/9.9 whatever\n");
  EXPECT_EQ(b.record().wait, Wait::tunnel);
  EXPECT_EQ(b.blocks_pool.used(), 0U);
}

TEST_F(TunnelTest, EarlyDataIsNotLost) {
  open("early");
  EXPECT_EQ(b.read(far), "early");
}

TEST_F(TunnelTest, EachDirectionEndsSeparately) {
  open();
  b.world.remote_send(*client, "last");
  b.world.remote_shutdown(*client);
  EXPECT_EQ(b.read(far), "last");
  EXPECT_TRUE(far->down.fin_arrived);
  EXPECT_FALSE(client->down.fin_arrived);
  b.send(far, "still");
  EXPECT_EQ(b.read(client), "still");
  b.world.remote_close(*far);
  b.settle();
  EXPECT_TRUE(client->down.fin_arrived);
  EXPECT_TRUE(b.clean());
  EXPECT_EQ(b.last().reason, Reason::complete);
  EXPECT_EQ(b.last().sent_up, 4U);
  EXPECT_EQ(b.last().sent_down, string{kEstablished}.size() + 5);
}

TEST_F(TunnelTest, AResetIsForwarded) {
  open();
  b.world.remote_rst(*far);
  b.settle();
  EXPECT_TRUE(client->remote_reset);
  EXPECT_EQ(b.last().reason, Reason::upstream_reset);
}

TEST_F(TunnelTest, AResetOfTheClientIsForwarded) {
  open();
  b.world.remote_rst(*client);
  b.settle();
  EXPECT_TRUE(far->remote_reset);
  EXPECT_EQ(b.last().reason, Reason::client_closed);
}

TEST_F(TunnelTest, AnUploadTruncatedAfterTheOtherEndIsDetectable) {
  open();
  b.world.remote_shutdown(*far);
  b.settle();
  b.send(client, "half");
  b.world.remote_rst(*client);
  b.settle();
  EXPECT_TRUE(far->remote_reset);
}

TEST_F(TunnelTest, TheLastBytesOfAPeerThatReadsNoMoreAreForwarded) {
  open();
  const string last(100'000, 'x');
  b.world.remote_send(*far, last);
  b.world.remote_shutdown(*far);
  b.settle();
  b.world.remote_close(*far);
  b.send(client, "to no reader");
  EXPECT_EQ(b.read(client), last);
  EXPECT_TRUE(client->down.fin_arrived);
}

TEST_F(TunnelTest, AResetReportedToAWriteIsNotAnEnd) {
  open();
  fail_next_write(b, ECONNRESET);
  b.send(client, "to no reader");
  EXPECT_TRUE(client->remote_reset);
  EXPECT_EQ(b.last().reason, Reason::upstream_reset);
}

TEST_F(TunnelTest, RefusedTunnels) {
  b.send(client, "CONNECT 10.0.0.9:80 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(b.read(client).substr(0, 12), "HTTP/1.1 502");
  EXPECT_EQ(b.last().reason, Reason::connection_refused);
}

TEST(Upgrade, BecomesATunnelIfBothAgree) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, get("/", "Connection: upgrade\r\nUpgrade: echo/1\r\n") + "early");
  const auto origin = b.arrival(host);
  EXPECT_EQ(
      b.read(origin),
      "GET / HTTP/1.1\r\nHost: 10.0.0.1\r\nVia: 1.1 proxy\r\nUpgrade: echo/1\r\nConnection: Upgrade\r\n\r\n");
  b.send(origin, "HTTP/1.1 101 Go\r\nUpgrade: echo/1\r\nConnection: Upgrade\r\n\r\nhi");
  EXPECT_EQ(b.read(client),
            "HTTP/1.1 101 Go\r\nVia: 1.1 proxy\r\nUpgrade: echo/1\r\nConnection: Upgrade\r\n\r\nhi");
  EXPECT_EQ(b.read(origin), "early");
  b.send(client, "more");
  EXPECT_EQ(b.read(origin), "more");
  b.world.remote_close(*origin);
  b.settle();
  EXPECT_TRUE(client->down.fin_arrived);
}

TEST(Upgrade, NotForOldClientsNorUnrequested) {
  for (const string& request :
       {get("/"), get("/", "Upgrade: echo\r\n"),
        string{"GET http://10.0.0.1/ HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"}}) {
    Http11 b;
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, request);
    const auto origin = b.arrival(host);
    EXPECT_EQ(b.read(origin).find("Upgrade"), string::npos) << request;
    b.send(origin, "HTTP/1.1 101 Go\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n");
    EXPECT_EQ(b.read(client).substr(8, 4), " 502") << request;
  }
}

TEST(Upgrade, TheTunnelFollowsTheBodyHoweverItArrives) {
  const string fields = "Connection: upgrade\r\nUpgrade: tcp\r\n";
  const string switched = "HTTP/1.1 101 Go\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n";
  struct Row {
    string body, sent, received;
  };
  const Row rows[] = {
      {"Content-Length: 0\r\n", "", ""},
      {"Content-Length: 2\r\n", "{}", "{}"},
      {"Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n", ""},
  };
  for (const Row& row : rows)
    for (std::size_t before_switch = 0; before_switch <= row.sent.size(); ++before_switch)
      for (const bool at_once : {false, true}) {
        Http11 b;
        auto& host = b.origin();
        const auto client = b.client();
        const string head = "POST http://10.0.0.1/exec HTTP/1.1\r\nHost: x\r\n" + fields + row.body + "\r\n";
        const bool whole = before_switch == row.sent.size();
        b.send(client, head + row.sent.substr(0, before_switch) + (at_once && whole ? "early" : ""));
        const auto origin = b.arrival(host);
        string got = b.read(origin);
        EXPECT_NE(got.find("Upgrade: tcp\r\nConnection: Upgrade\r\n"), string::npos);
        b.send(origin, switched + "hello");
        EXPECT_TRUE(b.read(client).ends_with("\r\n\r\nhello"));
        b.send(client, row.sent.substr(before_switch) + (at_once && whole ? "" : "early"));
        b.send(client, " and late");
        got += b.read(origin);
        got = got.substr(got.find("\r\n\r\n") + 4);
        EXPECT_TRUE(got.ends_with("early and late")) << got;
        const string body = got.substr(0, got.size() - 14);
        EXPECT_EQ(row.received.empty() && !row.sent.empty() ? unchunked(body) : body,
                  row.sent.empty() ? "" : "{}")
            << got;
        b.world.remote_shutdown(*client);
        b.settle();
        EXPECT_TRUE(origin->up.fin_arrived || origin->down.fin_arrived) << "the client's end is forwarded";
        b.send(origin, "bye");
        EXPECT_EQ(b.read(client), "bye");
      }
}

TEST(Upgrade, AMalformedBodyEndsIt) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client,
         "POST http://10.0.0.1/ HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: tcp\r\n"
         "Transfer-Encoding: chunked\r\n\r\n");
  const auto origin = b.arrival(host);
  b.read(origin);
  b.send(origin, "HTTP/1.1 101 Go\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n");
  b.send(client, "x\r\n");
  EXPECT_EQ(b.table.used(), 0U);
}

TEST(Upgrade, WhatNeverPassesIsNotAccepted) {
  for (const char* protocols : {"h2c", "echo, h2c", "TLS/1.0", ""}) {
    Http11 b;
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, get("/", "Connection: upgrade\r\nUpgrade: echo, h2c\r\n"));
    const auto origin = b.arrival(host);
    EXPECT_NE(b.read(origin).find("\r\nUpgrade: echo\r\n"), string::npos);
    b.send(origin, "HTTP/1.1 101 Go\r\nUpgrade: " + string{protocols} + "\r\nConnection: Upgrade\r\n\r\n");
    EXPECT_EQ(b.read(client).substr(8, 4), " 502") << protocols;
  }
}

TEST(Upgrade, AResponseThatRequiresOneNamesItsProtocols) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, get("/"));
  b.send(b.arrival(host),
         "HTTP/1.1 426 Upgrade Required\r\nDate: x\r\nUpgrade: HTTP/3.0\r\nUpgrade: h2c\r\nConnection: "
         "Upgrade\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(b.read(client),
            "HTTP/1.1 426 Upgrade Required\r\nDate: x\r\nContent-Length: 0\r\nVia: 1.1 proxy\r\nUpgrade: "
            "HTTP/3.0, h2c\r\nConnection: Upgrade\r\n\r\n");
}

TEST_F(TunnelTest, ALengthOfZeroIsNoBody) {
  b.send(client, "CONNECT 10.0.0.1:80 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(b.read(client), kEstablished);
}

// ---- responses that are odd but readable -----------------------------------------------------------------

TEST(OddResponses, WithOneReadingAreForwardedClean) {
  struct Row {
    const char* title;
    string sent, head, body;
    bool kept;
  };
  const string via = "Via: 1.1 proxy\r\n", chunks = "Transfer-Encoding: chunked\r\n" + via + "\r\n";
  const Row rows[] = {
      {"blanks before a colon", "HTTP/1.1 200 OK\r\nDate: x\r\nA : b\r\nContent-Length\t: 1\r\n\r\nx",
       "A: b\r\nContent-Length: 1\r\n" + via + "\r\n", "x", true},
      {"LF as line end", "HTTP/1.1 200 OK\nDate: x\nContent-Length: 1\n\nx",
       "Content-Length: 1\r\n" + via + "\r\n", "x", true},
      {"LF in chunks", "HTTP/1.1 200 OK\nDate: x\nTransfer-Encoding: chunked\n\n1\nx\n0\nA: b\n\n", chunks,
       "1\r\nx\r\n0\r\n\r\n", true},
      {"blanks after a chunk's size",
       "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n1 \t\r\nx\r\n0  \r\n\r\n", chunks,
       "1\r\nx\r\n0\r\n\r\n", true},
      {"the same length twice",
       "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 1, 1\r\ncontent-length: 01\r\n\r\nx",
       "Content-Length: 1\r\n" + via + "\r\n", "x", true},
      {"HTTP/1.0 with chunks",
       "HTTP/1.0 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
       "Transfer-Encoding: chunked\r\nVia: 1.0 proxy\r\n\r\n", "1\r\nx\r\n0\r\n\r\n", false},
      {"control characters",
       "HTTP/1.1 200 OK\r\nDate: x\r\nA: b\x01\x1b\x7f\tc\r\nContent-Length: 1\r\n\r\nx",
       "A: b   \tc\r\nContent-Length: 1\r\n" + via + "\r\n", "x", true},
      {"an empty line before it", "\r\n\r\nHTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 1\r\n\r\nx",
       "Content-Length: 1\r\n" + via + "\r\n", "x", true},
      {"empty elements of a list",
       "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: , chunked ,\r\n\r\n1\r\nx\r\n0\r\n\r\n", chunks,
       "1\r\nx\r\n0\r\n\r\n", true},
  };
  for (const Row& row : rows)
    for (std::size_t cut = 1; cut < row.sent.size(); ++cut) {
      Http11 b;
      auto& host = b.origin();
      const auto client = b.client();
      b.send(client, get("/"));
      const auto origin = b.arrival(host);
      b.read(origin);
      b.send(origin, row.sent.substr(0, cut));
      b.send(origin, row.sent.substr(cut));
      EXPECT_EQ(b.read(client), "HTTP/1.1 200 OK\r\nDate: x\r\n" + row.head + row.body)
          << row.title << ", cut at " << cut;
      EXPECT_EQ(b.upstreams.idle(), row.kept ? 1U : 0U) << row.title;
      if (testing::Test::HasFailure()) return;
    }
}

TEST(OddResponses, ARadioStreamIsHttp10) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, "GET http://10.0.0.1/ HTTP/1.0\r\n\r\n");
  const auto origin = b.arrival(host);
  b.send(origin, "ICY 200 OK\r\nicy-name:x\r\n\r\nmusic");
  const string got = b.read(client);
  EXPECT_TRUE(got.starts_with("HTTP/1.0 200 OK\r\nicy-name: x\r\n")) << got;
  EXPECT_TRUE(got.ends_with("\r\n\r\nmusic")) << got;
}

TEST(OddResponses, WithTwoReadingsAreRejected) {
  const string chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const string& sent :
       {string{"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nx"},
        string{"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n"},
        string{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
        "HTTP/1.1 200 OK\r\nA: " + string(1, '\0') + "\r\n\r\n",
        string{"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"}, chunks + "1;a\nx\r\n0\r\n\r\n", chunks + "1\rx\r\n",
        chunks + "1\r\nx\r0\r\n", chunks + "1 2\r\n"}) {
    Http11 b;
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, get("/"));
    b.send(b.arrival(host), sent);
    EXPECT_EQ(b.read(client).substr(8, 4), " 502") << testing::PrintToString(sent);
  }
}

TEST(OddResponses, WithoutABodyTheirLengthsDoNotCount) {
  const string both = "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
               two = "Content-Length: 3\r\nContent-Length: 4\r\n";
  struct Row {
    const char *method, *status;
    string fields, written;
  };
  const Row rows[] = {
      {"HEAD", "200", both, ""},
      {"HEAD", "200", two, ""},
      {"HEAD", "200", "Content-Length: 3, 3\r\n", "Content-Length: 3\r\n"},
      {"GET", "304", both, ""},
      {"GET", "304", two, ""},
      {"GET", "204", both, ""},
      {"GET", "204", "Content-Length: x\r\n", ""},
      {"HEAD", "200", "Transfer-Encoding: gzip\r\n", ""},
  };
  for (const Row& row : rows) {
    Http11 b;
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, string{row.method} + " http://10.0.0.1/ HTTP/1.1\r\nHost: x\r\n\r\n");
    b.send(b.arrival(host), "HTTP/1.1 " + string{row.status} + " X\r\nDate: x\r\n" + row.fields + "\r\n");
    EXPECT_EQ(b.read(client), "HTTP/1.1 " + string{row.status} + " X\r\nDate: x\r\n" + row.written +
                                  "Via: 1.1 proxy\r\n\r\n");
    EXPECT_EQ(b.upstreams.idle(), 1U);
  }
}

TEST(InterimResponses, AreBoundedByTheirBytes) {
  Http11 b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, get("/"));
  const auto origin = b.arrival(host);
  const string interim = "HTTP/1.1 102 Processing\r\n\r\n";
  for (int i = 0; i < 3600; ++i) {
    b.send(origin, interim);
    b.pass(1000);
    ASSERT_EQ(b.read(client), "HTTP/1.1 102 Processing\r\nVia: 1.1 proxy\r\n\r\n") << i;
  }
  b.send(origin, answer("done"));
  EXPECT_EQ(b.read(client), passed_on("done"));

  b.send(client, get("/"));
  b.read(origin);
  const string large = "HTTP/1.1 103 Early\r\nLink: " + string(8000, 'x') + "\r\n\r\n";
  std::size_t sent = 0;
  for (; sent < 2'000'000 && b.worker->finished.size() == 1; sent += large.size()) {
    b.world.remote_send(*origin, large);
    b.read(client);
  }
  EXPECT_GT(sent, 1'000'000U);
  EXPECT_EQ(b.last().reason, Reason::bad_response);
}

}  // namespace
