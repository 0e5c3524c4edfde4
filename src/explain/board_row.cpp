#include "board_row.hpp"

#include <algorithm>
#include <utility>

#include "../plan/board.hpp"
#include "../plan/description.hpp"

namespace explain {
namespace {

using plan::BoardAccess;
using std::string;

plan::ThisMachine machine_of(const plan::Config& config, const plan::Networks& addresses) {
  plan::ThisMachine machine;
  std::vector<plan::ThisMachine::Entry> entries;
  for (std::size_t i = 0; i < config.listeners.size(); ++i)
    if (config.listeners[i].address.port != 0)
      entries.push_back({config.listeners[i].address, i, plan::forwards(config, config.listeners[i])});
  machine.set_addresses(addresses);
  machine.set_listeners(std::move(entries));
  return machine;
}

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
bool is_asked_for(const plan::Config& config, const plan::Listener& listener, const http::RequestHead& head,
                  const plan::Plan& otherwise, string& why_not) {
  if (listener.role == plan::Role::web)
    return otherwise.kind == plan::Kind::board || plan::is_board(config, listener);
  if (head.form != http::TargetForm::absolute || !head.plain_http) return false;
  if (plan::listener_at(config, head.authority.port) != nullptr) {
    why_not = objection(config, head);
    return why_not.empty();
  }
  const string port = std::to_string(head.authority.port);
  if (plan::is_loopback(head.authority))
    why_not = "only if " + port + " is the port of the proxy: ask with --listen " + port;
  return false;
}

}  // namespace

BoardRow board_row(const plan::Config& config, const plan::Listener& listener, const http::RequestHead& head,
                   const sys::Address& client, const plan::Networks& addresses, const plan::Requester& user,
                   plan::Plan otherwise) {
  BoardRow row;
  if (is_asked_for(config, listener, head, otherwise, row.text)) {
    const plan::ThisMachine machine = machine_of(config, addresses);
    row.text = words_for(plan::board_access(config, listener, head, client, machine, user), client);
    otherwise = plan::plan_board(std::move(otherwise), config, listener, head, client, machine, user);
  }
  row.plan = std::move(otherwise);
  return row;
}

}  // namespace explain
