// net::Connector: which attempts start, which connection is used, and what is remembered of the others.
#include "../../src/net/connector.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

#include "../../src/net/error_reason.hpp"
#include "role_bench.hpp"

namespace {

using base::Reason;
using bench::member_address;
using net::Connector;
using Manner = sim::World::Host::Manner;
using Status = Connector::Status;

// A connector with its caller. The addresses are member_address(1), (2), ...
struct Racing {
  explicit Racing(const std::vector<Manner>& hosts) {
    net::Addresses addresses;
    for (const Manner manner : hosts) {
      addresses.add(member_address(static_cast<int>(addresses.size()) + 1));
      world.host(addresses[addresses.size() - 1], manner);
    }
    connector.start(addresses, health);
  }
  Connector::Outcome open(const sys::Address& address, net::Endpoint& into) {
    if (address == failing) return failure;
    if (out_of_descriptors) return {Status::failed, Reason::no_descriptor, EMFILE};
    sys::Opened opened = sys::connect(address);
    if (opened.error != 0) return {Status::failed, net::reason_for(opened.error), opened.error};
    into = net::Endpoint{};
    into.serial = ++serial;
    into.link = net::Link::connecting;
    EXPECT_EQ(sys::watch(poller, opened.fd.get(), net::Token{serial, 0, net::Token::Kind::check}.packed()),
              0);
    into.fd = std::move(opened.fd);
    return {};
  }
  Connector::Outcome next(Reason otherwise = Reason::host_unreachable) {
    return connector.start_next(newest, now, otherwise,
                                [this](const auto& address, auto& into) { return open(address, into); });
  }
  Connector::Outcome poll() {
    std::vector<sys::Event> events(16);
    for (int turn = 0; turn < 3; ++turn) {
      const std::size_t count = sys::wait(poller, events, 0).count;
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t of = net::Token::unpacked(events[i].token).serial;
        net::Endpoint* const earlier = connector.find(of);
        if (earlier != nullptr) earlier->mark(events[i]);
        if (newest.serial == of) newest.mark(events[i]);
      }
    }
    return connector.poll(newest, now);
  }
  [[nodiscard]] std::vector<int> errors() const {
    std::vector<int> all;
    for (const http::Attempt& attempt : connector.attempts()) all.push_back(attempt.error);
    return all;
  }
  // The order in which the next connector would try the first `count` addresses.
  [[nodiscard]] int first_of(int count) const {
    for (int n = 1; n <= count; ++n)
      if (!health.failed_lately(member_address(n), now)) return n;
    return 0;
  }

  bench::First chooser;
  sim::World world{chooser, bench::kind()};
  bench::Inside inside{world};
  sys::Fd poller = sys::make_poller().fd;
  std::uint64_t now = 1000;
  std::uint32_t serial = 0;
  sys::Address failing{};
  Connector::Outcome failure{Status::failed, Reason::request_not_allowed, EACCES};
  bool out_of_descriptors = false;
  net::AddressHealth health;
  Connector connector;
  net::Endpoint newest;
};

TEST(Connector, ConnectsToTheFirstAddress) {
  Racing r{{Manner::accepts, Manner::accepts}};
  EXPECT_EQ(r.next().status, Status::pending);
  EXPECT_EQ(r.errors(), std::vector<int>{EINPROGRESS});
  EXPECT_EQ(r.poll().status, Status::connected);
  EXPECT_EQ(r.errors(), std::vector<int>{0});
  EXPECT_EQ(r.connector.address(), member_address(1));
  EXPECT_EQ(r.world.sockets(), 1U);
}

TEST(Connector, AfterAFailureTheNextAddressIsTried) {
  Racing r{{Manner::refuses, Manner::accepts}};
  EXPECT_EQ(r.next().status, Status::pending);
  const Connector::Outcome failed = r.poll();
  EXPECT_EQ(failed.status, Status::failed);
  EXPECT_EQ(failed.reason, Reason::connection_refused);
  EXPECT_FALSE(r.newest.fd);
  EXPECT_EQ(r.next(failed.reason).status, Status::pending);
  EXPECT_EQ(r.poll().status, Status::connected);
  EXPECT_EQ(r.errors(), (std::vector<int>{ECONNREFUSED, 0}));
  EXPECT_EQ(r.connector.address(), member_address(2));
  EXPECT_EQ(r.first_of(2), 2) << "the failure is remembered";
}

TEST(Connector, TheLastFailureIsTheReason) {
  Racing r{{Manner::refuses}};
  EXPECT_EQ(r.next().status, Status::pending);
  const Connector::Outcome failed = r.next(r.poll().reason);
  EXPECT_EQ(failed.status, Status::failed);
  EXPECT_EQ(failed.reason, Reason::connection_refused);
  EXPECT_EQ(r.world.sockets(), 0U);
}

