// The descriptor ledger: alone, and as the calls of sys.hpp keep it on the simulated kernel.
#include "../../src/sys/descriptor_ledger.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "bench.hpp"

namespace {

TEST(DescriptorLedger, CountsOpenDescriptors) {
  const auto ledger = std::make_unique<sys::DescriptorLedger>();
  for (const int fd : {3, 4, 5'000'000}) ledger->opened(fd);
  EXPECT_EQ(ledger->open(), 3U);
  EXPECT_TRUE(ledger->is_open(4));
  EXPECT_FALSE(ledger->is_open(5));
  ledger->closed(4);
  ledger->closed(5'000'000);
  EXPECT_EQ(ledger->open(), 1U);
  EXPECT_FALSE(ledger->is_open(4));
  EXPECT_EQ(ledger->closed_twice().count, 0U);
}

TEST(DescriptorLedger, ASecondCloseIsCountedAndChangesNothing) {
  const auto ledger = std::make_unique<sys::DescriptorLedger>();
  ledger->opened(3);
  ledger->opened(4);
  ledger->closed(4);
  ledger->closed(4);
  EXPECT_EQ(ledger->closed_twice().count, 1U);
  EXPECT_EQ(ledger->closed_twice().fd, 4);
  EXPECT_EQ(ledger->open(), 1U);
}

TEST(DescriptorLedger, AReadAfterTheEndIsCounted) {
  const auto ledger = std::make_unique<sys::DescriptorLedger>();
  for (const int fd : {3, 4}) ledger->opened(fd);
  ledger->ended(3);
  EXPECT_EQ(ledger->read_after_end().count, 0U);
  ledger->ended(3);
  EXPECT_EQ(ledger->read_after_end().count, 1U);
  EXPECT_EQ(ledger->read_after_end().fd, 3);
  ledger->closed(3);
  ledger->opened(3);
  ledger->ended(3);
  ledger->has_no_end(4);  // after ECONNRESET each read returns 0
  ledger->ended(4);
  ledger->ended(4);
  EXPECT_EQ(ledger->read_after_end().count, 1U);
}

// Each call that opens a descriptor has its twin in close(2).
TEST(DescriptorLedger, IsKeptByTheCalls) {
  bench::Bench b;
  EXPECT_EQ(sys::descriptors().open(), b.world.descriptors());
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, "GET http://10.0.0.1/ HTTP/1.0\r\n\r\n");
  const auto upstream = b.arrival(host);
  EXPECT_EQ(sys::descriptors().open(), b.world.descriptors());
  const std::size_t before = sys::descriptors().open();
  {
    const sys::Pipe pipe = sys::make_pipe();
    EXPECT_EQ(sys::descriptors().open(), before + 2);
  }
  EXPECT_EQ(sys::descriptors().open(), before);
  b.send(upstream, "HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: 0\r\n\r\n");
  b.settle();
  EXPECT_EQ(sys::descriptors().open(), b.world.descriptors());
  EXPECT_EQ(sys::descriptors().closed_twice().count, 0U);
}

TEST(DescriptorLedger, SeesADoubleCloseAndAReadAfterTheEnd) {
  bench::Bench b;
  b.world.broken = "calls on a closed descriptor are wanted here";
  const auto remote = b.world.connect_to_program(8080);
  sys::Address peer;
  sys::Opened client = sys::accept(b.listener, peer);
  b.world.remote_shutdown(*remote);
  b.world.settle();
  std::array<std::byte, 8> room;
  for (int i = 0; i < 2; ++i) EXPECT_EQ(sys::receive(client.fd, room).outcome, sys::Outcome::eof);
  const int fd = client.fd.get();
  EXPECT_EQ(sys::descriptors().read_after_end().count, 1U);
  EXPECT_EQ(sys::descriptors().read_after_end().fd, fd);
  client.fd.reset();
  sys::close_fd(fd);
  EXPECT_EQ(sys::descriptors().closed_twice().count, 1U);
  EXPECT_EQ(sys::descriptors().closed_twice().fd, fd);
}

}  // namespace
