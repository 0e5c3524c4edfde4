// The DNS client with name servers of the test: real sockets, and a clock that the test sets.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "../../../src/net/dns_client.hpp"
#include "support.hpp"

namespace {

using net::DnsClient;
using net::DnsQuery;
using net::Found;
using std::string;

constexpr unsigned kA = 1, kAaaa = 28;

// A query that a name server has received.
struct Asked {
  string text;
  sockaddr_in from{};
  [[nodiscard]] unsigned number(std::size_t at) const {
    return static_cast<unsigned char>(text[at]) << 8 | static_cast<unsigned char>(text[at + 1]);
  }
  [[nodiscard]] unsigned id() const { return number(0); }
  [[nodiscard]] unsigned type() const { return number(text.size() - 4); }
  [[nodiscard]] unsigned port() const { return ntohs(from.sin_port); }
};

// A name server on this machine.
class NameServer {
 public:
  NameServer() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) std::abort();
  }
  [[nodiscard]] sys::Address address() const { return sys::local_address(fd_); }
  // The queries that have arrived since the last call.
  std::vector<Asked> take() {
    std::vector<Asked> all;
    for (;;) {
      std::array<char, 512> room;
      Asked asked;
      socklen_t length = sizeof asked.from;
      const ssize_t count = ::recvfrom(fd_.get(), room.data(), room.size(), 0,
                                       reinterpret_cast<sockaddr*>(&asked.from), &length);
      if (count < 0) return all;
      asked.text.assign(room.data(), static_cast<std::size_t>(count));
      all.push_back(asked);
    }
  }
  // Responds with the code, and an address of the type if `last` is not 0.
  void respond(const Asked& to, unsigned code, std::uint8_t last = 0, unsigned id_mask = 0) {
    string out = to.text;
    out[0] = static_cast<char>(out[0] ^ static_cast<char>(id_mask));
    out[2] = '\x81';
    out[3] = static_cast<char>(0x80 | code);
    if (last != 0) {
      out[7] = 1;
      const bool four = to.type() == kA;
      out += string{"\xc0\x0c", 2} + string{"\0", 1} + static_cast<char>(to.type()) +
             string{"\0\1\0\0\0\x3c\0", 7};
      out += four ? string{"\4\x7f\0\0", 4} : string{"\x10", 1} + string(15, '\0');
      out += static_cast<char>(last);
    }
    send(out, to);
  }
  // Responds that the response is too long for a datagram.
  void truncate(const Asked& to) {
    string out = to.text;
    out[2] = '\x83';
    out[3] = '\x80';
    send(out, to);
  }
  void close() { fd_.reset(); }

 private:
  void send(const string& datagram, const Asked& to) {
    ::sendto(fd_.get(), datagram.data(), datagram.size(), 0, reinterpret_cast<const sockaddr*>(&to.from),
             sizeof to.from);
  }

  sys::Fd fd_;
};

// While it exists, socket() fails as it does without a free descriptor. A limit of descriptors would fail the
// sanitizers too, which open pipes.
class NoDescriptors {
 public:
  NoDescriptors() { exists = true; }
  ~NoDescriptors() { exists = false; }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

  inline static bool exists = false;
};

Asked of_type(const std::vector<Asked>& all, unsigned type) {
  for (const Asked& one : all)
    if (one.type() == type) return one;
  ADD_FAILURE() << "no query of type " << type << " among " << all.size();
  return all.empty() ? Asked{string(20, '\0'), {}} : all.front();
}

string shown(const Found& found) {
  string out;
  for (const sys::Address& address : found.addresses.list())
    out += (out.empty() ? "" : " ") + string{sys::ip_text(address).view()};
  return out;
}

class DnsQueryTest : public testing::Test {
 protected:
  void ask(std::vector<sys::Address> servers) {
    query.emplace("o.test", std::make_shared<const std::vector<sys::Address>>(std::move(servers)), poller,
                  net::Token{1, 0, net::Token::Kind::resolver}, 0);
  }
  // What has been sent on this machine has arrived.
  void run(std::uint64_t now) {
    query->mark();
    query->run(now);
  }

