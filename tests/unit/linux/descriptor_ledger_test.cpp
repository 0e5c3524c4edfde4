// The descriptor ledger on Linux: compared with /proc/self/fd.
#include "../../../src/sys/descriptor_ledger.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>

#include "../../../src/sys/sys.hpp"

namespace {

std::size_t counted_by_the_kernel() {
  const std::filesystem::directory_iterator all{"/proc/self/fd"};
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST(DescriptorLedger, AgreesWithTheKernel) {
  const std::size_t kernel = counted_by_the_kernel(), ledger = sys::descriptors().open();
  const auto opened = [&] {
    const std::size_t more = sys::descriptors().open() - ledger;
    EXPECT_EQ(counted_by_the_kernel() - kernel, more);
    return more;
  };
  sys::Opened listener = sys::listen(sys::loopback4(0), 8);
  ASSERT_TRUE(listener.fd);
  EXPECT_EQ(opened(), 1U);
  {
    const sys::Opened client = sys::connect(sys::local_address(listener.fd));
    const sys::Opened datagrams = sys::connect_datagrams(sys::local_address(listener.fd));
    const sys::Opened poller = sys::make_poller();
    const sys::Opened file = sys::open_file("/proc/self/status");
    const sys::Opened folder = sys::open_directory("/");
    const sys::Pipe pipe = sys::make_pipe();
    EXPECT_EQ(opened(), 8U);
    EXPECT_FALSE(sys::open_file("/nowhere").fd);
    EXPECT_EQ(opened(), 8U);
  }
  EXPECT_EQ(opened(), 1U);
  sys::Fd moved = std::move(listener.fd);
  EXPECT_EQ(opened(), 1U);
  moved.reset();
  EXPECT_EQ(opened(), 0U);
}

}  // namespace
