"""The demo's origin: a web server with pages and pictures, and with slow, dripping, endless and broken responses."""
import asyncio
import contextlib
import socket
import struct
import urllib.parse

import pictures

KINDS = (("/page/1", "a page with four pictures"),
         ("/slow?seconds=10", "the response begins after 10 seconds"),
         ("/drip?seconds=20", "a byte now and then, 20 seconds long"),
         ("/huge", "64 MiB"),
         ("/cut", "the connection closes in the middle of the response"),
         ("/reset", "the connection is reset in the middle of the response"),
         ("/nonsense", "bytes that are not HTTP"),
         ("/missing", "a 404"))
BLOCK = bytes(range(256)) * 256
HUGE = 64 << 20
KNOWN = {200: "OK", 404: "Not Found", 405: "Method Not Allowed"}


class Request:
    """A request head, and the body's length."""

    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        self.method, target, self.version = (lines[0].split(" ") + ["", "", ""])[:3]
        self.fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
        url = urllib.parse.urlsplit(target)  # in absolute form if this origin is asked as the upstream proxy of demo.test
        self.path, self.query = url.path or "/", urllib.parse.parse_qs(url.query)
        self.kept = self.version == "HTTP/1.1" and self.fields.get("connection", "").lower() != "close"

    def seconds(self):
        try:
            return min(float(self.query.get("seconds", ["5"])[0]), 3600)
        except ValueError:
            return 5


class Connection:
    """A client's connection, as long as it is kept."""

    def __init__(self, reader, writer):
        self.reader, self.writer, self.request = reader, writer, None

    async def serve(self):
        with contextlib.suppress(OSError, EOFError, ValueError, asyncio.LimitOverrunError, asyncio.CancelledError):
            while await self.exchange():
                pass
        self.writer.close()

    async def exchange(self):
        """A request and its response. Returns false if the connection ends."""
        self.request = request = Request(await self.reader.readuntil(b"\r\n\r\n"))
        if request.method == "CONNECT":  # as an upstream proxy: whatever is asked for, it is this origin
            await self.send(b"HTTP/1.1 200 OK\r\n\r\n")
            return True
        if "100-continue" in request.fields.get("expect", ""):
            await self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        received = await self.read_body()
        if received:
            await self.respond(f"received {received} bytes\n".encode(), "text/plain")
            return request.kept
        name = request.path.strip("/").partition("/")[0]
        special = {"slow": self.slow, "drip": self.drip, "huge": self.huge, "cut": self.cut, "reset": self.reset, "nonsense": self.nonsense}
        if name in special:
            await special[name]()
        else:
            await self.found(name)
        return request.kept and name not in ("cut", "reset", "nonsense")

    async def read_body(self):
        """Reads the body. Returns its length in bytes."""
        received = 0
        if "chunked" in self.request.fields.get("transfer-encoding", ""):
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                received += len(await self.reader.readexactly(size + 2)) - 2
            await self.reader.readuntil(b"\r\n")
            return received
        length = int(self.request.fields.get("content-length", 0))
        while received < length:
            piece = await self.reader.read(min(1 << 16, length - received))
            if not piece:
                raise EOFError
            received += len(piece)
        return received

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, status, kind, length=None):
        """`length` None: in chunks, or to a client of HTTP/1.0 until the connection closes."""
        chunked = self.request.version == "HTTP/1.1"
        framing = f"Content-Length: {length}" if length is not None else "Transfer-Encoding: chunked" if chunked else "Connection: close"
        self.request.kept &= length is not None or chunked
        await self.send(f"HTTP/1.1 {status} {KNOWN[status]}\r\nServer: demo\r\nContent-Type: {kind}\r\nSet-Cookie: visit=1; Path=/\r\n{framing}\r\n\r\n".encode())

    async def respond(self, body, kind, status=200):
        await self.head(status, kind, len(body))
        if self.request.method != "HEAD":
            await self.send(body)

    async def found(self, name):
        """A page, a picture, or a 404."""
        last = self.request.path.rpartition("/")[2]
        number, _, ending = last.partition(".")
        if self.request.path == "/":
            await self.respond(pictures.start(KINDS), "text/html")
        elif name == "page" and number.isdecimal():
            await self.pieces(pictures.article(int(number) % 1000))
        elif name == "picture" and number.isdecimal() and ending in ("svg", "png"):
            make, kind = (pictures.svg, "image/svg+xml") if ending == "svg" else (pictures.png, "image/png")
            await self.respond(make(int(number) % 1000), kind)
        else:
            await self.respond(pictures.page("Not found", "<p>There is nothing here.</p>"), "text/html", 404)

    async def pieces(self, body, pause=0.0):
        """A response in pieces; the origin does not know its length before."""
        await self.head(200, "text/html")
        if self.request.method == "HEAD":
            return
        chunked = self.request.version == "HTTP/1.1"
        size = 1 if pause else 4096
        for start in range(0, len(body), size):
            piece = body[start:start + size]
            await self.send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            if pause:
                await asyncio.sleep(pause)
        if chunked:
            await self.send(b"0\r\n\r\n")

    async def slow(self):
        await asyncio.sleep(self.request.seconds())
        await self.respond(pictures.page("Slow", "<p>At last.</p>"), "text/html")

    async def drip(self):
        body = b"drip " * 10
        await self.pieces(body, max(0.001, self.request.seconds() / len(body)))

    async def huge(self):
        await self.head(200, "application/octet-stream", HUGE)
        for _ in range(HUGE // len(BLOCK)):
            await self.send(BLOCK)

    async def cut(self):
        await self.head(200, "application/octet-stream", 100000)
        await self.send(BLOCK[:5000])

    async def reset(self):
        await self.cut()
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def nonsense(self):
        await self.send(b"\x16\x03\x01 this is not a response\r\n\r\n")


async def start():
    """Starts the origin on a free loopback port. Returns the server and the port."""
    server = await asyncio.start_server(lambda reader, writer: Connection(reader, writer).serve(), "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]
