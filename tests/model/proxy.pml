/* A model of two lanes and their readiness marks: request_state.cpp and src/net/lane.cpp without the bytes, on a kernel
 * that reports edges exactly as epoll(7) with EPOLLET does.
 *
 * Properties (run.py):
 *   - no lost wake-up: without any timeout, the proxy never sleeps while a request is unfinished (spin: "invalid end
 *     state": the guard at `asleep` is never satisfied again);
 *   - every history ends, without any fairness assumption: there is no cycle of states (spin: "acceptance cycle").
 *     Each step of a peer uses something up, so a cycle is one of the proxy in which no unit moves. Each place where the
 *     proxy can loop without moving a unit has a label "accept_...", so that one run finds these cycles and everything
 *     else (-DNP would need a second run, which does not find invalid end states). Together: every request ends.
 *   - no use after release: an event or a DNS result reaches exactly the endpoint it was for, or none (`ev_conn`,
 *     `named_k`);
 *   - what the peers see: a well-behaved client gets its complete response, never RST; a truncated response is detectable;
 *   - at the end every block and every descriptor is returned.
 *
 * Abstractions, each with its reason:
 *   - Bytes are units, and only counted: order within a lane is that of memmove and memcpy, which unit tests cover. A
 *     head is one or two units, so that it can be incomplete.
 *   - Time does not exist. With DEADLINES a timeout may expire at any turn, in any order: more than the program allows.
 *     Without them nothing may depend on timeouts.
 *   - A turn of the loop is as in Server::turn; the peers may act between any two system calls. Only `asleep` and the
 *     collection of events are one step, as they are in epoll_wait.
 *   - LATE is harsher than the program: records may run between two events of one batch, so that a descriptor can be
 *     closed, and its slot reused, while an event for it is pending. The program marks all first; the serial number
 *     protects it even if it did not.
 *   - A refused connection and a reset one are the same: the next call fails, once.
 *   - The access log is left out. The pool has room for one connection, and all hosts are one.
 *   - A DNS lookup has one waiter: each client resolves its own name.
 *
 * Code in #ifdef WRONG_... is a planted mistake; run.py names the configuration that must find it.
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
#define CAP 2            /* capacity of a socket buffer in units, each way */
#endif
#ifndef BLOCK
#define BLOCK 2          /* capacity of a block in units of a body */
#endif
#ifndef BUDGET
#define BUDGET 9         /* units a record may read in a turn; 9: unlimited */
#endif

/* What the peers and the kernel may do: 1 or 0. */
#ifndef HALF
#define HALF 0           /* the client may send FIN after its request and continue to read */
#endif
#ifndef LEAVE
#define LEAVE 0          /* the client may close at any time: FIN, then RST in reply to any bytes */
#endif
#ifndef VANISH
#define VANISH 0         /* the client may send RST at any time */
#endif
#ifndef EARLY
#define EARLY 0          /* the origin may respond before the request is complete, and stop reading */
#endif
#ifndef DIES
#define DIES 0           /* the origin may abort at any time: by RST, or by FIN where the truncation is detectable */
#endif
#ifndef REFUSE
#define REFUSE 0         /* the origin may refuse the connection */
#endif
#ifndef SILENT
#define SILENT 0         /* the origin never responds */
#endif
#ifndef LAZY
#define LAZY 0           /* each peer may stop at any time; only a timeout helps */
#endif
#ifndef BAD
#define BAD 0            /* the request may be refused, and the response may not be HTTP */
#endif
#ifndef CHUNKED
#define CHUNKED 0        /* the response may be chunked: its end is detectable, but not by an HTTP/1.0 client */
#endif
#ifndef SIZED
#define SIZED 0           /* the response has a length; 0: it may also end with the stream */
#endif
#ifndef EXTRA
#define EXTRA 0          /* units that the first client may send after its request */
#endif
#ifndef EXPECT
#define EXPECT 0         /* the client expects a 100 */
#endif
#ifndef INTERIM
#define INTERIM 1        /* units of a 100 */
#endif
#ifndef LOOKUP
#define LOOKUP 0         /* the host is a name: the DNS lookup may take time, and may fail */
#endif
#ifndef DEADLINES
#define DEADLINES 0
#endif
#ifndef LATE
#define LATE 0
#endif
#ifndef ERROR_ONCE
#define ERROR_ONCE 0     /* a failed call clears the error (SO_ERROR): the next read returns end of stream */
#endif

#ifndef KEEP
#define KEEP 0           /* HTTP/1.1: keep-alive connections, the client's and the origin's */
#endif
#ifndef REQUESTS
#define REQUESTS 1       /* of a client, in sequence; at most 2, and with 2 the host has one address */
#endif
#ifndef PIPELINE
#define PIPELINE 0       /* the client may send a request before it has the previous response */
#endif
#ifndef CLOSES
#define CLOSES 0         /* the origin may close a reused connection until it begins to respond */
#endif
#ifndef TRAILING
#define TRAILING 0        /* the origin may send an extra unit after its response */
#endif
#ifndef HINT
#define HINT 0           /* the origin may send an interim response first, of one unit; RES_HEAD is 1 */
#endif
#ifndef TUNNEL
#define TUNNEL 0         /* the request is CONNECT: units after the head are for the origin */
#endif
#ifndef UPGRADE
#define UPGRADE 0        /* the request has Upgrade, and its response is 101 */
#endif

#define REQ (REQ_HEAD + REQ_BODY)
#define RES (RES_HEAD + RES_BODY)
#define BODY (UPGRADE -> 0 : REQ_BODY) /* of the request: units after 101 are not a body */
#define OWN 2            /* units of the proxy's own response */
#define OPENED 1         /* units of the response to CONNECT */
#define KIND (!VANISH && !LEAVE && !DIES && !LAZY && !DEADLINES && !EXTRA)
/* The client must get the origin's response. A head in two pieces may have to yield its block (408). */
#define PLAIN (KIND && !REFUSE && !BAD && !LOOKUP && REQ_HEAD == 1 && !(KEEP && BLOCKS == 1))

