// The clocks, read once a turn: everything in a turn happens at the same time.
#pragma once
#include <array>
#include <cstdint>

#include "../http/date.hpp"
#include "../state/worker.hpp"

namespace server {

class Clock {
 public:
  // Reads them. REQUIRES: `worker` outlives this.
  explicit Clock(Worker& worker) noexcept;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;

  // Sets the worker's times and its text for the Date field.
  void read() noexcept;
  // µs, monotonic: of this turn.
  [[nodiscard]] std::uint64_t now_us() const noexcept { return now_us_; }
  // Since this was made, ms.
  [[nodiscard]] std::uint64_t uptime_ms() const noexcept { return worker_.now - started_ms_; }
  // When this was made, ms since 1970.
  [[nodiscard]] std::uint64_t started_wall_ms() const noexcept { return started_wall_ms_; }

 private:
  Worker& worker_;
  std::array<char, http::kDateBytes> date_{};
  std::uint64_t date_second_ = 0;
  std::uint64_t now_us_ = 0;
  std::uint64_t started_ms_ = 0, started_wall_ms_ = 0;
};

}  // namespace server
