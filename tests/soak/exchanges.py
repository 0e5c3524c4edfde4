"""The exchanges of clients with the proxy, each with a check of every byte that comes.

An exchange raises Deviation if it did not go as it must, but in a way that a disturbance explains; the caller knows which
disturbances there were. It raises Wrong if nothing explains it: wrong bytes, a cut response that looks whole, a timeout that came too late.
"""
import asyncio
import collections
import contextlib
import random
import re
import socket

import servers
from content import Check
from subject import TIMEOUTS

LIMIT = 1 << 16
SIZES = (0, 1, 10, 700, 4095, 4096, 16383, 16384, 16385, 40_000, 300_000)
LARGE = (900_000, 3_000_000)
LATE_S = 1.0   # a timeout may come so much later, and the lag of this process
EARLY_S = 0.05   # or earlier: this process may notice late that it is connected
TCP_CLOSED = 7  # the state of tcp(7)
STALLED_S = 40  # on a busy machine it takes some time until the buffers between origin and client are full
LINE_SIZES = (0, 1, 100, 16_384, 70_000, 700_000)


class Deviation(Exception):
    """`what`: refused (503 or 408 of the proxy: a shortage), refused with another status, closed (without a byte of the response), cut, early (a
    timeout came too early)."""

    def __init__(self, what, text=""):
        super().__init__(f"{what} {text}".strip())
        self.what = what


class Wrong(Exception):
    pass


def refused(status):
    return "refused" if status in (408, 503) else f"refused with {status}"


