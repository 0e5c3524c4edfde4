#include "url_path.hpp"

#include <vector>

#include "../base/text.hpp"

namespace plan {
namespace {

using std::string;
using std::string_view;

unsigned hex_value(char c) noexcept {
  return static_cast<unsigned>(base::is(c, base::kDigit) ? c - '0' : base::lower(c) - 'a' + 10);
}

// A segment, decoded. False if it cannot be the name of a file.
bool decode(string_view text, string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !base::all_are(text.substr(i + 1, 2), base::kHexDigit)) return false;
      c = static_cast<char>(hex_value(text[i + 1]) << 4U | hex_value(text[i + 2]));
      i += 2;
      if (c == '/') return false;
    }
    if (c == '\0') return false;
    out += c;
  }
  return true;
}

}  // namespace

std::optional<FilePath> parse_file_path(string_view target) {
  FilePath path;
  const std::size_t question = target.find('?');
  if (question != string_view::npos) path.query = target.substr(question + 1);
  string_view rest = target.substr(0, question);
  path.slash = rest.ends_with('/');
  std::vector<string> segments;
  while (!rest.empty()) {
    const std::size_t end = rest.find('/');
    string segment;
    if (!decode(rest.substr(0, end), segment)) return std::nullopt;
    rest = end == string_view::npos ? string_view{} : rest.substr(end + 1);
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      segments.push_back(std::move(segment));
    } else if (segments.empty()) {
      return std::nullopt;
    } else {
      segments.pop_back();
    }
  }
  for (const string& segment : segments) (path.name.empty() ? path.name : path.name += '/') += segment;
  return path;
}

string percent_encoded(string_view text, string_view kept) {
  constexpr string_view kDigits = "0123456789ABCDEF", kUnreserved = "-._~";
  string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = base::lower(c) >= 'a' && base::lower(c) <= 'z';
    if (letter || base::is(c, base::kDigit) || (kUnreserved.find(c) != string_view::npos) ||
        kept.find(c) != string_view::npos) {
      out += c;
    } else {
      (out += '%') += kDigits[byte >> 4U];
      out += kDigits[byte & 15U];
    }
  }
  return out;
}

}  // namespace plan
