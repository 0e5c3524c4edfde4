#include "text.hpp"

namespace base {

std::string lowered(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::string printable(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto is_c1 = [text](std::size_t at) {  // U+0080 to U+009F (RFC 3629 section 3)
    const auto byte = static_cast<unsigned char>(text[at]);
    return byte >= 0x80 && byte < 0xa0 && at > 0 && text[at - 1] == '\xc2';
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool opens_c1 = text[i] == '\xc2' && i + 1 < text.size() && is_c1(i + 1);
    if (is_control(text[i]) || is_c1(i) || opens_c1)
      (((out += "\\x") += kDigits[byte >> 4U]) += kDigits[byte & 15U]);
    else
      out += text[i];
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

}  // namespace base
