"""The demo's traffic: clients of a proxy, a few at a time, until it is stopped. The same seed makes the same requests."""
import asyncio
import contextlib
import random
import socket
import struct

CLIENTS = 28
PATIENCE = 120      # seconds after which a client gives up: with a mistake built in, a response may never come
SMALL_WINDOW = 4096  # receive buffer of a slow reader, in bytes


class Failed(Exception):
    """The exchange has ended early: the client goes on with another one."""


class Link:
    """A client's connection to the proxy."""

    def __init__(self, port, window=0):
        self.port, self.window, self.reader, self.writer = port, window, None, None

    async def __aenter__(self):
        connection = socket.socket()
        if self.window:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.window)
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self.port))
        except BaseException:
            connection.close()
            raise
        self.reader, self.writer = await asyncio.open_connection(sock=connection, limit=self.window or 1 << 16)
        return self

    async def __aexit__(self, *_):
        self.writer.close()

    def reset(self):
        """Closes with RST."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def head(self):
        """Reads a response head. Returns its status and fields."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
        return int(lines[0].split(" ")[1]), fields

    async def response(self):
        """Reads a response. Returns false if the connection ends after it."""
        status, fields = await self.head()
        while status < 200:
            status, fields = await self.head()
        if fields.get("transfer-encoding") == "chunked":
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                await self.reader.readexactly(size + 2)
            await self.reader.readuntil(b"\r\n")
        elif "content-length" in fields:
            await self.reader.readexactly(int(fields["content-length"]))
        else:
            await self.reader.read()
            return False
        return fields.get("connection", "").lower() != "close"


class Client:
    """One after the other, what people and programs do with a proxy."""

    def __init__(self, proxy, origin, seed):
        self.proxy, self.origin, self.chance = proxy, origin, random.Random(seed)

    def url(self, path):
        """The origin by its address, or by the name that leads to it through an upstream proxy."""
        return f"http://{self.chance.choice((f'127.0.0.1:{self.origin}', 'demo.test'))}{path}"

    def request(self, path, *fields, method="GET", version="1.1", url=True):
        target = self.url(path) if url else path
        lines = [f"{method} {target} HTTP/{version}", f"Host: {target.split('/')[2] if url else f'127.0.0.1:{self.origin}'}", "User-Agent: demo",
                 "Cookie: session=4711", *fields]
        return "".join(line + "\r\n" for line in lines).encode() + b"\r\n"

    def path(self):
        number = self.chance.randrange(100)
        return self.chance.choice((f"/page/{number}", f"/picture/{number}.svg", f"/picture/{number}.png", f"/picture/{number}.png",
                                   f"/page/{number}?token=4711", "/missing"))

    async def think(self, longest=2.0):
        await asyncio.sleep(self.chance.uniform(0.05, longest))

    async def browse(self):
        """Several requests over one connection, with pauses as a reader makes them."""
        async with Link(self.proxy) as link:
            for _ in range(self.chance.randrange(3, 12)):
                await link.send(self.request(self.path()))
                if not await link.response():
                    return
                await self.think()

    async def single(self):
        """A connection for each request, as the lab's HTTP/1.0."""
        for _ in range(self.chance.randrange(2, 8)):
            async with Link(self.proxy) as link:
                await link.send(self.request(self.path(), version="1.0"))
                await link.response()
            await self.think(0.5)

    async def tunnel(self):
        """Requests in a CONNECT tunnel."""
        async with Link(self.proxy) as link:
            where = f"127.0.0.1:{self.origin}"
            await link.send(f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode())
            if (await link.head())[0] != 200:
                raise Failed
            for _ in range(self.chance.randrange(2, 6)):
                await link.send(self.request(self.path(), url=False))
                await link.response()
                await self.think(4)

    async def upload(self):
        """A request body, at once or in pieces."""
        size, pieces = self.chance.choice((3000, 200000, 2000000)), self.chance.choice((1, 1, 20))
        async with Link(self.proxy) as link:
            await link.send(self.request("/upload", f"Content-Length: {size}", method="POST"))
            for number in range(pieces):
                await link.send(bytes(size * (number + 1) // pieces - size * number // pieces))
                if pieces > 1:
                    await asyncio.sleep(0.3)
            await link.response()

    async def slow_reader(self):
        """Reads a large response slowly, or for a while not at all, and leaves."""
        async with Link(self.proxy, window=SMALL_WINDOW) as link:
            await link.send(self.request("/huge"))
            if self.chance.random() < 0.5:
                await asyncio.sleep(self.chance.uniform(8, 25))
                return
            for _ in range(self.chance.randrange(20, 60)):
                await link.reader.read(SMALL_WINDOW)
                await asyncio.sleep(0.25)

    async def download(self):
        """Reads a large response as fast as it comes."""
        async with Link(self.proxy) as link:
            await link.send(self.request("/huge", "Connection: close"))
            while await link.reader.read(1 << 18):
                await asyncio.sleep(0.02)

    async def patient(self):
        """Waits for a response that begins late, or that comes in drops."""
        async with Link(self.proxy) as link:
            await link.send(self.request(f"/{self.chance.choice(('slow', 'drip'))}?seconds={self.chance.uniform(1, 12):.1f}"))
            await link.response()

    async def unlucky(self):
        """Asks for what ends in an error."""
        async with Link(self.proxy) as link:
            await link.send(self.request(self.chance.choice(("/cut", "/reset", "/nonsense")), "Connection: close"))
            await link.reader.read()

    async def refused(self):
        """Asks for a server that does not listen. Nothing listens on port 1 (tcpmux)."""
        async with Link(self.proxy) as link:
            await link.send(b"GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: 127.0.0.1:1\r\nConnection: close\r\n\r\n")
            await link.response()

    async def leaver(self):
        """Resets the connection: in the request head, or while the response comes."""
        async with Link(self.proxy) as link:
            request = self.request("/huge")
            await link.send(request[:self.chance.choice((30, len(request)))])
            await self.think()
            link.reset()

    async def slow_writer(self):
        """Sends the request head a few bytes at a time."""
        async with Link(self.proxy) as link:
            request = self.request(self.path(), "Connection: close")
            for start in range(0, len(request), 8):
                await link.send(request[start:start + 8])
                await asyncio.sleep(0.3)
            await link.response()

    async def silent(self):
        """Connects and says nothing."""
        async with Link(self.proxy):
            await asyncio.sleep(self.chance.uniform(2, 15))

    async def run(self):
        """Until it is stopped. An end in the middle of an exchange is part of it."""
        kinds = {self.browse: 10, self.single: 8, self.tunnel: 3, self.upload: 3, self.slow_reader: 2, self.download: 1, self.patient: 4,
                 self.unlucky: 2, self.refused: 1, self.leaver: 2, self.slow_writer: 1, self.silent: 1}
        while True:
            (kind,) = self.chance.choices(list(kinds), list(kinds.values()))
            with contextlib.suppress(Failed, OSError, EOFError, ValueError, asyncio.LimitOverrunError, asyncio.TimeoutError):
                await asyncio.wait_for(kind(), PATIENCE)
            await self.think(1)


async def run(proxy, origin, seed, clients=CLIENTS):
    """Clients of the proxy and the origin on these ports, until it is cancelled."""
    await asyncio.gather(*(Client(proxy, origin, f"{seed}/{number}").run() for number in range(clients)))
