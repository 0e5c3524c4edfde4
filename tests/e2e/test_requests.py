"""What the origin receives: each head is rewritten, in origin-form, as HTTP/1.0."""
from harness import Case, Origin, ok, pattern, request, wait_until


class Heads(Case):
    OPTIONS = ("--http", "1.0")  # all as HTTP/1.0, the lab's way; test_http11.py has the other

    """The head that the origin gets, to the letter."""

    def setUp(self):
        self.via, self.server = self.proxy("--access-log", "off"), self.origin()
        self.at = self.server.authority

    def sent(self, data, status=200):
        """The head that arrives for these bytes."""
        count = len(self.server.heads)
        with self.via.connect() as client:
            self.assertEqual(client.send(data).rest().status, status, data)
        return self.server.wait_for(count + 1).raw.decode("latin-1")

    def asked(self, *arguments, **parts):
        return self.sent(request(*arguments, **parts))

    def test_the_smallest_request(self):
        self.assertEqual(self.asked(self.server.url("/a")),
                         f"GET /a HTTP/1.0\r\nHost: {self.at}\r\nVia: 1.0 proxy\r\nConnection: close\r\n\r\n")

    def test_hop_by_hop_fields_are_taken_out_and_all_others_kept_in_order(self):
        head = self.asked(self.server.url("/"), "Host: other.test", "Cookie: a=1", "Connection: keep-alive, x-Mine ,,Y-Mine",
                          "X-Mine: 1", "User-Agent: me/1", "Y-MINE: 2", "Proxy-Connection: keep-alive", "Keep-Alive: timeout=5",
                          "Cookie: b=2", "TE: trailers", "Trailer: X", "Upgrade: h2c", "Proxy-Authorization: Basic eDp5",
                          "X-Unknown:   kept  as it is \t", "X-Empty:", "Accept: */*", "cookie: c=3", "X-Bytes: \xe9\xff",
                          "Connection: Z-Mine", "z-mine: 3", "Z-Mine-Not: 4", "Via: 1.1 before", version="1.1")
        self.assertEqual(head, f"GET / HTTP/1.0\r\nHost: {self.at}\r\nCookie: a=1\r\nUser-Agent: me/1\r\nCookie: b=2\r\n"
                         "X-Unknown: kept  as it is\r\nX-Empty: \r\nAccept: */*\r\ncookie: c=3\r\nX-Bytes: \xe9\xff\r\n"
                         "Z-Mine-Not: 4\r\nVia: 1.1 before\r\nVia: 1.1 proxy\r\nConnection: close\r\n\r\n")

    def test_connection_cannot_take_out_the_length(self):
        """Else the origin would read the body as a second request."""
        head = self.asked(self.server.url("/"), "Connection: Content-Length, Host", "Content-Length: 3", method="POST", body=b"abc")
        self.assertIn("\r\nContent-Length: 3\r\n", head)
        self.assertIn(f"\r\nHost: {self.at}\r\n", head)

    def test_the_host_is_that_of_the_url(self):
        for host in ("other.test", "", f"{self.at}"):
            head = self.asked(self.server.url("/"), f"Host: {host}") if host else self.asked(self.server.url("/"))
            self.assertEqual(head.count("Host:"), 1)
            self.assertIn(f"\r\nHost: {self.at}\r\n", head)

    def test_forms_of_the_url(self):
        for url, target in ((f"http://{self.at}", "/"), (f"http://{self.at}/", "/"), (f"http://{self.at}?q=1", "/?q=1"),
                            (f"http://{self.at}?", "/?"), (f"http://{self.at}#f", "/"), (f"http://{self.at}/a#f?g", "/a"),
                            (f"http://{self.at}?a#f", "/?a"), (f"http://u:p@{self.at}/x", "/x"), (f"http://@{self.at}/x", "/x"),
                            (f"HTTP://{self.at}/%41%2f", "/%41%2f"), (f"http://{self.at}//a//../b", "//a//../b"),
                            (f"http://{self.at}/http://b/?u=http://c", "/http://b/?u=http://c"),
                            (f"http://{self.at}/a;b=c,d:e@f", "/a;b=c,d:e@f")):
            head = self.asked(url).split("\r\n")
            self.assertEqual(head[:2], [f"GET {target} HTTP/1.0", f"Host: {self.at}"], url)

    def test_neither_userinfo_nor_fragment_reaches_the_origin(self):
        head = self.asked(f"http://user:secret@{self.at}/x#private")
        for word in ("user", "secret", "private", "@", "#"):
            self.assertNotIn(word, head)

    def test_every_method(self):
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "HEAD", "PROPFIND", "get", "M-SEARCH", "!#$%&'*+"):
            head = self.asked(self.server.url("/m"), "Content-Length: 0", method=method)
            self.assertTrue(head.startswith(f"{method} /m HTTP/1.0\r\nHost: "), head)
            self.assertIn("\r\nContent-Length: 0\r\n", head)

    def test_versions(self):
        self.assertIn("\r\nVia: 1.0 proxy\r\n", self.asked(self.server.url(), version="1.0"))
        for version in ("1.1", "1.2", "1.9"):
            head = self.asked(self.server.url(), "Host: x", version=version)
            self.assertTrue(head.startswith("GET / HTTP/1.0\r\n"))
            self.assertIn("\r\nVia: 1.1 proxy\r\n", head)

    def test_an_empty_line_before_the_request(self):
        self.assertTrue(self.sent(b"\r\n" + request(self.server.url("/a"))).startswith("GET /a HTTP/1.0\r\n"))

    def test_the_longest_lines_and_heads(self):
        """What is just within the limits goes through whole."""
        long = "/" + "p" * (8192 - len(f"GET http://{self.at}/ HTTP/1.0"))
        self.assertTrue(self.asked(self.server.url(long)).startswith(f"GET {long} HTTP/1.0\r\n"))
        start = request(self.server.url("/"))[:-2]
        value = "v" * (15360 - len(start) - len("X: \r\n\r\n"))
        self.assertIn(f"\r\nX: {value}\r\n", self.sent(start + f"X: {value}\r\n\r\n".encode()))
        fields = [f"X-{number}: {number}" for number in range(100)]
        self.assertIn("\r\n".join(fields), self.asked(self.server.url("/"), *fields))

    def test_a_head_that_comes_byte_by_byte(self):
        data = request(self.server.url("/slow"), "Cookie: a=1", "Content-Length: 3", method="PUT", body=b"abc")
        whole = self.sent(data)
        with self.via.connect() as client:
            client.send_in_pieces(data, 1)
            self.assertEqual(client.rest().status, 200)
        self.assertEqual(self.server.wait_for(2).raw.decode(), whole)

    def test_what_follows_the_request_is_not_part_of_it(self):
        """A second request on the connection is neither answered nor passed on: HTTP/1.0 ends with the first answer."""
        with self.via.connect() as client:
            answer = client.send(request(self.server.url("/1")) + request(self.server.url("/2"))).rest()
        self.assertEqual((answer.status, answer.body), (200, b"hello"))
        self.assertTrue(self.asked(self.server.url("/3")).startswith("GET /3 "))
        self.assertEqual([head.target for head in self.server.heads], ["/1", "/3"])

    def test_a_body_behind_a_head_that_has_none_does_not_go_out(self):
        body = []
        server = self.origin(lambda wire: (wire.send(ok()), body.append(wire.rest().raw)))
        self.assertEqual(self.via.get(server.url("/"), body=b"surplus").status, 200)
        server.wait_for(1)
        wait_until(lambda: body == [b""], "the origin has read to the end")


