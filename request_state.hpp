// The state machine of a request: its states, the events that lead from one to the next, and the record.
//
//   FREE
//     | accepted
//     v
//   READ_REQUEST ----- local_response, stream_opened, idle_closed -----+
//   ^ |                                                                |
//   | | forwarded                                                      |
//   | v                                                                |
//   | SEND_REQUEST ------------ local_response, tunnel_opened -------+ |
//   | | ^                                                            | |
//   | | | retry                                                      v v
//   | | +-- READ_RESPONSE ----- response_head, local_response ---> SEND_RESPONSE
//   | +---> ^  request_sent,                                         | |
//   |       |  response_early                                        | |
//   |       +------------------------ interim_sent ------------------+ |
//   +-------------------------------- response_sent -------------------+
//
//   From each state but FREE: closed, back to FREE.
//
// A record is two endpoints and two lanes. Its state says which message is in progress; EAGAIN alone says
// when to stop. I/O events only set marks. Afterwards each marked record runs once, in `advance`, within a
// budget, until it must wait.
#pragma once
#include <array>
#include <cassert>
#include <cstdint>
#include <memory>

#include "src/base/links.hpp"
#include "src/plan/waits.hpp"
#include "src/state/exchange.hpp"
#include "src/state/handshake_progress.hpp"

namespace plan {
struct Generation;
}

// In state `from`, `event` leads to state `to`.
struct Transition {
  State from;
  Event event;
  State to;
};

// All that can happen to a record. `admit` applies `accepted`, and `advance` the others except `closed`: that
// is `release`, after which the record is FREE.
inline constexpr std::array kTransitions{
    Transition{State::FREE, Event::accepted, State::READ_REQUEST},
    Transition{State::READ_REQUEST, Event::forwarded, State::SEND_REQUEST},
    Transition{State::READ_REQUEST, Event::local_response, State::SEND_RESPONSE},
    Transition{State::READ_REQUEST, Event::stream_opened, State::SEND_RESPONSE},
    Transition{State::READ_REQUEST, Event::idle_closed, State::SEND_RESPONSE},
    Transition{State::SEND_REQUEST, Event::request_sent, State::READ_RESPONSE},
    Transition{State::SEND_REQUEST, Event::response_early, State::READ_RESPONSE},
    Transition{State::SEND_REQUEST, Event::tunnel_opened, State::SEND_RESPONSE},
    Transition{State::SEND_REQUEST, Event::local_response, State::SEND_RESPONSE},
    Transition{State::READ_RESPONSE, Event::response_head, State::SEND_RESPONSE},
    Transition{State::READ_RESPONSE, Event::local_response, State::SEND_RESPONSE},
    Transition{State::READ_RESPONSE, Event::retry, State::SEND_REQUEST},
    Transition{State::SEND_RESPONSE, Event::interim_sent, State::READ_RESPONSE},
    Transition{State::SEND_RESPONSE, Event::response_sent, State::READ_REQUEST},
    Transition{State::READ_REQUEST, Event::closed, State::FREE},
    Transition{State::SEND_REQUEST, Event::closed, State::FREE},
    Transition{State::READ_RESPONSE, Event::closed, State::FREE},
    Transition{State::SEND_RESPONSE, Event::closed, State::FREE},
};

// The state that follows. REQUIRES: a row of kTransitions.
constexpr State next_state(State from, Event event) noexcept {
  for (const Transition& row : kTransitions)
    if (row.from == from && row.event == event) return row.to;
  assert(false);
  return from;
}

// One row for each pair of state and event; each state is entered and left, each event used.
consteval bool transitions_are_sound() {
  std::array<std::array<int, kEvents>, kStates> rows{};
  std::array<bool, kStates> reached{}, left{};
  std::array<bool, kEvents> used{};
  for (const Transition& row : kTransitions) {
    const auto from = static_cast<std::size_t>(row.from), to = static_cast<std::size_t>(row.to);
    const auto event = static_cast<std::size_t>(row.event);
    if (++rows[from][event] > 1 || from == to) return false;
    reached[to] = left[from] = used[event] = true;
  }
  std::array<bool, kStates> every_state{};
  std::array<bool, kEvents> every_event{};
  every_state.fill(true);
  every_event.fill(true);
  return reached == every_state && left == every_state && used == every_event;
}
static_assert(transitions_are_sound());

// Index of a record's endpoints.
enum Side : std::uint8_t { kClient, kUpstream };
// Index of a record's lanes: from the client to the upstream, and back.
enum Way : std::uint8_t { kRequest, kResponse };

// What a record waits for in the turn's order (Scheduler::wait_for_share).
enum class Share : std::uint8_t {
  none,
  work,  // a part of the turn's work
  hash,  // the computation of a password hash
};

