"""Each kind of wait has a timeout. The timeouts are short here; the tests await their end and measure no time."""
import socket
import threading

from harness import MIB, Case, lean, ok, pause, stream, wait_until

HEAD = b"HTTP/1.0 200 OK\r\n\r\n"


def is_closed(wire):
    """Its connection is in the state CLOSE (tcp(7)): it was reset. What it has received can be unread."""
    return wire.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 7


class Deadlines(Case):
    def assert_timeout(self, answer, status, sentence):
        """An error response that names what was awaited, for how long, and the option."""
        self.assert_own_answer(answer, status)
        self.assertRegex(answer.body.decode("ascii"), rf"\nTimeout: {sentence}\n")


class OfTheClient(Deadlines):
    def test_idle(self):
        """A client that sends nothing is closed without a response and without a line in the log."""
        proxy = self.proxy("--idle-timeout", "0.2")
        with proxy.connect() as client:
            answer = client.rest()
        self.assertEqual((answer.raw, answer.reset), (b"", False))
        proxy.stop()
        self.assertEqual(proxy.lines, [])

    def test_half_a_head(self):
        proxy = self.proxy("--head-timeout", "0.2")
        with proxy.connect() as client:
            self.assert_timeout(client.send(b"GET http://127").rest(), 408,
                                r"The request head has been incomplete for \d+ ms \(--head-timeout\)\.")
        self.assertTrue(proxy.line(" 408 ").endswith(" end=head-timeout by=client"))

    def test_a_head_that_trickles(self):
        """The timeout is for the whole head: single bytes do not extend it."""
        proxy = self.proxy("--head-timeout", "0.5")
        client = self.client(proxy.connect().send(b"GET http://127.0.0.1:2/ HTTP/1.0\r\nX: "))
        client.socket.settimeout(0.05)
        answer = b""
        while not answer:
            try:
                answer = client.socket.recv(65536)
            except socket.timeout:
                client.send(b"x")
        self.assertTrue(answer.startswith(b"HTTP/1.0 408 "))

    def test_half_a_body(self):
        proxy, origin = self.proxy("--body-timeout", "0.2"), self.origin(lambda wire: wire.until_gone())
        answer = proxy.get(origin.url(), "Content-Length: 9", method="PUT", body=b"half")
        self.assert_timeout(answer, 408, r"The client has sent no bytes of the request body for \d+ ms \(--body-timeout\)\.")
        self.assertTrue(proxy.line(" 408 ").endswith(" end=body-timeout by=client"))

    def test_a_slow_body_is_not_cut(self):
        """Each byte restarts the timeout: the whole may take longer."""
        proxy, origin = self.proxy("--body-timeout", "4"), self.origin(lambda wire: wire.send(ok(wire.read_body())))
        client = self.client(proxy.ask(origin.url(), "Content-Length: 9", method="PUT"))
        for byte in b"123456789":
            client.send(bytes([byte]))
            pause(0.5)
        self.assertEqual(client.rest().body, b"123456789")

    def test_a_reader_that_takes_nothing(self):
        def serve(wire):
            wire.send(HEAD)
            for piece in stream(64 * MIB):
                wire.send(piece)

        proxy, origin = self.proxy("--reader-timeout", "0.3"), self.origin(serve)
        client = self.client(proxy.ask(origin.url(), window=8192))
        line = proxy.line(" end=client-stalled by=client")
        self.assertIn(f" {origin.url()} 200 ", line)
        self.assertTrue(client.rest().reset, "the answer must not look whole")

    def test_nothing_is_kept_for_a_reader_that_takes_nothing(self):
        """It is reset before it reads: after a FIN, the kernel would keep for it what it has not read."""
        def serve(wire):
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * MIB))
            for piece in stream(64 * MIB):
                wire.send(piece)

        proxy, origin = self.proxy("--reader-timeout", "0.3"), self.origin(serve)
        client = self.client(proxy.ask(origin.url(), window=8192))
        proxy.line(" end=client-stalled by=client")
        wait_until(lambda: is_closed(client), "the client's connection is reset")

    def test_lingering(self):
        """After the last byte of a response, a client that neither sends nor closes is closed after a while."""
        proxy = self.proxy("--linger-timeout", "0.2")
        before = proxy.descriptors()
        client = self.client(proxy.connect().send(b"nonsense\r\n\r\nmore"))
        self.assertEqual(client.rest().status, 400)
        wait_until(lambda: proxy.descriptors() == before, "the connection is closed")


