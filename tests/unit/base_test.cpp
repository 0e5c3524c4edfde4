// src/base and addresses: text, index lists, pool, reasons, trace.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "../../src/base/budget.hpp"
#include "../../src/base/elapsed.hpp"
#include "../../src/base/fair_order.hpp"
#include "../../src/base/fair_share.hpp"
#include "../../src/base/links.hpp"
#include "../../src/base/pool.hpp"
#include "../../src/base/reason.hpp"
#include "../../src/base/siphash.hpp"
#include "../../src/base/text.hpp"
#include "../../src/base/trace.hpp"

namespace {

using std::string;
using std::string_view;

TEST(Text, CharacterClassesMatchTheRfc) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool alnum = byte < 128 && std::isalnum(byte) != 0;
    EXPECT_EQ(base::is(c, base::kToken),
              alnum || (byte != 0 && string_view{"!#$%&'*+-.^_`|~"}.find(c) != string_view::npos))
        << byte;
    EXPECT_EQ(base::is(c, base::kFieldValue), byte == '\t' || (byte >= ' ' && byte != 0x7f)) << byte;
    EXPECT_EQ(base::is(c, base::kDigit), byte >= '0' && byte <= '9') << byte;
    EXPECT_EQ(base::is(c, base::kHexDigit), byte < 128 && std::isxdigit(byte) != 0) << byte;
    EXPECT_EQ(base::is(c, base::kVisible), byte > ' ' && byte < 0x7f) << byte;
  }
}

TEST(Text, Decimals) {
  std::uint16_t small = 7;
  EXPECT_TRUE(base::parse_decimal("65535", small));
  EXPECT_EQ(small, 65535);
  for (const char* wrong : {"", "65536", "-1", "+1", " 1", "1 ", "0x1", "1a", "99999999999999999999"}) {
    EXPECT_FALSE(base::parse_decimal(wrong, small)) << wrong;
    EXPECT_EQ(small, 65535) << "unchanged";
  }
}

TEST(Text, ListsAndWhiteSpace) {
  string_view list = " a ,, b\t,c";
  EXPECT_EQ(base::next_element(list), "a");
  EXPECT_EQ(base::next_element(list), "");
  EXPECT_EQ(base::next_element(list), "b");
  EXPECT_EQ(base::next_element(list), "c");
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(base::trimmed(" \t "), "");
  EXPECT_TRUE(base::equals_ignoring_case("Content-LENGTH", "content-length"));
  EXPECT_FALSE(base::equals_ignoring_case("a", "ab"));
  EXPECT_FALSE(base::equals_ignoring_case("[", "{")) << "only letters have a case";
}

TEST(Text, PrintableEscapesControlCharacters) {
  EXPECT_EQ(base::printable("a\x1b[1m\r\n\x7f"), R"(a\x1b[1m\x0d\x0a\x7f)");
  EXPECT_EQ(base::printable("\xc2\x9b"), R"(\xc2\x9b)") << "U+009B begins a sequence as ESC [ does";
  EXPECT_EQ(base::printable("a\xe2\x80\xae z"), R"(a\xe2\x80\xae z)")
      << "U+202E shows the rest from right to left";
  EXPECT_EQ(base::printable("\xe2\x80\x90\xc3\x9c\xe2\x80"), "\xe2\x80\x90\xc3\x9c\xe2\x80")
      << "a hyphen, a letter, a part of a character";
  EXPECT_EQ(base::printable("\xc3\xbc \xc2\xa0 \\x"), "\xc3\xbc \xc2\xa0 \\x") << "other text as it is";
  EXPECT_EQ(base::quoted("a\nb"), R"('a\x0ab')");
}

TEST(Text, WriterStopsAtTheEndOfItsBuffer) {
  std::array<char, 6> room;
  base::Writer out{room};
  out << "ab" << std::uint64_t{12};
  EXPECT_EQ(out.view(), "ab12");
  EXPECT_FALSE(out.overflowed());
  out << "345";
  EXPECT_EQ(out.view(), "ab1234");
  EXPECT_TRUE(out.overflowed());
  out << 'x';
  EXPECT_EQ(out.length(), 6U);
  base::Writer padded{room};
  padded.padded(7, 3) << '.';
  EXPECT_EQ(padded.view(), "007.");
}

struct Node {
  base::Links links;
};
using Queue = base::IndexQueue<Node, &Node::links>;

