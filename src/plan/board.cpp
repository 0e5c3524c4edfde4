#include "board.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "../base/text.hpp"
#include "../http/forwarded.hpp"

namespace plan {
namespace {

using base::Reason;
using std::string_view;

// What the request names as its server.
enum class Names : std::uint8_t {
  another,   // none of the below
  loopback,  // localhost or a loopback address, with the port of a listener
  address,   // another numeric address of this machine, with the port of a listener
};

// A connection to the address arrives at a listener. `forward`: at one of the forward proxy; a browser that
// uses the proxy also asks it for pages of other servers of this program.
bool leads_here(const ThisMachine& machine, const sys::Address& to, bool forward) noexcept {
  return std::any_of(
      machine.listeners().begin(), machine.listeners().end(), [&](const ThisMachine::Entry& entry) {
        return machine.arrives_at(to, entry.address) && (!forward || entry.role == Role::forward);
      });
}

Names named(const http::Authority& host, const ThisMachine& machine, bool forward) noexcept {
  const std::array<sys::Address, 2> addresses = addresses_of(host);
  if (std::none_of(addresses.begin(), addresses.end(), [&](const sys::Address& to) {
        return to.family != sys::Address::Family::none && leads_here(machine, to, forward);
      }))
    return Names::another;
  return addresses.front().is_loopback() ? Names::loopback : Names::address;
}

// A rule opens the board for another machine only if it names both: the client, and the proxy by its numeric
// address. A rule that lets clients use the proxy is not enough.
bool opens_board(const Rules& rules, const Verdict& verdict, string_view host) noexcept {
  if (verdict.decision != Decision::allow || verdict.by != Verdict::By::rule) return false;
  const Rule& rule = rules.all()[verdict.index];
  const Host asked{host};
  return !rule.client.empty() &&
         std::any_of(rule.host.begin(), rule.host.end(), [&asked](const HostPattern& pattern) {
           return is_numeric(pattern) && matches(pattern, asked);
         });
}

// A rule is for the request, but not of this user.
bool is_for_another_user(const Rules& rules, AccessRequest asked) noexcept {
  if (asked.user.what == Requester::What::unknown) return false;
  asked.user = {};
  return rules.for_web(asked).by == Verdict::By::rule;
}

// Clients on this machine may see the board, unless a rule denies it or allows other clients or users only.
bool may_see(const Config& config, const AccessRequest& asked) noexcept {
  const Verdict verdict = config.rules.for_web(asked);
  if (!asked.client.is_loopback()) return opens_board(config.rules, verdict, asked.host);
  if (verdict.decision == Decision::allow) return true;
  const bool listed_others = verdict.by == Verdict::By::fallback && !config.rules.is_about_client(verdict);
  return listed_others && !is_for_another_user(config.rules, asked);
}

string_view value_of(const http::RequestHead& head, string_view name) noexcept {
  const http::Field* const field = head.fields.find(name);
  return field == nullptr ? string_view{} : field->value;
}

// A reverse proxy on this machine passes on what other machines ask for: its client is not on this machine.
bool is_passed_on(const http::RequestHead& head) noexcept {
  static constexpr std::array<string_view, 3> kNames{"Via", "Forwarded", "X-Forwarded-For"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&head](string_view name) { return !value_of(head, name).empty(); });
}

// The user has followed a link to the front page.
bool opens_page(const http::RequestHead& head) noexcept {
  const string_view path = head.path.substr(0, head.path.find('?'));
  return head.method == "GET" && (path.empty() || path == "/") &&
         value_of(head, "Sec-Fetch-Mode") == "navigate" && value_of(head, "Sec-Fetch-Dest") == "document";
}

// Each Origin is that of the board itself. "null" is not.
bool is_own_origin(const http::RequestHead& head, const http::Authority& own) noexcept {
  static constexpr string_view kScheme = "http://";
  const auto fields = head.fields.all();
  return std::all_of(fields.begin(), fields.end(), [&own](const http::Field& field) {
    if (!base::equals_ignoring_case(field.name, "Origin")) return true;
    http::Authority origin;
    return field.value.starts_with(kScheme) &&
           http::parse_authority(field.value.substr(kScheme.size()), origin) && origin.port == own.port &&
           base::equals_ignoring_case(origin.host, own.host);
  });
}

// Another site's page must not get the data of the board (https://w3c.github.io/webappsec-fetch-metadata).
bool is_of_another_site(const http::RequestHead& head, const http::Authority& own) noexcept {
  const string_view site = value_of(head, "Sec-Fetch-Site");
  const bool foreign = !site.empty() && site != "same-origin" && site != "none";
  return (foreign && !opens_page(head)) || !is_own_origin(head, own);
}

// A browser puts the same server into the target and into Host (RFC 9112 section 3.2.2). A client that does
// not is none, and runs into a loop.
bool names_two_servers(const http::RequestHead& head) noexcept {
  const string_view host = value_of(head, "Host");
  http::Authority named;
  return head.form == http::TargetForm::absolute && !host.empty() &&
         !(http::parse_authority(host, named) && named.port == head.authority.port &&
           base::equals_ignoring_case(named.host, head.authority.host));
}

bool has_port(const ThisMachine& machine, std::uint16_t port) noexcept {
  const auto listeners = machine.listeners();
  return std::any_of(listeners.begin(), listeners.end(),
                     [port](const ThisMachine::Entry& entry) { return entry.address.port == port; });
}

// The board has rules of its own for its clients (may_see).
bool is_denied_by_rules(const Plan& plan) noexcept {
  return plan.kind == Kind::refuse &&
         (plan.reason == Reason::request_not_allowed || plan.reason == Reason::client_not_allowed);
}

// Whether the request is for the board, as far as its form and its port tell. Nearly all requests are not.
bool is_for_board(const Plan& otherwise, const Config& config, const Listener& listener,
                  const http::RequestHead& head, const ThisMachine& machine) noexcept {
  if (listener.role == Role::web)
    return otherwise.kind == Kind::board || (is_denied_by_rules(otherwise) && is_board(config, listener) &&
                                             head.form != http::TargetForm::asterisk);
  if (config.board != Board::forward) return false;
  if (head.form == http::TargetForm::origin) return otherwise.reason == Reason::not_a_proxy_request;
  return head.form == http::TargetForm::absolute && has_port(machine, head.authority.port) &&
         head.plain_http && (head.method == "GET" || head.method == "HEAD");
}

Plan refusal(Plan plan, Reason why) noexcept {
  plan.kind = Kind::refuse;
  plan.reason = why;
  return plan;
}

}  // namespace

