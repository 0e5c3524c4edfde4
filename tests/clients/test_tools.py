"""ab, socat, clients that ask for h2c, and browsers."""
import functools
import json
import pathlib
import re
import subprocess
import unittest

import use_with
import ways
from harness import pattern
from real import HOST, Nghttpx, Real, authority, java_classes, needs
from web import HAS_JSON, at


class Ab:
    """ab(1) compares the length of each response with the first one. It knows no CONNECT."""

    @needs("ab")
    def test_ab(self):
        self.put("file.bin", pattern(20_000))
        options = self.configure("ab")
        options = options[0].split() if options else []
        for server in (self.nginx, self.lighttpd):  # Python's server accepts few connections at once
            for further in ((), ("-k",), ("-i",)):
                with self.subTest(server=type(server).__name__, options=further):
                    report = self.run_program("ab", "-q", "-n", "300", "-c", "10", *further, *options, self.base(server) + "/file.bin").decode()
                    self.assertRegex(report, r"Complete requests: +300\nFailed requests: +0\n")
                    self.assertNotIn("Non-2xx", report)
                    if further == ("-k",) and isinstance(self, ways.Reverse):
                        self.assertRegex(report, r"Keep-Alive requests: +300\n")
                    self.assertRegex(report, r"HTML transferred: +%d bytes\n" % (0 if further == ("-i",) else 300 * 20_000))

    @needs("ab")
    def test_ab_that_posts(self):
        (self.home / "sent").write_bytes(pattern(30_000))
        options = self.configure("ab")
        url = self.base(self.lighttpd) + "/cgi/echo"
        report = self.run_program("ab", "-q", "-n", "40", "-c", "4", "-p", "sent", *(options[0].split() if options else []), url).decode()
        self.assertRegex(report, r"Complete requests: +40\nFailed requests: +0\n")
        self.assertRegex(report, r"HTML transferred: +1200000 bytes\n")


class H2c:
    """A client asks a server that knows h2c to upgrade to it: the proxy removes this, and the request is answered by HTTP/1.1."""

    @functools.cached_property
    def server(self):
        self.put("file.bin", pattern(300_000))
        self.put("small", b"small")  # curl fails if more than 32 KiB follow a 101 at once
        return self.enter(Nghttpx(self.own_folder("nghttpx"), behind=self.lighttpd))

    @needs("curl", "nghttpx")
    def test_curl(self):
        direct = f"http://127.0.0.1:{self.server.port}/small"
        self.assertRegex(self.run_program("curl", "-sSf", "--http2", "-w", "%{http_version}", "-o", "got", direct), rb"^2$")
        self.configure("curl")
        shown = self.run_program("curl", "-sSf", "--http2", "-w", "%{http_version}", "-o", "got", self.base(self.server) + "/file.bin")
        self.assertEqual(shown, b"1.1")
        self.assertTrue((self.home / "got").read_bytes() == pattern(300_000))

    @needs("curl", "nghttpx")
    def test_curl_that_posts(self):
        (self.home / "sent").write_bytes(pattern(50_000))
        self.configure("curl")
        sent = self.run_program("curl", "-sSf", "--http2", "--data-binary", "@sent", self.base(self.server) + "/cgi/echo")
        self.assertTrue(sent == pattern(50_000))

    @needs("java", "javac", "nghttpx")
    def test_java(self):
        self.configure("Java")
        url = self.base(self.server) + "/file.bin"
        self.assertTrue(self.run_program("java", "-cp", java_classes(), "Get", authority().ca, "client", url) == pattern(300_000))


