#include "web_answer.hpp"

#include <functional>

#include "../http/forwarded.hpp"
#include "../http/methods.hpp"
#include "../http/redirect.hpp"
#include "../plan/description.hpp"
#include "../plan/forwarding.hpp"
#include "board_row.hpp"
#include "rows.hpp"

namespace explain {
namespace {

using std::string;

string route_text(const plan::Config& config, const plan::WebRoute& route) {
  switch (route.kind) {
    case plan::RouteKind::files: return "files of " + route.directory;
    case plan::RouteKind::redirect:
      return "redirect with " + std::to_string(route.status) + " to " + route.location;
    case plan::RouteKind::reverse: return "reverse proxy to " + plan::servers_text(config, route.group);
    case plan::RouteKind::metrics: return "metrics";
    case plan::RouteKind::health: return "health: 200 while the event loop runs";
    case plan::RouteKind::ready: return "ready: 200, and 503 during a graceful shutdown";
    case plan::RouteKind::doctor: return "what the loop doctor finds";
    case plan::RouteKind::board: return "the board";
  }
  return {};
}

// The names of the site that has the route.
string site_text(const plan::Config& config, const plan::WebRoute& route) {
  string names;
  for (const plan::Site& site : config.sites)
    if (const plan::WebRoute* const first = site.routes.data();
        std::less_equal<>{}(first, &route) && std::less<>{}(&route, first + site.routes.size()))
      for (const string& name : site.hostnames) names += (names.empty() ? "" : ", ") + name;
  return names.empty() ? "the default: for all hosts without one of their own" : names;
}

class WebAnswer {
 public:
  explicit WebAnswer(const Asked& asked) : asked_(asked), config_(asked.config) {}

  string write() {
    const plan::Plan before = board_row(asked_, {}).plan;
    user_ = user(before);
    const http::Authority host = http::requested_host(asked_.head).host;
    rows_.add_request(asked_, {host.host, asked_.listener.address.port});
    rows_.add("listener", listener_text(config_, asked_.listener));
    const BoardRow board = board_row(asked_, user_);
    const plan::Plan& decided = board.plan;
    if (board.text.empty())
      write_rule(host);
    else
      rows_.add("board", board.text);
    // The password is asked for before the rules refuse a user.
    const plan::Plan& found = decided.route != nullptr ? decided : before;
    if (found.route != nullptr) write_password(found.users);
    if (decided.route != nullptr) write_route(decided);
    if (const base::Reason why = refusal(decided); why != base::Reason::none) {
      rows_.add_refusal(why);
      return rows_.text;
    }
    rows_.add_timeouts(asked_, decided.route, decided.kind == plan::Kind::reverse);
    if (decided.kind == plan::Kind::reverse) write_changes(*decided.route);
    return rows_.text;
  }

 private:
  // With --user, or if the route asks for no user of --users, the rules decide as after the password.
  [[nodiscard]] plan::Requester user(const plan::Plan& before) const {
    if (plan::is_of_option(config_, before.users) && asked_.question.user.empty()) return {};
    return plan::requester(config_, before.users, asked_.question.user);
  }

  // None: it is not refused.
  [[nodiscard]] base::Reason refusal(const plan::Plan& plan) const {
    const std::string_view method = asked_.head.method;
    switch (plan.kind) {
      case plan::Kind::refuse: return plan.reason;
      case plan::Kind::reverse:
      case plan::Kind::redirect:
      case plan::Kind::reply: return base::Reason::none;
      case plan::Kind::files: return method == "OPTIONS" ? base::Reason::none : http::page_objection(method);
      default: return http::page_objection(method);
    }
  }

  void write_rule(const http::Authority& host) {
    const plan::AccessRequest facts{asked_.question.client, host.host, asked_.listener.address.port,
                                    asked_.head.method,     {},        user_};
    rows_.add("rule", rule_text(config_.rules, config_.rules.for_web(facts)));
    if (user_.what == plan::Requester::What::unknown) rows_.add_unknown_user(asked_);
  }

  void write_route(const plan::Plan& plan) {
    const plan::WebRoute& route = *plan.route;
    if (asked_.listener.sites.size() > 1) rows_.add("site", site_text(config_, route));
    rows_.add("route", route.prefix + ", " + route_text(config_, route));
    if (plan.kind == plan::Kind::refuse && plan.reason == base::Reason::client_not_allowed)
      rows_.add("access", "denied by ip_whitelist or ip_blacklist of the route");
    if (plan.kind == plan::Kind::files) rows_.add("file", route.directory + "/" + plan.file.name);
    if (plan.kind == plan::Kind::redirect)
      rows_.add("location", http::redirect_location(route.location, asked_.head.path));
    if (plan.kind == plan::Kind::reply) rows_.add("response", "of the proxy itself: it is the last hop");
  }

  void write_password(std::uint8_t users) {
    if (users == plan::kExcused)
      rows_.add("password", "not required, by user=none");
    else if (users != plan::kNoUsers && !config_.users_files[users].empty())
      rows_.add("password", "required (" + config_.users_files[users] + "), otherwise 401");
  }

  // As for the first server of the group.
  void write_changes(const plan::WebRoute& route) {
    plan::FormTexts texts;
    rows_.add_changes(asked_, plan::reverse_form(config_, asked_.head, version_of(asked_), route,
                                                 config_.groups[route.group].members.front(),
                                                 asked_.question.client, texts));
  }

  const Asked& asked_;
  const plan::Config& config_;
  plan::Requester user_;
  Rows rows_;
};

}  // namespace

string web_answer(const Asked& asked) { return WebAnswer{asked}.write(); }

}  // namespace explain
