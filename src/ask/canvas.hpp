// Lines of text of a limited width, with colours.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ask {

// How a terminal shows text.
enum class Style : std::uint8_t {
  normal,
  strong,
  dim,
  read_request,  // the four states: blue for requests, orange for responses
  send_request,
  read_response,
  send_response,
  finding,
};

enum class Colours : std::uint8_t { none, few, many };  // few: 16; many: 256

class Canvas {
 public:
  Canvas(std::size_t columns, Colours colours) : columns_(columns), colours_(colours) {}

  // Adds to the last line; what is wider than the line is dropped. `text` is visible ASCII and blanks.
  // `reverse`: in reverse video.
  Canvas& put(std::string_view text, Style style = Style::normal, bool reverse = false);
  // The same, for a character of UTF-8 that is one column wide.
  Canvas& put_glyph(std::string_view glyph, Style style = Style::normal, bool reverse = false);
  // Fills the last line with blanks up to this column.
  Canvas& tab(std::size_t column);
  // Begins a line.
  void end_line();
  // Adds at most `most` lines, broken between words. If there are more, the last one is cut.
  void wrap(std::string_view text, std::size_t most, Style style = Style::normal);

  // Returns the lines, without the one that is empty at the end. REQUIRES: nothing is added afterwards.
  [[nodiscard]] std::vector<std::string> take_lines();
  [[nodiscard]] std::size_t columns() const noexcept { return columns_; }
  // Of the last line.
  [[nodiscard]] std::size_t column() const noexcept { return column_; }

 private:
  void add(std::string_view text, std::size_t width, Style style, bool reverse);

  std::size_t columns_;
  Colours colours_;
  std::vector<std::string> lines_{""};
  std::size_t column_ = 0;
};

}  // namespace ask
