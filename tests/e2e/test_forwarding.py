"""What goes out for what comes in, and what comes back."""
import hashlib

import socket
import subprocess
import tempfile
import threading
import unittest

from harness import LIGHT, PATIENCE, Answer, Origin, Proxy, heavy, native, ok, pattern, read_head


class Requests(unittest.TestCase):
    def setUp(self):
        self.proxy = self.enter(Proxy())
        self.origin = self.enter(Origin())

    def enter(self, context):
        self.addCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def seen(self, request):
        """The head that the origin gets for a request."""
        count = len(self.origin.heads)
        with self.proxy.ask(request.encode("latin-1")) as client:
            answer = Answer(client)
        self.assertEqual(answer.status, 200, answer.raw)
        return self.origin.wait_for(count + 1).decode("latin-1")

    def test_the_head_is_written_anew(self):
        at = self.origin.authority
        head = self.seen(f"GET http://{at}/a/b?c=d#e HTTP/1.1\r\nHost: other\r\nUser-Agent: me\r\nCookie: a=1\r\n"
                         "Connection: keep-alive, X-Mine\r\nX-Mine: 1\r\nProxy-Connection: keep-alive\r\nKeep-Alive: 5\r\n"
                         "TE: trailers\r\nProxy-Authorization: Basic eDp5\r\nCookie: b=2\r\nX-Unknown:  kept \r\n\r\n")
        self.assertEqual(head, f"GET /a/b?c=d HTTP/1.0\r\nHost: {at}\r\nUser-Agent: me\r\nCookie: a=1\r\nCookie: b=2\r\n"
                         "X-Unknown: kept\r\nVia: 1.1 proxy\r\nConnection: close\r\n\r\n")

    def test_forms_of_the_url(self):
        at = self.origin.authority
        for url, line in ((f"http://{at}", "GET / HTTP/1.0"), (f"http://{at}?q", "GET /?q HTTP/1.0"),
                          (f"http://u:p@{at}/x", "GET /x HTTP/1.0"), (f"HTTP://{at}/%41", "GET /%41 HTTP/1.0"),
                          (f"http://{at}#f", "GET / HTTP/1.0"), (f"http://{at}//a//b", "GET //a//b HTTP/1.0")):
            head = self.seen(f"GET {url} HTTP/1.0\r\n\r\n")
            self.assertEqual(head.split("\r\n")[:2], [line, f"Host: {at}"], url)

    def test_every_method(self):
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "brew"):
            head = self.seen(f"{method} {self.origin.url()} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            self.assertTrue(head.startswith(f"{method} / HTTP/1.0\r\n"), head)

    def test_localhost_is_either_loopback(self):
        for host in ("127.0.0.1", "::1"):
            with Origin(host=host) as origin:
                answer = self.proxy.get(f"http://localhost:{origin.port}/")
                self.assertEqual((answer.status, answer.body), (200, b"hello"), host)
                self.assertIn(f"Host: localhost:{origin.port}\r\n".encode(), origin.heads[0])

    def test_an_ipv6_host(self):
        with Origin(host="::1") as origin:
            self.assertEqual(self.proxy.get(origin.url()).status, 200)
            self.assertIn(f"Host: [::1]:{origin.port}\r\n".encode(), origin.heads[0])


class Bodies(unittest.TestCase):
    def upload(self, proxy, size, window=None):
        """The digest of what the origin got of a body of `size` bytes, and of what was sent."""
        got = hashlib.sha256()

        def serve(connection, _, rest):
            got.update(rest)
            left = size - len(rest)
            while left > 0:
                piece = connection.recv(1 << 18)
                if not piece:
                    return
                got.update(piece)
                left -= len(piece)
            connection.sendall(ok(b"taken"))

        sent, block = hashlib.sha256(), pattern(1 << 18)
        with Origin(serve, window=window) as origin:
            with proxy.ask(f"PUT {origin.url()} HTTP/1.0\r\nContent-Length: {size}\r\n\r\n".encode()) as client:
                left = size
                while left > 0:
                    piece = block[:left]
                    client.sendall(piece)
                    sent.update(piece)
                    left -= len(piece)
                self.assertEqual(Answer(client).body, b"taken")
        self.assertEqual(got.hexdigest(), sent.hexdigest(), size)

    def test_uploads(self):
        with Proxy() as proxy:
            for size in (0, 1, 16383, 16384, 16385, 1 << 20) + (() if LIGHT else (64 << 20,)):
                self.upload(proxy, size)

    def download(self, proxy, size, head, window=None):
        """Fetches `size` bytes, and compares them as they come."""
        def serve(connection, *_):
            connection.sendall(head)
            left, block = size, pattern(1 << 18)
            while left > 0:
                connection.sendall(block[:left])
                left -= min(left, len(block))

        with Origin(serve) as origin, proxy.ask(f"GET {origin.url()} HTTP/1.0\r\n\r\n".encode(), window=window) as client:
            _, rest = read_head(client)
            want, got, count = hashlib.sha256(), hashlib.sha256(rest), len(rest)
            left, block = size, pattern(1 << 18)
            while left > 0:
                want.update(block[:left])
                left -= min(left, len(block))
            while piece := client.recv(1 << 18):
                got.update(piece)
                count += len(piece)
        self.assertEqual((count, got.hexdigest()), (size, want.hexdigest()))

    def test_downloads(self):
        with Proxy() as proxy:
            for size in (0, 1, 15000, 16384, 70000, 1 << 20) + (() if LIGHT else (64 << 20,)):
                self.download(proxy, size, f"HTTP/1.0 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
                self.download(proxy, size, b"HTTP/1.0 200 OK\r\n\r\n")

    @heavy
    @native
    def test_a_gibibyte_in_little_memory(self):
        with Proxy() as proxy:
            self.download(proxy, 1 << 30, b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 30))
            peak = proxy.memory_kib("VmHWM")
        print(f"a GiB: at most {peak} KiB resident", flush=True)
        self.assertLess(peak, 32 * 1024)

    def test_the_first_byte_does_not_wait_for_the_last(self):
        read = threading.Event()

        def serve(connection, *_):
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nfirst")
            read.wait(PATIENCE)
            connection.sendall(b" last")

        with Proxy() as proxy, Origin(serve) as origin, proxy.ask(f"GET {origin.url()} HTTP/1.0\r\n\r\n".encode()) as client:
            _, rest = read_head(client)
            while len(rest) < 5:
                rest += client.recv(10)
            self.assertEqual(rest, b"first")
            read.set()
            self.assertEqual(Answer(client).raw, b" last")

    def test_an_upload_is_streamed(self):
        got = threading.Event()

        def serve(connection, _, rest):
            while len(rest) < 5:
                rest += connection.recv(10)
            got.set()
            while len(rest) < 10:
                rest += connection.recv(10)
            connection.sendall(ok(rest))

        with Proxy() as proxy, Origin(serve) as origin:
            with proxy.ask(f"PUT {origin.url()} HTTP/1.0\r\nContent-Length: 10\r\n\r\nfirst".encode()) as client:
                self.assertTrue(got.wait(PATIENCE))
                client.sendall(b" last")
                self.assertEqual(Answer(client).body, b"first last")

    def test_who_stops_reading_makes_the_other_wait(self):
        stuck = threading.Event()
        body = pattern(16 << 20)
        sent = [0]

        def serve(connection, *_):
            connection.settimeout(0.3)
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
            while sent[0] < len(body):
                try:
                    sent[0] += connection.send(body[sent[0]:sent[0] + 65536])
                except socket.timeout:
                    stuck.set()
                    connection.settimeout(PATIENCE)

        with Proxy() as proxy, Origin(serve) as origin:
            with proxy.ask(f"GET {origin.url()} HTTP/1.0\r\n\r\n".encode(), window=8192) as client:
                self.assertTrue(stuck.wait(PATIENCE), "the origin was never made to wait")
                self.assertLess(sent[0], len(body))
                _, rest = read_head(client)
                self.assertEqual(Answer(client, rest).raw, body)

    def test_chunks_of_the_origin_are_taken_out(self):
        chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: u\r\n\r\n"
        with Proxy() as proxy, Origin(lambda c, *_: c.sendall(chunks)) as origin:
            answer = proxy.get(origin.url())
        self.assertEqual((answer.status, answer.body, answer.field("Transfer-Encoding")), (200, b"abcdefg", []))

    def test_answers_without_a_body(self):
        for method, status in (("HEAD", 200), ("GET", 204), ("GET", 304)):
            head = f"HTTP/1.0 {status} X\r\nContent-Length: 5\r\n\r\n".encode()
            with Proxy() as proxy, Origin(lambda c, *_, head=head: c.sendall(head)) as origin:
                answer = proxy.get(origin.url(), method=method)
                self.assertEqual((answer.status, answer.body), (status, b""))

    def test_interim_answers(self):
        with Proxy() as proxy, Origin(lambda c, *_: c.sendall(b"HTTP/1.1 103 Early\r\n\r\n" + ok(b"late"))) as origin:
            answer = proxy.get(origin.url())
            self.assertEqual((answer.status, answer.body), (200, b"late"))

    def test_continue(self):
        def serve(connection, _, rest):
            while len(rest) < 3:
                rest += connection.recv(10)
            connection.sendall(ok(rest))

        with Proxy() as proxy, Origin(serve) as origin:
            request = f"PUT {origin.url()} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
            with proxy.ask(request.encode()) as client:
                head, rest = read_head(client)
                self.assertEqual((head, rest), (b"HTTP/1.1 100 Continue\r\n\r\n", b""))
                client.sendall(b"abc")
                self.assertEqual(Answer(client).body, b"abc")

    def test_an_early_answer(self):
        with Proxy() as proxy, Origin(lambda c, *_: c.sendall(ok(b"enough"))) as origin:
            with proxy.ask(f"PUT {origin.url()} HTTP/1.0\r\nContent-Length: 1000000\r\n\r\n".encode() + b"x" * 1000) as client:
                self.assertEqual(Answer(client).body, b"enough")


class Curl(unittest.TestCase):
    def curl(self, proxy, *arguments):
        done = subprocess.run(["curl", "-sS", "--max-time", str(PATIENCE), "-x", f"http://127.0.0.1:{proxy.port}", *arguments],
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_its_ways_to_ask(self):
        def serve(connection, head, rest):
            length = next((int(l.split(b":")[1]) for l in head.split(b"\r\n") if l.lower().startswith(b"content-length")), 0)
            while len(rest) < length:
                rest += connection.recv(65536)
            connection.sendall(ok(head.split(b" ")[0] + b" " + hashlib.sha256(rest).hexdigest().encode()))

        body = pattern(3_000_000)
        with tempfile.NamedTemporaryFile() as file, Proxy() as proxy, Origin(serve) as origin:
            file.write(body)
            file.flush()
            url, empty, full = origin.url(), hashlib.sha256(b"").hexdigest(), hashlib.sha256(body).hexdigest()
            self.assertEqual(self.curl(proxy, url).decode(), f"GET {empty}")
            self.assertEqual(self.curl(proxy, "--http1.0", url).decode(), f"GET {empty}")
            self.assertEqual(self.curl(proxy, "-X", "DELETE", url).decode(), f"DELETE {empty}")
            self.assertEqual(self.curl(proxy, "--data-binary", f"@{file.name}", url).decode(), f"POST {full}")
            self.assertEqual(self.curl(proxy, "-T", file.name, url).decode(), f"PUT {full}")
            self.assertIn(b"HTTP/1.0 200 OK", self.curl(proxy, "-I", url))


if __name__ == "__main__":
    unittest.main()
