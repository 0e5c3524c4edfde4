#include "ranges.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "../base/text.hpp"

namespace files {
namespace {

using std::string_view;

// A number that overflows is beyond the end of every file.
std::optional<std::uint64_t> number(string_view digits) noexcept {
  if (digits.empty() || !base::all_are(digits, base::kDigit)) return std::nullopt;
  std::uint64_t value = std::numeric_limits<std::uint64_t>::max();
  base::parse_decimal(digits, value);
  return value;
}

enum class Spec : std::uint8_t { good, beyond, bad };

// One range-spec: "first-", "first-last" or "-length".
Spec read_spec(string_view text, std::uint64_t size, ByteRange& range) noexcept {
  const std::size_t dash = text.find('-');
  if (dash == string_view::npos) return Spec::bad;
  const auto last = number(text.substr(dash + 1));
  if (dash == 0) {
    if (!last) return Spec::bad;
    range = {size - std::min(*last, size), std::min(*last, size)};
    return *last == 0 ? Spec::beyond : Spec::good;
  }
  const auto first = number(text.substr(0, dash));
  if (!first || (!last && dash + 1 != text.size()) || (last && *last < *first)) return Spec::bad;
  if (*first >= size) return Spec::beyond;
  const std::uint64_t end = last ? std::min(*last, size - 1) : size - 1;
  range = {*first, end - *first + 1};
  return Spec::good;
}

// Joins ranges that overlap (RFC 9110 section 15.3.7.2) or touch.
void join(std::vector<ByteRange>& parts) {
  std::vector<ByteRange> sorted = parts;
  std::sort(sorted.begin(), sorted.end(),
            [](const ByteRange& a, const ByteRange& b) { return a.first < b.first; });
  std::vector<ByteRange> joined;
  for (const ByteRange& next : sorted) {
    if (!joined.empty() && next.first <= joined.back().first + joined.back().length) {
      ByteRange& back = joined.back();
      back.length = std::max(back.length, next.first + next.length - back.first);
    } else {
      joined.push_back(next);
    }
  }
  if (joined.size() != parts.size()) parts = std::move(joined);
}

}  // namespace

Ranges parse_ranges(string_view value, std::uint64_t size) {
  constexpr string_view kUnit = "bytes=";
  if (!base::equals_ignoring_case(value.substr(0, kUnit.size()), kUnit)) return {};
  value.remove_prefix(kUnit.size());
  std::vector<ByteRange> parts;
  bool any = false;
  while (!value.empty()) {
    const string_view text = base::next_element(value);
    if (text.empty()) continue;
    any = true;
    ByteRange range;
    const Spec spec = read_spec(text, size, range);
    if (spec == Spec::bad) return {};
    if (spec == Spec::good) parts.push_back(range);
  }
  if (!any) return {};
  if (parts.empty()) return {Ranges::What::outside};
  if (size == 0) return {};  // Content-Range cannot express an empty range
  join(parts);
  if (parts.size() > kRangesMax) return {};
  return {Ranges::What::parts, std::move(parts)};
}

}  // namespace files
