"""Health checks: a server that fails one receives no requests until it passes one, and checks leak nothing."""
import json
import signal
import threading
import unittest

from harness import PATIENCE, closed_port, ok, wait_until
from web import HAS_JSON, InAFolder, Server, UnixServer, ask, get, read_answer

EVERY_MS = 100  # the shortest that may be asked for


class Patient:
    """Answers /up with its health, and other requests with its name."""

    def __init__(self, case, name):
        self.healthy, self.checks, self.name = True, 0, name
        self._server = Server(case, self._answer)
        self.authority = self._server.authority

    def _answer(self, head, _):
        if head.target != "/up":
            return ok(self.name.encode()).replace(b"HTTP/1.0", b"HTTP/1.1")
        self.checks += 1
        status = b"204 No Content" if self.healthy else b"503 Service Unavailable"
        return b"HTTP/1.1 %s\r\nConnection: close\r\n%s\r\n" % (status, b"" if self.healthy else b"Content-Length: 0\r\n")

    def check(self):
        """The first head of a check; waits for it."""
        wait_until(lambda: self.checks, "it is asked how it is")
        return next(head for head in self._server.requests if head.target == "/up")


class Silent:
    """Takes connections, reads what comes, and never answers."""

    def __init__(self, case):
        self.gone, self.origin = threading.Event(), case.origin(self._serve)
        self.authority = self.origin.authority

    def _serve(self, wire):
        wire.until_gone()
        self.gone.set()


@unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
class Checks(InAFolder):
    def settings(self, *upstreams, path="/up", ms=EVERY_MS, port=0):
        return {"servers": [{"listeners": [{"host": "127.0.0.1", "port": port}], "routes": [
            {"req_path": "/", "type": "reverse_proxy", "upstreams": list(upstreams),
             **({"health_check": {"path": path, "interval_ms": ms}} if path else {})}]}]}

    def front(self, *upstreams, options=(), **how):
        return self.proxy(*options, port=self.write_config(self.settings(*upstreams, **how)))

    def wait_for_check(self, front, authority, words, count=1):
        """Waits until the log has this result of the server so many times."""
        start = f"health check /up of {authority} {words}: "
        front.wait_for_lines(lambda: sum(line.startswith(start) for line in front.lines) == count)

    @staticmethod
    def verdicts(front, server):
        return [line for line in front.lines if line.startswith("health check ") and server.authority in line]

    def names(self, front, count=8):
        """The names of the servers that answer so many requests."""
        return {ask(front)[1].decode() for _ in range(count)}

    def reload(self, proxy):
        proxy.process.send_signal(signal.SIGHUP)
        proxy.line("reloaded; ")

    def test_an_unhealthy_server_is_left_out_until_it_recovers(self):
        one, two = Patient(self, "one"), Patient(self, "two")
        front = self.front(one.authority, two.authority)
        head = one.check()
        self.assertEqual((head.first, head.all("Host"), head.all("Connection")),
                         ("GET /up HTTP/1.1", [one.authority], ["close"]))
        two.check()
        self.assertEqual(self.names(front), {"one", "two"})
        for count in (1, 2):
            one.healthy = False
            self.wait_for_check(front, one.authority, "failed (503)", count)
            self.assertEqual(self.names(front), {"two"})
            one.healthy = True
            self.wait_for_check(front, one.authority, "passed (204)", count)
            self.assertEqual(self.names(front), {"one", "two"})
        self.assertFalse(self.verdicts(front, two))

    def test_over_a_kept_connection_too(self):
        one, two = Patient(self, "one"), Patient(self, "two")
        front = self.front(one.authority, two.authority)
        with front.connect() as client:
            def answers():
                return {read_answer(client.send(get()))[1] for _ in range(4)}
            self.assertEqual(answers(), {b"one", b"two"})
            one.healthy = False
            self.wait_for_check(front, one.authority, "failed (503)")
            self.assertEqual(answers(), {b"two"}, "a kept connection to the unhealthy server is not used")

    def test_if_all_are_unhealthy_one_is_used_anyway(self):
        one = Patient(self, "one")
        one.healthy = False
        front = self.front(one.authority)
        self.wait_for_check(front, one.authority, "failed (503)")
        self.assertEqual(self.names(front), {"one"})

    def test_a_server_that_starts_later_is_used(self):
        port, two = closed_port(), Patient(self, "two")
        front = self.front(f"127.0.0.1:{port}", two.authority)
        self.wait_for_check(front, f"127.0.0.1:{port}", "failed (connection-refused)")
        two.check()
        self.assertEqual(self.names(front), {"two"})
        self.origin(lambda wire: wire.send(ok(b"back")), port=port)
        self.wait_for_check(front, f"127.0.0.1:{port}", "passed (200)")
        self.assertEqual(self.names(front), {"back", "two"})

    def test_a_silent_server_is_left_out(self):
        silent, two = Silent(self), Patient(self, "two")
        front = self.front(silent.authority, two.authority, options=("--answer-timeout", "3"))
        self.wait_for_check(front, silent.authority, "failed (response-timeout)")
        self.assertTrue(silent.gone.wait(PATIENCE))
        self.assertEqual(self.names(front), {"two"})

    def test_a_server_without_http_is_left_out(self):
        strange = self.origin(lambda wire: wire.send(b"220 mail.test ESMTP\r\n"))
        front = self.front(strange.authority)
        self.wait_for_check(front, strange.authority, "failed (bad-status-line)")

    def test_through_a_unix_socket(self):
        well = threading.Event()

        def serve(wire):
            head = wire.read_head()
            if head and head.target == "/up" and not well.is_set():
                wire.send(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
            elif head:
                wire.send(ok(b"here"))
        path = self.folder / "socket"
        self.enter(UnixServer(path, serve))
        front = self.front(f"unix:{path}")
        self.wait_for_check(front, f"unix:{path}", "failed (500)")
        well.set()
        self.wait_for_check(front, f"unix:{path}", "passed (200)")
        self.assertEqual(self.names(front), {"here"})

    def test_as_json(self):
        port = closed_port()
        front = self.front(f"127.0.0.1:{port}", options=("--log-format", "json"))
        line = json.loads(front.line(f"health check /up of 127.0.0.1:{port}"))
        self.assertEqual(list(line), ["notice"])

    def test_another_configuration(self):
        """What is under way is given up, and it is asked what the new one says."""
        silent, asked = Silent(self), Patient(self, "asked")
        front = self.front(silent.authority, ms=60_000)
        silent.origin.wait_for(1)
        before = front.descriptors()
        self.write_config(self.settings(asked.authority))
        self.reload(front)
        self.assertTrue(silent.gone.wait(PATIENCE))
        asked.check()
        self.assertEqual(self.names(front), {"asked"})
        asked.healthy = False
        self.wait_for_check(front, asked.authority, "failed (503)")
        self.write_config(self.settings(asked.authority, path=None))
        front.process.send_signal(signal.SIGHUP)
        front.wait_for_lines(lambda: sum(line.startswith("reloaded; ") for line in front.lines) == 2)
        self.assertEqual(self.names(front), {"asked"})
        wait_until(lambda: front.descriptors() <= before, "no descriptor is left over")
        self.assertEqual(len(silent.origin.heads), 1)
        self.assertFalse(self.verdicts(front, silent), "it was given up, not late")

    def test_shutdown_during_a_check(self):
        for how in (signal.SIGINT, signal.SIGTERM):
            silent = Silent(self)
            front = self.front(silent.authority, "nowhere.invalid:80", ms=60_000)
            silent.origin.wait_for(1)
            self.assertEqual(front.stop(how), (0, ""))
            self.assertTrue(silent.gone.wait(PATIENCE))

    def test_no_checks_during_shutdown(self):
        gate, silent = self.gate(), Silent(self)

        def serve(wire):
            gate.wait()
            wire.send(ok(b"late"))
        slow = self.origin(serve)
        front = self.front(slow.authority, path=None)
        client = self.client(front.connect()).send(get())
        slow.wait_for(1)
        self.write_config(self.settings(silent.authority, ms=60_000))
        self.reload(front)
        silent.origin.wait_for(1)
        front.process.send_signal(signal.SIGTERM)
        self.assertTrue(silent.gone.wait(PATIENCE), "given up though a request is under way")
        gate.open()
        self.assertEqual(read_answer(client)[1], b"late")
        client.close()
        self.assertEqual(front.ended(), (0, ""))
        self.assertFalse(self.verdicts(front, silent), "it was given up, not late")


if __name__ == "__main__":
    unittest.main()
