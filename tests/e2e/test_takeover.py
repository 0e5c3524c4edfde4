"""--takeover: a new process gets the listeners of the running one, and no request is lost."""
import array
import os
import pathlib
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import unittest

from harness import Case, LIGHT, PATIENCE, PREFIX, PROXY, RUNS_AS_OTHERS, closed_port, request
from test_reload import BETWEEN, OK, Load
from test_service import Manager


class Taken(Case):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter(tempfile.TemporaryDirectory()))
        self.path = str(self.folder / "takeover")

    def start(self, *options, **how):
        return self.proxy("--takeover", self.path, *options, **how)

    def refused_start(self, *options, **how):
        """What a proxy says that does not start."""
        done = subprocess.run([*PREFIX, PROXY, "0", "--takeover", self.path, *options], capture_output=True, text=True, timeout=PATIENCE, check=False, **how)
        self.assertIn(done.returncode, (1, 2), done.stderr)
        self.assertEqual(done.stdout, "")
        return done.stderr


class Restart(Taken):
    def test_the_new_process_serves_on_the_same_port_and_the_old_one_ends(self):
        old = self.start()
        new = self.start()
        self.assertEqual(new.ports, old.ports)
        old.line(f"takeover by process {new.pid} begins")
        old.line(f"taken over by process {new.pid}")
        self.assertEqual(old.ended(), (0, ""))
        self.assertEqual(new.get(self.origin().url()).status, 200)
        third = self.start()
        self.assertEqual(third.ports, old.ports)
        self.assertEqual(new.ended(), (0, ""))

    def test_under_load_no_request_is_lost(self):
        """Neither by takeovers nor by new processes that fail, each at another point of their start."""
        origin = self.origin(lambda wire: wire.send(OK))
        taken = self.enter(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        failures = (("--users", str(self.folder / "missing")), ("--listen", f"127.0.0.1:{taken}"),
                    ("--record", str(self.folder / "no" / "file")))
        proxy = self.start()
        load = Load(self, proxy, origin)
        for _ in range(2 if LIGHT else 5):
            for options in failures:
                load.goes_on(BETWEEN // 3)
                self.refused_start(*options)
            load.goes_on(BETWEEN)
            new = self.start()
            self.assertEqual(proxy.ended(), (0, ""))
            proxy = new
        load.goes_on(BETWEEN)
        load.end()

    def test_an_idle_client_may_ask_once_more(self):
        old, origin = self.start(), self.origin(lambda wire: wire.send(OK))
        text = request(origin.url(), "Host: o", version="1.1")
        idle = self.client(old.connect())
        self.assertEqual(idle.send(text).read_head().all("Connection"), [])
        self.assertEqual(idle.read_body(), b"hello")
        self.start()
        old.line("taken over by process ")
        answer = idle.send(text).rest()
        self.assertEqual((answer.status, answer.body, answer.reset), (200, b"hello", False))
        self.assertEqual(answer.head.all("Connection"), ["close"])
        self.assertEqual(old.ended(), (0, ""))

    def test_an_idle_client_is_closed_at_the_end_of_the_shutdown(self):
        old = self.start("--drain", "0.5")
        idle = self.client(old.connect())
        self.assertEqual(old.get(self.origin().url()).status, 200)  # so the idle one was accepted
        self.start()
        self.assertEqual(idle.some(), b"")
        self.assertEqual(old.ended(), (0, ""))

    def test_another_configuration(self):
        """Listeners that are not in its configuration are closed; further ones are opened."""
        ports = [closed_port() for _ in range(3)]
        old = self.start("--listen", f"127.0.0.1:{ports[0]}", "--echo", f"127.0.0.1:{ports[1]}", port=None)
        new = self.start("--listen", f"127.0.0.1:{ports[0]}", "--listen", f"127.0.0.1:{ports[2]}", port=None)
        self.assertEqual(old.ended(), (0, ""))
        for port in (ports[0], ports[2]):
            self.assertEqual(new.get(self.origin().url(), port=port).status, 200)
        with self.assertRaises(ConnectionRefusedError):
            new.connect(port=ports[1])

    def test_the_service_manager_hears_of_the_new_main_process(self):
        manager = self.enter(Manager(str(self.folder / "notify")))
        notify = {"NOTIFY_SOCKET": str(self.folder / "notify")}
        old = self.start(preexec=lambda: os.environ.update(notify))
        self.assertEqual(manager.next()["READY"], "1")
        new = self.start(preexec=lambda: os.environ.update(notify))
        self.assertEqual(manager.next(), {"MAINPID": str(new.pid)})
        self.assertEqual(manager.next()["READY"], "1")
        self.assertEqual(old.ended(), (0, ""))
        new.process.send_signal(signal.SIGTERM)
        self.assertEqual(manager.next()["STOPPING"], "1", "the old one has reported nothing more")


class Place(Taken):
    def test_only_this_user_can_connect(self):
        self.start()
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    def test_it_is_removed_at_the_end(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            proxy = self.start()
            self.assertTrue(os.path.exists(self.path))
            self.assertEqual(proxy.stop(how), (0, ""))
            self.assertFalse(os.path.exists(self.path))

    def test_that_of_a_crashed_process_is_replaced(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as dead:
            dead.bind(self.path)
        self.start()
        self.start()

    def test_another_file_is_not_touched(self):
        pathlib.Path(self.path).write_text("precious", encoding="ascii")
        self.assertIn("there is a file that is not a socket of this user: remove it, or use another path", self.refused_start())
        self.assertEqual(pathlib.Path(self.path).read_text(encoding="ascii"), "precious")

    def test_wrong_paths(self):
        for path, says in (("", "missing path"), ("a" * 108, "path too long"), (str(self.folder / "no" / "place"), "cannot listen: No such file")):
            self.path = path
            self.assertIn(says, self.refused_start())

    @unittest.skipUnless(RUNS_AS_OTHERS, "needs root, and a program that others can run")
    def test_other_users_are_refused(self):
        old = self.start()
        os.chmod(self.folder, 0o755)
        other = {"user": 65534, "group": 65534, "extra_groups": []}
        self.assertIn("cannot connect: Permission denied", self.refused_start(**other))
        os.chmod(self.path, 0o666)
        self.assertEqual(self.received(user=65534), b"")
        old.line("refused: it runs as user 65534")
        self.assertEqual(old.get(self.origin().url()).status, 200)

    def received(self, user):
        """What a process of that user receives there."""
        code = f"import os, socket; os.setuid({user}); s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); " \
               f"s.connect({self.path!r}); os.write(1, s.recv(9))"
        return subprocess.run(["python3", "-c", code], capture_output=True, check=True).stdout


class Protocol(Taken):
    def successor(self):
        one = self.enter(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        one.settimeout(PATIENCE)
        one.connect(self.path)
        return one

    def sockets(self, successor):
        """(the text, the listeners) that it gets; the first descriptor is the Unix socket."""
        text, parts, _, _ = successor.recvmsg(1 << 16, socket.CMSG_SPACE(4 * 253))
        numbers = array.array("i")
        for _, _, data in parts:
            numbers.frombytes(data)
        self.assertEqual(len(numbers), text.count(b"\n"))
        found = [self.enter(socket.socket(fileno=number)) for number in numbers]
        self.assertEqual(found[0].getsockname(), self.path)
        return text, found[1:]

    def test_the_sockets_and_the_answer(self):
        old = self.start()
        successor = self.successor()
        text, listeners = self.sockets(successor)
        self.assertTrue(text.startswith(b"proxy takeover 1\n0 0 127.0.0.1\n"), text)
        self.assertEqual(listeners[0].getsockname(), ("127.0.0.1", old.port))
        successor.send(b"serving")
        self.assertEqual(successor.recv(99), b"yes")
        self.assertEqual(old.ended(), (0, ""))
        with socket.create_connection(("127.0.0.1", old.port)):
            listeners[0].accept()[0].close()

    def test_a_later_one_takes_the_place_of_one_that_is_starting(self):
        old, first = self.start(), self.successor()
        self.sockets(first)
        second = self.successor()
        self.sockets(second)
        self.assertEqual(first.recv(99), b"no")
        self.assertEqual(first.recv(99), b"")
        second.send(b"serving")
        self.assertEqual(second.recv(99), b"yes")
        self.assertEqual(old.ended(), (0, ""))

    def test_one_that_says_something_else_or_nothing(self):
        old = self.start()
        for last in (b"hello", b""):
            successor = self.successor()
            self.sockets(successor)
            if last:
                successor.send(last)
                self.assertEqual(successor.recv(99), b"")
            successor.close()
            old.line("failed: it ended before it served; this process serves on")
            old.lines.clear()
        self.assertEqual(old.get(self.origin().url()).status, 200)
        self.start()
        self.assertEqual(old.ended(), (0, ""))

    def test_the_old_process_stops_while_the_new_one_starts(self):
        """The new one has the listeners: its clients wait for it."""
        old, successor = self.start(), self.successor()
        _, listeners = self.sockets(successor)
        self.assertEqual(old.stop(), (0, ""))
        self.assertEqual(successor.recv(99), b"")
        with socket.create_connection(("127.0.0.1", old.port)):
            listeners[0].accept()[0].close()

    def test_one_that_was_replaced_while_it_started(self):
        """The running process closes its connection before it says that it serves."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as local, socket.create_server(("127.0.0.1", 0)) as listener:
            local.bind(self.path)
            local.listen()
            def give():
                connection, _ = local.accept()
                with connection:
                    socket.send_fds(connection, [b"proxy takeover 1\n0 0 127.0.0.1\n"], [local.fileno(), listener.fileno()])
                    connection.send(b"no")
            running = threading.Thread(target=give)
            running.start()
            self.assertIn("another process replaces it; the running process serves on", self.refused_start())
            running.join()
        os.unlink(self.path)

    def test_a_process_of_another_version(self):
        for text in (b"proxy takeover 2\n", b"proxy takeover 1\n80 0 127.0.0.1\n"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
                listener.bind(self.path)
                listener.listen()
                answer = threading.Thread(target=self.answer, args=(listener, text))
                answer.start()
                self.assertIn("it speaks another version of the protocol: restart instead; the running process serves on", self.refused_start())
                answer.join()
            os.unlink(self.path)

    @staticmethod
    def answer(listener, text):
        connection, _ = listener.accept()
        with connection:
            connection.send(text)
            connection.recv(99)
