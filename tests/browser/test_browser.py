"""A real browser, headless, through the proxy."""
import base64
import hashlib
import json
import os
import pathlib
import shutil
import ssl
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
# pylint: disable=wrong-import-position
from authority import Authority  # noqa: E402
from harness import PATIENCE, Case, Origin, Wire, ok  # noqa: E402
from web import InAFolder, PythonServer, end_to_end, get  # noqa: E402

PICTURES = 100
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# Each picture has a width of its own; the page says in the end how many were drawn, and how many were right.
PAGE = """<!doctype html><title>pictures</title><body>
<script>
let left = %d, good = 0;
for (let i = 0; i < %d; ++i) {
  const picture = new Image();
  picture.onload = picture.onerror = () => {
    if (picture.naturalWidth === i + 1 && picture.naturalHeight === 7) ++good;
    if (--left === 0) fetch('/done?good=' + good, {method: 'POST', body: 'x'.repeat(100000)});
  };
  picture.src = '/picture/' + i;
  document.body.append(picture);
}
</script>""" % (PICTURES, PICTURES)


# Says what came back of what was sent through a WebSocket.
ECHO = """<!doctype html><title>echo</title><script>
const socket = new WebSocket(location.href.replace(/^http/, 'ws') + 'echo'), back = [];
const sent = ['a', 'b'.repeat(1000), 'c'.repeat(100000)];
socket.onopen = () => sent.forEach(text => socket.send(text));
socket.onmessage = event => {
  back.push(event.data);
  if (back.length === sent.length)
    fetch('/done?good=' + sent.every((text, i) => text === back[i]), {method: 'POST', body: 'x'.repeat(100000)});
};
socket.onerror = () => fetch('/done?good=error', {method: 'POST', body: ''});
</script>"""


# The same pictures as files, and fields that must be those of the server's answer.
FOLDER = """<!doctype html><title>folder</title><body>%s<script>
onload = async () => {
  const good = [...document.images].filter((picture, i) => picture.naturalWidth === i + 1 && picture.naturalHeight === 7).length;
  const fields = (await fetch('fields.txt')).headers, wanted = %s;
  fetch('/done?good=' + good + '&fields=' + Object.keys(wanted).every(name => fields.get(name) === wanted[name]));
};
</script>"""


