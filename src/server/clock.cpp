#include "clock.hpp"

#include "../sys/sys.hpp"

namespace server {

Clock::Clock(Worker& worker) noexcept : worker_(worker) {
  read();
  started_ms_ = worker_.now;
  started_wall_ms_ = worker_.wall_ms;
}

void Clock::read() noexcept {
  now_us_ = sys::now_us();
  worker_.now = now_us_ / 1000;
  worker_.wall_ms = sys::wall_ms();
  if (worker_.wall_ms / 1000 == date_second_) return;
  date_second_ = worker_.wall_ms / 1000;
  http::write_date(worker_.wall_ms, date_);
  worker_.date = {date_.data(), date_.size()};
}

}  // namespace server