TEST(Links, FirstInFirstOutWithRemoval) {
  std::array<Node, 5> nodes;
  Queue queue{nodes.data()};
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.front(), base::kNoIndex);
  for (std::uint32_t i = 0; i < 5; ++i) queue.push(i);
  queue.remove(2);
  EXPECT_FALSE(nodes[2].links.linked());
  queue.remove(0);
  queue.remove(4);
  queue.push(2);
  EXPECT_EQ(queue.back(), 2U);
  EXPECT_EQ(queue.pop(), 1U);
  EXPECT_EQ(queue.pop(), 3U);
  EXPECT_EQ(queue.pop(), 2U);
  EXPECT_TRUE(queue.empty());
}

// Each element is inserted after its equals, whatever the order of insertion.
TEST(Links, ASortedQueueStaysSorted) {
  constexpr std::uint32_t kNodes = 60;
  std::array<Node, kNodes> nodes;
  std::array<std::uint32_t, kNodes> due{};
  Queue queue{nodes.data()};
  const auto later = [&due](std::uint32_t one, std::uint32_t other) { return due[one] > due[other]; };
  std::vector<std::uint32_t> model;
  std::mt19937 random{1};
  for (int step = 0; step < 20'000; ++step) {
    const auto i = static_cast<std::uint32_t>(random() % kNodes);
    if (nodes[i].links.linked()) {
      queue.remove(i);
      model.erase(std::find(model.begin(), model.end(), i));
    } else {
      due[i] = static_cast<std::uint32_t>(random() % 10);
      queue.insert(i, later);
      model.insert(std::upper_bound(model.begin(), model.end(), i,
                                    [&due](std::uint32_t a, std::uint32_t b) { return due[a] < due[b]; }),
                   i);
    }
    std::vector<std::uint32_t> forwards, backwards;
    for (std::uint32_t at = queue.front(); at != base::kNoIndex; at = nodes[at].links.next)
      forwards.push_back(at);
    for (std::uint32_t at = queue.back(); at != base::kNoIndex; at = nodes[at].links.prev)
      backwards.insert(backwards.begin(), at);
    ASSERT_EQ(forwards, model);
    ASSERT_EQ(backwards, model);
  }
}

// An element that belongs at the end is compared with the last one only.
TEST(Links, InsertsAtTheEndWithOneComparison) {
  std::array<Node, 100> nodes;
  Queue queue{nodes.data()};
  int compared = 0;
  const auto later = [&compared](std::uint32_t one, std::uint32_t other) { return ++compared, one > other; };
  for (std::uint32_t i = 0; i < 100; ++i) queue.insert(i, later);
  EXPECT_EQ(compared, 99);
}

struct Piece {
  char bytes[4096];
};

class PoolTest : public testing::Test {
 protected:
  static constexpr std::size_t kLimit = 3;
  std::vector<std::byte> memory_ = std::vector<std::byte>(base::Pool<Piece>::footprint(kLimit));
  base::Pool<Piece> pool_{memory_.data(), kLimit};
};

TEST_F(PoolTest, TakesUpToTheLimit) {
  auto a = pool_.take(), b = pool_.take(), c = pool_.take();
  ASSERT_TRUE(a && b && c);
  EXPECT_NE(a.get(), b.get());
  EXPECT_EQ(pool_.used(), 3U);
  EXPECT_FALSE(pool_.take());
  Piece* const last = b.get();
  b.reset();
  EXPECT_EQ(pool_.used(), 2U);
  EXPECT_EQ(pool_.take().get(), last) << "last in, first out";
}

TEST_F(PoolTest, TrimsOnlyWhenUnused) {
  {
    auto a = pool_.take(), b = pool_.take();
    EXPECT_TRUE(pool_.trim(1).empty());
  }
  EXPECT_TRUE(pool_.trim(3).empty()) << "too few pieces were used";
  EXPECT_EQ(pool_.trim(2).size(), 2 * sizeof(Piece));
  EXPECT_TRUE(pool_.trim(1).empty()) << "no memory is in use any more";
  EXPECT_TRUE(pool_.take());
}

