#include "web_answer.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include "../http/forwarded.hpp"
#include "../http/rewrite.hpp"
#include "../plan/board.hpp"
#include "../plan/description.hpp"
#include "../plan/router.hpp"
#include "board_row.hpp"
#include "changes.hpp"
#include "rows.hpp"

namespace explain {
namespace {

using std::string;
using std::string_view;

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
  WebAnswer(const plan::Config& config, const plan::Listener& listener, const Question& question,
            const http::RequestHead& head)
      : config_(config), listener_(listener), question_(question), head_(head) {}

  string write(string_view text) {
    const http::Authority host = http::requested_host(head_).host;
    rows_.add_request(question_, head_, {host.host, listener_.address.port});
    rows_.add("listener", string{sys::endpoint_text(listener_.address).view()} + ", " +
                              plan::description(config_, listener_));
    const BoardRow board =
        board_row(config_, listener_, head_, question_.client, question_.machine, user(),
                  plan::plan_request(config_, listener_, head_, question_.client, question_.machine, user()));
    if (board.text.empty())
      write_rule(host);
    else
      rows_.add("board", board.text);
    write_route(board.plan);
    if (board.plan.kind == plan::Kind::refuse) {
      rows_.add_refusal(board.plan.reason);
      return rows_.text;
    }
    rows_.add_timeouts(config_, listener_, board.plan.route);
    if (board.plan.kind == plan::Kind::reverse) write_changes(text, *board.plan.route);
    return rows_.text;
  }

 private:
  [[nodiscard]] plan::Requester user() const {
    using What = plan::Requester::What;
    return question_.user.empty() ? plan::Requester{What::unknown}
                                  : plan::Requester{What::known, question_.user};
  }

  void write_rule(const http::Authority& host) {
    rows_.add(
        "rule",
        rule_text(config_.rules,
                  config_.rules.for_web(
                      {question_.client, host.host, listener_.address.port, head_.method, {}, user()})));
  }

  void write_route(const plan::Plan& plan) {
    if (plan.route == nullptr) return;
    if (listener_.sites.size() > 1) rows_.add("site", site_text(config_, *plan.route));
    rows_.add("route", plan.route->prefix + ", " + route_text(config_, *plan.route));
    if (plan.kind == plan::Kind::files) rows_.add("file", plan.route->directory + "/" + plan.file.name);
    if (plan.kind == plan::Kind::reply) rows_.add("response", "of the proxy itself: it is the last hop");
    if (plan.users == plan::kExcused)
      rows_.add("password", "not required, by user=none");
    else if (plan.users != plan::kNoUsers && !config_.users_files[plan.users].empty())
      rows_.add("password", "required (" + config_.users_files[plan.users] + "), otherwise 401");
  }

  // As for the first server of the group.
  void write_changes(string_view text, const plan::WebRoute& route) {
    http::Form form = http::request_form(head_, config_.http10 ? http::Version::http10 : head_.version,
                                         plan::upgrade_protocols(config_));
    std::array<char, http::kHostTextMax> host;
    form.via = config_.via;
    if (config_.request_id) form.request_id = kNewId;
    form.reverse = true;
    form.client = question_.client;
    form.trusted = plan::is_among(config_.trusted_proxies, question_.client);
    form.host = plan::authority_of(config_.groups[route.group].members.front(), host);
    if (route.strip_prefix) form.skip = route.prefix.size();
    form.edits = &route.request_fields;
    http::HeadRoom room;
    const std::size_t length = http::write_request(head_, {config_.name, ""}, form, room);
    if (length == 0) return rows_.add_refusal(base::Reason::head_too_large);
    rows_.text += "\nChanges to the request head (- received, + forwarded):\n" +
                  changes(text, {room.data(), length}, form.edits);
  }

  const plan::Config& config_;
  const plan::Listener& listener_;
  const Question& question_;
  const http::RequestHead& head_;
  Rows rows_;
};

}  // namespace

string web_answer(const plan::Config& config, const plan::Listener& listener, const Question& question,
                  string_view text, const http::RequestHead& head) {
  return WebAnswer{config, listener, question, head}.write(text);
}

}  // namespace explain
