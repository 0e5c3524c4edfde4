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
#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "src/base/links.hpp"
#include "src/files/server.hpp"
#include "src/http/reply.hpp"
#include "src/net/address_health.hpp"
#include "src/net/handshake.hpp"
#include "src/net/lane.hpp"
#include "src/net/name_source.hpp"
#include "src/net/race.hpp"
#include "src/net/upstream_pool.hpp"
#include "src/plan/balancer.hpp"
#include "src/plan/limits.hpp"
#include "src/plan/router.hpp"
#include "src/plan/users.hpp"

namespace base {
class Trace;
}
namespace net {
class Resolver;
}
namespace plan {
struct Generation;
}

enum class State : std::uint8_t { FREE, READ_REQUEST, SEND_REQUEST, READ_RESPONSE, SEND_RESPONSE };
inline constexpr std::size_t kStates = 5;
inline constexpr std::array<std::string_view, kStates> kStateNames{"FREE", "READ_REQUEST", "SEND_REQUEST",
                                                                   "READ_RESPONSE", "SEND_RESPONSE"};

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

constexpr std::string_view name(Event event) noexcept { return kEventNames[static_cast<std::size_t>(event)]; }

struct Transition {
  State from;
  Event event;
  State to;
};

// All that can happen to a record. Only `advance`, `admit` and `release` apply it.
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
  const auto all = [](const auto& flags) {
    return std::find(flags.begin(), flags.end(), false) == flags.end();
  };
  return all(reached) && all(left) && all(used);
}
static_assert(transitions_are_sound(),
              "one row for each pair; each state is entered and left, each event used");

// What SEND_REQUEST is made of, as `net::Link` has it: a connection that was used before has only the last.
enum class Phase : std::uint8_t { resolve, connect, send, none };
inline constexpr std::size_t kPhases = static_cast<std::size_t>(Phase::none);
inline constexpr std::array<std::string_view, kPhases> kPhaseNames{"resolve", "connect", "send"};

// What is known of one request and its answer, from the end of READ_REQUEST to the line in the log.
struct Exchange {
  static constexpr std::size_t kTargetBytes = 320;  // a longer URL is cut, in the log only
  static constexpr std::size_t kFieldBytes = 160;   // so are Referer and User-Agent

  std::uint64_t id;            // of the connection
  std::uint64_t wall_ms;       // when the request began
  std::uint64_t sent_up;       // bytes to the upstream, head included; before the end: when the request began
  std::uint64_t sent_down;     // bytes to the client, head included; likewise
  std::uint64_t head_down;     // of these, what came before the answer's body
  std::uint64_t body_length;   // of the answer, as the host's Content-Length announced it, if it did
  const plan::Hop* hop;        // whom we connect to; null: the host itself
  const plan::Parent* parent;  // the hop is one; null: it is none
  std::uint64_t tried;         // one bit for each member of the group that was tried
  std::uint64_t tried_at;      // when the first address was begun with
  std::uint64_t phase_at;      // when the phase was begun with
  sys::Address client;
  net::Addresses addresses;  // of the host
  // The first `next_address` of them. While one is under way: EINPROGRESS, and ms from `tried_at` to its
  // start.
  std::array<http::Attempt, net::Addresses::kMax> attempts;
  std::array<std::uint32_t, kStates> spent_ms;
  std::array<std::uint32_t, kPhases> phase_ms;  // together they are SEND_REQUEST's
  int error;                                    // errno of the last failure, or 0
  std::uint32_t nth;                            // of the connection's requests, from 1
  std::uint32_t answer_ms;                      // longest wait for the answer's head; 0: the configuration's
  std::uint16_t port;
  std::uint16_t status;    // of the answer; 0: none was begun
  std::uint16_t received;  // the last status that came from the upstream; 0: none did
  std::uint16_t target_length;
  std::uint8_t referer_length;  // both 0 unless the log's format tells them
  std::uint8_t agent_length;
  std::uint8_t host_length;
  std::uint8_t method_length;  // 0: the request was never understood
  std::uint8_t next_address;   // of those to try
  std::uint8_t address;        // of the connection, or of the one begun with last
  std::uint8_t interims;       // 1xx heads that came before the answer
  plan::Kind kind;             // what is done
  bool opaque;                 // both ways are open, and nothing that goes through is looked at
  bool grouped;                // the hop is `member` of `group`
  std::uint8_t member;
  std::uint16_t group;     // of the configuration's
  net::Greeting greeting;  // to the parent, before the connection leads on
  http::Version version;   // of the messages we send
  State ended_in;          // where it was decided how it ends
  Phase phase;             // of SEND_REQUEST, that goes on; none: outside of it
  std::uint8_t phases;     // one bit each, from the lowest: those that there were
  bool announced;          // the answer's length
  bool to_head;            // HEAD: the answer has no body
  bool target_cut;
  bool http10;             // the version the client spoke
  bool wants_page;         // an answer of our own is for a browser
  bool persistent;         // the client's connection is kept afterwards
  bool may_continue;       // the client thinks so, at least until it has our answer
  bool upgrade;            // another protocol was asked for
  bool repeatable;         // may be sent twice (RFC 9110 section 9.2.2)
  bool reused;             // sent over a connection that was used before
  bool upstream_persists;  // the upstream's connection can be used again afterwards
  base::Reason reason;     // why it ended
  base::Reason detail;     // bad_response: what is wrong with it
  std::array<char, http::kMethodBytesMax> method;
  std::array<char, http::kHostBytesMax> host;
  std::array<char, kTargetBytes> target;
  std::array<char, kFieldBytes> referer;
  std::array<char, kFieldBytes> agent;

