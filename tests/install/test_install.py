"""make install, install-strip, installcheck and uninstall, in a directory of the test."""
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CONFIGURATION = "/etc/fourstate/fourstate.json"
# {file: mode} of make install prefix=/usr sysconfdir=/etc.
FILES = {
    "/usr/bin/fourstate": 0o755,
    "/usr/share/man/man1/fourstate.1": 0o644,
    "/usr/share/man/man5/fourstate.json.5": 0o644,
    "/usr/share/bash-completion/completions/fourstate": 0o644,
    "/usr/share/zsh/site-functions/_fourstate": 0o644,
    "/usr/share/fish/vendor_completions.d/fourstate.fish": 0o644,
    "/usr/lib/systemd/system/fourstate.service": 0o644,
    "/usr/lib/systemd/system/fourstate@.service": 0o644,
    "/usr/lib/systemd/system/fourstate.socket": 0o644,
    "/usr/lib/systemd/system/fourstate@.socket": 0o644,
    "/usr/lib/sysusers.d/fourstate.conf": 0o644,
    CONFIGURATION: 0o644,
}


def make(*arguments, **environment):
    """What make prints. Its exit status must be 0."""
    own = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CXX", "CXXFLAGS")}
    done = subprocess.run(["make", "--no-print-directory", *arguments], cwd=ROOT, env={**own, **environment}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise AssertionError(f"make {' '.join(arguments)}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout


class Installed(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="install-"))
        self.addCleanup(shutil.rmtree, self.root)

    def make(self, target, *arguments):
        # A compiler that fails: the installation must not need one.
        return make(target, f"DESTDIR={self.root}", "prefix=/usr", "sysconfdir=/etc", *arguments, CXX="false")

    def files(self):
        return {"/" + str(path.relative_to(self.root)): stat.S_IMODE(path.stat().st_mode) for path in self.root.rglob("*") if not path.is_dir()}

    def path(self, name):
        return self.root / name[1:]

    def test_installs_each_file_with_its_mode(self):
        self.make("install")
        self.assertEqual(self.files(), FILES)
        self.assertEqual(self.path("/usr/bin/fourstate").read_bytes(), (ROOT / "proxy").read_bytes())

    def test_the_install_program_of_packagers(self):
        self.make("install", "INSTALL=install --strip-program=true")  # as debhelper gives it
        self.assertEqual(self.files(), FILES)

    def test_modes_do_not_depend_on_the_umask(self):
        before = os.umask(0o077)
        try:
            self.make("install")
        finally:
            os.umask(before)
        self.assertEqual(self.files(), FILES)

    def test_uninstall_leaves_nothing(self):
        self.make("install")
        self.make("uninstall")
        self.assertEqual(self.files(), {})
        self.assertEqual([path for path in self.root.rglob("*fourstate*")], [])

    def test_a_changed_configuration_is_kept(self):
        self.make("install")
        self.path(CONFIGURATION).write_text('{"forward": [{"host": "::1", "port": 0}]}', encoding="utf-8")
        self.make("install")
        self.assertIn('"::1"', self.path(CONFIGURATION).read_text(encoding="utf-8"))
        self.assertIn("kept", self.make("uninstall"))
        self.assertEqual(list(self.files()), [CONFIGURATION])

    def test_installcheck(self):
        self.make("install")
        version = re.search(r'kVersion = "([^"]+)"', (ROOT / "src/plan/config.hpp").read_text(encoding="utf-8"))[1]
        self.assertIn(f"fourstate {version}", self.make("installcheck"))

    def test_installcheck_finds_what_is_wrong(self):
        for name, text in (("/usr/share/man/man1/fourstate.1", None), (CONFIGURATION, "{")):
            with self.subTest(name):
                self.make("install")
                if text is None:
                    self.path(name).unlink()
                else:
                    self.path(name).write_text(text, encoding="utf-8")
                with self.assertRaisesRegex(AssertionError, re.escape(name)):
                    self.make("installcheck")

    def test_the_units_name_the_program_and_its_configuration(self):
        make("install", f"DESTDIR={self.root}", "prefix=/opt/proxy", CXX="false")
        for unit, name in (("fourstate.service", "fourstate"), ("fourstate@.service", "%i")):
            text = (self.root / "opt/proxy/lib/systemd/system" / unit).read_text(encoding="utf-8")
            self.assertIn(f"ExecStart=/opt/proxy/bin/fourstate /opt/proxy/etc/fourstate/{name}.json\n", text)
            self.assertNotRegex(text, "@(bindir|confdir|name)@")

    def test_install_strip_removes_the_symbols(self):
        self.make("install-strip")
        self.assertEqual(self.files(), FILES)
        sections = subprocess.run(["readelf", "-SW", self.path("/usr/bin/fourstate")], capture_output=True, text=True, check=True).stdout
        self.assertNotRegex(sections, r"\.symtab|\.debug_info")


class FlagsFromOutside(unittest.TestCase):
    """Those of the command line and of the environment are used in each command, beside our own."""

    FLAGS = {"CPPFLAGS": "-DFROM_OUTSIDE", "CXXFLAGS": "-O3 -fno-plt", "LDFLAGS": "-Wl,-z,now"}

    def commands(self, *arguments, **environment):
        with tempfile.TemporaryDirectory() as build:
            done = make("-n", f"BUILD={build}/b", "CXX=g++", *arguments, "all", **environment)
        commands = [line for line in done.splitlines() if line.startswith("g++ ")]
        self.assertGreater(len(commands), 5)
        return commands

    def check(self, commands):
        for command in commands[:-1]:
            self.assertIn(" -DFROM_OUTSIDE ", command)
        for command in commands:
            self.assertIn(" -O3 -fno-plt ", command)
            self.assertNotIn(" -O2 ", command)
        for command in commands[:-1]:
            self.assertIn(" -std=c++20 ", command)
        self.assertIn(" -Wl,-z,now ", commands[-1])

    def test_command_line(self):
        self.check(self.commands(*(f"{name}={value}" for name, value in self.FLAGS.items())))

    def test_environment(self):
        self.check(self.commands(**self.FLAGS))


if __name__ == "__main__":
    unittest.main()