class Mistakes(ways.Forward):
    """What the log says if a program is set up wrongly, as in docs/use-with.md."""

    def assert_end(self, reason):
        self.assertIn(f"end={reason}`", use_with.DOCUMENT.read_text(encoding="utf-8"))
        self.assertTrue(self.via.line(f" end={reason} "))

    @needs("curl")
    def test_tls_to_the_proxy(self):
        self.run_program("curl", "-sS", "-x", f"https://127.0.0.1:{self.via.port}", self.base(self.nginx), status=35)
        self.assert_end("tls-instead-of-http")

    @needs("socat")
    def test_connect_without_host(self):
        self.run_program("socat", "-t", "600", "-", f"TCP:127.0.0.1:{self.via.port}", input=b"CONNECT web.test:443 HTTP/1.1\r\n\r\n")
        self.assert_end("bad-host")

    @needs("socat")
    def test_https_without_connect(self):
        request = b"GET https://web.test/ HTTP/1.1\r\nHost: web.test\r\n\r\n"
        self.run_program("socat", "-t", "600", "-", f"TCP:127.0.0.1:{self.via.port}", input=request)
        self.assert_end("scheme-unsupported")

    @needs("curl")
    def test_port(self):
        self.run_program("curl", "-sS", "-p", "-x", f"127.0.0.1:{self.via.port}", f"http://{HOST}:22/", status=56)
        self.assertTrue(self.via.line(" end=port-not-allowed "))


class InATunnel(ways.Tunnel):
    """Inside a tunnel the client and the server select the protocol themselves."""

    @needs("curl")
    def test_http_2(self):
        self.put("file.bin", pattern(300_000))
        self.configure("curl")
        shown = self.run_program("curl", "-sSf", "--http2", "-w", "%{http_version}", "-o", "got", self.base(self.nginx) + "/file.bin")
        self.assertEqual(shown, b"2")
        self.assertTrue((self.home / "got").read_bytes() == pattern(300_000))


class Socat(ways.Forward):
    """socat(1) opens a tunnel, or a connection to a TCP proxy, and sends its standard input."""
    REQUEST = f"GET /file.bin HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode()

    def assert_file(self, server, *address, log):
        with self.subTest(server=type(server).__name__):
            head, _, body = self.run_program("socat", "-t", "600", "-", *address, input=self.REQUEST).partition(b"\r\n\r\n")
            self.assertRegex(head, rb"^HTTP/1\.[01] 200 OK\r\n")
            self.assertTrue(body == pattern(300_000))
            self.assertTrue(log())

    @needs("socat")
    def test_tunnel(self):
        self.put("file.bin", pattern(300_000))
        (address,) = use_with.settings(use_with.row("socat"), self.via.port)
        for server in self.servers():
            self.assert_file(server, address.replace("HOST", HOST).replace("PORT", str(server.port)),
                             log=lambda server=server: self.via.line(f" CONNECT {HOST}:{server.port} 200 "))

    @needs("socat")
    def test_relay(self):
        self.put("file.bin", pattern(300_000))
        for server in self.servers():
            relay = self.proxy("--relay", f"127.0.0.1:0=127.0.0.1:{server.port}", port=None)
            self.assert_file(server, f"TCP:127.0.0.1:{relay.port}", log=lambda relay=relay: relay.line("127.0.0.1"))


@unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
class ProxyProtocol(Real):
    """nginx reads the PROXY headers of a TCP proxy, and the proxy those of curl."""

    @needs("curl")
    def test_to_nginx(self):
        for version in (1, 2):
            stream = {"type": "proxy", "upstream": f"127.0.0.1:{self.nginx.proxy_protocol_port}", "proxy_protocol_out": version}
            relay = self.configured(at(stream=stream))
            answer = self.run_program("curl", "-sSf", "--interface", "127.0.0.77", f"http://127.0.0.1:{relay.port}/")
            self.assertEqual(answer, b"127.0.0.77", version)

    @needs("curl")
    def test_from_curl(self):
        """The address goes on to nginx."""
        stream = {"type": "proxy", "upstream": f"127.0.0.1:{self.nginx.proxy_protocol_port}", "proxy_protocol_in": True, "proxy_protocol_out": 2,
                  "proxy_protocol_from": ["127.0.0.0/8"]}
        relay = self.configured(at(stream=stream))
        answer = self.run_program("curl", "-sSf", "--haproxy-protocol", "--interface", "127.0.0.77", f"http://127.0.0.1:{relay.port}/")
        self.assertEqual(answer, b"127.0.0.77")


