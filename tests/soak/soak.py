#!/usr/bin/env python3
"""Everything at once, for MINUTES: clients of all roles, many that misbehave, and a bad day for the proxy (see disturbances.py).

Each byte is compared. Once a minute all load stops, and records, buffers, descriptors and memory must be as they were. Prints a line
each minute, a table at the end, and `N passed, N failed, N skipped`. Exit status 0 if nothing failed.
"""
import argparse
import asyncio
import collections
import contextlib
import logging
import mmap
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback

import disturbances
import exchanges
import servers
import subject
from content import Content

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import own_network  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WORKERS = 100
PAUSE_S = 0.3        # at most, between two exchanges of a client
MINUTE_S, LOAD_S = 60, 44
EXCHANGE_S = 60     # an exchange that takes longer hangs
QUIET_S = 30        # after the last exchange, the figures must be at rest within this time
MEMORY_KIB = 1024   # more resident memory than after the first whole minute of the process
TURN_MS = 250       # a turn that computed or blocked for longer is a failure; 50 ms is a finding
FAILURES_MAX = 30
LOG_DISK = "32m"
TICK_S, LATE_S = 0.05, 1


class Place:
    """What surrounds the proxy."""

    def __init__(self, content, faults):
        self.origin, self.line = servers.Origin(content, faults), servers.Line(content, faults)
        self.pool = [servers.Origin(content, faults) for _ in range(3)]
        self.names, self.hole, self.files, self.exchanges, self.set_clock = servers.Names(), servers.Hole(), [], None, None
        self.dropped, self.torn, self.excuse = 0, [], None

    async def start(self, folder, content):
        for server in (self.origin, self.line, *self.pool, self.names):
            await server.start()
        site = folder / "site"
        site.mkdir(mode=0o755)
        for size in (*exchanges.SIZES, *exchanges.LARGE):
            self.files.append((f"file-{size}", size))
            (site / f"file-{size}").write_bytes(b"".join(content.pieces(f"file-{size}", size)))

    def close_idle(self):
        for server in (self.origin, self.line, *self.pool):
            server.close_idle()


