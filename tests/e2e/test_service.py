"""The proxy as a service of systemd: its reports (sd_notify), the watchdog, and socket activation."""
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

from harness import Case, PATIENCE, PREFIX, PROXY, Wire, closed_port, request, settled, wait_until


class Manager:
    """The socket of a service manager, at a path or with an abstract name."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(PATIENCE)
        self.socket.bind(address)

    def next(self):
        """The fields of the next report but those of the watchdog."""
        while (report := self.any()) == {"WATCHDOG": "1"}:
            pass
        return report

    def any(self):
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().split("\n"))

    def until(self, name):
        """The next report with that field."""
        while name not in (report := self.any()):
            pass
        return report

    def pending(self):
        """The reports that have come and were not read."""
        self.socket.setblocking(False)
        count = 0
        try:
            while self.socket.recv(4096):
                count += 1
        except BlockingIOError:
            return count
        finally:
            self.socket.settimeout(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class Served(Case):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter(tempfile.TemporaryDirectory()))

    def manager(self, address=None):
        return self.enter(Manager(address or str(self.folder / "notify")))

    def start(self, environment, *options, **how):
        """A proxy with these variables; @PID stands for its process."""
        def prepare():
            for name, value in environment.items():
                os.environ[name] = value.replace("@PID", str(os.getpid()))
        return self.proxy(*options, preexec=prepare, **how)


class Reports(Served):
    def start_with(self, address, *options, **environment):
        return self.start({"NOTIFY_SOCKET": address, **environment}, *options)

    def test_ready_reload_and_stop(self):
        manager = self.manager()
        proxy = self.start_with(str(self.folder / "notify"))
        ready = manager.next()
        self.assertEqual(ready["READY"], "1")
        self.assertRegex(ready["STATUS"], rf"^listening on 127\.0\.0\.1:{proxy.port}\b")
        before = time.monotonic_ns() // 1000
        proxy.process.send_signal(signal.SIGHUP)
        reloading = manager.next()
        self.assertEqual(reloading["RELOADING"], "1")
        self.assertTrue(before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000, reloading)
        self.assertEqual(manager.next(), ready)
        proxy.process.send_signal(signal.SIGTERM)
        self.assertEqual(manager.next()["STOPPING"], "1")

    def test_an_abstract_name(self):
        name = f"proxy-test-{os.getpid()}"
        manager = self.manager("\0" + name)
        proxy = self.start_with("@" + name)
        self.assertEqual(manager.next()["READY"], "1")
        proxy.process.send_signal(signal.SIGINT)
        self.assertEqual(manager.next()["STOPPING"], "1")

    def test_a_failed_reload(self):
        manager, users = self.manager(), self.folder / "hosts"
        users.write_text("a.test\n", encoding="ascii")
        proxy = self.start_with(str(self.folder / "notify"), "--deny", f"host=@{users}")
        manager.next()
        users.write_text("a b c\n", encoding="ascii")
        proxy.process.send_signal(signal.SIGHUP)
        self.assertIn("RELOADING", manager.next())
        report = manager.next()
        self.assertEqual(report, {"READY": "1", "STATUS": "reload failed: the configuration is unchanged"})
        proxy.stop()

    def test_requests_in_flight_at_the_end(self):
        manager, gate = self.manager(), self.gate()
        proxy = self.start_with(str(self.folder / "notify"))
        origin = self.origin(lambda wire: gate.wait())
        client = self.client(proxy.connect().send(request(origin.url())))
        origin.wait_for(1)
        manager.next()
        proxy.process.send_signal(signal.SIGTERM)
        self.assertIn("STOPPING", manager.next())
        self.assertRegex(manager.next()["STATUS"], "^draining: 1 request in flight")
        gate.open()
        client.until_gone()

    def test_a_manager_that_is_gone_or_deaf_changes_nothing(self):
        for address in (str(self.folder / "nothing"), "/" + "a" * 200, "vsock:2:1", "@"):
            proxy = self.start_with(address, WATCHDOG_USEC="20000")
            self.assertEqual(proxy.get(self.origin().url()).status, 200)
            self.assertEqual(proxy.stop(), (0, ""))
        manager = self.manager()  # nothing is read: its queue is full soon
        proxy = self.start_with(str(self.folder / "notify"), WATCHDOG_USEC="2000")
        queue = int(pathlib.Path("/proc/sys/net/unix/max_dgram_qlen").read_text(encoding="ascii"))
        before = proxy.status("voluntary_ctxt_switches")
        wait_until(lambda: proxy.status("voluntary_ctxt_switches") > before + queue + 20, "more turns than the queue has room for")
        self.assertEqual(proxy.get(self.origin().url()).status, 200)
        self.assertEqual(proxy.stop(), (0, ""))
        self.assertGreater(manager.pending(), 5)


class Watchdog(Served):
    def test_it_is_fed_while_turns_end(self):
        manager = self.manager()
        proxy = self.start({"NOTIFY_SOCKET": str(self.folder / "notify"), "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "@PID"})
        for _ in range(4):
            manager.until("WATCHDOG")
        proxy.process.send_signal(signal.SIGSTOP)
        settled(manager.pending)
        self.assertEqual(settled(manager.pending), 0, "a loop that stands still feeds it")
        proxy.process.send_signal(signal.SIGCONT)
        manager.until("WATCHDOG")

    def test_that_of_another_process_is_not_fed(self):
        manager = self.manager()
        proxy = self.start({"NOTIFY_SOCKET": str(self.folder / "notify"), "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"})
        manager.until("READY")
        self.assertEqual(settled(manager.pending), 0)
        proxy.stop()


# Gives the sockets the numbers from 3 up, as systemd does, and executes what follows.
PASS = """
import os, sys
numbers = [os.dup(int(number)) for number in sys.argv[1].split(",") if number]
high = [os.dup2(number, 100 + i, inheritable=False) for i, number in enumerate(numbers)]
os.closerange(3, 100)
for i, number in enumerate(high):
    os.dup2(number, 3 + i)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)))
