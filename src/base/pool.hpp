// Bounded pools of equal pieces in one memory range. Last in, first out: a reused piece is still in the CPU
// cache, and pieces that were never used never use a page.
#pragma once
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "poison.hpp"

namespace base {

// Which pieces of a pool are free, by index.
class FreePieces {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // `bytes` rounded up to whole pages.
  static constexpr std::size_t in_pages(std::size_t bytes) noexcept {
    constexpr std::size_t kPage = 4096;
    return (bytes + kPage - 1) / kPage * kPage;
  }
  // The bytes of memory for `limit` pieces, in whole pages.
  static constexpr std::size_t footprint(std::size_t limit) noexcept {
    return in_pages(limit * sizeof(std::uint32_t));
  }

  // REQUIRES: `memory` has footprint(limit) bytes, or it is null: there are no pieces.
  FreePieces(std::byte* memory, std::size_t limit) noexcept
      : returned_(reinterpret_cast<std::uint32_t*>(memory)), limit_(memory == nullptr ? 0 : limit) {}

  // A free piece; kNone if not more than `leave` are free.
  std::uint32_t take(std::size_t leave) noexcept {
    if (limit_ - used_ <= leave) return kNone;
    ++used_;
    return returned_count_ > 0 ? returned_[--returned_count_] : fresh_++;
  }
  // REQUIRES: `piece` was taken.
  void give(std::uint32_t piece) noexcept {
    assert(piece < fresh_ && used_ > 0);
    returned_[returned_count_++] = piece;
    --used_;
  }

  // Pieces in use, and at most in use.
  [[nodiscard]] std::size_t used() const noexcept { return used_; }
  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }

  // Forgets which pieces were used, and returns their number: they are the first. 0 if a piece is in use, or
  // if fewer than `worthwhile` were used since the last call.
  std::size_t trim(std::size_t worthwhile) noexcept {
    if (used_ != 0 || fresh_ < worthwhile) return 0;
    returned_count_ = 0;
    return std::exchange(fresh_, 0);
  }

 private:
  std::uint32_t* returned_;  // stack of returned pieces
  std::size_t limit_;
  std::size_t used_ = 0;
  std::uint32_t returned_count_ = 0;
  std::uint32_t fresh_ = 0;  // pieces from here on were never used
};

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
    return FreePieces::footprint(limit) + limit * sizeof(T);
  }

  // REQUIRES: `memory` is page-aligned, has footprint(limit) bytes and outlives the pool and its pieces; or
  // it is null: the pool is empty.
  Pool(std::byte* memory, std::size_t limit) noexcept
      : free_(memory, limit), pieces_(memory == nullptr ? nullptr : memory + FreePieces::footprint(limit)) {
    poison(pieces_, free_.limit() * sizeof(T));
  }
  ~Pool() { unpoison(pieces_, free_.limit() * sizeof(T)); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Returns a default-initialized piece; null if not more than `leave` are free.
  Ptr take(std::size_t leave = 0) noexcept {
    const std::uint32_t index = free_.take(leave);
    if (index == FreePieces::kNone) return Ptr{nullptr, Return{this}};
    std::byte* const place = pieces_ + index * sizeof(T);
    unpoison(place, sizeof(T));
    return Ptr{::new (place) T, Return{this}};
  }

  // Pieces in use, and at most in use.
  [[nodiscard]] std::size_t used() const noexcept { return free_.used(); }
  [[nodiscard]] std::size_t limit() const noexcept { return free_.limit(); }

  // Returns the memory that was used, for the caller to give back to the system. Empty if a piece is in use,
  // or if fewer than `worthwhile` pieces were used since the last call.
  std::span<std::byte> trim(std::size_t worthwhile) noexcept {
    return {pieces_, free_.trim(worthwhile) * sizeof(T)};
  }

 private:
  void give(T* piece) noexcept {
    const auto offset = static_cast<std::size_t>(reinterpret_cast<std::byte*>(piece) - pieces_);
    assert(offset % sizeof(T) == 0);
    std::destroy_at(piece);
    poison(piece, sizeof(T));
    free_.give(static_cast<std::uint32_t>(offset / sizeof(T)));
  }

  FreePieces free_;
  std::byte* pieces_;
};

// The buffer that messages are forwarded through. A pool has one size for all: no fragmentation.
struct Block {
  std::byte* bytes;  // not initialized
  std::size_t size;
  [[nodiscard]] std::span<std::byte> room() const noexcept { return {bytes, size}; }
};

// The size of blocks, unless heads need more (state/read_head.hpp).
inline constexpr std::size_t kBlockBytes = std::size_t{16} * 1024;

// A pool of blocks, whose size is chosen at run time. Not thread-safe.
class BlockPool {
 public:
  // The deleter of `Ptr`: returns the block to its pool.
  struct Return {
    BlockPool* pool = nullptr;
    void operator()(Block* block) const noexcept { pool->give(block); }
  };
  using Ptr = std::unique_ptr<Block, Return>;

  // The bytes of memory that a pool of `limit` blocks needs.
  static constexpr std::size_t footprint(std::size_t limit, std::size_t block_bytes = kBlockBytes) noexcept {
    return bytes_offset(limit) + limit * block_bytes;
  }

  // REQUIRES: `memory` is page-aligned, has footprint(limit, block_bytes) bytes and outlives the pool and its
  // blocks; or it is null: the pool is empty.
  BlockPool(std::byte* memory, std::size_t limit, std::size_t block_bytes = kBlockBytes) noexcept
      : free_(memory, limit),
        blocks_(memory == nullptr ? nullptr
                                  : reinterpret_cast<Block*>(memory + FreePieces::footprint(limit))),
        bytes_(memory == nullptr ? nullptr : memory + bytes_offset(limit)),
        block_bytes_(block_bytes) {
    poison(bytes_, free_.limit() * block_bytes_);
  }
  ~BlockPool() { unpoison(bytes_, free_.limit() * block_bytes_); }
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // Returns a block; null if not more than `leave` are free.
  Ptr take(std::size_t leave = 0) noexcept {
    const std::uint32_t index = free_.take(leave);
    if (index == FreePieces::kNone) return Ptr{nullptr, Return{this}};
    std::byte* const bytes = bytes_ + index * block_bytes_;
    unpoison(bytes, block_bytes_);
    return Ptr{::new (blocks_ + index) Block{bytes, block_bytes_}, Return{this}};
  }

  // Blocks in use, and at most in use; the size of each.
  [[nodiscard]] std::size_t used() const noexcept { return free_.used(); }
  [[nodiscard]] std::size_t limit() const noexcept { return free_.limit(); }
  [[nodiscard]] std::size_t block_bytes() const noexcept { return block_bytes_; }

  // As Pool::trim.
  std::span<std::byte> trim(std::size_t worthwhile) noexcept {
    return {bytes_, free_.trim(worthwhile) * block_bytes_};
  }

 private:
  static constexpr std::size_t bytes_offset(std::size_t limit) noexcept {
    return FreePieces::footprint(limit) + FreePieces::in_pages(limit * sizeof(Block));
  }

  void give(Block* block) noexcept {
    poison(block->bytes, block_bytes_);
    free_.give(static_cast<std::uint32_t>(block - blocks_));
  }

  FreePieces free_;
  Block* blocks_;
  std::byte* bytes_;
  std::size_t block_bytes_;
};
using BlockPtr = BlockPool::Ptr;

}  // namespace base
