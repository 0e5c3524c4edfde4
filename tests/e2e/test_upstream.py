"""Origins that cannot be reached, answer nothing, or answer what is not HTTP: 502, with the reason."""
import socket

from harness import Case, closed_port, ok, pattern, request
from web import read_answer

END = b"\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"

# title, what the origin says before it closes
CLOSED = (
    ("nothing", b""),
    ("one byte", b"H"),
    ("half a status line", b"HTTP/1.0 2"),
    ("half a head", b"HTTP/1.0 200 OK\r\nA: b\r\n"),
    ("an interim answer alone", b"HTTP/1.1 100 Continue" + END),
)
# detail, title, what the origin says; it need not close
MALFORMED = (
    ("bad-status-line", "another protocol", b"SSH-2.0-OpenSSH_9.2\r\n"),
    ("bad-status-line", "HTTP/0.9", b"<html>hi</html>\r\n"),
    ("bad-status-line", "no code", b"HTTP/1.0 OK" + END),
    ("bad-status-line", "a code of two digits", b"HTTP/1.0 20 OK" + END),
    ("bad-status-line", "a code of four digits", b"HTTP/1.0 2000 OK" + END),
    ("bad-status-line", "code 099", b"HTTP/1.0 099 OK" + END),
    ("bad-status-line", "a code with a sign", b"HTTP/1.0 +20 OK" + END),
    ("bad-status-line", "two blanks", b"HTTP/1.0  200 OK" + END),
    ("version-unsupported", "HTTP/2", b"HTTP/2.0 200 OK" + END),
    ("bad-version", "small letters", b"http/1.0 200 OK" + END),
    ("bad-line-end", "bare CR", OK + b"A: b\rSet-Cookie: c" + END),
    ("bad-character", "NUL", OK + b"A: \0" + END),
    ("folded-header", "a folded line", OK + b"A: b\r\n c" + END),
    ("bad-header", "no colon", OK + b"nonsense" + END),
    ("bad-header", "a blank in a name", OK + b"Content Length: 1" + END + b"x"),
    ("bad-content-length", "two lengths", OK + b"Content-Length: 1\r\nContent-Length: 2" + END + b"ab"),
    ("bad-content-length", "two lengths in a list", OK + b"Content-Length: 1, 2" + END + b"ab"),
    ("bad-content-length", "a length that is none", OK + b"Content-Length: -1" + END),
    ("conflicting-framing", "both lengths", OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked" + END + b"0" + END),
    ("transfer-encoding-unsupported", "gzip", OK + b"Transfer-Encoding: gzip, chunked" + END + b"0" + END),
    ("bad-transfer-encoding", "chunked twice", OK + b"Transfer-Encoding: chunked, chunked" + END + b"0" + END),
    ("bad-transfer-encoding", "identity after chunked", OK + b"Transfer-Encoding: chunked, identity" + END + b"0" + END),
    ("conflicting-framing", "identity and a length", OK + b"Transfer-Encoding: identity\r\nContent-Length: 1" + END + b"ab"),
    ("bad-chunk", "no size", OK + b"Transfer-Encoding: chunked" + END + b"xyz\r\n"),
    ("bad-chunk", "a size with a sign", OK + b"Transfer-Encoding: chunked" + END + b"+1\r\na\r\n0" + END),
    ("bad-chunk", "a size with 0x", OK + b"Transfer-Encoding: chunked" + END + b"0x1\r\na\r\n0" + END),
    ("bad-chunk", "a huge size", OK + b"Transfer-Encoding: chunked" + END + b"f" * 17 + b"\r\n"),
    ("bad-chunk", "bare LF after an extension", OK + b"Transfer-Encoding: chunked" + END + b"1;x\na\n0\n\n"),
    ("head-too-large", "a long head", OK + b"A: " + b"a" * 20000 + END),
    ("too-many-headers", "101 fields", OK + b"a: b\r\n" * 101 + b"\r\n"),
    ("unrequested-switch", "101, without a request to upgrade", b"HTTP/1.1 101 Switching Protocols" + END),
    ("interims-too-large", "more than 1 MiB of 103", (b"HTTP/1.1 103 Early Hints\r\nLink: " + b"a" * 10000 + END) * 105),
)

CHUNKED = OK + b"Transfer-Encoding: chunked" + END
# Faults with one reading: title, what the origin says. The body is always "hello".
READABLE = (
    ("blanks before colons", OK + b"Content-Length : 5\r\nA \t: b" + END + b"hello"),
    ("LF as line end", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"),
    ("LF in chunks", b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n0\nT: 1\n\n"),
    ("blanks after a chunk's size", CHUNKED + b"5\t \r\nhello\r\n0 " + END),
    ("a control character in a chunk's extension", CHUNKED + b"5;a=\x01\r\nhello\r\n0;\x7f" + END),
    ("a blank before a trailer's colon", CHUNKED + b"5\r\nhello\r\n0\r\nT : 1\r\nU\t: 2" + END),
    ("a control character in a trailer", CHUNKED + b"5\r\nhello\r\n0\r\nT: \x01a\x7f" + END),
    ("a control character in a field and in the phrase", b"HTTP/1.1 200 O\x01K\r\nA: \x08b\x7f\r\nContent-Length: 5" + END + b"hello"),
    ("the same length three times", OK + b"Content-Length: 5, 5\r\nContent-Length: 5" + END + b"hello"),
    ("empty elements", OK + b"Connection: ,,\r\nTransfer-Encoding: , chunked ,\r\nTransfer-Encoding:" + END + b"5\r\nhello\r\n0" + END),
    ("identity", OK + b"Transfer-Encoding: identity" + END + b"hello"),
    ("identity, chunked", OK + b"Transfer-Encoding: identity, chunked" + END + b"5\r\nhello\r\n0" + END),
    ("chunks in HTTP/1.0", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked" + END + b"5\r\nhello\r\n0" + END),
    ("ICY", b"ICY 200 OK\r\nicy-name: x" + END + b"hello"),
    ("empty lines first", b"\r\n\n" + OK + b"Content-Length: 5" + END + b"hello"),
    ("no phrase", b"HTTP/1.1 200\r\nContent-Length: 5" + END + b"hello"),
    ("an interim answer with a body's fields", b"HTTP/1.1 102 P\nContent-Length : 5\nTransfer-Encoding: chunked\n\n" + OK + b"Content-Length: 5" + END + b"hello"),
)


class Unreachable(Case):
    def check(self, url, status, reason, words, error=None):
        proxy = self.proxy()
        answer = proxy.get(url)
        self.assert_own_answer(answer, status, url)
        for word in words:
            self.assertIn(word, answer.body)
        line = proxy.line(f" {url} {status} up=0 ")
        self.assertTrue(line.endswith(f" end={reason} by=upstream" + (f" error={error}" if error else "")), line)

    def test_refused(self):
        port = closed_port()
        words = (b"refused", f"port {port}".encode())
        self.check(f"http://127.0.0.1:{port}/", 502, "connection-refused", (*words, b"127.0.0.1"), "ECONNREFUSED")
        self.check(f"http://[::1]:{port}/", 502, "connection-refused", (*words, b"[::1]"), "ECONNREFUSED")
        self.check(f"http://localhost:{port}/", 502, "connection-refused", (*words, b"localhost"), "ECONNREFUSED")

    def test_no_such_name(self):
        """`invalid` exists nowhere, by agreement (RFC 6761). Without a network, the name server is silent."""
        proxy = self.proxy("--resolve-timeout", "2")
        answer = proxy.get("http://nosuch.invalid/")
        self.assertIn(answer.status, (502, 504))
        self.assert_own_answer(answer, answer.status)
        self.assertIn(b"nosuch.invalid", answer.body)

    def test_an_address_that_no_host_can_have(self):
        proxy = self.proxy()
        for url in ("http://255.255.255.255/", "http://[ff02::1]/"):
            self.assert_own_answer(proxy.get(url), 403, url)  # denied, unless a rule names it
        proxy = self.proxy("--allow", "to=255.255.255.255|ff02::/16")
        for url in ("http://255.255.255.255/", "http://[ff02::1]/"):
            self.assert_own_answer(proxy.get(url), 502, url)

    def test_a_refused_upload_is_answered_too(self):
        proxy, port = self.proxy(), closed_port()
        answer = proxy.get(f"http://127.0.0.1:{port}/", "Content-Length: 3000000", method="PUT", body=pattern(3_000_000))
        self.assert_own_answer(answer, 502)


class OddAnswers(Case):
    def check(self, rows, serve):
        """Each row: how the log's line ends, title, what the origin says, in the way of `serve`."""
        proxy, urls = self.proxy(), []
        for _, title, data in rows:
            with self.subTest(title):
                origin = self.origin(lambda wire, data=data: serve(wire, data))
                urls.append(origin.url())
                self.assert_own_answer(proxy.get(origin.url()), 502, title)
        lines = proxy.count_lines(len(rows))
        for url, (end, title, _) in zip(urls, rows):
            with self.subTest(title):
                line = next(line for line in lines if f" {url} 502 up=" in line)
                self.assertTrue(line.endswith(f" end={end}"), line)

    def test_an_origin_that_closes_before_its_answer_is_whole(self):
        rows = [("upstream-closed by=upstream", title, data) for title, data in CLOSED]
        self.check(rows, lambda wire, data: (wire.send(data), wire.half_close(), wire.until_gone()))

    def test_an_origin_that_resets_before_its_answer_is_whole(self):
        rows = [("upstream-reset by=upstream error=ECONNRESET", title, data) for title, data in CLOSED[:-1]]
        self.check(rows, lambda wire, data: (wire.send(data), wire.reset()))

    def test_malformed_answers(self):
        rows = [(f"bad-response({detail}) by=upstream", title, data) for detail, title, data in MALFORMED]
        self.check(rows, lambda wire, data: (wire.send(data), wire.until_gone()))

    def test_the_text_says_that_it_is_the_origin(self):
        origin = self.origin(lambda wire: wire.send(MALFORMED[0][2]))
        self.assertIn(b"not valid HTTP", self.proxy().get(origin.url()).body)

    def test_malformed_answers_are_the_same_however_they_arrive(self):
        proxy = self.proxy("--access-log", "off")
        for detail, title, data in MALFORMED:
            if detail == "bad-chunk":
                continue  # by then, the head has been passed on
            step = 1 if len(data) < 200 else 97
            origin = self.origin(lambda wire, data=data, step=step: (wire.send_in_pieces(data, step), wire.until_gone()))
            self.assert_own_answer(proxy.get(origin.url()), 502, title)

    def test_faults_with_one_reading_are_mended(self):
        """By a forward proxy, one with a parent, and a reverse proxy; to HTTP/1.0 and 1.1 clients; whole and byte by byte."""
        said = {}
        origin = self.origin(lambda wire: wire.send_in_pieces(said["data"], said["piece"]))
        ways = ((self.proxy("--access-log", "off"), origin.url()),
                (self.proxy("--parent", origin.url()[:-1], "--access-log", "off"), "http://o.test/"),
                (self.proxy("--reverse", f"127.0.0.1:0={origin.authority}", "--access-log", "off", port=None), "/"))
        for title, data in READABLE:
            for piece in (len(data), 1):
                said.update(data=data, piece=piece)
                for way, (proxy, url) in enumerate(ways):
                    for version in ("1.0", "1.1"):
                        with self.subTest(title, piece=piece, way=way, version=version), proxy.connect() as client:
                            client.send(request(url, "Host: o.test", "Connection: close", version=version))
                            head, body = read_answer(client)
                            while head.status < 200:
                                head, body = read_answer(client)
                            self.assertEqual((head.status, body), (200, b"hello"), head.raw)
                            self.assertRegex(head.raw, rb"\A(?:[!-~][ -~]*\r\n)+\r\n\Z")  # lines of the grammar
                            self.assertNotIn(b" :", head.raw)

    def test_an_answer_before_the_request(self):
        """Some origins talk first; what they say is taken as the answer."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            proxy = self.proxy()
            client = self.client(proxy.ask(f"http://127.0.0.1:{listener.getsockname()[1]}/", "Content-Length: 5", method="PUT"))
            connection, _ = listener.accept()
            with connection:
                connection.sendall(ok(b"early"))
                connection.shutdown(socket.SHUT_WR)
                self.assertEqual(client.rest().body, b"early")
