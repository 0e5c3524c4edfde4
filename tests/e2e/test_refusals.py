"""Refused requests: each gets a complete response with the reason, and a line in the log with the party at fault."""
import contextlib
import socket
import threading

from harness import PATIENCE, Case, native, ok, pattern, request, wait_until

URL = b"http://127.0.0.1:2/"
GET = b"GET " + URL + b" HTTP/1.1\r\nHost: x\r\n"
POST = b"POST " + URL + b" HTTP/1.1\r\nHost: x\r\n"
END = b"\r\n\r\n"

# status, reason, title, request. Nothing listens on port 2: whatever is let through gets a 502.
ROWS = (
    # where two readers could see different bodies
    (400, "conflicting-framing", "both lengths", POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked" + END),
    (400, "conflicting-framing", "both lengths, the other way", POST + b"Transfer-Encoding: chunked\r\nContent-Length: 1" + END),
    (400, "bad-content-length", "two equal lengths", POST + b"Content-Length: 1\r\nContent-Length: 1" + END),
    (400, "bad-content-length", "two lengths", POST + b"Content-Length: 1\r\ncontent-length: 2" + END),
    (400, "bad-content-length", "a list of lengths", POST + b"Content-Length: 1, 1" + END),
    (400, "bad-content-length", "plus", POST + b"Content-Length: +1" + END),
    (400, "bad-content-length", "minus", POST + b"Content-Length: -1" + END),
    (400, "bad-content-length", "hexadecimal", POST + b"Content-Length: 0x1" + END),
    (400, "bad-content-length", "a fraction", POST + b"Content-Length: 1.0" + END),
    (400, "bad-content-length", "a blank in it", POST + b"Content-Length: 1 1" + END),
    (400, "bad-content-length", "no number", POST + b"Content-Length: x" + END),
    (400, "bad-content-length", "nothing", POST + b"Content-Length:" + END),
    (400, "bad-content-length", "more than 64 bits", POST + b"Content-Length: 18446744073709551616" + END),
    (400, "bad-content-length", "in a GET", GET + b"Content-Length: 1\r\nContent-Length: 1" + END),
    (400, "bad-transfer-encoding", "chunked twice", POST + b"Transfer-Encoding: chunked, chunked" + END),
    (400, "bad-transfer-encoding", "two fields", POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked" + END),
    (400, "bad-transfer-encoding", "identity", POST + b"Transfer-Encoding: identity" + END),
    (400, "bad-transfer-encoding", "chunked is not last", POST + b"Transfer-Encoding: chunked, gzip" + END),
    (400, "bad-transfer-encoding", "empty", POST + b"Transfer-Encoding:" + END),
    (400, "bad-transfer-encoding", "a vertical look-alike", POST + b"Transfer-Encoding: xchunked" + END),
    (400, "bad-transfer-encoding", "chunked in 1.0", b"POST " + URL + b" HTTP/1.0\r\nTransfer-Encoding: chunked" + END),
    # where two readers could see different lines
    (400, "bad-line-end", "bare LF after the first line", b"GET " + URL + b" HTTP/1.0\n\n"),
    (400, "bad-line-end", "bare LF after a field", GET + b"A: b\nC: d" + END),
    (400, "bad-line-end", "bare LF at the end", GET + b"A: b\r\n\n"),
    (400, "bad-line-end", "bare CR in a value", GET + b"A: b\rc" + END),
    (400, "bad-line-end", "bare CR in the first line", b"GET " + URL + b"\r HTTP/1.0" + END),
    (400, "bad-line-end", "CR CR LF", GET + b"A: b\r\r\n" + END),
    (400, "bad-character", "NUL in a value", GET + b"A: \0" + END),
    (400, "bad-character", "NUL in a name", GET + b"A\0: b" + END),
    (400, "bad-character", "NUL in the URL", b"GET " + URL + b"\0 HTTP/1.0" + END),
    (400, "bad-character", "DEL", GET + b"A: \x7f" + END),
    (400, "bad-character", "a control character", GET + b"A: \x1b[2J" + END),
    (400, "folded-header", "a folded line", GET + b"A: b\r\n c" + END),
    (400, "folded-header", "folded by a tab", GET + b"A: b\r\n\tc" + END),
    (400, "folded-header", "a blank before the first field", b"GET " + URL + b" HTTP/1.0\r\n A: b" + END),
    # fields
    (400, "bad-header", "a blank before the colon", GET + b"A : b" + END),
    (400, "bad-header", "a tab before the colon", GET + b"A\t: b" + END),
    (400, "bad-header", "no colon", GET + b"A b" + END),
    (400, "bad-header", "no name", GET + b": b" + END),
    (400, "bad-header", "a blank in the name", GET + b"A B: c" + END),
    (400, "bad-header", "not a token", GET + b"A(B): c" + END),
    (400, "bad-header", "eight bits in the name", GET + b"\xc3\xa4: c" + END),
    (400, "bad-host", "two Hosts", GET + b"Host: x" + END),
    (400, "bad-host", "no Host in 1.1", b"GET " + URL + b" HTTP/1.1" + END),
    (400, "bad-host", "no valid Host", b"GET / HTTP/1.1\r\nHost: a b" + END),
    (400, "bad-host", "two Hosts in 1.0", b"GET " + URL + b" HTTP/1.0\r\nHost: x\r\nHost: x" + END),
    # the first line
    (400, "bad-request-line", "one word", b"nonsense" + END),
    (400, "bad-request-line", "no version", b"GET " + URL + END),
    (400, "bad-request-line", "two blanks before the version", b"GET " + URL + b"  HTTP/1.0" + END),
    (400, "bad-request-line", "a blank behind", b"GET " + URL + b" HTTP/1.0 " + END),
    (400, "bad-request-line", "a blank before", b" GET " + URL + b" HTTP/1.0" + END),
    (400, "bad-request-line", "an odd method", b"G(T " + URL + b" HTTP/1.0" + END),
    (400, "bad-request-line", "a long method", b"M" * 33 + b" " + URL + b" HTTP/1.0" + END),
    (400, "bad-request-line", "nothing but empty lines", b"\r\n\r\n\r\n"),
    (400, "bad-request-line", "two blanks before the URL", b"GET  " + URL + b" HTTP/1.0" + END),
    (400, "bad-version", "no number", b"GET " + URL + b" HTTP/one" + END),
    (400, "bad-version", "small letters", b"GET " + URL + b" http/1.0" + END),
    (400, "bad-version", "another protocol", b"GET " + URL + b" HTCPCP/1.0" + END),
    (400, "bad-version", "two digits", b"GET " + URL + b" HTTP/1.01" + END),
    (400, "bad-version", "no minor", b"GET " + URL + b" HTTP/1" + END),
    (400, "tls-instead-of-http", "TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    # the URL
    (400, "bad-target", "port 0", b"GET http://127.0.0.1:0/ HTTP/1.0" + END),
    (400, "bad-target", "port 65536", b"GET http://127.0.0.1:65536/ HTTP/1.0" + END),
    (400, "bad-target", "a port with a sign", b"GET http://127.0.0.1:+1/ HTTP/1.0" + END),
    (400, "bad-target", "a port with letters", b"GET http://127.0.0.1:1a/ HTTP/1.0" + END),
    (400, "bad-target", "no host", b"GET http:///path HTTP/1.0" + END),
    (400, "bad-target", "only a port", b"GET http://:80/ HTTP/1.0" + END),
    (400, "bad-target", "only userinfo", b"GET http://u@/ HTTP/1.0" + END),
    (400, "bad-target", "an open bracket", b"GET http://[::1/ HTTP/1.0" + END),
    (400, "bad-target", "no IPv6 address", b"GET http://[::g]/ HTTP/1.0" + END),
    (400, "bad-target", "IPv6 without brackets", b"GET http://::1:80/ HTTP/1.0" + END),
    (400, "bad-target", "a short IPv4 address", b"GET http://127.1/ HTTP/1.0" + END),
    (400, "bad-target", "a hexadecimal address", b"GET http://0x7f000001/ HTTP/1.0" + END),
    (400, "bad-target", "a number", b"GET http://2130706433/ HTTP/1.0" + END),
    (400, "bad-target", "an octal address", b"GET http://0177.0.0.01/ HTTP/1.0" + END),
    (400, "bad-target", "letters of eight bits in the host", b"GET http://127.0.0.1\xe4/ HTTP/1.0" + END),
    (400, "bad-target", "a backslash in the host", b"GET http://127.0.0.1\\@x/ HTTP/1.0" + END),
    (400, "bad-target", "a long host", b"GET http://" + b"a." * 127 + b"a/ HTTP/1.0" + END),
    (400, "bad-target", "no slashes", b"GET http:127.0.0.1/ HTTP/1.0" + END),
    (400, "bad-target", "a name alone", b"GET example.com HTTP/1.0" + END),
    (400, "not-a-proxy-request", "origin-form", b"GET / HTTP/1.0" + END),
    (421, "misdirected-request", "origin-form with Host", b"GET / HTTP/1.1\r\nHost: 127.0.0.1:1" + END),
    (400, "not-a-proxy-request", "asterisk-form", b"GET * HTTP/1.1\r\nHost: x" + END),
    # what is understood, but not served
    (411, "length-required", "chunks", POST + b"Transfer-Encoding: chunked" + END),
    (411, "length-required", "POST of 1.0 without a length", b"POST " + URL + b" HTTP/1.0" + END),
    (411, "length-required", "PUT of 1.0 without a length", b"PUT " + URL + b" HTTP/1.0" + END),
    (414, "target-too-long", "a first line of 8193 bytes", b"GET " + URL + b"a" * (8193 - len(URL) - 13) + b" HTTP/1.0" + END),
    (414, "target-too-long", "a first line without an end", b"GET " + URL + b"a" * 9000),
    (431, "head-too-large", "a head of 15361 bytes", GET + b"A: " + b"a" * (15361 - len(GET) - 7) + END),
    (431, "head-too-large", "a head without an end", GET + b"A: " + b"a" * 20000),
    (431, "too-many-headers", "101 fields", b"GET " + URL + b" HTTP/1.0\r\n" + b"a: b\r\n" * 101 + b"\r\n"),
    (501, "scheme-unsupported", "https", b"GET https://h.test/ HTTP/1.0" + END),
    (501, "scheme-unsupported", "ftp", b"GET ftp://h.test/ HTTP/1.0" + END),
    (501, "transfer-encoding-unsupported", "gzip", POST + b"Transfer-Encoding: gzip, chunked" + END),
    (505, "version-unsupported", "HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM" + END),
    (505, "version-unsupported", "HTTP/0.9", b"GET " + URL + b" HTTP/0.9" + END),
)



class Refusals(Case):
    OPTIONS = ("--http", "1.0")  # all as HTTP/1.0, the lab's way; test_http11.py has the other

    def test_each_has_its_status_its_text_and_its_line_in_the_log(self):
        proxy = self.proxy()
        for status, _, title, data in ROWS:
            with self.subTest(title), proxy.connect() as client:
                self.assert_own_answer(client.send(data).rest(), status, title)
        lines = proxy.count_lines(len(ROWS))
        for number, (status, reason, title, _) in enumerate(ROWS, 1):
            with self.subTest(title):
                line = next(line for line in lines if f" #{number} " in line)
                self.assertIn(f" {status} up=0 ", line)
                self.assertTrue(line.endswith(f" end={reason} by=client"), line)

    def test_each_is_refused_the_same_however_it_arrives(self):
        """Byte by byte, a head must not become another one."""
        proxy = self.proxy("--access-log", "off")
        for status, _, title, data in ROWS:
            with self.subTest(title), proxy.connect() as client:
                client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sender = threading.Thread(target=self.send_slowly, args=(client, data))
                sender.start()
                self.assert_own_answer(client.rest(), status, title)
                sender.join()

    @staticmethod
    def send_slowly(client, data):
        step = 1 if len(data) < 500 else 97
        with contextlib.suppress(OSError):  # it may be refused before its end
            for start in range(0, len(data), step):
                client.send(data[start:start + step])

    def test_none_of_them_reaches_an_origin(self):
        proxy, origin = self.proxy("--access-log", "off"), self.origin()
        for _, _, title, data in ROWS:
            with proxy.connect() as client:
                client.send(data.replace(b"127.0.0.1:2/", f"127.0.0.1:{origin.port}/".encode())).rest()
                self.assertEqual(origin.heads, [], title)

    def test_head_is_refused_without_a_body(self):
        answer = self.proxy().get("http://127.0.0.1:2/", method="HEAD")
        self.assertEqual((answer.status, answer.body), (502, b""))
        self.assertGreater(answer.head.length, 10)

    def test_the_text_names_the_host_and_no_bytes_of_the_client(self):
        answer = self.proxy().get("http://127.0.0.1:2/<script>alert(1)</script>")
        self.assertIn(b"Host: 127.0.0.1, port 2", answer.body)
        self.assertNotIn(b"script", answer.raw)

    def test_a_log_line_is_one_line(self):
        """Whatever a client sends, it cannot write lines of its own into the log."""
        proxy = self.proxy()
        for data in (b"GET http://x\r\nfake: 1\r\n\r\n", b"A" * 40 + b"\r\n\r\n", b"GET \x1b[31m HTTP/1.0\r\n\r\n"):
            with proxy.connect() as client:
                client.send(data).rest()
        proxy.get("http://127.0.0.1:2/" + "u" * 4000)
        lines = proxy.count_lines(4)
        for number, line in enumerate(lines, 1):
            self.assertIn(f" #{number} ", line)
            self.assertTrue(line.isprintable(), line)
        self.assertIn(" GET http://127.0.0.1:2/" + "u" * 301 + "... 502 ", lines[3])


class StillSending(Case):
    """The client gets the whole answer even if it is still sending: closing over unread bytes would destroy it."""

    def flood(self, client, start):
        """Sends far more than all buffers hold, until the other side has had enough."""
        def run():
            with contextlib.suppress(OSError):
                client.send(start)
                for _ in range(1000):
                    client.send(block)

        block = pattern(65536)
        sender = threading.Thread(target=run, daemon=True)
        sender.start()
        return sender

    def check(self, start, status, before=lambda: None):
        client = self.client(self.proxy().connect())
        sender = self.flood(client, start)
        before()
        self.assert_own_answer(client.rest(), status)
        client.close()
        sender.join(PATIENCE)
        self.assertFalse(sender.is_alive(), "the sender was let go")

    def test_a_refused_head(self):
        self.check(POST + b"Content-Length: x" + END, 400)

    def test_a_head_that_is_too_large(self):
        self.check(GET + b"A: ", 400)  # the pattern has bytes that no head may have

    def test_a_body_for_which_there_is_no_origin(self):
        self.check(POST + b"Content-Length: 1000000000" + END, 502)

    def test_a_body_that_the_origin_does_not_take(self):
        """The origin answers without having read, and closes with bytes unread, which resets the connection."""
        origin = self.origin(lambda wire: wire.send(b"HTTP/1.0 413 Too much\r\nContent-Length: 6\r\n\r\nenough"))
        client = self.client(self.proxy().connect())
        sender = self.flood(client, request(origin.url(), "Content-Length: 1000000000", method="PUT"))
        answer = client.rest()
        self.assertEqual((answer.status, answer.body, answer.reset), (413, b"enough", False))
        client.close()
        sender.join(PATIENCE)

    @native
    def test_the_lingering_close_ends(self):
        """A client that never stops sending is closed in the end."""
        proxy = self.proxy("--linger-timeout", "0.2")
        before = proxy.descriptors()
        client, block = self.client(proxy.connect()), pattern(65536)

        def trickle():
            with contextlib.suppress(OSError):
                client.send(b"nonsense\r\n\r\n")
                while True:
                    client.send(block)

        sender = threading.Thread(target=trickle, daemon=True)
        sender.start()
        wait_until(lambda: not sender.is_alive(), "the sender is cut off")
        wait_until(lambda: proxy.descriptors() == before, "the connection is closed")


class Crowded(Case):
    def test_more_requests_than_allowed_get_503(self):
        gate, proxy = self.gate(), self.proxy("--max-requests", "1")
        origin = self.origin(lambda wire: (gate.wait(), wire.send(ok(b"served"))))
        first = self.client(proxy.ask(origin.url()))
        origin.wait_for(1)
        for number in range(3):
            answer = proxy.get(origin.url())
            self.assert_own_answer(answer, 503)
            self.assertIn(b"--max-requests", answer.body)
            self.assertTrue(proxy.line(f" #{number + 2} ").endswith(" end=max-requests-reached by=proxy"))
        gate.open()
        self.assertEqual(first.rest().body, b"served")
        proxy.line(" #1 ", "end=complete")
        self.assertEqual(proxy.get(origin.url()).body, b"served")
        self.assertEqual(len(origin.heads), 2)
