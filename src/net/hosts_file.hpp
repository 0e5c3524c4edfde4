// The file hosts(5): names and addresses, in memory. It is read when it has changed, in bounded pieces, so
// that a file of any size does not hold up the event loop.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../sys/sys.hpp"

namespace net {

// A copy of the file with an index of its names.
class HostsFile {
 public:
  static constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;  // read by one `step`
  // The rest of a larger file is ignored.
  static constexpr std::size_t kBytesMax = std::size_t{256} * 1024 * 1024;

  // Reads nothing yet.
  explicit HostsFile(std::string path) : path_(std::move(path)) {}

  // Looks whether the file has changed. If so, returns true, and `reading()` until enough steps were made.
  bool refresh();
  // True while names cannot be looked up, because not all of the file has been read.
  [[nodiscard]] bool reading() const noexcept { return file_.open(); }
  // Reads the next piece. REQUIRES: reading().
  void step();
  // Adds the addresses of `name` in the order of the file, with port 0. REQUIRES: not reading().
  void find(std::string_view name, std::vector<sys::Address>& out) const;

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  // A name in `text_`. Entries of one hash bucket are linked, the last one of the file first.
  struct Entry {
    std::uint32_t name_at, line_at, next;
    std::uint16_t length;
  };

  void begin(sys::Fd file, std::size_t bytes);
  void index_lines(std::size_t from, bool last);
  void index_line(std::uint32_t begin, std::uint32_t end);
  [[nodiscard]] std::size_t bucket_of(std::string_view name) const noexcept;
  [[nodiscard]] std::string_view name_of(const Entry& entry) const noexcept {
    return std::string_view{text_}.substr(entry.name_at, entry.length);
  }

  std::string path_;
  sys::Fd file_;                           // while it is being read
  std::optional<sys::FileStatus> status_;  // as it was read; nothing: there is no file
  bool known_ = false;                     // `refresh` was called
  bool racy_ = false;  // changed just before it was read: a further change may leave the same status
  std::string text_;
  std::size_t indexed_ = 0;             // bytes of `text_`
  std::vector<std::uint32_t> buckets_;  // the first entry of each hash bucket
  std::vector<Entry> entries_;
};

}  // namespace net
