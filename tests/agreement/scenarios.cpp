// The scripts. script.cpp explains the verbs, in Player::verbs().
//
// What is not compared, and why:
//
// - The bytes that a full connection holds depend on tcp_wmem, tcp_rmem and autotuning: only `full` is
// compared.
// - A socket becomes writable again at a third of a buffer of unknown size: the scripts drain everything
// first.
// - FIN_WAIT1 -> FIN_WAIT2 and LAST_ACK -> CLOSE wake epoll a second time, the simulation wakes it once. Both
// events
//   merge before the next wait.
// - The order of the events of one wait is unspecified, and the program must not depend on it: they are
// sorted.
// - EPOLLERR and EPOLLHUP have one mark in sys::Event; `error` distinguishes them.
// - A dropped SYN: Linux retransmits it for minutes; in the simulation a remote client gives up at once.
// - A pipe of Linux holds a number of pieces, however short. The program fills empty pipes only.
// - Two epoll instances, a descriptor watched twice, calls on closed descriptors, shutdown of a connecting
// socket:
//   the program does none of these. The simulation reports them as errors of the program, not EEXIST or
//   EBADF.
// - Injected faults, signals, logs and time: unit tests cover them on both kernels.
#include "scenarios.hpp"

namespace agreement {
namespace {

constexpr Scenario kScenarios[] = {
    // ---- edges of reading
    {"edge: registration reports what is ready already", "pair a; peer-send a; watch a; wait; wait"},
    {"edge: registration of an idle connection reports room only", "pair a; watch a; wait; wait"},
    {"edge: registration after everything was read",
     "pair a; peer-send a; receive a; watch a; wait; receive a"},
    {"edge: registration after the peer's FIN", "pair a; peer-send a; peer-fin a; watch a; wait; wait"},
    {"edge: registration after a reset", "pair a; peer-reset a; watch a; wait; wait; error a"},
    {"edge: an arrival is reported once", "pair a; watch a; wait; peer-send a; wait; wait; receive a; wait"},
    {"edge: a second arrival before reading is a new one",
     "pair a; watch a; wait; peer-send a 3; wait; peer-send a 4; wait; wait; receive a"},
    {"edge: none without new data after a partial read",
     "pair a; watch a; wait; peer-send a 10; wait; receive a 4; wait; receive a 4; wait; receive a 4; wait"},
    {"edge: a partial read and then new data",
     "pair a; watch a; wait; peer-send a 10; wait; receive a 4; wait; peer-send a 2; wait; receive a; "
     "receive a; wait"},
    {"edge: again after EAGAIN",
     "pair a; watch a; wait; peer-send a; wait; receive a; receive a; wait; peer-send a; wait; receive a; "
     "receive a"},
    {"edge: new data without EAGAIN before it",
     "pair a; watch a; wait; peer-send a; wait; receive a 5; peer-send a; wait; receive a; receive a"},
    {"edge: none from EAGAIN alone", "pair a; watch a; wait; receive a; receive a; wait"},
    {"edge: arrivals in one batch are merged",
     "pair a; watch a; wait; peer-send a 3; peer-send a 3; peer-send a 3; wait; wait; receive a"},
    {"edge: data and end in one batch are merged",
     "pair a; watch a; wait; peer-send a; peer-fin a; wait; wait; receive a; receive a; receive a; wait"},
    {"edge: what was read before the wait is still an edge",
     "pair a; watch a; wait; peer-send a; receive a; wait; wait"},
    {"edge: rearm reports again what is ready",
     "pair a; watch a; wait; peer-send a; wait; wait; rearm a; wait; wait; receive a; rearm a; wait; "
     "wait"},
    {"edge: rearm of what is due already is one event",
     "pair a; watch a; wait; peer-send a; rearm a; wait; wait"},
    {"edge: rearm after the peer's FIN", "pair a; watch a; peer-fin a; wait; rearm a; wait; wait"},
    {"edge: both directions in one event", "pair a; watch a; wait; transmit a; peer-send a; wait; wait"},

    // ---- edges of writing
    {"room: none without EAGAIN",
     "pair a; watch a; wait; transmit a; peer-read a; wait; transmit a 500; peer-read a; wait"},
    {"room: after EAGAIN, when the peer has read",
     "pair a; watch a; wait; fill a; wait; peer-drain a; wait; wait"},
    {"room: a short write alone calls for the edge",
     "pair a; watch a; wait; stuff a; peer-drain a; wait; wait; transmit a"},
    {"room: reported once, and again only after EAGAIN",
     "pair a; watch a; fill a; peer-drain a; wait; transmit a; peer-read a; wait; fill a; wait; peer-drain "
     "a; wait; wait"},
    {"room: full, and data arrives: not writable",
     "pair a; watch a; wait; fill a; peer-send a; wait; peer-drain a; wait"},
    {"room: full at registration", "pair a; fill a; watch a; wait; peer-drain a; wait; wait"},
    {"room: full at rearm", "pair a; watch a; wait; fill a; rearm a; wait; peer-drain a; wait"},
    {"room: full twice", "pair a; fill a; fill a; peer-drain a; fill a; peer-drain a; watch a; wait"},
    {"room: full, and the peer resets",
     "pair a; watch a; wait; fill a; peer-reset a; wait; transmit a; transmit a; receive a"},
    {"room: full, and the peer finishes",
     "pair a; watch a; wait; fill a; peer-fin a; wait; receive a; peer-drain a; wait"},
    {"room: full, and we shut down: writable, and EPIPE",
     "pair a; watch a; wait; fill a; shutdown a; wait; transmit a; peer-drain a; wait"},
    {"room: full, and we close: the peer has all of it, then the end",
     "pair a; fill a; close a; peer-drain a"},
    {"room: full, and we close with linger 0", "pair a; fill a; linger-0 a; close a; peer-drain a"},
    {"room: shut down, then the peer reads",
     "pair a; watch a; wait; transmit a; shutdown a; wait; peer-read a; wait"},

    // ---- half-close
    {"half: FIN without data", "pair a; watch a; wait; peer-fin a; wait; wait; receive a; receive a; wait"},
    {"half: FIN after data that is unread",
     "pair a; watch a; wait; peer-send a; wait; peer-fin a; wait; receive a; receive a; receive a; wait"},
    {"half: FIN after data, read in pieces",
     "pair a; peer-send a 7; peer-fin a; receive a 4; receive a 3; receive a; receive a"},
    {"half: a read just as long as the data, then the end",
     "pair a; watch a; wait; peer-send a 5; peer-fin a; wait; receive a 5; wait; receive a 5"},
    {"half: we go on writing after their FIN",
     "pair a; watch a; peer-fin a; wait; receive a; transmit a; peer-read a; transmit a; peer-read a; wait"},
    {"half: full, FIN, drained: room is reported with the end",
     "pair a; watch a; fill a; peer-fin a; wait; wait; peer-drain a; wait; transmit a; wait"},
    {"half: they go on sending after our shutdown",
     "pair a; watch a; wait; shutdown a; wait; wait; peer-send a; wait; receive a; receive a; peer-read a"},
    {"half: our shutdown, then their FIN",
     "pair a; watch a; wait; shutdown a; wait; peer-fin a; wait; wait; receive a; transmit a"},
    {"half: their FIN, then our shutdown",
     "pair a; watch a; wait; peer-fin a; wait; shutdown a; wait; wait; receive a; transmit a"},
    {"half: our shutdown, then their data and FIN",
     "pair a; watch a; wait; shutdown a; wait; peer-send a; peer-fin a; wait; receive a; receive a; wait"},
    {"half: write after shutdown",
     "pair a; transmit a; shutdown a; transmit a; transmit a; error a; peer-read a"},
    {"half: read after shutdown", "pair a; shutdown a; receive a; peer-send a; receive a; receive a"},
    {"half: shutdown twice", "pair a; watch a; wait; shutdown a; wait; shutdown a; wait; wait; peer-read a"},
    {"half: shutdown after both ends",
     "pair a; watch a; shutdown a; peer-fin a; wait; shutdown a; wait; wait"},
    {"half: shutdown and close", "pair a; transmit a; shutdown a; close a; peer-read a"},
    {"half: no error after an orderly end",
     "pair a; shutdown a; peer-fin a; receive a; error a; transmit a; error a"},
    {"half: registration after both ends", "pair a; shutdown a; peer-fin a; watch a; wait; wait"},

    // ---- the peer closes
    {"closed: the peer closes, we read",
     "pair a; watch a; wait; peer-send a; peer-close a; wait; receive a; receive a; wait"},
    {"closed: our write is taken, then RST: EPIPE",
     "pair a; watch a; wait; peer-close a; wait; transmit a; wait; transmit a; transmit a; receive a"},
    {"closed: our write meets RST: the end stays the end",
     "pair a; peer-close a; transmit a; receive a; error a; receive a"},
    {"closed: our write meets RST: their data stays readable",
     "pair a; watch a; wait; peer-send a; peer-close a; transmit a; wait; receive a; receive a; transmit a; "
     "transmit a; wait"},
    {"closed: our write meets RST: SO_ERROR",
     "pair a; peer-close a; transmit a; error a; error a; transmit a"},
    {"closed: with unread data: RST",
     "pair a; watch a; wait; transmit a; peer-close a; wait; receive a; receive a; transmit a"},
    {"closed: with unread data, theirs still readable",
     "pair a; watch a; wait; peer-send a; transmit a; peer-close a; wait; receive a; receive a; receive a"},
    {"closed: our shutdown, then their close",
     "pair a; watch a; shutdown a; wait; peer-close a; wait; receive a; error a"},
    {"closed: our data and shutdown unread, then their close",
     "pair a; watch a; transmit a; shutdown a; wait; peer-close a; wait; receive a; error a"},
    {"closed: their FIN, unread data of ours, then their close",
     "pair a; watch a; wait; peer-fin a; transmit a; wait; peer-close a; wait; receive a; error a; transmit "
     "a"},
    {"closed: both ends, then closing with unread data is harmless",
     "pair a; watch a; peer-fin a; transmit a; shutdown a; wait; peer-close a; wait; receive a; error a"},

    // ---- RST
    {"reset: idle",
     "pair a; watch a; wait; peer-reset a; wait; wait; receive a; receive a; wait; transmit a"},
    {"reset: data before it is still readable",
     "pair a; watch a; wait; peer-send a; peer-reset a; wait; receive a; receive a; receive a"},
    {"reset: data read in pieces, then the error",
     "pair a; peer-send a 7; peer-reset a; receive a 4; receive a 3; receive a; receive a"},
    {"reset: met in writing: ECONNRESET, then EPIPE",
     "pair a; peer-reset a; transmit a; transmit a; receive a; error a"},
    {"reset: the error is reported once, to the first call",
     "pair a; peer-reset a; error a; error a; receive a; transmit a"},
    {"reset: writing takes the error, unread data stays",
     "pair a; peer-send a; peer-reset a; transmit a; receive a; receive a; transmit a"},
    {"reset: hung with the error and without", "pair a; watch a; peer-reset a; wait; error a; rearm a; wait"},
    {"reset: after our write was read",
     "pair a; watch a; wait; transmit a; peer-read a; peer-reset a; wait; receive a"},
    {"reset: after our write was not read",
     "pair a; watch a; wait; transmit a; peer-reset a; wait; receive a"},
    {"reset: after their FIN",
     "pair a; watch a; wait; peer-fin a; wait; peer-reset a; wait; transmit a; receive a"},
    {"reset: after their FIN that was read",
     "pair a; watch a; peer-fin a; receive a; wait; peer-reset a; wait; receive a; error a"},
    {"reset: after our shutdown",
     "pair a; watch a; shutdown a; wait; peer-reset a; wait; receive a; receive a; transmit a"},
    {"reset: none after both ends",
     "pair a; watch a; shutdown a; peer-fin a; wait; peer-reset a; wait; receive a; error a"},
    {"reset: shutdown after it", "pair a; watch a; peer-reset a; wait; shutdown a; wait; wait; error a"},
    {"reset: rearm after it", "pair a; watch a; peer-reset a; wait; wait; rearm a; wait; wait"},

    // ---- what the peer sees of our closing
    {"close: the end", "pair a; transmit a; close a; peer-read a"},
    {"close: with unread data: RST", "pair a; peer-send a; close a; peer-read a"},
    {"close: over data partly read: RST",
     "pair a; peer-send a 10; receive a 4; transmit a; close a; peer-read a"},
    {"close: everything read: the end", "pair a; peer-send a; receive a; transmit a; close a; peer-read a"},
    {"close: over an unread FIN alone: the end", "pair a; peer-fin a; transmit a; close a; peer-read a"},
    {"close: linger 0", "pair a; linger-0 a; close a; peer-read a"},
    {"close: linger 0 after data", "pair a; transmit a; linger-0 a; close a; peer-read a"},
    {"close: linger 0 after their FIN", "pair a; peer-fin a; receive a; linger-0 a; close a; peer-read a"},
    {"close: linger 0 after both ends", "pair a; peer-fin a; shutdown a; linger-0 a; close a; peer-read a"},
    {"close: after both ends with unread data",
     "pair a; peer-send a; peer-fin a; shutdown a; close a; peer-read a"},
    {"close: after our shutdown with unread data", "pair a; shutdown a; peer-send a; close a; peer-read a"},
    {"close: after a reset", "pair a; peer-reset a; close a; pair b; descriptor b"},
    {"close: they send afterwards: RST", "pair a; close a; peer-read a; peer-send a; peer-send a"},
    {"close: they send afterwards, our data unread: readable still",
     "pair a; transmit a; close a; peer-send a; peer-send a; peer-read a"},

    // ---- RST or FIN: what has reached the peer, whatever it reads
    {"sign: close", "pair a; transmit a; close a; peer-error a"},
    {"sign: close with unread data", "pair a; peer-send a; close a; peer-error a"},
    {"sign: close over an unread FIN", "pair a; peer-fin a; close a; peer-error a"},
    {"sign: close with unread data with a FIN after it",
     "pair a; peer-send a; peer-fin a; close a; peer-error a"},
    {"sign: linger 0", "pair a; linger-0 a; close a; peer-error a"},
    {"sign: linger 0 after their FIN", "pair a; peer-fin a; linger-0 a; close a; peer-error a"},
    {"sign: linger 0 after our shutdown",
     "pair a; shutdown a; linger-0 a; close a; peer-error a; peer-read a"},
    {"sign: linger 0 after both ends: none",
     "pair a; peer-fin a; shutdown a; linger-0 a; close a; peer-error a; peer-read a"},
    {"sign: unread data after both ends: none",
     "pair a; peer-send a; peer-fin a; shutdown a; close a; peer-error a; peer-read a"},
    {"sign: unread data after our shutdown",
     "pair a; transmit a; shutdown a; peer-send a; close a; peer-error a; peer-read a"},
    {"sign: they finish after our close", "pair a; close a; peer-fin a; peer-error a; peer-read a"},
    {"sign: they send after our close", "pair a; close a; peer-send a; peer-error a; peer-send a"},
    {"sign: they send after our shutdown and close",
     "pair a; shutdown a; close a; peer-send a; peer-error a; peer-read a"},
    {"sign: they send, then we shut down, close, and they send again",
     "pair a; peer-send a; receive a; shutdown a; close a; peer-read a; peer-send a; peer-error a"},
    {"sign: their FIN, our close, and they are done",
     "pair a; peer-fin a; receive a; close a; peer-error a; peer-read a"},
    {"sign: the listener closes", "listen l; dial l a; close l; peer-error a"},
    {"sign: we close before we are accepted",
     "host h accepts; connect h a; close a; take h a; peer-error a; peer-read a"},

    // ---- connecting
    {"connect: done",
     "host h accepts; connect h a; watch a; wait; wait; error a; take h a; transmit a; peer-read a"},
    {"connect: refused",
     "host h refuses; connect h a; watch a; wait; wait; error a; error a; receive a; transmit a; wait"},
    {"connect: refused, reported by a read",
     "host h refuses; connect h a; receive a; receive a; error a; transmit a"},
    {"connect: refused, reported by a write",
     "host h refuses; connect h a; transmit a; transmit a; receive a; error a"},
    {"connect: refused, then rearm",
     "host h refuses; connect h a; watch a; wait; error a; rearm a; wait; wait"},
    {"connect: in progress",
     "host h swallows; connect h a; watch a; wait; receive a; transmit a; error a; rearm a; wait; close a; "
     "wait"},
    {"connect: in progress, done after registration",
     "host h swallows; connect h a; watch a; wait; transmit a; relent h; wait; wait; error a; transmit a; "
     "take h a; peer-read a"},
    {"connect: in progress, refused after registration",
     "host h swallows; connect h a; watch a; wait; vanish h; wait; wait; error a; error a; receive a; "
     "transmit a"},
    {"connect: the host speaks first",
     "host h accepts; connect h a; take h a; peer-send a; watch a; wait; receive a; receive a"},
    {"connect: we speak before we are accepted",
     "host h accepts; connect h a; transmit a; take h a; peer-read a"},
    {"connect: accepted and closed at once",
     "host h accepts; connect h a; watch a; take h a; peer-close a; wait; error a; receive a"},
    {"connect: accepted and reset at once",
     "host h accepts; connect h a; watch a; take h a; peer-reset a; wait; error a; receive a"},
    {"connect: closed before it was accepted",
     "host h accepts; connect h a; transmit a; close a; take h a; peer-read a"},
    {"connect: reset before it was accepted",
     "host h accepts; connect h a; transmit a; linger-0 a; close a; take h a; peer-read a"},

    // ---- through a pipe
    {"splice: from one to the other",
     "pair a; pair b; pipe; peer-send a 9; splice-in a; splice-out b; peer-read b; splice-in a"},
    {"splice: an empty socket", "pair a; pipe; splice-in a; splice-in a; peer-send a; splice-in a"},
    {"splice: in pieces",
     "pair a; pair b; pipe; peer-send a 9; splice-in a 4; splice-out b 3; splice-out b; peer-read b; "
     "splice-in a 2; splice-in a; splice-out b; peer-read b"},
    {"splice: what lies in several segments",
     "pair a; pair b; pipe; peer-send a 3; peer-send a 4; peer-send a 5; splice-in a; splice-out b; "
     "peer-read b; splice-in a"},
    {"splice: beside reading and writing",
     "pair a; pair b; pipe; peer-send a 9; receive a 2; splice-in a 3; receive a; transmit b; splice-out b; "
     "transmit b; peer-read b"},
    {"splice: back to where it came from",
     "pair a; pipe; peer-send a; splice-in a; splice-out a; peer-read a"},
    {"splice: the source closes over what is in the pipe",
     "pair a; pair b; pipe; peer-send a; splice-in a; close a; splice-out b; peer-read b; peer-read a"},
    {"splice: nothing is unread that is in the pipe",
     "pair a; pipe; peer-send a; splice-in a; close a; peer-error a; peer-read a"},
    {"splice: the end", "pair a; pipe; peer-fin a; splice-in a; splice-in a"},
    {"splice: the end after data",
     "pair a; watch a; wait; pipe; peer-send a 7; peer-fin a; wait; splice-in a 4; splice-in a 3; splice-in "
     "a; splice-in a; wait"},
    {"splice: a piece just as long as the data, then the end",
     "pair a; watch a; wait; pipe; peer-send a 5; peer-fin a; wait; splice-in a 5; wait; splice-in a 5"},
    {"splice: the end after our shutdown",
     "pair a; pipe; shutdown a; peer-send a; splice-in a; peer-fin a; splice-in a"},
    {"splice: a reset", "pair a; pipe; peer-reset a; splice-in a; splice-in a; error a"},
    {"splice: a reset after data",
     "pair a; watch a; wait; pipe; peer-send a; peer-reset a; wait; splice-in a; splice-in a; splice-in a"},
    {"splice: a reset after their FIN", "pair a; pipe; peer-fin a; peer-reset a; splice-in a; error a"},
    {"splice: the source is reset over what is in the pipe",
     "pair a; pair b; pipe; peer-send a; splice-in a; peer-reset a; splice-out b; peer-read b; splice-in a"},
    {"splice: a reset that a write has met",
     "pair a; pipe; peer-reset a; transmit a; splice-in a; transmit a"},
    {"splice: the sink is reset",
     "pair a; pair b; pipe; peer-send a 9; splice-in a; peer-reset b; splice-out b; splice-out b; receive b; "
     "error b"},
    {"splice: the sink is reset, and its data stays readable",
     "pair a; pair b; pipe; peer-send a 9; splice-in a; peer-send b; peer-reset b; splice-out b; receive b; "
     "receive b"},
    {"splice: the sink's peer has closed: taken, then EPIPE",
     "pair a; pair b; pipe; peer-send a 9; splice-in a; peer-close b; splice-out b 4; splice-out b; receive "
     "b"},
    {"splice: after our shutdown",
     "pair a; pair b; pipe; peer-send a 9; splice-in a; shutdown b; splice-out b; error b; peer-read b"},
    {"splice: after their FIN",
     "pair a; pair b; pipe; peer-send a 9; splice-in a; peer-fin b; splice-out b; peer-read b"},
    {"splice: a full sink, and what is in the pipe stays",
     "pair a; pair b; watch b; wait; pipe; peer-send a 9; splice-in a; fill b; splice-out b; wait; "
     "peer-drain "
     "b; wait; wait; splice-out b; peer-read b"},
    {"splice: a full sink that is reset",
     "pair a; pair b; watch b; wait; pipe; peer-send a 9; splice-in a; fill b; splice-out b; peer-reset b; "
     "wait; splice-out b; splice-out b"},
    {"splice: into what is still connecting",
     "pair a; host h swallows; connect h b; watch b; wait; pipe; peer-send a; splice-in a; splice-out b; "
     "relent h; "
     "wait; splice-out b; take h b; peer-read b"},
    {"splice: into what was refused",
     "pair a; host h refuses; connect h b; pipe; peer-send a; splice-in a; splice-out b; splice-out b; error "
     "b"},
    {"splice: from what was refused", "host h refuses; connect h a; pipe; splice-in a; splice-in a; error a"},
    {"splice edge: none without new data after a part",
     "pair a; watch a; wait; pipe; peer-send a 10; wait; splice-in a 4; wait; splice-in a 4; wait; splice-in "
     "a; wait"},
    {"splice edge: a part, and then new data",
     "pair a; watch a; wait; pipe; peer-send a 10; wait; splice-in a 4; wait; peer-send a 2; wait; splice-in "
     "a; splice-in a; wait"},
    {"splice edge: again after EAGAIN",
     "pair a; watch a; wait; pipe; peer-send a; wait; splice-in a; splice-in a; wait; peer-send a; wait; "
     "splice-in a; splice-in a"},
    {"splice edge: none from EAGAIN alone", "pair a; watch a; wait; pipe; splice-in a; splice-in a; wait"},
    {"splice edge: what was taken before the wait is still an edge",
     "pair a; watch a; wait; pipe; peer-send a; splice-in a; wait; wait"},
    {"splice edge: the end after EAGAIN",
     "pair a; watch a; wait; pipe; splice-in a; peer-fin a; wait; wait; splice-in a; wait"},
    {"splice edge: a reset after EAGAIN",
     "pair a; watch a; wait; pipe; splice-in a; peer-reset a; wait; wait; splice-in a; wait"},
    {"splice edge: none at the sink that has room",
     "pair a; pair b; watch b; wait; pipe; peer-send a 9; splice-in a; splice-out b; wait; peer-read b; "
     "wait"},
    {"splice: a pipe has two descriptors",
     "pair a; pipe; pair b; descriptor b; close a; pair c; descriptor c"},
    {"splice: no descriptor for a pipe", "pair a; limit 3; pipe; pipe; limit 4; pipe"},

    // ---- listening and accepting
    {"listen: the queue is empty", "listen l; watch l; wait; accept l a"},
    {"listen: registration with a client in the queue",
     "listen l; dial l a; watch l; wait; wait; accept l a; wait"},
    {"listen: an edge for each client",
     "listen l; watch l; dial l a; wait; wait; dial l b; wait; wait; accept l a; accept l b; accept l c"},
    {"listen: several clients are one edge",
     "listen l; watch l; dial l a; dial l b; dial l c; wait; wait; accept l a; wait"},
    {"listen: no edge for clients still in the queue",
     "listen l; watch l; dial l a; dial l b; wait; accept l a; wait; accept l b; wait; accept l c"},
    {"listen: accepted before the wait: no event", "listen l; watch l; dial l a; accept l a; wait"},
    {"listen: rearm with a client in the queue",
     "listen l; watch l; dial l a; wait; rearm l; wait; wait; accept l a; rearm l; wait"},
    {"accept: it has data already", "listen l; dial l a; peer-send a; accept l a; receive a; receive a"},
    {"accept: it has data already, seen at registration",
     "listen l; dial l a; peer-send a; accept l a; watch a; wait; receive a; wait"},
    {"accept: it has data and its end already",
     "listen l; dial l a; peer-send a; peer-fin a; accept l a; watch a; wait; receive a; receive a"},
    {"accept: it has gone already",
     "listen l; dial l a; peer-send a; peer-close a; accept l a; watch a; wait; receive a; receive a; "
     "transmit a; transmit a"},
    {"accept: it was reset already",
     "listen l; watch l; dial l a; peer-reset a; wait; accept l a; watch a; wait; receive a; receive a; "
     "error a"},
    {"accept: it was reset already, with data",
     "listen l; dial l a; peer-send a; peer-reset a; accept l a; receive a; receive a; transmit a"},
    {"accept: one of several was reset",
     "listen l; dial l a; dial l b; dial l c; peer-reset b; accept l a; accept l b; accept l c; receive a; "
     "receive b; receive c"},
    {"accept: no descriptor left: the client stays in the queue",
     "listen l; watch l; dial l a; wait; limit 2; accept l a; accept l a; wait; limit 3; accept l a; receive "
     "a; wait"},
    {"accept: no descriptor left, the queue is empty", "listen l; limit 2; accept l a"},
    {"connect: no descriptor left",
     "host h accepts; limit 1; connect h a; limit 2; connect h b; limit 500; take h b; transmit b; peer-read "
     "b"},
    {"listen: no descriptor left", "limit 1; listen l; limit 2; listen m"},
    {"backlog: one more than requested",
     "listen l 1; dial l a; dial l b; dial-in-vain l; accept l a; accept l b; accept l c"},
    {"backlog: 0 allows one", "listen l 0; dial l a; dial-in-vain l; accept l a; dial l b; accept l b"},
    {"backlog: accepting makes room",
     "listen l 1; dial l a; dial l b; accept l a; dial l c; dial-in-vain l; accept l b; accept l c"},
    {"backlog: a reset client keeps its place",
     "listen l 0; dial l a; peer-reset a; dial-in-vain l; accept l a; receive a"},
    {"listener closed: clients in the queue are reset",
     "listen l; dial l a; dial l b; peer-send b; close l; peer-read a; peer-read b"},
    {"listener closed: an accepted client is not affected",
     "listen l; dial l a; accept l a; close l; peer-send a; receive a; transmit a; peer-read a"},
    {"listener closed: no client can connect", "listen l; close l; dial l a"},
    {"listener closed: its address is free at once", "listen l; pair a; close l; listen-again l m"},
    {"listen: the same address twice", "listen l; listen-again l m; dial l a; accept l a"},

    // ---- descriptors
    {"number: the lowest first",
     "listen l; dial l a; dial l b; accept l a; accept l b; descriptor l; descriptor a; descriptor b"},
    {"number: a closed one is in use again at once",
     "pair a; pair b; descriptor a; descriptor b; close a; pair c; descriptor c; pair d; descriptor d"},
    {"number: the lowest of several free ones",
     "listen l; dial l a; dial l b; dial l c; accept l a; accept l b; accept l c; close b; close a; dial l "
     "d; accept l d; "
     "descriptor d; dial l e; accept l e; descriptor e"},
    {"number: a connection that fails gives it back",
     "host h refuses; connect h a; descriptor a; close a; connect h b; descriptor b"},
    {"closed: no event any more", "pair a; watch a; peer-send a; close a; wait"},
    {"closed: no event of a listener any more", "listen l; watch l; dial l a; close l; wait"},
    {"closed: no event of a reset any more", "pair a; watch a; wait; peer-reset a; close a; wait"},
    {"closed: the next one with its number has its own events only",
     "listen l; dial l a; dial l b; accept l a; watch a; peer-send a; close a; accept l b; watch b; wait; "
     "wait; peer-send b; wait"},
    {"closed: the next one with its number is not watched",
     "listen l; dial l a; dial l b; accept l a; watch a; wait; close a; accept l b; peer-send b; wait; "
     "receive b"},

    // ---- several descriptors
    {"two: each has its own event",
     "pair a; pair b; watch a; watch b; wait; peer-send a; wait; peer-send b; wait; peer-send a; peer-fin b; "
     "wait"},
    {"two: an event of one does not affect the other",
     "pair a; pair b; watch a; watch b; wait; peer-reset a; wait; receive b; transmit b; receive a"},
    {"two: one is full, the other is not",
     "pair a; pair b; watch a; watch b; wait; fill a; transmit b; peer-send b; wait; peer-drain a; wait"},
    {"two: a listener and a connection in one batch",
     "listen l; watch l; dial l a; accept l a; watch a; wait; peer-send a; dial l b; wait; wait"},
    {"two: less room than events", "pair a; pair b; watch a; watch b; wait 1; wait 1; wait 1"},
    {"two: less room than events, and the last is not lost",
     "pair a; pair b; pair c; watch a; watch b; watch c; wait; peer-send a; peer-send b; peer-send c; wait "
     "2; wait 2; wait 2"},
    {"two: one is closed while its event is due",
     "pair a; pair b; watch a; watch b; wait; peer-send a; peer-send b; close a; wait; receive b"},
};

}  // namespace

std::span<const Scenario> scenarios() { return kScenarios; }

}  // namespace agreement
