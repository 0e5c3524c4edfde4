"""The board: what it serves to which clients, and that watching leaves no mark in what it watches."""
import json
import pathlib
import re
import struct
import subprocess
import tempfile
import unittest

from harness import Case, PREFIX, PROXY, ProxyProcess, SLOW_MACHINE, VERSION, ok, request, wait_until
from own_network import add_address, in_own_network
from test_access import USERS
from test_record import Recording, blocks, items
from web import get, read_answer

CELLS = struct.Struct("<4sIQQQQQQIIII5IIHHHHII")
CELL = struct.Struct("<IIIIIBBBB")
ROWS = struct.Struct("<QQQII")
STEP = struct.Struct("<QIIiBBBB")
NOTE_BYTES, TURN_BYTES = 312, 40
SAFETY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
                               "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
                               "trusted-types lit-html",
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin"}


class Cells:
    """The answer of /console/cells."""

    def __init__(self, body):
        (self.magic, self.frame, self.now_us, self.run, self.position, self.oldest, self.turns, self.requests, self.slots, self.touched,
         self.used, self.viewers, *rest) = CELLS.unpack_from(body)
        self.by_state, (self.findings, self.next_ms, self.flags, transitions, size, count, _) = rest[:5], rest[5:]
        self.transitions = struct.unpack_from(f"<{transitions}I", body, CELLS.size)
        start = CELLS.size + 4 * transitions
        if size != CELL.size or len(body) != start + count * size:
            raise AssertionError(f"{len(body)} bytes for {count} cells of {size} bytes")
        self.cells = [CELL.unpack_from(body, start + n * size) for n in range(count)]


class BoardCase(Case):
    def host(self, front):
        return f"localhost:{front.port}"

    def ask(self, front, path="/", *fields, **how):
        return self.ask_on(front.connect(), front, path, *fields, **how)

    def ask_on(self, wire, front, path="/", *fields, **how):
        how.setdefault("host", self.host(front))
        with wire:
            wire.send(get(path, *fields, **how))
            return read_answer(wire, how.get("method", "GET"))

    def data(self, front, path, *fields):
        head, body = self.ask(front, path, *fields)
        self.assertEqual(head.status, 200, body)
        return body

    def cells(self, front, since=0):
        return Cells(self.data(front, f"/console/cells?since={since}"))

    def others(self, front):
        """The cells that are not those of viewers."""
        return [cell for cell in self.cells(front).cells if not cell[7] & 4]

    def steps(self, front, query="since=0"):
        body = self.data(front, f"/console/steps?{query}")
        _, following, _, size, count = ROWS.unpack_from(body)
        self.assertEqual((size, len(body)), (STEP.size, ROWS.size + count * STEP.size))
        return following, [STEP.unpack_from(body, ROWS.size + n * STEP.size) for n in range(count)]


