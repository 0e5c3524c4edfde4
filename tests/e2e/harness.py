"""The base of the end-to-end tests: the proxy as a process, scripted origins, raw clients.

Environment:
  PROXY           the program under test (default: ./proxy at the root)
  PROXY_PREFIX    what it is run under, as "valgrind -q"
  PROXY_LIGHT=1   leaves out what is too heavy for an instrumented build
  PROXY_PATIENCE  seconds after which an awaited event counts as missing; nothing is ever measured by it
"""
import contextlib
import fcntl
import functools
import os
import pathlib
import random
import re
import resource
import shlex
import signal
import socket
import struct
import subprocess
import threading
import time
import traceback
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROXY = os.environ.get("PROXY", str(ROOT / "proxy"))
PREFIX = shlex.split(os.environ.get("PROXY_PREFIX", ""))
# Whether tests can run it as another user: each folder on the way to it must let others in.
RUNS_AS_OTHERS = os.geteuid() == 0 and all(path.stat().st_mode & 1 for path in (pathlib.Path(PROXY).resolve(), *pathlib.Path(PROXY).resolve().parents))
VERSION = subprocess.run([*PREFIX, PROXY, "--version"], capture_output=True, text=True, check=False).stdout
LIGHT = os.environ.get("PROXY_LIGHT") == "1"
PATIENCE = float(os.environ.get("PROXY_PATIENCE", "300" if PREFIX else "120"))

heavy = unittest.skipIf(LIGHT, "too heavy for a light run")
native = unittest.skipIf(PREFIX, "looks at the process itself, which is another program here")


def lean(test):
    """Of a test that measures memory. The trace takes its whole 1 MiB only once it is full, so it is small here."""
    @unittest.skipIf(LIGHT or PREFIX, "measures memory, which an instrumented build has more of")
    @functools.wraps(test)
    def run(case):
        case.OPTIONS = (*case.OPTIONS, "--trace-entries", "1024")
        return test(case)
    return run


MIB = 1 << 20
F_SETPIPE_SZ = 1031  # fcntl.F_SETPIPE_SZ, from Python 3.10 on

# A member of the list of RFC 9209: a token, and parameters; the last one is a string.
PROXY_STATUS = re.compile(r'\Aproxy; error=[a-z_]+(; received-status=[1-5]\d\d)?; details="([ !#-\[\]-~]|\\["\\])*"\Z')


# ---- waiting --------------------------------------------------------------------------------------------------------

