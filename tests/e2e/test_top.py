"""`proxy top` in a terminal: what it shows, its keys, and that it restores the terminal, however it ends."""
import contextlib
import fcntl
import os
import pathlib
import pty
import signal
import struct
import subprocess
import tempfile
import termios
import unittest

from harness import PATIENCE, PREFIX, PROXY, VERSION, Case, closed_port, native, wait_until
from test_access import USERS

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


def environment(**variables):
    """That of a plain terminal without settings of this machine."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "LC_ALL", "LC_CTYPE", "LANG")}
    return {**kept, "TERM": "xterm-256color", **variables}


def top(*arguments, **variables):
    """(exit status, standard output, standard error), without a terminal."""
    done = subprocess.run([*PREFIX, PROXY, "top", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=environment(**variables), start_new_session=True, check=False)
    return done.returncode, done.stdout, done.stderr


class Terminal:
    """`proxy top` on a terminal of its own."""

    def __init__(self, *arguments, columns=100, rows=30, **variables):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = self.settings()
        self.process = subprocess.Popen([*PREFIX, PROXY, "top", *map(str, arguments)], stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                        env=environment(**variables), start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.set_blocking(self.master, False)
        self.output = ""

    def settings(self):
        return termios.tcgetattr(self.slave)

    def read(self):
        """What was drawn so far."""
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self.master, 1 << 16):
                self.output += piece.decode()
        return self.output

    def shows(self, *words):
        """Waits until the last frame has these words."""
        wait_until(lambda: all(word in self.read().rpartition("\x1b[H")[2] for word in words), lambda: f"{words}: {self.output[-3000:]!r}")

    def press(self, keys):
        os.write(self.master, keys.encode())

    def state(self):
        return pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]

    def wait(self):
        """Its exit status; reads what it draws meanwhile."""
        wait_until(lambda: (self.read(), self.process.poll())[1] is not None, "it has ended")
        self.read()
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        for end in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(end)


@native
class Screen(Case):
    """There is no proxy, which is shown: what is tested is the terminal."""

    def start(self, **how):
        terminal = Terminal(closed_port(), **how)
        self.addCleanup(terminal.close)
        terminal.shows("No answer: nothing listens at port")
        return terminal

    def is_restored(self, terminal):
        self.assertEqual(terminal.settings(), terminal.before)
        self.assertEqual(terminal.output.count(ENTER), terminal.output.count(LEAVE))
        self.assertIn("\x1b[?25h", terminal.output.rpartition("\x1b[?25l")[2])

    def test_q(self):
        terminal = self.start()
        self.assertNotEqual(terminal.settings(), terminal.before)
        terminal.press("q")
        self.assertEqual(terminal.wait(), 0)
        self.is_restored(terminal)

    def test_ctrl_c(self):
        terminal = self.start()
        terminal.press("\x03")
        self.assertEqual(terminal.wait(), -signal.SIGINT)
        self.is_restored(terminal)

    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGSEGV, signal.SIGABRT, signal.SIGUSR1, signal.SIGPIPE):
            with self.subTest(number.name):
                terminal = self.start()
                terminal.process.send_signal(number)
                self.assertEqual(terminal.wait(), -number)
                self.is_restored(terminal)

    def test_it_is_stopped_and_goes_on(self):
        terminal = self.start()
        for times in (1, 2):
            terminal.process.send_signal(signal.SIGTSTP)
            wait_until(lambda: terminal.state() == "T", "it has stopped")
            terminal.read()
            self.is_restored(terminal)
            self.assertEqual(terminal.output.count(LEAVE), times)
            terminal.process.send_signal(signal.SIGCONT)
            wait_until(lambda times=times: terminal.read().count(ENTER) == times + 1, "it draws again")
            terminal.shows("No answer")
            self.assertNotEqual(terminal.settings(), terminal.before)
        terminal.press("q")
        self.assertEqual(terminal.wait(), 0)
        self.is_restored(terminal)

    def test_the_terminal_goes_away(self):
        terminal = self.start()
        os.close(terminal.slave)
        os.close(terminal.master)
        self.assertEqual(terminal.process.wait(PATIENCE), -signal.SIGHUP)

    def test_its_size_changes(self):
        terminal = self.start()
        fcntl.ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 20, 0, 0))
        wait_until(lambda: "No answer: nothing l\x1b" in terminal.read().replace("\x1b[1;38;5;199m", ""), "its lines are short")

    def test_no_color(self):
        terminal = self.start(NO_COLOR="1")
        self.assertNotIn("38;5", terminal.output)


class WithoutTerminal(Case):
    def test_nothing_listens(self):
        place = f"127.0.0.1:{closed_port()}"
        for arguments in ((place,), ("--once", place)):
            self.assertEqual(top(*arguments), (2, "", f"proxy: nothing listens at {place}: start the proxy, and give its port\n"))

    @native
    def test_a_dumb_terminal(self):
        terminal = Terminal(closed_port(), TERM="dumb")
        self.addCleanup(terminal.close)
        self.assertEqual(terminal.wait(), 2)
        self.assertNotIn("\x1b", terminal.output)
        self.assertIn("nothing listens", terminal.output)

    def test_another_server(self):
        origin = self.origin(lambda wire: wire.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
        self.assertEqual(top(origin.port), (2, "", f"proxy: port {origin.port} responded with 404 to GET /console/hello.json: it has no board; "
                                                   "give the port of the proxy, or that of --console\n"))

    def test_wrong_command_lines(self):
        for arguments, words in (((), "top needs the port"), (("0",), "invalid address '0'"), (("1", "2"), "expected one address, got '2' too"),
                                 (("--text", "1"), "unknown option '--text'")):
            status, text, errors = top(*arguments)
            self.assertEqual((status, text), (2, ""), arguments)
            self.assertIn(words, errors)
        status, text, errors = top("--help")
        self.assertEqual((status, errors), (0, ""))
        self.assertTrue(text.startswith("Usage: proxy top"))


class Board(Case):
    """A client waits for a response."""

    def setUp(self):
        gate = self.gate()
        self.front, self.origin_server = self.proxy(), self.origin(lambda wire: gate.wait())
        self.client(self.front.ask(self.origin_server.url("/report?secret=1")))
        self.origin_server.wait_for()

    def test_once(self):
        status, text, errors = top("--once", self.front.port)
        self.assertEqual((status, errors), (0, ""))
        self.assertRegex(text, rf"\Aproxy \S+ at port {self.front.port}: live\nSlot 0 waits longest: the upstream has not completed the response head for ")
        self.assertRegex(text, r"\n1 of \d+ slots is in use, 1 more is used by viewers; slots from 2 on were never in use\.\n")
        self.assertRegex(text, r"\nREAD_REQUEST      0  0\.0/s\nSEND_REQUEST      0  0\.0/s\nREAD_RESPONSE     1  0\.0/s\nSEND_RESPONSE     0  0\.0/s\n")
        self.assertRegex(text, r"\nThe loop doctor finds nothing\.\n\nSLOT  CONNECTION  STATE .*\n0 +#1 +READ_RESPONSE +\d\S* m?s +0 B +the response head\n\Z")
        self.assertNotIn("\x1b", text)

    @native
    def test_screen(self):
        terminal = Terminal(self.front.port)
        self.addCleanup(terminal.close)
        terminal.shows(f"at port {self.front.port}: live", "READ_RESPONSE     1  0.0/s", "slots from 2 on were never in use")
        self.assertNotIn("wrong names", terminal.output)
        terminal.press("\x1b[C\x1b[D\r")
        terminal.shows("Slot 0", f"Request: GET http://{self.origin_server.authority}/report", "Client: 127.0.0.1:", "Upstream: 127.0.0.1:")
        self.assertNotIn("secret", terminal.output)
        terminal.press(" ")
        terminal.shows(": paused")
        terminal.press("?")
        terminal.shows("A cell is a slot of the table of records")
        self.front.stop()
        terminal.press(" ")
        terminal.shows("No answer: nothing listens at port")
        terminal.press("q")
        self.assertEqual(terminal.wait(), 0)
        self.assertEqual(terminal.settings(), terminal.before)

    @unittest.skipUnless("passwords by" in VERSION, "this build has no libcrypt")
    def test_a_password(self):
        users = pathlib.Path(self.enter(tempfile.TemporaryDirectory())) / "users"
        users.write_text(USERS, encoding="ascii")
        front = self.proxy("--users", users)
        place = f"proxy: port {front.port} responded with 401 to GET /console/hello.json: "
        self.assertEqual(top(front.port), (2, "", f"{place}it needs a password (--users): put it into the environment variable PROXY_PASSWORD, "
                                                  "and add --user NAME\n"))
        self.assertEqual(top("--user", "ann", front.port, PROXY_PASSWORD="wrong"),
                         (2, "", f"{place}the user name or the password is wrong (--user, PROXY_PASSWORD)\n"))
        status, text, errors = top("--once", "--user=ann", front.port, PROXY_PASSWORD="secret")
        self.assertEqual((status, errors), (0, ""))
        self.assertIn(f"at port {front.port}: live\n", text)

    def test_no_board(self):
        front = self.proxy("--no-console")
        status, text, errors = top(front.port)
        self.assertEqual((status, text), (2, ""))
        self.assertIn("it has no board; give the port of the proxy, or that of --console", errors)


if __name__ == "__main__":
    unittest.main()
