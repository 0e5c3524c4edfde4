#include "writer.hpp"

#include <algorithm>
#include <string>

namespace record {
namespace {

using Bytes = std::span<const std::byte>;

template <class T>
Bytes bytes_of(const T& value) noexcept {
  return std::as_bytes(std::span{&value, 1});
}

template <class Item>
bool put_items(BlockType type, std::uint64_t first, std::span<const Item> front, std::span<const Item> back,
               Output& out) noexcept {
  Block block = items_block<Item>(type, first, front.size() + back.size(), out);
  block.put(std::as_bytes(front));
  block.put(std::as_bytes(back));
  return block.end();
}

}  // namespace

Block::Block(BlockType type, std::size_t bytes, Output& out) noexcept : out_(out) {
  const BlockHead head{type, static_cast<std::uint32_t>(bytes)};
  put(bytes_of(head));
}

void Block::put(Bytes part) noexcept {
  checksum_ = crc32c(part, checksum_);
  written_ = written_ && (part.empty() || out_.put(part));
}

bool Block::end() noexcept { return written_ && out_.put(bytes_of(checksum_)); }

bool put_file_head(Output& out) noexcept {
  FileHead head;
  head.checksum = crc32c(bytes_of(head).first(offsetof(FileHead, checksum)));
  return out.put(bytes_of(head));
}

bool put_text(BlockType type, std::string_view front, std::string_view back, Output& out) noexcept {
  Block block{type, front.size() + back.size(), out};
  block.put(std::as_bytes(std::span{front}));
  block.put(std::as_bytes(std::span{back}));
  return block.end();
}

bool put_notes(std::span<const Note> notes, Output& out) noexcept {
  return notes.empty() || put_items<Note>(kNotesBlock, 0, notes, {}, out);
}

bool put_table(std::uint64_t position, std::span<const Cell> cells, Output& out) noexcept {
  return put_items<Cell>(kTableBlock, position, cells, {}, out);
}

bool put_entries(const base::Trace& trace, std::uint64_t from, std::uint64_t end, Output& out) noexcept {
  while (from < end) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(end - from, kEntriesInBlock));
    // The ring may begin again in the middle.
    const std::size_t unbroken =
        std::min<std::size_t>(count, trace.capacity() - (from & (trace.capacity() - 1)));
    const std::span<const base::TraceEntry> front{&trace.at(from), unbroken};
    const std::span<const base::TraceEntry> back =
        count == unbroken ? std::span<const base::TraceEntry>{}
                          : std::span<const base::TraceEntry>{&trace.at(from + unbroken), count - unbroken};
    if (!put_items(kEntriesBlock, from, front, back, out)) return false;
    from += count;
  }
  return true;
}

bool put_end(Output& out) noexcept { return put_text(kEndBlock, {}, out); }

std::string names_text(const watch::TraceNames& names) {
  std::string text;
  for (const watch::NameRow& row : watch::kNameRows)
    for (std::size_t i = 0; const std::string_view name : names.*row.list) {
      if (!name.empty())
        text += std::string{row.name} + ' ' + std::to_string(i) + ' ' + std::string{name} + '\n';
      ++i;
    }
  return text;
}

}  // namespace record
