#include "host_list.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>

#include "../base/text.hpp"

namespace plan {
namespace {

using std::string_view;

// FNV-1a from the last character on: so one pass over a host has the hashes of all names above it.
class BackwardHash {
 public:
  explicit BackwardHash(std::uint64_t key) noexcept : value_(key ^ 0xcbf29ce484222325U) {}
  void take(char c) noexcept {
    value_ ^= static_cast<unsigned char>(c);
    value_ *= 0x100000001b3U;
  }
  // The low bits depend on all others.
  [[nodiscard]] std::uint64_t value() const noexcept {
    const std::uint64_t mixed = (value_ ^ value_ >> 32) * 0x9e3779b97f4a7c15U;
    return mixed ^ mixed >> 29;
  }

 private:
  std::uint64_t value_;
};

std::uint64_t hash_of(string_view name, std::uint64_t key) noexcept {
  BackwardHash hash{key};
  std::for_each(name.rbegin(), name.rend(), [&hash](char c) { hash.take(c); });
  return hash.value();
}

}  // namespace

void HostList::clear(std::size_t expected) {
  size_ = 0;
  names_.clear();
  slots_.assign(std::bit_ceil(2 * expected + 2), {});
}

std::size_t HostList::find(string_view name, std::uint64_t hash) const noexcept {
  for (std::size_t i = hash & (slots_.size() - 1);; i = (i + 1) & (slots_.size() - 1))
    if (const Slot& slot = slots_[i];
        slot.length == 0 || string_view{names_}.substr(slot.start, slot.length) == name)
      return i;
}

void HostList::grow() {
  std::vector<Slot> before(2 * slots_.size() + 2);
  before.resize(std::bit_ceil(before.size()));
  before.swap(slots_);
  for (const Slot& slot : before) {
    const string_view name = string_view{names_}.substr(slot.start, slot.length);
    if (!name.empty()) slots_[find(name, hash_of(name, key_))] = slot;
  }
}

void HostList::add(string_view name, std::uint8_t reach) {
  assert(!name.empty() && name.size() <= kNameMax);
  if (2 * (size_ + 1) > slots_.size()) grow();
  Slot& slot = slots_[find(name, hash_of(name, key_))];
  slot.reach = static_cast<std::uint8_t>(slot.reach | reach);
  if (slot.length != 0) return;
  slot.start = static_cast<std::uint32_t>(names_.size());
  slot.length = static_cast<std::uint8_t>(name.size());
  names_ += name;
  ++size_;
}

bool HostList::has(string_view host) const noexcept {
  if (size_ == 0 || host.empty() || host.size() > kNameMax) return false;
  std::array<char, kNameMax> room;
  std::transform(host.begin(), host.end(), room.begin(), base::lower);
  const string_view lower{room.data(), host.size()};
  BackwardHash hash{key_};
  for (std::size_t start = lower.size(); start-- > 0; hash.take(lower[start])) {
    if (lower[start] != '.' || start + 1 == lower.size()) continue;
    if ((slots_[find(lower.substr(start + 1), hash.value())].reach & kBelow) != 0) return true;
  }
  return (slots_[find(lower, hash.value())].reach & kItself) != 0;
}

}  // namespace plan
