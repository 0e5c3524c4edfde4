"""Exchanges that end early: each side sees it at once, and nothing is left behind."""
import threading

from harness import PATIENCE, Case, ok, pattern, request, wait_until, Wire

HEAD = b"HTTP/1.0 200 OK\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class AnswersThatBreakOff(Case):
    """What is cut short must look cut short; by its length, or by a reset where there is none."""

    def cut(self, begin, end, body=b"half"):
        """The client's view of an answer that begins like this and ends like that, and the log's."""
        gate, proxy = self.gate(), self.proxy()
        origin = self.origin(lambda wire: (wire.send(begin), gate.wait(), end(wire)))
        client = self.client(proxy.ask(origin.url()))
        self.assertEqual(client.read_head().status, 200)
        self.assertEqual(client.read(len(body)), body)
        gate.open()
        return client.rest(), proxy.line(" 200 ")

    def test_closed_within_the_length(self):
        answer, line = self.cut(HEAD + b"Content-Length: 100\r\n\r\nhalf", Wire.close)
        self.assertEqual((answer.raw, answer.reset), (b"", False))
        self.assertTrue(line.endswith(" end=response-truncated by=upstream"), line)

    def test_reset_within_the_length(self):
        answer, line = self.cut(HEAD + b"Content-Length: 100\r\n\r\nhalf", Wire.reset)
        self.assertEqual(answer.raw, b"")
        self.assertTrue(line.endswith(" end=upstream-reset by=upstream error=ECONNRESET"), line)

    def test_reset_where_the_end_of_the_stream_is_the_end(self):
        answer, line = self.cut(HEAD + b"\r\nhalf", Wire.reset)
        self.assertEqual((answer.raw, answer.reset), (b"", True), "a clean end would look like a whole answer")
        self.assertTrue(line.endswith(" end=upstream-reset by=upstream error=ECONNRESET"), line)

    def test_closed_within_chunks(self):
        for last in (b"", b"4\r\nha", b"4\r\nhalf", b"4\r\nhalf\r\n", b"0\r\n", b"0\r\nT: u\r\n"):
            answer, line = self.cut(CHUNKED + b"4\r\nhalf\r\n", lambda wire, last=last: (wire.send(last), wire.close()))
            self.assertTrue(answer.reset, (last, "a clean end would look like a whole answer"))
            self.assertTrue(line.endswith(" end=response-truncated by=upstream"), line)

    def test_a_bad_chunk_after_good_ones(self):
        answer, line = self.cut(CHUNKED + b"4\r\nhalf\r\n", lambda wire: (wire.send(b"zz\r\n"), wire.until_gone()))
        self.assertTrue(answer.reset)
        self.assertTrue(line.endswith(" end=bad-response(bad-chunk) by=upstream"), line)

    def test_closed_where_the_end_of_the_stream_is_the_end(self):
        answer, line = self.cut(HEAD + b"\r\nhalf", Wire.close)
        self.assertEqual((answer.raw, answer.reset), (b"", False))
        self.assertTrue(line.endswith(" end=complete by=upstream"), line)


class ClientsThatLeave(Case):
    """In each state, whether they close or reset: the origin's connection is closed at once, the slot is free."""

    def setUp(self):
        self.left = threading.Semaphore(0)
        self.via = self.proxy("--half-closed-timeout", "3600", "--stream-timeout", "3600", "--answer-timeout", "3600",
                              "--linger-timeout", "3600")
        self.server = self.origin(self.serve)
        self.before = self.via.descriptors()

    def serve(self, wire):
        if wire.head.target == "/middle":
            wire.send(HEAD + b"\r\nsome")
        if wire.head.target == "/streams":
            while True:
                wire.send(pattern(65536))
        wire.until_gone()
        self.left.release()

    def assert_over(self, with_origin=True):
        if with_origin:
            self.assertTrue(self.left.acquire(timeout=PATIENCE), "the connection to the origin is still open")
        wait_until(lambda: self.via.descriptors() == self.before, "all descriptors are closed again")

    def leave(self, prepare, with_origin=True, ends=(Wire.close, Wire.reset)):
        for end in ends:
            client = prepare()
            end(client)
            self.assert_over(with_origin)

    def ask(self, path, *fields, **parts):
        count = len(self.server.heads)
        client = self.via.ask(self.server.url(path), *fields, **parts)
        self.server.wait_for(count + 1)
        return client

    def test_before_the_first_byte(self):
        self.leave(self.via.connect, with_origin=False)

    def test_within_the_head(self):
        self.leave(lambda: self.via.connect().send(b"GET http"), with_origin=False)

    def test_within_the_body(self):
        self.leave(lambda: self.ask("/upload", "Content-Length: 100", method="PUT", body=b"half"))

    def test_waiting_for_the_answer(self):
        self.leave(lambda: self.ask("/wait"))

    def test_waiting_for_the_answer_to_an_upload(self):
        self.leave(lambda: self.ask("/wait", "Content-Length: 4", method="PUT", body=b"body"))

    def test_in_the_middle_of_an_answer(self):
        """A client that resets. One that closes looks like one that half-closes (see below)."""
        def prepare():
            client = self.ask("/middle")
            client.read_head()
            self.assertEqual(client.read(4), b"some")
            return client

        self.leave(prepare, ends=(Wire.reset,))

    def test_while_bytes_stream(self):
        """The first byte sent to a client that has closed is answered by a reset."""
        def prepare():
            client = self.ask("/streams")
            client.read_head()
            client.read(100_000)
            return client

        self.leave(prepare, with_origin=False)

    def test_after_the_answer(self):
        def prepare():
            client = self.via.connect().send(b"nonsense\r\n\r\nmore")
            self.assertEqual(client.rest().status, 400)
            return client

        self.leave(prepare, with_origin=False)

    def test_the_log_names_the_client(self):
        for end in (Wire.close, Wire.reset):
            end(self.ask(f"/wait/{end.__name__}"))
            line = self.via.line(f"/wait/{end.__name__} 0 ")
            self.assertTrue(line.endswith(" end=client-closed by=client"), line)


