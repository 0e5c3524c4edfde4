#include "url_path.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "../base/text.hpp"

namespace http {
namespace {

using std::string;
using std::string_view;

// Such a path is normal already, as most paths are.
bool is_plain(string_view path) noexcept {
  bool after_slash = false;
  for (const char c : path) {
    if (c == '%' || c == ';' || c == '\\' || (after_slash && (c == '/' || c == '.'))) return false;
    after_slash = c == '/';
  }
  return path.starts_with('/');
}

bool is_high(char c) noexcept { return static_cast<unsigned char>(c) >= 0x80U; }

// The text begins with that character, percent-encoded. `digits`: as "2f".
bool starts_with_encoded(string_view text, string_view digits) noexcept {
  return text.starts_with('%') && base::equals_ignoring_case(text.substr(1, digits.size()), digits);
}

bool has_encoded(string_view path, string_view digits) noexcept {
  for (std::size_t at = path.find('%'); at != string_view::npos; at = path.find('%', at + 1))
    if (starts_with_encoded(path.substr(at), digits)) return true;
  return false;
}

// Encodes the "%" of each "%2F" or "%2E" that the reading keeps as text, so that decoding leaves it.
string with_text_kept(string_view path, PathReading reading) {
  string out;
  for (; !path.empty(); path.remove_prefix(1)) {
    out += path.front();
    if ((reading.has(PathReading::slash_text) && starts_with_encoded(path, "2f")) ||
        (reading.has(PathReading::dot_text) && starts_with_encoded(path, "2e")))
      out += "25";
  }
  return out;
}

// Decodes what can be decoded; an invalid "%" stays as it is.
string leniently_decoded(string_view text) {
  string out;
  for (; !text.empty(); text.remove_prefix(1)) {
    const bool encoded =
        text.front() == '%' && text.size() > 2 && base::all_are(text.substr(1, 2), base::kHexDigit);
    out += encoded ? *base::percent_decoded(text.substr(0, 3)) : string{text.front()};
    if (encoded) text.remove_prefix(2);
  }
  return out;
}

// The first bytes of ASCII characters in two to six bytes, which RFC 3629 section 3 forbids. The lowest bit
// of the last byte here belongs to the character, as do six bits of the byte after it.
constexpr std::array<string_view, 5> kOverlong{"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80",
                                               "\xfc\x80\x80\x80\x80"};

bool is_overlong(string_view text, string_view lead) noexcept {
  const std::size_t last = lead.size() - 1;
  const auto bits = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  return text.size() > lead.size() && text.starts_with(lead.substr(0, last)) &&
         (bits(last) & 0xfeU) == static_cast<unsigned char>(lead[last]) && (bits(last + 1) & 0xc0U) == 0x80U;
}

string overlong_decoded(string_view text) {
  string out;
  while (!text.empty()) {
    const auto* const lead = std::find_if(kOverlong.begin(), kOverlong.end(),
                                          [text](string_view one) { return is_overlong(text, one); });
    const std::size_t length = lead == kOverlong.end() ? 0 : lead->size();
    const auto byte = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    out += length == 0 ? text.front()
                       : static_cast<char>((byte(length - 1) & 1U) << 6U | (byte(length) & 0x3fU));
    text.remove_prefix(length + 1);
  }
  return out;
}

// Percent-decoded once or twice, the path contains an overlong character.
bool has_overlong(string_view path, bool twice) {
  if (path.find('%') == string_view::npos && std::none_of(path.begin(), path.end(), is_high)) return false;
  const string once = leniently_decoded(path), again = twice ? leniently_decoded(once) : once;
  return overlong_decoded(once) != once || overlong_decoded(again) != again;
}

// Removes each ";" with the text after it, up to the next "/".
string without_parameters(string_view path) {
  string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find(';'), path.size());
    out += path.substr(0, end);
    path.remove_prefix(end);
    path.remove_prefix(std::min(path.find('/'), path.size()));
  }
  return out;
}

// Removes the segments that are empty or ".", and resolves "..".
std::optional<string> resolved(string_view path, bool keeps_empty) {
  std::vector<string_view> segments;
  string_view last;
  for (string_view rest = path.substr(path.starts_with('/') ? 1 : 0); !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    last = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if ((last.empty() && !keeps_empty) || last == ".") continue;
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

PublicUrl without_userinfo(string_view url) noexcept {
  if (url.find('@') == string_view::npos) return {url, {}};
  const std::size_t scheme = url.find("://");
  if (scheme == string_view::npos || scheme > url.find_first_of("/?#")) return {url, {}};
  const std::size_t begin = scheme + 3;
  const string_view authority =
      url.substr(begin, std::min(url.find_first_of("/?#", begin), url.size()) - begin);
  const std::size_t at = authority.rfind('@');
  if (at == string_view::npos) return {url, {}};
  return {url.substr(0, begin), url.substr(begin + at + 1)};
}

PathReading differences(string_view path) noexcept {
  PathReading found;
  if (is_plain(path) && std::none_of(path.begin(), path.end(), is_high)) return found;
  const auto add = [&found](std::uint8_t bit, bool present) {
    if (present) found.bits |= bit;
  };
  const bool twice = has_encoded(path, "25"), overlong = has_overlong(path, twice);
  const bool hidden = twice || overlong;
  add(PathReading::slash_text, has_encoded(path, "2f"));
  add(PathReading::dot_text, has_encoded(path, "2e"));
  add(PathReading::decoded_twice, twice);
  add(PathReading::overlong, overlong);
  add(PathReading::backslash, hidden || path.find('\\') != string_view::npos || has_encoded(path, "5c"));
  add(PathReading::no_parameters, hidden || path.find(';') != string_view::npos || has_encoded(path, "3b"));
  add(PathReading::empty_segments, found.bits != 0 || path.find("//") != string_view::npos);
  return found;
}

std::optional<string> normal_path(string_view path, PathReading reading) {
  if (is_plain(path) && !reading.has(PathReading::overlong)) return string{path};
  const bool keeps = reading.has(PathReading::slash_text) || reading.has(PathReading::dot_text);
  std::optional<string> decoded = base::percent_decoded(keeps ? with_text_kept(path, reading) : string{path});
  if (!decoded) return std::nullopt;
  if (reading.has(PathReading::decoded_twice)) decoded = leniently_decoded(*decoded);
  if (reading.has(PathReading::overlong)) decoded = overlong_decoded(*decoded);
  if (decoded->find('\0') != string::npos) return std::nullopt;
  if (reading.has(PathReading::backslash)) std::replace(decoded->begin(), decoded->end(), '\\', '/');
  if (reading.has(PathReading::no_parameters)) decoded = without_parameters(*decoded);
  return resolved(*decoded, reading.has(PathReading::empty_segments));
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
