#include "text.hpp"

namespace base {

std::string lowered(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::string quoted(std::string_view text) { return "'" + std::string{text} + "'"; }

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
