"""`proxy replay` prints record files, which this test writes by itself: as text, as table, as Chrome trace, as HAR."""
import json
import os
import pathlib
import random
import re
import struct
import subprocess
import tempfile
import unittest
import unittest.mock

from checksum import crc32c
from harness import PREFIX, PROXY

TURN_BEGAN, TURN_ENDED, NOTIFIED, CALLED, ACCEPTED, ENTERED, WAITED, CONNECTED, _, _, _, RELEASED = range(12)
FREE, READ_REQUEST, SEND_REQUEST, READ_RESPONSE, SEND_RESPONSE = range(5)
NO_SLOT = 0xffffffff
RECEIVE, EAGAIN = 3, 11
# Not those of this program: a file is printed with its own names.
NAMES = {"trace_event": ["turn_began", "turn_ended", "notified", "called", "accepted", "entered", "waited", "connected", "reused", "retried",
                         "answered", "released"],
         "state": ["FREE", "READ_REQUEST", "SEND_REQUEST", "READ_RESPONSE", "SEND_RESPONSE"],
         "event": ["came", "went on"], "wait": ["some tea", "more tea"], "reason": ["-", "all is well"],
         "call": ["accept4", "connect", "close", "recv"], "error_name": {EAGAIN: "EAGAIN", 104: "ECONNRESET"},
         "error_text": {104: "Reset, as an older system says"}}
SCHEMA = pathlib.Path(os.environ.get("HAR_SCHEMA", "/usr/share/nodejs/har-schema/lib"))


def block(kind, payload):
    start = kind + struct.pack("<I", len(payload)) + payload
    return start + struct.pack("<I", crc32c(start))


def items(kind, first, each):
    return block(kind, struct.pack("<QII", first, len(each[0]) if each else 1, len(each)) + b"".join(each))


def names():
    lines = []
    for list_, values in NAMES.items():
        pairs = values.items() if isinstance(values, dict) else enumerate(values)
        lines += [f"{list_} {number} {name}\n" for number, name in pairs]
    return "".join(lines).encode()


def entry(event, slot=NO_SLOT, id_=0, value=0, state=0, before=None, detail=0, error=0):
    states = state | (state if before is None else before) << 4
    return struct.pack("<IIiBBBB", id_ & 0xffffffff, slot, value, event, states, detail, error)


def turn(event, us, count):
    return entry(event, count, us & 0xffffffff, us >> 32)


def note(id_, position, **how):
    """A request; the members of record::Note in their order."""
    client = bytes([127, 0, 0, 1]).ljust(16, b"\0")
    return struct.pack("<QQQQQII5I3IHHHBBBBBB16s16s8s64s80s32s4x", id_, position, how.get("wall_ms", 1_700_000_000_123), 90, 300, 1,
                       how.get("slot", NO_SLOT), 0, *how.get("state_ms", (2, 30, 40, 5)), *how.get("phase_ms", (3, 12, 15)),
                       how.get("status", 200), how.get("port", 8000), 50123, 4, 1, 0, how.get("phases", 7), how.get("flags", 0), 0, client,
                       how.get("method", b"GET"), how.get("scheme", b"http"), how.get("host", b"site.test"), how.get("path", b"/a b\"c"), b"")


def cell(slot, id_, state):
    return struct.pack("<IIBBBBBBBBIIIIiiQQII", slot, id_, state, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xffffffff, -1, -1, 0, 0, 0, 0)


def recording(entries, notes=(), table=(), first=0, end=True, major=2):
    start = struct.pack("<6sBBHH", b"PXREC\0", major, 0, 0x0102, 16)
    head = b"version: 9.8.7\nreason: SIGUSR2\ncommand: proxy 8080\nwall_ms: 1700000000000\nclock_us: 1\nslots: 9\n"
    return (start + struct.pack("<I", crc32c(start)) + block(b"HEAD", head) + block(b"NAME", names()) + items(b"NOTE", 0, list(notes))
            + items(b"ENTR", first, entries) + items(b"CELL", first + len(entries), list(table)) + (block(b"END.", b"") if end else b""))


