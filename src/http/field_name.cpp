#include "field_name.hpp"

#include <algorithm>
#include <array>

#include "../base/text.hpp"

namespace http {
namespace {

using std::string_view;

constexpr std::size_t kNames = static_cast<std::size_t>(FieldName::count);

// In the order of FieldName.
constexpr std::array<string_view, kNames> kText{"",
                                                "Accept",
                                                "Accept-Encoding",
                                                "Authorization",
                                                "Connection",
                                                "Content-Length",
                                                "Cookie",
                                                "Date",
                                                "Expect",
                                                "Forwarded",
                                                "Host",
                                                "HTTP2-Settings",
                                                "If-Match",
                                                "If-Modified-Since",
                                                "If-None-Match",
                                                "If-Range",
                                                "If-Unmodified-Since",
                                                "Keep-Alive",
                                                "Max-Forwards",
                                                "Proxy-Authenticate",
                                                "Proxy-Authentication-Info",
                                                "Proxy-Authorization",
                                                "Proxy-Connection",
                                                "Range",
                                                "Referer",
                                                "Server",
                                                "TE",
                                                "traceparent",
                                                "Trailer",
                                                "Transfer-Encoding",
                                                "Upgrade",
                                                "User-Agent",
                                                "Via",
                                                "WWW-Authenticate",
                                                "X-Forwarded-For",
                                                "X-Forwarded-Host",
                                                "X-Forwarded-Proto",
                                                "X-Real-IP",
                                                "X-Request-Id"};

constexpr std::size_t kSlots = 128;

// A perfect hash of the names above: no two share a slot. REQUIRES: `name` is not empty.
constexpr std::size_t slot_of(string_view name) noexcept {
  const auto letter = [](char c) { return static_cast<std::size_t>(static_cast<unsigned char>(c) | 0x20U); };
  return (2 * name.size() + 5 * letter(name.front()) + 7 * letter(name.back())) % kSlots;
}

constexpr auto make_slots() {
  std::array<FieldName, kSlots> slots{};
  for (std::size_t i = 1; i < kNames; ++i) slots[slot_of(kText[i])] = static_cast<FieldName>(i);
  return slots;
}
constexpr auto kBySlot = make_slots();

constexpr bool is_perfect() {
  for (std::size_t i = 1; i < kNames; ++i)
    if (kBySlot[slot_of(kText[i])] != static_cast<FieldName>(i)) return false;
  return true;
}
static_assert(is_perfect(), "two names share a slot: choose other factors in slot_of");

constexpr char in_cgi(char c) noexcept {
  const char letter = base::lower(c);
  return base::is(c, base::kDigit) || (letter >= 'a' && letter <= 'z') ? c : '-';
}

}  // namespace

FieldName field_name(string_view name) noexcept {
  if (name.empty()) return FieldName::other;
  const FieldName candidate = kBySlot[slot_of(name)];
  const string_view text = kText[static_cast<std::size_t>(candidate)];
  const bool same = text == name || base::equals_ignoring_case(text, name);  // most names come in this case
  return same ? candidate : FieldName::other;
}

FieldName field_name_in_cgi(string_view name) noexcept {
  std::array<char, 32> plain;  // no known name is longer
  if (name.size() > plain.size()) return FieldName::other;
  std::transform(name.begin(), name.end(), plain.begin(), in_cgi);
  const string_view text{plain.data(), name.size()};
  return text == name ? FieldName::other : field_name(text);
}

bool is_x_forwarded(string_view name) noexcept {
  constexpr string_view kPrefix = "x-forwarded-";
  return name.size() > kPrefix.size() &&
         std::equal(kPrefix.begin(), kPrefix.end(), name.begin(),
                    [](char a, char b) { return a == base::lower(in_cgi(b)); });
}

}  // namespace http
