"""The proxy under test: it is started, reloaded and taken over, and its figures are read."""
import asyncio
import contextlib
import json
import pathlib
import re
import resource
import signal
import socket
import subprocess

# Seconds. No peer of the test is silent for as long, unless it wants to see the timeout.
TIMEOUTS = {"idle": 5, "keep-alive": 5, "head": 5, "body": 5, "resolve": 4, "connect": 4, "send": 5, "answer": 5, "stream": 5,
            "half-closed": 5, "reader": 5, "tunnel": 5, "linger": 2}
DRAIN_S = 25
RECORDS = 250
BUFFERS_MIB = 2
DESCRIPTORS = 900
PATIENCE_S = 60
ROLES = ("forward", "reverse", "files", "relay", "echo", "metrics")


def timeout_options(timeouts):
    """Words of the command line for {name: seconds}."""
    return [word for name, seconds in timeouts.items() for word in (f"--{name}-timeout", str(seconds))]


def free_ports(count):
    """Ports at which nothing listens now."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Figures:
    """The metrics of a moment."""

    def __init__(self, text):
        self.values = {name: float(value) for name, value in re.findall(r"^([^#\s]\S*) (\S+)$", text, re.M)}

    def __getitem__(self, name):
        return self.values[name]

    def records(self):
        """Those in use, without the connection that asks."""
        return sum(value for name, value in self.values.items() if name.startswith("proxy_records{") and "FREE" not in name) - 1

    def errors(self):
        """{finding of severity error: sightings}"""
        return {name: value for name, value in self.values.items() if name.startswith("proxy_findings_total") and '"error"' in name and value}


class Subject:
    """The newest process of the proxy, and those before it that still finish their requests."""

    def __init__(self, program, folder, log_folder, clock):
        """`clock`: (the library, the file) that set its wall clock; empty if it keeps the one of the machine."""
        self._program, self.folder, self.log = program, pathlib.Path(folder), pathlib.Path(log_folder, "access.log")
        self._environment = {"LD_PRELOAD": clock[0], "SOAK_CLOCK": clock[1]} if clock else {}
        self.ports = dict(zip(ROLES, free_ports(len(ROLES))))
        self.config, self.process, self.old, self.outputs, self.statuses = self.folder / "proxy.json", None, [], [], []

    # -- its configuration

    def configure(self, origins, names, line, variant=0):
        """Writes the configuration file. Variants differ in what a reload may change without an effect on a client."""
        def listener(role):
            return [{"host": "127.0.0.1", "port": self.ports[role]}]

        pool = [f"127.0.0.1:{origin.port}" for origin in origins]
        pool = pool[variant % len(pool):] + pool[:variant % len(pool)]
        balancing = ("round_robin", "least_conn", "ip_hash")[variant % 3]
        config = {
            "forward": listener("forward"),
            "servers": [
                {"listeners": listener("reverse"), "routes": [{"req_path": "/", "type": "reverse_proxy", "upstreams": pool, "load_balancing": balancing}]},
                {"listeners": listener("files"), "routes": [{"req_path": "/", "type": "file_serve", "dir_path": str(self.folder / "site")}]},
                {"listeners": listener("relay"), "stream": {"type": "proxy", "upstream": f"127.0.0.1:{line.port}"}},
                {"listeners": listener("echo"), "stream": {"type": "echo"}},
            ],
            "rules": [{"deny": f"host=n{number}.variant{variant}.test"} for number in range(200)] + [{"allow": "all"}],
            "nameserver": [f"127.0.0.1:{names.port}"],
        }
        self.config.write_text(json.dumps(config), encoding="utf-8")

    def command(self, *options):
        return [self._program, str(self.config), "--metrics", f"127.0.0.1:{self.ports['metrics']}", "--takeover", str(self.folder / "takeover"),
                "--drain", str(DRAIN_S), "--max-requests", str(RECORDS), "--buffers", str(BUFFERS_MIB), "--log-format", "json", "--access-log", str(self.log),
                "--record-dir", str(self.folder / "records"), *timeout_options(TIMEOUTS), *options]

    # -- its processes

    def _spawn(self, *options):
        output = self.folder / f"output-{len(self.outputs)}"
        self.outputs.append(output)
        with open(output, "wb") as file:
            return subprocess.Popen(self.command(*options), stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                    env={"PATH": "/usr/bin:/bin", **self._environment},
                                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS)))

    async def start(self):
        (self.folder / "records").mkdir()
        self.process = self._spawn()
        await self.until(lambda: "Ctrl-C" in self.said(), "the proxy has started")

    async def take_over(self):
        """A new process gets the listeners; the one before finishes its requests."""
        before, self.process = self.process, self._spawn()
        self.old.append(before)
        await self.until(lambda: "Ctrl-C" in self.said(), "the new process has started")

    async def fail_to_take_over(self):
        """A new process that cannot start; its exit status."""
        failing = self._spawn("--listen", f"127.0.0.1:{self.ports['metrics'] + 1}", "--users", "/nonexistent/users")
        await self.until(lambda: failing.poll() is not None, "the process that cannot start has ended")
        self.outputs.pop()
        return failing.returncode

    async def until(self, condition, what, patience=PATIENCE_S):
        deadline = asyncio.get_running_loop().time() + patience
        while not condition():
            if asyncio.get_running_loop().time() > deadline or self.process.poll() is not None:
                raise AssertionError(f"timeout: {what}; status {self.process.poll()}; it said: {self.said()[-2000:]}")
            await asyncio.sleep(0.02)

    async def until_old_ones_have_ended(self):
        """Their exit statuses are in `statuses`."""
        for process in self.old:
            await self.until(lambda process=process: process.poll() is not None, "a process that was taken over has ended", DRAIN_S + 10)
            self.statuses.append(process.returncode)
        self.old.clear()

    def kill(self):
        for process in [*self.old, self.process]:
            if process and process.poll() is None:
                process.kill()
                process.wait()

    def said(self, output=-1):
        """What a process wrote to standard output and error; by default the newest one."""
        return self.outputs[output].read_text(encoding="utf-8", errors="replace")

    async def reload(self, words):
        """SIGHUP, and waits for a line with `words`."""
        before = self.said().count(words)
        self.process.send_signal(signal.SIGHUP)
        await self.until(lambda: self.said().count(words) > before, words)

    def limit_descriptors(self, count):
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (count, DESCRIPTORS))

    # -- its figures

    async def page(self, path):
        """The body of a page of its metrics' listener."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports["metrics"])
        try:
            writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            answer = await reader.read(-1)
        finally:
            writer.close()
        head, _, body = answer.decode().partition("\r\n\r\n")
        if " 200 " not in head.partition("\r\n")[0]:
            raise AssertionError(f"{path}: {head.partition(chr(13))[0]}")
        return body

    async def figures(self):
        return Figures(await self.page("/metrics"))

    def slow_turns(self):
        """(ms, the whole line) of each turn over 50 ms that a process reported."""
        for number in range(len(self.outputs)):
            for ms, line in re.findall(r"did not return to epoll_wait\(2\) for (\d+) ms\.(.*)", self.said(number)):
                yield int(ms), line

    def errors_said(self):
        """Findings of severity error, and all that looks like a crash."""
        bad = re.compile(r"finding \S+ \(error\)|AddressSanitizer|runtime error:|terminate called|Assertion|lost the connection")
        return [line for number in range(len(self.outputs)) for line in self.said(number).splitlines() if bad.search(line)]

    def memory_kib(self):
        """Resident memory that no other process shares."""
        with contextlib.suppress(OSError):
            text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
            return int(re.search(r"^RssAnon:\s*(\d+)", text, re.M)[1])
        return 0
