#!/usr/bin/env python3
"""Checks the model in proxy.pml with spin: every configuration in full, and that each planted mistake is found.

    run.py [NAME...]     only the rows whose title contains one of the words
    run.py --story NAME  the history of a planted mistake, as printed for a failed configuration

Each line is `name: S states, T transitions, N s, ok`, the last one `N passed, M failed`. All temporary files are removed.
"""
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import planting  # noqa: E402

MODEL = HERE / "proxy.pml"
# The code is generated for each configuration. Compiling it takes one or two seconds, with -O2 more than ten: "O2" is for
# searches that take longer than that. clang compiles twice as fast as gcc. COLLAPSE: a quarter of the memory.
COMPILER = shutil.which("clang") or "gcc"
ALWAYS = ["-w", "-DCOLLAPSE", "-DVECTORSZ=2048", "-DMEMLIM=4096"]
DEPTH = 100_000  # the longest history has about two thousand steps; a longer one is a failure
LIMIT_S = 300    # a run that takes longer fails
STORY_LINES = 120

TWO = "CLIENTS=2 SLOTS=2 SIZED=1 RES_BODY=0"
KEPT = "KEEP=1 SIZED=1 REQUESTS=2 RES_BODY=1"
# Title: macros for spin; NOREDUCE is for gcc. Each is searched twice: for failed assertions and a proxy that sleeps forever
# (an "invalid end state"), and then for a proxy that spins (an "acceptance cycle").
CONFIGURATIONS = {
    "no faults": "",
    "no faults, unit by unit": "REQ_HEAD=2 RES_HEAD=2 REQ_BODY=3 RES_BODY=3 CAP=1 BLOCK=1 BUDGET=1",
    "upload of many turns": "REQ_BODY=4 BLOCK=1 BUDGET=1",
    "half-closed": "HALF=1",
    "half-closed, unit by unit": "HALF=1 REQ_HEAD=2 RES_BODY=3 CAP=1",
    "client leaves": "HALF=1 LEAVE=1 VANISH=1 CHUNKED=1",
    "client leaves, unreduced": "HALF=1 LEAVE=1 VANISH=1 NOREDUCE",
    "client leaves a silent origin": "LEAVE=1 SILENT=1 LOOKUP=1",
    "client sends too much": "EXTRA=3 BAD=1 HALF=1 RES_BODY=1 BLOCK=1 BUDGET=1",
    "100-continue": "EXPECT=1 INTERIM=2 REQ_BODY=2 HALF=1 BAD=1 REFUSE=1 CAP=1",
    "early response": "EARLY=1 REQ_BODY=3",
    "early response, short": "EARLY=1 REQ_BODY=3 RES_BODY=1",
    "origin aborts": "DIES=1 CHUNKED=1 HALF=1 RES_HEAD=2",
    "origin aborts, one block": "DIES=1 BLOCKS=1 REQ_BODY=3",
    "connecting": "REFUSE=1 DIES=1 ADDRESSES=2 REQ_BODY=1",
    "error reported once": "ERROR_ONCE=1 REFUSE=1 DIES=1 VANISH=1 ADDRESSES=2",
    "DNS lookup": "LOOKUP=1 HALF=1 ADDRESSES=2",
    "timeouts": "DEADLINES=1 LAZY=1 REQ_HEAD=2 REQ_BODY=1 EXPECT=1 LOOKUP=1 SIZED=1 RES_BODY=1",
    "timeouts, one block": "DEADLINES=1 EARLY=1 BLOCKS=1 REQ_BODY=3",
    "all faults": "HALF=1 LEAVE=1 EARLY=1 DIES=1 BAD=1 REFUSE=1 REQ_BODY=1 RES_BODY=0",
    "two DNS lookups": TWO + " LOOKUP=1",
    "slot reused, late events": TWO + " SLOTS=1 LATE=1 VANISH=1",
    "next address, late events": "LATE=1 REFUSE=1 DIES=1 ADDRESSES=2 RES_BODY=0",
    "one block for two": TWO + " BLOCKS=1 REQ_HEAD=2 REFUSE=1",
    "one block for two, upload": TWO + " BLOCKS=1 REQ_BODY=1",
    "one block for two, timeouts": TWO + " BLOCKS=1 DEADLINES=1",
    # HTTP/1.1: keep-alive.
    "keep-alive": KEPT + " SIZED=0 HALF=1 CHUNKED=1",
    "keep-alive, pipelined": KEPT + " PIPELINE=1 HALF=1",
    "keep-alive, unit by unit": KEPT + " PIPELINE=1 CLOSES=1 REQ_HEAD=2 RES_HEAD=2 CAP=1 BUDGET=1",
    "keep-alive, upload": KEPT + " PIPELINE=1 REQ_BODY=1 BLOCK=1 BUDGET=1",
    "keep-alive, early response": KEPT + " PIPELINE=1 EARLY=1 REQ_BODY=1 RES_BODY=0",
    "keep-alive, refused": KEPT + " PIPELINE=1 REFUSE=1 BAD=1",
    "keep-alive, client leaves": KEPT + " PIPELINE=1 HALF=1 LEAVE=1 VANISH=1",
    "keep-alive, timeouts": KEPT + " PIPELINE=1 DEADLINES=1 LAZY=1 RES_BODY=0",
    "pool, origin closes": KEPT + " PIPELINE=1 CLOSES=1",
    "pool, origin closes, error reported once": KEPT + " CLOSES=1 ERROR_ONCE=1",
    "pool, origin aborts": KEPT + " CLOSES=1 DIES=1 RES_HEAD=2 RES_BODY=0",
    "pool, late events": KEPT + " CLOSES=1 LATE=1 VANISH=1",
    "pool, trailing bytes": KEPT + " TRAILING=1 CLOSES=1",
    "pool, one block": KEPT + " PIPELINE=1 CLOSES=1 BLOCKS=1",
    "pool, two clients": TWO + " KEEP=1 CLOSES=1",
    "pool, two clients, one slot, late events": TWO + " KEEP=1 SLOTS=1 CLOSES=1 LATE=1",
    "pool, two blocks for two": TWO + " KEEP=1 BLOCKS=2 EXTRA=1 REQ_HEAD=2 RES_BODY=1",
    "interim": "KEEP=1 SIZED=1 HINT=1 HALF=1 REQ_BODY=2",
    "interim, HTTP/1.0": "HINT=1 HALF=1 REQ_BODY=1",
    "interim, pipelined": KEPT + " HINT=1 PIPELINE=1 CLOSES=1 RES_BODY=0",
    "interim, client leaves a silent origin": "KEEP=1 SIZED=1 HINT=1 LEAVE=1 SILENT=1",
    # Two lanes at once.
    "tunnel": "TUNNEL=1 REQ_BODY=2 RES_BODY=1",
    "tunnel, unit by unit": "TUNNEL=1 REQ_BODY=2 RES_BODY=1 REQ_HEAD=2 CAP=1 BLOCK=1 BUDGET=1",
    "tunnel, client leaves": "TUNNEL=1 REQ_BODY=1 RES_BODY=1 LEAVE=1 VANISH=1",
    "tunnel, origin leaves": "TUNNEL=1 REQ_BODY=1 RES_BODY=1 DIES=1 REFUSE=1",
    "tunnel, addresses": "TUNNEL=1 REQ_BODY=1 RES_BODY=0 REFUSE=1 ADDRESSES=2 ERROR_ONCE=1",
    "tunnel, timeouts, one block": "TUNNEL=1 REQ_BODY=2 RES_BODY=1 DEADLINES=1 BLOCKS=1 CAP=1",
    "upgrade": "UPGRADE=1 KEEP=1 SIZED=1 REQ_BODY=2 RES_BODY=1",
    "upgrade, peers leave": "UPGRADE=1 KEEP=1 SIZED=1 REQ_BODY=1 RES_BODY=0 DIES=1 VANISH=1 LEAVE=1",
}

