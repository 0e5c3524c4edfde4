"""docs/migrate.md: the options and keys that it names as equivalents are accepted without a warning."""
import json
import re
import shlex
import socket
import subprocess
import unittest

from harness import PREFIX, PROXY, ROOT, VERSION
from web import HAS_JSON, InAFolder, at

TEXT = (ROOT / "docs" / "migrate.md").read_text(encoding="utf-8")
# Where a key can be; {} is the place of what the document has.
PLACES = {
    "files": {"type": "file_serve", "dir_path": "public"},
    "reverse": {"type": "reverse_proxy", "upstreams": ["127.0.0.1:9", "127.0.0.1:10"]},
}

# With which listener an option has an effect.
CONTEXTS = [], ["0"], ["--reverse", "127.0.0.1:0=127.0.0.1:9"], ["--files", "127.0.0.1:0=public"]


def rows():
    """(directive, [equivalent], notes, line) for each row after the first table."""
    for line in TEXT.partition("\n## ")[2].splitlines():
        if line.startswith("| ") and not line.startswith("| Directive"):
            directive, here, notes = (cell.strip() for cell in line.removeprefix("|").removesuffix("|").split(" | "))
            yield directive, re.findall(r"`([^`]+)`", here) or here, notes, line


def files(fragment):
    """Configuration files with these keys in each place in which they can be."""
    keys = json.loads("{" + fragment + "}")
    yield {"servers": [at(**{"routes": [{"req_path": "/", **PLACES["files"]}], **keys})]}
    for common in ({}, *PLACES.values()):
        yield {"servers": [at(routes=[{"req_path": "/app", **common, **keys}])]}
    yield {"servers": [at(stream={"type": "proxy", "upstreams": ["127.0.0.1:9", "127.0.0.1:10"], **keys})]}


class Document(InAFolder):
    def setUp(self):
        super().setUp()
        (self.folder / "users").write_text("name:$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e\n", encoding="ascii")
        (self.folder / "blocked").write_text(".ads.example.com\n", encoding="ascii")
        daemon = self.enter(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        daemon.bind(str(self.folder / "log"))

    def here(self, text):
        """With logs of this test in place of the system's."""
        return text.replace("/var/log/", "").replace("--access-log syslog", f"--access-log syslog:{self.folder}/log")

    def check(self, *arguments):
        """What is wrong; empty: nothing."""
        done = subprocess.run([*PREFIX, PROXY, *arguments, "--check"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              cwd=self.folder, check=False)
        return "" if (done.returncode, done.stderr) == (0, "") else f"{arguments}: {done.stderr}"

    def check_file(self, content):
        return self.check(self.write_config(content))

    def test_each_option_is_accepted(self):
        count = 0
        for _, here, _, line in rows():
            for text in here if isinstance(here, list) else ():
                if not text.startswith('"') and ("--users" not in text or "passwords by" in VERSION):
                    self.assertRegex(text, r"\A(--|\./proxy )", line)
                    words = shlex.split(self.here(text).removeprefix("./proxy "))
                    contexts = [[]] if text.startswith("./proxy") else CONTEXTS
                    self.assertIn("", [self.check(*context, *words) for context in contexts], line)
                    count += 1
        self.assertGreater(count, 80)

    @unittest.skipUnless(HAS_JSON and "passwords by" in VERSION, "built without nlohmann-json or libcrypt")
    def test_each_key_is_accepted(self):
        count = 0
        for _, here, _, line in rows():
            for text in here if isinstance(here, list) else ():
                if text.startswith('"'):
                    faults = [self.check_file(content) for content in files(text)]
                    self.assertIn("", faults, line)
                    count += 1
        self.assertGreater(count, 25)

    def test_what_is_missing_has_a_reason(self):
        for _, here, notes, line in rows():
            if not isinstance(here, list):
                self.assertIn(here, ("always", "none"), line)
                self.assertTrue(notes or here == "always", line)


if __name__ == "__main__":
    unittest.main()
