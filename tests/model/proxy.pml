/* A model of the two lanes and the marks: request_state.cpp and src/net/lane.cpp with the bytes left out, on a kernel
 * that gives edges exactly as epoll(7) with EPOLLET does.
 *
 * What is checked (run.py):
 *   - no lost wake-up: with no deadlines at all, the proxy never sleeps while a request is unfinished (spin: "invalid end
 *     state": the guard at `asleep` is never satisfied again);
 *   - every history ends, without any assumption of fairness: there is no cycle of states (spin: "acceptance cycle").
 *     Each step of a peer uses something up, so a cycle is one of the proxy, and one in which no unit is moved; wherever
 *     the proxy can go round without moving any there is a label "accept_...", so that one run looks for this and for
 *     all the rest (-DNP would need a second one, which does not look for invalid end states). Both together: every request that was
 *     begun is over.
 *   - nothing is touched after release: an event, or a name that was looked up, finds the very endpoint that it was for,
 *     or nobody (`ev_conn`, `named_k`);
 *   - what the peers see: a kind client gets its whole answer, never RST; an answer cut short looks cut;
 *   - at the end every block and every descriptor is back.
 *
 * Abstractions, each with its reason:
 *   - Bytes are units, and only counted: order within a lane is that of memmove and memcpy, which unit tests cover. A
 *     head is one or two units, so that it can be half read.
 *   - Time does not exist. Where deadlines are modelled (DEADLINES), one may strike at any turn, in any order: more than
 *     the program allows. Where they are not, nothing may depend on them.
 *   - A turn of the loop is as in Proxy::turn; the world may move between any two system calls. Only `asleep` and the
 *     collecting of events are one step, as they are in epoll_wait.
 *   - LATE is harsher than the program: records may run between two events of one batch, so that a descriptor can be
 *     closed, and its slot reused, while an event for it is under way. The program marks all first; the serial number is
 *     what would hold if it did not.
 *   - A refused connection and a reset one are the same: the next call fails, once.
 *   - The notes for the log are left out. The pool has room for one connection, and all hosts are one.
 *   - A name has one waiter: each client asks for its own.
 *
 * What stands behind #ifdef WRONG_... is a mistake, planted; run.py tells which configuration must find it.
 */

/* ---- the configuration ------------------------------------------------------------------------------------------- */

#ifndef CLIENTS
#define CLIENTS 1
#endif
#ifndef SLOTS
#define SLOTS 1
#endif
#ifndef BLOCKS
#define BLOCKS 4
#endif
#ifndef ADDRESSES
#define ADDRESSES 1      /* of the host, at most 2 */
#endif
#ifndef REQ_HEAD
#define REQ_HEAD 1
#endif
#ifndef REQ_BODY
#define REQ_BODY 0
#endif
#ifndef RES_HEAD
#define RES_HEAD 1
#endif
#ifndef RES_BODY
#define RES_BODY 2
#endif
#ifndef CAP
#define CAP 2            /* units a socket buffer takes, each way */
#endif
#ifndef BLOCK
#define BLOCK 2          /* units a block takes of a body */
#endif
#ifndef BUDGET
#define BUDGET 9         /* units a record may read in a turn; 9: as many as it likes */
#endif

/* What the peers may do, and what the world is like: 1 or 0. */
#ifndef HALF
#define HALF 0           /* the client may send FIN once its request is out, and read on */
#endif
#ifndef LEAVE
#define LEAVE 0          /* the client may close at any time: FIN, then RST to whatever comes */
#endif
#ifndef VANISH
#define VANISH 0         /* the client may send RST at any time */
#endif
#ifndef EARLY
#define EARLY 0          /* the origin may answer before it has the whole request, and read no more */
#endif
#ifndef DIES
#define DIES 0           /* the origin may break off at any time, by RST, or by FIN where that can be told */
#endif
#ifndef REFUSE
#define REFUSE 0         /* the origin may refuse the connection */
#endif
#ifndef SILENT
#define SILENT 0         /* the origin never answers */
#endif
#ifndef LAZY
#define LAZY 0           /* each peer may stop doing anything at any time; only a deadline helps */
#endif
#ifndef BAD
#define BAD 0            /* the request may be one to be refused, and the answer one that is no HTTP */
#endif
#ifndef CHUNKED
#define CHUNKED 0        /* the answer may come in chunks: its end can be told, but not by our client */
#endif
#ifndef TOLD
#define TOLD 0           /* the answer tells its length; 0: it may also end with the stream */
#endif
#ifndef EXTRA
#define EXTRA 0          /* units that the first client may send behind its request */
#endif
#ifndef EXPECT
#define EXPECT 0         /* the client asked for a 100 */
#endif
#ifndef INTERIM
#define INTERIM 1        /* units of a 100 */
#endif
#ifndef LOOKUP
#define LOOKUP 0         /* the host has a name, which may take time to look up, and may be unknown */
#endif
#ifndef DEADLINES
#define DEADLINES 0
#endif
#ifndef LATE
#define LATE 0
#endif
#ifndef ERROR_ONCE
#define ERROR_ONCE 0     /* after a failed call the error is gone (SO_ERROR): the next read says "end of stream" */
#endif

#ifndef KEEP
#define KEEP 0           /* HTTP/1.1: connections are kept, the client's and the origin's */
#endif
#ifndef REQUESTS
#define REQUESTS 1       /* of a client, one after the other; at most 2, and with 2 the host has one address */
#endif
#ifndef PIPELINE
#define PIPELINE 0       /* the client may send a request before it has the answer to the last */
#endif
#ifndef CLOSES
#define CLOSES 0         /* the origin may close a connection that has served before, until it begins to answer */
#endif
#ifndef SURPLUS
#define SURPLUS 0        /* the origin may send a unit too many with its answer's last */
#endif
#ifndef HINT
#define HINT 0           /* the origin may send an interim answer first, of one unit; RES_HEAD is 1 */
#endif
#ifndef TUNNEL
#define TUNNEL 0         /* the request is CONNECT: what is behind the head is for the other end */
#endif
#ifndef UPGRADE
#define UPGRADE 0        /* the request asks for another protocol, and its answer is 101 */
#endif

#define REQ (REQ_HEAD + REQ_BODY)
#define RES (RES_HEAD + RES_BODY)
#define BODY (UPGRADE -> 0 : REQ_BODY) /* of the request: what follows 101 is none */
#define OWN 2            /* units of an answer of our own */
#define OPENED 1         /* units of the answer to CONNECT */
#define KIND (!VANISH && !LEAVE && !DIES && !LAZY && !DEADLINES && !EXTRA)
/* Nothing stands between the client and the origin's answer. A head in two pieces may have to make room (408). */
#define PLAIN (KIND && !REFUSE && !BAD && !LOOKUP && REQ_HEAD == 1 && !(KEEP && BLOCKS == 1))

/* ---- names -------------------------------------------------------------------------------------------------------- */

mtype = { FREE, READ_REQUEST, SEND_REQUEST, READ_RESPONSE, SEND_RESPONSE }             /* State */
mtype = { resolving, connecting, linked }                                             /* net::Link */
mtype = { need_read, need_write, complete, spent, no_block, read_failed, write_failed } /* net::Flow */
mtype = { done, again, the_end, fail }                                                /* sys::Outcome */
mtype = { wait, yield, starve, go, close }                                            /* Step::What */
mtype = { idle, head, other, leaving, lingering }  /* plan::Wait, as far as the end of the wait differs */
mtype = { answer_it, drop_it }                     /* base::Reason of a verdict: with an answer, or without */
#define none 0
#define NOBODY 255

/* Each change of state stands in the model as GO(from, to); transitions.py compares them with kStateRows. */
#define GO(from, to) d_step { assert(R.state == from); next_state = to; step = go; printf("client %d: %e -> %e\n", R.k, from, to) }
#define CLOSE(from) d_step { assert(R.state == from); next_state = FREE; step = close; printf("client %d: %e -> FREE\n", R.k, from) }

/* ---- the kernel ---------------------------------------------------------------------------------------------------- */

