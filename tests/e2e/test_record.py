"""Record files: on SIGUSR2, of a whole run, after a crash. They are read here by a reader of its own, written from docs/record-file.md."""
import json
import pathlib
import resource
import os
import signal
import socket
import struct
import subprocess
import tempfile
import unittest
import unittest.mock

from checksum import crc32c
from harness import PREFIX, PROXY, Case, ProxyProcess, ok, wait_until


def blocks(data):
    """The types and the payloads; checks all that the page says of them."""
    magic, major, _minor, order, entry_bytes, checksum = struct.unpack_from("<6sBBHHI", data)
    assert (magic, major, order, entry_bytes) == (b"PXREC\0", 2, 0x0102, 16)
    assert checksum == crc32c(data[:12])
    at = 16
    while at < len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        assert struct.unpack_from("<I", data, at + 8 + size)[0] == crc32c(data[at:at + 8 + size])
        yield kind.decode("ascii"), data[at + 8:at + 8 + size]
        at += 12 + size
    return kind == b"END."


def items(payload):
    """The position of the first item, and the items."""
    first, size, count = struct.unpack_from("<QII", payload)
    assert len(payload) == 16 + size * count
    return first, [payload[16 + i * size:16 + (i + 1) * size] for i in range(count)]


class Recording:
    def __init__(self, path, ended=True):
        self.data = path.read_bytes()
        self.gaps = 0
        self.head, self.names, self.entries, self.cells, self.notes = {}, {}, [], [], []
        kind = position = None
        for kind, payload in blocks(self.data):
            if kind == "HEAD":
                self.head = dict(line.split(": ", 1) for line in payload.decode("ascii").splitlines())
            elif kind == "NAME":
                for line in payload.decode("ascii").splitlines():
                    name, number, text = line.split(" ", 2)
                    self.names[name, int(number)] = text
            elif kind == "ENTR":
                first, entries = items(payload)
                self.gaps += position is not None and position != first
                position = first + len(entries)
                self.entries += [struct.unpack("<IIiBBBB", entry) for entry in entries]
            elif kind == "NOTE":
                self.notes += items(payload)[1]
            elif kind == "CELL":
                self.cells = [struct.unpack_from("<IIBB", cell) for cell in items(payload)[1]]
        assert (kind == "END.") == ended, kind

    def requests(self):
        """Of each note its connection, its slot (None: it has ended), status, client and path."""
        for note in self.notes:
            number, slot, status = *struct.unpack_from("<Q", note), struct.unpack_from("<I", note, 44)[0], struct.unpack_from("<H", note, 80)[0]
            port, family, address = struct.unpack_from("<H", note, 84)[0], note[86], note[92:108]
            client = (socket.inet_ntoa(address[:4]) if family == 4 else None, port)
            yield number, None if slot == 0xffffffff else slot, status, client, note[196:276].rstrip(b"\0").decode()

    def entered(self):
        """The names of the states that were entered, in their order."""
        return [self.names["state", state & 15] for _, _, _, event, state, _, _ in self.entries
                if self.names["trace_event", event] == "entered"]


def no_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class InAFolder(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)


