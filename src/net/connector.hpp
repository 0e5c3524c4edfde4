// Connects to one of a host's addresses: starts the next attempt while earlier ones are pending, and uses the
// first connection that is established (RFC 8305, "Happy Eyeballs").
#pragma once
#include <array>
#include <cassert>
#include <cstdint>
#include <span>

#include "../base/reason.hpp"
#include "../http/attempt.hpp"
#include "address_health.hpp"
#include "endpoint.hpp"

namespace net {

// The newest attempt's endpoint belongs to the caller, which may write to it before it is established; the
// connector keeps the earlier ones. The caller decides when the next attempt is due.
class Connector {
 public:
  enum class Status : std::uint8_t { pending, connected, failed };
  struct Outcome {
    Status status = Status::pending;
    base::Reason reason = base::Reason::none;  // failed: why
    int error = 0;                             // failed: errno
  };

  // An attempt that is pending beside the newest.
  struct Earlier {
    Endpoint endpoint;
    std::uint8_t index = 0;  // of its address
  };

  // Begins with these addresses, in the order that `health` gives them. REQUIRES: no attempt is pending, and
  // `health` outlives the attempts.
  void start(const Addresses& addresses, AddressHealth& health, std::uint64_t now) noexcept;
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
  // Closes the earlier attempts and forgets all addresses.
  void reset() noexcept;
  // A reused connection leads to that address: no attempt was needed.
  void reuse(const sys::Address& address) noexcept { addresses_.list[newest_] = address; }

  // Those of `start`, in the order in which they are tried.
  [[nodiscard]] std::span<const sys::Address> addresses() const noexcept { return addresses_.all(); }
  // The newest attempt has succeeded.
  [[nodiscard]] bool connected() const noexcept { return next_ > 0 && attempts_[newest_].error == 0; }
  // Addresses that were not tried yet.
  [[nodiscard]] std::uint8_t left() const noexcept {
    return static_cast<std::uint8_t>(addresses_.count - next_);
  }
  // The results of the addresses tried so far: EINPROGRESS while pending, ECANCELED if another was faster.
  [[nodiscard]] std::span<const http::Attempt> attempts() const noexcept { return {attempts_.data(), next_}; }
  // Of the newest attempt, or of the connection.
  [[nodiscard]] const sys::Address& address() const noexcept { return addresses_.list[newest_]; }
  [[nodiscard]] std::uint8_t index() const noexcept { return newest_; }
  // The earlier attempt with that serial; null: there is none.
  Endpoint* find(std::uint32_t serial) noexcept;
  // Those pending, oldest first, without the newest.
  [[nodiscard]] std::span<const Earlier> earlier() const noexcept {
    return {earlier_.data(), earlier_count_};
  }

 private:
  void keep(Endpoint& newest) noexcept;
  Earlier take(std::uint8_t place) noexcept;
  void begin(std::uint64_t now) noexcept;
  void settle(std::uint8_t index, int error, std::uint64_t now) noexcept;

  Addresses addresses_;
  std::array<http::Attempt, Addresses::kMax> attempts_{};
  std::array<Earlier, Addresses::kMax - 1> earlier_;
  AddressHealth* health_ = nullptr;
  std::uint64_t started_at_ = 0;    // the first attempt
  std::uint8_t next_ = 0;           // the first address that was not tried
  std::uint8_t newest_ = 0;         // index of the newest attempt's address
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
    keep(newest);
    begin(now);
    const auto index = static_cast<std::uint8_t>(next_ - 1);
    const Outcome outcome = open(addresses_.list[index], newest);
    if (outcome.status != Status::failed) {
      newest_ = index;
      return outcome;
    }
    settle(index, outcome.error, now);
    otherwise = outcome.reason;
    error = outcome.error;
  }
  if (newest.link == Link::connecting) return {};
  if (earlier_count_ == 0) return {Status::failed, otherwise, error};
  Earlier last = take(static_cast<std::uint8_t>(earlier_count_ - 1));
  newest = std::move(last.endpoint);
  newest_ = last.index;
  return {};
}

}  // namespace net