/* ---- names -------------------------------------------------------------------------------------------------------- */

mtype = { FREE, READ_REQUEST, SEND_REQUEST, READ_RESPONSE, SEND_RESPONSE }             /* State */
mtype = { resolving, connecting, linked }                                             /* net::Link */
mtype = { need_read, need_write, complete, spent, no_block, read_failed, write_failed } /* net::Flow */
mtype = { done, again, the_end, fail }                                                /* sys::Outcome */
mtype = { wait, yield, starve, go, close }                                            /* Step::What */
mtype = { idle, head, other, leaving, lingering }  /* plan::Wait, as far as the result of a timeout differs */
mtype = { with_response, without_response }                     /* base::Reason of a verdict: with a response, or without */
#define none 0
#define NO_CONN 255

/* Each change of state in the model is GO(from, to); transitions.py compares them with kStateRows. */
#define GO(from, to) d_step { assert(R.state == from); next_state = to; step = go; printf("client %d: %e -> %e\n", R.k, from, to) }
#define CLOSE(from) d_step { assert(R.state == from); next_state = FREE; step = close; printf("client %d: %e -> FREE\n", R.k, from) }

/* ---- the kernel ---------------------------------------------------------------------------------------------------- */

typedef Conn {
  byte in;      /* units received from the peer and not read */
  byte out;     /* units that the proxy has sent and the peer has not read */
  bit est;      /* connected, or the attempt has failed */
  bit fin;      /* the peer's FIN follows `in` */
  bit reset;    /* the peer's RST has arrived, after `in` */
  bit err;      /* ... and no call has reported it yet */
  bit shut;     /* our FIN follows `out` */
  bit killed;   /* our RST is sent */
  bit closed;   /* our descriptor is closed */
  bit watched;  /* it is in the epoll set */
  bit queued;   /* there was an edge since epoll_wait last reported it */
  bit no_room;  /* SOCK_NOSPACE: a call reported a full buffer; room will be an edge */
  byte slot;    /* the record that its events are for; of an upstream connection: UpstreamPool::owners_ */
  byte side, serial;
  bit hint;     /* an interim response has arrived on it, and was not forwarded yet */
  byte client;    /* ghosts: the client whose request it last received, */
  byte request_number;   /* ... the number of that request among all, */
  byte responding;    /* ... of that to which the origin has begun to respond, */
  byte stray;   /* ... and of that after whose response it has sent an extra unit */
};

/* Of client k: 3k is its own connection; 3k+1 and 3k+2 are those to the origin's addresses. */
#define CONNS (3 * CLIENTS)
Conn conn[CONNS];

#define edge(c) conn[c].queued = conn[c].watched

/* epoll_wait reports the state at the time of the call, not the cause of the edge. */
#define is_in(c)   (conn[c].in > 0 || conn[c].fin || conn[c].reset)
#define is_out(c)  (conn[c].est && (conn[c].out < CAP || conn[c].reset))
#define is_fin(c)  (conn[c].fin || conn[c].reset)
#define is_hung(c) (conn[c].reset || (conn[c].fin && conn[c].shut))

#if CLIENTS == 1
#define EDGES (conn[0].queued || conn[1].queued || conn[2].queued)
#else
#define EDGES (conn[0].queued || conn[1].queued || conn[2].queued || conn[3].queued || conn[4].queued || conn[5].queued)
#endif

/* recv(2): the units received, however few; then the error, then the end. Sets io and n. */
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

/* close(2): with unread bytes, or with SO_LINGER 0, it sends RST, and units in flight are lost. */
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

/* EPOLL_CTL_ADD: existing readiness counts as an edge. */
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

bit pending[CLIENTS];   /* waits to be accepted */
bit until_eof[CLIENTS];  /* the origin's response ends with the stream, not by its length */
bit chunked[CLIENTS];    /* it has a length that the client does not get */
bit bad[CLIENTS];        /* the proxy refuses the request */

/* Ghosts: no decision depends on them. */
mtype responder[CLIENTS]; /* whose response has begun: none, linked (the origin's), fail (the proxy's) */
byte interims[CLIENTS];  /* units of a 100 that were sent */
bit origin_done[CLIENTS];/* the origin has sent its whole response */
byte responses[CLIENTS];   /* responses of the origin that are forwarded to the client */
bit closing[CLIENTS];    /* ... and the last of them has Connection: close */
byte attempts[CLIENTS];    /* connections started for it */
byte caller_sent[CLIENTS], callee_sent[CLIENTS];  /* units that the ends of a tunnel have sent */

#define WHOLE(k, count) (interims[k] + (count) * RES)
/* The client may begin another request, unless it has read Connection: close. */
#define KNOWS_END ((responder[k] == fail && got > WHOLE(k, responses[k])) || (closing[k] && got > WHOLE(k, responses[k] - 1)))
#define MAY_REQUEST (sent < REQUESTS * REQ && !KNOWS_END && (sent % REQ > 0 || PIPELINE || got == WHOLE(k, sent / REQ)))

