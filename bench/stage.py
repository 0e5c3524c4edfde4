"""One row of `make bench`: its origin, its contenders, and their measured rounds."""
from __future__ import annotations

import contextlib
import os
import pathlib
import re
import resource
import signal
import statistics
import subprocess
import tempfile
import types
import typing

import contenders
import counts
import processes
import rows

# Logs go to memory: tinyproxy waits for the disk after each line.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# The doctor looks at records ten times a second. Callgrind makes a request fifty times as long, so that it has as many more looks.
WITHOUT_LOOKS = ("--toggle-collect=doctor::Doctor::look(*", "--collect-atstart=yes")  # in this order
DIRECT = "no proxy"  # the load generator asks the origin itself


class Sample(typing.NamedTuple):
    """One round of one contender."""
    cpu_ns: int
    user_ns: int  # of it, outside the kernel
    run: processes.Run


class Standing(typing.NamedTuple):
    """A contender that is running."""
    process: processes.Process
    port: int
    held_bytes: float  # memory for each held connection; 0: there are none


class Stage:
    """All processes of a row, as long as the context lasts."""

    def __init__(self, row: rows.Row, build: pathlib.Path, before: pathlib.Path | None = None, callgrind: bool = False) -> None:
        self._stack = contextlib.ExitStack()
        self.row, self._build, self._before, self._callgrind = row, build, before or build, callgrind
        self._contender_cpu, self._load_cpu = processes.processors()
        self._folder = pathlib.Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="proxy-bench-", dir=MEMORY)))
        self._folder.chmod(0o755)  # for peers that change their user
        self._number = 0
        self.standing: dict[str, Standing] = {}
        self._origin_port = 0

    def __enter__(self) -> Stage:
        try:
            self._origin_port = int(self._program("origin").line())
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None) -> None:
        self._stack.close()

    def _log(self, name: str) -> pathlib.Path:
        self._number += 1
        return self._folder / f"{re.sub(r'[^a-z]+', '-', name)}-{self._number}.log"

    def _program(self, name: str, *arguments: str) -> processes.Process:
        """One of our own that talks, beside the contender."""
        process = processes.Process([str(self._build / "bench" / name), *arguments], self._load_cpu, self._log(name), talks=True)
        self._stack.callback(process.end)
        return process

    def _files(self) -> pathlib.Path:
        folder = self._folder / "files"
        if not folder.exists():
            folder.mkdir()
            with (folder / "file").open("wb") as file:
                file.truncate(self.row.size)
        return folder

    def start(self, name: str) -> bool:
        """False: it does not have this role."""
        contender, port = contenders.named(name), processes.free_port()
        folder = self._folder / re.sub(r"[^a-z]+", "-", name)
        folder.mkdir()
        place = contenders.Place(folder, self._files(), port, self._origin_port, self._build, self._before)
        command = contender.start(place, self.row.role)
        if command is None:
            return False
        command[0] = contenders.which(command[0]) or command[0]
        if self._callgrind:
            command[:0] = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={self._folder}/counts", *WITHOUT_LOOKS]
        process = processes.Process(command, self._contender_cpu, self._log(name))
        self._stack.callback(process.end)
        process.await_port(port)
        self.standing[name] = Standing(process, port, self._hold(process, port) if self.row.held else 0.0)
        return True

    def _hold(self, process: processes.Process, port: int) -> float:
        held = self.row.held
        assert held
        clients = min(held.clients, resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 2 - 1000)  # two descriptors each
        process.settle()
        before = process.memory()
        head = held.head.format(host=f"127.0.0.1:{self._origin_port}")
        self._program("hold", "--port", str(port), "--clients", str(clients), "--head", head).line()
        process.settle()
        return (process.memory() - before) / clients

    def _load(self, name: str, row: rows.Row, requests: int) -> processes.Process:
        port = self.standing[name].port if name in self.standing else self._origin_port
        arguments = {"--port": port, "--clients": min(row.clients, requests), "--requests": requests, "--head": row.head(self._origin_port),
                     "--expect": row.size, "--body": row.body}
        if row.role == "connect" and (name in contenders.PEERS or name in (contenders.OURS, contenders.BEFORE)):
            arguments["--tunnel"] = f"CONNECT 127.0.0.1:{self._origin_port} HTTP/1.1\r\nHost: 127.0.0.1:{self._origin_port}\r\n\r\n"
        flags = ["--keep"] if row.keep else []
        return self._program("load", *(str(word) for pair in arguments.items() for word in pair), *flags)

    def measure(self, name: str, requests: int) -> Sample:
        """One round. REQUIRES: started, or DIRECT."""
        with contextlib.ExitStack() as beside:
            if self.row.beside:
                other = self._load(name, rows.MIXED, rows.MIXED.requests)
                beside.callback(other.end)
                other.line()
                other.tell()
            load = self._load(name, self.row, requests)
            load.line()
            before = self._time_ns(name)
            load.tell()
            run = processes.Run.read(load.line())
            cpu, user = (after - began for after, began in zip(self._time_ns(name), before))
        if run.requests != requests:
            raise processes.Failed(f"{name}: {run.requests} of {requests} requests were answered")
        return Sample(cpu, user, run)

    def _time_ns(self, name: str) -> tuple[int, int]:
        """CPU time of the contender so far, and the part in user space."""
        if name not in self.standing:
            return 0, 0
        process = self.standing[name].process
        return process.cpu_ns(), process.user_ns()

    def system_calls(self, name: str, requests: int) -> float:
        """System calls for each request, by strace(1)."""
        report = self._log("strace")
        words = [word for pid in self.standing[name].process.pids() for word in ("-p", str(pid))]
        with subprocess.Popen(["strace", "-f", "-c", "-o", str(report), *words], stderr=subprocess.PIPE) as strace:
            assert strace.stderr
            strace.stderr.readline()  # "attached"
            load = self._load(name, self.row, requests)
            load.line()
            load.tell()
            load.line()
            strace.send_signal(signal.SIGINT)
        total = re.search(r"(\d+)(?: +\d+)? total$", report.read_text(encoding="ascii"), re.MULTILINE)
        if not total:
            raise processes.Failed("strace counted nothing")
        return int(total[1]) / requests


    def reset_counts(self) -> None:
        """What callgrind has counted so far is left out. REQUIRES: callgrind and one contender."""
        process = next(iter(self.standing.values())).process
        subprocess.run(["callgrind_control", "--zero", str(process.pids()[0])], check=True, capture_output=True)

    def instructions(self) -> dict[counts.Place, int]:
        """Ends the contender. REQUIRES: callgrind and one contender."""
        next(iter(self.standing.values())).process.end()
        found = counts.read(self._folder / "counts")
        if not found:
            raise processes.Failed("callgrind counted nothing")
        return found


def spread(values: list[float]) -> float:
    """Half the distance between the smallest and the largest, in parts of the median."""
    middle = statistics.median(values)
    return (max(values) - min(values)) / 2 / middle if middle else 0.0
