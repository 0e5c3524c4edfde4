// What the access log and the metrics read of a finished request.
#pragma once
#include "../base/reason.hpp"
#include "../http/attempt.hpp"
#include "../http/head.hpp"
#include "../sys/address.hpp"
#include "states.hpp"

// One request. Times are in ms.
struct AccessRecord {
  static constexpr std::size_t kMethodBytes = http::kMethodBytesMax;
  static constexpr std::size_t kTargetBytes = 320;  // a longer URL is cut
  static constexpr std::size_t kFieldBytes = 160;   // so are Referer and User-Agent
  static constexpr std::size_t kUserBytes = 64;     // and the name of a user
  static constexpr std::size_t kTraceBytes = 32;    // the trace-id of W3C Trace Context
  static constexpr std::size_t kAttemptsMax = 8;

  std::uint64_t id = 0;           // of the connection
  std::uint64_t wall_ms = 0;      // when the request began
  std::uint64_t sent_up = 0;      // bytes sent to the upstream, head included
  std::uint64_t sent_down = 0;    // bytes sent to the client, head included
  std::uint64_t head_down = 0;    // of these, bytes before the response's body
  std::uint64_t body_length = 0;  // Content-Length of the response, if `announced`
  sys::Address client;
  std::array<std::uint32_t, kStates> state_ms{};  // time spent in each state
  std::array<std::uint32_t, kPhases> phase_ms{};  // time spent in each phase of SEND_REQUEST
  int error = 0;                                  // errno of the last failure; 0: none
  std::uint32_t nth = 0;                          // number of the request on its connection, from 1
  std::uint16_t status = 0;                       // sent to the client; 0: no response was begun
  std::uint16_t received = 0;                     // the last status that the upstream sent; 0: none
  std::uint16_t target_length = 0;
  std::uint8_t method_length = 0;  // 0: the request could not be parsed
  std::uint8_t referer_length = 0;
  std::uint8_t agent_length = 0;
  std::uint8_t user_length = 0;              // 0: no password was checked, or it was wrong
  std::uint8_t trace_length = 0;             // 0: the request has no trace
  std::uint8_t attempt_count = 0;            // addresses that were tried
  std::uint8_t interims = 0;                 // 1xx responses before the final one
  std::uint8_t phases = 0;                   // bit n: phase n was entered
  State ended_in = State::FREE;              // the state in which `reason` was decided
  base::Reason reason = base::Reason::none;  // why the request ended
  base::Reason detail = base::Reason::none;  // with bad_response: what is wrong with the response
  bool announced = false;                    // the response has a Content-Length
  bool target_cut = false;
  bool http10 = false;         // the client's version
  bool reused = false;         // sent over a reused upstream connection, at least at first
  bool tunnel_opened = false;  // CONNECT or Upgrade succeeded
  // The following are not initialized; only the lengths and counts above say what may be read.
  std::array<http::Attempt, kAttemptsMax> attempts;
  std::array<char, kMethodBytes> method;
  std::array<char, kTargetBytes> target;
  std::array<char, kFieldBytes> referer;
  std::array<char, kFieldBytes> agent;
  std::array<char, kUserBytes> user;
  std::array<char, kTraceBytes> trace;

  // The texts, as far as they were kept.
  [[nodiscard]] std::string_view method_view() const noexcept { return {method.data(), method_length}; }
  [[nodiscard]] std::string_view target_view() const noexcept { return {target.data(), target_length}; }
  [[nodiscard]] std::string_view referer_view() const noexcept { return {referer.data(), referer_length}; }
  [[nodiscard]] std::string_view agent_view() const noexcept { return {agent.data(), agent_length}; }
  [[nodiscard]] std::string_view user_view() const noexcept { return {user.data(), user_length}; }
  [[nodiscard]] std::string_view trace_view() const noexcept { return {trace.data(), trace_length}; }
  // The request entered that phase of SEND_REQUEST.
  [[nodiscard]] bool had(Phase phase) const noexcept {
    return (phases >> static_cast<unsigned>(phase) & 1U) != 0;
  }
  // Bytes sent after the response's head, with the chunk framing if there is any.
  [[nodiscard]] std::uint64_t body_bytes() const noexcept {
    return status != 0 && sent_down > head_down ? sent_down - head_down : 0;
  }
};
