// The layout of a record file; docs/record-file.md describes it.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../base/trace.hpp"
#include "crc32c.hpp"

namespace record {

static_assert(std::endian::native == std::endian::little || std::endian::native == std::endian::big);

// The first bytes of a file.
struct FileHead {
  static constexpr std::array<char, 6> kMagic{'P', 'X', 'R', 'E', 'C', '\0'};
  // Major 1 had no bit `forced` in an entry: the whole byte was the errno.
  static constexpr std::uint8_t kMajor = 2, kMinor = 0;
  static constexpr std::uint16_t kByteOrder = 0x0102;

  std::array<char, 6> magic = kMagic;
  std::uint8_t major = kMajor;            // a higher one: an older reader cannot read the file
  std::uint8_t minor = kMinor;            // a higher one: there are new types of blocks or new members
  std::uint16_t byte_order = kByteOrder;  // 0x0201 after reading: it is that of another machine
  std::uint16_t entry_bytes = sizeof(base::TraceEntry);
  std::uint32_t checksum = 0;  // CRC-32C of the bytes before
};
static_assert(sizeof(FileHead) == 16);

// A type of block, as four letters.
enum class BlockType : std::uint32_t {};
constexpr BlockType block_type(std::string_view letters) noexcept {
  std::uint32_t type = 0;
  for (std::size_t i = 0; i < 4; ++i)
    type |= static_cast<std::uint32_t>(static_cast<unsigned char>(letters[i])) << 8 * i;
  return BlockType{type};
}
inline constexpr BlockType kHeadBlock = block_type("HEAD");     // text, lines "name: value"
inline constexpr BlockType kNamesBlock = block_type("NAME");    // text, lines "list number name"
inline constexpr BlockType kNotesBlock = block_type("NOTE");    // ItemsHead, then each Note
inline constexpr BlockType kEntriesBlock = block_type("ENTR");  // ItemsHead, then each TraceEntry
inline constexpr BlockType kTableBlock = block_type("CELL");    // ItemsHead, then each Cell
inline constexpr BlockType kEndBlock = block_type("END.");      // empty; nothing follows

// In front of a block's payload. After it: the CRC-32C of these eight bytes and of the payload.
struct BlockHead {
  BlockType type;
  std::uint32_t bytes;  // of the payload
};
inline constexpr std::size_t kChecksumBytes = 4;

// In front of a block's items.
struct ItemsHead {
  // Bounds the memory that a reader needs for a file of short items.
  static constexpr std::uint32_t kItemMin = 16;

  std::uint64_t first;  // position of the first entry; of a table: of the entry that follows; of notes: 0
  std::uint32_t item_bytes;  // of each; more than this reader knows: the rest is new members
  std::uint32_t count;
};
static_assert(sizeof(ItemsHead) == 16);

}  // namespace record