class Peer:
    """A connection to the proxy."""

    def __init__(self, reader, writer):
        self.reader, self.writer, self.received, self.status, self.fields, self.was_reset = reader, writer, 0, 0, "", False

    def send(self, data):
        self.writer.write(data)

    async def drain(self):
        with contextlib.suppress(OSError):  # the response, or its lack, says what became of the request
            await self.writer.drain()

    async def some(self, most=LIMIT):
        """The next bytes; empty at the end of the stream or after a reset."""
        try:
            data = await self.reader.read(most)
        except OSError:
            data, self.was_reset = b"", True
        self.received += len(data)
        return data

    async def head(self):
        """The next final head. Raises Deviation if the connection ends before it."""
        while True:
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
            except (OSError, EOFError) as error:
                partial = getattr(error, "partial", b"")
                raise Deviation("cut" if partial else "closed", f"in place of a head: {partial[:60]!r}") from None
            self.received += len(head)
            self.fields = head.decode("latin-1")
            self.status = int(self.fields.split(" ")[1])
            if self.status >= 200 or self.status == 101:
                return self.status

    def field(self, name):
        found = re.search(rf"^{name}: *(.*?)\r$", self.fields, re.I | re.M)
        return found[1] if found else None

    async def body(self, check, head_only=False):
        """Reads the body and compares it. Raises Deviation if it is visibly cut, Wrong if its bytes differ."""
        if head_only or self.status in (204, 304):
            return
        if "chunked" in (self.field("transfer-encoding") or ""):
            await self._chunks(check)
            return
        length = self.field("content-length")
        left = int(length) if length is not None else None
        while left is None or left > 0:
            data = await self.some(min(LIMIT, left) if left is not None else LIMIT)
            if not data:
                if left is None:
                    return
                raise Deviation("cut", f"{left} bytes before its end")
            self.compare(check, data)
            left = left - len(data) if left is not None else None

    async def _chunks(self, check):
        try:
            while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
                left = size
                while left > 0:
                    if not (data := await self.reader.read(min(left, LIMIT))):
                        raise EOFError
                    self.compare(check, data)
                    left -= len(data)
                await self.reader.readexactly(2)
            await self.reader.readuntil(b"\r\n")
        except (OSError, EOFError):
            raise Deviation("cut", "in a chunk") from None

    @staticmethod
    def compare(check, data):
        if not check.add(data):
            raise Wrong(f"wrong bytes before position {check.received}")

    async def rest(self):
        """All bytes up to the end of the stream, or a reset."""
        pieces = []
        while data := await self.some():
            pieces.append(data)
        return b"".join(pieces)

    def widen(self):
        """A large receive buffer, from now on."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)

    def reset(self):
        servers.reset(self.writer)

    def close(self):
        self.writer.close()


class Exchanges:
    """`place`: the ports and servers of the run. Each method is a kind of exchange; it gets a random source and a key of its own."""

    def __init__(self, content, subject, place, lag):
        self._content, self._subject, self._place, self._lag = content, subject, place, lag
        self.latest = {}  # kind of timeout: the most seconds it was late
        self.repeated = collections.Counter()  # {disturbance that closed a kept connection: requests that were sent again}

    # -- tools

    async def connect(self, role, source="127.0.0.1", window=0):
        made = socket.socket()
        made.setblocking(False)
        made.bind((source, 0))
        if window:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        try:
            await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", self._subject.ports[role]))
        except ConnectionResetError as error:  # while it waited to be accepted
            made.close()
            raise Deviation("closed", str(error)) from None
        except OSError as error:
            made.close()
            raise Wrong(f"no connection: {error}") from None
        return Peer(*await asyncio.open_connection(sock=made, limit=2048 if window else LIMIT))

    @contextlib.asynccontextmanager
    async def peer(self, role, source="127.0.0.1", window=0):
        made = await self.connect(role, source, window)
        try:
            yield made
        finally:
            made.close()

    def _url(self, key, size, how, host="127.0.0.1", port=None):
        return f"http://{host}:{port or self._place.origin.port}/{key}/{size}/{how}"

    def request(self, url, *fields, method="GET", version="1.1", body=b""):
        host = url.split("/")[2]
        lines = [f"{method} {url} HTTP/{version}", f"Host: {host}", *fields]
        return "".join(line + "\r\n" for line in lines).encode() + b"\r\n" + body

    async def answered(self, peer, key, size, method="GET", status=200):
        """Reads the whole response to a request, and checks it."""
        await peer.head()
        await self.checked_body(peer, key, size, method, status)

    @staticmethod
    def check_status(peer, status=200):
        """The response's head has come: raises unless it has this status."""
        if peer.status == status:
            return
        if peer.field("proxy-status") is None:
            raise Wrong(f"status {peer.status} in place of {status}, and not from the proxy: {peer.fields[:300]}")
        raise Deviation(refused(peer.status), peer.field("proxy-status"))

    async def checked_body(self, peer, key, size, method="GET", status=200):
        """The response's head has come: status and body must be right."""
        self.check_status(peer, status)
        check = Check(self._content, key)
        await peer.body(check, head_only=method == "HEAD")
        if method != "HEAD" and check.received != size:
            if check.received < size and peer.was_reset:
                raise Deviation("cut", f"after {check.received} bytes, by a reset")
            raise Wrong(f"{check.received} of {size} bytes, and it looks whole")

    def _size(self, rng):
        return rng.choice(LARGE) if rng.random() < 0.02 else rng.choice(SIZES)

    async def timed(self, kind, seconds, started, ending):
        """Awaits `ending`, which a timeout of `seconds` since `started` causes."""
        clock = asyncio.get_running_loop().time
        result = await ending
        late = clock() - started - seconds
        self.latest[kind] = max(late, self.latest.get(kind, 0))
        if late > LATE_S + self._lag():
            raise Wrong(f"{kind} after {late + seconds:.2f} s, expected {seconds} s")
        if late < -EARLY_S - self._lag():
            raise Deviation("early", f"{kind} after {late + seconds:.2f} s, expected {seconds} s: {result!r:.200}")
        return result

    # -- that must succeed

    async def forward(self, rng, key):
        """One request on a connection of its own."""
        size, framing = self._size(rng), rng.choice(("length", "chunked", "close"))
        words = "+".join([framing, *rng.sample(("interim", "slow"), rng.choice((0, 0, 0, 1)))])
        version, method = rng.choice(("1.1", "1.1", "1.0")), rng.choice(("GET", "GET", "GET", "HEAD"))
        async with self.peer("forward") as peer:
            peer.send(self.request(self._url(key, size, words), "Connection: close", method=method, version=version))
            await self.answered(peer, key, size, method)

    async def kept(self, rng, key, role="forward"):
        """Several requests on a connection; one that the proxy closes before a byte of the response is sent again (RFC 9112 section 9.3.1)."""
        peer, host = None, f"http://127.0.0.1:{self._place.origin.port}" if role == "forward" else f"http://127.0.0.1:{self._subject.ports[role]}"
        try:
            for number in range(rng.randrange(2, 9)):
                one, size = f"{key}-{number}", rng.choice(SIZES)
                text = self.request(f"{host}/{one}/{size}/{rng.choice(('length', 'chunked'))}")
                if role != "forward":
                    text = text.replace(host.encode(), b"", 1)
                for attempt in (0, 1):
                    since = asyncio.get_running_loop().time()
                    reused, peer = peer is not None, peer or await self.connect(role)
                    peer.send(text)
                    try:
                        await peer.head()
                    except Deviation as deviation:
                        peer.close()
                        peer = None
                        reason = self._place.excuse("kept", "kept connection closed", since)
                        if not reused or attempt or deviation.what != "closed" or not reason:
                            raise
                        self.repeated[reason] += 1
                        continue
                    await self.checked_body(peer, one, size)
                    break
                if "close" in (peer.field("connection") or ""):
                    peer.close()
                    peer = None
                elif rng.random() < 0.3:
                    await asyncio.sleep(rng.random())
        finally:
            if peer:
                peer.close()

    async def reverse(self, rng, key):
        """The same through the reverse proxy and its pool."""
        await self.kept(rng, key, "reverse")

    async def pipelined(self, rng, key):
        """Requests that are sent before the responses to those before them have come."""
        sizes = [rng.choice(SIZES[:8]) for _ in range(rng.randrange(2, 6))]
        async with self.peer("forward") as peer:
            texts = [self.request(self._url(f"{key}-{number}", size, "length"), *(["Connection: close"] if number == len(sizes) - 1 else []))
                     for number, size in enumerate(sizes)]
            peer.send(b"".join(texts))
            for number, size in enumerate(sizes):
                await self.answered(peer, f"{key}-{number}", size)
                if "close" in (peer.field("connection") or "") and number < len(sizes) - 1:
                    return  # the proxy drains: the requests after this one were not executed

    async def upload(self, rng, key):
        size, role = self._size(rng), rng.choice(("forward", "reverse"))
        url = self._url(key, 9, "length") if role == "forward" else f"/{key}/9/length"
        chunked, waits = rng.random() < 0.5, rng.random() < 0.2
        fields = ["Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}", f"X-Size: {size}", "Connection: close"]
        head = self.request(self._url(key, 9, "length"), *fields, *(["Expect: 100-continue"] if waits else []), method="PUT")
        async with self.peer(role) as peer:
            peer.send(head.replace(self._url(key, 9, "length").encode(), url.encode(), 1))
            if waits:
                await asyncio.sleep(0.1)
            for piece in self._content.pieces(key + "^", size, rng.choice((1000, 16_000, 65_536)) if size < 50_000 else 65_536):
                peer.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
                await peer.drain()
            if chunked:
                peer.send(b"0\r\n\r\n")
            await self.answered(peer, key, 9, "PUT")

    async def early(self, rng, key):
        """The response comes before the request's body has been sent."""
        async with self.peer("forward") as peer:
            peer.send(self.request(self._url(key, 700, "early"), "Content-Length: 300000", method="PUT"))
            for piece in self._content.pieces(key + "^", 299_999, 16_384):
                peer.send(piece)
                await peer.drain()
            try:
                await self.answered(peer, key, 700, "PUT")
            except Deviation:
                if peer.status != 502:  # an origin that closes with unread bytes resets, which can overtake its response
                    raise

    async def slow_reader(self, rng, key):
        """Reads a large response in small pieces."""
        size = 200_000
        async with self.peer("forward", window=4096) as peer:
            peer.send(self.request(self._url(key, size, "length"), "Connection: close"))
            await peer.head()
            self.check_status(peer)
            check = Check(self._content, key)
            while check.received < size:
                if not (data := await peer.some(rng.choice((1000, 4000)))):
                    raise Deviation("cut", f"after {check.received} bytes")
                peer.compare(check, data)
                if rng.random() < 0.1:
                    await asyncio.sleep(0.3)

    async def slow_writer(self, rng, key):
        """Sends the head in pieces."""
        async with self.peer("forward") as peer:
            text = self.request(self._url(key, 700, "length"), "Connection: close")
            for start in range(0, len(text), len(text) // 6):
                peer.send(text[start:start + len(text) // 6])
                await peer.drain()
                await asyncio.sleep(0.3 * rng.random())
            await self.answered(peer, key, 700)

    async def file(self, rng, key):
        """A file, a range of it, or its head."""
        name, size = rng.choice(self._place.files)
        method = rng.choice(("GET", "GET", "HEAD"))
        async with self.peer("files") as peer:
            first = rng.randrange(size) if size and rng.random() < 0.3 and method == "GET" else None
            fields = ["Connection: close"] + ([f"Range: bytes={first}-"] if first is not None else [])
            peer.send(self.request(f"http://127.0.0.1/{name}", *fields, method=method).replace(b"http://127.0.0.1/", b"/", 1))
            status = await peer.head()
            if status not in (200, 206):
                await self.checked_body(peer, name, size)
            check = Check(self._content, name)
            check.received = first or 0
            await peer.body(check, method == "HEAD")
            if method == "GET" and check.received != size or status != (206 if first is not None else 200):
                raise Wrong(f"{name}: status {status}, {check.received} of {size} bytes")

    async def board(self, rng, key):
        """The pages about the proxy itself."""
        path = rng.choice(("/metrics", "/doctor.json", "/doctor", "/readyz"))
        async with self.peer("metrics") as peer:
            peer.send(self.request(f"http://127.0.0.1{path}", "Connection: close").replace(b"http://127.0.0.1", b"", 1))
            await peer.head()
            self.check_status(peer)
            await peer.rest()

    # -- without HTTP

    async def tunnel(self, rng, key):
        """CONNECT, and bytes in both directions at once."""
        async with self.peer("forward") as peer:
            place = f"127.0.0.1:{self._place.line.port}"
            peer.send(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
            await peer.head()
            self.check_status(peer)
            await self._line(rng, peer, key)

    async def relay(self, rng, key):
        async with self.peer("relay") as peer:
            await self._line(rng, peer, key)

    async def _line(self, rng, peer, key):
        up, down, end = rng.choice(LINE_SIZES), rng.choice(LINE_SIZES), rng.choice(("first", "last", "reset"))
        sending = asyncio.ensure_future(self._send_line(peer, key, (up, down, end)))
        try:
            check = Check(self._content, key)
            while check.received < down:
                if not (data := await peer.some(min(LIMIT, down - check.received))):
                    if end == "reset":
                        return  # a reset overtakes bytes
                    raise Deviation("cut" if check.received else "closed", f"tunnel after {check.received} of {down} bytes")
                peer.compare(check, data)
            await sending
            if end == "last":
                with contextlib.suppress(OSError):
                    peer.writer.write_eof()
            if await peer.some():
                raise Wrong("bytes after the last one of a tunnel")
        finally:
            sending.cancel()

    async def _send_line(self, peer, key, what):
        peer.send("{} {} {} {}\n".format(key, *what).encode())
        for piece in self._content.pieces(key + "^", what[0]):
            peer.send(piece)
            await peer.drain()

    async def echo(self, rng, key):
        size = rng.choice(LINE_SIZES)
        async with self.peer("echo") as peer:
            async def send():
                for piece in self._content.pieces(key, size):
                    peer.send(piece)
                    await peer.drain()
                with contextlib.suppress(OSError):
                    peer.writer.write_eof()
            sending = asyncio.ensure_future(send())
            try:
                check = Check(self._content, key)
                while data := await peer.some():
                    peer.compare(check, data)
                if check.received != size:
                    raise Deviation("cut" if check.received else "closed", f"echo after {check.received} of {size} bytes")
            finally:
                sending.cancel()

    # -- that one side ends

    async def client_resets(self, rng, key):
        """The client goes away at any point."""
        text = rng.choice((self.request(self._url(key, 300_000, "length+slow")), self.request(self._url(key, 900_000, "chunked")),
                           self.request(self._url(key, 9, "length"), "Content-Length: 90000", method="PUT", body=bytes(self._content.piece(key + "^", 0, 40_000)))))
        peer = await self.connect(rng.choice(("forward", "reverse", "relay", "echo")))
        peer.send(text[:rng.randrange(1, len(text))] if rng.random() < 0.5 else text)
        await peer.drain()
        if rng.random() < 0.7:
            await asyncio.sleep(rng.random() / 5)
        if rng.random() < 0.5:
            peer.reset()
        else:
            peer.close()

    async def origin_fails(self, rng, key):
        """A response that is cut must look cut; one that is none gets 502."""
        how, framing = rng.choice(("cut", "abort", "garbage", "gone")), rng.choice(("length", "chunked"))
        size = rng.choice((1000, 100_000, 900_000))
        async with self.peer("forward") as peer:
            peer.send(self.request(self._url(key, size, f"{how}+{framing}"), "Connection: close"))
            try:
                await self.answered(peer, key, size)
            except Deviation as deviation:
                if deviation.what == "refused with 502" or deviation.what == "cut" and how in ("cut", "abort"):
                    return
                raise
            raise Wrong(f"a whole response from an origin that failed: {how}")

    async def bad_request(self, rng, key):
        """Gets 400 or another error at once."""
        text = rng.choice((b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\0\r\n\r\n", b"GET http://127.0.0.1:1/ HTTP/1.1\r\nHost : x\r\n\r\n",
                           b"GET http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"GET http://a/ HTTP/9.9\r\nHost: a\r\n\r\n"))
        async with self.peer("forward") as peer:
            peer.send(text)
            if not 400 <= await peer.head() < 600 or peer.status in (502, 504):
                raise Wrong(f"status {peer.status} for {text!r}")
            if peer.status == 503:
                raise Deviation(refused(503))

    # -- names

    async def name(self, rng, key):
        """A name that resolves, in one of many ways."""
        host = f"n{rng.randrange(60)}.{rng.choice(('ok', 'ok', 'slow', 'long', 'lies', 'many'))}.test"
        async with self.peer("forward") as peer:
            peer.send(self.request(self._url(key, 700, "length", host), "Connection: close"))
            await self.answered(peer, key, 700)

    async def bad_name(self, rng, key):
        """Does not exist, or fails, or leads to a closed port: 502."""
        kind = rng.choice(("nx", "fail", "dead"))
        async with self.peer("forward") as peer:
            peer.send(self.request(self._url(key, 700, "length", f"n{rng.randrange(60)}.{kind}.test"), "Connection: close"))
            if await peer.head() != 502:
                await self.checked_body(peer, key, 700, status=502)
                raise Wrong(f"status {peer.status} for a name of the kind {kind}")

    # -- timeouts

    async def _until_status(self, peer, status):
        """The response with this status; if it is 0, the end of a connection without a byte."""
        if status:
            if await peer.head() != status:
                raise Deviation(refused(peer.status), f"expected {status} at a timeout")
        elif text := await peer.rest():
            raise Deviation("refused", f"{text[:80]!r}, expected the end of the connection")  # it was a request without a record

    async def timeout_idle(self, rng, key):
        """A client that sends nothing."""
        async with self.peer(rng.choice(("forward", "reverse", "files"))) as peer:
            await self.timed("idle-timeout", TIMEOUTS["idle"], asyncio.get_running_loop().time(), self._until_status(peer, 0))

    async def timeout_keep_alive(self, rng, key):
        async with self.peer("forward") as peer:
            peer.send(self.request(self._url(key, 700, "length")))
            await self.answered(peer, key, 700)
            if "close" not in (peer.field("connection") or ""):
                await self.timed("keep-alive-timeout", TIMEOUTS["keep-alive"], asyncio.get_running_loop().time(), self._until_status(peer, 0))

    async def timeout_head(self, rng, key):
        async with self.peer(rng.choice(("forward", "reverse", "files"))) as peer:
            peer.send(b"GET http://127.0.0.1/ HTT")
            await self.timed("head-timeout", TIMEOUTS["head"], asyncio.get_running_loop().time(), self._until_status(peer, 408))

    async def timeout_body(self, rng, key):
        async with self.peer("forward") as peer:
            peer.send(self.request(self._url(key, 9, "length"), "Content-Length: 90000", method="PUT", body=bytes(self._content.piece(key + "^", 0, 500))))
            await self.timed("body-timeout", TIMEOUTS["body"], asyncio.get_running_loop().time(), self._until_status(peer, 408))

    async def timeout_answer(self, rng, key):
        async with self.peer("forward") as peer:
            peer.send(self.request(self._url(key, 9, "mute")))
            await self.timed("answer-timeout", TIMEOUTS["answer"], asyncio.get_running_loop().time(), self._until_status(peer, 504))

    async def timeout_connect(self, rng, key):
        async with self.peer("forward") as peer:
            peer.send(self.request(self._url(key, 9, "length", port=self._place.hole.port)))
            await self.timed("connect-timeout", TIMEOUTS["connect"], asyncio.get_running_loop().time(), self._until_status(peer, 504))

    async def timeout_resolve(self, rng, key):
        async with self.peer("forward") as peer:
            peer.send(self.request(self._url(key, 9, "length", f"{key}.mute.test")))
            await self.timed("resolve-timeout", TIMEOUTS["resolve"], asyncio.get_running_loop().time(), self._until_status(peer, 504))

    async def timeout_stream(self, rng, key):
        """An origin that stops in the middle of a body."""
        async with self.peer("forward") as peer:
            peer.send(self.request(self._url(key, 4000, rng.choice(("length", "chunked")) + "+stall"), "Connection: close"))
            await peer.head()
            self.check_status(peer)
            started = asyncio.get_running_loop().time()

            async def ending():
                try:
                    await self.checked_body(peer, key, 4000)
                except Deviation as deviation:
                    return deviation
                raise Wrong("a whole response from an origin that stopped")
            await self.timed("stream-timeout", TIMEOUTS["stream"], started, ending())

    async def timeout_tunnel(self, rng, key):
        async with self.peer("forward") as peer:
            place = f"127.0.0.1:{self._place.line.port}"
            peer.send(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
            await peer.head()
            self.check_status(peer)
            await self.timed("tunnel-timeout", TIMEOUTS["tunnel"], asyncio.get_running_loop().time(), peer.rest())

    async def timeout_reader(self, rng, key):
        """A client that stops reading: the connection is reset meanwhile. Larger than what the kernel's buffers hold."""
        size = 12_000_000
        async with self.peer("forward", window=4096) as peer:
            peer.send(self.request(self._url(key, size, "length"), "Connection: close"))
            await peer.head()
            self.check_status(peer)
            made, clock = peer.writer.get_extra_info("socket"), asyncio.get_running_loop().time
            begin = clock()
            while made.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != TCP_CLOSED:
                await asyncio.sleep(0.2)
                if clock() - begin > STALLED_S:
                    raise Wrong(f"a client that did not read for {STALLED_S} s was not closed")
            if clock() - begin < TIMEOUTS["reader"] - EARLY_S - self._lag():
                raise Deviation("early", f"closed after {clock() - begin:.2f} s")
            check = Check(self._content, key)
            while data := await peer.some():
                peer.compare(check, data)
            if check.received == size:
                raise Wrong("a whole response on a connection that was closed before its end")


# How often each kind occurs.
WEIGHTS = {"forward": 30, "kept": 14, "reverse": 14, "pipelined": 5, "upload": 12, "early": 2, "slow_reader": 3, "slow_writer": 3, "file": 10, "board": 2,
           "tunnel": 8, "relay": 8, "echo": 4, "client_resets": 12, "origin_fails": 6, "bad_request": 4, "name": 10, "bad_name": 4,
           "timeout_idle": 1, "timeout_keep_alive": 1, "timeout_head": 1, "timeout_body": 1, "timeout_answer": 1, "timeout_connect": 1,
           "timeout_resolve": 1, "timeout_stream": 1, "timeout_tunnel": 1, "timeout_reader": 0.5}


def choose(rng: random.Random):
    return rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
