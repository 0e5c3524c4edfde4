#!/usr/bin/env python3
"""Grades a lab proxy, from outside: any program that is started as `PROXY PORT` and serves HTTP/1.0.

    ./driver.py -b 20 -c 75 -m 2 epoll

Everything happens on this machine. The origin servers are threads of this program, so that they can hold an answer,
send it in pieces, break it off, and see the very bytes that the proxy sent. Who must come before whom is decided by
events, never by the clock. Needs python3 (3.9 or later) and, for -m and -s, valgrind.
"""
import argparse
import collections
import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
MODES = ("multiprocess", "processpool", "multithread", "threadpool", "epoll")
PATIENCE = 20.0  # seconds until a proxy that does nothing counts as hung (--patience)
SLOWER = 4       # under valgrind, so many times as much
LARGE = 6 * 1024 * 1024   # more than the socket buffers hold
HUGE = 24 * 1024 * 1024


# ---- what can go wrong ------------------------------------------------------------------------------------------------

class Wrong(Exception):
    """The proxy did something else than expected; `mistake` is the likely reason in its code."""

    def __init__(self, did, expected, mistake):
        super().__init__(did)
        self.did, self.expected, self.mistake = did, expected, mistake


class NotTestable(Exception):
    """This machine does not allow the test; the text says why, and how to allow it."""


MISTAKE = {
    "parse": "the request line or a header is taken apart wrongly, or put together wrongly for the server",
    "host": "Host is not made from the URL, or the port is missing in it",
    "binary": "the body is handled as a C string (strlen, strcpy, printf), which ends at its first NUL",
    "large": "the answer must fit in one buffer; send it on piece by piece",
    "end": "the end of the answer (read() returning 0) is missed, or the client's socket is not closed after it",
    "slow request": "the request is taken as whole after the first read(); go on until \\r\\n\\r\\n has come",
    "slow response": "read() giving EAGAIN, or few bytes, is taken as the end of the answer",
    "short write": "send() took fewer bytes than asked, or gave EAGAIN, and the rest was forgotten or the connection given "
                   "up; keep an offset, and go on when the socket is writable again",
    "edge": "edge-triggered epoll tells only once: read and accept until EAGAIN, or what is left is never heard of",
    "blocking": "one request waits inside a system call (connect, read, write) while all others must wait for it",
    "connect": "connect() blocks; make the socket non-blocking before it, and wait until it is writable",
    "sigpipe": "writing to a connection that is gone raises SIGPIPE, which ends the program; ignore it, or use MSG_NOSIGNAL",
    "reset": "an error of one connection (ECONNRESET, EPIPE) ends the program or leaves its request behind",
    "stale": "after a request something of it stays: its buffer, its offset, its descriptor or its state",
    "close": "the connection to the client stays open when the server has ended; the client waits for ever",
    "descriptor": "a descriptor is not closed when its request ends (in an error path?)",
    "name": "a host that is not found, or refuses, must end in an answer or a close, not in a hang or a crash",
    "starve": "a connection that always has more to read is read for ever; give each a share, then go on with the next",
    "spin": "the loop goes round without waiting: a timeout of 0, or level-triggered EPOLLOUT",
    "model": "the concurrency is not of the asked kind",
    "leak": "memory of a request is not freed when it ends (in an error path?)",
    "memory": "memory is used that is not there (any more), or was never written",
    "shutdown": "SIGINT does not end the loop: set a flag in the handler, let epoll_wait return, free all, return from main",
    "cache": "a file that was fetched before is not kept",
}


def ensure(truth, did, expected, mistake):
    if not truth:
        raise Wrong(did, expected, MISTAKE[mistake])


def short(data):
    text = repr(bytes(data[:80]))[2:-1]
    return text + ("..." if len(data) > 80 else "")


# ---- the origin server ------------------------------------------------------------------------------------------------

