"""Bodies: of any size and any bytes, in both directions, in little memory, and never held back."""
import hashlib
import threading

from harness import LIGHT, MIB, Case, heavy, lean, ok, pattern, request, stream

# Around the size of a block, of a turn's share, of a socket's buffer.
SIZES = (0, 1, 2, 1023, 15359, 15360, 16383, 16384, 16385, 32768, 65535, 65536, 65537, 200_000, MIB)
LARGE = () if LIGHT else (64 * MIB,)


class Digest:
    """What has passed: how much, and its hash."""

    def __init__(self):
        self.size, self._hash = 0, hashlib.sha256()

    def add(self, piece):
        self.size += len(piece)
        self._hash.update(piece)
        return piece

    @property
    def result(self):
        return self.size, self._hash.hexdigest()


def send_all(wire, size, digest):
    for piece in stream(size):
        wire.send(digest.add(piece))


def read_all(wire, digest, size=None):
    """To the end of the stream, or so many bytes."""
    while (size is None or digest.size < size) and (piece := wire.some()):
        digest.add(piece)


class Uploads(Case):
    OPTIONS = ("--http", "1.0")  # all as HTTP/1.0, the lab's way; test_http11.py has the other

    def upload(self, proxy, size, fields=(), **how):
        sent, got = Digest(), Digest()

        def serve(wire):
            read_all(wire, got, size)
            wire.send(ok(b"taken"))

        origin = self.origin(serve)
        with proxy.ask(origin.url(), f"Content-Length: {size}", *fields, method="PUT", **how) as client:
            send_all(client, size, sent)
            self.assertEqual(client.rest().body, b"taken", size)
        self.assertEqual(got.result, sent.result)
        self.assertEqual(origin.heads[0].all("Content-Length"), [str(size)])

    def test_of_every_size(self):
        proxy = self.proxy()
        for size in SIZES + LARGE:
            self.upload(proxy, size)
        self.upload(proxy, 70_000, ("Host: x",), version="1.1")

    def test_of_every_byte(self):
        body, got = bytes(range(256)) * 3 + b"\0\0\r\n\r\nGET / HTTP/1.0\r\n\r\n", []
        origin = self.origin(lambda wire: (got.append(wire.read_body()), wire.send(ok())))
        self.assertEqual(self.proxy().get(origin.url(), f"Content-Length: {len(body)}", method="POST", body=body).status, 200)
        self.assertEqual(got, [body])

    def test_with_a_large_head_before_it(self):
        """Head and body in one segment, as much as is read at once, and more."""
        proxy, got = self.proxy(), []
        origin = self.origin(lambda wire: (got.append(wire.read_body()), wire.send(ok())))
        for size in (100, 14_000, 40_000):
            body = pattern(size)
            answer = proxy.get(origin.url(), "X: " + "x" * 14_000, f"Content-Length: {size}", method="POST", body=body)
            self.assertEqual(answer.status, 200)
            self.assertEqual(got[-1], body)

    def test_in_pieces(self):
        proxy, body, got = self.proxy(), pattern(3000), []
        origin = self.origin(lambda wire: (got.append(wire.read_body()), wire.send(ok(b"taken"))))
        with proxy.ask(origin.url(), "Content-Length: 3000", method="PUT") as client:
            client.send_in_pieces(body, 7)
            self.assertEqual(client.rest().body, b"taken")
        self.assertEqual(got, [body])

    def test_the_first_bytes_arrive_before_the_last_are_sent(self):
        got, first = self.gate(), []

        def serve(wire):
            first.append(wire.read(5))
            got.open()
            wire.send(ok(first[0] + wire.read(5)))

        client = self.client(self.proxy().ask(self.origin(serve).url(), "Content-Length: 10", method="PUT", body=b"first"))
        got.wait()
        self.assertEqual(client.send(b" last").rest().body, b"first last")

    def test_the_head_arrives_before_the_body(self):
        origin = self.origin(lambda wire: wire.send(ok(wire.read_body())))
        client = self.client(self.proxy().ask(origin.url(), "Content-Length: 4", method="PUT"))
        origin.wait_for(1)
        self.assertEqual(client.send(b"body").rest().body, b"body")

    def test_an_answer_that_does_not_wait_for_the_body(self):
        """The origin has heard enough and closes: its answer arrives whole, though the client has not sent all."""
        origin = self.origin(lambda wire: wire.send(ok(b"enough")))
        client = self.client(self.proxy().ask(origin.url(), "Content-Length: 1000000", method="PUT", body=b"x" * 1000))
        answer = client.rest()
        self.assertEqual((answer.status, answer.body, answer.reset), (200, b"enough", False))

    def test_an_answer_beside_an_upload(self):
        """An origin that answers while it reads: both go on."""
        size, sent, back = 4 * MIB, Digest(), Digest()

        def echo(wire):
            wire.send(b"HTTP/1.0 200 OK\r\n\r\n")
            got = 0
            while got < size and (piece := wire.some()):
                got += len(piece)
                wire.send(piece)

        client = self.client(self.proxy().ask(self.origin(echo).url(), f"Content-Length: {size}", method="POST"))
        sender = threading.Thread(target=send_all, args=(client, size, sent))
        sender.start()
        self.assertEqual(client.read_head().status, 200)
        read_all(client, back)
        sender.join()
        self.assertEqual(back.result, sent.result)


