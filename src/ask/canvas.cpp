#include "canvas.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace ask {
namespace {

// The parameters of SGR (ECMA-48) by style: for 16 colours, and for 256.
struct Row {
  std::string_view few, many;
};
constexpr std::array<Row, 8> kRows{{{"", ""},
                                    {"1", "1"},
                                    {"2", "2"},
                                    {"94", "38;5;75"},
                                    {"34", "38;5;33"},
                                    {"93", "38;5;214"},
                                    {"33", "38;5;166"},
                                    {"95", "1;38;5;199"}}};

// Of `style`; without colours only what is strong or a finding stands out.
std::string_view parameters(Style style, Colours colours) noexcept {
  if (colours == Colours::none)
    return style == Style::strong || style == Style::finding ? "1" : std::string_view{};
  const Row& row = kRows[static_cast<std::size_t>(style)];
  return colours == Colours::many ? row.many : row.few;
}

}  // namespace

void Canvas::add(std::string_view text, std::size_t width, Style style, bool reverse) {
  std::string& line = lines_.back();
  const std::string_view set = parameters(style, colours_);
  if (!set.empty() || reverse) {
    line += "\x1b[";
    line += set;
    if (reverse) line += set.empty() ? "7" : ";7";
    line += 'm';
  }
  line += text;
  if (!set.empty() || reverse) line += "\x1b[0m";
  column_ += width;
}

Canvas& Canvas::put(std::string_view text, Style style, bool reverse) {
  const std::string_view part = text.substr(0, columns_ - column_);
  if (!part.empty()) add(part, part.size(), style, reverse);
  return *this;
}

Canvas& Canvas::put_glyph(std::string_view glyph, Style style, bool reverse) {
  if (column_ < columns_) add(glyph, 1, style, reverse);
  return *this;
}

Canvas& Canvas::tab(std::size_t column) {
  if (column > column_) put(std::string(column - column_, ' '));
  return *this;
}

void Canvas::end_line() {
  lines_.emplace_back();
  column_ = 0;
}

void Canvas::wrap(std::string_view text, std::size_t most, Style style) {
  while (!text.empty() && most-- > 0) {
    std::size_t length = std::min(text.size(), columns_);
    if (length < text.size() && most > 0)
      if (const std::size_t blank = text.rfind(' ', length); blank != std::string_view::npos && blank > 0)
        length = blank;
    put(text.substr(0, length), style);
    end_line();
    text.remove_prefix(length);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  }
}

std::vector<std::string> Canvas::take_lines() {
  if (lines_.back().empty()) lines_.pop_back();
  return std::move(lines_);
}

}  // namespace ask