class Browsing(ways.Forward):
    """A page whose script loads another one, in a browser with the proxy in its settings."""

    def setUp(self):
        super().setUp()
        self.put("index.html", b"<!DOCTYPE html><title>page</title><script src=script.js></script><p id=p>before</p><script>change()</script>")
        self.put("script.js", b"function change() { document.getElementById('p').textContent = 'after ' + location.host; }")

    def with_file(self, path, text):
        """The beginning of a command line: its program sees this file, and an otherwise empty directory around it."""
        json.loads(text)
        (self.home / "file").write_text(text, encoding="ascii")
        place = pathlib.Path(path).parent
        while not place.is_dir():
            place = place.parent
        script = f"mount -t tmpfs none {place} && mkdir -p {path.rpartition('/')[0]} && cp {self.home}/file {path}"
        if subprocess.run(["unshare", "-m", "sh", "-ec", script], env=self.environment, capture_output=True, check=False).returncode != 0:
            self.skipTest("a mount namespace cannot be had here")
        return "unshare", "-m", "sh", "-c", f'{script} && exec "$@"', "sh"


class Chromium(Browsing):
    """By each kind of setting."""

    def browse(self, *options, wrapper=()):
        page = self.run_program(*wrapper, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                                "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--disable-extensions",
                                f"--user-data-dir={self.home}/profile", "--dump-dom", *options, self.base(self.nginx) + "/")
        self.assertIn(f"after {HOST}:{self.nginx.port}", page.decode())
        self.assert_passed(self.nginx, "/script.js")

    @needs("chromium")
    def test_option(self):
        self.browse(*self.configure("Chromium", "command line"))

    @needs("chromium")
    def test_variables(self):
        self.browse(*self.configure("Chromium", "environment"))

    @needs("chromium")
    def test_pac_file(self):
        (script,) = self.configure("Chromium", "PAC file, --proxy-pac-url=URL")
        self.put("proxy.pac", script.encode())
        self.browse(f"--proxy-pac-url=http://127.0.0.1:{self.nginx.port}/proxy.pac")

    @needs("chromium", "unshare")
    def test_policy(self):
        path = use_with.row("Chromium", "/etc/chromium/policies/managed/proxy.json").where
        self.browse(wrapper=self.with_file(path, *self.configure("Chromium", path)))


class Firefox(Browsing):
    @needs("firefox-esr", "unshare")
    def test_policy(self):
        wrapper = self.with_file(use_with.row("Firefox").where, *self.configure("Firefox"))
        (self.home / "profile").mkdir()
        self.run_program(*wrapper, "firefox-esr", "--headless", "--no-remote", "--profile", self.home / "profile",
                         "--screenshot", self.home / "page.png", self.base(self.nginx) + "/")
        self.assertEqual((self.home / "page.png").read_bytes()[:4], b"\x89PNG")
        self.assert_passed(self.nginx, "/script.js")


class Document(unittest.TestCase):
    def test_each_row_has_a_test(self):
        """Each row is named where it is tried."""
        tests = "".join(path.read_text(encoding="utf-8") for path in use_with.DOCUMENT.parents[1].glob("tests/clients/test_*.py"))
        rows = list(use_with.rows())
        self.assertGreater(len(rows), 15)
        for row in rows:
            names = rf'"{re.escape(row.program)}"'
            if sum(other.program == row.program for other in rows) > 1:
                names += rf', "{re.escape(row.where)}"'
            self.assertTrue(re.search(rf"(configure|row)\({names}", tests), row)


for _tests in (Ab, H2c):
    ways.in_each_way(_tests, globals(), (ways.Forward, ways.Reverse))
del _tests

if __name__ == "__main__":
    unittest.main()