/* Bytes to a closed descriptor cause RST, which destroys what the peer has not read yet. */
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
       (sent < REQ + (k == 0 -> EXTRA : 0) || MAY_REQUEST) && conn[c].in < CAP && !conn[c].fin && !conn[c].killed ->
       arrives(c); sent++; printf("client %d sends unit %d\n", k, sent)
     }
  :: atomic { conn[c].out > 0 -> takes(c); got++; printf("client %d receives unit %d\n", k, got) }
  :: atomic {
       HALF && sent >= REQ && (!KEEP || sent % REQ == 0) && !conn[c].fin && !conn[c].killed && !conn[c].closed ->
       conn[c].fin = 1; edge(c); printf("client %d sends FIN and continues to read\n", k)
     }
  :: atomic { conn[c].killed -> printf("client %d receives RST\n", k); assert(!KIND); goto gone }
  :: atomic {
       conn[c].out == 0 && conn[c].shut && !conn[c].killed ->
       /* The end of the stream: is the response complete? */
       printf("client %d receives FIN after %d units\n", k, got);
       assert(KEEP || !(responder[k] == linked && (until_eof[k] || chunked[k])) || got == WHOLE(k, 1));
       assert(!(KIND && !KEEP && responder[k] == linked && origin_done[k]) || got == WHOLE(k, 1));
       assert(!(KIND && responder[k] == fail) || got == WHOLE(k, responses[k]) + OWN);
       assert(!KIND || responder[k] != none);
       assert(!PLAIN || responder[k] == linked);
       /* A keep-alive connection ends only where the client expects nothing further. */
       assert(!(KIND && KEEP && responder[k] == linked) || (got == WHOLE(k, responses[k]) && (closing[k] || (conn[c].fin && responses[k] == sent / REQ))));
       conn[c].fin = 1;
       edge(c);
       break
     }
  :: atomic {
       KEEP && responder[k] == linked && (sent % REQ == 0 || EXTRA) && got == WHOLE(k, sent / REQ) && !conn[c].killed ->
       conn[c].fin = 1; edge(c); printf("client %d has %d responses and closes\n", k, sent / REQ); break
     }
  :: atomic { VANISH -> conn[c].reset = 1; conn[c].err = 1; edge(c); printf("client %d sends RST\n", k); goto gone }
  :: atomic { LEAVE && !conn[c].killed -> conn[c].fin = 1; edge(c); printf("client %d closes\n", k); break }
  :: atomic { LAZY -> printf("client %d stops\n", k); goto gone }
  od;
  /* Closed. Bytes that still arrive cause RST. */
  if
  :: atomic {
       conn[c].out > 0 ->
       conn[c].out = 0; conn[c].reset = 1; conn[c].err = 1; edge(c); printf("client %d, closed, sends RST\n", k)
     }
  :: conn[c].closed
  fi;
gone:
  skip
}

/* One connection attempt to the origin of client k. In the pool, it serves any client. */
proctype Origin(byte k; byte c) {
  byte sent, got, current, served;
  bit stopped_reading, ended;
  if
  :: conn[c].watched
  :: conn[3 * k].closed && !conn[c].watched -> goto gone  /* never started */
  fi;
  if
  :: atomic { !conn[c].closed -> conn[c].est = 1; edge(c); printf("origin %d accepts\n", c) }
  :: atomic {
       REFUSE && !conn[c].closed ->
       conn[c].est = 1; conn[c].reset = 1; conn[c].err = 1; edge(c); printf("origin %d refuses\n", c); goto gone
     }
  :: conn[c].closed -> goto gone
  :: atomic { LAZY -> printf("origin %d stops\n", c); goto gone }
  fi;
  do
  :: atomic {
       conn[c].out > 0 && !stopped_reading ->
       if
       :: KEEP && sent >= RES && got == REQ && !ended -> sent = 0; got = 0; served++  /* another request */
       :: else
       fi;
       takes(c);
       got++;
       printf("origin %d receives unit %d\n", c, got);
       assert(got <= REQ);
       if
       :: KEEP && got == 1 -> assert(current != conn[c].request_number); current = conn[c].request_number
       :: else
       fi
     }
  :: atomic {
       HINT && !ended && sent == 0 && conn[c].hint == 0 && conn[c].responding != conn[c].request_number && conn[c].in < CAP && !conn[c].killed &&
       got > 0 && !conn[c].closed ->
       conn[c].hint = 1; conn[c].responding = conn[c].request_number; arrives(c); printf("origin %d sends an interim response\n", c)
     }
  :: atomic {
       !SILENT && !ended && sent < RES && conn[c].in < CAP && !conn[c].killed && (got == REQ || (EARLY && got > 0)) ->
       arrives(c);
       sent++;
       conn[c].responding = conn[c].request_number;
       printf("origin %d sends unit %d\n", c, sent);
       if
       :: sent == RES -> origin_done[conn[c].client] = 1
       :: else
       fi;
       if
       :: TRAILING && sent == RES && !conn[c].killed && conn[c].in < CAP && !conn[c].closed ->
          arrives(c); conn[c].stray = conn[c].request_number; printf("origin %d sends an extra unit\n", c)
       :: 1
       fi
     }
  :: atomic { EARLY && sent > 0 && !stopped_reading && got < REQ -> stopped_reading = 1; printf("origin %d stops reading\n", c) }
  :: atomic {
       sent == RES && (!KEEP || until_eof[conn[c].client]) && !ended && !conn[c].closed ->
       ended = 1; conn[c].fin = 1; edge(c); printf("origin %d sends FIN\n", c)
     }
  :: atomic {
       /* ... whether the next request is in flight or not. */
       CLOSES && ((sent == RES && got == REQ) || (served > 0 && sent == 0 && conn[c].responding != conn[c].request_number)) && !ended && !conn[c].closed ->
       if
       :: conn[c].fin = 1; edge(c); printf("origin %d closes\n", c); break
       :: conn[c].reset = 1; conn[c].err = 1; edge(c); printf("origin %d closes by RST\n", c); goto gone
       fi
     }
  :: atomic {
       /* closed with unread bytes: RST. A well-behaved origin does so only if the response has a length. */
       stopped_reading && sent == RES && conn[c].out > 0 && !until_eof[k] && !conn[c].closed ->
       conn[c].reset = 1; conn[c].err = 1; edge(c); printf("origin %d closes with unread units: RST\n", c); goto gone
     }
  :: atomic { DIES && !conn[c].closed -> conn[c].reset = 1; conn[c].err = 1; edge(c); printf("origin %d sends RST\n", c); goto gone }
  :: atomic {
       DIES && !until_eof[conn[c].client] && !ended && !conn[c].closed ->
       ended = 1; conn[c].fin = 1; edge(c); printf("origin %d sends FIN early\n", c);
       if
       :: KEEP -> break
       :: else
       fi
     }
  :: atomic { LAZY -> printf("origin %d stops\n", c); goto gone }
  :: conn[c].killed -> goto gone
  :: conn[c].closed && (conn[c].out == 0 || stopped_reading) -> goto gone
  od;
  /* Closed. Bytes that still arrive cause RST. */
  if
  :: atomic {
       conn[c].out > 0 && !conn[c].closed ->
       conn[c].out = 0; conn[c].reset = 1; conn[c].err = 1; edge(c); printf("origin %d, closed, sends RST\n", c)
     }
  :: conn[c].closed
  fi;
gone:
  skip
}

