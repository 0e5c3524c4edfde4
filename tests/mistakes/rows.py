"""The mistakes that tests plant in a copy of the sources, and those that a learner may watch (docs/mistakes).

Used by tests/sim/planted.py (the simulator must find each), tests/mistakes/build.py (`make mistake`),
tests/mistakes/pages.py (docs/mistakes) and tests/mistakes/check.py (each is found in the real program).
"""
import pathlib
import sys
import typing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from planting import after, before, condition, delete, including, part, replace  # noqa: E402


class Lesson(typing.NamedTuple):
    """What docs/mistakes/NAME.md says beside the edits. Each text consists of whole sentences."""
    name: str
    shown: tuple   # codes of the doctor's findings (docs/doctor.md), each of which names the mistake; empty: see below
    sees: str      # what one sees from outside
    why: str       # why it happens
    look: str      # the line of the right program to look for
    # Without a code:
    driver: tuple = ()  # a test of driver.py that fails, and the cause that it names
    signal: str = ""    # that ends the program; a record file is written (docs/record-file.md)


class Mistake(typing.NamedTuple):
    """`edits`: [(place, mistake)] as in tests/planting.py, in this order."""
    title: str
    edits: list
    # The finding that must name it in the simulator. Empty: it has none, or the simulator's own checks end the history before
    # the doctor has looked twice.
    code: str = ""
    lesson: typing.Optional[Lesson] = None
    simulated: bool = True   # False: the edit is in a file that only the program on Linux has


READ_ALL = """\
static std::map<const Lane*, std::string> messages;
std::string& whole = messages[&lane];
sys::Io io{sys::Outcome::done, 0, 0};
while (io.outcome == sys::Outcome::done && !lane.framing.complete()) {
  const std::size_t had = whole.size();
  whole.resize(had + wanted(lane, 65536));
  io = sys::receive(from.fd, std::as_writable_bytes(std::span{whole}).subspan(had));
  whole.resize(had + io.bytes);
  lane.framing.pass(io.bytes);
}
if (io.outcome == sys::Outcome::eof) from.eof = true;
if (!from.eof && !lane.framing.complete()) {
  from.readable = false;
  return wait_to_read(lane);
}
for (std::size_t sent = 0; sent < whole.size();)
  sent += sys::transmit(to.fd, std::as_bytes(std::span{whole}).subspan(sent)).bytes;
lane.bytes_sent += whole.size();
messages.erase(&lane);
if (!from.eof) continue;"""

