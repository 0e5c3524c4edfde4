#include "query.hpp"

#include "../base/text.hpp"

namespace console {
namespace {

using std::string_view;

// Removes the first parameter, with the "&" after it. Returns its value if it has that name.
std::optional<string_view> take(string_view& text, string_view name) noexcept {
  const string_view part = text.substr(0, text.find('&'));
  if (text.ends_with('&')) return std::nullopt;
  if (!part.starts_with(name) || part.size() == name.size() || part[name.size()] != '=') return std::nullopt;
  text.remove_prefix(part.size() < text.size() ? part.size() + 1 : part.size());
  return part.substr(name.size() + 1);
}

}  // namespace

std::optional<Query> parse_query(string_view text, const QueryBounds& bounds) noexcept {
  Query query;
  bool has_since = false;
  while (!text.empty()) {
    if (const auto since = take(text, "since"); since && !has_since) {
      if (!base::parse_decimal(*since, query.since) || query.since > bounds.since_most) return std::nullopt;
      has_since = true;
    } else if (const auto slot = since ? std::nullopt : take(text, "slot"); slot && !query.slot) {
      if (!base::parse_decimal(*slot, query.slot.emplace()) || *query.slot >= bounds.slots)
        return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  return query;
}

std::string query_help(const QueryBounds& bounds) {
  std::string text = "Invalid query: expected since=NUMBER, at most " + std::to_string(bounds.since_most);
  if (bounds.slots > 0)
    text += ", and slot=NUMBER after &, at most " + std::to_string(bounds.slots - 1) + "; each at most once";
  return text + '.';
}

}  // namespace console