TEST(BlockPool, HasTheSizeThatWasChosen) {
  for (const std::size_t size : {base::kBlockBytes, std::size_t{21} * 1024}) {
    std::vector<std::byte> memory(base::BlockPool::footprint(3, size));
    base::BlockPool pool{memory.data(), 3, size};
    EXPECT_EQ(pool.block_bytes(), size);
    {
      const base::BlockPtr a = pool.take(), b = pool.take();
      ASSERT_TRUE(a && b);
      EXPECT_EQ(a->room().size(), size);
      EXPECT_EQ(a->bytes + size, b->bytes) << "none overlap";
      EXPECT_FALSE(pool.take(1)) << "one is left";
      base::BlockPtr c = pool.take();
      ASSERT_TRUE(c);
      EXPECT_LE(c->bytes + size, memory.data() + memory.size());
      EXPECT_FALSE(pool.take());
      std::byte* const last = c->bytes;
      c.reset();
      EXPECT_EQ(pool.take()->bytes, last) << "last in, first out";
      EXPECT_EQ(pool.used(), 2U);
      EXPECT_TRUE(pool.trim(0).empty());
    }
    EXPECT_EQ(pool.trim(3).size(), 3 * size);
  }
  EXPECT_FALSE((base::BlockPool{nullptr, 3}.take()));
}

TEST(Reasons, NamesAreUnique) {
  std::set<string_view> names;
  for (int i = 0; i < static_cast<int>(base::Reason::count); ++i) {
    const base::ReasonRow& row = base::row(static_cast<base::Reason>(i));
    EXPECT_TRUE(names.insert(row.name).second) << row.name << " is not unique";
    EXPECT_FALSE(row.name.empty()) << i;
  }
}

TEST(Trace, KeepsTheNewestEntries) {
  std::array<base::TraceEntry, 16> room;
  base::Trace trace{room};
  for (std::uint32_t i = 0; i < 26; ++i) trace.add({.id = i});
  EXPECT_EQ(trace.written(), 26U);
  EXPECT_EQ(trace.oldest(), 10U);
  EXPECT_EQ(trace.at(trace.oldest()).id, 10U);
  EXPECT_EQ(trace.at(trace.written() - 1).id, 25U);
}

TEST(Trace, ATurnHasTheWholeTime) {
  for (const std::uint64_t us :
       {std::uint64_t{0}, std::uint64_t{0xffff'ffff}, std::uint64_t{0x8123'4567'89ab'cdef}})
    EXPECT_EQ(base::turn_time(base::turn_entry(base::TraceEvent::turn_began, us, 512)), us);
  EXPECT_EQ(base::turn_entry(base::TraceEvent::turn_began, 0, 512).slot, 512U);
}

TEST(Trace, AnErrorFitsIntoSevenBits) {
  EXPECT_EQ(base::traced_error(0), 0);
  EXPECT_EQ(base::traced_error(ENOKEY), ENOKEY);
  for (const int above : {127, 128, EHWPOISON, 255, 1000, -1})
    EXPECT_EQ(base::traced_error(above), base::TraceEntry::kErrorAbove) << above;
}

// Expected values by: printf TEXT | openssl mac -macopt hexkey:KEY -macopt size:16 SIPHASH
TEST(SipHash, MatchesOpenssl) {
  constexpr base::SipKey key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
  EXPECT_EQ(base::siphash(key, ""), (base::SipHash{0xe6a825ba047f81a3U, 0x930255c71472f66dU}));
  EXPECT_EQ(base::siphash(key, "abcdefgh"), (base::SipHash{0x96838eac01e2938cU, 0xa3ed47e433317e89U}))
      << "a multiple of the word size";
  EXPECT_EQ(base::siphash(key, "abcdefghij"), (base::SipHash{0x2fa0e005e29547a8U, 0x60c84ab4f69a096fU}));
  EXPECT_NE(base::siphash({1, 2}, "abc"), base::siphash({1, 3}, "abc")) << "the key counts";
  EXPECT_NE(base::siphash(key, std::string_view{"a\0", 2}), base::siphash(key, "a")) << "so does the length";
}

// Clients that take all they can get, while others wait: the number that each holds.
std::vector<std::size_t> greedy_clients(std::size_t clients, std::size_t pieces) {
  std::vector<std::size_t> held(clients);
  std::size_t free = pieces;
  for (std::size_t before = free + 1; std::exchange(before, free) != free;)
    for (std::size_t& own : held)
      if (base::may_take(own, free, true)) ++own, --free;
  return held;
}

TEST(FairShare, AClientAloneMayUseEverything) {
  EXPECT_TRUE(base::may_take(0, 1, false));
  EXPECT_TRUE(base::may_take(99, 1, false));
  EXPECT_FALSE(base::may_take(0, 0, false));
}