/* The ends of a tunnel: both send and receive until each has sent its last unit. Only FIN marks the end of a direction, so
 * the end that receives FIN must have received everything. */
proctype Caller(byte k) {
  byte sent, got;
  byte c = 3 * k;
  bit over;
  do
  :: atomic {
       sent < REQ && conn[c].in < CAP && !conn[c].fin && !conn[c].killed ->
       arrives(c); sent++; caller_sent[k] = sent; printf("client %d sends unit %d\n", k, sent)
     }
  :: atomic { conn[c].out > 0 -> takes(c); got++; printf("client %d receives unit %d\n", k, got) }
  :: atomic {
       sent == REQ && !conn[c].fin && !conn[c].killed ->
       conn[c].fin = 1; edge(c); printf("client %d sends FIN\n", k)
     }
  :: atomic { conn[c].killed -> printf("client %d receives RST\n", k); assert(!KIND); goto gone }
  :: atomic {
       conn[c].out == 0 && conn[c].shut && !conn[c].killed && !over ->
       over = 1;
       printf("client %d receives FIN after %d units\n", k, got);
       assert(responder[k] != linked || (conn[3 * k + attempts[k]].fin && got == interims[k] + callee_sent[k]));
       assert(!(KIND && responder[k] == fail) || got == OWN);
       assert(!PLAIN || responder[k] == linked)
     }
  :: over && conn[c].fin -> break
  :: atomic { VANISH -> conn[c].reset = 1; conn[c].err = 1; edge(c); printf("client %d sends RST\n", k); goto gone }
  :: atomic { LEAVE && !conn[c].killed && !conn[c].fin -> conn[c].fin = 1; edge(c); printf("client %d closes\n", k); break }
  od;
  if
  :: atomic {
       conn[c].out > 0 ->
       conn[c].out = 0; conn[c].reset = 1; conn[c].err = 1; edge(c); printf("client %d, closed, sends RST\n", k)
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
  :: atomic { conn[c].out > 0 -> takes(c); got++; printf("origin %d receives unit %d\n", c, got) }
  :: atomic {
       sent < RES_BODY + UPGRADE && (!UPGRADE || got >= REQ_HEAD) && !ended && conn[c].in < CAP && !conn[c].killed ->
       arrives(c); sent++; callee_sent[k] = sent; printf("origin %d sends unit %d\n", c, sent)
     }
  :: atomic {
       sent == RES_BODY + UPGRADE && !ended && !conn[c].killed && !conn[c].closed ->
       ended = 1; conn[c].fin = 1; edge(c); printf("origin %d sends FIN\n", c)
     }
  :: atomic {
       conn[c].out == 0 && conn[c].shut && !conn[c].killed && !over ->
       over = 1;
       printf("origin %d receives FIN after %d units\n", c, got);
       /* Without bytes no truncation is possible. */
       assert(got <= (UPGRADE -> REQ_HEAD : 0) || (conn[3 * k].fin && got == caller_sent[k] - (UPGRADE -> 0 : REQ_HEAD)))
     }
  :: atomic { conn[c].killed -> printf("origin %d receives RST\n", c); assert(!KIND || !ended || REFUSE); goto gone }
  :: over && (ended || conn[c].closed) -> break
  :: atomic { DIES && !conn[c].closed -> conn[c].reset = 1; conn[c].err = 1; edge(c); printf("origin %d sends RST\n", c); goto gone }
  :: atomic { DIES && !ended && !conn[c].closed -> ended = 1; conn[c].fin = 1; edge(c); printf("origin %d closes\n", c); break }
  od;
  if
  :: atomic {
       conn[c].out > 0 && !conn[c].closed ->
       conn[c].out = 0; conn[c].reset = 1; conn[c].err = 1; edge(c); printf("origin %d, closed, sends RST\n", c)
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
  byte held;      /* units in the block to send */
  byte pipelined;      /* units after them: the beginning of the source's next message */
  byte left;      /* units of the body still to come from the source */
  bit until_eof;  /* the body ends with the stream */
  bit no_length;  /* the receiver does not get its length: !Framing::has_length */
  bit sink_closed;
  bit repeatable; /* sent units stay in the block, for a retry */
  bit trailing_bytes;    /* the source sent more than the message */
  bit bytes_sent;      /* units of this request or response were sent */
  mtype flow;
};
typedef Record {
  mtype state, waits, verdict;
  bit probed, starved, queued;
  bit persistent, reused, interim, tunneled;  /* Exchange; `interim`: its status is below 200, `tunneled`: a tunnel is open */
  bit responded, repeated;                      /* ghosts: units of a response have arrived; the request was sent twice */
  byte nth;                                 /* requests served before on this connection */
  byte k;         /* the client */
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
/* A tunnel's upload ends before its FIN was forwarded. */
#define UPLOAD_CUT ((TUNNEL || R.tunneled) && UPSTREAM.conn != NO_CONN && !UPSTREAM.shut)
#define through(L) (L.held == 0 && framed(L))    /* Lane::complete */
#define POOLED 254                               /* the owner of an idle connection in the pool */
#define NUMBER(r) (rec[r].k * REQUESTS + rec[r].nth + 1)  /* number of a request */

chan lookups = [CLIENTS] of { byte, byte, byte };  /* slot, serial, and as a ghost the client */
bit known[CLIENTS];                                /* the DNS lookup has completed */
bit unknown[CLIENTS];                              /* ... and the name does not exist */

/* Resolver::collect: a DNS lookup has completed; its waiter will be woken. */
inline collect_name() {
  lookups ? ev_slot, ev_serial, named_k;
  known[named_k] = 1;
  woken ! ev_slot, ev_serial, named_k;
  printf("the DNS lookup of client %d completes\n", named_k);
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
  L.pipelined = 0
}

/* Lane::shift_pipelined */
inline shift_pipelined(L) {
  if
#ifdef WRONG_PIPELINED
  :: 1 -> drop_block(L)
#else
  :: L.pipelined > 0 -> L.held = L.pipelined; L.pipelined = 0
#endif
  :: L.pipelined == 0 -> drop_block(L)
  fi
}

/* net::fill. Sets f; n units were read if it is none. */
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
        L.bytes_sent = 1;
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
     :: f == complete && framed(L) && !L.repeatable && L.pipelined == 0 -> drop_block(L); break
     :: f == complete && framed(L) && (L.repeatable || L.pipelined > 0) -> break
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

inline close_endpoint_by(E, at_once) {
  if
  :: E.conn != NO_CONN -> close_descriptor(E.conn, at_once)
  :: else
  fi;
  clear_endpoint(E)
}

inline close_endpoint(E) {
  close_endpoint_by(E, 0)
}

/* sys::shutdown_write: shutdown(2) calls the socket's waiters. */
inline shut_endpoint(E) {
  d_step { conn[E.conn].shut = 1; edge(E.conn); printf("  shutdown(%d)\n", E.conn) };
  E.shut = 1
}

/* Ghosts: the request of record r uses this connection. */
inline set_request(id) {
  conn[id].client = R.k; conn[id].request_number = NUMBER(r)
}

inline clear_endpoint(E) {
  d_step {
    E.conn = NO_CONN; E.serial = 0; E.link = none;
    E.readable = 0; E.writable = 0; E.finished = 0; E.eof = 0; E.hung = 0; E.shut = 0
  }
}

inline clear_lane(L) {
  d_step {
    L.left = 0; L.until_eof = 0; L.no_length = 0; L.sink_closed = 0; L.repeatable = 0; L.trailing_bytes = 0; L.bytes_sent = 0; L.flow = none
  }
}

/* probe_half_closed: sends the first unit of any response, to see whether a half-closed client is still there. */
inline probe() {
  if
#ifdef WRONG_PROBE
  :: 0 -> skip
#else
#ifdef WRONG_BEGUN
  :: CLIENT.finished && !RESPONSE.bytes_sent && CLIENT.writable && !(R.state == SEND_REQUEST && RESPONSE.held > 0) ->
#else
  :: CLIENT.finished && !R.probed && CLIENT.writable && !(R.state == SEND_REQUEST && RESPONSE.held > 0) ->
#endif
     transmit(CLIENT.conn, 1);
     R.probed = (io == done);
     RESPONSE.bytes_sent = RESPONSE.bytes_sent || io == done;
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

/* src/server/server.cpp: incomplete heads are those whose timer is that of the head. */
#if SLOTS == 1
#define INCOMPLETE_HEAD (rec[0].waits == head)
#else
#define INCOMPLETE_HEAD (rec[0].waits == head || rec[1].waits == head)
#endif
#ifdef WRONG_SPIN
#define CAN_FEED (len(starving) > 0)
#else
#define CAN_FEED (len(starving) > 0 && (blocks > 0 || INCOMPLETE_HEAD))
#endif

#if CLIENTS == 1
#define PENDING pending[0]
#else
#define PENDING (pending[0] || pending[1])
#endif

#ifdef WRONG_SERIAL
#define matches_serial(E, number) 1
#else
#define matches_serial(E, number) (E.serial == number)
#endif

active proctype Proxy() {
  Record rec[SLOTS];
  Endpoint pooled;  /* net::UpstreamPool, with room for one */
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
  bit truncated, upload_truncated;
  xr ready; xs ready; xr batch; xs batch;

  atomic {
    i = 0;
    do
    :: i < SLOTS -> rec[i].state = FREE; rec[i].side[0].conn = NO_CONN; rec[i].side[1].conn = NO_CONN; i++
    :: else -> break
    od;
    pooled.conn = NO_CONN;
    i = 0;
    do
    :: i < CLIENTS ->
       pending[i] = 1;
       conn[3 * i].est = 1;
       if
       :: !SIZED -> until_eof[i] = 1
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
    :: len(ready) > 0 || len(batch) > 0 || CAN_FEED || EDGES || (PENDING && used < SLOTS)
#ifndef WRONG_WOKEN
    :: len(woken) > 0
#endif
    /* A DNS lookup completes, at any time. */
    :: len(lookups) > 0 -> collect_name()
    /* Any timer expires. */
    :: DEADLINES && rec[0].waits != none -> i = 0; goto expire
#if SLOTS > 1
    :: DEADLINES && rec[1].waits != none -> i = 1; goto expire
#endif
    fi;
    goto collect;
expire:
    printf("the timer of client %d expires\n", rec[i].k);
    rec[i].verdict = (rec[i].waits == head || rec[i].waits == other -> with_response : without_response);
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
       :: !is_out(i) -> conn[i].no_room = 1  /* tcp_poll() notes that it reported a full buffer */
       :: else
       fi;
       i++
    :: i < CONNS && !(conn[i].queued && len(batch) < CONNS) -> i++
    :: i == CONNS -> break
    od;
    i = 0
  }

  /* Server::mark */
  do
  :: len(batch) > 0 ->
     atomic {
       batch ? ev_slot, ev_side, ev_serial, ev_conn, ev_in, ev_out, ev_fin, ev_hung;
       /* UpstreamPool::owner: the connection's present owner. */
       ev_slot = (ev_side == 1 -> conn[ev_conn].slot : ev_slot);
       if
       :: ev_slot == POOLED && pooled.conn == ev_conn ->
          printf("the idle connection %d is closed\n", ev_conn);
#ifndef WRONG_IDLE
          close_endpoint(pooled)
#endif
       :: ev_slot == POOLED && pooled.conn != ev_conn
       :: else ->
       if
       :: matches_serial(rec[ev_slot].side[ev_side], ev_serial) ->
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

  /* Server::wake_resolved */
  atomic {
    do
    :: len(woken) > 0 ->
       woken ? ev_slot, ev_serial, named_k;
#ifndef WRONG_NAME
       if
       :: matches_serial(rec[ev_slot].side[1], ev_serial) -> assert(rec[ev_slot].k == named_k && rec[ev_slot].state != FREE); wake(ev_slot)
       :: else
       fi;
#endif
       ev_slot = 0; ev_serial = 0; named_k = 0
    :: else -> break
    od
  }

  /* Admission::accept_clients, and admit */
  atomic {
    i = 0;
    do
    :: i < CLIENTS && pending[i] && used < SLOTS ->
       pending[i] = 0;
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
       conn[CLIENT.conn].client = i;
       watch(CLIENT.conn, r, 0, serials);
       wake(r);
       i++
    :: i < CLIENTS && !(pending[i] && used < SLOTS) -> i++
    :: i == CLIENTS -> break
    od;
    i = 0; r = 0; next_state = none; step = none
  }

  /* Server::feed_starved */
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
    :: len(starving) > 0 && INCOMPLETE_HEAD ->
       i = 0;
       do
       :: rec[i].waits != head -> i++
       :: else -> break
       od;
       rec[i].verdict = with_response;
       wake(i)
    :: else
    fi;
    i = 0;
    turns = len(ready)
  }

  /* Server::run_ready */
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
  upload = none; why = with_response; wait_kind = none; step = none;
#ifdef WRONG_HUNG
#define client_aborted CLIENT.hung
#else
#define client_aborted (CLIENT.hung && !CLIENT.shut)  /* both have sent FIN: unread units may precede it */
#endif
  if
  :: client_aborted -> goto shut_down
  :: !client_aborted && R.verdict != none ->
     why = R.verdict;
     R.verdict = none;
     if
     :: UPSTREAM.link == connecting -> goto connect_next
     :: else -> goto fail_request
     fi
  :: else
  fi;

  /* pump_request */
  if
  :: (UPSTREAM.link == connecting || UPSTREAM.link == linked) && !REQUEST.sink_closed && !through(REQUEST) ->
     pump(REQUEST, CLIENT, UPSTREAM);
     upload = f;
     f = none;
     REQUEST.sink_closed = (upload == write_failed);
#ifndef WRONG_KEPT
     if
#ifdef WRONG_SENT
     :: REQUEST.sink_closed && REQUEST.bytes_sent -> drop_block(REQUEST)
#else
     :: REQUEST.sink_closed && REQUEST.bytes_sent && !REQUEST.repeatable -> drop_block(REQUEST)
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
  :: REQUEST.held > 0 -> f = none; goto parse_request  /* it was pipelined */
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
     :: f == none && REQUEST.held >= REQ_HEAD && bad[R.k] -> n = 0; goto fail_request
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
        /* forward: the head is rewritten in the same length; units after the body are pipelined */
        n = REQUEST.held - REQ_HEAD;
        n = (n < BODY -> n : BODY);
        REQUEST.pipelined = REQUEST.held - REQ_HEAD - n;
        REQUEST.held = REQ_HEAD + n;
        REQUEST.left = BODY - n;
        n = 0;
#ifndef WRONG_RETAINED
        if
        :: !R.persistent && !UPGRADE -> REQUEST.pipelined = 0
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
  probe();
  if
  :: UPSTREAM.link == none || UPSTREAM.link == resolving -> goto resolve
  :: UPSTREAM.link == connecting -> goto connecting_now
  :: UPSTREAM.link == linked && TUNNEL -> goto open_tunnel
  :: UPSTREAM.link == linked && !TUNNEL
  fi;
  if
#ifdef WRONG_EARLY
  :: (through(REQUEST) || REQUEST.sink_closed) ->
#else
  :: (through(REQUEST) || REQUEST.sink_closed || UPSTREAM.readable) ->
#endif
     if
     :: RESPONSE.held > 0 -> step = wait; wait_kind = leaving
     :: else -> drop_block(RESPONSE); GO(SEND_REQUEST, READ_RESPONSE)
     fi
  :: else -> step = wait; wait_kind = other
  fi;
  goto carry_out;

resolve:
  if
  :: UPSTREAM.link == none && KEEP && pooled.conn != NO_CONN && !R.reused && framed(REQUEST) -> goto reuse_upstream
  :: else
  fi;
  if
  :: UPSTREAM.link == none -> serials++; UPSTREAM.link = resolving; UPSTREAM.serial = serials
  :: else
  fi;
  atomic {
    if
    :: !LOOKUP || known[R.k]
    /* Not in the resolver's cache: starts a lookup; other results that have arrived by then are collected too. */
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
  :: unknown[R.k] -> why = with_response; goto fail_request
  :: else
  fi;
  step = wait; wait_kind = other;
  goto carry_out;

reuse_upstream:
  d_step {
    UPSTREAM.conn = pooled.conn; UPSTREAM.serial = pooled.serial; UPSTREAM.link = linked; UPSTREAM.writable = pooled.writable;
    clear_endpoint(pooled);
#ifndef WRONG_OWNER
    conn[UPSTREAM.conn].slot = r;
#endif
    set_request(UPSTREAM.conn);
    R.reused = 1;
    REQUEST.repeatable = 1;
    printf("client %d: reuses connection %d\n", R.k, UPSTREAM.conn)
  };
  step = go; next_state = SEND_REQUEST;
  goto carry_out;

connecting_now:
  if
  :: !REQUEST.bytes_sent && REQUEST.flow == write_failed -> REQUEST.sink_closed = 0; goto connect_next
  :: !REQUEST.bytes_sent && REQUEST.flow != write_failed && (REQUEST.held > 0 || !UPSTREAM.writable) ->
     step = wait; wait_kind = other; goto carry_out
  /* Nothing to send: check SO_ERROR. */
  :: !REQUEST.bytes_sent && REQUEST.flow != write_failed && REQUEST.held == 0 && UPSTREAM.writable && conn[UPSTREAM.conn].err ->
     conn[UPSTREAM.conn].err = 0; goto connect_next
  :: else -> UPSTREAM.link = linked; step = go; next_state = SEND_REQUEST; goto carry_out
  fi;

connect_next:
  if
  :: R.tried < ADDRESSES ->
     close_endpoint(UPSTREAM);
     serials++;
     attempts[R.k]++;
     assert(attempts[R.k] <= 2);
     UPSTREAM.conn = 3 * R.k + attempts[R.k];
     set_request(UPSTREAM.conn);
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
  :: else -> why = with_response; goto fail_request
  fi;

read_response:
  if
  :: REQUEST.flow == read_failed -> goto shut_down
  :: else
  fi;
#ifdef WRONG_HUP
  if
  :: UPSTREAM.hung -> goto fail_request
  :: else
  fi;
#endif
  probe();
accept_read_response:
  do
  :: if
     :: HINT && RESPONSE.held > 0 && conn[UPSTREAM.conn].hint ->
        conn[UPSTREAM.conn].hint = 0;
        if
        :: !KEEP -> RESPONSE.held--; step = go; next_state = READ_RESPONSE; goto carry_out  /* HTTP/1.0 clients get no interim responses */
        :: KEEP ->
           /* forwards an interim response */
           RESPONSE.pipelined = RESPONSE.held - 1;
           RESPONSE.held = 1 - R.probed;
           R.probed = 0;
           R.interim = 1;
           interims[R.k]++;
           GO(READ_RESPONSE, SEND_RESPONSE);
           goto carry_out
        fi
     :: else
     fi;
     if
     :: UPGRADE && RESPONSE.held >= RES_HEAD ->
        /* 101: opens a tunnel */
        RESPONSE.until_eof = 1;
        RESPONSE.no_length = 1;
        RESPONSE.held = RESPONSE.held - R.probed;
        R.probed = 0;
        R.tunneled = 1;
        R.persistent = 0;
        REQUEST.until_eof = 1;
        REQUEST.held = REQUEST.held + REQUEST.pipelined;
        REQUEST.pipelined = 0;
        responder[R.k] = linked;
        GO(READ_RESPONSE, SEND_RESPONSE);
        goto carry_out
     :: BAD && RESPONSE.held >= RES_HEAD -> why = with_response; goto fail_request  /* invalid response */
     :: !UPGRADE && RESPONSE.held >= RES_HEAD ->
        /* forwards the response without the unit already sent as a probe; an HTTP/1.1 client always gets its length or chunks */
#ifndef WRONG_PERSISTENT
        R.persistent = R.persistent && through(REQUEST) && !REQUEST.sink_closed;
#endif
        RESPONSE.until_eof = until_eof[R.k];
        RESPONSE.trailing_bytes = (RESPONSE.held > RES);
        RESPONSE.held = (RESPONSE.held > RES -> RES : RESPONSE.held);
        RESPONSE.left = (until_eof[R.k] -> 0 : RES - RESPONSE.held);
        RESPONSE.no_length = !KEEP && (until_eof[R.k] || chunked[R.k]);
        RESPONSE.held = RESPONSE.held - R.probed;
        R.probed = 0;
        responder[R.k] = linked;
        responses[R.k]++;
        closing[R.k] = KEEP && !R.persistent;
        assert(conn[UPSTREAM.conn].responding == NUMBER(r));
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
#ifdef WRONG_RETAINED
     :: !RESPONSE.block -> step = starve; wait_kind = other; goto carry_out
#else
     :: !RESPONSE.block && REQUEST.block && (through(REQUEST) || (REQUEST.sink_closed && REQUEST.repeatable)) ->
        /* release_retained_block: the block retained for a retry serves the response. */
        R.persistent = R.persistent && REQUEST.pipelined == 0;
        REQUEST.repeatable = 0; REQUEST.block = 0; REQUEST.held = 0; REQUEST.pipelined = 0;
        RESPONSE.block = 1
     :: !RESPONSE.block && !(REQUEST.block && (through(REQUEST) || (REQUEST.sink_closed && REQUEST.repeatable))) ->
        step = starve; wait_kind = other; goto carry_out
#endif
     :: else
     fi;
     fill(RESPONSE, UPSTREAM, RES_HEAD + 1 - RESPONSE.held);
     n = 0;
     RESPONSE.flow = f;
     if
     :: f == read_failed && REQUEST.repeatable -> f = none; goto repeat
     :: f == read_failed && !REQUEST.repeatable -> f = none; goto fail_request
     :: f == need_read -> f = none
     :: f == none ->
        R.responded = 1;
#ifndef WRONG_RETRY
        REQUEST.repeatable = 0;
        if
        :: through(REQUEST) && REQUEST.pipelined == 0 -> drop_block(REQUEST)  /* drop_sent */
        :: else
        fi
#endif
     fi
  od;

repeat:
  assert(!R.responded && !R.repeated && REQUEST.block);
  R.repeated = 1;
  close_endpoint(UPSTREAM);
  drop_block(RESPONSE);
  REQUEST.held = REQ;
  REQUEST.repeatable = 0;
#ifndef WRONG_SINK_CLOSED
  REQUEST.sink_closed = 0;
#endif
  REQUEST.bytes_sent = 0;
  GO(READ_RESPONSE, SEND_REQUEST);
  goto carry_out;

send_response:
  if
  :: !R.tunneled && CLIENT.shut -> goto lingering_close
  :: else
  fi;
  pump(RESPONSE, UPSTREAM, CLIENT);
  if
  :: R.tunneled -> goto tunnel
  :: else
  fi;
  if
  :: f == complete -> f = none; goto all_sent
  :: f == need_read -> step = wait; wait_kind = other
  :: f == need_write -> step = wait; wait_kind = leaving
  :: f == spent -> step = yield
#ifdef WRONG_RETAINED
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
  :: R.interim -> R.interim = 0; shift_pipelined(RESPONSE); GO(SEND_RESPONSE, READ_RESPONSE); goto carry_out
  :: else
  fi;
  /* release_upstream */
  if
  :: UPSTREAM.conn != NO_CONN && KEEP && !until_eof[R.k] && through(REQUEST) && !REQUEST.sink_closed && !RESPONSE.trailing_bytes && !UPSTREAM.finished && !UPSTREAM.hung ->
     if
     :: UPSTREAM.readable -> receive(UPSTREAM.conn, 1); n = 0
     :: else -> io = again
     fi;
#ifdef WRONG_TRAILING
     io = again
#endif
  :: else -> io = fail
  fi;
  if
  :: io == again ->
     close_endpoint(pooled);
     d_step {
       pooled.conn = UPSTREAM.conn; pooled.serial = UPSTREAM.serial; pooled.link = linked; pooled.writable = UPSTREAM.writable;
       conn[pooled.conn].slot = POOLED;
       clear_endpoint(UPSTREAM);
       printf("connection %d enters the pool\n", pooled.conn)
     }
  :: else -> close_endpoint(UPSTREAM)
  fi;
  io = none;
  if
  :: R.persistent ->
     /* next_request */
     shift_pipelined(REQUEST);
     shift_pipelined(RESPONSE);
     clear_lane(REQUEST);
     clear_lane(RESPONSE);
#ifdef WRONG_NEXT
     CLIENT.readable = 0;
#endif
     d_step { R.nth++; R.tried = 0; R.persistent = 0; R.reused = 0; R.responded = 0; R.repeated = 0 };
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
     REQUEST.sink_closed = 1;
     shut_endpoint(CLIENT);
     goto lingering_close
#endif
  :: else -> goto shut_down
  fi;

open_tunnel:
  take_block(RESPONSE);
  if
  :: !RESPONSE.block -> step = starve; wait_kind = other; goto carry_out
  :: else
  fi;
  RESPONSE.held = OPENED - R.probed;
  R.probed = 0;
  RESPONSE.until_eof = 1;
  RESPONSE.no_length = 1;
  R.tunneled = 1;
  interims[R.k] = OPENED;
  responder[R.k] = linked;
  GO(SEND_REQUEST, SEND_RESPONSE);
  goto carry_out;

tunnel:
  if
  :: f == write_failed || REQUEST.flow == read_failed || REQUEST.sink_closed || f == read_failed -> f = none; goto shut_down
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
lingering_close:
  drop_block(REQUEST);
  if
  :: CLIENT.eof -> goto shut_down
  :: else
  fi;
  if
  :: blocks == 0 -> step = starve; wait_kind = lingering; goto carry_out
  :: else -> budget = BUDGET
  fi;
accept_lingering_close:
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

fail_request:
  if
  :: why == without_response || R.state == SEND_RESPONSE -> goto shut_down
  :: else
  fi;
#ifdef WRONG_UPLOAD_CUT
  close_endpoint(UPSTREAM);
#else
  close_endpoint_by(UPSTREAM, UPLOAD_CUT);
#endif
  /* of a block's content only an unsent 100 is kept */
  kept = (R.state == SEND_REQUEST -> RESPONSE.held : 0);
  if
  :: !RESPONSE.block && REQUEST.block -> RESPONSE.block = 1; REQUEST.block = 0; REQUEST.held = 0; REQUEST.pipelined = 0
  :: else -> drop_block(REQUEST)
  fi;
  take_block(RESPONSE);
  if
  :: !RESPONSE.block -> R.verdict = with_response; step = starve; wait_kind = lingering; goto carry_out
  :: else
  fi;
  assert(kept == 0 || R.probed == 0);
  if
  :: R.state == READ_REQUEST -> REQUEST.until_eof = 1
  :: else
  fi;
  REQUEST.sink_closed = 1;
  REQUEST.repeatable = 0;
  R.persistent = 0;
  RESPONSE.held = kept + OWN - R.probed;
  R.probed = 0;
  RESPONSE.pipelined = 0;
  kept = 0;
  RESPONSE.left = 0;
  RESPONSE.until_eof = 0;
  responder[R.k] = fail;
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
  /* an upload that can continue, or needs a block, does not wait */
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
     /* release; truncation_undetectable, and upload_truncation_undetectable */
     drop_block(REQUEST);
     drop_block(RESPONSE);
     truncated = (R.state == SEND_RESPONSE && RESPONSE.flow != complete && RESPONSE.no_length);
#ifdef WRONG_UPLOAD_CUT
     upload_truncated = truncated && R.tunneled && REQUEST.flow != complete;
#else
     upload_truncated = UPLOAD_CUT;
#endif
#ifdef WRONG_TRUNCATED
     truncated = 0;
#endif
     close_descriptor(CLIENT.conn, truncated);
     close_endpoint_by(UPSTREAM, upload_truncated);
     truncated = 0;
     upload_truncated = 0;
     clear_endpoint(CLIENT);
     clear_lane(REQUEST);
     clear_lane(RESPONSE);
     d_step {
       R.state = next_state; R.waits = none; R.verdict = none; R.probed = 0; R.starved = 0; R.k = 0; R.tried = 0;
       R.persistent = 0; R.reused = 0; R.interim = 0; R.tunneled = 0; R.responded = 0; R.repeated = 0; R.nth = 0;
       next_state = none; used--; served++
     }
  fi;
  atomic { step = none; wait_kind = none; r = 0 };
  goto run_next;

over:
  close_endpoint(pooled);
  assert(blocks == BLOCKS && used == 0);
  i = 0;
  do
  :: i < CONNS -> assert(conn[i].closed || (i % 3 > 0 && !conn[i].est && !conn[i].watched)); i++
  :: else -> break
  od
}
