"""The installed units in a real systemd: start, reload, watchdog, socket activation, restart, instances, and what it confines."""
import json
import socket
import threading
import unittest

import machine
from harness import Case, Origin, Wire, ok, request
from test_install import make

SERVICE, PORT = "fourstate.service", 8080


def setUpModule():
    if lacks := machine.missing():
        raise unittest.SkipTest(f"missing: {lacks}")
    machine.leave_for_own_network()


class Systemd(Case):
    def setUp(self):
        self.machine = machine.Machine(lambda folder: make("install", f"DESTDIR={folder}", "prefix=/usr", "sysconfdir=/etc", CXX="false"))
        self.addCleanup(self.machine.end)

    # -- what the tests do

    def configure(self, name="fourstate", **keys):
        self.machine.write(f"/etc/fourstate/{name}.json", json.dumps({"forward": [{"host": "localhost", "port": PORT}]} | keys))

    def drop_in(self, unit, text):
        self.machine.write(f"{machine.UNITS}/{unit}.d/test.conf", text)
        self.machine.systemctl("daemon-reload")

    def pid(self, unit=SERVICE):
        return int(self.machine.show(unit, "MainPID"))

    def becomes(self, unit, **properties):
        """Waits until systemd shows these properties."""
        self.machine.wait_for(lambda: all(self.machine.show(unit, name) == value for name, value in properties.items()), f"{unit}: {properties}")

    def get(self, url, port=PORT):
        """The answer of the proxy."""
        with Wire(socket.create_connection(("127.0.0.1", port))) as client:
            return client.send(request(url)).rest()

    # -- one instance

    def test_start_and_stop(self):
        """`systemctl start` returns once the proxy accepts connections."""
        with Origin() as origin:
            self.machine.systemctl("start", SERVICE)
            self.assertEqual(self.get(origin.url()).body, b"hello")
        self.assertEqual(self.machine.show(SERVICE, "StatusText"), "listening on 127.0.0.1:8080 and [::1]:8080")
        self.machine.systemctl("stop", SERVICE)
        self.assertEqual((self.machine.show(SERVICE, "ActiveState"), self.machine.show(SERVICE, "Result")), ("inactive", "success"))

    def test_what_is_confined(self):
        """The service has its own user, no capability, and both filters: that of the unit and its own."""
        self.machine.systemctl("start", SERVICE)
        status = dict(line.split(":\t", 1) for line in (self.machine.inside(self.pid()) / "status").read_text(encoding="ascii").splitlines() if ":\t" in line)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"], int(status["CapBnd"], 16)), ("1", "2", 0))
        self.assertGreaterEqual(int(status["Seccomp_filters"]), 2)
        self.assertNotEqual(status["Uid"].split()[0], "0")
        self.assertEqual(self.machine.run("stat", "--format=%U", f"/proc/{self.pid()}").stdout, "fourstate\n")

    def test_drain(self):
        """A response in progress is finished before the service ends."""
        gate = self.gate()
        origin = self.origin(lambda wire: (wire.send(ok(b"first last")[:-4]), gate.wait(), wire.send(b"last")))
        self.machine.systemctl("start", SERVICE)
        client = self.client(Wire(socket.create_connection(("127.0.0.1", PORT))))
        client.send(request(origin.url())).read_head()
        self.machine.systemctl("stop", "--no-block", SERVICE)
        self.becomes(SERVICE, ActiveState="deactivating")
        self.machine.wait_for(lambda: "1 " in self.machine.show(SERVICE, "StatusText"), "it says how many requests are in flight")
        gate.open()
        self.assertEqual(client.rest().raw, b"first last")
        self.becomes(SERVICE, ActiveState="inactive", Result="success")

    def test_reload(self):
        """The process stays, and opens another port; an error keeps the old configuration, and says so in the status."""
        self.machine.systemctl("start", SERVICE)
        pid = self.pid()
        self.configure(forward=[{"host": "localhost", "port": PORT}, {"host": "localhost", "port": PORT + 1}])
        self.machine.systemctl("reload", SERVICE)
        with Origin() as origin:
            self.machine.wait_for(lambda: f":{PORT + 1}" in self.machine.show(SERVICE, "StatusText"), "the new port is open")
            self.assertEqual(self.get(origin.url(), PORT + 1).status, 200)
            self.machine.write("/etc/fourstate/fourstate.json", "{")
            self.machine.systemctl("reload", SERVICE)
            self.becomes(SERVICE, StatusText="reload failed: the configuration is unchanged")
            self.assertEqual(self.get(origin.url(), PORT + 1).status, 200)
        self.assertEqual((self.pid(), self.machine.show(SERVICE, "ActiveState")), (pid, "active"))

    def test_a_wrong_configuration(self):
        """The error is in the journal, once: it stays wrong, so the service is not started again."""
        self.drop_in(SERVICE, "[Service]\nStandardError=append:/run/said\n")
        self.machine.write("/etc/fourstate/fourstate.json", '{"forward": [{"host": "localhost", "prot": 1}]}')
        self.assertNotEqual(self.machine.try_systemctl("start", SERVICE).returncode, 0)
        self.becomes(SERVICE, ActiveState="failed", Result="exit-code", ExecMainStatus="2", NRestarts="0")
        self.assertIn("prot", self.machine.run("cat", "/run/said").stdout)

    def test_watchdog(self):
        """An idle loop feeds it. One that stands still is ended, and the service starts again."""
        self.drop_in(SERVICE, "[Service]\nWatchdogSec=2\n")
        self.machine.systemctl("start", SERVICE)
        pid, first = self.pid(), self.machine.show(SERVICE, "WatchdogTimestampMonotonic")
        fed = {first}
        self.machine.wait_for(lambda: fed.add(self.machine.show(SERVICE, "WatchdogTimestampMonotonic")) or len(fed) > 4, "the watchdog is fed for 4 s")
        self.assertEqual((self.pid(), self.machine.show(SERVICE, "NRestarts")), (pid, "0"))
        self.machine.run("kill", "-STOP", str(pid))
        self.becomes(SERVICE, NRestarts="1", ActiveState="active")
        self.assertNotEqual(self.pid(), pid)

    def test_a_death(self):
        self.machine.systemctl("start", SERVICE)
        self.machine.run("kill", "-KILL", str(self.pid()))
        self.becomes(SERVICE, NRestarts="1", ActiveState="active")
        with Origin() as origin:
            self.assertEqual(self.get(origin.url()).status, 200)

    # -- without a refused connection

    def test_socket_activation(self):
        """The first connection starts the service; connections during a restart wait."""
        self.machine.systemctl("start", "fourstate.socket")
        self.assertEqual(self.machine.show(SERVICE, "ActiveState"), "inactive")
        with Origin() as origin:
            self.assertEqual(self.get(origin.url()).body, b"hello")
            pids, answers, ended = {self.pid()}, [], threading.Event()

            def ask():
                while not ended.is_set():
                    answers.append(self.get(origin.url()).status)
            thread = threading.Thread(target=ask)
            thread.start()
            try:
                for _ in range(3):
                    self.machine.systemctl("restart", SERVICE)
                    pids.add(self.pid())
                    count = len(answers)
                    self.machine.wait_for(lambda: len(answers) > count + 10, "requests through the new process")  # pylint: disable=cell-var-from-loop
            finally:
                ended.set()
                thread.join()
        self.assertEqual(set(answers), {200})
        self.assertEqual(len(pids), 4)

    def test_takeover_by_another_instance(self):
        """The new instance gets the listeners, and the old one ends as after `systemctl stop`, with its requests finished."""
        gate = self.gate()
        slow = self.origin(lambda wire: (wire.send(ok(b"first last")[:-4]), gate.wait(), wire.send(b"last")))
        for name in ("old", "new"):
            self.configure(name, takeover="/run/fourstate/takeover")
        old, new = "fourstate@old.service", "fourstate@new.service"
        self.machine.systemctl("start", old)
        client = self.client(Wire(socket.create_connection(("127.0.0.1", PORT))))
        client.send(request(slow.url())).read_head()
        self.machine.systemctl("start", new)
        gate.open()
        self.assertEqual(client.rest().raw, b"first last")
        self.becomes(old, ActiveState="inactive", Result="success")
        self.assertEqual(self.get(self.origin().url()).status, 200)

    def test_takeover_in_the_same_service(self):
        """A process that is started in the control group of the service becomes its main process: the service never stops."""
        self.configure(takeover="/run/fourstate/takeover")
        self.machine.systemctl("start", SERVICE)
        old = self.pid()
        self.machine.run("sh", "-c", f"""
            (echo 0 > /sys/fs/cgroup$(systemctl show --value --property=ControlGroup {SERVICE})/cgroup.procs
            NOTIFY_SOCKET=/run/systemd/notify exec setpriv --reuid=fourstate --regid=fourstate --clear-groups \\
                fourstate /etc/fourstate/fourstate.json < /dev/null > /run/said 2>&1) &""")
        self.machine.wait_for(lambda: self.pid() not in (0, old), "the service has another main process")
        self.machine.wait_for(lambda: not self.machine.inside(old).exists(), "the old process has ended")
        self.assertEqual(self.machine.show(SERVICE, "ActiveState"), "active")
        self.assertEqual(self.get(self.origin().url()).status, 200)
        self.machine.systemctl("stop", SERVICE)
        self.assertEqual(self.machine.show(SERVICE, "Result"), "success")

    # -- many instances

    def test_instances_on_one_port(self):
        """One for each processor, by SO_REUSEPORT; a stopped one leaves the others their connections."""
        for name in ("a", "b"):
            self.configure(name, reuse_port=True)
            self.machine.systemctl("start", f"fourstate@{name}.service")
        pids = [self.pid(f"fourstate@{name}.service") for name in ("a", "b")]
        self.assertEqual(len(set(pids)), 2)
        with Origin() as origin:
            self.assertEqual(self.get(origin.url()).status, 200)
            self.machine.systemctl("stop", "fourstate@a.service")
            self.assertEqual(self.get(origin.url()).status, 200)


if __name__ == "__main__":
    unittest.main()
