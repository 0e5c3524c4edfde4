"""SIGINT ends the program with status 0, whatever its clients are doing; so does SIGTERM with --drain 0."""
import fcntl
import os
import pty
import signal
import tempfile
import termios

from harness import Case, ok, request


def held(gate):
    """An origin's ways to keep a request: without an answer, in the middle of one, without reading."""
    def serve(wire):
        if wire.head.target == "/middle":
            wire.send(b"HTTP/1.0 200 OK\r\n\r\nsome")
        gate.wait()
    return serve


class Signals(Case):
    def clients_in_every_state(self, proxy, origin):
        """Clients that are, surely, each in another state."""
        idle, half_a_head = proxy.connect(), proxy.connect().send(b"GET http://127")
        uploading = proxy.ask(origin.url("/upload"), "Content-Length: 100", method="PUT", body=b"half")
        waiting = proxy.ask(origin.url("/wait"))
        in_the_middle = proxy.ask(origin.url("/middle"))
        self.assertEqual(in_the_middle.read_head().status, 200)
        self.assertEqual(in_the_middle.read(4), b"some")
        lingering = proxy.connect().send(b"nonsense\r\n\r\nand more")
        self.assertEqual(lingering.rest().status, 400)
        origin.wait_for(3)
        clients = [idle, half_a_head, uploading, waiting, in_the_middle, lingering]
        for client in clients:
            self.client(client)
        return clients

    def check(self, how, *options):
        gate, proxy = self.gate(), self.proxy(*options)
        clients = self.clients_in_every_state(proxy, self.origin(held(gate)))
        self.assertEqual(proxy.stop(how), (0, ""))
        for client in clients:
            client.until_gone()

    def test_sigint(self):
        self.check(signal.SIGINT)

    def test_sigterm(self):
        self.check(signal.SIGTERM, "--drain", "0")

    def test_a_terminal_that_is_gone(self):
        """The kernel sends this SIGHUP, which is not a request to reload."""
        terminal, ours = pty.openpty()
        self.addCleanup(os.close, ours)

        def take_it():
            os.setsid()
            fcntl.ioctl(ours, termios.TIOCSCTTY, 0)
        proxy = self.proxy(preexec=take_it)
        os.close(terminal)
        self.assertEqual(proxy.ended(), (0, ""))

    def test_at_rest(self):
        for how in (signal.SIGINT, signal.SIGTERM):
            self.assertEqual(self.proxy().stop(how), (0, ""))

    def test_an_answer_that_is_cut_looks_cut(self):
        """An answer that only the end of the stream ends must not look whole because the proxy was stopped."""
        gate, proxy = self.gate(), self.proxy()
        client = self.client(proxy.ask(self.origin(held(gate)).url("/middle")))
        self.assertEqual(client.read_head().status, 200)
        self.assertEqual(client.read(4), b"some")
        self.assertEqual(proxy.stop(), (0, ""))
        self.assertTrue(client.rest().reset)

    def test_the_log_has_the_requests_that_were_cut_off(self):
        gate, proxy = self.gate(), self.proxy()
        self.clients_in_every_state(proxy, self.origin(held(gate)))
        proxy.stop()
        ends = [line.rpartition(" end=")[2] for line in proxy.lines]
        self.assertEqual(sorted(ends), ["bad-request-line by=client"] + ["shutdown by=proxy"] * 3, proxy.lines)

    def test_the_log_is_whole(self):
        proxy, origin = self.proxy(), self.origin()
        for _ in range(50):
            self.assertEqual(proxy.get(origin.url()).body, b"hello")
        proxy.stop()
        self.assertEqual(len(proxy.lines), 50)
        self.assertTrue(all(line.endswith(" end=complete by=upstream") for line in proxy.lines), proxy.lines[0])

    def test_a_log_file_is_whole(self):
        with tempfile.NamedTemporaryFile() as log:
            proxy, origin = self.proxy("--access-log", log.name), self.origin(lambda wire: wire.send(ok(b"x")))
            for number in range(20):
                proxy.get(origin.url(f"/{number}"))
            proxy.stop()
            lines = log.read().decode().splitlines()
        self.assertEqual([line.split(" ")[4] for line in lines], [origin.url(f"/{number}") for number in range(20)])
        self.assertEqual(proxy.lines, [])

    def test_a_signal_at_once_after_the_announcement(self):
        for _ in range(5):
            proxy = self.proxy()
            with proxy.connect() as client:
                client.send(request("http://127.0.0.1:2/"))
                self.assertEqual(proxy.stop(signal.SIGTERM)[0], 0)
