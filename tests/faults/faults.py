#!/usr/bin/env python3
"""The proxy in a network with faults: loss, delay, reordering, damage, black holes, small packets, dead DNS servers, partitions.

The hosts are network namespaces, and wire.py carries their packets. Prints a line for each test, and `N passed, N failed, N skipped`.
"""
import argparse
import asyncio
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests/soak"), str(ROOT / "tests/cluster")]
import servers  # noqa: E402
import wire  # noqa: E402
import world  # noqa: E402
from content import Check, Content  # noqa: E402
from exchanges import Deviation, Peer  # noqa: E402
from subject import Figures, timeout_options  # noqa: E402

HOSTS = {"proxy": "10.1.0.1", "client": "10.1.0.2", "origin": "10.1.0.3", "second": "10.1.0.4", "dns": "10.1.0.5", "watch": "10.1.0.7"}
# Seconds. With the short ones, a peer that is gone ends an exchange; with the long ones, a fault that passes ends none: TCP may need to try again
# for many seconds.
SHORT = {"idle": 3, "keep-alive": 3, "head": 3, "body": 3, "resolve": 3, "connect": 1.5, "send": 2, "answer": 3, "stream": 2, "reader": 2,
         "tunnel": 2, "linger": 1, "half-closed": 2}
LONG = dict.fromkeys(SHORT, 100) | {"linger": 1}
LATE_S = 20  # a timeout may come so much later on a busy machine; those of the kernel are minutes
PATIENCE_S = 120
LARGE = 2_000_000
EVERYTHING = {"loss": 0.03, "duplicate": 0.02, "damage": 0.01, "delay_s": 0.005, "jitter_s": 0.01}


class Missed(Exception):
    """What must hold does not."""


def hold(good, text):
    if not good:
        raise Missed(text)