TEST(Connector, ASlowAttemptGoesOnBesideTheNextAndLoses) {
  Racing r{{Manner::swallows, Manner::accepts}};
  EXPECT_EQ(r.next().status, Status::pending);
  EXPECT_EQ(r.poll().status, Status::pending);
  r.now += 250;
  EXPECT_EQ(r.next().status, Status::pending);
  EXPECT_EQ(r.world.sockets(), 2U);
  EXPECT_EQ(r.poll().status, Status::connected);
  EXPECT_EQ(r.connector.earlier().size(), 0U);
  EXPECT_EQ(r.world.sockets(), 1U) << "the slow one is closed";
  EXPECT_EQ(r.errors(), (std::vector<int>{ECANCELED, 0}));
  EXPECT_EQ(r.connector.attempts()[0].ms, 250U);
  EXPECT_EQ(r.first_of(2), 2) << "it had its time";
}

TEST(Connector, AnEarlierAttemptWinsAndTheNewestIsNotBlamed) {
  Racing r{{Manner::accepts, Manner::swallows}};
  EXPECT_EQ(r.next().status, Status::pending);
  EXPECT_EQ(r.next().status, Status::pending);
  EXPECT_EQ(r.poll().status, Status::connected);
  EXPECT_EQ(r.connector.address(), member_address(1));
  EXPECT_EQ(r.newest.serial, 1U);
  EXPECT_EQ(r.errors(), (std::vector<int>{0, ECANCELED}));
  EXPECT_EQ(r.world.sockets(), 1U);
  EXPECT_EQ(r.first_of(2), 1);
}

TEST(Connector, WithoutANextAddressAnEarlierAttemptIsAwaited) {
  Racing r{{Manner::swallows, Manner::refuses}};
  EXPECT_EQ(r.next().status, Status::pending);
  EXPECT_EQ(r.next().status, Status::pending);
  const Connector::Outcome failed = r.poll();
  EXPECT_EQ(failed.status, Status::failed);
  EXPECT_EQ(r.next(failed.reason).status, Status::pending);
  EXPECT_EQ(r.newest.serial, 1U);
  EXPECT_EQ(r.connector.address(), member_address(1));
  EXPECT_EQ(r.connector.earlier().size(), 0U);
}

TEST(Connector, ADeniedAddressIsSkippedAndNotBlamed) {
  Racing r{{Manner::accepts, Manner::accepts}};
  r.failing = member_address(1);
  EXPECT_EQ(r.next().status, Status::pending);
  EXPECT_EQ(r.poll().status, Status::connected);
  EXPECT_EQ(r.errors(), (std::vector<int>{EACCES, 0}));
  EXPECT_EQ(r.first_of(2), 1);
}

TEST(Connector, AShortageOfOurOwnEndsTheAttempts) {
  Racing r{{Manner::accepts, Manner::accepts}};
  r.out_of_descriptors = true;
  const Connector::Outcome failed = r.next();
  EXPECT_EQ(failed.status, Status::failed);
  EXPECT_EQ(failed.reason, Reason::no_descriptor);
  EXPECT_EQ(r.connector.attempts().size(), 1U) << "another address would not help";
  EXPECT_EQ(r.first_of(2), 1) << "the address is not blamed";
}

TEST(Connector, AnotherAddressMayHaveALocalPort) {
  Racing r{{Manner::accepts, Manner::accepts}};
  r.failing = member_address(1);
  r.failure = {Status::failed, net::reason_for(EADDRNOTAVAIL), EADDRNOTAVAIL};
  EXPECT_EQ(r.failure.reason, Reason::no_local_port);
  EXPECT_EQ(r.next().status, Status::pending);
  EXPECT_EQ(r.poll().status, Status::connected);
  EXPECT_EQ(r.errors(), (std::vector<int>{EADDRNOTAVAIL, 0}));
  EXPECT_EQ(r.first_of(2), 1) << "the address is not blamed";
}

TEST(Connector, ATimeoutEndsAllAttempts) {
  Racing r{{Manner::swallows, Manner::swallows}};
  EXPECT_EQ(r.next().status, Status::pending);
  EXPECT_EQ(r.next().status, Status::pending);
  r.now += 10'000;
  r.connector.end_earlier(ETIMEDOUT, r.now);
  r.connector.fail(r.newest, ETIMEDOUT, r.now);
  EXPECT_EQ(r.errors(), (std::vector<int>{ETIMEDOUT, ETIMEDOUT}));
  EXPECT_EQ(r.world.sockets(), 0U);
}

TEST(Connector, AllAddressesAreTried) {
  std::vector<Manner> hosts(20, Manner::refuses);
  hosts.push_back(Manner::accepts);
  Racing r{hosts};
  EXPECT_EQ(r.next().status, Status::pending);
  for (std::size_t i = 0; i + 1 < hosts.size(); ++i) {
    const Connector::Outcome failed = r.poll();
    ASSERT_EQ(failed.status, Status::failed) << i;
    ASSERT_EQ(r.next(failed.reason).status, Status::pending) << i;
  }
  EXPECT_EQ(r.poll().status, Status::connected);
  EXPECT_EQ(r.connector.address(), member_address(21));
  EXPECT_EQ(r.connector.tried(), 21U);
  ASSERT_EQ(r.connector.attempts().size(), Connector::kReportedMax)
      << "the first ones and the last are reported";
  EXPECT_EQ(r.connector.attempts().back().error, 0);
  EXPECT_EQ(r.connector.addresses().back(), member_address(21));
  EXPECT_EQ(r.connector.addresses()[6], member_address(7));
}

