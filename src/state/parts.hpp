// The parts that the four states are made of (`request_state.cpp`); besides them `checker.cpp` alone includes
// this.
#pragma once
#include <cstdint>
#include <string_view>

#include "../../request_state.hpp"
#include "../base/trace.hpp"
#include "../http/head.hpp"
#include "turn.hpp"
#include "worker.hpp"

namespace state {

using base::Reason;
using plan::Wait;

// ---- results ---------------------------------------------------------------------------------------------

constexpr Result wait_for(Wait wait) noexcept { return Result{Result::What::wait, wait}; }
constexpr Result yield(Wait wait = Wait::none) noexcept { return Result{Result::What::yield, wait}; }
constexpr Result need_block(Wait wait) noexcept { return Result{Result::What::need_block, wait}; }
constexpr Result again() noexcept { return Result{Result::What::again}; }
constexpr Result close_connection(Reason reason) noexcept {
  return Result{Result::What::close, Wait::none, reason};
}

// ---- notes.cpp -------------------------------------------------------------------------------------------

void note(const request_info& record, Worker& worker, base::TraceEvent event, std::int64_t value,
          std::uint8_t detail, int error = 0) noexcept;
std::uint64_t moved(const request_info& record) noexcept;  // bytes sent on, both ways
// The notes on this request. There are two for each record: one may be in use while another waits for the
// log. False: all are in use, until the log is written at the end of this turn.
bool begin_exchange(request_info& record, Worker& worker) noexcept;
void describe(Exchange& exchange, const http::RequestHead& head, const plan::Config& config) noexcept;
bool has_gone(const request_info& record) noexcept;  // something of this request has been sent
// From here on the time counts for this phase; with none, for no phase.
void begin_phase(Exchange& exchange, const Worker& worker, Phase phase) noexcept;
// The exchange is over: its notes go to whoever writes the log.
void end_exchange(request_info& record, Reason reason, Worker& worker) noexcept;

// ---- answers.cpp -----------------------------------------------------------------------------------------

// Ends the exchange for `reason`: by an answer that says so, if none has begun and the reason has one.
Result give_up(request_info& record, Turn& turn, Worker& worker, Reason reason) noexcept;
// The same for a web server's request that was read whole: the connection may stay. `fields` are whole lines
// of the head. REQUIRES: a block for the answer.
Result refuse(request_info& record, Turn& turn, Worker& worker, Reason reason,
              std::string_view fields) noexcept;
// The request is not to go on: the answer is ours, though there is nothing wrong.
Result end_of_way(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head) noexcept;
// The upstream of a tunnel would take the end of the stream for the client's.
bool would_look_whole_above(const request_info& record) noexcept;

// ---- upstream.cpp ----------------------------------------------------------------------------------------

Result look_up(request_info& record, Turn& turn, Worker& worker) noexcept;
// The connection that was used before is dead: the request goes once more, over a new one.
Result repeat(request_info& record) noexcept;
// An upstream that has kept to its message, and has had ours whole, can have another.
void keep_upstream(request_info& record, Worker& worker) noexcept;

// ---- connect.cpp -----------------------------------------------------------------------------------------

// A request to ourselves would come back; and rules may speak of the address that a name leads to.
Reason objection_to(const Exchange& exchange, const Turn& turn, const Worker& worker,
                    const sys::Address& address) noexcept;
Reason reason_for(int error) noexcept;  // of an upstream's errno
// The host's addresses are known.
Result begin_connecting(request_info& record, Turn& turn, Worker& worker) noexcept;
Result connecting(request_info& record, Turn& turn, Worker& worker) noexcept;
// It is time to begin with the next address too; or, if there is none, to give up.
Result connect_late(request_info& record, Turn& turn, Worker& worker, Reason reason) noexcept;

// False: there is no memory.
bool need_approach(request_info& record) noexcept;

// ---- greet.cpp -------------------------------------------------------------------------------------------

// What is to be said first on a new connection; none: it leads to where the request goes.
net::Greeting first_greeting(const Exchange& exchange) noexcept;
// What has to be said to a parent before the connection leads on.
Result greet(request_info& record, Turn& turn, Worker& worker) noexcept;

// The host cannot be reached: perhaps another of its group can. REQUIRES: nothing has been sent.
Result unreachable(request_info& record, Turn& turn, Worker& worker, Reason reason) noexcept;
// The member of the group that is to be asked; false: all were tried.
bool choose_member(request_info& record, Turn& turn, Worker& worker) noexcept;

// ---- serve.cpp -------------------------------------------------------------------------------------------

// There was no descriptor for a file: an idle upstream's is given up for it. False: another try is of no use.
bool make_room_for_file(Worker& worker, Reason why) noexcept;
// A web server's own answer is to be in a block; false: there is none to be had.
bool reserve_answer(request_info& record, Worker& worker) noexcept;
Result serve(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
             std::size_t head_length, const plan::Plan& decided) noexcept;

// ---- raw.cpp ---------------------------------------------------------------------------------------------

const plan::Listener& listener_of(const request_info& record, const Turn& turn) noexcept;
// The connection begins with a PROXY header, which says who the client is.
Result read_introduction(request_info& record, Turn& turn, Worker& worker) noexcept;
// What comes is not HTTP.
Result begin_raw(request_info& record, Turn& turn, Worker& worker, plan::Kind kind) noexcept;
// The connection to the relay's other end is open.
Result open_relay(request_info& record) noexcept;
Result echo(request_info& record, Turn& turn, Worker& worker) noexcept;
Result reverse_lines(request_info& record, Turn& turn, Worker& worker) noexcept;

// ---- heads.cpp -------------------------------------------------------------------------------------------

// What Host is where nobody has named one: "localhost:3000"; for a Unix socket "localhost". REQUIRES: room
// for kHostTextMax.
std::string_view authority_of(const plan::Hop& hop, std::span<char> room) noexcept;
Result take_up(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
               std::size_t length) noexcept;
Result answer(request_info& record, Turn& turn, Worker& worker, const http::ResponseHead& head,
              std::size_t head_length) noexcept;
Result pass_interim(request_info& record, Turn& turn, Worker& worker, const http::ResponseHead& head,
                    std::size_t head_length) noexcept;
Result bad_response(request_info& record, Turn& turn, Worker& worker, Reason detail) noexcept;

// ---- share.cpp -------------------------------------------------------------------------------------------

// As `net::pump`, within the record's share of the turn and its client's allowance.
net::Flow pump(request_info& record, Turn& turn, Worker& worker, Way way) noexcept;
// As `net::fill`, for a head and what comes behind it. Flow::budget: the client may move nothing now.
net::Flow fill_head(request_info& record, Turn& turn, Worker& worker, Way way) noexcept;
// The same as `fill_head`, as far as the block has room.
net::Flow fill_line(request_info& record, Turn& turn, Worker& worker) noexcept;
// Counts bytes that were read and thrown away.
void spend(const request_info& record, Turn& turn, std::uint64_t bytes) noexcept;
// The record stopped because its client may move no more now.
void throttle(request_info& record, Turn& turn, Worker& worker, const Result& result) noexcept;

// ---- tunnel.cpp ------------------------------------------------------------------------------------------

// Everything behind the head is for the tunnel's other end, and none of it is looked at.
Result begin_tunnel(request_info& record, std::size_t head_length) noexcept;
// The connection to the tunnel's other end is open.
Result open_tunnel(request_info& record, Turn& turn, Worker& worker) noexcept;
// 101: both sides speak another protocol from here on, which is not looked at.
Result switch_protocols(request_info& record) noexcept;
// Both lanes of a tunnel run until each has come to its end.
Result relay(request_info& record, Turn& turn, Worker& worker) noexcept;

// ---- ends.cpp --------------------------------------------------------------------------------------------

// The answer breaks off.
Result cut(request_info& record, Reason reason, Reason detail) noexcept;
// The client would take the end of the stream for the end of the answer, which has not come.
bool would_look_whole(const request_info& record) noexcept;
// Reads what a client still sends, for a while.
Result linger(request_info& record, Turn& turn, Worker& worker) noexcept;
// All is said, and the client may still be speaking.
Result hear_out(request_info& record, Turn& turn, Worker& worker) noexcept;
// Whether its client's connection, and its upstream's, may serve further requests.
inline bool may_stay(const request_info& record, const Worker& worker) noexcept {
  return !worker.draining && record.generation == worker.current;  // PLANT(keep-alive-same-generation)
}
// The proxy is to end, and the client waits for nothing.
Result leave(request_info& record) noexcept;
// The answer is through: an interim one is followed by another, and a whole exchange perhaps by the next.
Result all_sent(request_info& record, Turn& turn, Worker& worker) noexcept;
// Gives up the request's block, kept for later, where no other is to be had. False: it is not kept, or still
// needed.
bool give_up_kept(request_info& record) noexcept;

// ---- queues.cpp ------------------------------------------------------------------------------------------

void pause(request_info& record, Turn& turn, Worker& worker, Wait wait) noexcept;
void yield_turn(request_info& record, Turn& turn, Worker& worker, Wait wait) noexcept;

}  // namespace state
