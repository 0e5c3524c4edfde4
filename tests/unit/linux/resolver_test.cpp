// The resolver with a name source that the test controls.
#include "../../../src/net/resolver.hpp"

#include "support.hpp"

namespace {

using base::Reason;
using net::Lookup;
using net::Token;
using std::string;
using What = net::Lookup::What;

class LinuxResolver : public testing::Test {
 protected:
  LinuxResolver() { fake::names() = {}; }
  Lookup find(std::string_view host, std::uint64_t now = 0, std::uint32_t waiter = 1) {
    const Token token{waiter, waiter, Token::Kind::upstream};
    return resolver_.find(host, 8080, waiters_.try_emplace(waiter, token, sys::loopback4(0)).first->second,
                          now);
  }
  std::vector<std::uint32_t> woken(std::uint64_t now = 0) {
    std::vector<std::uint32_t> out;
    for (const Token& token : resolver_.woken(now)) out.push_back(token.serial);
    return out;
  }
  static std::size_t asked() { return fake::names().asked.size(); }

 private:
  sys::Fd poller_;
  net::Resolver resolver_{poller_};
  std::map<std::uint32_t, net::Resolver::Waiter> waiters_;
};

TEST_F(LinuxResolver, NumericAddressesAndLocalhostNeedNoQuery) {
  struct Row {
    const char* host;
    std::vector<sys::Address> expected;
  };
  sys::Address four, six;
  ASSERT_TRUE(sys::parse_ip("192.0.2.7", 8080, four));
  ASSERT_TRUE(sys::parse_ip("2001:db8::7", 8080, six));
  // RFC 6761 section 6.3: localhost and its subdomains are loopback.
  const std::vector<sys::Address> here{sys::loopback4(8080), sys::loopback6(8080)};
  const Row rows[] = {{"192.0.2.7", {four}},   {"2001:db8::7", {six}}, {"localhost", here},
                      {"LOCALHOST", here},     {"localhost.", here},   {"x.localhost", here},
                      {"a.b.LocalHost.", here}};
  for (const Row& row : rows) {
    const Lookup found = find(row.host);
    ASSERT_EQ(found.what, What::ready) << row.host;
    EXPECT_EQ(found.addresses.list(), row.expected) << row.host;
  }
  EXPECT_EQ(asked(), 0U);
  std::uint32_t waiter = 10;
  for (const char* host : {"localhost.test", "xlocalhost", "local", "localhos", "1.2.3.4.test"})
    EXPECT_EQ(find(host, 0, ++waiter).what, What::pending) << host;
  EXPECT_EQ(asked(), 5U);
}

TEST_F(LinuxResolver, BlockingSourceAnswersAtOnce) {
  fake::names().known["o.test"] = fake::found({sys::loopback4(0)});
  const Lookup found = find("O.Test");
  ASSERT_EQ(found.what, What::ready);
  EXPECT_EQ(found.addresses[0], sys::loopback4(8080)) << "with the requested port";
  EXPECT_TRUE(woken().empty()) << "no waiter";
}

TEST_F(LinuxResolver, WakesEachWaiterOnce) {
  EXPECT_EQ(find("o.test", 0, 1).what, What::pending);
  EXPECT_EQ(find("O.TEST", 0, 2).what, What::pending);
  EXPECT_EQ(find("o.test", 0, 1).what, What::pending) << "a repeated call adds no second waiter";
  EXPECT_EQ(find("p.test", 0, 3).what, What::pending);
  EXPECT_EQ(asked(), 2U) << "one query per name";
  EXPECT_TRUE(woken().empty());
  fake::names().answer("o.test", fake::found({sys::loopback4(0)}));
  EXPECT_EQ(woken(), (std::vector<std::uint32_t>{1, 2}));
  EXPECT_TRUE(woken().empty());
  EXPECT_EQ(find("o.test").what, What::ready);
  EXPECT_EQ(find("p.test", 0, 3).what, What::pending);
  EXPECT_EQ(asked(), 2U);
}

TEST_F(LinuxResolver, IgnoresUnrequestedAnswers) {
  fake::names().answer("o.test", fake::found({sys::loopback4(0)}));
  EXPECT_TRUE(woken().empty());
  EXPECT_EQ(find("o.test").what, What::pending);
}

TEST_F(LinuxResolver, CacheTimes) {
  constexpr std::uint64_t kMost = net::Resolver::kAnswerKeptMaxMs, kFailure = net::Resolver::kFailureKeptMs;
  struct Row {
    const char* title;
    net::Found found;
    std::uint64_t kept_ms;
    What what;
    Reason why;
  };
  const std::vector<sys::Address> one{sys::loopback4(0)};
  const Row rows[] = {
      {"for its time to live", fake::found(one, 1500), 1500, What::ready, Reason::none},
      {"for the longest time", fake::found(one, kMost), kMost, What::ready, Reason::none},
      {"no longer, whatever it says", fake::found(one, kMost + 1), kMost, What::ready, Reason::none},
      {"without end is not without end", fake::found(one, ~std::uint64_t{0}), kMost, What::ready,
       Reason::none},
      {"that there is none", fake::not_found(net::Found::What::not_found), kFailure, What::failed,
       Reason::host_not_found},
      {"a failure", fake::not_found(net::Found::What::failed), kFailure, What::failed, Reason::dns_error},
  };
  std::uint64_t now = 1'000'000;
  for (const Row& row : rows) {
    const string host = "h" + std::to_string(now) + ".test";
    EXPECT_EQ(find(host, now).what, What::pending) << row.title;
    fake::names().answer(host, row.found);
    EXPECT_EQ(woken(now).size(), 1U) << row.title;
    EXPECT_EQ(woken(now).size(), 0U) << row.title;  // the next turn
    const std::size_t before = asked();
    for (const std::uint64_t later : {std::uint64_t{0}, row.kept_ms - 1}) {
      const Lookup found = find(host, now + later);
      EXPECT_EQ(found.what, row.what) << row.title << " after " << later;
      EXPECT_EQ(found.why, row.why) << row.title << " after " << later;
    }
    EXPECT_EQ(asked(), before) << row.title;
    EXPECT_EQ(find(host, now + row.kept_ms).what, What::pending) << row.title;
    EXPECT_EQ(asked(), before + 1) << row.title;
    now += row.kept_ms + 1;
  }
}

TEST_F(LinuxResolver, CacheIsBounded) {
  const std::size_t many = 3 * net::Resolver::kNamesMax;
  for (std::size_t i = 0; i < many; ++i) {
    fake::names().known["h" + std::to_string(i) + ".test"] = fake::found({sys::loopback4(0)});
    EXPECT_EQ(find("h" + std::to_string(i) + ".test").what, What::ready) << i;
  }
  fake::names().known.clear();
  std::size_t remembered = 0;
  for (std::size_t i = 0; i < many; ++i)
    remembered += find("h" + std::to_string(i) + ".test").what == What::ready ? 1U : 0U;
  EXPECT_LE(remembered, net::Resolver::kNamesMax);
}

TEST_F(LinuxResolver, KeepsEntriesWithWaiters) {
  EXPECT_EQ(find("wanted.test", 0, 7).what, What::pending);
  for (std::size_t i = 0; i < 2 * net::Resolver::kNamesMax; ++i) {
    fake::names().known["h" + std::to_string(i) + ".test"] = fake::found({sys::loopback4(0)});
    find("h" + std::to_string(i) + ".test");
  }
  fake::names().answer("wanted.test", fake::found({sys::loopback4(0)}));
  EXPECT_EQ(woken(), (std::vector<std::uint32_t>{7}));
}

}  // namespace
