#include "address_health.hpp"

#include <algorithm>

namespace net {
namespace {

bool same_family(const sys::Address& a, const sys::Address& b) noexcept { return a.family == b.family; }

// Moves the next address of that family, if there is one at or after `place`, to `place`.
void bring(Addresses& addresses, std::uint8_t place, sys::Address::Family family) noexcept {
  const auto begin = addresses.list.begin() + place, end = addresses.list.begin() + addresses.count;
  const auto found =
      std::find_if(begin, end, [family](const sys::Address& address) { return address.family == family; });
  if (found != end) std::rotate(begin, found, found + 1);
}

void interleave(Addresses& addresses) noexcept {
  const auto begin = addresses.list.begin(), end = begin + addresses.count;
  const auto other =
      std::find_if(begin, end, [first = *begin](const sys::Address& a) { return !same_family(a, first); });
  if (other == end) return;
  const std::array families{begin->family, other->family};
  for (std::uint8_t place = 1; place < addresses.count; ++place) bring(addresses, place, families[place % 2]);
}

}  // namespace

void AddressHealth::failed(const sys::Address& address, std::uint64_t now) noexcept {
  const auto known = std::find_if(failures_.begin(), failures_.end(),
                                  [&address](const Failure& f) { return f.address == address; });
  Failure& place = known != failures_.end() ? *known : failures_[next_];
  if (known == failures_.end()) next_ = (next_ + 1) % kMax;
  place = {address, now};
  any_ = true;
}

void AddressHealth::succeeded(const sys::Address& address) noexcept {
  if (!any_) return;
  for (Failure& failure : failures_)
    if (failure.address == address) failure = {};
}

bool AddressHealth::failed_lately(const sys::Address& address, std::uint64_t now) const noexcept {
  return std::any_of(failures_.begin(), failures_.end(), [&address, now](const Failure& failure) {
    return failure.address == address && now - failure.at < kRememberedMs;
  });
}

void AddressHealth::order(Addresses& addresses, std::uint64_t now) const noexcept {
  if (addresses.count < 2) return;
  interleave(addresses);
  if (!any_) return;
  std::stable_partition(addresses.list.begin(), addresses.list.begin() + addresses.count,
                        [this, now](const sys::Address& a) { return !failed_lately(a, now); });
}

}  // namespace net
