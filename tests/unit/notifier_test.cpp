// Reports to the service manager, on the simulated kernel.
#include "../../src/server/notifier.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bench.hpp"

namespace {

using server::Notifier;
using std::string;

struct Managed : testing::Test {
  bench::First chooser;
  sim::World world{chooser, bench::kind()};
  bench::Inside inside{world};

  Notifier notifier(std::uint64_t watchdog_us, const string& socket = "/run/notify") {
    world.service_manager = {.notify_socket = socket, .watchdog_us = watchdog_us};
    return Notifier{world.service_manager};
  }
  // The reports since the last call.
  std::vector<string> reports() { return std::exchange(world.notifications, {}); }
};

using Texts = std::vector<string>;

TEST_F(Managed, GetsEachState) {
  Notifier notifier = this->notifier(0);
  EXPECT_EQ(notifier.descriptors(), 1U);
  notifier.ready("listening on 127.0.0.1:8080", 5);
  EXPECT_EQ(reports(), (Texts{"READY=1\nSTATUS=listening on 127.0.0.1:8080"}));
  notifier.reloading(1'234'567);
  EXPECT_EQ(reports(), (Texts{"RELOADING=1\nMONOTONIC_USEC=1234567"}));
  notifier.stopping();
  notifier.stopping();
  EXPECT_EQ(reports(), (Texts{"STOPPING=1\nSTATUS=stopping"})) << "once";
  notifier.say("draining");
  EXPECT_EQ(reports(), (Texts{"STATUS=draining"}));
  notifier.poll(1'000'000'000);
  EXPECT_EQ(reports(), Texts{}) << "without a watchdog";
  EXPECT_EQ(notifier.next_deadline(), 0U);
}

TEST_F(Managed, IsFedTwiceInTheTimeOfTheWatchdog) {
  Notifier notifier = this->notifier(3'000'000);
  EXPECT_EQ(notifier.next_deadline(), 0U) << "not before it is ready";
  notifier.ready("", 1'000'000);
  reports();
  EXPECT_EQ(notifier.next_deadline(), 2500U);
  notifier.poll(2'499'999);
  EXPECT_EQ(reports(), Texts{});
  notifier.poll(2'500'000);
  EXPECT_EQ(reports(), (Texts{"WATCHDOG=1"}));
  EXPECT_EQ(notifier.next_deadline(), 4000U);
  notifier.poll(9'000'000);
  notifier.poll(9'000'001);
  EXPECT_EQ(reports(), (Texts{"WATCHDOG=1"})) << "after a long turn, once";
}

TEST_F(Managed, IsNotAskedToSleepLessThanAMillisecond) {
  Notifier notifier = this->notifier(3);
  notifier.ready("", 1'000'000);
  EXPECT_EQ(notifier.next_deadline(), 1001U);
}

TEST_F(Managed, NothingWithoutASocket) {
  Notifier notifier = this->notifier(3'000'000, "");
  EXPECT_EQ(notifier.descriptors(), 0U);
  notifier.ready("", 1);
  EXPECT_EQ(notifier.next_deadline(), 0U);
  EXPECT_EQ(reports(), Texts{});
}

}  // namespace
