#include "connector.hpp"

#include <cerrno>
#include <utility>

#include "error_reason.hpp"

namespace net {

void Connector::start(const Addresses& addresses, AddressHealth& health, std::uint64_t now) noexcept {
  assert(earlier_count_ == 0);
  addresses_ = addresses;
  health.order(addresses_, now);
  health_ = &health;
  next_ = newest_ = 0;
}

Connector::Outcome Connector::poll(Endpoint& newest, std::uint64_t now) noexcept {
  if (!promote_connected(newest, now)) {
    if (!newest.writable) return {};
    if (const int error = sys::socket_error(newest.fd); error != 0) {
      fail(newest, error, now);
      return {Status::failed, reason_for(error), error};
    }
  }
  finish(now);
  return {Status::connected};
}

bool Connector::promote_connected(Endpoint& newest, std::uint64_t now) noexcept {
  for (std::uint8_t i = 0; i < earlier_count_;) {
    if (!earlier_[i].endpoint.writable) {
      ++i;
      continue;
    }
    if (const int error = sys::socket_error(earlier_[i].endpoint.fd); error != 0) {
      settle(take(i).index, error, now);
      continue;
    }
    Earlier winner = take(i);  // PLANT(attempt-wins)
    const std::uint8_t overtaken = std::exchange(newest_, winner.index);
    newest = std::move(winner.endpoint);
    settle(overtaken, ECANCELED, now);
    return true;
  }
  return false;
}

void Connector::fail(Endpoint& newest, int error, std::uint64_t now) noexcept {
  settle(newest_, error, now);
  newest = Endpoint{};
}

void Connector::end_earlier(int error, std::uint64_t now) noexcept {
  // PLANT(close-losers)
  while (earlier_count_ > 0) settle(take(0).index, error, now);
}

void Connector::abandon() noexcept {
  while (earlier_count_ > 0) take(0);
}

void Connector::reset() noexcept {
  abandon();
  addresses_.count = next_ = newest_ = 0;
}

Endpoint* Connector::find(std::uint32_t serial) noexcept {
  for (std::uint8_t i = 0; i < earlier_count_; ++i)
    // PLANT(event-of-attempt)
    if (earlier_[i].endpoint.serial == serial) return &earlier_[i].endpoint;
  return nullptr;
}

// The newest attempt becomes an earlier one, so that another can start.
void Connector::keep(Endpoint& newest) noexcept {
  if (newest.link != Link::connecting) return;
  assert(earlier_count_ < earlier_.size());
  // PLANT(add-attempt)
  earlier_[earlier_count_++] = {std::exchange(newest, Endpoint{}), newest_};
}

// Takes one out; the others keep their order.
Connector::Earlier Connector::take(std::uint8_t place) noexcept {
  assert(place < earlier_count_);
  Earlier taken = std::move(earlier_[place]);
  for (--earlier_count_; place < earlier_count_; ++place) earlier_[place] = std::move(earlier_[place + 1U]);
  return taken;
}

void Connector::begin(std::uint64_t now) noexcept {
  if (next_ == 0) started_at_ = now;
  attempts_[next_++] = {static_cast<std::uint32_t>(now - started_at_), EINPROGRESS};
}

// A slower attempt counts as a failure of its address only if it started before the one that won.
void Connector::settle(std::uint8_t index, int error, std::uint64_t now) noexcept {
  http::Attempt& attempt = attempts_[index];
  attempt = {static_cast<std::uint32_t>(now - started_at_) - attempt.ms, error};
  const base::Reason reason = reason_for(error);
  const bool ours = reason == base::Reason::no_descriptor || reason == base::Reason::no_memory;
  const bool had_its_time = error != ECANCELED || index < newest_;
  const sys::Address& address = addresses_.list[index];
  if (error == 0) health_->succeeded(address);
  if (error != 0 && error != EACCES && !ours && had_its_time) health_->failed(address, now);
}

void Connector::finish(std::uint64_t now) noexcept {
  settle(newest_, 0, now);
  end_earlier(ECANCELED, now);  // PLANT(losers-end)
}

}  // namespace net