def pattern(size, salt=0):
    """`size` bytes in which every value occurs, NUL too, and no two places of 64 KiB are alike."""
    line = bytes((i * 7 + salt) & 0xFF for i in range(256))
    block = b"".join(struct.pack(">I", i) + line[4:] for i in range(256))
    return (block * (size // len(block) + 1))[:size]


def abort(connection):
    """Closes with RST."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


Request = collections.namedtuple("Request", "method target version fields head")


def read_head(connection):
    """The head of a message, byte-exact, and what came behind it. Empty if the other side ended before."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b"", data
        data += piece
    end = data.index(b"\r\n\r\n") + 4
    return data[:end], data[end:]


def parse_request(head):
    line, *rest = head[:-4].split(b"\r\n")
    words = line.decode("latin-1").split(" ")
    if len(words) != 3:
        return Request(line.decode("latin-1"), "", "", [], head)
    fields = [tuple(part.strip() for part in field.decode("latin-1").partition(":")[::2]) for field in rest]
    return Request(*words, fields, head)


class Origin:
    """A server on a port of its own. Each path is served by the function registered for it.

    A function gets the connection and the request and sends what it likes; the connection is closed after it.
    """

    def __init__(self, options, port=0):
        self.patience = options.patience
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen(512)
        self.port = self.socket.getsockname()[1]
        self.log = options.tiny_output
        self.paths = {}
        self.requests = []
        self.changed = threading.Condition()
        self.open = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def add(self, path, serve):
        self.paths[path] = serve
        return self.url(path)

    def page(self, path, body, kind="text/plain"):
        head = f"HTTP/1.0 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        return self.add(path, lambda connection, request: connection.sendall(head + body))

    def wait_for(self, count, what="the request"):
        """Until `count` requests have come in all."""
        with self.changed:
            ensure(self.changed.wait_for(lambda: len(self.requests) >= count, self.patience),
                   f"{what} did not reach the server", "the proxy sends the request on as soon as it has it", "parse")

    def last(self):
        with self.changed:
            return self.requests[-1]

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection.settimeout(self.patience * SLOWER)
            head, _ = read_head(connection)
            if not head:
                return
            request = parse_request(head)
            with self.changed:
                self.requests.append(request)
                self.changed.notify_all()
            if self.log:
                self.log.write(f"{request.method} {request.target} {request.version}\n".encode())
                self.log.flush()
            serve = self.paths.get(request.target)
            if serve is None:
                connection.sendall(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            else:
                serve(connection, request)
        except OSError:
            pass  # the other side has gone; what that means is the test's to say
        finally:
            self.open.discard(connection)
            connection.close()


class Gate:
    """Holds answers back until it is opened."""

    def __init__(self):
        self.event = threading.Event()
        self.waiting = 0
        self.lock = threading.Lock()

    def holds(self, serve):
        def held(connection, request):
            with self.lock:
                self.waiting += 1
            self.event.wait()
            serve(connection, request)
        return held


def black_hole():
    """A port on which connecting never ends: it listens, but its queue is full. Returns the sockets to keep."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    kept = [listener]
    for _ in range(8):
        filler = socket.socket()
        filler.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            filler.connect(listener.getsockname())
        kept.append(filler)
    return listener.getsockname()[1], kept


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# ---- the client -------------------------------------------------------------------------------------------------------

Response = collections.namedtuple("Response", "status fields body reset")


def request_bytes(url, version="HTTP/1.0", fields=(), method="GET"):
    host = url.split("/")[2]
    lines = [f"{method} {url} {version}", f"Host: {host}", "User-Agent: driver", "Accept: */*",
             "Proxy-Connection: Keep-Alive"]
    lines += [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def length_of(fields):
    for name, value in fields:
        if name.lower() == "content-length" and value.isdigit():
            return int(value)
    return None


def read_response(connection):
    """Reads until the answer is whole by its Content-Length, or the connection ends."""
    head, body = read_head(connection)
    if not head:
        return Response(0, [], body, False)
    words = head.split(b"\r\n")[0].split(b" ")
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    fields = parse_request(head).fields if len(words) == 3 else \
        [tuple(p.strip() for p in f.decode("latin-1").partition(":")[::2]) for f in head[:-4].split(b"\r\n")[1:]]
    length = length_of(fields)
    pieces, have, reset = [body], len(body), False
    while length is None or have < length:
        try:
            piece = connection.recv(262144)
        except ConnectionResetError:
            reset = True
            break
        if not piece:
            break
        pieces.append(piece)
        have += len(piece)
    return Response(status, fields, b"".join(pieces), reset)


class Proxy:
    """The proxy that is graded, as a process of its own session, so that it can be ended with all its children."""

    def __init__(self, options, folder, valgrind=False):
        self.patience = options.patience * (SLOWER if valgrind else 1)
        self.report = pathlib.Path(folder) / "valgrind.log"
        self.port = closed_port()
        command = [str(options.proxy), str(self.port)]
        if valgrind:
            command = ["valgrind", "--tool=memcheck", "--leak-check=full", "--show-leak-kinds=all", "--track-fds=yes",
                       "--trace-children=no", f"--log-file={self.report}", *command]
        self.output = options.proxy_output or subprocess.DEVNULL
        # Descriptors 0 to 2 and no others, so that what is left open at the end is the proxy's.
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.output,
                                        stderr=subprocess.STDOUT, start_new_session=True, close_fds=True)
        self._await_port()
        self.threads_at_start, self.processes_at_start = self.threads(), self.processes()

    def _await_port(self):
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            ensure(self.process.poll() is None, f"it ended at once, with status {self.process.returncode}",
                   "it listens on the port it is given", "parse")
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            time.sleep(0.02)  # Nothing tells a stranger when a port is open: so it is asked.
        raise Wrong("it does not listen", "it listens on the port it is given", MISTAKE["parse"])

    def connect(self, small_window=False):
        client = socket.socket()
        if small_window:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        client.settimeout(self.patience)
        client.connect(("127.0.0.1", self.port))
        return client

    def ask(self, url, **how):
        client = self.connect(how.pop("small_window", False))
        client.sendall(request_bytes(url, **how))
        return client

    def fetch(self, url, mistake="parse", **how):
        """The answer to a request; a hang is reported as `mistake`."""
        try:
            with self.ask(url, **how) as client:
                return read_response(client)
        except socket.timeout:
            raise Wrong(f"no whole answer to {url[:80]} came", "the answer comes", MISTAKE[mistake]) from None
        except (ConnectionError, OSError) as error:
            self.alive(mistake)
            raise Wrong(f"the connection broke: {error}", "the answer comes", MISTAKE[mistake]) from None

    def expect(self, url, body, mistake, **how):
        """Fetches, and compares the body."""
        check_body(self.fetch(url, mistake, **how), body, mistake)

    def alive(self, mistake):
        status = self.process.poll()
        if status is None:
            return
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
        raise Wrong(f"it ended, with {how}", "it goes on", MISTAKE["sigpipe" if status == -signal.SIGPIPE else mistake])

    # -- seen from outside --

    def threads(self):
        return sum(len(os.listdir(f"/proc/{pid}/task")) for pid in self._family())

    def processes(self):
        return len(self._family())

    def _family(self):
        """The proxy's pid and those of all that descend from it."""
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                with contextlib.suppress(OSError):
                    stat = pathlib.Path("/proc", entry, "stat").read_text(errors="replace")
                    parents[int(entry)] = int(stat.rpartition(")")[2].split()[1])
        family = [self.process.pid]
        for pid in family:
            family += [child for child, parent in parents.items() if parent == pid]
        return family

    def descriptors(self):
        """{number: what it is} of the open ones."""
        folder = pathlib.Path(f"/proc/{self.process.pid}/fd")
        found = {}
        for entry in folder.iterdir():
            with contextlib.suppress(OSError):
                found[int(entry.name)] = os.readlink(entry)
        return found

    def descriptor_info(self, number):
        return pathlib.Path(f"/proc/{self.process.pid}/fdinfo/{number}").read_text()

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # -- its end --

    def interrupt(self):
        """Sends SIGINT; its status, or None if it has to be killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(self.patience)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.kill()

    def kill(self):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def check_body(response, body, mistake):
    ensure(response.status == 200, f"status {response.status} came" if response.status else "no answer came, or none with "
           f"a status: {short(response.body)}", "status 200, as the server said", mistake)
    if response.body == body:
        return
    have = response.body
    same = next((i for i, (a, b) in enumerate(zip(have, body)) if a != b), min(len(have), len(body)))
    raise Wrong(f"{len(have)} bytes of {len(body)} came, the first {same} of them right"
                + (", then a reset" if response.reset else ""), "every byte of the body, in its place", MISTAKE[mistake])


# ---- the tests --------------------------------------------------------------------------------------------------------

class Stage:
    """What a test works with: a proxy, a server, and a list of what must be closed at the end."""

    def __init__(self, options, folder, valgrind=False):
        self.options, self.folder = options, folder
        self.stack = contextlib.ExitStack()
        self.origin = Origin(options)
        self.stack.callback(self.origin.close)
        try:
            self.proxy = Proxy(options, folder, valgrind)
        except BaseException:
            self.stack.close()
            raise
        self.stack.callback(self.proxy.kill)

    def keep(self, thing):
        """Closes it when the test is over."""
        self.stack.callback(thing.close)
        return thing

    def gate(self):
        gate = Gate()
        self.stack.callback(gate.event.set)
        return gate

    def works(self, mistake):
        """A good request is served."""
        self.proxy.alive(mistake)
        body = b"all is well\n"
        self.proxy.expect(self.origin.page("/well", body), body, mistake)
        self.proxy.alive(mistake)


def in_threads(functions):
    """Runs them side by side; the first exception of them is raised here."""
    failures = []

    def guarded(function):
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


# -- basic --

def text(stage):
    body = b"".join(b"line %d of a text\n" % i for i in range(500))
    stage.proxy.expect(stage.origin.page("/home.html", body, "text/html"), body, "parse")
    request = stage.origin.last()
    ensure(request.target == "/home.html", f"the server was asked for {request.target!r}",
           "the path alone (/home.html): servers of the web take no absolute URL", "parse")
    ensure(request.version in ("HTTP/1.0", "HTTP/1.1"), f"the first line ended in {request.version!r}",
           "HTTP/1.0 at the end of the first line", "parse")


def curl_like(stage):
    body = b"asked for as HTTP/1.1\n"
    stage.proxy.expect(stage.origin.page("/one", body), body, "parse", version="HTTP/1.1")


def host_field(stage):
    stage.proxy.expect(stage.origin.page("/h", b"x"), b"x", "host")
    hosts = [value for name, value in stage.origin.last().fields if name.lower() == "host"]
    ensure(hosts == [f"127.0.0.1:{stage.origin.port}"], f"Host was {hosts}",
           f"one Host, and it is 127.0.0.1:{stage.origin.port}", "host")


def fields_kept(stage):
    mine = [("Cookie", "a=1; b=2"), ("X-Unknown", "kept"), ("Accept-Language", "de")]
    stage.proxy.expect(stage.origin.page("/f", b"x"), b"x", "parse", fields=mine)
    got = [(name.lower(), value) for name, value in stage.origin.last().fields]
    missing = [name for name, value in mine if (name.lower(), value) not in got]
    ensure(not missing, f"these fields did not reach the server: {missing}", "the client's fields go on unchanged", "parse")


def binary(stage):
    body = pattern(70_000)
    stage.proxy.expect(stage.origin.page("/binary", body, "image/jpeg"), body, "binary")


def empty(stage):
    stage.proxy.expect(stage.origin.page("/empty", b""), b"", "end")


def large(stage):
    body = pattern(LARGE)
    stage.proxy.expect(stage.origin.page("/large", body), body, "large")


def until_close(stage):
    body = pattern(300_000, 3)
    url = stage.origin.add("/c", lambda c, _: c.sendall(b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\n" + body))
    stage.proxy.expect(url, body, "end")


def query_and_long_url(stage):
    for path in ("/q?a=1&b=%20c&d=http://x/", "/" + "long" * 900 + "?" + "q" * 300):
        body = b"found " + path.encode()[-20:]
        stage.proxy.expect(stage.origin.page(path, body), body, "parse")


def slowly_sent(stage, pieces, mistake, url, body):
    with stage.proxy.connect() as client:
        try:
            for piece in pieces:
                client.sendall(piece)
                time.sleep(0.01)  # the slowness is the test
            check_body(read_response(client), body, mistake)
        except (socket.timeout, ConnectionError) as error:
            raise Wrong(f"no answer to a request that came slowly ({error})", "the answer comes", MISTAKE[mistake]) from None


def slow_request(stage):
    body = b"patience\n"
    url = stage.origin.page("/slow-request", body)
    whole = request_bytes(url)
    slowly_sent(stage, [whole[i:i + 1] for i in range(len(whole))], "slow request", url, body)
    # The end of the head in two pieces, at each place where it can be cut.
    for cut in range(1, 4):
        slowly_sent(stage, [whole[:-cut], whole[-cut:]], "slow request", url, body)


def in_pieces(body, pieces=12):
    size = max(1, len(body) // pieces)

    def serve(connection, _):
        head = b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        for data in (head[:9], head[9:-2], head[-2:], *(body[i:i + size] for i in range(0, len(body), size))):
            connection.sendall(data)
            time.sleep(0.03)  # the slowness is the test
    return serve


def slow_response(stage):
    body = pattern(30_000, 1)
    stage.proxy.expect(stage.origin.add("/slow-response", in_pieces(body)), body, "slow response")


def slow_both(stage):
    body = pattern(3000, 2)
    url = stage.origin.add("/slow-both", in_pieces(body))
    whole = request_bytes(url)
    slowly_sent(stage, [whole[i:i + 7] for i in range(0, len(whole), 7)], "slow response", url, body)


def second_request(stage):
    for number in range(12):
        body = pattern(2000 + 5000 * (number % 3), number)
        stage.proxy.expect(stage.origin.page(f"/again/{number}", body), body, "stale")


# -- a name, and port 80: in a network of its own --

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
NAME = "www.lab.test"


def system_call(name, *arguments):
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def own_network(folder):
    """This process gets a network of its own, with a loopback, in which NAME is known and port 80 is free."""
    user, group = os.getuid(), os.getgid()
    system_call("unshare", CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET)
    for file, line in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        pathlib.Path("/proc/self", file).write_text(line)
    with socket.socket() as any_socket:
        up_and_running = struct.pack("16sh14x", b"lo", 0x1 | 0x40)
        fcntl.ioctl(any_socket, 0x8914, up_and_running)  # SIOCSIFFLAGS
    hosts = pathlib.Path(folder) / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {NAME}\n")
    system_call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    system_call("mount", str(hosts).encode(), b"/etc/hosts", None, MS_BIND, None)


def by_name_here(options, folder, name):
    """The test itself, where `name` is known and port 80 can be had."""
    origin = Origin(options, port=80)
    try:
        proxy = Proxy(options, folder)
        try:
            body = b"served by name\n"
            origin.page("/by-name", body)
            proxy.expect(f"http://{name}/by-name", body, "name")
            hosts = [value for field, value in origin.last().fields if field.lower() == "host"]
            ensure(hosts in ([name], [f"{name}:80"]), f"Host was {hosts}", f"Host: {name}", "host")
        finally:
            proxy.kill()
    finally:
        origin.close()


def run_in_own_network(options, folder):
    """Run by a child of the driver. Prints what happened as JSON."""
    try:
        own_network(folder)
    except OSError as error:
        print(json.dumps({"not testable": str(error)}))
        return
    try:
        by_name_here(options, folder, NAME)
        print(json.dumps({}))
    except Wrong as wrong:
        print(json.dumps({"did": wrong.did, "expected": wrong.expected, "mistake": wrong.mistake}))


def by_name(stage):
    child = subprocess.run([sys.executable, str(pathlib.Path(__file__).resolve()), "epoll", "--proxy",
                            str(stage.options.proxy), "--in-own-network", stage.folder],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    result = json.loads(child.stdout or '{"not testable": "the child process failed"}')
    if "did" in result:
        raise Wrong(result["did"], result["expected"], result["mistake"])
    if "not testable" not in result:
        return
    # No network of our own: then perhaps this machine's own name and its port 80.
    name = socket.gethostname()
    try:
        ensure(socket.gethostbyname(name).startswith("127."), "", "", "name")
        by_name_here(stage.options, stage.folder, name)
    except (OSError, Wrong) as error:
        if isinstance(error, Wrong) and error.did:
            raise
        raise NotTestable(f"{result['not testable']}; allow user namespaces, or run the driver as root") from None


# -- concurrency --

def held_while(stage, others, count=1, path="/held", body=None):
    """Runs `others` while `count` requests are held by the server; then these must be answered too."""
    body = body or pattern(5000, 9)
    gate = stage.gate()
    head = b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    url = stage.origin.add(path, gate.holds(lambda connection, _: connection.sendall(head + body)))
    before = len(stage.origin.requests)
    clients = [stage.keep(stage.proxy.ask(url)) for _ in range(count)]
    stage.origin.wait_for(before + count, f"{count} requests at once: one of them")
    others()
    gate.event.set()
    for client in clients:
        try:
            check_body(read_response(client), body, "stale")
        except socket.timeout:
            raise Wrong("a request that had to wait for the server was never answered", "it is answered when the server "
                        "answers", MISTAKE["edge"]) from None


def fast_ones(stage, count, mistake="blocking"):
    bodies = {f"/fast/{i}": pattern(1500 + i, i) for i in range(count)}
    for path, body in bodies.items():
        stage.origin.page(path, body)
    in_threads([lambda path=path, body=body: stage.proxy.expect(stage.origin.url(path), body, mistake)
                for path, body in bodies.items()])


def fast_before_slow(stage):
    held_while(stage, lambda: fast_ones(stage, 1))


def five_and_five(stage):
    held_while(stage, lambda: fast_ones(stage, 5), count=5)


def hundred(stage):
    held_while(stage, lambda: fast_ones(stage, 50, "edge"), count=50)


def half_requests(stage):
    url = stage.origin.page("/half", b"whole at last\n")
    whole = request_bytes(url)
    clients = [stage.keep(stage.proxy.connect()) for _ in range(20)]
    for number, client in enumerate(clients):
        client.sendall(whole[:number * 3])
    fast_ones(stage, 5)
    for number, client in enumerate(clients):
        client.sendall(whole[number * 3:])
    for client in clients:
        try:
            check_body(read_response(client), b"whole at last\n", "slow request")
        except socket.timeout:
            raise Wrong("a request that was finished late got no answer", "it is answered", MISTAKE["edge"]) from None


def burst(stage):
    """Many connect in the same moment: one edge for all of them."""
    body = b"one of many\n"
    url = stage.origin.page("/burst", body)
    clients = []
    os.kill(stage.proxy.process.pid, signal.SIGSTOP)
    try:
        for _ in range(60):
            client = stage.keep(stage.proxy.connect())
            client.sendall(request_bytes(url))
            clients.append(client)
    finally:
        os.kill(stage.proxy.process.pid, signal.SIGCONT)
    for client in clients:
        try:
            check_body(read_response(client), body, "edge")
        except socket.timeout:
            raise Wrong("of 60 that connected in the same moment, some were never served", "all are served",
                        MISTAKE["edge"]) from None


def hanging_connect(stage):
    port, kept = black_hole()
    for thing in kept:
        stage.keep(thing)
    for _ in range(3):
        stage.keep(stage.proxy.ask(f"http://127.0.0.1:{port}/never"))
    fast_ones(stage, 5, "connect")


def stopped_reader(stage):
    body = pattern(HUGE, 4)
    url = stage.origin.page("/huge", body)
    client = stage.keep(stage.proxy.ask(url, small_window=True))
    stage.origin.wait_for(len(stage.origin.requests) or 1)
    first = client.recv(1000)
    fast_ones(stage, 5)
    try:
        head, rest = read_head_from(first, client)
        received = bytearray(rest)
        while len(received) < len(body):
            piece = client.recv(262144)
            if not piece:
                break
            received += piece
    except (socket.timeout, ConnectionError) as error:
        raise Wrong(f"a client that stopped reading for a while never got the rest ({error})",
                    "it gets every byte once it reads on", MISTAKE["short write"]) from None
    check_body(Response(200 if b" 200 " in head[:20] else 0, [], bytes(received), False), body, "short write")


def read_head_from(first, connection):
    data = first
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            break
        data += piece
    end = data.find(b"\r\n\r\n") + 4
    return data[:end], data[end:]


def greedy_neighbour(stage):
    """An answer without end, read as fast as it comes, beside small requests."""
    over = threading.Event()
    stage.stack.callback(over.set)
    piece = pattern(65536)

    def endless(connection, _):
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        while not over.is_set():
            connection.sendall(piece)

    client = stage.keep(stage.proxy.ask(stage.origin.add("/endless", endless)))
    flowing = threading.Event()

    def reader():
        with contextlib.suppress(OSError):
            while not over.is_set() and client.recv(262144):
                flowing.set()

    threading.Thread(target=reader, daemon=True).start()
    ensure(flowing.wait(stage.proxy.patience), "an answer that goes on for ever never began to come", "its bytes are passed on as they "
           "come", "large")
    for _ in range(4):
        fast_ones(stage, 5, "starve")
    over.set()


def flooding_client(stage):
    """A client that sends on and on behind its request, beside small requests."""
    over = threading.Event()
    stage.stack.callback(over.set)
    client = stage.keep(stage.proxy.connect())

    def flood():
        with contextlib.suppress(OSError):
            client.sendall(b"GET " + stage.origin.url("/flood").encode() + b" HTTP/1.0\r\n\r\n")
            while not over.is_set():
                client.sendall(pattern(65536))

    gate = stage.gate()
    stage.origin.add("/flood", gate.holds(lambda connection, _: connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nok")))
    threading.Thread(target=flood, daemon=True).start()
    stage.origin.wait_for(1)
    for _ in range(3):
        fast_ones(stage, 5, "starve")
    over.set()


# -- those who leave early --

def abused(stage, what, mistake="reset"):
    """Does `what` a few times; then a good request must work, with no descriptor left behind."""
    stage.works(mistake)
    before = settled_descriptors(stage)
    for _ in range(2):  # what is opened once and kept, for further use, is no leak: that grows each time
        for _ in range(3):
            what()
        stage.works(mistake)
        after = settled_descriptors(stage, before)
        if after <= before:
            return
        more, before = after - before, after
    ensure(False, f"{more} descriptors more are open than before", "those who left are forgotten", "descriptor")


def settled_descriptors(stage, wanted=0):
    """How many are open; if they are more than `wanted`, they are given time to become fewer."""
    deadline = time.monotonic() + (8 if wanted else 0.5)
    count = len(stage.proxy.descriptors())
    while count > wanted and time.monotonic() < deadline:
        time.sleep(0.05)  # nothing tells when another program closes a descriptor
        count = len(stage.proxy.descriptors())
    return count


def connect_and_close(stage):
    def come_and_go():
        for _ in range(10):
            stage.proxy.connect().close()
        for _ in range(10):
            abort(stage.proxy.connect())
    abused(stage, come_and_go)


def leaves_in_the_request(stage):
    whole = request_bytes(stage.origin.page("/left", b"x"))

    def leave():
        for end in (socket.socket.close, abort):
            client = stage.proxy.connect()
            client.sendall(whole[:30])
            end(client)
    abused(stage, leave)


def leaves_while_waiting(stage):
    def leave():
        gate = stage.gate()
        url = stage.origin.add("/waits", gate.holds(lambda c, _: c.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + pattern(LARGE // 8))))
        for end in (abort, socket.socket.close):
            before = len(stage.origin.requests)
            client = stage.proxy.ask(url)
            stage.origin.wait_for(before + 1)
            end(client)
        gate.event.set()
    abused(stage, leave, "sigpipe")


def leaves_in_the_answer(stage):
    url = stage.origin.page("/much", pattern(LARGE))

    def leave():
        for end in (abort, socket.socket.close):
            client = stage.proxy.ask(url, small_window=True)
            client.recv(500)
            end(client)
    abused(stage, leave, "sigpipe")


def ends_as(stage, path, serve, whole, mistake):
    """The server ends as `serve` does; the client must see an end, and less than `whole` bytes, or an error."""
    url = stage.origin.add(path, serve)

    def ask():
        with stage.proxy.ask(url) as client:
            try:
                response = read_response(client)
            except ConnectionError:
                return
            except socket.timeout:
                raise Wrong("the server was gone, and the client waited on", "the client's connection ends, or an error "
                            "answer comes", MISTAKE["close"]) from None
        ensure(response.status >= 500 or len(response.body) < whole or not whole,
               f"{len(response.body)} bytes came of {whole} of which the server sent fewer", "the cut can be seen", mistake)
    abused(stage, ask)


def server_closes_at_once(stage):
    ends_as(stage, "/closes", lambda connection, _: None, 0, "close")


def server_resets_at_once(stage):
    ends_as(stage, "/resets", lambda connection, _: abort(connection), 0, "reset")


def server_closes_in_the_head(stage):
    ends_as(stage, "/in-head", lambda connection, _: connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Le"), 0, "close")


def server_cuts_the_body(stage):
    head = b"HTTP/1.0 200 OK\r\nContent-Length: 50000\r\n\r\n"
    ends_as(stage, "/cut", lambda connection, _: connection.sendall(head + pattern(20000)), 50000, "close")


def server_resets_in_the_body(stage):
    head = b"HTTP/1.0 200 OK\r\nContent-Length: 50000\r\n\r\n"

    def serve(connection, _):
        connection.sendall(head + pattern(20000))
        abort(connection)
    ends_as(stage, "/reset-in-body", serve, 50000, "reset")


def not_to_be_reached(stage):
    def ask():
        for url in (f"http://127.0.0.1:{closed_port()}/", "http://no-such-host.invalid/"):
            with stage.proxy.ask(url) as client:
                try:
                    response = read_response(client)
                except ConnectionError:
                    continue
                except socket.timeout:
                    raise Wrong(f"{url} cannot be reached, and the client waited on", "an error answer, or a close",
                                MISTAKE["name"]) from None
            ensure(response.status != 200, f"{url} cannot be reached, and status 200 came", "an error answer, or a close",
                   "name")
    abused(stage, ask, "name")


def nonsense(stage):
    def talk():
        for words in (b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
                      b"GET http:// HTTP/1.0\r\n\r\n", b"GET http://127.0.0.1:99999/ HTTP/1.0\r\n\r\n"):
            with stage.proxy.connect() as client:
                client.sendall(words)
                client.shutdown(socket.SHUT_WR)
                with contextlib.suppress(ConnectionError, socket.timeout):
                    client.recv(100)
    abused(stage, talk)


# -- the model --

def check_epoll(stage):
    proxy = stage.proxy
    ensure(proxy.threads() == 1, f"it has {proxy.threads()} threads", "one thread", "model")
    ensure(proxy.processes() == 1, f"it has {proxy.processes() - 1} child processes", "one process", "model")
    found = proxy.descriptors()
    sockets = {number for number, what in found.items() if what.startswith("socket:")}
    pollers = [number for number, what in found.items() if "eventpoll" in what]
    ensure(pollers, "it has no epoll instance", "sockets are watched by epoll", "model")
    for number in sockets:
        with contextlib.suppress(OSError):
            flags = int(re.search(r"flags:\s*([0-7]+)", proxy.descriptor_info(number))[1], 8)
            ensure(flags & os.O_NONBLOCK, f"socket {number} is blocking", "every socket is non-blocking", "model")
    watched = {}
    for number in pollers:
        for fd, events in re.findall(r"tfd:\s*(\d+) events:\s*([0-9a-f]+)", proxy.descriptor_info(number)):
            watched[int(fd)] = int(events, 16)
    level = [fd for fd, events in watched.items() if fd in sockets and not events & 0x80000000]
    ensure(watched, "nothing is registered with epoll", "sockets are watched by epoll", "model")
    ensure(not level, f"sockets {level} are watched level-triggered", "all are watched edge-triggered (EPOLLET)", "model")


def check_other(stage, mode):
    """The other labs' models, by what there was at the start and what there is with requests under way."""
    proxy = stage.proxy
    threads, processes = proxy.threads(), proxy.processes()
    more_threads = threads - processes > proxy.threads_at_start - proxy.processes_at_start
    more_processes = processes > proxy.processes_at_start
    kinds = {"multiprocess": more_processes, "processpool": proxy.processes_at_start > 1 and not more_processes,
             "multithread": more_threads and not more_processes,
             "threadpool": proxy.threads_at_start > 2 and not more_threads and proxy.processes_at_start == 1}
    ensure(kinds[mode], f"{proxy.processes_at_start} processes and {proxy.threads_at_start} threads at the start, "
           f"{processes} and {threads} with five requests under way", f"what {mode} means", "model")


def check_model(stage):
    if stage.options.mode == "epoll":
        check_epoll(stage)
    else:
        check_other(stage, stage.options.mode)


def model(stage):
    held_while(stage, lambda: check_model(stage), count=5)


def rests(stage):
    def rest():
        began, used = time.monotonic(), stage.proxy.cpu_seconds()
        time.sleep(0.6)  # how much a program computes can only be seen over a while
        ensure(stage.proxy.cpu_seconds() - used < 0.5 * (time.monotonic() - began), "it computes all the time while all "
               "requests wait", "it sleeps until something happens", "spin")
    held_while(stage, rest, count=5)


# -- caching, for the labs that have it --

def cached(stage):
    bodies = {f"/cached/{i}": pattern(3000, i) for i in range(3)}
    for path, body in bodies.items():
        stage.proxy.expect(stage.origin.page(path, body), body, "cache")
    stage.origin.close()
    for path, body in bodies.items():
        stage.proxy.expect(stage.origin.url(path), body, "cache")


Test = collections.namedtuple("Test", "name description function holds")


def test(description, function, holds=False):
    """`holds`: it has requests under way for a while, so that the model can be seen; it needs the right one."""
    return Test(function.__name__.replace("_", "-"), description, function, holds)


BASIC = (
    test("A text, with the path alone in the request that the server gets", text),
    test("A request as curl and browsers send it, HTTP/1.1", curl_like),
    test("Host is the server's name and port", host_field),
    test("Fields of the client that the proxy does not know, and cookies, go on", fields_kept),
    test("A binary file, with every value a byte can have", binary),
    test("An empty file", empty),
    test(f"A large file ({LARGE >> 20} MiB)", large),
    test("An answer whose end is the end of the connection", until_close),
    test("A query, and a URL of 3,900 characters", query_and_long_url),
    test("A request sent byte by byte, and cut at each place of its end", slow_request),
    test("A response sent in pieces", slow_response),
    test("Both at once", slow_both),
    test("Twelve requests, one after the other", second_request),
    test("A host known only by its name, on port 80", by_name),
)
CONCURRENCY = (
    test("A request while another waits for its server", fast_before_slow, True),
    test("Five requests while five others wait", five_and_five, True),
    test("A hundred at once, half of them waiting", hundred, True),
    test("The concurrency model, seen from outside while five requests wait", model, True),
    test("While all wait, it sleeps", rests, True),
    test("Twenty clients that have sent half a request", half_requests),
    test("Sixty that connect in the same moment", burst),
    test("Servers that do not accept the connection", hanging_connect),
    test(f"A client that stops reading in the middle of {HUGE >> 20} MiB", stopped_reader),
    test("Small requests beside an answer without end", greedy_neighbour),
    test("Small requests beside a client that sends without end", flooding_client),
    test("Clients that connect and close", connect_and_close),
    test("Clients that leave in the middle of their request", leaves_in_the_request),
    test("Clients that leave while the server thinks", leaves_while_waiting),
    test("Clients that leave in the middle of the answer", leaves_in_the_answer),
    test("A server that closes without an answer", server_closes_at_once),
    test("A server that resets without an answer", server_resets_at_once),
    test("A server that closes in the head of its answer", server_closes_in_the_head),
    test("A server that closes before the end of its body", server_cuts_the_body),
    test("A server that resets in the middle of its body", server_resets_in_the_body),
    test("Ports that refuse, and names that do not exist", not_to_be_reached),
    test("Clients that do not speak HTTP", nonsense),
)
CACHE = (test("Files that were fetched before, when the server is gone", cached),)


# ---- memory and shutdown ----------------------------------------------------------------------------------------------

def exercise(stage):
    """A bit of everything, for valgrind to watch; then clients stay connected in each state."""
    for function in (text, binary, slow_request, second_request, until_close):
        with contextlib.suppress(Wrong):
            function(stage)
    with contextlib.suppress(Wrong):
        fast_ones(stage, 20)
    for function in (connect_and_close, leaves_in_the_request, leaves_while_waiting, leaves_in_the_answer,
                     server_closes_at_once, server_resets_at_once, server_closes_in_the_head, server_cuts_the_body,
                     server_resets_in_the_body, not_to_be_reached, nonsense):
        with contextlib.suppress(Wrong, OSError):
            function(stage)
    with contextlib.suppress(Wrong, OSError):
        connect_in_each_state(stage)


def connect_in_each_state(stage):
    gate = stage.gate()
    url = stage.origin.add("/at-the-end", gate.holds(lambda c, _: None))
    before = len(stage.origin.requests)
    stage.keep(stage.proxy.connect())
    stage.keep(stage.proxy.connect()).sendall(request_bytes(url)[:25])
    stage.keep(stage.proxy.ask(url))
    stage.origin.wait_for(before + 1)
    reader = stage.keep(stage.proxy.ask(stage.origin.page("/much-at-the-end", pattern(LARGE)), small_window=True))
    reader.recv(100)


def valgrind_findings(path):
    """(errors, leaks, descriptors) as lists of texts, read from valgrind's report."""
    report = re.sub(r"^==\d+== ?", "", pathlib.Path(path).read_text(errors="replace"), flags=re.MULTILINE)
    if "ERROR SUMMARY" not in report:
        return ["valgrind's report is not whole: the proxy had to be killed"], [], []
    leaks = [f"{size} bytes {kind}" for kind, size in
             re.findall(r"^\s+(definitely lost|indirectly lost|possibly lost|still reachable): ([\d,]+) bytes", report,
                        re.MULTILINE) if size != "0"]
    errors = [f"{what}{', in ' + where if where else ''}" for what, where in
              re.findall(r"^((?:Invalid|Conditional jump|Use of uninit|Syscall param|Mismatched free|Source and dest"
                         r"|Process terminating)[^\n]*)(?:\n\s+at 0x[0-9A-F]+: ([^ (\n]+))?", report, re.MULTILINE)
              if "signal 2 (SIGINT)" not in what]
    # Those that valgrind or the shell gave it are no fault of its own.
    descriptors = [line for line, origin in re.findall(r"^(Open [^\n]*?file descriptor \d+[^\n]*|Open [^\n]*socket \d+[^\n]*)"
                                                       r"\n\s+([^\n]*)", report, re.MULTILINE)
                   if "inherited from parent" not in origin]
    return errors, leaks, descriptors


def watched_by_valgrind(options, folder):
    """[(description, failure or None)] for memory, and the same for the shutdown."""
    stage = Stage(options, folder, valgrind=True)
    with stage.stack:
        exercise(stage)
        alive = stage.proxy.process.poll() is None
        status = stage.proxy.interrupt()
    errors, leaks, descriptors = valgrind_findings(stage.proxy.report)

    def finding(found, expected, mistake):
        return Wrong(f"{len(found)} times: {found[0]}", expected, MISTAKE[mistake]) if found else None

    memory = [("No memory error", finding(errors, "valgrind finds no error", "memory")),
              ("No leak of any kind", finding(leaks, "valgrind finds no block left", "leak")),
              ("No descriptor left open", finding(descriptors, "all descriptors are closed at the end", "descriptor"))]
    shutdown = [("It ends by itself on SIGINT, with clients connected",
                 None if alive and status == 0 else
                 Wrong("it had to be killed" if status is None else f"it ended with status {status}", "status 0",
                       MISTAKE["shutdown"])),
                ("Nothing is left at the end", finding(errors + leaks + descriptors, "valgrind finds nothing", "shutdown"))]
    return memory, shutdown


# ---- grading ----------------------------------------------------------------------------------------------------------

class Sheet:
    """Points, and what is printed of them."""

    def __init__(self, options):
        self.options = options
        self.points = self.possible = 0.0
        self.groups, self.rows = [], []

    def say(self, line):
        print(line, flush=True)

    def failure(self, wrong):
        self.say(f"      It did:      {wrong.did}")
        self.say(f"      Expected:    {wrong.expected}")
        self.say(f"      Likely:      {wrong.mistake}")

    def row(self, group, name, description, passed, note=""):
        self.rows.append({"group": group, "name": name, "description": description, "passed": passed, "note": note})

    def subtotal(self, title, name, points, successes, attempts):
        share = points * successes / attempts if attempts else 0
        self.points += share
        self.possible += points
        self.groups.append({"name": name, "points": share, "possible": points, "passed": successes, "tried": attempts})
        self.say(f"{title}: {number(share)}/{number(points)}")


def number(value):
    return f"{value:.2f}".rstrip("0").rstrip(".")


def run_test(options, test_):
    """None if it passed; the failure otherwise."""
    folder = tempfile.mkdtemp(prefix="driver-")
    try:
        stage = Stage(options, folder)
        with stage.stack:
            test_.function(stage)
            if test_.holds and test_.function is not model:
                held_while(stage, lambda: check_model(stage), count=5, path="/held-for-model")
            stage.proxy.alive("reset")
        return None
    except Wrong as wrong:
        return wrong
    except (OSError, ValueError, IndexError) as error:
        if options.verbose > 1:
            traceback.print_exc()
        return Wrong(f"the test broke off: {error!r}", "the connection goes on", MISTAKE["reset"])
    finally:
        keep_or_remove(options, folder)


def keep_or_remove(options, folder):
    if options.keep_files:
        print(f"      Files: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)


def grade_group(sheet, number_, name, title, tests, points):
    sheet.say(f"TEST GROUP {number_} ({number(points)} points): {title} ***")
    successes = attempts = 0
    for test_ in tests:
        if sheet.options.only and not re.search(sheet.options.only, test_.name):
            continue
        sheet.say(f"    {test_.name}")
        sheet.say(f"      {test_.description}")
        began = time.monotonic()
        try:
            wrong = run_test(sheet.options, test_)
        except NotTestable as reason:
            sheet.say(f"      Result: not testable here, and not counted: {reason}")
            sheet.row(name, test_.name, test_.description, None, str(reason))
            continue
        attempts += 1
        successes += wrong is None
        sheet.say(f"      Result: {int(wrong is None)}/1"
                  + (f"   ({time.monotonic() - began:.1f} s)" if sheet.options.verbose else ""))
        if wrong:
            sheet.failure(wrong)
        sheet.row(name, test_.name, test_.description, wrong is None,
                  f"did: {wrong.did}; expected: {wrong.expected}; likely: {wrong.mistake}" if wrong else "")
    sheet.subtotal("    Subtotal", name, points, successes, attempts)


def grade_list(sheet, name, title, results, points):
    for description, wrong in results:
        sheet.say(f"    {description}: {'success' if wrong is None else 'failure'}")
        if wrong:
            sheet.failure(wrong)
        sheet.row(name, description, description, wrong is None,
                  f"did: {wrong.did}; expected: {wrong.expected}; likely: {wrong.mistake}" if wrong else "")
    sheet.subtotal(title, name, points, sum(wrong is None for _, wrong in results), len(results))


def grade(options):
    sheet = Sheet(options)
    groups = [("basic", "Basic", BASIC, options.check_basic), ("cache", "Cache", CACHE, options.check_cache),
              ("concurrency", "Concurrency", CONCURRENCY, options.check_concurrency)]
    number_ = 0
    for name, title, tests, points in groups:
        if points is not None:
            number_ += 1
            grade_group(sheet, number_, name, title, tests, points)
    if options.check_memory_mgmt is not None or options.check_clean_shutdown is not None:
        sheet.say("UNDER VALGRIND ***")
        folder = tempfile.mkdtemp(prefix="driver-")
        try:
            memory, shutdown = watched_by_valgrind(options, folder)
        except Wrong as wrong:
            memory = shutdown = [("It runs under valgrind", wrong)]
        finally:
            keep_or_remove(options, folder)
        if options.check_memory_mgmt is not None:
            grade_list(sheet, "memory", "Mem Mgmt", memory, options.check_memory_mgmt)
        if options.check_clean_shutdown is not None:
            grade_list(sheet, "shutdown", "Clean Shutdown", shutdown, options.check_clean_shutdown)
    percent = 100 * sheet.points / sheet.possible if sheet.possible else 0
    sheet.say(f"Total: {number(sheet.points)}/{number(sheet.possible)} ({percent:.2f}%)")
    return sheet


def write_json(sheet, path):
    result = {"points": sheet.points, "possible": sheet.possible, "mode": sheet.options.mode, "groups": sheet.groups,
              "tests": sheet.rows}
    pathlib.Path(path).write_text(json.dumps(result, indent=2) + "\n")


def write_gradescope(sheet, path):
    """results.json as Gradescope's autograder reads it."""
    tests = []
    for group in sheet.groups:
        rows = [row for row in sheet.rows if row["group"] == group["name"] and row["passed"] is not None]
        worth = group["possible"] / len(rows) if rows else 0
        tests += [{"name": f"{row['group']}: {row['name']}", "score": worth if row["passed"] else 0, "max_score": worth,
                   "status": "passed" if row["passed"] else "failed", "output": row["note"] or row["description"]}
                  for row in rows]
    result = {"score": sheet.points, "output": f"{number(sheet.points)} of {number(sheet.possible)} points",
              "tests": tests}
    pathlib.Path(path).write_text(json.dumps(result, indent=2) + "\n")


# ---- the command line -------------------------------------------------------------------------------------------------

def parse(arguments):
    parser = argparse.ArgumentParser(description="Grades a lab proxy.", epilog="Exit status: 0 only at full points, "
                                     "1 for fewer, 2 for wrong usage.")
    parser.add_argument("mode", choices=MODES, help="the concurrency model that the proxy must have")
    points = {"type": float, "metavar": "POINTS"}
    parser.add_argument("-b", "--check-basic", help="points for serving requests", **points)
    parser.add_argument("-c", "--check-concurrency", help="points for serving many at once, and surviving all of them",
                        **points)
    parser.add_argument("-m", "--check-memory-mgmt", help="points for freeing memory (valgrind)", **points)
    parser.add_argument("-s", "--check-clean-shutdown", help="points for ending cleanly on SIGINT (valgrind)", **points)
    parser.add_argument("-e", "--check-cache", help="points for keeping what was fetched", **points)
    output = {"type": argparse.FileType("wb"), "metavar": "FILE"}
    parser.add_argument("-p", "--proxy-output", help="where the proxy's output goes (- is standard output)", **output)
    parser.add_argument("-t", "--tiny-output", help="where the server's log goes (- is standard output)", **output)
    parser.add_argument("-k", "--keep-files", action="store_true", help="keep temporary files, and say where they are")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="tell more (repeatable)")
    parser.add_argument("--proxy", type=pathlib.Path, default=HERE / "proxy", metavar="PATH",
                        help="the program to grade (./proxy)")
    parser.add_argument("--json", metavar="FILE", help="write the result here too")
    parser.add_argument("--gradescope", metavar="FILE", help="write Gradescope's results.json here")
    parser.add_argument("--only", metavar="PATTERN", help="only tests whose name matches (for developing)")
    parser.add_argument("--patience", type=float, default=PATIENCE, metavar="SECONDS",
                        help=f"how long nothing may happen until the proxy counts as hung ({PATIENCE:.0f})")
    parser.add_argument("--in-own-network", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    options.proxy = options.proxy.resolve()
    if not os.access(options.proxy, os.X_OK) or options.proxy.is_dir():
        parser.error(f"there is no program {options.proxy}; run make first, or name it with --proxy")
    asked = (options.check_basic, options.check_concurrency, options.check_memory_mgmt, options.check_clean_shutdown,
             options.check_cache)
    if options.in_own_network is None and all(points is None for points in asked):
        parser.error("nothing to grade; for example: ./driver.py -b 20 -c 75 -m 2 epoll")
    if any(points is not None and points < 0 for points in asked):
        parser.error("points cannot be negative")
    needs_valgrind = options.check_memory_mgmt is not None or options.check_clean_shutdown is not None
    if needs_valgrind and shutil.which("valgrind") is None:
        parser.error("-m and -s need valgrind; install it (apt-get install valgrind)")
    return options


def main(arguments):
    options = parse(arguments)
    if options.in_own_network is not None:
        run_in_own_network(options, options.in_own_network)
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` ends what was started
    sheet = grade(options)
    if options.json:
        write_json(sheet, options.json)
    if options.gradescope:
        write_gradescope(sheet, options.gradescope)
    return 0 if sheet.possible and sheet.points >= sheet.possible - 1e-9 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
