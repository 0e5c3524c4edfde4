"""What the end-to-end tests stand on: the proxy as a process, origin servers to be scripted, and raw clients."""
import contextlib
import os
import pathlib
import re
import shlex
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROXY = os.environ.get("PROXY", str(ROOT / "proxy"))
PREFIX = shlex.split(os.environ.get("PROXY_PREFIX", ""))
LIGHT = os.environ.get("PROXY_LIGHT") == "1"
PATIENCE = 120.0 if PREFIX else 30.0  # seconds until a wait counts as failed; nothing is ever measured by it

heavy = unittest.skipIf(LIGHT, "too heavy for a run that is only light")
native = unittest.skipIf(PREFIX, "looks at the process itself, which is another program here")


def wait_until(condition, what):
    """For what no event can be had of (another process's descriptors)."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"in vain: {what}")
        time.sleep(0.01)


def reset(connection):
    """Closes with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def pattern(size, salt=0):
    """Bytes with every value, NUL too, that differ from place to place."""
    line = bytes((i * 7 + salt) & 0xFF for i in range(256))
    block = b"".join(struct.pack(">I", i) + line[4:] for i in range(256))
    return (block * (size // len(block) + 1))[:size]


class Proxy:
    """The program under test. Used as a context; at its end it is stopped, and must have exited with 0."""

    def __init__(self, *options, port="0", preexec=None, stdout=None, log=True):
        self.lines, self.news, self.stopped = [], threading.Condition(), False
        arguments = ([port] if port is not None else []) + list(options)
        pipe = stdout is None
        self.process = subprocess.Popen([*PREFIX, PROXY, *arguments], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE if pipe else stdout, stderr=subprocess.PIPE,
                                        preexec_fn=preexec)
        self.pid = self.process.pid
        self.ports = []
        if not pipe:
            return
        self.announcement = self.process.stdout.readline().decode()
        self.ports = [int(p) for p in re.findall(r"(?:127\.0\.0\.1|\[::1\]|[\d.]+):(\d+)(?= and|\. Try)", self.announcement)]
        self.reader = threading.Thread(target=self._read, daemon=True)
        if log:
            self.reader.start()

    @property
    def port(self):
        return self.ports[0]

    def _read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(line.decode().rstrip("\n"))
                self.news.notify_all()

    def line(self, *words, after=0):
        """The first line from `after` on that has all words; waits for it."""
        def found():
            return next((line for line in self.lines[after:] if all(word in line for word in words)), None)
        with self.news:
            if not self.news.wait_for(found, PATIENCE):
                raise AssertionError(f"no line has {words}; there are: {self.lines[-20:]}")
            return found()

    def connect(self, window=None, family=socket.AF_INET):
        client = socket.socket(family)
        if window:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1" if family == socket.AF_INET else "::1", self.port))
        return client

    def ask(self, request, **how):
        client = self.connect(**how)
        client.sendall(request)
        return client

    def get(self, url, fields="", method="GET", version="1.0"):
        """The whole answer."""
        with self.ask(f"{method} {url} HTTP/{version}\r\n{fields}\r\n".encode()) as client:
            return Answer(client)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def memory_kib(self, which="VmRSS"):
        return int(re.search(which + r":\s*(\d+)", pathlib.Path(f"/proc/{self.pid}/status").read_text())[1])

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, how=signal.SIGINT):
        """Its exit status and what it said on standard error."""
        self.stopped = True
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            status = self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        error = self.process.stderr.read().decode(errors="replace")
        self.process.stderr.close()
        if self.process.stdout:
            if self.reader.is_alive():
                self.reader.join()  # to the end of the output
            self.process.stdout.close()
        return status, error

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.stopped:
            return
        status, error = self.stop()
        if kind is None and (status != 0 or error):
            raise AssertionError(f"the proxy ended with status {status}: {error[-3000:]}")


class Answer:
    """A response, read to its end."""

    def __init__(self, connection, first=b""):
        self.raw, self.reset = bytearray(first), False
        while True:
            try:
                piece = connection.recv(1 << 18)
            except ConnectionResetError:
                self.reset = True
                break
            if not piece:
                break
            self.raw += piece
        head, _, body = bytes(self.raw).partition(b"\r\n\r\n")
        self.head, self.body = head.decode("latin-1"), body
        words = self.head.split(" ")
        self.status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0

    def field(self, name):
        """All values of a field."""
        return [value.strip() for key, _, value in (line.partition(":") for line in self.head.split("\r\n")[1:])
                if key.lower() == name.lower()]


def read_head(connection):
    """A head and what came behind it."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b"", data
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


class Origin:
    """A server; `serve(connection, head, rest)` runs in a thread for each connection, which is closed after it."""

    def __init__(self, serve=None, host="127.0.0.1", port=0, window=None):
        self.serve = serve or (lambda connection, head, rest: connection.sendall(ok(b"hello")))
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if window:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.socket.bind((host, port))
        self.socket.listen(512)
        self.port = self.socket.getsockname()[1]
        self.authority = (f"[{host}]" if ":" in host else host) + f":{self.port}"
        self.heads, self.news = [], threading.Condition()
        self.open = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path="/"):
        return f"http://{self.authority}{path}"

    def wait_for(self, count=1):
        """Until so many heads have come in all; the last of them."""
        with self.news:
            if not self.news.wait_for(lambda: len(self.heads) >= count, PATIENCE):
                raise AssertionError(f"{len(self.heads)} of {count} requests have come")
            return self.heads[count - 1]

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        self.open.add(connection)
        with contextlib.suppress(OSError):
            connection.settimeout(PATIENCE)
            head, rest = read_head(connection)
            if head:
                with self.news:
                    self.heads.append(head)
                    self.news.notify_all()
                self.serve(connection, head, rest)
        self.open.discard(connection)
        connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def ok(body, fields=""):
    return f"HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: {len(body)}\r\n{fields}\r\n".encode() + body


def gone(connection):
    """Waits until the other side has closed; what came before is thrown away."""
    with contextlib.suppress(ConnectionResetError):
        while connection.recv(65536):
            pass


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
