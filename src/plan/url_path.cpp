#include "url_path.hpp"

#include <vector>

#include "../base/text.hpp"

namespace plan {
namespace {

using std::string;
using std::string_view;

// A segment, decoded. Nothing if it cannot be the name of a file.
std::optional<string> decode(string_view text) {
  std::optional<string> name = base::percent_decoded(text);
  if (name && name->find_first_of(string_view{"/\0", 2}) != string::npos) name.reset();
  return name;
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
    std::optional<string> segment = decode(rest.substr(0, end));
    if (!segment) return std::nullopt;
    rest = end == string_view::npos ? string_view{} : rest.substr(end + 1);
    if (segment->empty() || *segment == ".") continue;
    if (*segment != "..") {
      segments.push_back(std::move(*segment));
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
