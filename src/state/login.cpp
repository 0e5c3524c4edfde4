#include "login.hpp"

#include "../sys/sys.hpp"

using Credentials = plan::LoginResult::What;

namespace state {

namespace {

bool is_web(const request_info& record, const Turn& turn) noexcept {
  return turn.listener(record).role == plan::Role::web || record.exchange->route.kind == plan::Kind::board;
}

// The users that may send the request; null: it needs no password.
plan::Users* users_for(const request_info& record, const Turn& turn) noexcept {
  return turn.users(record.exchange->route.users);
}

// RFC 9110 sections 11.6.2 and 11.7.2.
http::FieldName credentials_field(const request_info& record, const Turn& turn) noexcept {
  return is_web(record, turn) ? http::FieldName::authorization : http::FieldName::proxy_authorization;
}

// Computes one hash. Other records may wait for the check of the same password.
plan::LoginResult compute_hash(request_info& record, const Turn& turn, plan::Users& users, Worker& worker,
                               const http::RequestHead& head) noexcept {
  const std::uint64_t began = sys::now_ms();
  const plan::LoginResult login =
      users.login(head.fields, credentials_field(record, turn), record.exchange->hashes++);
  const std::uint64_t took = sys::now_ms() - began;
  worker.budget.hashed(users.last_cost(), worker.now, worker.now + took);
  if (login.what == Credentials::good) worker.scheduler.wake_all(Share::hash);
  return login;
}

void note_user(AccessRecord& log, std::string_view user) noexcept {
  log.user_length = static_cast<std::uint8_t>(user.copy(log.user.data(), log.user.size()));
}

}  // namespace

Login check_login(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head) noexcept {
  plan::Users* const users = users_for(record, turn);
  if (users == nullptr) return Login::allowed;
  plan::LoginResult login = users->login(head.fields, credentials_field(record, turn));
  if (login.what == Credentials::pending && worker.serving == Share::hash &&
      worker.budget.may_hash(worker.now))
    login = compute_hash(record, turn, *users, worker, head);
  if (login.what == Credentials::good) {
    note_user(record.exchange->log, login.user);
    return Login::allowed;
  }
  if (login.what == Credentials::pending) {
    turn.awaits = Share::hash;
    return Login::pending;
  }
  if (login.what != Credentials::wrong) return Login::missing;
  if (turn.limits() != nullptr) turn.limits()->failed(record.client);
  return Login::wrong;
}

plan::Requester requester(const Exchange& exchange, const plan::Config& config) noexcept {
  static_assert(plan::kRuleUserMax < AccessRecord::kUserBytes);
  return plan::requester(config, exchange.route.users, exchange.log.user_view());
}

base::Reason login_reason(const request_info& record, const Turn& turn) noexcept {
  return is_web(record, turn) ? base::Reason::login_required : base::Reason::auth_required;
}

bool is_guess(const request_info& record, const Turn& turn, const http::RequestHead& head) noexcept {
  plan::Users* const users = users_for(record, turn);
  if (users == nullptr) return false;
  const Credentials what = users->login(head.fields, credentials_field(record, turn)).what;
  return what == Credentials::pending || what == Credentials::wrong;
}

}  // namespace state
