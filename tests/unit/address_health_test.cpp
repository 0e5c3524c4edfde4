// In which order a host's addresses are tried.
#include "../../src/net/address_health.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

net::Addresses listed(const char* texts) {
  net::Addresses out;
  std::string word;
  for (const char* c = texts;; ++c) {
    if (*c != ' ' && *c != '\0') {
      word += *c;
      continue;
    }
    sys::Address address;
    EXPECT_TRUE(sys::parse_ip(word, 80, address)) << word;
    out.add(address);
    word.clear();
    if (*c == '\0') return out;
  }
}

std::string shown(const net::Addresses& addresses) {
  std::string out;
  for (const sys::Address& address : addresses.all())
    out += (out.empty() ? "" : " ") + std::string{sys::ip_text(address).view()};
  return out;
}

std::string ordered(const net::AddressHealth& health, const char* texts, std::uint64_t now) {
  net::Addresses addresses = listed(texts);
  health.order(addresses, now);
  return shown(addresses);
}

TEST(Reach, FamiliesTakeTurns) {
  struct Row {
    const char *given, *wanted;
  };
  for (const Row& row :
       {Row{"::1 ::2 ::3 1.0.0.1 1.0.0.2", "::1 1.0.0.1 ::2 1.0.0.2 ::3"},
        Row{"1.0.0.1 1.0.0.2 ::1", "1.0.0.1 ::1 1.0.0.2"}, Row{"1.0.0.1 ::1 ::2 ::3", "1.0.0.1 ::1 ::2 ::3"},
        Row{"1.0.0.1 1.0.0.2", "1.0.0.1 1.0.0.2"}, Row{"::1", "::1"}})
    EXPECT_EQ(ordered(net::AddressHealth{}, row.given, 0), row.wanted);
}

TEST(Reach, WhoFailedLatelyComesLast) {
  net::AddressHealth health;
  const net::Addresses all = listed("::1 ::2 1.0.0.1 1.0.0.2");
  health.failed(all.list[0], 1000);
  EXPECT_EQ(ordered(health, "::1 1.0.0.1 ::2 1.0.0.2", 1000 + net::AddressHealth::kRememberedMs - 1),
            "1.0.0.1 ::2 1.0.0.2 ::1");
  EXPECT_EQ(ordered(health, "::1 1.0.0.1", 1000 + net::AddressHealth::kRememberedMs), "::1 1.0.0.1")
      << "forgotten";
  health.succeeded(all.list[0]);
  EXPECT_EQ(ordered(health, "::1 1.0.0.1", 1001), "::1 1.0.0.1") << "it was reached meanwhile";
}

TEST(Reach, TheOldestIsForgottenForWantOfRoom) {
  net::AddressHealth health;
  sys::Address address = listed("10.0.0.1").list[0];
  for (std::size_t i = 0; i <= net::AddressHealth::kMax; ++i, ++address.port) health.failed(address, i);
  net::Addresses two;
  for (const std::uint16_t port : {std::uint16_t{81}, std::uint16_t{80}}) {
    address.port = port;
    two.add(address);
  }
  health.order(two, 100);
  EXPECT_EQ(two.list[0].port, 80) << "port 80 was the oldest, 81 is still known";
}

}  // namespace