class Downloads(Case):
    OPTIONS = ("--http", "1.0")  # all as HTTP/1.0, the lab's way; test_http11.py has the other

    def download(self, proxy, size, *fields):
        sent, got = Digest(), Digest()

        def serve(wire):
            wire.send(("HTTP/1.0 200 OK\r\n" + "".join(field + "\r\n" for field in fields) + "\r\n").encode())
            send_all(wire, size, sent)

        with proxy.ask(self.origin(serve).url()) as client:
            head = client.read_head()
            read_all(client, got)
        self.assertEqual(head.status, 200)
        self.assertEqual(got.size, size)
        self.assertEqual(got.result, sent.result)
        return head

    def test_of_every_size_with_its_length(self):
        proxy = self.proxy()
        for size in SIZES + LARGE:
            head = self.download(proxy, size, f"Content-Length: {size}")
            self.assertEqual(head.all("Content-Length"), [str(size)])

    def test_of_every_size_until_the_end_of_the_stream(self):
        proxy = self.proxy()
        for size in SIZES + LARGE:
            self.assertEqual(self.download(proxy, size).all("Content-Length"), [])

    def test_of_every_byte(self):
        body = bytes(range(256)) * 3 + b"\0" * 5000 + b"HTTP/1.0 200 OK\r\n\r\n"
        self.assertEqual(self.proxy().get(self.origin(lambda wire: wire.send(ok(body))).url()).body, body)

    def test_in_pieces(self):
        """Wherever the answer is cut into segments, in its head too, it arrives the same."""
        data = ok(pattern(300), "Set-Cookie: a=1")
        answers = set()
        for size in (1, 2, 3, 50, len(data)):
            origin = self.origin(lambda wire, size=size: wire.send_in_pieces(data, size))
            answers.add(self.proxy().get(origin.url()).raw)
        self.assertEqual(len(answers), 1)
        self.assertTrue(answers.pop().endswith(b"\r\n\r\n" + pattern(300)))

    def test_the_first_byte_does_not_wait_for_the_last(self):
        for fields in (b"", b"Content-Length: 10\r\n"):
            gate = self.gate()

            def serve(wire, fields=fields, gate=gate):
                wire.send(b"HTTP/1.0 200 OK\r\n" + fields + b"\r\nfirst")
                gate.wait()
                wire.send(b" last")

            client = self.client(self.proxy().ask(self.origin(serve).url()))
            self.assertEqual(client.read_head().status, 200)
            self.assertEqual(client.read(5), b"first")
            gate.open()
            self.assertEqual(client.rest().raw, b" last")

    def test_the_head_does_not_wait_for_the_body(self):
        gate = self.gate()
        origin = self.origin(lambda wire: (wire.send(b"HTTP/1.0 200 OK\r\n\r\n"), gate.wait(), wire.send(b"body")))
        client = self.client(self.proxy().ask(origin.url()))
        self.assertEqual(client.read_head().status, 200)
        gate.open()
        self.assertEqual(client.rest().raw, b"body")

    def test_nothing_comes_after_the_length(self):
        origin = self.origin(lambda wire: wire.send(ok(b"hello") + b"surplus"))
        self.assertEqual(self.proxy().get(origin.url()).body, b"hello")

    def test_an_origin_that_does_not_close_after_the_length(self):
        """Content-Length ends the response; the proxy does not wait for the origin to close."""
        gate = self.gate()
        origin = self.origin(lambda wire: (wire.send(ok(b"hello")), gate.wait()))
        self.assertEqual(self.proxy().get(origin.url()).body, b"hello")

    @heavy
    @lean
    def test_a_gibibyte_in_little_memory(self):
        proxy, size = self.proxy(), 1024 * MIB
        self.download(proxy, size, f"Content-Length: {size}")
        peak = proxy.status("VmHWM")
        print(f"a GiB through the proxy: at most {peak} KiB resident", flush=True)
        self.assertLess(peak, 32 * 1024)


