// A web server's routes: the site by the request's host, the route by the longest prefix of its path.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "../base/text.hpp"
#include "../http/url_path.hpp"
#include "plan.hpp"

namespace plan {
namespace {

using base::Reason;
using std::string;
using std::string_view;

// ---- the site
// ----------------------------------------------------------------------------------------------

string_view host_of(const http::RequestHead& head) noexcept {
  if (head.form == http::TargetForm::absolute) return head.authority.host;
  const http::Field* const field = head.fields.find(http::FieldName::host);
  http::Authority authority;
  if (field == nullptr || !http::parse_authority(field->value, authority)) return {};
  return authority.host;
}

string_view without_final_dot(string_view name) noexcept {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

bool has_name(const Site& site, string_view host) noexcept {
  return std::any_of(site.hostnames.begin(), site.hostnames.end(),
                     [host](const string& name) { return base::equals_ignoring_case(name, host); });
}

const Site& site_for(const Config& config, const Listener& listener, string_view host) noexcept {
  for (const std::size_t index : listener.sites)
    if (has_name(config.sites[index], host)) return config.sites[index];
  return config.sites[listener.sites.front()];
}

// ---- the route
// ---------------------------------------------------------------------------------------------

// Nothing in it can be written in another way: so most paths are.
bool is_plain(string_view path) noexcept {
  return path.find('%') == string_view::npos && path.find("//") == string_view::npos &&
         path.find("/.") == string_view::npos;
}

bool has_encoded_slash(string_view path) noexcept {
  return path.find("%2F") != string_view::npos || path.find("%2f") != string_view::npos;
}

// With encoded slashes that stay so when it is decoded.
string with_slashes_kept(string_view path) {
  string out;
  for (; !path.empty(); path.remove_prefix(1)) {
    out += path.front();
    if (path.starts_with("%2F") || path.starts_with("%2f")) out += "25";
  }
  return out;
}

// The path as whoever serves it will understand it, so that no spelling gets around a route: decoded, empty
// segments joined, dots resolved. Nothing if it leads above the top, has a NUL in it, or cannot be decoded.
std::optional<string> normal_path(string_view path) {
  const std::optional<string> decoded = base::percent_decoded(path);
  if (!decoded || decoded->find('\0') != string::npos) return std::nullopt;
  const string& text = *decoded;
  std::vector<string_view> segments;
  string_view last;
  for (string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    last = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (last.empty() || last == ".") continue;
    if (last != "..")
      segments.push_back(last);
    else if (segments.empty())
      return std::nullopt;
    else
      segments.pop_back();
  }
  string out;
  for (const string_view segment : segments) (out += '/') += segment;
  if (out.empty() || text.ends_with('/') || last == "." || last == "..") out += '/';
  return out;
}

// On a boundary between segments.
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

// What is asked for, as routes see it.
struct Match {
  Reason why = Reason::bad_target;  // none: it can be understood, and there is a route for it
  const WebRoute* route = nullptr;  // if so
  string path;
};

// An encoded "/" is part of a name for some servers, and a separator for others. So the route is that for
// both readings, or none: with "/open/x%2F..%2F..%2Fclosed" nobody gets around the lists of either.
Match find_route(const Site& site, string_view path) {
  Match match;
  std::optional<string> normal = is_plain(path) ? string{path} : normal_path(path);
  if (!normal) return match;
  match.route = route_for(site, *normal);
  match.path = std::move(*normal);
  if (has_encoded_slash(path)) {
    const std::optional<string> other = normal_path(with_slashes_kept(path));
    if (!other) return match;
    const bool agreed = route_for(site, *other) == match.route;
    const bool file = match.route != nullptr && match.route->kind == RouteKind::files;
    if (!agreed || file) match.route = nullptr;  // no file has a "/" in its name
  }
  match.why = match.route == nullptr ? Reason::file_not_found : Reason::none;
  return match;
}

bool is_among(const std::vector<Network>& networks, const sys::Address& client) noexcept {
  return std::any_of(networks.begin(), networks.end(),
                     [&client](const Network& network) { return network.has(client); });
}

bool admits(const WebRoute& route, const sys::Address& client) noexcept {
  return (route.allow.empty() || is_among(route.allow, client)) && !is_among(route.deny, client);
}

Kind kind_of(RouteKind kind) noexcept {
  switch (kind) {
    case RouteKind::files: return Kind::files;
    case RouteKind::redirect: return Kind::redirect;
    case RouteKind::reverse: return Kind::reverse;
    case RouteKind::metrics: return Kind::metrics;
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

Plan plan_web(const Config& config, const Listener& listener, const http::RequestHead& head,
              const sys::Address& client) noexcept {
  Plan plan;
  if (plan.reason = objection(head); plan.reason != Reason::none) return plan;
  if (head.form == http::TargetForm::asterisk) return {.kind = Kind::reply};
  const Site& site = site_for(config, listener, without_final_dot(host_of(head)));
  const string_view target = head.path.empty() ? string_view{"/"} : head.path;
  const std::size_t question = std::min(target.find('?'), target.size());
  const string_view asked = question == 0 ? string_view{"/"} : target.substr(0, question);
  plan.keep_alive = site.keep_alive;
  const Match found = find_route(site, asked);
  plan.reason = found.why;
  if (plan.reason != Reason::none) return plan;
  plan.route = found.route;
  plan.keep_alive = plan.route->keep_alive;
  plan.reason = Reason::client_not_allowed;
  if (!admits(*plan.route, client)) return plan;
  plan.reason = Reason::none;
  plan.kind = kind_of(plan.route->kind);
  if (plan.kind == Kind::reverse && lacks_length(config, head)) plan.reason = Reason::length_required;
  if (plan.kind == Kind::reverse && has_passed(head, config.name)) plan.reason = Reason::loop;
  if (plan.reason != Reason::none) plan.kind = Kind::refuse;
  if (plan.kind == Kind::reverse && head.forwards_left == 0) plan.kind = Kind::reply;
  if (plan.kind == Kind::files) {
    const string_view rest =
        string_view{found.path}.substr(std::min(plan.route->prefix.size(), found.path.size()));
    plan.below =
        (is_plain(asked) ? string{rest} : http::percent_encoded(rest, "/")) + string{target.substr(question)};
  }
  return plan;
}

}  // namespace plan
