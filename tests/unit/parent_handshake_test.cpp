// Requests through an upstream proxy: the handshake, and the handling of its replies.
#include <gtest/gtest.h>

#include <string>

#include "../../src/config/options.hpp"
#include "../../src/config/parent_text.hpp"
#include "bench.hpp"

namespace {

using base::Reason;
using bench::Bench;
using plan::Wait;
using std::string;
using namespace std::string_literals;

constexpr const char* kGet = "GET http://o.test/a HTTP/1.1\r\nHost: o.test\r\n\r\n";
constexpr const char* kConnect = "CONNECT o.test:443 HTTP/1.1\r\nHost: o.test:443\r\n\r\n";

// The parent listens at the address of the bench's origin.
struct Family : Bench {
  explicit Family(const char* url, std::size_t blocks = 16, std::size_t send_room = 1 << 20)
      : Bench(blocks, send_room, false) {
    add(url);
  }
  void add(const char* url) { EXPECT_EQ(config::apply_option(config, "--parent", url), ""); }
  string heard(const sim::ConnectionPtr& connection) { return read(connection); }
  sim::ConnectionPtr ask(const char* request) {
    auto asking = client();
    send(asking, request);
    return asking;
  }
};

TEST(HttpParent, ReceivesAbsoluteForm) {
  Family b{"http://Aladdin:open%20sesame@10.0.0.1:80"};
  auto& host = b.origin();
  const auto client = b.ask(kGet);
  const auto parent = b.arrival(host);
  // The credentials are those of RFC 7617 section 2.
  EXPECT_EQ(b.heard(parent),
            "GET http://o.test/a HTTP/1.1\r\nHost: o.test\r\n"
            "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\nVia: 1.1 proxy\r\n\r\n");
  b.send(parent, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(b.read(client).substr(0, 12), "HTTP/1.1 204");
}

TEST(HttpParent, ItsConnectionServesOtherHostsToo) {
  Family b{"http://10.0.0.1:80"};
  auto& host = b.origin();
  const auto first = b.ask(kGet);
  const auto parent = b.arrival(host);
  b.heard(parent);
  b.send(parent, "HTTP/1.1 204 No Content\r\n\r\n");
  const auto second = b.ask("GET http://other.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n");
  EXPECT_EQ(b.heard(parent).substr(0, 27), "GET http://other.test/ HTTP");
  EXPECT_EQ(b.arrival(host), nullptr);
}

TEST(HttpParent, OpensATunnel) {
  Family b{"http://10.0.0.1:80"};
  auto& host = b.origin();
  const auto client = b.ask(kConnect);
  b.send(client, "early");
  const auto parent = b.arrival(host);
  EXPECT_EQ(b.heard(parent), "CONNECT o.test:443 HTTP/1.1\r\nHost: o.test:443\r\nVia: 1.1 proxy\r\n\r\n")
      << "and nothing else before the reply";
  EXPECT_EQ(b.read(client), "");
  b.send(parent, "HTTP/1.1 200 Fine\r\nContent-Length: 3\r\n\r\nbanner");
  EXPECT_EQ(b.read(client), "HTTP/1.1 200 Connection Established\r\n\r\nbanner");
  EXPECT_EQ(b.heard(parent), "early");
  b.world.remote_close(*client);
  b.world.remote_close(*parent);
  b.settle();
  EXPECT_TRUE(b.clean());
}

TEST(HttpParent, ReplyByteByByte) {
  Family b{"http://10.0.0.1:80"};
  auto& host = b.origin();
  const auto client = b.ask(kConnect);
  const auto parent = b.arrival(host);
  for (const char c : "HTTP/1.1 103 Early\r\n\r\nHTTP/1.0 200 OK\r\n\r\nx"s) b.send(parent, string{c});
  EXPECT_EQ(b.read(client), "HTTP/1.1 200 Connection Established\r\n\r\nx");
}

struct Row {
  const char* title;
  string answer;
  Reason reason;
  int status;
};

void expect_refusals(const char* url, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    Family b{url};
    auto& host = b.origin();
    const auto client = b.ask(kConnect);
    const auto parent = b.arrival(host);
    b.heard(parent);
    b.send(parent, row.answer);
    if (row.answer.empty()) b.world.remote_close(*parent);
    const string got = b.read(client);
    EXPECT_EQ(got.substr(9, 3), std::to_string(row.status)) << row.title << ": " << got;
    EXPECT_EQ(b.last().reason, row.reason) << row.title;
    EXPECT_EQ(got.find("authenticate"), string::npos) << "the parent's challenge is not for the client";
  }
}

TEST(HttpParent, Refusals) {
  expect_refusals("http://10.0.0.1:80",
                  {{"forbidden", "HTTP/1.1 403 No\r\n\r\n", Reason::parent_refused, 502},
                   {"not HTTP", "SSH-2.0-x\r\n", Reason::bad_parent_response, 502},
                   {"closes", "", Reason::upstream_closed, 502}});
  expect_refusals(
      "http://ann:secret@10.0.0.1:80",
      {{"does not accept the login", "HTTP/1.1 407 Login?\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n",
        Reason::parent_auth_failed, 502}});
}

// Without a login of the proxy's own, the client logs in to the parent: GET and CONNECT alike.
TEST(HttpParent, AsksTheClientForALogin) {
  const string challenge =
      "HTTP/1.1 407 Login\r\nDate: x\r\nProxy-Authenticate: NTLM\r\nContent-Length: 2\r\n\r\nno";
  const string passed =
      "HTTP/1.1 407 Login\r\nDate: x\r\nProxy-Authenticate: NTLM\r\nContent-Length: 2\r\nVia: 1.1 "
      "proxy\r\n\r\nno";
  for (const string first : {kGet, kConnect}) {
    Family b{"http://10.0.0.1:80"};
    auto& host = b.origin();
    const auto client = b.ask(first.c_str());
    const auto parent = b.arrival(host);
    EXPECT_EQ(b.heard(parent).find("Proxy-Authorization"), string::npos);
    b.send(parent, challenge);
    EXPECT_EQ(b.read(client), passed) << first;
    ASSERT_EQ(b.upstreams.bound(), 1U) << "the steps of the login need the same connection";
    b.send(client, first.substr(0, first.size() - 2) + "Proxy-Authorization: NTLM abc\r\n\r\n");
    EXPECT_EQ(b.arrival(host), nullptr);
    EXPECT_NE(b.heard(parent).find("\r\nProxy-Authorization: NTLM abc\r\n"), string::npos) << first;
    b.send(parent, "HTTP/1.1 200 OK\r\nDate: x\r\n\r\nhello");
    EXPECT_NE(b.read(client).find("\r\n\r\n"), string::npos) << first;
    EXPECT_EQ(b.last().status, 407) << "only the first has ended";
  }
}

// What the parent requires is for the client: GET and CONNECT alike.
TEST(HttpParent, UpgradeRequired) {
  const string body = "Use TLS.";
  for (const char* const url : {"http://10.0.0.1:80", "http://ann:secret@10.0.0.1:80"})
    for (const char* const request : {kGet, kConnect}) {
      Family b{url};
      auto& host = b.origin();
      const auto client = b.ask(request);
      const auto parent = b.arrival(host);
      b.heard(parent);
      b.send(parent, "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 426 Upgrade\r\nDate: x\r\n");
      b.send(parent, "Upgrade: TLS/1.2, HTTP/1.1\r\nConnection: Upgrade\r\nContent-Length: 8\r\n\r\n" + body);
      string got = b.read(client);
      got.erase(0, std::min(got.find("HTTP/1.1 426"), got.size()));
      EXPECT_EQ(got,
                "HTTP/1.1 426 Upgrade\r\nDate: x\r\nContent-Length: 8\r\nVia: 1.1 proxy\r\nUpgrade: TLS/1.2, "
                "HTTP/1.1\r\nConnection: Upgrade\r\n\r\n" +
                    body)
          << url << ' ' << request;
      EXPECT_EQ(b.last().reason, Reason::complete) << request;
    }
}

TEST(HttpParent, IsNotToldOfALoginToThisProxy) {
  Family b{"http://ann:secret@10.0.0.1:80"};
  auto& host = b.origin();
  const auto client =
      b.ask("GET http://o.test/ HTTP/1.1\r\nHost: o.test\r\nProxy-Authorization: Basic mine\r\n\r\n");
  const auto parent = b.arrival(host);
  EXPECT_EQ(b.heard(parent).find("mine"), string::npos);
  b.send(parent, "HTTP/1.1 407 Login?\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n");
  const string got = b.read(client);
  EXPECT_EQ(got.substr(8, 4), " 502") << "the configured login is wrong";
  EXPECT_EQ(got.find("uthenticate"), string::npos);
}

TEST(HttpParent, ASilentParentTimesOut) {
  Family b{"http://10.0.0.1:80"};
  auto& host = b.origin();
  const auto client = b.ask(kConnect);
  const auto parent = b.arrival(host);
  EXPECT_EQ(b.record().wait, Wait::response_head);
  b.pass(b.config.wait(Wait::response_head));
  EXPECT_EQ(b.read(client).substr(9, 3), "504");
}

TEST(HttpParent, TheClientLeavesMeanwhile) {
  Family b{"http://10.0.0.1:80"};
  auto& host = b.origin();
  const auto client = b.ask(kConnect);
  const auto parent = b.arrival(host);
  b.world.remote_rst(*client);
  b.settle();
  EXPECT_TRUE(b.clean());
}

TEST(HttpParent, WaitsForABlock) {
  Family b{"http://10.0.0.1:80", 1};
  auto& host = b.origin();
  const auto hoarder = b.client();
  const auto client = b.ask(kConnect);
  b.send(hoarder, "GET http");  // holds the only block
  const auto parent = b.arrival(host);
  if (b.record(1).needs_block) {
    b.world.remote_rst(*hoarder);
    b.settle();
    b.scheduler.wake(b.record(1));
  }
  EXPECT_EQ(b.heard(parent).substr(0, 7), "CONNECT");
}

TEST(HttpParent, OnAUnixSocket) {
  Family b{"http://unix:/run/parent"};
  auto& host = b.origin();
  b.world.local_hosts["/run/parent"] = bench::origin_address();
  const auto client = b.ask(kGet);
  const auto parent = b.arrival(host);
  ASSERT_NE(parent, nullptr);
  EXPECT_EQ(b.heard(parent).substr(0, 19), "GET http://o.test/a");
  b.send(parent, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(b.upstreams.idle(), 1U);
  const auto second = b.ask(kGet);
  EXPECT_EQ(b.heard(parent).substr(0, 3), "GET") << "over the same connection";

  b.world.local_hosts.clear();
  const auto third = b.ask(kGet);
  EXPECT_EQ(b.read(third).substr(9, 3), "502");
}

TEST(Parent, IsNotUsedForExceptions) {
  Family b{"http://10.0.0.9:80"};
  auto& host = b.origin();
  EXPECT_EQ(config::parse_no_parent("10.0.0.0/8", b.config.no_parent), "");
  const auto client = b.ask("GET http://10.0.0.1/ HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(b.heard(b.arrival(host)).substr(0, 14), "GET / HTTP/1.1");
}

string get_from(const char* host) {
  return string{"GET http://"} + host + "/ HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

// A connection through one parent, or directly to its host, is not taken for one through another.
TEST(Parent, ConnectionsOfEachStayApart) {
  struct Pair {
    const char *first, *host, *second, *other_host, *begin;
  };
  const Pair rows[] = {
      {"http://10.0.0.1:80=o.test", "o.test", "http://10.0.0.1:80=a.test", "a.test", "GET http://a.test/"},
      {"http://a:x@10.0.0.1:80=o.test", "o.test", "http://b:y@10.0.0.1:80=a.test", "a.test",
       "GET http://a.test/"},
      {"http://10.0.0.1:80=o.test", "o.test", "socks5://10.0.0.1:80=10.0.0.1", "10.0.0.1", "\x05\x01"},
      {"none=10.0.0.1", "10.0.0.1", "http://10.0.0.1:80=a.test", "a.test", "GET http://a.test/"}};
  for (const Pair& row : rows) {
    Family b{row.first};
    b.add(row.second);
    auto& host = b.origin();
    const auto client = b.ask(get_from(row.host).c_str());
    const auto first = b.arrival(host);
    ASSERT_NE(first, nullptr) << row.first;
    b.heard(first);
    b.send(first, "HTTP/1.1 204 No Content\r\n\r\n");
    ASSERT_EQ(b.upstreams.idle(), 1U) << row.first;
    const auto other = b.ask(get_from(row.other_host).c_str());
    const auto second = b.arrival(host);
    ASSERT_NE(second, nullptr) << row.first << " " << row.second;
    EXPECT_TRUE(b.heard(second).starts_with(row.begin)) << row.first << " " << row.second;
  }
}

TEST(Parent, AddressRulesDoNotApplyToNamesThatItResolves) {
  Family b{"http://10.0.0.1:80"};
  auto& host = b.origin();
  ASSERT_EQ(config::apply_option(b.config, "--allow", "to=192.0.2.0/24"), "");
  const auto client = b.ask(kGet);
  EXPECT_EQ(b.read(client).substr(9, 3), "403") << "the address is unknown, so the rule does not match";
  EXPECT_EQ(b.arrival(host), nullptr);
}

// ---- SOCKS5: the bytes are those of RFC 1928 and RFC 1929 ------------------------------------------------

TEST(SocksParent, ForwardsARequest) {
  Family b{"socks5://10.0.0.1:80"};
  auto& host = b.origin();
  const auto client = b.ask(kGet);
  const auto parent = b.arrival(host);
  EXPECT_EQ(b.heard(parent), "\x05\x01\x00"s);
  b.send(parent, "\x05\x00"s);
  EXPECT_EQ(b.heard(parent), "\x05\x01\x00\x03\x06o.test\x00\x50"s);
  b.send(parent, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"s);
  EXPECT_EQ(b.heard(parent), "GET /a HTTP/1.1\r\nHost: o.test\r\nVia: 1.1 proxy\r\n\r\n");
  b.send(parent, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(b.read(client).substr(9, 3), "204");

  const auto same = b.ask(kGet);
  EXPECT_EQ(b.heard(parent).substr(0, 6), "GET /a") << "its connection leads there already";
  const auto other = b.ask("GET http://other.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n");
  EXPECT_EQ(b.heard(b.arrival(host)), "\x05\x01\x00"s) << "another host needs another connection";
}

TEST(SocksParent, ARequestCutByAResetIsRepeatedThroughItToo) {
  Family b{"socks5://10.0.0.1:80", 16, 64};
  auto& host = b.origin();
  const auto client = b.ask(kGet);
  const auto parent = b.arrival(host);
  b.heard(parent);
  b.send(parent, "\x05\x00"s);
  b.heard(parent);
  b.send(parent, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"s);
  b.heard(parent);
  b.send(parent, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(b.read(client).substr(9, 3), "204");
  b.send(client, "GET http://o.test/" + string(100, 'a') + " HTTP/1.1\r\nHost: o.test\r\n\r\n");
  b.world.remote_rst(*parent);  // the rest of the request cannot be written
  const auto again = b.arrival(host);
  ASSERT_NE(again, nullptr) << b.read(client);
  EXPECT_EQ(b.heard(again), "\x05\x01\x00"s);
}

TEST(SocksParent, TunnelWithALogin) {
  Family b{"socks5://me:secret@10.0.0.1:80"};
  auto& host = b.origin();
  const auto client = b.ask("CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto parent = b.arrival(host);
  EXPECT_EQ(b.heard(parent), "\x05\x02\x00\x02"s);
  b.send(parent, "\x05\x02"s);
  EXPECT_EQ(b.heard(parent), "\x01\x02me\x06secret"s);
  b.send(parent, "\x01\x00"s);
  EXPECT_EQ(b.heard(parent), "\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb"s);
  b.send(parent, "\x05\x00\x00\x03\x01x\x00\x50"s + "banner");
  EXPECT_EQ(b.read(client), "HTTP/1.1 200 Connection Established\r\n\r\nbanner");
}

TEST(SocksParent, Refusals) {
  expect_refusals("socks5://10.0.0.1:80",
                  {{"no method", "\x05\xff"s, Reason::parent_auth_required, 502},
                   {"speaks too early", "\x05\x00x"s, Reason::bad_parent_response, 502},
                   {"another version", "\x04\x00"s, Reason::bad_parent_response, 502}});
}

TEST(SocksParent, BytesBeforeTheRequestAreNotAnHttpResponse) {
  Family b{"socks5://10.0.0.1:80"};
  auto& host = b.origin();
  const auto client = b.ask(kGet);
  const auto parent = b.arrival(host);
  b.heard(parent);
  b.send(parent, "\x05\x00"s);
  b.heard(parent);
  b.send(parent, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00HTTP/1.1 200 OK\r\n\r\n"s);
  EXPECT_EQ(b.read(client).substr(9, 3), "502");
  EXPECT_EQ(b.last().reason, Reason::bad_response);
}

}  // namespace
