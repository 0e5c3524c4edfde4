"""What goes wrong on a bad day, one after the other, while clients have exchanges.

Each disturbance is noted with its time. Some explain deviations of exchanges at that time (EXCUSES); all others must change nothing for a client.
"""
import asyncio
import contextlib
import dataclasses
import json
import os
import signal

from content import Check
from exchanges import Deviation, Wrong
from subject import DESCRIPTORS, ROLES

HOLD_S = 3        # how long a shortage lasts
AFTERWARDS_S = 3  # how long it may show afterwards
DNS_AFTERWARDS_S = 10  # a lookup may fail after 4 s more (--resolve-timeout), and failures are remembered for 5 s
KEPT_CLOSED = "kept connection closed"
SHORT = frozenset(("refused", "closed", "cut", "early", KEPT_CLOSED))
BAD_GATEWAY = frozenset(("refused with 502", "refused with 504"))
# {disturbance: (deviations that it explains, kinds of exchange; empty: all)}
EXCUSES = {
    "descriptors": (SHORT, ()),
    "crowd": (SHORT, ()),
    "buffers": (frozenset(("refused", "early", "closed", KEPT_CLOSED)), ()),
    "takeover": (frozenset(("early", KEPT_CLOSED)), ()),  # kept connections close at the end of the shutdown
    "pool": (SHORT | BAD_GATEWAY, ("reverse", "upload", "client_resets")),
    "late": (SHORT | BAD_GATEWAY, ()),  # this process itself was stopped, by a busy machine
    "dns": (BAD_GATEWAY | {"early"}, ("name", "bad_name", "timeout_resolve")),
}
DAY_S = 86_400


@dataclasses.dataclass
class Window:
    """A disturbance and its time."""
    name: str
    begin: float
    end: float = float("inf")

    def explains(self, kind, what, since):
        """A deviation of an exchange that began at `since` and ends now."""
        deviations, kinds = EXCUSES.get(self.name, (frozenset(), ()))
        afterwards = DNS_AFTERWARDS_S if self.name == "dns" else AFTERWARDS_S
        return what in deviations and (not kinds or kind in kinds) and since <= self.end + afterwards