def wait_until(condition, what):
    """For what has no event, such as the descriptors of another process."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"timeout: {what() if callable(what) else what}")
        time.sleep(0.01)


def settled(value):
    """The value once it has stayed the same for a while: to see that something does not go on."""
    last, since = value(), time.monotonic()
    while time.monotonic() - since < 0.5:
        time.sleep(0.02)
        if (now := value()) != last:
            last, since = now, time.monotonic()
    return last


def pause(seconds):
    """Lets time pass where the passing of time itself is what is tested."""
    time.sleep(seconds)


class Gate:
    """Shut until it is opened; then open for good."""

    def __init__(self):
        self._event = threading.Event()

    def open(self):
        self._event.set()

    def wait(self):
        if not self._event.wait(PATIENCE):
            raise AssertionError("a gate was never opened")


# ---- bytes ----------------------------------------------------------------------------------------------------------

def pattern(size, salt=0):
    """Bytes of every value, NUL too, that differ from place to place."""
    line = bytes((i * 7 + salt) & 0xFF for i in range(256))
    block = b"".join(struct.pack(">I", i + salt) + line[4:] for i in range(256))
    return (block * (size // len(block) + 1))[:size]


def stream(size):
    """As many bytes, in pieces that all differ."""
    piece = pattern(1 << 18)
    for start in range(0, size, len(piece)):
        yield (struct.pack(">Q", start) + piece[8:])[:size - start]


def ok(body=b"", *fields):
    """A whole answer of an origin."""
    lines = ["HTTP/1.0 200 OK", "Date: Thu, 01 Jan 1970 00:00:00 GMT", f"Content-Length: {len(body)}", *fields]
    return "".join(line + "\r\n" for line in lines).encode() + b"\r\n" + body


def request(url, *fields, method="GET", version="1.0", body=b""):
    """A whole request for a proxy."""
    lines = [f"{method} {url} HTTP/{version}", *fields]
    return "".join(line + "\r\n" for line in lines).encode("latin-1") + b"\r\n" + body


class Head:
    """The head of a message, taken apart."""

    def __init__(self, raw):
        self.raw = bytes(raw)
        lines = self.raw.decode("latin-1").split("\r\n")
        self.first = lines[0]
        self.lines = [line for line in lines[1:] if line]
        words = self.first.split(" ")
        self.status = int(words[1]) if self.first.startswith("HTTP/") and words[1:] and words[1].isdigit() else 0
        self.method, self.target = (words + ["", ""])[:2]

    def all(self, name):
        """The values of all fields of that name."""
        return [value.strip() for key, _, value in (line.partition(":") for line in self.lines)
                if key.lower() == name.lower()]

    @property
    def length(self):
        return int((self.all("Content-Length") or ["0"])[0])


class Answer:
    """What came until the stream ended; `reset` tells how it ended."""

    def __init__(self, raw, reset):
        self.raw, self.reset = bytes(raw), reset
        head, mark, self.body = self.raw.partition(b"\r\n\r\n")
        self.head = Head(head + mark)
        self.status = self.head.status


# ---- one end of a connection ----------------------------------------------------------------------------------------

class Wire:
    """A connected socket: a client's end, or an origin's."""

    def __init__(self, connection):
        connection.settimeout(PATIENCE)
        self.socket, self.head, self._held = connection, None, b""

    def send(self, data):
        self.socket.sendall(data)
        return self

    def send_in_pieces(self, data, size):
        """Each piece a segment of its own, as far as TCP_NODELAY gives that."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(data), size):
            self.socket.sendall(data[start:start + size])

    def some(self, most=1 << 18):
        """What is there; empty at the end of the stream."""
        if self._held:
            data, self._held = self._held[:most], self._held[most:]
            return data
        return self.socket.recv(most)

    def read(self, size):
        """So many bytes; fewer only if the stream ends before."""
        data = bytearray()
        while len(data) < size and (piece := self.some(size - len(data))):
            data += piece
        return bytes(data)

    def read_head(self):
        """The next head; None if the stream ends before it is whole."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.some()
            if not piece:
                self._held = data
                return None
            data += piece
        head, mark, self._held = data.partition(b"\r\n\r\n")
        self.head = Head(head + mark)
        return self.head

    def read_body(self):
        """As long as the head's Content-Length says."""
        return self.read(self.head.length)

    def rest(self, first=b""):
        """Everything until the stream ends, in whatever way."""
        data = bytearray(first)
        try:
            while piece := self.some():
                data += piece
        except ConnectionResetError:
            return Answer(data, True)
        return Answer(data, False)

    def until_gone(self):
        """Until the other side has closed or reset; what it sends is thrown away."""
        with contextlib.suppress(ConnectionError):
            while self.some():
                pass

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Closes with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


RawClient = Wire


# ---- the proxy ------------------------------------------------------------------------------------------------------

# With roles: a line for each listener, as "listens on 127.0.0.1:8001: reverse proxy for localhost:3000".
PLACE = re.compile(r"listens on (\S+:\d+): (.+)")

# Findings about time, which say that the machine is slow, as text, as JSON, or in the trace.
SLOW_MACHINE = re.compile(rb"slow-turn|slow-run|late-wake|scheduled-late")


