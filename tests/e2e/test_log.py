"""What is told: a line for each request, and with -v each step."""
import fcntl
import os
import pathlib
import re
import tempfile

from harness import Case, ProxyProcess, ok, pattern, pause, wait_until

F_SETPIPE_SZ = 1031  # fcntl.F_SETPIPE_SZ, from Python 3.10 on


class Lines(Case):
    PATTERN = re.compile(r"\A(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (?P<client>\S+) #(?P<id>\d+) (?P<method>\S+) (?P<url>\S+) "
                         r"(?P<status>\d+) up=(?P<up>\d+) down=(?P<down>\d+) READ_REQUEST=(?P<rq>\d+)ms SEND_REQUEST=(?P<sq>\d+)ms "
                         r"READ_RESPONSE=(?P<rp>\d+)ms SEND_RESPONSE=(?P<sp>\d+)ms end=(?P<end>\S+) by=(?P<by>\w+)( error=(?P<error>\w+))?\Z")

    def fields(self, line):
        match = self.PATTERN.match(line)
        self.assertTrue(match, line)
        return match.groupdict()

    def test_each_field_is_right(self):
        proxy, body = self.proxy(), pattern(40_000)
        got = []
        origin = self.origin(lambda wire: (got.append(len(wire.head.raw) + len(wire.read_body())), wire.send(ok(b"answer"))))
        url = origin.url("/a?b=c#d")
        with proxy.ask(url, "Content-Length: 40000", method="REPORT", body=body) as client:
            host, port = client.socket.getsockname()
            raw = client.rest().raw
        told = self.fields(proxy.line(" #1 "))
        self.assertEqual((told["client"], told["id"], told["method"], told["url"], told["status"], told["end"], told["by"], told["error"]),
                         (f"{host}:{port}", "1", "REPORT", url, "200", "complete", "upstream", None))
        self.assertEqual((int(told["up"]), int(told["down"])), (got[0], len(raw)))

    def test_bytes_of_large_bodies_are_counted(self):
        proxy, size = self.proxy(), 3_000_000
        head = b"HTTP/1.0 200 OK\r\nDate: d\r\n\r\n"
        raw = proxy.get(self.origin(lambda wire: wire.send(head + pattern(size))).url()).raw
        self.assertEqual(int(self.fields(proxy.line(" #1 "))["down"]), len(raw))

    def test_time_is_noted_in_the_state_in_which_it_passes(self):
        """An origin that lets wait for its answer: the time is READ_RESPONSE's."""
        proxy, origin = self.proxy(), self.origin(lambda wire: (pause(0.3), wire.send(ok())))
        proxy.get(origin.url())
        told = self.fields(proxy.line(" #1 "))
        self.assertGreaterEqual(int(told["rp"]), 250)

    def test_an_ipv6_client(self):
        proxy, origin = self.proxy(), self.origin()
        with proxy.connect("::1") as client:
            client.send(b"GET " + origin.url().encode() + b" HTTP/1.0\r\n\r\n")
            port = client.socket.getsockname()[1]
            client.rest()
        self.assertEqual(self.fields(proxy.line(" #1 "))["client"], f"[::1]:{port}")

    def test_an_answer_of_the_proxys_own(self):
        proxy = self.proxy()
        raw = proxy.get("http://127.0.0.1:1/").raw
        told = self.fields(proxy.line(" #1 "))
        self.assertEqual((told["status"], told["up"], int(told["down"]), told["end"], told["error"]),
                         ("502", "0", len(raw), "refused", "ECONNREFUSED"))

    def test_connections_are_numbered_in_their_order(self):
        proxy, origin = self.proxy(), self.origin()
        for number in range(5):
            proxy.get(origin.url(f"/{number}"))
        lines = proxy.count_lines(5)
        self.assertEqual([(int(self.fields(line)["id"]), self.fields(line)["url"]) for line in lines],
                         [(number + 1, origin.url(f"/{number}")) for number in range(5)])


class Where(Case):
    def test_off(self):
        proxy, origin = self.proxy("--access-log", "off"), self.origin()
        proxy.get(origin.url())
        proxy.stop()
        self.assertEqual(proxy.lines, [])

    def test_a_file_is_added_to(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "log")
            path.write_text("what was there before\n", encoding="ascii")
            proxy, origin = self.proxy("--access-log", str(path)), self.origin()
            proxy.get(origin.url())
            wait_until(lambda: path.read_text(encoding="ascii").count("\n") == 2, "the line is written while the proxy runs")
            before, line = path.read_text(encoding="ascii").splitlines()
            self.assertEqual(before, "what was there before")
            self.assertIn(f" GET {origin.url()} 200 ", line)
            proxy.stop()
            self.assertEqual(proxy.lines, [])

    def test_a_dash_is_standard_output(self):
        proxy, origin = self.proxy("--access-log", "-"), self.origin()
        proxy.get(origin.url())
        self.assertIn(origin.url(), proxy.line(" #1 "))


