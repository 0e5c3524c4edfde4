#include "folder_rows.hpp"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "../base/budget.hpp"
#include "finder.hpp"

namespace files {
namespace {

using base::Work;
using Kind = sys::FileStatus::Kind;

// The entry would be served: others may read the file, or search the directory.
bool is_served(const sys::FileStatus& status) noexcept {
  if (status.kind == Kind::directory) return status.world_searchable;
  return status.kind == Kind::regular && status.world_readable;
}

}  // namespace

FolderRows::FolderRows(ListedFolder folder, std::size_t bytes_max)
    : folder_(std::move(folder)),
      bytes_max_(bytes_max),
      memory_(bytes_max),
      rows_(reinterpret_cast<Row*>(memory_.memory())),
      names_begin_(bytes_max) {
  FoundFile found = open_served(*folder_.root, folder_.name);
  const bool listed = found.what == FoundFile::What::folder && found.status.world_readable;
  if (!listed || rows_ == nullptr) state_ = State::failed;
  open_ = std::move(found.fd);
}

ListingRow FolderRows::unpacked(const Row& row) const noexcept {
  const auto* const name = reinterpret_cast<const char*>(memory_.memory()) + row.name_at;
  return {{name, row.name_length}, row.folder, row.size, row.modified_s};
}

auto FolderRows::before() const noexcept {
  return [this](const Row& a, const Row& b) { return comes_before(unpacked(a), unpacked(b), folder_.order); };
}

std::uint64_t FolderRows::step() { return state_ == State::reading ? read() : sort(); }

std::uint64_t FolderRows::read() {
  std::vector<sys::DirectoryEntry> entries;
  bool end = false;
  if (sys::read_directory(open_, entries, end) != 0) {
    state_ = State::failed;
    return 1;
  }
  std::uint64_t work = 1;
  for (sys::DirectoryEntry& entry : entries) work += Work::kNameRead + add(entry);
  if (!end && !cut_) return work;
  open_.reset();
  unsorted_ = size_;
  state_ = State::sorting;
  return work;
}

// Returns the work besides reading its name.
std::uint64_t FolderRows::add(sys::DirectoryEntry& entry) {
  if (entry.name.starts_with('.') && !folder_.dotfiles) return 0;
  const bool link = entry.status.kind == Kind::link;
  if (link) {
    // Resolved from the root, since it may lead to another directory below it.
    const std::string path = folder_.name.empty() ? entry.name : folder_.name + '/' + entry.name;
    const sys::Opened target = sys::open_beneath(*folder_.root, path.c_str(), sys::Access::look);
    if (!target.fd || sys::status_of(target.fd, entry.status) != 0) return Work::kFileLookedUp;
  }
  const std::uint64_t work = link ? Work::kFileLookedUp : 0;
  if (!is_served(entry.status)) return work;
  if ((size_ + 1) * sizeof(Row) + entry.name.size() > names_begin_) {
    cut_ = true;
    return work;
  }
  names_begin_ -= entry.name.size();
  std::memcpy(memory_.memory() + names_begin_, entry.name.data(), entry.name.size());
  rows_[size_++] = {.size = entry.status.size,
                    .modified_s = entry.status.modified_ns / 1'000'000'000,
                    .name_at = static_cast<std::uint32_t>(names_begin_),
                    .name_length = static_cast<std::uint16_t>(entry.name.size()),
                    .folder = entry.status.kind == Kind::directory};
  std::push_heap(rows_, rows_ + size_, before());
  return work;
}

// Heapsort: a step moves the last rows in the order from the heap to its end.
std::uint64_t FolderRows::sort() {
  constexpr std::size_t kMost = 128;
  const std::size_t count = std::min(unsorted_, kMost);
  for (std::size_t i = 0; i < count; ++i) std::pop_heap(rows_, rows_ + unsorted_--, before());
  if (unsorted_ == 0) state_ = State::complete;
  return 1 + count * Work::kNameSorted;
}

std::size_t FolderRows::after(const ListingRow& row) const noexcept {
  const auto later = [this](const ListingRow& value, const Row& other) {
    return comes_before(value, unpacked(other), folder_.order);
  };
  return static_cast<std::size_t>(std::upper_bound(rows_, rows_ + size_, row, later) - rows_);
}

}  // namespace files
