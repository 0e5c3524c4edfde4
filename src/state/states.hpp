// The states of a record, the events that end them, and the phases of SEND_REQUEST. Which state follows:
// kTransitions in request_state.hpp.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

// FREE: the record is not in use. The other four say which message is in progress. Recordings have these
// numbers.
enum class State : std::uint8_t { FREE, READ_REQUEST, SEND_REQUEST, READ_RESPONSE, SEND_RESPONSE };
inline constexpr std::size_t kStates = 5;
inline constexpr std::array<std::string_view, kStates> kStateNames{"FREE", "READ_REQUEST", "SEND_REQUEST",
                                                                   "READ_RESPONSE", "SEND_RESPONSE"};

// As in the log and in the trace.
constexpr std::string_view name(State state) noexcept { return kStateNames[static_cast<std::size_t>(state)]; }

// What happened to a record that ends its state.
enum class Event : std::uint8_t {
  accepted,        // a client has connected
  forwarded,       // the request's head is ready to be sent to an upstream
  local_response,  // a response of the proxy's own is ready to be sent
  stream_opened,   // TCP echo, line reverser or file sender: the source of the bytes is open
  idle_closed,     // graceful shutdown: the proxy has sent FIN to an idle client
  request_sent,    // the upstream has the whole request
  response_early,  // the upstream responds before it has the whole request
  tunnel_opened,   // the upstream connection of a tunnel or a TCP proxy is open
  response_head,   // the response's head is ready to be sent to the client
  retry,           // a reused upstream connection was closed without a response
  interim_sent,    // the client has a 1xx response; another one follows
  response_sent,   // the client has the response, and its connection is kept
  closed,          // the client's connection is closed
};
inline constexpr std::size_t kEvents = 13;
inline constexpr std::array<std::string_view, kEvents> kEventNames{
    "accepted",     "forwarded",      "local_response", "stream_opened", "idle_closed",
    "request_sent", "response_early", "tunnel_opened",  "response_head", "retry",
    "interim_sent", "response_sent",  "closed"};

// As in the trace and in the documents.
constexpr std::string_view name(Event event) noexcept { return kEventNames[static_cast<std::size_t>(event)]; }

// A request over a reused connection has only the phase `send`.
enum class Phase : std::uint8_t { resolve, connect, send, none };
inline constexpr std::size_t kPhases = static_cast<std::size_t>(Phase::none);
inline constexpr std::array<std::string_view, kPhases> kPhaseNames{"resolve", "connect", "send"};
