#!/usr/bin/env python3
"""Proves the simulator: each classic mistake, planted in a copy of the tree, must be caught.

Prints what caught it, and `N passed, N failed`. With words as arguments, only mistakes whose title contains one of them.
Each mistake needs a build of its own; all take some minutes.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from planting import after, before, condition, delete, part, plant, replace, restore  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEEDS = "50000"
# title, [(place, mistake)] as in tests/planting.py, and the code of the loop doctor's finding that must name it, if it has one. A stale event needs two mistakes, because either of two locks holds it off:
# nothing is closed while events are marked, and an event names a serial number.
MISTAKES = [
    ("edge not drained", [("short-read-ends-readiness", condition("true"))], "edge-not-drained"),
    ("end of stream lost after a short read", [("short-read-ends-readiness", condition("io.bytes < room"))]),
    ("readiness lost", [("keep-writable", replace("writable |= event.writable && !event.readable;"))]),
    ("short write ignored", [("sent-by-bytes", replace("begin = end;"))]),
    ("HUP before data is read", [("read-before-hangup",
                                  before("if (record.side[kUpstream].hung) return fail_request(record, turn, worker, Reason::upstream_reset);"))]),
    ("stale event", [("mark-before-run", part("mark(events_[i]);", "{\n    mark(events_[i]);\n    admission_.accept_clients();\n    run_ready();\n  }")),
                     ("event-serial", condition("token.slot < touched_ && (side == kClient || side == kUpstream)"))]),
    ("hang-up before the client's bytes are read", [("client-hangup", condition("client.hung"))]),
    ("a byte budget for each state, not for each turn", [("one-budget-a-turn", before("turn.budget = {worker.budget.share(), worker.budget.share()};"))]),
    ("double close", [("close-once", part("close_fd(old);", "close_fd(old), close_fd(old);"))]),
    ("EMFILE spin", [("listener-out-of-descriptors", replace("now = 0;"))]),
    ("starvation", [("read-within-budget", delete())]),
    ("a client's bytes are not counted", [("charge-client", delete())]),
    ("a throttled record does not sleep", [("throttled-sleeps", condition("false"))]),
    ("block kept by a dead upload", [("dead-upload-frees-block", condition("false"))]),
    ("starving without a deadline", [("starving-has-deadline", delete())]),
    ("truncated response looks whole", [("truncated-response-resets", condition("false"))]),
    ("lost wake-up after a DNS lookup", [("wake-after-lookup", delete())]),
    ("next address not tried", [("try-next-address", part("left() > 0", "next_ < 1"))]),
    ("descriptor leaked", [("release-record", before("(void)record.side[kUpstream].fd.release();"))]),
    ("tail of a pipelined request dropped", [("keep-pipelined", replace("lane.pipelined_end = 0;"))]),
    ("trailing bytes after a response not noticed", [("trailing-bytes", delete())]),
    ("an idle connection's event ignored", [("idle-event", delete())]),
    ("surplus taken for an answer", [("check-idle-silent", replace("return false && seen;"))]),
    ("a wait that leaves events counts as complete", [("wait-has-seen-all", replace("worker_.all_reported = true;"))]),
    ("a logged-in connection serves other clients", [("bind-to-client", replace("const std::uint64_t client = 0;"))]),
    ("retry of a POST", [("repeatable-methods", part('"TRACE"', '"POST"'))]),
    ("last chunk forgotten", [("last-chunk", delete())]),
    ("the client's FIN is not passed through a tunnel", [("tunnel-client-end", delete())]),
    ("a head that came alone ends its response", [("end-chunk-of-head", part("lane.framing.complete()", "lane.framing.eof_completes()"))]),
    ("bytes left in a pipe are dropped", [("pipe-sent", replace("pipe->held = 0;"))]),
    ("the end of a stream before its pipe is empty",
     [("drain-before-end", before("if (lane.pipe && from.finished && lane.framing.eof_completes()) return through(lane);"))]),
    ("a short splice taken for an empty socket", [("pipe-holds", after("if (io.bytes < sys::kPipeBytes) from.readable = false;"))]),
    ("a pipe is reused with bytes in it", [("pipe-returned-empty", condition("spares_ < kSpareMax"))]),
    ("bytes in the pipe not counted", [("pipe-counted", delete())]),
    ("without a pipe it is an error", [("without-pipe", condition("false"))]),
    ("a connection attempt's event is lost", [("event-of-attempt", condition("serial == 0"))]),
    ("the losing attempts are not closed", [("close-losers", part("end_oldest(", "(void)earlier_[0].endpoint.fd.release(), end_oldest("))]),
    ("the losing attempts are closed too late", [("losers-end", delete())]),
    ("bytes are sent during a connection attempt",
     [("add-attempt", before("constexpr std::byte kFirst{'G'};\n  (void)sys::transmit(newest.fd, {&kFirst, 1});"))]),
    ("attempts go on after one has connected", [("attempt-wins", before("return false;"))]),
    ("request sent before the parent's reply",
     [("send-when-open", part("link == Link::open", "link == Link::open || link == Link::handshaking"))]),
    ("early bytes after the parent's reply dropped", [("early-bytes-of-parent", delete())]),
    ("a SOCKS connection used for another host",
     [("pool-key-of-socks", part("route.host_view(), route.port", "route.next_host(), route.next_port()"))]),
    ("half a reply of the parent is an error", [("partial-socks-reply", part("more()", "failed(Reason::bad_parent_response)"))]),
    ("the old connection's error clings to the new one", [("forget-old-error", delete())]),
    ("requests in flight are cut off at shutdown", [("drain-waits", replace("stopping_ = true;"))]),
    ("new connections during shutdown", [("drain-closes-listeners", delete())]),
    ("shutdown waits for idle connections", [("drain-closes-idle", part("worker.draining", "false"))]),
    ("a server's FIN not passed through a tunnel", [("tunnel-upstream-end", delete())]),
    ("the last piece of a local body dropped", [("drain-before-complete", before("if (lane.framing.complete()) return through(lane);"))]),
    ("a member tried twice", [("member-tried", delete())]),
    ("the next member does not get the request's bytes", [("next-member", before("record.lane[kRequest].drop_block();"))]),
    ("a member's request never ends", [("member-ended", delete())]),
    ("bytes after a line are lost", [("keep-next-lines", replace("lane.pipelined_end = static_cast<std::uint16_t>(lane.begin + length);"))]),
    ("HTTP to a client that speaks another protocol", [("refusal-only-http", replace("const std::string_view refusal = refusal_;"))]),
    ("a file kept open during a lingering close", [("close-file-at-end", delete())]),
    ("a configuration freed while in use", [("free-unused-generation", replace("return generation != generations_.back();"))]),
    ("connections queued at a removed listener are lost", [("accept-before-close", replace("if (!door.is_to_stay) continue;"))]),
    ("a connection outlives its configuration", [("keep-alive-same-generation", replace("return !worker.draining;"))]),
    ("a failed reload is not reported", [("report-failed-reload", replace("return;"))]),
    ("a reload refills the rate limits", [("keep-allowance-on-reload", condition("before != nullptr && false"))]),
    ("a PROXY header is not removed", [("cut-off-proxy-header", delete()), ("move-after-proxy-header", delete())]),
    ("a malformed PROXY header is passed on",
     [("reject-proxy-header", part("close_connection(Reason::bad_proxy_header)", "record.proxy_header_read = true, again()"))]),
    ("the client named by a PROXY header is forgotten", [("client-of-proxy-header", delete())]),
    ("only idle connections give way to another client", [("greedy-gives-way", part("shares.busy_connection(peer)", "base::kNoIndex"))]),
    ("no buffer is returned to another client", [("holder-gives-way", part("worker.shares.block_holder(client)", "base::kNoIndex"))]),
    ("one client's records get all free blocks", [("clients-take-turns", delete())]),
    ("heads always get the free block", [("neediest-of-both-uses", part("next_use(free > reserved_blocks(worker))", "next_use(!worker.scheduler.block_needed(BlockUse::head))"))]),
    ("a connection of an HTTP/1.0 server is used again", [("http10-closes", delete())]),
    ("a server's control characters pass", [("blank-controls", condition("false"))]),
    ("a turn is good for several blocks", [("one-block-a-turn", delete())]),
    ("each record works, whatever the turn has spent", [("work-within-budget", part("is_next && !worker.budget.exhausted()", "true"))]),
    ("the work for a response is not counted", [("charge-work", delete())]),
    ("a second hash in one turn", [("one-hash-a-turn", part("!hashed_ && ", ""))]),
    ("other clients' work comes first", [("clients-share-work", part("client % next_.size()", "0"))]),
    ("a broken tunnel looks ended", [("truncated-tunnel-resets", condition("false"))]),
]


def caught_by(tree):
    """The line by which the simulator reports the mistake, or None."""
    build = subprocess.run(["make", "-s", "-j1", "build/g++/sim"], cwd=tree, capture_output=True, text=True, check=False)
    if build.returncode != 0:
        raise SystemExit(build.stderr[-2000:])
    for what in (["--regressions", "tests/sim/regressions/seeds", "--seeds", SEEDS], ["--roles", SEEDS], ["--greedy", SEEDS], ["--torture", "1", "--worlds", "2"]):
        try:
            run = subprocess.run(["build/g++/sim", *what], cwd=tree, timeout=300, capture_output=True, text=True, check=False)
        except subprocess.TimeoutExpired:
            return "a hang"
        if run.returncode != 0:
            return next((line for line in run.stdout.splitlines() if line.startswith(("seed", "small", "torture", "sim: died"))),
                        f"it died with status {run.returncode}")
    return None


def main(wanted):
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        tree = pathlib.Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", "build"))
        os.environ.pop("MAKEFLAGS", None)
        for title, edits, *codes in MISTAKES:
            if wanted and not any(word in title for word in wanted):
                continue
            before_it = plant(tree, edits)
            found = caught_by(tree)
            restore(tree, before_it)
            named = found is not None and all(code in found for code in codes)
            missing = "" if named or found is None else f" (NO FINDING {codes[0]})"
            print(f"{title}: {found or 'NOT CAUGHT'}"[:200] + missing, flush=True)
            passed += named
            failed += not named
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
