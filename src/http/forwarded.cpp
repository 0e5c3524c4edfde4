#include "forwarded.hpp"

namespace http {
namespace {

using base::Writer;
using std::string_view;

// Removes the interface number of a link-local address, which means nothing to other machines.
sys::Address without_interface(const sys::Address& client) noexcept {
  sys::Address plain = sys::unmapped(client);
  plain.scope = 0;
  return plain;
}

// Removes a token or a quoted string (RFC 9110 section 5.6.4) from the front. Returns false if there is none.
bool take_value(string_view& text) noexcept {
  std::size_t end = 0;
  if (text.empty() || text.front() != '"') {
    while (end < text.size() && base::is(text[end], base::kToken)) ++end;
    text.remove_prefix(end);
    return end > 0;
  }
  for (end = 1; end < text.size() && text[end] != '"'; ++end)
    if (text[end] == '\\') ++end;
  if (end >= text.size()) return false;
  text.remove_prefix(end + 1);
  return true;
}

// Removes name=value from the front.
bool take_pair(string_view& text) noexcept {
  const std::size_t equals = text.find('=');
  if (equals == string_view::npos || equals == 0 || !base::all_are(text.substr(0, equals), base::kToken))
    return false;
  text.remove_prefix(equals + 1);
  return take_value(text);
}

}  // namespace

bool is_forwarded(string_view value) noexcept {
  for (value = base::trimmed(value); !value.empty(); value = base::trimmed(value)) {
    const bool separator = value.front() == ',' || value.front() == ';';  // pairs and elements may be empty
    if (separator)
      value.remove_prefix(1);
    else if (!take_pair(value))
      return false;
    value = base::trimmed(value);
    if (!separator && !value.empty() && value.front() != ',' && value.front() != ';') return false;
  }
  return true;
}

RequestedHost requested_host(const RequestHead& head) noexcept {
  if (head.form == TargetForm::absolute) return {head.authority, head.authority.port != kHttpPort};
  const Field* const field = head.fields.find(FieldName::host);
  RequestedHost found;
  if (field == nullptr || !parse_host_field(field->value, found.host)) return {};
  const string_view text = field->value;
  found.has_port = base::is(text.back(), base::kDigit) &&
                   text.find(':', found.host.ipv6 ? text.find(']') : 0) != string_view::npos;
  return found;
}

void put_requested_host(Writer& out, const RequestedHost& host) noexcept {
  base::put_host(out, host.host.host);
  if (host.has_port) out << ':' << std::uint64_t{host.host.port};
}

void put_forwarded_for(Writer& out, const RequestHead& /*head*/, const Form& form) noexcept {
  const sys::Address client = without_interface(form.client);
  if (client.bits() == 0)
    out << "unknown";  // RFC 7239 section 6.2
  else
    out << sys::ip_text(client).view();
}

// Quotes values that are not tokens; an IPv6 address also has brackets (RFC 7239 sections 4 and 6).
void put_forwarded(Writer& out, const RequestHead& head, const Form& form) noexcept {
  const bool ipv6 = without_interface(form.client).bits() == 128;
  out << (ipv6 ? "for=\"[" : "for=");
  put_forwarded_for(out, head, form);
  out << (ipv6 ? "]\"" : "");
  if (const RequestedHost host = requested_host(head); host.known()) {
    const string_view name = host.host.host;
    // PLANT(quote-forwarded-host)
    const bool token = !host.has_port && !host.host.ipv6 && base::all_are(name, base::kToken);
    const string_view quote = token ? "" : "\"";
    out << ";host=" << quote;
    put_requested_host(out, host);
    out << quote;
  }
  out << ";proto=" << form.scheme;
}

}  // namespace http
