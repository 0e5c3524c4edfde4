// plan::Shares and base::Ranking, compared with a model that searches everything.
#include "../../src/plan/shares.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace {

using base::kNoIndex;
using plan::BlockUse;
using plan::Shares;

sys::Address client(std::uint32_t number) {
  sys::Address address = sys::loopback4(1);
  address.bytes = {10, 0, static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)};
  return address;
}

TEST(Ranking, LowestAndHighest) {
  base::Ranking ranking{8};
  EXPECT_EQ(ranking.lowest(), kNoIndex);
  EXPECT_EQ(ranking.highest(), kNoIndex);
  ranking.add(3, 64);
  ranking.add(1, 63);
  ranking.add(2, 63);
  EXPECT_EQ(ranking.lowest(), 1U) << "the first with that count";
  EXPECT_EQ(ranking.highest(), 3U);
  ranking.add(0, 0);
  ranking.add(7, 100'000);
  ranking.add(6, 255);
  EXPECT_EQ(ranking.lowest(), 0U);
  EXPECT_EQ(ranking.highest(), 7U) << "large counts are equal";
  ranking.remove(7, 100'000);
  ranking.remove(0, 0);
  EXPECT_EQ(ranking.lowest(), 1U);
  EXPECT_EQ(ranking.highest(), 6U);
}

// A connection of the model.
struct Open {
  std::uint32_t client;
  Shares::State state;
  std::uint64_t touched = 0, sent = 0;  // when
};

struct Model {
  std::map<std::uint32_t, Open> open;  // by slot

  [[nodiscard]] std::size_t count(std::uint32_t of, bool blocks) const {
    std::size_t sum = 0;
    for (const auto& [slot, one] : open)
      if (one.client == of) sum += blocks ? one.state.blocks : 1U;
    return sum;
  }
  [[nodiscard]] std::size_t most(bool blocks) const {
    std::size_t best = 0;
    for (const auto& [slot, one] : open) best = std::max(best, count(one.client, blocks));
    return best;
  }
};

TEST(Shares, LikeAModelThatSearchesEverything) {
  constexpr std::uint32_t kSlots = 30, kClients = 6;
  std::mt19937 random{1};
  const auto below = [&random](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  Shares shares{kSlots, {1, 2}};
  Model model;
  for (std::uint64_t now = 1; now < 50'000; ++now) {
    const std::uint32_t slot = below(kSlots);
    const auto found = model.open.find(slot);
    if (found == model.open.end()) {
      const std::uint32_t of = std::min(below(kClients), below(kClients));
      shares.open(slot, client(of));
      model.open[slot] = {of, {}, now, 0};
    } else if (below(4) == 0) {
      shares.close(slot);
      model.open.erase(found);
    } else if (below(4) == 0) {
      shares.touch(slot);
      found->second.state.idle = false;
      found->second.touched = now;
    } else {
      const auto blocks = static_cast<std::uint8_t>(below(3));
      const Shares::State state{blocks == 0 && below(2) == 0, below(2) == 0, blocks};
      shares.update(slot, state);
      if (state.moved || found->second.state.blocks == 0) found->second.sent = now;
      found->second.state = state;
      found->second.touched = now;
    }
    const std::size_t most = model.most(false), most_blocks = model.most(true);
    for (std::uint32_t of = 0; of < kClients; ++of)
      ASSERT_EQ(shares.connections(client(of)), model.count(of, false));
    // The client is one of those with most; its connection is the one that has waited for longest.
    if (const std::uint32_t idle = shares.idle_connection(); idle != kNoIndex) {
      const Open& given = model.open.at(idle);
      ASSERT_TRUE(given.state.idle);
      ASSERT_GE(most, 2U);
      ASSERT_EQ(model.count(given.client, false), most);
      for (const auto& [other, one] : model.open)
        ASSERT_TRUE(one.client != given.client || !one.state.idle || one.touched >= given.touched);
    }
    const std::uint32_t newcomer = below(kClients);
    if (const std::uint32_t busy = shares.busy_connection(client(newcomer)); busy != kNoIndex) {
      const Open& given = model.open.at(busy);
      ASSERT_FALSE(given.state.idle);
      ASSERT_EQ(model.count(given.client, false), most);
      ASSERT_GT(most, model.count(newcomer, false) + 1);
      for (const auto& [other, one] : model.open)
        ASSERT_TRUE(one.client != given.client || one.state.idle || one.touched >= given.touched);
    }
    if (model.open.empty()) continue;
    const std::uint32_t waiting = model.open.begin()->second.client;
    const std::uint32_t holder = shares.block_holder(shares.client_of(model.open.begin()->first));
    ASSERT_EQ(holder != kNoIndex, most_blocks > model.count(waiting, true));
    if (holder == kNoIndex) continue;
    const Open& given = model.open.at(holder);
    ASSERT_GT(given.state.blocks, 0);
    ASSERT_EQ(model.count(given.client, true), most_blocks);
    for (const auto& [other, one] : model.open)
      ASSERT_TRUE(one.client != given.client || one.state.blocks == 0 || one.sent >= given.sent);
  }
}

TEST(Shares, TheNextBlockIsForTheClientThatHoldsFewest) {
  Shares shares{8, {}};
  for (std::uint32_t slot = 0; slot < 3; ++slot) shares.open(slot, client(1));
  shares.open(3, client(2));
  const std::uint32_t greedy = shares.client_of(0), modest = shares.client_of(3);
  for (std::uint32_t slot = 0; slot < 2; ++slot) shares.update(slot, {.blocks = 1});
  EXPECT_EQ(shares.neediest(BlockUse::body), kNoIndex);
  shares.begin_waiting(greedy, BlockUse::body, 5);
  EXPECT_EQ(shares.neediest(BlockUse::body), greedy);
  shares.begin_waiting(modest, BlockUse::body, 7);
  EXPECT_EQ(shares.neediest(BlockUse::body), modest);
  EXPECT_EQ(shares.waits_since(modest, BlockUse::body), 7U);
  EXPECT_EQ(shares.neediest(BlockUse::head), kNoIndex);
  EXPECT_EQ(shares.block_holder(modest), 0U);
  shares.update(3, {.blocks = 3});
  EXPECT_EQ(shares.neediest(BlockUse::body), greedy) << "what it holds has changed while it waits";
  shares.end_waiting(greedy, BlockUse::body);
  EXPECT_EQ(shares.neediest(BlockUse::body), modest);
  shares.end_waiting(modest, BlockUse::body);
  EXPECT_EQ(shares.neediest(BlockUse::body), kNoIndex);
}

TEST(Shares, ClientsThatHoldEquallyManyTakeTurns) {
  Shares shares{8, {}};
  for (std::uint32_t slot = 0; slot < 3; ++slot) shares.open(slot, client(slot));
  const std::uint32_t flood = shares.client_of(0), one = shares.client_of(1), other = shares.client_of(2);
  EXPECT_FALSE(shares.next_use(true));
  shares.begin_waiting(flood, BlockUse::head, 1);
  shares.begin_waiting(one, BlockUse::head, 2);
  shares.begin_waiting(other, BlockUse::body, 3);
  EXPECT_EQ(shares.next_use(true), BlockUse::head);
  EXPECT_EQ(shares.neediest(BlockUse::head), flood);
  shares.had_turn(flood, BlockUse::head);
  EXPECT_EQ(shares.next_use(true), BlockUse::head);
  EXPECT_EQ(shares.neediest(BlockUse::head), one);
  shares.end_waiting(one, BlockUse::head);
  EXPECT_EQ(shares.next_use(true), BlockUse::body) << "heads are not always first";
  EXPECT_EQ(shares.next_use(false), BlockUse::head);
  shares.had_turn(other, BlockUse::body);
  EXPECT_EQ(shares.next_use(true), BlockUse::head);
  shares.update(0, {.blocks = 1});
  EXPECT_EQ(shares.next_use(true), BlockUse::body) << "it holds fewer";
}

TEST(Shares, AnIpv6ClientIsItsNetwork) {
  Shares shares{8, {}};
  sys::Address one, other, elsewhere;
  sys::parse_ip("2001:db8::1", 1, one);
  sys::parse_ip("2001:db8::ffff:0:0:2", 1, other);
  sys::parse_ip("2001:db8:0:1::1", 1, elsewhere);
  shares.open(0, one);
  shares.open(1, other);
  shares.open(2, elsewhere);
  EXPECT_EQ(shares.client_of(0), shares.client_of(1));
  EXPECT_EQ(shares.connections(one), 2U);
  EXPECT_EQ(shares.connections(elsewhere), 1U);
}

}  // namespace