  [[nodiscard]] std::string_view method_view() const noexcept { return {method.data(), method_length}; }
  [[nodiscard]] std::string_view host_view() const noexcept { return {host.data(), host_length}; }
  // Whom we connect to.
  [[nodiscard]] std::string_view hop_host() const noexcept {
    return hop == nullptr ? host_view() : std::string_view{hop->host};
  }
  [[nodiscard]] std::uint16_t hop_port() const noexcept { return hop == nullptr ? port : hop->port; }
  [[nodiscard]] std::string_view target_view() const noexcept { return {target.data(), target_length}; }
  [[nodiscard]] std::string_view referer_view() const noexcept { return {referer.data(), referer_length}; }
  [[nodiscard]] std::string_view agent_view() const noexcept { return {agent.data(), agent_length}; }
  [[nodiscard]] bool had(Phase which) const noexcept {
    return (phases >> static_cast<unsigned>(which) & 1U) != 0;
  }
  // Sent behind the answer's head, as the client has them: with its chunks' size lines, if it has chunks.
  [[nodiscard]] std::uint64_t body_bytes() const noexcept {
    return status != 0 && sent_down > head_down ? sent_down - head_down : 0;
  }
};
static_assert(sizeof(Exchange) <= 1536);
using ExchangePool = base::Pool<Exchange>;
using ExchangePtr = ExchangePool::Ptr;

// What is needed only until the connection to the upstream is open.
struct Approach {
  net::Race race;
  net::Lane talk;     // with a parent: what we say, then what it answers
  bool said = false;  // the former is through
};

enum Side : std::uint8_t { kClient, kUpstream };
enum Way : std::uint8_t { kRequest, kResponse };

struct request_info {
  State state = State::FREE;
  plan::Wait wait = plan::Wait::none;         // which deadline runs
  base::Reason verdict = base::Reason::none;  // to be carried out at the next turn: a deadline has passed
  std::uint8_t greeted = 0;                   // bytes of the next head's first line already sent
  bool introduced = false;                    // its PROXY header has been read
  bool counted = false;                       // among its client's connections
  bool starved = false;                       // in the queue for a block, not in the ready queue
  bool had_share = false;  // all that its client may move now: others of the client are next
  std::uint8_t listener = 0;
  std::array<net::Endpoint, 2> side;
  std::array<net::Lane, 2> lane;
  base::Links ready, timer;
  std::uint64_t deadline = 0;              // of `wait`
  std::uint64_t entered = 0;               // the state, ms
  std::uint64_t id = 0;                    // of the connection, from 1
  std::uint32_t served = 0;                // requests on this connection before this one
  plan::Generation* generation = nullptr;  // it is served by; null: free
  ExchangePtr exchange;
  std::unique_ptr<base::BodySource> feed;  // where the answer comes from; null: from the upstream
  std::unique_ptr<Approach> approach;      // null unless it is needed
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

  constexpr Result(Event happened) noexcept : what(What::event), event(happened) {}  // NOLINT: on purpose
  constexpr explicit Result(What next, plan::Wait longest = plan::Wait::none,
                            base::Reason why = base::Reason::none) noexcept
      : what(next), wait(longest), reason(why) {}

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

Result read_request(request_info& record, Turn& turn, Worker& worker) noexcept;
Result send_request(request_info& record, Turn& turn, Worker& worker) noexcept;
Result read_response(request_info& record, Turn& turn, Worker& worker) noexcept;
Result send_response(request_info& record, Turn& turn, Worker& worker) noexcept;

// Takes a record for a new client of that listener of the current configuration, registers the client's
// descriptor with epoll, and wakes the record. Returns false, and closes the connection, if there is no
// record.
bool admit(sys::Fd client, const sys::Address& peer, std::uint8_t listener, Worker& worker) noexcept;
// Runs a record until it must wait. The only caller of the state functions.
void advance(request_info& record, Worker& worker) noexcept;
// Ends the exchange for `reason`, closes the record's connections and frees the record.
void release(request_info& record, base::Reason reason, Worker& worker) noexcept;

// Marks the endpoint that an event is for, and wakes its record; does nothing if that endpoint is closed.
void deliver(const net::Token& token, const sys::Event& event, Worker& worker) noexcept;
// Begins the graceful shutdown: wakes the records of idle clients, which then close.
void drain(Worker& worker) noexcept;
// Counts the records with a request in flight; those in lingering close are not counted.
std::size_t under_way(const Worker& worker) noexcept;
