"""`proxy explain` tells what would be done, and does not do it."""
import subprocess
import unittest

from harness import PREFIX, PROXY, Case
from web import HAS_JSON, InAFolder


def run(*arguments):
    return subprocess.run([*PREFIX, PROXY, *arguments], capture_output=True, text=True, check=False)


class Explain(Case):
    def explain(self, *arguments):
        return run("explain", *arguments)

    def test_nothing_is_sent(self):
        origin = self.origin()
        told = self.explain("GET", f"http://localhost:{origin.port}/a", "--deny", "to=::1")
        self.assertEqual((told.returncode, told.stderr), (0, ""))
        self.assertIn(f"\naddress     127.0.0.1:{origin.port}, allowed: ", told.stdout)
        self.assertIn(f"\naddress     [::1]:{origin.port}, denied: --deny to=::1\n", told.stdout)
        self.assertIn("\n  + GET /a HTTP/1.1 ", told.stdout)
        self.assertEqual(origin.heads, [])

    def test_what_is_wrong_is_said(self):
        for arguments, word in (((), "a method and a URL"), (("GET", "http://h/", "--alow", "x"), "--allow")):
            told = self.explain(*arguments)
            self.assertEqual(told.returncode, 2, arguments)
            self.assertIn(word, told.stderr)


@unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
class WithAFile(InAFolder):
    def test_what_has_no_effect_is_told(self):
        """As by --check: with an answer, and beside what is wrong with the command line."""
        path = self.write_config({"forward": [{"host": "127.0.0.1", "port": 0}], "workers": 4})
        warning = run("--check", "--config", path).stderr
        self.assertRegex(warning, r"\Aproxy: \S+:\d+: workers: [^\n]+\n\Z")
        told = run("explain", "GET", "http://127.0.0.1:1/", "--config", path)
        self.assertEqual((told.returncode, told.stderr), (0, warning))
        self.assertIn("\nroute       forwarded\n", told.stdout)
