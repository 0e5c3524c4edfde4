#include "url_path.hpp"

#include <algorithm>
#include <vector>

#include "../base/text.hpp"

namespace http {
namespace {

using std::string;
using std::string_view;

// Such a path is normal already, as most paths are.
bool is_plain(string_view path) noexcept {
  return path.starts_with('/') && path.find('%') == string_view::npos &&
         path.find("//") == string_view::npos && path.find("/.") == string_view::npos;
}

bool starts_with_encoded_slash(string_view text) noexcept {
  return text.starts_with("%2F") || text.starts_with("%2f");
}

// Encodes the "%" of each "%2F", so that decoding leaves "%2F".
string with_slashes_kept(string_view path) {
  string out;
  for (; !path.empty(); path.remove_prefix(1)) {
    out += path.front();
    if (starts_with_encoded_slash(path)) out += "25";
  }
  return out;
}

// Removes the segments that are empty or ".", and resolves "..".
std::optional<string> resolved(string_view path) {
  std::vector<string_view> segments;
  string_view last;
  for (string_view rest = path; !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    last = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (last.empty() || last == ".") continue;
    if (last != "..")
      segments.push_back(last);
    else if (segments.empty())
      return std::nullopt;
    else
      segments.pop_back();
  }
  string out;
  for (const string_view segment : segments) (out += '/') += segment;
  if (out.empty() || path.ends_with('/') || last == "." || last == "..") out += '/';
  return out;
}

}  // namespace

bool has_encoded_slash(string_view path) noexcept {
  return path.find("%2F") != string_view::npos || path.find("%2f") != string_view::npos;
}

std::optional<string> normal_path(string_view path, EncodedSlash slash) {
  if (is_plain(path)) return string{path};
  const bool keep = slash == EncodedSlash::text;
  const std::optional<string> decoded = base::percent_decoded(keep ? with_slashes_kept(path) : string{path});
  if (!decoded || decoded->find('\0') != string::npos) return std::nullopt;
  return resolved(*decoded);
}

FilePath file_below(string_view prefix, string_view path, string_view query) {
  FilePath file{.name = {}, .slash = path.ends_with('/'), .query = query};
  path.remove_prefix(std::min(prefix.size(), path.size()));
  while (path.starts_with('/')) path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  file.name = path;
  return file;
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

}  // namespace http
