"""SIGUSR2 saves a record file, which is read here by a reader of its own, written from docs/record-file.md."""
import json
import pathlib
import resource
import signal
import struct
import subprocess
import tempfile
import unittest

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
    assert kind == b"END."


def items(payload):
    """The position of the first item, and the items."""
    first, size, count = struct.unpack_from("<QII", payload)
    assert len(payload) == 16 + size * count
    return first, [payload[16 + i * size:16 + (i + 1) * size] for i in range(count)]


class Recording:
    def __init__(self, path):
        self.data = path.read_bytes()
        self.head, self.names, self.entries, self.cells, self.notes = {}, {}, [], [], []
        for kind, payload in blocks(self.data):
            if kind == "HEAD":
                self.head = dict(line.split(": ", 1) for line in payload.decode("ascii").splitlines())
            elif kind == "NAME":
                for line in payload.decode("ascii").splitlines():
                    name, number, text = line.split(" ", 2)
                    self.names[name, int(number)] = text
            elif kind == "ENTR":
                self.entries += [struct.unpack("<IIiBBBB", entry) for entry in items(payload)[1]]
            elif kind == "NOTE":
                self.notes += items(payload)[1]
            elif kind == "CELL":
                self.cells = [struct.unpack_from("<IIBB", cell) for cell in items(payload)[1]]

    def entered(self):
        """The names of the states that were entered, in their order."""
        return [self.names["state", state & 15] for _, _, _, event, state, _, _ in self.entries
                if self.names["trace_event", event] == "entered"]


class Saved(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

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
        wait_until(lambda: proxy.descriptors() == descriptors, "the file is closed")
        self.assertEqual(proxy.get(self.origin().url()).body, b"hello")


if __name__ == "__main__":
    unittest.main()
