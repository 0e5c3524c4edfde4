#include "listings.hpp"

#include <algorithm>
#include <numeric>

#include "../base/budget.hpp"

namespace files {
namespace {

std::string key_of(const ListedFolder& folder) {
  const ListingOrder order = folder.order;
  return std::to_string(folder.root_id) + (folder.dotfiles ? 'd' : 'h') +
         static_cast<char>('0' + static_cast<int>(order.column)) + (order.descending ? '-' : '+') +
         folder.name;
}

}  // namespace

Listings::Iterator Listings::find(const std::string& key, std::uint64_t asked) {
  const auto same = [&key](const Entry& entry) { return entry.key == key; };
  const auto found = std::find_if(entries_.begin(), entries_.end(), same);
  if (found == entries_.end() || asked == 0 || found->rows.unfinished()) return found;
  if (asked < found->complete_ms + kTrustMs) return found;
  entries_.erase(found);
  return entries_.end();
}

// A new listing, or the oldest unfinished one if there are too many.
Listings::Iterator Listings::place_for(const ListedFolder& folder, const std::string& key) {
  const auto unfinished = [](const Entry& entry) { return entry.rows.unfinished(); };
  const auto count = std::count_if(entries_.begin(), entries_.end(), unfinished);
  if (static_cast<std::size_t>(count) >= kUnfinishedMax)
    return std::find_if(entries_.begin(), entries_.end(), unfinished);
  entries_.emplace_back(key, ++made_, folder, bytes_each_);
  return std::prev(entries_.end());
}

Listings::Got Listings::get(const ListedFolder& folder, std::uint64_t asked, std::uint64_t now) {
  const std::string key = key_of(folder);
  Got got{.work = 1};
  auto place = find(key, asked);
  if (place == entries_.end()) {
    got.work += base::Work::kFileLookedUp;
    place = place_for(folder, key);
  }
  place->used_ms = now;
  if (place->rows.unfinished()) {
    got.work += place->rows.step();
    place->complete_ms = now;
  }
  const bool own = place->key == key;
  switch (place->rows.state()) {
    case FolderRows::State::failed:
      got.failed = own;
      entries_.erase(place);
      return got;
    case FolderRows::State::complete:
      if (own) got.rows = &place->rows;
      break;
    default: break;
  }
  got.number = place->number;
  make_room(place);
  return got;
}

void Listings::make_room(Iterator kept) noexcept {
  while (entries_.size() > kMost || bytes() > kBytesMax) {
    auto oldest = entries_.end();
    for (auto place = entries_.begin(); place != entries_.end(); ++place)
      if (place != kept && !place->rows.unfinished())
        if (oldest == entries_.end() || place->used_ms < oldest->used_ms) oldest = place;
    if (oldest == entries_.end()) return;
    entries_.erase(oldest);
  }
}

void Listings::expire(std::uint64_t now) noexcept {
  entries_.remove_if([now](const Entry& entry) { return entry.used_ms + kTrustMs <= now; });
}

std::uint64_t Listings::next_deadline() const noexcept {
  std::uint64_t next = 0;
  for (const Entry& entry : entries_)
    if (next == 0 || entry.used_ms + kTrustMs < next) next = entry.used_ms + kTrustMs;
  return next;
}

std::size_t Listings::bytes() const noexcept {
  return std::accumulate(entries_.begin(), entries_.end(), std::size_t{0},
                         [](std::size_t sum, const Entry& entry) { return sum + entry.rows.bytes(); });
}

std::size_t Listings::descriptors() const noexcept {
  return std::accumulate(entries_.begin(), entries_.end(), std::size_t{0},
                         [](std::size_t sum, const Entry& entry) { return sum + entry.rows.descriptors(); });
}

}  // namespace files