class Saved(InAFolder):
    def save(self, proxy):
        """The file that the next signal makes."""
        before = set(self.folder.iterdir())
        proxy.process.send_signal(signal.SIGUSR2)
        proxy.line(f"-{len(before) + 1}.pxr")
        (path,) = set(self.folder.iterdir()) - before
        return path

    def test_the_steps_of_a_request_and_the_table(self):
        gate, proxy = self.gate(), self.proxy("--record-dir", str(self.folder))
        self.assertEqual(proxy.get(self.origin().url()).body, b"hello")
        held = self.origin(lambda wire: (gate.wait(), wire.send(ok(b"late"))))
        client = self.client(proxy.ask(held.url()))
        held.wait_for(1)
        path = self.save(proxy)
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        saved = Recording(path)
        self.assertEqual(saved.head["reason"], "SIGUSR2")
        self.assertEqual(saved.entered()[:4], ["READ_REQUEST", "SEND_REQUEST", "READ_RESPONSE", "SEND_RESPONSE"])
        ((_slot, number, state, wait),) = saved.cells
        self.assertEqual((number, saved.names["state", state]), (2, "READ_RESPONSE"))
        self.assertEqual(saved.names["wait", wait], "the response head")
        gate.open()
        self.assertEqual(client.rest().body, b"late")

    def test_requests_as_an_http_archive(self):
        proxy, origin = self.proxy("--record-dir", str(self.folder), "--trace-entries", "1024"), self.origin()
        for number in range(50):
            proxy.get(origin.url(f"/{number}?hidden"))
        path = self.save(proxy)
        self.assertEqual(len(Recording(path).notes), 1024 // 32)
        done = subprocess.run([*PREFIX, PROXY, "replay", "--format", "har", path], capture_output=True, check=True)
        entries = json.loads(done.stdout)["log"]["entries"]
        self.assertEqual([entry["request"]["url"] for entry in entries], [origin.url(f"/{number}") for number in range(18, 50)])
        self.assertEqual({(entry["request"]["method"], entry["response"]["status"]) for entry in entries}, {("GET", 200)})

    def test_which_program_and_which_clients(self):
        gate, proxy = self.gate(), self.proxy("--record-dir", str(self.folder))
        held = self.origin(lambda wire: (gate.wait(), wire.send(ok(b"late"))))
        done = self.client(proxy.ask(self.origin().url("/done")))
        done.rest()
        client = self.client(proxy.ask(held.url("/held?hidden")))
        held.wait_for(1)
        saved = Recording(self.save(proxy))
        self.assertEqual(int(saved.head["pid"]), proxy.pid)
        built = subprocess.run(["readelf", "-n", PROXY], capture_output=True, text=True, check=True).stdout
        if "Build ID: " in built:
            self.assertIn(built.split("Build ID: ")[1].split()[0], saved.head["build"])
        ports = [wire.socket.getsockname()[1] for wire in (client,)]
        (first, second) = saved.requests()
        self.assertEqual((first[0], first[1], first[2], first[3][0], first[4]), (1, None, 200, "127.0.0.1", "/done"))
        self.assertEqual(second, (2, saved.cells[0][0], 0, ("127.0.0.1", ports[0]), "/held"))
        gate.open()
        self.assertEqual(client.rest().body, b"late")

    def test_each_signal_makes_a_file(self):
        proxy = self.proxy("--record-dir", str(self.folder))
        first, second = self.save(proxy), self.save(proxy)
        self.assertNotEqual(first, second)
        self.assertEqual(Recording(second).cells, [])

    def test_a_ring_that_has_begun_again(self):
        proxy, origin = self.proxy("--record-dir", str(self.folder), "--trace-entries", "1024"), self.origin()
        for _ in range(100):
            proxy.get(origin.url())
        self.assertEqual(len(Recording(self.save(proxy)).entries), 1024)

    def test_no_secret_is_in_it(self):
        proxy = self.proxy("--record-dir", str(self.folder), "--via=hidden0", "--parent", "http://bob:hidden1@127.0.0.1:1=a.test")
        origin = self.origin()
        secrets = ("Authorization: Bearer hidden2", "Cookie: id=hidden3", "Proxy-Authorization: Basic aGlkZGVuNA==", "X-Api-Key: hidden5")
        self.client(proxy.ask(origin.url("/page?key=hidden7"), *secrets, method="PUT", body=b"hidden8")).rest()
        data = self.save(proxy).read_bytes()
        self.assertIn(b"--parent", data)
        for secret in (b"hidden", b"aGlkZGVu", b"bob"):
            self.assertEqual(data.find(secret), -1, secret)

    def test_without_a_folder_it_says_what_to_do(self):
        proxy = ProxyProcess()
        proxy.process.send_signal(signal.SIGUSR2)
        self.assertEqual(proxy.get(self.origin().url()).body, b"hello")
        status, error = proxy.stop()
        self.assertEqual(status, 0)
        self.assertIn("start with --record-dir", error)

    def test_a_folder_that_is_gone(self):
        gone = self.folder / "gone"
        gone.mkdir()
        proxy = ProxyProcess("--record-dir", str(gone))
        gone.rmdir()
        proxy.process.send_signal(signal.SIGUSR2)
        self.assertEqual(proxy.get(self.origin().url()).body, b"hello")
        status, error = proxy.stop()
        self.assertEqual(status, 0)
        self.assertIn("No such file or directory", error)

    def test_a_full_disk(self):
        proxy = self.proxy("--record-dir", str(self.folder), preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000)))
        descriptors = proxy.descriptors()
        proxy.process.send_signal(signal.SIGUSR2)
        self.assertIn("File too large", proxy.line("cannot write"))
        wait_until(lambda: proxy.descriptors() <= descriptors, "the file is closed")
        self.assertEqual(proxy.get(self.origin().url()).body, b"hello")


