#include "board_row.hpp"

#include <utility>

#include "../plan/board.hpp"
#include "../plan/description.hpp"
#include "../plan/router.hpp"

namespace explain {
namespace {

using plan::BoardAccess;
using std::string;

// Why this listener of a forward proxy has no board; empty: it has one.
string objection(const plan::Config& config, const http::RequestHead& head) {
  if (config.board == plan::Board::none) return "not served (--no-console)";
  if (config.board == plan::Board::own) return "not served here: it has a listener of its own (--console)";
  if (head.method != "GET" && head.method != "HEAD") return "not for this method: it has GET and HEAD";
  return {};
}

// Whether this request gets the board, and why not.
string words_for(BoardAccess access, const sys::Address& client) {
  switch (access) {
    case BoardAccess::open: return "the request is to the proxy itself, and the client may see it";
    case BoardAccess::passed_on:
      return "not served: another proxy has passed the request on (Via, Forwarded or X-Forwarded-For)";
    case BoardAccess::denied:
      if (client.is_loopback()) return "not served: the rules deny it to this client";
      return "not served: the client is not on this machine, and no rule names client and proxy "
             "(--allow client=ADDRESS,host=ADDRESS)";
    case BoardAccess::misdirected:
      return "not asked for: target and Host do not both name localhost or a loopback address with a port of "
             "the proxy";
    case BoardAccess::other_site: return "refused: the page of another site asks";
  }
  return {};
}

// Whether the request can be for the board. Sets `why_not` if the user could think so.
bool is_for_board(const Asked& asked, const plan::Plan& otherwise, string& why_not) {
  const http::RequestHead& head = asked.head;
  if (asked.listener.role == plan::Role::web)
    return otherwise.kind == plan::Kind::board || plan::is_board(asked.config, asked.listener);
  if (head.form != http::TargetForm::absolute || !head.plain_http) return false;
  if (plan::listener_at(asked.config, head.authority.port) != nullptr) {
    why_not = objection(asked.config, head);
    return why_not.empty();
  }
  const string port = std::to_string(head.authority.port);
  if (plan::is_loopback(head.authority))
    why_not = "only if " + port + " is the port of the proxy: ask with --listen " + port;
  return false;
}

}  // namespace

BoardRow board_row(const Asked& asked, const plan::Requester& user) {
  const auto& [config, listener, machine, question, text, head] = asked;
  plan::Plan plan = plan::plan_request(config, listener, head, question.client, machine.addresses(), user);
  string words;
  if (is_for_board(asked, plan, words)) {
    words = words_for(plan::board_access(config, listener, head, question.client, machine, user),
                      question.client);
    plan = plan::plan_board(std::move(plan), config, listener, head, question.client, machine, user);
  }
  return {std::move(plan), std::move(words)};
}

}  // namespace explain
