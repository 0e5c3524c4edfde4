#!/usr/bin/env python3
"""Grades a lab proxy from outside: any program that is started as `PROXY PORT` and serves HTTP/1.0.

    ./driver.py -b 20 -c 75 -m 2 epoll

The order of this file: the sandbox, the origin server, the proxy under test, the stage of one test, the tests, the
table of tests, evidence and diagnosis, the run of all tests, the report, many submissions, the command line.

Two processes work together. The worker runs the tests in namespaces of its own (no network, a read-only file system,
no other processes), so that all it started ends with it. The parent receives one line of JSON for each result, prints
it and writes the result files. Needs Python 3.9 and Linux; -m and -s need valgrind.
"""
# One file, because the hand-in needs one; os._exit, because a forked worker must not run the parent's cleaning.
# pylint: disable=too-many-lines,too-few-public-methods,too-many-instance-attributes,too-many-arguments,protected-access
from __future__ import annotations

import argparse
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
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import traceback
import types
from dataclasses import asdict, dataclass, field
from typing import Any, Callable, Dict, List, NamedTuple, NoReturn, Optional, Sequence, Set, TextIO, Tuple

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
DISK = 512 * MEBIBYTE          # bytes it may write
HEAD_LIMIT = 65536             # bytes of a response head that are read
ROBUST_SHARE = 0.2             # share of the concurrency points for clients and servers that leave


class Failure(Exception):
    """The proxy did something other than expected. `cause` names a mistake that several tests can show."""

    def __init__(self, did: str, expected: str, likely: str = "", cause: str = "") -> None:
        super().__init__(did)
        self.did, self.expected, self.likely, self.cause = did, expected, likely, cause
        self.stderr: List[str] = []


class Silence(Failure):
    """The proxy did nothing for the whole patience."""


class Untestable(Exception):
    """This machine does not allow the test. The text says why."""


def ensure(truth: object, did: str, expected: str, likely: str = "", cause: str = "") -> None:
    """Raises a Failure if `truth` is false."""
    if not truth:
        raise Failure(did, expected, likely, cause)


def number(value: float) -> str:
    """A number with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def quoted(data: bytes, size: int = 80) -> str:
    """The first bytes of `data`, printable."""
    return repr(bytes(data[:size]))[2:-1] + ("..." if len(data) > size else "")


# ---- the sandbox ------------------------------------------------------------------------------------------------------

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE, MS_NOSUID, MS_NODEV = 4096, 16384, 1 << 18, 2, 4
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 36, 38
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE = 442, -100, 0x8000
ROOMS = ("/mnt", "/media", "/srv")  # where the workspace is mounted: folders that no program needs
NAME = "www.lab.test"               # a host name that only the sandbox knows
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def system_call(name: str, *arguments: Any) -> None:
    """Calls a function of the C library; raises OSError if it fails."""
    if getattr(LIBC, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def set_process(option: int, value: int) -> None:
    """prctl(2); an option that the kernel does not know is ignored."""
    LIBC.prctl(option, value, 0, 0, 0)


class MountAttributes(ctypes.Structure):
    """struct mount_attr of mount_setattr(2)."""
    _fields_ = [("set", ctypes.c_uint64), ("clear", ctypes.c_uint64), ("propagation", ctypes.c_uint64),
                ("user", ctypes.c_uint64)]


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


def start_loopback() -> None:
    """Brings the loopback interface of a new network namespace up."""
    with socket.socket() as any_socket:
        up_and_running = struct.pack("16sh14x", b"lo", 0x1 | 0x40)
        fcntl.ioctl(any_socket, 0x8914, up_and_running)  # SIOCSIFFLAGS


def use_own_names(folder: pathlib.Path) -> None:
    """The host names of the sandbox: a hosts file and no name server, so that a lookup ends at once."""
    files = {"hosts": f"127.0.0.1 localhost {NAME}\n", "resolv.conf": "options timeout:1 attempts:1\n",
             "nsswitch.conf": "hosts: files dns\npasswd: files\ngroup: files\n"}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="ascii")
        target = pathlib.Path("/etc", name)
        if target.exists():
            system_call("mount", str(folder / name).encode(), str(target.resolve()).encode(), None, MS_BIND, None)
    with contextlib.suppress(OSError):  # sockets of name services
        system_call("mount", b"tmpfs", b"/run", b"tmpfs", MS_NOSUID | MS_NODEV, b"size=1m,mode=755")


def furnish(room: pathlib.Path) -> None:
    """Makes the file system read-only, with a writable folder of bounded size at `room`. Run by process 1."""
    system_call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    attributes = MountAttributes(1, 0, 0, 0)
    code = LIBC.syscall(MOUNT_SETATTR, AT_FDCWD, b"/", AT_RECURSIVE, ctypes.byref(attributes), ctypes.sizeof(attributes))
    if code != 0:
        raise OSError(ctypes.get_errno(), "the file system cannot be made read-only")
    system_call("mount", b"proc", b"/proc", b"proc", 0, None)
    start_loopback()
    system_call("mount", b"tmpfs", str(room).encode(), b"tmpfs", MS_NOSUID | MS_NODEV, f"size={DISK},mode=711".encode())
    (room / "etc").mkdir()
    use_own_names(room / "etc")
    with contextlib.suppress(OSError):
        system_call("mount", b"tmpfs", b"/dev/shm", b"tmpfs", MS_NOSUID | MS_NODEV, b"size=64m,mode=1777")


def find_room() -> pathlib.Path:
    """The folder that is hidden by the workspace."""
    for name in ROOMS:
        room = pathlib.Path(name)
        if room.is_dir() and not str(HERE).startswith(name + "/"):
            return room
    raise OSError(f"there is none of the folders {', '.join(ROOMS)}")


@functools.lru_cache(maxsize=1)
def namespaces_work() -> str:
    """An empty text if namespaces can be used here, or else the reason why not. Tried in a child process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            enter_namespaces()
            inner = os.fork()
            if inner == 0:
                furnish(find_room())
                os._exit(0)
            os._exit(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]))
        except OSError as error:
            os.write(writer, (error.strerror or str(error)).encode())
        finally:
            os._exit(1)
    os.close(writer)
    reason = os.read(reader, 500).decode() or "not permitted"
    os.close(reader)
    return "" if os.waitpid(child, 0)[1] == 0 else reason


def other_user(driver: int) -> Optional[int]:
    """An unused user id for the submission of the driver with that pid; None if this process cannot change its user."""
    if os.getuid() != 0:
        return None
    fields = pathlib.Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    whole = fields[0] == "0" and int(fields[2]) > 2_000_000_000
    return 1_900_000_000 + driver if whole else 65534


class Sandbox:
    """Where the submission runs. Made in the worker; `own` says whether it has namespaces of its own."""

    def __init__(self, own: bool, reason: str, driver: int) -> None:
        self.own = own
        # In a user namespace the only user is this one: the submission loses its capabilities instead.
        self.user = other_user(driver) if not own or own_user_namespace() is False else None
        self.room = find_room() if own else pathlib.Path(tempfile.mkdtemp(prefix="driver-"))
        self.room.chmod(0o711)
        self.home = self.room / "home"
        self.ports = 10000
        self.text = self._describe(reason)

    def _describe(self, reason: str) -> str:
        bounds = f"{MEMORY // MEBIBYTE} MiB of memory, 1024 processes"
        if self.own:
            return f"own network, processes and read-only file system; at most {bounds}, {DISK // MEBIBYTE} MiB of disk"
        if self.user is not None:
            return f"another user, at most {bounds}; no namespaces ({reason}): it shares network and disk"
        return f"none ({reason}): a submission could write the results; at most {bounds}"

    def enter(self) -> None:
        """Gives up what the submission must not have. Children inherit it."""
        set_process(PR_SET_DUMPABLE, 0)
        set_process(PR_SET_NO_NEW_PRIVS, 1)
        set_process(PR_SET_CHILD_SUBREAPER, 1)
        if self.own and self.user is None:
            for capability in range(64):
                set_process(PR_CAPBSET_DROP, capability)
        for kind, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, DISK), (resource.RLIMIT_NOFILE, 4096),
                           (resource.RLIMIT_NPROC, 1024)):
            soft, hard = resource.getrlimit(kind)
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            soft = most if soft == resource.RLIM_INFINITY else min(soft, most)
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(kind, (soft, most))
        self.home.mkdir()
        self.own_files(self.home)

    def own_files(self, path: pathlib.Path) -> None:
        """Gives a file or a folder to the submission's user."""
        if self.user is not None:
            os.chown(path, self.user, self.user)

    def start(self, command: Sequence[str], **how: Any) -> subprocess.Popen[bytes]:
        """Starts a program of the submission, without any of the driver's descriptors."""
        if self.user is not None:
            how.update(user=self.user, group=self.user, extra_groups=[])
        home = str(self.home)
        environment = {"PATH": SEARCH_PATH, "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8"}
        environment.update({name: os.environ[name] for name in ("MAKEFLAGS", "ASAN_OPTIONS") if name in os.environ})
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=how.pop("cwd", home), env=environment,
                                start_new_session=True, umask=0o022, **how)

    def free_port(self) -> int:
        """A port outside of the range that the kernel gives to clients, different at each call."""
        taken = {row.local for row in tcp_table()}
        while True:
            self.ports += 1
            port = self.ports if self.own else 10000 + (os.getpid() * 7919 + self.ports) % 20000
            if port not in taken:
                return port

    def processes(self) -> Dict[int, int]:
        """{pid: parent} of all processes that descend from the worker."""
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                with contextlib.suppress(OSError, IndexError):
                    text = pathlib.Path("/proc", entry, "stat").read_text(errors="replace", encoding="utf-8")
                    parents[int(entry)] = int(text.rpartition(")")[2].split()[1])
        mine: Dict[int, int] = {}
        added = {os.getpid()}
        while added:
            added = {pid for pid, parent in parents.items() if parent in added and pid not in mine}
            mine.update({pid: parents[pid] for pid in added})
        return mine

    def end_all(self) -> None:
        """Ends every process of the submission, also one that left its session."""
        for _ in range(100):
            if self.own:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(-1, signal.SIGKILL)
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
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


def own_user_namespace() -> bool:
    """Whether this process is in a user namespace with a single user."""
    return pathlib.Path("/proc/self/uid_map").read_text(encoding="ascii").split()[2] == "1"


