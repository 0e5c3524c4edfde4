"""--lens injects faults into system calls: what curl gets is still what the origin has sent, byte for byte."""
import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from harness import PATIENCE, PREFIX, PROXY, Case, ok, pattern, settled
from web import HAS_JSON

# With so many bytes each test takes some thousand calls.
OPTIONS = (("crumbs", 40_000), ("slow-reader", 20_000), ("read=3", 20_000), ("write=5", 20_000), ("read=1,write=1", 3_000),
           ("eagain=50%", 300_000), ("eintr=50%", 300_000), ("delay=20ms", 300_000), ("shuffle", 300_000),
           ("seed=7,read=300,write=500,eagain=4%,eintr=4%,delay=2ms,shuffle", 100_000))


def digest(data):
    return hashlib.sha256(data).hexdigest()


def refused(*arguments):
    """The status and the message of a proxy that does not start."""
    done = subprocess.run([*PREFIX, PROXY, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False)
    return done.returncode, done.stderr


@unittest.skipUnless(shutil.which("curl"), "curl is not installed")
class Exact(Case):
    def setUp(self):
        self.folder = self.enter(tempfile.TemporaryDirectory())

    def curl(self, via, *arguments):
        command = ["curl", "-q", "-sS", "--max-time", str(PATIENCE), "-x", f"http://127.0.0.1:{via.port}", "--noproxy", ""]
        return subprocess.run([*command, *arguments], capture_output=True, stdin=subprocess.DEVNULL, check=False)

    def exchange(self, lens, size):
        def serve(wire):
            uploads.append(wire.read_body())
            wire.send(ok(down))

        up, down, uploads = pattern(size, 1), pattern(size, 2), []
        path = os.path.join(self.folder, "up")
        with open(path, "wb") as file:
            file.write(up)
        origin, via = self.origin(serve), self.proxy("--lens", lens)
        for version in ("--http1.0", "--http1.1"):
            done = self.curl(via, version, "-H", "Expect:", "--data-binary", "@" + path, origin.url())
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertEqual((digest(done.stdout), digest(uploads[-1])), (digest(down), digest(up)))

    def test_each_option(self):
        for lens, size in OPTIONS:
            with self.subTest(lens):
                self.exchange(lens, size)

    def test_a_bad_line_is_never_silent(self):
        """A connection is reset now and then: curl has the whole body, or it knows that it has not."""
        body = pattern(30_000)
        origin = self.origin(lambda wire: wire.send(b"HTTP/1.0 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n" + body))
        via = self.proxy("--lens", "bad-line,reset=10%,delay=1ms")
        whole = failed = 0
        while whole < 3 or failed < 3:
            done = self.curl(via, "-f", origin.url())
            if done.returncode == 0:
                self.assertEqual(digest(done.stdout), digest(body))
                whole += 1
            else:
                failed += 1

    def test_a_tunnel(self):
        data = pattern(20_000)
        origin, via = self.origin(lambda wire: wire.send(ok(data))), self.proxy("--lens", "crumbs,eagain=10%")
        done = self.curl(via, "-p", origin.url())
        self.assertEqual((done.returncode, digest(done.stdout)), (0, digest(data)))

    def test_files(self):
        data = pattern(400_000)
        with open(os.path.join(self.folder, "file"), "wb") as file:
            file.write(data)
        via = self.proxy("--lens", "write=3000,eagain=30%,delay=1ms", "--files", f"0={self.folder}", port=None)
        done = subprocess.run(["curl", "-q", "-sS", "--max-time", str(PATIENCE), f"http://127.0.0.1:{via.port}/file"], capture_output=True,
                              check=False)
        self.assertEqual((done.returncode, digest(done.stdout)), (0, digest(data)))


class Lens(Case):
    def test_it_says_so(self):
        self.assertRegex(self.proxy("--lens", "crumbs").announcement, r"\Aproxy \S+ injects faults \(--lens crumbs\): for tests only\n")
        self.assertNotIn("fault", self.proxy().announcement)

    def test_only_for_this_machine(self):
        for listener in ("0.0.0.0:0", "[::]:0", "192.0.2.1:80"):
            status, error = refused("0", "--listen", listener, "--allow", "127.0.0.0/8", "--lens", "crumbs")
            self.assertEqual(status, 2)
            self.assertIn("is reachable from other machines: with --lens use loopback addresses only", error)

    def test_errors(self):
        for text, words in (("tiny", "--lens: unknown setting 'tiny': expected slow-reader, crumbs, bad-line, seed,"),
                            ("read=0", "--lens: invalid setting 'read=0': expected bytes of one read, as in read=3"),
                            ("eagain=100%", "expected 0% to 90%")):
            status, error = refused("0", "--lens", text)
            self.assertEqual(status, 2)
            self.assertIn(words, error)

    def test_forced_calls_are_marked(self):
        origin, via = self.origin(), self.proxy("-vv", "--lens", "read=7,write=7,eagain=50%,eintr=50%")
        self.assertEqual(via.get(origin.url()).body, b"hello")
        self.assertEqual(via.stop(signal.SIGINT), (0, ""))
        text = "\n".join(via.lines)
        for line in (r"recv\(\d+\) = 7 \(forced\)", r"send\(\d+\) = 7 \(forced\)", r"recv\(\d+\) = EAGAIN \(forced\)",
                     r"recv\(\d+\) failed \(Interrupted system call\) \(forced\)", r"event of the client: readable \(forced\)",
                     r"recv\(\d+\) = \d+$"):
            self.assertRegex(text, re.compile(line, re.MULTILINE))

    def test_without_descriptors(self):
        """A few are free: enough for a client and its upstream, and not for eight clients."""
        origin = self.origin()
        free = self.proxy()
        limit = settled(free.descriptors) - 3 + 4  # without standard input, output and error
        via = self.proxy("--lens", f"emfile={limit}")
        self.assertEqual(via.get(origin.url()).body, b"hello")
        clients = [self.client(via.connect()) for _ in range(8)]
        self.assertEqual(clients[-1].rest().status, 503)

    def test_the_same_seed(self):
        """What is forced on a connection depends on the seed and on its own calls."""
        def forced(seed):
            with self.proxy("-vv", "--lens", f"read=2,eagain=30%,seed={seed}", "--echo", "0", port=None) as via:
                via.process.send_signal(signal.SIGSTOP)  # its first call finds all bytes
                with via.connect() as wire:
                    wire.send(b"x" * 40).half_close()
                    via.process.send_signal(signal.SIGCONT)
                    self.assertEqual(wire.rest().raw, b"x" * 40)
                via.line("FREE: ")
                return [re.sub(r".*READ_REQUEST |.*SEND_RESPONSE |\(\d+\)", "", line) for line in via.lines if re.search(r"recv\(\d+\) = (EAGAIN|2)", line)]

        self.assertEqual(forced(5), forced(5))
        self.assertNotEqual(forced(5), forced(6))

    @unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
    def test_a_reload_does_not_change_it(self):
        path = os.path.join(self.enter(tempfile.TemporaryDirectory()), "proxy.json")
        with open(path, "w", encoding="ascii") as file:
            file.write('{"lens": "crumbs"}')
        via = self.proxy("--config", path)
        self.assertIn("(--lens crumbs)", via.announcement)
        with open(path, "w", encoding="ascii") as file:
            file.write('{"lens": ["read=3", "shuffle"]}')
        via.process.send_signal(signal.SIGHUP)
        via.said("restart to change --lens")
        self.assertEqual(via.stop()[0], 0)


if __name__ == "__main__":
    unittest.main()