// An error response lists each address that was tried, of whichever server of a group.
TEST(Connector, AttemptsToAnEarlierHostAreReportedToo) {
  Racing r{{Manner::refuses, Manner::accepts}};
  EXPECT_EQ(r.next().status, Status::pending);
  EXPECT_EQ(r.poll().status, Status::failed);
  r.connector.next_host();
  EXPECT_FALSE(r.connector.started());
  EXPECT_EQ(r.errors(), std::vector<int>{ECONNREFUSED});
  net::Addresses second;
  second.add(member_address(2));
  r.connector.start(second, r.health);
  EXPECT_EQ(r.next().status, Status::pending);
  EXPECT_EQ(r.errors(), (std::vector<int>{ECONNREFUSED, EINPROGRESS}));
  EXPECT_EQ(r.poll().status, Status::connected);
  EXPECT_EQ(r.errors(), (std::vector<int>{ECONNREFUSED, 0}));
  ASSERT_EQ(r.connector.addresses().size(), 2U);
  EXPECT_EQ(r.connector.addresses()[0], member_address(1));
  EXPECT_EQ(r.connector.addresses()[1], member_address(2));
  EXPECT_TRUE(r.connector.connected());
  EXPECT_EQ(r.connector.tried(), 1U) << "to this host";
  for (std::size_t i = 0; i < 2 * Connector::kReportedMax; ++i) {
    r.connector.next_host();
    r.newest = net::Endpoint{};
    r.connector.start(second, r.health);
    EXPECT_EQ(r.next().status, Status::pending);
  }
  ASSERT_EQ(r.errors().size(), Connector::kReportedMax) << "the first ones and the last";
  EXPECT_EQ(r.errors().front(), ECONNREFUSED);
  EXPECT_EQ(r.errors().back(), EINPROGRESS);
}

// The attempt that connects is reported, although a later one had its place.
TEST(Connector, AWinnerIsReportedAfterAnyNumberOfEarlierAttempts) {
  for (const std::size_t before : {0, 1, 6, 7, 8, 20, 255, 300}) {
    Racing r{{Manner::accepts, Manner::swallows, Manner::swallows}};
    net::Addresses silent, both;
    silent.add(member_address(3));
    both.add(member_address(1));
    both.add(member_address(2));
    for (std::size_t i = 0; i < before; ++i) {
      r.connector.start(silent, r.health);
      EXPECT_EQ(r.next().status, Status::pending);
      r.newest = net::Endpoint{};
      r.connector.next_host();
    }
    r.connector.start(both, r.health);
    EXPECT_EQ(r.next().status, Status::pending);
    r.now += 250;
    EXPECT_EQ(r.next().status, Status::pending);
    r.now += 50;
    EXPECT_EQ(r.poll().status, Status::connected);
    EXPECT_TRUE(r.connector.connected()) << before;
    EXPECT_EQ(r.connector.address(), member_address(1));
    const std::size_t reported = std::min(before + 2, Connector::kReportedMax);
    ASSERT_EQ(r.connector.attempts().size(), reported);
    const std::size_t winner = std::min(before, reported - 1);
    EXPECT_EQ(r.connector.addresses()[winner], member_address(1)) << before;
    EXPECT_EQ(r.connector.attempts()[winner].error, 0) << before;
    EXPECT_EQ(r.connector.attempts()[winner].ms, 300U) << before;
    EXPECT_EQ(r.errors().back(), before + 2 > Connector::kReportedMax ? 0 : ECANCELED) << before;
  }
}

TEST(Connector, OnlySomeAttemptsAtTheSameTime) {
  Racing r{std::vector<Manner>(20, Manner::swallows)};
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(r.next().status, Status::pending);
    EXPECT_LE(r.world.sockets(), Connector::kPendingMax);
    r.now += 250;
  }
  EXPECT_EQ(r.connector.earlier().size(), Connector::kPendingMax - 1);
  EXPECT_EQ(r.first_of(20), 13) << "the older ones had their time";
}

TEST(Connector, AnAddressThatFailedLatelyComesLast) {
  Racing r{{Manner::accepts, Manner::accepts}};
  r.health.failed(member_address(1), r.now);
  EXPECT_EQ(r.next().status, Status::pending);
  EXPECT_EQ(r.connector.address(), member_address(2));
  EXPECT_EQ(r.next().status, Status::pending);
  EXPECT_EQ(r.connector.address(), member_address(1));
}

}  // namespace
