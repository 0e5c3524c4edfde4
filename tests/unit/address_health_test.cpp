// In which order a host's addresses are tried.
#include "../../src/net/address_health.hpp"

#include <gtest/gtest.h>

#include <string>

#include "../../src/net/addresses.hpp"

namespace {

sys::Address address(const char* text, std::uint16_t port = 80) {
  sys::Address out;
  EXPECT_TRUE(sys::parse_ip(text, port, out)) << text;
  return out;
}

net::Addresses listed(const char* texts) {
  net::Addresses out;
  std::string word;
  for (const char* c = texts;; ++c) {
    if (*c != ' ' && *c != '\0') {
      word += *c;
      continue;
    }
    out.add(address(word.c_str()));
    word.clear();
    if (*c == '\0') return out;
  }
}

std::string shown(const net::Addresses& addresses) {
  std::string out;
  for (const sys::Address& one : addresses.list())
    out += (out.empty() ? "" : " ") + std::string{sys::ip_text(one).view()};
  return out;
}

TEST(Addresses, FamiliesAlternate) {
  struct Row {
    const char *given, *wanted;
  };
  for (const Row& row :
       {Row{"::1 ::2 ::3 1.0.0.1 1.0.0.2", "::1 1.0.0.1 ::2 1.0.0.2 ::3"},
        Row{"1.0.0.1 1.0.0.2 ::1", "1.0.0.1 ::1 1.0.0.2"}, Row{"1.0.0.1 ::1 ::2 ::3", "1.0.0.1 ::1 ::2 ::3"},
        Row{"1.0.0.1 1.0.0.2", "1.0.0.1 1.0.0.2"}, Row{"::1", "::1"}})
    EXPECT_EQ(shown(net::interleaved(listed(row.given))), row.wanted);
}

TEST(Addresses, HaveOnePortAndABound) {
  net::Addresses all;
  EXPECT_TRUE(all.empty());
  sys::Address next = address("10.0.0.0");
  for (std::size_t i = 0; i < net::Addresses::kMax + 3; ++i) {
    next.bytes[3] = static_cast<std::uint8_t>(i);
    all.add(next);
  }
  ASSERT_EQ(all.size(), net::Addresses::kMax);
  const net::Addresses copy = all;
  all.set_port(8080);
  EXPECT_EQ(all[254].bytes[3], 254);
  EXPECT_EQ(all[0].port, 8080);
  EXPECT_EQ(copy[254].port, 80) << "a copy keeps its port";
}

TEST(AddressHealth, AFailureIsRememberedForAWhile) {
  net::AddressHealth health;
  EXPECT_FALSE(health.failed_lately(address("::1"), 0));
  health.failed(address("::1"), 1000);
  EXPECT_TRUE(health.failed_lately(address("::1"), 1000 + net::AddressHealth::kRememberedMs - 1));
  EXPECT_FALSE(health.failed_lately(address("::2"), 1001));
  EXPECT_FALSE(health.failed_lately(address("::1"), 1000 + net::AddressHealth::kRememberedMs)) << "forgotten";
  health.succeeded(address("::1"));
  EXPECT_FALSE(health.failed_lately(address("::1"), 1001)) << "it was reached meanwhile";
}

TEST(AddressHealth, TheOldestFailureIsForgottenForLackOfRoom) {
  net::AddressHealth health;
  for (std::size_t i = 0; i <= net::AddressHealth::kMax; ++i)
    health.failed(address("10.0.0.1", static_cast<std::uint16_t>(80 + i)), i);
  EXPECT_FALSE(health.failed_lately(address("10.0.0.1", 80), 100));
  EXPECT_TRUE(health.failed_lately(address("10.0.0.1", 81), 100));
}

}  // namespace
