// Connections to one host that were begun one after another and are all still being made (RFC 8305
// section 5): the first that is made is used, the others are closed.
#pragma once
#include <array>
#include <cassert>
#include <cstdint>
#include <utility>

#include "endpoint.hpp"
#include "name_source.hpp"

namespace net {

struct Runner {
  Endpoint endpoint;
  std::uint8_t address = 0;  // index of the host's addresses
};

// Those that were begun with before the last.
class Race {
 public:
  void add(Runner runner) noexcept {
    assert(count_ < runners_.size());
    runners_[count_++] = std::move(runner);
  }
  // Takes one out; the others keep their order.
  Runner take(std::uint8_t place) noexcept {
    assert(place < count_);
    Runner taken = std::move(runners_[place]);
    for (--count_; place < count_; ++place) runners_[place] = std::move(runners_[place + 1U]);
    return taken;
  }
  // The one with that serial number; null: there is none.
  Endpoint* find(std::uint32_t serial) noexcept {
    for (std::uint8_t i = 0; i < count_; ++i)
      if (runners_[i].endpoint.serial == serial) return &runners_[i].endpoint;  // PLANT(event-of-attempt)
    return nullptr;
  }
  [[nodiscard]] const Runner& at(std::uint8_t place) const noexcept { return runners_[place]; }
  [[nodiscard]] std::uint8_t count() const noexcept { return count_; }

 private:
  std::array<Runner, Addresses::kMax - 1> runners_;
  std::uint8_t count_ = 0;
};

}  // namespace net
