// Numbers, found by the lowest or the highest of their counts in constant time.
#pragma once
#include <array>
#include <bit>
#include <vector>

#include "links.hpp"

namespace base {

// Numbers with equal counts are in the order in which they were added. Counts from kCounts - 1 on are taken
// as equal. Only the constructor allocates memory.
class Ranking {
 public:
  static constexpr std::size_t kCounts = 256;

  // For numbers below `most`.
  explicit Ranking(std::size_t most) {
    nodes_.reserve(most);
    queues_.assign(kCounts, Queue{nodes_.data()});
  }
  Ranking(Ranking&&) noexcept = default;
  Ranking& operator=(Ranking&&) = delete;

  // Adds a number. REQUIRES: it is not in the ranking.
  void add(std::uint32_t number, std::size_t count) noexcept {
    if (number >= nodes_.size()) nodes_.resize(number + 1);  // reserved: nothing moves
    const std::size_t at = place(count);
    queues_[at].push(number);
    filled_[at / kBits] |= std::uint64_t{1} << at % kBits;
  }
  // Removes a number. REQUIRES: it was added with that count.
  void remove(std::uint32_t number, std::size_t count) noexcept {
    const std::size_t at = place(count);
    queues_[at].remove(number);
    if (queues_[at].empty()) filled_[at / kBits] &= ~(std::uint64_t{1} << at % kBits);
  }

  // The first number with the lowest count; kNoIndex: the ranking is empty.
  [[nodiscard]] std::uint32_t lowest() const noexcept {
    for (std::size_t i = 0; i < filled_.size(); ++i)
      if (filled_[i] != 0)
        return queues_[i * kBits + static_cast<std::size_t>(std::countr_zero(filled_[i]))].front();
    return kNoIndex;
  }
  // The first number with the highest count; kNoIndex: the ranking is empty.
  [[nodiscard]] std::uint32_t highest() const noexcept {
    for (std::size_t i = filled_.size(); i-- > 0;)
      if (filled_[i] != 0)
        return queues_[i * kBits + kBits - 1 - static_cast<std::size_t>(std::countl_zero(filled_[i]))]
            .front();
    return kNoIndex;
  }

 private:
  struct Node {
    Links links;
  };
  using Queue = IndexQueue<Node, &Node::links>;
  static constexpr std::size_t kBits = 64;
  static constexpr std::size_t place(std::size_t count) noexcept {
    return count < kCounts ? count : kCounts - 1;
  }

  std::vector<Node> nodes_;                              // by number
  std::vector<Queue> queues_;                            // by count
  std::array<std::uint64_t, kCounts / kBits> filled_{};  // a bit for each queue that is not empty
};

}  // namespace base