class Disturbances:
    """The methods named in ORDER are the disturbances."""

    def __init__(self, subject, place, content, rng, disk):
        self._subject, self._place, self._content, self._rng, self._disk = subject, place, content, rng, disk
        self.windows, self.done, self.skipped, self.variant = [], {}, {}, 0
        self.log_lines, self.log_notices, self.most_buffers = 0, 0, 0
        self.takeovers_allowed, self._shutdown = True, None

    def excuse(self, kind, what, since):
        """The disturbance that explains it; empty if none does."""
        return next((window.name for window in self.windows if window.explains(kind, what, since)), "")

    def note_late(self, begin):
        """This process was stopped from `begin` to now."""
        self.windows.append(Window("late", begin, asyncio.get_running_loop().time()))
        self.done["late"] = self.done.get("late", 0) + 1

    async def run(self, name):
        window = Window(name, asyncio.get_running_loop().time())
        self.windows.append(window)
        await getattr(self, name)()
        self.done[name] = self.done.get(name, 0) + 1
        if name == "takeover":  # it lasts until the process that was taken over has ended
            self._shutdown = asyncio.create_task(self._end_with_the_old_process(window))
        else:
            window.end = asyncio.get_running_loop().time()

    async def _end_with_the_old_process(self, window):
        while any(process.poll() is None for process in self._subject.old):
            await asyncio.sleep(0.1)
        window.end = asyncio.get_running_loop().time()

    def order(self):
        """All of them, in a random order."""
        names = [name for name in ORDER if self.takeovers_allowed or name != "takeover"]
        return self._rng.sample(names, len(names))

    def _skip(self, name, why):
        self.skipped[name] = why

    # -- of the configuration and the process

    async def reload(self):
        self.variant += 1
        self._subject.configure(self._place.pool, self._place.names, self._place.line, self.variant)
        await self._subject.reload("reloaded; ")

    async def bad_reload(self):
        """A file with a mistake changes nothing."""
        good = self._subject.config.read_text(encoding="utf-8")
        self._subject.config.write_text(good[:len(good) // 2], encoding="utf-8")
        await self._subject.reload("reload failed")
        self._subject.config.write_text(good, encoding="utf-8")

    async def takeover(self):
        await self._subject.until_old_ones_have_ended()
        await self._subject.take_over()

    async def failed_takeover(self):
        if await self._subject.fail_to_take_over() not in (1, 2):
            raise Wrong("a process with wrong options started")

    async def recording(self):
        """SIGUSR2 saves the trace in a file."""
        folder = self._subject.folder / "records"
        before = set(os.listdir(folder))
        self._subject.process.send_signal(signal.SIGUSR2)
        await self._subject.until(lambda: set(os.listdir(folder)) - before, "a recording")
        for name in set(os.listdir(folder)) - before:
            os.unlink(folder / name)

    # -- of its resources

    async def descriptors(self):
        """No more descriptors than are open now."""
        figures = await self._subject.figures()
        self._subject.limit_descriptors(int(figures["process_open_fds"]) + 2)
        await asyncio.sleep(HOLD_S)
        self._subject.limit_descriptors(DESCRIPTORS)

    async def crowd(self):
        """A client opens more connections than there are records: silent, with half a head, with an upload that stops."""
        texts = (b"", b"GET http://127.0.0.1/ HTTP/1.1\r\nHo",
                 self._place.exchanges.request(f"http://127.0.0.1:{self._place.origin.port}/crowd/9/length", "Content-Length: 9", method="PUT"))
        crowd = await self._connections(400, ("forward", "reverse"), "127.0.0.66")
        for number, peer in enumerate(crowd):
            peer.send(texts[number % 3])
        await asyncio.sleep(HOLD_S)
        for number, peer in enumerate(crowd):
            (peer.reset if number % 2 else peer.close)()

    async def _connections(self, count, roles, source, window=0):
        """So many connections of a client, those that are not refused."""
        made = await asyncio.gather(*(self._place.exchanges.connect(roles[number % len(roles)], source, window) for number in range(count)),
                                    return_exceptions=True)
        if wrong := [one for one in made if isinstance(one, BaseException) and not isinstance(one, Deviation)]:
            raise wrong[0]
        return [one for one in made if not isinstance(one, Deviation)]

    async def buffers(self):
        """More request heads that stop than there are buffers, and clients that do not read. In the end these read, and get each byte."""
        heads = await self._connections(160, ("forward",), "127.0.0.67")
        for peer in heads:
            peer.send(b"GET http://127.0.0.1/ HTTP/1.1\r\nHo")
        size, readers = 700_000, []
        for number, peer in enumerate(await self._connections(30, ("forward",), "127.0.0.69", window=2048)):
            key = f"buffers{len(self.windows)}-{number}"
            peer.send(self._place.exchanges.request(f"http://127.0.0.1:{self._place.origin.port}/{key}/{size}/length", "Connection: close"))
            readers.append((peer, key))
        await asyncio.sleep(HOLD_S)
        self.most_buffers = max(self.most_buffers, (await self._subject.figures())["proxy_buffers"])
        for peer in heads:
            peer.close()
        await asyncio.gather(*(self._read(peer, key, size) for peer, key in readers))

    async def _read(self, peer, key, size):
        check = Check(self._content, key)
        peer.widen()
        try:
            if await peer.head() == 200:
                await peer.body(check)
                if check.received != size:
                    raise Wrong(f"{check.received} of {size} bytes, and it looks whole")
        except Deviation:
            pass  # its turn did not come in time
        finally:
            peer.close()

    async def resets(self):
        """Connections that are reset at once."""
        for number, peer in enumerate(await self._connections(150, ROLES[:5], "127.0.0.68")):
            if number % 3:
                peer.send(b"GET http://127.0.0.1/ HTTP/1.1\r\n")
            peer.reset()

    # -- of what is around it

    async def pool(self):
        """A server of the pool dies, and comes back."""
        server = self._rng.choice(self._place.pool)
        server.stop()
        await asyncio.sleep(HOLD_S)
        await server.start()

    async def dns(self):
        """The DNS server dies, and comes back."""
        self._place.names.stop()
        await asyncio.sleep(HOLD_S)
        await self._place.names.start()

    async def full_disk(self):
        """The disk of the access log is full, and then is not."""
        if not self._disk:
            self._skip("full_disk", "no file system of a small size can be mounted")
            return
        balloon = self._subject.log.parent / "balloon"
        with contextlib.suppress(OSError), open(balloon, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        before = await self._subject.figures()
        await asyncio.sleep(2 * HOLD_S)
        balloon.unlink()
        after = await self._subject.figures()
        self._place.dropped += after["proxy_log_lines_dropped_total"] - before["proxy_log_lines_dropped_total"]

    async def rotation(self):
        """The log is moved; all its lines are whole."""
        moved = self._subject.log.parent / "moved.log"
        if not self._subject.log.exists():
            return
        self._subject.log.rename(moved)
        self._subject.process.send_signal(signal.SIGUSR1)
        for process in self._subject.old:
            if process.poll() is None:
                process.send_signal(signal.SIGUSR1)
        await self._subject.until(self._subject.log.exists, "the log has been opened again")
        await asyncio.sleep(1)  # an older process may reopen it later
        self.read_log(moved)
        moved.unlink()

    def read_log(self, path):
        """Each line is an object; one that a full disk cut is followed by a notice, or ends the file."""
        text = path.read_text(encoding="utf-8")
        for line in text.splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                self._place.torn.append(line[-200:])
                continue
            self.log_lines += "end" in entry
            self.log_notices += "notice" in entry

    async def clock(self):
        """The wall clock jumps, forwards or backwards, by up to ten days, and later back."""
        if not self._place.set_clock:
            self._skip("clock", "the library that sets the program's clock is not built")
            return
        self._place.set_clock(self._rng.choice((-1, 1)) * self._rng.choice((1, 61, 3601, DAY_S, 10 * DAY_S)))
        await asyncio.sleep(HOLD_S)
        if self._rng.random() < 0.5:
            self._place.set_clock(0)


ORDER = ("reload", "bad_reload", "takeover", "failed_takeover", "recording", "descriptors", "crowd", "buffers", "resets", "pool", "dns",
         "full_disk", "rotation", "clock")
