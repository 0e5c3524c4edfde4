#include "router.hpp"

#include <algorithm>
#include <array>

#include "../base/text.hpp"
#include "web_router.hpp"

namespace plan {
namespace {

using base::Reason;

Plan refusal(Reason why) noexcept {
  Plan plan;
  plan.reason = why;
  return plan;
}

// Ports of protocols whose servers may take the lines of a request for commands: the bad ports of the WHATWG
// Fetch standard (https://fetch.spec.whatwg.org/#bad-port), and databases (MySQL, PostgreSQL, Redis,
// memcached, MongoDB).
constexpr std::array<Ports, 65> kOtherProtocols{{
    {0, 1},         {7, 7},         {9, 9},       {11, 11},     {13, 13},     {15, 15},     {17, 17},
    {19, 23},       {25, 25},       {37, 37},     {42, 43},     {53, 53},     {69, 69},     {77, 77},
    {79, 79},       {87, 87},       {95, 95},     {101, 104},   {109, 111},   {113, 113},   {115, 115},
    {117, 117},     {119, 119},     {123, 123},   {135, 135},   {137, 137},   {139, 139},   {143, 143},
    {161, 161},     {179, 179},     {389, 389},   {427, 427},   {465, 465},   {512, 515},   {526, 526},
    {530, 532},     {540, 540},     {548, 548},   {554, 554},   {556, 556},   {563, 563},   {587, 587},
    {601, 601},     {636, 636},     {989, 990},   {993, 993},   {995, 995},   {1719, 1720}, {1723, 1723},
    {2049, 2049},   {3306, 3306},   {3659, 3659}, {4045, 4045}, {4190, 4190}, {5060, 5061}, {5432, 5432},
    {6000, 6000},   {6379, 6379},   {6566, 6566}, {6665, 6669}, {6679, 6679}, {6697, 6697}, {10080, 10080},
    {11211, 11211}, {27017, 27017},
}};

bool may_forward_to(const Config& config, std::uint16_t port) noexcept {
  return config.http_ports ? is_among(*config.http_ports, port) : !is_among(kOtherProtocols, port);
}

Reason objection(const Config& config, const Listener& listener, const http::RequestHead& head) noexcept {
  switch (head.form) {
    case http::TargetForm::authority:
      if (!head.body.empty()) return Reason::connect_with_body;
      return is_among(config.connect_ports, head.authority.port) ? Reason::none : Reason::port_not_allowed;
    case http::TargetForm::asterisk:
      return head.method == "OPTIONS" ? Reason::none : Reason::not_a_proxy_request;
    case http::TargetForm::origin: return Reason::not_a_proxy_request;
    case http::TargetForm::absolute: break;
  }
  if (!head.plain_http) return Reason::scheme_unsupported;
  if (!may_forward_to(config, head.authority.port)) return Reason::port_not_allowed;
  if (announces_more(head, body_limit(config, listener, nullptr))) return Reason::body_too_large;
  return lacks_length(config, head) ? Reason::length_required : Reason::none;
}

// The upstream proxy does the DNS lookup, so no rule about addresses matches.
bool denied_unseen(const Config& config, const AccessRequest& asked) noexcept {
  return config.rules.for_address(asked, sys::Address{}).decision == Decision::deny;
}

Plan plan_forward(const Config& config, const Listener& listener, const http::RequestHead& head,
                  const AccessRequest& asked) noexcept {
  const Verdict verdict = config.rules.before_lookup(asked);
  const bool denied = verdict.decision == Decision::deny;
  if (denied && config.rules.is_about_client(verdict)) return refusal(Reason::client_not_allowed);
  if (const Reason why = objection(config, listener, head); why != Reason::none) return refusal(why);
  if (config.via && has_passed(head, config.name)) return refusal(Reason::loop_detected);
  if (denied) return refusal(Reason::request_not_allowed);
  if (head.form == http::TargetForm::asterisk || head.forwards_left == 0)
    return {.kind = Kind::reply, .target = head.authority};
  const bool tunnel = head.form == http::TargetForm::authority;
  const Parent* const parent = way_to(config, head.authority.host, head.authority.port).parent();
  if (parent != nullptr && verdict.decision == Decision::undecided && denied_unseen(config, asked))
    return refusal(Reason::request_not_allowed);
  return {.kind = tunnel ? Kind::tunnel : Kind::forward, .target = head.authority, .parent = parent};
}

}  // namespace

// HTTP/1.0 requests that usually have a body need a length (RFC 1945 section 8.3). So does every body that is
// forwarded as HTTP/1.0, which has no chunks (RFC 9110 section 15.5.12).
bool lacks_length(const Config& config, const http::RequestHead& head) noexcept {
  if (head.body.kind == http::Body::Kind::chunked) return config.http10;
  const bool has_body_by_nature = head.method == "POST" || head.method == "PUT";
  return head.version == http::Version::http10 && has_body_by_nature &&
         head.body.kind == http::Body::Kind::none;
}

std::uint64_t body_limit(const Config& config, const Listener& listener, const WebRoute* route) noexcept {
  if (route != nullptr && route->max_body) return *route->max_body;
  return listener.max_body.value_or(config.max_body);
}

bool announces_more(const http::RequestHead& head, std::uint64_t limit) noexcept {
  return head.body.kind == http::Body::Kind::length && head.body.length > limit;
}

bool has_passed(const http::RequestHead& head, std::string_view name) noexcept {
  for (const http::Field& field : head.fields.all()) {
    if (field.id != http::FieldName::via) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      std::string_view hop = base::next_element(rest);  // protocol, blank, name, optional comment
      hop.remove_prefix(std::min(hop.find(' '), hop.size()));
      hop = base::trimmed(hop);
      if (base::equals_ignoring_case(hop.substr(0, hop.find_first_of(" \t(")), name)) return true;
    }
  }
  return false;
}

Plan plan_request(const Config& config, const Listener& listener, const http::RequestHead& head,
                  const sys::Address& client, std::span<const Network> machine,
                  const Requester& user) noexcept {
  if (listener.role == Role::web) return plan_web(config, listener, head, client, user);
  const AccessRequest asked{client, head.authority.host, head.authority.port, head.method, machine, user};
  Plan plan = plan_forward(config, listener, head, asked);
  if (config.rules.excuse(asked)) plan.users = kExcused;
  return plan;
}

std::optional<Kind> kind_of(Role role) noexcept {
  switch (role) {
    case Role::relay: return Kind::relay;
    case Role::echo: return Kind::echo;
    case Role::reverse_lines: return Kind::reverse_lines;
    case Role::send_file: return Kind::send_file;
    case Role::forward:
    case Role::web: break;
  }
  return std::nullopt;
}

}  // namespace plan
