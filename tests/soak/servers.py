"""The servers behind the proxy: HTTP origins, a server for tunnels, a DNS server, and one that accepts no connection."""
import asyncio
import contextlib
import pathlib
import re
import socket
import struct
import sys

from content import Check

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import name_server  # noqa: E402

HALF_SECOND = 0.5
LIMIT = 1 << 16  # bytes that a stream holds


# Below those that Linux gives to clients without other settings (ip_local_port_range), as in a network of our own: while a server is
# stopped, no client gets its port.
PORTS = iter(range(20_000, 32_000))


def own_port():
    """A free port of 127.0.0.1 for a server that can be stopped and started again, by TCP and by UDP."""
    for port in PORTS:
        with contextlib.suppress(OSError), socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port")


def reset(writer):
    """Closes with RST."""
    made = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Server:
    """A TCP server that can be stopped and started again at the same port. What it sees that must not be is in `faults`."""

    def __init__(self, content, faults):
        self._content, self._faults, self._server, self._open = content, faults, None, set()
        self.port = 0

    async def start(self, listening=None):
        """`listening`: a bound socket of another network; otherwise a port of 127.0.0.1."""
        self.port = self.port or (0 if listening else own_port())
        place = {"sock": listening} if listening else {"host": "127.0.0.1", "port": self.port, "reuse_address": True}
        self._server = await asyncio.start_server(self._accept, limit=LIMIT, backlog=4096, **place)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self):
        """Closes the listener, and resets all connections."""
        self._server.close()
        for writer in list(self._open):
            reset(writer)

    def close_idle(self):
        """Closes all connections. REQUIRES: no exchange is in progress."""
        for writer in list(self._open):
            writer.close()

    async def _accept(self, reader, writer):
        self._open.add(writer)
        try:
            await self._serve(reader, writer)
        except (OSError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # the other end closed or reset
        finally:
            self._open.discard(writer)
            writer.close()

    async def _serve(self, reader, writer):
        raise NotImplementedError


class Origin(Server):
    """An HTTP server. The path is /KEY/SIZE/HOW: the body is the content of KEY, HOW says how it is sent, in words with a + between them."""

    async def _serve(self, reader, writer):
        kept = True
        while kept:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, target, version = head.partition("\r\n")[0].split(" ")
            key, size, how = target.split("/")[-3:]
            words = how.split("+")
            if "early" in words:  # before the request body is read
                await self._answer(writer, (key, int(size)), ("length",), method, "200 OK")
                return
            status = "200 OK"
            if re.search(r"^expect:", head, re.I | re.M):
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if not await self._read_body(reader, head, key):
                self._faults.append(f"the origin received another body than the client sent: {method} {target}")
                status = "409 Conflict"
            kept = await self._answer(writer, (key, int(size)), words, method, status) and version == "HTTP/1.1"

    async def _read_body(self, reader, head, key):
        """Whether a whole body is that of the key. Raises if it ends early."""
        check, right = Check(self._content, key + "^"), True
        if length := re.search(r"^content-length: *(\d+)", head, re.I | re.M):
            while (left := int(length[1]) - check.received) > 0:
                if not (data := await reader.read(min(left, LIMIT))):
                    raise EOFError
                right = check.add(data) and right
        elif re.search(r"^transfer-encoding: *chunked", head, re.I | re.M):
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                right = check.add(await reader.readexactly(size)) and right
                await reader.readexactly(2)
            await reader.readuntil(b"\r\n")
        expected = re.search(r"^x-size: *(\d+)", head, re.I | re.M)
        return right and check.received == int(expected[1] if expected else 0)

    async def _answer(self, writer, what, words, method, status):
        """Whether the connection can be used again."""
        key, size = what
        if "mute" in words:
            await asyncio.sleep(3600)
        if "garbage" in words:
            writer.write(b"\0\1\2 this is not HTTP\r\n\r\n")
            return False
        if "gone" in words:
            return False
        if "interim" in words:
            writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        framing = f"Content-Length: {size}\r\n" if "length" in words else "Transfer-Encoding: chunked\r\n" if "chunked" in words else "Connection: close\r\n"
        writer.write(f"HTTP/1.1 {status}\r\nX-Key: {key}\r\n{framing}\r\n".encode())
        if method != "HEAD":
            await self._send_body(writer, key, size, words)
        await writer.drain()
        return "close" not in words and "early" not in words

    async def _send_body(self, writer, key, size, words):
        sent, most = 0, LIMIT if not {"slow", "cut", "stall", "abort"} & set(words) else max(1, min(LIMIT, size // 5))
        for piece in self._content.pieces(key, size, most):
            if {"cut", "stall", "abort"} & set(words) and sent >= size // 2:
                await writer.drain()
                if "stall" in words:
                    await asyncio.sleep(3600)
                if "abort" in words:
                    reset(writer)
                raise EOFError
            if "slow" in words:
                await asyncio.sleep(HALF_SECOND / 3)
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if "chunked" in words else piece)
            await writer.drain()
            sent += len(piece)
        if "chunked" in words:
            writer.write(b"0\r\n\r\n")


class Line(Server):
    """The far end of a tunnel. The first line is `KEY UP DOWN END`: it receives UP bytes, while it sends DOWN bytes.
    Then it closes first (END is first), after the client (last), or with a reset (reset)."""

    async def _serve(self, reader, writer):
        words = (await reader.readuntil(b"\n")).decode("latin-1").split()
        if len(words) != 4:
            return  # of a client that resets
        key, up, down, end = words
        sending = asyncio.ensure_future(self._send(writer, key, int(down), end == "first"))
        try:
            await self._receive(reader, key, int(up))
            if end == "reset":
                await sending
                reset(writer)
            elif end == "last" and await reader.read(1):
                self._faults.append(f"tunnel {key}: bytes after the last one")
            await sending
            if end == "first" and await reader.read(1):
                self._faults.append(f"tunnel {key}: bytes after the last one")
        finally:
            sending.cancel()

    async def _send(self, writer, key, size, closes):
        for piece in self._content.pieces(key, size):
            writer.write(piece)
            await writer.drain()
        if closes:
            writer.write_eof()

    async def _receive(self, reader, key, size):
        check = Check(self._content, key + "^")
        while check.received < size:
            if not (data := await reader.read(min(LIMIT, size - check.received))):
                raise EOFError
            if not check.add(data):
                self._faults.append(f"tunnel {key}: wrong bytes before {check.received}")
                raise EOFError


class Names:
    """A DNS server for NAME.KIND.test. It answers by UDP, and by TCP. KIND says how: see ADDRESSES and _reply()."""
    ADDRESSES = {"dead": ["127.0.0.9"], "many": ["127.0.0.9", "127.0.0.8", "127.0.0.1"]}  # others have 127.0.0.1

    def __init__(self, addresses=None):
        self.port, self._addresses, self._udp, self._tcp = 0, addresses or self.ADDRESSES, None, None

    def start_at(self, bound):
        """`bound`: a non-blocking UDP socket, perhaps of another network; there it does not answer by TCP."""
        self._udp = bound
        asyncio.get_running_loop().add_reader(bound, self._read)

    async def start(self):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setblocking(False)
        self.port = self.port or own_port()
        made.bind(("127.0.0.1", self.port))
        self.start_at(made)
        self._tcp = await asyncio.start_server(self._serve_tcp, "127.0.0.1", self.port, reuse_address=True)

    def stop(self):
        asyncio.get_running_loop().remove_reader(self._udp)
        self._udp.close()
        self._tcp.close()

    def _read(self):
        """Reads all queries: asyncio's own datagram servers read one in each turn, and fall behind on a busy machine."""
        with contextlib.suppress(OSError):
            while True:
                self._reply(*self._udp.recvfrom(2048))

    def _reply(self, data, sender):
        kind = name_server.decode_question(data)[0].split(".")[-2]
        if kind == "mute":
            return
        if kind == "lies":  # another number, another question, half an answer
            for lie in (bytes([data[0] ^ 1]) + self._answer(data, "127.0.0.99")[1:], self._answer(data[:13] + b"x" + data[14:], "127.0.0.99"), data[:7]):
                self._send(lie, sender)
        answer = self._answer(data, truncated=kind == "long")
        if kind == "slow":
            asyncio.get_running_loop().call_later(HALF_SECOND, self._send, answer, sender)
        else:
            self._send(answer, sender)

    def _send(self, data, sender):
        with contextlib.suppress(OSError):  # the socket is full, or closed
            self._udp.sendto(data, sender)

    async def _serve_tcp(self, reader, writer):
        with contextlib.suppress(OSError, EOFError):
            while True:
                size = struct.unpack(">H", await reader.readexactly(2))[0]
                answer = self._answer(await reader.readexactly(size))
                writer.write(struct.pack(">H", len(answer)) + answer)
                await writer.drain()
        writer.close()

    def _answer(self, query, *addresses, truncated=False):
        name, kind, question = name_server.decode_question(query)
        how = name.split(".")[-2]
        code = {"nx": name_server.NXDOMAIN, "fail": name_server.SERVFAIL}.get(how, name_server.NOERROR)
        addresses = [] if code or truncated or kind != name_server.A else addresses or self._addresses.get(how, ["127.0.0.1"])
        records = [name_server.record(name, kind, 1, socket.inet_aton(address)) for address in addresses]
        flags = 0x8180 | code | (0x0200 if truncated else 0)
        return query[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 0) + question + b"".join(records)


class Hole:
    """A port at which connections are never complete: its accept queue is full."""

    def __init__(self):
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.port = self._listener.getsockname()[1]
        self._waiting = []
        for _ in range(4):
            made = socket.socket()
            made.setblocking(False)
            made.connect_ex(("127.0.0.1", self.port))
            self._waiting.append(made)