# A stale event needs two mistakes, because either of two locks holds it off: nothing is closed while events are marked,
# and an event names a serial number.
LESSONS = [
    Mistake("edge not drained", [("short-read-ends-readiness", condition("true"))], "edge-not-drained", Lesson(
        "no-drain", ("edge-not-drained",),
        "A page arrives up to some point, then nothing moves. The connection stays open until a timeout ends it. Small pages work.",
        "After each read the program takes the socket for empty and waits for the next event. But an edge-triggered epoll(7) reports a "
        "change, not a state: bytes that have already arrived cause no further event. Only a read that returns EAGAIN, or a read that "
        "returns fewer bytes than asked before the peer's FIN, has emptied the socket.",
        "`from.readable = false` stands only after EAGAIN or after a short read.")),
    Mistake("accept once for each event", [("accept-until-again", before("readable_ = false;"))], "listener-not-drained", Lesson(
        "accept-once", ("listener-not-drained",),
        "When several clients connect at the same moment, only one is served. The others are connected, as far as they can see, but get "
        "no response until yet another client comes.",
        "One event of a listener can stand for many connections in its queue. The program accepts one of them and waits for the next "
        "event, which comes only with the next connection.",
        "`Admission::accept_from()` calls `accept` until the listener is not ready any more, and only EAGAIN ends that.")),
    Mistake("short write ignored", [("count-sent", part("io.bytes", "lane.held()"))], "bytes-lost", Lesson(
        "short-write", ("bytes-lost",),
        "A response has a hole in the middle: some kilobytes are missing, and what follows is shifted. It happens only with slow clients "
        "and large responses, hardly ever on loopback.",
        "send(2) on a non-blocking socket takes as many bytes as the socket's buffer has room for. The program ignores how many it "
        "took, and goes on as if all had been sent.",
        "`lane.sent(io.bytes)` counts what the call returned.")),
    Mistake("an empty socket taken for the end", [("wait-to-read", replace("if (!from.readable && !ends) {\n  from.eof = true;\n  continue;\n}"))], "", Lesson(
        "eagain-is-done", (),
        "Responses that come in one piece arrive. One that the server sends in several pieces is cut after the first, and the client "
        "sees a reset or a response that is too short.",
        "EAGAIN, or a short read, means that nothing more is there *now*. The program takes it for the end of the response, as a loop `while ((n = recv(...)) "
        "> 0)` does that does not look at errno afterwards. Only a read that returns 0 is the end of the stream, and even that is the "
        "end of a response only if its head gives no length.",
        "`if (!from.readable && !ends) return wait_to_read(lane);` keeps the state, and the next event continues there.",
        driver=("slow-answer", "cut"))),
    Mistake("EAGAIN taken for an error", [
        ("write-again-waits", condition("io.outcome == sys::Outcome::again && to.link == Link::connecting"))], "", Lesson(
            "eagain-is-error", (),
            "Large responses break off as soon as the client reads more slowly than the server sends. Fast clients and small pages are "
            "served.",
            "send(2) returns -1 when the socket's buffer is full, and errno is EAGAIN. The program sees the -1, takes the connection "
            "for broken and closes it.",
            "`io.outcome == sys::Outcome::again` is looked at before any error: it clears the mark `writable` and waits.",
            driver=("stopped-reader", "short write"))),
    Mistake("end of stream read again and again", [
        ("nothing-to-read", replace("from.readable = from.readable && io.outcome != sys::Outcome::again;")),
        ("client-leaves", part("close_connection(Reason::client_closed)", "yield()"))], "eof-read-again", Lesson(
            "eof-spin", ("spin", "eof-read-again"),
            "After a client has closed its connection, the program uses a whole processor. Everything still works.",
            "A read of 0 bytes says that the stream has ended. The program handles bytes and EAGAIN, but not this: the mark `readable` "
            "stays set, so the record runs in each turn, reads, gets 0, and runs again.",
            "`Flow::read_failed` closes the connection, and `nothing_read()` clears the mark for the end of the stream too.")),
    Mistake("stale event", [
        ("mark-before-run", part("mark(events_[i]);", "{\n  mark(events_[i]);\n  admission_.accept_clients();\n  run_ready();\n}")),
        ("event-serial", condition("token.slot < touched_ && (side == kClient || side == kUpstream)"))], "stale-event", Lesson(
            "stale", ("stale-event",),
            "Now and then a client loses its connection for a reason that is another client's: it gets a response that is not its own, "
            "or none.",
            "epoll_wait(2) returns many events at once. The program handles each of them completely before the next one: that can "
            "close a connection for which another event of the same batch is still to come, and a new client can already have its "
            "place. The event then reaches the wrong connection. Either of two habits prevents it, and this mistake gives up both: "
            "first mark all events, then run; and compare the serial number of an event with that of the connection.",
            "`for (...) mark(events_[i]);` is complete before any record runs, and `Table::find()` compares `serial`.")),
    Mistake("two clients share a record", [
        ("take-free-record", delete()), ("begin-with-free-record", replace("if (record->state == State::FREE) {}"))], "", Lesson(
        "shared-record", ("slot-ledger",),
        "Two clients at the same time: one is cut off when the other connects, or gets the other one's response. One client alone is "
        "always served.",
        "A free record is given to a client, but stays first in the list of the free ones. So the next client gets the same record. "
        "An assertion would end the program at this point, so it is taken out too. The same happens with one static buffer, or "
        "one global structure for all requests.",
        "`free_ = record.ready.next` takes the record out of the list.")),
    Mistake("a hung-up client's descriptor is not closed", [
        ("release-record", before("if (record.side[kClient].hung) (void)record.side[kClient].fd.release();"))], "", Lesson(
            "hup-frees", ("fd-ledger",),
            "For hours everything works. Then accept(2) fails with EMFILE: each client that has reset its connection has left a "
            "descriptor behind.",
            "The handling of EPOLLHUP frees the memory of the connection, but does not close its descriptor: the peer is gone, after "
            "all. But a descriptor is open until close(2), whatever the peer does.",
            "`record = request_info{}` closes all descriptors of a record, because each is an `sys::Fd`.")),
    Mistake("a descriptor is closed twice", [
        ("release-record", before("if (record.side[kClient].fd) sys::close_fd(record.side[kClient].fd.get());"))], "double-close", Lesson(
            "double-close", ("double-close",),
            "Mostly nothing. Under load, now and then, a connection ends without any cause of its own.",
            "A descriptor is closed in two places: at the end of the request, and where the record is cleaned. The second close(2) "
            "fails with EBADF, which is harmless, unless the number has been given to another connection in between. Then that one is "
            "closed.",
            "`sys::Fd` has one owner and forgets its number when it closes it; nothing else calls `close_fd()`.")),
    Mistake("SIGPIPE ends the program", [
        ("no-signal", part("MSG_NOSIGNAL", "0")),
        ("ignore-signals", part("::signal(SIGPIPE, SIG_IGN)", "::signal(SIGPIPE, SIG_DFL)"))], "", Lesson(
            "sigpipe", (),
            "The whole program is gone, without a message, because one client closed its browser window.",
            "A client that has closed its connection answers the next bytes with RST. The write after that raises SIGPIPE, whose "
            "default effect is the end of the process.",
            "`MSG_NOSIGNAL` in `raw::transmit()`, and `signal(SIGPIPE, SIG_IGN)` for splice(2) and write(2), which have no such flag. "
            "The call then fails with EPIPE, which ends one connection.",
            signal="SIGPIPE"), simulated=False),
    Mistake("connect(2) blocks", [
        ("begin-to-connect", replace(
            "::fcntl(socket.fd.get(), F_SETFL, 0);\n{}\n::fcntl(socket.fd.get(), F_SETFL, O_NONBLOCK);"))], "", Lesson(
                "blocking-connect", ("slow-turn",),
                "While one client asks for a server that does not respond, all others wait too, up to minutes.",
                "connect(2) on a blocking socket returns when the handshake of TCP is complete, or after all its repetitions. "
                "Meanwhile the only thread does nothing else.",
                "`make_socket()` sets `SOCK_NONBLOCK`, so `connect` returns EINPROGRESS at once; the socket is writable when the "
                "connection is established."), simulated=False),
    Mistake("a DNS lookup blocks", [
        ("send-query", including("<poll.h>", replace(
            "const bool sent = sys::transmit(attempt.fd, query).outcome != sys::Outcome::fail;\n"
            "pollfd response{attempt.fd.get(), POLLIN, 0};\n"
            "::poll(&response, 1, 5000);  // as getaddrinfo(3) does\n"
            "return sent;")))], "", Lesson(
                "blocking-dns", ("slow-turn",),
                "Each name that was not asked for before holds up all clients, for as long as the name server takes.",
                "getaddrinfo(3) sends a query and waits for the response, up to five seconds for each server and attempt. There is "
                "no non-blocking form of it.",
                "`DnsQuery` sends its query on a non-blocking socket and returns; the response is an event like any other."), simulated=False),
    Mistake("level-triggered", [("edge-triggered", part(" | EPOLLET", ""))], "", Lesson(
        "level", ("level-noise",),
        "Everything works, and the program uses a whole processor as soon as one client is connected.",
        "Without EPOLLET, epoll_wait(2) reports a *state*, again and again, as long as it lasts. An idle connection is always writable, "
        "so each wait returns at once. A level-triggered loop has to ask for EPOLLOUT only while it has something to send.",
        "`EPOLLET` in `control()`: a change is reported once, and a mark remembers it."), simulated=False),
    Mistake("no budget", [("read-within-budget", replace("if (budget == 0) budget = std::size_t{1} << 20U;"))], "", Lesson(
        "no-budget", ("unfair",),
        "One large, fast download delays all other clients. The program is busy, and small pages take long.",
        "The program reads and sends one connection until EAGAIN. A server that sends as fast as the client reads never causes it, so "
        "the loop does not come back to the others.",
        "`if (budget == 0) return pause(lane);` ends a record's part of a turn; it is queued to run again, after the others.")),
    Mistake("the whole message is read before it is sent", [
        ("read-one-piece", including("<map>", including("<string>", before(READ_ALL))))], "", Lesson(
            "read-all-then-send", ("read-ahead",),
            "A large file takes memory of its own size, and the client sees its first byte when the server has sent the last.",
            "The program collects the whole response and sends it then. Nothing holds the server back while the client is slow: "
            "backpressure is gone, and a response without end is never sent at all.",
            "`drain()` stands before `read_once()`: a block that still has bytes is not read into, so the kernel's receive window "
            "closes and the server waits."), simulated=False),
    Mistake("a wait without a deadline", [("wait-has-deadline", delete())], "", Lesson(
        "no-deadline", ("no-deadline",),
        "Connections to clients that have vanished stay open. After some days all records are in use.",
        "A peer whose cable was pulled sends no FIN and no RST, so no event ever comes. Only a timer ends such a wait.",
        "`start_timer()` in `wait()`: each wait has a row in `kWaitRows` with its timeout.")),
    Mistake("EMFILE spin", [("listener-out-of-descriptors", replace("(void)refusal;"))], "spin", Lesson(
        "emfile-spin", ("spin",),
        "When there are no descriptors left, the program uses a whole processor, and the next client waits until another one leaves.",
        "accept(2) fails with EMFILE, and the client stays in the listener's queue. So the listener is still ready: the loop tries again "
        "at once, and fails again.",
        "`Acceptor::refuse()` has a descriptor in reserve: it closes it, accepts the client, responds with 503, closes, and opens the "
        "reserve again.")),
    Mistake("progress in a local variable", [
        ("write-again-waits", part("to.writable = false;", "to.writable = false;\n  if (!lane.pipe) lane.begin = first;")),
        ("send-rest", before("const std::uint16_t first = lane.begin;"))], "", Lesson(
            "local-progress", (),
            "A slow client gets some bytes twice, and the end of the response is missing.",
            "How much of a block was sent is kept in a local variable of the function that sends. When send(2) returns EAGAIN the "
            "function returns, and with it the variable is gone. At the next event it begins again with the first byte of the block.",
            "`lane.begin` is part of the record: it is where the next call continues, in whatever turn.",
            driver=("stopped-reader", "differs"))),
]

