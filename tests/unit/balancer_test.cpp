// Load balancing over the members of a group, and the ejection of failed members.
#include "../../src/plan/balancer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>

namespace {

using plan::Balance;
using plan::Balancer;
using plan::kNoMember;
using std::string;
using std::vector;

constexpr base::SipKey kKey{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};

plan::Group group(std::size_t members, Balance balance) {
  plan::Group made;
  for (std::size_t i = 0; i < members; ++i) made.members.push_back({"host" + std::to_string(i), 80, ""});
  made.balance = balance;
  return made;
}

sys::Address client(std::uint32_t number) {
  sys::Address address;
  address.family = sys::Address::Family::ipv4;
  for (std::size_t i = 0; i < 4; ++i) address.bytes[i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return address;
}

sys::Address ip(const char* text) {
  sys::Address address;
  EXPECT_TRUE(sys::parse_ip(text, 1, address));
  return address;
}

// The members chosen, in order.
vector<std::size_t> choices(Balancer& groups, std::size_t count, std::uint64_t now = 0,
                            std::uint64_t tried = 0) {
  vector<std::size_t> made;
  for (std::size_t i = 0; i < count; ++i) made.push_back(groups.choose(0, client(1), now, tried));
  return made;
}
using Chosen = vector<std::size_t>;

constexpr Balance kAllBalances[] = {Balance::round_robin, Balance::least_conn, Balance::ip_hash};

// ---- round robin -----------------------------------------------------------------------------------------

TEST(RoundRobin, IsExactAndSmooth) {
  for (const std::size_t members : {1U, 2U, 3U, 7U, 64U}) {
    Balancer groups{{group(members, Balance::round_robin)}, kKey};
    const vector<std::size_t> made = choices(groups, 100 * members);
    for (std::size_t i = 0; i < made.size(); ++i) ASSERT_EQ(made[i], i % members);
  }
}

TEST(RoundRobin, GroupsCountForThemselves) {
  Balancer groups{{group(2, Balance::round_robin), group(2, Balance::round_robin)}, kKey};
  for (int i = 0; i < 4; ++i)
    for (std::size_t g = 0; g < 2; ++g)
      EXPECT_EQ(groups.choose(g, client(1), 0, 0), static_cast<std::size_t>(i % 2));
}

TEST(RoundRobin, SharesEvenlyAmongRemainingMembers) {
  for (std::size_t lost = 0; lost < 4; ++lost) {
    Balancer groups{{group(4, Balance::round_robin)}, kKey};
    groups.failed(0, lost, 0);
    std::map<std::size_t, int> counts;
    for (const std::size_t member : choices(groups, 300)) ++counts[member];
    ASSERT_EQ(counts.size(), 3U);
    for (const auto& [member, count] : counts) {
      EXPECT_NE(member, lost);
      EXPECT_EQ(count, 100);
    }
  }
}

// ---- least connections -----------------------------------------------------------------------------------

TEST(LeastConn, ChoosesTheMemberWithFewestConnections) {
  struct Row {
    vector<int> open;
    std::size_t chosen;
  };
  for (const Row& row : {Row{{1, 0, 1}, 1}, Row{{2, 2, 1}, 2}, Row{{0, 5, 5}, 0}, Row{{3, 2, 1}, 2}}) {
    Balancer groups{{group(3, Balance::least_conn)}, kKey};
    for (std::size_t member = 0; member < 3; ++member)
      for (int i = 0; i < row.open[member]; ++i) groups.begun(0, member);
    EXPECT_EQ(choices(groups, 3), Chosen(3, row.chosen));
  }
}

TEST(LeastConn, RotatesAmongEqualMembers) {
  Balancer groups{{group(3, Balance::least_conn)}, kKey};
  EXPECT_EQ(choices(groups, 6), (Chosen{0, 1, 2, 0, 1, 2}));
  groups.begun(0, 1);
  EXPECT_EQ(choices(groups, 4), (Chosen{0, 2, 0, 2}));
  groups.ended(0, 1);
  EXPECT_EQ(groups.open(0, 1), 0U);
  EXPECT_EQ(choices(groups, 3), (Chosen{0, 1, 2}));
}

TEST(LeastConn, KeepsAllEquallyBusy) {
  Balancer groups{{group(3, Balance::least_conn)}, kKey};
  for (int i = 0; i < 300; ++i) groups.begun(0, groups.choose(0, client(1), 0, 0));
  for (std::size_t member = 0; member < 3; ++member) EXPECT_EQ(groups.open(0, member), 100U);
  for (int i = 0; i < 50; ++i) groups.ended(0, 2);
  for (int i = 0; i < 50; ++i) groups.begun(0, groups.choose(0, client(1), 0, 0));
  for (std::size_t member = 0; member < 3; ++member) EXPECT_EQ(groups.open(0, member), 100U);
}

// ---- by the client's address -----------------------------------------------------------------------------

constexpr std::uint32_t kClients = 30'000;

vector<std::size_t> all_clients(Balancer& groups, std::uint64_t tried = 0) {
  vector<std::size_t> made;
  for (std::uint32_t i = 0; i < kClients; ++i) made.push_back(groups.choose(0, client(i), 0, tried));
  return made;
}

// Each member's share is binomially distributed; five standard deviations do not occur by chance.
void expect_even(const vector<std::size_t>& made, std::size_t members) {
  std::map<std::size_t, double> counts;
  for (const std::size_t member : made) ++counts[member];
  const double total = static_cast<double>(made.size()), share = 1.0 / static_cast<double>(members);
  EXPECT_EQ(counts.size(), members);
  for (const auto& [member, count] : counts)
    EXPECT_NEAR(count, total * share, 5 * std::sqrt(total * share * (1 - share))) << member;
}

TEST(IpHash, IsStableAndEven) {
  for (const std::size_t members : {2U, 3U, 10U}) {
    Balancer groups{{group(members, Balance::ip_hash)}, kKey};
    const vector<std::size_t> made = all_clients(groups);
    EXPECT_EQ(all_clients(groups), made);
    expect_even(made, members);
  }
}

TEST(IpHash, AFailureMovesOnlyItsOwnClients) {
  for (std::size_t lost = 0; lost < 4; ++lost) {
    Balancer groups{{group(4, Balance::ip_hash)}, kKey};
    const vector<std::size_t> before = all_clients(groups);
    groups.failed(0, lost, 0);
    const vector<std::size_t> without = all_clients(groups);
    vector<std::size_t> moved;
    for (std::size_t i = 0; i < kClients; ++i) {
      if (before[i] == lost)
        moved.push_back(without[i]);
      else
        ASSERT_EQ(without[i], before[i]);
    }
    EXPECT_EQ(std::count(moved.begin(), moved.end(), lost), 0);
    expect_even(moved, 3);  // none of them gets all clients
    groups.succeeded(0, lost);
    EXPECT_EQ(all_clients(groups), before);
    EXPECT_EQ(all_clients(groups, 1U << lost), without)
        << "a retry chooses the same member as a failure would";
  }
}

TEST(IpHash, ClientsDependOnAMembersNameNotItsIndex) {
  plan::Group turned = group(3, Balance::ip_hash), larger = group(4, Balance::ip_hash);
  std::rotate(turned.members.begin(), turned.members.begin() + 1, turned.members.end());
  Balancer groups{{group(3, Balance::ip_hash)}, kKey}, other{{turned}, kKey}, more{{larger}, kKey};
  const vector<std::size_t> made = all_clients(groups), elsewhere = all_clients(other),
                            grown = all_clients(more);
  for (std::size_t i = 0; i < kClients; ++i) {
    ASSERT_EQ((elsewhere[i] + 1) % 3, made[i]);
    ASSERT_TRUE(grown[i] == made[i] || grown[i] == 3) << "only the new member takes clients from others";
  }
}

TEST(IpHash, MembersOfEqualNameShare) {
  plan::Group twins = group(2, Balance::ip_hash);
  twins.members[1] = twins.members[0];
  Balancer groups{{twins}, kKey};
  expect_even(all_clients(groups), 2);
}

TEST(IpHash, AClientMayHaveSeveralAddresses) {
  Balancer groups{{group(64, Balance::ip_hash)}, kKey};
  const auto chosen = [&](const char* text) { return groups.choose(0, ip(text), 0, 0); };
  const std::size_t mine = chosen("2001:db8:1:2::1");
  EXPECT_EQ(chosen("2001:db8:1:2:ffff:ffff:ffff:ffff"), mine);
  EXPECT_EQ(chosen("::ffff:192.0.2.1"), chosen("192.0.2.1"));
  // Each of the first 64 bits counts: it is practically impossible that all networks that differ in the last
  // of them map to one of 64 members.
  for (const string begin : {"2001:db8:1:", "2001:db8:", "20"}) {
    std::set<std::size_t> members;
    for (int i = 10; i < 60; ++i)
      members.insert(chosen((begin + std::to_string(i) + (begin.size() < 8 ? ":1:1::1" : "::1")).c_str()));
    EXPECT_GT(members.size(), 1U) << begin;
  }
}

// ---- ejection --------------------------------------------------------------------------------------------

TEST(Ejection, DoublesItsDurationEachTime) {
  for (const Balance balance : kAllBalances) {
    Balancer groups{{group(2, balance)}, kKey};
    const std::size_t own = groups.choose(0, client(1), 0, 0), other = 1 - own;
    std::uint64_t now = 0;
    for (int i = 0; i < 100; ++i) groups.begun(0, other);  // so that least_conn prefers the first
    for (const std::uint64_t seconds : {1U, 2U, 4U, 8U, 16U, 32U, 60U, 60U, 60U}) {
      groups.failed(0, own, now);
      EXPECT_EQ(choices(groups, 3, now + seconds * 1000 - 1), Chosen(3, other));
      EXPECT_TRUE(groups.is_ejected(0, own, now + seconds * 1000 - 1));
      now += seconds * 1000;
      EXPECT_FALSE(groups.is_ejected(0, own, now));
      // One request probes it, and the others do not wait for the result.
      const vector<std::size_t> made = choices(groups, 6, now);
      EXPECT_EQ(std::count(made.begin(), made.end(), own), 1);
    }
    groups.succeeded(0, own);
    EXPECT_FALSE(groups.is_ejected(0, own, now));
    groups.failed(0, own, now);
    EXPECT_FALSE(groups.is_ejected(0, own, now + 1000)) << "a success clears the history";
  }
}

TEST(Ejection, SimultaneousFailuresCountOnce) {
  Balancer groups{{group(2, Balance::round_robin)}, kKey};
  for (std::uint64_t now = 0; now < 900; ++now) groups.failed(0, 0, now);
  EXPECT_TRUE(groups.is_ejected(0, 0, 999));
  EXPECT_FALSE(groups.is_ejected(0, 0, 1000));
}

TEST(Ejection, AProbeWithoutResultIsRepeated) {
  Balancer groups{{group(2, Balance::round_robin)}, kKey};
  groups.failed(0, 0, 0);
  const auto trials = [&](std::uint64_t now) {
    const vector<std::size_t> made = choices(groups, 10, now);
    return std::count(made.begin(), made.end(), 0U);
  };
  EXPECT_EQ(trials(999), 0);
  EXPECT_EQ(trials(1000), 1);
  EXPECT_EQ(trials(1999), 0);
  EXPECT_EQ(trials(2000), 1);
}

TEST(Ejection, IfAllAreEjectedTheSoonestIsProbed) {
  for (const Balance balance : kAllBalances) {
    Balancer groups{{group(3, balance)}, kKey};
    groups.failed(0, 2, 0);
    groups.failed(0, 0, 100);
    groups.failed(0, 1, 200);
    EXPECT_EQ(choices(groups, 3, 300), Chosen(3, 2));
    EXPECT_EQ(choices(groups, 1, 300, 0b100), Chosen{0});
    EXPECT_EQ(choices(groups, 1, 300, 0b101), Chosen{1});
    EXPECT_EQ(choices(groups, 1, 300, 0b111), Chosen{kNoMember});
    groups.failed(0, 2, 300);  // so its ejection ends last
    EXPECT_FALSE(groups.is_ejected(0, 2, 1000));
    groups.succeeded(0, 1);
    EXPECT_EQ(choices(groups, 3, 300), Chosen(3, 1));
  }
}

TEST(Tried, ChoosesAnotherMember) {
  for (const Balance balance : kAllBalances) {
    Balancer groups{{group(3, balance)}, kKey};
    std::uint64_t tried = 0;
    for (int i = 0; i < 3; ++i) {
      const std::size_t member = groups.choose(0, client(1), 0, tried);
      ASSERT_LT(member, 3U);
      ASSERT_EQ(tried >> member & 1U, 0U);
      tried |= std::uint64_t{1} << member;
    }
    EXPECT_EQ(groups.choose(0, client(1), 0, tried), kNoMember);
  }
  Balancer groups{{group(64, Balance::round_robin)}, kKey};
  EXPECT_EQ(groups.choose(0, client(1), 0, ~std::uint64_t{0} >> 1), 63U);
  EXPECT_EQ(groups.choose(0, client(1), 0, ~std::uint64_t{0}), kNoMember);
}

// ---- checks ----------------------------------------------------------------------------------------------

plan::Group checked(std::size_t members, std::uint32_t ms) {
  plan::Group made = group(members, Balance::round_robin);
  made.check_path = "/health";
  made.check_ms = ms;
  return made;
}

TEST(Checks, AreDueOncePerPeriod) {
  Balancer groups{{group(2, Balance::round_robin), checked(2, 500), checked(1, 700)}, kKey};
  std::map<std::pair<std::size_t, std::size_t>, vector<std::uint64_t>> begun;
  for (std::uint64_t now = 0; now <= 1400;) {
    const Balancer::Check check = groups.next_check(now);
    if (check.member == kNoMember) {
      ASSERT_GT(check.at, now);
      now = check.at;
      continue;
    }
    begun[{check.group, check.member}].push_back(now);
    groups.check_result(check.group, check.member, true);
  }
  EXPECT_EQ(begun.size(), 3U);
  EXPECT_EQ((begun[{1, 0}]), (vector<std::uint64_t>{0, 500, 1000}));
  EXPECT_EQ((begun[{1, 1}]), (vector<std::uint64_t>{0, 500, 1000}));
  EXPECT_EQ((begun[{2, 0}]), (vector<std::uint64_t>{0, 700, 1400}));
}

TEST(Checks, NotWithoutAPath) {
  Balancer groups{{group(2, Balance::round_robin)}, kKey};
  EXPECT_EQ(groups.next_check(5).member, kNoMember);
  EXPECT_EQ(groups.next_check(5).at, 0U);
}

TEST(Checks, OneAtATimePerMember) {
  Balancer groups{{checked(1, 500)}, kKey};
  EXPECT_EQ(groups.next_check(0).member, 0U);
  EXPECT_EQ(groups.next_check(0).member, kNoMember);
  EXPECT_EQ(groups.next_check(5000).member, kNoMember);
  EXPECT_EQ(groups.next_check(5000).at, 0U);
  groups.check_result(0, 0, true);
  EXPECT_EQ(groups.next_check(6000).member, 0U) << "it is already overdue";
}

TEST(Checks, AFailedCheckEjectsUntilOnePasses) {
  Balancer groups{{checked(2, 500)}, kKey};
  groups.check_result(0, 0, false);
  EXPECT_EQ(choices(groups, 3, 1'000'000), Chosen(3, 1));
  groups.succeeded(0, 0);  // from a request in flight
  EXPECT_EQ(choices(groups, 3, 1'000'000), Chosen(3, 1));
  groups.check_result(0, 1, false);
  EXPECT_LT(groups.choose(0, client(1), 0, 0), 2U) << "all are ejected: one is probed";
  groups.check_result(0, 0, true);
  EXPECT_EQ(choices(groups, 3, 0), Chosen(3, 0));
}

TEST(Checks, TheLongestWaitingIsFirst) {
  Balancer groups{{checked(2, 100)}, kKey};
  EXPECT_EQ(groups.next_check(0).member, 0U);
  groups.check_result(0, 0, true);
  EXPECT_EQ(groups.next_check(200).member, 1U) << "it was never checked";
  groups.check_result(0, 1, true);
  EXPECT_EQ(groups.next_check(350).member, 0U);
}

TEST(Checks, ReportAChange) {
  Balancer groups{{checked(1, 500)}, kKey};
  EXPECT_FALSE(groups.check_result(0, 0, true));
  EXPECT_TRUE(groups.check_result(0, 0, false));
  EXPECT_FALSE(groups.check_result(0, 0, false));
  EXPECT_TRUE(groups.check_result(0, 0, true));
}

TEST(Checks, AnAbandonedCheckChangesNothing) {
  Balancer groups{{checked(1, 500)}, kKey};
  groups.check_result(0, 0, false);
  ASSERT_EQ(groups.next_check(0).member, 0U);
  groups.check_given_up(0, 0);
  EXPECT_TRUE(groups.is_ejected(0, 0, 0));
  EXPECT_EQ(groups.next_check(0).at, 500U);
  EXPECT_EQ(groups.next_check(500).member, 0U);
}

TEST(Checks, APassedCheckReinstatesAtOnce) {
  Balancer groups{{checked(2, 500)}, kKey};
  groups.failed(0, 0, 0);
  groups.check_result(0, 0, true);
  EXPECT_FALSE(groups.is_ejected(0, 0, 10));
}

}  // namespace
