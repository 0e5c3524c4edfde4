#include <algorithm>

#include "plan.hpp"

namespace plan {
namespace {

using base::Reason;

bool is_allowed(const Config& config, const sys::Address& client) noexcept {
  return config.allow.empty() ||
         std::any_of(config.allow.begin(), config.allow.end(), [&client](const Network& network) {
           return client.in_network(network.address, network.prefix);
         });
}

// A length is needed where a body is to be expected: RFC 1945 section 8.3 for HTTP/1.0; and what goes on as
// HTTP/1.0, which has no chunks, needs one for every body (RFC 9110 section 15.5.12).
bool lacks_length(const Config& config, const http::RequestHead& head) noexcept {
  if (head.body.kind == http::Body::Kind::chunked) return config.http10;
  const bool has_body_by_nature = head.method == "POST" || head.method == "PUT";
  return head.version == http::Version::http10 && has_body_by_nature &&
         head.body.kind == http::Body::Kind::none;
}

bool may_tunnel_to(const Config& config, std::uint16_t port) noexcept {
  return std::any_of(config.connect_ports.begin(), config.connect_ports.end(),
                     [port](const Ports& ports) { return port >= ports.first && port <= ports.last; });
}

Reason objection(const Config& config, const http::RequestHead& head) noexcept {
  switch (head.form) {
    case http::TargetForm::authority:
      if (head.body.kind != http::Body::Kind::none) return Reason::bad_length;
      return may_tunnel_to(config, head.authority.port) ? Reason::none : Reason::port_not_allowed;
    case http::TargetForm::origin:
    case http::TargetForm::asterisk: return Reason::not_for_a_proxy;
    case http::TargetForm::absolute: break;
  }
  if (!head.plain_http) return Reason::scheme_unsupported;
  return lacks_length(config, head) ? Reason::length_required : Reason::none;
}

}  // namespace

Plan plan_request(const Config& config, const http::RequestHead& head, const sys::Address& client,
                  bool crowded) noexcept {
  if (!is_allowed(config, client)) return {Kind::refuse, Reason::client_not_allowed, {}};
  if (crowded) return {Kind::refuse, Reason::no_slot, {}};
  if (const Reason why = objection(config, head); why != Reason::none) return {Kind::refuse, why, {}};
  const bool tunnel = head.form == http::TargetForm::authority;
  return {tunnel ? Kind::tunnel : Kind::forward, Reason::none, head.authority};
}

}  // namespace plan
