// Health checks of the groups that configure a path for them (plan::Group::check_path): a GET on a connection
// of its own, closed after the response head. A response of 2xx or 3xx passes; any other status, invalid HTTP
// or a timeout fails.
//
// Checks use no record. As for records, events only set marks, and `run` does the work.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "../base/pool.hpp"
#include "../net/connector.hpp"
#include "../net/resolver.hpp"
#include "../plan/generation.hpp"

namespace server {

class HealthChecker {
 public:
  static constexpr std::size_t kChecksMax = 16;  // at the same time
  // The longest check, from the DNS lookup to the response head; --answer-timeout may lower it.
  static constexpr std::uint64_t kLongestMs = 5'000;

  // Each check holds at most one of `blocks`, for the response head. REQUIRES: all three outlive this.
  HealthChecker(const sys::Fd& poller, net::Resolver& resolver, base::BlockPool& blocks) noexcept
      : poller_(poller), resolver_(resolver), blocks_(blocks) {}
  HealthChecker(const HealthChecker&) = delete;
  HealthChecker& operator=(const HealthChecker&) = delete;

  // Checks this generation's servers from now on, at once first; null: none. Aborts checks in progress
  // without a result. REQUIRES: this generation and the previous one are alive.
  void use(const plan::Generation* generation) noexcept;

  void mark(const net::Token& token, const sys::Event& event) noexcept;  // an event of a check's connection
  void wake(const net::Token& token) noexcept;                           // a DNS lookup has completed

  // A server became healthy or unhealthy.
  struct Change {
    const plan::Group* group;
    const plan::Hop* server;
    bool healthy;
    std::uint16_t status;  // of the response; 0: none
    base::Reason reason;   // why there was no response
  };
  // Continues checks that are marked or late, and starts those that are due. The changes are valid until the
  // next call, at most as long as the generation.
  std::span<const Change> run(std::uint64_t now);
  // When `run` has work without an event, ms; 0: never.
  [[nodiscard]] std::uint64_t next_deadline() const noexcept;
  [[nodiscard]] std::size_t in_progress() const noexcept;
  // The number of open connections.
  [[nodiscard]] std::size_t descriptors() const noexcept;

 private:
  struct Check {
    // While connecting, the next attempt may be due before the end of the check.
    [[nodiscard]] std::uint64_t deadline() const noexcept {
      return server.link == net::Link::connecting ? attempt_ends_at : ends_at;
    }
    net::Endpoint server;  // its link is the progress; none: this place is free
    bool marked = false;
    std::size_t group = 0, member = 0;
    std::uint64_t ends_at = 0;
    std::uint64_t attempt_ends_at = 0;  // connecting: the next attempt starts then
    net::Connector connector;
    std::string request;
    std::size_t sent = 0;       // bytes of `request`
    base::BlockPtr block;       // the response; null: no byte yet
    std::size_t head_at = 0;    // where the response head begins, after 1xx heads
    std::size_t received = 0;   // bytes in `block`
    std::size_t parsed_to = 0;  // bytes of the head that the parser has seen
  };
  // The response's status, or why there is none.
  struct Result {
    std::uint16_t status = 0;
    base::Reason reason = base::Reason::none;
  };
  using MaybeResult = std::optional<Result>;  // empty: the check waits

  Check* find(const net::Token& token) noexcept;
  net::Resolver::Waiter& lookup_of(const Check& check) noexcept { return lookups_[token_of(check, 0).slot]; }
  void clear(Check& check) noexcept;
  [[nodiscard]] net::Token token_of(const Check& check, std::uint32_t serial) const noexcept;
  [[nodiscard]] const plan::Hop& server_of(const Check& check) const noexcept;
  MaybeResult advance(Check& check, std::uint64_t now);
  MaybeResult look_up(Check& check, std::uint64_t now);
  MaybeResult start_attempt(Check& check, std::uint64_t now, base::Reason otherwise) noexcept;
  net::Connector::Outcome open(Check& check, const sys::Address& address, net::Endpoint& into) noexcept;
  MaybeResult connecting(Check& check, std::uint64_t now) noexcept;
  MaybeResult exchange(Check& check) noexcept;
  [[nodiscard]] MaybeResult parse(Check& check) const noexcept;
  void continue_check(Check& check, std::uint64_t now);
  void finish(Check& check, const Result& result);
  void start_due(std::uint64_t now);

  const sys::Fd& poller_;
  net::Resolver& resolver_;
  base::BlockPool& blocks_;
  net::AddressHealth address_health_;
  const plan::Generation* generation_ = nullptr;
  std::array<Check, kChecksMax> checks_;
  std::array<net::Resolver::Waiter, kChecksMax> lookups_;  // of the checks
  std::uint32_t serial_ = 0;
  std::uint64_t next_start_at_ = 0;  // 0: none is due until a check ends
  std::vector<Change> changes_;
};

// "health check /up of localhost:3000 failed (503): ejected until a check passes".
std::string text_of(const HealthChecker::Change& change);

}  // namespace server
