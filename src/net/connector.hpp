// Connects to one of a host's addresses: starts the next attempt while earlier ones are pending, and uses the
// first connection that is established (RFC 8305, "Happy Eyeballs").
#pragma once
#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <span>

#include "../base/reason.hpp"
#include "../http/attempt.hpp"
#include "address_health.hpp"
#include "addresses.hpp"
#include "endpoint.hpp"

namespace net {

// The newest attempt's endpoint belongs to the caller, which may write to it before it is established; the
// connector keeps the earlier ones. The caller decides when the next attempt is due.
class Connector {
 public:
  // Attempts whose results are kept: the first ones, and the last.
  static constexpr std::size_t kReportedMax = 8;
  static constexpr std::size_t kPendingMax = 8;  // attempts at the same time; the oldest gives way

  // What has become of an attempt, or of all.
  enum class Status : std::uint8_t { pending, connected, failed };
  // The same, with the cause of a failure.
  struct Outcome {
    Status status = Status::pending;
    base::Reason reason = base::Reason::none;  // failed: why
    int error = 0;                             // failed: errno
  };

  // An attempt: its number, from 0 on, the index of its address, and its start, ms after the first attempt.
  struct Id {
    std::uint8_t number = 0, which = 0;
    std::uint32_t began_ms = 0;
  };
  // An attempt that is pending beside the newest.
  struct Earlier {
    Endpoint endpoint;
    Id id;
  };

  // Begins with these addresses; those that failed recently by `health` come last. REQUIRES: no attempt is
  // pending, and `health` outlives the attempts.
  void start(const Addresses& addresses, AddressHealth& health) noexcept;
  // Starts the first attempt, or the next one beside those pending. `open(address, endpoint)` begins to
  // connect, sets the endpoint's link to `connecting`, and returns an Outcome: failed if the address may not
  // be used (EACCES) or cannot be; then the following address is tried. Fails for `otherwise` if no attempt
  // can be started and none is pending. With a shortage of our own, no further address is tried.
  template <class Open>
  Outcome start_next(Endpoint& newest, std::uint64_t now, base::Reason otherwise, Open&& open) noexcept;
  // Connected: `newest` is the connection, the other attempts are closed. Failed: the newest attempt has
  // failed and its endpoint is empty; others may be pending (`start_next`).
  Outcome poll(Endpoint& newest, std::uint64_t now) noexcept;

  // The parts of `poll`, for a caller whose first write shows whether the newest attempt is connected.
  // Replaces the newest attempt by an earlier one that is connected. Returns false if there is none.
  bool promote_connected(Endpoint& newest, std::uint64_t now) noexcept;
  // The newest attempt has failed with that errno. Empties `newest`.
  void fail(Endpoint& newest, int error, std::uint64_t now) noexcept;
  // The newest attempt is the connection: closes the earlier ones.
  void finish(std::uint64_t now) noexcept;

  // Closes the earlier attempts, which end with `error`.
  void end_earlier(int error, std::uint64_t now) noexcept;

  // Closes the earlier attempts without a result: they stay EINPROGRESS.
  void abandon() noexcept;
  // Closes the earlier attempts and forgets all addresses, but not the results: another host is tried.
  void next_host() noexcept;
  // A reused connection leads to that address: no attempt was needed.
  void reuse(const sys::Address& address) noexcept { address_ = address; }

  // False until `start`, and after `next_host`.
  [[nodiscard]] bool started() const noexcept { return !addresses_.empty(); }
  // The newest attempt has succeeded.
  [[nodiscard]] bool connected() const noexcept {
    return next_ > 0 && attempts_[result_of(newest_)].error == 0;
  }
  // Addresses that were not tried yet.
  [[nodiscard]] std::uint8_t left() const noexcept {
    return static_cast<std::uint8_t>(addresses_.size() - next_);
  }
  // The number of attempts so far to this host.
  [[nodiscard]] std::size_t tried() const noexcept { return next_; }
  // The results of the attempts, those to earlier hosts too: EINPROGRESS while pending, ECANCELED if another
  // was faster.
  [[nodiscard]] std::span<const http::Attempt> attempts() const noexcept {
    return {attempts_.data(), std::min<std::size_t>(before_ + next_, kReportedMax)};
  }
  // Their addresses.
  [[nodiscard]] std::span<const sys::Address> addresses() const noexcept {
    return {tried_.data(), std::min<std::size_t>(before_ + next_, kReportedMax)};
  }
  // The address of the newest attempt, or of the connection.
  [[nodiscard]] const sys::Address& address() const noexcept { return address_; }
  // The number of the newest attempt, from 0 on.
  [[nodiscard]] std::uint8_t index() const noexcept { return newest_.number; }
  // The earlier attempt with that serial; null: there is none.
  Endpoint* find(std::uint32_t serial) noexcept;
  // Those pending, oldest first, without the newest.
  [[nodiscard]] std::span<const Earlier> earlier() const noexcept {
    return {earlier_.data(), earlier_count_};
  }

 private:
  // Where the result of an attempt is kept.
  [[nodiscard]] std::size_t result_of(Id attempt) const noexcept {
    return std::min<std::size_t>(before_ + attempt.number, kReportedMax - 1);
  }
  void keep(Endpoint& newest, std::uint64_t now) noexcept;
  Earlier take(std::uint8_t place) noexcept;
  void end_oldest(int error, std::uint64_t now) noexcept;
  [[nodiscard]] std::uint8_t choose(std::uint64_t now) const noexcept;
  Id begin(std::uint64_t now) noexcept;
  void report(Id attempt, http::Attempt result) noexcept;
  void settle(Id attempt, int error, std::uint64_t now) noexcept;

  Addresses addresses_;
  std::bitset<Addresses::kMax> begun_;  // the addresses that were tried
  std::array<http::Attempt, kReportedMax> attempts_{};
  std::array<sys::Address, kReportedMax> tried_;
  std::array<Earlier, kPendingMax - 1> earlier_;
  sys::Address address_;  // of the newest attempt
  AddressHealth* health_ = nullptr;
  std::uint64_t started_at_ = 0;  // the first attempt
  std::uint8_t next_ = 0;         // the number of attempts so far to this host
  std::uint8_t before_ = 0;       // the number of those to earlier hosts
  std::uint8_t last_ = 0;         // the number of the attempt that has the last place of the results
  Id newest_;
  std::uint8_t earlier_count_ = 0;  // attempts pending in `earlier_`, oldest first
};

template <class Open>
Connector::Outcome Connector::start_next(Endpoint& newest, std::uint64_t now, base::Reason otherwise,
                                         Open&& open) noexcept {
  int error = 0;
  const auto is_ours = [](base::Reason reason) {
    return reason == base::Reason::no_descriptor || reason == base::Reason::no_memory;
  };
  // PLANT(try-next-address)
  while (left() > 0 && !is_ours(otherwise)) {
    keep(newest, now);
    const Id attempt = begin(now);
    const sys::Address address = addresses_[attempt.which];
    const Outcome outcome = open(address, newest);
    if (outcome.status != Status::failed) {
      newest_ = attempt;
      address_ = address;
      return outcome;
    }
    settle(attempt, outcome.error, now);
    otherwise = outcome.reason;
    error = outcome.error;
  }
  if (newest.link == Link::connecting) return {};
  if (earlier_count_ == 0) return {Status::failed, otherwise, error};
  Earlier last = take(static_cast<std::uint8_t>(earlier_count_ - 1));
  newest = std::move(last.endpoint);
  newest_ = last.id;
  address_ = addresses_[newest_.which];
  return {};
}

}  // namespace net
