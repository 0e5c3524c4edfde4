"""The table of the work that `make bench` measures."""
from __future__ import annotations

import dataclasses

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
PAIRS = ("relay, copying", "relay, splicing")  # the limits: no parsing
HTTP = ("nginx", "haproxy", "tinyproxy", "squid", *PAIRS)
REVERSE = ("nginx", "haproxy", "h2o", "lighttpd", *PAIRS)
KEEPING = ("nginx", "haproxy", "squid", *PAIRS)
RELAYS = ("nginx", "haproxy", *PAIRS)
STATIC = ("nginx", "lighttpd", "h2o")
OURS_QUIET, OURS_TRACED = "ours, log off", "ours, trace on"


@dataclasses.dataclass(frozen=True)
class Held:
    """Connections that are held open beside the measured ones."""
    clients: int
    head: str = ""  # {host}: the origin's address


@dataclasses.dataclass(frozen=True)
class Row:
    """One kind of work. `{target}` in a head is where the role finds the origin's body of `size` bytes."""
    name: str
    what: str
    role: str                      # what the contender is: forward, pooled, reverse, connect, relay or static
    requests: int                  # in a round
    peers: tuple[str, ...]
    clients: int = 50
    size: int = KIB                # bytes of a response body
    body: int = 0                  # bytes of a request body
    keep: bool = False             # the client's connections are kept alive
    version: str = "1.1"
    pause_ms: int = 0              # between the halves of the response
    held: Held | None = None
    beside: str = ""               # the name of a row that runs at the same time

    @property
    def bulk(self) -> bool:
        """Counted by the byte, not by the request."""
        return self.size + self.body >= MIB

    def head(self, origin: int) -> str:
        """The request. Forward proxies need the absolute form."""
        path = "/file" if self.role == "static" else f"/{self.size}" + (f"/{self.pause_ms}" if self.pause_ms else "")
        target = f"http://127.0.0.1:{origin}{path}" if self.role in ("forward", "pooled") else path
        fields = [f"{'PUT' if self.body else 'GET'} {target} HTTP/{self.version}", f"Host: 127.0.0.1:{origin}", "User-Agent: bench",
                  "Accept: */*"]
        if self.body:
            fields.append(f"Content-Length: {self.body}")
        if not self.keep and self.version == "1.1":
            fields.append("Connection: close")
        return "\r\n".join(fields) + "\r\n\r\n"


def growth(clients: int) -> Row:
    return Row(f"clients-{clients}", f"forward 1 KiB, HTTP/1.0, connection each, {clients} clients", "forward",
               20_000, HTTP[:2], clients=clients, version="1.0")


def beside_held(name: str, what: str, held: Held) -> Row:
    return Row(name, f"forward 1 KiB, kept alive, beside {what}", "pooled", 40_000, KEEPING[:2], keep=True, held=held)


SLOW = "GET http://{host}/67108864 HTTP/1.1\r\nHost: {host}\r\n\r\n"

ROWS = (
    Row("forward-close", "forward 1 KiB, HTTP/1.0, connection each", "forward", 20_000, HTTP, version="1.0"),
    Row("forward-pooled", "forward 1 KiB, client's connection each, upstream pooled", "pooled", 20_000, KEEPING),
    Row("forward-kept", "forward 1 KiB, kept alive both sides", "pooled", 60_000, KEEPING, keep=True),
    Row("reverse-close", "reverse 1 KiB, connection each", "reverse", 20_000, REVERSE, version="1.0"),
    Row("reverse-kept", "reverse 1 KiB, kept alive both sides", "reverse-pooled", 60_000, REVERSE, keep=True),
    Row("medium", "forward 128 KiB, kept alive both sides", "pooled", 16_000, KEEPING, size=128 * KIB, keep=True),
    Row("down", "forward, 1 GiB down", "forward", 1, HTTP, clients=1, size=GIB),
    Row("up", "forward, 64 MiB up", "forward", 16, HTTP, clients=4, size=0, body=64 * MIB),
    Row("connect-down", "CONNECT, 1 GiB down", "connect", 1, ("squid", "tinyproxy", *PAIRS), clients=1, size=GIB),
    Row("connect-up", "CONNECT, 1 GiB up", "connect", 1, ("squid", "tinyproxy", *PAIRS), clients=1, size=0, body=GIB),
    Row("relay-down", "TCP relay, 1 GiB down", "relay", 1, RELAYS, clients=1, size=GIB),
    Row("relay-up", "TCP relay, 1 GiB up", "relay", 1, RELAYS, clients=1, size=0, body=GIB),
    Row("relay-close", "TCP relay, 1 KiB, connection each", "relay", 20_000, RELAYS, version="1.0"),
    Row("static-close", "static 1 KiB, connection each", "static", 20_000, STATIC),
    Row("static-kept", "static 1 KiB, kept alive", "static", 60_000, STATIC, keep=True),
    Row("static-bulk", "static 100 MiB", "static", 10, STATIC, clients=4, size=100 * MIB),
    *(growth(clients) for clients in (1, 10, 100, 1000, 5000)),
    beside_held("idle", "10,000 idle clients", Held(10_000)),
    beside_held("half-heads", "10,000 half heads", Held(10_000, "GET http://{host}/1024 HTTP/1.1\r\nHost:")),
    beside_held("slow-readers", "2,000 slow readers", Held(2_000, SLOW)),
    Row("first-byte", "first byte of a response in two parts, 20 ms apart", "pooled", 500, KEEPING, clients=10, keep=True, pause_ms=20),
    Row("longest-turn", "forward 1 KiB, one client beside four downloads", "pooled", 2_000, KEEPING, clients=1, keep=True, beside="mixed"),
    Row("logging", "forward 1 KiB, kept alive: log off, trace on", "pooled", 60_000, (OURS_QUIET, OURS_TRACED), keep=True),
)
# The work beside `longest-turn`: it is ended with it.
MIXED = Row("mixed", "downloads without an end", "forward", 1 << 30, (), clients=4, size=64 * MIB)


def named(name: str) -> Row:
    """REQUIRES: there is one."""
    return next(row for row in ROWS if row.name == name)
