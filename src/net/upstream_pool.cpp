#include "upstream_pool.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "../base/text.hpp"

namespace net {

UpstreamPool::UpstreamPool(std::size_t idle_max) noexcept : idle_max_(std::min(idle_max, kIdleMax)) {
  std::iota(order_.begin(), order_.end(), std::uint16_t{0});
}

void UpstreamPool::own(const Endpoint& upstream, std::uint32_t slot) {
  const auto fd = static_cast<std::size_t>(upstream.fd.get());
  if (fd >= owners_.size()) owners_.resize(std::max(fd + 1, 2 * owners_.size()));
  owners_[fd] = {upstream.serial, slot};
}

std::uint32_t UpstreamPool::owner(const Token& token) noexcept {
  if (token.slot >= owners_.size() || owners_[token.slot].serial != token.serial) return base::kNoIndex;
  if (owners_[token.slot].slot != base::kNoIndex) return owners_[token.slot].slot;
  for (std::size_t place = 0; place < count_; ++place)
    if (at(place).upstream.serial == token.serial) {
      drop(place);  // PLANT(idle-event)
      break;
    }
  return base::kNoIndex;
}

UpstreamPool::IdleConnection UpstreamPool::acquire(std::string_view host, std::uint16_t port,
                                                   std::uint32_t slot) noexcept {
  for (std::size_t place = count_; place-- > 0;) {
    Idle& idle = at(place);
    if (idle.port != port || !base::equals_ignoring_case(idle.host_view(), host)) continue;
    IdleConnection found{std::move(idle.upstream), idle.address};
    drop(place);
    owners_[static_cast<std::size_t>(found.upstream.fd.get())].slot = slot;  // PLANT(owner-of-descriptor)
    return found;
  }
  return {};
}

void UpstreamPool::release(IdleConnection spare, std::string_view host, std::uint16_t port,
                           std::uint64_t now) noexcept {
  if (idle_max_ == 0) return;
  if (count_ == idle_max_) drop(0);
  owners_[static_cast<std::size_t>(spare.upstream.fd.get())].slot = base::kNoIndex;
  Idle& idle = at(count_++);
  idle.upstream = std::move(spare.upstream);
  idle.address = spare.address;
  idle.since = now;
  idle.port = port;
  idle.host_length = static_cast<std::uint8_t>(host.copy(idle.host.data(), idle.host.size()));
}

void UpstreamPool::expire(std::uint64_t now) noexcept {
  while (count_ > 0 && at(0).since + kIdleMs <= now) drop(0);
}

std::uint64_t UpstreamPool::next_deadline() const noexcept {
  return count_ == 0 ? 0 : idle_[order_[0]].since + kIdleMs;
}

void UpstreamPool::reset(std::size_t idle_max) noexcept {
  while (close_oldest()) {
  }
  idle_max_ = std::min(idle_max, kIdleMax);
}

bool UpstreamPool::close_oldest() noexcept {
  if (count_ == 0) return false;
  drop(0);
  return true;
}

void UpstreamPool::drop(std::size_t place) noexcept {
  at(place).upstream = Endpoint{};
  const auto first = order_.begin() + static_cast<std::ptrdiff_t>(place);
  std::rotate(first, first + 1, order_.begin() + static_cast<std::ptrdiff_t>(count_--));
}

}  // namespace net
