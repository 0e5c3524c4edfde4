#include "listing.hpp"

#include <algorithm>
#include <array>

#include "../base/civil_time.hpp"
#include "../base/escape.hpp"
#include "../http/url_path.hpp"

namespace files {
namespace {

using std::string;
using std::string_view;

// ---- text in a page --------------------------------------------------------------------------------------

// The length of the UTF-8 character (RFC 3629 section 4) at the front of `text`; 0 if it is invalid.
std::size_t utf8_length(string_view text) noexcept {
  const auto at = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((at(i) & 0xc0U) != 0x80) return 0;
  // An overlong form, a surrogate, or above U+10FFFF.
  const bool wrong = (first == 0xe0 && at(1) < 0xa0) || (first == 0xed && at(1) >= 0xa0) ||
                     (first == 0xf0 && at(1) < 0x90) || (first == 0xf4 && at(1) >= 0x90);
  return wrong ? 0 : length;
}

// Escapes text for HTML. Invalid and control characters become U+FFFD.
string escaped(string_view text) {
  string out;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char c = text.front();
    if (length == 0 || base::is_control(c))
      out += "\xef\xbf\xbd";
    else if (const string_view reference = base::html_reference(c); !reference.empty())
      out += reference;
    else
      out += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

// "2024-02-29 12:34:56", UTC
string date_text(std::int64_t unix_s) {
  const base::CivilTime at = base::civil_time(unix_s);
  std::array<char, 64> room;
  base::Writer out{room};
  base::put_date(out, at);
  base::put_clock(out << ' ', at);
  return string{out.view()};
}

// "1023 B", "1.5 KiB": rounded down.
string size_text(std::uint64_t bytes) {
  constexpr std::array<string_view, 7> kUnits{" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
  std::size_t unit = 0;
  std::uint64_t tenths = 0;
  for (; bytes >= 1024; ++unit) {
    tenths = bytes % 1024 * 10 / 1024;
    bytes /= 1024;
  }
  string out = std::to_string(bytes);
  if (unit != 0 && bytes < 100) out += '.' + std::to_string(tenths);
  return out += kUnits[unit];
}

// ---- the page --------------------------------------------------------------------------------------------

using Column = ListingOrder::Column;
constexpr std::array<string_view, 3> kParameter{"name", "size", "time"};
constexpr std::array<string_view, 3> kTitle{"Name", "Size", "Modified"};

constexpr string_view kStyle =
    ":root{color-scheme:light dark}body{font:1rem/1.5 sans-serif;max-width:60rem;margin:2rem auto;"
    "padding:0 1rem}h1{font-size:1.3rem;overflow-wrap:anywhere}table{width:100%;border-collapse:collapse}"
    "th,td{text-align:left;padding:.2rem 1rem .2rem 0;border-bottom:1px solid #8884}"
    "td:first-child{overflow-wrap:anywhere}td+td,th+th{white-space:nowrap;text-align:right;"
    "font-variant-numeric:tabular-nums}a{text-decoration:none}a:hover{text-decoration:underline}";

string header_row(ListingOrder order) {
  string out = "<tr>";
  for (std::size_t i = 0; i < kTitle.size(); ++i) {
    const bool here = static_cast<Column>(i) == order.column;
    const bool descending = here && !order.descending;
    out += "<th><a href=\"?sort=";
    out += kParameter[i];
    out += descending ? "&amp;order=desc\">" : "&amp;order=asc\">";
    out += kTitle[i];
    if (here) out += order.descending ? " &darr;" : " &uarr;";
    out += "</a></th>";
  }
  return out += "</tr>\n";
}

}  // namespace

string listing_begin(string_view path, bool has_parent, ListingOrder order) {
  const string title = "Index of " + escaped(path);
  string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>";
  out += title + "</title>\n<style>";
  out += kStyle;
  out += "</style>\n</head>\n<body>\n<h1>" + title + "</h1>\n<table>\n<thead>\n" + header_row(order);
  out += "</thead>\n<tbody>\n";
  if (has_parent) out += "<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n";
  return out;
}

void put_listing_row(string& out, const ListingRow& row) {
  const string_view slash = row.folder ? "/" : "";
  // Encode ":" and "?" too: they would start a scheme's path and a query.
  out += "<tr><td><a href=\"" + http::percent_encoded(row.name);
  (out += slash) += "\">" + escaped(row.name);
  (out += slash) += "</a></td><td>";
  out += row.folder ? string{"-"} : size_text(row.size);
  out += "</td><td>" + date_text(row.modified_s) + "</td></tr>\n";
}

string listing_end(bool cut, std::size_t rows) {
  string out = "</tbody>\n</table>\n";
  if (cut)
    out += "<p>There is more in this folder: only " + std::to_string(rows) + " entries are shown.</p>\n";
  return out += "</body>\n</html>\n";
}

// ---- order -----------------------------------------------------------------------------------------------

ListingOrder read_listing_order(string_view query) noexcept {
  ListingOrder order;
  while (!query.empty()) {
    const string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    if (part == "order=desc") order.descending = true;
    for (std::size_t i = 0; i < kParameter.size(); ++i)
      if (part.starts_with("sort=") && part.substr(5) == kParameter[i]) order.column = static_cast<Column>(i);
  }
  return order;
}

bool comes_before(const ListingRow& a, const ListingRow& b, ListingOrder order) noexcept {
  if (a.folder != b.folder) return a.folder;
  const ListingRow &first = order.descending ? b : a, &second = order.descending ? a : b;
  switch (order.column) {
    case Column::size:
      if (first.size != second.size) return first.size < second.size;
      break;
    case Column::time:
      if (first.modified_s != second.modified_s) return first.modified_s < second.modified_s;
      break;
    case Column::name: break;
  }
  return first.name < second.name;
}

}  // namespace files