class Network:
    """The wire, the servers, and one proxy at a time."""

    def __init__(self, program, folder, seed):
        self._program, self._folder, self.output = program, folder, None
        self.content, self.seen = Content(seed), []
        self.wire = wire.Wire(HOSTS, seed)
        self.origin, self.line = servers.Origin(self.content, self.seen), servers.Line(self.content, self.seen)
        self.second = servers.Origin(self.content, self.seen)
        self.names = servers.Names({"origin": [HOSTS["origin"]], "many": [HOSTS["origin"], HOSTS["second"]]})
        self.clock = asyncio.get_running_loop().time

    def _bound(self, host, port):
        made = self.wire.socket_in(host)
        made.bind((HOSTS[host], port))
        return made

    async def start(self):
        await self.origin.start(self._bound("origin", 80))
        await self.line.start(self._bound("origin", 2000))
        await self.second.start(self._bound("second", 80))
        self.names.start_at(self._udp())

    @contextlib.asynccontextmanager
    async def proxy(self, timeouts):
        """While it lasts, a proxy with these timeouts runs. At its end it must have no findings and exit with 0."""
        self.output = pathlib.Path(tempfile.mkdtemp(dir=self._folder), "output")
        proxy = world.Program("proxy", [self._program, "--listen", f"{HOSTS['proxy']}:8080", "--metrics", f"{HOSTS['proxy']}:9100", "--allow",
                                        "10.1.0.0/24", "--nameserver", HOSTS["dns"], "--name", "faults", *timeout_options(timeouts)], self.output)
        try:
            while "Ctrl-C" not in self.said() and proxy.running():
                await asyncio.sleep(0.02)
            hold(proxy.running(), f"the proxy did not start: {self.said()}")
            yield
            hold(proxy.running(), f"the proxy ended: status {proxy.process.poll()}; it said:\n{self.said()[-2000:]}")
            errors = list((await self.metrics()).errors())
            proxy.send(signal.SIGTERM)
            status = await asyncio.to_thread(proxy.process.wait, PATIENCE_S)
            hold(not errors and status == 0, f"the proxy: findings {errors}, status {status}; it said:\n{self.said()[-2000:]}")
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Missed(f"the proxy: {error}; it said:\n{self.said()[-2000:]}") from error
        finally:
            proxy.end()

    def _udp(self):
        made = self.wire.socket_in("dns", socket.SOCK_DGRAM)
        made.bind((HOSTS["dns"], 53))
        return made

    def said(self):
        return self.output.read_text(encoding="utf-8", errors="replace")

    async def metrics(self):
        async with self.peer("watch", 9100) as peer:
            peer.send(b"GET /metrics HTTP/1.0\r\n\r\n")
            return Figures((await peer.rest()).decode())

    async def until_free(self):
        """Until no record is in use but the one for the metrics."""
        deadline = self.clock() + PATIENCE_S
        while True:
            figures = await self.metrics()
            used = figures.records()
            if not used and not figures["proxy_pipes"]:
                return
            hold(self.clock() < deadline, f"{used} records in use at the end")
            await asyncio.sleep(0.05)

    @contextlib.asynccontextmanager
    async def peer(self, host="client", port=8080):
        made = self.wire.socket_in(host)
        await asyncio.get_running_loop().sock_connect(made, (HOSTS["proxy"], port))
        peer = Peer(*await asyncio.open_connection(sock=made, limit=1 << 16))
        try:
            yield peer
        finally:
            peer.reset()

    async def get(self, key, size, how="length", host=HOSTS["origin"]):
        """A whole right response, or Deviation."""
        async with self.peer() as peer:
            self.ask(peer, key, size, how, host, "Connection: close\r\n")
            await self.response(peer, key, size)

    @staticmethod
    def ask(peer, key, size, how="length", host=HOSTS["origin"], fields=""):
        peer.send(f"GET http://{host}/{key}/{size}/{how} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n".encode())

    @staticmethod
    async def connect(peer):
        """A tunnel to the line at the origin."""
        place = f"{HOSTS['origin']}:2000"
        peer.send(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
        hold(await peer.head() == 200, f"CONNECT: {peer.status}")

    async def response(self, peer, key, size):
        if await peer.head() != 200:
            raise Deviation(str(peer.status), peer.field("proxy-status") or "")
        check = Check(self.content, key)
        await peer.body(check)
        hold(check.received == size, f"{check.received} of {size} bytes, and it looks whole")

    async def put(self, key, size, during=None):
        """An upload; `during` is called when half of it is sent."""
        async with self.peer() as peer:
            peer.send(f"PUT http://{HOSTS['origin']}/{key}/9/length HTTP/1.1\r\nHost: {HOSTS['origin']}\r\nConnection: close\r\n"
                      f"Content-Length: {size}\r\nX-Size: {size}\r\n\r\n".encode())
            sending = asyncio.ensure_future(self._send(peer, key, size, during))
            try:
                await self.response(peer, key, 9)
            finally:
                sending.cancel()

    async def _send(self, peer, key, size, during):
        sent = 0
        for piece in self.content.pieces(key + "^", size):
            peer.send(piece)
            await peer.drain()
            if during and sent < size // 2 <= sent + len(piece):
                during()
            sent += len(piece)

    async def tunnel(self, key, size):
        """Bytes in both directions at once."""
        async with self.peer() as peer:
            await self.connect(peer)
            peer.send(f"{key} {size} {size} last\n".encode())
            sending = asyncio.ensure_future(self._send(peer, key, size, None))
            check = Check(self.content, key)
            while check.received < size and (data := await peer.some(min(1 << 16, size - check.received))):
                hold(check.add(data), "wrong bytes in a tunnel")
            hold(check.received == size, f"tunnel: {check.received} of {size} bytes")
            await sending
            peer.writer.write_eof()
            hold(await peer.some() == b"", "bytes after the last one of a tunnel")

    async def fails(self, exchange, what, seconds=None):
        """It must fail in this way, because of a timeout of so many seconds."""
        begin = self.clock()
        try:
            await exchange
        except Deviation as deviation:
            hold(deviation.what in what, f"{deviation}, expected {what}")
        else:
            raise Missed(f"a whole response, expected {what}")
        took = self.clock() - begin
        hold(seconds is None or seconds - 0.1 < took < seconds + LATE_S, f"{what} after {took:.2f} s, expected {seconds} s")


# ---- the tests; the sentence is what must hold ------------------------------------------------------------------------

async def everything_at_once(net):
    """With loss, duplicates, damage, delay and reordering on both sides, each byte arrives."""
    with net.wire.fault(("client", "proxy"), ("proxy", "origin"), **EVERYTHING):
        await asyncio.gather(*(net.get(f"g{number}", 200_000, ("length", "chunked", "close")[number % 3]) for number in range(9)),
                             *(net.put(f"p{number}", 200_000) for number in range(6)), *(net.tunnel(f"t{number}", 100_000) for number in range(3)))


async def far_away(net):
    """With a round trip of 0.4 s on both sides, requests succeed."""
    with net.wire.fault(("client", "proxy"), ("proxy", "origin"), delay_s=0.2):
        await asyncio.gather(net.get("far", 100_000), net.put("far", 100_000), net.tunnel("far", 10_000))


async def black_hole(net):
    """An upstream that drops all packets: 504 after --connect-timeout."""
    with net.wire.fault(("proxy", "second"), cut=True):
        await net.fails(net.get("hole", 10, host=HOSTS["second"]), ("504",), SHORT["connect"])


async def next_address(net):
    """If the first address of a name drops all packets, the next one is used after --attempt-delay."""
    with net.wire.fault(("proxy", "origin"), cut=True):
        begin = net.clock()
        await net.get("next", 700, host="n.many.test")
        hold(net.clock() - begin < LATE_S, f"the next address was used after {net.clock() - begin:.1f} s")


async def partition_of_an_upload(net):
    """A partition in the middle of an upload: 504 after --send-timeout; the origin has no whole body."""
    with contextlib.ExitStack() as stack:
        await net.fails(net.put("cut", 20_000_000, lambda: stack.enter_context(net.wire.fault(("proxy", "origin"), cut=True))), ("504", "502"))


async def short_partition_of_an_upload(net):
    """A partition that ends before --send-timeout changes no byte."""
    with contextlib.ExitStack() as stack:
        def cut():
            stack.enter_context(net.wire.fault(("proxy", "origin"), cut=True))
            asyncio.get_running_loop().call_later(0.7, stack.close)
        await net.put("short", LARGE, cut)


async def partition_of_a_download(net):
    """A partition from the origin in the middle of a response: it looks cut, after --stream-timeout."""
    async with net.peer() as peer:
        net.ask(peer, "down", LARGE)
        hold(await peer.head() == 200, f"status {peer.status}")
        with net.wire.fault(("proxy", "origin"), cut=True):
            await net.fails(peer.body(Check(net.content, "down")), ("cut",))


async def partition_from_the_client(net):
    """A client that disappears in the middle of a response: its record is free after --reader-timeout."""
    async with net.peer() as peer:
        net.ask(peer, "away", 20_000_000)
        hold(await peer.head() == 200, f"status {peer.status}")
        with net.wire.fault(("client", "proxy"), cut=True):
            begin = net.clock()
            await net.until_free()
            hold(net.clock() - begin < SHORT["reader"] + SHORT["linger"] + LATE_S, f"free only after {net.clock() - begin:.1f} s")
        # The reset was lost; the kernel repeats it when the client sends something.
        peer.send(b"\r\n")
        await net.fails(peer.body(Check(net.content, "away")), ("cut",))


async def partition_of_a_tunnel(net):
    """If the upstream of a tunnel disappears, the tunnel closes after --tunnel-timeout."""
    async with net.peer() as peer:
        await net.connect(peer)
        with net.wire.fault(("proxy", "origin"), cut=True):
            begin = net.clock()
            peer.send(b"lost 1 1 last\n")
            await peer.rest()
            took = net.clock() - begin
        hold(SHORT["tunnel"] - 0.1 < took < SHORT["tunnel"] + LATE_S, f"closed after {took:.2f} s")


async def partition_of_an_idle_client(net):
    """A client that disappears between two requests: its record is free after --keep-alive-timeout."""
    async with net.peer() as peer:
        net.ask(peer, "idle", 700)
        await net.response(peer, "idle", 700)
        with net.wire.fault(("client", "proxy"), cut=True):
            begin = net.clock()
            await net.until_free()
            hold(net.clock() - begin < SHORT["keep-alive"] + SHORT["linger"] + LATE_S, f"free only after {net.clock() - begin:.1f} s")


async def partition_of_a_kept_upstream(net):
    """A kept upstream connection into a partition: 504, and the next request after the partition succeeds."""
    await net.get("kept", 700)
    with net.wire.fault(("proxy", "origin"), cut=True):
        await net.fails(net.get("kept", 700), ("504",))
    await net.get("kept", 700)


async def small_packets(net):
    """A path that takes only packets of 600 bytes, and says so."""
    with net.wire.fault(("client", "proxy"), ("proxy", "origin"), most=600):
        await asyncio.gather(net.get("small", 300_000), net.put("small", 300_000), net.tunnel("small", 50_000))


async def small_packets_in_silence(net):
    """A path to the origin that drops large packets without a message: an upload gets 504; small requests succeed."""
    with net.wire.fault(("proxy", "origin"), most=600, says_so=False):
        await net.get("silent", 500)
        await net.fails(net.put("silent", LARGE), ("504", "502"))


async def dead_dns(net):
    """A DNS server that drops all packets: 504 after --resolve-timeout. Requests without names succeed meanwhile."""
    with net.wire.fault(("proxy", "dns"), cut=True):
        failing = asyncio.ensure_future(net.fails(net.get("dns", 700, host="n1.origin.test"), ("504",), SHORT["resolve"]))
        for _ in range(20):
            await net.get("number", 700)
        await failing
    await net.get("dns", 700, host="n2.origin.test")


async def lossy_dns(net):
    """A tenth of the packets to and from the DNS server is lost: each name resolves, because queries are repeated."""
    with net.wire.fault(("proxy", "dns"), loss=0.1):
        await asyncio.gather(*(net.get(f"lossy{number}", 700, host=f"l{number}.origin.test") for number in range(30)))


async def reconnection(net):
    """Connections through a network that is cut and connected again ten times: each response is whole."""
    cutting = True

    async def ask(number):
        while cutting:
            await net.get(f"re{number}", 50_000)

    async with asyncio.TaskGroup() as asking:
        for number in range(30):
            asking.create_task(ask(number))
        for _ in range(10):
            await asyncio.sleep(0.2)
            with net.wire.fault(("proxy", "origin"), ("client", "proxy"), cut=True):
                await asyncio.sleep(0.1)
        cutting = False


# In this order: the kernel learns the size of packets.
TESTS = ((LONG, (everything_at_once, far_away, next_address, short_partition_of_an_upload, lossy_dns, reconnection)),
         (SHORT, (black_hole, partition_of_an_upload, partition_of_a_download, partition_from_the_client, partition_of_a_tunnel,
                  partition_of_an_idle_client, partition_of_a_kept_upstream, dead_dns, small_packets_in_silence)),
         (LONG, (small_packets,)))


async def passes(net, test):
    """Runs it, and prints how it ends."""
    begin = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await test(net)
            await net.until_free()
        hold(not net.seen, f"the servers saw: {net.seen[:3]}")
    except Exception:  # pylint: disable=broad-except
        print(f"{test.__name__}: FAILED: {test.__doc__}\n{traceback.format_exc()}", flush=True)
        return False
    print(f"{test.__name__}: passed ({time.monotonic() - begin:.1f} s)", flush=True)
    return True


async def run(arguments, folder):
    """The numbers of tests that passed and failed. A proxy that ends with a fault counts as a test that failed."""
    net, results = Network(arguments.proxy, folder, arguments.seed), []
    await net.start()
    for timeouts, tests in TESTS:
        chosen = [test for test in tests if not arguments.test or test.__name__ in arguments.test]
        if not chosen:
            continue
        try:
            async with net.proxy(timeouts):
                results += [await passes(net, test) for test in chosen]
        except Missed as missed:
            results.append(False)
            print(missed)
    print(f"{net.wire.carried} packets carried, {net.wire.dropped} dropped")
    return results.count(True), results.count(False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--proxy", default=str(ROOT / "proxy"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("test", nargs="*", help="names of tests; otherwise all")
    arguments = parser.parse_args()
    names = [test.__name__ for _, tests in TESTS for test in tests]
    if unknown := set(arguments.test) - set(names):
        parser.error(f"no test of this name: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    world.enter()
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        print(f"skipped: no access to /dev/net/tun\n0 passed, 0 failed, {len(names)} skipped")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        passed, failed = asyncio.run(run(arguments, folder))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
