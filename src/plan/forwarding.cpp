#include "forwarding.hpp"

#include "../base/text.hpp"
#include "../http/basic_auth.hpp"

namespace plan {
namespace {

// Basic credentials (RFC 7617); empty if there is no user, or no room.
std::string_view credentials(const Parent& parent, std::span<char> room) noexcept {
  base::Writer out{room};
  if (!parent.user.empty()) http::put_basic(out, parent.user, parent.password);
  return out.overflowed() ? std::string_view{} : out.view();
}

http::Form any_form(const Config& config, const http::RequestHead& head, http::Version version) noexcept {
  http::Form form = http::request_form(head, version, upgrade_protocols(config));
  form.via = config.via;
  return form;
}

}  // namespace

http::Form forward_form(const Config& config, const http::RequestHead& head, http::Version version,
                        const Parent* parent, FormTexts& texts) noexcept {
  http::Form form = any_form(config, head, version);
  if (parent == nullptr || parent->kind != Parent::Kind::http) return form;
  form.absolute = true;
  form.credentials = credentials(*parent, texts.credentials);
  return form;
}

http::Form reverse_form(const Config& config, const http::RequestHead& head, http::Version version,
                        const WebRoute& route, const Hop& hop, const sys::Address& client,
                        FormTexts& texts) noexcept {
  http::Form form = any_form(config, head, version);
  form.reverse = true;
  form.client = client;
  form.trusted = is_among(config.trusted_proxies, client);
  form.host = authority_of(hop, texts.host);
  if (route.strip_prefix) form.skip = route.prefix.size();
  form.edits = &route.request_fields;
  return form;
}

}  // namespace plan
