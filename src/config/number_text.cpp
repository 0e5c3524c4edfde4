#include "number_text.hpp"

#include <algorithm>
#include <array>

#include "../base/text.hpp"

namespace config {
namespace {

using std::string_view;

struct Unit {
  char letter;
  std::uint64_t factor;
};
constexpr std::array<Unit, 3> kUnits{{{'k', 1U << 10}, {'m', 1U << 20}, {'g', 1U << 30}}};

struct Time {
  string_view name;
  std::uint64_t ms;
};
constexpr std::array<Time, 6> kTimes{
    {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

bool parse_amount(string_view text, std::uint64_t& out) noexcept {
  if (text.empty()) return false;
  const auto* const unit = std::find_if(
      kUnits.begin(), kUnits.end(), [text](const Unit& u) { return u.letter == base::lower(text.back()); });
  const std::uint64_t factor = unit == kUnits.end() ? 1 : unit->factor;
  if (unit != kUnits.end()) text.remove_suffix(1);
  std::uint64_t number = 0;
  if (!base::parse_decimal(text, number) || number > plan::kRateMax / factor) return false;
  out = number * factor;
  return true;
}

}  // namespace

std::optional<std::uint32_t> parse_seconds(string_view text) noexcept {
  constexpr std::uint64_t kNumberMax = kMsMax;  // the largest number with a unit
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::size_t dot = std::min(text.find('.'), end);
  std::uint64_t number = 0, thousandths = 0;
  if (!base::parse_decimal(text.substr(0, dot), number) || number > kNumberMax) return std::nullopt;
  if (dot != end) {
    const string_view decimals = text.substr(dot + 1, end - dot - 1);
    if (decimals.size() > 3 || !base::parse_decimal(decimals, thousandths)) return std::nullopt;
    for (std::size_t i = decimals.size(); i < 3; ++i) thousandths *= 10;
  }
  const auto* const unit = std::find_if(kTimes.begin(), kTimes.end(),
                                        [name = text.substr(end)](const Time& t) { return t.name == name; });
  if (unit == kTimes.end()) return std::nullopt;
  const std::uint64_t ms = (number * 1000 + thousandths) * unit->ms / 1000;
  if (ms == 0 && number + thousandths > 0) return std::nullopt;  // 0 may mean no limit
  return ms <= kMsMax ? std::optional{static_cast<std::uint32_t>(ms)} : std::nullopt;
}

std::optional<std::uint64_t> parse_size(string_view text) noexcept {
  std::uint64_t bytes = 0;
  return parse_amount(text, bytes) ? std::optional{bytes} : std::nullopt;
}

std::optional<plan::Rate> parse_rate(string_view text) noexcept {
  const std::size_t colon = std::min(text.find(':'), text.size());
  plan::Rate rate;
  string_view amount = text.substr(0, colon);
  if (amount.ends_with("/s")) amount.remove_suffix(2);
  if (!parse_amount(amount, rate.per_second) || rate.per_second == 0) return std::nullopt;
  if (colon == text.size()) return rate;
  if (!parse_amount(text.substr(colon + 1), rate.burst) || rate.burst == 0) return std::nullopt;
  return rate;
}

}  // namespace config