class Answers(Case):
    OPTIONS = ("--http", "1.0")  # all as HTTP/1.0, the lab's way; test_http11.py has the other

    """What the client receives."""

    def answer(self, data, *arguments, **parts):
        origin = self.origin(lambda wire: wire.send(data))
        return self.proxy().get(origin.url(), *arguments, **parts)

    def test_the_head_is_rewritten(self):
        answer = self.answer(b"HTTP/1.1 207 Some  phrase\r\nServer: s\r\nDate: d\r\nSet-Cookie: a=1; Path=/\r\nConnection: X-Mine\r\n"
                             b"X-Mine: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nProxy-Connection: x\r\nset-cookie: b=2\r\n"
                             b"X-Unknown:  kept \r\nContent-Length: 4\r\nVia: 1.1 before\r\n\r\nbody")
        self.assertEqual(answer.raw, b"HTTP/1.0 207 Some  phrase\r\nServer: s\r\nDate: d\r\nSet-Cookie: a=1; Path=/\r\n"
                         b"set-cookie: b=2\r\nX-Unknown: kept\r\nContent-Length: 4\r\nVia: 1.1 before\r\nVia: 1.1 proxy\r\n"
                         b"Connection: close\r\n\r\nbody")

    def test_a_date_is_given_to_an_answer_without_one(self):
        answer = self.answer(b"HTTP/1.0 200 OK\r\n\r\n")
        self.assertRegex(answer.head.all("Date")[0], r"\A\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\Z")

    def test_a_status_line_without_a_phrase(self):
        for line in (b"HTTP/1.1 200", b"HTTP/1.1 200 "):
            self.assertEqual(self.answer(line + b"\r\n\r\nx").raw[:17], b"HTTP/1.0 200 \r\nDa", line)

    def test_every_kind_of_status_goes_through(self):
        for status in (200, 206, 301, 401, 404, 418, 500, 503, 599, 999):
            answer = self.answer(f"HTTP/1.1 {status} Of the origin\r\nContent-Length: 1\r\n\r\nx".encode())
            self.assertEqual((answer.head.first, answer.body), (f"HTTP/1.0 {status} Of the origin", b"x"))

    def test_an_empty_body(self):
        for data in (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n"):
            answer = self.answer(data)
            self.assertEqual((answer.status, answer.body, answer.reset), (200, b"", False))

    def test_requests_of_1_1_are_answered(self):
        answer = self.answer(ok(b"hello"), "Host: x", "Connection: keep-alive", version="1.1")
        self.assertEqual((answer.head.first, answer.body), ("HTTP/1.0 200 OK", b"hello"))
        self.assertEqual(answer.head.all("Connection"), ["close"])

    def test_chunks_are_taken_out(self):
        """A client of HTTP/1.0 does not know them."""
        answer = self.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n3\r\nabc\r\n0004;x=y;z=\"q\"\r\ndefg\r\n"
                             b"0\r\nT: u\r\n\r\n")
        self.assertEqual((answer.status, answer.body, answer.reset), (200, b"abcdefg", False))
        for name in ("Transfer-Encoding", "Content-Length", "Trailer", "T"):
            self.assertEqual(answer.head.all(name), [])

    def test_chunks_of_every_size_in_every_cut(self):
        body = pattern(100_000)
        chunks, at = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", 0
        for size in (1, 16, 255, 4096, 20_000, 70_000, len(body)):
            piece = body[at:at + size]
            at += len(piece)
            chunks += f"{len(piece):X}\r\n".encode() + piece + b"\r\n" if piece else b""
        chunks += b"0\r\n\r\n"
        for size in (11, 1000, 50_000, len(chunks)):
            origin = self.origin(lambda wire, size=size: wire.send_in_pieces(chunks, size))
            self.assertEqual(self.proxy().get(origin.url()).body, body, size)

    def test_the_last_chunk_ends_the_answer(self):
        gate = self.gate()
        origin = self.origin(lambda wire: (wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"), gate.wait()))
        self.assertEqual(self.proxy().get(origin.url()).body, b"a")

    def test_answers_that_have_no_body(self):
        """Whatever their fields say. The proxy does not wait for a body."""
        for method, status, fields in (("HEAD", 200, b"Content-Length: 5\r\n"), ("HEAD", 200, b""), ("GET", 304, b"Content-Length: 5\r\n"),
                                       ("HEAD", 200, b"Transfer-Encoding: chunked\r\n"), ("GET", 204, b""), ("GET", 204, b"Content-Length: 0\r\n")):
            gate, data = self.gate(), b"HTTP/1.1 %d X\r\n%s\r\n" % (status, fields)
            origin = self.origin(lambda wire, data=data, gate=gate: (wire.send(data), gate.wait()))
            answer = self.proxy().get(origin.url(), method=method)
            self.assertEqual((answer.status, answer.body, answer.reset), (status, b"", False), (method, fields))
            if status != 204:
                self.assertEqual(answer.head.all("Content-Length"), ["5"] if b"Length" in fields else [])

    def test_head_has_no_body_even_if_the_origin_sends_one(self):
        self.assertEqual(self.answer(ok(b"wrong"), method="HEAD").body, b"")

    def test_interim_answers_are_not_passed_on(self):
        answer = self.answer(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok(b"late"))
        self.assertEqual((answer.head.first, answer.body), ("HTTP/1.0 200 OK", b"late"))
        self.assertNotIn(b"Link", answer.raw)

    def test_an_interim_answer_in_a_segment_of_its_own(self):
        gate = self.gate()
        origin = self.origin(lambda wire: (wire.send(b"HTTP/1.1 102 Processing\r\n\r\n"), gate.wait(), wire.send(ok(b"late"))))
        client = self.client(self.proxy().ask(origin.url()))
        origin.wait_for(1)
        gate.open()
        self.assertEqual(client.rest().body, b"late")


class Continue(Case):
    OPTIONS = ("--http", "1.0")  # all as HTTP/1.0, the lab's way; test_http11.py has the other

    def test_a_client_that_expects_it_receives_it(self):
        origin = self.origin(lambda wire: wire.send(ok(wire.read_body())))
        client = self.client(self.proxy().ask(origin.url(), "Host: x", "Expect: 100-Continue", "Content-Length: 3", method="PUT", version="1.1"))
        self.assertEqual(client.read_head().raw, b"HTTP/1.1 100 Continue\r\n\r\n")
        answer = client.send(b"abc").rest()
        self.assertEqual((answer.head.first, answer.body), ("HTTP/1.0 200 OK", b"abc"))

    def test_other_clients_do_not_receive_it(self):
        origin = self.origin(lambda wire: wire.send(ok(wire.read_body())))
        proxy = self.proxy()
        for fields, version in ((("Expect: 100-continue", "Content-Length: 3"), "1.0"),
                                (("Host: x", "Expect: 100-continue", "Content-Length: 0"), "1.1"), (("Host: x", "Expect: 100-continue"), "1.1"),
                                (("Host: x", "Content-Length: 3"), "1.1")):
            answer = proxy.get(origin.url(), *fields, method="PUT", version=version, body=b"abc" if "Content-Length: 3" in fields else b"")
            self.assertEqual(answer.head.first, "HTTP/1.0 200 OK", fields)

    def test_a_refusal_comes_instead_of_it(self):
        answer = self.proxy().get("http://127.0.0.1:2/", "Host: x", "Expect: 100-continue", "Content-Length: x", method="PUT", version="1.1")
        self.assert_own_answer(answer, 400)

    def test_an_early_refusal_of_the_origin_comes_after_it(self):
        origin = self.origin(lambda wire: wire.send(b"HTTP/1.1 413 Too much\r\nContent-Length: 0\r\n\r\n"))
        data = request(origin.url(), "Host: x", "Expect: 100-continue", "Content-Length: 1000000", method="PUT", version="1.1")
        client = self.client(self.proxy().connect().send(data))
        self.assertEqual(client.read_head().status, 100)
        self.assertEqual(client.rest().status, 413)
