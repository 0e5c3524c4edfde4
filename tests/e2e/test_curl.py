"""curl as a client, with the options people use: what it prints is what the origin has sent, byte for byte."""
import hashlib
import os
import shutil
import subprocess
import tempfile
import unittest

from harness import PATIENCE, Case, closed_port, ok, pattern


def echo(wire):
    """Answers with the method, the hash of the body, and a few fields."""
    body = wire.read_body()
    lines = [wire.head.method, wire.head.target, hashlib.sha256(body).hexdigest(), *wire.head.all("X-Test"), *wire.head.all("Cookie")]
    wire.send(ok("\n".join(lines).encode()))


def digest(data):
    return hashlib.sha256(data).hexdigest()


@unittest.skipUnless(shutil.which("curl"), "curl is not installed")
class Curl(Case):
    def setUp(self):
        self.folder = self.enter(tempfile.TemporaryDirectory())
        self.via, self.server = self.proxy(), self.origin(echo)

    def run_curl(self, *arguments, expected=0):
        command = ["curl", "-q", "-sS", "--max-time", str(PATIENCE), "-x", f"http://127.0.0.1:{self.via.port}", "--noproxy", ""]
        done = subprocess.run([*command, *arguments], capture_output=True, stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, expected, (arguments, done.stderr))
        return done.stdout

    def file(self, data):
        path = os.path.join(self.folder, f"file{len(data)}")
        with open(path, "wb") as file:
            file.write(data)
        return path

    def asked(self, *arguments, path="/"):
        return self.run_curl(*arguments, self.server.url(path)).decode().split("\n")

    def test_get(self):
        for options in ((), ("--http1.0",), ("--http1.1",), ("--compressed",), ("-4",)):
            self.assertEqual(self.asked(*options, path="/a?b=c")[:2], ["GET", "/a?b=c"], options)

    def test_methods(self):
        for method in ("DELETE", "OPTIONS", "PATCH", "PROPFIND", "TRACE", "POST", "PUT", "WHATEVER"):
            self.assertEqual(self.asked("-X", method)[0], method)

    def test_fields(self):
        sent = self.asked("-H", "X-Test: one", "-H", "X-Test: two", "-H", "Cookie: a=b", "-H", "Connection: keep-alive", "-A", "me")
        self.assertEqual(sent[3:], ["one", "two", "a=b"])
        self.assertEqual(self.server.heads[-1].all("User-Agent"), ["me"])
        self.assertEqual(self.server.heads[-1].all("Connection"), [])

    def test_posts(self):
        self.assertEqual(self.asked("-d", "a=b&c=d")[::2], ["POST", digest(b"a=b&c=d")])
        for size in (0, 1, 1000, 1_000_000, 5_000_000):
            data = pattern(size)
            self.assertEqual(self.asked("--data-binary", "@" + self.file(data))[::2], ["POST", digest(data)], size)
            self.assertEqual(self.asked("--http1.0", "--data-binary", "@" + self.file(data))[::2], ["POST", digest(data)], size)

    def test_uploads(self):
        """From a MiB on, curl asks first whether it may (Expect: 100-continue)."""
        for size in (0, 1, 100_000, 1_000_000, 3_000_000):
            data = pattern(size)
            self.assertEqual(self.asked("-T", self.file(data), path="/put")[::2], ["PUT", digest(data)], size)
            self.assertEqual(self.asked("-H", "Expect: 100-continue", "-T", self.file(data), path="/put")[::2], ["PUT", digest(data)], size)
            self.assertEqual(self.asked("-H", "Expect:", "-T", self.file(data), path="/put")[::2], ["PUT", digest(data)], size)

    def test_forms(self):
        data = pattern(70_000)
        self.asked("-F", "file=@" + self.file(data), "-F", "name=value")
        self.assertIn("multipart/form-data", self.server.heads[-1].all("Content-Type")[0])

    def test_head(self):
        lines = self.run_curl("-I", self.server.url()).split(b"\r\n")
        self.assertEqual(lines[0], b"HTTP/1.1 200 OK")
        self.assertEqual(self.server.heads[-1].method, "HEAD")

    def test_bytes_of_answers(self):
        for size in (0, 1, 16384, 2_000_000):
            data = pattern(size)
            for head in (ok(data), b"HTTP/1.0 200 OK\r\n\r\n" + data,
                         b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"%x\r\n%s\r\n" % (size, data) if size else b"") + b"0\r\n\r\n"):
                origin = self.origin(lambda wire, head=head: wire.send(head))
                self.assertEqual(self.run_curl(origin.url()), data)

    def test_several_urls_in_one_run(self):
        """curl would like to keep the connection, and finds each time that it is over."""
        urls = [self.server.url(f"/{number}") for number in range(5)]
        out = self.run_curl(*urls).decode()
        self.assertEqual([head.target for head in self.server.heads], [f"/{number}" for number in range(5)])
        self.assertEqual(out.count("GET"), 5)

    def test_parallel(self):
        urls = [self.server.url(f"/{number}") for number in range(40)]
        out = self.run_curl("--parallel", "--parallel-max", "20", *urls).decode()
        self.assertEqual(out.count("GET"), 40)

    def test_ranges_and_conditions_are_the_origins_business(self):
        self.asked("-r", "0-9", "-H", "If-Modified-Since: Wed, 01 Jan 2020 00:00:00 GMT")
        self.assertEqual(self.server.heads[-1].all("Range"), ["bytes=0-9"])
        self.assertEqual(len(self.server.heads[-1].all("If-Modified-Since")), 1)

    def test_proxy_credentials_stay_with_the_proxy(self):
        self.asked("--proxy-user", "user:secret", "-u", "me:mine")
        self.assertEqual(self.server.heads[-1].all("Proxy-Authorization"), [])
        self.assertEqual(len(self.server.heads[-1].all("Authorization")), 1)

    def test_failures(self):
        self.run_curl("-f", f"http://127.0.0.1:{closed_port()}/", expected=22)  # an error status
        self.run_curl("https://127.0.0.1:2/", expected=56)  # CONNECT is refused
        origin = self.origin(lambda wire: wire.send(b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nhalf"))
        self.run_curl(origin.url(), expected=18)  # cut short

    def test_through_a_tunnel(self):
        for options in ((), ("--http1.0",), ("--http1.1",), ("--proxy1.0", f"127.0.0.1:{self.via.port}")):
            self.assertEqual(self.asked("-p", *options, "-d", "abc")[::2], ["POST", digest(b"abc")], options)
        self.assertEqual(self.server.heads[-1].all("Via"), [])

    def test_many_requests_over_one_connection(self):
        out = self.run_curl("-w", "%{num_connects}\n", *[part for n in range(5) for part in ("-o", "/dev/null", self.server.url(f"/{n}"))])
        self.assertEqual(out.split(), [b"1", b"0", b"0", b"0", b"0"])

    def test_an_upload_of_unknown_length(self):
        """curl sends it in chunks."""
        data = pattern(300_000)
        with subprocess.Popen(["cat", self.file(data)], stdout=subprocess.PIPE) as cat:
            done = subprocess.run(["curl", "-q", "-sS", "-x", f"http://127.0.0.1:{self.via.port}", "-T", "-",
                                   self.server.url()], capture_output=True, stdin=cat.stdout, check=False)
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(self.server.heads[-1].all("Transfer-Encoding"), ["chunked"])
