// Lines and words of the system's text files: hosts(5) and resolv.conf(5).
#pragma once
#include <string_view>

namespace net {

// Removes and returns the first line of `text`, without its end (LF; the last line may lack it) and without a
// comment (from "#" or ";" on).
constexpr std::string_view next_line(std::string_view& text) noexcept {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  return line.substr(0, line.find_first_of("#;"));
}

// Removes and returns the first word of `line`; empty at its end. Words are separated by blanks; a CR counts
// as one.
constexpr std::string_view next_word(std::string_view& line) noexcept {
  constexpr std::string_view kBlank = " \t\r\v\f";
  const std::size_t begin = line.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return line = {};
  const std::size_t end = line.find_first_of(kBlank, begin);
  const std::string_view word = line.substr(begin, end == std::string_view::npos ? end : end - begin);
  line = end == std::string_view::npos ? std::string_view{} : line.substr(end);
  return word;
}

}  // namespace net
