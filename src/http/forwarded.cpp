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

}  // namespace

RequestedHost requested_host(const RequestHead& head) noexcept {
  if (head.form == TargetForm::absolute) return {head.authority, head.authority.port != kHttpPort};
  const Field* const field = head.fields.find(FieldName::host);
  RequestedHost found;
  if (field == nullptr || !parse_authority(field->value, found.host)) return {};
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
    const string_view quote = host.has_port || host.host.ipv6 ? "\"" : "";  // PLANT(quote-forwarded-host)
    out << ";host=" << quote;
    put_requested_host(out, host);
    out << quote;
  }
  out << ";proto=" << form.scheme;
}

}  // namespace http
