// Connections without HTTP: TCP proxy, echo, reversed lines, and file.
#include <gtest/gtest.h>

#include <string>

#include "role_bench.hpp"

namespace {

using base::Reason;
using bench::RoleBench;
using plan::Role;
using plan::Wait;
using std::string;
using std::string_view;
using namespace std::string_literals;
using Manner = sim::World::Host::Manner;

// ---- TCP proxy -------------------------------------------------------------------------------------------

struct Relay : RoleBench {
  explicit Relay(int members = 1, std::size_t blocks = 16, std::size_t send_room = 1 << 20)
      : RoleBench(Role::relay, blocks, send_room) {
    group(members);
  }
};

TEST(Relay, BothDirectionsAndBothEnds) {
  Relay b;
  auto& host = b.member(1);
  const auto client = b.client();
  const auto server = b.arrival(host);
  ASSERT_NE(server, nullptr) << "it is connected before the client sends a byte";
  b.send(server, "220 hello\r\n");
  EXPECT_EQ(b.read(client), "220 hello\r\n");
  b.send(client, "\0\xff GET / HTTP/1.1\r\n\r\n"s);
  EXPECT_EQ(b.read(server), "\0\xff GET / HTTP/1.1\r\n\r\n"s);
  b.world.remote_shutdown(*client);
  EXPECT_EQ(b.read_to_end(server), "(end)");
  EXPECT_EQ(b.read_to_end(client), "(open)") << "no message about it";
  b.send(server, "late");
  b.world.remote_close(*server);
  EXPECT_EQ(b.read_to_end(client), "late(end)");
  b.world.remote_close(*client);
  b.settle();
  EXPECT_TRUE(b.settled());
  EXPECT_EQ(b.last().reason, Reason::complete);
}

TEST(Relay, TheServerEndsFirst) {
  Relay b;
  auto& host = b.member(1);
  const auto client = b.client();
  const auto server = b.arrival(host);
  b.world.remote_shutdown(*server);
  EXPECT_EQ(b.read_to_end(client), "(end)");
  b.send(client, "goes on");
  EXPECT_EQ(b.read_to_end(server), "goes on(open)");
  b.world.remote_close(*client);
  EXPECT_EQ(b.read_to_end(server), "(end)");
  EXPECT_TRUE(b.settled());
}

// FIN arrives before the upstream connection exists.
TEST(Relay, TheClientSendsAllBeforeTheConnection) {
  for (const char* said : {"", "all of it"}) {
    Relay b;
    auto& host = b.member(1);
    auto client = b.world.connect_to_program(8080);
    b.world.remote_send(*client, said);
    b.world.remote_shutdown(*client);
    b.world.settle();
    sys::Address peer;
    admit(sys::accept(b.listener, peer).fd, peer, 0, *b.worker);
    const auto server = b.arrival(host);
    ASSERT_NE(server, nullptr);
    EXPECT_EQ(b.read_to_end(server), said + "(end)"s);
    EXPECT_EQ(b.read_to_end(client), "(open)") << "no stray byte to see whether the client is still there";
    b.send(server, "answer");
    b.world.remote_close(*server);
    EXPECT_EQ(b.read_to_end(client), "answer(end)");
    EXPECT_TRUE(b.settled());
  }
}

TEST(Relay, NoStrayByteWhileItConnects) {
  Relay b;
  b.member(1, Manner::swallows);
  const auto client = b.client();
  b.world.remote_shutdown(*client);
  b.settle();
  EXPECT_EQ(b.read_to_end(client), "(open)");
  b.pass(b.config.wait(Wait::connect));
  EXPECT_EQ(b.read_to_end(client), "(end)") << "no HTTP here";
  EXPECT_TRUE(b.settled());
  EXPECT_EQ(b.last().reason, Reason::connect_timeout);
}

TEST(Relay, NoServerListens) {
  Relay b{2};
  b.member(1, Manner::refuses);
  b.member(2, Manner::refuses);
  const auto client = b.client();
  b.send(client, "GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(b.read(client), "");
  EXPECT_TRUE(client->down.fin_arrived || client->remote_reset);
  EXPECT_TRUE(b.settled());
  EXPECT_EQ(b.last().reason, Reason::connection_refused);
  EXPECT_EQ(b.worker->finished.back()->route.tried, 3U) << "each once";
}

TEST(Relay, TheNextMemberReceivesEverything) {
  for (const Manner manner : {Manner::refuses, Manner::swallows}) {
    Relay b{2};
    b.member(1, manner);
    auto& second = b.member(2);
    const auto client = b.client();
    b.send(client, "early");
    if (manner == Manner::swallows) b.pass(b.config.wait(Wait::connect));
    const auto server = b.arrival(second);
    ASSERT_NE(server, nullptr);
    EXPECT_EQ(b.read(server), "early");
    b.send(client, " and late");
    EXPECT_EQ(b.read(server), " and late");
    EXPECT_TRUE(b.generation.groups->is_ejected(0, 0, b.worker->now));
    b.world.remote_close(*client);
    b.world.remote_close(*server);
    b.settle();
    EXPECT_TRUE(b.settled());
    EXPECT_FALSE(b.generation.groups->is_ejected(0, 1, b.worker->now));
  }
}

TEST(Relay, ALocalShortageIsNotCountedAgainstAMember) {
  Relay b{2};
  b.member(1);
  b.member(2);
  const auto client = b.world.connect_to_program(8080);
  sys::Address peer;
  sys::Fd taken = sys::accept(b.listener, peer).fd;
  b.world.descriptor_limit = b.world.descriptors();
  admit(std::move(taken), peer, 0, *b.worker);
  b.settle();
  EXPECT_EQ(b.last().reason, Reason::no_descriptor);
  EXPECT_EQ(b.read(client), "");
  EXPECT_FALSE(b.generation.groups->is_ejected(0, 0, b.worker->now));
  EXPECT_FALSE(b.generation.groups->is_ejected(0, 1, b.worker->now));
  EXPECT_TRUE(b.settled());
}

TEST(Relay, TruncationIsDetectable) {
  for (const bool client_breaks : {true, false}) {
    Relay b;
    auto& host = b.member(1);
    const auto client = b.client();
    const auto server = b.arrival(host);
    b.send(client, "half a message");
    b.world.remote_rst(client_breaks ? *client : *server);
    b.settle();
    EXPECT_TRUE((client_breaks ? server : client)->remote_reset);
    EXPECT_TRUE(b.settled());
  }
}

TEST(Relay, AnIdleConnectionTimesOut) {
  Relay b;
  auto& host = b.member(1);
  const auto client = b.client();
  const auto server = b.arrival(host);
  b.pass(b.config.wait(Wait::tunnel) - 1);
  EXPECT_EQ(b.read_to_end(client), "(open)");
  b.pass(1);
  EXPECT_EQ(b.read_to_end(client), "(reset)");
  EXPECT_TRUE(server->remote_reset);
  EXPECT_EQ(b.last().reason, Reason::tunnel_timeout);
  EXPECT_TRUE(b.settled());
}

TEST(Relay, ASlowReaderStopsTheSender) {
  Relay b{1, 16, 1000};
  auto& host = b.member(1);
  b.worker->pipes.bulk_bytes = ~std::uint32_t{0};
  const auto client = b.client();
  const auto server = b.arrival(host);
  std::size_t said = 0;
  for (std::size_t taken = 1; taken > 0; b.settle())
    said += taken = b.world.remote_send(*client, "0123456789");
  EXPECT_LE(said, 1000U + base::kBlockBytes + 1000U);
  EXPECT_EQ(b.blocks_pool.used(), 1U);
  EXPECT_EQ(b.read(server).size(), said);
  EXPECT_EQ(b.blocks_pool.used(), 0U) << "a waiting reader holds nothing";
}

// ---- PROXY headers ---------------------------------------------------------------------------------------

constexpr string_view kV1 = "PROXY TCP4 192.0.2.1 198.51.100.7 4660 443\r\n";
// HAProxy's proxy-protocol.txt section 2.2: signature, 2.1 and PROXY, AF_INET and STREAM, 12 bytes.
const string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;
const string kV2 = kSignature + "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\7\x12\x34\1\xbb"s;

// Anybody else could choose the address that the rules and the log see.
TEST(ProxyHeaderIn, OnlyFromTheConfiguredPeers) {
  for (const bool admitted : {true, false}) {
    Relay b{1};
    b.plan_listener().proxy_header_in = true;
    if (!admitted) b.plan_listener().proxy_header_from = {{sys::loopback6(0), 128}};
    auto& member = b.member(1);
    const auto client = b.client();
    b.send(client, string{kV1} + "early");
    EXPECT_EQ(b.arrival(member) != nullptr, admitted) << "the default is loopback, as the client is";
  }
}

TEST(ProxyHeaderOut, PrecedesEarlyBytes) {
  for (const std::uint8_t version : {std::uint8_t{1}, std::uint8_t{2}})
    for (const bool first_refuses : {false, true}) {
      Relay b{2};
      b.plan_listener().proxy_header_in = true;
      b.plan_listener().proxy_header_out = version;
      auto& first = b.member(1, first_refuses ? Manner::refuses : Manner::accepts);
      auto& second = b.member(2);
      const auto client = b.client();
      b.send(client, string{kV1} + "early");
      const auto server = b.arrival(first_refuses ? second : first);
      ASSERT_NE(server, nullptr);
      const string got = b.read(server);
      // The upstream server's address is ours to choose.
      if (version == 1) {
        EXPECT_TRUE(got.starts_with("PROXY ")) << got;
        EXPECT_TRUE(got.ends_with("\r\nearly")) << got;
        EXPECT_EQ(got.find("PROXY ", 1), string::npos) << "once";
      } else {
        EXPECT_TRUE(got.starts_with(kSignature)) << got;
        EXPECT_TRUE(got.ends_with("early")) << got;
      }
      b.send(client, "+");
      EXPECT_EQ(b.read(server), "+");
    }
}

TEST(ProxyHeaderOut, IsSentAloneIfNothingWasReceived) {
  Relay b;
  b.plan_listener().proxy_header_out = 1;
  auto& host = b.member(1);
  const auto client = b.client();
  const auto server = b.arrival(host);
  EXPECT_TRUE(b.read(server).starts_with("PROXY "));
}

TEST(ProxyHeaderOut, WaitsForABlock) {
  Relay b{1, 1};
  b.plan_listener().proxy_header_out = 1;
  auto& host = b.member(1);
  auto held = b.blocks_pool.take();
  const auto client = b.client();
  b.settle();
  EXPECT_TRUE(b.record().needs_block);
  EXPECT_EQ(b.arrival(host), nullptr);
  held.reset();
  b.scheduler.wake(b.record());
  EXPECT_TRUE(b.read(b.arrival(host)).starts_with("PROXY "));
  EXPECT_EQ(b.generation.groups->open(0, 0), 1U) << "counted once, not once per attempt";
}

TEST(ProxyHeaderIn, SplitAnywhere) {
  for (const string& header : {string{kV1}, kV2})
    for (std::size_t at = 0; at <= header.size(); ++at) {
      RoleBench b{Role::echo};
      b.plan_listener().proxy_header_in = true;
      const auto client = b.client();
      b.send(client, string_view{header}.substr(0, at));
      b.send(client, header.substr(at) + "bytes");
      EXPECT_EQ(b.read(client), "bytes") << at;
      EXPECT_EQ(sys::endpoint_text(b.record().client).view(), "192.0.2.1:4660");
    }
}

TEST(ProxyHeaderIn, SplitAnywhereBeforeARequest) {
  const string whole = kV2 + "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
  for (std::size_t at = 0; at <= whole.size(); ++at) {
    RoleBench b{Role::web};
    b.plan_listener().proxy_header_in = true;
    b.site({bench::files_at("/")});
    b.world.put_file("/www/a", "content");
    const auto client = b.client();
    b.send(client, string_view{whole}.substr(0, at));
    b.send(client, string_view{whole}.substr(at));
    EXPECT_TRUE(b.read(client).ends_with("\r\n\r\ncontent")) << at;
    EXPECT_EQ(sys::endpoint_text(b.last().client).view(), "192.0.2.1:4660");
  }
}

TEST(ProxyHeaderIn, OncePerConnection) {
  RoleBench b{Role::web};
  b.plan_listener().proxy_header_in = true;
  b.site({bench::files_at("/")});
  b.world.put_file("/www/a", "content");
  const auto client = b.client();
  b.send(client, string{kV1} + "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(b.read(client).ends_with("content"));
  b.send(client, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(b.read(client).ends_with("content"));
}

// Bytes that arrive together with the header are read before the client is known.
TEST(ProxyHeaderIn, BytesReadWithItCountForTheClient) {
  constexpr std::uint64_t kBurst = 10'000;
  const string request = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const Role role : {Role::echo, Role::reverse_lines, Role::web})
    for (const bool named : {true, false}) {
      RoleBench b{role};
      b.plan_listener().proxy_header_in = true;
      b.site({bench::files_at("/")});
      b.config.allowance.bytes = {1000, kBurst};
      limit_clients(b.generation, nullptr, 8, {1, 2});
      const auto client = b.client();
      b.send(client, (named ? string{kV1} : "PROXY UNKNOWN\r\n") + request);
      const string got = b.read(client);
      EXPECT_NE(got, "");
      const sys::Address payer = named ? b.record().client : sys::loopback4(1);
      const std::size_t cost = request.size() + (role == Role::web ? got.size() : 0);  // its own response
      EXPECT_EQ(b.generation.limits->bytes_allowed(payer, b.worker->now), kBurst - cost);
      const std::uint64_t left = b.generation.limits->bytes_allowed(sys::loopback4(1), b.worker->now);
      EXPECT_EQ(left, kBurst - (named ? 0 : cost)) << "not for the load balancer";
    }
}

TEST(ProxyHeaderIn, AnInvalidHeaderCloses) {
  for (const Role role :
       {Role::echo, Role::relay, Role::reverse_lines, Role::send_file, Role::web, Role::forward})
    for (const string_view bad :
         {"GET / HTTP/1.1\r\n\r\n", "PROXY TCP4 nonsense\r\n", "PROXY ?\r\n", "\r\n\r\n\1"}) {
      RoleBench b{role};
      b.plan_listener().proxy_header_in = true;
      b.group(1);
      b.site({bench::files_at("/")});
      auto& host = b.member(1);
      const auto client = b.client();
      b.send(client, bad);
      EXPECT_EQ(b.read(client), "") << bad;
      EXPECT_TRUE(client->down.fin_arrived || client->remote_reset);
      EXPECT_EQ(b.arrival(host), nullptr);
      EXPECT_TRUE(b.settled());
    }
}

// ---- no HTTP responses on other listeners ----------------------------------------------------------------

constexpr Role kRaw[] = {Role::relay, Role::echo, Role::reverse_lines, Role::send_file};

TEST(NoHttp, NoHeaderArrives) {
  for (const Role role : kRaw)
    for (const string_view begun : {"", "PROXY TCP4"}) {
      RoleBench b{role};
      b.plan_listener().proxy_header_in = true;
      b.group(1);
      const auto client = b.client();
      b.send(client, begun);
      b.settle();
      b.pass(b.config.wait(Wait::request_head));
      EXPECT_EQ(b.read(client), "");
      EXPECT_TRUE(client->down.fin_arrived || client->remote_reset);
      EXPECT_TRUE(b.settled());
    }
}

TEST(NoHttp, NoMemory) {
  for (const Role role : {Role::relay, Role::echo, Role::reverse_lines}) {
    RoleBench b{role, 1};
    b.plan_listener().proxy_header_in = true;
    b.group(1);
    auto held = b.blocks_pool.take();
    const auto client = b.client();
    b.send(client, kV1);
    EXPECT_TRUE(b.record().needs_block);
    b.record().verdict = Reason::no_buffer;  // as for the longest-waiting record
    b.scheduler.wake(b.record());
    EXPECT_EQ(b.read(client), "");
    EXPECT_TRUE(client->down.fin_arrived || client->remote_reset);
    held.reset();
    EXPECT_TRUE(b.settled());
  }
}

TEST(NoHttp, TooManyConnections) {
  for (const Role role : kRaw)
    for (const bool introduced : {false, true}) {
      RoleBench b{role};
      b.plan_listener().proxy_header_in = introduced;
      b.plan_listener().root = "/www";
      b.plan_listener().file = "f";
      b.world.put_file("/www/f", string(5'000'000, 'x'));
      b.group(1);
      b.member(1);
      b.config.allowance.connections = 1;
      limit_clients(b.generation, nullptr, 8, {1, 2});
      const auto first = b.client();
      if (introduced) b.send(first, kV1);
      b.settle();
      const auto second = b.client();
      if (introduced) b.send(second, kV1);
      EXPECT_EQ(b.read(second), "");
      EXPECT_TRUE(second->down.fin_arrived || second->remote_reset);
      EXPECT_FALSE(first->down.fin_arrived || first->remote_reset);
    }
}

TEST(NoHttp, AConnectionBeyondTheLimitIsClosed) {
  for (const Role role : kRaw) {
    RoleBench b{role, 16, 100};
    b.plan_listener().root = "/www";
    b.plan_listener().file = "f";
    b.world.put_file("/www/f", string(100'000, 'x'));
    b.group(1);
    auto& host = b.member(1);
    std::vector<sim::ConnectionPtr> first;
    for (std::uint32_t i = 0; i < bench::Bench::kSlots; ++i) {
      first.push_back(b.client());
      b.send(first.back(), "abc\n");
      b.arrival(host);
    }
    const auto next = b.client();
    b.world.remote_send(*next, "def\n");
    EXPECT_EQ(b.read(next), "") << "not a word of HTTP";
    EXPECT_TRUE(next->down.fin_arrived || next->remote_reset);
    EXPECT_EQ(b.arrival(host), nullptr) << "its server never sees it";
    ASSERT_FALSE(b.worker->finished.empty());
    EXPECT_EQ(b.last().reason, Reason::max_requests_reached);
    EXPECT_EQ(b.table.used(), bench::Bench::kSlots) << "earlier connections stay";
    EXPECT_FALSE(first[0]->down.fin_arrived || first[0]->remote_reset);
  }
}

TEST(NoHttp, EveryDeadline) {
  for (const Role role : kRaw)
    for (std::size_t wait = 0; wait < plan::kDeadlines; ++wait) {
      RoleBench b{role, 16, 100};
      b.plan_listener().root = "/www";
      b.plan_listener().file = "f";
      b.world.put_file("/www/f", string(100'000, 'x'));
      b.group(1);
      b.member(1);
      const auto client = b.client();
      b.send(client, "abc\n");
      b.record().verdict = plan::kWaitRows[wait].reason;
      b.scheduler.wake(b.record());
      EXPECT_EQ(b.read(client).find("HTTP"), string::npos) << plan::kWaitRows[wait].option;
      EXPECT_TRUE(client->down.fin_arrived || client->remote_reset) << plan::kWaitRows[wait].option;
    }
}

// ---- echo ------------------------------------------------------------------------------------------------

TEST(Echo, ByteForByteToTheEnd) {
  RoleBench b{Role::echo};
  const auto client = b.client();
  string all;
  for (int i = 0; i < 50'000; ++i) all += static_cast<char>(i * 31 + i / 251);
  b.send(client, all);
  b.world.remote_shutdown(*client);
  EXPECT_EQ(b.read_to_end(client), all + "(end)");
  EXPECT_TRUE(b.settled());
  EXPECT_EQ(b.last().reason, Reason::complete);
}

TEST(Echo, AClientThatNeverReadsIsNotReadFurther) {
  RoleBench b{Role::echo, 16, 1000};
  b.worker->pipes.bulk_bytes = ~std::uint32_t{0};
  const auto client = b.client();
  std::size_t said = 0;
  for (std::size_t taken = 1; taken > 0; b.settle())
    said += taken = b.world.remote_send(*client, "0123456789");
  EXPECT_LE(said, 1000U + base::kBlockBytes + 1000U);
  EXPECT_EQ(b.blocks_pool.used(), 1U);
  EXPECT_EQ(b.record().wait, Wait::client_write);
  b.pass(b.config.wait(Wait::client_write));
  EXPECT_TRUE(client->remote_reset) << "a FIN would look like the end of the echo";
  EXPECT_TRUE(b.settled());
}

TEST(Echo, ManyBytesGoThroughAPipe) {
  RoleBench b{Role::echo, 16, 5000};
  b.worker->pipes.bulk_bytes = 100;
  const auto client = b.client();
  string got;
  const string piece(999, 'p');
  for (int i = 0; i < 100; ++i) {
    b.send(client, piece);
    got += b.read(client);
  }
  EXPECT_EQ(got, string(99'900, 'p'));
  b.world.remote_close(*client);
  b.settle();
  EXPECT_TRUE(b.settled());
}

// ---- reversed lines --------------------------------------------------------------------------------------

TEST(Lines, SplitAnywhere) {
  const string said = "abc\r\n\nxy\n\r\n0123", answered = "cba\r\n\nyx\n\r\n3210";
  for (std::size_t at = 0; at <= said.size(); ++at) {
    RoleBench b{Role::reverse_lines};
    const auto client = b.client();
    b.send(client, string_view{said}.substr(0, at));
    const string first = b.read(client);
    EXPECT_EQ(first, answered.substr(0, at < 1 ? 0 : said.rfind('\n', at - 1) + 1)) << at;
    b.send(client, string_view{said}.substr(at));
    b.world.remote_shutdown(*client);
    EXPECT_EQ(first + b.read_to_end(client), answered + "(end)") << at;
    EXPECT_TRUE(b.settled());
  }
}

TEST(Lines, AsLongAsABlockAndNoLonger) {
  for (const std::size_t length : {base::kBlockBytes - 1, base::kBlockBytes}) {
    RoleBench b{Role::reverse_lines};
    const auto client = b.client();
    string line = "b" + string(length - 2, 'x') + "e";
    b.send(client, "before\n" + line + "\n");
    if (length < base::kBlockBytes) {
      EXPECT_EQ(b.read_to_end(client), "erofeb\ne" + string(length - 2, 'x') + "b\n(open)");
      continue;
    }
    EXPECT_EQ(b.read_to_end(client), "erofeb\n(end)");
    EXPECT_EQ(b.blocks_pool.used(), 0U) << "a lingering close holds no block";
    EXPECT_EQ(b.last().reason, Reason::line_too_long);
    b.world.remote_close(*client);
    b.settle();
    EXPECT_TRUE(b.settled());
  }
}

TEST(Lines, AClientThatNeverReadsIsNotReadFurther) {
  RoleBench b{Role::reverse_lines, 16, 1000};
  const auto client = b.client();
  std::size_t said = 0;
  for (std::size_t taken = 1; taken > 0; b.settle())
    said += taken = b.world.remote_send(*client, "012345678\n");
  EXPECT_LE(said, 1000U + base::kBlockBytes + 1000U);
  EXPECT_EQ(b.blocks_pool.used(), 1U);
  b.pass(b.config.wait(Wait::client_write));
  EXPECT_TRUE(b.settled());
}

// One block for a line and one for its reversal would be a deadlock if there is one block for all.
TEST(Lines, OneBlockIsEnough) {
  RoleBench b{Role::reverse_lines, 1};
  const auto client = b.client();
  b.send(client, "abc\nde");
  EXPECT_EQ(b.read(client), "cba\n");
  b.send(client, "f\n");
  EXPECT_EQ(b.read(client), "fed\n");
}

// ---- a file ----------------------------------------------------------------------------------------------

struct SendFile : RoleBench {
  explicit SendFile(const string& content, std::size_t send_room = 1 << 20)
      : RoleBench(Role::send_file, 16, send_room) {
    plan_listener().root = "/www";
    plan_listener().file = "f";
    world.put_file("/www/f", content);
  }
};

TEST(SendFile, SendsTheFileAndCloses) {
  for (const std::size_t size : {0U, 1U, 16'384U, 300'000U})
    for (const std::size_t send_room : {std::size_t{777}, std::size_t{1} << 20}) {
      SendFile b{string(size, 'f'), send_room};
      const auto client = b.client();
      EXPECT_EQ(b.read_to_end(client), string(size, 'f') + "(end)") << size;
      b.world.remote_close(*client);
      b.settle();
      EXPECT_TRUE(b.settled());
      EXPECT_EQ(b.last().reason, Reason::complete);
      EXPECT_EQ(b.blocks_pool.used(), 0U);
    }
}

TEST(SendFile, TheFileIsClosedOnceSent) {
  SendFile b{"content"};
  b.settle();
  const std::size_t before = b.world.descriptors();
  const auto client = b.client();
  EXPECT_EQ(b.read(client), "content");
  EXPECT_EQ(b.world.descriptors(), before + 1) << "only the client, in its lingering close";
}

TEST(SendFile, AShrinkingFileIsDetectablyTruncated) {
  SendFile b{string(100'000, 'f'), 1000};
  const auto client = b.client();
  b.settle();
  b.world.tree["/www/f"]->text.resize(2000);
  string got;
  for (string piece; !(piece = b.read(client)).empty();) got += piece;
  EXPECT_TRUE(client->remote_reset);
  EXPECT_LE(got.size(), 2000U);
  EXPECT_TRUE(b.settled());
}

TEST(SendFile, AnIdleConnectionIsEvicted) {
  for (const bool idle : {true, false}) {
    SendFile b{"content"};
    b.member(1);
    net::Endpoint server;
    server.fd = sys::connect(bench::member_address(1)).fd;
    server.serial = b.table.new_serial();
    b.upstreams.own(server, 0);
    // For the client, and for the directory that is needed to open the file.
    b.world.descriptor_limit = 3 + b.world.descriptors() + 2;
    if (idle) b.upstreams.release({std::move(server), bench::member_address(1)}, {"h", 80}, b.worker->now);
    EXPECT_EQ(b.read(b.client()), idle ? "content" : "");
    EXPECT_EQ(b.last().reason, idle ? Reason::complete : Reason::no_descriptor);
    EXPECT_EQ(b.upstreams.idle(), 0U);
  }
}

TEST(SendFile, FileNotFound) {
  SendFile b{"x"};
  b.plan_listener().file = "nothing";
  const auto client = b.client();
  EXPECT_EQ(b.read_to_end(client), "(end)");
  EXPECT_EQ(b.last().reason, Reason::file_not_found);
  EXPECT_TRUE(b.settled());
}

}  // namespace
