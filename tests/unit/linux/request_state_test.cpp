// The state machine on the real kernel: each path, each timeout, each way to end.
#include "../../../request_state.hpp"

#include "support.hpp"

namespace {

using base::Reason;
using plan::Wait;
using std::string;
using support::Host;
using support::Machine;
using support::Peer;

constexpr std::string_view kEnd = "Via: 1.0 proxy\r\nConnection: close\r\n\r\n";
const string kOk = "HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: 5\r\n\r\nhello";
const string kOkThere = "HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: 5\r\n" + string{kEnd} + "hello";
const string kTillClose = "HTTP/1.0 200 OK\r\nDate: x\r\n\r\n";
const string kTillCloseThere = "HTTP/1.0 200 OK\r\nDate: x\r\n" + string{kEnd};
constexpr std::size_t kMuch = 32 << 20;  // more than the buffers of two sockets

string get(const Host& host) { return "GET http://" + host.text() + "/a HTTP/1.0\r\n\r\n"; }
string get_there(const Host& host) {
  return "GET /a HTTP/1.0\r\nHost: " + host.text() + "\r\n" + string{kEnd};
}
string put(const Host& host, std::size_t length) {
  return "PUT http://" + host.text() + "/a HTTP/1.0\r\nContent-Length: " + std::to_string(length) +
         "\r\n\r\n";
}
string put_there(const Host& host, std::size_t length) {
  return "PUT /a HTTP/1.0\r\nHost: " + host.text() + "\r\nContent-Length: " + std::to_string(length) +
         "\r\n" + string{kEnd};
}
int status_of(const string& answer) { return answer.size() < 12 ? 0 : std::atoi(answer.c_str() + 9); }

// Unread bytes of the host in the socket buffer.
ssize_t unread(Machine& machine) {
  char byte = 0;
  const ssize_t count = ::recv(machine.record().side[kUpstream].fd.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count < 0 ? 0 : count;
}

void expect_arrives(Machine& machine, Peer& peer, const string& text, const string& title) {
  machine.until("the bytes arrive", [&] { return peer.ended() || peer.received.size() >= text.size(); });
  EXPECT_EQ(peer.received, text) << title;
}

// The client has received everything and closes; then all resources are returned.
void expect_closes_clean(Machine& machine, Peer& client, const string& title) {
  client.close();
  machine.until_free();
  machine.expect_clean(title);
}

// ---- without errors --------------------------------------------------------------------------------------

TEST(LinuxExchange, Get) {
  Machine m;
  Host host;
  const std::size_t descriptors = support::open_descriptors();
  Peer& client = m.client();
  m.say(client, get(host));
  Peer& origin = m.arrival(host);
  expect_arrives(m, origin, get_there(host), "request");
  EXPECT_EQ(m.record().state, State::READ_RESPONSE);
  EXPECT_EQ(m.blocks.used(), 0U) << "no block while waiting for a response";
  m.say(origin, kOk);
  m.until_ended(client);
  EXPECT_EQ(client.received, kOkThere);
  EXPECT_FALSE(client.reset);
  m.until_ended(origin);
  m.expect_clean("GET");
  EXPECT_EQ(m.transitions(),
            (std::set<string>{"FREE>READ_REQUEST", "READ_REQUEST>SEND_REQUEST", "SEND_REQUEST>READ_RESPONSE",
                              "READ_RESPONSE>SEND_RESPONSE", "SEND_RESPONSE>FREE"}));
  EXPECT_EQ(m.last().reason, Reason::complete);
  EXPECT_EQ(m.last().status, 200);
  EXPECT_EQ(m.last().sent_up, get_there(host).size());
  EXPECT_EQ(m.last().sent_down, kOkThere.size());
  EXPECT_EQ(m.last().target_view(), "http://" + host.text() + "/a");
  client.close();
  origin.close();
  EXPECT_EQ(support::open_descriptors(), descriptors) << "all descriptors are closed";
}

TEST(LinuxExchange, PostCutAtEachByte) {
  Host host;
  const string body = "twelve bytes";
  const string request = put(host, body.size()) + body;
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    Machine m;
    Peer& client = m.client();
    m.say(client, request.substr(0, cut));
    const std::size_t head = request.size() - body.size();
    if (cut < head)
      m.until("the first piece is read", [&] { return m.record().lane[kRequest].end == cut; });
    else
      m.until("the first piece is sent", [&] {
        return m.record().lane[kRequest].bytes_sent == put_there(host, body.size()).size() + cut - head;
      });
    m.say(client, request.substr(cut));
    Peer& origin = m.arrival(host);
    expect_arrives(m, origin, put_there(host, body.size()) + body, "cut at " + std::to_string(cut));
    m.say(origin, kOk);
    m.until_ended(client);
    EXPECT_EQ(client.received, kOkThere) << "cut at " << cut;
    expect_closes_clean(m, client, "cut at " + std::to_string(cut));
  }
}

TEST(LinuxExchange, ResponseCutAtEachByte) {
  struct Row {
    const char* title;
    string answer, there;
  };
  const Row rows[] = {
      {"by length", kOk, kOkThere},
      {"in chunks",
       "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x\r\nllo\r\n0\r\nT: "
       "u\r\n\r\n",
       "HTTP/1.0 200 OK\r\nDate: x\r\nVia: 1.1 proxy\r\nConnection: close\r\n\r\nhello"},
      {"after interim responses", "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nA: b\r\n\r\n" + kOk, kOkThere},
      {"none in a 204", "HTTP/1.0 204 No\r\nDate: x\r\n\r\n",
       "HTTP/1.0 204 No\r\nDate: x\r\n" + string{kEnd}},
  };
  for (const Row& row : rows) {
    for (std::size_t cut = 1; cut < row.answer.size(); ++cut) {
      const string title = string{row.title} + ", cut at " + std::to_string(cut);
      Machine m;
      Host host;
      Peer& client = m.client();
      m.say(client, get(host));
      Peer& origin = m.arrival(host);
      m.until_wait(Wait::response_head);
      m.say(origin, row.answer.substr(0, cut));
      m.until("the first piece is read", [&] { return m.table.used() == 0 || unread(m) == 0; });
      m.say(origin, row.answer.substr(cut));
      m.until_ended(client);
      EXPECT_EQ(client.received, row.there) << title;
      m.expect_clean(title);
    }
  }
}

TEST(LinuxExchange, ResponseThatEndsWithTheConnection) {
  Machine m;
  Host host;
  Peer& client = m.client();
  m.say(client, get(host));
  Peer& origin = m.arrival(host);
  m.say(origin, kTillClose + "hel");
  expect_arrives(m, client, kTillCloseThere + "hel", "the first bytes do not wait for the last");
  m.say(origin, "lo");
  origin.close();
  m.until_ended(client);
  EXPECT_EQ(client.received, kTillCloseThere + "hello");
  EXPECT_TRUE(client.eof && !client.reset);
  m.expect_clean("until the end");
}

TEST(LinuxExchange, ManyBytesUpAndDown) {
  Machine m;
  Host host;
  string up(3 << 20, ' '), down(5 << 20, ' ');
  for (std::size_t i = 0; i < up.size(); ++i) up[i] = static_cast<char>('a' + i % 23);
  for (std::size_t i = 0; i < down.size(); ++i) down[i] = static_cast<char>('A' + i % 19);
  Peer& client = m.client();
  m.say(client, put(host, up.size()) + up);
  Peer& origin = m.arrival(host);
  expect_arrives(m, origin, put_there(host, up.size()) + up, "up");
  m.say(origin,
        "HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: " + std::to_string(down.size()) + "\r\n\r\n" + down);
  m.until_ended(client);
  EXPECT_TRUE(client.received.ends_with("\r\n\r\n" + down));
  expect_closes_clean(m, client, "many bytes");
}

TEST(LinuxExchange, SendsContinueIfExpected) {
  Machine m;
  Host host;
  Peer& client = m.client();
  m.say(client, "PUT http://" + host.text() +
                    "/ HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  expect_arrives(m, client, "HTTP/1.1 100 Continue\r\n\r\n", "100");
  m.say(client, "abc");
  Peer& origin = m.arrival(host);
  m.until("the body arrives", [&] { return origin.received.ends_with("\r\n\r\nabc"); });
  m.say(origin, kOk);
  m.until_ended(client);
  EXPECT_EQ(client.received, "HTTP/1.1 100 Continue\r\n\r\n" + kOkThere);
  expect_closes_clean(m, client, "100-continue");
}

// An empty block returns to the pool: otherwise each client that stalls after 100 Continue would keep one.
TEST(LinuxExchange, NoBlockWhileWaitingForABody) {
  for (const bool expects : {false, true}) {
    Machine m;
    Host host;
    Peer& client = m.client();
    m.say(client, "PUT http://" + host.text() + "/ HTTP/1.1\r\nHost: h\r\n" +
                      (expects ? "Expect: 100-continue\r\n" : "") + "Content-Length: 3\r\n\r\n");
    m.arrival(host);
    m.until_wait(Wait::request_body);
    m.until("the client has received 100", [&] { return client.received.size() == (expects ? 25U : 0U); });
    EXPECT_EQ(m.blocks.used(), 0U) << (expects ? "after 100 Continue" : "without");
  }
}

TEST(LinuxExchange, AnUnsentContinuePrecedesAnErrorResponse) {
  Machine m;
  Peer& client = m.client();
  m.until_wait(Wait::idle);
  m.say(client,
        "PUT http://o.test/ HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  ASSERT_TRUE(support::await(m.record().side[kClient].fd.get(), POLLIN));
  m.take_events();
  m.record().side[kClient].writable = false;  // as if the client read nothing
  m.run();
  ASSERT_EQ(m.record().wait, Wait::resolve);
  fake::names().answer("o.test", fake::not_found(net::Found::What::not_found));
  m.wake_the_named();
  m.run();
  ASSERT_EQ(m.record().state, State::SEND_RESPONSE);
  EXPECT_EQ(m.record().wait, Wait::client_write);
  m.record().side[kClient].writable = true;
  m.scheduler.wake(m.record());
  m.until_ended(client);
  const string interim = "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_TRUE(client.received.starts_with(interim)) << client.received;
  EXPECT_EQ(status_of(client.received.substr(std::min(interim.size(), client.received.size()))), 502)
      << client.received;
  expect_closes_clean(m, client, "100-continue, refused");
}

TEST(LinuxExchange, ResponseDuringTheUpload) {
  Machine m;
  Host host;
  Peer& client = m.client();
  m.say(client, put(host, 11) + "first");
  Peer& origin = m.arrival(host);
  expect_arrives(m, origin, put_there(host, 11) + "first", "the first half");
  m.say(origin, "HTTP/1.0 413 No\r\nDate: x\r\nContent-Length: 3\r\n\r\nn");
  m.until("the answer begins", [&] { return client.received.ends_with("\r\n\r\nn"); });
  EXPECT_EQ(m.record().state, State::SEND_RESPONSE);
  m.say(client, "second");
  expect_arrives(m, origin, put_there(host, 11) + "firstsecond", "the upload goes on beside the answer");
  m.say(origin, "o!");
  m.until_ended(client);
  EXPECT_TRUE(client.received.ends_with("no!"));
  expect_closes_clean(m, client, "early answer");
}

TEST(LinuxExchange, AnEarlyResponseReachesAClientThatIsStillSending) {
  Machine m;
  Host host;
  Peer& client = m.client();
  m.say(client, put(host, kMuch) + string(100'000, 'u'));
  Peer& origin = m.arrival(host);
  origin.reads = false;
  m.say(origin, "HTTP/1.0 413 No\r\nDate: x\r\nContent-Length: 3\r\n\r\nno!");
  m.until("the response arrives", [&] { return client.eof; });
  EXPECT_TRUE(client.received.ends_with("\r\n\r\nno!"));
  EXPECT_FALSE(client.reset);
  EXPECT_EQ(m.record().wait, Wait::linger) << "closing now would destroy the response in flight";
  m.say(client, string(100'000, 'u'));
  client.finish();
  m.until_free();
  m.expect_clean("still sending");
}

TEST(LinuxExchange, OneClientCannotUseAllBlocks) {
  Machine m;
  Host host;
  Peer& client = m.client();
  m.say(client, get(host));
  Peer& origin = m.arrival(host);
  client.reads = false;
  m.say(origin, kTillClose + string(kMuch, 'b'));
  m.until_wait(Wait::client_write);
  EXPECT_EQ(m.blocks.used() + m.pipes.used(), 1U);
  m.until("nothing moves", [&] { return !origin.outbox.empty() && m.record().lane[kResponse].held() > 0; });
  client.reads = true;
  m.until("all has been sent", [&] { return origin.outbox.empty(); });
  origin.close();
  m.until_ended(client);
  EXPECT_EQ(client.received.size(), kTillCloseThere.size() + kMuch);
  EXPECT_FALSE(client.reset);
  m.expect_clean("back-pressure");
}

// ---- names and addresses ---------------------------------------------------------------------------------

TEST(LinuxNames, TriesTheNextAddressIfOneRefuses) {
  Machine m;
  Host host;
  sys::Address other = sys::loopback4(0);
  other.bytes[3] = 77;  // 127.0.0.77: the host listens on 127.0.0.1 alone
  fake::names().known["o.test"] = fake::found({other, sys::loopback4(0)});
  Peer& client = m.client();
  const string authority = "o.test:" + std::to_string(host.address().port);
  m.say(client, "GET http://" + authority + "/ HTTP/1.0\r\n\r\n");
  Peer& origin = m.arrival(host);
  expect_arrives(m, origin, "GET / HTTP/1.0\r\nHost: " + authority + "\r\n" + string{kEnd}, "second address");
  m.say(origin, kOk);
  m.until_ended(client);
  EXPECT_EQ(client.received, kOkThere);
  EXPECT_EQ(m.last().attempt_count, 2);
  m.expect_clean("second address");
}

// The error of an earlier address is not the cause of a later failure: it is listed for that address only.
TEST(LinuxNames, AnErrorOfAnEarlierAddressIsNotReportedForTheNext) {
  for (const char* answer : {"", "nonsense\r\n\r\n"}) {
    Machine m;
    Host host;
    sys::Address other = sys::loopback4(0);
    other.bytes[3] = 77;
    fake::names().known["o.test"] = fake::found({other, sys::loopback4(0)});
    Peer& client = m.client();
    m.say(client, "GET http://o.test:" + std::to_string(host.address().port) + "/ HTTP/1.0\r\n\r\n");
    Peer& origin = m.arrival(host);
    m.until_wait(Wait::response_head);
    m.say(origin, answer);
    if (*answer == '\0') m.pass(m.config.wait(Wait::response_head));
    m.until_ended(client);
    EXPECT_EQ(status_of(client.received), *answer == '\0' ? 504 : 502);
    EXPECT_NE(client.received.find(", after 0 ms\nTried: 127.0.0.1:"), string::npos) << client.received;
    EXPECT_EQ(client.received.find("\nError: "), string::npos) << client.received;
    EXPECT_EQ(client.received.find("error=connection_refused"), string::npos) << client.received;
    EXPECT_EQ(m.last().error, 0);
  }
}

TEST(LinuxNames, AllAddressesRefuse) {
  Machine m;
  support::UnusedPort unused;
  sys::Address other = sys::loopback4(0);
  other.bytes[3] = 77;
  fake::names().known["o.test"] = fake::found({other, sys::loopback4(0)});
  Peer& client = m.client();
  m.say(client, "GET http://o.test:" + std::to_string(unused.address().port) + "/ HTTP/1.0\r\n\r\n");
  m.until_ended(client);
  EXPECT_EQ(status_of(client.received), 502);
  EXPECT_EQ(m.last().reason, Reason::connection_refused);
  EXPECT_EQ(m.last().error, ECONNREFUSED);
  m.expect_clean("all refuse");
}

TEST(LinuxNames, PendingThenResolved) {
  Machine m;
  Host host;
  Peer& client = m.client();
  m.say(client, "GET http://o.test:" + std::to_string(host.address().port) + "/ HTTP/1.0\r\n\r\n");
  m.until_wait(Wait::resolve);
  EXPECT_EQ(m.record().side[kUpstream].link, net::Link::resolving);
  fake::names().answer("o.test", fake::found({sys::loopback4(0)}));
  m.wake_the_named();
  Peer& origin = m.arrival(host);
  m.say(origin, kOk);
  m.until_ended(client);
  EXPECT_EQ(client.received, kOkThere);
  m.expect_clean("pending, found");
}

TEST(LinuxNames, EachWayToFail) {
  struct Row {
    net::Found::What what;
    Reason reason;
    int status;
  };
  const Row rows[] = {{net::Found::What::not_found, Reason::host_not_found, 502},
                      {net::Found::What::failed, Reason::dns_error, 502}};
  for (const Row& row : rows)
    for (const bool at_once : {true, false}) {
      const string title = string{base::row(row.reason).name} + (at_once ? ", at once" : ", later");
      Machine m;
      if (at_once) fake::names().known["o.test"] = fake::not_found(row.what);
      Peer& client = m.client();
      m.say(client, "GET http://o.test/ HTTP/1.0\r\n\r\n");
      if (!at_once) {
        m.until_wait(Wait::resolve);
        fake::names().answer("o.test", fake::not_found(row.what));
        m.wake_the_named();
      }
      m.until_ended(client);
      EXPECT_EQ(status_of(client.received), row.status) << title;
      EXPECT_EQ(m.last().reason, row.reason) << title;
      m.expect_clean(title);
    }
}

// ---- each wait -------------------------------------------------------------------------------------------

// Brings a machine to where its first record waits for `wait`.
struct Waiting {
  explicit Waiting(Wait wait) : host(0) {
    client = &m.client();
    reach(wait);
    m.until_wait(wait);
  }
  void reach(Wait wait) {
    switch (wait) {
      case Wait::idle: return;
      case Wait::request_head: return m.say(*client, "GET http");
      case Wait::resolve: return m.say(*client, "GET http://o.test/ HTTP/1.0\r\n\r\n");
      case Wait::linger: return m.say(*client, "nonsense\r\n");
      case Wait::connect:
        // The accept queue is full, so the kernel does not answer a SYN.
        filler = sys::connect(host.address()).fd;
        support::await(filler.get(), POLLOUT);
        return m.say(*client, get(host));
      case Wait::keep_alive:
        m.config.http10 = false;
        m.say(*client, "GET http://" + host.text() + "/a HTTP/1.1\r\nHost: a\r\n\r\n");
        break;
      case Wait::tunnel:
        m.say(*client,
              "CONNECT 127.0.0.1:" + std::to_string(host.address().port) + " HTTP/1.1\r\nHost: a\r\n\r\n");
        break;
      case Wait::request_body: m.say(*client, put(host, kMuch) + "some"); break;
      case Wait::upstream_write: m.say(*client, put(host, kMuch) + string(kMuch, 'u')); break;
      default: m.say(*client, get(host));
    }
    origin = &m.arrival(host);
    if (wait == Wait::keep_alive) m.say(*origin, "HTTP/1.1 204 Done\r\n\r\n");
    if (wait == Wait::upstream_write) origin->reads = false;
    if (wait == Wait::client_write) client->reads = false;
    if (wait == Wait::half_closed || wait == Wait::response_body || wait == Wait::client_write)
      m.say(*origin,
            "HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: " + std::to_string(kMuch) + "\r\n\r\nsome");
    if (wait == Wait::client_write) m.say(*origin, string(kMuch, 'd'));
    if (wait == Wait::half_closed) {
      m.until_wait(Wait::response_body);
      client->finish();
    }
  }

  Machine m;
  Host host;
  sys::Fd filler;
  Peer* client = nullptr;
  Peer* origin = nullptr;
};

class LinuxEachWait : public testing::TestWithParam<plan::WaitRow> {};
// The timeout of one attempt ends nothing: the next address is tried too (tests/unit/request_state_test.cpp,
// Racing).
std::vector<plan::WaitRow> ending_waits() {
  std::vector<plan::WaitRow> rows{plan::kDeadlineRows.begin(), plan::kDeadlineRows.end()};
  std::erase_if(rows, [](const plan::WaitRow& row) { return row.wait == Wait::attempt; });
  return rows;
}

INSTANTIATE_TEST_SUITE_P(All, LinuxEachWait, testing::ValuesIn(ending_waits()), [](const auto& tested) {
  string name{tested.param.option};
  std::erase(name, '-');
  return name;
});

TEST_P(LinuxEachWait, PassesItsDeadline) {
  struct Row {
    Wait wait;
    Reason reason;
    int status;  // 0: no response is possible or required
    bool logged;
  };
  static constexpr Row kRows[] = {
      {Wait::idle, Reason::idle_timeout, 0, false},
      {Wait::keep_alive, Reason::complete, 0, true},
      {Wait::request_head, Reason::head_timeout, 408, true},
      {Wait::request_body, Reason::body_timeout, 408, true},
      {Wait::resolve, Reason::dns_timeout, 504, true},
      {Wait::attempt, Reason::none, 0, false},  // ends nothing
      {Wait::connect, Reason::connect_timeout, 504, true},
      {Wait::upstream_write, Reason::upstream_stalled, 504, true},
      {Wait::response_head, Reason::response_timeout, 504, true},
      {Wait::response_body, Reason::upstream_stalled, 0, true},
      {Wait::half_closed, Reason::client_closed, 0, true},
      {Wait::client_write, Reason::client_stalled, 0, true},
      {Wait::tunnel, Reason::tunnel_timeout, 0, true},
      {Wait::linger, Reason::bad_request_line, 0, true},  // the reason is that of the response sent
  };
  static_assert(std::size(kRows) == plan::kDeadlines);
  const Row& expected = kRows[static_cast<std::size_t>(GetParam().wait)];
  ASSERT_EQ(expected.wait, GetParam().wait);

  Waiting w{expected.wait};
  Machine& m = w.m;
  EXPECT_EQ(m.record().deadline, m.worker.now + m.config.wait(expected.wait));
  EXPECT_EQ(m.scheduler.next_deadline(), m.record().deadline);
  const std::size_t before = w.client->received.size();
  m.worker.now = m.record().deadline - 1;
  m.scheduler.expire(m.worker.now);
  EXPECT_TRUE(m.scheduler.idle()) << "not a moment too early";
  m.pass(1);
  if (expected.status == 0) {
    EXPECT_EQ(m.table.used(), 0U) << "its slot is freed at once";
    w.client->reads = true;
  }
  m.until_ended(*w.client);
  const string answer = w.client->received.substr(before);
  EXPECT_EQ(expected.wait == Wait::client_write ? 0 : status_of(answer), expected.status) << answer;
  w.client->close();
  m.until_free();
  m.expect_clean("deadline");
  ASSERT_EQ(m.worker.finished.size(), expected.logged ? 1U : 0U);
  if (!expected.logged) return;
  EXPECT_EQ(m.last().reason, expected.reason) << base::row(m.last().reason).name;
}

TEST_P(LinuxEachWait, TheClientResets) {
  Waiting w{GetParam().wait};
  w.client->abort();
  w.m.until_free();
  w.m.expect_clean("reset");
}

TEST_P(LinuxEachWait, TheClientCloses) {
  Waiting w{GetParam().wait};
  Machine& m = w.m;
  const bool unread = GetParam().wait == Wait::client_write;  // then close(2) sends RST
  w.client->outbox.clear();
  w.client->close();
  // While a response is forwarded no byte can be sent that would show whether the client has
  // left.
  if (GetParam().wait == Wait::response_body && !unread) m.until_wait(Wait::half_closed);
  if (GetParam().wait == Wait::response_body || GetParam().wait == Wait::half_closed)
    m.pass(m.config.wait(Wait::half_closed));
  // The other direction of a tunnel continues until it ends, too.
  if (GetParam().wait == Wait::tunnel) w.origin->close();
  // The end of an upload follows bytes that the host does not read.
  if (GetParam().wait == Wait::upstream_write) w.origin->reads = true;
  m.until_free();
  m.expect_clean("closed");
}

TEST_P(LinuxEachWait, TheProxyIsStopped) {
  Waiting w{GetParam().wait};
  release(w.m.record(), Reason::shutdown, w.m.worker);
  w.m.expect_clean("stopped");
}

TEST_P(LinuxEachWait, AnEventOfAnEarlierDescriptorFindsNoRecord) {
  Waiting w{GetParam().wait};
  Machine& m = w.m;
  const net::Token old_client{m.record().side[kClient].serial, 0, net::Token::Kind::client};
  const net::Token old_upstream{m.record().side[kUpstream].serial, 0, net::Token::Kind::upstream};
  EXPECT_EQ(m.table.find(old_client), &m.record());
  release(m.record(), Reason::shutdown, m.worker);
  m.client();
  ASSERT_EQ(m.table.touched(), 1U) << "the slot is used again";
  const std::uint64_t stale = m.table.stale();
  EXPECT_EQ(m.table.find(old_client), nullptr);
  EXPECT_EQ(m.table.stale(), stale + 1);
  if (old_upstream.serial != 0) {
    EXPECT_EQ(m.table.find(old_upstream), nullptr);
  }
}

TEST(LinuxTable, SerialsAreNeverReused) {
  Machine m;
  std::set<std::uint32_t> seen;
  std::set<std::uint64_t> ids;
  for (int i = 0; i < 20; ++i) {
    m.client();
    EXPECT_TRUE(seen.insert(m.record().side[kClient].serial).second);
    EXPECT_TRUE(ids.insert(m.record().id).second);
    release(m.record(), Reason::shutdown, m.worker);
  }
  EXPECT_FALSE(seen.contains(0)) << "0 is the serial of no descriptor";
  EXPECT_EQ(m.table.given(), 20U);
}

TEST(LinuxTable, AdmitsNoClientWhenFull) {
  Machine m;
  for (std::uint32_t i = 0; i < Machine::kSlots; ++i) m.client();
  Host other;
  sys::Opened near = sys::connect(other.address());
  ASSERT_TRUE(support::await(other.listener().get(), POLLIN));
  EXPECT_FALSE(admit(other.accept(), sys::loopback4(1), 0, m.worker));
  ASSERT_TRUE(support::await(near.fd.get(), POLLIN));
  std::array<std::byte, 4096> answer;
  const sys::Io io = sys::receive(near.fd, answer);
  ASSERT_EQ(io.outcome, sys::Outcome::done);
  const std::string_view text{reinterpret_cast<const char*>(answer.data()), io.bytes};
  EXPECT_TRUE(text.starts_with("HTTP/1.0 503 "));
  EXPECT_EQ(sys::receive(near.fd, answer).outcome, sys::Outcome::eof) << "it is closed at once";
}

// ---- timeouts: what extends them -------------------------------------------------------------------------

TEST(LinuxDeadlines, AHeadHasOneOverall) {
  Waiting w{Wait::request_head};
  const std::uint64_t deadline = w.m.record().deadline;
  w.m.worker.now += 1000;
  w.m.say(*w.client, "://h/");
  w.m.until("it is read", [&] { return w.m.record().lane[kRequest].end == 13; });
  EXPECT_EQ(w.m.record().deadline, deadline) << "single bytes do not extend it";
}

TEST(LinuxDeadlines, AResponseHeadHasOneOverall) {
  Waiting w{Wait::response_head};
  const std::uint64_t deadline = w.m.record().deadline;
  w.m.worker.now += 1000;
  w.m.say(*w.origin, "HTTP/1.0");
  w.m.until("it is read", [&] { return w.m.record().lane[kResponse].end == 8; });
  EXPECT_EQ(w.m.record().deadline, deadline);
}

TEST(LinuxDeadlines, EachPieceOfABodyHasItsOwn) {
  for (const Wait wait : {Wait::request_body, Wait::response_body}) {
    Waiting w{wait};
    Machine& m = w.m;
    const std::uint64_t first = m.record().deadline;
    m.worker.now += 1000;
    const auto lane = wait == Wait::request_body ? kRequest : kResponse;
    const std::uint64_t moved = m.record().lane[lane].bytes_sent;
    m.say(wait == Wait::request_body ? *w.client : *w.origin, "more");
    m.until("it is moved",
            [&] { return m.record().lane[lane].bytes_sent == moved + 4 && m.scheduler.idle(); });
    EXPECT_EQ(m.record().deadline, first + 1000) << plan::row(wait).option;
  }
}

TEST(LinuxDeadlines, TheLastAddressHasItsOwn) {
  Machine m;
  Host full{0};
  const sys::Fd filler = sys::connect(full.address()).fd;
  ASSERT_TRUE(support::await(filler.get(), POLLOUT));
  fake::names().known["o.test"] = fake::found({sys::loopback4(0), sys::loopback4(0)});
  Peer& client = m.client();
  m.say(client, "GET http://o.test:" + std::to_string(full.address().port) + "/ HTTP/1.0\r\n\r\n");
  m.until_wait(Wait::attempt);
  const std::uint32_t first = m.record().side[kUpstream].serial;
  m.pass(m.config.wait(Wait::attempt));
  ASSERT_EQ(m.record().wait, Wait::connect) << "the second address is tried";
  EXPECT_NE(m.record().side[kUpstream].serial, first);
  EXPECT_NE(m.record().exchange->connector.find(first), nullptr) << "beside the first";
  EXPECT_EQ(m.record().deadline, m.worker.now + m.config.wait(Wait::connect));
  m.pass(m.config.wait(Wait::connect));
  m.until_ended(client);
  EXPECT_EQ(status_of(client.received), 504);
  m.expect_clean("both silent");
}

// ---- half-closed clients ---------------------------------------------------------------------------------

TEST(LinuxHalfClose, StillGetsItsResponse) {
  for (const Wait wait : {Wait::resolve, Wait::connect, Wait::response_head}) {
    const string title{plan::row(wait).option};
    Waiting w{wait};
    Machine& m = w.m;
    w.client->finish();
    expect_arrives(m, *w.client, "H", title + ": the first byte of its answer, to see whether it is there");
    EXPECT_EQ(m.record().head_bytes_sent, 1) << title;
    if (wait == Wait::response_head) {
      m.say(*w.origin, kOk);
      m.until_ended(*w.client);
      EXPECT_EQ(w.client->received, kOkThere) << title;
      EXPECT_EQ(m.last().sent_down, kOkThere.size()) << title;
    } else {
      m.pass(m.config.wait(wait));
      m.until_ended(*w.client);
      EXPECT_EQ(w.client->received.substr(0, 13), "HTTP/1.0 504 ") << title;
      EXPECT_EQ(m.last().sent_down, w.client->received.size()) << title;
    }
    EXPECT_FALSE(w.client->reset) << title;
    m.expect_clean(title);
  }
}

TEST(LinuxHalfClose, InTheMiddleOfItsHeadIsAClose) {
  Waiting w{Wait::request_head};
  w.client->finish();
  w.m.until_ended(*w.client);
  EXPECT_EQ(w.client->received, "");
  w.m.expect_clean("half a head");
  EXPECT_TRUE(w.m.worker.finished.empty());
}

TEST(LinuxHalfClose, InTheMiddleOfItsBodyIsAClose) {
  Waiting w{Wait::request_body};
  w.client->finish();
  w.m.until_free();
  w.m.expect_clean("half a body");
  EXPECT_EQ(w.m.last().reason, Reason::client_closed);
  w.m.until_ended(*w.origin);
  EXPECT_TRUE(w.origin->ended()) << "the upstream connection is closed";
}

// ---- the upstream ends the connection --------------------------------------------------------------------

TEST(LinuxUpstream, EndsWithoutACompleteHead) {
  for (const bool breaks_off : {false, true})
    for (const char* start : {"", "HTTP/1.0 200 OK\r\nDate"}) {
      const string title = string{breaks_off ? "reset" : "closed"} + " after '" + start + "'";
      Waiting w{Wait::response_head};
      Machine& m = w.m;
      m.until("the request has arrived",
              [&] { return w.origin->received.size() == get_there(w.host).size(); });
      m.say(*w.origin, start);
      if (*start != '\0')
        m.until("the start is read", [&] { return m.record().lane[kResponse].end == std::strlen(start); });
      if (breaks_off)
        w.origin->abort();
      else
        w.origin->close();
      m.until_ended(*w.client);
      EXPECT_EQ(status_of(w.client->received), 502) << title;
      EXPECT_EQ(m.last().reason, breaks_off ? Reason::upstream_reset : Reason::upstream_closed) << title;
      EXPECT_EQ(m.last().error, breaks_off ? ECONNRESET : 0) << title;
      m.expect_clean(title);
    }
}

TEST(LinuxUpstream, ATruncatedResponseIsDetectable) {
  struct Row {
    const char* title;
    string head;
    bool breaks_off, looks_reset;
    Reason reason;
  };
  const Row rows[] = {
      {"by length, closed", "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n", false, false,
       Reason::response_truncated},
      {"by length, reset", "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n", true, false,
       Reason::upstream_reset},
      {"until its end, reset", "HTTP/1.0 200 OK\r\n\r\n", true, true, Reason::upstream_reset},
      {"in chunks, closed", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n", false, true,
       Reason::response_truncated},
      {"in chunks, reset", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n", true, true,
       Reason::upstream_reset},
  };
  for (const Row& row : rows) {
    Waiting w{Wait::response_head};
    Machine& m = w.m;
    m.until("the request has arrived", [&] { return w.origin->received.size() == get_there(w.host).size(); });
    m.say(*w.origin, row.head + "abc");
    m.until("the content arrives", [&] { return w.client->received.ends_with("\r\n\r\nabc"); });
    if (row.breaks_off)
      w.origin->abort();
    else
      w.origin->close();
    m.until_ended(*w.client);
    EXPECT_EQ(w.client->reset, row.looks_reset) << row.title;
    EXPECT_TRUE(w.client->received.ends_with("\r\n\r\nabc")) << row.title;
    EXPECT_EQ(m.last().reason, row.reason) << row.title;
    EXPECT_EQ(m.last().status, 200) << row.title;
    m.expect_clean(row.title);
  }
}

TEST(LinuxUpstream, AMalformedChunkTruncatesTheResponse) {
  Waiting w{Wait::response_head};
  Machine& m = w.m;
  m.say(*w.origin, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  m.until("the content arrives", [&] { return w.client->received.ends_with("\r\n\r\nabc"); });
  m.say(*w.origin, "zzz\r\n");
  m.until_ended(*w.client);
  EXPECT_TRUE(w.client->reset);
  EXPECT_EQ(m.last().reason, Reason::bad_response);
  EXPECT_EQ(m.last().detail, Reason::bad_chunk);
  m.expect_clean("bad chunk");
}

TEST(LinuxUpstream, AbortsTheUploadAfterItsResponse) {
  Waiting w{Wait::upstream_write};
  Machine& m = w.m;
  m.say(*w.origin, "HTTP/1.0 413 No\r\nDate: x\r\nContent-Length: 3\r\n\r\nno!");
  w.origin->finish();
  m.until("the response arrives", [&] { return w.client->eof || w.client->reset; });
  EXPECT_TRUE(w.client->received.ends_with("\r\n\r\nno!")) << w.client->received;
  EXPECT_FALSE(w.client->reset);
  w.client->close();
  m.until_free();
  EXPECT_EQ(m.last().status, 413);
  m.expect_clean("413");
}

TEST(LinuxUpstream, InvalidResponses) {
  struct Row {
    const char* title;
    string answer;
    Reason detail;
  };
  const Row rows[] = {
      {"not HTTP", "220 mail ready\r\n", Reason::bad_status_line},
      {"another version", "HTTP/2.0 200 OK\r\n\r\n", Reason::version_unsupported},
      {"two lengths", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
       Reason::bad_content_length},
      {"a head without end", "HTTP/1.0 200 OK\r\nA: " + string(16'000, 'a'), Reason::head_too_large},
      {"unrequested 101", "HTTP/1.1 101 Switch\r\n\r\n", Reason::unrequested_switch},
      {"a bad chunk after the head", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz",
       Reason::bad_chunk},
      {"too many options",
       "HTTP/1.1 200 OK\r\nConnection: a" +
           [] {
             string all;
             for (int i = 0; i < 40; ++i) all += ",a";
             return all;
           }() +
           "\r\n\r\n",
       Reason::head_too_large},
  };
  for (const Row& row : rows) {
    Waiting w{Wait::response_head};
    w.m.say(*w.origin, row.answer);
    w.m.until_ended(*w.client);
    EXPECT_EQ(status_of(w.client->received), 502) << row.title;
    EXPECT_EQ(w.m.last().reason, Reason::bad_response) << row.title;
    EXPECT_EQ(w.m.last().detail, row.detail) << row.title << ": " << base::row(w.m.last().detail).name;
    w.m.expect_clean(row.title);
  }
}

// ---- memory ----------------------------------------------------------------------------------------------

// Takes all blocks, so that the machine has none.
std::vector<base::BlockPtr> all_blocks(Machine& m) {
  std::vector<base::BlockPtr> taken;
  while (base::BlockPtr block = m.blocks.take()) taken.push_back(std::move(block));
  return taken;
}

void feed(Machine& m) {
  m.scheduler.feed(plan::BlockUse::head, Machine::kSlots);
  m.scheduler.feed(plan::BlockUse::body, Machine::kSlots);
}

TEST(LinuxStarving, WaitsInEachStateAndContinues) {
  struct Row {
    const char* title;
    Wait before;
  };
  const Row rows[] = {{"before the head", Wait::idle},
                      {"before the answer", Wait::response_head},
                      {"in the answer", Wait::response_body},
                      {"in the body", Wait::request_body},
                      {"reading to the end", Wait::linger}};
  for (const Row& row : rows) {
    Waiting w{row.before};
    Machine& m = w.m;
    m.worker.pipes.bulk_bytes = ~std::uint32_t{0};  // a pipe would need no block
    auto taken = all_blocks(m);
    const bool up =
        row.before == Wait::idle || row.before == Wait::request_body || row.before == Wait::linger;
    m.say(up ? *w.client : *w.origin, row.before == Wait::idle            ? get(w.host)
                                      : row.before == Wait::response_head ? kOk
                                                                          : "more");
    m.until("it starves", [&] { return m.record().needs_block; });
    EXPECT_NE(m.record().wait, Wait::none) << row.title << ": it still has a deadline";
    EXPECT_TRUE(m.scheduler.block_needed()) << row.title;
    taken.clear();
    feed(m);
    if (row.before == Wait::idle) {
      Peer& origin = m.arrival(w.host);
      m.say(origin, kOk);
      m.until_ended(*w.client);
      EXPECT_EQ(w.client->received, kOkThere) << row.title;
    } else if (row.before == Wait::response_head) {
      m.until_ended(*w.client);
      EXPECT_EQ(w.client->received, kOkThere) << row.title;
    } else if (row.before == Wait::response_body) {
      m.until("the bytes arrive", [&] { return w.client->received.ends_with("\r\n\r\nsomemore"); });
      EXPECT_FALSE(m.record().needs_block) << row.title;
    } else if (row.before == Wait::request_body) {
      m.until("the bytes arrive", [&] { return w.origin->received.ends_with("\r\n\r\nsomemore"); });
      EXPECT_FALSE(m.record().needs_block) << row.title;
    } else {
      m.until_wait(Wait::linger);
      EXPECT_FALSE(m.record().needs_block) << row.title;
    }
  }
}

TEST(LinuxStarving, TheUploadDoesNotNeedABlockToEnd) {
  Waiting w{Wait::request_body};
  const auto taken = all_blocks(w.m);
  w.client->abort();
  w.m.until_free();
  EXPECT_FALSE(w.m.scheduler.block_needed());
  EXPECT_EQ(w.m.blocks.used(), taken.size());
}

// An error response without a block waits for one; the access log then has the reason of the error.
TEST(LinuxStarving, AnErrorResponseWithoutABlockKeepsItsReason) {
  Waiting w{Wait::response_head};
  Machine& m = w.m;
  auto taken = all_blocks(m);
  m.pass(m.config.wait(Wait::response_head));
  ASSERT_TRUE(m.record().needs_block);
  m.pass(m.config.wait(Wait::linger));
  ASSERT_EQ(m.table.used(), 0U);
  EXPECT_EQ(m.last().reason, Reason::response_timeout) << base::row(m.last().reason).name;
}

TEST(LinuxStarving, AnErrorResponseIsSentOnceABlockIsFree) {
  Waiting w{Wait::response_head};
  Machine& m = w.m;
  auto taken = all_blocks(m);
  m.pass(m.config.wait(Wait::response_head));
  ASSERT_TRUE(m.record().needs_block);
  taken.clear();
  feed(m);
  m.until_ended(*w.client);
  EXPECT_EQ(status_of(w.client->received), 504);
  m.expect_clean("refusal");
}

// ---- refused requests ------------------------------------------------------------------------------------

TEST(LinuxRefusal, WithoutUpstreamConnection) {
  struct Row {
    const char* title;
    string request;
    int status;
  };
  const Row rows[] = {
      {"not HTTP", "hello\r\n", 400},
      {"origin form", "GET / HTTP/1.0\r\n\r\n", 400},
      {"CONNECT to a port of mail", "CONNECT h:25 HTTP/1.1\r\nHost: h:25\r\n\r\n", 403},
      {"https", "GET https://h/ HTTP/1.0\r\n\r\n", 501},
      {"HTTP/2", "PRI * HTTP/2.0\r\n\r\n", 505},
      {"1.1 without Host", "GET http://h/ HTTP/1.1\r\n\r\n", 400},
      {"chunks", "POST http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411},
      {"POST in 1.0 without length", "POST http://h/ HTTP/1.0\r\n\r\n", 411},
      {"a long URL", "GET http://h/" + string(9000, 'a') + " HTTP/1.0\r\n\r\n", 414},
      {"a long head", "GET http://h/ HTTP/1.0\r\nA: " + string(100'000, 'a') + "\r\n\r\n", 431},
      {"101 fields",
       "GET http://h/ HTTP/1.0\r\n" +
           [] {
             string all;
             for (int i = 0; i < 101; ++i) all += "a:b\r\n";
             return all;
           }() +
           "\r\n",
       431},
  };
  for (const Row& row : rows) {
    Machine m;
    Peer& client = m.client();
    m.say(client, row.request);
    m.until("the response arrives", [&] { return client.ended(); });
    EXPECT_EQ(status_of(client.received), row.status) << row.title;
    EXPECT_FALSE(client.reset) << row.title << ": the response must not be destroyed in flight";
    const std::size_t body = client.received.find("\r\n\r\n");
    ASSERT_NE(body, string::npos) << row.title;
    EXPECT_NE(client.received.find(
                  "\r\nContent-Length: " + std::to_string(client.received.size() - body - 4) + "\r\n"),
              string::npos)
        << row.title;
    client.close();
    m.until_free();
    EXPECT_EQ(m.last().status, row.status) << row.title;
    m.expect_clean(row.title);
  }
}

}  // namespace
