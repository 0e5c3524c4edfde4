"""`proxy explain` tells what would be done, and does not do it."""
import pathlib
import subprocess
import unittest

from harness import PREFIX, PROXY, Case
from web import HAS_JSON, InAFolder


def run(*arguments):
    return subprocess.run([*PREFIX, PROXY, *arguments], capture_output=True, text=True, check=False)


class Explain(Case):
    def explain(self, *arguments):
        return run("explain", *arguments)

    @unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
    def test_a_file_that_is_not_there(self):
        done = self.explain("/none/a.json", "GET", "http://127.0.0.1:2/")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertEqual(done.stderr, "proxy: cannot read /none/a.json: No such file or directory\n")

    def test_nothing_is_sent(self):
        origin = self.origin()
        done = self.explain("GET", f"http://localhost:{origin.port}/a", "--deny", "to=::1")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(f"\naddress     127.0.0.1:{origin.port}, allowed: ", done.stdout)
        self.assertIn(f"\naddress     [::1]:{origin.port}, denied: --deny to=::1\n", done.stdout)
        self.assertIn("\n  + GET /a HTTP/1.1 ", done.stdout)
        self.assertEqual(origin.heads, [])

    def test_the_proxy_itself(self):
        """As a running proxy with these options would do it."""
        done = self.explain("GET", "http://localhost:8080/", "--listen", "127.0.0.1:8080")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.endswith("\nroute       the board\n"), done.stdout)
        done = self.explain("GET", "http://localhost:8080/", "--listen", "127.0.0.1:8080", "--no-console")
        self.assertIn("\nboard       not served (--no-console)\n", done.stdout)

    def test_help(self):
        for word in ("--help", "-h"):
            done = self.explain("GET", word)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("\n  --client ADDRESS ", done.stdout)

    def test_errors_are_reported(self):
        for arguments, word in (((), "a method and a URL"), (("GET", "http://h/", "--alow", "x"), "--allow")):
            done = self.explain(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(word, done.stderr)


@unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
class WithAFile(InAFolder):
    def test_options_without_effect_are_reported(self):
        """As by --check: with an answer, and beside what is wrong with the command line."""
        path = self.write_config({"forward": [{"host": "127.0.0.1", "port": 0}], "workers": 4})
        warning = run("--check", "--config", path).stderr
        self.assertRegex(warning, r"\Aproxy: \S+:\d+: workers: [^\n]+\n\Z")
        done = run("explain", "GET", "http://127.0.0.1:2/", "--config", path)
        self.assertEqual((done.returncode, done.stderr), (0, warning))
        self.assertIn("\nroute       forwarded\n", done.stdout)

    def test_a_web_server_of_the_file(self):
        """As a request to its port would be handled: the site by the host, the longest prefix, and what reaches the server."""
        places = [{"host": "127.0.0.1", "port": 8081}]
        routes = [{"req_path": "/", "type": "file_serve", "dir_path": "."},
                  {"req_path": "/api", "type": "reverse_proxy", "strip_prefix": True, "upstreams": ["127.0.0.1:9001", "127.0.0.1:9002"],
                   "add_request_fields": {"X-Mine": "1"}, "remove_request_fields": ["Accept"], "request_timeout_ms": 7000}]
        path = self.write_config({"servers": [
            {"listeners": places, "hostnames": ["a.test"], "routes": routes},
            {"listeners": places, "routes": [{"req_path": "/health", "type": "health"}]},
            {"listeners": [{"host": "127.0.0.1", "port": 9100}], "stream": {"type": "echo"}}]})
        for url, lines in (("http://a.test:8081/x/../y.html?q=1", ("site        a.test", f"file        {pathlib.Path(path).parent}/./y.html")),
                           ("http://a.test:8081/api/v1", ("route       /api, reverse proxy to 127.0.0.1:9001, 127.0.0.1:9002",
                                                          "  + GET /v1 HTTP/1.1    (the path for the server)", "    Host: a.test:8081",
                                                          "timeout     7 s for the response head",
                                                          "  - Accept: */*    (by the configuration of the route)",
                                                          "  + X-Mine: 1    (by the configuration of the route)")),
                           ("http://b.test:8081/health", ("site        the default: for all hosts without one of their own",
                                                          "route       /health, health: 200 while the event loop runs")),
                           ("http://b.test:8081/y.html", ("refused     404 Not Found, file-not-found: Not found: nothing has this name.",)),
                           ("http://b.test:9100/", ("listener    127.0.0.1:9100, echo: it does not read HTTP requests",)),
                           ("http://b.test/", ("listener    none: there is no forward proxy, and the URL has the address and the port of none of these: "
                                               "127.0.0.1:8081, 127.0.0.1:9100",))):
            done = run("explain", "--config", path, "GET", url)
            self.assertEqual((done.returncode, done.stderr), (0, ""), url)
            for line in lines:
                self.assertIn(line, done.stdout.splitlines(), url)
