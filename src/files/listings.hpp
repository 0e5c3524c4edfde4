// The directories that are being listed, each once for all its clients, however slowly they read. A listing
// is dropped a second after its last use, or when there are too many; it is made again if a client needs the
// rest.
#pragma once
#include <list>

#include "folder_rows.hpp"

namespace files {

class Listings {
 public:
  static constexpr std::uint64_t kTrustMs = 1000;  // a client gets a listing that was not older when it asked
  static constexpr std::size_t kMost = 64;
  static constexpr std::size_t kUnfinishedMax = 4;
  static constexpr std::size_t kBytesMax = std::size_t{32} << 20;  // of all but the unfinished ones

  // `bytes_each`: at most, of one listing.
  explicit Listings(std::size_t bytes_each) noexcept : bytes_each_(bytes_each) {}

  // The result of `get`.
  struct Got {
    const FolderRows* rows = nullptr;  // complete, and valid until the next call; null: not yet, or failed
    std::uint64_t number = 0;  // of this listing; another one of the same directory has another number
    bool failed = false;       // the directory cannot be read
    std::uint64_t work = 0;    // units of work that were done
  };
  // Returns the listing of the directory if it is complete; else does a piece of work for it. While too many
  // are unfinished, the work is for the oldest one. `asked`: when the client has asked for it, ms; 0: it has
  // the beginning, and any listing will do. `now`: ms.
  Got get(const ListedFolder& folder, std::uint64_t asked, std::uint64_t now);

  // Drops those that were not used for kTrustMs.
  void expire(std::uint64_t now) noexcept;
  // When to call `expire`, ms; 0: there are no listings.
  [[nodiscard]] std::uint64_t next_deadline() const noexcept;
  void clear() noexcept { entries_.clear(); }
  // The number of open descriptors, without those of the roots.
  [[nodiscard]] std::size_t descriptors() const noexcept;
  // Memory in use.
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  struct Entry {
    Entry(std::string with_key, std::uint64_t with_number, const ListedFolder& folder, std::size_t bytes)
        : key(std::move(with_key)), number(with_number), rows(folder, bytes) {}
    std::string key;
    std::uint64_t number;
    FolderRows rows;
    std::uint64_t used_ms = 0, complete_ms = 0;
  };
  using Iterator = std::list<Entry>::iterator;

  Iterator find(const std::string& key, std::uint64_t asked);
  Iterator place_for(const ListedFolder& folder, const std::string& key);
  void make_room(Iterator kept) noexcept;

  std::size_t bytes_each_;
  std::list<Entry> entries_;  // the oldest first
  std::uint64_t made_ = 0;
};

}  // namespace files