class Verbose(Case):
    def assert_in_order(self, lines, steps):
        rest = iter(lines)
        for step in steps:
            self.assertTrue(any(step in line for line in rest), (step, lines))

    def test_each_transition_is_told(self):
        proxy, origin = self.proxy("-v", "--access-log", "off"), self.origin()
        proxy.get(origin.url())
        proxy.line("-> FREE")
        self.assertTrue(all(line.startswith("[slot 0, #1] ") for line in proxy.lines), proxy.lines)
        told = [line for line in proxy.lines if " -> " in line]
        self.assert_in_order(told, ("FREE -> READ_REQUEST", "READ_REQUEST -> SEND_REQUEST", "SEND_REQUEST -> READ_RESPONSE",
                                    "READ_RESPONSE -> SEND_RESPONSE", "SEND_RESPONSE -> FREE: complete"))
        self.assertEqual(len(told), 5)

    def test_it_tells_what_is_waited_for(self):
        gate, proxy = self.gate(), self.proxy("-v", "--access-log", "off")
        origin = self.origin(lambda wire: (wire.read_body(), gate.wait(), wire.send(b"HTTP/1.0 200 OK\r\n\r\n"), wire.rest()))
        client = self.client(proxy.connect())
        proxy.line("waits for a connected client's first byte")
        client.send(f"PUT {origin.url()} HTTP/1.0\r\n".encode())
        proxy.line("waits for the whole head of a request")
        client.send(b"Content-Length: 4\r\n\r\n")
        proxy.line("waits for the next bytes of a request's body")
        client.send(b"body")
        proxy.line("waits for the head of the answer")
        gate.open()
        proxy.line("waits for the next bytes of the answer")

    def test_a_refusal(self):
        proxy = self.proxy("-v", "--access-log", "off")
        with proxy.connect() as client:
            client.send(b"nonsense\r\n\r\n").rest()
        proxy.line("-> FREE")
        self.assert_in_order(proxy.lines, ("FREE -> READ_REQUEST", "answers 400 itself: bad-request-line", "READ_REQUEST -> SEND_RESPONSE", "-> FREE"))

    def test_the_next_address(self):
        proxy, origin = self.proxy("-v", "--access-log", "off"), self.origin(host="::1")
        proxy.get(f"http://localhost:{origin.port}/")
        proxy.line("-> FREE")
        self.assert_in_order(proxy.lines, ("connects to address 1", "could not connect: refused (Connection refused)", "connects to address 2",
                                           "SEND_REQUEST -> READ_RESPONSE"))

    def test_only_with_the_option(self):
        proxy, origin = self.proxy(), self.origin()
        proxy.get(origin.url())
        proxy.stop()
        self.assertEqual(len(proxy.lines), 1, proxy.lines)


class NobodyReads(Case):
    """The log is looked on with; it never holds anything up."""

    def small_pipe(self, *options):
        """A proxy whose standard output is a pipe as small as one can be, and which nobody reads."""
        proxy = self.proxy(*options, read_log=False)
        fcntl.fcntl(proxy.process.stdout, F_SETPIPE_SZ, 4096)
        return proxy

    def test_a_full_pipe(self):
        """More lines than the pipe takes and the proxy keeps: it serves all the same, and says what was dropped."""
        proxy, origin = self.small_pipe(), self.origin()
        for _ in range(1000):
            self.assertEqual(proxy.get("http://127.0.0.1:1/" + "long" * 75).status, 502)
        self.assertEqual(proxy.get(origin.url()).body, b"hello")
        proxy.read_log()
        dropped = int(re.search(r"(\d+) lines were dropped", proxy.line("lines were dropped here"))[1])
        proxy.stop()
        told = [line for line in proxy.lines if " #" in line]
        self.assertEqual(len(told) + dropped, 1001)

    def test_it_ends_with_a_full_pipe(self):
        proxy = self.small_pipe("-v")
        for _ in range(200):
            proxy.get("http://127.0.0.1:1/" + "long" * 75)
        self.assertEqual(proxy.stop()[0], 0)

    def test_a_pipe_whose_reader_has_left(self):
        proxy, origin = ProxyProcess(read_log=False), self.origin()
        proxy.process.stdout.close()
        for _ in range(20):
            self.assertEqual(proxy.get(origin.url()).body, b"hello")
        self.assertEqual(proxy.stop(), (0, ""))

    def test_a_full_disk(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("there is no /dev/full here")
        proxy, origin = self.proxy("--access-log", "/dev/full"), self.origin()
        for _ in range(50):
            self.assertEqual(proxy.get(origin.url()).status, 200)

    def test_a_named_pipe_as_log(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "pipe")
            os.mkfifo(path)
            reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            self.addCleanup(os.close, reader)
            proxy, origin = self.proxy("--access-log", path), self.origin()
            for _ in range(300):
                self.assertEqual(proxy.get(origin.url("/" + "x" * 300)).status, 200)
            self.assertIn(b" GET " + origin.url().encode(), os.read(reader, 65536))

    def test_standard_output_stays_blocking_for_others(self):
        """A shell shares it with us: what we do to it must not outlive us."""
        proxy = self.proxy()
        for descriptor in ("1", "2"):
            text = pathlib.Path(f"/proc/{proxy.pid}/fdinfo/{descriptor}").read_text(encoding="ascii")
            self.assertEqual(int(re.search(r"flags:\s*(\d+)", text)[1], 8) & os.O_NONBLOCK, 0)
