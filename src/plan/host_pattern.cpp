#include "host_pattern.hpp"

#include <algorithm>

#include "../base/text.hpp"

namespace plan {
namespace {

using std::string_view;

// Matches `text` with `pattern`, which is in lower case. After a mismatch the last "*" takes one character
// more; an earlier one never needs to. So the time is at most the product of the lengths.
bool glob(string_view pattern, string_view text) noexcept {
  std::size_t p = 0, t = 0, star = string_view::npos, taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == base::lower(text[t])) {
      ++p;
      ++t;
    } else if (star != string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  return std::all_of(pattern.begin() + static_cast<std::ptrdiff_t>(p), pattern.end(),
                     [](char c) { return c == '*'; });
}

bool same_address(const sys::Address& a, const sys::Address& b) noexcept { return a.in_network(b, b.bits()); }

bool matches(const HostPattern& pattern, string_view text, const sys::Address& address) noexcept {
  if (pattern.list) return pattern.list->has(text);
  if (is_numeric(pattern))
    return address.family != sys::Address::Family::none && same_address(address, pattern.address);
  return glob(pattern.text, text);
}

}  // namespace

Host::Host(string_view host) noexcept : text_(base::without_final_dot(host)) {
  if (!sys::parse_ip(text_, 0, address_)) return;
  address_ = sys::unmapped(address_);
  spelling_ = sys::ip_text(address_);
  text_ = spelling_.view();
}

bool is_numeric(const HostPattern& pattern) noexcept {
  return pattern.address.family != sys::Address::Family::none;
}

bool is_everything(const HostPattern& pattern) noexcept {
  return !is_numeric(pattern) && pattern.text.find_first_not_of('*') == std::string::npos;
}

bool matches(const HostPattern& pattern, const Host& host) noexcept {
  return matches(pattern, host.text(), host.address());
}

bool may_match(const HostPattern& pattern, const Host& host) noexcept {
  const sys::EmbeddedAddresses readings = sys::embedded_in(host.address());
  return matches(pattern, host) ||
         std::any_of(readings.all().begin(), readings.all().end(), [&pattern](const auto& reading) {
           return matches(pattern, sys::ip_text(reading.address).view(), reading.address);
         });
}

// Matches the pattern `narrow` as if it were a host. Its "*" can only match a "*" of `wide`, since no host
// contains one.
bool is_within(const HostPattern& narrow, const HostPattern& wide) noexcept {
  if (wide.list) return wide.list == narrow.list;
  if (narrow.list) return is_everything(wide);
  if (is_numeric(narrow))
    return is_numeric(wide) ? same_address(narrow.address, wide.address)
                            : glob(wide.text, sys::ip_text(narrow.address).view());
  return !is_numeric(wide) && glob(wide.text, narrow.text);
}

}  // namespace plan
