#include "limits.hpp"

#include <algorithm>
#include <cassert>

namespace plan {
namespace {

constexpr std::uint64_t kThousand = 1000;

std::uint64_t burst_of(const Rate& rate) noexcept { return rate.burst != 0 ? rate.burst : rate.per_second; }

std::int64_t thousandths(std::uint64_t tokens) noexcept {
  return static_cast<std::int64_t>(tokens * kThousand);
}

std::uint64_t rounded_up(std::uint64_t amount, std::uint64_t unit) noexcept {
  return amount / unit + (amount % unit != 0 ? 1 : 0);
}

}  // namespace

// ---- one bucket -----------------------------------------------------------------------------------------

void TokenBucket::fill(const Rate& rate, std::uint64_t now) noexcept {
  thousandths_ = thousandths(burst_of(rate));
  since_ = now;
}

// A millisecond adds `per_second` thousandths. The elapsed time is capped at what fills the bucket from its
// deepest debt, so that nothing overflows after a long pause.
void TokenBucket::refill(const Rate& rate, std::uint64_t now) noexcept {
  if (now <= since_) return;
  const std::int64_t full = thousandths(burst_of(rate));
  const std::uint64_t enough = rounded_up(static_cast<std::uint64_t>(2 * full), rate.per_second);
  const std::uint64_t elapsed = std::min(now - since_, enough);
  thousandths_ = std::min(full, thousandths_ + static_cast<std::int64_t>(elapsed * rate.per_second));
  since_ = now;
}

std::uint64_t TokenBucket::available(const Rate& rate, std::uint64_t now) noexcept {
  refill(rate, now);
  return thousandths_ > 0 ? static_cast<std::uint64_t>(thousandths_) / kThousand : 0;
}

void TokenBucket::take(const Rate& rate, std::uint64_t tokens) noexcept {
  const std::int64_t deepest = -thousandths(burst_of(rate));
  const auto most = static_cast<std::uint64_t>(thousandths_ - deepest);
  thousandths_ = tokens > most / kThousand ? deepest : thousandths_ - thousandths(tokens);
}

std::uint64_t TokenBucket::wait_ms(const Rate& rate, std::uint64_t wanted, std::uint64_t now) noexcept {
  refill(rate, now);
  const std::int64_t level = thousandths(std::min(wanted, burst_of(rate)));
  if (thousandths_ >= level) return 0;
  return rounded_up(static_cast<std::uint64_t>(level - thousandths_), rate.per_second);
}

// ---- the table ------------------------------------------------------------------------------------------

ClientLimits::ClientLimits(const Allowance& allowance, std::size_t clients, base::SipKey key)
    : allowance_(allowance),
      clients_(std::max<std::size_t>(clients, 1)),
      index_(clients_.size(), key),
      idle_(clients_.data()) {
  assert(allowance.requests.per_second <= kRateMax && allowance.requests.burst <= kRateMax);
  assert(allowance.bytes.per_second <= kRateMax && allowance.bytes.burst <= kRateMax);
}

std::uint32_t ClientLimits::find(const sys::Address& client) const noexcept {
  return index_.find(clients_, sys::client_key(client));
}

// A free entry for a new client; kNoIndex if all clients have a connection.
std::uint32_t ClientLimits::place() noexcept {
  if (used_ < clients_.size()) return used_++;
  if (idle_.empty()) return base::kNoIndex;
  const std::uint32_t oldest = idle_.pop();
  index_.remove(clients_, oldest);
  return oldest;
}

void ClientLimits::touch(std::uint32_t index) noexcept {
  if (!clients_[index].idle.linked()) return;
  idle_.remove(index);
  idle_.push(index);
}

// The entry of a client, which is added if it is new. Null if there is no free entry.
ClientLimits::Client* ClientLimits::find_or_add(const sys::Address& address, std::uint64_t now) noexcept {
  std::uint32_t index = find(address);
  if (index != base::kNoIndex) {
    touch(index);
    return &clients_[index];
  }
  index = place();
  if (index == base::kNoIndex) return nullptr;
  Client fresh;
  fresh.key = sys::client_key(address);
  if (allowance_.requests.per_second != 0) fresh.requests.fill(allowance_.requests, now);
  if (allowance_.bytes.per_second != 0) fresh.bytes.fill(allowance_.bytes, now);
  clients_[index] = fresh;
  index_.add(clients_, index);
  idle_.push(index);
  return &clients_[index];
}

bool ClientLimits::may_connect(const sys::Address& client, std::uint64_t now) noexcept {
  Client* const entry = find_or_add(client, now);
  if (entry == nullptr) return false;
  if (allowance_.connections != 0 && entry->connections >= allowance_.connections) return false;
  if (entry->connections++ == 0) idle_.remove(static_cast<std::uint32_t>(entry - clients_.data()));
  return true;
}

void ClientLimits::closed(const sys::Address& client) noexcept {
  const std::uint32_t index = find(client);
  assert(index != base::kNoIndex && clients_[index].connections > 0);
  if (index == base::kNoIndex || clients_[index].connections == 0) return;
  if (--clients_[index].connections == 0) idle_.push(index);
}

std::uint32_t ClientLimits::connections(const sys::Address& client) const noexcept {
  const std::uint32_t index = find(client);
  return index == base::kNoIndex ? 0 : clients_[index].connections;
}

bool ClientLimits::may_request(const sys::Address& client, std::uint64_t now) noexcept {
  const Rate& rate = allowance_.requests;
  if (rate.per_second == 0) return true;
  Client* const entry = find_or_add(client, now);
  if (entry == nullptr || entry->requests.available(rate, now) == 0) return false;
  entry->requests.take(rate, 1);
  return true;
}

void ClientLimits::failed(const sys::Address& client) noexcept {
  const Rate& rate = allowance_.requests;
  const std::uint32_t index = find(client);
  if (rate.per_second != 0 && index != base::kNoIndex) clients_[index].requests.take(rate, kFailureCost);
}

std::uint64_t ClientLimits::request_wait_ms(const sys::Address& client, std::uint64_t now) noexcept {
  const Rate& rate = allowance_.requests;
  const std::uint32_t index = find(client);
  if (rate.per_second == 0 || index == base::kNoIndex) return 0;
  return clients_[index].requests.wait_ms(rate, 1, now);
}

std::uint64_t ClientLimits::bytes_allowed(const sys::Address& client, std::uint64_t now) noexcept {
  const Rate& rate = allowance_.bytes;
  if (rate.per_second == 0) return kUnlimited;
  Client* const entry = find_or_add(client, now);
  return entry == nullptr ? 0 : entry->bytes.available(rate, now);
}

void ClientLimits::spent(const sys::Address& client, std::uint64_t bytes) noexcept {
  const Rate& rate = allowance_.bytes;
  const std::uint32_t index = find(client);
  if (rate.per_second != 0 && index != base::kNoIndex) clients_[index].bytes.take(rate, bytes);
}

std::uint64_t ClientLimits::wait_ms(const sys::Address& client, std::uint64_t wanted,
                                    std::uint64_t now) noexcept {
  const Rate& rate = allowance_.bytes;
  const std::uint32_t index = find(client);
  if (rate.per_second == 0 || index == base::kNoIndex) return 0;
  return clients_[index].bytes.wait_ms(rate, wanted, now);
}

}  // namespace plan