class Pages(BoardCase):
    def setUp(self):
        self.front = self.proxy()

    def test_the_page_and_its_files(self):
        head, body = self.ask(self.front)
        self.assertEqual((head.status, head.all("Content-Type")), (200, ["text/html; charset=utf-8"]))
        self.assertIn(b"<!doctype html>", body.lower())
        for name in re.findall(rb'(?:src|href)="(/console/app/[^"]+)"', body):
            head, text = self.ask(self.front, name.decode())
            self.assertEqual(head.status, 200, name)
            self.assertTrue(text)
            tag = head.all("ETag")
            self.assertEqual(head.all("Cache-Control"), ["no-cache"])
            for known in (tag[0], "*", f'"other", W/{tag[0]}'):
                head, text = self.ask(self.front, name.decode(), f"If-None-Match: {known}")
                self.assertEqual((head.status, text), (304, b""), known)
            head, text = self.ask(self.front, name.decode(), f"If-None-Match: x{tag[0]}")
            self.assertEqual(head.status, 200, "not an entity tag (RFC 9110 section 8.8.3)")
            self.assertEqual(self.ask(self.front, name.decode(), 'If-Match: "other"')[0].status, 412)

    def test_each_answer_is_safe(self):
        for path in ("/", "/console/app/board.js", "/proxy.pac", "/console/cells", "/console/steps", "/console/turns", "/console/requests",
                     "/console/slot/0", "/console/names.json", "/console/hello.json", "/console/record", "/console/findings.json",
                     "/metrics", "/doctor", "/doctor.json", "/healthz", "/readyz", "/no-such-page", "/console/cells?x"):
            head, _ = self.ask(self.front, path)
            self.assertIn(head.status, (200, 400, 404), path)
            for name, value in SAFETY.items():
                self.assertEqual(head.all(name), [value], (path, name))
            self.assertEqual(head.all("Cache-Control"), ["no-cache"] if path in ("/", "/console/app/board.js") else ["no-store"], path)
            self.assertEqual(len(head.all("Content-Type")), 1, path)

    def test_only_get_and_head(self):
        head, body = self.ask(self.front, "/console/hello.json", method="HEAD")
        self.assertEqual((head.status, body), (200, b""))
        self.assertGreater(head.length, 100)
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            head, _ = self.ask(self.front, "/", "Content-Length: 0", method=method)
            self.assertEqual((head.status, head.all("Allow")), (405, ["GET, HEAD"]), method)

    def test_hello_and_names(self):
        hello = json.loads(self.data(self.front, "/console/hello.json"))
        self.assertEqual((hello["mode"], hello["address"], hello["proxy"]), ("live", self.host(self.front), f"127.0.0.1:{self.front.port}"))
        self.assertEqual((hello["pid"], hello["mistake"], hello["lens"], hello["file"]), (self.front.pid, None, None, None))
        self.assertEqual(hello["slots"], self.cells(self.front).slots)
        names = json.loads(self.data(self.front, "/console/names.json"))
        self.assertEqual(names["states"], ["FREE", "READ_REQUEST", "SEND_REQUEST", "READ_RESPONSE", "SEND_RESPONSE"])
        self.assertIn({"from": "READ_REQUEST", "event": "forwarded", "to": "SEND_REQUEST"}, names["transitions"])
        self.assertEqual(names["errors"][11], {"name": "EAGAIN", "text": "Resource temporarily unavailable"})
        self.assertEqual(len(names["waits"]), len(names["wait_options"]))
        self.assertIn("slow-turn", [row["code"] for row in names["findings"]])
        slow_reader = [row for row in names["diagnosis"] if row["option"] == "--reader-timeout"]
        self.assertEqual({row["awaited"] for row in slow_reader}, {"client_reads"})

    def test_proxy_pac(self):
        head, body = self.ask(self.front, "/proxy.pac")
        self.assertEqual(head.all("Content-Type"), ["application/x-ns-proxy-autoconfig"])
        self.assertIn(f'"PROXY 127.0.0.1:{self.front.port}"'.encode(), body)
        self.assertIn(rb"/^127(\.\d+){3}$/.test(host)", body)  # 127.example.com is not this machine

    def test_absolute_form(self):
        """A browser whose list of exceptions is empty asks for the board through the proxy."""
        with self.front.connect() as client:
            client.send(request(f"http://{self.host(self.front)}/console/hello.json", f"Host: {self.host(self.front)}", version="1.1"))
            head, body = read_answer(client)
        self.assertEqual((head.status, json.loads(body)["pid"]), (200, self.front.pid))