STUCK, SPINS, WRONG = "sleeps forever", "spins", "assertion"
# Title, macro, the configuration that must find it, the kind of failure, and the place in the code that prevents the mistake
# (tests/planting.py). Without that place the model would not describe this code.
PLANTED = [
    ("any read clears readiness", "WRONG_EDGE", "upload of many turns", STUCK, "short-read-ends-readiness"),
    ("a short read clears the mark, though FIN was seen", "WRONG_FIN", "no faults", STUCK, "short-read-ends-readiness"),
    ("an event for reading hides one for writing", "WRONG_MARK", "half-closed, unit by unit", STUCK, "keep-writable"),
    ("a short write counts as complete", "WRONG_SHORT_WRITE", "no faults, unit by unit", STUCK, "sent-by-bytes"),
    ("no record is woken after a DNS lookup", "WRONG_NAME", "DNS lookup", STUCK, "wake-after-lookup"),
    ("the loop sleeps although lookups have completed", "WRONG_WOKEN", "two DNS lookups", STUCK, "resolver-timeout"),
    ("an event finds its record without the serial", "WRONG_SERIAL", "slot reused, late events", WRONG, "event-serial"),
    ("an event of an earlier attempt counts for the next", "WRONG_SERIAL", "next address, late events", WRONG, "serial-of-attempt"),
    ("a dead upload keeps its block", "WRONG_KEPT", "origin aborts, one block", STUCK, "dead-upload-frees-block"),
    ("an early response is not read", "WRONG_EARLY", "early response", STUCK, "early-response"),
    ("HUP counts before unread bytes", "WRONG_HUP", "early response, short", WRONG, "read-before-hangup"),
    ("closed while the client is still sending", "WRONG_LINGER", "early response", WRONG, "close-when-client-done"),
    ("closed with unread bytes before the client's FIN", "WRONG_HUNG", "100-continue", WRONG, "client-hangup"),
    ("an upload out of budget waits", "WRONG_UPLOAD", "upload of many turns", STUCK, "upload-out-of-budget"),
    ("a truncated response looks complete", "WRONG_TRUNCATED", "origin aborts", WRONG, "truncated-response-resets"),
    ("a half-closed client is not probed", "WRONG_PROBE", "client leaves a silent origin", STUCK, "probe-half-closed"),
    ("a starved record is not fed", "WRONG_FEED", "one block for two, upload", SPINS, "feed-starved"),
    ("the loop spins while a record starves", "WRONG_SPIN", "one block for two, upload", SPINS, "wait-while-starved"),
    ("a starved record has no deadline", "WRONG_UNTIMED", "timeouts, one block", STUCK, "starving-has-deadline"),
    ("a keep-alive connection's mark is cleared", "WRONG_NEXT", "keep-alive, pipelined", STUCK, "read-next-request"),
    ("bytes after a request are dropped", "WRONG_PIPELINED", "keep-alive, pipelined", WRONG, "keep-after-message"),
    ("bytes after an interim response are dropped", "WRONG_PIPELINED", "interim", STUCK, "keep-after-interim"),
    ("kept though the upload is not complete", "WRONG_PERSISTENT", "keep-alive, early response", WRONG, "persistent-after-upload"),
    ("closed while a request is in flight", "WRONG_CROSSING", "keep-alive, refused", WRONG, "still-sending"),
    ("an idle connection's event is ignored", "WRONG_IDLE", "pool, origin aborts", STUCK, "idle-event"),
    ("a reused connection's event does not reach its new owner", "WRONG_OWNER", "pool, origin closes", STUCK, "owner-of-descriptor"),
    ("kept though bytes follow the response", "WRONG_TRAILING", "pool, trailing bytes", WRONG, "pool-only-silent"),
    ("retried with a closed sink", "WRONG_SINK_CLOSED", "pool, origin closes", WRONG, "repeat-over-new"),
    ("retried without the bytes already sent", "WRONG_SENT", "keep-alive, unit by unit", WRONG, "dead-upload-frees-block"),
    ("retried though a response had begun", "WRONG_RETRY", "pool, origin aborts", WRONG, "response-ends-repeat"),
    ("waits for a block that it has", "WRONG_RETAINED", "pool, one block", STUCK, "take-kept-block"),
    ("a half-closed client is not probed after an interim response", "WRONG_BEGUN", "interim, client leaves a silent origin",
     STUCK, "probe-once"),
    ("a tunnel's FIN is not forwarded", "WRONG_END", "tunnel", WRONG, "tunnel-client-end"),
    ("a truncated upload looks complete", "WRONG_UPLOAD_CUT", "tunnel, client leaves", WRONG, "truncated-upload"),
]


