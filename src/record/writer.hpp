// Writes record files. Allocates nothing and can run in a signal handler.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "format.hpp"
#include "recording.hpp"

namespace record {

// Where the bytes go.
class Output {
 public:
  virtual ~Output() = default;
  // Appends all of `bytes`. Returns false if they cannot be written; nothing more is then.
  virtual bool put(std::span<const std::byte> bytes) noexcept = 0;
};

// A file in memory. `Bytes`: std::string or std::vector<std::byte>.
template <class Bytes>
class Memory final : public Output {
 public:
  bool put(std::span<const std::byte> bytes) noexcept override {
    const auto* const begin = reinterpret_cast<const typename Bytes::value_type*>(bytes.data());
    content.insert(content.end(), begin, begin + bytes.size());
    return true;
  }
  Bytes content;
};

// How far a file has been written.
struct Progress {
  bool begun = false;       // its head is written
  unsigned parts = 0;       // of entries
  std::uint64_t next = 0;   // position of the entry to write next
  std::uint64_t lost = 0;   // entries that were overwritten before
  std::uint64_t saved = 0;  // entries written
  std::uint64_t notes = 0;  // notes written, or lost, since the start of the program
};

// Writes a block in parts.
class Block {
 public:
  // `bytes`: of all parts together.
  Block(BlockType type, std::size_t bytes, Output& out) noexcept;
  void put(std::span<const std::byte> part) noexcept;
  // Returns false if something could not be written. REQUIRES: all parts were put.
  bool end() noexcept;

 private:
  Output& out_;
  std::uint32_t checksum_ = 0;
  bool written_ = true;
};

// A block of `count` items, which are put next.
template <class Item>
Block items_block(BlockType type, std::uint64_t first, std::size_t count, Output& out) noexcept {
  const ItemsHead head{first, sizeof(Item), static_cast<std::uint32_t>(count)};
  Block block{type, sizeof head + count * sizeof(Item), out};
  block.put(std::as_bytes(std::span{&head, 1}));
  return block;
}

inline constexpr std::size_t kEntriesInBlock = 4096;

// Writes the first 16 bytes.
bool put_file_head(Output& out) noexcept;
// Writes a block of text, in two parts.
bool put_text(BlockType type, std::string_view front, std::string_view back, Output& out) noexcept;
inline bool put_text(BlockType type, std::string_view text, Output& out) noexcept {
  return put_text(type, text, {}, out);
}
// Writes a block of notes, unless there are none.
bool put_notes(std::span<const Note> notes, Output& out) noexcept;
// Writes the table before the entry at `position`. It can be empty.
bool put_table(std::uint64_t position, std::span<const Cell> cells, Output& out) noexcept;
// Writes the entries from `from` up to `end` in blocks. REQUIRES: trace.oldest() <= from <= end <=
// trace.written().
bool put_entries(const base::Trace& trace, std::uint64_t from, std::uint64_t end, Output& out) noexcept;
// Writes the last block.
bool put_end(Output& out) noexcept;

// The text of the block of names.
std::string names_text(const watch::TraceNames& names);

}  // namespace record
