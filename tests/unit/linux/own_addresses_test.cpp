// The addresses of this machine's interfaces.
#include <algorithm>

#include "../../../src/sys/sys.hpp"
#include "support.hpp"

namespace {

TEST(OwnAddresses, LoopbackIsAmongThem) {
  std::vector<sys::OwnAddress> own;
  ASSERT_EQ(sys::own_addresses(own), 0);
  const auto has = [&own](const sys::Address& address, std::size_t prefix) {
    return std::any_of(own.begin(), own.end(), [&](const sys::OwnAddress& one) {
      return one.address == address && one.prefix == prefix;
    });
  };
  EXPECT_TRUE(has(sys::loopback4(0), 8)) << "all of 127.0.0.0/8 is this machine";
  const sys::Opened changes = sys::watch_addresses();
  EXPECT_EQ(changes.error, 0);
  sys::drain_address_changes(changes.fd);  // returns without a message too
}

}  // namespace