class Safety(BoardCase):
    def setUp(self):
        self.front = self.proxy()

    def test_hosts(self):
        """DNS rebinding: a name of the attacker leads here, and the page of that name must get nothing."""
        port = self.front.port
        for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", f"LOCALHOST:{port}"):
            self.assertEqual(self.ask(self.front, "/console/cells", host=host)[0].status, 200, host)
        for host in (f"evil.test:{port}", "localhost", "evil.test", f"localhost:{port % 65535 + 1}", f"localhost.:{port}", f"10.0.0.1:{port}"):
            head, body = self.ask(self.front, "/console/cells", host=host)
            self.assertEqual(head.status, 421, host)
            self.assertIn(b"open http://localhost:PORT/", body)
            self.front.line("misdirected-request")

    def test_other_sites(self):
        for fields in (("Sec-Fetch-Site: cross-site",), ("Sec-Fetch-Site: same-site",), ("Origin: http://evil.test",), ("Origin: null",),
                       ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")):
            for path in ("/console/cells", "/console/record", "/metrics", "/proxy.pac", "/console/app/board.js"):
                self.assertEqual(self.ask(self.front, path, *fields)[0].status, 403, (path, fields))
        self.assertEqual(self.ask(self.front, "/", *fields)[0].status, 200, "a link to the board")
        self.front.line("cross-site-request")

    def test_garbage(self):
        for query in ("since=x", "since=", "since=1&since=2", "slot=1", "since=1&", "a" * 4000, "since=1%00", "since=99999999999999999999"):
            for page in ("cells", "turns", "requests"):
                self.assertEqual(self.ask(self.front, f"/console/{page}?{query}")[0].status, 400, (page, query))
        slots = self.cells(self.front).slots
        for query in ("slot=4294967295", f"slot={slots}", f"since=0&slot={slots}", "slot=99999999999"):
            head, body = self.ask(self.front, f"/console/steps?{query}")
            self.assertEqual((head.status, f"slot=NUMBER after &, at most {slots - 1};".encode() in body), (400, True), query)
        self.assertEqual(self.ask(self.front, f"/console/steps?slot={slots - 1}")[0].status, 200)
        self.assertEqual(self.ask(self.front, "/console/cells?since=4294967296")[0].status, 400, "a frame has 32 bits")
        for slot in ("x", "-1", "10000", "99999999999", "", "1/2"):
            self.assertEqual(self.ask(self.front, f"/console/slot/{slot}")[0].status, 404, slot)
        for name in ("../board.cpp", "%2e%2e/board.cpp", "", "index.html/", "/etc/passwd"):
            self.assertEqual(self.ask(self.front, f"/console/app/{name}")[0].status, 404, name)
        with self.front.connect() as client:
            for _ in range(500):
                client.send(get("/console/steps?garbage", host=self.host(self.front)))
            for _ in range(500):
                self.assertEqual(read_answer(client)[0].status, 400)

    def test_nothing_secret_is_shown(self):
        secrets = ("S3CRET-A", "S3CRET-B", "S3CRET-C", "S3CRET-D", "S3CRET-E", "S3CRET-F", "S3CRET-G", "S3CRET-H",
                   "S3CRET-I")
        gate = self.gate()

        def answer(wire):
            wire.send(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=S3CRET-E\r\nX-Token: S3CRET-F\r\nLocation: http://h/?S3CRET-G\r\n"
                      b"Content-Length: 9\r\n\r\nS3CRET-H")
            gate.wait()
            wire.send(b"!")

        origin = self.origin(answer)
        self.cells(self.front)  # heads are kept for viewers only
        with self.front.connect() as client:
            client.send(request(origin.url("/path?q=S3CRET-A"), "Host: u:S3CRET-I@h", "Authorization: Basic S3CRET-B",
                                "Cookie: c=S3CRET-C", "X-Forwarded-Access-Token: S3CRET-D", version="1.1"))
            client.read_head()
            wait_until(lambda: self.others(self.front), "the cell of the request")
            page = self.data(self.front, f"/console/slot/{self.others(self.front)[0][0]}")
            heads = json.loads(page)["heads"]
            self.assertIn("Authorization: (not shown, 14 bytes)", heads["request"]["received"])
            self.assertIn("Set-Cookie: (not shown, 10 bytes)", heads["response"]["received"])
            self.assertTrue(any(line.startswith("Via: ") for line in heads["request"]["sent"]), heads)
            gate.open()
            client.read_body()
        wait_until(lambda: self.cells(self.front).requests == 1, "the note of the request")
        pages = [page] + [self.data(self.front, path) for path in ("/console/requests", "/console/steps", "/console/record", "/metrics")]
        for secret in secrets:
            for text in pages:
                self.assertNotIn(secret.encode(), text)

    def test_names_and_passwords_in_references(self):
        """A relative reference can have them too, and browsers accept more than RFC 3986."""
        forms = ("//u:S3CRET@h/", "http:/u:S3CRET@h/", "http:u:S3CRET@h/", "\\\\u:S3CRET@h/", "http://u:S3CRET@h/")
        gate = self.gate()
        for form in forms:
            def answer(wire, form=form):
                wire.send(f"HTTP/1.1 200 OK\r\nLocation: {form}\r\nContent-Location: {form}\r\nContent-Length: 2\r\n\r\nx".encode())
                gate.wait()

            origin = self.origin(answer)
            self.cells(self.front)
            with self.front.connect() as client:
                client.send(request(origin.url("/"), f"Host: 127.0.0.1:{origin.port}", f"Referer: {form}", version="1.1"))
                client.read_head()
                wait_until(lambda: self.others(self.front), "the cell of the request")
                page = self.data(self.front, f"/console/slot/{self.others(self.front)[0][0]}")
                self.assertIn(b"Location: ", page)
                self.assertNotIn(b"S3CRET", page, form)
                client.reset()  # after FIN alone, the proxy would wait for the rest of the response
            wait_until(lambda: not self.others(self.front), "the record is free")

    def test_another_server_at_the_same_port(self):
        origin = self.origin(lambda wire: wire.send(ok(b"of the origin")), host="127.0.0.2", port=self.front.port)
        with self.front.connect() as client:
            client.send(request(f"http://127.0.0.2:{origin.port}/", f"Host: 127.0.0.2:{origin.port}", version="1.1"))
            self.assertEqual(read_answer(client)[1], b"of the origin")

    def test_what_a_reverse_proxy_passes_on(self):
        """Its client can be on another machine."""
        for field in ("Via: 1.1 front", "Forwarded: for=192.0.2.1", "X-Forwarded-For: 192.0.2.1"):
            self.assertEqual(self.ask(self.front, "/", field)[0].status, 400, field)

    def test_the_limit_of_requests_is_for_the_client(self):
        front = self.proxy("--client-requests", "2:2")
        for _ in range(5):
            self.assertEqual(self.ask(front, "/healthz")[0].status, 200)
        origin = self.origin(lambda wire: wire.send(ok(b"x")))
        self.assertEqual(front.get(origin.url()).status, 200)

    def test_viewers_leave_records_to_clients(self):
        front = self.proxy("--max-requests", "4")
        viewers = [self.client(front.connect()) for _ in range(4)]
        for viewer in viewers:
            viewer.send(get("/healthz", host=self.host(front)))
        answers = [read_answer(viewer)[0] for viewer in viewers]
        self.assertEqual(sorted(answer.status for answer in answers), [200, 200, 503, 503])
        for viewer, answer in zip(viewers, answers):
            self.assertEqual(answer.all("Connection"), ["close"] if answer.status == 503 else [])
            if answer.status == 503:
                viewer.until_gone()

    def test_two_hundred_viewers(self):
        clients, paces = [self.client(self.front.connect()) for _ in range(200)], []
        for askers in clients[:1], clients[1:]:  # the first one alone: a busy machine may read all requests in one turn
            for client in askers:
                client.send(get("/console/cells", host=self.host(self.front)))
            paces += [Cells(read_answer(client)[1]).next_ms for client in askers]
        self.assertEqual((paces[0], paces[-1]), (50, 1000), "the more ask, the slower")


class Watching(BoardCase):
    """The trace, the log and the metrics are as they are without viewers."""

    def setUp(self):
        self.front = self.proxy()

    def test_the_ring(self):
        with self.front.connect() as client:
            def poll(path):
                client.send(get(path, host=self.host(self.front)))
                head, body = read_answer(client)
                self.assertEqual(head.status, 200)
                return body

            poll("/console/cells")
            before = Cells(poll("/console/cells")).position
            for _ in range(50):
                poll("/console/cells")
                poll("/console/steps?since=0")
                poll("/console/slot/0")
            body = poll("/console/steps?since=0")
            steps = [STEP.unpack_from(body, ROWS.size + n * STEP.size) for n in range(ROWS.unpack_from(body)[4])]
            names = json.loads(poll("/console/names.json"))
            for step in steps[before:]:
                self.assertEqual(names["trace_events"][step[4]], "finding", step)
                self.assertRegex(names["findings"][step[6]]["code"].encode(), SLOW_MACHINE)
            released = [step for step in steps if names["trace_events"][step[4]] == "released"]
            self.assertEqual([names["reasons"][step[6]] for step in released], ["board"])

    def test_the_log_and_the_metrics(self):
        for path in ("/", "/console/cells", "/console/hello.json", "/metrics"):
            self.ask(self.front, path)
        metrics = self.data(self.front, "/metrics").decode()
        self.assertIn("proxy_board_requests_total 4\n", metrics)
        self.assertRegex(metrics, r'proxy_records\{state="READ_REQUEST"\} 0\n')
        for line in metrics.splitlines():
            if line.startswith("proxy_requests_total{"):
                self.assertTrue(line.endswith(" 0"), line)
        origin = self.origin(lambda wire: wire.send(ok(b"x")))
        with self.front.connect() as client:
            client.send(request(origin.url("/end"), version="1.0"))
            client.rest()
        self.front.line("/end")
        self.assertEqual([line for line in self.front.lines if "console" in line or "metrics" in line], [])

    def test_a_viewer_that_goes_on_as_a_client(self):
        """curl and browsers use one connection for the board and for what they ask of other servers."""
        origin = self.origin(lambda wire: wire.send(ok(b"x")))
        with self.front.connect() as client:
            client.send(get("/healthz", host=self.host(self.front)))
            self.assertEqual(read_answer(client)[0].status, 200)
            client.send(request(origin.url("/seen"), f"Host: 127.0.0.1:{origin.port}", version="1.1"))
            self.assertEqual(read_answer(client)[1], b"x")
            self.front.line("/seen", "end=complete")
            cells = self.cells(self.front)
            self.assertEqual(cells.by_state[1], 1, "the record is that of a client again")
            client.send(get("/healthz", host=self.host(self.front)))
            self.assertEqual(read_answer(client)[0].status, 200)
        body = self.data(self.front, "/console/steps?since=0")
        names = json.loads(self.data(self.front, "/console/names.json"))
        steps = [STEP.unpack_from(body, ROWS.size + n * STEP.size) for n in range(ROWS.unpack_from(body)[4])]
        of_slot = [names["trace_events"][step[4]] for step in steps if step[2] == 0 and names["trace_events"][step[4]] in ("accepted", "released")]
        self.assertEqual(of_slot[:4], ["accepted", "released", "accepted", "released"])
        entered = [names["states"][step[5] & 15] for step in steps if step[2] == 0 and names["trace_events"][step[4]] == "entered"]
        self.assertEqual(entered[:6], ["READ_REQUEST", "READ_REQUEST", "SEND_REQUEST", "READ_RESPONSE", "SEND_RESPONSE", "READ_REQUEST"])

    def test_a_viewer_whose_request_is_refused(self):
        with self.front.connect() as client:
            client.send(get("/healthz", host=self.host(self.front)))
            self.assertEqual(read_answer(client)[0].status, 200)
            client.send(get("/healthz", host="evil.test"))
            self.assertEqual(read_answer(client)[0].status, 421)
        self.front.line("misdirected-request")

    def test_cells_and_requests(self):
        gate = self.gate()

        def answer(wire):
            gate.wait()
            wire.send(ok(b"late"))

        origin = self.origin(answer)
        with self.front.connect() as client:
            client.send(request(origin.url("/late"), version="1.0"))
            wait_until(lambda: self.cells(self.front).by_state[3] == 1, "a record in READ_RESPONSE")
            first = self.cells(self.front)
            self.assertEqual((first.magic, first.flags & 1, first.used), (b"PXC1", 1, 1))
            others = self.others(self.front)
            self.assertEqual([cell[5] for cell in others], [3])
            page = json.loads(self.data(self.front, f"/console/slot/{others[0][0]}"))
            self.assertEqual((page["state"], page["awaited"], page["request"]["path"]), ("READ_RESPONSE", "upstream_sends", "/late"))
            self.assertEqual((page["upstream"]["port"], page["upstream"]["kernel"]["state"]), (origin.port, "ESTABLISHED"))
            self.assertIn("The upstream has not completed the response head", page["sentence"])
            gate.open()
            client.rest()
        wait_until(lambda: self.cells(self.front, first.frame).requests == 1, "the note of the request")
        body = self.data(self.front, "/console/requests")
        self.assertEqual((ROWS.unpack_from(body)[3:], len(body)), ((NOTE_BYTES, 1), ROWS.size + NOTE_BYTES))
        body = self.data(self.front, "/console/turns")
        self.assertEqual(ROWS.unpack_from(body)[3], TURN_BYTES)
        self.assertGreater(ROWS.unpack_from(body)[4], 2)

    def test_the_record_file(self):
        head, body = self.ask(self.front, "/console/record")
        self.assertRegex(head.all("Content-Disposition")[0], r"\Aattachment; filename=proxy-[0-9a-f]{8}\.pxr\Z")
        self.assertTrue(body.startswith(b"PXREC\0"))
        self.assertIn(b"reason: board\n", body)
        path = pathlib.Path(self.enter(tempfile.TemporaryDirectory())) / "a.pxr"
        path.write_bytes(body)
        saved = Recording(path)
        self.assertEqual((saved.cells, list(saved.requests())), ([], []), "its own request is not in it")

    def test_a_browser_that_uses_the_proxy(self):
        agent = "User-Agent: browser/1"
        flags = Cells(self.data(self.front, "/console/cells", agent)).flags
        self.assertEqual(flags & 2, 0)
        origin = self.origin(lambda wire: wire.send(ok(b"x")))
        with self.front.connect() as client:
            client.send(request(origin.url("/"), agent, version="1.0"))
            client.rest()
        self.assertEqual(Cells(self.data(self.front, "/console/cells", agent)).flags & 2, 2)
        self.assertEqual(Cells(self.data(self.front, "/console/cells", "User-Agent: another")).flags & 2, 0)


class Bytes(BoardCase):
    def test_an_incomplete_head(self):
        """Its bytes are held, though they are parsed already: in the cell, in the slot, and in the record file."""
        front, half = self.proxy(), b"GET http://a.test/ HTTP/1.1\r\nHost: a.t"
        with front.connect() as client:
            client.send(half)
            wait_until(lambda: [cell[3] for cell in self.others(front)] == [len(half)], "the cell of the half head")
            slot = self.others(front)[0][0]
            page = json.loads(self.data(front, f"/console/slot/{slot}"))
            self.assertEqual((page["request_lane"]["held"], page["response_lane"]["held"]), (len(half), 0))
            tables = [items(payload)[1] for kind, payload in blocks(self.data(front, "/console/record")) if kind == "CELL"]
            self.assertEqual([[struct.unpack_from("<I", cell, 16)[0] for cell in table] for table in tables], [[len(half)]])

    def test_the_doctor_counts_viewers(self):
        front = self.proxy()
        wires = [front.connect() for _ in range(3)]
        for wire in wires:
            wire.send(get("/console/cells", host=self.host(front)))
            self.assertEqual(read_answer(wire)[0].status, 200)
        page = json.loads(self.data(front, "/doctor.json"))
        self.assertEqual((page["records"], page["viewers"]), (0, 4), "with the connection that asks for the page")
        self.assertIn(b"; viewers of the board use 4 more.\n", self.data(front, "/doctor"))
        for wire in wires:
            wire.close()


class Notes(BoardCase):
    def urls(self, front, port):
        """Of the requests in a record file."""
        path = pathlib.Path(self.enter(tempfile.TemporaryDirectory())) / "a.pxr"
        path.write_bytes(self.ask_on(front.connect(port=port), front, "/console/record", host=f"127.0.0.1:{port}")[1])
        done = subprocess.run([*PREFIX, PROXY, "replay", "--format", "har", path], capture_output=True, check=True)
        return [entry["request"]["url"] for entry in json.loads(done.stdout)["log"]["entries"]]

    def test_requests_to_a_web_server(self):
        """In origin-form: the host is in Host, and the path can have "://" in it."""
        origin = self.origin(lambda wire: wire.send(ok(b"x")))
        front = self.proxy("--reverse", f"127.0.0.1:0={origin.authority}")
        port = front.ports[1]
        self.assertEqual(self.ask_on(front.connect(port=port), front, "/healthz", host=f"127.0.0.1:{port}")[0].status, 200)
        for asked in (get("/a://b/c?q", "Connection: close"), get("//two//slashes", "Connection: close", host="[::1]:81"), request("/")):
            with front.connect() as client:
                client.send(asked)
                self.assertEqual(read_answer(client)[1], b"x")
            front.line("end=complete")
        self.assertEqual(self.urls(front, port), ["http://site.test:80/a://b/c", "http://[::1]:81//two//slashes"],
                         "without a host there is no URL")


class Places(BoardCase):
    def test_a_listener_of_its_own(self):
        front = self.proxy("--console", "127.0.0.1:0")
        board, forward = front.ports[0], front.ports[1]
        head, _ = self.ask_on(front.connect(port=board), front, "/console/hello.json", host=f"127.0.0.1:{board}")
        self.assertEqual(head.status, 200)
        head, _ = self.ask_on(front.connect(port=forward), front, "/", host=f"127.0.0.1:{forward}")
        self.assertEqual(head.status, 400)

    def test_rules_about_other_servers(self):
        """They say where clients may go, and not which of them may see the board."""
        front = self.proxy("--console", "127.0.0.1:0", "--allow", "host=example.com")
        board = front.ports[0]
        for path in ("/", "/console/cells", "/metrics"):
            self.assertEqual(self.ask_on(front.connect(port=board), front, path, host=f"127.0.0.1:{board}")[0].status, 200, path)
        head, _ = self.ask_on(front.connect(port=board), front, "/", host=f"evil.test:{board}")
        self.assertEqual(head.status, 421)
        denied = self.proxy("--console", "127.0.0.1:0", "--deny", "client=127.0.0.1")
        board = denied.ports[0]
        head, _ = self.ask_on(denied.connect(port=board), denied, "/", host=f"127.0.0.1:{board}")
        self.assertEqual(head.status, 403)

    def test_nowhere(self):
        front = self.proxy("--no-console")
        head, body = self.ask(front, "/")
        self.assertEqual(head.status, 400)
        self.assertIn(b"This is a proxy, not a web server", body)

    @in_own_network()
    def test_where_the_announcement_says(self):
        """Where a browser on this machine sees it, as far as the rules let it."""
        add_address("10.9.0.1", 1)
        open_to_all = ("--allow", "client=127.0.0.0/8")
        for options, said in ((("--listen", "127.0.0.2:8080"), "Board: http://127.0.0.2:8080/"),
                              (("--listen", "0.0.0.0:8080", *open_to_all), "Board: http://localhost:8080/"),
                              (("--listen", "10.9.0.1:8080", "--listen", "127.0.0.3:8081", *open_to_all), "Board: http://127.0.0.3:8081/"),
                              (("--listen", "10.9.0.1:8080", *open_to_all), None),
                              (("--listen", "127.0.0.2:8080", "--listen", "127.0.0.3:8081", "--deny", "client=127.0.0.2"), "Board: http://127.0.0.3:8081/"),
                              (("--listen", "127.0.0.2:8080", "--deny", "client=127.0.0.0/8"), None),
                              (("--listen", "0.0.0.0:8080", "--allow", "client=10.0.0.0/8", "--deny", "all"), None)):
            front = self.proxy(*options, port=None)
            found = re.search(r"Board: (http://(.*?):(\d+)/)", front.announcement)
            self.assertEqual(found and found[0], said)
            if found:
                answer = self.ask_on(front.connect("127.0.0.1" if found[2] == "localhost" else found[2], int(found[3])), front, "/", host=f"{found[2]}:{found[3]}")
                self.assertEqual(answer[0].status, 200)
            front.stop()

    @unittest.skipUnless("passwords by" in VERSION, "this build has no libcrypt")
    def test_a_password(self):
        users = pathlib.Path(self.enter(tempfile.TemporaryDirectory())) / "users"
        users.write_text(USERS)
        front = self.proxy("--users", str(users))
        self.assertEqual(self.ask(front, "/")[0].status, 401)


class Replay(BoardCase):
    """`proxy replay FILE`: the same page about a record file."""

    def test_a_record_file(self):
        front = self.proxy()
        self.ask(front, "/healthz")
        _, recording = self.ask(front, "/console/record")
        path = pathlib.Path(self.enter(tempfile.TemporaryDirectory())) / "a.pxr"
        path.write_bytes(recording)
        shown = self.enter(ProxyProcess("replay", str(path), port=None))
        self.assertRegex(shown.announcement, rf"\A{path}: open http://127\.0\.0\.1:\d+/ in a browser\. Ctrl-C stops it\.\n\Z")
        hello = json.loads(self.data(shown, "/console/hello.json"))
        self.assertEqual((hello["mode"], hello["file"], hello["reason"], hello["pid"]), ("file", str(path), "board", front.pid))
        self.assertEqual(self.data(shown, "/console/record"), recording)
        self.assertEqual(json.loads(self.data(shown, "/console/names.json")), json.loads(self.data(front, "/console/names.json")))
        self.assertIn(b"<!doctype html>", self.data(shown, "/").lower())
        for other in ("/console/cells", "/console/slot/0", "/metrics", "/doctor", "/proxy.pac"):
            self.assertEqual(self.ask(shown, other)[0].status, 404, other)
        self.assertEqual(self.ask(shown, "/console/record", host=f"evil.test:{shown.port}")[0].status, 421)


if __name__ == "__main__":
    unittest.main()
