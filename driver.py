#!/usr/bin/env python3
"""Grades a lab proxy from outside: any program that is started as `PROXY PORT` and serves HTTP/1.0.

    ./driver.py -b 20 -c 75 -m 2 epoll

The order of this file: the sandbox, the origin server, the proxy under test, its record files, the stage of one test,
the tests, the table of tests, evidence and diagnosis, the run of all tests, the report, many submissions, the command line.

Two processes work together. The worker runs the tests in namespaces of its own (no network, a read-only file system,
no other processes), so that all it started ends with it. The parent receives one line of JSON for each result, prints
it and writes the result files. Needs Python 3.9 and Linux; -m and -s need valgrind.
"""
# One file, because the hand-in needs one; os._exit, because a forked worker must not run the parent's cleaning.
# pylint: disable=too-many-lines,too-few-public-methods,too-many-instance-attributes,too-many-arguments,protected-access
from __future__ import annotations

import argparse
import base64
import contextlib
import csv
import ctypes
import fcntl
import functools
import hashlib
import html
import json
import math
import os
import pathlib
import platform
import re
import resource
import select
import shlex
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import types
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import IO, Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, NoReturn, Optional, Sequence, Set, TextIO, Tuple

HERE = pathlib.Path(__file__).resolve().parent
MODES = ("multiprocess", "processpool", "multithread", "threadpool", "epoll")
LABS = ("byu", "cmu", "strict")
PATIENCE = 5.0     # seconds without progress after which a proxy counts as silent (--patience)
LIMIT = 300.0      # seconds for the tests of one submission (--limit)
SHORTER = 2.0      # patience after two tests that failed by silence
SLOWER = 2         # factor for the patience under valgrind
MEBIBYTE = 1 << 20
HUGE = 24 * MEBIBYTE           # more than the socket buffers hold
MEMORY = 1024 * MEBIBYTE       # resident bytes that a submission may use
PROCESSES = 300                # processes that it may start, beside each other
DISK = 512 * MEBIBYTE          # bytes it may write
HEAD_LIMIT = 65536             # bytes of a response head that are read
ROBUST_SHARE = 0.2             # share of the concurrency points for clients and servers that leave
Row = Dict[str, Any]           # a result as the worker reports it, and as JSON has it


@dataclass
class Finding:
    """What the report says about a failed test."""
    did: str
    expected: str
    cause: str = ""                                     # the same in several tests: one mistake, charged once
    likely: str = ""
    evidence: List[str] = field(default_factory=list)
    stderr: List[str] = field(default_factory=list)
    curl: str = ""
    silent: bool = False                                # the proxy did nothing for the whole patience

    def __post_init__(self) -> None:
        self.likely = self.likely or LIKELY.get(self.cause, "")

    def blame(self, cause: str, likely: str = "") -> None:
        """Replaces the guess."""
        self.cause, self.likely = cause, likely or LIKELY.get(cause, "")


class Failure(Exception):
    """The proxy did something other than expected."""

    def __init__(self, did: str, expected: str, cause: str = "", likely: str = "") -> None:
        super().__init__(did)
        self.finding = Finding(did, expected, cause, likely, silent=isinstance(self, Silence))


class Silence(Failure):
    """The proxy did nothing for the whole patience."""


class Untestable(Exception):
    """This machine does not allow the test. The text says why."""


class NotBuilt(Exception):
    """There is no program. The arguments are the reason, and lines of output."""


def ensure(truth: object, did: str, expected: str, cause: str = "", likely: str = "") -> None:
    """Raises a Failure if `truth` is false."""
    if not truth:
        raise Failure(did, expected, cause, likely)


@contextlib.contextmanager
def silence_means(did: str, expected: str, cause: str) -> Iterator[None]:
    """Says what a silence means; `{}` stands for what it was so far."""
    try:
        yield
    except Silence as silence:
        raise Silence(did.format(silence.finding.did), expected, silence.finding.cause or cause) from None