bool is_board(const Config& config, const Listener& listener) noexcept {
  if (listener.role != Role::web || listener.sites.size() != 1) return false;
  const std::vector<WebRoute>& routes = config.sites[listener.sites.front()].routes;
  return routes.size() == 1 && routes.front().kind == RouteKind::board;
}

std::array<sys::Address, 2> addresses_of(const http::Authority& host) noexcept {
  if (base::equals_ignoring_case(host.host, "localhost"))
    return {sys::loopback4(host.port), sys::loopback6(host.port)};
  std::array<sys::Address, 2> found;
  (void)sys::parse_ip(host.host, host.port, found[0]);
  return found;
}

bool is_loopback(const http::Authority& host) noexcept { return addresses_of(host).front().is_loopback(); }

BoardAccess board_access(const Config& config, const Listener& listener, const http::RequestHead& head,
                         const sys::Address& client, const ThisMachine& machine,
                         const Requester& user) noexcept {
  const http::Authority host = http::requested_host(head).host;
  const bool forward = head.form == http::TargetForm::absolute && listener.role == Role::forward;
  const Names names = named(host, machine, forward);
  if (is_passed_on(head)) return BoardAccess::passed_on;
  if (!may_see(config, {client, host.host, host.port, head.method, {}, user})) return BoardAccess::denied;
  if (names == Names::another || (names == Names::address && client.is_loopback()) || names_two_servers(head))
    return BoardAccess::misdirected;
  return is_of_another_site(head, host) ? BoardAccess::other_site : BoardAccess::open;
}

bool is_seen_locally(const Config& config, const Listener& listener, const sys::Address& bound,
                     const ThisMachine& machine) {
  const sys::Address local = sys::reached_locally(bound);
  const std::string text =
      "GET / HTTP/1.1\r\nHost: " + std::string{sys::endpoint_text(local).view()} + "\r\n\r\n";
  http::RequestHead head;
  return http::parse_request(text, 0, head).what == http::Parsed::What::complete &&
         board_access(config, listener, head, local, machine) == BoardAccess::open;
}

// A client that may not see the board gets the response of a forward proxy without one.
Plan plan_board(Plan otherwise, const Config& config, const Listener& listener, const http::RequestHead& head,
                const sys::Address& client, const ThisMachine& machine, const Requester& user) noexcept {
  if (!is_for_board(otherwise, config, listener, head, machine)) return otherwise;
  const bool forward = listener.role == Role::forward;
  const bool proxied = forward && head.form == http::TargetForm::absolute;
  switch (board_access(config, listener, head, client, machine, user)) {
    case BoardAccess::passed_on:
    case BoardAccess::denied:
      return forward ? otherwise : refusal(std::move(otherwise), Reason::client_not_allowed);
    case BoardAccess::misdirected:
      if (proxied || (forward && !http::requested_host(head).known())) return otherwise;
      return refusal(std::move(otherwise), Reason::misdirected_request);
    case BoardAccess::other_site: return refusal(std::move(otherwise), Reason::cross_site_request);
    case BoardAccess::open: break;
  }
  otherwise.kind = Kind::board;
  otherwise.reason = Reason::none;
  return otherwise;
}

}  // namespace plan