def small():
    """One request of slot 3, and a connection of slot 1 that is there all the time."""
    entries = [turn(TURN_BEGAN, 5_000_000, 1), entry(ACCEPTED, 3, 7, 12), entry(ENTERED, 3, 7, state=READ_REQUEST, before=FREE),
               entry(CALLED, 3, 12, state=READ_REQUEST, detail=RECEIVE, error=EAGAIN),
               entry(WAITED, 3, 7, 0, READ_REQUEST, detail=1), turn(TURN_ENDED, 5_000_100, 1),
               turn(TURN_BEGAN, 7_000_000, 1), entry(NOTIFIED, 3, 7, 0, READ_REQUEST, detail=1),
               entry(CALLED, 3, 12, 80, state=READ_REQUEST, detail=RECEIVE), entry(ENTERED, 3, 7, 1, SEND_RESPONSE, READ_REQUEST, 1),
               entry(RELEASED, 3, 7, 300, FREE, SEND_RESPONSE, 1), turn(TURN_ENDED, 7_000_200, 1)]
    return recording(entries, [note(7, 110)], [cell(1, 2, READ_REQUEST)], 100)


def drawn(seed, turns=300):
    """Random steps of eight slots that keep the rules of the trace."""
    draw = random.Random(seed)
    state, ids, entries, us = [FREE] * 8, [0] * 8, [], 1_000_000
    for _ in range(turns):
        us += draw.randrange(1, 5000)
        entries.append(turn(TURN_BEGAN, us, 1))
        runs = draw.randrange(4)
        for slot in draw.sample(range(8), runs):
            if state[slot] == FREE:
                ids[slot] = max(ids) + 1
                entries.append(entry(ACCEPTED, slot, ids[slot], 9))
            elif draw.randrange(2):
                entries.append(entry(NOTIFIED, slot, ids[slot], draw.randrange(2), state[slot], detail=draw.randrange(16)))
            for _ in range(draw.randrange(3)):
                if state[slot] != FREE:
                    entries.append(entry(CALLED, slot, 9, 5, state[slot], detail=RECEIVE, error=draw.choice((0, EAGAIN, 104))))
            what = draw.randrange(4)
            if state[slot] == FREE or what == 0:
                after = draw.randrange(1, 5) if state[slot] else READ_REQUEST
                entries.append(entry(ENTERED, slot, ids[slot], state=after, before=state[slot]))
                state[slot] = after
            elif what == 1:
                entries.append(entry(RELEASED, slot, ids[slot], 9, FREE, state[slot]))
                state[slot] = FREE
            else:
                entries.append(entry(WAITED, slot, ids[slot], 4, state[slot], detail=draw.randrange(2)))
        us += draw.randrange(0, 300)
        entries.append(turn(TURN_ENDED, us, runs))
    table = [cell(slot, ids[slot], state[slot]) for slot in range(8) if state[slot]]
    cut = draw.randrange(len(entries) // 2)
    return recording(entries[cut:], [], table, cut)


class Replay(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "proxy.pxr"

    def replay(self, content, *arguments, status=0, error=""):
        self.path.write_bytes(content)
        done = subprocess.run([*PREFIX, PROXY, "replay", "--text", self.path, *arguments], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr.replace(str(self.path), "FILE")), (status, error))
        return done.stdout


class Text(Replay):
    def test_steps_with_the_names_in_the_file(self):
        self.assertEqual(self.replay(small()), "\n".join((
            "# proxy 9.8.7, recorded for SIGUSR2", "# command line: proxy 8080", "# entries 100 to 112, requests 1",
            "-2.000200 101 [slot 3, #7] accepted, descriptor 12",
            "-2.000200 102 [slot 3, #7] FREE -> READ_REQUEST (came)",
            "-2.000200 104 [slot 3, #7] READ_REQUEST waiting for more tea (0 bytes buffered)",
            "-0.000200 109 [slot 3, #7] READ_REQUEST -> SEND_RESPONSE (went on)",
            "-0.000200 110 [slot 3, #7] SEND_RESPONSE -> FREE: all is well, 300 bytes moved in total\n")))

    def test_calls(self):
        for option in ("--calls", "-vv"):
            lines = self.replay(small(), option, "--from", "-1s").splitlines()[3:]
            self.assertEqual(lines[0], "-0.000200 106 turn begins at 7.000000 s, events: 1")
            self.assertEqual(lines[1], "-0.000200 107 [slot 3, #7] READ_REQUEST event of the client: readable")
            self.assertEqual(lines[2], "-0.000200 108 [slot 3] READ_REQUEST recv(12) = 80")
            self.assertEqual(lines[-1], "-0.000000 111 turn ends at 7.000200 s, runs of records: 1")

    def test_a_forced_call_is_marked(self):
        forced = 128
        entries = [turn(TURN_BEGAN, 5_000_000, 0), entry(NOTIFIED, 3, 7, 0, READ_REQUEST, detail=1, error=forced),
                   entry(CALLED, 3, 12, 3, READ_REQUEST, detail=RECEIVE, error=forced),
                   entry(CALLED, 3, 12, state=READ_REQUEST, detail=RECEIVE, error=EAGAIN | forced),
                   entry(CALLED, 3, 12, state=READ_REQUEST, detail=RECEIVE, error=104 | forced)]
        lines = self.replay(recording(entries), "--calls").splitlines()[4:]
        self.assertEqual([line.partition("READ_REQUEST ")[2] for line in lines],
                         ["event of the client: readable (forced)", "recv(12) = 3 (forced)", "recv(12) = EAGAIN (forced)",
                          "recv(12) failed (Reset, as an older system says) (forced)"])
        trace = json.loads(self.replay(recording(entries), "--format", "chrome"))
        forced_ones = [event["name"] for event in trace["traceEvents"] if event.get("args", {}).get("forced")]
        self.assertEqual(forced_ones, ["recv", "EAGAIN", "ECONNRESET"])

    def test_a_file_of_format_1(self):
        """The last byte of an entry was the errno; 104 is still the same."""
        entries = [turn(TURN_BEGAN, 5_000_000, 0), entry(CALLED, 3, 12, state=READ_REQUEST, detail=RECEIVE, error=104),
                   entry(CALLED, 3, 12, state=READ_REQUEST, detail=RECEIVE, error=200)]
        lines = self.replay(recording(entries, major=1), "--calls").splitlines()[4:]
        self.assertEqual([line.partition("READ_REQUEST ")[2] for line in lines],
                         ["recv(12) failed (Reset, as an older system says)", "recv(12) failed (?127)"])

    def test_selection(self):
        self.assertEqual(len(self.replay(small(), "--from=102", "--to=109").splitlines()), 3 + 2)
        self.assertEqual(len(self.replay(small(), "--slot", "1").splitlines()), 3)
        self.assertEqual(len(self.replay(small(), "--to", "-1s").splitlines()), 3 + 3)

    def test_the_table_at_a_position(self):
        lines = self.replay(small(), "--at", "105").splitlines()[3:]
        self.assertEqual(lines[0], "# position 105, time -2.000200 s, records in use: 2")
        self.assertRegex(lines[1], r"\A\[slot 1, #2\] READ_REQUEST, waiting for more tea")
        self.assertEqual(lines[2], "[slot 3, #7] READ_REQUEST, waiting for more tea, 0 bytes buffered, since -2.000200 s")
        self.assertIn("records in use: 1\n", self.replay(small(), "--at", "-0s"))

    def test_the_table_says_what_is_awaited(self):
        """Where this program has the wait of that name."""
        with unittest.mock.patch.dict(NAMES, wait=["some tea", "a complete request head"]):
            lines = self.replay(small(), "--at", "107").splitlines()[3:]
            self.assertIn("[slot 3, #7] READ_REQUEST, waiting for a complete request head, 0 bytes buffered, since -2.000200 s", lines)
            self.assertIn("    The request head has been incomplete for 2.0 s. At the timeout the client gets 408 (--head-timeout).", lines)

    def test_a_damaged_file_is_printed_as_far_as_it_is_whole(self):
        cut = small()[:-40]
        place = cut.rindex(b"CELL")
        error = f"proxy: FILE: damaged, printed as far as it is whole: damaged at byte {place}: the file is cut here\n"
        self.assertIn("SEND_RESPONSE -> FREE: all is well", self.replay(cut, status=1, error=error))
        self.assertIn("the file has no table", self.replay(cut, "--at", "105", status=1, error=error))

    def test_other_files(self):
        newer = struct.pack("<6sBBHH", b"PXREC\0", 3, 0, 0x0102, 16)
        for content, word in ((b"#!/bin/sh\necho hello\n", "not a record file"),
                              (newer + struct.pack("<I", crc32c(newer)), "this program reads formats 1 to 2")):
            self.path.write_bytes(content)
            done = subprocess.run([*PREFIX, PROXY, "replay", "--text", self.path], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(word, done.stderr)
        done = subprocess.run([*PREFIX, PROXY, "replay", "--text", "/nowhere"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (1, "proxy: cannot read /nowhere: No such file or directory\n"))
        done = subprocess.run([*PREFIX, PROXY, "replay", "--help"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("--at POSITION", done.stdout)
        done = subprocess.run([*PREFIX, PROXY, "replay"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (2, "proxy: replay needs a record file, e.g. proxy replay proxy.pxr\n"))

    def test_a_file_that_is_too_large(self):
        """A sparse file."""
        with open(self.path, "wb") as file:
            file.truncate(50 << 30)
        done = subprocess.run([*PREFIX, PROXY, "replay", self.path], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, f"proxy: cannot read {self.path}: larger than 1073741824 bytes (1 GiB); for its beginning: "
                                      "head -c 1073741824 FILE > part.pxr, then: proxy replay part.pxr\n")

    def test_a_fifo(self):
        """It is not opened: that would wait for a program that writes."""
        os.mkfifo(self.path)
        done = subprocess.run([*PREFIX, PROXY, "replay", self.path], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (1, "", f"proxy: cannot read {self.path}: not a regular file; copy its content into one\n"))

    def test_a_reader_that_leaves(self):
        """As `less`: no error message, whatever the disposition of SIGPIPE."""
        self.path.write_bytes(drawn(1, 20_000))
        for keep in (True, False):
            with subprocess.Popen([*PREFIX, PROXY, "replay", "--text", self.path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  restore_signals=keep) as process:
                process.stdout.readline()
                process.stdout.close()
                self.assertEqual(process.stderr.read(), b"")

    def test_a_full_disk_is_reported(self):
        self.path.write_bytes(small())
        with open("/dev/full", "wb") as full:
            done = subprocess.run([*PREFIX, PROXY, "replay", "--text", self.path], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (1, "proxy: cannot write the output: No space left on device\n"))


class Chrome(Replay):
    """The rules of the Trace Event Format."""

    def events(self, content, *arguments):
        return json.loads(self.replay(content, "--format", "chrome", *arguments))["traceEvents"]

    def check(self, events):
        slices, arrows = {}, {}
        for event in events:
            self.assertIn(event["ph"], "MXisfC")
            self.assertEqual(event["pid"], 1)
            self.assertGreaterEqual(event["ts"], 0)
            if event["ph"] == "X":
                self.assertGreaterEqual(event["dur"], 0)
                slices.setdefault(event["tid"], []).append((round(event["ts"] * 1000), round((event["ts"] + event["dur"]) * 1000)))
            if event["ph"] in "sf":
                arrows.setdefault(event["id"], []).append((event["ph"], event["ts"]))
            if event["ph"] == "C":
                self.assertTrue(all(isinstance(value, int) for value in event["args"].values()))
        for thread, times in slices.items():
            self.check_nesting(thread, times)
        for pair in arrows.values():
            self.assertEqual([kind for kind, _ in pair], ["s", "f"])
            self.assertLessEqual(pair[0][1], pair[1][1])
        named = {event["tid"] for event in events if event["ph"] == "M" and event["name"] == "thread_name"}
        self.assertEqual({event["tid"] for event in events} - named, set())

    def check_nesting(self, thread, times):
        """Two slices of a thread are apart, or one lies within the other."""
        open_ = []
        for begin, end in sorted(times, key=lambda pair: (pair[0], -pair[1])):
            while open_ and open_[-1] <= begin:
                open_.pop()
            if open_:
                self.assertLessEqual(end, open_[-1], thread)
            open_.append(end)

    def test_small(self):
        events = self.events(small())
        self.check(events)
        of_slot = [(event["name"], event["ts"], event["dur"]) for event in events if event["ph"] == "X" and event["tid"] == 4]
        begin, end = 5_000_020, 7_000_160
        self.assertIn(("connection #7", begin, end - begin), of_slot)
        self.assertIn(("READ_REQUEST", 5_000_040, 2_000_080), of_slot)
        self.assertEqual([name for name, *_ in of_slot], ["more tea", "READ_REQUEST", "SEND_RESPONSE", "request", "connection #7"])
        self.assertIn(("connection #2", 5_000_000, 2_000_200),
                      [(event["name"], event["ts"], event["dur"]) for event in events if event["ph"] == "X" and event["tid"] == 2])
        self.assertEqual([(event["ts"], event["dur"]) for event in events if event["ph"] == "X" and event["name"] == "turn"],
                         [(5_000_000, 100), (7_000_000, 200)])
        self.assertEqual([event["name"] for event in events if event["ph"] == "i"], ["EAGAIN", "event"])
        self.assertEqual([event["args"]["records"] for event in events if event["name"] == "records in use"], [2, 1])

    def test_drawn(self):
        for seed in range(10):
            content = drawn(seed)
            self.check(self.events(content))
            self.check(self.events(content, "--slot", "3"))
            self.check(self.events(content, "--from", "-400ms", "--to", "-100ms"))


class Har(Replay):
    def entries(self, *notes):
        return json.loads(self.replay(recording([turn(TURN_BEGAN, 1, 0)], notes), "--format", "har"))["log"]["entries"]

    def test_a_request(self):
        one, = self.entries(note(7, 0))
        self.assertEqual((one["request"]["method"], one["request"]["url"]), ("GET", "http://site.test:8000/a%20b%22c"))
        self.assertEqual((one["response"]["status"], one["response"]["statusText"]), (200, "OK"))
        self.assertEqual(one["timings"], {"blocked": 2, "dns": 3, "connect": 12, "send": 15, "wait": 40, "receive": 5})
        self.assertEqual(one["time"], 77)
        self.assertEqual((one["startedDateTime"], one["connection"]), ("2023-11-14T22:13:20.123Z", "7"))
        self.assertEqual(one["comment"], "end=all is well")

    def test_timings_add_up(self):
        """HAR 1.2: time is the sum of all timings but those that are -1."""
        for phases, phase_ms in ((7, (3, 12, 15)), (4, (0, 0, 30)), (0, (0, 0, 0))):
            one, = self.entries(note(7, 0, phases=phases, phase_ms=phase_ms))
            self.assertEqual(one["time"], sum(value for value in one["timings"].values() if value >= 0))

    def test_the_requests_of_a_slot(self):
        for slot, count in ((3, 1), (1, 0)):
            found = json.loads(self.replay(small(), "--format", "har", "--slot", str(slot)))["log"]["entries"]
            self.assertEqual(len(found), count)

    def test_requests_without_a_head_are_left_out(self):
        self.assertEqual(len(self.entries(note(1, 0, method=b"", host=b"", status=400), note(2, 0))), 1)

    def test_the_published_schema(self):
        try:
            import jsonschema  # pylint: disable=import-outside-toplevel
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        if not (SCHEMA / "har.json").exists():
            self.skipTest("node-har-schema is not installed")
        validator = jsonschema.Draft6Validator(inlined("har.json"))
        for notes in ((), (note(1, 0), note(2, 0, method=b"CONNECT", scheme=b"", path=b"", flags=2), note(3, 0, host=b"::1", slot=4, status=0))):
            content = recording([turn(TURN_BEGAN, 1, 0)], notes)
            self.assertEqual([error.message for error in validator.iter_errors(json.loads(self.replay(content, "--format", "har")))], [])


def inlined(name):
    """The schema of that file, with those it refers to in their places."""
    def inline(value):
        if isinstance(value, dict):
            refers = re.fullmatch(r"(\w+\.json)#?", str(value.get("$ref", "")))
            return inlined(refers[1]) if refers else {key: inline(inner) for key, inner in value.items() if key != "$id"}
        return [inline(inner) for inner in value] if isinstance(value, list) else value
    return inline(json.loads((SCHEMA / name).read_text(encoding="utf-8")))


if __name__ == "__main__":
    unittest.main()
