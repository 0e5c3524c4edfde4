#include "login.hpp"

#include "../sys/sys.hpp"

using Credentials = plan::LoginResult::What;

namespace state {

namespace {

// The users that may send the request; null: it needs no password.
plan::Users* users_for(const request_info& record, const Turn& turn) noexcept {
  return turn.listener(record).role == plan::Role::web ? nullptr : turn.users();
}

// Computes one hash. Other records may wait for the check of the same password.
Credentials compute_hash(request_info& record, plan::Users& users, Worker& worker,
                         const http::RequestHead& head) noexcept {
  const std::uint64_t began = sys::now_ms();
  const plan::LoginResult login = users.login(head.fields, record.exchange->hashes++);
  const std::uint64_t took = sys::now_ms() - began;
  worker.budget.hashed(users.last_cost(), worker.now, worker.now + took);
  if (login.what == Credentials::good) worker.scheduler.wake_all(Share::hash);
  return login.what;
}

}  // namespace

Login check_login(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head) noexcept {
  plan::Users* const users = users_for(record, turn);
  if (users == nullptr) return Login::allowed;
  Credentials what = users->login(head.fields).what;
  if (what == Credentials::pending && worker.serving == Share::hash && worker.budget.may_hash(worker.now))
    what = compute_hash(record, *users, worker, head);
  if (what == Credentials::good) return Login::allowed;
  if (what == Credentials::pending) {
    turn.awaits = Share::hash;
    return Login::pending;
  }
  if (what != Credentials::wrong) return Login::missing;
  if (turn.limits() != nullptr) turn.limits()->failed(record.client);
  return Login::wrong;
}

bool is_guess(const request_info& record, const Turn& turn, const http::RequestHead& head) noexcept {
  plan::Users* const users = users_for(record, turn);
  if (users == nullptr) return false;
  const Credentials what = users->login(head.fields).what;
  return what == Credentials::pending || what == Credentials::wrong;
}

}  // namespace state