// A client's connection: two endpoints, two lanes, and the request in progress.
struct request_info {
  State state = State::FREE;
  plan::Wait wait = plan::Wait::none;         // the timer that runs
  base::Reason verdict = base::Reason::none;  // not none: the next turn ends the request for this
  std::uint8_t head_bytes_sent = 0;           // of the next response head (see probe_half_closed)
  std::uint8_t listener = 0;                  // index in the configuration
  bool proxy_header_read = false;             // the client's PROXY header
  bool counted = false;                       // against the client's limit of connections
  bool needs_block = false;                   // in the queue for a free block, not in the ready queue
  bool has_turn = false;                      // was first in that queue: may take a block now
  Share awaits = Share::none;                 // in the queue for it, not in the ready queue
  bool used_allowance = false;                // read all that its client may read now: other records first
  bool viewer = false;                        // of the board: not traced, logged or counted
  std::uint64_t untraced_bytes = 0;           // that were sent while it was a viewer
  std::array<net::Endpoint, 2> side;          // by Side
  std::array<net::Lane, 2> lane;              // by Way
  base::Links ready, timer;                   // of the Scheduler's queues
  std::uint64_t deadline = 0;                 // when the timer expires, ms
  std::uint64_t entered = 0;                  // ms: when `state` was entered, or a request's first byte came
  std::uint64_t id = 0;                       // of the connection, from 1
  std::uint32_t served = 0;                   // requests before this one on the client's connection
  plan::Generation* generation = nullptr;     // the configuration in use; null in FREE
  ExchangePtr exchange;                       // null before a request's head is complete, and after its end
  std::unique_ptr<base::BodySource> body_source;  // of the response; null: the upstream
  std::unique_ptr<HandshakeProgress> handshake;   // null unless a handshake with a parent is going on
  sys::Address client;
};
static_assert(sizeof(request_info) <= 288);

// What a part of the machine reports to `advance`.
struct Result {
  enum class What : std::uint8_t {
    event,       // `event` happened: the next state follows from kTransitions
    again,       // something changed: run the same state once more, with its timer stopped
    wait,        // for an I/O event, at most as long as `wait` allows
    yield,       // run in the next turn: the budget is used up
    need_block,  // wait for a free block, at most as long as `wait` allows
    close,       // close the connection for `reason`
  };

  // Implicit, so that a state function can return an event.
  constexpr Result(Event happened) noexcept : what(What::event), event(happened) {}
  constexpr explicit Result(What next, plan::Wait longest = plan::Wait::none,
                            base::Reason why = base::Reason::none) noexcept
      : what(next), wait(longest), reason(why) {}

  // The state ends with this event.
  [[nodiscard]] constexpr bool is(Event expected) const noexcept {
    return what == What::event && event == expected;
  }

  What what;
  Event event = Event::closed;
  plan::Wait wait = plan::Wait::none;
  base::Reason reason = base::Reason::none;
};

struct Turn;    // src/state/turn.hpp
struct Worker;  // src/state/worker.hpp

// One for each state. Each asserts its state, moves what can be moved, and reports what happened.
//
// Reads the request's head, and decides what is done with the request.
Result read_request(request_info& record, Turn& turn, Worker& worker) noexcept;
// Gets a connection to the upstream. The request is sent before each state function runs, in `advance`.
Result send_request(request_info& record, Turn& turn, Worker& worker) noexcept;
// Reads the response's head, and rewrites it.
Result read_response(request_info& record, Turn& turn, Worker& worker) noexcept;
// Sends the response to its end; then lingering close, or the next request.
Result send_response(request_info& record, Turn& turn, Worker& worker) noexcept;

// Runs each ready record once; one that is woken meanwhile runs in the next turn. Then those that wait for
// their share of the turn, as far as the turn's budget goes.
void run_records(Worker& worker) noexcept;
// Runs a record until it must wait, and sends what there is to send to the upstream. The only caller of the
// state functions.
void advance(request_info& record, Worker& worker) noexcept;
// Takes a record for a new client of that listener of the current configuration, registers the client's
// descriptor with epoll, and wakes the record. If all records are in use, first releases one that gives way.
// Returns false, and has refused the connection, if there is no record for this client.
bool admit(sys::Fd client, const sys::Address& peer, std::uint8_t listener, Worker& worker) noexcept;
// Ends the exchange for `reason`, closes the record's connections and frees the record.
void release(request_info& record, base::Reason reason, Worker& worker) noexcept;

namespace state {

// The results, by name. Each means what Result::What says.
constexpr Result wait_for(plan::Wait wait) noexcept { return Result{Result::What::wait, wait}; }
constexpr Result again() noexcept { return Result{Result::What::again}; }
constexpr Result yield(plan::Wait wait = plan::Wait::none) noexcept {
  return Result{Result::What::yield, wait};
}
constexpr Result need_block(plan::Wait wait) noexcept { return Result{Result::What::need_block, wait}; }
constexpr Result close_connection(base::Reason reason) noexcept {
  return Result{Result::What::close, plan::Wait::none, reason};
}

}  // namespace state
