"""make deb: the package is reproducible, hardened, without findings of lintian, and contains what make install installs.

The package is built twice, in folders of different names. Without debhelper, all tests are skipped.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/install"))
import test_install  # noqa: E402

KEPT_OUT = ("--exclude-vcs", "--exclude=./build", "--exclude=./proxy", "--exclude=node_modules", "--exclude=__pycache__")
# Folders of make install, and of Debian 12.
MOVED = {"/usr/share/zsh/site-functions/": "/usr/share/zsh/vendor-completions/", "/usr/lib/systemd/system/": "/lib/systemd/system/"}


def run(*command, **more):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout


@unittest.skipUnless(shutil.which("dh"), "debhelper is not installed: run `make setup`")
class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="package-"))
        cls.addClassCleanup(shutil.rmtree, cls.root)
        # Packed once: the sources may change while the first package is built.
        run("tar", "-c", "-f", cls.root / "sources.tar", *KEPT_OUT, ".", cwd=ROOT)
        cls.logs = [cls.build(cls.root / name) for name in ("one", "another")]
        cls.deb = next((cls.root / "one/build/deb").glob("fourstate_*.deb"))

    @classmethod
    def build(cls, folder):
        """What make deb prints, in a copy of the sources."""
        folder.mkdir()
        run("tar", "-x", "-f", cls.root / "sources.tar", "-C", folder)
        own = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CXX", "CXXFLAGS")}
        return run("make", "--no-print-directory", "deb", cwd=folder, env=own)

    def contents(self):
        """{file: mode} of the package, as `ls -l` writes the mode."""
        rows = [line.split(None, 5) for line in run("dpkg-deb", "--contents", self.deb).splitlines()]
        return {row[5].split(" -> ")[0][1:]: row[0] for row in rows if not row[0].startswith("d")}

    def test_is_reproducible(self):
        built = sorted(path.name for path in (self.root / "one/build/deb").glob("*.deb"))
        self.assertEqual(len(built), 2)  # with the symbols for debuggers
        for name in built:
            self.assertEqual(*((self.root / which / "build/deb" / name).read_bytes() for which in ("one", "another")), name)

    def test_contains_what_make_install_installs(self):
        contents = self.contents()
        for name, mode in test_install.FILES.items():
            for before, now in MOVED.items():
                name = name.replace(before, now)
            name += ".gz" if "/man/" in name else ""
            self.assertEqual(contents.get(name), "-rwxr-xr-x" if mode == 0o755 else "-rw-r--r--", name)

    def test_the_configuration_is_a_conffile(self):
        self.assertEqual(run("dpkg-deb", "--info", self.deb, "conffiles").split(), [test_install.CONFIGURATION])

    def test_nothing_is_started_or_enabled(self):
        script = run("dpkg-deb", "--info", self.deb, "postinst")
        self.assertIn("systemd-sysusers", script)
        self.assertNotIn("deb-systemd-invoke", script)
        # Only a unit that the administrator has enabled is enabled again.
        self.assertEqual(len(re.findall("deb-systemd-helper enable ", script)), len(re.findall(r"if deb-systemd-helper --quiet was-enabled ", script)))

    def test_is_hardened(self):
        folder = self.root / "extracted"
        run("dpkg-deb", "--extract", self.deb, folder)
        program = folder / "usr/bin/fourstate"
        self.assertRegex(run("readelf", "-hW", program), r"Type: +DYN")
        self.assertRegex(run("readelf", "-dW", program), r"BIND_NOW|FLAGS.*NOW")
        self.assertRegex(run("readelf", "-lW", program), r"GNU_RELRO")
        self.assertRegex(run("readelf", "-lW", program), r"GNU_STACK .* RW ")
        symbols = run("readelf", "--dyn-syms", "-W", program)
        self.assertIn("__stack_chk_fail", symbols)
        self.assertRegex(symbols, r"__\w+_chk@")

    @unittest.skipUnless(shutil.which("blhc"), "blhc is not installed: run `make setup`")
    def test_each_command_has_the_flags_of_debian(self):
        log = self.root / "log"
        log.write_text(self.logs[0], encoding="utf-8")
        run("blhc", "--bindnow", log)  # not --all: it asks for -fPIE, which Debian's compiler does by itself (test_is_hardened)

    @unittest.skipUnless(shutil.which("lintian"), "lintian is not installed: run `make setup`")
    def test_lintian(self):
        changes = next((self.root / "one/build/deb").glob("*.changes"))
        done = run("lintian", "--allow-root", "--pedantic", "--info", "--fail-on", "error,warning,info,pedantic", changes)
        self.assertEqual(re.findall(r"^[EWIP]: .*", done, re.M), [])


if __name__ == "__main__":
    unittest.main()
