"""A real browser, headless, through the proxy."""
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from harness import PATIENCE, Case, ok  # noqa: E402  pylint: disable=wrong-import-position

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


def png(width, height, colour):
    """A picture of one colour."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(colour) * width for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


@unittest.skipUnless(CHROMIUM, "chromium is not installed (make setup does it)")
class Browser(Case):
    def setUp(self):
        self.done, self.reported = self.gate(), []

    def serve(self, wire):
        path = wire.head.target
        if path.startswith("/picture/"):
            number = int(path.rpartition("/")[2])
            wire.send(ok(png(number + 1, 7, (number, 255 - number, 128)), "Content-Type: image/png", "Cache-Control: no-store"))
        elif path == "/":
            wire.send(ok(PAGE.encode(), "Content-Type: text/html"))
        elif path.startswith("/done"):
            self.reported.append((path, len(wire.read_body())))
            wire.send(ok())
            self.done.open()
        else:
            wire.send(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    def browse(self, proxy, url):
        """Starts a browser on a page; it is ended with the test."""
        profile = self.enter(tempfile.TemporaryDirectory(ignore_cleanup_errors=True) if sys.version_info >= (3, 10)
                             else tempfile.TemporaryDirectory())
        log = self.enter(tempfile.TemporaryFile())
        browser = subprocess.Popen(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
             "--disable-default-apps", "--disable-extensions", f"--user-data-dir={profile}", "--remote-debugging-port=0",
             f"--proxy-server=http://127.0.0.1:{proxy.port}", "--proxy-bypass-list=<-loopback>", url],
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


if __name__ == "__main__":
    unittest.main()