# Further mistakes, which only the simulator looks for.
OTHERS = [
    Mistake("the rest of a block is dropped after a short write", [("sent-by-bytes", replace("begin = end;"))]),
    Mistake("close(2) twice by the owner", [("close-once", part("close_fd(old);", "close_fd(old), close_fd(old);"))], "double-close"),
    Mistake("starvation", [("read-within-budget", delete())]),
    Mistake("end of stream lost after a short read", [("short-read-ends-readiness", condition("io.bytes < room"))]),
    Mistake("readiness lost", [("keep-writable", replace("writable |= event.writable && !event.readable;"))]),
    Mistake("HUP before data is read", [("read-before-hangup",
                                  before("if (record.side[kUpstream].hung) return fail_request(record, turn, worker, Reason::upstream_reset);"))]),
    Mistake("hang-up before the client's bytes are read", [("client-hangup", condition("client.hung"))]),
    Mistake("a byte budget for each state, not for each turn", [("one-budget-a-turn", before("turn.budget = {worker.budget.share(), worker.budget.share()};"))]),
    Mistake("a client's bytes are not counted", [("charge-client", delete())]),
    Mistake("a throttled record does not sleep", [("throttled-sleeps", condition("false"))]),
    Mistake("block kept by a dead upload", [("dead-upload-frees-block", condition("false"))]),
    Mistake("starving without a deadline", [("starving-has-deadline", delete())]),
    Mistake("truncated response looks whole", [("truncated-response-resets", condition("false"))]),
    Mistake("lost wake-up after a DNS lookup", [("wake-after-lookup", delete())]),
    Mistake("next address not tried", [("try-next-address", part("left() > 0", "next_ < 1"))]),
    Mistake("descriptor leaked", [("release-record", before("(void)record.side[kUpstream].fd.release();"))]),
    Mistake("tail of a pipelined request dropped", [("keep-pipelined", replace("lane.pipelined_end = 0;"))]),
    Mistake("trailing bytes after a response not noticed", [("trailing-bytes", delete())]),
    Mistake("an idle connection's event ignored", [("idle-event", delete())]),
    Mistake("surplus taken for an answer", [("check-idle-silent", replace("return false && seen;"))]),
    Mistake("a wait that leaves events counts as complete", [("wait-has-seen-all", replace("worker_.all_reported = true;"))]),
    Mistake("a logged-in connection serves other clients", [("bind-to-client", replace("const std::uint64_t client = 0;"))]),
    Mistake("retry of a POST", [("repeatable-methods", part('"TRACE"', '"POST"'))]),
    Mistake("last chunk forgotten", [("last-chunk", delete())]),
    Mistake("the client's FIN is not passed through a tunnel", [("tunnel-client-end", delete())]),
    Mistake("a head that came alone ends its response", [("end-chunk-of-head", part("lane.framing.complete()", "lane.framing.eof_completes()"))]),
    Mistake("bytes left in a pipe are dropped", [("pipe-sent", replace("pipe->held = 0;"))]),
    Mistake("the end of a stream before its pipe is empty",
     [("drain-before-end", before("if (lane.pipe && from.finished && lane.framing.eof_completes()) return finished(lane);"))]),
    Mistake("a short splice taken for an empty socket", [("pipe-holds", after("if (io.bytes < sys::kPipeBytes) from.readable = false;"))]),
    Mistake("a pipe is reused with bytes in it", [("pipe-returned-empty", condition("spares_ < kSpareMax"))]),
    Mistake("bytes in the pipe not counted", [("pipe-counted", delete())]),
    Mistake("without a pipe it is an error", [("without-pipe", condition("false"))]),
    Mistake("a connection attempt's event is lost", [("event-of-attempt", condition("serial == 0"))]),
    Mistake("the losing attempts are not closed", [("close-losers", part("end_oldest(", "(void)earlier_[0].endpoint.fd.release(), end_oldest("))]),
    Mistake("the losing attempts are closed too late", [("losers-end", delete())]),
    Mistake("bytes are sent during a connection attempt",
     [("add-attempt", before("constexpr std::byte kFirst{'G'};\n  (void)sys::transmit(newest.fd, {&kFirst, 1});"))]),
    Mistake("attempts go on after one has connected", [("attempt-wins", before("return false;"))]),
    Mistake("request sent before the parent's reply",
     [("send-when-open", part("link == Link::open", "link == Link::open || link == Link::handshaking"))]),
    Mistake("early bytes after the parent's reply dropped", [("early-bytes-of-parent", delete())]),
    Mistake("a SOCKS connection used for another host",
     [("pool-key-of-socks", part("route.host_view(), route.port", "route.next_host(), route.next_port()"))]),
    Mistake("half a reply of the parent is an error", [("partial-socks-reply", part("more()", "failed(Reason::bad_parent_response)"))]),
    Mistake("the old connection's error clings to the new one", [("forget-old-error", delete())]),
    Mistake("requests in flight are cut off at shutdown", [("drain-waits", replace("stopping_ = true;"))]),
    Mistake("new connections during shutdown", [("drain-closes-listeners", delete())]),
    Mistake("shutdown waits for idle connections", [("drain-closes-idle", part("worker.stopping()", "false"))]),
    Mistake("a server's FIN not passed through a tunnel", [("tunnel-upstream-end", delete())]),
    Mistake("the last piece of a local body dropped", [("drain-before-complete", before("if (lane.framing.complete()) return finished(lane);"))]),
    Mistake("a member tried twice", [("member-tried", delete())]),
    Mistake("the next member does not get the request's bytes", [("next-member", before("record.lane[kRequest].drop_block();"))]),
    Mistake("a member's request never ends", [("member-ended", delete())]),
    Mistake("bytes after a line are lost", [("keep-next-lines", replace("lane.pipelined_end = static_cast<std::uint16_t>(lane.begin + length);"))]),
    Mistake("HTTP to a client that speaks another protocol", [("refusal-only-http", replace("const std::string_view refusal = refusal_;"))]),
    Mistake("a file kept open during a lingering close", [("close-file-at-end", delete())]),
    Mistake("a configuration freed while in use", [("free-unused-generation", replace("return generation != generations_.back();"))]),
    Mistake("connections queued at a removed listener are lost", [("accept-before-close", replace("if (!entry.is_to_stay) continue;"))]),
    Mistake("a connection outlives its configuration", [("keep-alive-same-generation", replace("return !worker.draining;"))]),
    Mistake("a failed reload is not reported", [("report-failed-reload", replace("return;"))]),
    Mistake("a reload refills the rate limits", [("keep-allowance-on-reload", condition("before != nullptr && false"))]),
    Mistake("a PROXY header is not removed", [("cut-off-proxy-header", delete()), ("move-after-proxy-header", delete())]),
    Mistake("a malformed PROXY header is passed on",
     [("reject-proxy-header", part("close_connection(Reason::bad_proxy_header)", "record.proxy_header_read = true, again()"))]),
    Mistake("the client named by a PROXY header is forgotten", [("client-of-proxy-header", delete())]),
    Mistake("only idle connections give way to another client", [("greedy-gives-way", part("shares.busy_connection(peer)", "base::kNoIndex"))]),
    Mistake("no buffer is returned to another client", [("holder-gives-way", part("worker.shares.block_holder(client)", "base::kNoIndex"))]),
    Mistake("one client's records get all free blocks", [("clients-take-turns", delete())]),
    Mistake("heads always get the free block", [("neediest-of-both-uses", part("next_use(free > reserved_blocks(worker))", "next_use(!worker.scheduler.block_needed(BlockUse::head))"))]),
    Mistake("a connection of an HTTP/1.0 server is used again", [("http10-closes", delete())]),
    Mistake("a server's control characters pass", [("blank-controls", condition("false"))]),
    Mistake("a turn is good for several blocks", [("one-block-a-turn", delete())]),
    Mistake("each record works, whatever the turn has spent", [("work-within-budget", part("is_next && !worker.budget.exhausted()", "true"))]),
    Mistake("the work for a response is not counted", [("charge-work", delete())]),
    Mistake("a second hash in one turn", [("one-hash-a-turn", part("!hashed_ && ", ""))]),
    Mistake("other clients' work comes first", [("clients-share-work", part("client % next_.size()", "0"))]),
    Mistake("a broken tunnel looks ended", [("truncated-tunnel-resets", condition("false"))]),
    Mistake("a request for the board is logged", [("board-not-logged", condition("false"))]),
    Mistake("steps of a viewer are traced", [("viewer-not-traced", condition("false"))]),
    Mistake("a turn of viewers is traced", [("take-back-turn", delete())]),
    Mistake("viewers take all records", [("viewers-leave-half", part("others <", "0 * others <"))]),
    Mistake("a viewer that leaves counts on", [("viewer-leaves", delete())]),
]

MISTAKES = LESSONS + OTHERS


def lesson(name):
    """The mistake of that name. Raises KeyError."""
    return {mistake.lesson.name: mistake for mistake in LESSONS}[name]
