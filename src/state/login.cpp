#include "login.hpp"

#include "../sys/sys.hpp"

using What = plan::LoginResult::What;

namespace state {

namespace {

// Computes one hash. Other records may wait for the check of the same password.
What compute_hash(request_info& record, plan::Users& users, Worker& worker,
                  const http::RequestHead& head) noexcept {
  const std::uint64_t began = sys::now_ms();
  const plan::LoginResult login = users.login(head.fields, record.exchange->hashes++);
  const std::uint64_t took = sys::now_ms() - began;
  worker.budget.hashed(users.last_cost(), worker.now, worker.now + took);
  if (login.what == What::good) worker.scheduler.wake_all(Share::hash);
  return login.what;
}

}  // namespace

Login check_login(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head) noexcept {
  plan::Users* const users = turn.users();
  if (users == nullptr || turn.listener(record).role == plan::Role::web) return Login::allowed;
  What what = users->login(head.fields).what;
  if (what == What::pending && worker.serving == Share::hash && worker.budget.may_hash(worker.now))
    what = compute_hash(record, *users, worker, head);
  if (what == What::good) return Login::allowed;
  if (what == What::pending) {
    turn.awaits = Share::hash;
    return Login::pending;
  }
  if (what != What::wrong) return Login::missing;
  if (turn.limits() != nullptr) turn.limits()->failed(record.client);
  return Login::wrong;
}

bool is_guess(const request_info& record, const Turn& turn, const http::RequestHead& head) noexcept {
  plan::Users* const users = turn.users();
  if (users == nullptr || turn.listener(record).role == plan::Role::web) return false;
  const What what = users->login(head.fields).what;
  return what == What::pending || what == What::wrong;
}

}  // namespace state
