#include "board_row.hpp"

#include <algorithm>
#include <utility>

#include "../plan/board.hpp"

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

// The listener of the configuration with the URL's port; null: there is none.
const plan::Listener* listener_of(const plan::Config& config, const http::RequestHead& head) {
  const auto found =
      std::find_if(config.listeners.begin(), config.listeners.end(),
                   [&head](const plan::Listener& one) { return one.address.port == head.authority.port; });
  return found == config.listeners.end() ? nullptr : &*found;
}

// Why the board is not served by this request to a port of the forward proxy.
string objection(const plan::Config& config, const http::RequestHead& head, const sys::Address& client,
                 const plan::ThisMachine& machine, const plan::Requester& user) {
  if (config.board == plan::Board::none) return "not served (--no-console)";
  if (config.board == plan::Board::own) return "not served here: it has a listener of its own (--console)";
  if (head.method != "GET" && head.method != "HEAD") return "not for this method: it has GET and HEAD";
  switch (plan::board_access(config, plan::Listener{}, head, client, machine, user)) {
    case BoardAccess::open: break;
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

}  // namespace

BoardRow board_row(const plan::Config& config, const http::RequestHead& head, const sys::Address& client,
                   const plan::Networks& addresses, const plan::Requester& user, plan::Plan otherwise) {
  BoardRow row{.plan = std::move(otherwise)};
  if (head.form != http::TargetForm::absolute || !head.plain_http) return row;
  const string port = std::to_string(head.authority.port);
  const plan::Listener* const listener = listener_of(config, head);
  if (listener == nullptr) {
    if (plan::is_loopback(head.authority))
      row.text = "only if " + port + " is the port of the proxy: ask with --listen " + port;
    return row;
  }
  if (plan::is_board(config, *listener) && plan::is_loopback(head.authority)) {
    row.text = "at this port (--console), without the proxy";
    return row;
  }
  if (listener->role != plan::Role::forward) return row;
  const plan::ThisMachine machine = machine_of(config, addresses);
  row.plan = plan::plan_board(std::move(row.plan), config, plan::Listener{}, head, client, machine, user);
  row.text = row.plan.kind == plan::Kind::board
                 ? "the request is to the proxy itself, and the client may see it"
                 : objection(config, head, client, machine, user);
  return row;
}

}  // namespace explain