typedef Conn {
  byte in;      /* units that have come from the peer and have not been read */
  byte out;     /* units that we have sent and the peer has not taken */
  bit est;      /* connected, or the attempt has failed */
  bit fin;      /* the peer's FIN is behind `in` */
  bit reset;    /* the peer's RST has come, behind `in` */
  bit err;      /* ... and no call has told us yet */
  bit shut;     /* our FIN is behind `out` */
  bit killed;   /* our RST has gone out */
  bit closed;   /* our descriptor is closed */
  bit watched;  /* it is in the epoll set */
  bit queued;   /* there was an edge since epoll_wait last told of it */
  bit no_room;  /* SOCK_NOSPACE: we were told that there is no room; room will be an edge */
  byte slot;    /* the record that its events are for; of an upstream: UpstreamPool::owners_ */
  byte side, serial;
  bit hint;     /* an interim answer has come on it, and was not passed on yet */
  byte whom;    /* ghosts: the client whose request was last given to it, */
  byte asked;   /* ... the number of that request among all, */
  byte told;    /* ... of that which the origin has begun to answer, */
  byte stray;   /* ... and of that behind whose answer it has sent a unit too many */
};

/* Of client k: 3k is its own connection; 3k+1 and 3k+2 are those to the origin's addresses. */
#define CONNS (3 * CLIENTS)
Conn conn[CONNS];

#define edge(c) conn[c].queued = conn[c].watched

/* What epoll_wait reports is what is so when it is called, not what made the edge. */
#define is_in(c)   (conn[c].in > 0 || conn[c].fin || conn[c].reset)
#define is_out(c)  (conn[c].est && (conn[c].out < CAP || conn[c].reset))
#define is_fin(c)  (conn[c].fin || conn[c].reset)
#define is_hung(c) (conn[c].reset || (conn[c].fin && conn[c].shut))

#if CLIENTS == 1
#define EDGES (conn[0].queued || conn[1].queued || conn[2].queued)
#else
#define EDGES (conn[0].queued || conn[1].queued || conn[2].queued || conn[3].queued || conn[4].queued || conn[5].queued)
#endif

/* recv(2): what has come, however little; then the error, then the end. Sets io and n. */
inline receive(id, room) {
  d_step {
    assert(!conn[id].closed && room > 0);
    if
    :: conn[id].in > 0 ->
       n = (conn[id].in < room -> conn[id].in : room);
       conn[id].in = conn[id].in - n;
       io = done
    :: conn[id].in == 0 && conn[id].err -> conn[id].err = !ERROR_ONCE; io = fail
    :: conn[id].in == 0 && !conn[id].err && (conn[id].fin || conn[id].reset) -> io = the_end
    :: else -> io = again
    fi;
    printf("  recv(%d) up to %d: %e %d\n", id, room, io, n)
  }
}

/* send(2). Sets io and n. */
inline transmit(id, wanted) {
  d_step {
    assert(!conn[id].closed && wanted > 0);
    if
    :: conn[id].est && conn[id].reset ->
       if
       :: ERROR_ONCE -> conn[id].err = 0
       :: else
       fi;
       io = fail
    :: conn[id].est && !conn[id].reset && conn[id].out < CAP ->
       n = (wanted < CAP - conn[id].out -> wanted : CAP - conn[id].out);
       conn[id].out = conn[id].out + n;
       io = done
    :: else -> conn[id].no_room = 1; io = again
    fi;
    printf("  send(%d) of %d: %e %d\n", id, wanted, io, n)
  }
}

/* close(2): over unread bytes, or with SO_LINGER 0, it is RST, and what is under way is lost. */
inline close_descriptor(id, at_once) {
  d_step {
    assert(!conn[id].closed);
    conn[id].closed = 1;
    conn[id].watched = 0;
    conn[id].queued = 0;
    if
    :: conn[id].in > 0 || at_once -> conn[id].killed = 1; conn[id].out = 0
    :: else -> conn[id].shut = 1
    fi;
    printf("  close(%d), by RST: %d\n", id, conn[id].killed)
  }
}

/* EPOLL_CTL_ADD: what is ready already counts as an edge. */
inline watch(id, at_slot, at_side, with_serial) {
  d_step {
    conn[id].slot = at_slot;
    conn[id].side = at_side;
    conn[id].serial = with_serial;
    conn[id].watched = 1;
    conn[id].queued = (is_in(id) || is_out(id))
  }
}

/* ---- the peers ----------------------------------------------------------------------------------------------------- */

bit knocking[CLIENTS];   /* waits to be accepted */
bit until_eof[CLIENTS];  /* how the origin's answer ends: by the end of the stream, or by its length */
bit chunked[CLIENTS];    /* by its length, but not one that our client is told */
bit bad[CLIENTS];        /* the request is one to be refused */

/* Ghosts: nobody decides by them. */
mtype answered[CLIENTS]; /* whose answer has begun: none, linked (the origin's), fail (ours) */
byte interims[CLIENTS];  /* units of a 100 that were put on the way */
bit origin_told[CLIENTS];/* the origin has sent all of its answer */
byte answers[CLIENTS];   /* answers of the origin that have begun to go to the client */
bit closing[CLIENTS];    /* ... and the last of them says that the connection ends */
byte dialed[CLIENTS];    /* connections begun for it */
byte caller_sent[CLIENTS], callee_sent[CLIENTS];  /* units that the ends of a tunnel have sent */

#define WHOLE(k, count) (interims[k] + (count) * RES)
/* The client may begin with another request. If it has read that the connection ends, it does not. */
#define IS_TOLD ((answered[k] == fail && got > WHOLE(k, answers[k])) || (closing[k] && got > WHOLE(k, answers[k] - 1)))
#define MAY_ASK (sent < REQUESTS * REQ && !IS_TOLD && (sent % REQ > 0 || PIPELINE || got == WHOLE(k, sent / REQ)))

/* Bytes to a descriptor that we have closed are answered by RST, which destroys what the peer has not read yet. */
inline arrives(id) {
  if
  :: conn[id].closed -> conn[id].killed = 1; conn[id].out = 0
  :: else -> conn[id].in++; edge(id)
  fi
}

inline takes(id) {
  conn[id].out--;
  if
  :: conn[id].no_room -> conn[id].no_room = 0; edge(id)
  :: else
  fi
}

proctype Client(byte k) {
  byte sent, got;
  byte c = 3 * k;
  do
  :: atomic {
       (sent < REQ + (k == 0 -> EXTRA : 0) || MAY_ASK) && conn[c].in < CAP && !conn[c].fin && !conn[c].killed ->
       arrives(c); sent++; printf("client %d sends its unit %d\n", k, sent)
     }
  :: atomic { conn[c].out > 0 -> takes(c); got++; printf("client %d takes its unit %d\n", k, got) }
  :: atomic {
       HALF && sent >= REQ && (!KEEP || sent % REQ == 0) && !conn[c].fin && !conn[c].killed && !conn[c].closed ->
       conn[c].fin = 1; edge(c); printf("client %d sends FIN and reads on\n", k)
     }
  :: atomic { conn[c].killed -> printf("client %d finds RST\n", k); assert(!KIND); goto gone }
  :: atomic {
       conn[c].out == 0 && conn[c].shut && !conn[c].killed ->
       /* The end of the stream: is it that of the answer? */
       printf("client %d finds the end after %d units\n", k, got);
       assert(KEEP || !(answered[k] == linked && (until_eof[k] || chunked[k])) || got == WHOLE(k, 1));
       assert(!(KIND && !KEEP && answered[k] == linked && origin_told[k]) || got == WHOLE(k, 1));
       assert(!(KIND && answered[k] == fail) || got == WHOLE(k, answers[k]) + OWN);
       assert(!KIND || answered[k] != none);
       assert(!PLAIN || answered[k] == linked);
       /* Who keeps its connection finds its end only where it wants no more. */
       assert(!(KIND && KEEP && answered[k] == linked) || (got == WHOLE(k, answers[k]) && (closing[k] || (conn[c].fin && answers[k] == sent / REQ))));
       conn[c].fin = 1;
       edge(c);
       break
     }
  :: atomic {
       KEEP && answered[k] == linked && (sent % REQ == 0 || EXTRA) && got == WHOLE(k, sent / REQ) && !conn[c].killed ->
       conn[c].fin = 1; edge(c); printf("client %d has %d answers and closes\n", k, sent / REQ); break
     }
  :: atomic { VANISH -> conn[c].reset = 1; conn[c].err = 1; edge(c); printf("client %d sends RST\n", k); goto gone }
  :: atomic { LEAVE && !conn[c].killed -> conn[c].fin = 1; edge(c); printf("client %d closes\n", k); break }
  :: atomic { LAZY -> printf("client %d falls asleep\n", k); goto gone }
  od;
  /* Closed. What still comes is answered by RST. */
  if
  :: atomic {
       conn[c].out > 0 ->
       conn[c].out = 0; conn[c].reset = 1; conn[c].err = 1; edge(c); printf("client %d, closed, answers by RST\n", k)
     }
  :: conn[c].closed
  fi;
gone:
  skip
}

