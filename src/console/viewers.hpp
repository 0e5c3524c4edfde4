// How many viewers ask, and how soon each may ask again.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace console {

// A viewer is a connection that polls. Times in ms, monotonic.
class Viewers {
 public:
  static constexpr std::size_t kMany = 50;
  static constexpr std::uint64_t kGoneMs = 2500;  // after its last poll a viewer does not count

  // The connection with that ID has asked.
  void polled(std::uint64_t id, std::uint64_t now) noexcept {
    Poller* place = pollers_.data();
    for (Poller& poller : pollers_) {
      if (poller.id == id) place = &poller;
      if (place->id != id && poller.at < place->at) place = &poller;
    }
    *place = {id, now};
  }
  // Viewers at present, at most kMany.
  [[nodiscard]] std::size_t count(std::uint64_t now) const noexcept {
    return static_cast<std::size_t>(
        std::count_if(pollers_.begin(), pollers_.end(),
                      [now](const Poller& poller) { return poller.id != 0 && now < poller.at + kGoneMs; }));
  }
  // The time after which a viewer may poll again: longer, the more there are.
  [[nodiscard]] std::uint16_t next_ms(std::uint64_t now) const noexcept {
    const std::size_t viewers = count(now);
    return viewers >= kMany ? 1000 : viewers >= 5 ? 200 : 50;
  }

 private:
  struct Poller {
    std::uint64_t id = 0;  // 0: none
    std::uint64_t at = 0;
  };
  std::array<Poller, kMany> pollers_{};
};

}  // namespace console
