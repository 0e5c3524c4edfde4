"""The units of systemd: their syntax, and how far they confine the service. And the user of sysusers.d."""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from test_install import make

EXPOSURE = 20  # at most, in tenths: systemd-analyze(1)
WITHOUT_SYSTEMD = "systemd-analyze is not installed: run `make setup`"


class Units(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="units-"))
        self.addCleanup(shutil.rmtree, self.root)
        make("install", f"DESTDIR={self.root}", "prefix=/usr", "sysconfdir=/etc", CXX="false")
        self.folder = self.root / "usr/lib/systemd/system"

    def unit(self, name):
        """The text of the unit as systemd-analyze can check it here: the program is that of the test's directory."""
        path = self.folder / name
        path.write_text(path.read_text(encoding="utf-8").replace("=/usr/bin/", f"={self.root}/usr/bin/"), encoding="utf-8")
        return str(path)

    @unittest.skipUnless(shutil.which("systemd-analyze"), WITHOUT_SYSTEMD)
    def test_verify(self):
        for name in ("fourstate.service", "fourstate.socket", "fourstate@.service", "fourstate@.socket"):
            self.unit(name)
        for name in ("fourstate.service", "fourstate.socket", "fourstate@a.service", "fourstate@a.socket"):
            link = self.folder / name
            if "@" in name:
                link.symlink_to(name.replace("@a", "@"))
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--generators=no", "--recursive-errors=one", str(link)],
                                  capture_output=True, text=True, check=False)
            # The machine that runs the test need not have systemd as its first process.
            wrong = [line for line in done.stderr.splitlines() if "fourstate" in line]
            self.assertEqual(wrong, [], name)

    @unittest.skipUnless(shutil.which("systemd-analyze"), WITHOUT_SYSTEMD)
    def test_exposure(self):
        for name in ("fourstate.service", "fourstate@.service"):
            done = subprocess.run(["systemd-analyze", "security", "--offline=yes", f"--threshold={EXPOSURE}", self.unit(name)],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertRegex(done.stdout, r"Overall exposure level for fourstate\S*: \d\.\d OK")

    def test_the_service_and_its_program_agree(self):
        text = (self.folder / "fourstate.service").read_text(encoding="utf-8")
        drain = int(re.search(r'"--drain", "SECONDS", "[^"]*", "(\d+)"', (pathlib.Path(__file__).parents[2] / "src/config/options.cpp").read_text(encoding="utf-8"))[1])
        self.assertGreater(int(re.search(r"^TimeoutStopSec=(\d+)$", text, re.M)[1]), drain)
        user = re.search(r"^User=(\w+)$", text, re.M)[1]
        self.assertIn(f"\nu {user} - ", (self.root / "usr/lib/sysusers.d/fourstate.conf").read_text(encoding="utf-8"))

    def test_the_sockets_are_the_listeners_of_the_configuration(self):
        text = (self.folder / "fourstate.socket").read_text(encoding="utf-8")
        places = re.findall(r"^ListenStream=(.*)$", text, re.M)
        done = subprocess.run([self.root / "usr/bin/fourstate", "--check", self.root / "etc/fourstate/fourstate.json"],
                              capture_output=True, text=True, check=True)
        self.assertEqual(places, ["127.0.0.1:8080", "[::1]:8080"])
        self.assertIn('"host": "localhost", "port": 8080', (self.root / "etc/fourstate/fourstate.json").read_text(encoding="utf-8"), done.stdout)

    @unittest.skipUnless(shutil.which("systemd-sysusers"), "systemd-sysusers is not installed: run `make setup`")
    def test_the_user(self):
        subprocess.run(["systemd-sysusers", f"--root={self.root}", "fourstate.conf"], check=True)
        passwd = (self.root / "etc/passwd").read_text(encoding="utf-8")
        self.assertRegex(passwd, r"(?m)^fourstate:x:\d+:\d+:fourstate proxy:/:/usr/sbin/nologin$")


if __name__ == "__main__":
    unittest.main()