class Hosts(Case):
    OPTIONS = ("--http", "1.0")  # all as HTTP/1.0, the lab's way; test_http11.py has the other

    def test_ports_and_ipv6_literals(self):
        proxy = self.proxy()
        for host in ("127.0.0.1", "127.0.0.7", "::1"):
            origin = self.origin(host=host)
            self.assertEqual(proxy.get(origin.url("/x")).body, b"hello", host)
            self.assertEqual(origin.heads[0].all("Host"), [origin.authority])

    def test_ways_to_write_an_ipv6_address(self):
        proxy, origin = self.proxy(), self.origin(host="::1")
        for host in ("[::1]", "[0:0:0:0:0:0:0:1]", "[::0.0.0.1]"):
            self.assertEqual(proxy.get(f"http://{host}:{origin.port}/").status, 200, host)
            self.assertEqual(origin.heads[-1].all("Host"), [f"{host}:{origin.port}"])

    def test_localhost_is_found_on_whichever_loopback_the_origin_is(self):
        proxy = self.proxy()
        for address in ("127.0.0.1", "::1"):
            with Origin(host=address) as origin:
                for host in ("localhost", "LocalHost", "localhost.", "a.localhost"):
                    answer = proxy.get(f"http://{host}:{origin.port}/")
                    self.assertEqual((answer.status, answer.body), (200, b"hello"), (host, address))
                    self.assertEqual(origin.heads[-1].all("Host"), [f"{host}:{origin.port}"])

    def test_a_body_survives_the_move_to_the_next_address(self):
        """The first address refuses; the second gets the whole request, once."""
        proxy, body, got = self.proxy(), pattern(5000), []
        origin = self.origin(lambda wire: (got.append(wire.read_body()), wire.send(ok(b"taken"))), host="::1")
        answer = proxy.get(f"http://localhost:{origin.port}/", "Content-Length: 5000", method="PUT", body=body)
        self.assertEqual((answer.status, answer.body), (200, b"taken"))
        self.assertEqual(got, [body])

    def test_the_url_selects_the_server(self):
        """Not Host: two readers would otherwise mean two servers."""
        proxy, right, wrong = self.proxy(), self.origin(), self.origin()
        self.assertEqual(proxy.get(right.url(), f"Host: {wrong.authority}", version="1.1").status, 200)
        self.assertEqual((len(right.heads), len(wrong.heads)), (1, 0))
