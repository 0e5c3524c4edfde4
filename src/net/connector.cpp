#include "connector.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "error_reason.hpp"

namespace net {

void Connector::start(const Addresses& addresses, AddressHealth& health) noexcept {
  assert(earlier_count_ == 0);
  addresses_ = addresses;
  begun_.reset();
  health_ = &health;
  next_ = 0;
  newest_ = {};
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
      settle(take(i).id, error, now);
      continue;
    }
    Earlier winner = take(i);  // PLANT(attempt-wins)
    const Id overtaken = std::exchange(newest_, winner.id);
    newest = std::move(winner.endpoint);
    address_ = addresses_[newest_.which];
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
  while (earlier_count_ > 0) end_oldest(error, now);
}

void Connector::end_oldest(int error, std::uint64_t now) noexcept { settle(take(0).id, error, now); }

void Connector::abandon() noexcept {
  while (earlier_count_ > 0) take(0);
}

void Connector::next_host() noexcept {
  abandon();
  before_ = static_cast<std::uint8_t>(std::min(before_ + next_, 255));
  addresses_ = Addresses{};
  next_ = 0;
  newest_ = {};
}

Endpoint* Connector::find(std::uint32_t serial) noexcept {
  for (std::uint8_t i = 0; i < earlier_count_; ++i)
    // PLANT(event-of-attempt)
    if (earlier_[i].endpoint.serial == serial) return &earlier_[i].endpoint;
  return nullptr;
}

// The newest attempt becomes an earlier one, so that another can start.
void Connector::keep(Endpoint& newest, std::uint64_t now) noexcept {
  if (newest.link != Link::connecting) return;
  if (earlier_count_ == earlier_.size()) end_oldest(ETIMEDOUT, now);
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

// The first address that was not tried and has not failed lately, else the first that was not tried.
std::uint8_t Connector::choose(std::uint64_t now) const noexcept {
  std::size_t first = addresses_.size();
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    if (begun_[i]) continue;
    if (addresses_.size() == 1 || !health_->failed_lately(addresses_[i], now))
      return static_cast<std::uint8_t>(i);
    first = std::min(first, i);
  }
  return static_cast<std::uint8_t>(first);
}

Connector::Id Connector::begin(std::uint64_t now) noexcept {
  if (next_ == 0) started_at_ = now;
  const Id attempt{next_++, choose(now), static_cast<std::uint32_t>(now - started_at_)};
  begun_.set(attempt.which);
  report(attempt, {attempt.began_ms, EINPROGRESS});
  return attempt;
}

void Connector::report(Id attempt, http::Attempt result) noexcept {
  const std::size_t place = result_of(attempt);
  attempts_[place] = result;
  tried_[place] = addresses_[attempt.which];
  if (place + 1 == kReportedMax) last_ = attempt.number;
}

// A slower attempt counts as a failure of its address only if it started before the one that won.
void Connector::settle(Id attempt, int error, std::uint64_t now) noexcept {
  // A later attempt may have the place of this one. Only an attempt that connects takes it back.
  const bool has_place = result_of(attempt) + 1 < kReportedMax || last_ == attempt.number;
  if (has_place || error == 0)
    report(attempt, {static_cast<std::uint32_t>(now - started_at_) - attempt.began_ms, error});
  const bool ours = base::ended_by_proxy(reason_for(error));
  const bool had_its_time = error != ECANCELED || attempt.number < newest_.number;
  const sys::Address address = addresses_[attempt.which];
  if (error == 0) health_->succeeded(address);
  if (error != 0 && error != EACCES && !ours && had_its_time) health_->failed(address, now);
}

void Connector::finish(std::uint64_t now) noexcept {
  settle(newest_, 0, now);
  end_earlier(ECANCELED, now);  // PLANT(losers-end)
}

}  // namespace net
