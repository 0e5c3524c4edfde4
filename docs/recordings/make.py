#!/usr/bin/env python3
"""Makes the record files of docs/tour.md again: one for each story.

    make.py             all of them; those of a planted mistake need a build of their own
    make.py STORY       one of them, with the program $PROXY

The paths, ports, times and build IDs in them are those of the machine; docs/tour.md shows none of them.
"""
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/e2e"), str(ROOT / "tests/mistakes")]
import build as mistakes  # noqa: E402
import planting  # noqa: E402
import rows  # noqa: E402
from harness import Case, Origin, closed_port, ok, request, wait_until  # noqa: E402

KIB = 1024


class Talker(Origin):
    """A server that waits for no request."""

    def _run(self, wire):
        self._serve(wire)
        wire.close()


class Story(Case):
    """Its methods are the stories; each returns the proxy at the moment that is to be saved."""
    OPTIONS = ("--trace-entries", "1024", "-v")

    def runTest(self):
        """For unittest, which cleans up."""

    def start(self, *options, **how):
        return self.proxy("--record-dir", self.folder, *options, **how)

    def first_requests(self):
        """A client connects and says nothing at first. Then it asks for two pages over the same connection."""
        def serve(wire):
            wire.send(page)
            wire.read_head()
            wire.send(page)
        page = ok(b"hello").replace(b"HTTP/1.0", b"HTTP/1.1")
        proxy, origin = self.start(), self.origin(serve)
        client = self.client(proxy.connect())
        proxy.line("READ_REQUEST", "waiting for the first byte")
        for path in ("/one", "/two"):
            client.send(request(origin.url(path), f"Host: {origin.authority}", version="1.1"))
            client.read_head()
            client.read_body()
        proxy.wait_for_lines(lambda: sum("waiting for the next request" in line for line in proxy.lines) == 2)
        return proxy

    def tunnel(self):
        """A CONNECT tunnel: the server speaks first, and the client closes its direction first."""
        def serve(wire):
            wire.send(b"220 hello\r\n")
            wire.until_gone()
            wire.send(b"221 bye\r\n")
        proxy, server = self.start(), self.enter(Talker(serve))
        client = self.client(proxy.connect())
        client.send(f"CONNECT {server.authority} HTTP/1.1\r\nHost: {server.authority}\r\n\r\n".encode())
        client.read_head()
        client.read(11)
        client.send(b"QUIT\r\n")
        client.half_close()
        client.until_gone()
        proxy.line("-> FREE")
        return proxy

    def slow_reader(self):
        """A client that does not read its response."""
        proxy, origin = self.start(), self.origin(lambda wire: wire.send(ok(bytes(8 * KIB * KIB))))
        self.client(proxy.ask(origin.url("/film"), window=4 * KIB))
        proxy.line("SEND_RESPONSE", "waiting for the client")
        return proxy

    def dead_server(self):
        """A server that accepts connections and never responds."""
        proxy, gate = self.start("--answer-timeout", "2"), self.gate()
        self.client(proxy.ask(self.origin(lambda wire: gate.wait()).url("/report"))).rest()
        return proxy

    def lost_edge(self):
        """Each read ends the readiness of its socket, though it did not return EAGAIN."""
        def serve(wire):
            proxy.process.send_signal(signal.SIGSTOP)  # so that one event announces all bytes
            wire.send(ok(bytes(60 * KIB)))
            wire.half_close()
            proxy.process.send_signal(signal.SIGCONT)
        proxy = self.start()
        self.client(proxy.ask(self.origin(serve).url("/page")))
        proxy.line("saved the last")  # at the finding of the loop doctor
        return proxy

    def stalled_loop(self):
        """A lookup of a name blocks the event loop for two seconds. A second client has come meanwhile."""
        proxy, origin = self.start("--nameserver", f"127.0.0.1:{closed_port()}"), self.origin()
        first = self.client(proxy.ask("http://slow.test/"))
        second = self.client(proxy.ask(origin.url("/quick")))
        second.rest()
        first.rest()
        return proxy

    def no_descriptors(self):
        """Clients that send nothing take all descriptors; the next ones are refused. Then one leaves."""
        limit = 20
        proxy = self.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
        idle = [self.client(proxy.connect()) for _ in range(limit - proxy.descriptors())]
        wait_until(lambda: proxy.descriptors() >= limit - 1, "the descriptors are taken")
        self.client(proxy.ask(self.origin().url())).rest()
        idle[0].close()
        proxy.line("-> FREE")
        return proxy

    def save(self, name):
        with tempfile.TemporaryDirectory() as self.folder:
            proxy = getattr(self, name)()
            if not any(pathlib.Path(self.folder).iterdir()):
                proxy.process.send_signal(signal.SIGUSR2)
                proxy.line("saved the last")
            (path,) = pathlib.Path(self.folder).iterdir()
            shutil.copyfile(path, HERE / f"{name}.pxr")
            self.doCleanups()


def lose_edges(tree):
    planting.plant(tree, rows.lesson("no-drain").edits)


def block_in_lookups(tree):
    """As getaddrinfo(3) does with a name server that responds after two seconds."""
    path = tree / "src/net/resolver.cpp"
    text = path.read_text(encoding="utf-8")
    begin = text.index(") {\n", text.index("Lookup Resolver::ask(")) + len(") {\n")
    text = text[:begin] + "  ::sleep(2);\n" + text[begin:]
    path.write_text("#include <unistd.h>\n" + text, encoding="utf-8")


# story: the mistake that it needs
STORIES = {"first_requests": None, "tunnel": None, "slow_reader": None, "dead_server": None, "lost_edge": lose_edges, "stalled_loop": block_in_lookups, "no_descriptors": None}


def build(tree, mistake):
    """The program with the mistake."""
    mistakes.copy(mistakes.SOURCES, ROOT, tree)
    mistake(tree)
    subprocess.run(["make", "-s", f"-j{os.cpu_count()}", "CXX=g++", "build/g++/proxy"], cwd=tree, check=True)
    return tree / "build/g++/proxy"


def main(names):
    if names:
        Story().save(names[0])
        return
    for name, mistake in STORIES.items():
        with tempfile.TemporaryDirectory() as folder:
            program = build(pathlib.Path(folder), mistake) if mistake else os.environ.get("PROXY", ROOT / "proxy")
            subprocess.run([sys.executable, __file__, name], env={**os.environ, "PROXY": str(program)}, check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