def number(value: float) -> str:
    """A number with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def quoted(data: bytes, size: int = 80) -> str:
    """The first bytes of `data`, printable."""
    return repr(bytes(data[:size]))[2:-1] + ("..." if len(data) > size else "")


def printable(text: str, most: int = 1000) -> str:
    """A text of one line without control characters, for a terminal and for UTF-8; what is too long is cut."""
    text = re.sub("[^\x20-\x7e\u00a0-\ud7ff\ue000-\U0010ffff]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]", "?", text)
    return text if len(text) <= most else text[:most] + "..."


def cleaned(value: Any) -> Any:
    """A value of JSON, with printable texts."""
    if isinstance(value, dict):
        return {name: cleaned(item) for name, item in value.items()}
    if isinstance(value, list):
        return [cleaned(item) for item in value]
    return printable(value) if isinstance(value, str) else value


def settled(look: Callable[[], Any], seconds: float) -> Any:
    """What `look` returns when ten looks gave the same (and not nothing), or when the time is over."""
    value, same, end = look(), 0, time.monotonic() + seconds
    while same < 10 and time.monotonic() < end:
        time.sleep(0.02)  # that nothing changes any more can only be seen over a while
        again = look()
        value, same = again, same + 1 if again and again == value else 0
    return value


# ---- the sandbox ------------------------------------------------------------------------------------------------------

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE, MS_NOSUID, MS_NODEV = 4096, 16384, 1 << 18, 2, 4
PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 2, 4, 24, 36, 38
PR_SET_SECCOMP = 22
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1
ROOMS = ("/mnt", "/media", "/srv")  # where the workspace is mounted: folders that no program needs
NAME = "www.lab.test"               # a host name that only the sandbox knows
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def system_call(name: str, *arguments: Any) -> None:
    """Calls a function of the C library; raises OSError if it fails."""
    if getattr(LIBC, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def mount(source: str, target: object, kind: str, flags: int, options: str = "") -> None:
    """mount(2)."""
    system_call("mount", source.encode(), str(target).encode(), kind.encode(), flags, options.encode())


def set_process(option: int, value: int) -> None:
    """prctl(2); an option that the kernel does not know is ignored."""
    LIBC.prctl(option, value, 0, 0, 0)


def refuse_calls() -> None:
    """Refuses system calls with which a submission gets memory that is not counted, or namespaces with new rights."""
    known = {"x86_64": (0xC000003E, 56, (272, 29, 319)), "aarch64": (0xC00000B7, 220, (97, 194, 279))}
    if platform.machine() not in known:
        return
    architecture, clone, refused = known[platform.machine()]  # refused: unshare, shmget, memfd_create
    load, equal, has, give = 0x20, 0x15, 0x45, 0x06  # instructions of BPF; see seccomp(2)
    allowed, not_permitted, not_implemented = 0x7FFF0000, 0x50001, 0x50026
    code = [(load, 0, 0, 4), (equal, 1, 0, architecture), (give, 0, 0, allowed), (load, 0, 0, 0)]
    for call, answer in (*((call, not_permitted) for call in refused), (435, not_implemented)):  # 435: clone3
        code += [(equal, 0, 1, call), (give, 0, 0, answer)]
    code += [(equal, 0, 3, clone), (load, 0, 0, 16), (has, 0, 1, CLONE_NEWUSER), (give, 0, 0, not_permitted), (give, 0, 0, allowed)]
    text = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
    LIBC.prctl(PR_SET_SECCOMP, 2, struct.pack("HxxxxxxP", len(code), ctypes.addressof(text)), 0, 0)


def enter_namespaces() -> None:
    """Moves this process to namespaces of its own; the next child is process 1 there."""
    flags = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET
    user, group = os.getuid(), os.getgid()
    if user == 0:
        with contextlib.suppress(OSError):
            system_call("unshare", flags)
            return
    system_call("unshare", flags | CLONE_NEWUSER)
    for file, line in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        pathlib.Path("/proc/self", file).write_text(line, encoding="ascii")


def furnish(room: pathlib.Path, submission: pathlib.Path) -> None:
    """Makes the file system read-only, with a writable folder of bounded size at `room`. Run by process 1."""
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    attributes = struct.pack("4Q", MOUNT_ATTR_RDONLY, 0, 0, 0)
    system_call("syscall", MOUNT_SETATTR, AT_FDCWD, b"/", AT_RECURSIVE, attributes, ctypes.c_size_t(len(attributes)))
    mount("proc", "/proc", "proc", 0)
    with socket.socket() as any_socket:  # the loopback interface, up and running
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS
    mount("tmpfs", room, "tmpfs", MS_NOSUID | MS_NODEV, f"size={DISK},mode=711")
    use_own_names(room / "etc")
    for folder, options in (("/run", "size=1m,mode=755"), ("/dev/shm", "size=64m,mode=1777"), ("/dev/pts", "size=4k,mode=755")):
        if pathlib.Path(folder) in submission.parents:
            continue
        with contextlib.suppress(OSError):  # /run has the sockets of name services, /dev/pts the grader's terminal
            mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, options)


def use_own_names(folder: pathlib.Path) -> None:
    """The host names of the sandbox: a hosts file and no name server, so that a lookup ends at once."""
    folder.mkdir()
    files = {"hosts": f"127.0.0.1 localhost {NAME}\n", "resolv.conf": "options timeout:1 attempts:1\n",
             "nsswitch.conf": "hosts: files dns\npasswd: files\ngroup: files\n"}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="ascii")
        target = pathlib.Path("/etc", name)
        if target.exists():
            mount(str(folder / name), target.resolve(), "", MS_BIND)


def find_room(submission: pathlib.Path) -> pathlib.Path:
    """The folder that is hidden by the workspace."""
    for name in ROOMS:
        room = pathlib.Path(name)
        if room.is_dir() and not any(room in path.parents for path in (HERE, submission)):
            return room
    raise OSError(f"there is none of the folders {', '.join(ROOMS)}")


def in_namespaces(work: Callable[[], None], parent: int, submission: pathlib.Path) -> int:
    """Runs `work` as process 1 of new namespaces, which end with `parent`; returns its status. For a child process."""
    enter_namespaces()
    set_process(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return 1
    inner = os.fork()
    if inner:
        return os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1])
    set_process(PR_SET_PDEATHSIG, signal.SIGKILL)
    furnish(find_room(submission), submission)
    work()
    return 0


@functools.lru_cache(maxsize=1)
def why_no_namespaces() -> str:
    """An empty text if namespaces can be used here, or else the reason why not. Tried in a child process."""
    reader, writer = os.pipe()
    parent, child = os.getpid(), os.fork()
    if child == 0:
        status = 1
        try:
            status = in_namespaces(lambda: None, parent, HERE)
        except OSError as error:
            os.write(writer, (error.strerror or str(error)).encode())
        finally:
            os._exit(status & 255)
    os.close(writer)
    reason = os.read(reader, 500).decode() or "not permitted"
    os.close(reader)
    return "" if os.waitpid(child, 0)[1] == 0 else reason


def other_user(driver: int, own: bool) -> Optional[int]:
    """An unused user id for the submission of the driver with that pid; None if this process cannot change its user."""
    if os.getuid() != 0:
        return None
    first, _, count = map(int, pathlib.Path("/proc/self/uid_map").read_text(encoding="ascii").split()[:3])
    if own and count == 1:  # in a user namespace the submission loses its capabilities instead
        return None
    return 1_900_000_000 + driver if first == 0 and count > 2_000_000_000 else 65534


class Sandbox:
    """Where the submission runs. Made in the worker; without a reason against it, it has namespaces of its own."""

    def __init__(self, reason: str, driver: int, submission: pathlib.Path) -> None:
        self.own = not reason
        self.user = other_user(driver, self.own)
        self.room = find_room(submission) if self.own else pathlib.Path(tempfile.mkdtemp(prefix="driver-"))
        self.room.chmod(0o711)
        self.home = self.room / "home"
        self.ports = 10000
        bounds = f"{MEMORY // MEBIBYTE} MiB of memory, {PROCESSES} processes"
        if self.own:
            self.text = f"own network, processes and read-only file system; at most {bounds}, {DISK // MEBIBYTE} MiB of disk"
        elif self.user is not None:
            self.text = f"another user, at most {bounds}; no namespaces ({reason}): it shares network and disk"
        else:
            self.text = f"none ({reason}): a submission could write the results; at most {bounds}"

    def enter(self) -> None:
        """Gives up what the submission must not have. Children inherit it."""
        set_process(PR_SET_DUMPABLE, 0)
        set_process(PR_SET_NO_NEW_PRIVS, 1)
        set_process(PR_SET_CHILD_SUBREAPER, 1)
        refuse_calls()
        if self.own and self.user is None:
            for capability in range(64):
                set_process(PR_CAPBSET_DROP, capability)
        for kind, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, DISK), (resource.RLIMIT_NOFILE, 4096),
                           (resource.RLIMIT_NPROC, PROCESSES + 20 if self.user is not None else 4096)):
            soft, hard = (most if limit == resource.RLIM_INFINITY else min(most, limit) for limit in resource.getrlimit(kind))
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(kind, (soft, hard))
        self.home.mkdir()
        self.give_home()

    def give_home(self) -> None:
        """Gives all files of the workspace to the submission's user."""
        if self.user is not None:
            for path in [self.home, *self.home.glob("**/*")]:
                os.chown(path, self.user, self.user, follow_symlinks=False)

    def hide(self, folder: Optional[pathlib.Path]) -> None:
        """Hides the folder of the other submissions from this one; without namespaces that is not possible."""
        if folder and self.own:
            mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "size=4k,mode=700")

    def start(self, command: Sequence[str], **how: Any) -> subprocess.Popen[bytes]:
        """Starts a program of the submission, without any of the driver's descriptors."""
        if self.user is not None:
            how.update(user=self.user, group=self.user, extra_groups=[])
        home = str(self.home)
        environment = {"PATH": SEARCH_PATH, "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8"}
        environment.update({name: os.environ[name] for name in ("MAKEFLAGS", "ASAN_OPTIONS") if name in os.environ})
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=how.pop("cwd", home), env=environment,
                                start_new_session=True, umask=0o022, **how)

    def run_tool(self, folder: pathlib.Path, *command: str) -> str:
        """Runs make or tar as the submission's user; returns its output, or raises NotBuilt with its last lines."""
        process = self.start(command, cwd=str(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        tail = Tail(process.stdout, most=MEBIBYTE)
        status = self.await_tool(process)
        self.end_all()
        tail.thread.join(2)
        if process.returncode != 0:
            lines = tail.lines(10000)
            raise NotBuilt(f"{command[0]} {status}", *([line for line in lines if re.search(r"\berror:", line)][:6] or lines[-6:]))
        return tail.data.decode(errors="replace")

    def await_tool(self, process: subprocess.Popen[bytes]) -> str:
        """Waits for the end of a tool; gives up after 300 s, and after 30 s in which nothing that it started ran."""
        began = progress = time.monotonic()
        used = (0.0, 0.0)
        while time.monotonic() < began + 300:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return f"ended {ending(process.wait(0.5))}"
            before, used = used, total(scheduled(f"/proc/{pid}") for pid in self.processes())
            progress = time.monotonic() if used[0] - before[0] > 0.001 or used[1] > before[1] or used < before else progress
            if time.monotonic() > progress + 30:
                return "did nothing for 30 s"
        return "took longer than 300 s"

    def free_port(self) -> int:
        """A port outside of the range that the kernel gives to clients, different at each call."""
        self.ports += 1
        if self.own:
            return self.ports
        port, taken = 10000 + (os.getpid() * 7919 + self.ports) % 20000, {row.local for row in tcp_table()}
        return self.free_port() if port in taken else port

    def processes(self) -> Dict[int, int]:
        """{pid: parent} of all processes that descend from the worker."""
        parents = {int(entry): status_of(int(entry))[1] for entry in os.listdir("/proc") if entry.isdigit()}
        mine: Dict[int, int] = {}
        added = {os.getpid()}
        while added:
            added = {pid for pid, parent in parents.items() if parent in added and pid not in mine}
            mine.update({pid: parents[pid] for pid in added})
        return mine

    def kill(self, code: int) -> None:
        """Sends a signal to every process of the submission, also to one that left its session."""
        for pid in [-1] if self.own and code == signal.SIGKILL else self.processes():
            with contextlib.suppress(OSError):
                os.kill(pid, code)

    def end_all(self) -> None:
        """Ends every process of the submission."""
        for _ in range(100):
            self.kill(signal.SIGKILL)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            time.sleep(0.01)

    def close(self) -> None:
        """Ends all and removes the workspace; a mounted one vanishes with the worker."""
        self.end_all()
        if not self.own:
            shutil.rmtree(self.room, ignore_errors=True)

    def guard_memory(self) -> Callable[[], str]:
        """Ends the submission when it takes too much. Returns a function that says so, or an empty text."""
        said: List[str] = []

        def look() -> None:
            while True:
                pages, processes = 0, self.processes()
                for pid in processes:
                    with contextlib.suppress(OSError):
                        pages += int(pathlib.Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
                for used, most, what in ((len(processes), PROCESSES, "processes"),
                                         (pages * resource.getpagesize() // MEBIBYTE, MEMORY // MEBIBYTE, "MiB of memory")):
                    if used > most:
                        said.append(f"it used more than {most} {what} and was ended")
                        self.kill(signal.SIGKILL)
                time.sleep(0.1)  # nothing announces that a program grows

        threading.Thread(target=look, daemon=True).start()
        return lambda: said.pop() if said else ""


def ending(code: int) -> str:
    """A phrase such as `by SIGSEGV` or `with status 1`, from an exit status or a negative signal number."""
    with contextlib.suppress(ValueError):
        return f"by {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
    return f"by signal {-code}"


def status_of(pid: int) -> Tuple[str, int]:
    """State and parent of a process; ("", 0) if there is none."""
    with contextlib.suppress(OSError, IndexError):
        words = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace", encoding="utf-8").rpartition(")")[2].split()
        return words[0], int(words[1])
    return "", 0


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    return status_of(pid)[0] not in ("", "Z", "X")


CLOSE_WAIT, LISTEN = 0x08, 0x0A  # states of <netinet/tcp.h>


class TcpRow(NamedTuple):
    """A line of /proc/net/tcp: ports, state, bytes that wait to be read, inode."""
    local: int
    remote: int
    state: int
    unread: int
    inode: str
    address: str


def tcp_table() -> List[TcpRow]:
    """All TCP sockets of this network namespace. This takes milliseconds: the kernel looks through all its hash buckets."""
    rows = []
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in pathlib.Path("/proc/net", name).read_text(encoding="ascii").splitlines()[1:]:
                words = line.split()
                address, _, local = words[1].partition(":")
                state, unread = int(words[3], 16), int(words[4].partition(":")[2], 16)
                unread -= state == CLOSE_WAIT and unread > 0  # the end counts as a byte until it is read
                rows.append(TcpRow(int(local, 16), int(words[2].partition(":")[2], 16), state, unread, words[9], address))
    return rows


def await_drained(connection: socket.socket, most: float = 0.05) -> None:
    """Waits until the other side has read all that was sent, at most `most` seconds."""
    end = time.monotonic() + most
    with contextlib.suppress(OSError):
        mine, peer = connection.getsockname()[1], connection.getpeername()[1]
        while time.monotonic() < end:
            time.sleep(0.001)  # nothing tells a sender that its bytes were read
            if not any(row.local == peer and row.remote == mine and row.unread for row in tcp_table()):
                return


# ---- the origin server ------------------------------------------------------------------------------------------------

def pattern(size: int, salt: int = 0) -> bytes:
    """`size` bytes that contain every value. No two places of 64 KiB are alike, and the first bytes tell size and salt."""
    start = b"body:%d:%d:" % (size, salt) + b"abcdefgh" * 40
    line = bytes((i * 7 + salt) & 0xFF for i in range(256))
    block = b"".join(struct.pack(">I", i) + line[4:] for i in range(256))
    return (start + block * (size // len(block) + 1))[:size]


class Request(NamedTuple):
    """A request as the origin received it."""
    method: str
    target: str
    version: str
    fields: List[Tuple[str, str]]
    body: bytes

    def values(self, name: str) -> List[str]:
        """The values of all fields of that name, in lower case."""
        return [value for field_name, value in self.fields if field_name.lower() == name]


def parse_request(head: bytes, body: bytes) -> Request:
    """A request from its head; a malformed request line is the method."""
    line, *rest = head.decode("latin-1").split("\r\n")
    words = line.split(" ")
    method, target, version = words if len(words) == 3 else (line, "", "")
    pairs = [field_line.partition(":") for field_line in rest]
    return Request(method, target, version, [(name.strip(), value.strip()) for name, _, value in pairs], body)


def abort(connection: socket.socket) -> None:
    """Closes with RST."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@dataclass
class Visit:
    """What the origin saw of one connection."""
    data: bytes = b""
    request: Optional[Request] = None
    answered: bool = False


class Origin:
    """A server on a port of its own. The path of a URL names a row of PAGES, the query its size and salt."""

    def __init__(self, port: int = 0, log: Optional[TextIO] = None, hold: float = 600) -> None:
        self.hold, self.log = hold, log
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen(512)
        self.port: int = self.socket.getsockname()[1]
        self.visits: List[Visit] = []
        self.asked: Set[str] = set()
        self.changed = threading.Condition()
        self.released = threading.Event()
        self.open: Set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path: str) -> str:
        """The URL of a page such as `/text?4000`, which may be asked for from now on."""
        self.asked.add(path)
        return f"http://127.0.0.1:{self.port}{path}"

    def requests(self) -> List[Request]:
        """All requests that have arrived whole."""
        return [visit.request for visit in list(self.visits) if visit.request is not None]

    def close(self) -> None:
        """Stops listening and ends all connections."""
        self.released.set()
        for connection in [self.socket, *self.open]:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                self.open.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        visit = Visit()
        self.visits.append(visit)
        try:
            while b"\r\n\r\n" not in visit.data:
                piece = connection.recv(65536)
                if not piece or len(visit.data) > MEBIBYTE:
                    return
                visit.data += piece
            head, _, body = visit.data.partition(b"\r\n\r\n")
            request = parse_request(head, body)
            with self.changed:
                visit.request = request
                self.changed.notify_all()
            if self.log:
                fields = "; ".join(f"{name}: {value}" for name, value in request.fields)
                print(f"{request.method} {request.target} {request.version}   {fields}", file=self.log, flush=True)
            self._answer(connection, request)
            visit.answered = True
        except OSError:
            pass  # the other side has gone; what that means is for the test to say
        finally:
            self.open.discard(connection)
            connection.close()

    def _answer(self, connection: socket.socket, request: Request) -> None:
        body, data = body_of(request.target), b""
        half = len(body) // 2
        parts = {"head": head_of(len(body)), "body": body, "half": body[:half], "rest": body[half:]}
        for step in PAGES.get(split_path(request.target)[0], (NOT_FOUND,)):
            if callable(step):
                connection.sendall(data)
                data = b""
                step(self, connection, request)
            else:
                data += parts[step] if isinstance(step, str) else step
        if data:
            connection.sendall(data)


def path_of(target: str) -> str:
    """The path and query; a proxy may send the whole URL."""
    return re.sub("^http://[^/]*", "", target)


def split_path(target: str) -> Tuple[str, int, int]:
    """Name, size and salt of a page such as `/binary?16000&3`."""
    name, _, rest = path_of(target).partition("?")
    numbers = [int(word) for word in rest.split("&") if word.isdigit()] + [1000, 0]
    return name, numbers[0], numbers[1]


def body_of(target: str) -> bytes:
    """The body that the origin sends for a page: text, or every value that a byte can have. Its start tells size and salt."""
    name, size, salt = split_path(target)
    if name.startswith(("/text", "/fast", "/held")):
        return (b"body:%d:%d:\n" % (size, salt) + b"".join(b"line %d of a text\n" % i for i in range(size // 10 + 1)))[:size]
    return b"" if name == "/empty" else pattern(size, salt)


def head_of(length: int) -> bytes:
    """A response head."""
    return b"HTTP/1.0 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n" % length


def wait_for_test(origin: Origin, _connection: socket.socket, _request: Request) -> None:
    """Waits until the test releases the answer."""
    origin.released.wait(origin.hold)


def reset(_: Origin, connection: socket.socket, _request: Request) -> None:
    """Resets the connection, after the proxy has read what was sent."""
    await_drained(connection, 0.2)
    abort(connection)


def pieces(_: Origin, connection: socket.socket, request: Request) -> None:
    """Sends the response in pieces, each after the proxy has read the one before."""
    body = body_of(request.target)
    head, step = head_of(len(body)), max(1, len(body) // 12)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for data in (head[:9], head[9:-2], head[-2:], *(body[i:i + step] for i in range(0, len(body), step))):
        connection.sendall(data)
        await_drained(connection, 0.2)


def flood(origin: Origin, connection: socket.socket, _request: Request) -> None:
    """Sends until the test is over."""
    piece, end = pattern(65536), time.monotonic() + origin.hold
    while not origin.released.is_set() and time.monotonic() < end:
        connection.sendall(piece)


def end_sending(_: Origin, connection: socket.socket, _request: Request) -> None:
    """Ends the answer, and ignores what still comes."""
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(5)
    while connection.recv(262144):
        pass


def send_digest(_: Origin, connection: socket.socket, request: Request) -> None:
    """Reads the request's body and answers with its digest."""
    length = next((int(value) for value in request.values("content-length") if value.isdigit()), 0)
    digest, have = hashlib.sha256(request.body), len(request.body)
    while have < length:
        piece = connection.recv(262144)
        if not piece:
            return
        digest.update(piece)
        have += len(piece)
    body = digest.hexdigest().encode()
    connection.sendall(head_of(len(body)) + body)


NOT_FOUND = b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.0 200 OK\r\nServer: origin\r\n\r\n"
TOO_LARGE = b"HTTP/1.0 413 Content Too Large\r\nContent-Length: 4\r\n\r\nfull"
PAGES: Dict[str, Sequence[Any]] = {  # what is sent or done, one after the other; a text names a part of the response
    **dict.fromkeys(("/text", "/text/a/b.html", "/binary", "/fast"), ("head", "body")),
    "/empty": (NOT_FOUND,), "/until-close": (UNTIL_CLOSE, "body"), "/pieces": (pieces,), "/held": (wait_for_test, "head", "body"),
    "/first-part": ("head", "half", wait_for_test, "rest"), "/endless": (UNTIL_CLOSE, flood), "/digest": (send_digest,),
    "/refuses": (TOO_LARGE, end_sending), "/closes": (), "/resets": (reset,), "/half-head": (head_of(1000)[:28],),
    "/cut": ("head", "half"), "/cut-by-reset": ("head", "half", reset),
}


# ---- the proxy under test ---------------------------------------------------------------------------------------------

class Budget:
    """Seconds for which the proxy may do nothing. Time for which it waits for a processor does not count, up to 8 times."""

    def __init__(self, seconds: float, starved: Callable[[], float]) -> None:
        self.seconds, self.starved = seconds, starved
        self.began, self.at_first = time.monotonic(), starved()

    def left(self) -> float:
        """What is left; negative when it is used up."""
        passed = time.monotonic() - self.began
        return self.seconds - max(passed - max(0.0, self.starved() - self.at_first), passed / 8)


class Tail:
    """The last bytes that a program wrote to a pipe; a copy goes to `copy`."""

    def __init__(self, pipe: Optional[IO[bytes]], copy: Optional[TextIO] = None, most: int = 8192) -> None:
        assert pipe is not None
        self.pipe, self.data, self.copy, self.most = pipe, b"", copy, most
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        with self.pipe:
            while piece := os.read(self.pipe.fileno(), 65536):
                self.data = (self.data + piece)[-self.most:]
                if self.copy:
                    with contextlib.suppress(OSError):
                        self.copy.write(piece.decode(errors="replace"))
                        self.copy.flush()

    def lines(self, count: int = 6) -> List[str]:
        """The last lines, printable."""
        text = self.data.decode(errors="replace")
        return [printable(line, 200) for line in text.splitlines() if line.strip()][-count:]


SYSTEM_CALLS = {"x86_64": {0: "read", 1: "write", 7: "poll", 23: "select", 34: "pause", 35: "nanosleep", 42: "connect",
                           43: "accept", 44: "sendto", 45: "recvfrom", 46: "sendmsg", 47: "recvmsg", 61: "wait4",
                           202: "futex", 230: "clock_nanosleep", 232: "epoll_wait", 271: "ppoll", 281: "epoll_pwait",
                           288: "accept4"},
                "aarch64": {63: "read", 64: "write", 22: "epoll_pwait", 98: "futex", 101: "nanosleep", 202: "accept",
                            203: "connect", 206: "sendto", 207: "recvfrom", 242: "accept4", 73: "ppoll"}}
VALGRIND = ("valgrind", "--tool=memcheck", "--leak-check=full", "--show-leak-kinds=all", "--track-fds=yes", "--vgdb=no",
            "--trace-children=yes")


class Proxy:
    """The program that is graded: its processes, and what can be seen of them from outside."""

    def __init__(self, run: Run, valgrind: bool = False) -> None:
        self.sandbox, self.address = run.sandbox, "127.0.0.1"
        self.port = self.sandbox.free_port()
        command = [*run.command, str(self.port)]
        if run.recorder.works and not valgrind:
            command += ["--record-dir", str(run.recorder.folder)]
        if valgrind:
            for old in self.reports():
                old.unlink()
            command = [*VALGRIND, f"--log-file={self.sandbox.home}/valgrind.%p", *command]
        try:
            output = subprocess.PIPE if run.proxy_output else subprocess.DEVNULL
            errors = subprocess.STDOUT if run.proxy_output else subprocess.PIPE
            self.process = self.sandbox.start(command, stdout=output, stderr=errors)
        except OSError as error:
            raise Failure(f"it cannot be started: {error.strerror}", "an executable program", "start",
                          "it was built for another kind of machine, or its first line names a missing interpreter"
                          if error.errno in (2, 8) else "") from None
        self.tail = Tail(self.process.stdout or self.process.stderr, run.proxy_output)
        self.pid = self.process.pid
        try:
            self._await_port(run.options.patience * (6 if valgrind else 2))
        except Failure as failure:
            self.end()
            failure.finding.stderr = self.tail.lines()
            raise
        with contextlib.suppress(OSError):
            pathlib.Path(f"/proc/{self.pid}/oom_score_adj").write_text("1000", encoding="ascii")

    def reports(self) -> List[pathlib.Path]:
        """Valgrind's files, one for each process."""
        return sorted(self.sandbox.home.glob("valgrind.*"))

    def _await_port(self, patience: float) -> None:
        """Waits until the port is in the kernel's table of listening sockets; connects to nothing."""
        looks, ended, budget = 0, 0, Budget(patience, lambda: self.schedule()[1])
        while budget.left() > 0 and ended < 20:
            time.sleep(0.002)  # nothing tells when another program begins to listen; one that sleeps may do so
            states, looks = {status_of(pid)[0] for pid in self.sandbox.processes()}, looks + 1
            ended += states <= {"", "Z", "X"}
            if "R" in states and looks % 20:
                continue
            rows = [row for row in tcp_table() if row.local == self.port and row.state == LISTEN]
            if rows:
                self.pid = self._owner({row.inode for row in rows})
                if all(len(row.address) == 32 and row.address != "0" * 32 for row in rows):
                    self.address = "::1"
                return
        if ended:
            raise Failure(f"it ended before it listened, {self.how_ended()}", "it listens on the port of its argument", "start")
        raise Silence("it does not listen on the port of its argument", "a listening socket on that port", "start")

    def _owner(self, inodes: Set[str]) -> int:
        """The process that holds the listening socket: of a wrapper the child."""
        for pid in sorted(self.sandbox.processes()):
            if inodes & socket_inodes(descriptors_of(pid)):
                return pid
        return self.process.pid

    # -- its life --

    def alive(self) -> bool:
        """Whether it runs."""
        return is_alive(self.pid)

    def await_end(self, seconds: float) -> None:
        """Gives it time to end: a program that ends because of an error does so soon after it."""
        budget = Budget(seconds, lambda: self.schedule()[1])
        while self.alive() and budget.left() > 0:
            time.sleep(0.01)  # a grandchild's end cannot be awaited

    def status(self) -> Optional[int]:
        """Its exit status, or the negative signal number; None if it runs or the status is unknown."""
        if self.pid != self.process.pid:
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                return os.waitstatus_to_exitcode(status) if pid else None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.process.wait(0.5)
            return 128 - code if 128 < code < 160 else code  # a shell's way to tell a signal
        return None

    def how_ended(self) -> str:
        """A phrase such as `by SIGSEGV` or `with status 1`."""
        status = self.status()
        return "in a way that cannot be seen" if status is None else ending(status)

    def interrupt(self, patience: float) -> Tuple[Optional[int], str]:
        """Sends SIGINT, then SIGTERM. Returns the status (None if it had to be killed) and the signal that ended it."""
        for name in ("SIGINT", "SIGTERM"):
            self.sandbox.kill(signal.Signals[name])
            self.await_end(patience if name == "SIGINT" else 2)
            if not self.alive():
                return self.status(), name
        return None, "SIGKILL"

    def end(self) -> None:
        """Ends it and all that it started."""
        self.sandbox.end_all()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        self.tail.thread.join(1)

    # -- what can be seen --

    def family(self) -> List[int]:
        """The process that listens, and its descendants."""
        parents = self.sandbox.processes()
        family = [self.pid]
        for pid in family:
            family += [child for child, parent in parents.items() if parent == pid and child not in family]
        return [pid for pid in family if is_alive(pid)]

    def threads(self) -> List[str]:
        """The folders in /proc of all its threads."""
        found = []
        for pid in self.family():
            with contextlib.suppress(OSError):
                found += [f"/proc/{pid}/task/{task}" for task in os.listdir(f"/proc/{pid}/task")]
        return found

    def counts(self) -> Tuple[int, int]:
        """The numbers of processes and of threads."""
        return len(self.family()), len(self.threads())

    def descriptors(self) -> Dict[int, str]:
        """{number: what it is} of the open descriptors."""
        return descriptors_of(self.pid)

    def schedule(self) -> Tuple[float, float]:
        """Seconds for which its threads ran, and for which they waited for a processor."""
        return total(map(scheduled, self.threads()))

    def busy_share(self, seconds: float) -> float:
        """The share of the next seconds in which it computes, or would if other programs left it a processor."""
        looks, busy, end = 0, 0, time.monotonic() + seconds
        while looks < 10 or time.monotonic() < end:
            time.sleep(0.01)  # how much a program computes can only be seen over a while
            looks += 1
            busy += any(status_of(int(os.path.basename(thread)))[0] == "R" for thread in self.threads())
        return busy / looks

    def blocked_in(self) -> str:
        """The system call in which its only thread waits, with the descriptor's meaning; empty if that cannot be seen."""
        with contextlib.suppress(OSError, ValueError, IndexError, StopIteration):
            if self.counts()[1] != 1:
                return ""
            words = pathlib.Path(f"/proc/{self.pid}/syscall").read_text(encoding="ascii").split()
            name = SYSTEM_CALLS.get(platform.machine(), {}).get(int(words[0]), "")
            if name not in ("read", "write", "sendto", "recvfrom", "connect", "sendmsg", "recvmsg"):
                return name
            link = os.readlink(f"/proc/{self.pid}/fd/{int(words[1], 16)}")
            row = next(row for row in tcp_table() if row.inode == link[8:-1])
            return f"{name} on the connection to " + ("its client" if row.local == self.port else "the server")
        return ""


@contextlib.contextmanager
def as_owner(pid: int) -> Iterator[None]:
    """Lets this thread read files as the user of a process: in a container, root may not see another user's descriptors."""
    at_death = ctypes.c_int()
    LIBC.prctl(PR_GET_PDEATHSIG, ctypes.byref(at_death), 0, 0, 0)
    with contextlib.suppress(OSError):
        owner = os.stat(f"/proc/{pid}")
        LIBC.setfsgid(owner.st_gid)
        LIBC.setfsuid(owner.st_uid)
    try:
        yield
    finally:
        LIBC.setfsuid(os.geteuid())
        LIBC.setfsgid(os.getegid())
        set_process(PR_SET_PDEATHSIG, at_death.value)  # forgotten when the user changes: prctl(2)


def descriptors_of(pid: int) -> Dict[int, str]:
    """{number: what it is} of a process's open descriptors."""
    found = {}
    with contextlib.suppress(OSError), as_owner(pid):
        for entry in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                found[int(entry)] = os.readlink(f"/proc/{pid}/fd/{entry}")
    return found


def socket_inodes(descriptors: Dict[int, str]) -> Set[str]:
    """The inodes of the sockets among descriptors."""
    return {what[8:-1] for what in descriptors.values() if what.startswith("socket:")}


def scheduled(folder: str) -> Tuple[float, float]:
    """Seconds for which a process or a thread ran, and for which it waited for a processor."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        words = pathlib.Path(folder, "schedstat").read_text(encoding="ascii").split()
        return int(words[0]) / 1e9, int(words[1]) / 1e9
    return 0.0, 0.0


def total(times: Iterable[Tuple[float, float]]) -> Tuple[float, float]:
    """The sums of what scheduled() returns."""
    both = list(times)
    return sum(ran for ran, _ in both), sum(waited for _, waited in both)


# ---- record files of the proxy ----------------------------------------------------------------------------------------

RECORD_OPTION = "--record-dir"     # of a proxy that saves a record file in that folder on SIGUSR2
RECORD_BEGINS, RECORD_ENDS = b"PXREC\0", b"END.\0\0\0\0"  # the end is followed by four bytes of a checksum
RECORD_MOST = 2 * MEBIBYTE


class Recorder:
    """Has the proxy save a record file after a failed test, if its program is known to do so."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.folder, self.works = sandbox, sandbox.home / ".records", False

    def find_out(self, command: Sequence[str]) -> None:
        """Looks for the option in the program's file. Only a program that contains it is asked for its --help."""
        with contextlib.suppress(OSError):
            with open(os.open(command[0], os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as program:
                if RECORD_OPTION.encode() not in program.read(64 * MEBIBYTE):
                    return
            process = self.sandbox.start([*command, "--help"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            tail = Tail(process.stdout, most=MEBIBYTE)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(SHORTER)
            self.sandbox.end_all()
            tail.thread.join(1)
            named = re.search(rf"^\s*{RECORD_OPTION}\s", tail.data.decode(errors="replace"), re.MULTILINE)
            if named and process.returncode == 0:
                self.folder.mkdir()
                self.sandbox.give_home()
                self.works = True

    def clear(self) -> None:
        """Removes the files of the test before."""
        for path in self.folder.glob("*") if self.works else ():
            with contextlib.suppress(OSError):
                path.unlink()

    def take(self, proxy: Proxy) -> bytes:
        """The record file of a proxy that runs, or that has saved one when it crashed; empty if there is none."""
        if not self.works:
            return b""
        before = self.whole_files()
        if proxy.alive() and takes_signal(proxy.pid, signal.SIGUSR2):
            with contextlib.suppress(OSError):
                os.kill(proxy.pid, signal.SIGUSR2)
            budget = Budget(SHORTER, lambda: proxy.schedule()[1])
            while self.whole_files() == before and proxy.alive() and budget.left() > 0:
                time.sleep(0.01)  # nothing tells that another program has written its file
        files = self.whole_files()
        new = {path: file for path, file in files.items() if path not in before} or files
        return next(iter(new.values()), b"")

    def whole_files(self) -> Dict[pathlib.Path, bytes]:
        """{path: content} of the record files that are complete."""
        found = {}
        for path in sorted(self.folder.glob("*.pxr")):
            with contextlib.suppress(OSError):
                file = self.read(path)
                if file.startswith(RECORD_BEGINS) and file[-12:-4] == RECORD_ENDS:
                    found[path] = file
        return found

    def read(self, path: pathlib.Path) -> bytes:
        """A regular file that is not too large; the submission could put anything there."""
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            return file.read(RECORD_MOST) if stat.S_ISREG(status.st_mode) and status.st_size <= RECORD_MOST else b""


def takes_signal(pid: int, code: int) -> bool:
    """Whether a process blocks or handles a signal: it would not be ended by it."""
    with contextlib.suppress(OSError):
        text = pathlib.Path(f"/proc/{pid}/status").read_text(errors="replace", encoding="utf-8")
        return any(int(mask, 16) >> (code - 1) & 1 for mask in re.findall(r"^Sig(?:Blk|Cgt):\s*([0-9a-f]+)$", text, re.MULTILINE))
    return False


# ---- the stage of one test --------------------------------------------------------------------------------------------

class Answer(NamedTuple):
    """A response as the client received it."""
    status: int
    body: bytes
    head: bytes
    reset: bool


def request_bytes(url: str, version: str = "HTTP/1.0", fields: Sequence[Tuple[str, str]] = (), method: str = "GET") -> bytes:
    """A request as curl sends it to a proxy."""
    lines = [f"{method} {url} {version}", f"Host: {url.split('/')[2]}", "User-Agent: driver", "Accept: */*",
             "Proxy-Connection: Keep-Alive", *(f"{name}: {value}" for name, value in fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def broken(error: Exception, expected: str = "an answer") -> Failure:
    """What an error of a connection means."""
    return Failure(f"the connection broke: {getattr(error, 'strerror', None) or error}", expected)


class Stage:
    """What a test works with: a proxy, an origin, and what must be closed at the end."""

    def __init__(self, run: Run, valgrind: bool = False) -> None:
        self.run, self.valgrind = run, valgrind
        self.patience = max(run.patience, SHORTER) * SLOWER if valgrind else run.patience
        self.stack = contextlib.ExitStack()
        self.origin = Origin(log=run.origin_log)
        self.stack.callback(self.origin.close)
        self.stack.callback(run.sandbox.end_all)
        try:
            self.proxy = self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> Proxy:
        """A proxy that listens. One that ends before gets a second chance on another port."""
        try:
            proxy = Proxy(self.run, self.valgrind)
        except Silence:
            raise
        except Failure:
            proxy = Proxy(self.run, self.valgrind)
        self.stack.callback(proxy.end)
        return proxy

    def close(self) -> None:
        """Closes all connections, ends the proxy and the origin."""
        self.stack.close()

    def keep(self, client: socket.socket) -> socket.socket:
        """Closes the socket when the test is over."""
        self.stack.callback(client.close)
        return client

    # -- waiting: time for which the proxy has to wait for a processor does not count --

    def starved(self) -> float:
        """Seconds for which the proxy and this program, with the origin's threads, waited for a processor."""
        mine = [scheduled(f"/proc/self/task/{task}")[1] for task in os.listdir("/proc/self/task")]
        return self.proxy.schedule()[1] + sum(mine)

    def wait(self, ready: Callable[[float], bool], patience: Optional[float] = None) -> bool:
        """Calls `ready` with a number of seconds to wait until it is true. False when the patience is used up."""
        seconds = self.patience if patience is None else patience
        if ready(min(0.02, seconds)):
            return True
        budget = Budget(seconds, self.starved)
        while budget.left() > 0:
            if ready(min(seconds, 0.2)):
                return True
            if not self.proxy.alive():
                return ready(0)
        return False

    def receive(self, client: socket.socket, size: int = 262144) -> bytes:
        """The next bytes of the proxy, empty at the end; raises Silence when none come."""
        if not self.wait(lambda seconds: bool(select.select([client], [], [], seconds)[0])):
            raise Silence("no answer came" if self.proxy.alive() else "the connection stayed silent", "an answer")
        return client.recv(size)

    def await_writable(self, client: socket.socket, did: str, expected: str) -> None:
        """Waits until the socket takes bytes, or is connected."""
        if not self.wait(lambda seconds: bool(select.select([], [client], [], seconds)[1])):
            raise Silence(did, expected)

    # -- the client --

    def client_socket(self) -> socket.socket:
        """A socket of the family in which the proxy listens."""
        return self.keep(socket.socket(socket.AF_INET6 if ":" in self.proxy.address else socket.AF_INET))

    def connect(self, small_window: bool = False) -> socket.socket:
        """A connection to the proxy. The test closes it, or the end of the test does."""
        client = self.client_socket()
        if small_window:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
        client.settimeout(self.patience)
        try:
            client.connect((self.proxy.address, self.proxy.port))
        except socket.timeout:
            raise Silence("it accepts no more connections", "every client is accepted") from None
        except OSError as error:
            raise Failure(f"connecting to it failed: {error.strerror}", "every client is accepted") from None
        return client

    def ask(self, path: str, small_window: bool = False, **how: Any) -> socket.socket:
        """A connection on which a request for a page has been sent."""
        client = self.connect(small_window)
        client.sendall(request_bytes(path if path.startswith("http:") else self.origin.url(path), **how))
        return client

    def read_answer(self, client: socket.socket, most: int = MEBIBYTE) -> Answer:
        """Reads until the response is whole by its Content-Length, or the connection ends. Bounded in bytes and time."""
        data, parts, head, was_reset = b"", [], b"", False
        have, length, budget = 0, -1, Budget(4 * self.patience + 10, self.starved)
        while length < 0 or have < length:
            ensure(budget.left() > 0, "its answer came too slowly to end", "the whole answer in time", "slow answer")
            try:
                piece = self.receive(client)
            except ConnectionResetError:
                was_reset, piece = True, b""
            if not piece:
                break
            if not head:
                data += piece
                ensure(b"\r\n\r\n" in data or len(data) <= HEAD_LIMIT, f"the head of its answer does not end within "
                       f"{HEAD_LIMIT} bytes", "the head of the server's answer", "endless head")
                if b"\r\n\r\n" not in data:
                    continue
                head, _, piece = data.partition(b"\r\n\r\n")
                length = length_of(head, most)
            parts.append(piece)
            have += len(piece)
            ensure(have <= most + HEAD_LIMIT, f"its answer has more than {most + HEAD_LIMIT} bytes",
                   "as many bytes as the server sent", "endless body")
        found = re.match(rb"HTTP/\d\.\d (\d{3})", head)
        return Answer(int(found[1]) if found else 0, b"".join(parts) if head else data, head, was_reset)

    def fetch(self, path: str, **how: Any) -> Answer:
        """The response to a request for a page, with what follows it."""
        most = len(body_of(path)) + 1024
        try:
            client = self.ask(path, **how)
            answer = self.read_answer(client, most)
            if length_of(answer.head, most) == len(answer.body):
                with contextlib.suppress(OSError):
                    if select.select([client], [], [], 0.05)[0]:
                        answer = answer._replace(body=answer.body + client.recv(4096))
            client.close()
            return answer
        except OSError as error:
            raise broken(error) from None

    def expect(self, path: str, **how: Any) -> None:
        """Fetches a page and compares its body."""
        check_answer(self.fetch(path, **how), path)

    def finish(self, client: socket.socket, path: str) -> None:
        """Reads the answer to a request that was sent before, and compares it."""
        try:
            check_answer(self.read_answer(client, len(body_of(path)) + 1024), path)
        except OSError as error:
            raise broken(error) from None

    # -- the origin --

    def await_requests(self, count: int, what: str = "the request") -> None:
        """Waits until `count` requests have arrived in all."""
        def arrived(seconds: float) -> bool:
            with self.origin.changed:
                return self.origin.changed.wait_for(lambda: len(self.origin.requests()) >= count, seconds)
        if not self.wait(arrived):
            raise Silence(f"{what} did not reach the server", "the proxy sends a request on when it has it whole")

    def last(self) -> Request:
        """The last request that the origin received."""
        requests = self.origin.requests()
        ensure(requests, "the server received no request", "the proxy asks the server")
        return requests[-1]

    def works(self) -> None:
        """Raises a Failure if a simple request is not served."""
        self.expect("/text?200")


def length_of(head: bytes, most: int) -> int:
    """The Content-Length in a head, at most `most` + 1; -1 if there is none."""
    found = re.search(rb"(?im)^content-length:[ \t]*(\d{1,18})[ \t]*\r?$", head)
    return min(int(found[1]), most + 1) if found else -1


def check_answer(answer: Answer, path: str) -> None:
    """Raises a Failure if it is not the response of that page."""
    if answer.status != 200:
        came = f"status {answer.status} came" if answer.status else f"what came has no status line: {quoted(answer.body)}"
        if not answer.status and not answer.body:
            came = "the connection was closed without an answer"
        raise Failure(came, "status 200, as the server said")
    if answer.body != body_of(path):
        raise body_failure(answer, body_of(path))
    sent = b"server: origin" if path.startswith("/until-close") else b"content-type: application/octet-stream"
    ensure(sent in answer.head.lower(), f"the head of the answer came without the server's {sent.partition(b':')[0].decode()}",
           "the head that the server sent", "head")


def side_by_side(functions: Sequence[Callable[[], Any]]) -> None:
    """Runs functions in threads; raises the first exception of them."""
    with ThreadPoolExecutor(len(functions)) as pool:
        for future in [pool.submit(function) for function in functions]:
            future.result()


# ---- the tests: basic; the table has their titles ---------------------------------------------------------------------
# pylint: disable=missing-function-docstring

def fetches(*paths: str, **how: Any) -> Callable[[Stage], None]:
    """A test that fetches pages one after the other."""
    def test(stage: Stage) -> None:
        for path in paths:
            stage.expect(path, **how)
    return test


def plain_text(stage: Stage) -> None:
    stage.expect("/text/a/b.html?4000")
    request = stage.last()
    ensure(request.method == "GET", f"the method that the server received was {request.method!r}", "GET")
    ensure(request.target == "/text/a/b.html?4000", f"the server was asked for {request.target!r}",
           "the path alone (/text/a/b.html?4000)", "target")
    connection = " ".join(request.values("connection")).lower()
    ends = request.version == "HTTP/1.0" and "keep-alive" not in connection
    ensure(ends or (request.version == "HTTP/1.1" and "close" in connection),
           f"the server was asked for {request.version!r} with Connection: {connection or '(none)'}",
           "HTTP/1.0 without keep-alive, or Connection: close", "version")


def host(stage: Stage) -> None:
    stage.expect("/text?100")
    check_host(stage.origin, f"127.0.0.1:{stage.origin.port}")


def check_host(origin: Origin, *allowed: str) -> None:
    """Raises a Failure if the last request had no Host field with one of these values."""
    hosts = origin.requests()[-1].values("host")
    ensure(hosts in [[value] for value in allowed], f"the server received Host: {', '.join(hosts) or '(none)'}",
           f"Host: {allowed[0]}, once", "host")


def query(stage: Stage) -> None:
    stage.expect("/text?70&1&A=1&b=%20c%2F&d=http://x/:80")
    path = "/text?80&2&"
    stage.expect(path + "q" * (1000 - len(request_bytes(stage.origin.url(path)))))


def empty(stage: Stage) -> None:
    answer = stage.fetch("/empty")
    ensure(answer.status == 404, f"status {answer.status} came" if answer.status else "no status line came",
           "status 404, as the server said", "head")
    if answer.body:
        raise body_failure(answer, b"")


def until_close(stage: Stage) -> None:
    with silence_means("the connection to the client stayed open after the server had closed its own",
                       "the end of the connection, after the whole body", "close"):
        stage.finish(stage.ask("/until-close?12000&3"), "/until-close?12000&3")


def send_slowly(stage: Stage, parts: Sequence[bytes], path: str) -> None:
    """Sends a request in parts, each after the proxy has read the one before."""
    client = stage.connect()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        for part in parts:
            client.sendall(part)
            await_drained(client)
    except OSError:
        with contextlib.suppress(OSError, Silence):
            answer = stage.read_answer(client)
            if answer.status == 200:
                check_answer(answer, path)
        raise Failure(f"it closed the connection in the middle of a request that came in {len(parts)} pieces",
                      "it waits for the rest of the request", "slow request") from None
    with silence_means(f"no answer came to a request that was sent in {len(parts)} pieces", "an answer", "slow request"):
        stage.finish(client, path)
    client.close()


def slow_request(stage: Stage) -> None:
    whole = request_bytes(stage.origin.url("/text?50&9"))
    step = 16 if stage.valgrind else 1
    places = [i for i in range(len(whole)) if i % (step if i < 60 or i > len(whole) - 12 else 16) == 0] + [len(whole)]
    send_slowly(stage, [whole[start:end] for start, end in zip(places, places[1:])], "/text?50&9")
    for cut in range(1, 4):
        path = f"/text?50&{cut}"
        whole = request_bytes(stage.origin.url(path))
        send_slowly(stage, [whole[:-cut], whole[-cut:]], path)


def slow_both(stage: Stage) -> None:
    path = "/pieces?3000&2"
    whole = request_bytes(stage.origin.url(path))
    send_slowly(stage, [whole[i:i + 7] for i in range(0, len(whole), 7)], path)


def by_name(stage: Stage) -> None:
    if not stage.run.sandbox.own:
        raise Untestable("port 80 and a name need a network namespace; run as root, or allow user namespaces")
    try:
        socket.gethostbyname(NAME)
    except OSError:
        raise Untestable("there is no /etc/hosts that the sandbox could replace") from None
    stage.origin = Origin(80)
    stage.stack.callback(stage.origin.close)
    stage.expect(stage.origin.url("/text?60").replace("127.0.0.1:80", NAME))
    check_host(stage.origin, NAME, f"{NAME}:80")


def fields_kept(stage: Stage) -> None:
    mine = [("Cookie", "a=1; b=2"), ("X-Unknown", "kept"), ("Accept-Language", "de")]
    stage.expect("/text?100", fields=mine)
    missing = [name for name, value in mine if value not in stage.last().values(name.lower())]
    ensure(not missing, f"these fields did not reach the server: {', '.join(missing)}", "the client's fields, unchanged")


def close_announced(stage: Stage) -> None:
    stage.expect("/text?100")
    for name in ("connection", "proxy-connection"):
        values = stage.last().values(name)
        ensure([value.lower() for value in values] == ["close"],
               f"the server received {name}: {', '.join(values) or '(none)'}", f"{name}: close, once")


def upload(stage: Stage) -> None:
    body = pattern(3 * MEBIBYTE, 9)
    client = stage.ask("/digest", method="POST", fields=[("Content-Length", str(len(body)))])
    client.setblocking(False)
    view = memoryview(body)
    while view:
        stage.await_writable(client, "it stopped reading the request", "the whole request is read")
        with contextlib.suppress(BlockingIOError):
            view = view[client.send(view):]
    answer = stage.read_answer(client)
    ensure(answer.body == hashlib.sha256(body).hexdigest().encode(), f"status {answer.status} came, and another digest of "
           "the request's body", "the whole body reaches the server")


def early_answer(stage: Stage) -> None:
    client = stage.ask("/refuses", method="POST", fields=[("Content-Length", str(HUGE))])
    with contextlib.suppress(OSError):
        client.sendall(pattern(65536))
    answer = stage.read_answer(client)
    ensure(answer.status == 413, f"status {answer.status} came", "status 413, as the server said")
    stage.works()


def streaming(stage: Stage) -> None:
    path, got = "/first-part?20000", b""
    client = stage.ask(path)
    while len(got) < 10000:
        with silence_means(f"{len(got)} bytes came while the server paused after 10,000", "what the server sent is passed on "
                           "at once", "whole first"):
            piece = stage.receive(client)
        ensure(piece, "the connection ended", "the first half of the answer")
        got += piece
    stage.origin.released.set()
    while piece and len(got) <= 40000 and not got.endswith(body_of(path)):
        piece = stage.receive(client)
        got += piece
    ensure(got.endswith(body_of(path)), "the second half did not follow", "the whole body")


# ---- the tests: concurrency -------------------------------------------------------------------------------------------

def has_pool(stage: Stage) -> bool:
    """Whether the mode has a fixed number of workers; eight are usual."""
    return stage.run.mode in ("threadpool", "processpool")


def held_while(stage: Stage, others: Callable[[], Any], count: int = 1, size: int = 3000) -> None:
    """Runs `others` while `count` requests are held by the server; then these must be answered too."""
    before = len(stage.origin.requests())
    paths = [f"/held?{size + i}&{i}" for i in range(count)]
    clients = [stage.ask(path) for path in paths]
    try:
        stage.await_requests(before + count)
    except Silence:
        reached = len(stage.origin.requests()) - before
        raise Silence(f"of {count} requests at a time {reached} reached the server", "each request is sent on while others "
                      "wait for the server", "together") from None
    others()
    stage.origin.released.set()
    for client, path in zip(clients, paths):
        with silence_means("a request that waited for the server was not answered afterwards", "an answer, as soon as the "
                           "server answers", "edge"):
            stage.finish(client, path)
        client.close()
    stage.origin.released.clear()


def fast_ones(stage: Stage, count: int, cause: str = "blocking") -> None:
    """Requests side by side that the server answers at once."""
    with silence_means("a request beside others got no answer ({})", "it is served while the others wait", cause):
        side_by_side([functools.partial(stage.expect, f"/fast?{1500 + i}&{i}") for i in range(count)])


def fast_before_slow(stage: Stage) -> None:
    held_while(stage, lambda: fast_ones(stage, 1, "serial"))


def five_and_five(stage: Stage) -> None:
    held_while(stage, lambda: fast_ones(stage, 5), 5)


def many(stage: Stage) -> None:
    held, fast = (6, 12) if has_pool(stage) else (50, 50)
    held_while(stage, lambda: fast_ones(stage, fast, "edge"), held, 2000)


def half_requests(stage: Stage) -> None:
    path = "/text?70"
    whole = request_bytes(stage.origin.url(path))
    clients = [stage.connect() for _ in range(5 if has_pool(stage) else 20)]
    for i, client in enumerate(clients):
        client.sendall(whole[:1 + i * 3])
    fast_ones(stage, 5)
    for i, client in enumerate(clients):
        client.sendall(whole[1 + i * 3:])
    with silence_means("a request whose second half came later got no answer", "an answer", "slow request"):
        for client in clients:
            stage.finish(client, path)


def burst(stage: Stage) -> None:
    for _ in range(2):
        connect_at_once(stage, 16 if has_pool(stage) else 40)


def connect_at_once(stage: Stage, count: int) -> None:
    """Connects without waiting, so that the proxy finds many clients at a time."""
    clients = [stage.client_socket() for _ in range(count)]
    for client in clients:
        client.setblocking(False)
        client.connect_ex((stage.proxy.address, stage.proxy.port))
    paths = [f"/fast?{600 + i}&{i}" for i in range(count)]
    for client, path in zip(clients, paths):
        stage.await_writable(client, "a client could not connect", "all are accepted")
        client.settimeout(stage.patience)
        with contextlib.suppress(OSError):
            client.sendall(request_bytes(stage.origin.url(path)))
    for i, (client, path) in enumerate(zip(clients, paths)):
        with silence_means(f"of {count} clients that connected at a time, number {i + 1} got no answer", "all are served",
                           "together"):
            stage.finish(client, path)
        client.close()


def model(stage: Stage) -> None:
    stage.works()
    at_rest = settled(stage.proxy.counts, 2)
    held_while(stage, lambda: check_epoll(stage.proxy) if stage.run.mode == "epoll" else check_model(stage, at_rest), 5)


def check_epoll(proxy: Proxy) -> None:
    """One thread, all sockets non-blocking, and edge-triggered where epoll watches them."""
    def info(descriptor: int) -> str:
        with contextlib.suppress(OSError), as_owner(proxy.pid):
            return pathlib.Path(f"/proc/{proxy.pid}/fdinfo/{descriptor}").read_text(encoding="ascii")
        return ""

    processes, threads = proxy.counts()
    ensure(processes == 1, f"it has {processes - 1} child processes", "one process", "model")
    ensure(threads == 1, f"it has {threads} threads", "one thread", "model")
    found = proxy.descriptors()
    if not found and proxy.alive():
        raise Untestable("its descriptors cannot be seen")
    pollers = [descriptor for descriptor, what in found.items() if "eventpoll" in what]
    ensure(pollers, "it has no epoll instance", "epoll watches its sockets", "model")
    sockets = {descriptor for descriptor, what in found.items() if what.startswith("socket:")}
    for descriptor in sockets:
        flags = re.search(r"flags:\s*([0-7]+)", info(descriptor))
        ensure(not flags or int(flags[1], 8) & os.O_NONBLOCK, f"socket {descriptor} is blocking", "every socket is "
               "non-blocking", "model", "fcntl(fd, F_SETFL, flags | O_NONBLOCK) is missing for some sockets")
    watched = {int(target): int(events, 16) for poller in pollers
               for target, events in re.findall(r"tfd:\s*(\d+) events:\s*([0-9a-f]+)", info(poller))}
    ensure(watched, "nothing is registered with epoll", "epoll watches its sockets", "model")
    listeners = {row.inode for row in tcp_table() if row.state == LISTEN}
    level = [descriptor for descriptor, events in watched.items() if descriptor in sockets and not events & 0x80000000
             and found[descriptor][8:-1] not in listeners]
    ensure(not level, f"{len(level)} sockets are watched level-triggered", "edge-triggered (EPOLLET)", "model")


def check_model(stage: Stage, at_rest: Tuple[int, int]) -> None:
    """The other labs' models: processes and threads at rest, and with five requests under way."""
    (few_processes, few_threads), (processes, threads) = at_rest, stage.proxy.counts()
    more_threads = threads - processes > few_threads - few_processes
    more_processes = processes > few_processes
    kinds = {"multiprocess": more_processes, "processpool": few_processes > 2 and not more_processes,
             "multithread": more_threads and not more_processes,
             "threadpool": few_threads > 2 and not more_threads and few_processes == 1}
    ensure(kinds[stage.run.mode], f"{few_processes} processes and {few_threads} threads at rest, {processes} and {threads} "
           "with five requests under way", f"what {stage.run.mode} means", "model")


def rests(stage: Stage) -> None:
    def rest() -> None:
        share = min(stage.proxy.busy_share(0.6), stage.proxy.busy_share(0.3))
        ensure(share < 0.5, f"it computed for {100 * share:.0f} % of the time while five requests waited",
               "it sleeps until something happens", "busy")
    held_while(stage, rest, 5)


def stops_reading(stage: Stage, path: str) -> bool:
    """A client stops reading, others are served, it reads on. Returns whether the server could send all meanwhile."""
    client = stage.ask(path, small_window=True)
    stage.await_requests(1)
    settled(lambda: struct.unpack("i", fcntl.ioctl(client, 0x541B, b"\0" * 4))[0], stage.patience)  # FIONREAD
    fast_ones(stage, 4)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MEBIBYTE)  # to read on faster
    answered, wanted, expected = stage.origin.visits[0].answered, body_of(path), "every byte, when it reads on"
    with silence_means("a client that read nothing for a while did not get the rest ({})", expected, "short write"):
        answer = stage.read_answer(client, len(wanted) + 1024)
    if 0 < len(answer.body) < len(wanted) and body_failure(answer, wanted).finding.cause == "cut":
        raise Failure(f"a client that read nothing for a while got {len(answer.body)} of {len(wanted)} bytes, then the end",
                      expected, "short write")
    check_answer(answer, path)
    return answered


def stopped_reader(stage: Stage) -> None:
    if not stage.run.sandbox.own:
        raise Untestable("small socket buffers need a network namespace; run as root, or allow user namespaces")
    stops_reading(stage, "/binary?16000&8")


def stopped_reader_of_much(stage: Stage) -> None:
    ensure(not stops_reading(stage, f"/binary?{HUGE}&8"), "it took all 24 MiB from the server while its client read nothing",
           "backpressure: it reads no faster than its client", "", "the whole answer is kept in memory")


def hanging_connect(stage: Stage) -> None:
    listener = stage.keep(socket.socket())
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    for _ in range(8):
        filler = stage.keep(socket.socket())
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
    for _ in range(3):
        stage.ask(f"http://127.0.0.1:{listener.getsockname()[1]}/never")
    fast_ones(stage, 5, "connect")


def endless_neighbour(stage: Stage) -> None:
    client = stage.ask("/endless")
    beside(stage, lambda: client.recv(262144))


def flooding_client(stage: Stage) -> None:
    client, piece = stage.ask("/held?100"), pattern(65536)
    beside(stage, lambda: client.send(piece))


def beside(stage: Stage, act: Callable[[], Any]) -> None:
    """Small requests while a client acts without end."""
    def go_on() -> None:
        with contextlib.suppress(OSError, ValueError):
            while act() and not stage.origin.released.is_set():
                pass

    stage.await_requests(1)
    threading.Thread(target=go_on, daemon=True).start()
    for _ in range(4):
        fast_ones(stage, 5, "starve")


def stopped_and_continued(stage: Stage) -> None:
    stage.works()
    for _ in range(3):
        for code in (signal.SIGSTOP, signal.SIGCONT):
            for pid in stage.proxy.family():
                os.kill(pid, code)
            time.sleep(0.05)  # a stop cannot be awaited by a process that is not the parent
    stage.works()


# ---- the tests: clients and servers that leave ------------------------------------------------------------------------

def abused(stage: Stage, leave: Callable[[], Any]) -> None:
    """Does `leave` a few times. Then a request must be served, and no descriptor may be left."""
    stage.works()
    if stage.valgrind:
        leave()
        stage.works()
        return
    before = few_descriptors(stage)
    for _ in range(2):  # what is opened once and kept for later use does not count: a leak grows each time
        for _ in range(3):
            leave()
        stage.works()
        after = few_descriptors(stage, before)
        if after <= before:
            return
        more, before = after - before, after
    raise Failure(f"{more} descriptors more are open than before", "the sockets of a request are closed when it ends", "descriptor")


def few_descriptors(stage: Stage, wanted: int = 0) -> int:
    """How many descriptors are open. If there are more than `wanted`, they get time to become fewer."""
    def few(seconds: float) -> bool:
        time.sleep(min(seconds, 0.05))  # nothing tells when another program closes a descriptor
        return len(stage.proxy.descriptors()) <= wanted
    stage.wait(few, 0.2 if not wanted else 0.5 if "descriptor" in stage.run.known else 2)
    return len(stage.proxy.descriptors())


def comes_and_goes(stage: Stage) -> None:
    def leave() -> None:
        for end in [socket.socket.close] * 6 + [abort] * 6:
            end(stage.connect())
    abused(stage, leave)


def leaves_in_request(stage: Stage) -> None:
    def leave() -> None:
        for end in (socket.socket.close, abort):
            client = stage.connect()
            client.sendall(request_bytes(stage.origin.url("/text?10"))[:30])
            await_drained(client)
            end(client)
    abused(stage, leave)


def leaves(path: str, seconds: float) -> Callable[[Stage], None]:
    """A test with clients that leave when a byte of their answer has come, or after some seconds."""
    def test(stage: Stage) -> None:
        def leave() -> None:
            for end in (abort, socket.socket.close):
                stage.origin.released.clear()
                before = len(stage.origin.requests())
                client = stage.ask(path, small_window=True)
                stage.await_requests(before + 1)
                select.select([client], [], [], seconds)
                end(client)
                stage.origin.released.set()
        abused(stage, leave)
    return test


def get_error(stage: Stage, url: str, situation: str, expected: str, cause: str) -> Optional[Answer]:
    """The answer to a request that cannot be fulfilled; None if the connection breaks, which is as good."""
    client, answer = stage.ask(url), None
    with silence_means(f"{situation}, and the client's connection stayed open in silence", expected, cause), \
            contextlib.suppress(OSError):
        answer = stage.read_answer(client)
    client.close()
    return answer


def server_ends(path: str, whole: int = 0) -> Callable[[Stage], None]:
    """A test with a server that ends early. The client must see an end, and an error or fewer than `whole` bytes."""
    def test(stage: Stage) -> None:
        def ask() -> None:
            answer = get_error(stage, path, "the server had ended", "the client's connection ends, or an error response comes",
                               "close")
            if answer and whole and answer.status < 500:
                ensure(len(answer.body) < whole, f"{len(answer.body)} bytes came, and the server sent {whole // 2}",
                       "the client can see that the answer was cut")
        abused(stage, ask)
    return test


def not_reached(stage: Stage) -> None:
    def ask() -> None:
        for url in (f"http://127.0.0.1:{stage.run.sandbox.free_port()}/", "http://no-such-host.invalid/"):
            answer = get_error(stage, url, f"{url} cannot be reached", "an error response, or the end of the connection", "name")
            if answer:
                ensure(answer.status != 200, f"{url} cannot be reached, and status 200 came", "an error response, or a close",
                       "mixed" if answer.body.startswith(b"body:") else "")
    abused(stage, ask)


def nonsense(stage: Stage) -> None:
    def talk() -> None:
        for words in (b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
                      b"GET http:// HTTP/1.0\r\n\r\n", b"GET http://127.0.0.1:99999/ HTTP/1.0\r\n\r\n"):
            client = stage.connect()
            with contextlib.suppress(OSError):
                client.sendall(words)
                client.shutdown(socket.SHUT_WR)
                select.select([client], [], [], 0.2)
            client.close()
    abused(stage, talk)


def cached(stage: Stage) -> None:
    paths = [f"/binary?3000&{i}" for i in range(3)]
    fetches(*paths)(stage)
    stage.origin.close()
    fetches(*paths)(stage)


# pylint: enable=missing-function-docstring


# ---- the table of tests -----------------------------------------------------------------------------------------------

LIKELY = {  # by cause
    "target": "a web server wants a path and the query, not the whole URL",
    "path": "the path was changed on the way (decoded, in lower case, without its query, a buffer that is too short?)",
    "request": "the proxy's request is not as HTTP wants it",
    "head": "the answer gets a head of the proxy's own; pass on the head that the server sent",
    "version": "the server may keep the connection open, so that its end does not mark the end of the answer",
    "host": "Host is made from the URL, with the port unless it is 80",
    "slow request": "the request is taken as whole after the first read(); read on until \\r\\n\\r\\n has come",
    "edge": "edge-triggered epoll reports once: accept and read until EAGAIN, or the rest is never reported",
    "together": "clients that connect at the same moment get lost: accept() in a loop until EAGAIN, and give each a record "
                "of its own",
    "serial": "one request is served at a time: a call waits for the server or the client while others wait",
    "blocking": "a call (read, write, connect) waits for one connection while all others wait",
    "sleeps": "sleep() or usleep() holds up all connections; wait in epoll_wait() alone",
    "connect": "connect() waits; make the socket non-blocking before it, and wait until it is writable",
    "starve": "a connection that always has more to read is read without end; give each a share",
    "model": "the concurrency is not of the kind that the mode asks for",
    "busy": "the loop goes round without waiting: a timeout of 0, or level-triggered EPOLLOUT",
    "whole first": "the whole answer is read before any of it is sent",
    "greedy": "memory or processes grow without a bound",
    "half": "the request to the server lacks its end (\\r\\n\\r\\n), or is sent in part",
    "short write": "send() took fewer bytes than asked, or gave EAGAIN, and the rest was dropped; keep an offset, and go on when "
                   "the socket is writable",
    "descriptor": "a descriptor is not closed when its request ends (on an error path?)",
    "close": "the client's socket is not closed when read() from the server returns 0",
    "name": "a host that is not found, or refuses, must end in an error response or a close",
    "SIGPIPE": "writing to a connection that is gone raises SIGPIPE, which ends a program; ignore it, or use MSG_NOSIGNAL",
    "EINTR": "epoll_wait() or another call was interrupted by a signal (EINTR), and that was taken as an error that ends "
             "the program; call it again",
    "ECONNRESET": "an error of one connection (ECONNRESET, EPIPE) ends the program; end only that request",
    "spin": "the loop goes round and round: read() returned 0 (the other side has closed), and that is not handled",
    "too many": "a byte more is sent than was read (the NUL at the end of a string?)",
    "string": "the body is handled with string functions (strlen, strcpy, printf %s), which end at a NUL",
    "buffer": "the answer must fit in one buffer, and what does not fit is dropped",
    "memory": "memory is used that was freed, never written, or out of bounds; -fsanitize=address shows the place",
    "slow answer": "the answer is passed on in steps that are too small, with a pause after each",
    "lost": "memory of a request is not freed when it ends (on an error path?)",
    "mixed": "two requests share one buffer or one record",
    "cache": "a file that was fetched before is not kept",
    "shutdown": "SIGINT does not end the loop: set a flag in the handler, leave the loop, free all, return from main",
}

# The sentences on which the tests stand. A lab that has none of its own takes the one of "all".
QUOTES: Dict[str, Dict[str, str]] = {
    "target": {"byu": "The URL in the first line, as received from the client, was changed to be a path (plus query "
                      "string). The protocol is always \"HTTP/1.0\".",
               "cmu": "Modern web browsers will generate HTTP/1.1 requests, but your proxy should handle them and forward "
                      "them as HTTP/1.0 requests.",
               "strict": "RFC 9112, 3.2.1: A client MUST send only the absolute path and query components of the target "
                         "URI as the request-target to an origin server."},
    "query": {"byu": "The path should include not only the file path, but also the query string, if any. (Note that the "
                     "request will not exceed 1024 bytes.)",
              "cmu": "The proxy should parse the request into ... the hostname ... and the path or query and everything "
                     "following it.",
              "strict": "RFC 9112, 3: It is RECOMMENDED to support request-line lengths of at least 8000 octets."},
    "host": {"byu": "The value for the \"Host\" field will be either hostname:port or simply hostname, if the port is the "
                    "default HTTP port.",
             "cmu": "Always send a Host header. ... If that is the case, your proxy should use the same Host header as the browser.",
             "strict": "RFC 9112, 3.2: A client MUST send a Host header field in all HTTP/1.1 request messages."},
    "response": {"byu": "Send the HTTP response back to the client, exactly as it was received from the server. (Note that "
                        "the size of the response will not exceed 16384 bytes.)",
                 "cmu": "Your proxy should read the server's response and forward it to the client.",
                 "strict": "RFC 9110, 7.7: A proxy MUST NOT modify the content of a message unless it transforms it."},
    "end": {"byu": "Since this is HTTP/1.0, this is when the call to read() returns 0, indicating that the server has "
                   "closed the connection. ... You have written the entire HTTP response to the client socket: close your client "
                   "socket.",
            "cmu": "... alerts web servers that your proxy intends to close connections after the first request/response "
                   "exchange.",
            "strict": "RFC 9112, 6.3: The message body length is determined by the number of octets received prior to the "
                      "server closing the connection."},
    "partial": {"byu": "You won't always be able to receive or send all your data with a single call to read() or write(). "
                       "... loop to read from the client socket until ... you have read the entire HTTP request.",
                "all": "TCP is a byte stream (RFC 9293, 2.2): the sizes of reads say nothing about messages."},
    "fields": {"cmu": "If a browser sends any additional request headers as part of an HTTP request, your proxy should forward "
                      "them unchanged.",
               "strict": "RFC 9110, 5.1: A proxy MUST forward unrecognized header fields."},
    "announce": {"cmu": "Always send the following Connection header: close. Always send the following Proxy-Connection header: "
                        "close."},
    "name": {"byu": "If no port is specified in the URL, then it should be populated with \"80\", the default port for "
                    "HTTP. Use getaddrinfo().",
             "all": "Your proxy must properly function whether or not the port number is included in the URL."},
    "concurrent": {"byu": "75 pts for handling concurrent requests (with epoll and non-blocking sockets). You may not use "
                          "blocking I/O.",
                   "cmu": "Once you have a working sequential proxy, you should alter it to simultaneously handle multiple requests.",
                   "strict": "One slow connection must not delay the others."},
    "accept": {"byu": "If an event corresponds to the listen socket, you should loop to accept() any and all client "
                      "connections.", "all": "Every client that connects is served."},
    "state": {"byu": "... keep track of all the state associated with handling a given HTTP request. Sharing those variables across "
                     "multiple concurrent client requests would really mess things up!",
              "all": "Each request has a state of its own."},
    "model": {"byu": "Your server will not spawn any additional threads or processes (i.e., it will be single-threaded), and "
                     "all sockets will be set to non-blocking. ... All sockets must be registered ... using edge-triggered monitoring.",
              "cmu": "The simplest way to implement a concurrent server is to spawn a new thread to handle each new connection "
                     "request. Other designs are also possible, such as the prethreaded server.",
              "strict": "The model that the mode names."},
    "rests": {"byu": "Start an epoll_wait() loop, with a timeout of 1 second.",
              "all": "A program that has nothing to do sleeps."},
    "again": {"byu": "write() returns a value less than 0 and errno is EAGAIN or EWOULDBLOCK. In this case, ... you will "
                     "continue writing when you are notified by epoll that you can write again.",
              "all": "write() may take fewer bytes than asked (POSIX)."},
    "error": {"byu": "If errno is anything else, this is an error. ... close both client-to-proxy and proxy-to-server sockets, "
                     "and free the memory associated with the current struct request_info.",
              "cmu": "Sometimes, calling read to receive bytes from a socket that has been prematurely closed will cause read to "
                     "return -1 with errno set to ECONNRESET. Your proxy should not terminate due to this error either.",
              "strict": "An error of one connection ends that connection only."},
    "malformed": {"cmu": "Your proxy should never prematurely abort due to a malformed request.",
                  "strict": "RFC 9112, 2.2: A recipient of a malformed message SHOULD respond with 400 and close."},
    "strict": {"all": "Not in the lab's text: what a proxy for general use does."},
    "cache": {"all": "When your proxy receives a web object from a server, it should cache it in memory. ... If another client "
                     "requests the same object from the same server, your proxy need not reconnect to the server."},
    "leaks": {"byu": "2 pts for no memory leaks", "all": "A program that runs for long must not lose memory."},
    "clean": {"byu": "After your epoll_wait() loop, you should clean up any resources (e.g., freeing malloc'd memory), and "
                     "exit.", "all": "The program frees what it holds before it ends."},
    "warnings": {"byu": "3 pts for compilation without any warnings", "all": "The code compiles without a warning."},
}


def sentence(quote: str, lab: str) -> str:
    """The sentence of a lab on which a test stands."""
    return QUOTES[quote].get(lab) or QUOTES[quote]["all"]


@dataclass(frozen=True)
class Test:
    """A row of the table: what is tested, in which labs, what it is worth within its group, and its sentence."""
    name: str
    function: Callable[[Stage], None]
    group: str                # basic, core, robust, cache
    weight: float
    labs: Sequence[str]
    quote: str                # key of QUOTES
    title: str
    sends: str
    expects: str
    curl: str                 # how to see the same by hand, with ./proxy 8000 and ./driver.py --origin 8001
    watch: str = ""           # valgrind's run in which the test takes part: ordinary or abuse
    small: bool = False       # the sockets have small buffers


ALL, STRICT, FULL = LABS, ("strict",), ("cmu", "strict")
ORIGIN = "http://127.0.0.1:8001"
QUIET = "curl -sS -m 20 -x localhost:8000 "
GET = "curl -v -m 5 -x localhost:8000 "
TELNET = "curl -s -m 5 telnet://localhost:8000"
PID = "$(lsof -tiTCP:8000 -sTCP:LISTEN)"
FAST, GOOD = f"{GET}-m 3 {ORIGIN}/fast", f"{GET}'{ORIGIN}/text?200'; lsof -p {PID} | grep TCP   (only the listening socket is left)"
SAME, SERVED = "The same bytes.", "The next request is served; no descriptor is left open."


def compare(path: str) -> str:
    """A line that compares a page with what comes through the proxy."""
    return f"{QUIET}'{ORIGIN}{path}' > got; curl -s '{ORIGIN}{path}' | cmp - got"


def leave_line(sends: str, seconds: int = 1) -> str:
    """A line with clients that send something and leave after a second, one with an end and one with a reset."""
    return ("for reset in 0 1; do python3 -c 'import socket, struct, time; s = socket.create_connection((\"localhost\", 8000)); "
            f"s.sendall(b\"{sends}\"); time.sleep(1); s.setsockopt(1, 13, struct.pack(\"ii\", '$reset', 0))'; done; "
            f"sleep {seconds}; {GOOD}")


def server_test(path: str, title: str, whole: int = 0) -> Test:
    """A row for a server that ends early."""
    return Test("server-" + path[1:].partition("?")[0], server_ends(path, whole), "robust", 1, ALL, "error", title,
                f"GET {path}, three to six times; then a good request.", f"An error response, or a cut answer and a close. {SERVED}",
                f"for i in 1 2 3; do {GET}'{ORIGIN}{path}'; done; {GOOD}", "abuse")


TABLE = (
    Test("plain-text", plain_text, "basic", 2, ALL, "target", "A text; the server gets the path alone",
         "GET of 4,000 bytes of text with HTTP/1.0.", "The text. The server receives the path and HTTP/1.0 (or Connection: close).",
         f"{GET}'{ORIGIN}/text/a/b.html?4000'   (--origin prints what it receives)", "ordinary"),
    Test("as-curl", fetches("/text?300", version="HTTP/1.1"), "basic", 1, ALL, "target",
         "A request as curl and browsers send it, HTTP/1.1", "GET with HTTP/1.1.", "The text.", f"{GET}'{ORIGIN}/text?300'"),
    Test("host", host, "basic", 1, ALL, "host", "Host is the server's name and port", "GET of a server on another port than 80.",
         "The server receives Host: 127.0.0.1:PORT, once.", f"{GET}'{ORIGIN}/text?100'   (--origin prints what it receives)"),
    Test("query", query, "basic", 1, ALL, "query", "A query, and a request of 1,000 bytes", "GET of a path with ?, & and :.",
         "The server receives all of it.", f"{GET}'{ORIGIN}/text?70&A=1&b=%20c%2F&d=http://x/:80' \"{ORIGIN}/text?80&2&$(printf %0840d 0)\""
         "   (--origin prints what it receives)"),
    Test("binary", fetches("/binary?9000"), "basic", 2, ALL, "response", "A binary file, with every value a byte can have",
         "GET of 9,000 bytes.", SAME, compare("/binary?9000"), "ordinary"),
    Test("empty", empty, "basic", 1, ALL, "response", "An answer with status 404 and without a body",
         "GET of 0 bytes.", "The head, and an end.", f"{GET}{ORIGIN}/empty"),
    Test("largest", fetches("/binary?16250&5"), "basic", 1, ALL, "response",
         "The largest answer of the handout (16,384 bytes with the head)", "GET of 16,250 bytes.", SAME, compare("/binary?16250&5")),
    Test("until-close", until_close, "basic", 1, ALL, "end", "An answer whose end is the end of the connection",
         "GET; the server sends no Content-Length.", "The whole body, then the end of the connection.",
         compare("/until-close?12000&3"), "ordinary"),
    Test("slow-request", slow_request, "basic", 2, ALL, "partial",
         "A request sent in many pieces, its first line and its end byte by byte", "GET in many pieces.", "The text.",
         f"{{ printf 'GET {ORIGIN}/text?50 HT'; sleep 1; printf 'TP/1.0\\r\\n\\r\\n'; sleep 1; }} | {TELNET}", "ordinary"),
    Test("slow-answer", fetches("/pieces?9000&1"), "basic", 2, ALL, "partial", "An answer sent in pieces",
         "GET; the server sends 15 pieces.", SAME, compare("/pieces?9000&1")),
    Test("slow-both", slow_both, "basic", 1, ALL, "partial", "Both at once", "GET in pieces; the server sends pieces.", SAME,
         f"{{ printf 'GET {ORIGIN}/pieces?3000 HT'; sleep 1; printf 'TP/1.0\\r\\n\\r\\n'; sleep 1; }} | {TELNET} | wc -c"),
    Test("one-after-another", fetches(*(f"/binary?{200 + 5000 * (i % 3)}&{i}&" + "x" * (1 + 400 * (i % 2)) for i in range(12))),
         "basic", 2, ALL, "state", "Twelve requests, one after the other", "GETs of different lengths.", "Each time the right bytes.",
         f"for i in 3 1 2; do {QUIET}\"{ORIGIN}/binary?$((i * 5000))&$i\" | head -c 13; echo; done"),
    Test("by-name", by_name, "basic", 1, ALL, "name", "A host by its name, on port 80", f"GET http://{NAME}/text?60.",
         f"The text; the server receives Host: {NAME}.", "sudo ./driver.py --origin 80 & sleep 3; "
         "curl -v -m 5 -x localhost:8000 http://localhost/text?60; sudo kill %1"),
    Test("fields-kept", fields_kept, "basic", 1, FULL, "fields", "The client's fields go on",
         "GET with Cookie, X-Unknown, Accept-Language.", "The server receives them.",
         f"{GET}'{ORIGIN}/text?100' -H 'X-Unknown: kept'   (--origin prints what it receives)"),
    Test("close-announced", close_announced, "basic", 1, ("cmu",), "announce", "Connection: close is sent to the server", "GET.",
         "The server receives Connection: close and Proxy-Connection: close.",
         f"{GET}'{ORIGIN}/text?100'   (--origin prints what it receives)"),
    Test("large", fetches(f"/binary?{6 * MEBIBYTE}"), "basic", 1, FULL, "response", "A file of 6 MiB", "GET.", SAME,
         compare("/binary?6291456")),
    Test("long-url", fetches("/text?90&3&" + "long" * 965), "basic", 1, FULL, "query", "A URL of 3,900 bytes", "GET.", "The text.",
         f"{GET}\"{ORIGIN}/text?90&3&$(printf %03860d 0)\""),
    Test("upload", upload, "basic", 1, STRICT, "strict", "A request with a body of 3 MiB", "POST.",
         "The server receives the whole body.",
         f"head -c 3000000 /dev/zero > sent; sha256sum sent; {QUIET}--data-binary @sent {ORIGIN}/digest"),
    Test("early-answer", early_answer, "basic", 1, STRICT, "strict", "A server that answers before it has read the request",
         "POST of 24 MiB; the server answers 413 at once.", "413.",
         f"{{ printf 'POST {ORIGIN}/refuses HTTP/1.0\\r\\nContent-Length: 25165824\\r\\n\\r\\n'; head -c 65536 /dev/zero; "
         f"sleep 4; }} | {TELNET}"),
    Test("streaming", streaming, "basic", 1, STRICT, "strict", "An answer goes on while it comes",
         "GET; the server pauses after half of it.", "The first half during the pause.",
         f"curl -s -N -m 3 -x localhost:8000 '{ORIGIN}/first-part?20000' | wc -c"),

    Test("fast-before-slow", fast_before_slow, "core", 15, ALL, "concurrent", "A request while another waits for its server",
         "GET of a held page; then GET of a fast one.", "The fast one is answered first.",
         f"{QUIET}{ORIGIN}/held -o slow & sleep 1; {FAST}"),
    Test("five-and-five", five_and_five, "core", 10, ALL, "concurrent", "Five requests while five others wait",
         "Five held, five fast.", "The five fast ones are answered, then the others.",
         f"for i in 1 2 3 4 5; do {QUIET}{ORIGIN}/held -o slow$i & done; sleep 1; {FAST}"),
    Test("many", many, "core", 10, ALL, "state", "Many at a time (100; with a pool of eight, 18)",
         "Half of them held, half of them fast.", "Each gets its own answer.",
         f"for i in $(seq 50); do {QUIET}\"{ORIGIN}/held?2000&$i\" -o slow$i & done; sleep 1; {FAST}; wait; head -qn1 slow*"),
    Test("model", model, "core", 10, ALL, "model", "The concurrency model, seen from outside while five requests wait",
         "Five held requests.", "For epoll: one thread, non-blocking sockets, edge-triggered. For the others: processes and threads "
         "as the mode says.", f"{QUIET}{ORIGIN}/held -o slow & sleep 1; p={PID}; ps -Lf $p; "
         "grep -HE 'flags|tfd' /proc/$p/fdinfo/*"),
    Test("rests", rests, "core", 5, ALL, "rests", "While all wait, it sleeps", "Five held requests.",
         "It computes for less than half of the time.", f"{QUIET}{ORIGIN}/held -o slow & sleep 1; "
         f"top -b -d 2 -n 2 -p {PID} | tail -1"),
    Test("half-requests", half_requests, "core", 5, ALL, "concurrent", "Clients that have sent half a request",
         "Half a request each; five whole requests; the other halves.", "All are served.",
         f"{{ printf 'GET htt'; sleep 9; }} | {TELNET} & sleep 1; {FAST}"),
    Test("burst", burst, "core", 5, ALL, "accept", "Forty that connect at the same moment",
         "Connections without a pause; then a request on each.", "Each gets its own answer.",
         f"for i in $(seq 40); do {QUIET}\"{ORIGIN}/fast?$((600 + i))&$i\" -m 9 -o got$i & done; wait; wc -c got*"),
    Test("hanging-connect", hanging_connect, "core", 5, STRICT, "strict", "Servers that do not accept the connection",
         "Three requests to a server whose queue is full; five fast ones.", "The fast ones are answered.",
         "python3 -c 'import socket, time; s = socket.create_server((\"127.0.0.1\", 8002), backlog=0); "
         "c = [socket.socket() for _ in range(9)]; [(i.setblocking(False), i.connect_ex(s.getsockname())) for i in c]; time.sleep(9)' & "
         f"sleep 1; {QUIET}http://127.0.0.1:8002/ & sleep 1; {FAST}"),
    Test("stopped-reader-of-much", stopped_reader_of_much, "core", 5, STRICT, "strict",
         "A client that stops reading in the middle of 24 MiB", "GET without reading; others; then reading.",
         "The others are served; all bytes come; the proxy does not hold them all.",
         f"{QUIET}--limit-rate 1k -m 9 '{ORIGIN}/binary?25165824' -o slow & sleep 4; {FAST}; "
         f"ps -o rss= -p {PID}"),
    Test("endless-neighbour", endless_neighbour, "core", 5, FULL, "concurrent", "Small requests beside an answer without end",
         "GET of an endless page; twenty fast ones.", "The fast ones are answered.",
         f"{QUIET}-m 9 {ORIGIN}/endless -o /dev/null & sleep 1; {FAST}"),
    Test("flooding-client", flooding_client, "core", 5, STRICT, "strict", "Small requests beside a client that sends without end",
         "Bytes after a whole request, without end; fast requests.", "The fast ones are answered.",
         f"{{ printf 'GET {ORIGIN}/held HTTP/1.0\\r\\n\\r\\n'; cat /dev/zero; }} | {TELNET} > slow & sleep 1; {FAST}"),

    Test("stopped-reader", stopped_reader, "robust", 2, ALL, "again", "A client that stops reading; the buffers are small",
         "GET of 16,000 bytes without reading; four others; then reading.", "The others are served, and all bytes come.",
         "sudo sysctl -w net.ipv4.tcp_wmem='4096 4096 4096' net.ipv4.tcp_rmem='4096 4096 4096'; ./proxy 8003 & sleep 1; "
         f"curl -s --limit-rate 2000 -m 60 -x localhost:8003 '{ORIGIN}/binary?16000' | wc -c; kill %1; "
         "sudo sysctl -w net.ipv4.tcp_wmem='4096 16384 4194304' net.ipv4.tcp_rmem='4096 131072 6291456'", small=True),
    Test("comes-and-goes", comes_and_goes, "robust", 1, ALL, "error", "Clients that connect and close",
         "Connections that end, and some that are reset; then a good request.", SERVED,
         leave_line(""), "abuse"),
    Test("leaves-in-request", leaves_in_request, "robust", 1, ALL, "error", "Clients that leave in the middle of their request",
         "30 bytes of a request, then an end or a reset.", SERVED, leave_line("GET htt"), "abuse"),
    Test("leaves-while-waiting", leaves("/held?9000", 0), "robust", 1, ALL, "error",
         "Clients that leave while the server prepares its answer", "A request, then an end or a reset before the answer.", SERVED,
         leave_line(f"GET {ORIGIN}/held?9000 HTTP/1.0\\r\\n\\r\\n", 6), "abuse"),
    Test("leaves-in-answer", leaves("/first-part?15000", 0.05), "robust", 1, ALL, "error",
         "Clients that leave in the middle of the answer", "A request, then an end or a reset after the first bytes.", SERVED,
         leave_line(f"GET {ORIGIN}/first-part?15000 HTTP/1.0\\r\\n\\r\\n", 6), "abuse"),
    server_test("/closes", "A server that closes without an answer"),
    server_test("/resets", "A server that resets without an answer"),
    server_test("/half-head", "A server that closes in the head of its answer"),
    server_test("/cut?10000", "A server that closes before the end of its body", 10000),
    server_test("/cut-by-reset?10000", "A server that resets in the middle of its body", 10000),
    Test("not-reached", not_reached, "robust", 1, ALL, "error", "Ports that refuse, and names that do not exist",
         "GET of http://127.0.0.1:PORT/ where nothing listens, and of http://no-such-host.invalid/.", "An error response, or a close.",
         f"{QUIET}-v http://127.0.0.1:9/; {QUIET}-v http://no-such-host.invalid/; {GOOD}"),
    Test("nonsense", nonsense, "robust", 1, FULL, "malformed", "Clients that do not speak HTTP",
         "An empty line, a request without a URL, a TLS greeting.", SERVED,
         f"printf '\\r\\n\\r\\n' | curl -s -m 1 telnet://localhost:8000; {GOOD}", "abuse"),
    Test("leaves-in-large-answer", leaves(f"/binary?{6 * MEBIBYTE}", PATIENCE), "robust", 1, FULL, "error",
         "Clients that leave in the middle of 6 MiB", "A request, then an end or a reset after the first bytes.", SERVED,
         leave_line(f"GET {ORIGIN}/binary?6291456 HTTP/1.0\\r\\n\\r\\n")),
    Test("stopped-and-continued", stopped_and_continued, "robust", 1, STRICT, "strict",
         "A proxy that is stopped and continued (EINTR)", "SIGSTOP and SIGCONT.", "The next request is served.",
         f"p={PID}; kill -STOP $p; kill -CONT $p; {GOOD}"),

    Test("cached", cached, "cache", 1, ALL, "cache", "Files that were fetched before, when the server is gone",
         "Three GETs, twice; the server ends between.", "The same bytes from the cache.",
         f"{GET}'{ORIGIN}/binary?3000' -o got; pkill -f 'driver.py --[o]rigin'; {GET}'{ORIGIN}/binary?3000' -o got"),
)


# ---- evidence and diagnosis -------------------------------------------------------------------------------------------

def body_failure(answer: Answer, wanted: bytes) -> Failure:
    """A Failure that says how a body differs."""
    got, expected = answer.body, "every byte of the body, in its place"
    if got.startswith(wanted):
        return Failure(f"{len(got) - len(wanted)} bytes follow the body ({quoted(got[len(wanted):], 20)})", expected, "too many")
    other = re.match(rb"body:(\d+):(\d+):", got)
    if other and not wanted.startswith(other[0]):
        return Failure(f"the body of another request came (size {int(other[1])}, number {int(other[2])})", expected, "mixed")
    same = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b), min(len(got), len(wanted)))
    came = f"{len(got)} of {len(wanted)} bytes came"
    if same == wanted.find(b"\0"):
        return Failure(f"{came}, right up to the first NUL at {same}", expected, "string")
    if same < len(got):
        return Failure(f"{came}; the first difference is at {same}: {quoted(got[same:same + 8])} for "
                       f"{quoted(wanted[same:same + 8])}", expected, "differs")
    how = ", then a reset" if answer.reset else ", then the end"
    for size, note in ((len(answer.head) + 4 + len(got), " (with its head)"), (len(got), "")):
        if is_round(size):
            return Failure(f"the answer was cut after {size} bytes{note}{how}", expected, f"cut at {size}", LIKELY["buffer"])
    return Failure(came + how, expected, "cut")


def is_round(size: int) -> bool:
    """Whether it is a power of 2 or of 10, or one less: the size of a buffer."""
    return size > 200 and any(n & (n - 1) == 0 or re.fullmatch("[1-9]0+", str(n)) for n in (size, size + 1))


def diagnose(stage: Stage, finding: Finding) -> Finding:
    """What was seen, in this order: it ended; it spins; where it waits; what the server saw; the body; then the guess."""
    proxy = stage.proxy
    if greedy := stage.run.greedy():
        finding.did, finding.silent = greedy, False
        finding.blame("greedy")
        return finding
    describe_target(stage.origin, finding)
    if not finding.silent:
        proxy.await_end(0.4)
    finding.stderr = proxy.tail.lines()
    if not proxy.alive():
        describe_end(proxy, finding)
    elif finding.silent:
        share = proxy.busy_share(0.3)
        if share > 0.8:
            finding.evidence.append(f"it computes for {100 * share:.0f} % of the time while it is silent")
            if finding.cause != "busy":
                finding.blame("spin")
        else:
            describe_waiting(proxy, finding, stage.run.known)
    if proxy.alive() and (finding.silent or not stage.origin.visits):
        describe_visits(stage.origin.visits, finding)
    return finding


# Causes that are only guessed from silence, and give way to what is seen.
WAITING = ("", "together", "slow request", "edge", "blocking", "serial", "short write", "starve", "close")


def describe_waiting(proxy: Proxy, finding: Finding, known: Set[str]) -> None:
    """Where it waits, and what waits for it meanwhile."""
    where = proxy.blocked_in()
    inodes = socket_inodes(proxy.descriptors())
    rows = [row for row in tcp_table() if row.inode in inodes]
    clients = sum(row.unread for row in rows if row.state == LISTEN)
    unread = [row for row in rows if row.unread and row.state != LISTEN]
    ended = sum(row.state == CLOSE_WAIT and not row.unread for row in rows)
    for truth, text in ((where, f"it waits in {where}"), (clients, f"clients that wait to be accepted meanwhile: {clients}"),
                        (ended, f"connections still open that the other side has closed: {ended}")):
        if truth:
            finding.evidence.append(text)
    for row in unread[:1]:
        side = "a client" if row.local == proxy.port else "the server"
        others = f", and so do those of {len(unread) - 1} other connections" if len(unread) > 1 else ""
        finding.evidence.append(f"{row.unread} bytes of {side} wait to be read meanwhile{others}")
    seen = clients or (unread and finding.cause != "together")
    if "nanosleep" in where:
        finding.blame("sleeps")
    if where.startswith("epoll") and seen and finding.cause in WAITING:
        finding.blame("together" if "together" in known else "edge")


def describe_end(proxy: Proxy, finding: Finding) -> None:
    """How the proxy ended, and the mistake if its last words name it."""
    how = proxy.how_ended()
    proxy.end()
    finding.stderr = proxy.tail.lines()
    finding.did, finding.expected = f"it ended {how} ({finding.did})", "it goes on to serve"
    words = "\n".join([how, *finding.stderr])
    for sign, cause in (("SIGPIPE", "SIGPIPE"), ("Broken pipe", "ECONNRESET"), ("Interrupted system call", "EINTR"),
                        ("EINTR", "EINTR"), ("Connection reset", "ECONNRESET"), ("ECONNRESET", "ECONNRESET")):
        if sign in words:
            return finding.blame(cause)
    if re.search("SIG(SEGV|ABRT|BUS|FPE|ILL)", how):
        return finding.blame("", LIKELY["memory"])
    return finding.blame("", "its last lines on stderr may say why" if finding.stderr else "it left its loop, or called exit()")


def describe_visits(visits: Sequence[Visit], finding: Finding) -> None:
    """What the server received, if it was not everything."""
    if not visits:
        seen = "no connection"
    elif visits[-1].request is not None:
        held = [visit for visit in list(visits) if visit.request and not visit.answered and is_held(visit.request)]
        seen = "the whole request" + (" and holds the answer" if held else ", and answers it")
    elif visits[-1].data:
        seen = f"{len(visits[-1].data)} bytes of a request, without its end"
        if not finding.cause:
            finding.blame("half")
    else:
        seen = "a connection without a request"
    finding.evidence.append(f"the server saw {seen}")


def describe_target(origin: Origin, finding: Finding) -> Finding:
    """Says so if the server was asked for something else than the client asked for: what came is then no wonder."""
    for request in origin.requests():
        path = path_of(request.target)
        if not path:
            got = f"{request.method} {request.target} {request.version}".encode("latin-1").rstrip()
            finding.did = f"the server received a malformed request: {quoted(got)}"
            finding.expected = "GET PATH HTTP/1.0, lines that end with \\r\\n, and an empty line"
            finding.blame("request")
        elif origin.asked and path not in origin.asked:
            wanted = max(origin.asked, key=lambda asked: len(os.path.commonprefix([asked, path])))  # pylint: disable=cell-var-from-loop
            finding.did = f"the server was asked for {quoted(path.encode('latin-1'))} ({len(path)} bytes)"
            finding.expected = f"{quoted(wanted.encode())} ({len(wanted)} bytes)"
            finding.blame("target", LIKELY["path"])
    return finding


def is_held(request: Request) -> bool:
    """Whether the origin holds the answer to a request until the test releases it."""
    return wait_for_test in PAGES.get(split_path(request.target)[0], ())


# ---- the run of all tests ---------------------------------------------------------------------------------------------

class Run:
    """The worker's side: runs the tests in the sandbox and reports each row."""

    def __init__(self, options: argparse.Namespace, sandbox: Sandbox, report: Callable[[Row], None]) -> None:
        self.options, self.sandbox, self.report = options, sandbox, report
        self.mode: str = options.mode
        self.patience: float = options.patience
        self.proxy_output: Optional[TextIO] = options.proxy_output
        self.origin_log: Optional[TextIO] = options.tiny_output
        self.command: List[str] = []
        self.known: Set[str] = set()
        self.silences = 0
        self.skipped, self.serial = "", False
        self.recorder, self.recording = Recorder(sandbox), b""
        self.greedy = sandbox.guard_memory()
        self.deadline = time.monotonic() + options.limit

    def all(self) -> None:
        """Builds if asked, then runs every group that has points."""
        if self.options.build:
            build(self)
        else:
            self.command = [str(install(self.sandbox, self.options.proxy, self.options.one_of))]
        self.recorder.find_out(self.command)
        for test in tests_of(self.options):
            self.one(test)
        watched_by_valgrind(self)

    def start(self, name: str, title: str) -> None:
        """Reports that a test begins."""
        self.report({"event": "start", "name": name, "description": title})

    def row(self, names: Sequence[str], quote: str, finding: Optional[Finding] = None, weight: float = 1, **more: Any) -> None:
        """Reports one result of (group, name, title). Without a finding it has passed, unless `more` says something else."""
        row = {**dict(zip(("group", "name", "description"), names)), "weight": weight, "quote": sentence(quote, self.options.lab),
               "passed": finding is None, "finding": asdict(finding) if finding else None, **more}
        self.report({"event": "row", "row": row})
        if finding and finding.cause:
            self.known.add(finding.cause)

    def one(self, test: Test) -> None:
        """Runs one test and reports it."""
        row = functools.partial(self.row, (test.group, test.name, test.title), test.quote, weight=test.weight)
        if not self.skipped and time.monotonic() > self.deadline:
            self.skipped = f"the limit of {self.options.limit:.0f} s was reached"
        if self.skipped or (self.serial and test.group in ("core", "robust")):
            reason = self.skipped or "it serves one request at a time, and gets no concurrency points"
            return row(Finding(f"not run: {reason}", test.expects), skipped=True)
        self.start(test.name, test.title)
        began = time.monotonic()
        try:
            finding = self.attempt(test)
        except Untestable as reason:
            return row(passed=None, note=str(reason))
        if finding:
            finding.curl = test.curl
            self.count_silence(test, finding)
        recording = {"recording": base64.b64encode(self.recording).decode()} if finding and self.recording else {}
        return row(finding, seconds=round(time.monotonic() - began, 2), **recording)

    def count_silence(self, test: Test, finding: Finding) -> None:
        """Gives up what cannot succeed, and waits for less long after two silences."""
        unserved = finding.silent or finding.cause in ("start", "greedy", "slow answer", "endless head", "endless body")
        if test.name == "plain-text" and (unserved or "it ended" in finding.did):
            self.skipped = "the simplest request is not served"
        self.serial = self.serial or (test.name == "fast-before-slow" and finding.cause == "serial")
        self.silences += finding.silent
        if self.silences >= 2:
            self.patience = min(self.patience, SHORTER if self.silences < 6 else SHORTER / 2)

    def attempt(self, test: Test) -> Optional[Finding]:
        """The finding of a test, or None. Silence at the simplest request is tried once more."""
        finding = self.once(test)
        if finding and finding.silent and test.name == "plain-text":
            finding = self.once(test)
            if finding:
                finding.evidence.append("tried twice")
        return finding

    def once(self, test: Test) -> Optional[Finding]:
        """Runs a test with a proxy of its own."""
        if test.small:
            set_send_buffers(self.sandbox, "4096 4096 4096")
        stage, self.recording = None, b""
        self.recorder.clear()
        try:
            stage = Stage(self)
            test.function(stage)
            ensure(stage.proxy.alive(), "after the test", "it goes on to serve")
            finding = describe_target(stage.origin, Finding("", test.expects))
            return self.recorded(stage, finding) if finding.did else None
        except Failure as failure:
            finding = failure.finding
            if stage:
                return self.recorded(stage, diagnose(stage, finding))
            if greedy := self.greedy():
                finding.did, finding.silent = greedy, False
                finding.blame("greedy")
            return finding
        except (OSError, ValueError, IndexError) as error:
            if self.options.verbose > 1:
                traceback.print_exc()
            assert stage is not None
            return self.recorded(stage, diagnose(stage, broken(error, test.expects).finding))
        finally:
            if stage:
                stage.close()
            self.sandbox.end_all()
            if test.small:
                set_send_buffers(self.sandbox, "4096 16384 4194304")


    def recorded(self, stage: Stage, finding: Finding) -> Finding:
        """Keeps what the proxy of a failed test has recorded."""
        self.recording = self.recorder.take(stage.proxy)
        return finding


def set_send_buffers(sandbox: Sandbox, sizes: str) -> None:
    """The sizes of the sandbox's send buffers."""
    if sandbox.own:
        with contextlib.suppress(OSError):
            pathlib.Path("/proc/sys/net/ipv4/tcp_wmem").write_text(sizes, encoding="ascii")


def tests_of(options: argparse.Namespace) -> List[Test]:
    """The tests of a grading, in their order."""
    asked = {"basic": options.check_basic, "cache": options.check_cache, "core": options.check_concurrency,
             "robust": options.check_concurrency}
    chosen = [test for group, points in asked.items() if points is not None for test in TABLE
              if test.group == group and options.lab in test.labs]
    return [test for test in chosen if not options.only or re.search(options.only, test.name) or re.search(options.only, test.title)]


# -- memory and shutdown --

class Watched(NamedTuple):
    """What valgrind reported, and how the program ended."""
    errors: Sequence[str] = ()
    lost: Sequence[str] = ()
    left: Sequence[str] = ()
    whole: bool = False
    status: Optional[int] = None
    signal: str = ""
    words: Sequence[str] = ()


def watched_by_valgrind(run: Run) -> None:
    """The rows of the groups memory and shutdown."""
    for group, points, judge in (("memory", run.options.check_memory_mgmt, memory_rows),
                                 ("shutdown", run.options.check_clean_shutdown, shutdown_rows)):
        names = (group, group, "Under valgrind")
        if points is None:
            continue
        if run.skipped:
            run.row(names, "leaks", Finding(f"not run: {run.skipped}", ""), skipped=True)
        elif is_script(run.command[0]):
            run.row(names, "leaks", passed=None, note="valgrind cannot judge a script")
        else:
            run.start(group, f"Under valgrind, with clients {'and servers that leave' if group == 'memory' else 'connected at the end'}")
            judge(run)


def is_script(program: str) -> bool:
    """Whether a program is run by an interpreter that is not a shell: valgrind would judge the interpreter."""
    with open(program, "rb") as file:
        line = file.readline(200)
    return line.startswith(b"#!") and not re.search(rb"sh\s*$", line)


def watch(run: Run, kind: str) -> Watched:
    """Runs tests with a proxy under valgrind, ends it by SIGINT, and reads the report."""
    try:
        stage = Stage(run, valgrind=True)
    except Failure as failure:
        return Watched(words=[failure.finding.did])
    try:
        exercise(stage, kind)
        if kind != "shutdown":
            few_descriptors(stage, 1)
        status, name = stage.proxy.interrupt(min(stage.patience, 6))
        stage.proxy.end()
        reports = [path.read_text(errors="replace", encoding="utf-8") for path in stage.proxy.reports()]
        return read_reports(reports, status, name, stage.proxy.tail.lines())
    finally:
        stage.close()


def exercise(stage: Stage, kind: str) -> None:
    """Uses the proxy until it falls silent; what it does wrong is judged elsewhere."""
    watched = "ordinary" if kind == "shutdown" else kind
    steps = [test.function for test in TABLE if test.watch == watched and "byu" in test.labs]
    steps.append(connect_in_each_state if kind == "shutdown" else five_and_five)
    for step in steps:
        try:
            step(stage)
        except Silence:
            return
        except (Failure, OSError, ValueError, IndexError):
            if not stage.proxy.alive():
                return


def connect_in_each_state(stage: Stage) -> None:
    """Clients that stay connected: idle, in a request, waiting for the server, in the answer."""
    stage.connect()
    stage.connect().sendall(request_bytes(stage.origin.url("/held?100"))[:25])
    before = len(stage.origin.requests())
    stage.ask("/held?100")
    stage.ask("/first-part?15000")
    stage.await_requests(before + 2)


def read_reports(reports: Sequence[str], status: Optional[int], name: str, words: Sequence[str]) -> Watched:
    """Valgrind's findings as texts. Reports of shells that only start the proxy are left out."""
    errors, lost, left, whole = [], [], [], False
    for report in reports:
        part = re.sub(r"(?m)^==\d+== ?", "", report)
        command = re.search(r"(?m)^Command: (\S+)", part)
        if command and re.search(r"(^|/)(ba|da|z|)sh$|/env$", command[1]):
            continue
        whole = whole or "ERROR SUMMARY" in part
        found = re.findall(r"(?m)^\s+(definitely lost|indirectly lost|possibly lost|still reachable): ([\d,]+) bytes", part)
        lost += [f"{size} bytes {kind}" for kind, size in found if size != "0" and kind[:3] in ("def", "ind")]
        left += [f"{size} bytes {kind}" for kind, size in found if size != "0"]
        errors += [f"{what}{', in ' + where if where else ''}" for what, where in
                   re.findall(r"(?m)^((?:Invalid|Conditional jump|Use of uninit|Syscall param|Mismatched free|Source and dest"
                              r"|Process terminating)[^\n]*)(?:\n\s+at 0x[0-9A-F]+: ([^ (\n]+))?", part)
                   if not re.search(r"\(SIG(INT|TERM|PIPE|KILL)\)", what)]
        left += [line for line, origin in re.findall(r"(?m)^(Open [^\n]*(?:file descriptor|socket) \d+[^\n]*)\n\s+([^\n]*)", part)
                 if "inherited from parent" not in origin]
    return Watched(errors, lost, left, whole, status, name, words)


def unmeasured(watched: Watched) -> Finding:
    """Why valgrind's report is missing."""
    if watched.signal == "SIGKILL":
        return Finding("could not be measured: it did not end on SIGINT or SIGTERM", "it ends on SIGINT", "", LIKELY["shutdown"])
    return Finding("could not be measured: valgrind gave no report", "it runs under valgrind", stderr=list(watched.words))


def memory_rows(run: Run) -> None:
    """Lost blocks and memory errors, after all clients have left."""
    runs = {where: watch(run, kind) for where, kind in (("in ordinary use", "ordinary"), ("when clients and servers leave", "abuse"))}
    for watched in runs.values():
        if not watched.whole:
            names = ("memory", "memory", "Memory")
            full = [line for line in watched.words if "No space left" in line]
            return run.row(names, "leaks", passed=None, note=f"valgrind: {full[0]}") if full else \
                run.row(names, "leaks", unmeasured(watched))
    for name, title, expected, cause in (("leaks", "No memory is lost", "valgrind finds no lost block", "lost"),
                                         ("errors", "No memory error", "valgrind finds no error", "memory")):
        seen = {where: watched.lost if name == "leaks" else watched.errors for where, watched in runs.items()}
        summary = "; ".join(f"{found[0]} ({where})" for where, found in seen.items() if found)
        run.row(("memory", name, title), "leaks", Finding(summary, expected, cause, curl="valgrind --leak-check=full ./proxy 8000")
                if summary else None)
    return None


def shutdown_rows(run: Run) -> None:
    """The end on SIGINT, with clients connected."""
    watched = watch(run, "shutdown")
    finding = None
    if watched.status != 0 or watched.signal != "SIGINT":
        did = "it had to be killed" if watched.status is None else f"it ended with status {watched.status} on {watched.signal}" \
            if watched.status >= 0 else f"it ended by signal {-watched.status}, without its own cleaning"
        finding = Finding(did, "it ends with status 0 on SIGINT", "shutdown")
    run.row(("shutdown", "ends", "It ends by itself on SIGINT, with clients connected"), "clean", finding)
    found = [*watched.errors, *watched.left]
    finding = Finding("; ".join(found[:3]), "no block and no descriptor is left", "shutdown") if found else None
    run.row(("shutdown", "left", "Nothing is left at the end"), "clean", finding if watched.whole else unmeasured(watched))


# -- the submission's files --

def install(sandbox: Sandbox, program: pathlib.Path, others: Optional[pathlib.Path]) -> pathlib.Path:
    """Copies a program to the sandbox, and what is beside it if that is small and not the folder of the other submissions."""
    target = sandbox.home / program.name
    if program.parent != others:
        copy_folder(program.parent, sandbox.home, 32 * MEBIBYTE, 500)
    target.unlink(missing_ok=True)  # it may be a link
    shutil.copyfile(program, target)
    target.chmod(0o755)
    sandbox.give_home()
    sandbox.hide(others)
    return target


def copy_folder(source: pathlib.Path, target: pathlib.Path, most_bytes: int, most_files: int) -> bool:
    """Copies a folder's files, links as links; False (and nothing is copied) if it is larger than the bounds."""
    size = 0
    for count, path in enumerate(source.glob("**/*")):
        if path.is_file() and ".git" not in path.parts:
            size += path.lstat().st_size
        if size > most_bytes or count > most_files:
            return False
    with contextlib.suppress(shutil.Error):  # files that cannot be read; all else has been copied
        shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(".git"), copy_function=copy_regular,
                        dirs_exist_ok=True)
    return True


def copy_regular(source: str, target: str) -> str:
    """Copies a file, but no device, which may have no end, and no FIFO or socket."""
    if stat.S_ISREG(os.lstat(source).st_mode):
        shutil.copy(source, target)
    return target


def find_source(sandbox: Sandbox) -> pathlib.Path:
    """The folder with a Makefile; a tar in the way is unpacked."""
    for _ in range(3):
        files = [path for path in sorted(sandbox.home.glob("**/*"), key=lambda path: (len(path.parts), str(path))) if path.is_file()]
        found = next((path for path in files if path.name in ("Makefile", "makefile", "GNUmakefile")), None)
        if found:
            return found.parent
        tar = next((path for path in files if is_tar(path)), None)
        if not tar:
            break
        sandbox.run_tool(tar.parent, "tar", "--no-same-owner", "-xf", tar.name)
        tar.unlink()
    raise NotBuilt("there is no Makefile")


def is_tar(path: pathlib.Path) -> bool:
    """Whether a file is a tar by its name."""
    return bool(re.search(r"\.(tar|tgz|tar\.\w+)$", path.name))


def build(run: Run) -> None:
    """Builds from source with the submission's Makefile; one row about warnings."""
    names = ("build", "build", "It compiles without a warning")
    run.start("build", "Build from source")
    source, sandbox = run.options.build, run.sandbox
    expected = "`make` builds ./proxy, and the compiler warns of nothing"
    try:
        if source.is_file():
            shutil.copyfile(source, sandbox.home / f"{source.name}{'' if is_tar(source) else '.tar'}")
        elif not copy_folder(source, sandbox.home, DISK // 4, 20000):
            raise NotBuilt("the folder is too large")
        sandbox.give_home()
        sandbox.hide(run.options.one_of)
        folder = find_source(sandbox)
        program = folder / "proxy"
        for path in [program, *folder.glob("**/*.o")]:  # so that the compiler sees every file
            path.unlink(missing_ok=True)
        output = sandbox.run_tool(folder, "make", "-j2")
        if not program.is_file():
            raise NotBuilt("the build made no file ./proxy")
    except (OSError, NotBuilt) as error:
        reason, *lines = error.args if isinstance(error, NotBuilt) else [error.strerror]
        run.skipped = "it was not built"
        return run.row(names, "warnings", Finding(f"it does not build: {reason}", expected, stderr=lines))
    warnings = [line for line in output.splitlines() if re.search(r"\bwarning:", line)]
    run.row(names, "warnings", Finding(f"the compiler warned {len(warnings)} times", expected, stderr=warnings[:6])
            if warnings else None)
    run.command = [str(program)]
    run.deadline = time.monotonic() + run.options.limit
    return None


# ---- the report -------------------------------------------------------------------------------------------------------

TITLES = {"build": "Warnings", "basic": "Basic", "cache": "Cache", "concurrency": "Concurrency", "memory": "Mem Mgmt",
          "shutdown": "Clean Shutdown"}
# Mistakes in what is passed on. They have nothing to do with concurrency, and cost points once in all.
OF_THE_MESSAGE = {"string", "too many", "mixed", "differs", "cut", "target", "version", "host", "head", "request",
                  "endless head", "endless body"}
GROUP_OF = {"core": "concurrency", "robust": "concurrency"}


class Sheet:
    """The parent's side: receives the rows, counts the points, prints, and writes the result files."""

    def __init__(self, options: argparse.Namespace, subject: str) -> None:
        self.options, self.subject = options, printable(subject)
        self.rows: List[Row] = []
        self.isolation, self.complete, self.note, self.group = "", False, "", ""
        self.began = time.monotonic()
        self.records: Optional[str] = options.record_dir
        self.causes: Dict[Tuple[str, str], str] = {}
        asked = {"build": options.check_warnings, "basic": options.check_basic, "cache": options.check_cache,
                 "concurrency": options.check_concurrency, "memory": options.check_memory_mgmt,
                 "shutdown": options.check_clean_shutdown}
        self.possible: Dict[str, float] = {name: points for name, points in asked.items() if points is not None}

    # -- what arrives --

    def take(self, event: Row) -> None:
        """An event of the worker."""
        if event["event"] == "isolation":
            self.isolation = event["text"]
            self.say(f"Isolation: {self.isolation}")
        elif event["event"] == "start":
            self.head(event["name"])
            place, last = len(self.rows) + 1, len(tests_of(self.options))
            self.say(f"    [{place}/{max(last, place)}] {event['name']}: {event['description']}")
        elif event["event"] == "row":
            recording = base64.b64decode(event["row"].pop("recording", ""))
            self.rows.append(self.charge(cleaned(event["row"])))
            if recording:
                self.keep_recording(self.rows[-1], recording)
            self.print_row(self.rows[-1])
            self.write()
        else:
            self.complete = True

    def keep_recording(self, row: Row, recording: bytes) -> None:
        """Writes a record file beside those of the other failed tests, and names it in the row."""
        try:
            self.records = self.records or tempfile.mkdtemp(prefix="driver-records-")
            os.makedirs(self.records, exist_ok=True)
            path = pathlib.Path(self.records, f"{row['name']}.pxr")
            path.write_bytes(recording)
            row["recording"] = str(path)
        except OSError as error:
            print(f"driver.py: {self.records}: {error.strerror}", file=sys.stderr)

    def charge(self, row: Row) -> Row:
        """A mistake that several tests of a group show costs points once: the row names the first of them."""
        row.update(group=GROUP_OF.get(row["group"], row["group"]), part=row["group"], same_as="")
        cause = row["finding"]["cause"] if row["finding"] else ""
        if cause:
            everywhere = cause in OF_THE_MESSAGE or cause.startswith("cut at")
            first = self.causes.setdefault(("" if everywhere else row["group"], cause), row["name"])
            row["same_as"] = first if first != row["name"] else ""
        return row

    # -- points --

    def groups(self) -> List[Row]:
        """The points of each group so far. A grading that is not complete has no points for what did not run."""
        found = []
        for name, possible in self.possible.items():
            rows = [row for row in self.rows if row["group"] == name]
            counted = [row["passed"] for row in rows if row["passed"] is not None]
            possible = 0.0 if rows and not counted else possible  # nothing of it can be tested here
            found.append({"name": name, "points": round(sum(self.worth(row)[0] for row in rows), 4), "possible": possible,
                          "passed": sum(counted), "tried": len(counted)})
        return found

    def worth(self, row: Row) -> Tuple[float, float]:
        """(points, possible points) of a row."""
        rows = [other for other in self.rows if other["part"] == row["part"]]
        whole = self.planned(row["part"], rows)
        if row["passed"] is None or not whole:
            return 0.0, 0.0
        possible, scale = self.possible.get(row["group"], 0.0), 1.0
        others = [other for other in self.rows if other["group"] == row["group"] and other["part"] != row["part"]]
        if others:
            possible *= ROBUST_SHARE if row["part"] == "robust" else 1 - ROBUST_SHARE
            if row["part"] == "robust" and passed_share(rows):  # surviving is not concurrency: it is worth at most as much
                scale = min(1.0, passed_share(others) / passed_share(rows))
        most = possible * row["weight"] / whole
        return (0.0 if costs(row) else most * scale), most

    def planned(self, part: str, rows: Sequence[Row]) -> float:
        """The weight of the rows that count, also of those that are still to come."""
        planned = 0.0 if self.complete else sum(test.weight for test in tests_of(self.options) if test.group == part)
        untestable = sum(row["weight"] for row in rows if row["passed"] is None)
        return float(max(planned, sum(row["weight"] for row in rows)) - untestable)

    def totals(self) -> Tuple[float, float]:
        """(points, possible points)."""
        groups = self.groups()
        return round(sum(group["points"] for group in groups), 4), sum(group["possible"] for group in groups)

    # -- printing --

    def say(self, line: str) -> None:
        """A line of the report on standard output."""
        if not self.options.quiet:
            with contextlib.suppress(BrokenPipeError):
                print(line, flush=True)

    def head(self, name: str) -> None:
        """Prints the title of a group when its first test begins."""
        group = next((GROUP_OF.get(test.group, test.group) for test in TABLE if test.name == name), name)
        if group != self.group and group in self.possible:
            self.group = group
            self.say(f"TEST GROUP ({number(self.possible[group])} points): {TITLES[group]} ***")

    def print_row(self, row: Row) -> None:
        """The result of one test."""
        self.head(row["name"])
        if row.get("skipped"):
            return self.say(f"    {row['name']}: {row['finding']['did']}\n      Result: 0/1")
        if row["passed"] is None:
            return self.say(f"      Result: not testable here, and not counted: {row['note']}")
        if row["group"] in ("memory", "shutdown", "build"):
            self.say(f"    {row['description']}")
        summary = f"   ({row['seconds']:.1f} s)" if self.options.verbose and row.get("seconds") else ""
        self.say(f"      Result: {int(row['passed'])}/1{summary}")
        for name, value in describe(row):
            self.say(f"        {name + ':':11}{value}")
        return None

    def finish(self) -> int:
        """Prints the subtotals and the total; returns the exit status."""
        groups = self.groups()
        for group in groups:
            counted = f"{number(group['points'])}/{number(group['possible'])}" if group["possible"] else "not counted"
            self.say(f"    {TITLES[group['name']]}: {counted}")
        points, possible = self.totals()
        if self.note:
            self.say(f"Not complete: {self.note}")
        self.say(f"Total: {number(points)}/{number(possible)} ({100 * points / possible if possible else 0:.2f}%)")
        if self.options.autolab:
            print(json.dumps({"scores": {TITLES[group["name"]]: round(group["points"], 2) for group in groups}}), flush=True)
        return 0 if self.complete and points >= possible - 1e-9 else 1

    # -- files --

    def result(self) -> Row:
        """All that is known, for JSON."""
        points, possible = self.totals()
        rows = [{**row, "points": round(self.worth(row)[0], 4), "possible": round(self.worth(row)[1], 4)} for row in self.rows]
        return {"subject": self.subject, "points": points, "possible": possible, "lab": self.options.lab,
                "mode": self.options.mode, "complete": self.complete, "note": self.note, "isolation": self.isolation,
                "seconds": round(time.monotonic() - self.began, 1), "groups": self.groups(), "tests": rows}

    def write(self) -> None:
        """Replaces the result files. If that fails, says so, and the files from before stay."""
        result = self.result()
        makers: Sequence[Tuple[Optional[str], Callable[[Row], str]]] = (
            (self.options.json, lambda value: json.dumps(value, indent=2) + "\n"),
            (self.options.gradescope, lambda value: json.dumps(for_gradescope(value), indent=2) + "\n"),
            (self.options.html, lambda value: as_html([value])), (self.options.csv, lambda value: as_csv([value])))
        for path, maker in makers:
            if path:
                write_file(path, maker(result))


def costs(row: Row) -> bool:
    """Whether a row costs points."""
    return row["passed"] is False and not row["same_as"]


def passed_share(rows: Sequence[Row]) -> float:
    """The weighted share of rows that cost nothing; rows that were not testable do not count."""
    counted = [row for row in rows if row["passed"] is not None]
    whole = float(sum(row["weight"] for row in counted))
    return float(sum(row["weight"] for row in counted if not costs(row))) / whole if whole else 1.0


def describe(row: Row) -> List[Tuple[str, str]]:
    """What the report says about a failed row: (label, text) pairs."""
    finding = row["finding"]
    if not finding:
        return []
    likely = ("Same as", f"{row['same_as']}; not charged again") if row["same_as"] else ("Likely", finding["likely"])
    pairs = [("Did", finding["did"]), ("Expected", finding["expected"]), *(("Seen", line) for line in finding["evidence"]),
             likely, *(("Stderr", line) for line in finding["stderr"]), ("By hand", finding["curl"]),
             ("Recorded", f"proxy replay {shlex.quote(row['recording'])} --text" if row.get("recording") else "")]
    return [(label, text) for label, text in pairs if text]


def write_file(path: str, text: str) -> None:
    """Replaces a file at once, or leaves it as it is and tells why."""
    target = pathlib.Path(path)
    special = target.exists() and not target.is_file()  # such as /dev/stdout
    temporary = target if special else target.with_name(f".{target.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        if not special:
            os.replace(temporary, target)
    except OSError as error:
        print(f"driver.py: {path}: {error.strerror}", file=sys.stderr)
        if not special:
            temporary.unlink(missing_ok=True)


def for_gradescope(result: Row) -> Row:
    """results.json as Gradescope's autograder reads it."""
    tests = []
    for row in result["tests"]:
        if row["passed"] is None:
            continue
        lines = [f"{label}: {text}" for label, text in describe(row)] or [row["description"]]
        lines.append(f"The lab's text: {row['quote']}")
        tests.append({"name": f"{TITLES[row['group']]}: {row['description']}", "score": row["points"],
                      "max_score": row["possible"], "status": "passed" if row["passed"] else "failed",
                      "output": "\n".join(lines)})
    summary = f"{number(result['points'])} of {number(result['possible'])} points"
    if not result["complete"]:
        summary += f"; not complete: {result['note'] or 'the grading was interrupted'}"
    return {"score": result["points"], "execution_time": result["seconds"], "output": summary, "visibility": "visible",
            "tests": tests}


def as_csv(results: Sequence[Row]) -> str:
    """A line for each submission."""
    names = [name for name in TITLES if any(group["name"] == name for result in results for group in result["groups"])]
    lines: List[str] = []
    writer = csv.writer(types.SimpleNamespace(write=lines.append), lineterminator="\n")
    writer.writerow(["submission", "points", "possible", *(TITLES[name] for name in names), "complete", "failed", "note"])
    for result in results:
        points = {group["name"]: group["points"] for group in result["groups"]}
        failed = " ".join(row["name"] for row in result["tests"] if row["passed"] is False and not row.get("skipped"))
        writer.writerow([guard_cell(result["subject"]), number(result["points"]), number(result["possible"]),
                         *(number(points.get(name, 0)) for name in names), "yes" if result["complete"] else "no", failed,
                         guard_cell(result["note"])])
    return "".join(lines)


def guard_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + text if text[:1] in ("=", "+", "-", "@") else text


STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #667085; --line: #d9dee7; --good: #117a43; --bad: #b42318;
        --paper: #ffffff; --card: #f6f8fb }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ebf2; --soft: #9aa5b8; --line: #333c4b; --good: #4ecb8b;
        --bad: #ff8a7d; --paper: #12161d; --card: #1a202a } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 58rem; margin: 2rem auto;
       padding: 0 1.2rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.25rem; margin: 0 } h3 { font-size: 1rem; margin: 1.4rem 0 .4rem }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top }
th { color: var(--soft); font-weight: 600 } td.n, th.n { text-align: right; white-space: nowrap }
section { border-top: 3px solid var(--line); margin-top: 3rem; padding-top: 1.5rem }
.total { float: right; font-size: 1.6rem; font-weight: 700 } .soft { color: var(--soft) }
.good { color: var(--good) } .bad { color: var(--bad) }
.card { background: var(--card); border-left: 4px solid var(--bad); border-radius: 6px; padding: .7rem 1rem; margin: .6rem 0;
        break-inside: avoid } .card.same { border-color: var(--line) }
dl { display: grid; grid-template-columns: 6rem 1fr; gap: .15rem .8rem; margin: .4rem 0 0 } dt { color: var(--soft) }
dd { margin: 0; overflow-wrap: anywhere } code { font: 13px/1.4 ui-monospace, monospace }
blockquote { margin: .5rem 0 0; color: var(--soft); font-style: italic }
a { color: inherit }
@media print { body { margin: 0; max-width: none; font-size: 11pt } section { break-before: page; border: 0; margin: 0 }
               .card { border: 1px solid #999; border-left-width: 4px } }
"""


def as_html(results: Sequence[Row]) -> str:
    """One document: a table of all submissions, then a page for each."""
    rows = "".join(
        f'<tr><td><a href="#s{i}">{html.escape(result["subject"])}</a></td><td class="n">{number(result["points"])} / '
        f'{number(result["possible"])}</td><td>{html.escape(first_failure(result))}</td></tr>' for i, result in enumerate(results))
    index = f'<table><thead><tr><th>Submission</th><th class="n">Points</th><th>First failure</th></tr></thead>{rows}</table>'
    pages = "".join(html_page(i, result) for i, result in enumerate(results))
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
            f'content="width=device-width"><title>Proxy lab: results</title><style>{STYLE}</style></head><body>'
            f'<h1>Proxy lab: results</h1>{index if len(results) > 1 else ""}{pages}</body></html>\n')


def first_failure(result: Row) -> str:
    """A few words about the first failure."""
    failed = next((row for row in result["tests"] if row["passed"] is False), None)
    return result["note"] or (f"{failed['name']}: {failed['finding']['did']}" if failed else "none")


def html_page(i: int, result: Row) -> str:
    """The page of one submission."""
    full = result["points"] >= result["possible"] - 1e-9
    groups = "".join(f'<tr><td>{TITLES[group["name"]]}</td><td class="n">{number(group["points"])} / {number(group["possible"])}'
                     f'</td><td class="n">{group["passed"]} of {group["tried"]} tests</td></tr>' for group in result["groups"])
    failed = [row for row in result["tests"] if row["passed"] is False and not row.get("skipped")]
    skipped = [row for row in result["tests"] if row.get("skipped")]
    cards = "".join(html_card(row) for row in failed) or '<p class="good">Nothing failed.</p>'
    if skipped:
        cards += f'<p class="soft">{len(skipped)} tests were {html.escape(skipped[0]["finding"]["did"])}.</p>'
    state = "" if result["complete"] else f'<p class="bad">Not complete: {html.escape(result["note"] or "interrupted")}</p>'
    return (f'<section id="s{i}"><span class="total {"good" if full else "bad"}">{number(result["points"])} / '
            f'{number(result["possible"])}</span><h2>{html.escape(result["subject"])}</h2><p class="soft">--lab {result["lab"]}, '
            f'{result["mode"]}, {result["seconds"]} s</p>{state}<table><thead><tr><th>Group</th><th class="n">Points</th>'
            f'<th class="n">Passed</th></tr></thead>{groups}</table><h3>Failures</h3>{cards}</section>')


def html_card(row: Row) -> str:
    """A failed test."""
    def value(label: str, text: str) -> str:
        shown = html.escape(text)
        return f"<code>{shown}</code>" if label in ("Stderr", "By hand", "Recorded") else shown

    pairs = "".join(f"<dt>{label}</dt><dd>{value(label, text)}</dd>" for label, text in describe(row))
    lost = row["possible"] - row["points"]
    cost = f'<span class="bad">&minus;{number(lost)}</span>' if not row["same_as"] else '<span class="soft">not charged again</span>'
    return (f'<div class="card{" same" if row["same_as"] else ""}"><b>{html.escape(row["description"])}</b> '
            f'<span class="soft">({row["name"]})</span> {cost}<dl>{pairs}</dl>'
            f'<blockquote>{html.escape(row["quote"])}</blockquote></div>')


# ---- one submission ---------------------------------------------------------------------------------------------------

class Interrupted(Exception):
    """A signal asks this program to end."""


def on_signal(code: int, _frame: Optional[types.FrameType]) -> NoReturn:
    """Ends the grading; what was started is ended on the way."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    raise Interrupted(code)


def worker(options: argparse.Namespace, out: TextIO, reason: str, driver: int) -> None:
    """Sets the sandbox up, runs all tests, writes events."""
    def report(event: Row) -> None:
        print(json.dumps(event), file=out, flush=True)

    def leave(*_: Any) -> NoReturn:
        sandbox.close()
        os._exit(143)

    sandbox = Sandbox(reason, driver, submission_of(options))
    for name in (signal.SIGINT, signal.SIGHUP):
        signal.signal(name, lambda *_: None)  # a handler, because a program inherits what is ignored
    # As process 1 of its namespaces it cannot be ended from within, if it has no handler.
    signal.signal(signal.SIGTERM, signal.SIG_DFL if sandbox.own else leave)
    try:
        sandbox.enter()
        report({"event": "isolation", "text": sandbox.text})
        Run(options, sandbox, report).all()
        report({"event": "done"})
    finally:
        sandbox.close()


def start_worker(options: argparse.Namespace) -> Tuple[int, int]:
    """Starts the worker in a child process. Returns its pid and the reading end of its events."""
    reason, driver = why_no_namespaces(), os.getpid()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        work = functools.partial(worker, options, os.fdopen(writer, "w", encoding="utf-8"), reason, driver)
        be_worker(work, reason, driver, submission_of(options))
    os.close(writer)
    return child, reader


def submission_of(options: argparse.Namespace) -> pathlib.Path:
    """The file or folder that is graded, without links in its path."""
    return pathlib.Path(options.build or options.proxy).resolve()


def be_worker(work: Callable[[], None], reason: str, driver: int, submission: pathlib.Path) -> NoReturn:
    """The child's side: works in namespaces of its own unless there is a reason against it, and ends."""
    status = 1
    try:
        if reason:
            set_process(PR_SET_PDEATHSIG, signal.SIGTERM)
            work()
            status = 0
        else:
            status = in_namespaces(work, driver, submission)
    except BaseException:  # pylint: disable=broad-except  # the status says so
        traceback.print_exc()
    finally:
        os._exit(status & 255)


def grade(options: argparse.Namespace) -> Sheet:
    """Grades one submission."""
    sheet = Sheet(options, options.name or str(options.build or options.proxy))
    sheet.say(f"Grading {sheet.subject} (--lab {options.lab}, {options.mode})")
    sheet.write()
    worker_pid, reader = start_worker(options)
    try:
        receive_events(sheet, reader, options.limit + (400 if options.build else 60))
    except Interrupted:
        sheet.note = "the grading was interrupted"
        raise
    finally:
        end_worker(worker_pid)
        os.close(reader)
        if not sheet.complete and not sheet.note:
            sheet.note = "the grading did not come to its end"
        sheet.write()
    return sheet


def receive_events(sheet: Sheet, reader: int, seconds: float) -> None:
    """Takes events until the worker closes its end, or the time is over."""
    data, end = b"", time.monotonic() + seconds
    while select.select([reader], [], [], max(0.0, end - time.monotonic()))[0]:
        piece = os.read(reader, 65536)
        if not piece:
            return
        *lines, data = (data + piece).split(b"\n")
        for line in lines:
            sheet.take(json.loads(line))
    sheet.note = f"it took longer than {seconds:.0f} s"


def end_worker(pid: int) -> None:
    """Ends the worker, and with it all that it started."""
    for code in (signal.SIGTERM if why_no_namespaces() else signal.SIGKILL, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, code)
        for _ in range(300):
            if os.waitpid(pid, os.WNOHANG)[0]:
                return
            time.sleep(0.01)  # waitpid() has no time limit


# ---- many submissions -------------------------------------------------------------------------------------------------

class Submission(NamedTuple):
    """An entry of the folder, and how it is graded."""
    name: str
    path: pathlib.Path
    argument: str
    problem: str


def submission_at(path: pathlib.Path) -> Submission:
    """An entry of the folder: a program, a source folder, a folder with a program, or a tar."""
    if is_tar(path) or any(is_tar(file) or file.name.lower() == "makefile" for file in path.glob("**/*")):
        return Submission(path.name, path, f"--build={path}", "")
    program: Optional[pathlib.Path] = path
    if path.is_dir():
        program = next((file for file in sorted(path.glob("**/proxy")) if file.is_file()), None)
    problem = program_problem(program) if program else "there is no Makefile and no program named proxy"
    return Submission(path.name, path, f"--proxy={program}", problem)


def fingerprint(submission: Submission, options: argparse.Namespace) -> str:
    """What a result depends on: the files' sizes and times, the options, this program."""
    digest = hashlib.sha256(" ".join(common_arguments(options)).encode())
    digest.update(pathlib.Path(__file__).read_bytes())
    for path in [submission.path, *sorted(submission.path.glob("**/*"))]:
        if path.is_file():
            status = path.stat()
            digest.update(os.fsencode(path) + f":{status.st_size}:{status.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


def common_arguments(options: argparse.Namespace) -> List[str]:
    """The arguments that each grading gets."""
    arguments = [options.mode, f"--lab={options.lab}", f"--patience={options.patience}", f"--limit={options.limit}"]
    for name, value in (("-b", options.check_basic), ("-c", options.check_concurrency), ("-m", options.check_memory_mgmt),
                        ("-s", options.check_clean_shutdown), ("-e", options.check_cache), ("-w", options.warnings_points)):
        if value is not None:
            arguments += [name, repr(value)]
    return arguments + ([f"--only={options.only}"] if options.only else [])


class Many:
    """Grades all submissions of a folder, several side by side."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.submissions = [submission_at(path) for path in sorted(options.all.iterdir()) if not path.name.startswith(".")]
        self.folder = pathlib.Path(options.results or f"{options.all.resolve()}-results")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.running: List[Tuple[Submission, subprocess.Popen[bytes]]] = []
        self.results: Dict[str, Row] = {}

    def run(self) -> int:
        """Grades what has no complete result yet. Returns the exit status."""
        waiting = [submission for submission in self.submissions if not self.is_kept(submission)]
        try:
            while waiting or self.running:
                while waiting and len(self.running) < self.options.jobs:
                    self.start(waiting.pop(0))
                self.reap()
        except Interrupted:
            print("Interrupted: run the same command again to grade the rest.", flush=True)
            raise
        finally:
            for _, process in self.running:
                process.terminate()
            for _, process in self.running:
                process.wait()
        self.summarize()
        return 0 if all(self.results[submission.name]["complete"] for submission in self.submissions) else 1

    def file(self, submission: Submission, kind: str) -> pathlib.Path:
        """Where the result (json) or the report (txt) of a submission is kept."""
        name = os.fsencode(submission.name)
        stem = submission.name if len(name) <= 200 else hashlib.sha256(name).hexdigest()[:16]
        return self.folder / f"{stem}.{kind}"

    def read(self, submission: Submission) -> Row:
        """The result that is on disk; one without points if there is none."""
        with contextlib.suppress(OSError, ValueError):
            return dict(json.loads(self.file(submission, "json").read_text(encoding="utf-8")))
        return Sheet(self.options, submission.name).result()

    def is_kept(self, submission: Submission) -> bool:
        """Whether there is a complete result of the same files and options."""
        result = self.read(submission)
        if not result["complete"] or result.get("fingerprint") != fingerprint(submission, self.options):
            return False
        self.tell(submission, result, "kept")
        return True

    def start(self, submission: Submission) -> None:
        """Starts a grading, or notes that there is nothing to grade."""
        if submission.problem:
            self.keep(submission, {**Sheet(self.options, submission.name).result(), "complete": True, "note": submission.problem})
            return
        self.file(submission, "json").unlink(missing_ok=True)
        with open(self.file(submission, "txt"), "wb") as log:
            # pylint: disable-next=consider-using-with  # it is awaited by reap()
            process = subprocess.Popen([sys.executable, __file__, *common_arguments(self.options), submission.argument,
                                        f"--one-of={self.options.all.resolve()}", f"--name={submission.name}",
                                        f"--json={self.file(submission, 'json')}",
                                        f"--record-dir={self.file(submission, 'records')}"],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        self.running.append((submission, process))

    def reap(self) -> None:
        """Keeps the results of gradings that have ended."""
        time.sleep(0.05)  # one of several children cannot be awaited without taking the status of others
        for submission, process in [pair for pair in self.running if pair[1].poll() is not None]:
            self.running.remove((submission, process))
            result = self.read(submission)
            if not result["tests"]:
                log = self.file(submission, "txt").read_text(errors="replace", encoding="utf-8").splitlines()
                result["note"] = result["note"] or (log[-1] if log else "the grading failed")
            self.keep(submission, result)

    def keep(self, submission: Submission, result: Row) -> None:
        """Writes a result, with what it depends on."""
        result["fingerprint"] = fingerprint(submission, self.options)
        write_file(str(self.file(submission, "json")), json.dumps(result, indent=2) + "\n")
        self.tell(submission, result, f"{result['seconds']} s")
        self.summarize()

    def tell(self, submission: Submission, result: Row, how: str) -> None:
        """The progress line."""
        self.results[submission.name] = result
        note = f"   {result['note']}" if result["note"] else ""
        with contextlib.suppress(BrokenPipeError):
            print(f"[{len(self.results):3}/{len(self.submissions)}] {printable(submission.name):24} {number(result['points']):>6}/"
                  f"{number(result['possible'])}   ({how}){printable(note)}", flush=True)

    def summarize(self) -> None:
        """Writes the table and the pages of all that have a result."""
        results = [self.results[submission.name] for submission in self.submissions if submission.name in self.results]
        for path, maker in ((self.options.csv, as_csv), (self.options.html, as_html)):
            if path:
                write_file(path, maker(results))


# ---- the command line -------------------------------------------------------------------------------------------------

def points_value(text: str) -> float:
    """A number of points."""
    value = float(text)
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError(f"invalid number '{text}': expected 0 or more")
    return value


def seconds_value(text: str) -> float:
    """A number of seconds."""
    value = points_value(text)
    if value == 0:
        raise argparse.ArgumentTypeError(f"invalid number of seconds '{text}': expected more than 0")
    return value


def program_problem(path: pathlib.Path) -> str:
    """Why a file cannot be graded as a program; empty if it can."""
    if path.is_dir():
        return f"{path} is a folder (for sources: --build {path})"
    if not path.exists():
        return f"there is no program {path}; run make first, or name it with --proxy"
    if not os.access(path, os.X_OK) or not path.stat().st_mode & 0o111:
        return f"{path} is not executable; run chmod +x"
    return ""


def make_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(description="Grades a lab proxy.", allow_abbrev=False, epilog="Exit status: 0 at full "
                                     "points (with --all: when all are graded), 1 for fewer, 2 for wrong usage.")
    parser.add_argument("mode", nargs="?", choices=MODES, default="epoll", help="the concurrency model that the proxy must have")
    points: Dict[str, Any] = {"type": points_value, "metavar": "POINTS"}
    parser.add_argument("-b", "--check-basic", help="points for serving requests", **points)
    parser.add_argument("-c", "--check-concurrency", help="points for serving many at a time", **points)
    parser.add_argument("-m", "--check-memory-mgmt", help="points for memory (valgrind)", **points)
    parser.add_argument("-s", "--check-clean-shutdown", help="points for a clean end on SIGINT (valgrind)", **points)
    parser.add_argument("-e", "--check-cache", help="points for keeping what was fetched", **points)
    parser.add_argument("-w", "--check-warnings", dest="warnings_points", default=3.0, help="points for a build without "
                        "warnings, with --build (3)", **points)
    parser.add_argument("--lab", choices=LABS, default="byu", help="whose text decides (byu)")
    add_output_options(parser)
    parser.add_argument("--proxy", type=pathlib.Path, default=HERE / "proxy", metavar="PATH", help="the program to grade (./proxy)")
    parser.add_argument("--build", type=pathlib.Path, metavar="DIR", help="build this folder or tar with its Makefile, and grade that")
    parser.add_argument("--all", type=pathlib.Path, metavar="FOLDER", help="grade every submission in a folder")
    parser.add_argument("--one-of", type=pathlib.Path, help=argparse.SUPPRESS)  # the folder of --all, for each of its gradings
    parser.add_argument("--results", metavar="FOLDER", help="where --all keeps its results (FOLDER-results)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="how many are graded side by side (2)")
    parser.add_argument("--only", metavar="PATTERN", help="only tests whose name or title matches")
    parser.add_argument("--patience", type=seconds_value, default=PATIENCE, metavar="SECONDS",
                        help=f"seconds without progress after which a proxy counts as silent ({PATIENCE:.0f})")
    parser.add_argument("--limit", type=seconds_value, default=LIMIT, metavar="SECONDS",
                        help=f"seconds for all tests of a submission ({LIMIT:.0f})")
    parser.add_argument("--explain", metavar="TEST", help="print what a test sends and expects, and the lab's sentence")
    parser.add_argument("--origin", type=int, metavar="PORT", help="only run the tests' server, to repeat a failure by hand")
    return parser


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Where results and output go."""
    output: Dict[str, Any] = {"type": argparse.FileType("w"), "metavar": "FILE"}
    parser.add_argument("-p", "--proxy-output", help="where the proxy's output goes (- is standard output)", **output)
    parser.add_argument("-t", "--tiny-output", help="where the server's log goes (- is standard output)", **output)
    parser.add_argument("-k", "--keep-files", action="store_true", help="accepted, and without effect: nothing is on disk")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="tell more (repeatable)")
    parser.add_argument("-q", "--quiet", action="store_true", help="print no report")
    parser.add_argument("-A", "--autolab", action="store_true", help="print Autolab's scores as the last line")
    parser.add_argument("--json", metavar="FILE", help="write the result here too")
    parser.add_argument("--gradescope", metavar="FILE", help="write Gradescope's results.json here")
    parser.add_argument("--csv", metavar="FILE", help="write a table with a line for each submission")
    parser.add_argument("--html", metavar="FILE", help="write a page for each submission")
    parser.add_argument("--record-dir", metavar="FOLDER", help="where the record files of failed tests go, if the proxy writes "
                        "such files (a new temporary folder)")
    parser.add_argument("--name", metavar="NAME", help="the submission's name in the results")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options; ends with status 2 and one line if they are wrong."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    options.check_warnings = options.warnings_points if options.build or options.all else None
    if not options.explain and options.origin is None:
        for problem in problems_of(options):
            if problem:
                parser.error(problem)
    options.build = options.build and options.build.resolve()
    options.proxy = options.proxy.absolute()
    options.one_of = options.one_of and options.one_of.absolute()
    return options


def problems_of(options: argparse.Namespace) -> Iterator[str]:
    """What would fail only after the grading; empty texts are no problems."""
    if options.all:
        yield "" if options.all.is_dir() else f"{options.all} is not a folder"
        yield "" if options.jobs > 0 else f"invalid number of jobs '{options.jobs}': expected 1 or more"
    elif options.build:
        yield "" if options.build.exists() else f"there is no {options.build}"
    else:
        yield program_problem(options.proxy)
    watched = (options.check_memory_mgmt, options.check_clean_shutdown)
    if all(points is None for points in (options.check_basic, options.check_concurrency, options.check_cache, *watched)):
        yield "nothing to grade; for example: ./driver.py -b 20 -c 75 -m 2 epoll"
    try:
        yield "" if tests_of(options) or not options.only else f"no test matches '{options.only}'"
    except re.error as error:
        yield f"invalid pattern '{options.only}': {error}"
    if watched != (None, None) and shutil.which("valgrind") is None:
        yield "-m and -s need valgrind; install it (apt-get install valgrind)"
    for path in (options.json, options.gradescope, options.csv, options.html):
        folder = pathlib.Path(path or ".").absolute().parent
        if path and (pathlib.Path(path).is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK)):
            yield f"{path}: cannot be written"
    if options.record_dir and os.path.exists(options.record_dir) and not os.path.isdir(options.record_dir):
        yield f"{options.record_dir} is not a folder"


def explain(name: str) -> int:
    """Prints what a test sends and expects, and the sentences on which it stands."""
    found = [test for test in TABLE if test.name == name] or [test for test in TABLE if name in test.name]
    if not found:
        print(f"driver.py: no test is called '{name}'; there are: {', '.join(test.name for test in TABLE)}", file=sys.stderr)
        return 2
    for test in found:
        group = GROUP_OF.get(test.group, test.group)
        print(f"{test.name}: {test.title}\n  Group:    {TITLES[group]} (weight {number(test.weight)})\n  Sends:    {test.sends}\n"
              f"  Expects:  {test.expects}")
        for lab in test.labs:
            print(f"  {lab + ':':9} {sentence(test.quote, lab)}")
        print(f"  By hand:  {test.curl}\n            (with ./proxy 8000 and ./driver.py --origin 8001 running)")
    return 0


def serve_origin(port: int) -> int:
    """Runs the tests' server alone; held answers are released after five seconds."""
    try:
        origin = Origin(port, sys.stdout, hold=5)
    except (OSError, OverflowError) as error:
        print(f"driver.py: port {port}: {error}", file=sys.stderr)
        return 2
    print(f"serving {', '.join(sorted(PAGES))} on {origin.url('/')}", flush=True)
    while True:
        signal.pause()


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    options = parse(arguments)
    if options.explain:
        return explain(options.explain)
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, on_signal)
    try:
        if options.origin is not None:
            return serve_origin(options.origin)
        return Many(options).run() if options.all else grade(options).finish()
    except Interrupted as interrupted:
        return 128 + int(interrupted.args[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
