#include "web_router.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>
#include <string>

#include "../base/text.hpp"
#include "../http/forwarded.hpp"
#include "router.hpp"

namespace plan {
namespace {

using base::Reason;
using std::string;
using std::string_view;

// ---- the site -------------------------------------------------------------------------------------------

// How well a name of a site matches the host: the length of the name; 0: not at all. ".example.com" is that
// name and all below it, as in rules; an equal name matches best.
std::size_t match(string_view name, string_view host) noexcept {
  if (base::equals_ignoring_case(name, host)) return std::numeric_limits<std::size_t>::max();
  if (!name.starts_with('.')) return 0;
  const bool below =
      host.size() > name.size() && base::equals_ignoring_case(host.substr(host.size() - name.size()), name);
  return below || base::equals_ignoring_case(name.substr(1), host) ? name.size() : 0;
}

// The site with the best match; without one, the first, which is the default.
const Site& site_for(const Config& config, const Listener& listener, string_view host) noexcept {
  const Site* best = &config.sites[listener.sites.front()];
  std::size_t best_match = 0;
  for (const std::size_t index : listener.sites)
    for (const string& name : config.sites[index].hostnames) {
      const std::size_t found = match(name, host);
      if (found > best_match) best = &config.sites[index];
      best_match = std::max(best_match, found);
    }
  return *best;
}

// ---- the route ------------------------------------------------------------------------------------------

// Matches whole segments only.
bool begins_with(string_view path, string_view prefix) noexcept {
  if (!path.starts_with(prefix)) return false;
  return prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/';
}

const WebRoute* route_for(const Site& site, string_view path) noexcept {
  const WebRoute* best = nullptr;
  for (const WebRoute& route : site.routes)
    if (begins_with(path, route.prefix) && (best == nullptr || route.prefix.size() > best->prefix.size()))
      best = &route;
  return best;
}

struct Match {
  Reason why = Reason::bad_target;  // none: a route was found
  const WebRoute* route = nullptr;
  string path;  // normal
};

// Returns true if each reading of the path leads to that route. Otherwise a path such as "/open/..;/closed"
// would bypass the access lists of the route that the server at its end takes it for. The work is limited: a
// long path with many readings counts as ambiguous.
bool is_unambiguous(const Site& site, string_view path, const WebRoute* route) {
  constexpr std::size_t kBytesMax = std::size_t{128} * 1024;
  const std::uint8_t all = http::differences(path).bits;
  if (path.size() << std::popcount(all) > kBytesMax) return false;
  for (std::uint8_t bits = all; bits != 0; bits = static_cast<std::uint8_t>((bits - 1U) & all)) {
    const std::optional<string> reading = http::normal_path(path, {bits});
    if (!reading || route_for(site, *reading) != route) return false;
  }
  return true;
}

// No file has a "/" in its name.
Match find_route(const Site& site, string_view path) {
  Match match;
  std::optional<string> normal = http::normal_path(path);
  if (!normal) return match;
  match.route = route_for(site, *normal);
  match.path = std::move(*normal);
  const bool file = match.route != nullptr && match.route->kind == RouteKind::files;
  const bool slash_in_name = http::differences(path).has(http::PathReading::slash_text);
  if ((file && slash_in_name) || !is_unambiguous(site, path, match.route)) match.route = nullptr;
  match.why = match.route == nullptr ? Reason::file_not_found : Reason::none;
  return match;
}

// A segment begins with a dot, as .git and .htpasswd do; .well-known is for the public (RFC 8615).
bool is_hidden(string_view name) noexcept {
  while (!name.empty()) {
    const string_view segment = name.substr(0, name.find('/'));
    name.remove_prefix(std::min(segment.size() + 1, name.size()));
    if (segment.starts_with('.') && segment != ".well-known") return true;
  }
  return false;
}

bool admits(const WebRoute& route, const sys::Address& client) noexcept {
  return (route.allow.empty() || is_among(route.allow, client)) && !may_be_among(route.deny, client);
}

// By the access rules, which hold for the whole listener.
Reason objection(const Config& config, const AccessRequest& asked) noexcept {
  const Verdict verdict = config.rules.for_web(asked);
  if (verdict.decision == Decision::allow) return Reason::none;
  return config.rules.is_about_client(verdict) ? Reason::client_not_allowed : Reason::request_not_allowed;
}

Kind kind_of(RouteKind kind) noexcept {
  switch (kind) {
    case RouteKind::files: return Kind::files;
    case RouteKind::redirect: return Kind::redirect;
    case RouteKind::reverse: return Kind::reverse;
    case RouteKind::metrics: return Kind::metrics;
    case RouteKind::health: return Kind::health;
    case RouteKind::ready: return Kind::ready;
    case RouteKind::doctor: return Kind::doctor;
    case RouteKind::board: return Kind::board;
  }
  return Kind::refuse;
}

Reason objection(const http::RequestHead& head) noexcept {
  if (head.form == http::TargetForm::authority) return Reason::method_not_allowed;
  if (head.form == http::TargetForm::absolute && !head.plain_http) return Reason::scheme_unsupported;
  if (head.form == http::TargetForm::asterisk && head.method != "OPTIONS") return Reason::bad_target;
  return Reason::none;
}

}  // namespace

bool is_named(const Config& config, const Listener& listener, string_view host) noexcept {
  return std::any_of(listener.sites.begin(), listener.sites.end(), [&](std::size_t index) {
    const std::vector<string>& names = config.sites[index].hostnames;
    return std::any_of(names.begin(), names.end(),
                       [host](const string& name) { return match(name, host) > 0; });
  });
}

Plan plan_web(const Config& config, const Listener& listener, const http::RequestHead& head,
              const sys::Address& client, const Requester& user) noexcept {
  Plan plan;
  if (plan.reason = objection(head); plan.reason != Reason::none) return plan;
  const string_view host = base::without_final_dot(http::requested_host(head).host.host);
  const AccessRequest by{client, host, listener.address.port, head.method, {}, user};
  plan.reason = objection(config, by);
  if (plan.reason != Reason::none) return plan;
  if (head.form == http::TargetForm::asterisk) return {.kind = Kind::reply};
  const Site& site = site_for(config, listener, host);
  const string_view target = head.path.empty() ? string_view{"/"} : head.path;
  const std::size_t question = std::min(target.find('?'), target.size());
  const string_view asked = question == 0 ? string_view{"/"} : target.substr(0, question);
  plan.keep_alive = site.keep_alive;
  const Match found = find_route(site, asked);
  plan.reason = found.why;
  if (plan.reason != Reason::none) return plan;
  plan.route = found.route;
  plan.keep_alive = plan.route->keep_alive;
  plan.users = plan.route->users == 0 && config.rules.excuse(by) ? kExcused : plan.route->users;
  plan.reason = Reason::client_not_allowed;
  if (!admits(*plan.route, client)) return plan;
  plan.reason = Reason::none;
  plan.kind = kind_of(plan.route->kind);
  if (plan.route->strip_prefix && !asked.starts_with(plan.route->prefix))
    plan.reason = Reason::file_not_found;
  if (plan.kind == Kind::reverse && lacks_length(config, head)) plan.reason = Reason::length_required;
  if (plan.kind == Kind::reverse && announces_more(head, body_limit(config, listener, plan.route)))
    plan.reason = Reason::body_too_large;
  if (plan.kind == Kind::reverse && config.via && has_passed(head, config.name))
    plan.reason = Reason::loop_detected;
  if (plan.reason != Reason::none) plan.kind = Kind::refuse;
  if (plan.kind == Kind::reverse && head.forwards_left == 0) plan.kind = Kind::reply;
  if (plan.kind != Kind::files) return plan;
  plan.file =
      http::file_below(plan.route->prefix, found.path, target.substr(std::min(question + 1, target.size())));
  if (is_hidden(plan.file.name) && !plan.route->dotfiles)
    return {.reason = Reason::file_not_found, .keep_alive = plan.keep_alive};
  return plan;
}

}  // namespace plan
