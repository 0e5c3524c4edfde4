// A cache of small files with their header fields. The least recently used files are dropped first.
#pragma once
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "../sys/sys.hpp"

namespace files {

// A representation of a file (RFC 9110 section 3.2): as it is, or in gzip.
struct Representation {
  std::string etag;
  std::int64_t modified_s = -1;                // below 0: no Last-Modified
  std::string validators;                      // the lines of a 304 too: ETag, Last-Modified, Vary
  std::string type;                            // media type
  std::string coding;                          // the line Content-Encoding, or empty
  std::optional<std::uint64_t> length;         // in bytes; nothing: compressed while it is sent
  bool in_ranges = true;                       // range requests are possible
  std::shared_ptr<const std::string> content;  // null: in a file
};

// The status of a file when its entry was made. The entry is valid while the status is the same.
struct StatSnapshot {
  std::string path;                       // relative to the directory
  std::optional<sys::FileStatus> status;  // nothing: the file did not exist
};

class Cache {
 public:
  struct Entry {
    std::string key;
    std::shared_ptr<const Representation> what;
    std::vector<StatSnapshot> snapshots;
    std::uint64_t checked_ms = 0;  // time of the last comparison
    // The file was modified just before it was read. A further change may leave the same mtime, so the file
    // is read again instead of compared.
    bool racy = false;
  };

  explicit Cache(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}

  // Null if there is no such entry. Valid until the next call.
  Entry* find(std::string_view key);
  void put(Entry entry);  // replaces an entry with the same key
  void drop(std::string_view key);
  void clear() noexcept;
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }  // estimated

 private:
  using Iterator = std::list<Entry>::iterator;
  void erase(Iterator place) noexcept;

  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::list<Entry> entries_;                              // most recently used first
  std::unordered_map<std::string_view, Iterator> index_;  // the keys are views into the entries
};

}  // namespace files