TEST(FairShare, WhileOthersWaitAPartStaysFree) {
  EXPECT_EQ(greedy_clients(1, 20), (std::vector<std::size_t>{10}));
  EXPECT_EQ(greedy_clients(2, 30), (std::vector<std::size_t>{10, 10}));
  EXPECT_EQ(greedy_clients(9, 1000), std::vector<std::size_t>(9, 100));
  EXPECT_TRUE(base::may_take(0, 1, true)) << "the last one is for a client that has none";
  EXPECT_FALSE(base::may_take(1, 1, true));
}

TEST(FairShare, ReturningEndsWithEqualParts) {
  std::size_t greedy = 20, modest = 0;
  while (base::must_return(greedy, modest)) --greedy, ++modest;
  EXPECT_EQ(greedy, 10U);
  EXPECT_EQ(modest, 10U);
  EXPECT_FALSE(base::must_return(1, 0)) << "taking a client's only one would just exchange the two clients";
}

TEST(TurnBudget, IsSpentOnceATurn) {
  base::TurnBudget budget;
  budget.begin_turn();
  budget.spend(base::TurnBudget::kUnits - 1);
  EXPECT_FALSE(budget.exhausted());
  budget.spend(1000);
  EXPECT_TRUE(budget.exhausted());
  EXPECT_EQ(budget.spent(), base::TurnBudget::kUnits + 999);
  budget.begin_turn();
  EXPECT_FALSE(budget.exhausted());
}

TEST(TurnBudget, FewReadyRecordsMoveMuchAtATime) {
  base::TurnBudget budget;
  budget.begin_turn();
  struct Row {
    std::size_t ready, share_kib;
  };
  for (const Row row :
       {Row{0, 1024}, Row{1, 1024}, Row{4, 1024}, Row{8, 512}, Row{64, 64}, Row{10'000, 64}}) {
    budget.divide(row.ready);
    EXPECT_EQ(budget.share(), row.share_kib << 10) << row.ready;
  }
}

TEST(TurnBudget, SharesShrinkWithWhatIsSpent) {
  base::TurnBudget budget;
  budget.begin_turn();
  budget.divide(4);
  budget.spend(base::TurnBudget::kUnits / 2);
  EXPECT_EQ(budget.share(), 512U << 10);
  budget.spend(base::TurnBudget::kUnits);
  EXPECT_EQ(budget.share(), 64U << 10) << "no record is left out";
}

// Hashing gets a quarter of the time while there is other work, and all of it otherwise.
TEST(TurnBudget, HashesLeaveTimeForOtherWork) {
  base::TurnBudget budget;
  budget.begin_turn();
  EXPECT_TRUE(budget.may_hash(1000));
  budget.hashed(50'000, 1000, 1050);
  EXPECT_EQ(budget.spent(), 50'000U);
  EXPECT_FALSE(budget.may_hash(9000)) << "one in a turn";
  budget.begin_turn();
  EXPECT_TRUE(budget.may_hash(1050)) << "there is nothing else to do";
  budget.note_other_work();
  EXPECT_EQ(budget.pause_ends(), 1200U);
  EXPECT_FALSE(budget.may_hash(1199));
  EXPECT_TRUE(budget.may_hash(1200));
}

TEST(TurnBudget, ThePauseAfterHashingIsLimited) {
  base::TurnBudget budget;
  for (std::uint64_t now = 1000; now < 100'000; now += 100) {
    budget.begin_turn();
    ASSERT_TRUE(budget.may_hash(now));
    budget.hashed(100'000, now, now + 100);
  }
  budget.note_other_work();
  EXPECT_EQ(budget.pause_ends(), 100'000 + base::TurnBudget::kPauseMaxMs);
}

TEST(Elapsed, ItIsNeitherNegativeNorTooLarge) {
  EXPECT_EQ(base::elapsed(5, 12), 7U);
  EXPECT_EQ(base::elapsed(12, 5), 0U);
  EXPECT_EQ(base::elapsed(0, UINT64_MAX), UINT32_MAX);
  EXPECT_EQ(base::elapsed(0, UINT64_MAX, 9), 9U);
  EXPECT_EQ(base::elapsed(1, std::uint64_t{1} + UINT32_MAX), UINT32_MAX);
}

TEST(FairOrder, AClientHasOnePieceAheadOfAnothersFirst) {
  base::FairOrder order;
  const std::uint64_t first = order.place(1), second = order.place(1), third = order.place(1);
  const std::uint64_t other = order.place(2);
  EXPECT_LE(first, other);
  EXPECT_LT(other, second);
  EXPECT_LT(second, third);
  order.serve(third);
  EXPECT_EQ(order.place(2), third) << "a client that was idle has no claim on the past";
}

}  // namespace
