"""HTTP/1.1 on both sides: connections that stay, requests in a row, chunks, interim answers, other protocols."""
from harness import Case, Head, closed_port, ok, pattern, request, wait_until


def chunks(data, size):
    pieces = [data[start:start + size] for start in range(0, len(data), size)]
    return b"".join(b"%x;ext=\"a\"\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nTrailer: x\r\n\r\n"


def read_chunks(wire):
    """The content of a chunked body, to its end and no further."""
    content = b""
    while True:
        line = b""
        while not line.endswith(b"\r\n"):
            line += wire.read(1)
        size = int(line, 16)
        content += wire.read(size)
        assert wire.read(2) == b"\r\n"
        if size == 0:
            return content


def ask(url, *fields, method="GET", body=b""):
    return request(url, "Host: ignored", *fields, method=method, version="1.1", body=body)


class Server:
    """Serves requests in a row on each connection; counts connections. The path says what is answered."""

    def __init__(self, case, answer=None, close_after=None):
        self.connections, self.requests, self.bodies = 0, [], []
        self._answer, self._close_after = answer or self.page, close_after
        self.origin = case.origin(self._serve)

    def url(self, path="/"):
        return self.origin.url(path)

    @staticmethod
    def page(head):
        body = head.target.encode()
        return b"HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body if head.method != "HEAD" else b"")

    def _serve(self, wire):
        self.connections += 1
        served = 0
        while True:
            head = wire.head
            self.requests.append(head)
            self.bodies.append(read_chunks(wire) if head.all("Transfer-Encoding") else wire.read_body())
            wire.send(self._answer(head))
            served += 1
            if served == self._close_after or not wire.read_head():
                return


class Kept(Case):
    """Connections are used again."""

    def test_by_a_client_one_request_after_another(self):
        server = Server(self)
        with self.proxy().connect() as client:
            for number in range(20):
                client.send(ask(server.url(f"/{number}")))
                head = client.read_head()
                self.assertEqual(head.first, "HTTP/1.1 200 OK")
                self.assertEqual(head.all("Connection"), [])
                self.assertEqual(client.read_body(), f"/{number}".encode())
        self.assertEqual(server.connections, 1)
        self.assertEqual(server.requests[0].first, "GET /0 HTTP/1.1")
        self.assertEqual(server.requests[0].all("Connection"), [])

    def test_pipelined_requests_are_answered_in_order(self):
        server = Server(self)
        wanted = [f"/{number}" for number in range(50)]
        with self.proxy().connect() as client:
            client.send(b"".join(ask(server.url(path)) for path in wanted))
            for path in wanted:
                client.read_head()
                self.assertEqual(client.read_body().decode(), path)

    def test_pipelined_requests_with_bodies_cut_anywhere(self):
        server = Server(self)
        data = pattern(300)
        sent = (ask(server.url("/a"), "Content-Length: 300", method="POST", body=data)
                + ask(server.url("/b"), "Transfer-Encoding: chunked", method="POST", body=chunks(data, 70)) + ask(server.url("/c")))
        proxy = self.proxy()
        for size in (1, 7, 100, 1000):
            with proxy.connect() as client:
                client.send_in_pieces(sent, size)
                for path in (b"/a", b"/b", b"/c"):
                    client.read_head()
                    self.assertEqual(client.read_body(), path, size)
            self.assertEqual(server.bodies[-3:], [data, data, b""], size)

    def test_an_upstream_is_shared_by_clients_one_after_another(self):
        server = Server(self)
        proxy = self.proxy()
        for _ in range(10):
            with proxy.connect() as client:
                client.send(ask(server.url(), "Connection: close"))
                self.assertEqual(client.rest().status, 200)
        self.assertEqual(server.connections, 1)

    def test_not_for_other_origins(self):
        one, two = Server(self), Server(self)
        with self.proxy().connect() as client:
            for server in (one, two, one, two):
                client.send(ask(server.url()))
                client.read_head()
                client.read_body()
        self.assertEqual((one.connections, two.connections), (1, 1))
        self.assertEqual((len(one.requests), len(two.requests)), (2, 2))

    def test_none_with_the_option_0(self):
        server = Server(self)
        proxy = self.proxy("--keep-upstreams", "0")
        with proxy.connect() as client:
            for _ in range(3):
                client.send(ask(server.url()))
                client.read_head()
                client.read_body()
        self.assertEqual(server.connections, 3)

    def test_a_client_that_says_close_is_closed(self):
        server = Server(self)
        with self.proxy().connect() as client:
            answer = client.send(ask(server.url(), "Connection: close")).rest()
        self.assertEqual(answer.head.all("Connection"), ["close"])
        self.assertFalse(answer.reset)

    def test_an_idle_client_is_closed(self):
        server = Server(self)
        with self.proxy("--keep-alive-timeout", "0.2").connect() as client:
            client.send(ask(server.url()))
            self.assertEqual(client.rest().body, b"/")

    def test_idle_clients_make_room_for_others(self):
        server = Server(self)
        proxy = self.proxy("--max-requests", "4")
        idle = []
        for _ in range(12):
            idle.append(self.client(proxy.connect()))
            idle[-1].send(ask(server.url()))
            self.assertEqual(idle[-1].read_head().status, 200)
            idle[-1].read_body()

    def test_a_request_goes_again_if_its_connection_was_dead(self):
        """The origin closes after each answer without saying so; no request of the client fails."""
        server = Server(self, close_after=1)
        with self.proxy().connect() as client:
            for number in range(30):
                client.send(ask(server.url(f"/{number}")))
                self.assertEqual(client.read_head().status, 200)
                self.assertEqual(client.read_body(), f"/{number}".encode())

    def test_what_cannot_be_repeated_has_a_connection_of_its_own(self):
        server = Server(self)
        with self.proxy().connect() as client:
            for number in range(4):
                client.send(ask(server.url(), "Content-Length: 1", method="POST", body=b"x"))
                client.read_head()
                client.read_body()
        self.assertEqual(server.connections, 4)

    def test_unasked_bytes_end_an_idle_connection(self):
        server = Server(self, answer=lambda head: Server.page(head) + b"HTTP/1.1 200 Poison\r\nContent-Length: 0\r\n\r\n")
        with self.proxy().connect() as client:
            for number in range(5):
                client.send(ask(server.url(f"/{number}")))
                self.assertEqual(client.read_head().first, "HTTP/1.1 200 OK")
                self.assertEqual(client.read_body(), f"/{number}".encode())
        self.assertEqual(server.connections, 5)

    def test_a_connection_the_origin_closes_is_dropped(self):
        gate = self.gate()
        closed = []

        def serve(wire):
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            gate.wait()
            wire.close()
            closed.append(1)

        origin, proxy = self.origin(serve), self.proxy()
        before = proxy.descriptors()
        with proxy.connect() as client:
            client.send(ask(origin.url(), "Connection: close"))
            client.rest()
        gate.open()
        wait_until(lambda: proxy.descriptors() == before, "the idle connection is closed")

    def test_each_request_has_its_line(self):
        server = Server(self)
        proxy = self.proxy()
        with proxy.connect() as client:
            for path in ("/one", "/two"):
                client.send(ask(server.url(path)))
                client.read_head()
                client.read_body()
        first, second = proxy.count_lines(2)
        self.assertIn(" #1 GET ", first)
        self.assertIn(" #1.2 GET ", second)
        for line in (first, second):
            self.assertRegex(line, r" 200 up=\d\d+ down=\d\d+ ")


class Bodies(Case):
    def test_chunks_go_through_both_ways(self):
        data = pattern(200_000)
        for size in (1_000, 70_000, 200_000):
            server = Server(self, answer=lambda head, size=size: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(data, size))
            with self.proxy().connect() as client:
                for _ in range(2):
                    client.send(ask(server.url(), "Transfer-Encoding: chunked", method="PUT", body=chunks(data, size)))
                    self.assertEqual(client.read_head().all("Transfer-Encoding"), ["chunked"])
                    self.assertEqual(read_chunks(client), data)
                    self.assertEqual(server.bodies[-1], data)

    def test_a_body_until_the_end_comes_in_chunks(self):
        data = pattern(50_000)
        origin = self.origin(lambda wire: wire.send(b"HTTP/1.0 200 OK\r\n\r\n" + data))
        with self.proxy().connect() as client:
            for _ in range(2):
                client.send(ask(origin.url()))
                self.assertEqual(client.read_head().all("Transfer-Encoding"), ["chunked"])
                self.assertEqual(read_chunks(client), data)

    def test_an_old_client_never_sees_chunks_nor_interim_answers(self):
        origin = self.origin(lambda wire: wire.send(
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))
        answer = self.proxy().get(origin.url())
        self.assertEqual(answer.head.first, "HTTP/1.0 200 OK")
        self.assertEqual(answer.head.all("Transfer-Encoding"), [])
        self.assertEqual(answer.body, b"hello")

    def test_an_answer_in_chunks_cut_short_looks_cut(self):
        origin = self.origin(lambda wire: wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"))
        with self.proxy().connect() as client:
            answer = client.send(ask(origin.url())).rest()
        self.assertNotIn(b"0\r\n\r\n", answer.body)

    def test_malformed_chunks_of_a_request(self):
        server = Server(self)
        with self.proxy().connect() as client:
            answer = client.send(ask(server.url(), "Transfer-Encoding: chunked", method="POST", body=b"zz\r\n")).rest()
        self.assert_own_answer(answer, 400)

    def test_no_body_where_none_may_be(self):
        answers = {"/head": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "/204": b"HTTP/1.1 204 No Content\r\n\r\n",
                   "/304": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"}
        server = Server(self, answer=lambda head: answers[head.target])
        with self.proxy().connect() as client:
            for path in answers:
                client.send(ask(server.url(path), method="HEAD" if path == "/head" else "GET"))
                client.read_head()
            client.send(ask(server.url("/204")))
            self.assertEqual(client.read_head().status, 204)
        self.assertEqual(server.connections, 1)


class Interim(Case):
    def test_they_are_passed_on(self):
        origin = self.origin(lambda wire: wire.send(
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + ok(b"hello")))
        with self.proxy().connect() as client:
            client.send(ask(origin.url()))
            self.assertEqual(client.read_head().first, "HTTP/1.1 103 Early Hints")
            self.assertEqual(client.head.all("Link"), ["</a>"])
            self.assertEqual(client.read_head().first, "HTTP/1.1 102 Processing")
            self.assertEqual(client.read_head().status, 200)
            self.assertEqual(client.read_body(), b"hello")

    def test_100_is_the_origins_to_give(self):
        def serve(wire):
            self.assertEqual(wire.head.all("Expect"), ["100-continue"])
            wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            bodies.append(wire.read_body())
            wire.send(ok(b"taken"))

        bodies = []
        origin = self.origin(serve)
        with self.proxy().connect() as client:
            client.send(ask(origin.url(), "Expect: 100-continue", "Content-Length: 5", method="PUT"))
            self.assertEqual(client.read_head().status, 100)
            client.send(b"hello")
            self.assertEqual(client.read_head().status, 200)
            self.assertEqual(client.read_body(), b"taken")
        self.assertEqual(bodies, [b"hello"])

    def test_a_final_answer_instead(self):
        origin = self.origin(lambda wire: wire.send(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"))
        with self.proxy().connect() as client:
            client.send(ask(origin.url(), "Expect: 100-continue", "Content-Length: 5", method="PUT"))
            self.assertEqual(client.read_head().status, 417)
            self.assertEqual(client.head.all("Connection"), ["close"])

    def test_more_than_a_few(self):
        """A long job sends them for an hour: their bytes are bounded, not their number."""
        origin = self.origin(lambda wire: wire.send(b"HTTP/1.1 103 Early\r\n\r\n" * 40 + ok()))
        with self.proxy().connect() as client:
            raw = client.send(ask(origin.url(), "Connection: close")).rest().raw
        self.assertEqual(raw.count(b"HTTP/1.1 103 "), 40)
        self.assertIn(b" 200 ", raw)


class MaxForwards(Case):
    """RFC 9110 section 7.6.2."""

    def test_are_counted_down(self):
        server, proxy = Server(self), self.proxy()
        for method in ("TRACE", "OPTIONS", "GET"):
            with proxy.connect() as client:
                client.send(ask(server.url(), "Max-Forwards: 010", "Connection: close", method=method))
                self.assertEqual(client.rest().status, 200)
            self.assertEqual(server.requests[-1].all("Max-Forwards"), ["010" if method == "GET" else "9"], method)

    def test_at_0_the_answer_is_ours(self):
        server, proxy = Server(self), self.proxy("--name", "here")
        with proxy.connect() as client:
            client.send(ask(server.url("/a"), "Max-Forwards: 0", "Cookie: secret", "X-Sent: yes", method="TRACE"))
            answer = client.rest()
        self.assertEqual((answer.status, answer.head.all("Content-Type")), (200, ["message/http"]))
        traced = Head(answer.body)
        self.assertEqual(traced.first, f"TRACE {server.url('/a')} HTTP/1.1")
        self.assertEqual((traced.all("X-Sent"), traced.all("Cookie")), (["yes"], []))
        with proxy.connect() as client:
            answer = client.send(ask(server.url(), "Max-Forwards: 0", method="OPTIONS")).rest()
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(server.requests, [])

    def test_options_of_the_proxy_itself(self):
        with self.proxy().connect() as client:
            self.assertEqual(client.send(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").rest().status, 200)


class RequestId(Case):
    def test_each_request_has_a_name_as_in_the_log(self):
        server = Server(self)
        with self.proxy("--request-id").connect() as client:
            for fields in ((), (), ("X-Request-Id: mine",)):
                client.send(ask(server.url(), *fields))
                client.read_head()
                client.read_body()
        names = [head.all("X-Request-Id") for head in server.requests]
        self.assertRegex(names[0][0], r"^[0-9a-f]{8}-1\.1$")
        self.assertEqual(names[1:], [[names[0][0][:-1] + "2"], ["mine"]])


class Upgrade(Case):
    FIELDS = ("Connection: Upgrade", "Upgrade: echo")

    def echo(self, early=b""):
        def serve(wire):
            self.assertEqual(wire.head.all("Upgrade"), ["echo"])
            self.assertEqual(wire.head.all("Connection"), ["Upgrade"])
            wire.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n" + early)
            while data := wire.some():
                wire.send(data)

        return self.origin(serve)

    def test_becomes_a_tunnel(self):
        with self.proxy().connect() as client:
            client.send(ask(self.echo(b"welcome").url(), *self.FIELDS))
            head = client.read_head()
            self.assertEqual((head.status, head.all("Upgrade"), head.all("Connection")), (101, ["echo"], ["Upgrade"]))
            self.assertEqual(client.read(7), b"welcome")
            for size in (1, 1000, 100_000):
                client.send(pattern(size))
                self.assertEqual(client.read(size), pattern(size))
            client.half_close()
            self.assertEqual(client.some(), b"")

    def test_with_bytes_right_behind_the_request(self):
        with self.proxy().connect() as client:
            client.send(ask(self.echo().url(), *self.FIELDS) + b"at once")
            self.assertEqual(client.read_head().status, 101)
            self.assertEqual(client.read(7), b"at once")

    def test_that_is_declined(self):
        origin = self.origin(lambda wire: wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"))
        with self.proxy().connect() as client:
            client.send(ask(origin.url(), *self.FIELDS))
            self.assertEqual(client.read_head().status, 200)
            self.assertEqual(client.read_body(), b"no")

    def test_without_a_request_for_it(self):
        origin = self.origin(lambda wire: wire.send(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"))
        with self.proxy().connect() as client:
            self.assert_own_answer(client.send(ask(origin.url(), "Connection: close")).rest(), 502)


class Tunnel(Case):
    def far(self, serve):
        """A server that speaks first or last, as it likes: nothing of HTTP."""
        return self.origin(serve)

    def connect(self, proxy, port, extra=b"", version="1.1"):
        client = self.client(proxy.connect())
        client.send(f"CONNECT 127.0.0.1:{port} HTTP/{version}\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() + extra)
        return client

    @staticmethod
    def echo(wire):
        wire.send(wire.head.raw)
        while data := wire.some():
            wire.send(data)

    def test_both_ways_at_once(self):
        data = pattern(3_000_000)
        client = self.connect(self.proxy(), self.origin(self.echo).port)
        head = client.read_head()
        self.assertEqual(head.first, "HTTP/1.1 200 Connection Established")
        self.assertEqual(head.lines, [])
        client.send(b"hello\r\n\r\n")
        self.assertEqual(client.read(9), b"hello\r\n\r\n")
        for start in range(0, len(data), 100_000):
            client.send(data[start:start + 100_000])
            self.assertEqual(client.read(100_000), data[start:start + 100_000])

    def test_early_data_is_not_lost(self):
        client = self.connect(self.proxy(), self.origin(self.echo).port, b"early\r\n\r\n")
        self.assertEqual(client.read_head().status, 200)
        self.assertEqual(client.read(9), b"early\r\n\r\n")

    def test_a_half_close_is_kept(self):
        def serve(wire):
            got = wire.head.raw
            while data := wire.some():
                got += data
            wire.send(b"you said " + got)

        client = self.connect(self.proxy(), self.origin(serve).port)
        client.read_head()
        client.send(b"all\r\n\r\nof it").half_close()
        self.assertEqual(client.rest().raw, b"you said all\r\n\r\nof it")

    def test_a_reset_is_passed_on(self):
        client = self.connect(self.proxy(), self.origin(lambda wire: wire.reset()).port)
        client.read_head()
        client.send(b"x\r\n\r\n")
        self.assertTrue(client.rest().reset)

    def test_an_old_client(self):
        client = self.connect(self.proxy(), self.origin(self.echo).port, version="1.0")
        self.assertEqual(client.read_head().first, "HTTP/1.0 200 Connection Established")

    def test_which_ports(self):
        origin = self.origin(self.echo)
        for option, allowed in (("none", False), (str(origin.port), True), (f"1-{origin.port - 1}", False),
                                (f"25,{origin.port - 1}-{origin.port}", True)):
            client = self.connect(self.proxy("--connect-ports", option), origin.port)
            self.assertEqual(client.read_head().status, 200 if allowed else 403, option)

    def test_one_that_cannot_be_opened(self):
        client = self.connect(self.proxy(), closed_port())
        self.assert_own_answer(client.rest(), 502)

    def test_one_in_which_nothing_moves(self):
        client = self.connect(self.proxy("--tunnel-timeout", "0.3"), self.origin(self.echo).port)
        client.read_head()
        self.assertTrue(client.rest().reset)

    def test_its_line(self):
        proxy = self.proxy()
        client = self.connect(proxy, self.origin(self.echo).port)
        client.read_head()
        client.send(b"12345\r\n\r\n")
        client.read(9)
        client.half_close()
        client.rest()
        line = proxy.line(" CONNECT ")
        self.assertIn(" 200 up=9 down=48 ", line)
        self.assertTrue(line.endswith(" end=complete by=upstream"), line)

