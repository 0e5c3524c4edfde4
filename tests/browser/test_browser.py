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
from harness import PATIENCE, Origin, Proxy, ok  # noqa: E402  pylint: disable=wrong-import-position

PICTURES = 100


def png(width, height, colour):
    """A picture of one colour."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes(colour) * width for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


PAGE = """<!doctype html><title>pictures</title><body>
<script>
let left = %d, good = 0;
for (let i = 0; i < %d; ++i) {
  const picture = new Image();
  picture.onload = picture.onerror = () => {
    if (picture.naturalWidth === i + 1 && picture.naturalHeight === 7) ++good;
    if (--left === 0) document.title = document.body.dataset.good = good;
  };
  picture.src = '/picture/' + i;
  document.body.append(picture);
}
</script>""" % (PICTURES, PICTURES)


def serve(connection, head, _):
    path = head.split(b" ")[1].decode()
    if path.startswith("/picture/"):
        number = int(path.rpartition("/")[2])
        connection.sendall(ok(png(number + 1, 7, (number, 255 - number, 128)), "Content-Type: image/png\r\n"))
    elif path == "/":
        connection.sendall(ok(PAGE.encode(), "Content-Type: text/html\r\n"))
    else:
        connection.sendall(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")


@unittest.skipUnless(shutil.which("chromium"), "chromium is not installed (make setup does it)")
class Browser(unittest.TestCase):
    def test_a_page_of_a_hundred_pictures(self):
        with tempfile.TemporaryDirectory() as profile, Proxy() as proxy, Origin(serve) as origin:
            browser = subprocess.run(
                ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
                 f"--user-data-dir={profile}", f"--proxy-server=http://127.0.0.1:{proxy.port}",
                 "--proxy-bypass-list=<-loopback>", "--virtual-time-budget=30000", "--dump-dom", origin.url()],
                capture_output=True, text=True, timeout=4 * PATIENCE, check=False, env={**os.environ, "HOME": profile})
            self.assertIn(f'data-good="{PICTURES}"', browser.stdout, browser.stderr[-2000:])
            for number in range(PICTURES):
                proxy.line(f"GET {origin.url(f'/picture/{number}')} 200", "end=complete")
            asked = [head.split(b" ")[1].decode() for head in origin.heads]
            self.assertEqual(sorted(a for a in asked if a.startswith("/picture")), sorted(f"/picture/{i}" for i in range(PICTURES)))
            self.assertTrue(all(b"\r\nVia: 1.1 proxy\r\n" in head for head in origin.heads), "nothing went past the proxy")


if __name__ == "__main__":
    unittest.main()
