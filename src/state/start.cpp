#include "start.hpp"

#include <optional>

#include "../plan/board.hpp"
#include "../plan/router.hpp"
#include "bookkeeping.hpp"
#include "forward.hpp"
#include "local_response.hpp"
#include "login.hpp"
#include "web.hpp"

using base::Reason;
using plan::Wait;

namespace state {

namespace {

// The limit comes before the password, whose check costs most. Returns false if the client has sent too many
// requests. A page of the board is many requests: they count only where they could guess a password.
bool count_request(const request_info& record, const Turn& turn, const Worker& worker) noexcept {
  const Route& route = record.exchange->route;
  if (route.kind == plan::Kind::board && turn.users(route.users) == nullptr) return true;
  MessageInfo& message = record.exchange->message;
  if (!message.counted && turn.limits() != nullptr)
    message.counted = turn.limits()->may_request(record.client, worker.now);
  return message.counted || turn.limits() == nullptr;
}

// Responds with an error to a request that is not forwarded.
Result refuse(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
              std::size_t head_length, Reason why) noexcept {
  consume_request(record, head.body, head_length);
  return fail_request(record, turn, worker, why);
}

// Returns what the record does instead of the request: a refusal, or a wait for the check of the password. A
// client that guesses is not kept: each guess costs it a connection.
std::optional<Result> check_client(request_info& record, Turn& turn, Worker& worker,
                                   const http::RequestHead& head, std::size_t head_length) noexcept {
  if (!count_request(record, turn, worker)) {
    if (is_guess(record, turn, head)) return fail_request(record, turn, worker, Reason::too_many_requests);
    return refuse(record, turn, worker, head, head_length, Reason::too_many_requests);
  }
  switch (check_login(record, turn, worker, head)) {
    case Login::allowed: return {};
    case Login::pending: return yield(Wait::login);
    case Login::missing: return refuse(record, turn, worker, head, head_length, login_reason(record, turn));
    case Login::wrong: break;
  }
  return fail_request(record, turn, worker, login_reason(record, turn));
}

// A refusal that shows what the rules allow: only clients with a password may know.
bool shows_rules(Reason reason) noexcept {
  return reason == Reason::request_not_allowed || reason == Reason::port_not_allowed;
}

// What is done with the request, as far as `user` is known.
plan::Plan make_plan(const request_info& record, const Turn& turn, const Worker& worker,
                     const http::RequestHead& head, const plan::Requester& user = {}) noexcept {
  const plan::Listener& listener = turn.listener(record);
  return plan::plan_board(
      plan::plan_request(turn.config(), listener, head, record.client, worker.machine.addresses(), user),
      turn.config(), listener, head, record.client, worker.machine, user);
}

// Lets the board know which clients use the forward proxy: of a CONNECT, no head is forwarded.
void show_client(const request_info& record, const Turn& turn, const Worker& worker,
                 const http::RequestHead& head) noexcept {
  if (worker.heads == nullptr) [[likely]]
    return;
  if (turn.listener(record).role != plan::Role::forward || head.form == http::TargetForm::origin) return;
  const http::Field* const agent = head.fields.find(http::FieldName::user_agent);
  worker.heads->note_client(record.client, agent == nullptr ? std::string_view{} : agent->value);
}

Result carry_out(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
                 std::size_t head_length, const plan::Plan& plan) noexcept {
  switch (plan.kind) {
    case plan::Kind::forward: return forward_request(record, turn, worker, head, head_length);
    case plan::Kind::tunnel: return begin_tunnel(record, turn, worker, head, head_length);
    case plan::Kind::reply: return answer_locally(record, turn, worker, head);
    case plan::Kind::reverse: return forward_to_group(record, turn, worker, head, head_length, plan);
    default: break;
  }
  if (turn.listener(record).role != plan::Role::web && plan.kind != plan::Kind::board)
    return refuse(record, turn, worker, head, head_length, plan.reason);
  return serve_web(record, turn, worker, head, head_length, plan);
}

}  // namespace

Result start_request(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
                     std::size_t head_length) noexcept {
  if (!begin_exchange(record, worker)) return yield(Wait::request_head);
  const plan::Listener& listener = turn.listener(record);
  Exchange& exchange = *record.exchange;
  describe_request(exchange, head, turn.config(), listener.role);
  show_client(record, turn, worker, head);
  if (!may_keep_alive(record, worker)) exchange.message.keep_alive = false;
  plan::Plan plan = make_plan(record, turn, worker, head);
  if (plan.kind != plan::Kind::board) become_client(record, worker);
  exchange.route.kind = plan.kind;
  exchange.route.parent = plan.parent;
  exchange.route.web = plan.route;
  exchange.route.users = plan.users;
  exchange.route.hop = plan.parent == nullptr ? nullptr : &plan.parent->hop;
  exchange.message.proxy_login =
      turn.users(0) == nullptr && plan.parent != nullptr && plan.parent->takes_login();
  if (plan.kind != plan::Kind::refuse || shows_rules(plan.reason)) {
    if (const auto instead = check_client(record, turn, worker, head, head_length)) return *instead;
    if (turn.config().rules.have_users())
      plan = make_plan(record, turn, worker, head, requester(exchange, turn.config()));
  }
  exchange.route.kind = plan.kind;
  return carry_out(record, turn, worker, head, head_length, plan);
}

}  // namespace state
