#include "encodings.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "../base/text.hpp"
#include "../http/accept.hpp"

namespace files {
namespace {

using std::string_view;

// coding [ ";" "q=" weight ]
struct Coding {
  string_view name;
  unsigned weight = 1000;
};

Coding read_coding(string_view element) noexcept {
  const std::size_t semicolon = element.find(';');
  Coding coding{base::trimmed(element.substr(0, semicolon))};
  if (semicolon == string_view::npos) return coding;
  const string_view parameter = base::trimmed(element.substr(semicolon + 1));
  coding.weight =
      base::equals_ignoring_case(parameter.substr(0, 2), "q=") ? http::parse_weight(parameter.substr(2)) : 0;
  return coding;
}

// clang-format off
constexpr std::array<string_view, 13> kText{
    "text/*", "application/json", "application/javascript", "application/xml", "application/xhtml+xml",
    "application/rss+xml", "application/atom+xml", "application/ld+json", "application/manifest+json",
    "application/geo+json", "application/wasm", "image/svg+xml", "image/bmp"};
// clang-format on

bool fits(string_view type, string_view pattern) noexcept {
  if (!pattern.ends_with('*')) return base::equals_ignoring_case(type, pattern);
  pattern.remove_suffix(1);
  return base::equals_ignoring_case(type.substr(0, pattern.size()), pattern);
}

}  // namespace

bool accepts_gzip(const http::Fields& fields) noexcept {
  std::optional<unsigned> gzip, any;
  unsigned identity = 0;  // if it is not listed, the client prefers gzip
  for (const http::Field& field : fields.all()) {
    if (field.id != http::FieldName::accept_encoding) continue;
    for (string_view list = field.value; !list.empty();) {
      const Coding coding = read_coding(base::next_element(list));
      // Section 8.4.1.3: "x-gzip" is the same.
      if (base::equals_ignoring_case(coding.name, "gzip") ||
          base::equals_ignoring_case(coding.name, "x-gzip"))
        gzip = coding.weight;
      else if (base::equals_ignoring_case(coding.name, "identity"))
        identity = coding.weight;
      else if (coding.name == "*")
        any = coding.weight;
    }
  }
  const unsigned found = gzip ? *gzip : any.value_or(0);
  return found > 0 && found >= identity;
}

bool is_compressible(string_view type, const std::vector<std::string>& patterns) noexcept {
  const string_view essence = base::trimmed(type.substr(0, type.find(';')));
  const auto good = [essence](string_view pattern) { return fits(essence, pattern); };
  return std::any_of(kText.begin(), kText.end(), good) || std::any_of(patterns.begin(), patterns.end(), good);
}

}  // namespace files
