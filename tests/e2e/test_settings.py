"""Settings of routes, servers and listeners: Server, charset, methods, timeouts, paths and fields that are changed on the way."""
import gzip
import unittest

from harness import ok, pattern
from web import BARE, HAS_JSON, InAFolder, Server, ask, at, chunked, get, read_answer, read_body, read_rest


@unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
class Configured(InAFolder):
    def setUp(self):
        super().setUp()
        self.put("a.txt", b"text")
        self.put("a.html", b"<p>page")
        self.files = {"type": "file_serve", "dir_path": "public"}

    def test_server_on_each_response_of_a_web_server(self):
        """The course's tester reads it, on errors too."""
        origin, silent = Server(self), self.origin(lambda wire: wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
        proxy = self.configured(at(routes=[
            {"req_path": "/", **self.files}, {"req_path": "/r", "type": "redirect", "redirect_url": "/"},
            {"req_path": "/m", "type": "metrics"}, {"req_path": "/up", "type": "reverse_proxy", "upstreams": [origin.authority]},
            {"req_path": "/silent", "type": "reverse_proxy", "upstreams": [silent.authority]},
            {"req_path": "/down", "type": "reverse_proxy", "upstreams": ["127.0.0.1:1"]}]), server_name="eXpServer")
        for path, status in (("/a.txt", 200), ("/none", 404), ("/r", 302), ("/m", 200), ("/up", 200), ("/silent", 200), ("/down", 502)):
            head = ask(proxy, path)[0]
            self.assertEqual(head.status, status, path)
            self.assertEqual(head.all("Server"), ["eXpServer"], path)
        self.assertEqual(ask(proxy, "/a.txt", method="POST")[0].all("Server"), ["eXpServer"])
        with proxy.connect() as client:
            client.send(b"nonsense\r\n\r\n")
            self.assertEqual(client.rest().head.all("Server"), ["eXpServer"])

    def test_without_a_name_there_is_no_server_field(self):
        self.assertEqual(ask(self.configured(at(routes=[{"req_path": "/", **self.files}])), "/a.txt")[0].all("Server"), [])

    def test_charset_by_setting_only(self):
        proxy = self.configured(
            at(charset="utf-8", routes=[{"req_path": "/", **self.files}, {"req_path": "/other", **self.files, "charset": "iso-8859-1"}]),
            at(routes=[{"req_path": "/", **self.files}]))
        self.put("a.png", b"x")
        for path, kind in (("/a.txt", "text/plain; charset=utf-8"), ("/other/a.txt", "text/plain; charset=iso-8859-1"), ("/a.png", "image/png")):
            self.assertEqual(ask(proxy, path)[0].all("Content-Type"), [kind])
        for path, kind in (("/a.txt", "text/plain"), ("/a.html", "text/html")):
            self.assertEqual(ask(proxy, path, port=proxy.ports[1])[0].all("Content-Type"), [kind])
        head, body = ask(proxy, "/", port=proxy.ports[1])
        self.assertEqual(head.all("Content-Type"), ["text/html"])
        self.assertIn(b'<meta charset="utf-8">', body)
        optional = self.proxy("--files", f"127.0.0.1:0={self.public}", "--charset", "utf-8", port=None)
        self.assertEqual(ask(optional, "/a.txt")[0].all("Content-Type"), ["text/plain; charset=utf-8"])

    def test_server_timing(self):
        """Forwarded, of a file and of an error; off by default."""
        metric = r"[a-z_]+;dur=[0-9]+"
        origin = Server(self)
        self.put("a.txt", b"text")
        routes = [{"req_path": "/", **self.files}, {"req_path": "/up", "type": "reverse_proxy", "upstreams": [origin.authority]}]
        proxy = self.configured(at(routes=routes), server_timing=True)
        for path in ("/a.txt", "/none", "/up"):
            timing, = ask(proxy, path)[0].all("Server-Timing")
            self.assertRegex(timing, rf"\A{metric}(, {metric})*\Z")
        self.assertTrue(all(f"{name};dur=" in timing for name in ("read_request", "resolve", "connect", "send", "read_response")), timing)
        self.assertEqual(ask(self.configured(at(routes=routes)), "/a.txt")[0].all("Server-Timing"), [])

    def test_methods(self):
        """An unregistered one is 400, a registered one that does not fit 405 with Allow (RFC 9110 section 15.5.6)."""
        proxy = self.configured(at(routes=[{"req_path": "/", **self.files}, {"req_path": "/m", "type": "metrics"}]))
        for path, allow in (("/a.txt", "GET, HEAD, OPTIONS"), ("/m", "GET, HEAD")):
            for method in ("GOT", "get", "X-Y"):
                head = ask(proxy, path, method=method)[0]
                self.assertEqual((head.status, head.all("Allow")), (400, []), method)
            for method in ("POST", "DELETE", "PROPFIND"):
                head = ask(proxy, path, method=method)[0]
                self.assertEqual((head.status, head.all("Allow")), (405, [allow]), method)

    def test_request_timeout_bounds_the_reading_of_the_request(self):
        origin = Server(self)
        proxy = self.configured(at(routes=[{"req_path": "/", "type": "reverse_proxy", "upstreams": [origin.authority], "request_timeout_ms": 200}]))
        with proxy.connect() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
            self.assertEqual(client.rest().status, 408)
        self.assertIn(" end=head-timeout by=client", proxy.line(" 408 "))

    def test_timeouts_of_a_route_a_server_and_a_listener(self):
        gate = self.gate()
        slow = self.origin(lambda wire: (gate.wait(), wire.send(ok(b"late"))))
        upstream = {"type": "reverse_proxy", "upstreams": [slow.authority]}
        proxy = self.configured(
            at(answer_timeout=0.1, routes=[{"req_path": "/", **upstream}, {"req_path": "/patient", **upstream, "answer_timeout": 0}]),
            forward=[{"host": "127.0.0.1", "port": 0, "answer_timeout": "150ms"}])
        patient = proxy.connect(port=proxy.ports[0])
        patient.send(get("/patient", "Connection: close"))
        self.assertEqual(ask(proxy, "/")[0].status, 504)
        self.assertEqual(ask(proxy, slow.url(), port=proxy.ports[-1])[0].status, 504)
        gate.open()
        self.assertEqual(patient.rest().body, b"late", "without a timeout it waits on")
        patient.close()

    def test_limits_of_a_request_body(self):
        """413 at once for an announced length, and when the chunks pass the limit."""
        origin = Server(self)
        upstream = {"type": "reverse_proxy", "upstreams": [origin.authority]}
        proxy = self.configured(
            at(max_body="1k", routes=[{"req_path": "/", **upstream}, {"req_path": "/any", **upstream, "max_body": 0},
                                      {"req_path": "/files", **self.files}]),
            forward=[{"host": "127.0.0.1", "port": 0, "max_body": 2000}])
        for size, path, port, status in ((1024, "/", 0, 200), (1025, "/", 0, 413), (1025, "/any", 0, 200), (1025, "/files/a.txt", 0, 405),
                                         (2000, f"http://{origin.authority}/", -1, 200), (2001, f"http://{origin.authority}/", -1, 413)):
            body = pattern(size)
            for fields, data in (((f"Content-Length: {size}",), body), (("Transfer-Encoding: chunked",), chunked(body, 512))):
                before = len(origin.bodies)
                head = ask(proxy, path, *fields, method="PUT", port=proxy.ports[port], body=data)[0]
                self.assertEqual(head.status, status, (size, path, fields))
                self.assertEqual(origin.bodies[before:], [body] if status == 200 else [], "none is truncated")
        with proxy.connect() as client:  # not a byte of the body
            client.send(get("/", "Content-Length: 1025", "Expect: 100-continue", method="PUT"))
            self.assertEqual(client.rest().status, 413)
        self.assertIn(" end=body-too-large by=client", proxy.line(" 413 "))

    def test_strip_prefix(self):
        origin = Server(self)
        upstream = {"type": "reverse_proxy", "upstreams": [origin.authority], "strip_prefix": True}
        proxy = self.configured(at(routes=[{"req_path": "/api", **upstream}, {"req_path": "/v1/", **upstream}]))
        for path, arrives in (("/api/x?q=1", "/x?q=1"), ("/api", "/"), ("/api?q", "/?q"), ("/v1/a%20b", "/a%20b")):
            self.assertEqual(ask(proxy, path)[0].status, 200, path)
            self.assertEqual(origin.requests[-1].target, arrives)
        self.assertEqual(ask(proxy, "/%61pi/x")[0].status, 404, "what would be left out is not certain")

    def test_fields(self):
        origin = Server(self)
        proxy = self.configured(at(routes=[
            {"req_path": "/", **self.files, "add_response_fields": {"Cache-Control": "no-store"}},
            {"req_path": "/up", "type": "reverse_proxy", "upstreams": [origin.authority], "add_request_fields": {"X-Key": "a b"},
             "remove_request_fields": ["cookie", "X-Key"], "add_response_fields": {"X-Frame-Options": "DENY"},
             "remove_response_fields": ["server"]}]))
        self.assertEqual(ask(proxy, "/a.txt")[0].all("Cache-Control"), ["no-store"])
        head, _ = ask(proxy, "/up", "Cookie: secret", "X-Key: forged", "X-Other: kept")
        self.assertEqual((head.all("X-Frame-Options"), head.all("Server")), (["DENY"], []))
        arrived = origin.requests[-1]
        self.assertEqual((arrived.all("X-Key"), arrived.all("Cookie"), arrived.all("X-Other")), (["a b"], [], ["kept"]))

    def test_variables_of_a_redirect(self):
        proxy = self.configured(at(routes=[
            {"req_path": "/", "type": "redirect", "redirect_url": "https://b.test{path}?{query}"},
            {"req_path": "/q", "type": "redirect", "redirect_url": "/new?a=1{query}"},
            {"req_path": "/p", "type": "redirect", "redirect_url": "{path}{query}"},
            {"req_path": "/v", "type": "redirect", "redirect_url": "https://b.test/new?q={query}"},
            {"req_path": "/l", "type": "redirect", "redirect_url": "{path}?lang=de&{query}"},
            {"req_path": "/n", "type": "redirect", "redirect_url": "/login?next={path}?{query}"}]),
            at(routes=[{"req_path": "/", "type": "redirect", "redirect_url": "{path}"}]))
        self.assertEqual(ask(proxy, "//evil.test/x", port=proxy.ports[1])[0].all("Location"), ["/evil.test/x"], "it stays on this server")
        for path, location in (("/a/b?c=d", "https://b.test/a/b?c=d"), ("/a", "https://b.test/a"), ("/q?x", "/new?a=1&x"),
                               ("/q", "/new?a=1"), ("/v?x", "https://b.test/new?q=x"),
                               ("/v", "https://b.test/new?q="), ("/l?x=1", "/l?lang=de&x=1"), ("/l", "/l?lang=de"),
                               ("/n?x=1", "/login?next=/n?x=1"), ("/n", "/login?next=/n"),
                               ("/p//a", "/p//a"), ("/a%0d%0ab", "https://b.test/a%0d%0ab")):
            self.assertEqual(ask(proxy, path)[0].all("Location"), [location], path)


class OldKeepAlive(InAFolder):
    """HTTP/1.0 clients that ask for it (RFC 9112 appendix C.2.2), as ab -k does: with web servers only."""

    def asked(self, proxy, path, *fields, port=None, method="GET", version="1.0", body=b""):
        """([Connection of each of two responses], the proxy closes after the first)."""
        with proxy.connect(port=port) as client:
            found = []
            for _ in range(2):
                client.send(get(path, *(fields or ("Connection: Keep-Alive",)), method=method, version=version, body=body))
                head = client.read_head()
                if head is None:
                    return found, True
                self.assertEqual(head.first.split()[0], f"HTTP/{version}")
                found.append(", ".join(head.all("Connection")))
                if found[-1] == "close":
                    read_rest(client)
                    return found, True
                read_body(client, head, method)
            return found, False

    KEPT, CLOSED = (["keep-alive"] * 2, False), (["close"], True)

    @unittest.skipIf(BARE, "built without zlib")
    def test_files_and_their_errors(self):
        self.put("a.txt", b"text")
        (self.public / "folder").mkdir()
        self.put("large.txt", pattern(200_000))
        proxy = self.proxy("--files", f"127.0.0.1:0={self.public}", "--gzip", port=None)
        for path, method, fields, wanted in (
                ("/a.txt", "GET", (), self.KEPT), ("/a.txt", "HEAD", (), self.KEPT), ("/none", "GET", (), self.KEPT),
                ("/large.txt", "GET", (), self.KEPT), ("/a.txt", "POST", ("Content-Length: 2", "Connection: keep-alive"), self.KEPT),
                ("/a.txt", "GET", ("Connection: keep-alive, close",), self.CLOSED), ("/a.txt", "GET", ("X: y",), self.CLOSED),
                ("/large.txt", "GET", ("Connection: keep-alive", "Accept-Encoding: gzip"), self.CLOSED), ("/folder/", "GET", (), self.CLOSED)):
            self.assertEqual(self.asked(proxy, path, *fields, method=method, body=b"ab" if method == "POST" else b""), wanted, (path, method, fields))
        self.assertEqual(self.asked(proxy, "/a.txt", version="1.1"), (["", ""], False), "HTTP/1.1 needs no word for it")

    def test_reverse(self):
        sized, open_ended = Server(self), self.origin(lambda wire: wire.send(b"HTTP/1.1 200 OK\r\n\r\nto the end"))
        chunks = Server(self, lambda *_: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"abc"))
        empty = Server(self, lambda *_: b"HTTP/1.1 304 Not Modified\r\n\r\n")
        for server, wanted in ((sized, self.KEPT), (empty, self.KEPT), (open_ended, self.CLOSED), (chunks, self.CLOSED)):
            proxy = self.proxy("--reverse", f"127.0.0.1:0={server.authority}", port=None)
            self.assertEqual(self.asked(proxy, "/"), wanted)
        self.assertEqual([head.first for head in sized.requests], ["GET / HTTP/1.0"] * 2)
        lab = self.proxy("--reverse", f"127.0.0.1:0={sized.authority}", "--http", "1.0", port=None)
        self.assertEqual(self.asked(lab, "/"), self.CLOSED)

    def test_not_through_the_forward_proxy(self):
        origin = Server(self)
        for fields in (("Connection: keep-alive",), ("Proxy-Connection: keep-alive",)):
            self.assertEqual(self.asked(self.proxy(), f"http://{origin.authority}/", *fields), self.CLOSED)


