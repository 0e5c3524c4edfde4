#include "clock.hpp"

#include <algorithm>

#include "../base/text.hpp"

namespace replay {

using base::TraceEntry;
using base::TraceEvent;

std::uint64_t last_time(const record::Recording& recording) noexcept {
  const auto last = std::find_if(recording.entries.rbegin(), recording.entries.rend(), is_turn);
  return last == recording.entries.rend() ? 0 : base::turn_time(*last);
}

std::vector<std::uint64_t> times_of(const record::Recording& recording) {
  const auto& entries = recording.entries;
  std::vector<std::uint64_t> times(entries.size());
  std::size_t from = 0;   // the index of the latest entry of a turn
  std::uint64_t now = 0;  // its time
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!is_turn(entries[i])) continue;
    const std::uint64_t then = std::max(now, base::turn_time(entries[i]) * 1000);
    const bool runs = now != 0 && entries[i].event == TraceEvent::turn_ended;
    for (std::size_t at = from; at <= i; ++at)
      times[at] = now == 0 ? then : runs ? now + (then - now) * (at - from) / (i - from) : now;
    times[i] = now = then;
    from = i;
  }
  std::fill(times.begin() + static_cast<std::ptrdiff_t>(from), times.end(), now);
  return times;
}

bool parse_moment(std::string_view text, Moment& moment) noexcept {
  if (!text.starts_with('-')) {
    moment.before_end = false;
    return base::parse_decimal(text, moment.value);
  }
  const bool ms = text.ends_with("ms");
  if (!text.ends_with('s')) return false;
  text = text.substr(1, text.size() - (ms ? 3 : 2));
  const std::size_t point = text.find('.');
  const std::string_view digits = point == std::string_view::npos ? "0" : text.substr(point + 1);
  std::uint64_t whole = 0, part = 0;
  if (digits.size() > 6 || !base::parse_decimal(text.substr(0, point), whole) ||
      !base::parse_decimal(digits, part) || whole > 1'000'000'000)
    return false;
  for (std::size_t i = digits.size(); i < 6; ++i) part *= 10;
  moment = {.before_end = true, .value = (whole * 1'000'000 + part) / (ms ? 1000 : 1)};
  return true;
}

std::uint64_t position_of(const Moment& moment, const record::Recording& recording) noexcept {
  const auto& entries = recording.entries;
  if (!moment.before_end) return std::clamp(moment.value, recording.first, recording.first + entries.size());
  const std::uint64_t last = last_time(recording);
  const std::uint64_t time = last - std::min(last, moment.value);
  const auto found = std::find_if(entries.begin(), entries.end(), [time](const TraceEntry& entry) {
    return entry.event == TraceEvent::turn_began && base::turn_time(entry) >= time;
  });
  return recording.first + static_cast<std::uint64_t>(found - entries.begin());
}

}  // namespace replay
