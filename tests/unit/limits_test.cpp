// Limits per client: token buckets, and the table that holds them.
#include "../../src/plan/limits.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "../../src/config/number_text.hpp"

namespace {

using plan::Allowance;
using plan::ClientLimits;
using plan::Rate;
using plan::TokenBucket;
using std::string;

constexpr base::SipKey kKey{1, 2};

sys::Address ip(const char* text) {
  sys::Address address;
  EXPECT_TRUE(sys::parse_ip(text, 4242, address)) << text;
  return address;
}

sys::Address numbered(std::uint32_t number) {
  sys::Address address = sys::loopback4(1);
  address.bytes = {10, static_cast<std::uint8_t>(number >> 16), static_cast<std::uint8_t>(number >> 8),
                   static_cast<std::uint8_t>(number)};
  return address;
}

Allowance of_connections(std::uint32_t connections) { return {{}, {}, connections}; }

TEST(Rate, AsText) {
  struct Row {
    const char* text;
    std::uint64_t per_second, burst;
  };
  const Row rows[] = {
      {"1", 1, 0},
      {"100", 100, 0},
      {"500k", 500 * 1024, 0},
      {"2M:8m", 2 << 20, 8 << 20},
      {"10:25", 10, 25},
      {"1g", 1ULL << 30, 0},
      {"1024g", plan::kRateMax, 0},
      {"10/s", 10, 0},
      {"500k/s", 500 * 1024, 0},
      {"10/s:25", 10, 25},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(config::parse_rate(row.text), (Rate{row.per_second, row.burst})) << row.text;
  }
  for (const char* text : {"", "0", "k", "1.5", "-1", "10:", ":10", "10:0", "1025g", "1t", "1kk", "10 ",
                           "1:2:3", "18446744073709551616", "10/m", "/s", "10/", "10:25/s"})
    EXPECT_FALSE(config::parse_rate(text)) << text;
}

TEST(TokenBucket, GrowsUpToTheBurst) {
  const Rate rate{10, 30};
  TokenBucket bucket;
  bucket.fill(rate, 1000);
  EXPECT_EQ(bucket.available(rate, 1000), 30U);
  bucket.take(rate, 30);
  EXPECT_EQ(bucket.available(rate, 1000), 0U);
  EXPECT_EQ(bucket.available(rate, 1099), 0U);
  EXPECT_EQ(bucket.available(rate, 1100), 1U);
  EXPECT_EQ(bucket.available(rate, 2000), 10U);
  EXPECT_EQ(bucket.available(rate, 3999), 29U);
  EXPECT_EQ(bucket.available(rate, 1'000'000), 30U);
}

TEST(TokenBucket, TheBurstDefaultsToOneSecond) {
  const Rate rate{10, 0};
  TokenBucket bucket;
  bucket.fill(rate, 0);
  EXPECT_EQ(bucket.available(rate, 0), 10U);
  EXPECT_EQ(bucket.available(rate, 5000), 10U);
}

TEST(TokenBucket, FrequentCallsLoseNothing) {
  const Rate rate{3, 1000};
  TokenBucket often, once;
  often.fill(rate, 0);
  once.fill(rate, 0);
  often.take(rate, 1000);
  once.take(rate, 1000);
  for (std::uint64_t now = 0; now <= 100'000; ++now) often.available(rate, now);
  EXPECT_EQ(often.available(rate, 100'000), 300U);
  EXPECT_EQ(once.available(rate, 100'000), 300U);
}

// Waiting as long as it returns is enough, and a millisecond less is not.
TEST(TokenBucket, TheWaitIsExact) {
  for (const std::uint64_t per_second : {1U, 3U, 7U, 999U, 1000U, 1001U, 123456U})
    for (const std::uint64_t wanted : {1U, 2U, 5U}) {
      const Rate rate{per_second, 10};
      TokenBucket bucket;
      bucket.fill(rate, 50);
      bucket.take(rate, 10);
      const std::uint64_t wait = bucket.wait_ms(rate, wanted, 50);
      ASSERT_GT(wait, 0U);
      EXPECT_LT(bucket.available(rate, 50 + wait - 1), wanted) << per_second << ' ' << wanted;
      EXPECT_GE(bucket.available(rate, 50 + wait), wanted) << per_second << ' ' << wanted;
      EXPECT_EQ(bucket.wait_ms(rate, wanted, 50 + wait), 0U);
    }
}

TEST(TokenBucket, AnAmountAboveTheBurstNeedNotWait) {
  const Rate rate{1000, 10};
  TokenBucket bucket;
  bucket.fill(rate, 0);
  EXPECT_EQ(bucket.wait_ms(rate, 1'000'000, 0), 0U);
  bucket.take(rate, 4);
  EXPECT_EQ(bucket.wait_ms(rate, 1'000'000, 0), 4U);
}

TEST(TokenBucket, DebtIsCappedAtOneBurst) {
  const Rate rate{10, 20};
  TokenBucket bucket;
  bucket.fill(rate, 0);
  bucket.take(rate, 25);
  EXPECT_EQ(bucket.available(rate, 0), 0U);
  EXPECT_EQ(bucket.wait_ms(rate, 1, 0), 600U) << "five of debt and one";
  bucket.take(rate, plan::kUnlimited);
  EXPECT_EQ(bucket.wait_ms(rate, 1, 0), 2100U) << "one burst of debt and one";
  EXPECT_EQ(bucket.available(rate, 4000), 20U);
}

TEST(TokenBucket, TheGreatestRateAndTheLongestPause) {
  const Rate rate{plan::kRateMax, plan::kRateMax};
  TokenBucket bucket;
  bucket.fill(rate, 0);
  bucket.take(rate, plan::kUnlimited);
  EXPECT_EQ(bucket.wait_ms(rate, plan::kRateMax, 0), 2000U);
  EXPECT_EQ(bucket.available(rate, plan::kUnlimited), plan::kRateMax);
  const Rate slow{1, plan::kRateMax};
  bucket.fill(slow, 0);
  bucket.take(slow, plan::kUnlimited);
  EXPECT_EQ(bucket.available(slow, plan::kUnlimited), plan::kRateMax);
}

TEST(TokenBucket, AClockThatGoesBackAddsNothing) {
  const Rate rate{10, 10};
  TokenBucket bucket;
  bucket.fill(rate, 5000);
  bucket.take(rate, 10);
  EXPECT_EQ(bucket.available(rate, 1000), 0U);
  EXPECT_EQ(bucket.available(rate, 5000), 0U);
  EXPECT_EQ(bucket.available(rate, 5100), 1U);
}

TEST(Limits, WithoutLimitsNothingIsRefused) {
  const Allowance none;
  EXPECT_FALSE(none.is_limited());
  ClientLimits limits{none, 4, kKey};
  const sys::Address client = ip("192.0.2.1");
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(limits.may_connect(client, 0));
    EXPECT_TRUE(limits.may_request(client, 0));
  }
  EXPECT_EQ(limits.bytes_allowed(client, 0), plan::kUnlimited);
  limits.spent(client, 1'000'000);
  EXPECT_EQ(limits.bytes_allowed(client, 0), plan::kUnlimited);
  EXPECT_EQ(limits.wait_ms(client, 1, 0), 0U);
  EXPECT_EQ(limits.request_wait_ms(client, 0), 0U);
}

TEST(Limits, EachKindIsALimit) {
  EXPECT_TRUE((Allowance{{1, 0}, {}, 0}).is_limited());
  EXPECT_TRUE((Allowance{{}, {1, 0}, 0}).is_limited());
  EXPECT_TRUE((Allowance{{}, {}, 1}).is_limited());
}

TEST(Limits, Connections) {
  ClientLimits limits{of_connections(2), 4, kKey};
  const sys::Address client = ip("192.0.2.1"), other = ip("192.0.2.2");
  EXPECT_TRUE(limits.may_connect(client, 0));
  EXPECT_TRUE(limits.may_connect(client, 0));
  EXPECT_FALSE(limits.may_connect(client, 0));
  EXPECT_FALSE(limits.may_connect(client, 1'000'000)) << "waiting does not help";
  EXPECT_TRUE(limits.may_connect(other, 0));
  EXPECT_EQ(limits.connections(client), 2U) << "a refused one does not count";
  limits.closed(client);
  EXPECT_TRUE(limits.may_connect(client, 0));
  EXPECT_FALSE(limits.may_connect(client, 0));
}

TEST(Limits, Requests) {
  ClientLimits limits{{{2, 3}, {}, 0}, 4, kKey};
  const sys::Address client = ip("192.0.2.1");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limits.may_request(client, 100)) << i;
  EXPECT_FALSE(limits.may_request(client, 100));
  EXPECT_EQ(limits.request_wait_ms(client, 100), 500U);
  EXPECT_FALSE(limits.may_request(client, 599));
  EXPECT_TRUE(limits.may_request(client, 600)) << "a refused request is not counted";
  EXPECT_FALSE(limits.may_request(client, 600));
  EXPECT_TRUE(limits.may_request(ip("192.0.2.2"), 600));
}

TEST(Limits, Bytes) {
  ClientLimits limits{{{}, {1000, 500}, 0}, 4, kKey};
  const sys::Address client = ip("192.0.2.1");
  EXPECT_EQ(limits.wait_ms(client, 100, 0), 0U) << "not known yet";
  EXPECT_EQ(limits.bytes_allowed(client, 0), 500U);
  limits.spent(client, 200);
  EXPECT_EQ(limits.bytes_allowed(client, 0), 300U);
  limits.spent(client, 300);
  EXPECT_EQ(limits.bytes_allowed(client, 0), 0U);
  EXPECT_EQ(limits.wait_ms(client, 100, 0), 100U);
  EXPECT_EQ(limits.bytes_allowed(client, 100), 100U);
  EXPECT_EQ(limits.bytes_allowed(ip("192.0.2.2"), 100), 500U);
  EXPECT_TRUE(limits.may_request(client, 0)) << "another limit";
}

TEST(Limits, AddressesOfOneClient) {
  struct Row {
    const char *a, *b;
    bool one;
  };
  const Row rows[] = {
      {"192.0.2.1", "192.0.2.1", true},
      {"192.0.2.1", "192.0.2.2", false},
      {"192.0.2.1", "::ffff:192.0.2.1", true},
      {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
      {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
      {"0.0.0.1", "0:0:0:1::", false},
  };
  for (const Row& row : rows) {
    ClientLimits limits{of_connections(1), 4, kKey};
    EXPECT_TRUE(limits.may_connect(ip(row.a), 0));
    EXPECT_EQ(limits.may_connect(ip(row.b), 0), !row.one) << row.a << ' ' << row.b;
  }
  sys::Address other_port = ip("192.0.2.1");
  other_port.port = 1;
  ClientLimits limits{of_connections(1), 4, kKey};
  EXPECT_TRUE(limits.may_connect(ip("192.0.2.1"), 0));
  EXPECT_FALSE(limits.may_connect(other_port, 0)) << "the port does not count";
}

TEST(Limits, EvictsTheLongestIdleClient) {
  ClientLimits limits{{{1, 1}, {}, 0}, 3, kKey};
  for (std::uint32_t i = 1; i <= 3; ++i) EXPECT_TRUE(limits.may_request(numbered(i), 0));
  EXPECT_FALSE(limits.may_request(numbered(1), 0)) << "now the most recent";
  EXPECT_EQ(limits.known(), 3U);
  EXPECT_TRUE(limits.may_request(numbered(4), 0));
  EXPECT_EQ(limits.known(), 3U);
  EXPECT_FALSE(limits.may_request(numbered(1), 0)) << "still known";
  EXPECT_FALSE(limits.may_request(numbered(3), 0)) << "still known";
  EXPECT_FALSE(limits.may_request(numbered(4), 0)) << "still known";
  EXPECT_TRUE(limits.may_request(numbered(2), 0)) << "was evicted";
}

TEST(Limits, AClientWithAConnectionIsNotEvicted) {
  ClientLimits limits{of_connections(1), 2, kKey};
  EXPECT_TRUE(limits.may_connect(numbered(1), 0));
  EXPECT_TRUE(limits.may_connect(numbered(2), 0));
  EXPECT_FALSE(limits.may_connect(numbered(3), 0)) << "no room";
  EXPECT_EQ(limits.connections(numbered(3)), 0U);
  limits.closed(numbered(2));
  EXPECT_TRUE(limits.may_connect(numbered(3), 0));
  EXPECT_EQ(limits.connections(numbered(1)), 1U);
  EXPECT_EQ(limits.connections(numbered(2)), 0U);
  EXPECT_FALSE(limits.may_connect(numbered(2), 0));
}

TEST(Limits, WithoutRoomNothingIsAllowed) {
  ClientLimits limits{{{1, 1}, {1, 1}, 1}, 1, kKey};
  EXPECT_TRUE(limits.may_connect(numbered(1), 0));
  EXPECT_FALSE(limits.may_request(numbered(2), 0));
  EXPECT_EQ(limits.bytes_allowed(numbered(2), 0), 0U);
}

// Against a std::map: connections of many clients in a small table, in random order.
TEST(Limits, AgainstAMap) {
  constexpr std::uint32_t kClients = 40;
  ClientLimits limits{of_connections(3), 16, kKey};
  std::map<std::uint32_t, std::uint32_t> model;
  std::uint32_t random = 1;
  int refused_for_room = 0;
  for (int step = 0; step < 100'000; ++step) {
    random = random * 1664525 + 1013904223;
    const std::uint32_t client = (random >> 8) % kClients;
    const bool opens = (random >> 24) % 2 == 0;
    std::uint32_t& count = model[client];
    if (opens) {
      std::size_t busy = 0;
      for (const auto& [one, connections] : model) busy += connections != 0 ? 1U : 0U;
      const bool room = count != 0 || busy < 16;
      refused_for_room += room ? 0 : 1;
      ASSERT_EQ(limits.may_connect(numbered(client), 0), room && count < 3) << step;
      if (room && count < 3) ++count;
    } else if (count != 0) {
      limits.closed(numbered(client));
      --count;
    }
    ASSERT_EQ(limits.connections(numbered(client)), count) << step;
  }
  EXPECT_GT(refused_for_room, 100);
  for (const auto& [client, connections] : model)
    EXPECT_EQ(limits.connections(numbered(client)), connections);
}

}  // namespace