class ByOptions(InAFolder):
    @unittest.skipIf(BARE, "built without zlib")
    def test_gzip(self):
        self.put("a.txt", b"text " * 1000)
        self.put("a.png", b"text " * 1000)
        for options, encoding in (((), []), (("--gzip",), ["gzip"])):
            proxy = self.proxy("--files", f"127.0.0.1:0={self.public}", *options, port=None)
            head, body = ask(proxy, "/a.txt", "Accept-Encoding: gzip")
            self.assertEqual(head.all("Content-Encoding"), encoding)
            self.assertEqual(gzip.decompress(body) if encoding else body, b"text " * 1000)
            self.assertEqual(ask(proxy, "/a.txt")[0].all("Content-Encoding"), [])
            self.assertEqual(ask(proxy, "/a.png", "Accept-Encoding: gzip")[0].all("Content-Encoding"), [])
        route = {"type": "file_serve", "dir_path": str(self.public)}
        proxy = self.configured(at(routes=[{"req_path": "/", **route, "gzip_enable": False}, {"req_path": "/on", **route}]), gzip=True)
        for path, encoding in (("/a.txt", []), ("/on/a.txt", ["gzip"])):
            self.assertEqual(ask(proxy, path, "Accept-Encoding: gzip")[0].all("Content-Encoding"), encoding, path)

    def test_limits_of_heads(self):
        self.put("a.txt", b"text")
        large = "Cookie: " + "c" * 50_000
        many = [f"X-{number}: {number}" for number in range(250)]
        origin = Server(self, lambda head, _: b"HTTP/1.1 200 OK\r\n" + "".join(f"{line}\r\n" for line in head.lines if line[0] in "XC").encode()
                        + b"Content-Length: 2\r\n\r\nok")
        ways = "--listen", "127.0.0.1:0", "--reverse", f"127.0.0.1:0={origin.authority}", "--files", f"127.0.0.1:0={self.public}"
        for options, status in ((("--max-head", "60", "--max-fields", "300"), 200), ((), 431)):
            proxy = self.proxy(*ways, *options, port=None)
            for path, port in ((f"http://{origin.authority}/", -1), ("/", 0), ("/a.txt", 1)):
                for fields in ([large], many):
                    with proxy.connect(port=proxy.ports[port]) as client:
                        for _ in range(2 if status == 200 else 1):
                            client.send(get(path, *fields))
                            head, body = read_answer(client)
                            self.assertEqual(head.status, status)
                            if path != "/a.txt" and status == 200:
                                self.assertTrue([line for line in head.lines if line in fields] == fields, "there and back")
                                self.assertEqual(body, b"ok")
            self.assertEqual(ask(proxy, f"http://{origin.authority}/", "Cookie: " + "c" * 61_440, port=proxy.ports[-1])[0].status, 431)

    def test_limits_of_a_request_body(self):
        origin = Server(self)
        proxy = self.proxy("--listen", "127.0.0.1:0", "--reverse", f"127.0.0.1:0={origin.authority}", "--max-body", "1k", port=None)
        for path, port in ((f"http://{origin.authority}/", -1), ("/", 0)):
            for size, status in ((1024, 200), (1025, 413)):
                head = ask(proxy, path, f"Content-Length: {size}", method="PUT", port=proxy.ports[port], body=pattern(size))[0]
                self.assertEqual(head.status, status)

    def test_redirect_and_metrics(self):
        proxy = self.proxy("--redirect", "127.0.0.1:0=https://b.test{path}", "--metrics", "127.0.0.1:0", port=None)
        head = ask(proxy, "/a")[0]
        self.assertEqual((head.status, head.all("Location")), (302, ["https://b.test/a"]))
        self.assertIn(b"# HELP", ask(proxy, "/", port=proxy.ports[1])[1])

    def test_via(self):
        origin = self.origin(lambda wire: wire.send(ok(b"x")))
        for value, request, response in (("off", [], []), ("mine", ["1.0 mine"], ["1.0 mine"])):
            proxy = self.proxy("--via", value)
            answer = proxy.get(origin.url())
            self.assertEqual(answer.head.all("Via"), response)
            self.assertEqual(origin.heads[-1].all("Via"), request)


if __name__ == "__main__":
    unittest.main()
