// Small files in memory, with what is said of them: so that one that is asked for often is neither opened nor
// read. What was used longest ago goes first.
#pragma once
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "../sys/sys.hpp"

namespace files {

// What is sent for a path: the file itself, or its other form in gzip.
struct Representation {
  std::string etag;
  std::int64_t modified_s = -1;                // below 0: not told
  std::string validators;                      // the fields that a 304 has too: ETag, Last-Modified, Vary
  std::string type;                            // of its content
  std::string coding;                          // the field Content-Encoding, or nothing
  std::optional<std::uint64_t> length;         // in bytes; nothing: made as it is sent
  bool in_ranges = true;                       // parts of it can be asked for
  std::shared_ptr<const std::string> content;  // null: it lies in a file
};

// A file as it was when the entry was made. As long as it still is, so is the entry.
struct Witness {
  std::string path;                       // below the folder
  std::optional<sys::FileStatus> status;  // nothing: it was not there
};

class Cache {
 public:
  struct Entry {
    std::string key;
    std::shared_ptr<const Representation> what;
    std::vector<Witness> witnesses;
    std::uint64_t checked_ms = 0;  // when the witnesses were last heard
    // The file had been changed just before: it may change again without the clock of the file system
    // showing it. So it is read again, not compared.
    bool young = false;
  };

  explicit Cache(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}

  // Null if there is none. Good until the next call.
  Entry* find(std::string_view key);
  void put(Entry entry);  // in place of one with the same key
  void drop(std::string_view key);
  void clear() noexcept;
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }  // an estimate, with all that is around

 private:
  using Place = std::list<Entry>::iterator;
  void erase(Place place) noexcept;

  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::list<Entry> entries_;                           // the last used first
  std::unordered_map<std::string_view, Place> index_;  // the keys lie in the entries
};

}  // namespace files
