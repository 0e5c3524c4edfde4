// Listening sockets that other programs have opened, on the simulated kernel.
#include "../../src/net/acceptors.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "../../src/server/inherited.hpp"
#include "bench.hpp"

namespace {

using net::Acceptors;
using std::string;
using std::string_view;

struct Adopted : testing::Test {
  bench::First chooser;
  sim::World world{chooser, bench::kind()};
  bench::Inside inside{world};
  sys::Fd poller = sys::make_poller().fd;
  Acceptors acceptors;

  static sys::Fd opened(std::uint16_t port) { return sys::listen(sys::loopback4(port), 9).fd; }
  string take(std::vector<Acceptors::Wanted> wanted) {
    const Acceptors::Fault fault = acceptors.prepare(wanted);
    if (fault.error != 0) return Acceptors::text_of(fault);
    unused.clear();
    for (const sys::Address& address : acceptors.unused()) unused += std::to_string(address.port) + " ";
    EXPECT_EQ(acceptors.commit(poller), 0);
    return "";
  }
  string unused;
};

TEST_F(Adopted, IsUsedInPlaceOfItsAddress) {
  sys::Fd fd = opened(8080);
  const int number = fd.get();
  const auto listens = world.calls_made[static_cast<std::size_t>(sim::Call::listen)];
  acceptors.adopt(std::move(fd), sys::loopback4(8080));
  EXPECT_EQ(take({{.address = sys::loopback4(8081)}, {.address = sys::loopback4(8080)}}), "");
  EXPECT_EQ(world.calls_made[static_cast<std::size_t>(sim::Call::listen)], listens + 1) << "of 8081 alone";
  ASSERT_EQ(acceptors.all().size(), 2U);
  EXPECT_EQ(acceptors.all()[1].acceptor.fd().get(), number);
  EXPECT_EQ(unused, "");
  EXPECT_EQ(world.listeners(), 2U);
}

TEST_F(Adopted, IsWatchedFromTheCommitOn) {
  acceptors.adopt(opened(8080), sys::loopback4(8080));
  EXPECT_EQ(take({{.address = sys::loopback4(8080)}}), "");
  world.connect_to_program(8080);
  world.settle();
  std::array<sys::Event, 4> events;
  const sys::Waited waited = sys::wait(poller, events, 0);
  ASSERT_EQ(waited.count, 1U);
  EXPECT_EQ(net::Token::unpacked(events[0].token).kind, net::Token::Kind::acceptor);
  // A reload keeps it, as any other.
  EXPECT_EQ(take({{.address = sys::loopback4(8080)}, {.address = sys::loopback4(8081)}}), "");
  EXPECT_EQ(world.listeners(), 2U);
}

TEST_F(Adopted, KeepsThePortThatTheSystemChose) {
  acceptors.adopt(opened(8080), sys::loopback4(0));
  EXPECT_EQ(take({{.address = sys::loopback4(0)}}), "");
  EXPECT_EQ(acceptors.addresses()[0].port, 8080);
}

TEST_F(Adopted, IsClosedIfNoListenerHasItsAddress) {
  acceptors.adopt(opened(8080), sys::loopback4(8080));
  EXPECT_EQ(take({{.address = sys::loopback4(8081)}}), "");
  EXPECT_EQ(unused, "8080 ");
  EXPECT_EQ(world.listeners(), 1U);
}

// ---- those of the service manager ------------------------------------------------------------------------

struct Passed : Adopted {
  string inherit(const plan::Config& config = {}) { return server::inherit(config, inherited); }
  server::Inherited inherited;
};

TEST_F(Passed, AreTaken) {
  world.passed_sockets.push_back({opened(8080), 3, "web"});
  EXPECT_EQ(inherit(), "");
  ASSERT_EQ(inherited.passed.size(), 1U);
  EXPECT_EQ(sys::local_address(inherited.passed[0].fd).port, 8080);
}

TEST_F(Passed, AnErrorSaysWhatToDo) {
  struct Row {
    bool open;
    sys::ListenerFault fault;
    const char* says;
  };
  const Row rows[] = {{false, sys::ListenerFault::none,
                       "LISTEN_FDS: socket 4 (web) is not open: unset LISTEN_FDS, or pass as many sockets as "
                       "it says, from 3 up"},
                      {true, sys::ListenerFault::not_listening,
                       "LISTEN_FDS: socket 4 (web) is not a listening TCP socket: use "
                       "ListenStream=ADDRESS:PORT and Accept=no in "
                       "the socket unit"},
                      {true, sys::ListenerFault::both_families,
                       "LISTEN_FDS: socket 4 (web) accepts IPv4 and IPv6 on port 8080: set "
                       "BindIPv6Only=ipv6-only in the socket "
                       "unit, and give IPv4 a ListenStream= of its own"}};
  for (const Row& row : rows) {
    inherited = {};
    world.passed_fault = row.fault;
    world.passed_sockets.push_back({row.open ? opened(8080) : sys::Fd{}, 4, "web"});
    EXPECT_EQ(inherit(), row.says);
  }
  EXPECT_EQ(server::unused_socket(sys::loopback4(80)),
            "LISTEN_FDS: no listener of the configuration is at 127.0.0.1:80: add one, as with --listen "
            "127.0.0.1:80, or remove that socket from the socket unit");
}

// ---- those of a predecessor ------------------------------------------------------------------------------

TEST(HandoverText, IsReadAsItWasWritten) {
  sys::Address scoped;
  ASSERT_TRUE(sys::parse_ip("fe80::1", 443, scoped));
  scoped.scope = 7;
  for (const std::vector<sys::Address>& wanted :
       {std::vector<sys::Address>{},
        std::vector<sys::Address>{sys::loopback4(0), sys::loopback6(65535), scoped}}) {
    std::vector<sys::Address> read;
    EXPECT_TRUE(server::parse_handover(server::handover_text(wanted), read));
    EXPECT_EQ(read, wanted);
  }
  EXPECT_EQ(server::handover_text({sys::loopback4(8080)}), "proxy takeover 1\n8080 0 127.0.0.1\n");
}

TEST(HandoverText, AnythingElseIsRefused) {
  for (const char* text : {"", "proxy takeover 2\n", "proxy takeover 1", "proxy takeover 1\n\n",
                           "proxy takeover 1\n80 0 localhost\n", "proxy takeover 1\n65536 0 ::1\n",
                           "proxy takeover 1\n80 ::1\n", "proxy takeover 1\n80 -1 ::1\n"}) {
    std::vector<sys::Address> read;
    EXPECT_FALSE(server::parse_handover(text, read)) << text;
  }
}

}  // namespace