/* One attempt to reach the origin of client k. If it is kept, it serves whoever comes. */
proctype Origin(byte k; byte c) {
  byte sent, got, heard, served;
  bit deaf, ended;
  if
  :: conn[c].watched
  :: conn[3 * k].closed && !conn[c].watched -> goto gone  /* it never came to that */
  fi;
  if
  :: atomic { !conn[c].closed -> conn[c].est = 1; edge(c); printf("origin %d accepts\n", c) }
  :: atomic {
       REFUSE && !conn[c].closed ->
       conn[c].est = 1; conn[c].reset = 1; conn[c].err = 1; edge(c); printf("origin %d refuses\n", c); goto gone
     }
  :: conn[c].closed -> goto gone
  :: atomic { LAZY -> printf("origin %d falls asleep\n", c); goto gone }
  fi;
  do
  :: atomic {
       conn[c].out > 0 && !deaf ->
       if
       :: KEEP && sent >= RES && got == REQ && !ended -> sent = 0; got = 0; served++  /* another request */
       :: else
       fi;
       takes(c);
       got++;
       printf("origin %d takes its unit %d\n", c, got);
       assert(got <= REQ);
       if
       :: KEEP && got == 1 -> assert(heard != conn[c].asked); heard = conn[c].asked
       :: else
       fi
     }
  :: atomic {
       HINT && !ended && sent == 0 && conn[c].hint == 0 && conn[c].told != conn[c].asked && conn[c].in < CAP && !conn[c].killed &&
       got > 0 && !conn[c].closed ->
       conn[c].hint = 1; conn[c].told = conn[c].asked; arrives(c); printf("origin %d sends an interim answer\n", c)
     }
  :: atomic {
       !SILENT && !ended && sent < RES && conn[c].in < CAP && !conn[c].killed && (got == REQ || (EARLY && got > 0)) ->
       arrives(c);
       sent++;
       conn[c].told = conn[c].asked;
       printf("origin %d sends its unit %d\n", c, sent);
       if
       :: sent == RES -> origin_told[conn[c].whom] = 1
       :: else
       fi;
       if
       :: SURPLUS && sent == RES && !conn[c].killed && conn[c].in < CAP && !conn[c].closed ->
          arrives(c); conn[c].stray = conn[c].asked; printf("origin %d sends a unit too many\n", c)
       :: 1
       fi
     }
  :: atomic { EARLY && sent > 0 && !deaf && got < REQ -> deaf = 1; printf("origin %d reads no more\n", c) }
  :: atomic {
       sent == RES && (!KEEP || until_eof[conn[c].whom]) && !ended && !conn[c].closed ->
       ended = 1; conn[c].fin = 1; edge(c); printf("origin %d sends FIN\n", c)
     }
  :: atomic {
       /* ... whether the next request is on the way or not. */
       CLOSES && ((sent == RES && got == REQ) || (served > 0 && sent == 0 && conn[c].told != conn[c].asked)) && !ended && !conn[c].closed ->
       if
       :: conn[c].fin = 1; edge(c); printf("origin %d closes\n", c); break
       :: conn[c].reset = 1; conn[c].err = 1; edge(c); printf("origin %d closes by RST\n", c); goto gone
       fi
     }
  :: atomic {
       /* closed over unread bytes: RST. A kind origin does so only where the answer's end can be told without it. */
       deaf && sent == RES && conn[c].out > 0 && !until_eof[k] && !conn[c].closed ->
       conn[c].reset = 1; conn[c].err = 1; edge(c); printf("origin %d closes over what it has not read: RST\n", c); goto gone
     }
  :: atomic { DIES && !conn[c].closed -> conn[c].reset = 1; conn[c].err = 1; edge(c); printf("origin %d sends RST\n", c); goto gone }
  :: atomic {
       DIES && !until_eof[conn[c].whom] && !ended && !conn[c].closed ->
       ended = 1; conn[c].fin = 1; edge(c); printf("origin %d sends FIN too early\n", c);
       if
       :: KEEP -> break
       :: else
       fi
     }
  :: atomic { LAZY -> printf("origin %d falls asleep\n", c); goto gone }
  :: conn[c].killed -> goto gone
  :: conn[c].closed && (conn[c].out == 0 || deaf) -> goto gone
  od;
  /* Closed. What still comes is answered by RST. */
  if
  :: atomic {
       conn[c].out > 0 && !conn[c].closed ->
       conn[c].out = 0; conn[c].reset = 1; conn[c].err = 1; edge(c); printf("origin %d, closed, answers by RST\n", c)
     }
  :: conn[c].closed
  fi;
gone:
  skip
}

/* The ends of a tunnel: both speak and hear until each has said its last. The end of what one says is told by FIN alone, so
 * whoever finds it must have had everything. */
proctype Caller(byte k) {
  byte sent, got;
  byte c = 3 * k;
  bit over;
  do
  :: atomic {
       sent < REQ && conn[c].in < CAP && !conn[c].fin && !conn[c].killed ->
       arrives(c); sent++; caller_sent[k] = sent; printf("client %d sends its unit %d\n", k, sent)
     }
  :: atomic { conn[c].out > 0 -> takes(c); got++; printf("client %d takes its unit %d\n", k, got) }
  :: atomic {
       sent == REQ && !conn[c].fin && !conn[c].killed ->
       conn[c].fin = 1; edge(c); printf("client %d sends FIN\n", k)
     }
  :: atomic { conn[c].killed -> printf("client %d finds RST\n", k); assert(!KIND); goto gone }
  :: atomic {
       conn[c].out == 0 && conn[c].shut && !conn[c].killed && !over ->
       over = 1;
       printf("client %d finds the end after %d units\n", k, got);
       assert(answered[k] != linked || (conn[3 * k + dialed[k]].fin && got == interims[k] + callee_sent[k]));
       assert(!(KIND && answered[k] == fail) || got == OWN);
       assert(!PLAIN || answered[k] == linked)
     }
  :: over && conn[c].fin -> break
  :: atomic { VANISH -> conn[c].reset = 1; conn[c].err = 1; edge(c); printf("client %d sends RST\n", k); goto gone }
  :: atomic { LEAVE && !conn[c].killed && !conn[c].fin -> conn[c].fin = 1; edge(c); printf("client %d closes\n", k); break }
  od;
  if
  :: atomic {
       conn[c].out > 0 ->
       conn[c].out = 0; conn[c].reset = 1; conn[c].err = 1; edge(c); printf("client %d, closed, answers by RST\n", k)
     }
  :: conn[c].closed
  fi;
gone:
  skip
}

