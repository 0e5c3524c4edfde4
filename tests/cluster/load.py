"""An origin and clients for the cluster: each request has an identity, and what became of each try is noted."""
import asyncio
import collections
import contextlib
import dataclasses

BODY = 700  # bytes; each begins with the identity of the request


def body_of(identity):
    return identity.encode().ljust(BODY, b".")


class Origin:
    """Answers each request with a body of its own, and counts how often each came."""

    def __init__(self):
        self.seen = collections.Counter()

    async def serve(self, listening):
        return await asyncio.start_server(self._client, sock=listening)

    async def _client(self, reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                identity = head.split(b" ", 2)[1].decode().rpartition("/")[2]
                self.seen[identity] += 1
                body = body_of(identity)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
        writer.close()


@dataclasses.dataclass
class Try:
    """A request on a connection."""
    identity: str
    client: str = ""     # address and port of the connection
    reused: bool = False  # another request was answered on the connection before
    received: int = 0    # bytes of the response
    error: str = ""      # empty: the response was complete and right

    def may_be_repeated(self):
        """RFC 9112 section 9.3.1: a kept connection was closed without a byte of the response."""
        return self.reused and self.received == 0


class WrongResponse(Exception):
    pass


class Load:
    """Clients that send requests one after the other, until they are stopped; some keep their connection, some do not."""

    def __init__(self, network, hosts, proxy, origin):
        self._network, self._hosts, self._proxy, self._origin = network, hosts, proxy, origin
        self._stopping, self._progress, self._tasks = False, asyncio.Condition(), []
        self.tries, self.failed, self.completed = [], [], 0  # `failed`: those of `tries` with an error, in the order of their ends

    def start(self, clients):
        self._tasks = [asyncio.create_task(self._client(number)) for number in range(clients)]

    async def stop(self):
        """Lets each client finish its request."""
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def wait_for(self, count):
        """Until so many more requests are complete."""
        target = self.completed + count
        async with self._progress:
            await self._progress.wait_for(lambda: self.completed >= target)

    async def _client(self, number):
        host = self._hosts[number % len(self._hosts)]
        keeps = number % 3 != 0
        connection, count = None, 0
        while not self._stopping:
            count += 1
            identity = f"{number}-{count}"
            connection, last = await self._attempt(host, identity, keeps, connection)
            if last.error and last.may_be_repeated():
                connection, last = await self._attempt(host, identity, keeps, None)
            async with self._progress:
                self.completed += 1
                self._progress.notify_all()
        if connection:
            connection[1].close()

    async def _attempt(self, host, identity, keeps, connection):
        """Sends it once. Returns the connection if it is kept, and what became of the request."""
        note = Try(identity, reused=connection is not None)
        self.tries.append(note)
        try:
            connection = connection or await self._connect(host)
            note.client = "{}:{}".format(*connection[1].get_extra_info("sockname"))
            if await self._exchange(connection, note, keeps):
                return connection, note
        except (OSError, EOFError, WrongResponse) as error:
            note.error = f"{type(error).__name__}: {error}"
            self.failed.append(note)
        if connection:
            connection[1].close()
        return None, note

    async def _connect(self, host):
        made = self._network.socket_in(host)
        await asyncio.get_running_loop().sock_connect(made, self._proxy)
        return await asyncio.open_connection(sock=made)

    async def _exchange(self, connection, note, keeps):
        """Whether the connection stays open after a right response."""
        reader, writer = connection
        close = "" if keeps else "Connection: close\r\n"
        writer.write(f"GET http://{self._origin}/{note.identity} HTTP/1.1\r\nHost: {self._origin}\r\n{close}\r\n".encode())
        await writer.drain()
        head = await self._noted(note, reader.readuntil(b"\r\n\r\n"))
        if not head.startswith(b"HTTP/1.1 200"):
            raise WrongResponse(head.partition(b"\r\n")[0].decode())
        if await self._noted(note, reader.readexactly(BODY)) != body_of(note.identity):
            raise WrongResponse("another body")
        return keeps and b"connection: close" not in head.lower()

    @staticmethod
    async def _noted(note, read):
        try:
            piece = await read
        except asyncio.IncompleteReadError as error:
            note.received += len(error.partial)
            raise
        note.received += len(piece)
        return piece
