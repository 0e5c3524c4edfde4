#include "connection_login.hpp"

#include <algorithm>
#include <array>

#include "../base/text.hpp"

namespace http {
namespace {

using std::string_view;

constexpr FieldNames kLogins{FieldName::authorization, FieldName::proxy_authorization,
                             FieldName::www_authenticate, FieldName::proxy_authenticate};
constexpr std::array<string_view, 3> kOfRequest{"Basic", "Bearer", "Digest"};

// The position of the next comma outside of a quoted string; npos: there is none. `open`: a quote is not
// closed.
std::size_t find_comma(string_view list, bool& open) noexcept {
  open = false;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (open && list[i] == '\\')
      ++i;
    else if (list[i] == '"')
      open = !open;
    else if (list[i] == ',' && !open)
      return i;
  }
  return string_view::npos;
}

// An element of the list is a parameter (`realm="x"`) or begins a challenge (`Basic realm="x"`, `NTLM`).
bool is_parameter(string_view element, std::size_t name_end) noexcept {
  const string_view rest = base::trimmed(element.substr(std::min(name_end, element.size())));
  return !rest.empty() && rest.front() == '=';
}

bool logs_in_connection(string_view list) noexcept {
  bool open = false, first = true;
  while (!list.empty()) {
    const std::size_t comma = find_comma(list, open);
    const string_view element = base::trimmed(list.substr(0, comma));
    list = comma == string_view::npos ? string_view{} : list.substr(comma + 1);
    if (open) return true;
    if (element.empty()) continue;
    const std::size_t end = element.find_first_of(" \t=");
    const bool parameter = is_parameter(element, end);
    if (parameter && first) return true;  // the scheme is unknown
    first = false;
    if (parameter) continue;
    const string_view scheme = element.substr(0, end);
    if (std::none_of(kOfRequest.begin(), kOfRequest.end(),
                     [scheme](string_view known) { return base::equals_ignoring_case(known, scheme); }))
      return true;
  }
  return false;
}

}  // namespace

bool logs_in_connection(const Fields& fields) noexcept {
  const auto all = fields.all();
  return std::any_of(all.begin(), all.end(), [](const Field& field) {
    return kLogins.has(field.id) && logs_in_connection(field.value);
  });
}

}  // namespace http
