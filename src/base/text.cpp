#include "text.hpp"

namespace base {

std::string lowered(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

namespace {

// Returns the length of the character at the front if a terminal obeys it instead of showing it; else 0.
// These are controls of ASCII and C1, and those of the direction of writing (UAX #9 section 2).
std::size_t control_length(std::string_view text) noexcept {
  const auto in = [text](std::string_view lead, char first, char last) {
    return text.size() > lead.size() && text.starts_with(lead) && text[lead.size()] >= first &&
           text[lead.size()] <= last;
  };
  if (is_control(text.front())) return 1;
  if (in("\xc2", '\x80', '\x9f') || in("\xd8", '\x9c', '\x9c')) return 2;  // U+0080 to U+009F, U+061C
  // U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069
  if (in("\xe2\x80", '\x8e', '\x8f') || in("\xe2\x80", '\xaa', '\xae') || in("\xe2\x81", '\xa6', '\xa9'))
    return 3;
  return 0;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = control_length(text);
    for (std::size_t i = 0; i < length; ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      (((out += "\\x") += kHexDigits[byte >> 4U]) += kHexDigits[byte & 15U]);
    }
    if (length == 0) out += text.front();
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

std::string quoted(std::string_view text) { return "'" + printable(text) + "'"; }

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3 || !all_are(text.substr(i + 1, 2), kHexDigit)) return std::nullopt;
    out += static_cast<char>(hex_value(text[i + 1]) << 4U | hex_value(text[i + 2]));
    i += 2;
  }
  return out;
}

Writer& Writer::put_beginning(std::string_view text) noexcept {
  overflowed_ = true;
  return *this << text.substr(0, room_.size() - length_);
}

Writer& Writer::put_beginning(std::uint64_t number, std::size_t digits) noexcept {
  std::array<char, 20> text;
  put_digits(number, {text.data(), digits});
  return put_beginning(std::string_view{text.data(), digits});
}

Writer& put_duration(Writer& out, std::uint64_t ms) noexcept {
  if (ms < 1000) return out << ms << " ms";
  if (ms < 100'000) return out << ms / 1000 << '.' << ms % 1000 / 100 << " s";
  return out << ms / 1000 << " s";
}

}  // namespace base