class Broken(Exception):
    """spin, the compiler or the search failed: no result."""


def execute(command, folder, limit=LIMIT_S):
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        raise Broken(f"{command[0]} took more than {limit} s") from None
    return done.returncode, done.stdout.decode(errors="replace")


def compiled(macros, folder):
    """Generates and compiles the search. Returns the macro definitions for spin."""
    words = macros.split()
    for_gcc = [word for word in words if word == "NOREDUCE"]
    optimize = ["-O2"] if "O2" in words else ["-O0"]
    given = {word.partition("=")[0]: word for word in words if word not in ("NOREDUCE", "O2")}  # the last definition counts
    defines = ["-D" + word for word in given.values()]
    shutil.copy(MODEL, folder)  # spin looks for a trail next to the model
    status, output = execute(["spin", "-a", *defines, MODEL.name], folder)
    if status != 0 or "Error" in output:
        raise Broken(output)
    status, output = execute([COMPILER, *optimize, *ALWAYS, *("-D" + word for word in for_gcc), "-o", "pan", "pan.c"], folder)
    if status != 0:
        raise Broken(output)
    return defines


class Search:
    """The result of one run of pan."""

    def __init__(self, folder, *arguments):
        _, output = execute(["./pan", f"-m{DEPTH}", *arguments], folder)
        errors = re.search(r"errors: (\d+)", output)
        if errors is None or re.search(r"max search depth too small|out of memory|VECTORSZ|Search not completed", output) \
                and errors[1] == "0":
            raise Broken("search not completed:\n" + output[:2000])
        stored = re.search(r"^ *([\d.e+]+) states, stored", output, re.MULTILINE)
        steps = re.search(r"^ *([\d.e+]+) transitions", output, re.MULTILINE)
        self.states, self.transitions = int(float(stored[1])), int(float(steps[1]))
        found = re.search(r"^pan:1: (.*?)(?: \(at depth \d+\))?$", output, re.MULTILINE)
        self.says = found[1] if found else None
        self.unreached = set()
        process = None
        for line in output.splitlines():
            if line.startswith("unreached in"):
                process = line.split()[-1]
            elif process and (at := re.search(r":(\d+), state \d+, \"(.*)\"$", line)):
                self.unreached.add((int(at[1]), at[2]))

    @property
    def kind(self):
        if self.says is None:
            return None
        # Both mean a state in which no process can move; the search for cycles reports the second.
        if self.says.startswith(("invalid end state", "accept stutter")):
            return STUCK
        return SPINS if self.says.startswith("acceptance cycle") else WRONG


