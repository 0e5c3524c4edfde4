// Reads record files. Nothing in a file is trusted: each length is compared with what is left.
#include <algorithm>
#include <cstring>
#include <utility>

#include "../base/text.hpp"
#include "format.hpp"
#include "recording.hpp"

namespace record {
namespace {

using std::string;
using std::string_view;
using Bytes = std::span<const std::byte>;

// Takes a value from the front. Returns false if there are too few bytes.
template <class T>
bool take(Bytes& from, T& out) noexcept {
  if (from.size() < sizeof out) return false;
  std::memcpy(&out, from.data(), sizeof out);
  from = from.subspan(sizeof out);
  return true;
}

string_view as_text(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Removes the text before the first `end` from the front, and `end`, and returns it.
string_view take_until(string_view& text, char end) noexcept {
  const std::size_t at = text.find(end);
  const string_view part = text.substr(0, at);
  text.remove_prefix(at == string_view::npos ? text.size() : at + 1);
  return part;
}

// Returns why the file cannot be read; empty: it can. Takes its head from the front.
string take_file_head(Bytes& file, Recording& out) {
  FileHead head;
  const Bytes whole = file;
  if (!take(file, head) || head.magic != FileHead::kMagic)
    return "not a record file: it does not begin with PXREC";
  if (head.byte_order == 0x0201)
    return "written on a machine with another byte order: read it on such a machine";
  if (crc32c(whole.first(offsetof(FileHead, checksum))) != head.checksum)
    return "the first 16 bytes are damaged: nothing can be read";
  if (head.major == 0 || head.major > FileHead::kMajor)
    return "format " + std::to_string(head.major) + "." + std::to_string(head.minor) +
           ", and this program reads formats 1 to " + std::to_string(FileHead::kMajor) +
           ": use the version of the program that wrote the file, or a newer one";
  if (head.entry_bytes != sizeof(base::TraceEntry))
    return "entries of " + std::to_string(head.entry_bytes) + " bytes: expected 16";
  out.head.major = head.major;
  out.head.minor = head.minor;
  return {};
}

// ---- text blocks -----------------------------------------------------------------------------------------

void read_head_line(string_view line, Head& out) {
  const string_view name = take_until(line, ':');
  if (line.starts_with(' ')) line.remove_prefix(1);
  constexpr std::array<std::pair<string_view, string Head::*>, 6> kTexts{{{"version", &Head::version},
                                                                          {"build", &Head::build},
                                                                          {"run_id", &Head::run_id},
                                                                          {"command", &Head::command},
                                                                          {"reason", &Head::reason},
                                                                          {"lens", &Head::lens}}};
  for (const auto& [key, member] : kTexts)
    if (name == key) out.*member = line;
  if (name == "wall_ms") base::parse_decimal(line, out.wall_ms);
  if (name == "clock_us") base::parse_decimal(line, out.clock_us);
  if (name == "slots") base::parse_decimal(line, out.slots);
  if (name == "pid") base::parse_decimal(line, out.pid);
}

void read_head(Bytes payload, Recording& out) {
  for (string_view text = as_text(payload); !text.empty();) read_head_line(take_until(text, '\n'), out.head);
}

void read_name(string_view line, Names& out) {
  constexpr std::size_t kNumberMax = 1023;
  const string_view list = take_until(line, ' ');
  std::size_t number = 0;
  if (!base::parse_decimal(take_until(line, ' '), number) || number > kNumberMax) return;
  for (std::size_t i = 0; i < watch::kNameLists; ++i) {
    if (watch::kNameRows[i].name != list) continue;
    if (out.lists[i].size() <= number) out.lists[i].resize(number + 1);
    out.lists[i][number] = line;
  }
}

// Names are written on terminals: control characters become text.
void read_names(Bytes payload, Recording& out) {
  string lines;
  for (string_view text = as_text(payload); !text.empty();)
    lines += base::printable(take_until(text, '\n')) + '\n';
  out.names = {.lists = {}, .text = std::make_shared<const string>(std::move(lines))};
  for (string_view text = *out.names.text; !text.empty();) read_name(take_until(text, '\n'), out.names);
}

// ---- format 1 ------------------------------------------------------------------------------------------

// The byte of `error` and `forced` was the errno.
void convert_format_1(std::vector<base::TraceEntry>& entries) noexcept {
  for (base::TraceEntry& entry : entries) {
    entry.error = static_cast<std::uint8_t>(base::traced_error(entry.error | entry.forced << 7) & 127U);
    entry.forced = 0;
  }
}

// No list has a name for all larger errors then: the number is printed.
void convert_format_1(Names& names) noexcept {
  for (std::size_t i = 0; i < watch::kNameLists; ++i) {
    const bool of_errors = watch::kNameRows[i].name.starts_with("error_");
    if (of_errors && names.lists[i].size() > base::TraceEntry::kErrorAbove)
      names.lists[i].resize(base::TraceEntry::kErrorAbove);
  }
}

// ---- blocks of items -----------------------------------------------------------------------------------

// Appends the items. Members that the file does not have keep their default. Returns false if the block's
// numbers do not agree.
template <class Item>
bool read_items(Bytes payload, std::uint64_t& first, std::vector<Item>& out) {
  ItemsHead head;
  if (!take(payload, head) || head.item_bytes == 0) return false;
  if (head.count > 0 && head.item_bytes < ItemsHead::kItemMin) return false;
  // PLANT(items-in-block)
  if (std::uint64_t{head.item_bytes} * head.count != payload.size()) return false;
  first = head.first;
  for (; !payload.empty(); payload = payload.subspan(head.item_bytes)) {
    Item item;
    std::memcpy(static_cast<void*>(&item), payload.data(),
                std::min<std::size_t>(head.item_bytes, sizeof item));
    out.push_back(item);
  }
  return true;
}

// Where the file's positions are in the recording: a gap counts as one entry there.
struct Piece {
  std::uint64_t file;       // position of its first entry in the file
  std::uint64_t recording;  // and in the recording
};

class Reader {
 public:
  explicit Reader(Recording& out) noexcept : out_(out) {}

  void read_blocks(Bytes file, std::size_t offset);

 private:
  bool read_block(BlockType type, Bytes payload);
  bool read_entries(Bytes payload);
  void place_notes() noexcept;
  void damaged(std::size_t offset, string_view what) {
    if (out_.damage.empty()) out_.damage = "damaged at byte " + std::to_string(offset) + ": " + string{what};
  }

  Recording& out_;
  std::vector<Piece> pieces_;
  std::uint64_t next_ = 0;  // position in the file of the next entry
  bool ended_ = false;
};

bool Reader::read_entries(Bytes payload) {
  std::uint64_t first = 0;
  std::vector<base::TraceEntry> entries;
  if (!read_items(payload, first, entries)) return false;
  if (out_.head.major == 1) convert_format_1(entries);
  if (pieces_.empty()) out_.first = first;
  if (!pieces_.empty() && first < next_) return false;
  if (!pieces_.empty() && first > next_)
    out_.entries.push_back(turn_entry(base::TraceEvent::lost, first - next_, 0));
  if (pieces_.empty() || first != next_) pieces_.push_back({first, out_.first + out_.entries.size()});
  next_ = first + entries.size();
  out_.entries.insert(out_.entries.end(), entries.begin(), entries.end());
  return true;
}

// Returns false if the payload is not what its type says.
bool Reader::read_block(BlockType type, Bytes payload) {
  std::uint64_t first = 0;
  if (type == kHeadBlock) read_head(payload, out_);
  if (type == kNamesBlock) read_names(payload, out_);
  if (type == kNotesBlock) return read_items(payload, first, out_.notes);
  if (type == kEntriesBlock) return read_entries(payload);
  if (type == kTableBlock) {
    out_.table.clear();
    out_.has_table = read_items(payload, first, out_.table);
    return out_.has_table;
  }
  if (type == kEndBlock) ended_ = true;
  return true;
}

// Stops at the first block with a wrong checksum: its length can be wrong too, so the next one is not found.
void Reader::read_blocks(Bytes file, std::size_t offset) {
  while (!ended_ && !file.empty()) {
    const Bytes start = file;
    BlockHead head{};
    // PLANT(block-in-file)
    if (!take(file, head) || file.size() < kChecksumBytes || file.size() - kChecksumBytes < head.bytes) {
      damaged(offset, "the file is cut here");
      break;
    }
    const Bytes payload = file.first(head.bytes);
    file = file.subspan(head.bytes);
    std::uint32_t checksum = 0;
    take(file, checksum);
    if (crc32c(start.first(sizeof head + head.bytes)) != checksum) {
      damaged(offset, "a checksum is wrong");
      break;
    }
    if (!read_block(head.type, payload)) damaged(offset, "the block's numbers do not agree");
    offset += start.size() - file.size();
  }
  if (!ended_) damaged(offset, "the file has no end; its program still writes it, or was stopped");
  if (ended_ && !file.empty()) damaged(offset, "bytes follow the end");
  if (out_.head.major == 1) convert_format_1(out_.names);
  place_notes();
}

// Translates the notes' positions from those of the file.
void Reader::place_notes() noexcept {
  for (Note& note : out_.notes) {
    const auto after =
        std::upper_bound(pieces_.begin(), pieces_.end(), note.position,
                         [](std::uint64_t position, const Piece& piece) { return position < piece.file; });
    if (after == pieces_.begin()) continue;
    const Piece& piece = *std::prev(after);
    note.position = std::min(piece.recording + (note.position - piece.file),
                             out_.first + std::uint64_t{out_.entries.size()});
  }
}

}  // namespace

string read(Bytes file, Recording& out) {
  out = {};
  const std::size_t size = file.size();
  if (string error = take_file_head(file, out); !error.empty()) return error;
  Reader{out}.read_blocks(file, size - file.size());
  return {};
}

}  // namespace record