class OfTheWholeRun(InAFolder):
    def setUp(self):
        super().setUp()
        self.path = self.folder / "run.pxr"

    def test_more_than_the_trace_in_memory_holds(self):
        proxy, origin = self.proxy("--record", str(self.path), "--trace-entries", "16384"), self.origin()
        for number in range(600):
            proxy.get(origin.url(f"/{number}"))
        self.assertEqual(proxy.stop()[0], 0)
        self.assertTrue(any(line.startswith("saved ") and "lost" not in line for line in proxy.lines), proxy.lines[-3:])
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        saved = Recording(self.path)
        self.assertGreater(len(saved.entries), 16384 // 2)
        self.assertEqual((saved.gaps, saved.cells), (0, []))
        self.assertEqual([path for *_, path in saved.requests()], [f"/{number}" for number in range(600)])
        self.assertEqual(saved.entered().count("READ_RESPONSE"), 600)

    def test_a_killed_program_leaves_whole_blocks(self):
        proxy, origin = self.proxy("--record", str(self.path)), self.origin()
        while self.path.stat().st_size < 4 * 65536:
            proxy.get(origin.url())
        self.assertEqual(proxy.stop(signal.SIGKILL)[0], -signal.SIGKILL)
        saved = Recording(self.path, ended=False)
        self.assertGreaterEqual(16 * len(saved.entries) + sum(map(len, saved.notes)), 3 * 65536)
        done = subprocess.run([*PREFIX, PROXY, "replay", "--text", self.path], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("has no end", done.stderr)
        self.assertIn("READ_REQUEST", done.stdout)

    def test_a_file_in_its_place_is_replaced(self):
        self.path.write_text("old")
        self.assertEqual(self.proxy("--record", str(self.path)).stop()[0], 0)
        Recording(self.path)

    def test_what_is_not_a_regular_file_stays(self):
        """Root could replace /dev/null, and the link /dev/stdout."""
        other, link, pipe = (self.folder / name for name in ("other", "link", "pipe"))
        other.write_text("kept")
        link.symlink_to(other)
        os.mkfifo(pipe)
        for path in (link, pipe, self.folder):
            with self.subTest(path=path.name):
                done = subprocess.run([*PREFIX, PROXY, "0", "--record", str(path)], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertIn(f"cannot create {path}: it exists, and is not a regular file", done.stderr)
        self.assertTrue(link.is_symlink() and pipe.is_fifo())
        self.assertEqual(other.read_text(), "kept")

    def test_a_folder_that_does_not_exist(self):
        done = subprocess.run([*PREFIX, PROXY, "0", "--record", str(self.folder / "none/run.pxr")], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No such file or directory", done.stderr)

    def test_a_full_disk(self):
        proxy = self.proxy("--record", str(self.path), preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (40000, 40000)))
        descriptors, origin = proxy.descriptors(), self.origin()
        for _ in range(200):
            proxy.get(origin.url())
        wait_until(lambda: proxy.descriptors() < descriptors, "the file is closed")
        self.assertEqual(proxy.get(origin.url()).body, b"hello")
        status, error = proxy.stop()
        self.assertEqual(status, 0)
        self.assertEqual(error.count("File too large"), 1)


class Crashed(InAFolder):
    SIGNALS = signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL

    def setUp(self):
        super().setUp()
        # AddressSanitizer has handlers of its own, which exit with another status.
        options = {"ASAN_OPTIONS": "handle_segv=0:handle_sigbus=0:handle_sigfpe=0"}
        self.enterContext(unittest.mock.patch.dict(os.environ, options))

    def crash(self, how, *options):
        """A proxy that has sent a part of a response when the signal comes."""
        gate, proxy = self.gate(), self.proxy(*options, preexec=no_core)
        proxy.get(self.origin().url("/done"))
        held = self.origin(lambda wire: (wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"), gate.wait()))
        self.client(proxy.ask(held.url("/held"))).read_head()
        status, error = proxy.stop(how)
        self.assertEqual(status, -how, "the signal has its usual effect")
        gate.open()
        return error

    def check(self, path, reason):
        saved = Recording(path)
        self.assertEqual(saved.head["reason"], reason)
        self.assertEqual([(status, slot is None, path) for _, slot, status, _, path in saved.requests()],
                         [(200, True, "/done"), (200, False, "/held")])
        self.assertEqual([saved.names["state", state] for _, _, state, _ in saved.cells], ["SEND_RESPONSE"])
        self.assertEqual(saved.entered()[:2], ["READ_REQUEST", "SEND_REQUEST"])
        self.assertEqual(subprocess.run([*PREFIX, PROXY, "replay", "--text", path], stdout=subprocess.DEVNULL, check=False).returncode, 0)

    def test_each_signal(self):
        for how in self.SIGNALS:
            with self.subTest(how.name):
                error = self.crash(how, "--record-dir", str(self.folder))
                (path,) = self.folder.glob("*-crash.pxr")
                self.assertEqual(path.stat().st_mode & 0o777, 0o600)
                self.assertIn(f"{how.name}: the trace is saved in {path}", error)
                self.check(path, f"crash ({how.name})")
                path.unlink()

    def test_the_file_of_the_run_is_completed(self):
        path = self.folder / "run.pxr"
        self.crash(signal.SIGSEGV, "--record", str(path))
        self.check(path, "--record")

    def test_without_an_option_nothing_is_written(self):
        before = set(os.listdir())
        self.assertEqual(self.crash(signal.SIGSEGV), "")
        self.assertEqual(set(os.listdir()), before)


if __name__ == "__main__":
    unittest.main()