def guard_memory(sandbox: Sandbox) -> Callable[[], str]:
    """Ends the submission when it uses too much memory. Returns a function that says so, or an empty text."""
    said: List[str] = []
    page = resource.getpagesize()

    def look() -> None:
        while True:
            used = 0
            for pid in sandbox.processes():
                with contextlib.suppress(OSError):
                    used += int(pathlib.Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * page
            if used > MEMORY:
                said.append(f"it used more than {MEMORY // MEBIBYTE} MiB of memory and was ended")
                for pid in sandbox.processes():
                    with contextlib.suppress(OSError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)  # nothing announces that a program grows

    threading.Thread(target=look, daemon=True).start()
    return lambda: said.pop() if said else ""


class TcpRow(NamedTuple):
    """A line of /proc/net/tcp: ports, state, bytes that wait to be read, inode."""
    local: int
    remote: int
    state: int
    unread: int
    inode: str
    address: str


def tcp_table() -> List[TcpRow]:
    """All TCP sockets of this network namespace."""
    rows = []
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in pathlib.Path("/proc/net", name).read_text(encoding="ascii").splitlines()[1:]:
                words = line.split()
                address, _, local = words[1].partition(":")
                rows.append(TcpRow(int(local, 16), int(words[2].partition(":")[2], 16), int(words[3], 16),
                                   int(words[4].partition(":")[2], 16), words[9], address))
    return rows


def is_drained(connection: socket.socket) -> bool:
    """Whether the other side has read all that was sent on this connection."""
    mine, peer = connection.getsockname()[1], connection.getpeername()[1]
    return not any(row.local == peer and row.remote == mine and row.unread for row in tcp_table())


def await_drained(connection: socket.socket, most: float = 0.05) -> None:
    """Waits until the other side has read all that was sent, at most `most` seconds."""
    end = time.monotonic() + most
    with contextlib.suppress(OSError):
        while not is_drained(connection) and time.monotonic() < end:
            time.sleep(0.001)  # nothing tells a sender that its bytes were read


# ---- the origin server ------------------------------------------------------------------------------------------------

def pattern(size: int, salt: int = 0) -> bytes:
    """`size` bytes that contain every value. No two places of 64 KiB are alike, and the first bytes tell size and salt."""
    start = b"body:%d:%d:" % (size, salt) + b"abcdefgh" * 40
    line = bytes((i * 7 + salt) & 0xFF for i in range(256))
    block = b"".join(struct.pack(">I", i) + line[4:] for i in range(256))
    return (start + block * (size // len(block) + 1))[:size]


def lines_of_text(size: int, salt: int = 0) -> bytes:
    """`size` bytes of text. The first line tells size and salt."""
    return (b"body:%d:%d:\n" % (size, salt) + b"".join(b"line %d of a text\n" % i for i in range(size // 10 + 1)))[:size]


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


def parse_fields(lines: Sequence[bytes]) -> List[Tuple[str, str]]:
    """Name and value of each header field."""
    pairs = (line.decode("latin-1").partition(":") for line in lines)
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def parse_request(head: bytes, body: bytes) -> Request:
    """A request from its head; a malformed request line is the method."""
    line, *rest = head[:-4].split(b"\r\n")
    words = line.decode("latin-1").split(" ")
    if len(words) != 3:
        return Request(line.decode("latin-1"), "", "", [], body)
    return Request(words[0], words[1], words[2], parse_fields(rest), body)


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
    """A server on a port of its own. The path of a URL names a function of PAGES, the query its size and salt."""

    def __init__(self, port: int = 0, log: Optional[TextIO] = None, hold: float = 600) -> None:
        self.hold = hold
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen(512)
        self.port: int = self.socket.getsockname()[1]
        self.log = log
        self.visits: List[Visit] = []
        self.changed = threading.Condition()
        self.released = threading.Event()
        self.open: Set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path: str) -> str:
        """The URL of a page such as `/text?4000`."""
        return f"http://127.0.0.1:{self.port}{path}"

    def requests(self) -> List[Request]:
        """All requests that have arrived whole."""
        return [visit.request for visit in list(self.visits) if visit.request is not None]

    def close(self) -> None:
        """Stops listening and ends all connections."""
        self.released.set()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        visit = Visit()
        self.visits.append(visit)
        try:
            connection.settimeout(60)
            while b"\r\n\r\n" not in visit.data:
                piece = connection.recv(65536)
                if not piece or len(visit.data) > MEBIBYTE:
                    return
                visit.data += piece
            end = visit.data.index(b"\r\n\r\n") + 4
            request = parse_request(visit.data[:end], visit.data[end:])
            with self.changed:
                visit.request = request
                self.changed.notify_all()
            if self.log:
                print(request.method, request.target, request.version, file=self.log, flush=True)
            name, size, salt = split_path(request.target)
            PAGES.get(name, page_missing)(self, connection, request, size, salt)
            visit.answered = True
        except OSError:
            pass  # the other side has gone; what that means is for the test to say
        finally:
            self.open.discard(connection)
            connection.close()


def split_path(target: str) -> Tuple[str, int, int]:
    """Name, size and salt of a page such as `/binary?16000&3`."""
    name, _, rest = re.sub("^http://[^/]*", "", target).partition("?")  # also of a proxy that sends the whole URL
    numbers = [int(word) for word in rest.split("&") if word.isdigit()] + [1000, 0]
    return name, numbers[0], numbers[1]


def body_of(target: str) -> bytes:
    """The body that the origin sends for a page."""
    name, size, salt = split_path(target)
    if name.startswith(("/text", "/fast", "/held")):
        return lines_of_text(size, salt)
    return b"" if name == "/empty" else pattern(size, salt)


def head_of(length: int, kind: str = "application/octet-stream") -> bytes:
    """A response head."""
    return f"HTTP/1.0 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()


def page_body(_: Origin, connection: socket.socket, request: Request, _size: int, _salt: int) -> None:
    """Sends the body at once."""
    body = body_of(request.target)
    kind = "text/html" if request.target.startswith("/text") else "application/octet-stream"
    connection.sendall(head_of(len(body), kind) + body)


def page_until_close(_: Origin, connection: socket.socket, request: Request, _size: int, _salt: int) -> None:
    """Sends a body whose end is the end of the connection."""
    connection.sendall(b"HTTP/1.0 200 OK\r\nServer: origin\r\n\r\n" + body_of(request.target))


def page_pieces(_: Origin, connection: socket.socket, request: Request, _size: int, _salt: int) -> None:
    """Sends the response in pieces, each after the proxy has read the one before."""
    body = body_of(request.target)
    head, step = head_of(len(body)), max(1, len(body) // 12)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for data in (head[:9], head[9:-2], head[-2:], *(body[i:i + step] for i in range(0, len(body), step))):
        connection.sendall(data)
        await_drained(connection, 0.2)


def page_held(origin: Origin, connection: socket.socket, request: Request, _size: int, _salt: int) -> None:
    """Sends the response when the test releases it."""
    origin.released.wait(origin.hold)
    body = body_of(request.target)
    connection.sendall(head_of(len(body)) + body)


def page_closes(_: Origin, _connection: socket.socket, _request: Request, _size: int, _salt: int) -> None:
    """Closes without an answer."""


def page_resets(_: Origin, connection: socket.socket, _request: Request, _size: int, _salt: int) -> None:
    """Resets the connection without an answer."""
    abort(connection)


def page_half_head(_: Origin, connection: socket.socket, _request: Request, _size: int, _salt: int) -> None:
    """Closes in the middle of the head."""
    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Le")


def page_cut(_: Origin, connection: socket.socket, request: Request, size: int, _salt: int) -> None:
    """Closes after two fifths of the body."""
    connection.sendall(head_of(size) + body_of(request.target)[:size * 2 // 5])


def page_cut_by_reset(_: Origin, connection: socket.socket, request: Request, size: int, _salt: int) -> None:
    """Resets the connection after two fifths of the body."""
    connection.sendall(head_of(size) + body_of(request.target)[:size * 2 // 5])
    await_drained(connection, 0.2)
    abort(connection)


def page_first_part(origin: Origin, connection: socket.socket, request: Request, size: int, _salt: int) -> None:
    """Sends half of the body, and the other half when the test releases it."""
    body = body_of(request.target)
    connection.sendall(head_of(size) + body[:size // 2])
    origin.released.wait(origin.hold)
    connection.sendall(body[size // 2:])


def page_endless(origin: Origin, connection: socket.socket, _request: Request, _size: int, _salt: int) -> None:
    """Sends until the test is over."""
    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
    piece, end = pattern(65536), time.monotonic() + origin.hold
    while not origin.released.is_set() and time.monotonic() < end:
        connection.sendall(piece)


def page_refuses(_: Origin, connection: socket.socket, _request: Request, _size: int, _salt: int) -> None:
    """Answers at once, without reading the request's body."""
    connection.sendall(b"HTTP/1.0 413 Content Too Large\r\nContent-Length: 4\r\n\r\nfull")
    connection.shutdown(socket.SHUT_WR)
    with contextlib.suppress(OSError):
        connection.settimeout(5)
        while connection.recv(262144):
            pass


def page_digest(_: Origin, connection: socket.socket, request: Request, _size: int, _salt: int) -> None:
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


def page_missing(_: Origin, connection: socket.socket, _request: Request, _size: int, _salt: int) -> None:
    """404."""
    connection.sendall(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")


Page = Callable[[Origin, socket.socket, Request, int, int], None]
PAGES: Dict[str, Page] = {
    "/text": page_body, "/text/a/b.html": page_body, "/binary": page_body, "/empty": page_body, "/fast": page_body,
    "/until-close": page_until_close, "/pieces": page_pieces, "/held": page_held, "/closes": page_closes,
    "/resets": page_resets, "/half-head": page_half_head, "/cut": page_cut, "/cut-by-reset": page_cut_by_reset,
    "/first-part": page_first_part, "/endless": page_endless, "/refuses": page_refuses, "/digest": page_digest,
}


class Budget:
    """Seconds for which the proxy may do nothing. Time for which it waits for a processor does not count, up to 8 times."""

    def __init__(self, seconds: float, starved: Callable[[], float]) -> None:
        self.seconds, self.starved = seconds, starved
        self.began, self.at_first = time.monotonic(), starved()

    def left(self) -> float:
        """What is left; negative when it is used up."""
        passed = time.monotonic() - self.began
        return self.seconds - max(passed - max(0.0, self.starved() - self.at_first), passed / 8)


# ---- the proxy under test ---------------------------------------------------------------------------------------------

class Tail:
    """The last lines that a program wrote to a pipe; a copy goes to `copy`."""

    def __init__(self, copy: Optional[TextIO] = None, most: int = 8192) -> None:
        self.reader, self.writer = os.pipe()
        self.data, self.copy, self.most = b"", copy, most
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        while True:
            piece = os.read(self.reader, 65536)
            if not piece:
                break
            self.data = (self.data + piece)[-self.most:]
            if self.copy:
                with contextlib.suppress(OSError):
                    self.copy.write(piece.decode(errors="replace"))
                    self.copy.flush()
        os.close(self.reader)

    def started(self) -> None:
        """Closes this process's writing end."""
        os.close(self.writer)

    def lines(self, count: int = 6) -> List[str]:
        """The last lines, printable."""
        text = self.data.decode(errors="replace")
        found = [re.sub(r"[^\x20-\x7e\u00a0-\uffff]", "?", line)[:200] for line in text.splitlines() if line.strip()]
        return found[-count:]


SYSTEM_CALLS = {"x86_64": {0: "read", 1: "write", 7: "poll", 23: "select", 34: "pause", 35: "nanosleep", 42: "connect",
                           43: "accept", 44: "sendto", 45: "recvfrom", 46: "sendmsg", 47: "recvmsg", 61: "wait4",
                           202: "futex", 230: "clock_nanosleep", 232: "epoll_wait", 271: "ppoll", 281: "epoll_pwait",
                           288: "accept4"},
                "aarch64": {63: "read", 64: "write", 22: "epoll_pwait", 98: "futex", 101: "nanosleep", 202: "accept",
                            203: "connect", 206: "sendto", 207: "recvfrom", 242: "accept4", 73: "ppoll"}}


class Proxy:
    """The program that is graded: its processes, and what can be seen of them from outside."""

    def __init__(self, run: "Run", valgrind: bool = False) -> None:
        self.sandbox, self.run = run.sandbox, run
        self.tail, self.report = Tail(run.proxy_output), Tail(most=MEBIBYTE) if valgrind else None
        self.port = self.sandbox.free_port()
        self.address = "127.0.0.1"
        command = [*run.command, str(self.port)]
        descriptors: Tuple[int, ...] = ()
        if self.report:
            command = ["valgrind", "--tool=memcheck", "--leak-check=full", "--show-leak-kinds=all", "--track-fds=yes",
                       "--vgdb=no", "--trace-children=yes", f"--log-fd={self.report.writer}", *command]
            descriptors = (self.report.writer,)
        try:
            output: Any = self.tail.writer if run.proxy_output else subprocess.DEVNULL
            self.process = self.sandbox.start(command, stdout=output, stderr=self.tail.writer, pass_fds=descriptors)
        except OSError as error:
            raise Failure(f"it cannot be started: {error.strerror}", "an executable program",
                          "it was built for another kind of machine, or its first line names a missing interpreter"
                          if error.errno in (2, 8) else "", "start") from None
        finally:
            self.tail.started()
            if self.report:
                self.report.started()
        self.pid = self.process.pid
        try:
            self._await_port(run.options.patience * (6 if valgrind else 2))
        except Failure as failure:
            self.end()
            failure.stderr = self.tail.lines()
            raise
        with contextlib.suppress(OSError):
            pathlib.Path(f"/proc/{self.pid}/oom_score_adj").write_text("1000", encoding="ascii")

    def _await_port(self, patience: float) -> None:
        """Waits until the port is in the kernel's table of listening sockets; connects to nothing."""
        ended, budget = 0, Budget(patience, lambda: self.schedule()[1])
        while budget.left() > 0 and ended < 20:
            rows = [row for row in tcp_table() if row.local == self.port and row.state == 0x0A]
            if rows:
                self.pid = self._owner({row.inode for row in rows})
                if all(len(row.address) == 32 and row.address != "0" * 32 for row in rows):
                    self.address = "::1"
                return
            ended += not [pid for pid in self.sandbox.processes() if is_alive(pid)]
            time.sleep(0.005)  # nothing tells when another program begins to listen
        if ended:
            raise Failure(f"it ended before it listened, {self.how_ended()}", "it listens on the port of its argument",
                          "", "start")
        raise Silence("it does not listen on the port of its argument", "a listening socket on that port", "", "start")

    def _owner(self, inodes: Set[str]) -> int:
        """The process that holds the listening socket: of a wrapper the child."""
        for pid in sorted(self.sandbox.processes()):
            with contextlib.suppress(OSError):
                for entry in os.listdir(f"/proc/{pid}/fd"):
                    if os.readlink(f"/proc/{pid}/fd/{entry}")[8:-1] in inodes:
                        return pid
        return self.process.pid

    # -- its life --

    def alive(self) -> bool:
        """Whether it runs."""
        return is_alive(self.pid)

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
        if status is None:
            return "in a way that cannot be seen"
        code = int(status)
        with contextlib.suppress(ValueError):
            return f"by {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
        return f"by signal {-code}"

    def interrupt(self, patience: float) -> Tuple[Optional[int], str]:
        """Sends SIGINT, then SIGTERM. Returns the status (None if it had to be killed) and the signal that ended it."""
        for name in ("SIGINT", "SIGTERM"):
            for pid in [pid for pid in self.sandbox.processes() if is_alive(pid)]:
                with contextlib.suppress(OSError):
                    os.kill(pid, getattr(signal, name))
            budget = Budget(patience if name == "SIGINT" else 2, lambda: self.schedule()[1])
            while budget.left() > 0:
                if not self.alive():
                    return self.status(), name
                time.sleep(0.01)  # a grandchild's end cannot be awaited
        return None, ""

    def end(self) -> None:
        """Ends it and all that it started."""
        self.sandbox.end_all()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        self.tail.thread.join(1)
        if self.report:
            self.report.thread.join(5)

    # -- what can be seen --

    def family(self) -> List[int]:
        """The process that listens, and its descendants."""
        parents = self.sandbox.processes()
        family = [self.pid]
        for pid in family:
            family += [child for child, parent in parents.items() if parent == pid and child not in family]
        return [pid for pid in family if is_alive(pid)]

    def counts(self) -> Tuple[int, int]:
        """The numbers of processes and of threads."""
        family = self.family()
        threads = 0
        for pid in family:
            with contextlib.suppress(OSError):
                threads += len(os.listdir(f"/proc/{pid}/task"))
        return len(family), threads

    def settled_counts(self) -> Tuple[int, int]:
        """The counts when they have not changed for a while."""
        counts, same, end = self.counts(), 0, time.monotonic() + 2
        while same < 10 and time.monotonic() < end:
            time.sleep(0.02)  # threads that start or end cannot be awaited from outside
            again = self.counts()
            counts, same = again, same + 1 if again == counts else 0
        return counts

    def descriptors(self) -> Dict[int, str]:
        """{number: what it is} of the open descriptors."""
        found = {}
        for entry in os.listdir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(OSError):
                found[int(entry)] = os.readlink(f"/proc/{self.pid}/fd/{entry}")
        return found

    def descriptor_info(self, descriptor: int) -> str:
        """The kernel's notes about a descriptor."""
        return pathlib.Path(f"/proc/{self.pid}/fdinfo/{descriptor}").read_text(encoding="ascii")

    def schedule(self) -> Tuple[float, float]:
        """Seconds for which its threads ran, and for which they waited for a processor."""
        running = waiting = 0
        for pid in self.family():
            with contextlib.suppress(OSError, ValueError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    text = pathlib.Path(f"/proc/{pid}/task/{task}/schedstat").read_text(encoding="ascii").split()
                    running, waiting = running + int(text[0]), waiting + int(text[1])
        return running / 1e9, waiting / 1e9

    def busy_share(self, seconds: float) -> float:
        """The share of the next seconds in which it wants to compute."""
        began, (ran, waited) = time.monotonic(), self.schedule()
        time.sleep(seconds)  # how much a program computes can only be seen over a while
        ran_then, waited_then = self.schedule()
        return (ran_then - ran + waited_then - waited) / (time.monotonic() - began)

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


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    with contextlib.suppress(OSError, IndexError):
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace", encoding="utf-8")
        return text.rpartition(")")[2].split()[0] not in "ZX"
    return False


# ---- the stage of one test --------------------------------------------------------------------------------------------

class Answer(NamedTuple):
    """A response as the client received it."""
    status: int
    fields: List[Tuple[str, str]]
    body: bytes
    head: bytes
    reset: bool


def request_bytes(url: str, version: str = "HTTP/1.0", fields: Sequence[Tuple[str, str]] = (), method: str = "GET") -> bytes:
    """A request as curl sends it to a proxy."""
    lines = [f"{method} {url} {version}", f"Host: {url.split('/')[2]}", "User-Agent: driver", "Accept: */*",
             "Proxy-Connection: Keep-Alive", *(f"{name}: {value}" for name, value in fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Stage:
    """What a test works with: a proxy, an origin, and what must be closed at the end."""

    def __init__(self, run: "Run", valgrind: bool = False) -> None:
        self.run, self.valgrind = run, valgrind
        self.patience = max(run.patience, SHORTER) * SLOWER if valgrind else run.patience
        self.stack = contextlib.ExitStack()
        self.origin = Origin(log=run.origin_log)
        self.stack.callback(self.origin.close)
        self.wanted: Tuple[bytes, bytes] = (b"", b"")
        try:
            self.proxy = self._start(valgrind)
        except BaseException:
            self.close()
            raise

    def _start(self, valgrind: bool) -> Proxy:
        """A proxy that listens. One that ends before gets a second chance on another port."""
        self.stack.callback(self.run.sandbox.end_all)
        try:
            proxy = Proxy(self.run, valgrind)
        except Silence:
            raise
        except Failure:
            proxy = Proxy(self.run, valgrind)
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
        """Seconds for which the proxy and this program waited for a processor."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            own = pathlib.Path("/proc/self/schedstat").read_text(encoding="ascii").split()
            return self.proxy.schedule()[1] + int(own[1]) / 1e9
        return 0.0

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

    def send(self, client: socket.socket, data: bytes) -> None:
        """Sends all; raises Silence when the proxy reads none of it."""
        client.setblocking(False)
        view = memoryview(data)
        while view:
            if not self.wait(lambda seconds: bool(select.select([], [client], [], seconds)[1])):
                raise Silence("it stopped reading the request", "the whole request is read")
            with contextlib.suppress(BlockingIOError):
                view = view[client.send(view):]
        client.setblocking(True)

    # -- the client --

    def connect(self, small_window: bool = False) -> socket.socket:
        """A connection to the proxy."""
        client = socket.socket(socket.AF_INET6 if ":" in self.proxy.address else socket.AF_INET)
        if small_window:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
        client.settimeout(self.patience)
        try:
            client.connect((self.proxy.address, self.proxy.port))
        except socket.timeout:
            client.close()
            raise Silence("it accepts no more connections", "every client is accepted") from None
        except OSError as error:
            client.close()
            raise Failure(f"connecting to it failed: {error.strerror}", "every client is accepted") from None
        return client

    def ask(self, path: str, small_window: bool = False, **how: Any) -> socket.socket:
        """A connection on which a request for a page has been sent. The test closes it, or the end of the test does."""
        client = self.keep(self.connect(small_window))
        client.sendall(request_bytes(path if path.startswith("http:") else self.origin.url(path), **how))
        return client

    def read_answer(self, client: socket.socket, most: int = MEBIBYTE) -> Answer:
        """Reads until the response is whole by its Content-Length, or the connection ends. Bounded in bytes and time."""
        data, reset, budget = b"", False, Budget(4 * self.patience + 10, self.starved)
        pieces: List[bytes] = []
        have, length, head = 0, -1, b""
        while length < 0 or have < length:
            ensure(budget.left() > 0, "its answer came too slowly to end", "the whole answer in time")
            try:
                piece = self.receive(client)
            except ConnectionResetError:
                reset = True
                break
            if not piece:
                break
            if not head:
                data += piece
                ensure(b"\r\n\r\n" in data or len(data) <= HEAD_LIMIT, f"the head of its answer does not end within "
                       f"{HEAD_LIMIT} bytes", "the head of the server's answer", "", "endless head")
                if b"\r\n\r\n" not in data:
                    continue
                head, _, piece = data.partition(b"\r\n\r\n")
                length = length_of(head, most)
            pieces.append(piece)
            have += len(piece)
            ensure(have <= most + HEAD_LIMIT, f"its answer has more than {most + HEAD_LIMIT} bytes",
                   "as many bytes as the server sent", "", "endless body")
        return parse_answer(head, b"".join(pieces) if head else data, reset)

    def fetch(self, path: str, **how: Any) -> Answer:
        """The response to a request for a page."""
        most = len(body_of(path)) + 1024
        try:
            client = self.ask(path, **how)
            answer = self.read_answer(client, most)
            if length_of(answer.head, most) == len(answer.body):
                answer = answer._replace(body=answer.body + self.more(client))
            client.close()
            return answer
        except OSError as error:
            raise Failure(f"the connection broke: {error.strerror}", "an answer") from None

    def more(self, client: socket.socket) -> bytes:
        """Bytes that follow a whole response."""
        with contextlib.suppress(OSError):
            if select.select([client], [], [], 0.05)[0]:
                return client.recv(4096)
        return b""

    def expect(self, path: str, **how: Any) -> Answer:
        """Fetches a page and compares its body."""
        return self.check(self.fetch(path, **how), path)

    def check(self, answer: Answer, path: str) -> Answer:
        """Raises a Failure if it is not the response of that page."""
        body = body_of(path)
        if answer.status != 200:
            came = f"status {answer.status} came" if answer.status else (
                "the connection was closed without an answer" if not answer.body else
                f"what came has no status line: {quoted(answer.body)}")
            raise Failure(came, "status 200, as the server said")
        if answer.body != body:
            raise body_failure(answer, body)
        return answer

    def finish(self, client: socket.socket, path: str) -> None:
        """Reads the answer to a request that was sent before, and compares it."""
        try:
            self.check(self.read_answer(client, len(body_of(path)) + 1024), path)
        except OSError as error:
            raise Failure(f"the connection broke: {error.strerror}", "an answer") from None

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


def parse_answer(head: bytes, body: bytes, reset: bool) -> Answer:
    """A response from its head and body."""
    line, *rest = head.split(b"\r\n")
    found = re.match(rb"HTTP/\d\.\d (\d{3})", line)
    return Answer(int(found[1]) if found else 0, parse_fields(rest), body, head, reset)


def side_by_side(functions: Sequence[Callable[[], Any]]) -> None:
    """Runs functions in threads; raises the first exception of them."""
    failures: List[Exception] = []

    def guarded(function: Callable[[], Any]) -> None:
        try:
            function()
        except Exception as failure:  # pylint: disable=broad-except  # it is raised again below
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(function,), daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


# ---- the tests: basic -------------------------------------------------------------------------------------------------

def plain_text(stage: Stage) -> None:
    """A small text; then what the server received."""
    stage.expect("/text/a/b.html?4000")
    request = stage.last()
    ensure(request.method == "GET", f"the method that the server received was {request.method!r}", "GET")
    ensure(request.target == "/text/a/b.html?4000", f"the server was asked for {request.target!r}",
           "the path alone (/text/a/b.html?4000)", "a web server wants a path and the query, not the whole URL", "target")
    connection = " ".join(request.values("connection")).lower()
    ends = request.version == "HTTP/1.0" and "keep-alive" not in connection
    ensure(ends or (request.version == "HTTP/1.1" and "close" in connection),
           f"the server was asked for {request.version!r} with Connection: {connection or '(none)'}",
           "HTTP/1.0 without keep-alive, or Connection: close",
           "the server may keep the connection open, so that its end does not mark the end of the answer", "version")


def as_curl(stage: Stage) -> None:
    """A request with HTTP/1.1 in its first line."""
    stage.expect("/text?300", version="HTTP/1.1")


def host(stage: Stage) -> None:
    """The Host field, with the port."""
    stage.expect("/text?100")
    hosts = stage.last().values("host")
    ensure(hosts == [f"127.0.0.1:{stage.origin.port}"], f"the server received Host: {', '.join(hosts) or '(none)'}",
           f"Host: 127.0.0.1:{stage.origin.port}, once", "Host is made from the URL, with the port unless it is 80", "host")


def query(stage: Stage) -> None:
    """A query, and a request of about 1,000 bytes."""
    stage.expect("/text?70&1&a=1&b=%20c&d=http://x/:80")
    path = "/text?80&2&"
    path += "q" * (1000 - len(request_bytes(stage.origin.url(path))))
    stage.expect(path)
    got = stage.last().target
    ensure(got == path, f"the server was asked for a path of {len(got)} bytes", f"all {len(path)} bytes", "", "target")


def binary(stage: Stage) -> None:
    """A body with every value of a byte."""
    stage.expect("/binary?9000")


def empty(stage: Stage) -> None:
    """An empty body."""
    stage.expect("/empty")


def largest(stage: Stage) -> None:
    """A response of the largest size in the handout."""
    stage.expect("/binary?16250&5")


def until_close(stage: Stage) -> None:
    """A body without Content-Length."""
    client = stage.ask("/until-close?12000&3")
    try:
        stage.finish(client, "/until-close?12000&3")
    except Silence:
        raise Silence("the connection to the client stayed open after the server had closed its own", "the end of the "
                      "connection, after the whole body", "close the client's socket when read() from the server returns 0",
                      "close") from None


def send_slowly(stage: Stage, pieces: Sequence[bytes], path: str) -> None:
    """Sends a request in pieces, each after the proxy has read the one before."""
    with stage.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                client.sendall(piece)
                await_drained(client)
        except OSError:
            with contextlib.suppress(OSError, Silence):
                answer = stage.read_answer(client)
                if answer.status == 200:
                    stage.check(answer, path)
            raise Failure(f"it closed the connection in the middle of a request that came in {len(pieces)} pieces",
                          "it waits for the rest of the request", LIKELY["slow request"], "slow request") from None
        try:
            stage.finish(client, path)
        except Silence:
            raise Silence(f"no answer came to a request that was sent in {len(pieces)} pieces", "an answer",
                          LIKELY["slow request"], "slow request") from None


def slow_request(stage: Stage) -> None:
    """A request byte by byte; then the end of the head in two pieces, at each place."""
    whole = request_bytes(stage.origin.url("/text?50&9"))
    step = 16 if stage.valgrind else 1
    places = [i for i in range(len(whole)) if i % (step if i < 60 or i > len(whole) - 12 else 16) == 0] + [len(whole)]
    send_slowly(stage, [whole[start:end] for start, end in zip(places, places[1:])], "/text?50&9")
    for cut in range(1, 4):
        path = f"/text?50&{cut}"
        whole = request_bytes(stage.origin.url(path))
        send_slowly(stage, [whole[:-cut], whole[-cut:]], path)


def slow_answer(stage: Stage) -> None:
    """A response in pieces."""
    stage.expect("/pieces?9000&1")


def slow_both(stage: Stage) -> None:
    """A request in pieces and a response in pieces."""
    path = "/pieces?3000&2"
    whole = request_bytes(stage.origin.url(path))
    send_slowly(stage, [whole[i:i + 7] for i in range(0, len(whole), 7)], path)


def one_after_another(stage: Stage) -> None:
    """Twelve requests of different lengths."""
    for i in range(12):
        path = f"/binary?{200 + 5000 * (i % 3)}&{i}" + "&" + "x" * (400 if i % 2 == 0 else 1)
        stage.expect(path)


def by_name(stage: Stage) -> None:
    """A host name, and port 80."""
    if not stage.run.sandbox.own:
        raise Untestable("port 80 and a name need a network namespace; run as root, or allow user namespaces")
    try:
        socket.gethostbyname(NAME)
    except OSError:
        raise Untestable("there is no /etc/hosts that the sandbox could replace") from None
    origin = Origin(80)
    stage.stack.callback(origin.close)
    stage.expect(f"http://{NAME}/text?60")
    hosts = [request.values("host") for request in origin.requests()][-1]
    ensure(hosts in ([NAME], [f"{NAME}:80"]), f"the server received Host: {', '.join(hosts) or '(none)'}",
           f"Host: {NAME}", "", "host")


def fields_kept(stage: Stage) -> None:
    """Fields that the proxy does not know."""
    mine = [("Cookie", "a=1; b=2"), ("X-Unknown", "kept"), ("Accept-Language", "de")]
    stage.expect("/text?100", fields=mine)
    missing = [name for name, value in mine if value not in stage.last().values(name.lower())]
    ensure(not missing, f"these fields did not reach the server: {', '.join(missing)}", "the client's fields, unchanged")


def close_announced(stage: Stage) -> None:
    """Connection: close and Proxy-Connection: close."""
    stage.expect("/text?100")
    for name in ("connection", "proxy-connection"):
        values = stage.last().values(name)
        ensure([value.lower() for value in values] == ["close"],
               f"the server received {name}: {', '.join(values) or '(none)'}", f"{name}: close, once")


def large(stage: Stage) -> None:
    """A body of 6 MiB."""
    stage.expect(f"/binary?{6 * MEBIBYTE}")


def long_url(stage: Stage) -> None:
    """A URL of 3,900 bytes."""
    stage.expect("/text?90&3&" + "long" * 965)


def upload(stage: Stage) -> None:
    """A request with a body of 3 MiB."""
    body = pattern(3 * MEBIBYTE, 9)
    client = stage.ask("/digest", method="POST", fields=[("Content-Length", str(len(body)))])
    stage.send(client, body)
    answer = stage.read_answer(client)
    ensure(answer.body == hashlib.sha256(body).hexdigest().encode(), f"status {answer.status} came, and another digest of "
           "the request's body", "the whole body reaches the server")


def early_answer(stage: Stage) -> None:
    """A server that answers before it has read the request's body."""
    client = stage.ask("/refuses", method="POST", fields=[("Content-Length", str(HUGE))])
    with contextlib.suppress(OSError):
        client.sendall(pattern(65536))
    answer = stage.read_answer(client)
    ensure(answer.status == 413, f"status {answer.status} came", "status 413, as the server said")
    stage.works()


def streaming(stage: Stage) -> None:
    """The first half of a body, while the server waits before the second."""
    client, path = stage.ask("/first-part?20000"), "/first-part?20000"
    got = b""
    while len(got) < 10000:
        try:
            piece = stage.receive(client)
        except Silence:
            raise Silence(f"{len(got)} bytes came while the server paused after 10,000", "what the server sent is passed "
                          "on at once", "the whole answer is read before any of it is sent") from None
        ensure(piece, "the connection ended", "the first half of the answer")
        got += piece
    stage.origin.released.set()
    while True:
        piece = stage.receive(client)
        if not piece or len(got) > 40000:
            break
        got += piece
        if got.endswith(body_of(path)):
            break
    ensure(got.endswith(body_of(path)), "the second half did not follow", "the whole body")


# ---- the tests: concurrency -------------------------------------------------------------------------------------------

def many_for(stage: Stage) -> Tuple[int, int]:
    """How many requests are held at a time, and how many are sent beside them: a pool has eight workers."""
    return (6, 12) if stage.run.mode in ("threadpool", "processpool") else (50, 50)


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
                      "wait for the server", LIKELY["together"], "together") from None
    others()
    stage.origin.released.set()
    for client, path in zip(clients, paths):
        try:
            stage.finish(client, path)
        except Silence:
            raise Silence("a request that waited for the server was not answered afterwards", "an answer, as soon as the "
                          "server answers", LIKELY["edge"], "edge") from None
        client.close()
    stage.origin.released.clear()


def fast_ones(stage: Stage, count: int, likely: str = "blocking") -> None:
    """Requests side by side that the server answers at once."""
    try:
        side_by_side([functools.partial(stage.expect, f"/fast?{1500 + i}&{i}") for i in range(count)])
    except Silence as silence:
        raise Silence(f"a request beside others got no answer ({silence.did})", "it is served while the others wait",
                      LIKELY[likely], silence.cause or likely) from None


def fast_before_slow(stage: Stage) -> None:
    """One request while another waits for its server."""
    held_while(stage, lambda: fast_ones(stage, 1, "serial"))


def five_and_five(stage: Stage) -> None:
    """Five requests while five others wait."""
    held_while(stage, lambda: fast_ones(stage, 5), 5)


def many(stage: Stage) -> None:
    """As many as the model allows."""
    held, fast = many_for(stage)
    held_while(stage, lambda: fast_ones(stage, fast, "edge"), held, 2000)


def half_requests(stage: Stage) -> None:
    """Clients that have sent half a request, and others beside them."""
    path = "/text?70"
    whole = request_bytes(stage.origin.url(path))
    clients = [stage.keep(stage.connect()) for _ in range(min(20, many_for(stage)[0] - 1))]
    for i, client in enumerate(clients):
        client.sendall(whole[:1 + i * 3])
    fast_ones(stage, 5)
    for i, client in enumerate(clients):
        client.sendall(whole[1 + i * 3:])
    for client in clients:
        try:
            stage.finish(client, path)
        except Silence:
            raise Silence("a request whose second half came later got no answer", "an answer", LIKELY["slow request"],
                          "slow request") from None


def burst(stage: Stage) -> None:
    """Many connections in one go, each with a request."""
    for _ in range(2):
        connect_at_once(stage, 40 if stage.run.mode in ("epoll", "multithread", "multiprocess") else 16)


def connect_at_once(stage: Stage, count: int) -> None:
    """Connects without waiting, so that the proxy finds many clients at a time."""
    family = socket.AF_INET6 if ":" in stage.proxy.address else socket.AF_INET
    clients = [stage.keep(socket.socket(family)) for _ in range(count)]
    for client in clients:
        client.setblocking(False)
        client.connect_ex((stage.proxy.address, stage.proxy.port))
    paths = [f"/fast?{600 + i}&{i}" for i in range(count)]
    for client, path in zip(clients, paths):
        ensure(stage.wait(lambda seconds, client=client: bool(select.select([], [client], [], seconds)[1])),  # type: ignore
               "a client could not connect", "all are accepted")
        client.setblocking(True)
        client.settimeout(stage.patience)
        with contextlib.suppress(OSError):
            client.sendall(request_bytes(stage.origin.url(path)))
    for i, (client, path) in enumerate(zip(clients, paths)):
        try:
            stage.finish(client, path)
        except Silence:
            raise Silence(f"of {count} clients that connected at a time, number {i + 1} got no answer", "all are served",
                          LIKELY["together"], "together") from None
        client.close()


def model(stage: Stage) -> None:
    """The concurrency model while five requests wait."""
    stage.works()
    at_rest = stage.proxy.settled_counts()
    if stage.run.mode == "epoll":
        held_while(stage, lambda: check_epoll(stage.proxy), 5)
    else:
        held_while(stage, lambda: check_model(stage, at_rest), 5)


def check_epoll(proxy: Proxy) -> None:
    """One thread, all sockets non-blocking, and edge-triggered where epoll watches them."""
    processes, threads = proxy.counts()
    ensure(processes == 1, f"it has {processes - 1} child processes", "one process", LIKELY["model"], "model")
    ensure(threads == 1, f"it has {threads} threads", "one thread", LIKELY["model"], "model")
    found = proxy.descriptors()
    sockets = {descriptor for descriptor, what in found.items() if what.startswith("socket:")}
    pollers = [descriptor for descriptor, what in found.items() if "eventpoll" in what]
    ensure(pollers, "it has no epoll instance", "epoll watches its sockets", LIKELY["model"], "model")
    listeners = {row.inode for row in tcp_table() if row.state == 0x0A}
    for descriptor in sockets:
        with contextlib.suppress(OSError):
            flags = re.search(r"flags:\s*([0-7]+)", proxy.descriptor_info(descriptor))
            ensure(flags and int(flags[1], 8) & os.O_NONBLOCK, f"socket {descriptor} is blocking", "every socket is "
                   "non-blocking", "fcntl(fd, F_SETFL, flags | O_NONBLOCK) is missing for some sockets", "model")
    watched = {}
    for descriptor in pollers:
        for number_, events in re.findall(r"tfd:\s*(\d+) events:\s*([0-9a-f]+)", proxy.descriptor_info(descriptor)):
            watched[int(number_)] = int(events, 16)
    ensure(watched, "nothing is registered with epoll", "epoll watches its sockets", LIKELY["model"], "model")
    level = [descriptor for descriptor, events in watched.items() if descriptor in sockets and not events & 0x80000000
             and found[descriptor][8:-1] not in listeners]
    ensure(not level, f"{len(level)} sockets are watched level-triggered", "edge-triggered (EPOLLET)", LIKELY["model"], "model")


def check_model(stage: Stage, at_rest: Tuple[int, int]) -> None:
    """The other labs' models: processes and threads at rest, and with five requests under way."""
    (few_processes, few_threads), (processes, threads) = at_rest, stage.proxy.counts()
    more_threads = threads - processes > few_threads - few_processes
    more_processes = processes > few_processes
    kinds = {"multiprocess": more_processes, "processpool": few_processes > 2 and not more_processes,
             "multithread": more_threads and not more_processes,
             "threadpool": few_threads > 2 and not more_threads and few_processes == 1}
    ensure(kinds[stage.run.mode], f"{few_processes} processes and {few_threads} threads at rest, {processes} and {threads} "
           "with five requests under way", f"what {stage.run.mode} means", LIKELY["model"], "model")


def rests(stage: Stage) -> None:
    """Whether it sleeps while all wait."""
    def rest() -> None:
        share = min(stage.proxy.busy_share(0.6), stage.proxy.busy_share(0.3))
        ensure(share < 0.5, f"it used {100 * min(1.0, share):.0f} % of a processor while five requests waited",
               "it sleeps until something happens", LIKELY["busy"], "busy")
    held_while(stage, rest, 5)


def stopped_reader(stage: Stage) -> None:
    """A client that does not read for a while; buffers are small, so that 16,000 bytes do not fit."""
    if not stage.run.sandbox.own:
        raise Untestable("small socket buffers need a network namespace; run as root, or allow user namespaces")
    path = "/binary?16000&8"
    client = stage.ask(path, small_window=True)
    stage.await_requests(1)
    await_stall(stage, client)
    fast_ones(stage, 4)
    read_on(stage, client, path)


def await_stall(stage: Stage, client: socket.socket) -> None:
    """Waits until the bytes that wait for the client become no more."""
    before, same, end = -1, 0, time.monotonic() + stage.patience
    while same < 10 and time.monotonic() < end:
        time.sleep(0.02)  # that nothing more comes can only be seen over a while
        unread = struct.unpack("i", fcntl.ioctl(client, 0x541B, b"\0" * 4))[0]  # FIONREAD
        before, same = unread, same + 1 if unread == before and unread else 0


def read_on(stage: Stage, client: socket.socket, path: str) -> None:
    """Reads the rest of an answer."""
    wanted = len(body_of(path))
    try:
        answer = stage.read_answer(client, wanted + 1024)
    except Silence as silence:
        raise Silence(f"a client that read nothing for a while did not get the rest ({silence.did})", "every byte, when it "
                      "reads on", LIKELY["short write"], "short write") from None
    if 0 < len(answer.body) < wanted:
        failure = body_failure(answer, body_of(path))
        if failure.cause != "cut":
            raise failure
        raise Failure(f"a client that read nothing for a while got {len(answer.body)} of {wanted} bytes, then the end",
                      "every byte, when it reads on", LIKELY["short write"], "short write")
    stage.check(answer, path)


def stopped_reader_of_much(stage: Stage) -> None:
    """A client that does not read for a while; 24 MiB, which the proxy must not hold in memory."""
    path = f"/binary?{HUGE}&8"
    client = stage.ask(path, small_window=True)
    stage.await_requests(1)
    await_stall(stage, client)
    fast_ones(stage, 4)
    answered = stage.origin.visits[0].answered
    read_on(stage, client, path)
    ensure(not answered, "it took all 24 MiB from the server while its client read nothing", "backpressure: it reads no "
           "faster than its client", "the whole answer is kept in memory")


def hanging_connect(stage: Stage) -> None:
    """Servers that do not accept the connection."""
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
    """Small requests beside an answer that never ends."""
    client = stage.ask("/endless")
    stage.await_requests(1)

    def read() -> None:
        with contextlib.suppress(OSError, ValueError):
            while client.recv(262144):
                pass

    threading.Thread(target=read, daemon=True).start()
    for _ in range(4):
        fast_ones(stage, 5, "starve")


def flooding_client(stage: Stage) -> None:
    """Small requests beside a client that sends without end."""
    client = stage.ask("/held?100")

    def flood() -> None:
        piece = pattern(65536)
        with contextlib.suppress(OSError):
            while not stage.origin.released.is_set():
                client.sendall(piece)

    stage.await_requests(1)
    threading.Thread(target=flood, daemon=True).start()
    for _ in range(3):
        fast_ones(stage, 5, "starve")


def stopped_and_continued(stage: Stage) -> None:
    """SIGSTOP and SIGCONT, which make epoll_wait() return EINTR."""
    stage.works()
    for _ in range(3):
        for pid in stage.proxy.family():
            os.kill(pid, signal.SIGSTOP)
        time.sleep(0.05)  # a stop cannot be awaited by a process that is not the parent
        for pid in stage.proxy.family():
            os.kill(pid, signal.SIGCONT)
    time.sleep(0.1)
    stage.works()


# ---- the tests: clients and servers that leave ------------------------------------------------------------------------

def abused(stage: Stage, leave: Callable[[], Any]) -> None:
    """Does `leave` a few times. Then a request must be served, and no descriptor may be left."""
    stage.works()
    if stage.valgrind:
        leave()
        stage.works()
        return
    before = settled_descriptors(stage)
    for _ in range(2):  # what is opened once and kept for later use does not count: a leak grows each time
        for _ in range(3):
            leave()
        stage.works()
        after = settled_descriptors(stage, before)
        if after <= before:
            return
        more, before = after - before, after
    raise Failure(f"{more} descriptors more are open than before", "the sockets of a request are closed when it ends",
                  LIKELY["descriptor"], "descriptor")


def settled_descriptors(stage: Stage, wanted: int = 0) -> int:
    """How many descriptors are open. If there are more than `wanted`, they get time to become fewer."""
    def few(seconds: float) -> bool:
        time.sleep(min(seconds, 0.05))  # nothing tells when another program closes a descriptor
        return len(stage.proxy.descriptors()) <= wanted
    with contextlib.suppress(OSError):
        stage.wait(few, 0.2 if not wanted else 0.5 if "descriptor" in stage.run.known else 2)
        return len(stage.proxy.descriptors())
    return 0


def comes_and_goes(stage: Stage) -> None:
    """Clients that connect and close, or reset."""
    def leave() -> None:
        for _ in range(6):
            stage.connect().close()
        for _ in range(6):
            abort(stage.connect())
    abused(stage, leave)


def leaves_in_request(stage: Stage) -> None:
    """Clients that leave in the middle of their request."""
    whole = request_bytes(stage.origin.url("/text?10"))

    def leave() -> None:
        for end in (socket.socket.close, abort):
            client = stage.connect()
            client.sendall(whole[:30])
            await_drained(client)
            end(client)
    abused(stage, leave)


def leaves_while_waiting(stage: Stage) -> None:
    """Clients that leave while the server prepares its answer."""
    def leave() -> None:
        stage.origin.released.clear()
        for end in (abort, socket.socket.close):
            before = len(stage.origin.requests())
            client = stage.ask("/held?9000")
            if stage.run.mode in ("epoll", "multithread", "multiprocess"):
                stage.await_requests(before + 1)
            end(client)
        stage.origin.released.set()
    abused(stage, leave)


def leaves_in_answer(stage: Stage) -> None:
    """Clients that leave after the first bytes of the answer."""
    def leave() -> None:
        for end in (abort, socket.socket.close):
            stage.origin.released.clear()
            before = len(stage.origin.requests())
            client = stage.ask("/first-part?15000", small_window=True)
            stage.await_requests(before + 1)
            await_stall_or(client, 0.05)
            end(client)
            stage.origin.released.set()
    abused(stage, leave)


def await_stall_or(client: socket.socket, seconds: float) -> None:
    """Waits for the first bytes, which a proxy that reads the whole answer first does not send."""
    select.select([client], [], [], seconds)


def leaves_in_large_answer(stage: Stage) -> None:
    """Clients that leave in the middle of 6 MiB."""
    def leave() -> None:
        for end in (abort, socket.socket.close):
            client = stage.ask(f"/binary?{6 * MEBIBYTE}", small_window=True)
            stage.receive(client, 500)
            end(client)
    abused(stage, leave)


def server_ends(path: str, whole: int, stage: Stage) -> None:
    """The server ends early. The client must see an end, and an error or fewer than `whole` bytes."""
    def ask() -> None:
        client = stage.ask(path)
        try:
            answer = stage.read_answer(client, 70000)
        except OSError:
            return
        except Silence:
            raise Silence("the server had ended, and the client's connection stayed open in silence", "the client's "
                          "connection ends, or an error response comes", LIKELY["close"], "close") from None
        finally:
            client.close()
        ensure(answer.status >= 500 or not whole or len(answer.body) < whole, f"{len(answer.body)} bytes came, of which the "
               f"server sent {whole * 2 // 5}", "the client can see that the answer was cut")
    abused(stage, ask)


def not_reached(stage: Stage) -> None:
    """A port that refuses, and a name that does not exist."""
    def ask() -> None:
        for url in (f"http://127.0.0.1:{stage.run.sandbox.free_port()}/", "http://no-such-host.invalid/"):
            client = stage.ask(url)
            try:
                answer = stage.read_answer(client)
            except OSError:
                continue
            except Silence:
                raise Silence(f"{url} cannot be reached, and the client's connection stayed open in silence", "an error "
                              "response, or the end of the connection", LIKELY["name"], "name") from None
            finally:
                client.close()
            ensure(answer.status != 200, f"{url} cannot be reached, and status 200 came", "an error response, or a close",
                   "", "mixed" if answer.body.startswith(b"body:") else "")
    abused(stage, ask)


def nonsense(stage: Stage) -> None:
    """Clients that do not speak HTTP."""
    def talk() -> None:
        for words in (b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
                      b"GET http:// HTTP/1.0\r\n\r\n", b"GET http://127.0.0.1:99999/ HTTP/1.0\r\n\r\n"):
            with stage.connect() as client, contextlib.suppress(OSError):
                client.sendall(words)
                client.shutdown(socket.SHUT_WR)
                select.select([client], [], [], 0.2)
    abused(stage, talk)


def cached(stage: Stage) -> None:
    """Files that were fetched before, when the server is gone."""
    paths = [f"/binary?3000&{i}" for i in range(3)]
    for path in paths:
        stage.expect(path)
    stage.origin.close()
    for path in paths:
        stage.expect(path)


# ---- the table of tests -----------------------------------------------------------------------------------------------

LIKELY = {
    "slow request": "the request is taken as whole after the first read(); read on until \\r\\n\\r\\n has come",
    "edge": "edge-triggered epoll reports once: accept and read until EAGAIN, or the rest is never reported",
    "together": "clients that connect at the same moment get lost: accept() in a loop until EAGAIN, and give each a record "
                "of its own",
    "serial": "one request is served at a time: a call waits for the server or the client while others wait",
    "blocking": "a call (read, write, connect) waits for one connection while all others wait",
    "connect": "connect() waits; make the socket non-blocking before it, and wait until it is writable",
    "starve": "a connection that always has more to read is read for ever; give each a share",
    "model": "the concurrency is not of the kind that the mode asks for",
    "busy": "the loop goes round without waiting: a timeout of 0, or level-triggered EPOLLOUT",
    "short write": "send() took fewer bytes than asked, or gave EAGAIN, and the rest was dropped; keep an offset, and "
                   "go on when the socket is writable",
    "descriptor": "a descriptor is not closed when its request ends (on an error path?)",
    "close": "the client's socket is not closed when the server has ended",
    "name": "a host that is not found, or refuses, must end in an error response or a close",
    "SIGPIPE": "writing to a connection that is gone raises SIGPIPE, which ends a program; ignore it, or use MSG_NOSIGNAL",
    "EINTR": "epoll_wait() or another call was interrupted by a signal (EINTR), and that was taken as an error that ends "
             "the program; call it again",
    "ECONNRESET": "an error of one connection (ECONNRESET, EPIPE) ends the program; end only that request",
    "spin": "the loop goes round and round: read() returned 0 (the other side has closed), and that is not handled",
    "string": "the body is handled with string functions (strlen, strcpy, printf %s), which end at a NUL",
    "buffer": "the answer must fit in one buffer, and what does not fit is dropped",
    "memory": "memory is used that was freed, never written, or out of bounds; -fsanitize=address shows the place",
    "lost": "memory of a request is not freed when it ends (on an error path?)",
    "stale": "something of an earlier request stays: its buffer, its length or its state",
    "mixed": "two requests share one buffer or one record",
    "cache": "a file that was fetched before is not kept",
    "shutdown": "SIGINT does not end the loop: set a flag in the handler, leave the loop, free all, return from main",
}

# The sentences on which the tests stand. A lab that has none of its own takes the one of "all".
QUOTES: Dict[str, Dict[str, str]] = {
    "basic": {"byu": "Your proxy will retrieve a request from the upstream HTTP server. (20 pts basic proxy operation)",
              "cmu": "Your proxy should read the server's response and forward it to the client.",
              "strict": "RFC 9110, 3.7: A proxy is a message-forwarding agent."},
    "target": {"byu": "The URL in the first line, as received from the client, was changed to be a path (plus query "
                      "string). The protocol is always \"HTTP/1.0\".",
               "cmu": "Modern web browsers will generate HTTP/1.1 requests, but your proxy should handle them and forward "
                      "them as HTTP/1.0 requests.",
               "strict": "RFC 9112, 3.2.1: A client MUST send only the absolute path and query components of the target "
                         "URI as the request-target to an origin server."},
    "query": {"byu": "The path should include not only the file path, but also the query string, if any. (Note that the "
                     "request will not exceed 1024 bytes.)",
              "cmu": "The proxy should parse the request into at least the hostname, and the path or query and everything "
                     "following it.",
              "strict": "RFC 9112, 3: It is RECOMMENDED to support request-line lengths of at least 8000 octets."},
    "host": {"byu": "The value for the \"Host\" field will be either hostname:port or simply hostname, if the port is the "
                    "default HTTP port.",
             "cmu": "Always send a Host header. If web browsers attach their own Host headers, your proxy should use the "
                    "same Host header as the browser.",
             "strict": "RFC 9112, 3.2: A client MUST send a Host header field in all HTTP/1.1 request messages."},
    "response": {"byu": "Send the HTTP response back to the client, exactly as it was received from the server. (Note that "
                        "the size of the response will not exceed 16384 bytes.)",
                 "cmu": "Your proxy should read the server's response and forward it to the client.",
                 "strict": "RFC 9110, 7.7: A proxy MUST NOT modify the content of a message unless it transforms it."},
    "end": {"byu": "Since this is HTTP/1.0, this is when the call to read() returns 0, indicating that the server has "
                   "closed the connection. When you have written the entire HTTP response, close your client socket.",
            "cmu": "Always send Connection: close: your proxy intends to close connections after the first "
                   "request/response exchange.",
            "strict": "RFC 9112, 6.3: The message body length is determined by the number of octets received prior to the "
                      "server closing the connection."},
    "partial": {"byu": "You won't always be able to receive or send all your data with a single call to read() or write(). "
                       "Loop to read until you have read the entire HTTP request.",
                "all": "TCP is a byte stream (RFC 9293, 2.2): the sizes of reads say nothing about messages."},
    "fields": {"cmu": "If a browser sends any additional request headers, your proxy should forward them unchanged.",
               "strict": "RFC 9110, 5.1: A proxy MUST forward unrecognized header fields."},
    "announce": {"cmu": "Always send Connection: close. Always send Proxy-Connection: close."},
    "name": {"byu": "If no port is specified in the URL, then it should be populated with \"80\", the default port for "
                    "HTTP. Use getaddrinfo().",
             "all": "Your proxy must function whether or not the port number is included in the URL."},
    "concurrent": {"byu": "75 pts for handling concurrent requests (with epoll and non-blocking sockets). You may not use "
                          "blocking I/O.",
                   "cmu": "Your proxy should deal with multiple concurrent connections.",
                   "strict": "One slow connection must not delay the others."},
    "accept": {"byu": "If an event corresponds to the listen socket, you should loop to accept() any and all client "
                      "connections.", "all": "Every client that connects is served."},
    "state": {"byu": "Keep track of all the state associated with a given HTTP request. Sharing those variables across "
                     "multiple concurrent client requests would really mess things up!",
              "all": "Each request has a state of its own."},
    "model": {"byu": "Your server will not spawn any additional threads or processes (it will be single-threaded), and all "
                     "sockets will be set to nonblocking, using edge-triggered monitoring.",
              "cmu": "Once you have a working sequential proxy, alter it to handle multiple requests simultaneously, with a "
                     "thread for each connection or a pool.",
              "strict": "The model that the mode names."},
    "rests": {"byu": "Start an epoll_wait() loop, with a timeout of 1 second.",
              "all": "A program that has nothing to do sleeps."},
    "again": {"byu": "write() returns a value less than 0 and errno is EAGAIN: you will continue writing when you are "
                     "notified by epoll that you can write again.",
              "all": "write() may take fewer bytes than asked (POSIX)."},
    "error": {"byu": "If errno is anything else, this is an error: close both sockets, and free the memory associated with "
                     "the request.",
              "cmu": "Servers are typically long-running processes. For many kinds of errors, it is inappropriate for your "
                     "proxy to immediately exit. No descriptor leaks.",
              "strict": "An error of one connection ends that connection only."},
    "malformed": {"cmu": "Your proxy should never prematurely abort due to a malformed request.",
                  "strict": "RFC 9112, 2.2: A recipient of a malformed message SHOULD respond with 400 and close."},
    "strict": {"all": "Not in the lab's text: what a proxy for general use does."},
    "cache": {"all": "When your proxy receives a web object from a server, it should cache it in memory; if another client "
                     "requests the same object, it need not reconnect to the server."},
    "leaks": {"byu": "2 pts for no memory leaks", "all": "Robustness implies a lack of memory leaks."},
    "clean": {"byu": "After your epoll_wait() loop, you should clean up any resources (e.g., freeing malloc'd memory), and "
                     "exit.", "all": "The program frees what it holds before it ends."},
    "warnings": {"byu": "3 pts for compilation without any warnings", "all": "The code compiles without a warning."},
}


@dataclass(frozen=True)
class Test:
    """A row of the table: what is tested, in which labs, what it is worth within its group, and its sentence."""
    function: Callable[[Stage], None]
    group: str                # basic, core, robust, cache
    weight: float
    labs: Sequence[str]
    quote: str                # key of QUOTES
    title: str
    sends: str
    expects: str
    curl: str = ""            # how to see the same by hand; ORIGIN and PROXY stand for the addresses
    watch: str = ""           # valgrind's run in which the test takes part: ordinary or abuse
    small: bool = False       # the sockets have small buffers

    @property
    def name(self) -> str:
        """The name on the command line."""
        function = self.function
        if isinstance(function, functools.partial):
            return "server-" + str(function.args[0])[1:].partition("?")[0]
        return function.__name__.replace("_", "-")

    def sentence(self, lab: str) -> str:
        """The sentence on which it stands."""
        return QUOTES[self.quote].get(lab) or QUOTES[self.quote]["all"]


ALL, STRICT, FULL = LABS, ("strict",), ("cmu", "strict")
GET = "curl -v -m 5 -x PROXY "


def server_test(path: str, whole: int, title: str) -> Test:
    """A row for a server that ends early."""
    return Test(functools.partial(server_ends, path, whole), "robust", 1, ALL, "error", title,
                f"GET {path}, three to six times; then a good request.", "An error response, or a cut answer and a close; "
                "the next request is served; no descriptor is left open.", f"{GET}ORIGIN{path.replace('&', '%26')}", "abuse")


TABLE = (
    Test(plain_text, "basic", 2, ALL, "target", "A text; the server gets the path alone", "GET of 4,000 bytes of text with HTTP/1.0.",
         "The text. The server receives the path and HTTP/1.0 (or Connection: close).", GET + "'ORIGIN/text/a/b.html?4000'",
         "ordinary"),
    Test(as_curl, "basic", 1, ALL, "target", "A request as curl and browsers send it, HTTP/1.1", "GET with HTTP/1.1.", "The text.",
         GET + "'ORIGIN/text?300'"),
    Test(host, "basic", 1, ALL, "host", "Host is the server's name and port", "GET of a server on another port than 80.",
         "The server receives Host: 127.0.0.1:PORT, once.", GET + "'ORIGIN/text?100'"),
    Test(query, "basic", 1, ALL, "query", "A query, and a request of 1,000 bytes", "GET of a path with ?, & and :.",
         "The server receives all of it.", GET + "\"ORIGIN/text?80&2&$(printf %0840d 0)\""),
    Test(binary, "basic", 2, ALL, "response", "A binary file, with every value a byte can have", "GET of 9,000 bytes.",
         "The same bytes.", GET + "'ORIGIN/binary?9000' -o got; curl -s 'ORIGIN/binary?9000' | cmp - got", "ordinary"),
    Test(empty, "basic", 1, ALL, "response", "An empty file", "GET of 0 bytes.", "The head, and an end.", GET + "ORIGIN/empty"),
    Test(largest, "basic", 1, ALL, "response", "The largest answer of the handout (16,384 bytes with the head)",
         "GET of 16,250 bytes.", "The same bytes.",
         GET + "'ORIGIN/binary?16250&5' -o got; curl -s 'ORIGIN/binary?16250&5' | cmp - got"),
    Test(until_close, "basic", 1, ALL, "end", "An answer whose end is the end of the connection", "GET; the server sends no "
         "Content-Length.", "The whole body, then the end of the connection.", GET + "'ORIGIN/until-close?12000&3' -o got", "ordinary"),
    Test(slow_request, "basic", 2, ALL, "partial", "A request sent in many pieces, its first line and its end byte by byte", "GET in many "
         "pieces.", "The text.", "{ printf 'GET ORIGIN/text?50 HT'; sleep 1; printf 'TP/1.0\\r\\n\\r\\n'; sleep 1; } | "
         "curl -s -m 5 telnet://${PROXY#http://}", "ordinary"),
    Test(slow_answer, "basic", 2, ALL, "partial", "An answer sent in pieces", "GET; the server sends 15 pieces.", "The same bytes.",
         GET + "'ORIGIN/pieces?9000&1' -o got; curl -s 'ORIGIN/pieces?9000&1' | cmp - got"),
    Test(slow_both, "basic", 1, ALL, "partial", "Both at once", "GET in pieces; the server sends pieces.", "The same bytes.",
         "{ printf 'GET ORIGIN/pieces?3000 HT'; sleep 1; printf 'TP/1.0\\r\\n\\r\\n'; sleep 1; } | "
         "curl -s -m 5 telnet://${PROXY#http://}"),
    Test(one_after_another, "basic", 2, ALL, "state", "Twelve requests, one after the other", "GETs of different lengths.",
         "Each time the right bytes.", "for i in 1 2 3; do curl -s -m 5 -x PROXY \"ORIGIN/binary?$((i * 5000))&$i\" | wc -c; done"),
    Test(by_name, "basic", 1, ALL, "name", "A host by its name, on port 80", f"GET http://{NAME}/text?60.", "The text; the server "
         f"receives Host: {NAME}.", GET + "http://localhost/   (with a server on port 80)"),
    Test(fields_kept, "basic", 1, FULL, "fields", "The client's fields go on", "GET with Cookie, X-Unknown, Accept-Language.",
         "The server receives them.", GET + "-H 'X-Unknown: kept' 'ORIGIN/text?100'"),
    Test(close_announced, "basic", 1, ("cmu",), "announce", "Connection: close is sent to the server", "GET.", "The server receives "
         "Connection: close and Proxy-Connection: close.", GET + "'ORIGIN/text?100'"),
    Test(large, "basic", 1, FULL, "response", "A file of 6 MiB", "GET.", "The same bytes.",
         GET + "'ORIGIN/binary?6291456' -o got; curl -s 'ORIGIN/binary?6291456' | cmp - got"),
    Test(long_url, "basic", 1, FULL, "query", "A URL of 3,900 bytes", "GET.", "The text.",
         GET + "\"ORIGIN/text?90&3&$(printf %03860d 0)\""),
    Test(upload, "basic", 1, STRICT, "strict", "A request with a body of 3 MiB", "POST.", "The server receives the whole body.",
         "head -c 3000000 /dev/urandom | " + GET + "--data-binary @- ORIGIN/digest"),
    Test(early_answer, "basic", 1, STRICT, "strict", "A server that answers before it has read the request", "POST of 24 MiB; the "
         "server answers 413 at once.", "413.", "head -c 24000000 /dev/zero | " + GET + "--data-binary @- ORIGIN/refuses"),
    Test(streaming, "basic", 1, STRICT, "strict", "An answer goes on while it comes", "GET; the server pauses after half of it.",
         "The first half during the pause.", GET + "-N 'ORIGIN/first-part?20000' -o got"),

    Test(fast_before_slow, "core", 15, ALL, "concurrent", "A request while another waits for its server", "GET of a held page; then "
         "GET of a fast one.", "The fast one is answered first.",
         "curl -s -m 20 -x PROXY 'ORIGIN/held?5000' -o slow & " + GET + "'ORIGIN/fast?1500'"),
    Test(five_and_five, "core", 10, ALL, "concurrent", "Five requests while five others wait", "Five held, five fast.",
         "The five fast ones are answered, then the others.",
         "for i in 1 2 3 4 5; do curl -s -m 20 -x PROXY 'ORIGIN/held?5000' -o slow$i & done; sleep 1; " + GET + "'ORIGIN/fast?1500'"),
    Test(many, "core", 10, ALL, "state", "Many at a time (100; with a pool of eight, 18)", "Half of them held, half of them fast.",
         "Each gets its own answer.",
         "for i in $(seq 50); do curl -s -m 20 -x PROXY \"ORIGIN/held?2000&$i\" -o slow$i & done; sleep 1; " + GET + "'ORIGIN/fast?1500'"),
    Test(model, "core", 10, ALL, "model", "The concurrency model, seen from outside while five requests wait", "Five held requests.",
         "For epoll: one thread, non-blocking sockets, edge-triggered. For the others: processes and threads as the mode says.",
         "grep -H . /proc/$(pgrep -n proxy)/fdinfo/*"),
    Test(rests, "core", 5, ALL, "rests", "While all wait, it sleeps", "Five held requests.", "Less than half of a processor is used.",
         "curl -s -m 20 -x PROXY 'ORIGIN/held?5000' -o slow & sleep 1; top -b -n 1 -p $(pgrep -n proxy)"),
    Test(half_requests, "core", 5, ALL, "concurrent", "Clients that have sent half a request", "Half a request each; five whole "
         "requests; the other halves.", "All are served.",
         "{ printf 'GET htt'; sleep 9; } | curl -s telnet://${PROXY#http://} & " + GET + "'ORIGIN/fast?1500'"),
    Test(burst, "core", 5, ALL, "accept", "Forty that connect at the same moment", "Connections without a pause; then a request on "
         "each.", "Each gets its own answer.",
         "for i in $(seq 40); do curl -s -m 9 -x PROXY \"ORIGIN/fast?$((600 + i))&$i\" -o got$i & done; wait; wc -c got*"),
    Test(hanging_connect, "core", 5, STRICT, "strict", "Servers that do not accept the connection", "Three requests to a server whose "
         "queue is full; five fast ones.", "The fast ones are answered.", GET + "'ORIGIN/fast?1500'"),
    Test(stopped_reader_of_much, "core", 5, STRICT, "strict", "A client that stops reading in the middle of 24 MiB", "GET without "
         "reading; others; then reading.", "The others are served; all bytes come; the proxy does not hold them all.",
         "curl -s --limit-rate 1k -m 9 -x PROXY 'ORIGIN/binary?25165824' -o slow & sleep 1; " + GET + "'ORIGIN/fast?1500'"),
    Test(endless_neighbour, "core", 5, FULL, "concurrent", "Small requests beside an answer without end", "GET of an endless page; "
         "twenty fast ones.", "The fast ones are answered.",
         "curl -s -m 9 -x PROXY ORIGIN/endless -o /dev/null & sleep 1; " + GET + "'ORIGIN/fast?1500'"),
    Test(flooding_client, "core", 5, STRICT, "strict", "Small requests beside a client that sends without end", "Bytes after a whole "
         "request, without end; fast requests.", "The fast ones are answered.", GET + "'ORIGIN/fast?1500'"),

    Test(stopped_reader, "robust", 2, ALL, "again", "A client that stops reading; the buffers are small", "GET of 16,000 bytes without "
         "reading; four others; then reading.", "The others are served, and all bytes come.",
         "sysctl -w net.ipv4.tcp_wmem='4096 4096 4096'; curl -s --limit-rate 500 -m 60 -x PROXY 'ORIGIN/binary?16000' | wc -c",
         small=True),
    Test(comes_and_goes, "robust", 1, ALL, "error", "Clients that connect and close", "Connections that end, and some that are reset; "
         "then a good request.", "It is served; no descriptor is left open.",
         "for i in 1 2 3; do curl -s -m 0.1 telnet://${PROXY#http://} < /dev/null; done; " + GET + "'ORIGIN/text?200'", "abuse"),
    Test(leaves_in_request, "robust", 1, ALL, "error", "Clients that leave in the middle of their request", "30 bytes of a request, "
         "then an end or a reset.", "The next request is served; no descriptor is left open.",
         "printf 'GET htt' | curl -s -m 1 telnet://${PROXY#http://}; " + GET + "'ORIGIN/text?200'", "abuse"),
    Test(leaves_while_waiting, "robust", 1, ALL, "error", "Clients that leave while the server prepares its answer", "A request, then "
         "an end or a reset before the answer.", "The next request is served; no descriptor is left open.",
         "curl -s -m 1 -x PROXY 'ORIGIN/held?9000'; sleep 9; " + GET + "'ORIGIN/text?200'", "abuse"),
    Test(leaves_in_answer, "robust", 1, ALL, "error", "Clients that leave in the middle of the answer", "A request, then an end or a "
         "reset after the first bytes.", "The next request is served; no descriptor is left open.",
         "curl -s -m 1 -x PROXY 'ORIGIN/first-part?15000'; sleep 9; " + GET + "'ORIGIN/text?200'", "abuse"),
    server_test("/closes", 0, "A server that closes without an answer"),
    server_test("/resets", 0, "A server that resets without an answer"),
    server_test("/half-head", 0, "A server that closes in the head of its answer"),
    server_test("/cut?10000", 10000, "A server that closes before the end of its body"),
    server_test("/cut-by-reset?10000", 10000, "A server that resets in the middle of its body"),
    Test(not_reached, "robust", 1, ALL, "error", "Ports that refuse, and names that do not exist", "GET of http://127.0.0.1:PORT/ where "
         "nothing listens, and of http://no-such-host.invalid/.", "An error response, or a close.",
         GET + "http://127.0.0.1:9/; " + GET + "http://no-such-host.invalid/"),
    Test(nonsense, "robust", 1, FULL, "malformed", "Clients that do not speak HTTP", "An empty line, a request without a URL, a TLS "
         "greeting.", "The next request is served; no descriptor is left open.",
         "printf '\\r\\n\\r\\n' | curl -s -m 1 telnet://${PROXY#http://}; " + GET + "'ORIGIN/text?200'", "abuse"),
    Test(leaves_in_large_answer, "robust", 1, FULL, "error", "Clients that leave in the middle of 6 MiB", "A request, then an end or a "
         "reset after 500 bytes.", "The next request is served; no descriptor is left open.",
         "curl -s --limit-rate 1k -m 1 -x PROXY 'ORIGIN/binary?6291456'; " + GET + "'ORIGIN/text?200'"),
    Test(stopped_and_continued, "robust", 1, STRICT, "strict", "A proxy that is stopped and continued (EINTR)", "SIGSTOP and SIGCONT.",
         "The next request is served.", "kill -STOP $(pgrep -n proxy); kill -CONT $(pgrep -n proxy); " + GET + "'ORIGIN/text?200'"),

    Test(cached, "cache", 1, ALL, "cache", "Files that were fetched before, when the server is gone", "Three GETs, twice; the server "
         "ends between.", "The same bytes from the cache.", GET + "'ORIGIN/binary?3000'"),
)


# ---- evidence and diagnosis -------------------------------------------------------------------------------------------

@dataclass
class Finding:
    """What the report says about a failed test."""
    did: str
    expected: str
    likely: str = ""
    cause: str = ""                                     # the same in several tests: one mistake, charged once
    evidence: List[str] = field(default_factory=list)
    stderr: List[str] = field(default_factory=list)
    curl: str = ""
    silent: bool = False


def body_failure(answer: Answer, wanted: bytes) -> Failure:
    """A Failure that says how a body differs."""
    got, expected = answer.body, "every byte of the body, in its place"
    whole = len(answer.head) + 4 + len(got)
    if got.startswith(wanted):
        return Failure(f"{len(got) - len(wanted)} bytes follow the body ({quoted(got[len(wanted):], 20)})", expected,
                       "a byte more is sent than was read (the NUL at the end of a string?)", "too many")
    other = re.match(rb"body:(\d+):(\d+):", got)
    if other and not wanted.startswith(other[0]):
        return Failure(f"the body of another request came (size {int(other[1])}, number {int(other[2])})", expected,
                       LIKELY["mixed"], "mixed")
    same = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b), min(len(got), len(wanted)))
    first_nul = wanted.find(b"\0")
    if same == first_nul:
        return Failure(f"{len(got)} of {len(wanted)} bytes came, right up to the first NUL at {same}", expected,
                       LIKELY["string"], "string")
    if same == len(got):
        size = next((size for size in (whole, len(got)) if is_round(size)), 0)
        how = ", then a reset" if answer.reset else ", then the end"
        if size:
            return Failure(f"the answer was cut after {size} bytes" + (" (with its head)" if size == whole else "") + how,
                           expected, LIKELY["buffer"], f"cut at {size}")
        return Failure(f"{len(got)} of {len(wanted)} bytes came{how}", expected, "", "cut")
    return Failure(f"{len(got)} of {len(wanted)} bytes came; the first difference is at {same}: "
                   f"{quoted(got[same:same + 8])} for {quoted(wanted[same:same + 8])}", expected, "", "differs")


def is_round(size: int) -> bool:
    """Whether it is a power of 2 or of 10, or one less: the size of a buffer."""
    return size > 200 and any(n & (n - 1) == 0 or re.fullmatch("[1-9]0+", str(n)) for n in (size, size + 1))


def diagnose(stage: Stage, failure: Failure) -> Finding:
    """What was seen, in this order: it ended; it spins; where it waits; what the server saw; the body; then the guess."""
    finding = Finding(failure.did, failure.expected, failure.likely, failure.cause, silent=isinstance(failure, Silence))
    proxy = stage.proxy
    greedy = stage.run.greedy()
    if greedy:
        finding.did, finding.likely, finding.cause = greedy, "memory grows with what is received, without a bound", "greedy"
        return finding
    if not finding.silent:
        time.sleep(0.05)  # a program that ends because of an error ends soon after it
    if not proxy.alive():
        tell_end(stage, finding)
    elif finding.silent:
        share = proxy.busy_share(0.3)
        if share > 0.8:
            finding.evidence.append(f"it uses {100 * min(1.0, share):.0f} % of a processor while it is silent")
            if finding.cause != "busy":
                finding.likely, finding.cause = LIKELY["spin"], "spin"
        else:
            tell_waiting(proxy, finding, stage.run.known)
        tell_visits(stage, finding)
    return finding


# Causes that are only guessed from silence, and give way to what is seen.
WAITING = ("", "together", "slow request", "edge", "blocking", "serial", "short write", "starve", "close")


def tell_waiting(proxy: Proxy, finding: Finding, known: Set[str]) -> None:
    """Where it waits, and what waits for it meanwhile."""
    where = proxy.blocked_in()
    if where:
        finding.evidence.append(f"it waits in {where}")
    inodes = {what[8:-1] for what in proxy.descriptors().values() if what.startswith("socket:")}
    rows = [row for row in tcp_table() if row.inode in inodes and row.unread]
    clients = sum(row.unread for row in rows if row.state == 0x0A)
    unread = [row for row in rows if row.state != 0x0A]
    if clients:
        finding.evidence.append(f"{clients} clients wait to be accepted meanwhile")
    ended = sum(row.inode in inodes and row.state == 0x08 and not row.unread for row in tcp_table())
    if ended:
        finding.evidence.append(f"{ended} connections that the other side has closed are still open")
    for row in unread[:1]:
        side = "a client" if row.local == proxy.port else "the server"
        others = f", and so do those of {len(unread) - 1} other connections" if len(unread) > 1 else ""
        finding.evidence.append(f"{row.unread} bytes of {side} wait to be read meanwhile{others}")
    seen = clients or (unread and finding.cause != "together")
    if where.startswith("epoll") and seen and finding.cause in WAITING:
        cause = "together" if "together" in known else "edge"
        finding.likely, finding.cause = LIKELY[cause], cause


def tell_end(stage: Stage, finding: Finding) -> None:
    """How the proxy ended, and the mistake if its last words name it."""
    how = stage.proxy.how_ended()
    stage.proxy.end()
    finding.stderr = stage.proxy.tail.lines()
    finding.did, finding.expected = f"it ended {how} ({finding.did})", "it goes on to serve"
    words = "\n".join(finding.stderr)
    for sign, key in (("SIGPIPE", "SIGPIPE"), ("Broken pipe", "ECONNRESET"), ("Interrupted system call", "EINTR"),
                      ("EINTR", "EINTR"), ("Connection reset", "ECONNRESET"), ("ECONNRESET", "ECONNRESET")):
        if sign in how or sign in words:
            finding.likely, finding.cause = LIKELY[key], key
            return
    if re.search("SIG(SEGV|ABRT|BUS|FPE|ILL)", how):
        finding.likely, finding.cause = LIKELY["memory"], ""
    elif finding.cause != "start":
        finding.likely, finding.cause = "its last lines on stderr may say why", ""


def tell_visits(stage: Stage, finding: Finding) -> None:
    """What the server received, if it was not everything."""
    visits = list(stage.origin.visits)
    if not visits:
        finding.evidence.append("the server saw no connection")
        return
    last = visits[-1]
    if last.request is None:
        half = f"{len(last.data)} bytes of a request, without its end" if last.data else "a connection without a request"
        finding.evidence.append(f"the server saw {half}")
        if last.data and not finding.cause:
            finding.likely, finding.cause = "the request to the server lacks its end (\\r\\n\\r\\n), or is sent in part", "half"
    else:
        waiting = sum(visit.request is not None and not visit.answered for visit in visits)
        finding.evidence.append("the server saw the whole request" + (" and holds the answer" if waiting else
                                                                       ", and sent its answer"))


# ---- the run of all tests ---------------------------------------------------------------------------------------------

class Run:
    """The worker's side: runs the tests in the sandbox and reports each row."""

    def __init__(self, options: argparse.Namespace, sandbox: Sandbox, report: Callable[[Dict[str, Any]], None]) -> None:
        self.options, self.sandbox, self.report = options, sandbox, report
        self.mode: str = options.mode
        self.patience: float = options.patience
        self.proxy_output: Optional[TextIO] = options.proxy_output
        self.origin_log: Optional[TextIO] = options.tiny_output
        self.command: List[str] = []
        self.known: Set[str] = set()
        self.silences = 0
        self.skipped, self.serial = "", False
        self.greedy = guard_memory(sandbox)
        self.deadline = time.monotonic() + options.limit

    def all(self) -> None:
        """Builds if asked, then runs every group that has points."""
        if self.options.build:
            if not build(self):
                self.skipped = "it was not built"
        else:
            self.command = [str(install(self.sandbox, self.options.proxy))]
        for test in tests_of(self.options):
            self.one(test)
        if self.options.check_memory_mgmt is not None or self.options.check_clean_shutdown is not None:
            watched_by_valgrind(self)

    def row(self, group: str, name: str, title: str, weight: float, quote: str, finding: Optional[Finding] = None,
            **more: Any) -> None:
        """Reports one result; without a finding it has passed, unless `more` says something else."""
        sentence = QUOTES[quote].get(self.options.lab) or QUOTES[quote]["all"]
        row = {"group": group, "name": name, "description": title, "weight": weight, "quote": sentence,
               "passed": finding is None, "finding": asdict(finding) if finding else None, **more}
        self.report({"event": "row", "row": row})
        if finding and finding.cause:
            self.known.add(finding.cause)

    def one(self, test: Test) -> None:
        """Runs one test and reports it."""
        arguments = (test.group, test.name, test.title, test.weight, test.quote)
        if not self.skipped and time.monotonic() > self.deadline:
            self.skipped = f"the limit of {self.options.limit:.0f} s was reached"
        if self.skipped or (self.serial and test.group in ("core", "robust")):
            reason = self.skipped or "it serves one request at a time, and gets no concurrency points"
            self.row(*arguments, Finding(f"not run: {reason}", test.expects), skipped=True)
            return
        self.report({"event": "start", "name": test.name, "description": test.title})
        began = time.monotonic()
        try:
            finding = self.attempt(test)
        except Untestable as reason:
            self.row(*arguments, passed=None, note=str(reason))
            return
        seconds = round(time.monotonic() - began, 2)
        if finding:
            finding.curl = in_words(test.curl)
            self.count_silence(test, finding)
        self.row(*arguments, finding, seconds=seconds)

    def count_silence(self, test: Test, finding: Finding) -> None:
        """Gives up what cannot succeed, and waits for less long after two silences."""
        unserved = finding.silent or finding.cause in ("start", "greedy", "endless head", "endless body")
        if test.function is plain_text and (unserved or "it ended" in finding.did):
            self.skipped = "the simplest request is not served"
        self.serial = self.serial or (test.function is fast_before_slow and finding.cause == "serial")
        self.silences += finding.silent
        if self.silences >= 2:
            self.patience = min(self.patience, SHORTER if self.silences < 6 else SHORTER / 2)

    def attempt(self, test: Test) -> Optional[Finding]:
        """The finding of a test, or None. Silence at the simplest request is tried once more."""
        for attempt in (1, 2):
            finding = self.once(test)
            if finding is None or not finding.silent or test.function is not plain_text:
                break
            if attempt == 1:
                finding.evidence.append("tried twice")
        return finding

    def once(self, test: Test) -> Optional[Finding]:
        """Runs a test with a proxy of its own."""
        if test.small:
            set_send_buffers(self.sandbox, "4096 4096 4096")
        stage = None
        try:
            stage = Stage(self)
            test.function(stage)
            ensure(stage.proxy.alive(), "after the test", "it goes on to serve")
            return None
        except Failure as failure:
            if stage is None:
                return Finding(self.greedy() or failure.did, failure.expected, failure.likely, failure.cause,
                               silent=isinstance(failure, Silence), stderr=failure.stderr)
            return diagnose(stage, failure)
        except (OSError, ValueError, IndexError) as error:
            if self.options.verbose > 1:
                traceback.print_exc()
            assert stage is not None
            return diagnose(stage, Failure(f"the connection broke: {error}", test.expects))
        finally:
            if stage:
                stage.close()
            self.sandbox.end_all()
            if test.small:
                set_send_buffers(self.sandbox, "4096 16384 4194304")


def in_words(curl: str) -> str:
    """The line that repeats a failure by hand."""
    return curl.replace("PROXY#", "P#").replace("PROXY", "http://localhost:8000").replace("${P#http://}", "localhost:8000") \
        .replace("ORIGIN", "http://localhost:8001")


def set_send_buffers(sandbox: Sandbox, sizes: str) -> None:
    """The sizes of the sandbox's send buffers."""
    if sandbox.own:
        with contextlib.suppress(OSError):
            pathlib.Path("/proc/sys/net/ipv4/tcp_wmem").write_text(sizes, encoding="ascii")


def tests_of(options: argparse.Namespace) -> List[Test]:
    """The tests of a grading, in their order."""
    asked = {"basic": options.check_basic, "cache": options.check_cache, "core": options.check_concurrency,
             "robust": options.check_concurrency}
    chosen = [test for group in ("basic", "cache", "core", "robust") if asked[group] is not None
              for test in TABLE if test.group == group and options.lab in test.labs]
    if options.only:
        chosen = [test for test in chosen if re.search(options.only, test.name) or re.search(options.only, test.title)]
    return chosen


# -- memory and shutdown --

class Watched(NamedTuple):
    """What valgrind reported, and how the program ended."""
    errors: List[str]
    lost: List[str]
    left: List[str]
    whole: bool
    status: Optional[int]
    signal: str
    words: List[str]


def watched_by_valgrind(run: Run) -> None:
    """The rows of the groups memory and shutdown."""
    if run.skipped:
        for group, asked in (("memory", run.options.check_memory_mgmt), ("shutdown", run.options.check_clean_shutdown)):
            if asked is not None:
                run.row(group, group, "Under valgrind", 1, "leaks", Finding(f"not run: {run.skipped}", ""), skipped=True)
        return
    if is_script(run.command[0]):
        for group, asked in (("memory", run.options.check_memory_mgmt), ("shutdown", run.options.check_clean_shutdown)):
            if asked is not None:
                run.row(group, group, "Under valgrind", 1, "leaks", passed=None, note="valgrind cannot judge a script")
        return
    if run.options.check_memory_mgmt is not None:
        run.report({"event": "start", "name": "memory", "description": "Under valgrind, with clients and servers that leave"})
        memory_rows(run, {kind: watch(run, kind) for kind in ("ordinary", "abuse")})
    if run.options.check_clean_shutdown is not None:
        run.report({"event": "start", "name": "shutdown", "description": "Under valgrind, with clients connected at the end"})
        shutdown_rows(run, watch(run, "shutdown"))


def is_script(program: str) -> bool:
    """Whether a program is run by an interpreter that is not a shell: valgrind would judge the interpreter."""
    with open(program, "rb") as file:
        line = file.readline(200)
    return line.startswith(b"#!") and not re.search(rb"sh\s*$", line)


def tests_for_valgrind(kind: str) -> List[Test]:
    """The tests that valgrind watches."""
    return [test for test in TABLE if test.watch == kind and "byu" in test.labs]


def watch(run: Run, kind: str) -> Watched:
    """Runs tests with a proxy under valgrind, ends it by SIGINT, and reads the report."""
    try:
        stage = Stage(run, valgrind=True)
    except Failure as failure:
        return Watched([], [], [], False, None, "", [failure.did])
    try:
        exercise(stage, kind)
        if kind != "shutdown":
            settled_descriptors(stage, 1)
        status, name = stage.proxy.interrupt(min(stage.patience, 6))
        stage.proxy.end()
        assert stage.proxy.report is not None
        words = [line for line in stage.proxy.tail.lines() + last_words(stage.proxy.report.data) if line]
        return read_report(stage.proxy.report.data.decode(errors="replace"), status, name, words)
    finally:
        stage.close()


def exercise(stage: Stage, kind: str) -> None:
    """Uses the proxy until it falls silent; what it does wrong is judged elsewhere."""
    steps: List[Callable[[Stage], None]] = [test.function for test in tests_for_valgrind("ordinary" if kind == "shutdown" else kind)]
    if kind == "shutdown":
        steps.append(connect_in_each_state)
    else:
        steps.append(five_and_five)
    for step in steps:
        try:
            step(stage)
        except Silence:
            return
        except (Failure, OSError, ValueError, IndexError):
            if not stage.proxy.alive():
                return


def last_words(report: bytes) -> List[str]:
    """Valgrind's own complaint if it could not work."""
    text_ = report.decode(errors="replace")
    return re.findall(r"valgrind: [^\n]+|[^\n]*No space left[^\n]*", text_)[-2:]


def connect_in_each_state(stage: Stage) -> None:
    """Clients that stay connected: idle, in a request, waiting for the server, in the answer."""
    stage.keep(stage.connect())
    stage.keep(stage.connect()).sendall(request_bytes(stage.origin.url("/held?100"))[:25])
    before = len(stage.origin.requests())
    stage.ask("/held?100")
    stage.ask("/first-part?15000")
    stage.await_requests(before + 2)


def read_report(report: str, status: Optional[int], name: str, words: List[str]) -> Watched:
    """Valgrind's findings as texts. Reports of shells that only start the proxy are left out."""
    errors, lost, left, whole = [], [], [], False
    for pid in sorted(set(re.findall(r"^==(\d+)==", report, re.MULTILINE))):
        part = "\n".join(re.findall(rf"^==0*{pid}== ?(.*)$", report, re.MULTILINE))
        command = re.search(r"^Command: (\S+)", part, re.MULTILINE)
        if command and re.search(r"(^|/)(ba|da|z|)sh$|/env$", command[1]):
            continue
        whole = whole or "ERROR SUMMARY" in part
        found = re.findall(r"^\s+(definitely lost|indirectly lost|possibly lost|still reachable): ([\d,]+) bytes", part, re.MULTILINE)
        lost += [f"{size} bytes {kind}" for kind, size in found if size != "0" and kind[:3] in ("def", "ind")]
        left += [f"{size} bytes {kind}" for kind, size in found if size != "0"]
        errors += [f"{what}{', in ' + where if where else ''}" for what, where in
                   re.findall(r"^((?:Invalid|Conditional jump|Use of uninit|Syscall param|Mismatched free|Source and dest"
                              r"|Process terminating)[^\n]*)(?:\n\s+at 0x[0-9A-F]+: ([^ (\n]+))?", part, re.MULTILINE)
                   if not re.search(r"\(SIG(INT|TERM|PIPE|KILL)\)", what)]
        left += [line for line, origin in re.findall(r"^(Open [^\n]*(?:file descriptor|socket) \d+[^\n]*)\n\s+([^\n]*)", part,
                                                     re.MULTILINE) if "inherited from parent" not in origin]
    return Watched(errors, lost, left, whole, status, name, words)


def unmeasured(watched: Watched) -> Finding:
    """Why valgrind's report is missing."""
    if watched.status is None and not watched.whole and not watched.words:
        return Finding("could not be measured: it did not end on SIGINT or SIGTERM", "it ends on SIGINT", LIKELY["shutdown"], "")
    return Finding("could not be measured: valgrind gave no report", "it runs under valgrind", "", "", stderr=watched.words)


def memory_rows(run: Run, runs: Dict[str, Watched]) -> None:
    """Lost blocks and memory errors, after all clients have left."""
    for watched in runs.values():
        if not watched.whole:
            if any("No space left" in line for line in watched.words):
                run.row("memory", "memory", "Memory", 1, "leaks", passed=None, note="valgrind: " + watched.words[-1])
            else:
                run.row("memory", "memory", "Memory", 1, "leaks", unmeasured(watched))
            return
    where = {"ordinary": "in ordinary use", "abuse": "when clients and servers leave"}
    for name, title, expected, likely in (("leaks", "No memory is lost", "valgrind finds no lost block", "lost"),
                                          ("errors", "No memory error", "valgrind finds no error", "memory")):
        seen = {kind: watched.lost if name == "leaks" else watched.errors for kind, watched in runs.items()}
        summary = [f"{found[0]} ({where[kind]})" for kind, found in seen.items() if found]
        run.row("memory", name, title, 1, "leaks", Finding("; ".join(summary), expected, LIKELY[likely], likely,
                curl="valgrind --leak-check=full ./proxy 8000") if summary else None)


def shutdown_rows(run: Run, watched: Watched) -> None:
    """The end on SIGINT, with clients connected."""
    finding = None
    if watched.status != 0 or watched.signal != "SIGINT":
        did = "it had to be killed" if watched.status is None else f"it ended with status {watched.status} on {watched.signal}" \
            if watched.status >= 0 else f"it ended by signal {-watched.status}, without its own cleaning"
        finding = Finding(did, "it ends with status 0 on SIGINT", LIKELY["shutdown"], "shutdown")
    run.row("shutdown", "ends", "It ends by itself on SIGINT, with clients connected", 1, "clean", finding)
    found = watched.errors + watched.left
    if not watched.whole:
        run.row("shutdown", "left", "Nothing is left at the end", 1, "clean", unmeasured(watched))
    else:
        run.row("shutdown", "left", "Nothing is left at the end", 1, "clean",
                Finding("; ".join(found[:3]), "no block and no descriptor is left", LIKELY["shutdown"], "shutdown")
                if found else None)


# -- the submission's files --

def install(sandbox: Sandbox, program: pathlib.Path) -> pathlib.Path:
    """Copies a program, and what is beside it if that is small, to the sandbox. The submission's user can read it."""
    folder = program.parent
    copied = copy_tree(folder, sandbox.home, 32 * MEBIBYTE, 500)
    target = sandbox.home / program.name
    if not copied or not target.exists():
        shutil.copyfile(program, target)
    target.chmod(0o755)
    return target


def copy_tree(source: pathlib.Path, target: pathlib.Path, most_bytes: int, most_files: int) -> bool:
    """Copies a folder's files; False (and nothing is copied) if it is larger than the bounds."""
    files: List[pathlib.Path] = []
    size = 0
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if name != ".git"]
        for name in names:
            path = pathlib.Path(folder, name)
            if path.is_file():
                files.append(path)
                size += path.stat().st_size
        if size > most_bytes or len(files) > most_files:
            return False
    for path in files:
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            shutil.copyfile(path, copy)
            copy.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
    return True


def unpack(archive: pathlib.Path, target: pathlib.Path) -> None:
    """Unpacks the files of a tar, none of them outside of the target; raises OSError if it cannot be read."""
    size = 0
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                path = pathlib.PurePosixPath(member.name)
                if not member.isfile() or path.is_absolute() or ".." in path.parts:
                    continue
                size += member.size
                if size > DISK // 2:
                    raise OSError("it is too large")
                source = tar.extractfile(member)
                assert source is not None
                copy = target / path
                copy.parent.mkdir(parents=True, exist_ok=True)
                with open(copy, "wb") as file:
                    shutil.copyfileobj(source, file)
                copy.chmod(0o755 if member.mode & 0o111 else 0o644)
    except (tarfile.TarError, EOFError) as error:
        raise OSError(f"it is not a tar: {error}") from None


def find_source(folder: pathlib.Path) -> pathlib.Path:
    """The folder with a Makefile; a tar in the way is unpacked."""
    for _ in range(3):
        for name in ("Makefile", "makefile", "GNUmakefile"):
            found = sorted(folder.glob(f"**/{name}"), key=lambda path: (len(path.parts), str(path)))
            if found:
                return found[0].parent
        tars = [path for path in sorted(folder.glob("**/*")) if path.is_file() and re.search(r"\.(tar|tgz|tar\.\w+)$", path.name)]
        if not tars:
            break
        unpack(tars[0], folder)
        tars[0].unlink()
    raise OSError("there is no Makefile")


def build(run: Run) -> bool:
    """Builds from source with the submission's Makefile; one row about warnings. False if there is no program."""
    run.report({"event": "start", "name": "build", "description": "Build from source"})
    options, home = run.options, run.sandbox.home
    expected = "`make` builds ./proxy, and the compiler warns of nothing"
    try:
        if options.build.is_dir():
            if not copy_tree(options.build, home, DISK // 4, 20000):
                raise OSError("the folder is too large")
        else:
            unpack(options.build, home)
        folder = find_source(home)
        remove_products(folder)
        output = make(run, folder)
        program = folder / "proxy"
        if not program.is_file():
            raise OSError("the build made no file ./proxy")
    except OSError as error:
        lines = getattr(error, "lines", [])
        run.row("build", "build", "It compiles without a warning", 1, "warnings",
                Finding(f"it does not build: {error.strerror or error}", expected, "", "", stderr=lines))
        return False
    warnings = [line for line in output.splitlines() if re.search(r"\bwarning:", line)]
    run.row("build", "build", "It compiles without a warning", 1, "warnings",
            Finding(f"the compiler warned {len(warnings)} times", expected, "", "", stderr=warnings[:6]) if warnings else None)
    run.command = [str(program)]
    run.deadline = time.monotonic() + options.limit
    return True


def remove_products(folder: pathlib.Path) -> None:
    """Removes what a build made, so that the compiler sees every file."""
    for path in list(folder.glob("**/*.o")) + [folder / "proxy"]:
        if path.is_file():
            path.unlink()


def make(run: Run, folder: pathlib.Path) -> str:
    """Runs make as the submission's user; returns its output, or raises OSError with its last lines."""
    for path in [run.sandbox.home, *run.sandbox.home.glob("**/*")]:
        run.sandbox.own_files(path)
    tail = Tail(most=MEBIBYTE)
    process = run.sandbox.start(["make", "-j2"], cwd=str(folder), stdout=tail.writer, stderr=tail.writer)
    tail.started()
    try:
        status: Optional[int] = process.wait(300)
    except subprocess.TimeoutExpired:
        status = None
    run.sandbox.end_all()
    tail.thread.join(2)
    if status != 0:
        error = OSError("make took longer than 300 s" if status is None else f"make ended with status {status}")
        error.lines = tail.lines(12)  # type: ignore[attr-defined]
        raise error
    return tail.data.decode(errors="replace")


# ---- the report -------------------------------------------------------------------------------------------------------

TITLES = {"basic": "Basic", "cache": "Cache", "concurrency": "Concurrency", "memory": "Mem Mgmt", "shutdown": "Clean Shutdown",
          "build": "Warnings"}
# Mistakes in what is passed on. They have nothing to do with concurrency, and cost points once in all.
OF_THE_MESSAGE = {"string", "too many", "mixed", "differs", "cut", "target", "version", "host", "endless head", "endless body"}
GROUP_OF = {"core": "concurrency", "robust": "concurrency"}


@dataclass
class Group:
    """The points of a group."""
    name: str
    points: float
    possible: float
    passed: int
    tried: int


class Sheet:
    """The parent's side: receives the rows, counts the points, prints, and writes the result files."""

    def __init__(self, options: argparse.Namespace, subject: str) -> None:
        self.options, self.subject = options, subject
        self.rows: List[Dict[str, Any]] = []
        self.isolation, self.complete, self.note = "", False, ""
        self.began = time.monotonic()
        self.causes: Dict[Tuple[str, str], str] = {}
        self.group = ""
        self.total = len(tests_of(options))
        asked = {"build": options.check_warnings, "basic": options.check_basic, "cache": options.check_cache,
                 "concurrency": options.check_concurrency, "memory": options.check_memory_mgmt,
                 "shutdown": options.check_clean_shutdown}
        self.possible: Dict[str, float] = {name: points for name, points in asked.items() if points is not None}

    # -- what arrives --

    def take(self, event: Dict[str, Any]) -> None:
        """An event of the worker."""
        kind = event["event"]
        if kind == "isolation":
            self.isolation = event["text"]
            self.say(f"Isolation: {self.isolation}")
        elif kind == "start":
            self.head(event["name"])
            self.say(f"    [{len(self.rows) + 1}/{max(self.total, len(self.rows) + 1)}] {event['name']}: {event['description']}")
        elif kind == "row":
            self.charge(event["row"])
            self.rows.append(event["row"])
            self.print_row(event["row"])
            self.write()
        elif kind == "done":
            self.complete = True

    def head(self, name: str) -> None:
        """Prints the title of a group when its first test begins."""
        group = next((GROUP_OF.get(test.group, test.group) for test in TABLE if test.name == name), name)
        if group != self.group and group in self.possible:
            self.group = group
            self.say(f"TEST GROUP ({number(self.possible[group])} points): {TITLES[group]} ***")

    def charge(self, row: Dict[str, Any]) -> None:
        """A mistake that several tests of a group show costs points once."""
        row["group"], row["part"] = GROUP_OF.get(row["group"], row["group"]), row["group"]
        row["same_as"] = ""
        finding = row["finding"]
        if finding and finding["cause"]:
            everywhere = finding["cause"] in OF_THE_MESSAGE or finding["cause"].startswith("cut at")
            row["same_as"] = self.causes.setdefault(("" if everywhere else row["group"], finding["cause"]), row["name"])
            if row["same_as"] == row["name"]:
                row["same_as"] = ""

    def lost(self, row: Dict[str, Any]) -> bool:
        """Whether a row costs points."""
        return row["passed"] is False and not row["same_as"]

    # -- points --

    def share(self, rows: Sequence[Dict[str, Any]]) -> float:
        """The weighted share of rows that cost nothing; rows that were not testable do not count."""
        counted = [row for row in rows if row["passed"] is not None]
        whole = float(sum(row["weight"] for row in counted))
        return float(sum(row["weight"] for row in counted if not self.lost(row))) / whole if whole else 1.0

    def groups(self) -> List[Group]:
        """The points of each group so far. A grading that is not complete has no points for what did not run."""
        found = []
        for name, possible in self.possible.items():
            rows = [row for row in self.rows if row["group"] == name]
            counted = [row for row in rows if row["passed"] is not None]
            points = sum(self.worth(row)[0] for row in rows)
            found.append(Group(name, round(points, 4), possible, sum(row["passed"] for row in counted), len(counted)))
        return found

    def worth(self, row: Dict[str, Any]) -> Tuple[float, float]:
        """(points, possible points) of a row."""
        possible = self.possible.get(row["group"], 0.0)
        rows = [other for other in self.rows if other["group"] == row["group"]]
        scale = 1.0
        if row["group"] == "concurrency":
            parts = {part: [other for other in rows if other["part"] == part] for part in ("core", "robust")}
            if parts["core"] and parts["robust"]:
                possible *= ROBUST_SHARE if row["part"] == "robust" else 1 - ROBUST_SHARE
                core, robust = self.share(parts["core"]), self.share(parts["robust"])
                # Surviving is not concurrency: its share is at most that of the real concurrency tests.
                scale = min(1.0, core / robust) if row["part"] == "robust" and robust else 1.0
            rows = parts[row["part"]]
        whole = self.planned(row, rows)
        if row["passed"] is None or not whole:
            return 0.0, 0.0
        most = possible * row["weight"] / whole
        return (0.0 if self.lost(row) else most * scale), most

    def planned(self, row: Dict[str, Any], rows: Sequence[Dict[str, Any]]) -> float:
        """The weight of a group's or part's rows, also of those that are still to come."""
        untestable = sum(other["weight"] for other in rows if other["passed"] is None)
        planned = sum(test.weight for test in tests_of(self.options) if test.group == row["part"])
        present = sum(other["weight"] for other in rows)
        return float((present if self.complete else max(planned, present)) - untestable)

    def totals(self) -> Tuple[float, float]:
        """(points, possible points)."""
        groups = self.groups()
        return round(sum(group.points for group in groups), 4), sum(group.possible for group in groups)

    # -- printing --

    def say(self, line: str) -> None:
        """A line of the report on standard output."""
        if not self.options.quiet:
            with contextlib.suppress(BrokenPipeError):
                print(line, flush=True)

    def print_row(self, row: Dict[str, Any]) -> None:
        """The result of one test."""
        self.head(row["name"] if row["part"] != "build" else "build")
        finding = row["finding"]
        if row.get("skipped"):
            self.say(f"    {row['name']}: {finding['did']}\n      Result: 0/1")
            return
        if row["passed"] is None:
            self.say(f"      Result: not testable here, and not counted: {row['note']}")
            return
        summary = f"   ({row['seconds']:.1f} s)" if self.options.verbose and row.get("seconds") else ""
        if row["group"] in ("memory", "shutdown", "build"):
            self.say(f"    {row['description']}")
        self.say(f"      Result: {int(row['passed'])}/1{summary}")
        for name, value in describe(row):
            self.say(f"        {name + ':':11}{value}")

    def finish(self) -> None:
        """The subtotals and the total."""
        for group in self.groups():
            self.say(f"    {TITLES[group.name]}: {number(group.points)}/{number(group.possible)}")
        points, possible = self.totals()
        if self.note:
            self.say(f"Not complete: {self.note}")
        self.say(f"Total: {number(points)}/{number(possible)} ({100 * points / possible if possible else 0:.2f}%)")
        if self.options.autolab:
            scores = {TITLES[group.name]: round(group.points, 2) for group in self.groups()}
            print(json.dumps({"scores": scores}), flush=True)

    # -- files --

    def result(self) -> Dict[str, Any]:
        """All that is known, for JSON."""
        points, possible = self.totals()
        rows = [{**row, "points": round(self.worth(row)[0], 4), "possible": round(self.worth(row)[1], 4)} for row in self.rows]
        return {"subject": self.subject, "points": points, "possible": possible, "lab": self.options.lab,
                "mode": self.options.mode, "complete": self.complete, "note": self.note, "isolation": self.isolation,
                "seconds": round(time.monotonic() - self.began, 1), "groups": [asdict(group) for group in self.groups()],
                "tests": rows}

    def write(self) -> None:
        """Replaces the result files. If that fails, says so, and the files from before stay."""
        result = self.result()
        makers: Sequence[Tuple[Optional[str], Callable[[Dict[str, Any]], str]]] = (
            (self.options.json, lambda value: json.dumps(value, indent=2) + "\n"),
            (self.options.gradescope, lambda value: json.dumps(for_gradescope(value), indent=2) + "\n"),
            (self.options.html, lambda value: as_html([value])), (self.options.csv, lambda value: as_csv([value])))
        for path, maker in makers:
            if path and not (self.options.all and path in (self.options.html, self.options.csv)):
                write_file(path, maker(result))


def describe(row: Dict[str, Any]) -> List[Tuple[str, str]]:
    """What the report says about a failed row: (label, text) pairs."""
    finding = row["finding"]
    if not finding or row.get("skipped"):
        return [("Did", finding["did"])] if finding else []
    pairs = [("Did", finding["did"]), ("Expected", finding["expected"])]
    pairs += [("Seen", line) for line in finding["evidence"]]
    if row["same_as"]:
        pairs.append(("Same as", f"{row['same_as']}; not charged again"))
    elif finding["likely"]:
        pairs.append(("Likely", finding["likely"]))
    pairs += [("Stderr", line) for line in finding["stderr"]]
    if finding["curl"]:
        pairs.append(("By hand", finding["curl"]))
    return [(label, text) for label, text in pairs if text]


def write_file(path: str, text: str) -> None:
    """Replaces a file at once, or leaves it as it is and tells why."""
    target = pathlib.Path(path)
    if target.exists() and not target.is_file():
        with contextlib.suppress(OSError):
            target.write_text(text, encoding="utf-8")
        return
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, target)
    except OSError as error:
        print(f"driver.py: {path}: {error.strerror}", file=sys.stderr)
        with contextlib.suppress(OSError):
            temporary.unlink()


def for_gradescope(result: Dict[str, Any]) -> Dict[str, Any]:
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


def as_csv(results: Sequence[Dict[str, Any]]) -> str:
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


def as_html(results: Sequence[Dict[str, Any]]) -> str:
    """One document: a table of all submissions, then a page for each."""
    rows = "".join(
        f'<tr><td><a href="#s{i}">{html.escape(result["subject"])}</a></td><td class="n">{number(result["points"])} / '
        f'{number(result["possible"])}</td><td>{html.escape(first_failure(result))}</td></tr>' for i, result in enumerate(results))
    index = f'<table><thead><tr><th>Submission</th><th class="n">Points</th><th>First failure</th></tr></thead>{rows}</table>'
    pages = "".join(html_page(i, result) for i, result in enumerate(results))
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
            f'content="width=device-width"><title>Proxy lab: results</title><style>{STYLE}</style></head><body>'
            f'<h1>Proxy lab: results</h1>{index if len(results) > 1 else ""}{pages}</body></html>\n')


def first_failure(result: Dict[str, Any]) -> str:
    """A few words about the first failure."""
    failed = next((row for row in result["tests"] if row["passed"] is False), None)
    return result["note"] or (f"{failed['name']}: {failed['finding']['did']}" if failed else "none")


def html_page(i: int, result: Dict[str, Any]) -> str:
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


def html_card(row: Dict[str, Any]) -> str:
    """A failed test."""
    pairs = "".join(f"<dt>{label}</dt><dd>{'<code>' if label in ('Stderr', 'By hand') else ''}{html.escape(text)}"
                    f"{'</code>' if label in ('Stderr', 'By hand') else ''}</dd>" for label, text in describe(row))
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


def worker(options: argparse.Namespace, writer: int, reason: str, driver: int) -> None:
    """Runs in a child process: sets the sandbox up, runs all tests, writes events."""
    out = os.fdopen(writer, "w", encoding="utf-8")

    def report(event: Dict[str, Any]) -> None:
        print(json.dumps(event), file=out, flush=True)

    sandbox = Sandbox(not reason, reason, driver)

    def leave(*_: Any) -> None:
        sandbox.close()
        os._exit(143)

    for name in (signal.SIGINT, signal.SIGHUP):
        signal.signal(name, lambda *_: None)  # a handler, because a program inherits what is ignored
    if not sandbox.own:  # as process 1 of its namespaces it cannot be ended from within, if it has no handler
        signal.signal(signal.SIGTERM, leave)
    else:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        sandbox.enter()
        report({"event": "isolation", "text": sandbox.text})
        Run(options, sandbox, report).all()
        report({"event": "done"})
    finally:
        sandbox.close()


def start_worker(options: argparse.Namespace) -> Tuple[int, int]:
    """Starts the worker. Returns its pid and the reading end of its events."""
    reason = namespaces_work()
    reader, writer = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        become_worker(options, reader, writer, reason, parent)
    os.close(writer)
    return child, reader


def become_worker(options: argparse.Namespace, reader: int, writer: int, reason: str, parent: int) -> NoReturn:
    """The child's side: runs the worker, or starts it as process 1 of its namespaces and waits for it."""
    status = 1
    try:
        os.close(reader)
        if reason:
            set_process(PR_SET_PDEATHSIG, signal.SIGTERM)
            status = guarded_worker(options, writer, reason, parent)
        else:
            enter_namespaces()
            set_process(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            inner = os.fork()
            if inner == 0:
                set_process(PR_SET_PDEATHSIG, signal.SIGKILL)
                furnish(find_room())
                status = guarded_worker(options, writer, reason, parent)
            else:
                os.close(writer)
                status = os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1])
    finally:
        os._exit(status & 255)


def guarded_worker(options: argparse.Namespace, writer: int, reason: str, driver: int) -> int:
    """The worker, with an exit status."""
    try:
        worker(options, writer, reason, driver)
        return 0
    except BaseException:  # pylint: disable=broad-except  # the status says so
        traceback.print_exc()
        return 1


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
    while True:
        left = end - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            sheet.note = f"it took longer than {seconds:.0f} s"
            return
        piece = os.read(reader, 65536)
        if not piece:
            return
        *lines, data = (data + piece).split(b"\n")
        for line in lines:
            sheet.take(json.loads(line))


def end_worker(pid: int) -> None:
    """Ends the worker, and with it all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM if namespaces_work() else signal.SIGKILL)
    for _ in range(300):
        if os.waitpid(pid, os.WNOHANG)[0]:
            return
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


# ---- many submissions -------------------------------------------------------------------------------------------------

class Submission(NamedTuple):
    """An entry of the folder, and how it is graded."""
    name: str
    path: pathlib.Path
    arguments: List[str]
    problem: str


def submissions_in(folder: pathlib.Path) -> List[Submission]:
    """Every entry of the folder: a program, a source folder, a folder with a program, or a tar."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        arguments, problem = [f"--proxy={path}"], ""
        if path.is_dir():
            if any(path.glob("**/[Mm]akefile")) or any(path.glob("**/*.tar*")):
                arguments = [f"--build={path}"]
            else:
                program = next((file for file in sorted(path.glob("**/proxy")) if file.is_file()), None)
                arguments = [f"--proxy={program}"]
                problem = program_problem(program) if program else "there is no Makefile and no program named proxy"
        elif re.search(r"\.(tar|tgz|tar\.\w+)$", path.name):
            arguments = [f"--build={path}"]
        else:
            problem = program_problem(path)
        found.append(Submission(path.name, path, arguments, problem))
    return found


def fingerprint(submission: Submission, options: argparse.Namespace) -> str:
    """What a result depends on: the files' sizes and times, the options, this program."""
    digest = hashlib.sha256(" ".join(common_arguments(options)).encode())
    digest.update(pathlib.Path(__file__).read_bytes())
    files = sorted(submission.path.glob("**/*")) if submission.path.is_dir() else [submission.path]
    for path in files:
        if path.is_file():
            status = path.stat()
            digest.update(f"{path}:{status.st_size}:{status.st_mtime_ns}".encode())
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
        self.submissions = submissions_in(options.all)
        self.folder = pathlib.Path(options.results or f"{options.all}-results")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.running: Dict[int, Tuple[Submission, subprocess.Popen[bytes]]] = {}
        self.done = 0

    def file(self, submission: Submission) -> pathlib.Path:
        """Where the result of a submission is kept."""
        return self.folder / f"{submission.name}.json"

    def result(self, submission: Submission) -> Optional[Dict[str, Any]]:
        """The result that is on disk, if there is one."""
        try:
            return dict(json.loads(self.file(submission).read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return None

    def run(self) -> int:
        """Grades what has no complete result yet. Returns the exit status."""
        waiting = []
        for submission in self.submissions:
            result = self.result(submission)
            if result and result.get("complete") and result.get("fingerprint") == fingerprint(submission, self.options):
                self.tell(submission, result, "kept")
            else:
                waiting.append(submission)
        try:
            while waiting or self.running:
                while waiting and len(self.running) < self.options.jobs:
                    self.start(waiting.pop(0))
                self.reap()
        finally:
            for _, process in self.running.values():
                process.terminate()
            for _, process in self.running.values():
                process.wait()
        self.summarize()
        results = [self.result(submission) for submission in self.submissions]
        return 0 if all(result and result["complete"] for result in results) else 1

    def start(self, submission: Submission) -> None:
        """Starts a grading, or notes that there is nothing to grade."""
        if submission.problem:
            options = argparse.Namespace(**{**vars(self.options), "check_warnings": self.options.warnings_points})
            sheet = Sheet(options, submission.name)
            sheet.complete, sheet.note = True, submission.problem
            self.keep(submission, sheet.result())
            return
        with open(self.folder / f"{submission.name}.txt", "wb") as log:
            # pylint: disable-next=consider-using-with  # it is awaited by reap()
            process = subprocess.Popen([sys.executable, __file__, *common_arguments(self.options), *submission.arguments,
                                        f"--name={submission.name}", f"--json={self.file(submission)}"],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        self.running[process.pid] = (submission, process)

    def reap(self) -> None:
        """Waits until a grading ends, and keeps its result."""
        if not self.running:
            return
        while True:
            for pid, (submission, process) in list(self.running.items()):
                if process.poll() is not None:
                    del self.running[pid]
                    log = (self.folder / f"{submission.name}.txt").read_text(errors="replace", encoding="utf-8").splitlines()
                    result = self.result(submission) or {**Sheet(self.options, submission.name).result(),
                                                         "note": log[-1] if log else "the grading failed"}
                    self.keep(submission, result)
                    return
            time.sleep(0.05)  # children of several kinds are not awaited one by one

    def keep(self, submission: Submission, result: Dict[str, Any]) -> None:
        """Writes a result, with what it depends on."""
        result["fingerprint"] = fingerprint(submission, self.options)
        write_file(str(self.file(submission)), json.dumps(result, indent=2) + "\n")
        self.tell(submission, result, f"{result['seconds']} s")
        self.summarize()

    def tell(self, submission: Submission, result: Dict[str, Any], how: str) -> None:
        """The progress line."""
        self.done += 1
        note = f"   {result['note']}" if result["note"] else ""
        print(f"[{self.done:3}/{len(self.submissions)}] {submission.name:24} {number(result['points']):>6}/"
              f"{number(result['possible'])}   ({how}){note}", flush=True)

    def summarize(self) -> None:
        """Writes the table and the pages of all that have a result."""
        results = [result for result in map(self.result, self.submissions) if result]
        if self.options.csv:
            write_file(self.options.csv, as_csv(results))
        if self.options.html:
            write_file(self.options.html, as_html(results))


# ---- the command line -------------------------------------------------------------------------------------------------

def points_value(text: str) -> float:
    """A number of points."""
    value = float(text)
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError(f"invalid number of points '{text}': expected 0 or more")
    return value


def seconds_value(text: str) -> float:
    """A number of seconds above 0."""
    value = float(text)
    if not math.isfinite(value) or value <= 0:
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
    parser.add_argument("--name", metavar="NAME", help="the submission's name in the results")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options; ends with status 2 and one line if they are wrong."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    options.check_warnings = options.warnings_points if options.build else None
    if options.explain or options.origin is not None:
        return options
    asked = (options.check_basic, options.check_concurrency, options.check_memory_mgmt, options.check_clean_shutdown,
             options.check_cache)
    if options.all:
        if not options.all.is_dir():
            parser.error(f"{options.all} is not a folder")
        if options.jobs < 1:
            parser.error(f"invalid number of jobs '{options.jobs}': expected 1 or more")
    elif options.build:
        if not options.build.exists():
            parser.error(f"there is no {options.build}")
        options.build = options.build.resolve()
    else:
        options.proxy = options.proxy.absolute()
        problem = program_problem(options.proxy)
        if problem:
            parser.error(problem)
    if all(points is None for points in asked):
        parser.error("nothing to grade; for example: ./driver.py -b 20 -c 75 -m 2 epoll")
    check_rest(parser, options)
    return options


def check_rest(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuses what would fail only after the grading."""
    try:
        chosen = tests_of(options)
    except re.error as error:
        parser.error(f"invalid pattern '{options.only}': {error}")
    if options.only and not chosen:
        parser.error(f"no test matches '{options.only}'")
    if (options.check_memory_mgmt is not None or options.check_clean_shutdown is not None) and shutil.which("valgrind") is None:
        parser.error("-m and -s need valgrind; install it (apt-get install valgrind)")
    for path in (options.json, options.gradescope, options.csv, options.html):
        if path:
            folder = pathlib.Path(path).absolute().parent
            if pathlib.Path(path).is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
                parser.error(f"{path}: cannot be written")


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
            print(f"  {lab + ':':9} {test.sentence(lab)}")
        print(f"  By hand:  {in_words(test.curl)}\n            (with ./proxy 8000 and ./driver.py --origin 8001 running)")
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
        if options.all:
            return Many(options).run()
        sheet = grade(options)
        sheet.finish()
    except Interrupted as interrupted:
        return 128 + int(interrupted.args[0])
    points, possible = sheet.totals()
    return 0 if sheet.complete and points >= possible - 1e-9 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
