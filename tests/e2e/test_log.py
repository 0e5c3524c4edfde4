"""The access log: the fields, formats and targets of its lines; and the trace of -v."""
import contextlib
import datetime
import fcntl
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import tempfile

from harness import F_SETPIPE_SZ, PATIENCE, PREFIX, PROXY, Case, ProxyProcess, ok, pattern, pause, request, wait_until


class Lines(Case):
    PATTERN = re.compile(r"\A(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (?P<client>\S+) #(?P<id>\d+) (?P<method>\S+) (?P<url>\S+) "
                         r"(?P<status>\d+) up=(?P<up>\d+) down=(?P<down>\d+) body=(?P<body>\d+(/\d+)?) READ_REQUEST=(?P<rq>\d+)ms "
                         r"SEND_REQUEST=(?P<sq>\d+)ms(\((?P<phases>[a-z]+=\d+ms(,[a-z]+=\d+ms)*)\))? READ_RESPONSE=(?P<rp>\d+)ms "
                         r"SEND_RESPONSE=(?P<sp>\d+)ms in=(?P<in>[A-Z_]+) end=(?P<end>\S+) by=(?P<by>\w+)( error=(?P<error>\w+))?\Z")

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
        said = self.fields(proxy.line(" #1 "))
        self.assertEqual((said["client"], said["id"], said["method"], said["url"], said["status"], said["end"], said["by"], said["error"]),
                         (f"{host}:{port}", "1", "REPORT", url, "200", "complete", "upstream", None))
        self.assertEqual((int(said["up"]), int(said["down"])), (got[0], len(raw)))

    def test_bytes_of_large_bodies_are_counted(self):
        proxy, size = self.proxy(), 3_000_000
        head = b"HTTP/1.0 200 OK\r\nDate: d\r\n\r\n"
        raw = proxy.get(self.origin(lambda wire: wire.send(head + pattern(size))).url()).raw
        self.assertEqual(int(self.fields(proxy.line(" #1 "))["down"]), len(raw))

    def test_time_counts_for_the_state_in_which_it_passes(self):
        """An origin that lets wait for its answer: the time is READ_RESPONSE's."""
        proxy, origin = self.proxy(), self.origin(lambda wire: (pause(0.3), wire.send(ok())))
        proxy.get(origin.url())
        said = self.fields(proxy.line(" #1 "))
        self.assertGreaterEqual(int(said["rp"]), 250)

    def phases(self, said):
        """{phase: ms} of SEND_REQUEST, which they add up to."""
        phases = {name: int(ms) for name, ms in re.findall(r"([a-z]+)=(\d+)ms", said["phases"] or "")}
        if phases:
            self.assertEqual(sum(phases.values()), int(said["sq"]))
        return phases

    def test_the_phases_of_sending(self):
        """Over a connection that was used before there is but one."""
        def serve(wire):
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
            if wire.read_head():
                serve(wire)

        proxy, origin = self.proxy(), self.origin(serve)
        for number, phases in ((1, ["resolve", "connect", "send"]), (2, ["send"])):
            proxy.get(origin.url(), "Host: x", "Connection: close", version="1.1")
            self.assertEqual(list(self.phases(self.fields(proxy.line(f" #{number} ")))), phases)

    def test_where_it_ended_and_how_far_it_was(self):
        proxy = self.proxy()
        cut = self.origin(lambda wire: wire.send(b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n1234"))
        whole, open_ended = self.origin(lambda wire: wire.send(ok(b"hello"))), self.origin(lambda wire: wire.send(b"HTTP/1.0 200 OK\r\n\r\n123"))
        silent = self.origin(lambda wire: None)
        for number, (url, end, where, body) in enumerate((
                (cut.url(), "response-truncated", "SEND_RESPONSE", "4/9"), (whole.url(), "complete", "SEND_RESPONSE", "5/5"),
                (open_ended.url(), "complete", "SEND_RESPONSE", "3"), (silent.url(), "upstream-closed", "READ_RESPONSE", None),
                ("http://127.0.0.1:2/", "connection-refused", "SEND_REQUEST", None), ("http://127.0.0.1:x/", "bad-target", "READ_REQUEST", None)), 1):
            answer = proxy.get(url)
            said = self.fields(proxy.line(f" #{number} "))
            self.assertEqual((said["end"], said["in"], said["body"]), (end, where, body or str(len(answer.body))), url)

    def test_an_ipv6_client(self):
        proxy, origin = self.proxy(), self.origin()
        with proxy.connect("::1") as client:
            client.send(b"GET " + origin.url().encode() + b" HTTP/1.0\r\n\r\n")
            port = client.socket.getsockname()[1]
            client.rest()
        self.assertEqual(self.fields(proxy.line(" #1 "))["client"], f"[::1]:{port}")

    def test_an_answer_of_the_proxys_own(self):
        proxy = self.proxy()
        raw = proxy.get("http://127.0.0.1:2/").raw
        said = self.fields(proxy.line(" #1 "))
        self.assertEqual((said["status"], said["up"], int(said["down"]), said["end"], said["error"]),
                         ("502", "0", len(raw), "connection-refused", "ECONNREFUSED"))

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

    def test_each_transition_is_printed(self):
        proxy, origin = self.proxy("-v", "--access-log", "off"), self.origin()
        proxy.get(origin.url())
        proxy.line("-> FREE")
        lines = [line for line in proxy.lines if "sandbox: " not in line]  # said at the start
        self.assertTrue(all(line.startswith("[slot 0, #1] ") for line in lines), lines)
        said = [line for line in proxy.lines if " -> " in line]
        self.assert_in_order(said, ("FREE -> READ_REQUEST", "READ_REQUEST -> SEND_REQUEST", "SEND_REQUEST -> READ_RESPONSE",
                                    "READ_RESPONSE -> SEND_RESPONSE", "SEND_RESPONSE -> FREE: complete"))
        self.assertEqual(len(said), 5)

    def test_the_lines_of_the_readme(self):
        """All of them, and no others but waits, which depend on the network."""
        def shown(lines):
            return [re.sub(r"descriptor \d+|\d+ bytes", "N", line.strip()) for line in lines if "[slot 0, #1] " in line]
        text = (pathlib.Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
        expected = shown(re.search(r"    \$ \./proxy 8080 -v .*\n((?:    \[slot.*\n)+)", text)[1].splitlines())
        gate, proxy = self.gate(), self.proxy("-v", "--access-log", "off")
        origin = self.origin(lambda wire: (gate.wait(), wire.send(ok(b"x"))))
        with proxy.connect() as client:
            client.send(f"GET {origin.url()} HTTP/1.0\r\n\r\n".encode())
            proxy.line("waiting for the response head")
            gate.open()
            client.rest()
        proxy.line("-> FREE")
        printed = shown(proxy.lines)
        self.assert_in_order(printed, expected)
        self.assertEqual([line for line in printed if "waiting" not in line], [line for line in expected if "waiting" not in line])

    def test_each_wait_is_printed(self):
        gate, proxy = self.gate(), self.proxy("-v", "--access-log", "off")
        origin = self.origin(lambda wire: (wire.read_body(), gate.wait(), wire.send(b"HTTP/1.0 200 OK\r\n\r\n"), wire.rest()))
        client = self.client(proxy.connect())
        proxy.line("waiting for the first byte of a client connection")
        client.send(f"PUT {origin.url()} HTTP/1.0\r\n".encode())
        proxy.line("waiting for a complete request head")
        client.send(b"Content-Length: 4\r\n\r\n")
        proxy.line("waiting for request body bytes")
        client.send(b"body")
        proxy.line("waiting for the response head")
        gate.open()
        proxy.line("waiting for response body bytes")

    def test_each_turn_event_and_call_is_printed(self):
        proxy, origin = self.proxy("-vv", "--access-log", "off"), self.origin()
        with proxy.connect() as client:
            proxy.line("waiting for the first byte")
            client.send(f"GET {origin.url()} HTTP/1.0\r\n\r\n".encode()).rest()
        proxy.line("-> FREE")
        proxy.stop()
        self.assert_in_order(proxy.lines, ("turn begins at", "[loop] accept4(", "FREE -> READ_REQUEST", "READ_REQUEST recv(", "turn ends at",
                                           "event of the client: readable", "READ_REQUEST recv(", "SEND_REQUEST connect(", "SEND_REQUEST send(",
                                           "READ_RESPONSE recv(", "SEND_RESPONSE send(", "FREE close("))
        for call in ("[loop] accept4(", "[slot 0] READ_REQUEST recv("):
            self.assertTrue(any(line.startswith(call) and line.endswith(" = EAGAIN") for line in proxy.lines), (call, proxy.lines))
        turns = [line.split()[1] for line in proxy.lines if line.startswith("turn ")]
        self.assertEqual(turns, ["begins", "ends"] * (len(turns) // 2))
        empty = [pair for pair in zip(proxy.lines, proxy.lines[1:]) if pair[0].startswith("turn begins") and pair[1].startswith("turn ends")]
        self.assertEqual(empty, [], "the turns that only write the output are not printed")

    def test_a_refusal(self):
        proxy = self.proxy("-v", "--access-log", "off")
        with proxy.connect() as client:
            client.send(b"nonsense\r\n\r\n").rest()
        proxy.line("-> FREE")
        self.assert_in_order(proxy.lines, ("FREE -> READ_REQUEST", "responds with 400: bad-request-line", "READ_REQUEST -> SEND_RESPONSE", "-> FREE"))

    def test_the_next_address(self):
        proxy, origin = self.proxy("-v", "--access-log", "off"), self.origin(host="::1")
        proxy.get(f"http://localhost:{origin.port}/")
        proxy.line("-> FREE")
        self.assert_in_order(proxy.lines, ("connecting to address 1", "connection attempt failed: connection-refused (Connection refused)", "connecting to address 2",
                                           "SEND_REQUEST -> READ_RESPONSE"))

    def test_only_with_the_option(self):
        proxy, origin = self.proxy(), self.origin()
        proxy.get(origin.url())
        proxy.stop()
        self.assertEqual(len(proxy.lines), 1, proxy.lines)


class WithoutReader(Case):
    """Logging never blocks."""

    def small_pipe(self, *options):
        """A proxy whose standard output is the smallest possible pipe, without a reader."""
        proxy = self.proxy(*options, read_log=False)
        fcntl.fcntl(proxy.process.stdout, F_SETPIPE_SZ, 4096)
        return proxy

    def test_a_full_pipe(self):
        """More lines than the pipe takes and the proxy keeps: it serves all the same, and says what was dropped."""
        proxy, origin = self.small_pipe(), self.origin()
        for _ in range(1000):
            self.assertEqual(proxy.get("http://127.0.0.1:2/" + "long" * 75).status, 502)
        self.assertEqual(proxy.get(origin.url()).body, b"hello")
        proxy.read_log()
        dropped = int(re.search(r"(\d+) log lines dropped", proxy.line("log lines dropped here"))[1])
        proxy.stop()
        said = [line for line in proxy.lines if " #" in line]
        self.assertEqual(len(said) + dropped, 1001)

    def test_it_ends_with_a_full_pipe(self):
        proxy = self.small_pipe("-v")
        for _ in range(200):
            proxy.get("http://127.0.0.1:2/" + "long" * 75)
        self.assertEqual(proxy.stop()[0], 0)

    def test_a_pipe_whose_reader_has_left(self):
        proxy, origin = ProxyProcess(read_log=False), self.origin()
        proxy.process.stdout.close()
        for _ in range(20):
            self.assertEqual(proxy.get(origin.url()).body, b"hello")
        status, said = proxy.stop()
        self.assertEqual(status, 0)
        self.assertEqual(said.count("cannot write standard output: Broken pipe"), 1)

    def test_messages_in_the_same_file(self):
        """`proxy 8080 > log 2>&1`: a message does not overwrite the lines before it."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "log")
            with open(path, "wb") as file:
                process = subprocess.Popen([*PREFIX, PROXY, "0"], stdout=file, stderr=subprocess.STDOUT)
            with process:
                self.addCleanup(process.kill)
                wait_until(lambda: "Ctrl-C stops it" in path.read_text(encoding="ascii"), "the proxy has started")
                started = path.read_text(encoding="ascii")
                process.send_signal(signal.SIGUSR2)
                wait_until(lambda: "nothing is saved" in path.read_text(encoding="ascii"), "the message is there")
                process.terminate()
            self.assertTrue(path.read_text(encoding="ascii").startswith(started))

    def test_a_full_disk(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("there is no /dev/full here")
        proxy, origin = self.proxy("--access-log", "/dev/full"), self.origin()
        for _ in range(50):
            self.assertEqual(proxy.get(origin.url()).status, 200)
        status, said = proxy.stop()
        self.assertEqual(status, 0)
        self.assertEqual(said.count("proxy: cannot write the log /dev/full: No space left on device; trying again"), 1, said)
        self.assertIn("proxy: 50 lines of the log /dev/full could not be written\n", said)

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
            proxy.stop()

    def test_standard_output_stays_blocking_for_others(self):
        """A shell shares it with us: what we do to it must not outlive us."""
        proxy = self.proxy()
        for descriptor in ("1", "2"):
            text = pathlib.Path(f"/proc/{proxy.pid}/fdinfo/{descriptor}").read_text(encoding="ascii")
            self.assertEqual(int(re.search(r"flags:\s*(\d+)", text)[1], 8) & os.O_NONBLOCK, 0)


class Formats(Case):
    OPTIONS = ("--http", "1.0")  # each answer ends with its connection

    """--log-format. What a client can choose must not be able to break a line, in any of them."""
    HOSTILE = '/a"b\\c\x7f\x1b[2J\xe9\xff \'d'
    COMMON = re.compile(r'\A(?P<host>\S+) - - \[(?P<time>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000)\] "(?P<request>[^"]*)" '
                        r'(?P<status>\d{3}|-) (?P<bytes>\d+|-)(?P<rest>.*)\Z')

    def lines(self, log_format, *heads):
        """What the log says of these requests."""
        proxy = self.proxy("--log-format", log_format)
        for head in heads:
            with proxy.connect() as client:
                client.send(head).rest()
        proxy.stop()
        if log_format == "json":
            self.assertEqual(list(json.loads(proxy.announcement)), ["notice"])
        return proxy.lines

    def common(self, line):
        match = self.COMMON.match(line)
        self.assertTrue(match, line)
        return match.groupdict()

    def test_common(self):
        origin = self.origin(lambda wire: wire.send(ok(b"12345")))
        served, head, wrong = (self.common(line) for line in self.lines(
            "common", request(origin.url("/a?b")), request(origin.url(), "Host: x", method="HEAD", version="1.1"), b"nonsense\r\n\r\n"))
        self.assertEqual((served["host"], served["request"], served["status"], served["bytes"], served["rest"]),
                         ("127.0.0.1", f"GET {origin.url('/a?b')} HTTP/1.0", "200", "5", ""))
        self.assertEqual((head["request"], head["status"], head["bytes"]), (f"HEAD {origin.url()} HTTP/1.1", "200", "-"))
        self.assertEqual((wrong["request"], wrong["status"]), ("-", "400"))
        self.assertGreater(int(wrong["bytes"]), 10)
        datetime.datetime.strptime(served["time"], "%d/%b/%Y:%H:%M:%S %z")

    def test_combined(self):
        origin = self.origin()
        lines = self.lines("combined", request(origin.url(), "Referer: http://r.test/", 'User-Agent: me "1" \\ \xe9'), request(origin.url()))
        self.assertEqual([self.common(line)["rest"] for line in lines],
                         [r' "http://r.test/" "me \x221\x22 \x5c \xe9"', ' "-" "-"'])

    def test_json(self):
        origin = self.origin()
        served, refused = map(json.loads, self.lines("json", request(origin.url("/a")), request("http://127.0.0.1:2/")))
        self.assertEqual(list(served), list(refused), "always the same members")
        self.assertEqual((served["id"], served["method"], served["url"], served["url_cut"], served["status"], served["end"], served["error"]),
                         (1, "GET", origin.url("/a"), False, 200, "complete", None))
        self.assertEqual((served["state"], served["body_bytes"], served["body_length"]), ("SEND_RESPONSE", 5, 5))
        self.assertEqual((refused["state"], refused["body_length"], refused["send_ms"]), ("SEND_REQUEST", None, None))
        self.assertEqual(served["resolve_ms"] + served["connect_ms"] + served["send_ms"], served["SEND_REQUEST_ms"])
        self.assertEqual((refused["up"], refused["end"], refused["by"], refused["error"]), (0, "connection-refused", "upstream", "ECONNREFUSED"))
        datetime.datetime.strptime(served["time"], "%Y-%m-%dT%H:%M:%S.%fZ")

    def test_what_another_chose_stays_in_its_place(self):
        """Of what the parser lets pass, too: quotes, backslashes, and fields with bytes beyond ASCII."""
        fields = ('Referer: "\\\xff\t"', 'User-Agent: " 200 5\\')
        targets = [f"http://127.0.0.1:2/{chr(byte)}x{chr(byte)}" for byte in range(1, 256) if chr(byte) not in "\r\n"]
        for log_format in ("own", "common", "combined", "json"):
            lines = self.lines(log_format, request("http://127.0.0.1:2" + self.HOSTILE, *fields), *(request(url, *fields) for url in targets))
            self.assertEqual(len(lines), 1 + len(targets), log_format)
            for line in lines:
                self.assertTrue(all(" " <= letter <= "~" for letter in line), line)
                if log_format == "json":
                    self.assertIn("end", json.loads(line))
                elif log_format != "own":
                    self.assertRegex(line, self.COMMON)

    def test_the_trace_in_json(self):
        """W3C Trace Context: the id of a valid traceparent."""
        trace = "0af7651916cd43dd8448eb211c80319c"
        fields = f"traceparent: 00-{trace}-b7ad6b7169203331-01", f"traceparent: 00-{trace.upper()}-b7ad6b7169203331-01"
        lines = self.lines("json", *(request(self.origin().url(), field) for field in fields))
        self.assertEqual([json.loads(line)["trace_id"] for line in lines], [trace, None])

    def test_a_url_comes_back_whole_from_json(self):
        url = 'http://127.0.0.1:2/"\\\'|{}<>^`'
        self.assertEqual(json.loads(self.lines("json", request(url))[0])["url"], url)

    def test_a_long_url_is_cut(self):
        line = json.loads(self.lines("json", request("http://127.0.0.1:2/" + '"' * 5000))[0])
        self.assertTrue(line["url_cut"])
        self.assertEqual(line["url"], ("http://127.0.0.1:2/" + '"' * 5000)[:len(line["url"])])

    def test_dropped_lines_are_counted_in_json_too(self):
        """In every format the log is of that format from its first line to its last."""
        proxy = ProxyProcess("--log-format=json", read_log=False)
        fcntl.fcntl(proxy.process.stdout, F_SETPIPE_SZ, 4096)
        for _ in range(700):
            proxy.get("http://127.0.0.1:2/" + "long" * 75)
        proxy.read_log()
        said = json.loads(proxy.line("log lines dropped here"))["notice"]
        self.assertEqual(proxy.stop(), (0, ""))
        dropped = int(re.search(r"(\d+) log lines dropped", said)[1])
        self.assertEqual(sum("end" in json.loads(line) for line in proxy.lines) + dropped, 700)


class Reopened(Case):
    """SIGUSR1: the file was moved away, as logrotate does."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path, self.moved = pathlib.Path(folder.name, "log"), pathlib.Path(folder.name, "log.1")

    def test_a_file_that_was_moved(self):
        proxy, origin = self.proxy("--access-log", str(self.path)), self.origin()
        descriptors = proxy.descriptors()
        for turn in range(3):
            proxy.get(origin.url(f"/{turn}"))
            os.replace(self.path, self.moved)
            proxy.process.send_signal(signal.SIGUSR1)
            wait_until(self.path.exists, "a new file is begun")
            wait_until(lambda turn=turn: f"/{turn} 200" in self.moved.read_text(encoding="ascii"), "the line is in the old one")
            wait_until(lambda: proxy.descriptors() == descriptors, "the old one is closed")
        proxy.get(origin.url("/last"))
        self.assertEqual(proxy.stop(), (0, ""))
        self.assertEqual(self.path.read_text(encoding="ascii").count("\n"), 1)

    def test_requests_go_on_meanwhile(self):
        gate, proxy = self.gate(), self.proxy("--access-log", str(self.path))
        client = self.client(proxy.ask(self.origin(lambda wire: (gate.wait(), wire.send(ok(b"late")))).url()))
        os.replace(self.path, self.moved)
        proxy.process.send_signal(signal.SIGUSR1)
        wait_until(self.path.exists, "a new file is begun")
        gate.open()
        self.assertEqual(client.rest().body, b"late")

    def test_one_that_cannot_be_opened_is_kept(self):
        proxy, origin = ProxyProcess("--access-log", str(self.path)), self.origin()
        os.replace(self.path, self.moved)
        self.path.mkdir()
        proxy.process.send_signal(signal.SIGUSR1)
        self.assertEqual(proxy.get(origin.url()).body, b"hello")
        wait_until(lambda: " 200 " in self.moved.read_text(encoding="ascii"), "it goes on where it was")
        status, error = proxy.stop()
        self.assertEqual(status, 0)
        self.assertIn("cannot reopen the log", error)
        self.assertIn("Is a directory", error)

    def test_without_a_file_it_does_nothing(self):
        for log in ("-", "off"):
            proxy, origin = self.proxy("--access-log", log), self.origin()
            for _ in range(3):
                proxy.process.send_signal(signal.SIGUSR1)
                self.assertEqual(proxy.get(origin.url()).body, b"hello")

    def test_a_full_disk_that_has_room_again(self):
        """Lines that found no room are counted, and the file that has room says how many."""
        limit = 50_000
        proxy = self.proxy("--access-log", str(self.path), preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        for _ in range(1000):
            self.assertEqual(proxy.get("http://127.0.0.1:2/" + "long" * 75).status, 502)
        wait_until(lambda: self.path.stat().st_size == limit, "it is full")
        files = [self.path]
        while not any("dropped here" in file.read_text(encoding="ascii") for file in files):
            files.append(self.path.with_suffix(f".{len(files)}"))
            os.replace(self.path, files[-1])
            proxy.process.send_signal(signal.SIGUSR1)
            wait_until(self.path.exists, "a new file is begun")
            self.assertLess(len(files), 30)
        proxy.stop()
        texts = [file.read_text(encoding="ascii") for file in files]
        whole = [line for text in texts for line in text.splitlines() if line.endswith(" error=ECONNREFUSED")]
        dropped = sum(int(count) for text in texts for count in re.findall(r"(\d+) log lines dropped", text))
        self.assertEqual(len(whole) + dropped, 1000)


class Syslog(Case):
    LINE = re.compile(r"\A<30>[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d proxy: (.*)\Z")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "log")

    def daemon(self):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        listener.bind(self.path)
        listener.settimeout(PATIENCE)
        return listener

    def take(self, daemon):
        match = self.LINE.match(daemon.recv(65536).decode("ascii"))
        self.assertTrue(match)
        return match[1]

    def test_a_datagram_for_each_request(self):
        daemon, origin = self.daemon(), self.origin()
        proxy = self.proxy("--access-log", "syslog:" + self.path)
        for number in range(5):
            proxy.get(origin.url(f"/{number}"))
            self.assertIn(f" #{number + 1} GET {origin.url(f'/{number}')} 200 ", self.take(daemon))
        proxy.stop()
        self.assertEqual(proxy.lines, [])

    def test_in_any_format(self):
        daemon, origin = self.daemon(), self.origin()
        self.proxy("--log-format", "json", "--access-log", "syslog:" + self.path).get(origin.url("/" + '"' * 900))
        self.assertTrue(json.loads(self.take(daemon))["url_cut"])

    def test_without_a_syslog_daemon(self):
        with self.assertRaises(AssertionError) as raised:
            ProxyProcess("--access-log", "syslog:" + self.path)
        self.assertIn("cannot open the log syslog:" + self.path, str(raised.exception))

    def test_a_daemon_that_reads_nothing(self):
        """It holds nothing up; what came after all that is kept is counted."""
        daemon, origin = self.daemon(), self.origin()
        proxy = self.proxy("--access-log", "syslog:" + self.path)
        for _ in range(1500):
            self.assertEqual(proxy.get("http://127.0.0.1:2/" + "long" * 75).status, 502)
        self.assertEqual(proxy.get(origin.url()).body, b"hello")
        lines = 0
        while not (said := re.search(r"proxy: (\d+) log lines dropped here", self.take(daemon))):
            lines += 1
        proxy.stop()
        daemon.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while self.take(daemon):
                lines += 1
        self.assertEqual(lines + int(said[1]), 1501)

    def test_a_daemon_that_restarts(self):
        daemon, origin = self.daemon(), self.origin()
        proxy = self.proxy("--access-log", "syslog:" + self.path)
        daemon.close()
        os.unlink(self.path)
        self.assertEqual(proxy.get(origin.url("/meanwhile")).body, b"hello")
        self.assertIn("/meanwhile 200", self.take(self.daemon()))
        proxy.stop()  # a write may have failed meanwhile

    def test_at_rest_it_sleeps(self):
        """A daemon that is gone is not asked for all the time."""
        daemon, origin = self.daemon(), self.origin()
        proxy = self.proxy("--access-log", "syslog:" + self.path)
        daemon.close()
        proxy.get(origin.url())
        proxy.wait_for_rest()
        self.assertIn(f"1 line of the log {self.path} could not be written", proxy.stop()[1])