  sys::Fd poller = sys::make_poller().fd;
  NameServer one, two;
  std::optional<DnsQuery> query;
};

TEST_F(DnsQueryTest, EachFamilyFromAPortAndWithAnIdOfItsOwn) {
  std::set<unsigned> ports, ids;
  for (int i = 0; i < 8; ++i) {
    ask({one.address()});
    for (const Asked& asked : one.take()) {
      ports.insert(asked.port());
      ids.insert(asked.id());
    }
  }
  EXPECT_GE(ports.size(), 15U) << "16 queries: random ports can meet";
  EXPECT_GE(ids.size(), 15U);
}

TEST_F(DnsQueryTest, BothAnswersEndItAtOnce) {
  ask({one.address()});
  const std::vector<Asked> asked = one.take();
  ASSERT_EQ(asked.size(), 2U);
  one.respond(of_type(asked, kA), 0, 7);
  one.respond(of_type(asked, kAaaa), 0, 9);
  run(1);
  ASSERT_TRUE(query->done(1));
  const Found found = query->found();
  EXPECT_EQ(shown(found), "::9 127.0.0.7");
  EXPECT_EQ(found.ttl_ms, 60'000U);
}

TEST_F(DnsQueryTest, OneFamilyIsAwaited50MsOnceTheOtherIsThere) {
  for (const unsigned type : {kA, kAaaa}) {
    ask({one.address()});
    one.respond(of_type(one.take(), type), 0, 7);
    run(10);
    EXPECT_FALSE(query->done(59));
    EXPECT_EQ(query->deadline(), 60U);
    ASSERT_TRUE(query->done(60));
    EXPECT_EQ(shown(query->found()), type == kA ? "127.0.0.7" : "::7");
  }
}

TEST_F(DnsQueryTest, NoAddressOfOneFamilyDoesNotEndTheOther) {
  ask({one.address()});
  const std::vector<Asked> asked = one.take();
  one.respond(of_type(asked, kAaaa), 3);
  run(1);
  EXPECT_FALSE(query->done(1000));
  one.respond(of_type(asked, kA), 0, 7);
  run(1000);
  ASSERT_TRUE(query->done(1000));
  EXPECT_EQ(shown(query->found()), "127.0.0.7");
}

TEST_F(DnsQueryTest, NoAddressAtAll) {
  for (const unsigned code : {0U, 3U}) {
    ask({one.address()});
    for (const Asked& asked : one.take()) one.respond(asked, code);
    run(1);
    ASSERT_TRUE(query->done(1));
    EXPECT_EQ(query->found().what, Found::What::not_found);
  }
}

TEST_F(DnsQueryTest, ALostDatagramCosts300Ms) {
  ask({one.address()});
  const std::vector<Asked> lost = one.take();
  EXPECT_EQ(query->deadline(), 300U);
  run(299);
  EXPECT_EQ(one.take().size(), 0U);
  run(300);
  const std::vector<Asked> again = one.take();
  ASSERT_EQ(again.size(), 2U);
  EXPECT_EQ(of_type(again, kA).port(), of_type(lost, kA).port()) << "a response to either counts";
  for (const Asked& asked : again) one.respond(asked, 0, 7);
  run(301);
  EXPECT_TRUE(query->done(301));
}

TEST_F(DnsQueryTest, ALateResponseToTheFirstAttemptCounts) {
  ask({one.address()});
  const std::vector<Asked> first = one.take();
  run(300);
  for (const Asked& asked : first) one.respond(asked, 0, 7);
  run(301);
  EXPECT_TRUE(query->done(301));
}

TEST_F(DnsQueryTest, ASilentServerCosts300Ms) {
  ask({one.address(), two.address()});
  EXPECT_EQ(one.take().size(), 2U);
  EXPECT_EQ(two.take().size(), 0U);
  run(300);
  for (const Asked& asked : two.take()) two.respond(asked, 0, 7);
  run(301);
  ASSERT_TRUE(query->done(301));
  ASSERT_NE(query->answered_by(), nullptr);
  EXPECT_EQ(*query->answered_by(), two.address());
}

TEST_F(DnsQueryTest, AServerThatCannotAnswerCostsNothing) {
  for (const bool closed : {false, true}) {
    ask({one.address(), two.address()});
    const std::vector<Asked> asked = one.take();
    if (!closed)
      for (const Asked& each : asked) one.respond(each, 2);
    else
      run(0);  // nothing listens: the ICMP message has arrived
    run(1);
    const std::vector<Asked> next = two.take();
    ASSERT_EQ(next.size(), 2U);
    for (const Asked& each : next) two.respond(each, 0, 7);
    run(2);
    EXPECT_TRUE(query->done(2));
    one.close();
  }
}

TEST_F(DnsQueryTest, IfNoServerCanAnswerItFails) {
  ask({one.address(), two.address()});
  for (std::uint64_t now = 0; now < 4;) {
    ASSERT_FALSE(query->done(now)) << "each is asked twice";
    for (const Asked& asked : one.take()) one.respond(asked, 5);
    run(++now);
    for (const Asked& asked : two.take()) two.respond(asked, 2);
    run(++now);
  }
  ASSERT_TRUE(query->done(4));
  EXPECT_EQ(query->found().what, Found::What::failed);
}

TEST_F(DnsQueryTest, AFailureThatPassesCostsOneMoreQuery) {
  for (const unsigned code : {2U, 5U}) {
    ask({one.address()});
    for (const Asked& asked : one.take()) one.respond(asked, code);
    run(1);
    for (const Asked& asked : one.take()) one.respond(asked, 0, 7);
    run(2);
    ASSERT_TRUE(query->done(2)) << code;
    EXPECT_EQ(shown(query->found()), "::7 127.0.0.7");
  }
}

// As a satellite link or a busy recursive server: whatever was sent meanwhile, its first response counts.
TEST_F(DnsQueryTest, ASlowServerIsAwaited) {
  ask({one.address()});
  const std::vector<Asked> first = one.take();
  for (std::uint64_t now = 0; now < 8000; now = query->deadline()) run(now);
  for (const Asked& asked : first) one.respond(asked, 0, 7);
  run(8000);
  ASSERT_TRUE(query->done(8000));
  EXPECT_EQ(shown(query->found()), "::7 127.0.0.7");
}

TEST_F(DnsQueryTest, AServerThatCannotAnswerIsNotAskedAgain) {
  ask({one.address(), two.address()});
  for (const Asked& asked : one.take()) one.respond(asked, 2);
  run(1);
  for (std::uint64_t now = 1; now < 3000; now += 100) run(now);
  EXPECT_EQ(one.take().size(), 0U);
  EXPECT_GE(two.take().size(), 4U);
}

// `--resolve-timeout` decides how long a request waits, and it may be an hour.
TEST_F(DnsQueryTest, InSilenceItGoesOnAsking) {
  ask({one.address()});
  constexpr std::uint64_t kHourMs = 3'600'000;
  std::size_t asked = 0;
  for (std::uint64_t now = 0; now < kHourMs; now = query->deadline()) {
    run(now);
    asked += one.take().size();
    ASSERT_FALSE(query->done(now));
    ASSERT_GT(query->deadline(), now) << "it does not spin";
    ASSERT_LE(query->deadline() - now, 10'000U) << "a server that comes back is found";
  }
  EXPECT_EQ(asked, 2 * (5 + 375U)) << "at 0, 0.3, 0.9, 2.1 and 4.5 s, and every 9.6 s from 9.3 s on";
}

TEST_F(DnsQueryTest, ForeignAndEmptyDatagramsAreIgnored) {
  ask({one.address()});
  const std::vector<Asked> asked = one.take();
  for (int i = 0; i < 40; ++i) one.respond(of_type(asked, kA), 0, 9, 1);
  for (const Asked& each : asked) one.respond(each, 0, 7);
  for (std::uint64_t now = 1; now < 10; ++now) run(now);
  ASSERT_TRUE(query->done(10));
  EXPECT_EQ(shown(query->found()), "::7 127.0.0.7");
}

// A shortage of several seconds, and the server is asked within 300 ms after it: a lookup that would have to
// wait longer could meet its timeout.
TEST_F(DnsQueryTest, WithoutADescriptorItIsAskedSoonAfterwards) {
  std::uint64_t now = 0;
  {
    const NoDescriptors none;
    ask({one.address()});
    for (; now < 3000; now = query->deadline()) query->run(now);
  }
  EXPECT_TRUE(one.take().empty());
  EXPECT_LE(now, 3300U);
  query->run(now);
  EXPECT_EQ(one.take().size(), 2U) << "both families";
}

// One server does not answer, and no descriptor is left to ask the other one: a late response still counts.
TEST_F(DnsQueryTest, AShortageTakesNoResponseAway) {
  ask({one.address(), two.address()});
  const std::vector<Asked> asked = one.take();
  ASSERT_EQ(asked.size(), 2U);
  {
    const NoDescriptors none;
    for (std::uint64_t now = 300; now < 1500; now += 300) query->run(now);
  }
  for (const Asked& each : asked) one.respond(each, 0, 7);
  run(1500);
  EXPECT_TRUE(query->done(1500));
}

TEST_F(DnsQueryTest, AfterAShortageATruncatedResponseIsFetchedByTcp) {
  ask({one.address()});
  const std::vector<Asked> asked = one.take();
  ASSERT_EQ(asked.size(), 2U);
  for (const Asked& each : asked) one.truncate(each);
  {
    const NoDescriptors none;
    run(1);
  }
  EXPECT_EQ(query->descriptors(), 0U);
  EXPECT_EQ(query->deadline(), 1 + DnsQuery::kRetryMs);
  query->run(query->deadline());
  EXPECT_EQ(query->descriptors(), 2U) << "both families";
  EXPECT_TRUE(one.take().empty()) << "not by UDP";
}

TEST_F(DnsQueryTest, NothingStaysOpen) {
  const std::size_t before = support::open_descriptors();
  ask({one.address()});
  run(300);
  run(900);
  EXPECT_LE(support::open_descriptors(), before + DnsQuery::kSocketsMax);
  query.reset();
  EXPECT_EQ(support::open_descriptors(), before);
}

// ---- the client ------------------------------------------------------------------------------------------

class DnsClientTest : public testing::Test {
 protected:
  DnsClientTest() {
    string name = std::filesystem::temp_directory_path() / "dns-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    folder = name;
    client.emplace(poller, net::DnsFiles{folder + "/hosts", folder + "/resolv.conf"});
  }
  ~DnsClientTest() override { std::filesystem::remove_all(folder); }
  DnsClientTest(const DnsClientTest&) = delete;
  DnsClientTest& operator=(const DnsClientTest&) = delete;

  // Another file takes the place of the old one.
  void write(const char* name, const string& text) {
    std::ofstream{folder + "/new"} << text;
    std::filesystem::rename(folder + "/new", folder + "/" + name);
  }
  // The next result, if there is one.
  std::optional<Found> next(std::uint64_t now) {
    for (std::size_t turn = 0; turn < 4; ++turn) client->run(now);
    Found found;
    return client->next(found) ? std::optional{found} : std::nullopt;
  }
  void take_events() {
    std::array<sys::Event, 16> events;
    const std::size_t count = sys::wait(poller, events, 0).count;
    for (std::size_t i = 0; i < count; ++i) client->mark(net::Token::unpacked(events[i].token));
  }

  sys::Fd poller = sys::make_poller().fd;
  string folder;
  NameServer one, two;
  std::optional<DnsClient> client;
};

TEST_F(DnsClientTest, TheHostsFileFirst) {
  client->use({one.address()});
  write("hosts", "127.0.0.5 o.test\n127.0.0.6 o.test\n");
  client->ask("o.test", 0);
  const std::optional<Found> found = next(0);
  ASSERT_TRUE(found);
  EXPECT_EQ(shown(*found), "127.0.0.5 127.0.0.6");
  EXPECT_EQ(found->ttl_ms, 0U);
  EXPECT_EQ(one.take().size(), 0U);
}

TEST_F(DnsClientTest, AChangeOfTheHostsFileIsNoticed) {
  client->use({one.address()});
  EXPECT_TRUE(client->refresh(0)) << "known for the first time";
  write("hosts", "127.0.0.5 o.test\n");
  EXPECT_FALSE(client->refresh(DnsClient::kRefreshMs - 1));
  EXPECT_TRUE(client->refresh(DnsClient::kRefreshMs));
  client->ask("o.test", DnsClient::kRefreshMs);
  ASSERT_TRUE(next(DnsClient::kRefreshMs));
}

TEST_F(DnsClientTest, WhatIsNoDomainNameIsNotAsked) {
  client->use({one.address()});
  client->ask(string(64, 'a') + ".test", 0);
  const std::optional<Found> found = next(0);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->what, Found::What::not_found);
  EXPECT_EQ(one.take().size(), 0U);
}

TEST_F(DnsClientTest, AServerThatAnsweredInPlaceOfAnotherIsAskedFirst) {
  client->use({one.address(), two.address()});
  client->ask("o.test", 0);
  ASSERT_FALSE(next(0));
  ASSERT_FALSE(next(300));
  for (const Asked& asked : two.take()) two.respond(asked, 0, 7);
  take_events();
  ASSERT_TRUE(next(301));
  one.take();
  client->ask("p.test", 302);
  EXPECT_EQ(one.take().size(), 0U);
  EXPECT_EQ(two.take().size(), 2U);
  client->ask("q.test", 301 + DnsClient::kPreferMs);
  EXPECT_EQ(one.take().size(), 2U) << "after a while the first one again";
}

TEST_F(DnsClientTest, NewServersGetTheQueriesInProgress) {
  client->use({one.address()});
  client->ask("o.test", 0);
  EXPECT_EQ(one.take().size(), 2U);
  client->use({two.address()});
  EXPECT_TRUE(client->refresh(1));
  const std::vector<Asked> asked = two.take();
  EXPECT_EQ(asked.size(), 2U);
  for (const Asked& each : asked) two.respond(each, 0, 7);
  take_events();
  EXPECT_TRUE(next(2));
}

TEST_F(DnsClientTest, ACancelledQueryHasNoResult) {
  client->use({one.address()});
  EXPECT_EQ(client->deadline(), ~std::uint64_t{0});
  client->ask("o.test", 0);
  const std::size_t before = support::open_descriptors();
  client->cancel("o.test");
  EXPECT_EQ(support::open_descriptors(), before - 2);
  EXPECT_FALSE(next(10'000));
  EXPECT_EQ(client->deadline(), ~std::uint64_t{0});
}

TEST_F(DnsClientTest, ServersOfResolvConf) {
  write("resolv.conf", "nameserver 127.0.0.1\n");
  EXPECT_TRUE(client->refresh(0));
  EXPECT_FALSE(client->refresh(DnsClient::kRefreshMs)) << "unchanged";
  write("resolv.conf", "search example.com\nnameserver 127.0.0.1\n");
  EXPECT_FALSE(client->refresh(2 * DnsClient::kRefreshMs)) << "the same servers";
  write("resolv.conf", "nameserver 127.0.0.2\n");
  EXPECT_TRUE(client->refresh(3 * DnsClient::kRefreshMs));
  std::filesystem::remove(folder + "/resolv.conf");
  EXPECT_TRUE(client->refresh(4 * DnsClient::kRefreshMs)) << "127.0.0.1, without the file";
}

}  // namespace

// In place of that of the C library: socket(2).
extern "C" int socket(int domain, int type, int protocol) noexcept {
  if (!NoDescriptors::exists) return static_cast<int>(::syscall(SYS_socket, domain, type, protocol));
  errno = EMFILE;
  return -1;
}