proctype Callee(byte k; byte c) {
  byte sent, got;
  bit over, ended;
  if
  :: conn[c].watched
  :: conn[3 * k].closed && !conn[c].watched -> goto gone
  fi;
  if
  :: atomic { !conn[c].closed -> conn[c].est = 1; edge(c); printf("origin %d accepts\n", c) }
  :: atomic {
       REFUSE && !conn[c].closed ->
       conn[c].est = 1; conn[c].reset = 1; conn[c].err = 1; edge(c); printf("origin %d refuses\n", c); goto gone
     }
  :: conn[c].closed -> goto gone
  fi;
  do
  :: atomic { conn[c].out > 0 -> takes(c); got++; printf("origin %d takes its unit %d\n", c, got) }
  :: atomic {
       sent < RES_BODY + UPGRADE && (!UPGRADE || got >= REQ_HEAD) && !ended && conn[c].in < CAP && !conn[c].killed ->
       arrives(c); sent++; callee_sent[k] = sent; printf("origin %d sends its unit %d\n", c, sent)
     }
  :: atomic {
       sent == RES_BODY + UPGRADE && !ended && !conn[c].killed && !conn[c].closed ->
       ended = 1; conn[c].fin = 1; edge(c); printf("origin %d sends FIN\n", c)
     }
  :: atomic {
       conn[c].out == 0 && conn[c].shut && !conn[c].killed && !over ->
       over = 1;
       printf("origin %d finds the end after %d units\n", c, got);
       /* Nothing was said: nothing can look whole. */
       assert(got <= (UPGRADE -> REQ_HEAD : 0) || (conn[3 * k].fin && got == caller_sent[k] - (UPGRADE -> 0 : REQ_HEAD)))
     }
  :: atomic { conn[c].killed -> printf("origin %d finds RST\n", c); assert(!KIND || !ended || REFUSE); goto gone }
  :: over && (ended || conn[c].closed) -> break
  :: atomic { DIES && !conn[c].closed -> conn[c].reset = 1; conn[c].err = 1; edge(c); printf("origin %d sends RST\n", c); goto gone }
  :: atomic { DIES && !ended && !conn[c].closed -> ended = 1; conn[c].fin = 1; edge(c); printf("origin %d closes\n", c); break }
  od;
  if
  :: atomic {
       conn[c].out > 0 && !conn[c].closed ->
       conn[c].out = 0; conn[c].reset = 1; conn[c].err = 1; edge(c); printf("origin %d, closed, answers by RST\n", c)
     }
  :: conn[c].closed
  fi;
gone:
  skip
}

/* ---- the proxy: net::Endpoint, net::Lane, request_info ---------------------------------------------------------------- */

typedef Endpoint {
  byte conn;    /* the descriptor */
  byte serial;
  mtype link;
  bit readable, writable, finished, eof, hung, shut;
};
typedef Lane {
  bit block;
  byte held;      /* units in the block that are to be sent */
  byte tail;      /* units behind them: the beginning of the source's next message */
  byte left;      /* units of the body still to come from the source */
  bit until_eof;  /* the body ends with the stream */
  bit no_length;  /* whoever receives it is not told its length: !Framing::has_length */
  bit dead;
  bit repeatable; /* what was sent stays in the block, and may be sent once more */
  bit surplus;    /* the source sent more than the message */
  bit moved;      /* something of this request, or of its answer, was sent */
  mtype flow;
};
typedef Record {
  mtype state, waits, verdict;
  bit greeted, starved, queued;
  bit persistent, reused, interim, relays;  /* Exchange; `interim`: its status is below 200, `relays`: a tunnel is open */
  bit heard, repeated;                      /* ghosts: something of an answer has come; it was sent twice */
  byte nth;                                 /* served before on this connection */
  byte k;         /* whose request it is */
  byte tried;     /* addresses */
  Endpoint side[2];
  Lane lane[2];
};

#define R rec[r]
#define CLIENT R.side[0]
#define UPSTREAM R.side[1]
#define REQUEST R.lane[0]
#define RESPONSE R.lane[1]

#define framed(L) (!L.until_eof && L.left == 0)  /* Framing::complete */
/* A tunnel's upload ends before its end was passed on. */
#define CUT_ABOVE ((TUNNEL || R.relays) && UPSTREAM.conn != NOBODY && !UPSTREAM.shut)
#define through(L) (L.held == 0 && framed(L))    /* Lane::complete */
#define POOLED 254                               /* the owner of a connection that waits in the pool */
#define NUMBER(r) (rec[r].k * REQUESTS + rec[r].nth + 1)  /* of a request, among all */

chan lookups = [CLIENTS] of { byte, byte, byte };  /* slot, serial, and as a ghost: for whom */
bit known[CLIENTS];                                /* the name has been looked up */
bit unknown[CLIENTS];                              /* ... and there is none such */

/* Resolver::collect: a name has been answered; who waits for it will be woken. */
inline collect_name() {
  lookups ? ev_slot, ev_serial, named_k;
  known[named_k] = 1;
  woken ! ev_slot, ev_serial, named_k;
  printf("the name that client %d waits for is answered\n", named_k);
  ev_slot = 0; ev_serial = 0; named_k = 0
}

inline take_block(L) {
  if
  :: !L.block && blocks > 0 -> L.block = 1; blocks--
  :: else
  fi
}

inline drop_block(L) {
  blocks = blocks + L.block;
  L.block = 0;
  L.held = 0;
  L.tail = 0
}

/* Lane::turn_page */
inline turn_page(L) {
  if
#ifdef WRONG_TAIL
  :: 1 -> drop_block(L)
#else
  :: L.tail > 0 -> L.held = L.tail; L.tail = 0
#endif
  :: L.tail == 0 -> drop_block(L)
  fi
}

/* net::fill. Sets f; n units came if it is none. */
inline fill(L, FROM, room) {
  if
  :: !FROM.readable -> f = need_read
  :: else ->
     receive(FROM.conn, room);
     if
     :: io == again -> FROM.readable = 0; f = need_read
     :: io == the_end -> FROM.readable = 0; FROM.finished = 1; FROM.eof = 1; f = read_failed
     :: io == fail -> FROM.readable = 0; f = read_failed
     :: io == done ->
        if
#if defined(WRONG_FIN)
        :: n < room -> FROM.readable = 0
#elif defined(WRONG_EDGE)
        :: 1 -> FROM.readable = 0
#else
        :: n < room && !FROM.finished && !FROM.hung -> FROM.readable = 0
#endif
        :: else
        fi;
        L.held = L.held + n;
        f = none
     fi;
     io = none
  fi
}

/* net::drain. Sets f. */
inline drain(L, TO) {
  f = none;
  do
  :: f == none && L.held == 0 -> f = complete
  :: f == none && L.held > 0 && !TO.writable -> f = need_write
  :: f == none && L.held > 0 && TO.writable ->
     transmit(TO.conn, L.held);
     if
     :: io == again -> TO.writable = 0; f = need_write
     :: io == fail -> f = write_failed
     :: io == done ->
#ifdef WRONG_SHORT_WRITE
        L.held = 0;
#else
        L.held = L.held - n;
#endif
        L.moved = 1;
        n = 0
     fi;
     io = none
  :: f != none -> break
  od
}

inline end_of_stream(L) {
  drop_block(L);
  f = (L.until_eof || L.left == 0 -> complete : read_failed)
}

/* net::pump. Sets f and the lane's flow. */
inline pump(L, FROM, TO) {
  budget = BUDGET;
  do
  :: drain(L, TO);
     if
     :: f != complete -> break
     :: f == complete && framed(L) && !L.repeatable && L.tail == 0 -> drop_block(L); break
     :: f == complete && framed(L) && (L.repeatable || L.tail > 0) -> break
     :: f == complete && !framed(L) && FROM.eof -> end_of_stream(L); break
     :: f == complete && !framed(L) && !FROM.eof && !FROM.readable -> drop_block(L); f = need_read; break
     :: f == complete && !framed(L) && !FROM.eof && FROM.readable && budget == 0 -> f = spent; break
     :: else
     fi;
     take_block(L);
     if
     :: !L.block -> f = no_block; break
     :: else
     fi;
     fill(L, FROM, (L.until_eof || L.left > BLOCK -> BLOCK : L.left));
     if
     :: f == need_read -> drop_block(L); break
     :: f == read_failed && FROM.eof -> end_of_stream(L); break
     :: f == read_failed && !FROM.eof -> break
     :: f == none ->
        budget = (n < budget -> budget - n : 0);
        L.left = (L.until_eof -> 0 : L.left - n);
        n = 0
     fi
  od;
  budget = 0;
  L.flow = f
}

inline forget_at_once(E, at_once) {
  if
  :: E.conn != NOBODY -> close_descriptor(E.conn, at_once)
  :: else
  fi;
  clear_endpoint(E)
}

inline forget_endpoint(E) {
  forget_at_once(E, 0)
}

/* sys::shutdown_write: shutdown(2) calls the socket's waiters. */
inline shut_endpoint(E) {
  d_step { conn[E.conn].shut = 1; edge(E.conn); printf("  shutdown(%d)\n", E.conn) };
  E.shut = 1
}

/* Ghosts: the request of record r goes over this connection. */
inline ask(id) {
  conn[id].whom = R.k; conn[id].asked = NUMBER(r)
}

