"""Shared by the tests of the roles: messages read one by one, servers that keep connections, memory."""
import hashlib
import json
import os
import pathlib
import re
import select
import socket
import subprocess
import sys
import tempfile
import threading

from harness import MIB, PATIENCE, PREFIX, PROXY, Case, Origin, RawClient, request, settled

# For one connection only (RFC 9110 section 7.6.1).
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade", "trailer"}


def features():
    """What the program was built with."""
    return subprocess.run([*PREFIX, PROXY, "--version"], capture_output=True, text=True, check=False).stdout


HAS_JSON = "nlohmann-json" in features()
BARE = " by " not in features()  # only a compiler was needed: without zlib too


# ---- messages -------------------------------------------------------------------------------------------------------

def get(path="/", *fields, method="GET", host="site.test", version="1.1", body=b""):
    """A request as a client sends it to a server."""
    return request(path, f"Host: {host}", *fields, method=method, version=version, body=body)


def chunked(data, size=4096):
    """A body in chunks, to its end."""
    pieces = [data[start:start + size] for start in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def read_line(wire):
    line = b""
    while not line.endswith(b"\n"):
        byte = wire.read(1)
        if not byte:
            raise AssertionError(f"the stream ended in the line {line!r}")
        line += byte
    return line


def read_chunks(wire):
    """The content of a chunked body, to its end and no further."""
    content = bytearray()
    while size := int(read_line(wire).split(b";")[0], 16):
        content += wire.read(size)
        if wire.read(2) != b"\r\n":
            raise AssertionError("a chunk does not end in CR LF")
    while read_line(wire) != b"\r\n":
        pass
    return bytes(content)


def read_body(wire, head, method="GET"):
    """The body behind an answer's head (RFC 9112 section 6.3)."""
    if method == "HEAD" or head.status in (204, 304) or 100 <= head.status < 200:
        return b""
    if head.all("Transfer-Encoding"):
        return read_chunks(wire)
    if head.all("Content-Length"):
        return wire.read(head.length)
    return read_rest(wire)


def digest(pieces):
    """(bytes, hash) of them all, without holding them."""
    count, total = 0, hashlib.sha256()
    for piece in pieces:
        count += len(piece)
        total.update(piece)
    return count, total.hexdigest()


def read_rest(wire):
    data = bytearray()
    while piece := wire.some():
        data += piece
    return bytes(data)


def read_answer(wire, method="GET"):
    """(head, body) of the next answer."""
    head = wire.read_head()
    if head is None:
        raise AssertionError("the connection ended where an answer was due")
    return head, read_body(wire, head, method)


def ask(proxy, path="/", *fields, port=None, **how):
    """(head, body) of one request over a connection of its own."""
    with proxy.connect(port=port) as client:
        client.send(get(path, *fields, **how))
        return read_answer(client, how.get("method", "GET"))


def end_to_end(head):
    """The fields that are not for one connection only, as they came."""
    return [line for line in head.lines if line.partition(":")[0].lower() not in HOP_BY_HOP]


# ---- servers --------------------------------------------------------------------------------------------------------

class Server:
    """Serves requests in a row on each connection, and counts connections. `answer(head, body)` gives what is sent."""

    def __init__(self, case, answer=None, name=""):
        self.connections, self.requests, self.bodies, self.name = 0, [], [], name
        self._answer = answer or self.page
        self.origin = case.origin(self._serve)
        self.authority = self.origin.authority

    def page(self, head, _):
        body = b"" if head.method == "HEAD" else f"{self.name}{head.target}".encode()
        length = len(f"{self.name}{head.target}".encode())
        return b"HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: %d\r\n\r\n%s" % (length, body)

    def _serve(self, wire):
        self.connections += 1
        while True:
            head = wire.head
            body = read_chunks(wire) if head.all("Transfer-Encoding") else wire.read_body()
            self.requests.append(head)
            self.bodies.append(body)
            wire.send(self._answer(head, body))
            if not wire.read_head():
                return


class RawServer(Origin):
    """`serve(wire)` runs for each connection, before anything is read."""

    def _run(self, wire):
        self._open.add(wire)
        try:
            self._serve(wire)
        except OSError:
            pass  # the proxy has closed; the test says whether it should
        finally:
            self._open.discard(wire)
            wire.close()


class UnixServer:
    """Listens at a path; `serve(wire)` runs for each connection."""

    def __init__(self, path, serve):
        self._serve = serve
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(RawClient(connection),), daemon=True).start()

    def _run(self, wire):
        with wire:
            try:
                self._serve(wire)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def send_back(wire):
    """An echo of all that comes."""
    while piece := wire.some():
        wire.send(piece)


class PythonServer:
    """`python3 -m http.server` on a folder, as a process of its own."""

    def __init__(self, folder):
        self.process = subprocess.Popen([sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.port = int(re.search(rb"port (\d+)", self.process.stdout.readline())[1])
        self.authority = f"127.0.0.1:{self.port}"

    def connect(self):
        return RawClient(socket.create_connection(("127.0.0.1", self.port)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


# ---- a folder, and files in it --------------------------------------------------------------------------------------

class InAFolder(Case):
    """`folder` is the test's own; `public` in it is served."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)
        self.public = self.folder / "public"
        self.public.mkdir(mode=0o755)

    def put(self, name, content=b""):
        """A file that all may read."""
        path = self.public / name
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o644)
        return path

    def write_config(self, content):
        path = self.folder / "config.json"
        path.write_text(json.dumps(content, indent=1), encoding="utf-8")
        return str(path)

    def configured(self, *servers, options=(), **keys):
        """A proxy by a configuration file: the n-th listener's port is `ports[n]`."""
        return self.proxy(*options, port=self.write_config({"servers": list(servers), **keys}))


def at(**server):
    """A server with one listener, on a free port."""
    return {"listeners": [{"host": "127.0.0.1", "port": 0}], **server}


# ---- a sender that never reads ------------------------------------------------------------------------------------------------

class Pusher:
    """Sends without ever reading, until nothing more is taken."""

    def __init__(self, wire, most=4 << 30):
        self.sent, self._socket, self._most = 0, wire.socket, most
        self._socket.setblocking(False)
        self._piece = os.urandom(MIB)

    def set_piece(self, piece):
        self._piece = piece

    def push(self):
        """Sends until the other side has taken nothing for a while; how much it has taken in all."""
        quiet = 0
        while self.sent < self._most and quiet < 10:
            _, ready, _ = select.select([], [self._socket], [], 0.05)
            try:
                taken = self._socket.send(self._piece[:self._most - self.sent]) if ready else 0
            except BlockingIOError:
                taken = 0
            self.sent += taken
            quiet = 0 if taken else quiet + 1
        return self.sent


def settled_memory(proxy):
    """KiB of memory that the program has, once that stands still."""
    return settled(lambda: proxy.status("VmRSS"))
