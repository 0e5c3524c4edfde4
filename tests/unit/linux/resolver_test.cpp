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