inline clear_endpoint(E) {
  d_step {
    E.conn = NOBODY; E.serial = 0; E.link = none;
    E.readable = 0; E.writable = 0; E.finished = 0; E.eof = 0; E.hung = 0; E.shut = 0
  }
}

inline clear_lane(L) {
  d_step {
    L.left = 0; L.until_eof = 0; L.no_length = 0; L.dead = 0; L.repeatable = 0; L.surplus = 0; L.moved = 0; L.flow = none
  }
}

/* greet_half_closed: the first unit of the answer, whatever it will be, tells whether a half-closed client is there. */
inline greet() {
  if
#ifdef WRONG_GREETING
  :: 0 -> skip
#else
#ifdef WRONG_BEGUN
  :: CLIENT.finished && !RESPONSE.moved && CLIENT.writable && !(R.state == SEND_REQUEST && RESPONSE.held > 0) ->
#else
  :: CLIENT.finished && !R.greeted && CLIENT.writable && !(R.state == SEND_REQUEST && RESPONSE.held > 0) ->
#endif
     transmit(CLIENT.conn, 1);
     R.greeted = (io == done);
     RESPONSE.moved = RESPONSE.moved || io == done;
     CLIENT.hung = CLIENT.hung || io == fail;
     io = none;
     n = 0
#endif
  :: else
  fi
}

inline wake(s) {
  assert(rec[s].state != FREE);
  if
  :: rec[s].starved -> starving ?? eval(s); rec[s].starved = 0; rec[s].queued = 0
  :: else
  fi;
  if
  :: !rec[s].queued -> ready ! s; rec[s].queued = 1
  :: else
  fi
}

/* src/server/server.cpp: half-read heads are those whose deadline is that of the head. */
#if SLOTS == 1
#define HALF_READ (rec[0].waits == head)
#else
#define HALF_READ (rec[0].waits == head || rec[1].waits == head)
#endif
#ifdef WRONG_SPIN
#define CAN_FEED (len(starving) > 0)
#else
#define CAN_FEED (len(starving) > 0 && (blocks > 0 || HALF_READ))
#endif

#if CLIENTS == 1
#define KNOCKING knocking[0]
#else
#define KNOCKING (knocking[0] || knocking[1])
#endif

#ifdef WRONG_SERIAL
#define is_the_one(E, number) 1
#else
#define is_the_one(E, number) (E.serial == number)
#endif