class HalfClosed(Case):
    """A client that has closed only its sending side still gets its whole answer."""

    def test_after_the_request(self):
        gate, proxy = self.gate(), self.proxy()
        origin = self.origin(lambda wire: (gate.wait(), wire.send(ok(pattern(100_000)))))
        client = self.client(proxy.ask(origin.url()))
        client.half_close()
        origin.wait_for(1)
        gate.open()
        answer = client.rest()
        self.assertEqual((answer.head.first, answer.body, answer.reset), ("HTTP/1.0 200 OK", pattern(100_000), False))

    def test_in_one_segment_with_the_request(self):
        proxy, origin = self.proxy(), self.origin()
        for _ in range(50):
            client = self.client(proxy.ask(origin.url()))
            client.half_close()
            answer = client.rest()
            self.assertEqual((answer.head.first, answer.body, answer.reset), ("HTTP/1.0 200 OK", b"hello", False))

    def test_after_an_upload(self):
        gate, proxy = self.gate(), self.proxy()
        origin = self.origin(lambda wire: (gate.wait(), wire.send(ok(wire.read_body()))))
        client = self.client(proxy.ask(origin.url(), "Content-Length: 50000", method="PUT", body=pattern(50_000)))
        client.half_close()
        gate.open()
        self.assertEqual(client.rest().body, pattern(50_000))

    def test_in_the_middle_of_the_answer(self):
        gate, proxy = self.gate(), self.proxy()
        origin = self.origin(lambda wire: (wire.send(HEAD + b"\r\nsome"), gate.wait(), wire.send(b" more")))
        client = self.client(proxy.ask(origin.url()))
        client.read_head()
        self.assertEqual(client.read(4), b"some")
        client.half_close()
        gate.open()
        self.assertEqual(client.rest().raw, b" more")

    def test_the_proxys_own_answers_too(self):
        proxy = self.proxy()
        for data, status in ((b"nonsense\r\n\r\n", 400), (request("http://127.0.0.1:2/"), 502)):
            client = self.client(proxy.connect().send(data))
            client.half_close()
            self.assert_own_answer(client.rest(), status)

    def test_deadlines_give_their_answers_too(self):
        origin = self.origin(lambda wire: wire.until_gone())
        client = self.client(self.proxy("--answer-timeout", "0.3").ask(origin.url()))
        client.half_close()
        self.assert_own_answer(client.rest(), 504)

    def test_interim_answers_are_no_answers(self):
        gate, proxy = self.gate(), self.proxy()
        origin = self.origin(lambda wire: (wire.send(b"HTTP/1.1 100 Continue\r\n\r\n"), gate.wait(), wire.send(ok(b"late"))))
        client = self.client(proxy.ask(origin.url()))
        client.half_close()
        origin.wait_for(1)
        gate.open()
        self.assertEqual(client.rest().body, b"late")

    def test_before_the_request_is_whole_it_is_a_leave(self):
        proxy, origin = self.proxy(), self.origin(lambda wire: wire.until_gone())
        for data in (b"", b"GET http://127", request(origin.url(), "Content-Length: 9", method="PUT", body=b"half")):
            client = self.client(proxy.connect().send(data))
            client.half_close()
            answer = client.rest()
            self.assertIn(answer.raw, (b"", b"H"), data)

    def test_a_client_that_has_closed_during_the_response_is_closed_after_a_while(self):
        """Nothing is sent to it, so no reset comes back; a short timeout of its own closes it."""
        gone, proxy = self.gate(), self.proxy("--half-closed-timeout", "0.3")
        origin = self.origin(lambda wire: (wire.send(HEAD + b"\r\nsome"), wire.until_gone(), gone.open()))
        client = proxy.ask(origin.url())
        client.read_head()
        self.assertEqual(client.read(4), b"some")
        client.close()
        gone.wait()
        self.assertTrue(proxy.line(" 200 ").endswith(" end=client-closed by=client"))
