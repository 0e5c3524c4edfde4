#include "cache.hpp"

namespace files {
namespace {

// Estimated memory of an entry besides its texts: list and index nodes, status, pointers.
constexpr std::size_t kOverhead = 1024;

std::size_t weight(const Cache::Entry& entry) noexcept {
  std::size_t bytes = kOverhead + entry.key.size() + entry.what->validators.size();
  for (const StatSnapshot& snapshot : entry.snapshots) bytes += snapshot.path.size();
  return bytes + (entry.what->content ? entry.what->content->size() : 0);
}

}  // namespace

Cache::Entry* Cache::find(std::string_view key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &entries_.front();
}

void Cache::put(Entry entry) {
  drop(entry.key);
  const std::size_t bytes = weight(entry);
  if (bytes > bytes_max_) return;
  while (bytes_ + bytes > bytes_max_) erase(std::prev(entries_.end()));
  entries_.push_front(std::move(entry));
  index_.emplace(entries_.front().key, entries_.begin());
  bytes_ += bytes;
}

void Cache::drop(std::string_view key) {
  if (const auto found = index_.find(key); found != index_.end()) erase(found->second);
}

void Cache::clear() noexcept {
  index_.clear();
  entries_.clear();
  bytes_ = 0;
}

void Cache::erase(Iterator place) noexcept {
  bytes_ -= weight(*place);
  index_.erase(place->key);
  entries_.erase(place);
}

}  // namespace files
