"""Each mistake to watch is found in the real program: by its finding, by driver.py, or by the record of its death. The board
shows each of these findings in Chromium.

PROXY is the program with one mistake, and only the test of this mistake can pass: tests/mistakes/check.py builds and runs them.
"""
import contextlib
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "tests/mistakes"), str(ROOT / "tests/console")]
import run as board_tests  # noqa: E402
import rows  # noqa: E402
from harness import PATIENCE, PROXY, Case, ProxyProcess, closed_port, ok, pause, pattern, settled, wait_until  # noqa: E402
from name_server import Host, NameServer  # noqa: E402
from test_record import Recording, no_core  # noqa: E402

KIB, MIB = 1 << 10, 1 << 20
# What a finding is about lasts until the browser has looked, however busy the machine is.
LASTING = [word for wait in ("idle", "keep-alive", "head", "answer", "stream", "reader") for word in (f"--{wait}-timeout", "1800")]


class Mistakes(Case):
    def setUp(self):
        self.lesson = rows.lesson(self._testMethodName.removeprefix("test_").replace("_", "-")).lesson
        self.folder = pathlib.Path(self.enter(tempfile.TemporaryDirectory()))

    # -- the program

    def wrong(self, *options, **how):
        """The program with the mistake, which it announces, in its log too. It may be unable to end by itself, so it is killed."""
        log = self.folder / "log"
        proxy = ProxyProcess("--access-log", str(log), "--record-dir", str(self.folder), *LASTING, *options, **how)
        self.addCleanup(self.end, proxy)
        for text in (proxy.announcement, log.read_text(encoding="ascii")):
            self.assertRegex(text.splitlines()[0], rf"has a mistake built in, for learning only: {self.lesson.name} \(")
        return proxy

    @staticmethod
    def end(proxy):
        if proxy.process.poll() is None:
            proxy.process.kill()
        with contextlib.suppress(ValueError):  # it has ended already
            proxy.ended()

    @contextlib.contextmanager
    def stopped(self, proxy):
        """Meanwhile the program stands still, so that much happens between two of its turns."""
        proxy.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: "\nState:\tT" in pathlib.Path(f"/proc/{proxy.pid}/status").read_text(encoding="ascii"), "the program is stopped")
        yield
        proxy.process.send_signal(signal.SIGCONT)

    def finds(self, proxy, live=True):
        """Waits for the findings that name the mistake, and looks for them on the board. `live`: on that of this program; otherwise
        the mistake disturbs its clients too much, and a record file is shown."""
        self.assertTrue(self.lesson.shown)
        for code in self.lesson.shown:
            proxy.line(f"finding {code} (")
        if live:
            self.on_board("live", f"http://127.0.0.1:{proxy.port}/")
        else:
            self.on_board("replay", self.saved(proxy))

    def saved(self, proxy):
        """The record file of the finding; if it is not an error, of the last steps."""
        (code,) = self.lesson.shown
        if "(error)" in proxy.line(f"finding {code} ("):
            return proxy.line("saved the last", f"-{code}.pxr").rpartition(" in ")[2]
        proxy.process.send_signal(signal.SIGUSR2)
        return proxy.line("saved the last").rpartition(" in ")[2]

    def on_board(self, how, where):
        """The board of the proxy, or of a record file, shows the findings."""
        with self.subTest("the board"):
            if lacks := board_tests.missing():
                self.skipTest(f"missing: {lacks}")
            program = ROOT / os.environ.get("OBJECTS", "build/g++") / "proxy"  # without the mistake
            done = subprocess.run(["node", ROOT / "tests/console/finding.mjs", how, where, *self.lesson.shown], env={**os.environ, "PROXY": str(program)},
                                  capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
            self.assertEqual(done.returncode, 0, f"{where}: {done.stdout}{done.stderr}")

    def found(self, proxy):
        return any(f"finding {self.lesson.shown[0]} (" in line for line in proxy.lines)

    def measured(self, *options):
        """The program with a page of metrics, for `counts`."""
        self.metrics = closed_port()
        proxy = self.wrong("--metrics", str(self.metrics), *options)
        proxy.port = next(port for port in proxy.ports if port != self.metrics)
        return proxy

    def counts(self, proxy):
        """Waits until the metrics count the finding: a note is not in the log, and of a slow turn `lines` has none."""
        (code,) = self.lesson.shown

        def counted():
            with proxy.connect(port=self.metrics) as client:
                text = client.send(b"GET /metrics HTTP/1.0\r\n\r\n").rest().body.decode()
            found = re.search(rf'^proxy_findings_total{{code="{code}",severity="\w+"}} (\d+)$', text, re.MULTILINE)
            return int(found[1]) > 0 if found else False
        wait_until(counted, f"{code} is counted")
        self.on_board("live", f"http://127.0.0.1:{proxy.port}/")

    def is_graded(self):
        """driver.py finds it, in the test that the lesson says, and names the cause."""
        test, cause = self.lesson.driver
        path = self.folder / "result.json"
        done = subprocess.run([sys.executable, ROOT / "driver.py", "-q", "-b", "20", "-c", "75", "--only", f"^{test}$", "--json", path,
                               "--proxy", PROXY, "epoll"], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, 1, done)
        (row,) = json.loads(path.read_text(encoding="utf-8"))["tests"]
        self.assertIs(row["passed"], False, row)
        self.assertEqual(row["finding"]["cause"], cause, row)

    def flood(self, size, gate):
        """A server that sends all but the last one of so many bytes once the gate is open, and how many it has sent yet."""
        def serve(wire):
            gate.wait()
            wire.send(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            while sent[0] + len(piece) < size:
                wire.send(piece)
                sent[0] += len(piece)
            wire.send(piece[1:])
            wire.until_gone()
        piece, sent = bytes(64 * KIB), [0]
        return self.origin(serve), sent

    # -- reading and writing

    def test_no_drain(self):
        """The response is longer than a read, and all of it arrives while the program stands still: one event announces it. The server
        keeps its connection open, because the event of its end would be an edge at last."""
        proxy, begin, sent = self.wrong(), self.gate(), self.gate()
        origin = self.origin(lambda wire: (begin.wait(), wire.send(ok(pattern(40 * KIB))), sent.open(), wire.until_gone()))
        self.client(proxy.ask(origin.url()))
        origin.wait_for(1)
        with self.stopped(proxy):
            begin.open()
            sent.wait()
        self.finds(proxy)

    def test_accept_once(self):
        proxy = self.wrong()
        with self.stopped(proxy):
            for _ in range(5):
                self.client(proxy.connect())
        self.finds(proxy, live=False)

    def test_short_write(self):
        proxy = self.wrong("--lens", "write=1000")
        self.client(proxy.ask(self.origin(lambda wire: wire.send(ok(pattern(100 * KIB)))).url())).until_gone()
        self.finds(proxy, live=False)

    def test_eagain_is_done(self):
        self.is_graded()

    def test_eagain_is_error(self):
        self.is_graded()

    def test_local_progress(self):
        self.is_graded()

    def test_read_all_then_send(self):
        """The server's data pile up while the program stands still; then it reads them all at once."""
        proxy, gate = self.wrong(), self.gate()
        origin, sent = self.flood(64 * MIB, gate)
        self.client(proxy.ask(origin.url()))
        origin.wait_for(1)
        with self.stopped(proxy):
            gate.open()
            settled(lambda: sent[0])
        self.finds(proxy, live=False)

    # -- ends

    def test_eof_spin(self):
        proxy = self.wrong()
        self.client(proxy.connect()).half_close()
        self.finds(proxy)

    def test_hup_frees(self):
        proxy = self.wrong()
        self.client(proxy.connect())  # stays: the doctor looks only while there are connections
        client = proxy.ask(self.origin().url(), "Host: x", version="1.1")
        client.read_head()
        client.read_body()
        client.reset()
        self.finds(proxy)

    def test_double_close(self):
        proxy = self.wrong()
        proxy.get(self.origin().url())
        self.finds(proxy)

    def test_sigpipe(self):
        """A client reads the beginning and leaves. The first write after that is answered by RST, the second one is deadly."""
        gate, (head, mark, body) = self.gate(), ok(pattern(MIB)).partition(b"\r\n\r\n")
        origin = self.origin(lambda wire: (wire.send(head + mark + body[:1000]), gate.wait(), wire.send(body[1000:])))
        proxy = self.wrong(preexec=no_core)
        client = proxy.ask(origin.url())
        client.read_head()
        client.read(1000)  # all that has come: closing with unread bytes is a reset at once
        client.close()
        gate.open()
        self.assertEqual(proxy.process.wait(PATIENCE), -signal.SIGPIPE)
        (path,) = self.folder.glob("*-crash.pxr")
        self.assertEqual(Recording(path).head["reason"], f"crash ({self.lesson.signal})")

    # -- events and records

    def test_stale(self):
        """The event of the client's end closes its record while events are being marked."""
        proxy, origin = self.wrong(), self.origin(lambda wire: wire.send(ok(b"hello")))
        with proxy.ask(origin.url(), "Host: x", version="1.1") as client:
            client.read_head()
            client.read_body()
        self.finds(proxy, live=False)

    def test_shared_record(self):
        proxy, origin = self.wrong(), self.origin()
        proxy.get(origin.url())  # from now on there is a free record
        first = self.client(proxy.ask(origin.url(), "Host: x", version="1.1"))
        first.read_head()
        first.read_body()
        self.client(proxy.connect())
        first.until_gone()
        self.finds(proxy, live=False)

    def test_level(self):
        """An idle client's socket is reported as writable again and again."""
        proxy = self.measured()
        self.client(proxy.connect())
        self.counts(proxy)

    # -- waiting

    def test_no_deadline(self):
        proxy = self.wrong()
        self.client(proxy.connect())
        self.finds(proxy)

    def test_emfile_spin(self):
        limit = 24
        proxy = self.wrong(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
        clients = [self.client(proxy.connect()) for _ in range(limit)]
        proxy.line(f"finding {self.lesson.shown[0]} (")
        for client in clients:  # or the browser gets no connection
            client.close()
        self.finds(proxy)

    def test_blocking_connect(self):
        """The server's queue is full, so the kernel drops the SYN and sends it again after a second."""
        listener = self.enter(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = listener.getsockname()

        def connecting():
            """Connections to the server that are not established (SYN_SENT in proc_net_tcp(5))."""
            rows_of = pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
            return sum(row.split()[2].endswith(f":{address[1]:04X}") and row.split()[3] == "02" for row in rows_of)
        while not connecting():
            filling = self.enter(socket.socket())
            filling.setblocking(False)
            filling.connect_ex(address)
        before = connecting()
        proxy = self.measured()
        self.client(proxy.ask(f"http://127.0.0.1:{address[1]}/"))
        wait_until(lambda: connecting() > before, "the proxy connects")

        def accept():
            """Makes room in the queue, again and again."""
            with contextlib.suppress(OSError):
                while True:
                    accepted.append(listener.accept()[0])
        accepted = []
        threading.Thread(target=accept, daemon=True).start()
        self.counts(proxy)
        listener.shutdown(socket.SHUT_RDWR)
        for connection in accepted:
            connection.close()

    def test_blocking_dns(self):
        gate = self.gate()
        server = NameServer({"slow.test": Host("127.0.0.1", gate=gate)}, port=0)
        proxy = self.measured("--nameserver", f"127.0.0.1:{server.port}")
        self.client(proxy.ask(f"http://slow.test:{closed_port()}/"))
        server.wait_for("slow.test", PATIENCE)
        pause(0.2)  # it is the time of the lookup that matters
        gate.open()
        self.counts(proxy)

    # -- shares

    def test_no_budget(self):
        """Data pile up while the program stands still; then one record moves them all, although another one is ready."""
        gate = self.gate()
        gate.open()
        proxy, small, received = self.wrong(), self.origin(), [0]
        large, sent = self.flood(1 << 40, gate)
        client = self.client(proxy.ask(large.url()))

        def read():
            with contextlib.suppress(OSError):
                while data := client.some(MIB):
                    received[0] += len(data)
        threading.Thread(target=read, daemon=True).start()
        wait_until(lambda: received[0] > 64 * MIB, "the buffers have grown")
        while not self.found(proxy):
            with self.stopped(proxy):
                settled(lambda: sent[0])
                other = self.client(proxy.ask(small.url()))
            other.rest()
        self.finds(proxy, live=False)
