// Index lists and the pool, compared with the standard library.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <list>
#include <memory>
#include <random>
#include <set>
#include <span>
#include <vector>

#include "../../src/base/links.hpp"
#include "../../src/base/pool.hpp"

namespace {

struct Element {
  base::Links links;
};

TEST(Links, BehavesLikeAList) {
  constexpr std::uint32_t kElements = 12;
  std::array<Element, kElements> elements;
  base::IndexQueue<Element, &Element::links> queue{elements.data()};
  std::list<std::uint32_t> model;
  std::mt19937 random{1};
  for (int step = 0; step < 20'000; ++step) {
    const std::uint32_t i = static_cast<std::uint32_t>(random() % kElements);
    if (!elements[i].links.linked()) {
      queue.push(i);
      model.push_back(i);
    } else if (random() % 2 == 0) {
      queue.remove(i);
      model.remove(i);
    } else {
      ASSERT_EQ(queue.pop(), model.front());
      model.pop_front();
    }
    ASSERT_EQ(queue.empty(), model.empty());
    ASSERT_EQ(queue.front(), model.empty() ? base::kNoIndex : model.front());
    ASSERT_EQ(queue.back(), model.empty() ? base::kNoIndex : model.back());
    std::vector<std::uint32_t> walked;
    for (std::uint32_t at = queue.front(); at != base::kNoIndex; at = elements[at].links.next)
      walked.push_back(at);
    ASSERT_EQ(walked, (std::vector<std::uint32_t>{model.begin(), model.end()}));
    for (std::uint32_t e = 0; e < kElements; ++e)
      ASSERT_EQ(elements[e].links.linked(), std::find(model.begin(), model.end(), e) != model.end());
  }
}

using Memory = std::unique_ptr<std::byte, decltype(&std::free)>;

// Page-aligned memory for a pool.
Memory memory_of(std::size_t bytes) {
  constexpr std::size_t kPage = 4096;
  void* const memory = std::aligned_alloc(kPage, (bytes + kPage - 1) / kPage * kPage);
  return {static_cast<std::byte*>(memory), &std::free};
}

struct Piece {
  std::uint64_t words[32];
};

TEST(Pool, PiecesKeepTheirContentAndAreReusedLastInFirstOut) {
  constexpr std::size_t kLimit = 9;
  const Memory memory = memory_of(base::Pool<Piece>::footprint(kLimit));
  base::Pool<Piece> pool{memory.get(), kLimit};
  struct Lent {
    base::Pool<Piece>::Ptr piece;
    std::uint64_t mark;
  };
  std::vector<Lent> lent;
  std::vector<Piece*> returned;
  std::mt19937 random{2};
  std::uint64_t mark = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0) {
      base::Pool<Piece>::Ptr piece = pool.take();
      ASSERT_EQ(bool{piece}, lent.size() < kLimit);
      if (!piece) continue;
      if (!returned.empty()) {
        ASSERT_EQ(piece.get(), returned.back()) << "last in, first out";
        returned.pop_back();
      }
      for (std::uint64_t& word : piece->words) word = mark;
      lent.push_back({std::move(piece), mark++});
    } else if (!lent.empty()) {
      const auto at = static_cast<std::ptrdiff_t>(random() % lent.size());
      for (const std::uint64_t word : lent[static_cast<std::size_t>(at)].piece->words)
        ASSERT_EQ(word, lent[static_cast<std::size_t>(at)].mark) << "no other piece overlaps";
      returned.push_back(lent[static_cast<std::size_t>(at)].piece.get());
      lent.erase(lent.begin() + at);
    }
    ASSERT_EQ(pool.used(), lent.size());
    if (!lent.empty()) {
      ASSERT_TRUE(pool.trim(0).empty()) << "not while a piece is in use";
    }
  }
}

TEST(Pool, WorksAfterTrim) {
  const Memory memory = memory_of(base::Pool<Piece>::footprint(4));
  base::Pool<Piece> pool{memory.get(), 4};
  { const auto a = pool.take(), b = pool.take(), c = pool.take(); }
  EXPECT_TRUE(pool.trim(4).empty()) << "only three pieces were used";
  const std::span<std::byte> idle = pool.trim(3);
  EXPECT_EQ(idle.size(), 3 * sizeof(Piece));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(idle.data()) % 4096, 0U) << "page-aligned";
  std::vector<base::Pool<Piece>::Ptr> all;
  std::set<Piece*> distinct;
  for (int i = 0; i < 4; ++i) {
    all.push_back(pool.take());
    ASSERT_TRUE(all.back());
    distinct.insert(all.back().get());
  }
  EXPECT_EQ(distinct.size(), 4U);
  EXPECT_FALSE(pool.take());
}

TEST(Pool, WithoutMemoryIsEmpty) {
  base::Pool<Piece> none{nullptr, 5};
  EXPECT_FALSE(none.take());
  EXPECT_EQ(none.limit(), 0U);
  EXPECT_TRUE(none.trim(0).empty());
}

}  // namespace
