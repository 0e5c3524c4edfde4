#!/usr/bin/env python3
"""Checks the model in proxy.pml with spin: every configuration in full, and that each planted mistake is found.

    run.py [NAME...]     only the rows whose title contains one of the words
    run.py --story NAME  a planted mistake's history, as it is told when a configuration fails

Each line is `name: S states, T transitions, N s, ok`, the last one `N passed, M failed`. Nothing is left behind.
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
# The code is generated anew for each configuration. Compiling that with -O2 takes more than ten seconds, without one or two:
# only who searches longer than that is worth it ("O2"). clang is twice as fast at that. COLLAPSE: a quarter of the memory.
COMPILER = shutil.which("clang") or "gcc"
ALWAYS = ["-w", "-DCOLLAPSE", "-DVECTORSZ=2048", "-DMEMLIM=4096"]
DEPTH = 100_000  # the longest history has about two thousand steps; one that is cut off here is a failure
LIMIT_S = 300    # a run that takes longer has not been exhausted
STORY_LINES = 120

TWO = "CLIENTS=2 SLOTS=2 TOLD=1 RES_BODY=0"
KEPT = "KEEP=1 TOLD=1 REQUESTS=2 RES_BODY=1"
# Title: macros; and in capitals what gcc is told. Each is searched twice: for assertions that fail and a proxy that sleeps
# for ever (an "invalid end state"), and then for a proxy that never rests (an "acceptance cycle").
CONFIGURATIONS = {
    "kind": "",
    "kind, unit by unit": "REQ_HEAD=2 RES_HEAD=2 REQ_BODY=3 RES_BODY=3 CAP=1 BLOCK=1 BUDGET=1",
    "upload of many turns": "REQ_BODY=4 BLOCK=1 BUDGET=1",
    "half-closed": "HALF=1",
    "half-closed, unit by unit": "HALF=1 REQ_HEAD=2 RES_BODY=3 CAP=1",
    "client leaves": "HALF=1 LEAVE=1 VANISH=1 CHUNKED=1",
    "client leaves, unreduced": "HALF=1 LEAVE=1 VANISH=1 NOREDUCE",
    "client leaves a silent origin": "LEAVE=1 SILENT=1 LOOKUP=1",
    "client says too much": "EXTRA=3 BAD=1 HALF=1 RES_BODY=1 BLOCK=1 BUDGET=1",
    "100-continue": "EXPECT=1 INTERIM=2 REQ_BODY=2 HALF=1 BAD=1 REFUSE=1 CAP=1",
    "early answer": "EARLY=1 REQ_BODY=3",
    "early answer, at one go": "EARLY=1 REQ_BODY=3 RES_BODY=1",
    "origin breaks off": "DIES=1 CHUNKED=1 HALF=1 RES_HEAD=2",
    "origin breaks off, one block": "DIES=1 BLOCKS=1 REQ_BODY=3",
    "connecting": "REFUSE=1 DIES=1 ADDRESSES=2 REQ_BODY=1",
    "an error is told once": "ERROR_ONCE=1 REFUSE=1 DIES=1 VANISH=1 ADDRESSES=2",
    "name": "LOOKUP=1 HALF=1 ADDRESSES=2",
    "deadlines": "DEADLINES=1 LAZY=1 REQ_HEAD=2 REQ_BODY=1 EXPECT=1 LOOKUP=1 TOLD=1 RES_BODY=1",
    "deadlines, one block": "DEADLINES=1 EARLY=1 BLOCKS=1 REQ_BODY=3",
    "all at once": "HALF=1 LEAVE=1 EARLY=1 DIES=1 BAD=1 REFUSE=1 REQ_BODY=1 RES_BODY=0",
    "two names": TWO + " LOOKUP=1",
    "slot reused, late events": TWO + " SLOTS=1 LATE=1 VANISH=1",
    "address tried, late events": "LATE=1 REFUSE=1 DIES=1 ADDRESSES=2 RES_BODY=0",
    "one block for two": TWO + " BLOCKS=1 REQ_HEAD=2 REFUSE=1",
    "one block for two, upload": TWO + " BLOCKS=1 REQ_BODY=1",
    "one block for two, deadlines": TWO + " BLOCKS=1 DEADLINES=1",
    # HTTP/1.1: connections are kept.
    "kept": KEPT + " TOLD=0 HALF=1 CHUNKED=1",
    "kept, pipelined": KEPT + " PIPELINE=1 HALF=1",
    "kept, unit by unit": KEPT + " PIPELINE=1 CLOSES=1 REQ_HEAD=2 RES_HEAD=2 CAP=1 BUDGET=1",
    "kept, upload": KEPT + " PIPELINE=1 REQ_BODY=1 BLOCK=1 BUDGET=1",
    "kept, early answer": KEPT + " PIPELINE=1 EARLY=1 REQ_BODY=1 RES_BODY=0",
    "kept, refused": KEPT + " PIPELINE=1 REFUSE=1 BAD=1",
    "kept, client leaves": KEPT + " PIPELINE=1 HALF=1 LEAVE=1 VANISH=1",
    "kept, deadlines": KEPT + " PIPELINE=1 DEADLINES=1 LAZY=1 RES_BODY=0",
    "pool, origin closes": KEPT + " PIPELINE=1 CLOSES=1",
    "pool, origin closes, an error is told once": KEPT + " CLOSES=1 ERROR_ONCE=1",
    "pool, origin breaks off": KEPT + " CLOSES=1 DIES=1 RES_HEAD=2 RES_BODY=0",
    "pool, late events": KEPT + " CLOSES=1 LATE=1 VANISH=1",
    "pool, origin says too much": KEPT + " SURPLUS=1 CLOSES=1",
    "pool, one block": KEPT + " PIPELINE=1 CLOSES=1 BLOCKS=1",
    "pool, two clients": TWO + " KEEP=1 CLOSES=1",
    "pool, two clients, one slot, late events": TWO + " KEEP=1 SLOTS=1 CLOSES=1 LATE=1",
    "pool, two blocks for two": TWO + " KEEP=1 BLOCKS=2 EXTRA=1 REQ_HEAD=2 RES_BODY=1",
    "interim": "KEEP=1 TOLD=1 HINT=1 HALF=1 REQ_BODY=2",
    "interim, HTTP/1.0": "HINT=1 HALF=1 REQ_BODY=1",
    "interim, pipelined": KEPT + " HINT=1 PIPELINE=1 CLOSES=1 RES_BODY=0",
    "interim, client leaves a silent origin": "KEEP=1 TOLD=1 HINT=1 LEAVE=1 SILENT=1",
    # Two lanes at once.
    "tunnel": "TUNNEL=1 REQ_BODY=2 RES_BODY=1",
    "tunnel, unit by unit": "TUNNEL=1 REQ_BODY=2 RES_BODY=1 REQ_HEAD=2 CAP=1 BLOCK=1 BUDGET=1",
    "tunnel, client leaves": "TUNNEL=1 REQ_BODY=1 RES_BODY=1 LEAVE=1 VANISH=1",
    "tunnel, origin leaves": "TUNNEL=1 REQ_BODY=1 RES_BODY=1 DIES=1 REFUSE=1",
    "tunnel, addresses": "TUNNEL=1 REQ_BODY=1 RES_BODY=0 REFUSE=1 ADDRESSES=2 ERROR_ONCE=1",
    "tunnel, deadlines, one block": "TUNNEL=1 REQ_BODY=2 RES_BODY=1 DEADLINES=1 BLOCKS=1 CAP=1",
    "upgrade": "UPGRADE=1 KEEP=1 TOLD=1 REQ_BODY=2 RES_BODY=1",
    "upgrade, somebody leaves": "UPGRADE=1 KEEP=1 TOLD=1 REQ_BODY=1 RES_BODY=0 DIES=1 VANISH=1 LEAVE=1",
}

STUCK, RESTLESS, WRONG = "sleeps for ever", "never rests", "assertion"
# Title, macro, the configuration that must find it, what is found, and the place in the code that keeps the mistake out
# (tests/planting.py). Without that place the model is not a model of this code.
PLANTED = [
    ("readiness is cleared by any read", "WRONG_EDGE", "upload of many turns", STUCK, "short-read-ends-readiness"),
    ("a short read clears the mark, though FIN was seen", "WRONG_FIN", "kind", STUCK, "short-read-ends-readiness"),
    ("an event for reading hides one for writing", "WRONG_MARK", "half-closed, unit by unit", STUCK, "keep-writable"),
    ("a short write is taken for a whole one", "WRONG_SHORT_WRITE", "kind, unit by unit", STUCK, "sent-by-bytes"),
    ("no record is woken after a DNS lookup", "WRONG_NAME", "name", STUCK, "wake-after-lookup"),
    ("the loop sleeps although lookups have completed", "WRONG_WOKEN", "two names", STUCK, "resolver-timeout"),
    ("an event finds its record without the serial", "WRONG_SERIAL", "slot reused, late events", WRONG, "event-serial"),
    ("... nor is the next address distinguished from the last", "WRONG_SERIAL", "address tried, late events", WRONG, "serial-of-attempt"),
    ("a dead upload keeps its block", "WRONG_KEPT", "origin breaks off, one block", STUCK, "dead-upload-frees-block"),
    ("an early response is not read", "WRONG_EARLY", "early answer", STUCK, "early-response"),
    ("HUP counts before the unread bytes", "WRONG_HUP", "early answer, at one go", WRONG, "read-before-hangup"),
    ("closed while the client is still sending", "WRONG_LINGER", "early answer", WRONG, "close-when-client-done"),
    ("closed over unread bytes before the client's FIN", "WRONG_HUNG", "100-continue", WRONG, "client-hangup"),
    ("an upload out of budget is waited for", "WRONG_UPLOAD", "upload of many turns", STUCK, "upload-out-of-budget"),
    ("a truncated response looks whole", "WRONG_LOOKS_WHOLE", "origin breaks off", WRONG, "truncated-response-resets"),
    ("a half-closed client is not probed", "WRONG_GREETING", "client leaves a silent origin", STUCK, "probe-half-closed"),
    ("a starved record is not fed", "WRONG_FEED", "one block for two, upload", RESTLESS, "feed-starved"),
    ("the loop spins while a record starves", "WRONG_SPIN", "one block for two, upload", RESTLESS, "wait-while-starved"),
    ("a starved record has no deadline", "WRONG_UNTIMED", "deadlines, one block", STUCK, "starving-has-deadline"),
    ("a kept connection's mark is cleared", "WRONG_NEXT", "kept, pipelined", STUCK, "read-next-request"),
    ("bytes after a request are dropped", "WRONG_TAIL", "kept, pipelined", WRONG, "keep-after-message"),
    ("bytes after an interim response are dropped", "WRONG_TAIL", "interim", STUCK, "keep-after-interim"),
    ("kept though the upload is not over", "WRONG_PERSISTENT", "kept, early answer", WRONG, "persistent-after-upload"),
    ("closed over a request that is on its way", "WRONG_CROSSING", "kept, refused", WRONG, "still-sending"),
    ("an idle connection's event is ignored", "WRONG_IDLE", "pool, origin breaks off", STUCK, "idle-event"),
    ("a reused connection's event does not reach its new owner", "WRONG_OWNER", "pool, origin closes", STUCK, "owner-of-descriptor"),
    ("kept though bytes follow the response", "WRONG_SURPLUS", "pool, origin says too much", WRONG, "pool-only-silent"),
    ("retried, but its lane is dead", "WRONG_DEAD", "pool, origin closes", WRONG, "repeat-over-new"),
    ("retried without the bytes already sent", "WRONG_SENT", "kept, unit by unit", WRONG, "dead-upload-frees-block"),
    ("retried though a response had begun", "WRONG_HEARD", "pool, origin breaks off", WRONG, "response-ends-repeat"),
    ("waits for a block that it has", "WRONG_HOARD", "pool, one block", STUCK, "take-kept-block"),
    ("a half-closed client is not probed after an interim response", "WRONG_BEGUN", "interim, client leaves a silent origin",
     STUCK, "probe-once"),
    ("a tunnel's FIN is not passed on", "WRONG_END", "tunnel", WRONG, "tunnel-client-end"),
    ("a truncated upload looks whole", "WRONG_ABOVE", "tunnel, client leaves", WRONG, "truncated-upload"),
]


class Broken(Exception):
    """The tools, or the search itself, failed: nothing is known of the model."""


def execute(command, folder, limit=LIMIT_S):
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        raise Broken(f"{command[0]} took more than {limit} s") from None
    return done.returncode, done.stdout.decode(errors="replace")


def compiled(macros, folder):
    """Generates the search and compiles it; the macros that the model was given."""
    words = macros.split()
    for_gcc = [word for word in words if word == "NOREDUCE"]
    optimize = ["-O2"] if "O2" in words else ["-O0"]
    given = {word.partition("=")[0]: word for word in words if word not in ("NOREDUCE", "O2")}  # the last one counts
    defines = ["-D" + word for word in given.values()]
    shutil.copy(MODEL, folder)  # spin looks for a trail beside the model
    status, output = execute(["spin", "-a", *defines, MODEL.name], folder)
    if status != 0 or "Error" in output:
        raise Broken(output)
    status, output = execute([COMPILER, *optimize, *ALWAYS, *("-D" + word for word in for_gcc), "-o", "pan", "pan.c"], folder)
    if status != 0:
        raise Broken(output)
    return defines


class Search:
    """What one run of pan found."""

    def __init__(self, folder, *arguments):
        _, output = execute(["./pan", f"-m{DEPTH}", *arguments], folder)
        errors = re.search(r"errors: (\d+)", output)
        if errors is None or re.search(r"max search depth too small|out of memory|VECTORSZ|Search not completed", output) \
                and errors[1] == "0":
            raise Broken("not searched to the end:\n" + output[:2000])
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
        # Both are told of a state in which nobody can do anything: the second by the search for cycles.
        if self.says.startswith(("invalid end state", "accept stutter")):
            return STUCK
        return RESTLESS if self.says.startswith("acceptance cycle") else WRONG


def story(defines, folder):
    """The history that leads to the error, as the model tells it, and where everybody is at its end."""
    _, told = execute(["spin", "-t", "-T", *defines, MODEL.name], folder)
    lines = [line for line in told.splitlines() if line.strip()]
    end = next((i for i, line in enumerate(lines) if line.startswith("spin: trail ends")), len(lines))
    kept = lines[max(0, end - STORY_LINES):end]
    cut = [f"... {end - len(kept)} lines before"] if end > len(kept) else []
    places = [line for line in lines[end:] if re.search(r"proc +\d+ \(", line)]
    return "\n".join("    " + line for line in cut + kept + ["at the end:"] + places)


def checked(macros):
    """Both searches, at most to the first error: (searches, story)."""
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
    searches, told = checked(CONFIGURATIONS[title])
    last = searches[-1]
    if last.kind is not None:
        print(f"{title}: FAILED, {last.kind}: {last.says}\n{told}", flush=True)
        return False
    unreached.append(searches[0].unreached & last.unreached)
    print(f"{title}: {counted(searches[0])}, {time.monotonic() - started:.0f} s, ok", flush=True)
    return True


def run_planted(row):
    title, macro, where, expected, place = row
    if place not in planting.places():
        print(f"planted: {title}: FAILED, the sources have no PLANT({place})\n"
              "    Either the code makes this mistake, or it was rewritten: then change the model and this row.", flush=True)
        return False
    searches, told = checked(CONFIGURATIONS[where] + " " + macro)
    last = searches[-1]
    if last.kind != expected:
        print(f"planted: {title}: FAILED, \"{where}\" should find that it {expected}, and finds: {last.says}\n{told}",
              flush=True)
        return False
    print(f"planted: {title}: {counted(last)}, found ({last.kind}), ok", flush=True)
    return True


def in_inlines():
    """The lines of inlines. Each call is a copy of its own, and some copy never comes to every line."""
    lines, inside = set(), False
    for number, line in enumerate(MODEL.read_text(encoding="utf-8").splitlines(), 1):
        inside = inside or line.startswith("inline ")
        if inside:
            lines.add(number)
        inside = inside and line != "}"
    return lines


def all_reached(unreached):
    """Every statement of the model must be reached in some configuration; else it is never checked."""
    copied = in_inlines()
    never = sorted((line, text) for line, text in set.intersection(*unreached) if line not in copied)
    for line, text in never:
        print(f"    proxy.pml:{line}: {text}")
    print(f"reached: {len(never)} statements never were, {'FAILED' if never else 'ok'}", flush=True)
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
