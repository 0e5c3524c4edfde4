// The kinds of wait. Each has a timeout, so that each wait ends; an `endless` one can be switched off. One
// table feeds the timers, the end reasons, the options and the help text. The last kinds have no option. The
// end of `throttle`, a pause, is not a failure.
#pragma once
#include <array>
#include <span>
#include <vector>

#include "../base/reason.hpp"

namespace plan {

enum class Wait : std::uint8_t {
  idle,            // the first byte of a new client connection
  keep_alive,      // the next request of a keep-alive connection
  request_head,    // the end of a request head, from its first byte
  request_body,    // request body bytes from the client
  resolve,         // DNS
  attempt,         // one connection attempt, before the next address is tried in parallel
  connect,         // the TCP connection, after the last attempt has started
  upstream_write,  // the upstream to read request bytes
  response_head,   // the response head
  response_body,   // response body bytes from the upstream
  half_closed,     // the same, for a client that has half-closed
  client_write,    // the client to read response bytes
  tunnel,          // bytes in either direction of a tunnel
  linger,          // the client to close after the last byte (lingering close)
  throttle,        // the bandwidth limit to allow more bytes (--client-bytes)
  login,           // the computation of a password hash
  none,            // not waiting
};
inline constexpr std::size_t kWaits = static_cast<std::size_t>(Wait::none);
inline constexpr std::size_t kDeadlines = static_cast<std::size_t>(Wait::throttle);

struct WaitRow {
  Wait wait;
  std::string_view option;  // empty: none
  std::uint32_t default_ms;
  bool restarts;          // with each byte that moves; otherwise the timeout limits the total wait
  base::Reason reason;    // why the request ends after the timeout; none: the request continues
  std::string_view what;  // completes "waiting for ..."
  bool endless = false;   // 0 switches the timeout off; TCP keep-alive then detects a dead peer
};

// clang-format off
inline constexpr std::array<WaitRow, kWaits> kWaitRows{{
    {Wait::idle, "--idle-timeout", 60'000, false, base::Reason::idle_timeout, "the first byte of a client connection"},
    {Wait::keep_alive, "--keep-alive-timeout", 60'000, false, base::Reason::idle_timeout, "the next request on a keep-alive connection"},
    {Wait::request_head, "--head-timeout", 30'000, false, base::Reason::head_timeout, "a complete request head"},
    {Wait::request_body, "--body-timeout", 60'000, true, base::Reason::body_timeout, "request body bytes"},
    {Wait::resolve, "--resolve-timeout", 10'000, false, base::Reason::dns_timeout, "DNS"},
    {Wait::attempt, "--attempt-delay", 250, false, base::Reason::connect_timeout, "one connection attempt, before the next address is tried too"},
    {Wait::connect, "--connect-timeout", 10'000, false, base::Reason::connect_timeout, "the connection, once the last attempt has started"},
    {Wait::upstream_write, "--send-timeout", 60'000, true, base::Reason::upstream_stalled, "the upstream to read request bytes"},
    {Wait::response_head, "--answer-timeout", 120'000, true, base::Reason::response_timeout, "the response head", true},
    {Wait::response_body, "--stream-timeout", 60'000, true, base::Reason::upstream_stalled, "response body bytes", true},
    {Wait::half_closed, "--half-closed-timeout", 5'000, true, base::Reason::client_closed, "response body bytes, once the client has half-closed"},
    {Wait::client_write, "--reader-timeout", 60'000, true, base::Reason::client_stalled, "the client to read response bytes"},
    {Wait::tunnel, "--tunnel-timeout", 600'000, true, base::Reason::tunnel_timeout, "tunnel bytes, in either direction", true},
    {Wait::linger, "--linger-timeout", 2'000, false, base::Reason::complete, "the client to close after the last byte"},
    {Wait::throttle, "", 50, false, base::Reason::none, "the client's bandwidth limit"},
    {Wait::login, "", 60'000, false, base::Reason::login_timeout, "the check of the password"},
}};
// clang-format on
inline constexpr std::span<const WaitRow, kDeadlines> kDeadlineRows{kWaitRows.data(), kDeadlines};

constexpr bool waits_in_order() {
  for (std::size_t i = 0; i < kWaits; ++i)
    if (kWaitRows[i].wait != static_cast<Wait>(i)) return false;
  return true;
}
static_assert(waits_in_order());

// The timeout of a route or a listener in place of the configuration's.
struct Timeout {
  Wait wait = Wait::none;
  std::uint32_t ms = 0;     // 0: none
  bool of_request = false;  // the key request_timeout_ms sets it
  bool operator==(const Timeout&) const = default;
};
using Timeouts = std::vector<Timeout>;

// The first for this wait; null if there is none.
inline const Timeout* find(const Timeouts& timeouts, Wait wait) noexcept {
  for (const Timeout& timeout : timeouts)
    if (timeout.wait == wait) return &timeout;
  return nullptr;
}

constexpr const WaitRow& row(Wait wait) noexcept { return kWaitRows[static_cast<std::size_t>(wait)]; }

}  // namespace plan