class ProxyProcess:
    """The program under test. As a context it is stopped at the end, and must have exited with status 0, in silence and without a
    finding of severity error."""

    def __init__(self, *options, port="0", preexec=None, read_log=True, through=(), pass_fds=()):
        """`through`: a program and its arguments that executes the proxy, which gets the descriptors `pass_fds`."""
        arguments = ([port] if port is not None else []) + list(options)
        self.process = subprocess.Popen([*through, *PREFIX, PROXY, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, preexec_fn=preexec, pass_fds=pass_fds)
        with contextlib.suppress(PermissionError):  # without privileges, the pipes of a user have a limit in total: pipe(7)
            fcntl.fcntl(self.process.stdout, F_SETPIPE_SZ, MIB)  # lines that this process is too busy to read would be dropped
        self.pid, self.lines, self._news = self.process.pid, [], threading.Condition()
        self._stopped, self._errors = False, b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._hearer = threading.Thread(target=self._hear, daemon=True)  # a full pipe would stop the proxy
        self._hearer.start()
        self.announcement = self._read_announcement()
        self.places = PLACE.findall(self.announcement)  # (address and port, what is done there), in their order
        self.ports = [int(place.rpartition(":")[2]) for place, _ in self.places]
        self.ports += [int(port) for port in re.findall(r":(\d+)(?= and |\. Try)", self.announcement)]
        self.ports += [int(port) for port in re.findall(r"open http://127\.0\.0\.1:(\d+)/", self.announcement)]
        if not self.ports:
            self.process.kill()
            raise AssertionError(f"the proxy did not start: {self.announcement}{self.ended()[1]}")
        self.port = self.ports[0]
        if read_log:
            self.read_log()

    # -- what it says

    def _read_announcement(self):
        """One line, or one for each listener and then a last one; in each case that is the one with Ctrl-C."""
        text = ""
        for line in iter(self.process.stdout.readline, b""):
            text += line.decode()
            if "Ctrl-C" in text:
                break
        return text

    def read_log(self):
        self._reader.start()

    def _read(self):
        """Without the findings that a slow machine causes, as valgrind makes it."""
        for line in self.process.stdout:
            if SLOW_MACHINE.search(line):
                continue
            with self._news:
                self.lines.append(line.decode().rstrip("\n"))
                self._news.notify_all()

    def _hear(self):
        while piece := os.read(self.process.stderr.fileno(), 1 << 16):
            with self._news:
                self._errors += piece
                self._news.notify_all()

    def line(self, *words):
        """The first line with all these words; waits for it."""
        def found():
            return next((line for line in self.lines if all(word in line for word in words)), None)

        with self._news:
            if not self._news.wait_for(found, PATIENCE):
                raise AssertionError(f"no line has {words}; the last ones are: {self.lines[-20:]}")
            return found()

    def count_lines(self, count):
        """Waits until there are so many; all lines."""
        with self._news:
            if not self._news.wait_for(lambda: len(self.lines) >= count, PATIENCE):
                raise AssertionError(f"{len(self.lines)} of {count} lines have come")
            return list(self.lines)

    def wait_for_lines(self, condition):
        """Until the lines that have come make it true."""
        with self._news:
            if not self._news.wait_for(condition, PATIENCE):
                raise AssertionError(f"timeout; the last lines are: {self.lines[-20:]}")

    def said(self, words):
        """Waits until it has said so on standard error."""
        with self._news:
            if not self._news.wait_for(lambda: words in self._errors.decode(errors="replace"), PATIENCE):
                raise AssertionError(f"it never said {words}, but {self._errors}")

    # -- asking it

    def connect(self, host="127.0.0.1", port=None, window=None):
        """A client; `window` keeps its receive buffer that small."""
        connection = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if window:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        client = RawClient(connection)
        try:
            connection.connect((host, port or self.port))
        except OSError:
            client.close()
            raise
        return client

    def ask(self, *arguments, host="127.0.0.1", port=None, window=None, **parts):
        """A client that has sent `request(*arguments, **parts)`."""
        return self.connect(host, port, window).send(request(*arguments, **parts))

    def get(self, *arguments, **parts):
        """The whole answer to `request(*arguments, **parts)`."""
        with self.ask(*arguments, **parts) as client:
            return client.rest()

    # -- looking at it

    def descriptors(self):
        """How many are open, without those that are opened from time to time: files of names, and a second
        netlink socket, while the proxy reads the machine's addresses again."""
        folder, names = f"/proc/{self.pid}/fd", []
        for number in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                names.append(os.readlink(f"{folder}/{number}"))
        rows = pathlib.Path(f"/proc/{self.pid}/net/netlink").read_text(encoding="ascii").splitlines()[1:]
        routing = {f"socket:[{row.split()[-1]}]" for row in rows}
        second = max(0, sum(name in routing for name in names) - 1)
        return sum(not name.startswith("/etc/") for name in names) - second

    def status(self, field):
        """A number from /proc/PID/status, as VmRSS in KiB."""
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(rf"^{field}:\s*(\d+)", text, re.MULTILINE)[1])

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def tasks(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def wait_for_rest(self, cpu=0.05, wakes=20):
        """Waits for a second in which it uses at most so many CPU seconds and wakes up fewer times. A proxy that spins has none."""
        def at_rest():
            used, woken = self.cpu_seconds(), self.status("voluntary_ctxt_switches")
            pause(1)
            seen.append((self.cpu_seconds() - used, self.status("voluntary_ctxt_switches") - woken))
            return seen[-1][0] <= cpu and seen[-1][1] < wakes

        seen = []
        wait_until(at_rest, lambda: f"at rest; the last (CPU seconds, wake-ups) are {seen[-5:]}")

    # -- ending it

    def stop(self, how=signal.SIGINT):
        """Its exit status, and what it said on standard error."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.ended()

    def ended(self):
        """The same, of one that ends by itself."""
        self._stopped = True
        try:
            status = self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        self._hearer.join(PATIENCE)  # to the end of what it says
        self.process.stderr.close()
        error = self._errors.decode(errors="replace")
        if self._reader.ident is not None:
            self._reader.join(PATIENCE)  # to the end of the output
        self.process.stdout.close()
        return status, error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._stopped:
            return
        status, error = self.stop()
        if status != 0 or error:
            raise AssertionError(f"the proxy ended with status {status}: {error[-4000:]}")
        wrong = [line for line in self.lines if line.startswith("finding ") and " (error): " in line]
        if wrong:
            raise AssertionError(f"the loop doctor found that the proxy is wrong: {wrong}")


# ---- the origin -----------------------------------------------------------------------------------------------------

class Origin:
    """A server. `serve(wire)` runs in a thread for each request, whose head is in `wire.head`; then it is closed."""

    def __init__(self, serve=None, host="127.0.0.1", port=0, window=None):
        self._serve = serve or (lambda wire: wire.send(ok(b"hello")))
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if window:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.socket.bind((host, port))
        self.socket.listen(4096)
        self.port = self.socket.getsockname()[1]
        self.authority = (f"[{host}]" if ":" in host else host) + f":{self.port}"
        self.heads, self._news = [], threading.Condition()
        self._open, self._failures = set(), []
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path="/"):
        return f"http://{self.authority}{path}"

    def wait_for(self, count=1):
        """Waits until so many heads have come in all; the last of them."""
        with self._news:
            if not self._news.wait_for(lambda: len(self.heads) >= count, PATIENCE):
                raise AssertionError(f"{len(self.heads)} of {count} requests have come")
            return self.heads[count - 1]

    def connections(self):
        """Those that are open now."""
        return list(self._open)

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(Wire(connection),), daemon=True).start()

    def _run(self, wire):
        self._open.add(wire)
        try:
            if wire.read_head():
                with self._news:
                    self.heads.append(wire.head)
                    self._news.notify_all()
                self._serve(wire)
        except OSError:
            pass  # the proxy has closed; the test says whether it should
        except Exception:  # pylint: disable=broad-except
            self._failures.append(traceback.format_exc())
        finally:
            self._open.discard(wire)
            wire.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for wire in list(self._open):
            with contextlib.suppress(OSError):
                wire.socket.shutdown(socket.SHUT_RDWR)
        if self._failures:
            raise AssertionError("in the origin: " + self._failures[0])


def closed_port():
    """A port on 127.0.0.1 on which nothing listens, outside the range from which the kernel assigns ports."""
    while True:
        port = random.randrange(10_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


# ---- test cases -----------------------------------------------------------------------------------------------------

class Case(unittest.TestCase):
    """Ends at the end of a test what it has started, in reverse order."""
    OPTIONS = ()  # of each proxy

    def enter(self, context):
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value

    def proxy(self, *options, **how):
        return self.enter(ProxyProcess(*self.OPTIONS, *options, **how))

    def origin(self, *arguments, **how):
        return self.enter(Origin(*arguments, **how))

    def gate(self):
        """Opened at the latest when the test ends."""
        gate = Gate()
        self.addCleanup(gate.open)
        return gate

    def client(self, wire):
        return self.enter(wire)

    def assert_own_answer(self, answer, status, title=""):
        """A whole answer that the proxy made itself: status, length and text agree, and the text gives a reason."""
        self.assertEqual(answer.status, status, (title, answer.raw[:300]))
        self.assertFalse(answer.reset, (title, "the answer was cut by a reset"))
        self.assertRegex(answer.head.first, rf"^HTTP/1\.[01] {status} ", title)
        self.assertEqual(answer.head.all("Content-Length"), [str(len(answer.body))], title)
        self.assertEqual(answer.head.all("Connection"), ["close"], title)
        self.assertEqual(answer.head.all("Content-Type"), ["text/plain; charset=us-ascii"], title)
        self.assertEqual(len(answer.head.all("Proxy-Status")), 1, title)
        self.assertRegex(answer.head.all("Proxy-Status")[0], PROXY_STATUS, title)
        text = answer.body.decode("ascii").split("\n")
        self.assertEqual(text[0], answer.head.first[len("HTTP/1.0 "):], title)
        self.assertGreater(len(text[2]), 10, (title, "a sentence says why"))


def allow_descriptors(count):
    """Skips the test if this process may not open so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise unittest.SkipTest(f"this machine allows {hard} descriptors, {count} are needed")
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