def story(defines, folder):
    """The history that leads to the error, as the model prints it, and the place of each process at its end."""
    _, output = execute(["spin", "-t", "-T", *defines, MODEL.name], folder)
    lines = [line for line in output.splitlines() if line.strip()]
    end = next((i for i, line in enumerate(lines) if line.startswith("spin: trail ends")), len(lines))
    kept = lines[max(0, end - STORY_LINES):end]
    cut = [f"... {end - len(kept)} lines before"] if end > len(kept) else []
    places = [line for line in lines[end:] if re.search(r"proc +\d+ \(", line)]
    return "\n".join("    " + line for line in cut + kept + ["at the end:"] + places)


def checked(macros):
    """Runs both searches, up to the first error. Returns (searches, story)."""
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        defines = compiled(macros, folder)
        searches = [Search(folder)]
        if searches[0].kind is None:
            searches.append(Search(folder, "-a"))
        return searches, story(defines, folder) if searches[-1].kind else ""


def counted(search):
    return f"{search.states} states, {search.transitions} transitions"


def run_configuration(title, unreached):
    started = time.monotonic()
    searches, history = checked(CONFIGURATIONS[title])
    last = searches[-1]
    if last.kind is not None:
        print(f"{title}: FAILED, {last.kind}: {last.says}\n{history}", flush=True)
        return False
    unreached.append(searches[0].unreached & last.unreached)
    print(f"{title}: {counted(searches[0])}, {time.monotonic() - started:.0f} s, ok", flush=True)
    return True


def run_planted(row):
    title, macro, where, expected, place = row
    if place not in planting.places():
        print(f"planted: {title}: FAILED, the sources have no PLANT({place})\n"
              "    Either the code makes this mistake, or it was rewritten: then update the model and this row.", flush=True)
        return False
    searches, history = checked(CONFIGURATIONS[where] + " " + macro)
    last = searches[-1]
    if last.kind != expected:
        print(f"planted: {title}: FAILED, expected \"{where}\" to find \"{expected}\", got: {last.says}\n{history}",
              flush=True)
        return False
    print(f"planted: {title}: {counted(last)}, found ({last.kind}), ok", flush=True)
    return True


def in_inlines():
    """The lines of inlines. Each call is a copy, and not every copy reaches every line."""
    lines, inside = set(), False
    for number, line in enumerate(MODEL.read_text(encoding="utf-8").splitlines(), 1):
        inside = inside or line.startswith("inline ")
        if inside:
            lines.add(number)
        inside = inside and line != "}"
    return lines


def all_reached(unreached):
    """Every statement of the model must be reached in some configuration; otherwise it is never checked."""
    copied = in_inlines()
    never = sorted((line, text) for line, text in set.intersection(*unreached) if line not in copied)
    for line, text in never:
        print(f"    proxy.pml:{line}: {text}")
    print(f"coverage: {len(never)} statements never reached, {'FAILED' if never else 'ok'}", flush=True)
    return not never


def guarded(action, title):
    try:
        return action()
    except Broken as why:
        print(f"{title}: FAILED, {why}", flush=True)
        return False


def main(words):
    if words and words[0] == "--story":
        for row in PLANTED:
            if words[1] in row[0] or words[1] == row[1]:
                print(f"{row[0]}, in \"{row[2]}\":\n{checked(CONFIGURATIONS[row[2]] + ' ' + row[1])[1]}")
        return 0
    wanted = lambda title: not words or any(word in title for word in words)
    results, unreached, started = [], [], time.monotonic()
    for title in filter(wanted, CONFIGURATIONS):
        results.append(guarded(lambda: run_configuration(title, unreached), title))
    if not words and all(results):
        results.append(all_reached(unreached))
    for row in PLANTED:
        if wanted("planted: " + row[0]):
            results.append(guarded(lambda: run_planted(row), "planted: " + row[0]))
    passed = sum(results)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"{time.monotonic() - started:.0f} s, {memory} MiB at most")
    print(f"{passed} passed, {len(results) - passed} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
