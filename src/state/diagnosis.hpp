// What a record waits for, as a sentence: a function of a few values, so that the trace, an error response
// and a record file can have it in the same words.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "../base/text.hpp"
#include "../plan/waits.hpp"
#include "states.hpp"

namespace state {

// What ends a wait before its timeout.
enum class Awaited : std::uint8_t {
  client_sends,    // bytes of the client: its endpoint becomes readable
  client_reads,    // room for bytes to the client: its endpoint becomes writable
  upstream_sends,  // the same for the upstream's endpoint
  upstream_reads,
  attempts,  // a connection attempt of net::Connector
  lanes,     // either lane of a tunnel
  proxy,     // the proxy itself: DNS, a clock, a share of the turn
};

// A row of the table of waits by state.
struct DiagnosisRow {
  State state;
  plan::Wait wait;
  Awaited awaited;
  std::string_view what;  // subject and verb in the present perfect; "for 8.2 s" can follow
  std::string_view end;   // what happens at the timeout
};

// clang-format off
// All pairs of state and wait that a record in use can have. Wait::none: it is queued to run.
inline constexpr std::array kDiagnosisRows{
    DiagnosisRow{State::READ_REQUEST, plan::Wait::none, Awaited::proxy, "The record has been ready to run", ""},
    DiagnosisRow{State::READ_REQUEST, plan::Wait::idle, Awaited::client_sends, "The client has sent nothing", "the connection closes"},
    DiagnosisRow{State::READ_REQUEST, plan::Wait::keep_alive, Awaited::client_sends, "The client has sent no further request", "the connection closes"},
    DiagnosisRow{State::READ_REQUEST, plan::Wait::request_head, Awaited::client_sends, "The request head has been incomplete", "the client gets 408"},
    DiagnosisRow{State::READ_REQUEST, plan::Wait::linger, Awaited::proxy, "The error response has had no buffer", "the connection closes"},
    DiagnosisRow{State::READ_REQUEST, plan::Wait::throttle, Awaited::proxy, "The client's bandwidth (--client-bytes) has been used up", "the record continues"},
    DiagnosisRow{State::READ_REQUEST, plan::Wait::login, Awaited::proxy, "The password has not been checked", "the client gets 503"},
    DiagnosisRow{State::SEND_REQUEST, plan::Wait::none, Awaited::proxy, "The record has been ready to run", ""},
    DiagnosisRow{State::SEND_REQUEST, plan::Wait::request_body, Awaited::client_sends, "The client has sent no bytes of the request body", "the client gets 408"},
    DiagnosisRow{State::SEND_REQUEST, plan::Wait::resolve, Awaited::proxy, "The name server has not answered", "the next server of the group is tried, or the client gets 504"},
    DiagnosisRow{State::SEND_REQUEST, plan::Wait::attempt, Awaited::attempts, "The upstream has not accepted the connection", "the next address is tried too"},
    DiagnosisRow{State::SEND_REQUEST, plan::Wait::connect, Awaited::attempts, "The upstream has not accepted the connection", "the next server of the group is tried, or the client gets 504"},
    DiagnosisRow{State::SEND_REQUEST, plan::Wait::upstream_write, Awaited::upstream_reads, "The upstream has read no request bytes", "the client gets 504"},
    DiagnosisRow{State::SEND_REQUEST, plan::Wait::response_head, Awaited::upstream_sends, "The upstream proxy has not completed its reply", "the client gets 504"},
    DiagnosisRow{State::SEND_REQUEST, plan::Wait::client_write, Awaited::client_reads, "The client has read no bytes of the interim response", "the connection closes"},
    DiagnosisRow{State::SEND_REQUEST, plan::Wait::linger, Awaited::proxy, "The error response has had no buffer", "the connection closes"},
    DiagnosisRow{State::SEND_REQUEST, plan::Wait::throttle, Awaited::proxy, "The client's bandwidth (--client-bytes) has been used up", "the record continues"},
    DiagnosisRow{State::READ_RESPONSE, plan::Wait::none, Awaited::proxy, "The record has been ready to run", ""},
    DiagnosisRow{State::READ_RESPONSE, plan::Wait::response_head, Awaited::upstream_sends, "The upstream has not completed the response head", "the client gets 504"},
    DiagnosisRow{State::READ_RESPONSE, plan::Wait::linger, Awaited::proxy, "The error response has had no buffer", "the connection closes"},
    DiagnosisRow{State::READ_RESPONSE, plan::Wait::throttle, Awaited::proxy, "The client's bandwidth (--client-bytes) has been used up", "the record continues"},
    DiagnosisRow{State::SEND_RESPONSE, plan::Wait::none, Awaited::proxy, "The record has been ready to run", ""},
    DiagnosisRow{State::SEND_RESPONSE, plan::Wait::response_body, Awaited::upstream_sends, "The upstream has sent no response bytes", "the response is cut off"},
    DiagnosisRow{State::SEND_RESPONSE, plan::Wait::half_closed, Awaited::upstream_sends, "The upstream has sent no response bytes to a client that has half-closed", "the response is cut off"},
    DiagnosisRow{State::SEND_RESPONSE, plan::Wait::client_write, Awaited::client_reads, "The client has read no response bytes", "the connection closes"},
    DiagnosisRow{State::SEND_RESPONSE, plan::Wait::tunnel, Awaited::lanes, "No bytes have passed in either direction", "the connection closes"},
    DiagnosisRow{State::SEND_RESPONSE, plan::Wait::linger, Awaited::client_sends, "The client has not closed after the last byte", "the connection closes"},
    DiagnosisRow{State::SEND_RESPONSE, plan::Wait::throttle, Awaited::proxy, "The client's bandwidth (--client-bytes) has been used up", "the record continues"},
};
// clang-format on

// Returns the row; null if no record in use has this state and wait.
const DiagnosisRow* find_diagnosis(State state, plan::Wait wait) noexcept;

// Returns the row of the wait that ends for `reason` at its timeout, in that state; null if there is none.
const DiagnosisRow* find_timeout(State state, base::Reason reason) noexcept;

// What is known about a record. Times in ms.
struct Situation {
  static constexpr std::uint64_t kUnknown = ~std::uint64_t{0};
  static constexpr std::uint64_t kNever = kUnknown - 1;

