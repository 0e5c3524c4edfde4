"""The stages of the eXpServer course, all at once, by one configuration file in its own format."""
import gzip
import re
import socket
import unittest

from harness import MIB, RawClient, closed_port, ok, pattern
from web import (HAS_JSON, InAFolder, PythonServer, RawServer, Server, ask, at, get, read_answer, read_rest, send_back)


@unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
class Course(InAFolder):
    """One program with a listener for each thing; several names share the first."""
    SHARED, ALONE, PROXY, ECHO, REVERSE, FILE = range(6)

    def setUp(self):
        super().setUp()
        self.put("index.html", b"<p>welcome")
        self.put("cat.jpg", pattern(50_000))
        self.put("sample.txt", b"many words, " * 1000)
        self.put("sample.pdf", b"%PDF-1.4\n")
        self.put("folder/inner.txt", b"inner")
        self.servers = [Server(self, name=f"s{number}") for number in range(3)]
        self.gate_of_slow = self.gate()
        self.slow = self.origin(lambda wire: (self.gate_of_slow.wait(), wire.send(ok(b"late"))))
        self.shared = closed_port()
        self.program = self.configured(*self.web(), *self.streams(), server_name="eXpServer")

    def web(self):
        files = {"type": "file_serve", "dir_path": str(self.public)}
        upstreams = [server.authority for server in self.servers]
        place = [{"host": "127.0.0.1", "port": self.shared}]
        return [
            {"listeners": place, "hostnames": ["files.test"], "routes": [
                {"req_path": "/", **files, "index": ["index.html"], "gzip_enable": True, "gzip_level": 8, "gzip_mime_types": ["text/plain"]},
                {"req_path": "/redirect", "type": "redirect", "http_status_code": 302, "redirect_url": "http://localhost:8002/"},
                {"req_path": "/moved", "type": "redirect", "http_status_code": 301, "redirect_url": "/new"},
                {"req_path": "/white", **files, "ip_whitelist": ["127.0.0.7", "127.0.0.16/28"]},
                {"req_path": "/black", **files, "ip_blacklist": ["127.0.0.7", "127.0.0.16/28"]},
                {"req_path": "/both", **files, "ip_whitelist": ["127.0.0.0/24"], "ip_blacklist": ["127.0.0.7"]},
                {"req_path": "/metrics", "type": "metrics"}]},
            {"listeners": place, "hostnames": ["api.test"], "routes": [
                {"req_path": "/", "type": "reverse_proxy", "upstreams": upstreams[:1]},
                {"req_path": "/turn", "type": "reverse_proxy", "upstreams": upstreams, "load_balancing": "round_robin"},
                {"req_path": "/least", "type": "reverse_proxy", "upstreams": upstreams, "load_balancing": "least_conn"},
                {"req_path": "/hash", "type": "reverse_proxy", "upstreams": upstreams, "load_balancing": "ip_hash"},
                {"req_path": "/slow", "type": "reverse_proxy", "upstreams": [self.slow.authority], "request_timeout_ms": 200},
                {"req_path": "/down", "type": "reverse_proxy", "upstreams": [f"127.0.0.1:{closed_port()}"]}]},
            {"listeners": place},
            at(routes=[{"req_path": "/", **files, "keep_alive": False}, {"req_path": "/kept", **files, "keep_alive": True},
                       {"req_path": "/api", "type": "reverse_proxy", "upstreams": upstreams[:1], "keep_alive": False}])]

    def streams(self):
        self.raw = self.enter(RawServer(send_back))
        return [at(stream={"type": "proxy", "upstream": self.raw.authority}), at(stream={"type": "echo"}), at(stream={"type": "reverse"}),
                at(stream={"type": "file", "root": str(self.public), "file": "sample.txt"})]

    def ask(self, path, *fields, host="files.test", listener=SHARED, **how):
        return ask(self.program, path, *fields, host=host, port=self.program.ports[listener], **how)

    def connect(self, listener, source=None):
        connection = socket.socket()
        if source:
            connection.bind((source, 0))
        client = self.client(RawClient(connection))
        connection.connect(("127.0.0.1", self.program.ports[listener]))
        return client

    def status_for(self, source, path):
        client = self.connect(self.SHARED, source)
        client.send(get(path, host="files.test"))
        return read_answer(client)[0].status

    # -- what is announced

    def test_each_listener_is_announced_with_what_it_is_for(self):
        self.assertEqual(self.program.ports[self.SHARED], self.shared)
        self.assertEqual(len(self.program.places), 6)
        self.assertTrue(all(place.startswith("127.0.0.1:") and text for place, text in self.program.places), self.program.places)

    # -- phases 0 and 1: TCP

    def test_1_tcp_server_that_reverses(self):
        client = self.connect(self.REVERSE)
        for text in (b"hello", b"a", b"", pattern(1000).replace(b"\n", b"x")):
            client.send(text + b"\n")
            self.assertEqual(client.read(len(text) + 1), text[::-1] + b"\n")

    def test_4_many_clients_at_once(self):
        clients = [self.connect(self.ECHO) for _ in range(100)]
        for number, client in enumerate(clients):
            client.send(b"%d" % number)
        for number, client in reversed(list(enumerate(clients))):
            self.assertEqual(client.read(len(str(number))), b"%d" % number)

    def test_5_and_11_tcp_proxy(self):
        client = self.connect(self.PROXY)
        client.send(pattern(MIB)[:100_000])
        self.assertEqual(client.read(100_000), pattern(MIB)[:100_000])
        client.half_close()
        self.assertEqual(read_rest(client), b"")

    def test_11_an_upstream_that_is_gone(self):
        self.raw.__exit__(None, None, None)
        self.assertEqual(self.connect(self.PROXY).rest().raw, b"")
        self.assertEqual(self.connect(self.ECHO).send(b"x").read(1), b"x")

    def test_12_file_on_connect(self):
        self.assertEqual(self.connect(self.FILE).rest().raw, b"many words, " * 1000)

    def test_13_sessions_side_by_side(self):
        clients = [(self.connect(listener), wanted) for listener, wanted in
                   ((self.PROXY, b"ab\n"), (self.ECHO, b"ab\n"), (self.REVERSE, b"ba\n")) for _ in range(10)]
        for client, _ in clients:
            client.send(b"ab\n")
        for client, wanted in clients:
            self.assertEqual(client.read(3), wanted)

    # -- phase 2: HTTP

    def test_14_request_and_15_response(self):
        head, body = self.ask("/")
        self.assertEqual((head.first, body), ("HTTP/1.1 200 OK", b"<p>welcome"))
        self.assertEqual(head.length, len(body))
        client = self.connect(self.SHARED)
        client.send(b"nonsense\r\n\r\n")
        self.assertEqual(client.read_head().status, 400)

    def test_16_files_by_type(self):
        for name, kind in (("cat.jpg", "image/jpeg"), ("sample.pdf", "application/pdf"), ("sample.txt", "text/plain")):
            head, body = self.ask(f"/{name}")
            self.assertEqual((head.status, head.all("Content-Type"), body), (200, [kind], (self.public / name).read_bytes()))

    def test_16_redirects(self):
        for path, status, location in (("/redirect", 302, "http://localhost:8002/"), ("/redirect/below", 302, "http://localhost:8002/"),
                                       ("/moved", 301, "/new")):
            for method in ("GET", "HEAD", "POST"):
                head, _ = self.ask(path, "Content-Length: 0", method=method)
                self.assertEqual((head.status, head.all("Location")), (status, [location]), (path, method))
        self.assertEqual(self.ask("/redirected")[0].status, 404, "a route's path ends where a segment ends")

    def test_16_reverse_proxy(self):
        self.assertEqual(self.ask("/cat.jpg", host="api.test")[1], b"s0/cat.jpg")
        self.assertEqual(self.servers[0].requests[0].all("Host"), ["api.test"])

    def test_16_names_and_none(self):
        self.assertEqual(self.ask("/x", host="API.test:8001")[1], b"s0/x")
        for path in ("/", "/metrics", "/cat.jpg"):
            self.assertEqual(self.ask(path, host="unknown.test")[0].status, 404)

    def test_16_the_longest_route(self):
        self.assertEqual(self.ask("/metrics")[0].status, 200)
        self.assertEqual(self.ask("//metrics")[0].status, 404, "its readings match two routes")
        self.assertEqual(self.ask("/%6detrics")[0].all("Content-Type"), self.ask("/metrics")[0].all("Content-Type"))

    def test_17_directory_browsing(self):
        head, body = self.ask("/folder/")
        self.assertEqual((head.status, head.all("Content-Type")), (200, ["text/html"]))
        self.assertRegex(body.decode(), r'<tr><td><a href="inner\.txt">inner\.txt</a></td>.*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d')

    # -- phase 3

    def test_18_ip_lists(self):
        inside, outside, edge = "127.0.0.20", "127.0.0.40", "127.0.0.15"
        for path, source, admitted in (("/white", "127.0.0.7", True), ("/white", inside, True), ("/white", outside, False), ("/white", edge, False),
                                       ("/black", "127.0.0.7", False), ("/black", inside, False), ("/black", outside, True), ("/black", edge, True),
                                       ("/both", "127.0.0.1", True), ("/both", "127.0.0.7", False), ("/both", "127.0.1.1", False)):
            self.assertEqual(self.status_for(source, f"{path}/"), 200 if admitted else 403, (path, source))
        self.assertEqual(self.status_for(outside, "//white/"), 404, "its readings match two routes")
        self.assertEqual(self.status_for(outside, "/x/../white/"), 403)

    def test_19_gzip(self):
        head, body = self.ask("/sample.txt", "Accept-Encoding: gzip, deflate")
        self.assertEqual((head.all("Content-Encoding"), gzip.decompress(body)), (["gzip"], b"many words, " * 1000))
        for path, fields in (("/sample.txt", ()), ("/index.html", ("Accept-Encoding: gzip",)), ("/cat.jpg", ("Accept-Encoding: gzip",))):
            self.assertEqual(self.ask(path, *fields)[0].all("Content-Encoding"), [], path)

    def test_20_round_robin(self):
        order = [self.ask("/turn", host="api.test")[1][:2] for _ in range(9)]
        self.assertEqual(sorted(order[:3]), [b"s0", b"s1", b"s2"])
        self.assertEqual(order, order[:3] * 3)

    def test_20_ip_hash(self):
        def chosen(source):
            client = self.connect(self.SHARED, source)
            client.send(get("/hash", host="api.test"))
            return read_answer(client)[1][:2]
        sources = [f"127.0.0.{number}" for number in range(1, 31)]
        first = [chosen(source) for source in sources]
        self.assertEqual([chosen(source) for source in sources], first)
        self.assertGreater(len(set(first)), 1)

    def test_20_least_connections(self):
        self.assertEqual({self.ask("/least", host="api.test")[0].status for _ in range(6)}, {200})

    def test_21_request_timeout(self):
        head, _ = self.ask("/slow", host="api.test")
        self.assertEqual(head.status, 504)
        self.gate_of_slow.open()

    def test_a_server_that_is_down(self):
        self.assertEqual(self.ask("/down", host="api.test")[0].status, 502)

    def test_keep_alive(self):
        for path, kept in (("/index.html", False), ("/api", False), ("/none", False), ("/kept/none", True)):
            client = self.connect(self.ALONE)
            client.send(get(path))
            head, _ = read_answer(client)
            if kept:
                client.send(get(path))
                self.assertEqual(read_answer(client)[0].status, head.status)
            else:
                self.assertEqual(head.all("Connection"), ["close"], path)
                self.assertEqual(read_rest(client), b"")

    # -- phase 4

    def test_metrics(self):
        head, body = self.ask("/metrics")
        self.assertEqual(head.status, 200)
        self.assertIn(b"# TYPE ", body)

    def test_interrupted_with_clients_connected(self):
        clients = [self.connect(listener) for listener in range(6) for _ in range(3)]
        for client in clients:
            client.send(b"not ended")
        self.assertEqual(self.program.stop(), (0, ""))
        for client in clients:
            client.until_gone()


@unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
class AsGiven(InAFolder):
    """A file with all the keys that the course's own has, on free ports."""

    def test_it_runs(self):
        for name, content in (("cat.jpg", pattern(1000)), ("index.html", b"<p>here")):
            self.put(name, content)
        server = self.enter(PythonServer(self.public))
        program = self.configured(
            at(routes=[{"req_path": "/", "type": "file_serve", "dir_path": str(self.public), "index": ["index.html"], "gzip_enable": True,
                        "gzip_level": 8},
                       {"req_path": "/redirect", "type": "redirect", "http_status_code": 302, "redirect_url": "http://localhost:8002/"}]),
            at(routes=[{"req_path": "/", "type": "reverse_proxy", "upstreams": [server.authority]}]),
            at(routes=[{"req_path": "/", "type": "redirect", "http_status_code": 302, "redirect_url": "https://expserver.github.io"}]),
            at(), server_name="eXpServer", workers=4, drain=0)
        asked = [ask(program, path, port=port) for path, port in zip(("/cat.jpg", "/cat.jpg", "/", "/"), program.ports)]
        self.assertEqual([head.status for head, _ in asked], [200, 200, 302, 404])
        self.assertEqual((asked[0][1], asked[1][1]), (pattern(1000), pattern(1000)))
        self.assertEqual(asked[2][0].all("Location"), ["https://expserver.github.io"])
        status, error = program.stop()
        self.assertEqual(status, 0)
        self.assertEqual(len(re.findall("workers", error)), 1, "that one thread serves all is said once")


if __name__ == "__main__":
    unittest.main()
