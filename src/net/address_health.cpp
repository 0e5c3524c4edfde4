#include "address_health.hpp"

#include <algorithm>

namespace net {
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
  return any_ && std::any_of(failures_.begin(), failures_.end(), [&address, now](const Failure& failure) {
           return failure.address == address && now - failure.at < kRememberedMs;
         });
}

}  // namespace net