class OfTheUpstream(Deadlines):
    def full_listener(self):
        """A port on 127.0.0.1 whose accept queue is full, so that connecting neither succeeds nor fails."""
        listener = self.enter(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in [self.enter(socket.socket()) for _ in range(8)]:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        return listener.getsockname()[1]

    def test_connecting(self):
        proxy = self.proxy("--connect-timeout", "0.3")
        self.assert_timeout(proxy.get(f"http://127.0.0.1:{self.full_listener()}/"), 504,
                            r"The upstream has not accepted the connection for [0-9.]+ m?s \(--connect-timeout\)\.")
        self.assertTrue(proxy.line(" 504 ").endswith(" end=connect-timeout by=upstream error=ETIMEDOUT"))

    def test_connecting_to_the_next_address(self):
        """An address that does not answer is abandoned for one that does."""
        port = self.full_listener()
        self.origin(host="::1", port=port)
        answer = self.proxy("--connect-timeout", "5").get(f"http://localhost:{port}/")
        self.assertEqual((answer.status, answer.body), (200, b"hello"))

    def test_sending(self):
        def flood():
            try:
                for piece in stream(64 * MIB):
                    client.send(piece)
            except OSError:
                pass  # cut off

        gate, proxy = self.gate(), self.proxy("--send-timeout", "0.3")
        origin = self.origin(lambda wire: gate.wait(), window=8192)
        client = self.client(proxy.ask(origin.url(), f"Content-Length: {64 * MIB}", method="PUT"))
        sender = threading.Thread(target=flood)
        sender.start()
        self.assert_timeout(client.rest(), 504, r"The upstream has read no request bytes for \d+ ms \(--send-timeout\)\.")
        self.assertTrue(proxy.line(" 504 ").endswith(" end=upstream-stalled by=upstream"))
        sender.join()
        wire, = origin.connections()
        wait_until(lambda: is_closed(wire), "the origin's connection is reset, although it has not read what was sent")

    def test_the_answer(self):
        proxy, origin = self.proxy("--answer-timeout", "0.2"), self.origin(lambda wire: wire.until_gone())
        self.assert_timeout(proxy.get(origin.url()), 504,
                            r"The upstream has not completed the response head for \d+ ms \(--answer-timeout\)\.")
        self.assertTrue(proxy.line(" 504 ").endswith(" end=response-timeout by=upstream"))

    def test_half_the_head_of_the_answer(self):
        proxy = self.proxy("--answer-timeout", "0.2")
        origin = self.origin(lambda wire: (wire.send(b"HTTP/1.0 200 OK\r\nA: "), wire.until_gone()))
        self.assert_own_answer(proxy.get(origin.url()), 504)
        self.assertTrue(proxy.line(" 504 ").endswith(" end=response-timeout by=upstream"))

    def test_the_next_bytes_of_the_answer(self):
        """The status line has been sent; so the response is truncated, and must look truncated."""
        proxy = self.proxy("--stream-timeout", "0.3")
        for fields, sees_reset in ((b"Content-Length: 9\r\n", False), (b"", True)):
            origin = self.origin(lambda wire, fields=fields: (wire.send(b"HTTP/1.0 200 OK\r\n" + fields + b"\r\nhalf"), wire.until_gone()))
            client = self.client(proxy.ask(origin.url()))
            client.read_head()
            self.assertEqual(client.read(4), b"half")
            answer = client.rest()
            self.assertEqual((answer.raw, answer.reset), (b"", sees_reset))
            self.assertTrue(proxy.line(origin.url(), " 200 ").endswith(" end=upstream-stalled by=upstream"))

    def test_a_slow_response_is_not_cut(self):
        def serve(wire):
            wire.send(HEAD)
            for _ in range(9):
                wire.send(b"x")
                pause(0.5)

        answer = self.proxy("--stream-timeout", "4").get(self.origin(serve).url())
        self.assertEqual((answer.body, answer.reset), (b"x" * 9, False))

    @lean
    def test_deadlines_of_many(self):
        """Five hundred clients with the same timeout all get their response."""
        proxy = self.proxy("--head-timeout", "0.5", "--linger-timeout", "0.1", "--access-log", "off")
        before = proxy.descriptors()
        clients = [self.client(proxy.connect().send(b"GET ")) for _ in range(500)]
        for client in clients:
            self.assertEqual(client.rest().status, 408)
        wait_until(lambda: proxy.descriptors() == before, "all are gone")