os.environ.update(word.split("=", 1) for word in sys.argv[2].split())
os.execv(sys.argv[3], sys.argv[3:])
"""


class Activation(Case):
    def through(self, sockets, variables=""):
        """What starts a proxy with these sockets."""
        return [sys.executable, "-c", PASS, ",".join(str(one.fileno()) for one in sockets), variables]

    def listener(self, host="127.0.0.1", family=socket.AF_INET, kind=socket.SOCK_STREAM, listens=True):
        one = self.enter(socket.socket(family, kind))
        one.bind((host, 0))
        if listens:
            one.listen()
        return one

    def start(self, *options, sockets, variables="", port=None):
        return self.proxy(*options, port=port, through=self.through(sockets, variables), pass_fds=[one.fileno() for one in sockets])

    def refused_start(self, *options, sockets, variables=""):
        """What a proxy says that does not start."""
        done = subprocess.run([*self.through(sockets, variables), *PREFIX, PROXY, *options], capture_output=True, text=True, check=False,
                              pass_fds=[one.fileno() for one in sockets])
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        return done.stderr

    def test_they_are_used_in_place_of_bind(self):
        """While they are open here, nothing else could listen there. A client that waits already is served."""
        first, second = self.listener(), self.listener()
        ports = [one.getsockname()[1] for one in (first, second)]
        origin = self.origin()
        early = self.client(Wire(socket.create_connection(("127.0.0.1", ports[1]))).send(request(origin.url())))
        proxy = self.start("--listen", f"127.0.0.1:{ports[1]}", "--listen", f"127.0.0.1:{ports[0]}", sockets=[first, second],
                           variables="LISTEN_FDNAMES=web:admin")
        self.assertEqual(early.rest().status, 200)
        for port in ports:
            self.assertEqual(proxy.get(origin.url(), port=port).status, 200)
        self.assertEqual(proxy.stop(), (0, ""))

    def test_a_configuration_can_have_more(self):
        one, port = self.listener(), closed_port()
        passed = one.getsockname()[1]
        proxy = self.start("--listen", f"127.0.0.1:{port}", "--listen", f"127.0.0.1:{passed}", sockets=[one])
        self.assertEqual(sorted(proxy.ports), sorted([port, passed]))

    def test_those_of_another_process_are_not_ours(self):
        one = self.listener()
        proxy = self.start(sockets=[one], variables="LISTEN_PID=1", port="0")
        self.assertNotEqual(proxy.port, one.getsockname()[1])

    def test_what_is_wrong_and_what_to_do(self):
        one = self.listener()
        port = one.getsockname()[1]
        here = ("--listen", f"127.0.0.1:{port}")
        self.assertIn("LISTEN_FDS: socket 4 (web) is not a listening TCP socket: use ListenStream=",
                      self.refused_start(*here, sockets=[one, self.listener(listens=False)], variables="LISTEN_FDNAMES=a:web"))
        self.assertIn("LISTEN_FDS: socket 3 is not a listening TCP socket",
                      self.refused_start(*here, sockets=[self.listener(kind=socket.SOCK_DGRAM, listens=False)]))
        local = self.enter(socket.socket(socket.AF_UNIX))
        local.bind(f"\0proxy-test-{os.getpid()}")
        local.listen()
        self.assertIn("socket 3 is not a listening TCP socket", self.refused_start(*here, sockets=[local]))
        self.assertIn(f"LISTEN_FDS: no listener of the configuration is at 127.0.0.1:{port}: add one",
                      self.refused_start("--listen", f"127.0.0.1:{closed_port()}", sockets=[one]))
        self.assertIn("LISTEN_FDS: socket 4 is not open", self.refused_start(*here, sockets=[one], variables="LISTEN_FDS=2"))
        for number in ("254", "-1", "x", ""):
            self.assertIn("LISTEN_FDS: expected a number of sockets, at most 253",
                          self.refused_start(*here, sockets=[one], variables=f"LISTEN_FDS={number}"))

    def test_one_for_both_families(self):
        try:
            both = self.listener("::", socket.AF_INET6)
        except OSError:
            self.skipTest("no IPv6 here")
        port = both.getsockname()[1]
        self.assertIn(f"socket 3 accepts IPv4 and IPv6 on port {port}: set BindIPv6Only=ipv6-only",
                      self.refused_start("--listen", f"[::]:{port}", "--allow", "10.0.0.0/8", sockets=[both]))
