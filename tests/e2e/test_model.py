"""The model, seen from outside while requests are held: one thread, no child, non-blocking sockets, edge-triggered epoll."""
import os
import pathlib
import re

from harness import Case, native, ok

EPOLLET = 1 << 31


@native
class Model(Case):
    """With clients in several states, so that each kind of descriptor is there."""

    HELD = 5

    def setUp(self):
        gate = self.gate()
        self.via = self.proxy()
        self.server = self.origin(lambda wire: (gate.wait(), wire.send(ok(b"x"))))
        self.client(self.via.connect())
        self.client(self.via.connect().send(b"GET "))
        self.held = [self.client(self.via.ask(self.server.url())) for _ in range(self.HELD)]
        self.server.wait_for(self.HELD)
        self.gate_of_all = gate

    def folder(self, *names):
        return pathlib.Path("/proc", str(self.via.pid), *names)

    def descriptors(self, kind):
        """Those whose link names that kind, each with its fdinfo."""
        found = {}
        for descriptor in os.listdir(self.folder("fd")):
            if kind in os.readlink(self.folder("fd", descriptor)):
                found[int(descriptor)] = self.folder("fdinfo", descriptor).read_text(encoding="ascii")
        return found

    def test_one_thread(self):
        self.assertEqual(self.via.tasks(), 1)

    def test_no_child(self):
        children = [pid for pid in os.listdir("/proc") if pid.isdigit() and self.parent(pid) == self.via.pid]
        self.assertEqual(children, [])

    @staticmethod
    def parent(pid):
        try:
            return int(pathlib.Path("/proc", pid, "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
        except OSError:
            return 0  # has just ended

    def test_every_socket_is_non_blocking(self):
        sockets = self.descriptors("socket:")
        self.assertGreaterEqual(len(sockets), 2 + 2 + 2 * self.HELD)  # listeners, those two, each one's two sides
        for descriptor, info in sockets.items():
            self.assertTrue(int(re.search(r"flags:\s*(\d+)", info)[1], 8) & os.O_NONBLOCK, descriptor)

    def test_every_socket_is_watched_edge_triggered_by_one_epoll(self):
        pollers = self.descriptors("eventpoll")
        self.assertEqual(len(pollers), 1)
        watched = {int(fd): int(events, 16)
                   for fd, events in re.findall(r"tfd:\s*(\d+)\s+events:\s*([0-9a-f]+)", *pollers.values())}
        self.assertEqual(set(self.descriptors("socket:")) - set(watched), set())
        for descriptor, events in watched.items():
            self.assertTrue(events & EPOLLET, descriptor)

    def test_no_descriptor_is_inherited(self):
        """All but the standard streams are closed in whatever would be started from it."""
        for descriptor, info in self.descriptors("").items():
            if descriptor > 2:
                self.assertTrue(int(re.search(r"flags:\s*(\d+)", info)[1], 8) & os.O_CLOEXEC, descriptor)

    def test_it_sleeps_in_epoll_wait(self):
        self.via.wait_for_rest(cpu=0.02, wakes=5)

    def test_the_held_ones_are_served_in_the_end(self):
        self.gate_of_all.open()
        for client in self.held:
            self.assertEqual(client.rest().body, b"x")
