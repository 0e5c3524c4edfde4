"""demo/demo.py starts an origin, the proxy and traffic, and ends all of it, however it is ended."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from harness import PATIENCE, PROXY, ROOT, Case, RawClient, closed_port, native, request, wait_until


def processes(session):
    """The processes of the session that run."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session and fields[0] not in "ZX":
            found.append(int(folder.name))
    return found


@native
class Demo(Case):
    def setUp(self):
        self.folder = pathlib.Path(self.enter(tempfile.TemporaryDirectory()))

    def start(self, *options, program=PROXY):
        """The demo in a session of its own, once it has said what can be seen."""
        command = [sys.executable, ROOT / "demo/demo.py", "--proxy", program, "--folder", self.folder, *options]
        self.demo = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, text=True)
        self.addCleanup(self.clean)
        self.said = ""
        for line in self.demo.stdout:
            self.said += line
            if line.startswith("Ctrl-C"):
                break
        found = re.search(r"^The board: +http://localhost:(\d+)/", self.said, re.M)
        self.assertTrue(found, self.said)
        self.port = int(found[1])

    def clean(self):
        for pid in processes(self.demo.pid):
            os.kill(pid, signal.SIGKILL)
        self.demo.wait()
        self.demo.stdout.close()
        self.demo.stderr.close()

    def log(self):
        return (self.folder / "access.log").read_text(encoding="ascii")

    def ends(self, status):
        """It ends with this status, and none of its processes is left."""
        self.assertEqual(self.demo.wait(PATIENCE), status)
        wait_until(lambda: not processes(self.demo.pid), lambda: f"all have ended; left are {processes(self.demo.pid)}")

    def test_traffic_of_each_kind_and_ctrl_c(self):
        self.start("--seed", "2")
        for words in (" CONNECT ", " POST ", "http://demo.test/page/", "http://127.0.0.1:1/", " 404 ", ".2 GET "):
            wait_until(lambda words=words: words in self.log(), f"the log has {words!r}")
        self.assertEqual(len(processes(self.demo.pid)), 2)
        os.killpg(self.demo.pid, signal.SIGINT)  # as the terminal does
        self.ends(0)
        self.assertEqual(self.demo.stderr.read(), "")

    def test_the_origin_answers_by_its_name(self):
        self.start()
        client = RawClient(socket.create_connection(("127.0.0.1", self.port), PATIENCE))
        with client:
            answer = client.send(request("http://demo.test/", "Host: demo.test")).rest()
        self.assertEqual(answer.status, 200)
        self.assertIn(b"The origin of the demo", answer.body)
        self.demo.terminate()
        self.ends(0)

    def test_the_terminal_closes(self):
        self.start()
        self.demo.stdout.close()
        self.demo.send_signal(signal.SIGHUP)
        self.ends(0)

    def test_it_is_killed(self):
        self.start()
        self.demo.kill()
        self.ends(-signal.SIGKILL)

    def test_the_proxy_dies(self):
        self.start()
        (proxy,) = set(processes(self.demo.pid)) - {self.demo.pid}
        os.kill(proxy, signal.SIGKILL)
        self.ends(1)
        self.assertIn("The proxy has ended: SIGKILL", self.demo.stdout.read())

    def test_the_port_and_the_program(self):
        port = closed_port()
        self.start("--port", str(port))
        self.assertEqual(self.port, port)
        self.demo.terminate()
        self.ends(0)
        done = subprocess.run([sys.executable, ROOT / "demo/demo.py", "--proxy", self.folder / "none", "--folder", self.folder], capture_output=True,
                              text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("build it with make", done.stderr)


if __name__ == "__main__":
    unittest.main()