class Soak:
    """A run: the clients, the disturbances, and what was seen."""

    def __init__(self, arguments, folder, disk, clock):
        self.minutes, self.seed, self.folder = arguments.minutes, arguments.seed, pathlib.Path(folder)
        self.content, self.failures, self.faults = Content(self.seed), [], []
        self.place = Place(self.content, self.faults)
        log_folder = pathlib.Path(disk or folder)
        self.subject = subject.Subject(arguments.proxy, folder, log_folder, clock)
        self.place.exchanges = exchanges.Exchanges(self.content, self.subject, self.place, self.lag)
        self.place.set_clock = clock_setter(clock)
        self.bad_day = disturbances.Disturbances(self.subject, self.place, self.content, random.Random(f"day {self.seed}"), disk)
        self.place.excuse = self.bad_day.excuse
        self.done, self.excused = collections.Counter(), collections.Counter()
        self.open, self.number, self.running, self.lags = {}, 0, asyncio.Event(), collections.deque(maxlen=200)
        self.most_late, self.ticked = 0, 0
        self.first, self.compared, self.passed, self.most = None, 0, 0, collections.Counter()

    def lag(self):
        """The most seconds that this process was late within the last 10 s, now included."""
        now = asyncio.get_running_loop().time() - self.ticked - TICK_S if self.ticked else 0
        return max(now, *self.lags, 0)

    async def watch_lag(self):
        """A machine that stops this process for long causes timeouts in the proxy: that is noted as a disturbance."""
        clock = asyncio.get_running_loop().time
        while True:
            self.ticked = clock()
            await asyncio.sleep(TICK_S)
            self.lags.append(clock() - self.ticked - TICK_S)
            self.most_late = max(self.most_late, self.lags[-1])
            if self.lags[-1] > LATE_S:
                self.bad_day.note_late(self.ticked)

    def fail(self, text):
        self.failures.append(f"{time.strftime('%H:%M:%S')} {text}")
        print(f"failed: {text}", flush=True)

    def hold(self, good, text):
        """Counts a promise that was checked."""
        self.passed += bool(good)
        if not good:
            self.fail(text)

    # -- clients

    async def client(self, number):
        rng = random.Random(f"client {self.seed} {number}")
        while True:
            await self.running.wait()
            self.number += 1
            kind, key = exchanges.choose(rng), f"{number}-{self.number}"
            task = asyncio.current_task()
            self.open[task] = (kind, key)
            try:
                await self.exchange(kind, key, rng)
            finally:
                del self.open[task]
            await asyncio.sleep(rng.random() * PAUSE_S)

    async def exchange(self, kind, key, rng):
        since = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(EXCHANGE_S):
                await getattr(self.place.exchanges, kind)(rng, key)
            self.done[kind] += 1
            self.passed += 1
        except exchanges.Deviation as deviation:
            reason = self.bad_day.excuse(kind, deviation.what, since)
            self.excused[kind, deviation.what, reason] += bool(reason)
            if not reason:
                self.fail(f"{kind} {key}: {deviation}; nothing explains it")
        except exchanges.Wrong as wrong:
            self.fail(f"{kind} {key}: {wrong}")
        except TimeoutError:
            self.fail(f"{kind} {key}: no end after {EXCHANGE_S} s")
        except Exception:  # pylint: disable=broad-except # of the test itself
            self.fail(f"{kind} {key}: {traceback.format_exc()}")

    # -- the run

    async def run(self):
        await self.place.start(self.folder, self.content)
        self.subject.configure(self.place.pool, self.place.names, self.place.line)
        await self.subject.start()
        tasks = [asyncio.create_task(self.client(number)) for number in range(WORKERS)] + [asyncio.create_task(self.watch_lag())]
        try:
            for minute in range(1, self.minutes + 1):
                await self.one_minute(minute)
                if len(self.failures) >= FAILURES_MAX:
                    self.fail("too many failures: the run ends")
                    break
            await self.end()
        except AssertionError as error:
            self.fail(str(error))
        finally:
            for task in tasks:
                task.cancel()

    async def one_minute(self, minute):
        """Load and disturbances, then rest."""
        clock = asyncio.get_running_loop().time
        begin, before = clock(), sum(self.done.values())
        self.bad_day.takeovers_allowed = minute <= (self.minutes + 1) // 2
        pid = self.subject.process.pid
        self.running.set()
        names = []
        while clock() < begin + LOAD_S and len(self.failures) < FAILURES_MAX:
            names = names or self.bad_day.order()
            await asyncio.sleep(1)
            await self.disturb(names.pop())
        self.running.clear()
        await self.rest()
        figures = await self.quiet(self.subject.process.pid == pid)
        print(f"minute {minute}: {sum(self.done.values()) - before} exchanges, {sum(self.bad_day.done.values())} disturbances so far, "
              f"{sum(self.excused.values())} deviations explained; at rest {self.rest_text(figures)}", flush=True)
        await asyncio.sleep(max(0, begin + MINUTE_S - clock()) if minute < self.minutes else 0)

    async def disturb(self, name):
        try:
            await self.bad_day.run(name)
        except exchanges.Wrong as wrong:
            self.fail(f"{name}: {wrong}")
        figures = await self.subject.figures()
        for key in ("proxy_buffers", "proxy_pipes", "process_open_fds"):
            self.most[key] = max(self.most[key], figures[key])

    async def rest(self):
        """Until no exchange is in progress."""
        deadline = asyncio.get_running_loop().time() + EXCHANGE_S
        while self.open and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)
        self.hold(not self.open, f"exchanges do not end: {list(self.open.values())[:5]}")

    async def quiet(self, whole):
        """The figures without load, once nothing is in use; compares them with those after the first whole minute of this process.
        `whole`: it has had all load of this minute. One that began later may not have opened all files that it keeps."""
        self.place.close_idle()
        await self.subject.until_old_ones_have_ended()
        zero = ("proxy_pipes", "proxy_upstream_idle_connections", "proxy_resolver_queries")
        deadline, used = asyncio.get_running_loop().time() + QUIET_S, None
        while asyncio.get_running_loop().time() < deadline:
            figures = await self.subject.figures()
            used = {name: figures[name] for name in zero if figures[name]} | ({"records": figures.records()} if figures.records() else {})
            now = (figures["process_open_fds"], figures["proxy_buffers"], self.subject.memory_kib())
            if not used and (not self.is_compared() or self.flat(now)):
                break
            await asyncio.sleep(0.2)
        self.hold(not used, f"in use without load: {used}")
        if not self.is_compared():
            self.first = (self.subject.process.pid, *now) if whole else None
        if self.first:
            self.compared += whole
            self.hold(self.flat(now), f"descriptors, buffers and KiB of memory grew from {self.first[1:]} to {now}")
            pid, fds, *others = self.first
            self.first = (pid, min(fds, now[0]), *others)  # the first ones may have had some that are open for a while only
        self.hold(not figures.errors(), f"findings: {figures.errors()}")
        return now

    def is_compared(self):
        """This process has had a whole minute of load before."""
        return self.first is not None and self.first[0] == self.subject.process.pid

    def flat(self, now):
        _, fds, buffers, memory = self.first
        return now[0] <= fds and now[1] <= buffers and now[2] <= memory + MEMORY_KIB

    def rest_text(self, now):
        first = f"first {self.first[3]}" if self.first else "a new process"
        return f"{now[0]:.0f} descriptors, {now[1]:.0f} buffers, {now[2]} KiB ({first})"

    async def end(self):
        """SIGTERM, and what the processes said."""
        self.subject.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.subject.process.wait(subject.DRAIN_S + 10)
        statuses = [*self.subject.statuses, self.subject.process.poll()]
        self.hold(all(status == 0 for status in statuses), f"exit statuses {statuses}")
        self.bad_day.read_log(self.subject.log)
        self.hold(self.bad_day.log_lines > 0, "the access log is empty")
        self.hold(len(self.place.torn) <= 2 * self.bad_day.done.get("full_disk", 0), f"lines of the log are cut: {self.place.torn[:3]}")
        self.hold(not self.subject.errors_said(), f"it said: {self.subject.errors_said()[:5]}")
        self.hold(not self.faults, f"the servers saw: {self.faults[:5]}")
        own = [(ms, line) for ms, line in self.subject.slow_turns() if "ran in its place" not in line]
        self.hold(all(ms <= TURN_MS for ms, _ in own), f"long turns: {sorted(own)[-3:]}")

    # -- what is printed

    def table(self):
        print(f"\n{'exchange':20}{'right':>8}{'explained':>11}  by")
        for kind in exchanges.WEIGHTS:
            why = {f"{what}/{reason}": count for (name, what, reason), count in self.excused.items() if name == kind and count}
            print(f"{kind:20}{self.done[kind]:8}{sum(why.values()):11}  {' '.join(f'{name} {count}' for name, count in sorted(why.items()))}")
        print(f"sent again, because a kept connection was closed: {dict(self.place.exchanges.repeated)}")
        print("disturbances: " + ", ".join(f"{name} {count}" for name, count in sorted(self.bad_day.done.items()) if name not in self.bad_day.skipped))
        print("timeouts, most seconds late: " + ", ".join(f"{kind} {late:.2f}" for kind, late in sorted(self.place.exchanges.latest.items())))
        turns = sorted(self.subject.slow_turns())
        print(f"turns over 50 ms reported: {len(turns)}, the longest {turns[-1][0] if turns else 0} ms; "
              f"this process itself was at most {self.most_late * 1000:.0f} ms late")
        print(f"access log: {self.bad_day.log_lines} lines, {self.bad_day.log_notices} notices, {self.place.dropped:.0f} lines dropped while the disk was full, "
              f"{len(self.place.torn)} cut")
        print(f"most buffers in use while clients do not read: {self.bad_day.most_buffers:.0f}; most in use after a disturbance: " + ", ".join(f"{name} {value:.0f}" for name, value in self.most.items()))
        if self.compared < 2:
            self.bad_day.skipped["memory and descriptors"] = "no process had two whole minutes of load: use MINUTES=4 or more"
        for name, why in self.bad_day.skipped.items():
            print(f"skipped: {name}: {why}")


