#include "media_types.hpp"

#include <algorithm>
#include <array>

#include "../base/text.hpp"

namespace files {
namespace {

using std::string;
using std::string_view;

constexpr string_view kUnknown = "application/octet-stream";

constexpr string_view kBuiltIn =
    "text/html html htm\ntext/plain txt text log\ntext/css css\ntext/javascript js mjs\ntext/csv csv\n"
    "text/markdown md markdown\napplication/json json map\napplication/manifest+json webmanifest\n"
    "application/xml xml xsl\napplication/xhtml+xml xhtml\napplication/atom+xml atom\napplication/rss+xml "
    "rss\n"
    "application/pdf pdf\napplication/wasm wasm\napplication/gzip gz tgz\napplication/zip zip\n"
    "application/x-tar tar\napplication/x-xz xz\napplication/x-bzip2 bz2\napplication/zstd zst\n"
    "image/png png\nimage/jpeg jpg jpeg\nimage/gif gif\nimage/webp webp\nimage/avif avif\nimage/svg+xml svg\n"
    "image/vnd.microsoft.icon ico\nimage/bmp bmp\nimage/tiff tif tiff\nfont/woff woff\nfont/woff2 woff2\n"
    "font/ttf ttf\nfont/otf otf\naudio/mpeg mp3\naudio/ogg ogg oga opus\naudio/flac flac\naudio/wav wav\n"
    "audio/mp4 m4a\nvideo/mp4 mp4 m4v\nvideo/webm webm\nvideo/ogg ogv\nvideo/quicktime mov\n"
    "video/x-matroska mkv\n";

// Text types that get no charset parameter: the file declares it (XML, RFC 7303 section 3; RTF), or the type
// is always UTF-8 (JavaScript, RFC 9239 section 4.2; CSV, RFC 7111 section 5.1; iCalendar, RFC 5545
// section 3.1.4; vCard, RFC 6350 section 3.1; WebVTT, cache manifests, event streams). Without the parameter,
// other text is ASCII by default, or guessed (RFC 6657 section 3). Types other than text/* have no charset:
// JSON is UTF-8 (RFC 8259 section 11).
constexpr std::array<string_view, 10> kEncodingKnown{"text/xml",
                                                     "text/xml-external-parsed-entity",
                                                     "text/rtf",
                                                     "text/javascript",
                                                     "text/csv",
                                                     "text/calendar",
                                                     "text/vcard",
                                                     "text/vtt",
                                                     "text/cache-manifest",
                                                     "text/event-stream"};

// Removes the next line, or word, from the front.
string_view take(string_view& rest, string_view ends) noexcept {
  const std::size_t begin = std::min(rest.find_first_not_of(ends), rest.size());
  rest.remove_prefix(begin);
  const string_view taken = rest.substr(0, rest.find_first_of(ends));
  rest.remove_prefix(taken.size());
  return taken;
}

// type "/" subtype, both tokens.
bool is_type(string_view text) noexcept {
  const std::size_t slash = text.find('/');
  return slash != string_view::npos && slash != 0 && slash + 1 != text.size() &&
         base::all_are(text.substr(0, slash), base::kToken) &&
         base::all_are(text.substr(slash + 1), base::kToken);
}

}  // namespace

string with_charset(string_view type, string_view charset) {
  const bool text = base::equals_ignoring_case(type.substr(0, 5), "text/");
  const bool known = std::any_of(kEncodingKnown.begin(), kEncodingKnown.end(), [type](string_view other) {
    return base::equals_ignoring_case(type, other);
  });
  return string{type} + (!charset.empty() && text && !known ? "; charset=" + string{charset} : "");
}

bool MediaTypes::Less::operator()(string_view a, string_view b) const noexcept {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return base::lower(x) < base::lower(y); });
}

MediaTypes::MediaTypes(string_view list) {
  add_list(list);
  add_list(kBuiltIn);
}

// Keeps the types that are already known.
void MediaTypes::add_list(string_view list) {
  while (!list.empty()) {
    string_view line = take(list, "\r\n");
    line = line.substr(0, line.find('#'));
    const string_view type = take(line, " \t");
    if (!is_type(type)) continue;
    const string value{type};
    while (!line.empty())
      if (const string_view ending = take(line, " \t"); !ending.empty())
        types_.try_emplace(string{ending}, value);
  }
}

string_view MediaTypes::of(string_view file_name) const noexcept {
  string_view name = file_name.substr(file_name.rfind('/') + 1);
  // A dot at the beginning hides a file and does not start an extension.
  for (std::size_t dot = name.find('.', 1); dot != string_view::npos; dot = name.find('.', dot + 1))
    if (const auto found = types_.find(name.substr(dot + 1)); found != types_.end()) return found->second;
  return kUnknown;
}

}  // namespace files
