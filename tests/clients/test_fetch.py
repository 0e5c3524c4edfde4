"""HTTP clients fetch and send files, in each way, from and to real servers."""
import sys
import unittest
import urllib.parse

import ways
from harness import pattern
from real import authority, go_program, java_classes, needs, python_with

FILES = {"/small.txt": b"hello\n", "/large.bin": pattern(3_000_000), "/empty.txt": b"", "/a%20b/%C3%BC.txt": b"a name with a space\n"}
SENT = pattern(2_000_000)

URLLIB = "import sys, urllib.request as u\nfor url in sys.argv[1:]: sys.stdout.buffer.write(u.urlopen(url).read())"
REQUESTS = """import sys, requests
with requests.Session() as session:
    for url in sys.argv[1:]:
        answer = session.get(url)
        answer.raise_for_status()
        sys.stdout.buffer.write(answer.content)"""
REQUESTS_POST = """import sys, requests
answer = requests.post(sys.argv[1], data=iter(lambda: sys.stdin.buffer.read(50000), b''))
answer.raise_for_status()
sys.stdout.buffer.write(answer.content)"""
NODE = "(async () => { for (const url of process.argv.slice(1)) process.stdout.write(Buffer.from(await (await fetch(url)).arrayBuffer())); })()"


class Fetches:
    """One run of a program fetches several files from each server; what it prints is their content."""

    def fetch(self, *command):
        for path, content in FILES.items():
            self.put(urllib.parse.unquote(path[1:]), content)
        printed = self.run_program(*command, *(self.base(server) + path for server in self.servers() for path in FILES))
        for server in self.servers():
            for path, content in FILES.items():
                self.assertTrue(printed.startswith(content), (server, path, printed[:200]))
                printed = printed[len(content):]
        self.assertEqual(printed, b"")
        for server in self.servers():
            self.assert_passed(server, "/small.txt")

    @needs("curl")
    def test_curl(self):
        self.fetch("curl", "-sSf", *self.configure("curl"))

    @needs("curl")
    def test_curl_by_variables(self):
        self.fetch("curl", "-sSf", *self.configure("any Unix program"))

    @needs("curl")
    def test_curl_that_decompresses(self):
        self.fetch("curl", "-sSf", "--compressed", *self.configure("curl"))

    @needs("curl")
    def test_curl_in_parallel(self):
        self.put("small.txt", b"small")
        self.configure("curl")
        for server in self.servers()[:1]:
            urls = [f"{self.base(server)}/small.txt?{number}" for number in range(100)]
            self.assertEqual(self.run_program("curl", "-sSf", "-Z", "--parallel-max", "20", *urls), b"small" * 100)

    @needs("wget")
    def test_wget(self):
        self.fetch("wget", "-q", "-O", "-", f"--ca-certificate={authority().ca}", *self.configure("wget"))

    @needs("wget")
    def test_wget_by_variables(self):
        self.fetch("wget", "-q", "-O", "-", f"--ca-certificate={authority().ca}", *self.configure("any Unix program"))

    def test_python_urllib(self):
        self.fetch(sys.executable, "-c", URLLIB, *self.configure("Python urllib"))

    @unittest.skipUnless(python_with("requests"), "not installed: python3-requests (see setup.sh)")
    def test_python_requests(self):
        self.fetch(python_with("requests"), "-c", REQUESTS, *self.configure("Python requests"))

    @needs("go")
    def test_go(self):
        self.fetch(go_program(), *self.configure("Go net/http"))

    @needs("java", "javac")
    def test_java_url_connection(self):
        self.fetch("java", "-cp", java_classes(), "Get", authority().ca, "url", *self.configure("Java"))

    @needs("java", "javac")
    def test_java_http_client(self):
        self.fetch("java", "-cp", java_classes(), "Get", authority().ca, "client", *self.configure("Java"))

    @needs("node")
    def test_node(self):
        options = self.configure("Node.js fetch")
        version = int(self.run_program("node", "-p", "process.versions.node").split(b".")[0])
        if version < 24 and not isinstance(self, ways.Reverse):  # it uses no proxy, and finds no server
            self.run_program("node", "-e", NODE, self.base(self.nginx) + "/", status=1)
        else:
            self.fetch("node", "-e", NODE, *options)


class Resumes:
    """A second run continues where the first one stopped."""

    def resume(self, *command):
        for server in self.servers()[:1]:  # Python's server has no ranges
            self.put("large.bin", FILES["/large.bin"])
            part = self.home / "large.bin"
            part.write_bytes(FILES["/large.bin"][:1_234_567])
            self.run_program(*command, self.base(server) + "/large.bin")
            self.assertTrue(part.read_bytes() == FILES["/large.bin"])
            self.assert_206(server)

    def assert_206(self, server):
        if self.scheme == "http":
            log = self.via if hasattr(self, "via") else self.front(server)
            self.assertTrue(log.line("/large.bin 206 "))

    @needs("curl")
    def test_curl(self):
        self.resume("curl", "-sSf", "-O", "-C", "-", *self.configure("curl"))

    @needs("wget")
    def test_wget(self):
        self.resume("wget", "-q", "-c", f"--ca-certificate={authority().ca}", *self.configure("wget"))


class Mirrors:
    """wget follows the links of real listings."""

    @needs("wget")
    def test_wget(self):
        names = [f"d{number % 3}/{number}.txt" for number in range(30)]
        for name in names:
            self.put(name, name.encode())
        self.configure("wget")
        for server in self.servers():
            with self.subTest(server=type(server).__name__):
                target = self.own_folder(f"mirror-{type(server).__name__}")
                self.run_program("wget", "-q", "-r", "-np", "-nH", "-P", target, f"--ca-certificate={authority().ca}", self.base(server) + "/d0/",
                                 self.base(server) + "/d1/", self.base(server) + "/d2/")
                self.assertEqual([(target / name).read_bytes() for name in names], [name.encode() for name in names])


class Sends:
    """What a program sends comes back from a CGI program; a length that is not known is sent in chunks."""

    def send(self, *command, read=True):
        url = self.base(self.nginx if self.scheme == "https" else self.lighttpd) + "/cgi/echo"
        (self.home / "sent").write_bytes(SENT)
        printed = self.run_program(*command, url, **({"input": SENT} if read else {}))
        self.assertTrue(printed == SENT, (len(printed), printed[:200]))

    @needs("curl")
    def test_curl(self):
        options = self.configure("curl")
        self.send("curl", "-sSf", "--data-binary", "@sent", *options, read=False)
        self.send("curl", "-sSf", "-T", "sent", "-X", "POST", *options, read=False)
        self.send("curl", "-sSf", "-T", "-", "-X", "POST", *options)

    @needs("wget")
    def test_wget(self):
        self.send("wget", "-q", "-O", "-", "--post-file=sent", f"--ca-certificate={authority().ca}", *self.configure("wget"), read=False)

    @unittest.skipUnless(python_with("requests"), "not installed: python3-requests (see setup.sh)")
    def test_python_requests(self):
        self.send(python_with("requests"), "-c", REQUESTS_POST, *self.configure("Python requests"))

    @needs("go")
    def test_go(self):
        self.send(go_program(), "-post", *self.configure("Go net/http"))

    @needs("java", "javac")
    def test_java(self):
        self.send("java", "-cp", java_classes(), "Get", authority().ca, "post", *self.configure("Java"))


for _tests in (Fetches, Resumes, Mirrors, Sends):
    ways.in_each_way(_tests, globals())
del _tests

if __name__ == "__main__":
    unittest.main()
