"""SIGHUP reloads the command line and its file: requests in flight go on, and no request is lost."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

from harness import Case, LIGHT, PREFIX, PROXY, VERSION, closed_port, request
from test_access import USERS, basic
from test_config import HAS_JSON

BETWEEN = 30 if LIGHT else 300  # requests, at least, between two changes
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Reloaded(Case):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter(tempfile.TemporaryDirectory()))

    def reload(self, proxy):
        """Reloads, and waits until it is done."""
        before = self.count(proxy)
        proxy.process.send_signal(signal.SIGHUP)
        proxy.wait_for_lines(lambda: self.count(proxy) > before)

    @staticmethod
    def count(proxy):
        return sum(line.startswith("reloaded; ") for line in proxy.lines)

    def refused(self, proxy, port):
        with self.assertRaises(ConnectionRefusedError):
            proxy.connect(port=port)


class OfHostLists(Reloaded):
    def test_a_list_of_hosts(self):
        """host=@FILE is read again; a bad file changes nothing, and its line is named. Requests are served meanwhile."""
        origin, path = self.origin(), self.folder / "blocked"
        path.write_bytes(b"\xef\xbb\xbf# blocked\r\n.invalid\r\n")
        proxy = self.proxy("--deny", f"host=@{path}")
        self.assertEqual(proxy.get(origin.url()).status, 200)
        self.assertEqual(proxy.get("http://x.invalid/").status, 403)
        path.write_text("".join(f"n{i}.example.com\n" for i in range(50_000)) + "127.0.0.1\n", encoding="ascii")
        self.reload(proxy)
        self.assertEqual(proxy.get(origin.url()).status, 403)
        self.assertEqual(proxy.get("http://n49999.example.com/").status, 403)
        path.write_text("a.test\n0.0.0.0 b.test\n", encoding="ascii")
        proxy.process.send_signal(signal.SIGHUP)
        proxy.said("reload failed")
        self.assertEqual(proxy.get(origin.url()).status, 403)
        self.assertIn(f"{path}: line 2: invalid host '0.0.0.0 b.test'", proxy.stop()[1])

    def test_check_and_explain_read_it(self):
        path = self.folder / "blocked"
        path.write_text("a.test\n||b.test^\n", encoding="ascii")
        for words in (("0", "--check"), ("explain", "GET", "http://a.test/")):
            done = subprocess.run([*PREFIX, PROXY, *words, "--deny", f"host=@{path}"], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"{path}: line 2: invalid host '||b.test^'", done.stderr)
        path.write_text("a.test\n", encoding="ascii")
        done = subprocess.run([*PREFIX, PROXY, "explain", "GET", "http://a.test/", "--deny", f"host=@{path}"], capture_output=True, text=True, check=False)
        self.assertIn(f"rule        denied: --deny host=@{path}\n", done.stdout)


class Client(threading.Thread):
    """Asks again and again; over one connection as long as the proxy keeps it, or over a fresh one each time."""

    def __init__(self, proxy, url, keeps, over):
        super().__init__(daemon=True)
        self.proxy, self.text, self.keeps = proxy, request(url, "Host: o", version="1.1"), keeps
        self.over = over
        self.answered, self.lost, self.connections, self.fault, self.names = 0, 0, 0, None, set()

    def run(self):
        try:
            while not self.over.is_set():
                with self.proxy.connect() as wire:
                    self.connections += 1
                    self.talk(wire)
        except Exception as fault:  # pylint: disable=broad-except
            self.fault = repr(fault)

    def talk(self, wire):
        while not self.over.is_set():
            head = wire.send(self.text).read_head()
            if head is None:
                self.lost += 1
                return
            if head.status != 200 or wire.read_body() != b"hello":
                raise AssertionError(head.raw)
            self.answered += 1
            self.names.add(head.all("Via")[0].split()[-1])
            if head.all("Connection") == ["close"]:
                if wire.some() != b"":
                    raise AssertionError("something follows the last answer")
                return
            if not self.keeps:
                return


class Load:
    """Eight clients that ask until the end of the load, half of them over connections that they keep."""

    def __init__(self, case, proxy, origin):
        self.case, self.origin, self.over = case, origin, threading.Event()
        case.addCleanup(self.over.set)
        self.clients = [Client(proxy, origin.url(), number % 2 == 0, self.over) for number in range(8)]
        for client in self.clients:
            client.start()

    def goes_on(self, requests):
        """Returns after so many requests more, at least."""
        self.origin.wait_for(len(self.origin.heads) + requests)

    def end(self):
        """No request may be lost. Returns the clients."""
        self.over.set()
        for client in self.clients:
            client.join()
        self.case.assertEqual([client.fault for client in self.clients], [None] * len(self.clients))
        self.case.assertEqual([client.lost for client in self.clients], [0] * len(self.clients))
        self.case.assertEqual(len(self.origin.heads), sum(client.answered for client in self.clients))
        return self.clients


@unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
class File(Reloaded):
    def write(self, content):
        """In one step: a reader finds the one or the other."""
        fresh = self.folder / "fresh"
        fresh.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        os.replace(fresh, self.folder / "c.json")

    def listens_on(self, *ports, **options):
        self.write({"forward": [{"host": "127.0.0.1", "port": port} for port in ports], **options})

    def start(self, *options):
        return self.proxy("--config", str(self.folder / "c.json"), *options, port=None)

    def test_under_load_no_request_is_lost(self):
        self.listens_on(0)
        proxy, origin = self.start(), self.origin(lambda wire: wire.send(OK))
        load = Load(self, proxy, origin)
        reloads = 5
        for number in range(1, reloads + 1):
            load.goes_on(BETWEEN)
            self.listens_on(0, *[closed_port()][:number % 2], server_name=f"name{number}", keep_alive_timeout=60 + number)
            self.reload(proxy)
        load.goes_on(BETWEEN)
        clients = load.end()
        served_by = set().union(*(client.names for client in clients))
        self.assertEqual(served_by, {"proxy"} | {f"name{number}" for number in range(1, reloads + 1)})
        for client in clients[::2]:
            self.assertGreater(client.answered, client.connections, "it is kept in between")
        self.assertEqual(proxy.stop(), (0, ""))

    def test_listeners_come_and_go(self):
        gate, here, there = self.gate(), closed_port(), closed_port()

        def serve(wire):
            gate.wait()
            wire.send(OK)
        self.listens_on(0, here)
        proxy, origin = self.start(), self.origin(serve)
        waiting = self.client(proxy.connect(port=here).send(request(origin.url(), "Host: o", version="1.1")))
        origin.wait_for(1)
        self.listens_on(there, 0)
        self.reload(proxy)
        self.refused(proxy, here)
        gate.open()
        self.assertEqual(proxy.get(origin.url()).body, b"hello", "the port that was chosen for us is the same")
        with proxy.connect(port=there) as client:
            self.assertEqual(client.send(request(origin.url())).rest().body, b"hello")
        self.assertEqual(waiting.read_head().all("Connection"), ["close"])
        self.assertEqual(waiting.read_body() + waiting.some(), b"hello")

    def test_a_kept_connection_is_closed_after_its_next_response(self):
        self.listens_on(0)
        proxy, origin = self.start(), self.origin(lambda wire: wire.send(OK))
        with proxy.connect() as client:
            self.assertEqual(client.send(request(origin.url(), "Host: o", version="1.1")).read_head().all("Connection"), [])
            client.read_body()
            self.write({"forward": [{"host": "127.0.0.1", "port": 0}], "rules": [{"deny": "all"}]})
            self.reload(proxy)
            self.assertEqual(proxy.get(origin.url()).status, 403)
            answer = client.send(request(origin.url(), "Host: o", version="1.1")).rest()
        self.assertEqual((answer.status, answer.head.all("Connection"), answer.body), (200, ["close"], b"hello"))

    def test_what_is_wrong_changes_nothing(self):
        taken = self.enter(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        for content, words in (("{", "c.json:"), ({"forward": [{"host": "127.0.0.1", "port": 0}], "http": "3"}, "http"),
                               ({"forward": [{"host": "127.0.0.1", "port": taken}]}, "another program uses the port")):
            self.listens_on(0)
            proxy, origin = self.start(), self.origin()
            self.write(content)
            proxy.process.send_signal(signal.SIGHUP)
            proxy.said("reload failed")
            self.assertEqual(proxy.get(origin.url()).body, b"hello")
            status, error = proxy.stop()
            self.assertEqual(status, 0)
            self.assertIn(words, error)

    def test_a_fifo_in_place_of_the_file_is_not_opened(self):
        self.listens_on(0)
        proxy, origin = self.start(), self.origin()
        file = self.folder / "c.json"
        file.unlink()
        os.mkfifo(file)
        proxy.process.send_signal(signal.SIGHUP)
        proxy.said("reload failed")
        self.assertEqual(proxy.get(origin.url()).body, b"hello")
        status, error = proxy.stop()
        self.assertEqual(status, 0)
        self.assertIn("c.json: not a regular file", error)

    def test_options_that_need_a_restart_are_reported(self):
        self.listens_on(0)
        proxy = self.start()
        self.listens_on(0, max_requests=77, buffers=5, max_head=20, max_fields=200)
        self.reload(proxy)
        status, error = proxy.stop()
        self.assertEqual((status, error), (0, "proxy: restart to change --max-requests, --buffers, --max-head, --max-fields: "
                                                     "a reload keeps the values of the start\n"))


class CommandLine(Reloaded):
    def test_without_a_file_nothing_changes(self):
        proxy, origin = self.proxy(), self.origin()
        ports = proxy.ports
        self.reload(proxy)
        for host, port in zip(("127.0.0.1", "::1"), ports):
            with proxy.connect(host, port) as client:
                self.assertEqual(client.send(request(origin.url())).rest().body, b"hello")

    @unittest.skipUnless("passwords by" in VERSION, "this build has no libcrypt")
    def test_the_users_are_reloaded(self):
        path = self.folder / "users"
        path.write_text(USERS, encoding="ascii")
        proxy, origin = self.proxy("--users", str(path)), self.origin()
        self.assertEqual(proxy.get(origin.url(), basic("bob:other")).status, 200)
        path.write_text(USERS.splitlines()[0] + "\n", encoding="ascii")
        self.assertEqual(proxy.get(origin.url(), basic("bob:other")).status, 200)
        self.reload(proxy)
        self.assertEqual(proxy.get(origin.url(), basic("bob:other")).status, 407)
        self.assertEqual(proxy.get(origin.url(), basic("ann:secret")).status, 200)
