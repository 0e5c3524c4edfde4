#include "conditions.hpp"

#include <algorithm>
#include <optional>

#include "../base/text.hpp"
#include "../http/date.hpp"

namespace files {
namespace {

using http::Field;
using http::FieldName;
using http::Fields;
using std::string_view;

// The value of a field; nothing if it is missing or repeated.
std::optional<string_view> only(const Fields& fields, FieldName id) noexcept {
  std::optional<string_view> found;
  for (const Field& field : fields.all()) {
    if (field.id != id) continue;
    if (found) return std::nullopt;
    found = field.value;
  }
  return found;
}

std::optional<std::int64_t> date(const Fields& fields, FieldName id, std::int64_t now_s) noexcept {
  const auto value = only(fields, id);
  return value ? http::parse_date(*value, now_s) : std::nullopt;
}

constexpr string_view kWeak = "W/";

// Removes the next entity-tag from a list (section 8.8.3), which may contain commas. Empty if it is invalid.
string_view next_tag(string_view& list) noexcept {
  const std::size_t begin = list.find_first_not_of(" \t,");
  list.remove_prefix(begin == string_view::npos ? list.size() : begin);
  const std::size_t quote = list.starts_with(kWeak) ? kWeak.size() : 0;
  const std::size_t end =
      quote < list.size() && list[quote] == '"' ? list.find('"', quote + 1) : string_view::npos;
  if (end == string_view::npos) return list = {};
  const string_view tag = list.substr(0, end + 1);
  list.remove_prefix(end + 1);
  return tag;
}

enum class Comparison : std::uint8_t { strong, weak };  // section 8.8.3.2

bool matches(string_view value, string_view etag, Comparison how) noexcept {
  if (base::trimmed(value) == "*") return true;  // any file matches
  while (!etag.empty()) {
    string_view tag = next_tag(value);
    if (tag.empty()) return false;
    if (how == Comparison::weak && tag.starts_with(kWeak)) tag.remove_prefix(kWeak.size());
    if (tag == etag) return true;
  }
  return false;
}

bool any_matches(const Fields& fields, FieldName id, string_view etag, Comparison how) noexcept {
  return std::ranges::any_of(
      fields.all(), [=](const Field& field) { return field.id == id && matches(field.value, etag, how); });
}

}  // namespace

Condition evaluate(const Fields& fields, const Validators& current, std::int64_t now_s) noexcept {
  if (fields.find(FieldName::if_match) != nullptr) {
    if (!any_matches(fields, FieldName::if_match, current.etag, Comparison::strong)) return Condition::failed;
  } else if (current.modified_s >= 0) {
    const auto since = date(fields, FieldName::if_unmodified_since, now_s);
    if (since && current.modified_s > *since) return Condition::failed;
  }
  if (fields.find(FieldName::if_none_match) != nullptr)
    return any_matches(fields, FieldName::if_none_match, current.etag, Comparison::weak)
               ? Condition::not_modified
               : Condition::holds;
  if (current.modified_s < 0) return Condition::holds;
  const auto since = date(fields, FieldName::if_modified_since, now_s);
  return since && current.modified_s <= *since ? Condition::not_modified : Condition::holds;
}

bool if_range_holds(const Fields& fields, const Validators& current, std::int64_t now_s) noexcept {
  if (fields.find(FieldName::if_range) == nullptr) return true;
  const auto value = only(fields, FieldName::if_range);
  if (!value) return false;
  if (value->starts_with('"') || value->starts_with(kWeak))
    return !current.etag.empty() && *value == current.etag;
  const auto since = http::parse_date(*value, now_s);
  return since && *since == current.modified_s && now_s > current.modified_s;
}

}  // namespace files
