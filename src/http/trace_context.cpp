#include "trace_context.hpp"

#include <algorithm>

namespace http {
namespace {

using std::string_view;

bool is_hexadecimal(string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(string_view text) noexcept { return text.find_first_not_of('0') == string_view::npos; }

}  // namespace

// VERSION-TRACE_ID-PARENT_ID-FLAGS, sections 3.2.2 and 4.3.
string_view trace_id(const Fields& fields) noexcept {
  constexpr std::size_t kTrace = 3, kParent = 36, kFlags = 53, kEnd = 55;
  const Field* const field = fields.find(FieldName::traceparent);
  if (field == nullptr) return {};
  for (const Field& other : fields.all())
    if (other.id == FieldName::traceparent && &other != field) return {};
  const string_view text = field->value;
  if (text.size() < kEnd || text[kTrace - 1] != '-' || text[kParent - 1] != '-' || text[kFlags - 1] != '-')
    return {};
  const string_view version = text.substr(0, 2), trace = text.substr(kTrace, kTraceIdBytes),
                    parent = text.substr(kParent, 16);
  if (!is_hexadecimal(version) || version == "ff" || (version == "00" && text.size() != kEnd) ||
      (text.size() > kEnd && text[kEnd] != '-'))
    return {};
  if (!is_hexadecimal(trace) || !is_hexadecimal(parent) || !is_hexadecimal(text.substr(kFlags, 2)) ||
      is_zero(trace) || is_zero(parent))
    return {};
  return trace;
}

}  // namespace http
