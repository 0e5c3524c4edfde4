// The deadlines: one for each kind of wait, so that no record can be lost. One table feeds the timers, the
// reasons, the options and the help text. Behind the deadlines stands the one wait that is no more than a
// pause: nobody sets it, and nothing has failed when it is over.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "../base/reason.hpp"

namespace plan {

enum class Wait : std::uint8_t {
  idle,         // the client has said nothing yet
  kept,         // the client may send another request
  head,         // the head of the request, from its first byte on
  body,         // the client's next piece of body
  resolve,      // the name
  attempt,      // one address, before the next is tried too
  connect,      // the last address
  send,         // the upstream takes bytes
  answer,       // the head of the answer
  stream,       // the upstream's next piece of body
  half_closed,  // the same, for a client that may have left
  reader,       // the client takes bytes
  tunnel,       // either side of a tunnel sends something
  linger,       // the client reads our last bytes and closes
  throttle,     // until the client may move bytes again (--client-bytes)
  none,         // not waiting
};
inline constexpr std::size_t kWaits = static_cast<std::size_t>(Wait::none);
inline constexpr std::size_t kDeadlines = static_cast<std::size_t>(Wait::throttle);

struct WaitRow {
  Wait wait;
  std::string_view option;  // empty: none
  std::uint32_t default_ms;
  bool restarts;          // with each byte that moves; else it is the wait's total
  base::Reason reason;    // of the verdict when it runs out; none: it just goes on
  std::string_view what;  // "Longest wait for ..."
};

// clang-format off
inline constexpr std::array<WaitRow, kWaits> kWaitRows{{
    {Wait::idle, "--idle-timeout", 60'000, false, base::Reason::client_idle, "a connected client's first byte"},
    {Wait::kept, "--keep-alive-timeout", 60'000, false, base::Reason::client_idle, "a client's next request"},
    {Wait::head, "--head-timeout", 30'000, false, base::Reason::head_timeout, "the whole head of a request"},
    {Wait::body, "--body-timeout", 60'000, true, base::Reason::body_timeout, "the next bytes of a request's body"},
    {Wait::resolve, "--resolve-timeout", 10'000, false, base::Reason::resolve_timeout, "a host's addresses"},
    {Wait::attempt, "--attempt-delay", 250, false, base::Reason::connect_timeout, "one address, before the next is tried too"},
    {Wait::connect, "--connect-timeout", 10'000, false, base::Reason::connect_timeout, "a connection, once the last address is tried"},
    {Wait::send, "--send-timeout", 60'000, true, base::Reason::upstream_stalled, "the host to take bytes"},
    {Wait::answer, "--answer-timeout", 120'000, true, base::Reason::answer_timeout, "the head of the answer"},
    {Wait::stream, "--stream-timeout", 60'000, true, base::Reason::upstream_stalled, "the next bytes of the answer"},
    {Wait::half_closed, "--half-closed-timeout", 5'000, true, base::Reason::client_left, "the same, once the client has closed its side"},
    {Wait::reader, "--reader-timeout", 60'000, true, base::Reason::client_stalled, "the client to take bytes"},
    {Wait::tunnel, "--tunnel-timeout", 600'000, true, base::Reason::tunnel_idle, "the next bytes in a tunnel, either way"},
    {Wait::linger, "--linger-timeout", 2'000, false, base::Reason::complete, "the client to close after our last byte"},
    {Wait::throttle, "", 50, false, base::Reason::none, "the client to be allowed more bytes"},
}};
// clang-format on
inline constexpr std::span<const WaitRow, kDeadlines> kDeadlineRows{kWaitRows.data(), kDeadlines};

constexpr bool waits_in_order() {
  for (std::size_t i = 0; i < kWaits; ++i)
    if (kWaitRows[i].wait != static_cast<Wait>(i)) return false;
  return true;
}
static_assert(waits_in_order());

constexpr const WaitRow& row(Wait wait) noexcept { return kWaitRows[static_cast<std::size_t>(wait)]; }

}  // namespace plan