  State state = State::FREE;
  plan::Wait wait = plan::Wait::none;
  bool needs_block = false;            // the record also waits for a free buffer
  std::uint64_t held = 0;              // bytes that were read and not sent yet
  std::uint64_t waited = kUnknown;     // since the wait, or its last progress, began
  std::uint64_t remaining = kUnknown;  // until the timeout; kNever: the timeout is switched off
  const plan::Timeout* own = nullptr;  // of its route or listener; null: none, or it is not known
};

// The longest text, in bytes.
inline constexpr std::size_t kDiagnosisMax = 320;

// Writes what sets the timeout of that wait: "--answer-timeout"; with the timeout of a route or a listener,
// which the configuration file sets: "answer_timeout in the configuration file". REQUIRES: the wait has an
// option.
void write_setting(plan::Wait wait, const plan::Timeout* own, base::Writer& out) noexcept;

// Writes what the record waits for, for how long, what it holds, how the wait ends and which option limits
// it: "The client has read no response bytes for 8.2 s; 16384 bytes are held. In 51.8 s the connection closes
// (--reader-timeout)." Writes that the record is free, or that the pair is unknown, if there is no row.
void write_diagnosis(const Situation& situation, base::Writer& out) noexcept;

// Writes which wait of that state has ended for `reason` after `waited` ms, and its option: "The upstream has
// not completed the response head for 120 s (--answer-timeout)." Writes nothing if `reason` is not a timeout
// of that state. `own`: the timeout of a route or a listener, which the configuration file sets; null: none.
void write_timeout(State state, base::Reason reason, std::uint64_t waited, const plan::Timeout* own,
                   base::Writer& out) noexcept;

}  // namespace state
