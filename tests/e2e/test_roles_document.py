"""docs/roles.md: its command lines and its file are accepted as they stand there, and run."""
import pathlib
import re
import shlex
import subprocess
import unittest

from harness import PREFIX, PROXY, ROOT
from web import HAS_JSON, InAFolder, ask

TEXT = (ROOT / "docs" / "roles.md").read_text(encoding="utf-8")
LINES = re.findall(r"`\./proxy ([^`\n]*(?:\d|public)[^`\n]*)`", TEXT) + re.findall(r"^    \./proxy (.+)$", TEXT, re.MULTILINE)
FILES = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
TESTS = re.findall(r"`(tests/[a-z0-9_/]+\.py)`", TEXT)


class Document(InAFolder):
    def setUp(self):
        super().setUp()
        self.put("sample.txt", b"a sample")
        self.put("index.html", b"<p>here")

    def check(self, *arguments):
        done = subprocess.run([*PREFIX, PROXY, *arguments, "--check"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              cwd=self.folder, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), arguments)

    def test_each_line_is_accepted(self):
        self.assertGreaterEqual(len(LINES), 5)
        for line in LINES:
            self.check(*shlex.split(line))

    @unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
    def test_the_file_is_accepted_and_runs(self):
        self.assertEqual(len(FILES), 1)
        path = self.folder / "config.json"
        path.write_text(FILES[0], encoding="utf-8")
        self.check("config.json")
        # Ports of this machine may be taken: free ones instead.
        path.write_text(re.sub(r'"port": 800\d', '"port": 0', FILES[0]).replace('"public"', f'"{self.public}"'), encoding="utf-8")
        program = self.proxy(port=str(path))
        self.assertEqual(len(program.ports), 6)
        self.assertEqual(ask(program, "/", host="localhost")[1], b"<p>here")
        with program.connect(port=program.ports[5]) as client:
            self.assertEqual(client.rest().raw, b"a sample")

    def test_the_tests_it_names_are_there(self):
        for name in TESTS:
            self.assertTrue((ROOT / pathlib.Path(name)).is_file(), name)


if __name__ == "__main__":
    unittest.main()
