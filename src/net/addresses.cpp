#include "addresses.hpp"

#include <algorithm>

namespace net {

void Addresses::add(const sys::Address& address) {
  if (size_ == kMax) return;
  set_port(address.port);
  if (size_ < kFew) {
    few_[size_++] = address;
    return;
  }
  std::vector<sys::Address> all = list();
  all.push_back(address);
  *this = of(std::move(all));
}

Addresses Addresses::of(std::vector<sys::Address> all) {
  Addresses out;
  if (all.size() > kMax) all.resize(kMax);
  out.size_ = static_cast<std::uint8_t>(all.size());
  out.port_ = all.empty() ? std::uint16_t{0} : all.back().port;
  if (all.size() <= kFew)
    std::copy(all.begin(), all.end(), out.few_.begin());
  else
    out.many_ = std::make_shared<const std::vector<sys::Address>>(std::move(all));
  return out;
}

std::vector<sys::Address> Addresses::list() const {
  std::vector<sys::Address> all;
  all.reserve(size_);
  for (std::size_t i = 0; i < size_; ++i) all.push_back((*this)[i]);
  return all;
}

Addresses interleaved(const Addresses& addresses) {
  if (addresses.size() < 3) return addresses;
  std::vector<sys::Address> first, second, all;
  for (const sys::Address& address : addresses.list())
    (address.family == addresses[0].family ? first : second).push_back(address);
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) all.push_back(first[i]);
    if (i < second.size()) all.push_back(second[i]);
  }
  return Addresses::of(std::move(all));
}

}  // namespace net
