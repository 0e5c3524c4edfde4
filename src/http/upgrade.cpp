#include "upgrade.hpp"

#include <algorithm>
#include <utility>

namespace http {
namespace {

using std::string_view;

string_view name_of(string_view protocol) noexcept { return protocol.substr(0, protocol.find('/')); }

// RFC 9110 section 7.8: a token, or two with a "/" between them. A server might read others in its own way.
bool is_protocol(string_view text) noexcept {
  const string_view name = name_of(text);
  const string_view version = text.substr(name.size());
  return !name.empty() && base::all_are(name, base::kToken) &&
         (version.empty() || (version.size() > 1 && base::all_are(version.substr(1), base::kToken)));
}

bool passes(string_view protocol, const Protocols* only) noexcept {
  if (is_barred(protocol) || !is_protocol(protocol)) return false;
  return only == nullptr || std::any_of(only->begin(), only->end(), [protocol](const std::string& allowed) {
           return base::equals_ignoring_case(allowed, protocol) ||
                  base::equals_ignoring_case(allowed, name_of(protocol));
         });
}

// Calls `visit(protocol)` for each listed protocol, as long as it returns true.
template <class Visit>
void for_each(const Fields& fields, Visit visit) noexcept {
  for (const Field& field : fields.all()) {
    if (field.id != FieldName::upgrade) continue;
    for (string_view rest = field.value; !rest.empty();)
      if (const string_view protocol = base::next_element(rest); !protocol.empty() && !visit(protocol))
        return;
  }
}

}  // namespace

bool is_barred(string_view protocol) noexcept {
  const string_view name = name_of(protocol);
  // Drafts of HTTP/2 have names of their own, such as "h2c-14".
  return base::equals_ignoring_case(name.substr(0, 2), "h2") || base::equals_ignoring_case(name, "tls") ||
         base::equals_ignoring_case(name, "http");
}

bool may_upgrade(const Fields& fields, const Protocols* only) noexcept {
  bool found = false;
  for_each(fields, [&](string_view protocol) { return !(found = passes(protocol, only)); });
  return found;
}

bool may_switch(const Fields& fields, const Protocols* only) noexcept {
  bool found = false, all = true;
  for_each(fields, [&](string_view protocol) {
    found = true;
    return all = passes(protocol, only);
  });
  return found && all;
}

void put_upgrade(base::Writer& out, const Fields& fields, const Protocols* only, UpgradeLine line) noexcept {
  if (line == UpgradeLine::none) return;
  string_view before = "Upgrade: ";
  for_each(fields, [&](string_view protocol) {
    if (line == UpgradeLine::all || passes(protocol, only)) out << std::exchange(before, ", ") << protocol;
    return true;
  });
  if (before == ", ") out << "\r\n";
}

}  // namespace http
