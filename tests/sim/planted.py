#!/usr/bin/env python3
"""Proves the simulator: each classic mistake, planted in a copy of the tree, must be caught.

Prints what caught it, and `N passed, N failed`. With words as arguments, only mistakes whose title has one of them.
Each needs a build of its own: some minutes in all.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEEDS = "50000"
# title, file, what stands there, what is planted; a file may follow with more. A stale event needs two mistakes, for
# either of two locks holds it off: nothing is closed while events are marked, and an event names a serial number.
MISTAKES = [
    ("edge not drained", "src/net/lane.cpp", "if (io.bytes < room && !from.finished && !from.hung) from.readable = false;",
     "from.readable = false;"),
    ("end of stream lost behind a short read", "src/net/lane.cpp", "io.bytes < room && !from.finished && !from.hung",
     "io.bytes < room"),
    ("readiness lost", "src/net/endpoint.hpp", "writable |= event.writable;", "writable |= event.writable && !event.readable;"),
    ("short write ignored", "src/net/lane.cpp", "static_cast<std::uint16_t>(begin + bytes)", "end"),
    ("HUP before data read", "request_state.cpp", "    if (!upstream.readable) {\n",
     "    if (upstream.hung) return give_up(record, services, Reason::upstream_reset);\n    if (!upstream.readable) {\n"),
    ("stale event", "proxy.cpp", "mark(events_[i]);\n", "{\n    mark(events_[i]);\n    accept_clients();\n    run_ready();\n  }\n",
     "src/state/table.cpp", " && records_[token.slot].side[side].serial == token.serial", " && (side == kClient || side == kUpstream)"),
    ("hang-up before what the client sent is read", "request_state.cpp", "if (client.hung && !client.shut) return", "if (client.hung) return"),
    ("a share of the turn for each state", "request_state.cpp", "    const Step step = next_step(record, services);\n",
     "    services.budget = {kTurnBytes, kTurnBytes};\n    const Step step = next_step(record, services);\n"),
    ("double close", "src/sys/fd.hpp", "if (old >= 0) close_fd(old);", "if (old >= 0) close_fd(old), close_fd(old);"),
    ("EMFILE spin", "src/net/listener.cpp", "turn_away(refusal, now);", "now = 0;"),
    ("starvation", "src/net/lane.cpp", "    if (budget == 0) return Flow::budget;\n", ""),
    ("bytes of a client not counted", "src/state/share.cpp", "  spend(record, services, may - left);\n", ""),
    ("who may move no more does not sleep", "request_state.cpp", "if (services.throttled && ", "if (false && "),
    ("block kept by a dead upload", "request_state.cpp", "if (request.dead && !for_another_address && !request.repeatable) ", "if (false) "),
    ("starving without a deadline", "request_state.cpp",
     "        pause(record, services, step.wait, moved_before);\n        record.starved = true;", "        record.starved = true;"),
    ("cut answer looks whole", "request_state.cpp", "if (look_whole) ", "if (look_whole && false) "),
    ("lost wake-up after a name", "proxy.cpp", "  wake_the_named();\n  check_servers", "  check_servers"),
    ("next address not tried", "src/state/connect.cpp", "exchange.next_address < exchange.addresses.count && !is_ours", "exchange.next_address < 1 && !is_ours"),
    ("descriptor kept", "src/state/table.cpp", "  record = request_info{};\n", "  (void)record.side[kUpstream].fd.release();\n  record = request_info{};\n"),
    ("tail of a pipelined request dropped", "src/state/heads.cpp", "lane.tail = static_cast<std::uint16_t>(lane.end + ahead);", "lane.tail = 0;"),
    ("surplus not noticed", "src/state/heads.cpp", "  response.surplus |= response.ahead() > 0;\n", ""),
    ("an idle connection's event ignored", "src/net/upstreams.cpp", "      drop(place);\n      break;", "      break;"),
    ("surplus not looked for", "src/state/upstream.cpp", "while (!is_silent(used.upstream));",
     "while (false);"),
    ("repeat of a POST", "src/state/notes.cpp", '"OPTIONS", "TRACE", "PUT"', '"OPTIONS", "POST", "PUT"'),
    ("chunk end forgotten", "src/net/lane.cpp", '  put("0\\r\\n\\r\\n");\n', ""),
    ("FIN of a tunnel not passed on", "src/state/tunnel.cpp", "  pass_end(up, upstream);\n", ""),
    ("a head that came alone ends its answer", "src/state/heads.cpp",
     "net::end_chunk(lane, body.payload, lane.framing.complete())", "net::end_chunk(lane, body.payload, lane.framing.eof_completes())"),
    ("what a pipe still holds is dropped", "src/net/lane.cpp", "pipe->held -= bytes;", "pipe->held = 0;"),
    ("the end of a stream before its pipe is empty", "src/net/lane.cpp",
     "    if (const Flow flow = drain(lane, to); flow != Flow::complete) return flow;\n"
     "    if (lane.framing.complete()) return through(lane);\n    const bool ends",
     "    if (lane.pipe && from.finished && lane.framing.eof_completes()) return through(lane);\n"
     "    if (const Flow flow = drain(lane, to); flow != Flow::complete) return flow;\n"
     "    if (lane.framing.complete()) return through(lane);\n    const bool ends"),
    ("a short splice taken for an empty socket", "src/net/lane.cpp", "  lane.pipe->held = io.bytes;\n",
     "  lane.pipe->held = io.bytes;\n  if (io.bytes < sys::kPipeBytes) from.readable = false;\n"),
    ("a pipe goes back with bytes in it", "src/net/pipes.cpp", "if (pipe.held == 0 && spares_ < kSpareMax)", "if (spares_ < kSpareMax)"),
    ("bytes in the pipe not counted", "src/net/lane.cpp", "  lane.pipe->held = io.bytes;\n  lane.framing.pass(io.bytes);\n", "  lane.pipe->held = io.bytes;\n"),
    ("without a pipe it is an error", "src/net/lane.cpp", "  if (is_unsupported(io)) {\n", "  if (false) {\n"),
    ("a runner's event is lost", "src/net/race.hpp", "if (runners_[i].endpoint.serial == serial) return", "if (serial == 0) return"),
    ("the losers are not closed", "src/state/connect.cpp",
     "  for (; race.count() > 0; race.take(0))\n    settle_attempt(*record.exchange, services, race.at(0).address, error);\n}",
     "  for (; race.count() > 0; (void)race.take(0).endpoint.fd.release())\n"
     "    settle_attempt(*record.exchange, services, race.at(0).address, error);\n}"),
    ("the losers are closed too late", "src/state/connect.cpp",
     "  end_race(record, services, ECANCELED);\n  record.approach.reset();\n", ""),
    ("a runner is spoken to", "src/state/connect.cpp", "  record.approach->race.add(\n",
     "  constexpr std::byte kFirst{'G'};\n  (void)sys::transmit(record.side[kUpstream].fd, {&kFirst, 1});\n  record.approach->race.add(\n"),
    ("a won race goes on", "src/state/connect.cpp", "    promote(record, i);\n", "    return false;\n    promote(record, i);\n"),
    ("request sent before the parent's answer", "request_state.cpp", "const bool linked = in_hope || upstream.link == Link::open;",
     "const bool linked = in_hope || upstream.link == Link::open || upstream.link == Link::greeting;"),
    ("early bytes behind the parent's answer dropped", "src/state/tunnel.cpp",
     "    response.end = static_cast<std::uint16_t>(response.end + talk.end);\n", ""),
    ("a SOCKS connection used for another host", "src/state/upstream.cpp",
     "  if (leads_on) return {exchange.host_view(), exchange.port};\n", "  if (leads_on) return {exchange.hop_host(), exchange.hop_port()};\n"),
    ("half an answer of the parent is none", "src/net/handshake.cpp", "  return came.size() < whole ? more() : done(whole, 0);",
     "  return came.size() < whole ? failed(Reason::bad_parent_answer) : done(whole, 0);"),
    ("the old connection's error clings to the new one", "src/state/upstream.cpp", "  request.flow = net::Flow::none;", "  //"),
    ("what is under way is cut off at the end", "proxy.cpp", "stopping_ |= table_.used() == 0 || ", "stopping_ |= true || "),
    ("newcomers at the end", "proxy.cpp", "  listeners_.close();\n", ""),
    ("who waits for nothing is waited for", "request_state.cpp", "services.draining ? leave(record) : ", ""),
    ("a server's FIN not passed on", "src/state/tunnel.cpp", "  pass_end(down, client);\n", ""),
    ("the feed's last piece dropped", "src/net/lane.cpp",
     "    if (const Flow flow = drain(lane, to); flow != Flow::complete) return flow;\n"
     "    if (lane.framing.complete()) return through(lane);\n    if (budget == 0 || most == 0)",
     "    if (lane.framing.complete()) return through(lane);\n"
     "    if (const Flow flow = drain(lane, to); flow != Flow::complete) return flow;\n    if (budget == 0 || most == 0)"),
    ("a member tried twice", "src/state/upstream.cpp", "  exchange.tried |= std::uint64_t{1} << member;\n", ""),
    ("the next member has not what was said", "src/state/upstream.cpp", "  exchange.addresses = {};\n  exchange.next_address",
     "  record.lane[kRequest].drop_block();\n  exchange.addresses = {};\n  exchange.next_address"),
    ("work with a member never ends", "src/state/notes.cpp",
     "  services.groups->ended(exchange.group, exchange.member);\n", ""),
    ("what lies behind a line is lost", "src/state/raw.cpp", "  lane.tail = lane.end;\n",
     "  lane.tail = static_cast<std::uint16_t>(lane.begin + length);\n"),
    ("HTTP to who speaks none", "proxy.cpp", "speaks_http ? std::string_view{refusal_} : std::string_view{}", "refusal_"),
    ("a file kept for who is only heard out", "src/state/ends.cpp", "  record.feed.reset();\n  end_exchange", "  end_exchange"),
    ("a configuration ended while it serves", "proxy.cpp",
     "return generation != generations_.back() && generation->records == 0;", "return generation != generations_.back();"),
    ("who waits at a listener that is taken away is lost", "proxy.cpp",
     "    if (!door.is_to_stay) accept_those_before_it_closes(door);", "    if (!door.is_to_stay) continue;"),
    ("a connection outlives its configuration", "src/state/parts.hpp",
     "return !services.draining && record.generation == services.generation;", "return !services.draining;"),
    ("a configuration that cannot be had is not told", "proxy.cpp",
     '    return complain(wrong + "\\nnothing was reloaded: all goes on as it was configured before");', "    return;"),
    ("another configuration fills the buckets", "src/state/generation.cpp",
     "before != nullptr && before->config.allowance == allowance", "before != nullptr && false"),
    ("a PROXY header is not taken off", "src/state/raw.cpp",
     "    request.end = static_cast<std::uint16_t>(request.end - header.length);\n"
     "    std::memmove(request.block->bytes, request.block->bytes + header.length, request.end);\n", ""),
    ("a malformed PROXY header is passed on", "src/state/raw.cpp",
     "    if (header.what == net::ProxyHeader::What::bad) return close(Reason::bad_introduction);\n",
     "    if (header.what == net::ProxyHeader::What::bad) return record.introduced = true, go(State::READ_REQUEST);\n"),
    ("whom a PROXY header names is forgotten", "src/state/raw.cpp",
     "  record.client = client;\n  if (services.limits == nullptr)", "  if (services.limits == nullptr)"),
    ("a broken tunnel looks ended", "request_state.cpp", "if (look_whole_above) ", "if (look_whole_above && false) "),
]


def plant(tree, file, old, new):
    path = tree / file
    text = path.read_text()
    if text.count(old) != 1:
        raise SystemExit(f"planted: {file} has {old!r} {text.count(old)} times, not once; mend the table")
    path.write_text(text.replace(old, new))
    return text


def caught_by(tree):
    """What the simulator says of the tree; None: nothing."""
    build = subprocess.run(["make", "-s", "-j1", "build/g++/sim"], cwd=tree, capture_output=True, text=True, check=False)
    if build.returncode != 0:
        raise SystemExit(build.stderr[-2000:])
    for what in (["--regressions", "tests/sim/regressions/seeds", "--seeds", SEEDS], ["--roles", SEEDS], ["--torture", "1", "--worlds", "2"]):
        try:
            run = subprocess.run(["build/g++/sim", *what], cwd=tree, timeout=300, capture_output=True, text=True, check=False)
        except subprocess.TimeoutExpired:
            return "it hangs"
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
        for title, *edits in MISTAKES:
            if wanted and not any(word in title for word in wanted):
                continue
            edits = [edits[i:i + 3] for i in range(0, len(edits), 3)]
            whole = {file: plant(tree, file, old, new) for file, old, new in edits}
            found = caught_by(tree)
            for file, text in whole.items():
                (tree / file).write_text(text)
            print(f"{title}: {found or 'NOT CAUGHT'}"[:200], flush=True)
            passed += found is not None
            failed += found is None
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