active proctype Proxy() {
  Record rec[SLOTS];
  Endpoint spare;  /* net::UpstreamPool, with room for one */
  chan ready = [SLOTS] of { byte };
  chan starving = [SLOTS] of { byte };
  chan woken = [CLIENTS] of { byte, byte, byte };
  chan batch = [CONNS] of { byte, byte, byte, byte, bit, bit, bit, bit };
  byte blocks = BLOCKS;
  byte used, served, serials;
  byte r, n, i, budget, turns, room, kept;
  mtype f, upload, io, step, wait_kind, next_state, why;
  byte ev_slot, ev_side, ev_serial, ev_conn, named_k;
  bit ev_in, ev_out, ev_fin, ev_hung;
  bit look_whole, look_whole_above;
  xr ready; xs ready; xr batch; xs batch;

  atomic {
    i = 0;
    do
    :: i < SLOTS -> rec[i].state = FREE; rec[i].side[0].conn = NOBODY; rec[i].side[1].conn = NOBODY; i++
    :: else -> break
    od;
    spare.conn = NOBODY;
    i = 0;
    do
    :: i < CLIENTS ->
       knocking[i] = 1;
       conn[3 * i].est = 1;
       if
       :: !TOLD -> until_eof[i] = 1
       :: CHUNKED -> chunked[i] = 1
       :: until_eof[i] = 0
       fi;
       if
       :: BAD -> bad[i] = 1
       :: bad[i] = 0
       fi;
#if TUNNEL || UPGRADE
       run Caller(i);
       run Callee(i, 3 * i + 1);
#if ADDRESSES > 1
       run Callee(i, 3 * i + 2);
#endif
#else
       run Client(i);
       run Origin(i, 3 * i + 1);
#if ADDRESSES > 1 || REQUESTS > 1
       run Origin(i, 3 * i + 2);
#endif
#endif
       i++
    :: else -> break
    od;
    i = 0
  }

turn:
accept_turn:
asleep:
  atomic {
    if
    :: served == CLIENTS -> goto over
    :: len(ready) > 0 || len(batch) > 0 || CAN_FEED || EDGES || (KNOCKING && used < SLOTS)
#ifndef WRONG_WOKEN
    :: len(woken) > 0
#endif
    /* A name has been looked up; nobody knows when. */
    :: len(lookups) > 0 -> collect_name()
    /* A deadline has passed; nobody knows which. */
    :: DEADLINES && rec[0].waits != none -> i = 0; goto expire
#if SLOTS > 1
    :: DEADLINES && rec[1].waits != none -> i = 1; goto expire
#endif
    fi;
    goto collect;
expire:
    printf("the deadline of client %d passes\n", rec[i].k);
    rec[i].verdict = (rec[i].waits == head || rec[i].waits == other -> answer_it : drop_it);
    rec[i].waits = none;
    wake(i);
collect:
    i = 0;
    do
    :: i < CONNS && conn[i].queued && len(batch) < CONNS ->
       conn[i].queued = 0;
       if
       :: is_in(i) || is_out(i) || is_hung(i) -> batch ! conn[i].slot, conn[i].side, conn[i].serial, i, is_in(i), is_out(i), is_fin(i), is_hung(i)
       :: else
       fi;
       if
       :: !is_out(i) -> conn[i].no_room = 1  /* tcp_poll() notes that we were told of no room */
       :: else
       fi;
       i++
    :: i < CONNS && !(conn[i].queued && len(batch) < CONNS) -> i++
    :: i == CONNS -> break
    od;
    i = 0
  }

  /* Proxy::mark */
  do
  :: len(batch) > 0 ->
     atomic {
       batch ? ev_slot, ev_side, ev_serial, ev_conn, ev_in, ev_out, ev_fin, ev_hung;
       /* UpstreamPool::owner: who has the connection now. */
       ev_slot = (ev_side == 1 -> conn[ev_conn].slot : ev_slot);
       if
       :: ev_slot == POOLED && spare.conn == ev_conn ->
          printf("the idle connection %d is dropped\n", ev_conn);
#ifndef WRONG_IDLE
          forget_endpoint(spare)
#endif
       :: ev_slot == POOLED && spare.conn != ev_conn
       :: else ->
       if
       :: is_the_one(rec[ev_slot].side[ev_side], ev_serial) ->
          assert(rec[ev_slot].side[ev_side].conn == ev_conn);
#define E rec[ev_slot].side[ev_side]
          E.readable = E.readable || ev_in || ev_hung;
#ifdef WRONG_MARK
          E.writable = E.writable || (ev_out && !ev_in);
#else
          E.writable = E.writable || ev_out || ev_hung;
#endif
          E.finished = E.finished || ev_fin;
          E.hung = E.hung || ev_hung;
#undef E
          wake(ev_slot)
       :: else
       fi
       fi;
       ev_slot = 0; ev_side = 0; ev_serial = 0; ev_conn = 0; ev_in = 0; ev_out = 0; ev_fin = 0; ev_hung = 0
     }
  :: len(batch) == 0 -> break
  :: LATE && len(ready) > 0 -> break
  od;

  /* Proxy::wake_the_named */
  atomic {
    do
    :: len(woken) > 0 ->
       woken ? ev_slot, ev_serial, named_k;
#ifndef WRONG_NAME
       if
       :: is_the_one(rec[ev_slot].side[1], ev_serial) -> assert(rec[ev_slot].k == named_k && rec[ev_slot].state != FREE); wake(ev_slot)
       :: else
       fi;
#endif
       ev_slot = 0; ev_serial = 0; named_k = 0
    :: else -> break
    od
  }

  /* Proxy::accept_clients, and admit */
  atomic {
    i = 0;
    do
    :: i < CLIENTS && knocking[i] && used < SLOTS ->
       knocking[i] = 0;
       r = 0;
       do
       :: R.state != FREE -> r++
       :: R.state == FREE -> break
       od;
       used++;
       serials++;
       R.k = i;
       CLIENT.conn = 3 * i;
       CLIENT.serial = serials;
       CLIENT.link = linked;
       CLIENT.readable = 1;
       CLIENT.writable = 1;
       GO(FREE, READ_REQUEST);
       R.state = next_state;
       conn[CLIENT.conn].whom = i;
       watch(CLIENT.conn, r, 0, serials);
       wake(r);
       i++
    :: i < CLIENTS && !(knocking[i] && used < SLOTS) -> i++
    :: i == CLIENTS -> break
    od;
    i = 0; r = 0; next_state = none; step = none
  }

  /* Proxy::feed_the_starved */
  atomic {
#ifndef WRONG_FEED
    room = blocks;
    do
    :: room > 0 && len(starving) > 0 -> starving ? <i>; wake(i); room--
    :: else -> break
    od;
    room = 0;
#endif
    if
    :: len(starving) > 0 && HALF_READ ->
       i = 0;
       do
       :: rec[i].waits != head -> i++
       :: else -> break
       od;
       rec[i].verdict = answer_it;
       wake(i)
    :: else
    fi;
    i = 0;
    turns = len(ready)
  }

  /* Proxy::run_ready */
run_next:
  if
  :: turns == 0 -> goto turn
  :: else
  fi;
  atomic { ready ? r; R.queued = 0; turns-- };

  /* advance, and next_step */
advance:
accept_advance:
  assert(R.state != FREE);
  upload = none; why = answer_it; wait_kind = none; step = none;
#ifdef WRONG_HUNG
#define gone_for_good CLIENT.hung
#else
#define gone_for_good (CLIENT.hung && !CLIENT.shut)  /* both have sent FIN: something may still lie unread before it */
#endif
  if
  :: gone_for_good -> goto shut_down
  :: !gone_for_good && R.verdict != none ->
     why = R.verdict;
     R.verdict = none;
     if
     :: UPSTREAM.link == connecting -> goto connect_next
     :: else -> goto give_up
     fi
  :: else
  fi;

  /* pump_request */
  if
  :: (UPSTREAM.link == connecting || UPSTREAM.link == linked) && !REQUEST.dead && !through(REQUEST) ->
     pump(REQUEST, CLIENT, UPSTREAM);
     upload = f;
     f = none;
     REQUEST.dead = (upload == write_failed);
#ifndef WRONG_KEPT
     if
#ifdef WRONG_SENT
     :: REQUEST.dead && REQUEST.moved -> drop_block(REQUEST)
#else
     :: REQUEST.dead && REQUEST.moved && !REQUEST.repeatable -> drop_block(REQUEST)
#endif
     :: else
     fi
#endif
  :: else
  fi;
  if
  :: R.state == READ_REQUEST -> goto read_request
  :: R.state == SEND_REQUEST -> goto send_request
  :: R.state == READ_RESPONSE -> goto read_response
  :: R.state == SEND_RESPONSE -> goto send_response
  fi;

read_request:
accept_read_request:
  if
  :: REQUEST.held > 0 -> f = none; goto parse_request  /* it has begun to come behind the last one */
  :: else
  fi;
fill_request:
  do
  :: if
     :: !REQUEST.block && !CLIENT.readable -> step = wait; wait_kind = idle; goto carry_out
     :: else
     fi;
     take_block(REQUEST);
     if
     :: !REQUEST.block -> step = starve; wait_kind = idle; goto carry_out
     :: else
     fi;
     fill(REQUEST, CLIENT, REQ_HEAD + 1 - REQUEST.held);
     REQUEST.flow = f;
parse_request:
     if
     :: f == read_failed -> f = none; goto shut_down
     :: f == need_read && REQUEST.held > 0 -> f = none; step = wait; wait_kind = head; goto carry_out
     :: f == need_read && REQUEST.held == 0 -> f = none; drop_block(REQUEST)
     :: f == none && REQUEST.held < REQ_HEAD -> n = 0
     :: f == none && REQUEST.held >= REQ_HEAD && bad[R.k] -> n = 0; goto give_up
     :: f == none && REQUEST.held >= REQ_HEAD && !bad[R.k] ->
        R.persistent = KEEP;
#if TUNNEL
        /* begin_tunnel */
        REQUEST.until_eof = 1;
        REQUEST.held = REQUEST.held - REQ_HEAD;
        if
        :: REQUEST.held == 0 -> drop_block(REQUEST)
        :: else
        fi;
#else
        /* forward: the head is written anew, as long as before; what is behind the body is the lane's tail */
        n = REQUEST.held - REQ_HEAD;
        n = (n < BODY -> n : BODY);
        REQUEST.tail = REQUEST.held - REQ_HEAD - n;
        REQUEST.held = REQ_HEAD + n;
        REQUEST.left = BODY - n;
        n = 0;
#ifndef WRONG_HOARD
        if
        :: !R.persistent && !UPGRADE -> REQUEST.tail = 0
        :: else
        fi;
#endif
#endif
        if
        :: EXPECT && REQUEST.left > 0 ->
           take_block(RESPONSE);
           RESPONSE.held = RESPONSE.block * INTERIM;
           interims[R.k] = RESPONSE.held
        :: else
        fi;
        GO(READ_REQUEST, SEND_REQUEST);
        goto carry_out
     fi
  od;

send_request:
  drain(RESPONSE, CLIENT);
  if
  :: f == write_failed -> f = none; goto shut_down
  :: else -> f = none
  fi;
  if
  :: RESPONSE.held == 0 -> drop_block(RESPONSE)
  :: else
  fi;
  if
  :: REQUEST.flow == read_failed -> goto shut_down
  :: else
  fi;
  greet();
  if
  :: UPSTREAM.link == none || UPSTREAM.link == resolving -> goto look_up
  :: UPSTREAM.link == connecting -> goto connecting_now
  :: UPSTREAM.link == linked && TUNNEL -> goto open_tunnel
  :: UPSTREAM.link == linked && !TUNNEL
  fi;
  if
#ifdef WRONG_EARLY
  :: (through(REQUEST) || REQUEST.dead) ->
#else
  :: (through(REQUEST) || REQUEST.dead || UPSTREAM.readable) ->
#endif
     if
     :: RESPONSE.held > 0 -> step = wait; wait_kind = leaving
     :: else -> drop_block(RESPONSE); GO(SEND_REQUEST, READ_RESPONSE)
     fi
  :: else -> step = wait; wait_kind = other
  fi;
  goto carry_out;

look_up:
  if
  :: UPSTREAM.link == none && KEEP && spare.conn != NOBODY && !R.reused && framed(REQUEST) -> goto take_used
  :: else
  fi;
  if
  :: UPSTREAM.link == none -> serials++; UPSTREAM.link = resolving; UPSTREAM.serial = serials
  :: else
  fi;
  atomic {
    if
    :: !LOOKUP || known[R.k]
    /* Resolver::remembered: one that has to be asked for; whatever else is answered by then is collected too. */
    :: LOOKUP && !known[R.k] && !(lookups ?? [eval(r), eval(UPSTREAM.serial), _]) ->
       if
       :: len(lookups) > 0 -> collect_name()
       :: 1
       fi;
       if
       :: known[R.k] = 1
       :: known[R.k] = 1; unknown[R.k] = 1
       :: lookups ! r, UPSTREAM.serial, R.k
       fi
    :: LOOKUP && !known[R.k] && lookups ?? [eval(r), eval(UPSTREAM.serial), _]
    fi
  };
  if
  :: (!LOOKUP || known[R.k]) && !unknown[R.k] -> goto connect_next
  :: unknown[R.k] -> why = answer_it; goto give_up
  :: else
  fi;
  step = wait; wait_kind = other;
  goto carry_out;

take_used:
  d_step {
    UPSTREAM.conn = spare.conn; UPSTREAM.serial = spare.serial; UPSTREAM.link = linked; UPSTREAM.writable = spare.writable;
    clear_endpoint(spare);
#ifndef WRONG_OWNER
    conn[UPSTREAM.conn].slot = r;
#endif
    ask(UPSTREAM.conn);
    R.reused = 1;
    REQUEST.repeatable = 1;
    printf("client %d: over the connection %d, used before\n", R.k, UPSTREAM.conn)
  };
  step = go; next_state = SEND_REQUEST;
  goto carry_out;

connecting_now:
  if
  :: !REQUEST.moved && REQUEST.flow == write_failed -> REQUEST.dead = 0; goto connect_next
  :: !REQUEST.moved && REQUEST.flow != write_failed && (REQUEST.held > 0 || !UPSTREAM.writable) ->
     step = wait; wait_kind = other; goto carry_out
  /* Nothing to send: SO_ERROR tells. */
  :: !REQUEST.moved && REQUEST.flow != write_failed && REQUEST.held == 0 && UPSTREAM.writable && conn[UPSTREAM.conn].err ->
     conn[UPSTREAM.conn].err = 0; goto connect_next
  :: else -> UPSTREAM.link = linked; step = go; next_state = SEND_REQUEST; goto carry_out
  fi;

connect_next:
  if
  :: R.tried < ADDRESSES ->
     forget_endpoint(UPSTREAM);
     serials++;
     dialed[R.k]++;
     assert(dialed[R.k] <= 2);
     UPSTREAM.conn = 3 * R.k + dialed[R.k];
     ask(UPSTREAM.conn);
     UPSTREAM.serial = serials;
     UPSTREAM.link = connecting;
     UPSTREAM.writable = (REQUEST.held > 0);
     R.tried++;
     if
     :: REFUSE -> clear_endpoint(UPSTREAM); goto connect_next  /* connect(2) fails at once */
     :: 1
     fi;
     watch(UPSTREAM.conn, r, 1, serials);
     step = go; next_state = SEND_REQUEST;
     goto carry_out
  :: else -> why = answer_it; goto give_up
  fi;

read_response:
  if
  :: REQUEST.flow == read_failed -> goto shut_down
  :: else
  fi;
#ifdef WRONG_HUP
  if
  :: UPSTREAM.hung -> goto give_up
  :: else
  fi;
#endif
  greet();
accept_read_response:
  do
  :: if
     :: HINT && RESPONSE.held > 0 && conn[UPSTREAM.conn].hint ->
        conn[UPSTREAM.conn].hint = 0;
        if
        :: !KEEP -> RESPONSE.held--; step = go; next_state = READ_RESPONSE; goto carry_out  /* not for an HTTP/1.0 client */
        :: KEEP ->
           /* pass_interim */
           RESPONSE.tail = RESPONSE.held - 1;
           RESPONSE.held = 1 - R.greeted;
           R.greeted = 0;
           R.interim = 1;
           interims[R.k]++;
           GO(READ_RESPONSE, SEND_RESPONSE);
           goto carry_out
        fi
     :: else
     fi;
     if
     :: UPGRADE && RESPONSE.held >= RES_HEAD ->
        /* switch_protocols */
        RESPONSE.until_eof = 1;
        RESPONSE.no_length = 1;
        RESPONSE.held = RESPONSE.held - R.greeted;
        R.greeted = 0;
        R.relays = 1;
        R.persistent = 0;
        REQUEST.until_eof = 1;
        REQUEST.held = REQUEST.held + REQUEST.tail;
        REQUEST.tail = 0;
        answered[R.k] = linked;
        GO(READ_RESPONSE, SEND_RESPONSE);
        goto carry_out
     :: BAD && RESPONSE.held >= RES_HEAD -> why = answer_it; goto give_up  /* bad_response */
     :: !UPGRADE && RESPONSE.held >= RES_HEAD ->
        /* answer: what the client has of it by the greeting is left out; to an HTTP/1.1 client its end is always told */
#ifndef WRONG_PERSISTENT
        R.persistent = R.persistent && through(REQUEST) && !REQUEST.dead;
#endif
        RESPONSE.until_eof = until_eof[R.k];
        RESPONSE.surplus = (RESPONSE.held > RES);
        RESPONSE.held = (RESPONSE.held > RES -> RES : RESPONSE.held);
        RESPONSE.left = (until_eof[R.k] -> 0 : RES - RESPONSE.held);
        RESPONSE.no_length = !KEEP && (until_eof[R.k] || chunked[R.k]);
        RESPONSE.held = RESPONSE.held - R.greeted;
        R.greeted = 0;
        answered[R.k] = linked;
        answers[R.k]++;
        closing[R.k] = KEEP && !R.persistent;
        assert(conn[UPSTREAM.conn].told == NUMBER(r));
        assert(conn[UPSTREAM.conn].stray == 0 || conn[UPSTREAM.conn].stray == NUMBER(r));
        GO(READ_RESPONSE, SEND_RESPONSE);
        goto carry_out
     :: RESPONSE.held < RES_HEAD && !UPSTREAM.readable ->
        if
        :: RESPONSE.held == 0 -> drop_block(RESPONSE)
        :: else
        fi;
        step = wait; wait_kind = other;
        goto carry_out
     :: else
     fi;
     take_block(RESPONSE);
     if
#ifdef WRONG_HOARD
     :: !RESPONSE.block -> step = starve; wait_kind = other; goto carry_out
#else
     :: !RESPONSE.block && REQUEST.block && (through(REQUEST) || (REQUEST.dead && REQUEST.repeatable)) ->
        /* What the request holds only in case is given up for its answer. */
        R.persistent = R.persistent && REQUEST.tail == 0;
        REQUEST.repeatable = 0; REQUEST.block = 0; REQUEST.held = 0; REQUEST.tail = 0;
        RESPONSE.block = 1
     :: !RESPONSE.block && !(REQUEST.block && (through(REQUEST) || (REQUEST.dead && REQUEST.repeatable))) ->
        step = starve; wait_kind = other; goto carry_out
#endif
     :: else
     fi;
     fill(RESPONSE, UPSTREAM, RES_HEAD + 1 - RESPONSE.held);
     n = 0;
     RESPONSE.flow = f;
     if
     :: f == read_failed && REQUEST.repeatable -> f = none; goto repeat
     :: f == read_failed && !REQUEST.repeatable -> f = none; goto give_up
     :: f == need_read -> f = none
     :: f == none ->
        R.heard = 1;
#ifndef WRONG_HEARD
        REQUEST.repeatable = 0;
        if
        :: through(REQUEST) && REQUEST.tail == 0 -> drop_block(REQUEST)  /* drop_sent */
        :: else
        fi
#endif
     fi
  od;

repeat:
  assert(!R.heard && !R.repeated && REQUEST.block);
  R.repeated = 1;
  forget_endpoint(UPSTREAM);
  drop_block(RESPONSE);
  REQUEST.held = REQ;
  REQUEST.repeatable = 0;
#ifndef WRONG_DEAD
  REQUEST.dead = 0;
#endif
  REQUEST.moved = 0;
  GO(READ_RESPONSE, SEND_REQUEST);
  goto carry_out;

send_response:
  if
  :: !R.relays && CLIENT.shut -> goto linger
  :: else
  fi;
  pump(RESPONSE, UPSTREAM, CLIENT);
  if
  :: R.relays -> goto relay
  :: else
  fi;
  if
  :: f == complete -> f = none; goto all_sent
  :: f == need_read -> step = wait; wait_kind = other
  :: f == need_write -> step = wait; wait_kind = leaving
  :: f == spent -> step = yield
#ifdef WRONG_HOARD
  :: f == no_block -> step = starve; wait_kind = other
#else
  :: f == no_block && REQUEST.block && through(REQUEST) ->
     drop_block(REQUEST); R.persistent = 0; closing[R.k] = 1; step = yield
  :: f == no_block && !(REQUEST.block && through(REQUEST)) -> step = starve; wait_kind = other
#endif
  :: f == write_failed || f == read_failed -> f = none; goto shut_down
  fi;
  f = none;
  goto carry_out;

all_sent:
  if
  :: R.interim -> R.interim = 0; turn_page(RESPONSE); GO(SEND_RESPONSE, READ_RESPONSE); goto carry_out
  :: else
  fi;
  /* keep_upstream */
  if
  :: UPSTREAM.conn != NOBODY && KEEP && !until_eof[R.k] && through(REQUEST) && !REQUEST.dead && !RESPONSE.surplus && !UPSTREAM.finished && !UPSTREAM.hung ->
     if
     :: UPSTREAM.readable -> receive(UPSTREAM.conn, 1); n = 0
     :: else -> io = again
     fi;
#ifdef WRONG_SURPLUS
     io = again
#endif
  :: else -> io = fail
  fi;
  if
  :: io == again ->
     forget_endpoint(spare);
     d_step {
       spare.conn = UPSTREAM.conn; spare.serial = UPSTREAM.serial; spare.link = linked; spare.writable = UPSTREAM.writable;
       conn[spare.conn].slot = POOLED;
       clear_endpoint(UPSTREAM);
       printf("the connection %d is kept\n", spare.conn)
     }
  :: else -> forget_endpoint(UPSTREAM)
  fi;
  io = none;
  if
  :: R.persistent ->
     /* next_request */
     turn_page(REQUEST);
     turn_page(RESPONSE);
     clear_lane(REQUEST);
     clear_lane(RESPONSE);
#ifdef WRONG_NEXT
     CLIENT.readable = 0;
#endif
     d_step { R.nth++; R.tried = 0; R.persistent = 0; R.reused = 0; R.heard = 0; R.repeated = 0 };
     GO(SEND_RESPONSE, READ_REQUEST);
     goto carry_out
  :: else
  fi;
  if
#if defined(WRONG_CROSSING)
  :: !CLIENT.eof && (CLIENT.readable || !framed(REQUEST)) ->
#elif !defined(WRONG_LINGER)
  :: !CLIENT.eof && (CLIENT.readable || !framed(REQUEST) || KEEP) ->
#endif
#ifndef WRONG_LINGER
     REQUEST.dead = 1;
     shut_endpoint(CLIENT);
     goto linger
#endif
  :: else -> goto shut_down
  fi;

open_tunnel:
  take_block(RESPONSE);
  if
  :: !RESPONSE.block -> step = starve; wait_kind = other; goto carry_out
  :: else
  fi;
  RESPONSE.held = OPENED - R.greeted;
  R.greeted = 0;
  RESPONSE.until_eof = 1;
  RESPONSE.no_length = 1;
  R.relays = 1;
  interims[R.k] = OPENED;
  answered[R.k] = linked;
  GO(SEND_REQUEST, SEND_RESPONSE);
  goto carry_out;

relay:
  if
  :: f == write_failed || REQUEST.flow == read_failed || REQUEST.dead || f == read_failed -> f = none; goto shut_down
  :: else
  fi;
#ifndef WRONG_END
  if
  :: REQUEST.flow == complete && !UPSTREAM.shut -> shut_endpoint(UPSTREAM)
  :: else
  fi;
#endif
  if
  :: RESPONSE.flow == complete && !CLIENT.shut -> shut_endpoint(CLIENT)
  :: else
  fi;
  if
  :: f == complete && REQUEST.flow == complete -> f = none; goto shut_down
  :: f == spent -> step = yield
  :: f == no_block -> step = starve; wait_kind = other
  :: else -> step = wait; wait_kind = other
  fi;
  f = none;
  goto carry_out;

  /* net::discard */
linger:
  drop_block(REQUEST);
  if
  :: CLIENT.eof -> goto shut_down
  :: else
  fi;
  if
  :: blocks == 0 -> step = starve; wait_kind = lingering; goto carry_out
  :: else -> budget = BUDGET
  fi;
accept_linger:
  do
  :: CLIENT.readable && budget > 0 ->
     receive(CLIENT.conn, BLOCK);
     CLIENT.eof = CLIENT.eof || io == the_end;
     if
     :: io != done -> CLIENT.readable = 0
     :: else
     fi;
     budget = (n < budget -> budget - n : 0);
     n = 0;
     if
     :: io == fail -> io = none; budget = 0; goto shut_down
     :: else -> io = none
     fi
  :: else -> break
  od;
  budget = 0;
  if
  :: CLIENT.eof -> goto shut_down
  :: !CLIENT.eof && CLIENT.readable -> step = yield; wait_kind = lingering
  :: else -> step = wait; wait_kind = lingering
  fi;
  goto carry_out;

give_up:
  if
  :: why == drop_it || R.state == SEND_RESPONSE -> goto shut_down
  :: else
  fi;
#ifdef WRONG_ABOVE
  forget_endpoint(UPSTREAM);
#else
  forget_at_once(UPSTREAM, CUT_ABOVE);
#endif
  /* make_room: of a block's content only a 100 on its way is kept */
  kept = (R.state == SEND_REQUEST -> RESPONSE.held : 0);
  if
  :: !RESPONSE.block && REQUEST.block -> RESPONSE.block = 1; REQUEST.block = 0; REQUEST.held = 0; REQUEST.tail = 0
  :: else -> drop_block(REQUEST)
  fi;
  take_block(RESPONSE);
  if
  :: !RESPONSE.block -> R.verdict = answer_it; step = starve; wait_kind = lingering; goto carry_out
  :: else
  fi;
  assert(kept == 0 || R.greeted == 0);
  if
  :: R.state == READ_REQUEST -> REQUEST.until_eof = 1
  :: else
  fi;
  REQUEST.dead = 1;
  REQUEST.repeatable = 0;
  R.persistent = 0;
  RESPONSE.held = kept + OWN - R.greeted;
  R.greeted = 0;
  RESPONSE.tail = 0;
  kept = 0;
  RESPONSE.left = 0;
  RESPONSE.until_eof = 0;
  answered[R.k] = fail;
  if
  :: R.state == READ_REQUEST -> GO(READ_REQUEST, SEND_RESPONSE)
  :: R.state == SEND_REQUEST -> GO(SEND_REQUEST, SEND_RESPONSE)
  :: R.state == READ_RESPONSE -> GO(READ_RESPONSE, SEND_RESPONSE)
  fi;
  goto carry_out;

shut_down:
  if
  :: R.state == READ_REQUEST -> CLOSE(READ_REQUEST)
  :: R.state == SEND_REQUEST -> CLOSE(SEND_REQUEST)
  :: R.state == READ_RESPONSE -> CLOSE(READ_RESPONSE)
  :: R.state == SEND_RESPONSE -> CLOSE(SEND_RESPONSE)
  fi;

carry_out:
#ifndef WRONG_UPLOAD
  /* unless_upload_runs */
  if
  :: step == wait && upload == spent -> step = yield; wait_kind = none
  :: step == wait && upload == no_block -> step = starve
  :: else
  fi;
#endif
  upload = none;
  why = none;
  if
  :: step == go -> R.waits = none; R.state = next_state; next_state = none; goto advance
  :: step == wait -> R.waits = wait_kind
  :: step == yield -> R.waits = wait_kind; R.queued = 1; ready ! r
  :: step == starve ->
#ifndef WRONG_UNTIMED
     R.waits = wait_kind;
#endif
     R.starved = 1; R.queued = 1; starving ! r
  :: step == close ->
     /* release; would_look_whole, and would_look_whole_above */
     drop_block(REQUEST);
     drop_block(RESPONSE);
     look_whole = (R.state == SEND_RESPONSE && RESPONSE.flow != complete && RESPONSE.no_length);
#ifdef WRONG_ABOVE
     look_whole_above = look_whole && R.relays && REQUEST.flow != complete;
#else
     look_whole_above = CUT_ABOVE;
#endif
#ifdef WRONG_LOOKS_WHOLE
     look_whole = 0;
#endif
     close_descriptor(CLIENT.conn, look_whole);
     forget_at_once(UPSTREAM, look_whole_above);
     look_whole = 0;
     look_whole_above = 0;
     clear_endpoint(CLIENT);
     clear_lane(REQUEST);
     clear_lane(RESPONSE);
     d_step {
       R.state = next_state; R.waits = none; R.verdict = none; R.greeted = 0; R.starved = 0; R.k = 0; R.tried = 0;
       R.persistent = 0; R.reused = 0; R.interim = 0; R.relays = 0; R.heard = 0; R.repeated = 0; R.nth = 0;
       next_state = none; used--; served++
     }
  fi;
  atomic { step = none; wait_kind = none; r = 0 };
  goto run_next;

over:
  forget_endpoint(spare);
  assert(blocks == BLOCKS && used == 0);
  i = 0;
  do
  :: i < CONNS -> assert(conn[i].closed || (i % 3 > 0 && !conn[i].est && !conn[i].watched)); i++
  :: else -> break
  od
}
