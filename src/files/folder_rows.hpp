// The rows of one directory in one order: read and sorted in bounded steps, so that a directory of any size
// does not hold up the event loop.
#pragma once
#include <memory>

#include "../sys/reservation.hpp"
#include "listing.hpp"

namespace files {

// A directory to list, and how.
struct ListedFolder {
  std::shared_ptr<const sys::Fd> root;  // the directory that is served
  std::uint64_t root_id = 0;
  std::string name;       // of the listed one, below `root`; empty: `root` itself
  bool dotfiles = false;  // with names that begin with a dot
  ListingOrder order;
};

class FolderRows {
 public:
  enum class State : std::uint8_t { reading, sorting, complete, failed };

  // Opens the directory. The rows take at most `bytes_max` bytes, fewer than 4 GiB; further ones are left
  // out.
  FolderRows(ListedFolder folder, std::size_t bytes_max);

  [[nodiscard]] State state() const noexcept { return state_; }
  // The number of open descriptors that it alone uses.
  [[nodiscard]] std::size_t descriptors() const noexcept { return open_ ? 1 : 0; }
  [[nodiscard]] bool unfinished() const noexcept { return state_ < State::complete; }
  // Reads or sorts some more. Returns the units of work done. REQUIRES: unfinished().
  std::uint64_t step();

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // Some entries were left out.
  [[nodiscard]] bool cut() const noexcept { return cut_; }
  // Memory in use.
  [[nodiscard]] std::size_t bytes() const noexcept {
    return size_ * sizeof(Row) + (bytes_max_ - names_begin_);
  }
  // A row in the order. The view is valid as long as this object. REQUIRES: complete; index < size().
  [[nodiscard]] ListingRow at(std::size_t index) const noexcept { return unpacked(rows_[index]); }
  // The index of the first row that comes after this one. REQUIRES: complete.
  [[nodiscard]] std::size_t after(const ListingRow& row) const noexcept;

 private:
  // The rows are at the beginning of the memory, the names at its end.
  struct Row {
    std::uint64_t size;
    std::int64_t modified_s;
    std::uint32_t name_at;
    std::uint16_t name_length;
    bool folder;
  };

  [[nodiscard]] ListingRow unpacked(const Row& row) const noexcept;
  [[nodiscard]] auto before() const noexcept;
  std::uint64_t read();
  std::uint64_t sort();
  std::uint64_t add(sys::DirectoryEntry& entry);

  ListedFolder folder_;
  sys::Fd open_;  // while it is read
  std::size_t bytes_max_;
  sys::Reservation memory_;
  Row* rows_;
  std::size_t size_ = 0;
  std::size_t names_begin_;
  std::size_t unsorted_ = 0;  // so many rows are a heap (std::push_heap); those after them are sorted
  State state_ = State::reading;
  bool cut_ = false;
};

}  // namespace files
