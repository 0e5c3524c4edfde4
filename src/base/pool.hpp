// A bounded pool of equal pieces in one memory range. Last in, first out: a reused piece is still in the CPU
// cache, and pieces that were never used never use a page.
#pragma once
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

#include "poison.hpp"

namespace base {

// A pool of `T`. Not thread-safe.
template <class T>
class Pool {
  static_assert(std::is_nothrow_destructible_v<T>);

 public:
  // The deleter of `Ptr`: destroys the piece and returns it to its pool.
  struct Return {
    Pool* pool = nullptr;
    void operator()(T* piece) const noexcept { pool->give(piece); }
  };
  using Ptr = std::unique_ptr<T, Return>;  // destroys the piece and returns it to the pool

  // The bytes of memory that a pool of `limit` pieces needs.
  static constexpr std::size_t footprint(std::size_t limit) noexcept {
    return pieces_offset(limit) + limit * sizeof(T);
  }

  // REQUIRES: `memory` is page-aligned, has footprint(limit) bytes and outlives the pool and its pieces; or
  // it is null: the pool is empty.
  Pool(std::byte* memory, std::size_t limit) noexcept
      : free_(reinterpret_cast<std::uint32_t*>(memory)),
        pieces_(memory == nullptr ? nullptr : memory + pieces_offset(limit)),
        limit_(memory == nullptr ? 0 : limit) {
    poison(pieces_, limit_ * sizeof(T));
  }
  ~Pool() { unpoison(pieces_, limit_ * sizeof(T)); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Returns a default-initialized piece; null if not more than `leave` are free.
  Ptr take(std::size_t leave = 0) noexcept {
    if (limit_ - used_ <= leave) return Ptr{nullptr, Return{this}};
    const std::uint32_t index = freed_ > 0 ? free_[--freed_] : fresh_++;
    ++used_;
    std::byte* const place = pieces_ + index * sizeof(T);
    unpoison(place, sizeof(T));
    return Ptr{::new (place) T, Return{this}};
  }

  // Pieces in use, and at most in use.
  [[nodiscard]] std::size_t used() const noexcept { return used_; }
  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }

  // Returns the memory that was used, for the caller to give back to the system. Empty if a piece is in use,
  // or if fewer than `worthwhile` pieces were used since the last call.
  std::span<std::byte> trim(std::size_t worthwhile) noexcept {
    if (used_ != 0 || fresh_ < worthwhile) return {};
    const std::size_t touched = fresh_ * sizeof(T);
    fresh_ = 0;
    freed_ = 0;
    return {pieces_, touched};
  }

 private:
  static constexpr std::size_t kPage = 4096;
  static constexpr std::size_t pieces_offset(std::size_t limit) noexcept {
    return (limit * sizeof(std::uint32_t) + kPage - 1) / kPage * kPage;
  }

  void give(T* piece) noexcept {
    const auto offset = static_cast<std::size_t>(reinterpret_cast<std::byte*>(piece) - pieces_);
    assert(offset % sizeof(T) == 0 && offset / sizeof(T) < fresh_ && used_ > 0);
    std::destroy_at(piece);
    poison(piece, sizeof(T));
    free_[freed_++] = static_cast<std::uint32_t>(offset / sizeof(T));
    --used_;
  }

  std::uint32_t* free_;  // stack of returned pieces
  std::byte* pieces_;
  std::size_t limit_;
  std::size_t used_ = 0;
  std::uint32_t freed_ = 0;  // size of that stack
  std::uint32_t fresh_ = 0;  // pieces from here on were never used
};

// The buffer that messages are forwarded through. One size for all: no fragmentation.
inline constexpr std::size_t kBlockBytes = std::size_t{16} * 1024;
// The bytes of a buffer.
struct Block {
  std::byte bytes[kBlockBytes];  // NOLINT: uninitialized on purpose
};
using BlockPool = Pool<Block>;
using BlockPtr = BlockPool::Ptr;

}  // namespace base