def echo_frames(wire):
    """RFC 6455 section 5: each message of the client goes back, until it closes."""
    while True:
        start = wire.read(2)
        if len(start) < 2 or start[0] & 0xF == 8:
            return
        length = start[1] & 0x7F
        if length == 126:
            length = struct.unpack(">H", wire.read(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", wire.read(8))[0]
        mask = wire.read(4)
        data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(wire.read(length)))
        size = bytes([length]) if length < 126 else struct.pack(">BH", 126, length) if length < 65536 else struct.pack(">BQ", 127, length)
        wire.send(start[:1] + size + data)


def png(width, height, colour):
    """A picture of one colour."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(colour) * width for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class SecureOrigin(Origin):
    """Its connections begin with TLS, not with a head."""

    def _run(self, wire):
        try:
            self._serve(wire)
        except (OSError, ssl.SSLError):
            pass  # the browser opens connections that it does not use
        finally:
            wire.close()


@unittest.skipUnless(CHROMIUM, "chromium is not installed (make setup does it)")
class Browsing(Case):
    def setUp(self):
        super().setUp()
        self.done, self.reported, self.page = self.gate(), [], None

    def serve(self, wire):
        path = wire.head.target
        if path.startswith("/picture/"):
            number = int(path.rpartition("/")[2])
            wire.send(ok(png(number + 1, 7, (number, 255 - number, 128)), "Content-Type: image/png", "Cache-Control: no-store"))
        elif path == "/echo":
            key = wire.head.all("Sec-WebSocket-Key")[0] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
            wire.send(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       f"Sec-WebSocket-Accept: {accept}\r\n\r\n").encode())
            echo_frames(wire)
        elif path == "/" and self.page:
            wire.send(ok(self.page.encode(), "Content-Type: text/html"))
        elif path == "/":
            wire.send(ok(PAGE.encode(), "Content-Type: text/html"))
        elif path.startswith("/done"):
            self.reported.append((path, len(wire.read_body())))
            wire.send(ok())
            self.done.open()
        else:
            wire.send(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    def browse(self, proxy, url, *options):
        """Starts a browser on a page, through the proxy if there is one; it is ended with the test."""
        profile = self.enter(tempfile.TemporaryDirectory(ignore_cleanup_errors=True) if sys.version_info >= (3, 10)
                             else tempfile.TemporaryDirectory())
        log = self.enter(tempfile.TemporaryFile())
        browser = subprocess.Popen(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
             "--disable-default-apps", "--disable-extensions", f"--user-data-dir={profile}", "--remote-debugging-port=0",
             *([f"--proxy-server=http://127.0.0.1:{proxy.port}", "--proxy-bypass-list=<-loopback>"] if proxy else ["--no-proxy-server"]),
             *options, url],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "HOME": profile})
        self.addCleanup(self.end, browser)

    @staticmethod
    def end(browser):
        browser.terminate()
        try:
            browser.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            browser.kill()
            browser.wait()


class Through(Browsing):
    """The proxy is set in the browser."""

    def test_a_page_of_a_hundred_pictures(self):
        proxy, origin = self.proxy(), self.origin(self.serve)
        self.browse(proxy, origin.url())
        self.done.wait()
        self.assertEqual(self.reported, [(f"/done?good={PICTURES}", 100_000)])
        # Each picture was asked for once, and through the proxy: its log has it, and the origin saw its mark.
        pictures = [f"/picture/{number}" for number in range(PICTURES)]
        for path in pictures:
            self.assertTrue(proxy.line(f" GET {origin.url(path)} 200 ").endswith(" end=complete by=upstream"))
        self.assertEqual(sorted(head.target for head in origin.heads if head.target.startswith("/picture/")), sorted(pictures))
        for head in origin.heads:
            self.assertIn("1.1 proxy", head.all("Via"), "a request that went past the proxy")
        self.assertEqual([line for line in proxy.lines if origin.authority in line and " 200 " not in line and "favicon" not in line], [])

    @unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
    def test_a_secure_page_with_a_websocket(self):
        authority = Authority(self.enter(tempfile.TemporaryDirectory()))
        context, self.page = authority.context(), ECHO

        def serve(wire):
            """Behind the TLS that the browser speaks through its tunnel."""
            with context.wrap_socket(wire.socket, server_side=True) as secure:
                inner = Wire(secure)
                if inner.read_head():
                    self.serve(inner)

        proxy, origin = self.proxy(), self.enter(SecureOrigin(serve))
        self.browse(proxy, f"https://127.0.0.1:{origin.port}/", f"--ignore-certificate-errors-spki-list={authority.fingerprint}")
        self.done.wait()
        self.assertEqual(self.reported, [("/done?good=true", 100_000)])
        self.assertTrue(proxy.line(f" CONNECT 127.0.0.1:{origin.port} 200 "))

    def test_a_websocket_without_tls(self):
        self.page = ECHO
        proxy, origin = self.proxy(), self.origin(self.serve)
        self.browse(proxy, origin.url())
        self.done.wait()
        self.assertEqual(self.reported, [("/done?good=true", 100_000)])


class InFront(InAFolder, Browsing):
    """The browser asks the reverse proxy as it would ask the server."""

    def test_a_folder_of_a_real_server(self):
        for number in range(PICTURES):
            self.put(f"picture/{number}.png", png(number + 1, 7, (number, 255 - number, 128)))
        self.put("fields.txt", b"fields")
        server = self.enter(PythonServer(self.public))
        with server.connect() as client:
            client.send(get("/fields.txt", "Connection: close"))
            fields = {name: value.strip() for name, _, value in (line.partition(":") for line in end_to_end(client.rest().head))}
        del fields["Date"]
        self.assertEqual(sorted(fields), ["Content-Length", "Content-type", "Last-Modified", "Server"])
        images = "".join(f'<img src="picture/{number}.png">' for number in range(PICTURES))
        self.put("index.html", (FOLDER % (images, json.dumps(fields))).encode())
        front = self.proxy("--reverse", f"127.0.0.1:0={server.authority}", port=None)
        self.browse(None, f"http://127.0.0.1:{front.port}/")
        self.assertIn(f"/done?good={PICTURES}&fields=true ", front.line("/done?good="))
        for number in range(PICTURES):
            self.assertTrue(front.line(f"/picture/{number}.png 200 ").endswith(" end=complete by=upstream"))


if __name__ == "__main__":
    unittest.main()
