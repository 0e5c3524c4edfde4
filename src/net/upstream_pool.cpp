#include "upstream_pool.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "../base/text.hpp"

namespace net {

void UpstreamOwners::assign(const Endpoint& upstream, std::uint32_t slot) {
  const auto fd = static_cast<std::size_t>(upstream.fd.get());
  if (fd >= owners_.size()) owners_.resize(std::max(fd + 1, 2 * owners_.size()));
  owners_[fd] = {upstream.serial, slot};
}

const std::uint32_t* UpstreamOwners::find(const Token& token) const noexcept {
  if (token.slot >= owners_.size() || owners_[token.slot].serial != token.serial) return nullptr;
  return &owners_[token.slot].slot;
}

IdleList::IdleList() noexcept { std::iota(order_.begin(), order_.end(), std::uint16_t{0}); }

std::size_t IdleList::find(const UpstreamKey& key, std::uint64_t client) const noexcept {
  for (std::size_t index = count_; index-- > 0;) {
    const Entry& entry = entries_[order_[index]];
    if (entry.connection.client == client && entry.port == key.port && entry.parent == key.parent &&
        base::equals_ignoring_case(entry.host_view(), key.host))
      return index;
  }
  return kNone;
}

std::size_t IdleList::find(std::uint32_t serial) const noexcept {
  for (std::size_t index = 0; index < count_; ++index)
    if (entries_[order_[index]].connection.upstream.serial == serial) return index;
  return kNone;
}

void IdleList::add(IdleConnection connection, const UpstreamKey& key, std::uint64_t now) noexcept {
  Entry& entry = entries_[order_[count_++]];
  entry.connection = std::move(connection);
  entry.since = now;
  entry.port = key.port;
  entry.parent = key.parent;
  entry.host_length = static_cast<std::uint8_t>(key.host.copy(entry.host.data(), entry.host.size()));
}

IdleConnection IdleList::take(std::size_t index) noexcept {
  const auto first = order_.begin() + static_cast<std::ptrdiff_t>(index);
  std::rotate(first, first + 1, order_.begin() + static_cast<std::ptrdiff_t>(count_--));
  return std::exchange(entries_[order_[count_]].connection, IdleConnection{});
}

void IdleList::close_of(std::uint64_t client) noexcept {
  for (std::size_t index = count_; index-- > 0;)
    if (entries_[order_[index]].connection.client == client) take(index);
}

UpstreamPool::UpstreamPool(std::size_t idle_max) noexcept : idle_max_(std::min(idle_max, kIdleMax)) {}

std::uint32_t UpstreamPool::owner(const Token& token) noexcept {
  const std::uint32_t* const slot = owners_.find(token);
  if (slot == nullptr) return base::kNoIndex;
  if (*slot != UpstreamOwners::kIdle) return *slot;
  for (IdleList* const list : {&shared_, &bound_})
    if (const std::size_t index = list->find(token.serial); index != IdleList::kNone)
      list->take(index);  // PLANT(idle-event)
  return base::kNoIndex;
}

IdleConnection UpstreamPool::take(IdleList& list, std::size_t index, std::uint32_t slot) noexcept {
  if (index == IdleList::kNone) return {};
  IdleConnection found = list.take(index);
  owners_.assign(found.upstream, slot);  // PLANT(owner-of-descriptor)
  return found;
}

IdleConnection UpstreamPool::acquire(const UpstreamKey& key, std::uint32_t slot) noexcept {
  return take(shared_, shared_.find(key, 0), slot);
}

IdleConnection UpstreamPool::acquire_bound(const UpstreamKey& key, std::uint64_t client,
                                           std::uint32_t slot) noexcept {
  return take(bound_, bound_.find(key, client), slot);
}

void UpstreamPool::release(IdleConnection connection, const UpstreamKey& key, std::uint64_t now) noexcept {
  const bool bound = connection.client != 0;
  const std::size_t most = bound ? IdleList::kMax : idle_max_;
  if (most == 0) return;
  IdleList& list = bound ? bound_ : shared_;
  if (list.count() == most) list.take(0);
  owners_.assign(connection.upstream, UpstreamOwners::kIdle);
  list.add(std::move(connection), key, now);
}

void UpstreamPool::expire(std::uint64_t now) noexcept {
  while (shared_.count() > 0 && shared_.oldest_since() + kIdleMs <= now) shared_.take(0);
}

std::uint64_t UpstreamPool::next_deadline() const noexcept {
  return shared_.count() == 0 ? 0 : shared_.oldest_since() + kIdleMs;
}

void UpstreamPool::reset(std::size_t idle_max) noexcept {
  while (close_oldest()) {
  }
  idle_max_ = std::min(idle_max, kIdleMax);
}

bool UpstreamPool::close_oldest() noexcept {
  IdleList& list = shared_.count() > 0 ? shared_ : bound_;
  if (list.count() == 0) return false;
  list.take(0);
  return true;
}

}  // namespace net
