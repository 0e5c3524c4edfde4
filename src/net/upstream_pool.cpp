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

UpstreamPool::UpstreamPool(std::size_t idle_max) noexcept : idle_max_(std::min(idle_max, kIdleMax)) {
  std::iota(order_.begin(), order_.end(), std::uint16_t{0});
}

std::uint32_t UpstreamPool::owner(const Token& token) noexcept {
  const std::uint32_t* const slot = owners_.find(token);
  if (slot == nullptr) return base::kNoIndex;
  if (*slot != UpstreamOwners::kIdle) return *slot;
  for (std::size_t index = 0; index < count_; ++index)
    if (at(index).upstream.serial == token.serial) {
      close(index);  // PLANT(idle-event)
      break;
    }
  return base::kNoIndex;
}

UpstreamPool::IdleConnection UpstreamPool::acquire(std::string_view host, std::uint16_t port,
                                                   std::uint32_t slot) noexcept {
  for (std::size_t index = count_; index-- > 0;) {
    Entry& entry = at(index);
    if (entry.port != port || !base::equals_ignoring_case(entry.host_view(), host)) continue;
    IdleConnection found{std::move(entry.upstream), entry.address};
    close(index);
    owners_.assign(found.upstream, slot);  // PLANT(owner-of-descriptor)
    return found;
  }
  return {};
}

void UpstreamPool::release(IdleConnection connection, std::string_view host, std::uint16_t port,
                           std::uint64_t now) noexcept {
  if (idle_max_ == 0) return;
  if (count_ == idle_max_) close(0);
  owners_.assign(connection.upstream, UpstreamOwners::kIdle);
  Entry& entry = at(count_++);
  entry.upstream = std::move(connection.upstream);
  entry.address = connection.address;
  entry.since = now;
  entry.port = port;
  entry.host_length = static_cast<std::uint8_t>(host.copy(entry.host.data(), entry.host.size()));
}

void UpstreamPool::expire(std::uint64_t now) noexcept {
  while (count_ > 0 && at(0).since + kIdleMs <= now) close(0);
}

std::uint64_t UpstreamPool::next_deadline() const noexcept {
  return count_ == 0 ? 0 : entries_[order_[0]].since + kIdleMs;
}

void UpstreamPool::reset(std::size_t idle_max) noexcept {
  while (close_oldest()) {
  }
  idle_max_ = std::min(idle_max, kIdleMax);
}

bool UpstreamPool::close_oldest() noexcept {
  if (count_ == 0) return false;
  close(0);
  return true;
}

void UpstreamPool::close(std::size_t index) noexcept {
  at(index).upstream = Endpoint{};
  const auto first = order_.begin() + static_cast<std::ptrdiff_t>(index);
  std::rotate(first, first + 1, order_.begin() + static_cast<std::ptrdiff_t>(count_--));
}

}  // namespace net
