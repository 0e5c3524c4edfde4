"""`proxy explain` tells what would be done, and does not do it."""
import subprocess

from harness import PREFIX, PROXY, Case


class Explain(Case):
    def explain(self, *arguments):
        return subprocess.run([*PREFIX, PROXY, "explain", *arguments], capture_output=True, text=True, check=False)

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
