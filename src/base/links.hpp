// Doubly linked lists of array elements, linked by index: no allocation, removal in O(1).
#pragma once
#include <cassert>
#include <cstdint>

namespace base {

inline constexpr std::uint32_t kNoIndex = 0xffffffffU;   // the end of a list
inline constexpr std::uint32_t kUnlinked = 0xfffffffeU;  // in no list

// The links of one element for one kind of queue.
struct Links {
  std::uint32_t prev = kUnlinked;
  std::uint32_t next = kUnlinked;
  // True if the element is in a queue.
  [[nodiscard]] bool linked() const noexcept { return prev != kUnlinked; }
};

// A queue of elements of one array, linked through `Member` of each. An element is in at most one queue for
// each such member. REQUIRES: the array outlives the queue and does not move.
template <class T, Links T::*Member>
class IndexQueue {
 public:
  explicit IndexQueue(T* array) noexcept : array_(array) {}

  // The ends of the queue are element indices; kNoIndex if it is empty.
  [[nodiscard]] bool empty() const noexcept { return head_ == kNoIndex; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint32_t front() const noexcept { return head_; }  // kNoIndex if empty
  [[nodiscard]] std::uint32_t back() const noexcept { return tail_; }   // kNoIndex if empty

  // Appends an element. REQUIRES: it is in no queue of this member.
  void push(std::uint32_t index) noexcept {
    Links& links = at(index);
    assert(!links.linked());
    ++size_;
    links = {tail_, kNoIndex};
    (tail_ == kNoIndex ? head_ : at(tail_).next) = index;
    tail_ = index;
  }

  // Puts an element before all others. REQUIRES: it is in no queue of this member.
  void push_front(std::uint32_t index) noexcept {
    Links& links = at(index);
    assert(!links.linked());
    ++size_;
    links = {kNoIndex, head_};
    (head_ == kNoIndex ? tail_ : at(head_).prev) = index;
    head_ = index;
  }

  // Inserts into a sorted queue: after all elements for which `after(element, index)` is false. Searches from
  // both ends at once, from the back first: O(1) for an element that belongs near the end.
  // REQUIRES: the element is in no queue of this member.
  template <class After>
  void insert(std::uint32_t index, After after) noexcept {
    assert(!at(index).linked());
    std::uint32_t next = kNoIndex;  // the first element known to follow the new one
    for (std::uint32_t early = head_, late = tail_; late != kNoIndex && after(late, index);) {
      next = late;
      late = at(late).prev;
      if (after(early, index)) {
        next = early;
        break;
      }
      early = at(early).next;
    }
    if (next == kNoIndex) return push(index);
    ++size_;
    at(index) = {at(next).prev, next};
    (at(index).prev == kNoIndex ? head_ : at(at(index).prev).next) = index;
    at(next).prev = index;
  }

  // Removes an element. REQUIRES: it is in this queue.
  void remove(std::uint32_t index) noexcept {
    Links& links = at(index);
    assert(links.linked());
    (links.prev == kNoIndex ? head_ : at(links.prev).next) = links.next;
    (links.next == kNoIndex ? tail_ : at(links.next).prev) = links.prev;
    links = {};
    --size_;
  }

  // Removes the first element and returns its index. REQUIRES: not empty.
  std::uint32_t pop() noexcept {
    const std::uint32_t index = head_;
    remove(index);
    return index;
  }

 private:
  Links& at(std::uint32_t index) noexcept { return array_[index].*Member; }

  T* array_;
  std::uint32_t head_ = kNoIndex;
  std::uint32_t tail_ = kNoIndex;
  std::uint32_t size_ = 0;
};

}  // namespace base
