"""What cannot be served, what is refused, and what breaks off."""
import socket
import threading
import unittest

from harness import PATIENCE, Answer, Origin, Proxy, closed_port, gone, native, ok, pattern, read_head, reset, wait_until

HEAD = b"GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: x\r\n"
POST = b"POST http://127.0.0.1:1/ HTTP/1.1\r\nHost: x\r\n"


class Refused(unittest.TestCase):
    def check(self, proxy, request, status, title):
        with proxy.ask(request) as client:
            answer = Answer(client)
        self.assertEqual(answer.status, status, (title, answer.raw))
        self.assertFalse(answer.reset, title)
        self.assertEqual(answer.field("Content-Length"), [str(len(answer.body))], title)
        self.assertEqual(answer.field("Connection"), ["close"], title)
        self.assertTrue(answer.body.startswith(str(status).encode()), title)

    def test_what_is_ambiguous_or_malformed(self):
        rows = [
            (400, "both lengths", POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
            (400, "two lengths", POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n"),
            (400, "a list of lengths", POST + b"Content-Length: 1, 1\r\n\r\n"),
            (400, "a length with a sign", POST + b"Content-Length: +1\r\n\r\n"),
            (400, "a length that is none", POST + b"Content-Length: x\r\n\r\n"),
            (400, "chunked twice", POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n"),
            (400, "identity", POST + b"Transfer-Encoding: identity\r\n\r\n"),
            (400, "bare LF", b"GET http://127.0.0.1:1/ HTTP/1.0\n\n"),
            (400, "bare CR", HEAD + b"A: b\rc\r\n\r\n"),
            (400, "NUL", HEAD + b"A: \0\r\n\r\n"),
            (400, "a folded line", HEAD + b"A: b\r\n c\r\n\r\n"),
            (400, "a blank before the colon", HEAD + b"A : b\r\n\r\n"),
            (400, "no colon", HEAD + b"A b\r\n\r\n"),
            (400, "a bad version", b"GET http://127.0.0.1:1/ HTTP/one\r\n\r\n"),
            (400, "no version", b"GET http://127.0.0.1:1/\r\n\r\n"),
            (400, "two Hosts", HEAD + b"Host: x\r\n\r\n"),
            (400, "no Host in 1.1", b"GET http://127.0.0.1:1/ HTTP/1.1\r\n\r\n"),
            (400, "a bad port", b"GET http://127.0.0.1:99999/ HTTP/1.0\r\n\r\n"),
            (400, "origin form", b"GET / HTTP/1.0\r\n\r\n"),
            (400, "TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
            (411, "chunks", POST + b"Transfer-Encoding: chunked\r\n\r\n"),
            (411, "POST without a length", b"POST http://127.0.0.1:1/ HTTP/1.0\r\n\r\n"),
            (414, "a long URL", b"GET http://127.0.0.1:1/" + b"a" * 9000 + b" HTTP/1.0\r\n\r\n"),
            (431, "a long head", HEAD + b"A: " + b"a" * 20000 + b"\r\n\r\n"),
            (431, "many fields", HEAD + b"a: b\r\n" * 101 + b"\r\n"),
            (501, "CONNECT", b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"),
            (501, "https", b"GET https://h/ HTTP/1.0\r\n\r\n"),
            (501, "gzip", POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n"),
            (505, "HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ]
        with Proxy() as proxy:
            for status, title, request in rows:
                self.check(proxy, request, status, title)

    def test_the_answer_reaches_a_client_that_is_still_sending(self):
        with Proxy() as proxy:
            # More than the sockets hold: so it is surely still sending when it is refused.
            with proxy.connect() as client:
                sender = threading.Thread(target=lambda: self.flood(client, POST + b"Content-Length: x\r\n\r\n"), daemon=True)
                sender.start()
                answer = Answer(client)
                sender.join(PATIENCE)
            self.assertEqual(answer.status, 400)
            self.assertEqual(answer.field("Content-Length"), [str(len(answer.body))])

    @staticmethod
    def flood(client, start):
        try:
            client.sendall(start)
            for _ in range(200):
                client.sendall(pattern(65536))
        except OSError:
            pass

    def test_hosts_that_cannot_be_reached(self):
        with Proxy() as proxy:
            port = closed_port()
            answer = proxy.get(f"http://127.0.0.1:{port}/")
            self.assertEqual(answer.status, 502)
            self.assertIn(b"refused", answer.body)
            self.assertIn(str(port).encode(), answer.body)
            proxy.line(f"http://127.0.0.1:{port}/ 502", "end=refused by=upstream error=ECONNREFUSED")

    def test_odd_answers(self):
        for title, bytes_, reason in (
                ("nothing", b"", "end=upstream-closed"), ("half a head", b"HTTP/1.0 200 OK\r\nA: b", "end=upstream-closed"),
                ("another protocol", b"SSH-2.0-x\r\n\r\n", "end=bad-response"), ("HTTP/0.9", b"<html>\r\n", "end=bad-response"),
                ("bare LF", b"HTTP/1.0 200 OK\nA: b\n\n", "end=bad-response(bad-line-end)"),
                ("two lengths", b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "end=bad-response(bad-length)"),
                ("both lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                 "end=bad-response(length-and-encoding)"),
                ("a folded line", b"HTTP/1.0 200 OK\r\nA: b\r\n c\r\n\r\n", "end=bad-response(folded-field)"),
                ("a long head", b"HTTP/1.0 200 OK\r\nA: " + b"a" * 20000 + b"\r\n\r\n", "end=bad-response(head-too-large)"),
                ("a bad chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "end=bad-response(bad-chunk)")):
            def serve(connection, *_, bytes_=bytes_):
                connection.sendall(bytes_)
                connection.shutdown(socket.SHUT_WR)
                gone(connection)

            with Proxy() as proxy, Origin(serve) as origin:
                self.assertEqual(proxy.get(origin.url()).status, 502, title)
                proxy.line(origin.url(), " 502 ", reason)

    def test_an_upstream_that_resets(self):
        with Proxy() as proxy, Origin(lambda c, *_: reset(c)) as origin:
            self.assertEqual(proxy.get(origin.url()).status, 502)
            proxy.line("end=upstream-reset", "error=ECONNRESET")

    def test_more_requests_than_allowed(self):
        free = threading.Event()

        def serve(connection, *_):
            free.wait(PATIENCE)
            connection.sendall(ok(b"served"))

        with Proxy("--max-requests", "1") as proxy, Origin(serve) as origin:
            request = f"GET {origin.url()} HTTP/1.0\r\n\r\n".encode()
            with proxy.ask(request) as first:
                origin.wait_for(1)
                for _ in range(3):
                    self.assertEqual(proxy.get(origin.url()).status, 503)
                free.set()
                self.assertEqual(Answer(first).body, b"served")
            proxy.line("#1 GET")
            wait_until(lambda: proxy.get(origin.url()).status == 200, "served again")


class Deadlines(unittest.TestCase):
    """Each wait has an end. The times are short, and only that they pass is waited for."""

    def test_of_the_client(self):
        with Proxy("--idle-timeout", "0.2", "--head-timeout", "0.2", "--body-timeout", "0.2", "--linger-timeout", "0.2") as proxy, \
                Origin(lambda c, h, r: gone(c)) as origin:
            with proxy.connect() as silent:
                self.assertEqual(Answer(silent).raw, b"")
            with proxy.ask(b"GET http") as half:
                self.assertEqual(Answer(half).status, 408)
            with proxy.ask(f"PUT {origin.url()} HTTP/1.0\r\nContent-Length: 9\r\n\r\nhalf".encode()) as half:
                self.assertEqual(Answer(half).status, 408)
            proxy.line("end=head-timeout by=client")
            proxy.line("end=body-timeout by=client")

    def test_of_the_upstream(self):
        def serve(connection, head, _):
            if b"/stops" in head:
                connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            gone(connection)

        with Proxy("--answer-timeout", "0.2", "--stream-timeout", "0.2") as proxy, Origin(serve) as origin:
            self.assertEqual(proxy.get(origin.url("/silent")).status, 504)
            proxy.line("/silent 504", "end=answer-timeout by=upstream")
            self.assertEqual(proxy.get(origin.url("/stops")).body, b"half")
            proxy.line("/stops 200", "end=upstream-stalled by=upstream")

    def test_of_connecting(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            fillers = [socket.socket() for _ in range(8)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            with Proxy("--connect-timeout", "0.3") as proxy:
                self.assertEqual(proxy.get(f"http://127.0.0.1:{listener.getsockname()[1]}/").status, 504)
                proxy.line("end=connect-timeout by=upstream")
            for filler in fillers:
                filler.close()

    def test_of_a_reader(self):
        body = pattern(16 << 20)
        with Proxy("--reader-timeout", "0.3") as proxy, Origin(lambda c, *_: c.sendall(ok(body))) as origin:
            with proxy.ask(f"GET {origin.url()} HTTP/1.0\r\n\r\n".encode(), window=8192) as client:
                proxy.line("end=client-stalled by=client")
                self.assertLess(len(Answer(client).body), len(body))


class Ends(unittest.TestCase):
    def test_an_answer_that_breaks_off_looks_broken_off(self):
        def serve(connection, head, _):
            length = b"Content-Length: 100\r\n" if b"/length" in head else b""
            connection.sendall(b"HTTP/1.0 200 OK\r\n" + length + b"\r\nhalf")
            seen.wait(PATIENCE)
            reset(connection) if b"/reset" in head else None

        with Proxy() as proxy, Origin(serve) as origin:
            for path, sees_reset in (("/length", False), ("/length/reset", False), ("/reset", True)):
                seen = threading.Event()
                with proxy.ask(f"GET {origin.url(path)} HTTP/1.0\r\n\r\n".encode()) as client:
                    _, rest = read_head(client)
                    while len(rest) < 4:
                        rest += client.recv(10)
                    seen.set()
                    self.assertEqual(Answer(client, rest).reset, sees_reset, path)

    def test_a_half_closed_client_gets_its_answer(self):
        free = threading.Event()

        def serve(connection, *_):
            free.wait(PATIENCE)
            connection.sendall(ok(b"late"))

        with Proxy() as proxy, Origin(serve) as origin:
            with proxy.ask(f"GET {origin.url()} HTTP/1.0\r\n\r\n".encode()) as client:
                client.shutdown(socket.SHUT_WR)
                self.assertEqual(client.recv(1), b"H")
                free.set()
                self.assertEqual(Answer(client, b"H").body, b"late")

    @native
    def test_a_client_that_leaves_is_let_go_at_once(self):
        left = threading.Semaphore(0)

        def serve(connection, head, _):
            if b"/answers" in head:
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nsome")
            gone(connection)
            left.release()

        with Proxy() as proxy, Origin(serve) as origin:
            before, count = proxy.descriptors(), 0
            for path, end in (("/waits", socket.socket.close), ("/waits", reset), ("/answers", reset)):
                client = proxy.ask(f"GET {origin.url(path)} HTTP/1.0\r\n\r\n".encode())
                count += 1
                origin.wait_for(count)
                if path == "/answers":
                    read_head(client)
                end(client)
                self.assertTrue(left.acquire(timeout=PATIENCE), f"the origin was not told: {path}")
            for end in (socket.socket.close, reset):
                end(proxy.connect())
                end(proxy.ask(b"GET http"))
            wait_until(lambda: proxy.descriptors() == before, "all descriptors are closed again")


if __name__ == "__main__":
    unittest.main()
