// Addresses and networks, compared with plain arithmetic.
#include "../../src/sys/address.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace {

using std::string;
using sys::Address;

Address ip(std::string_view text, std::uint16_t port = 0) {
  Address address;
  EXPECT_TRUE(sys::parse_ip(text, port, address)) << text;
  return address;
}

TEST(Address, TextAndBack) {
  struct Row {
    const char *text, *canonical;  // RFC 5952
  };
  const Row rows[] = {{"0.0.0.0", "0.0.0.0"},
                      {"255.255.255.255", "255.255.255.255"},
                      {"::", "::"},
                      {"::1", "::1"},
                      {"0:0:0:0:0:0:0:1", "::1"},
                      {"2001:DB8::A", "2001:db8::a"},
                      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
                      {"2001:0db8::0001", "2001:db8::1"},
                      {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
                      {"fe80::ffff:ffff:ffff:ffff", "fe80::ffff:ffff:ffff:ffff"},
                      {"1111:2222:3333:4444:5555:6666:7777:8888", "1111:2222:3333:4444:5555:6666:7777:8888"}};
  for (const Row& row : rows) {
    const Address address = ip(row.text, 65535);
    EXPECT_EQ(sys::ip_text(address).view(), row.canonical);
    EXPECT_EQ(ip(sys::ip_text(address).view(), 65535), address) << row.text;
    const bool six = address.family == Address::Family::ipv6;
    EXPECT_EQ(sys::endpoint_text(address).view(),
              (six ? "[" : "") + string{row.canonical} + (six ? "]:65535" : ":65535"));
  }
}

TEST(Address, AsText) {
  EXPECT_EQ(sys::endpoint_text(ip("127.0.0.1", 80)).view(), "127.0.0.1:80");
  EXPECT_EQ(sys::ip_text(sys::Address{}).view(), "-");
  EXPECT_EQ(sys::endpoint_text(sys::loopback4(1)).view(), "127.0.0.1:1");
  EXPECT_EQ(sys::endpoint_text(sys::loopback6(1)).view(), "[::1]:1");
}

TEST(Address, LongestTextFits) {
  Address longest;
  longest.family = Address::Family::ipv6;
  longest.bytes.fill(0xff);
  longest.scope = 0xffffffff;
  longest.port = 65535;
  EXPECT_EQ(sys::endpoint_text(longest).view(), "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
}

TEST(Address, RejectsInvalidAddresses) {
  for (const char* text :
       {"",          " ",          "1",        "1.2",      "1.2.3",     "1.2.3.4.",    ".1.2.3.4",
        "1.2.3.4.5", "1.2.3.256",  "1.2.3.-4", "01.2.3.4", "0x1.2.3.4", "1.2.3.4 ",    " 1.2.3.4",
        "1.2.3.4/8", "1.2.3.4:80", ":",        ":::",      "1:",        "1::2::3",     "12345::",
        "g::",       "[::1]",      "::1%1",    "::1%lo",   "::1.2.3",   "::1.2.3.256", "localhost"}) {
    Address address = sys::loopback4(7);
    EXPECT_FALSE(sys::parse_ip(text, 1, address)) << text;
    EXPECT_EQ(address, sys::loopback4(7)) << text << ": unchanged";
  }
  Address address;
  EXPECT_FALSE(sys::parse_ip(std::string_view{"1.2.3.4\0x", 9}, 1, address)) << "NUL does not end the text";
  EXPECT_FALSE(sys::parse_ip(string(1000, '1'), 1, address));
}

// True if the first `prefix` bits are equal.
bool same_prefix(const Address& a, const Address& b, std::size_t prefix) {
  for (std::size_t bit = 0; bit < prefix; ++bit)
    if ((a.bytes[bit / 8] >> (7 - bit % 8) & 1) != (b.bytes[bit / 8] >> (7 - bit % 8) & 1)) return false;
  return true;
}

TEST(Address, NetworksOfEachSize) {
  std::mt19937 random{3};
  for (const Address::Family family : {Address::Family::ipv4, Address::Family::ipv6}) {
    const std::size_t bits = family == Address::Family::ipv4 ? 32 : 128;
    for (std::size_t prefix = 0; prefix <= bits; ++prefix)
      for (int n = 0; n < 20; ++n) {
        Address network;
        network.family = family;
        for (std::size_t i = 0; i < bits / 8; ++i) network.bytes[i] = static_cast<std::uint8_t>(random());
        Address mine = network;
        const std::size_t flipped = random() % bits;
        mine.bytes[flipped / 8] = static_cast<std::uint8_t>(mine.bytes[flipped / 8] ^ (0x80 >> flipped % 8));
        EXPECT_EQ(mine.in_network(network, prefix), same_prefix(mine, network, prefix))
            << sys::ip_text(mine).view() << " in " << sys::ip_text(network).view() << "/" << prefix;
        EXPECT_TRUE(network.in_network(network, prefix));
      }
    Address any;
    any.family = family;
    EXPECT_FALSE(any.in_network(any, bits + 1)) << "the prefix is too long";
  }
}

TEST(Address, FamiliesAndMappedAddresses) {
  struct Row {
    const char* title;
    Address mine, network;
    std::size_t prefix;
    bool inside;
  };
  const Row rows[] = {
      {"a mapped address is the IPv4 address", ip("::ffff:10.1.2.3"), ip("10.0.0.0"), 8, true},
      {"and no other", ip("::ffff:11.1.2.3"), ip("10.0.0.0"), 8, false},
      {"it is not among all of IPv6", ip("::ffff:10.1.2.3"), ip("::"), 0, false},
      {"nearly mapped is not mapped", ip("::fffe:10.1.2.3"), ip("10.0.0.0"), 8, false},
      {"IPv4 is not among all of IPv6", ip("10.1.2.3"), ip("::"), 0, false},
      {"IPv6 is not among all of IPv4", ip("2001:db8::1"), ip("0.0.0.0"), 0, false},
      {"no address is in no network", Address{}, ip("0.0.0.0"), 0, false},
      // A mapped network is the IPv4 network.
      {"a mapped network holds the IPv4 addresses it stands for", ip("10.1.2.3"), ip("::ffff:10.1.2.3"), 128,
       true},
  };
  for (const Row& row : rows)
    EXPECT_EQ(row.mine.in_network(row.network, row.prefix), row.inside) << row.title;
}

TEST(Address, LoopbackAndWildcard) {
  struct Row {
    const char* text;
    bool loopback, wildcard;
  };
  const Row rows[] = {{"127.0.0.1", true, false},
                      {"127.255.255.255", true, false},
                      {"126.255.255.255", false, false},
                      {"128.0.0.0", false, false},
                      {"::1", true, false},
                      {"::2", false, false},
                      {"::", false, true},
                      {"0.0.0.0", false, true},
                      {"::ffff:127.1.2.3", true, false},
                      {"::127.0.0.1", false, false},
                      {"1::1", false, false}};
  for (const Row& row : rows) {
    EXPECT_EQ(ip(row.text).is_loopback(), row.loopback) << row.text;
    EXPECT_EQ(ip(row.text).is_wildcard(), row.wildcard) << row.text;
  }
}

// Expected values from the sections that embedded_in() names.
TEST(Address, EmbeddedAddresses) {
  struct Row {
    const char* address;
    std::vector<const char*> embedded;
  };
  const Row rows[] = {
      {"192.0.2.33", {}},
      {"::ffff:192.0.2.33", {"192.0.2.33"}},
      {"::192.0.2.33", {"192.0.2.33"}},
      {"::ffff:0:192.0.2.33", {"192.0.2.33"}},
      {"64:ff9b::192.0.2.33", {"192.0.2.33"}},
      {"2002:c000:221::", {"192.0.2.33"}},
      {"2001:0:4136:e378:8000:63bf:3fff:fdd2", {"192.0.2.45"}},  // c000:022d inverted
      {"64:ff9b:1::192.0.2.33", {"192.0.2.33"}},
      {"64:ff9b:1:c000:2:2100::", {"192.0.2.33", "2.33.0.0"}},
      {"64:ff9b:1:c0:0:221::", {"192.0.2.33"}},
      {"64:ff9b:1:0:c0:2:2100:0", {"33.0.0.0", "192.0.2.33"}},
      {"64:ff9b::0.0.2.33", {"0.0.2.33"}},
      {"64:ff9b::", {"0.0.0.0"}},
      {"64:ff9b:1::", {"0.0.0.0"}},
      {"2002:0:221::", {"0.0.2.33"}},
      {"::ffff:0:0.0.0.1", {"0.0.0.1"}},
      {"::", {}},
      {"64:ff9a::192.0.2.33", {}},
      {"64:ff9b:2::192.0.2.33", {}},
      {"::1", {}},
      {"2001:db8::192.0.2.33", {}},
  };
  for (const Row& row : rows) {
    std::vector<string> found;
    const sys::EmbeddedAddresses embedded = sys::embedded_in(ip(row.address));
    for (const sys::EmbeddedAddress& one : embedded.all())
      found.emplace_back(sys::ip_text(one.address).view());
    for (const char* expected : row.embedded)
      EXPECT_NE(std::find(found.begin(), found.end(), expected), found.end())
          << row.address << ' ' << expected;
    EXPECT_EQ(found.empty(), row.embedded.empty()) << row.address;
  }
}

}  // namespace
