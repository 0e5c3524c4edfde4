"""Processes of `make bench`: started on one processor, measured, and ended by their number."""
from __future__ import annotations

import contextlib
import json
import os
import pathlib
import resource
import select
import signal
import socket
import subprocess
import time
import typing

PATIENCE_S = 120.0  # after which an awaited event counts as missing; nothing is measured by it


class Failed(Exception):
    """A run with invalid figures."""


def processors() -> tuple[int, int]:
    """One for the contender, another for load and origin if there is one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[-1], usable[0]


def raise_descriptor_limit() -> None:
    """Room for 10,000 clients of each contender, if this user may have it."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (65_536, 65_536))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_until(condition: typing.Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"timeout: waited until {what}")
        time.sleep(0.005)


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def children(pid: int) -> list[int]:
    """Of all threads of the process."""
    found: list[int] = []
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, path.read_text(encoding="ascii").split())
        except OSError:
            pass  # it has ended
    return found


class Process:
    """A process and those that it starts."""

    def __init__(self, command: list[str], processor: int, log: pathlib.Path, talks: bool = False) -> None:
        self._log = log
        with log.open("wb") as out:
            self._popen = subprocess.Popen(  # pylint: disable=consider-using-with
                ["taskset", "-c", str(processor), *command], stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else out, stderr=out)

    def pids(self) -> list[int]:
        found = [self._popen.pid]
        for pid in found:
            found += children(pid)
        return found

    def cpu_ns(self) -> int:
        """CPU time of all threads, those that have ended too. The clock's number is that of clock_getcpuclockid(3)."""
        return sum(time.clock_gettime_ns(~pid << 3 | 2) for pid in self.pids())

    def user_ns(self) -> int:
        """The part of it that was not in the kernel, in the ticks by which the kernel counts (proc_pid_stat(5), utime)."""
        def ticks(pid: int) -> int:
            text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
            return int(text.rpartition(")")[2].split()[11])
        return sum(map(ticks, self.pids())) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        """Bytes of resident memory, shared pages counted in parts (proc(5), smaps_rollup)."""
        total = 0
        for pid in self.pids():
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
        return total * 1024

    def settle(self) -> None:
        """Waits until it has nothing more to do, at most 10 s: HAProxy never rests beside clients that do not read."""
        last, deadline = -1, time.monotonic() + 10
        while (now := self.cpu_ns()) != last and time.monotonic() < deadline:
            last = now
            time.sleep(0.3)

    def await_port(self, port: int) -> None:
        wait_until(lambda: self.ended() or answers(port), f"port {port} is open: {self._log}")
        if self.ended():
            raise Failed(f"ended at once: {self.errors()}")

    def ended(self) -> bool:
        return self._popen.poll() is not None

    def errors(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-2000:]

    def line(self) -> str:
        """The next line that it prints. REQUIRES: it talks."""
        assert self._popen.stdout
        ready, _, _ = select.select([self._popen.stdout], [], [], PATIENCE_S)
        text = self._popen.stdout.readline().decode() if ready else ""
        if not text:
            raise Failed(self.errors() or "the load generator did not end")
        return text.strip()

    def tell(self) -> None:
        """Sends an empty line. REQUIRES: it talks."""
        assert self._popen.stdin
        self._popen.stdin.write(b"\n")
        self._popen.stdin.flush()

    def end(self, number: int = signal.SIGTERM) -> None:
        """Ends it, and what it has started if that does not end by itself."""
        pids = self.pids()
        if not self.ended():
            self._popen.send_signal(number)
            try:
                self._popen.wait(10)
            except subprocess.TimeoutExpired:
                for pid in reversed(pids):
                    os.kill(pid, signal.SIGKILL)
                self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe:
                pipe.close()


class Run(typing.NamedTuple):
    """What the load generator has seen."""
    requests: int
    opened: int
    bytes: int
    seconds: float
    first_byte_us: list[int]  # median, 99 %, longest

    @classmethod
    def read(cls, text: str) -> Run:
        return cls(**json.loads(text))