def clock_setter(clock):
    """A function that sets the clock of the program off by so many seconds; None without the library."""
    if not clock:
        return None
    with open(clock[1], "r+b") as file:
        page = mmap.mmap(file.fileno(), 8)

    def set_clock(seconds):
        page[:8] = struct.pack("=q", seconds)
    return set_clock


def small_disk(folder):
    """A small file system for the log; empty if none can be mounted."""
    disk = pathlib.Path(folder, "disk")
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={LOG_DISK}", "soak", str(disk)], capture_output=True, check=False)
    return str(disk) if done.returncode == 0 else ""


def own_world():
    """Network and mounts of its own, if they are permitted."""
    try:
        own_network.leave_for_own_network()
    except OSError as error:
        print(f"no network of its own: {error}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--proxy", default=str(ROOT / "proxy"))
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--clock", help="library that changes the proxy's wall clock")
    arguments = parser.parse_args()
    arguments.proxy = str(pathlib.Path(arguments.proxy).resolve())
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # each reset is a warning
    print(f"{arguments.minutes} minutes, seed {arguments.seed}", flush=True)
    own_world()
    folder = tempfile.mkdtemp(prefix="soak-")
    os.chmod(folder, 0o755)  # the file server is not for files that only their owner may see
    clock = ()
    if arguments.clock and pathlib.Path(arguments.clock).exists():
        clock = (str(pathlib.Path(arguments.clock).resolve()), str(pathlib.Path(folder, "clock")))
        pathlib.Path(clock[1]).write_bytes(bytes(8))
    soak = Soak(arguments, folder, small_disk(folder), clock)
    try:
        asyncio.run(soak.run())
        return finish(soak, folder)
    finally:
        soak.subject.kill()


def keep_log(log, folder):
    """The disk of the log ends with this process."""
    for path in log.parent.glob(f"{log.name}*"):
        if not pathlib.Path(folder, path.name).exists():
            shutil.copy(path, folder)


def finish(soak, folder):
    soak.table()
    skipped, failed = len(soak.bad_day.skipped), len(soak.failures)
    print(f"{soak.passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    if not failed:
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    keep_log(soak.subject.log, folder)
    print(f"Output, log and recordings are in {folder}. `proxy replay {folder}/records/FILE` shows a recording; "
          f"`make soak SEED={soak.seed} MINUTES={soak.minutes}` repeats the choices.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
