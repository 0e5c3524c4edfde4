"""`proxy doctor` prints what a running proxy finds, and /doctor is its page."""
import json
import re
import signal
import subprocess
import tempfile
import unittest

from harness import PREFIX, PROXY, VERSION, Case, closed_port, native, ok, wait_until
from test_access import USERS
from web import HAS_JSON, InAFolder, ask, at, get

def doctor(*arguments):
    """(exit status, standard output, standard error)"""
    done = subprocess.run([*PREFIX, PROXY, "doctor", *map(str, arguments)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


class Healthy(Case):
    def setUp(self):
        self.front = self.proxy("--metrics", "127.0.0.1:0")
        self.metrics, self.forward = self.front.ports[0], self.front.ports[1]

    def test_nothing_is_found(self):
        status, text, errors = doctor(self.metrics)
        self.assertEqual((status, errors), (0, ""))
        self.assertRegex(text, r"\ANothing is found: no finding lasts\.\n"
                               r"The proxy has run for [\d.]+ m?s; 1 of \d+ records are in use, 0 of them by idle connections\.\n\Z")

    def test_json(self):
        status, text, errors = doctor(f"127.0.0.1:{self.metrics}", "--json")
        self.assertEqual((status, errors), (0, ""))
        page = json.loads(text)
        self.assertEqual(page["lasting"], {"note": 0, "warning": 0, "error": 0})
        self.assertEqual((page["findings"], page["long_waits"], page["records"]), ([], [], 1))

    def test_the_page(self):
        head, body = ask(self.front, "/doctor", port=self.metrics)
        self.assertEqual((head.status, head.all("Content-Type")), (200, ["text/plain; charset=utf-8"]))
        self.assertEqual((head.all("Cache-Control"), head.all("Proxy-Findings")), (["no-store"], ["error=0, warning=0, note=0"]))
        self.assertTrue(body.startswith(b"Nothing is found"), body)
        head, body = ask(self.front, "/doctor.json", port=self.metrics)
        self.assertEqual(head.all("Content-Type"), ["application/json"])
        self.assertEqual(json.loads(body)["findings"], [])

    def test_a_forward_proxy(self):
        status, text, errors = doctor(self.forward)
        self.assertEqual((status, errors), (0, ""))
        self.assertRegex(text, r"; 0 of \d+ records are in use", "the board has the page, and its viewer is not counted")
        port = self.proxy("--no-console").port
        status, text, errors = doctor(port)
        self.assertEqual((status, text), (2, ""))
        self.assertEqual(errors, f"proxy: port {port} responded with 400 to GET /doctor: it is a forward proxy. "
                                 "Start the proxy with --metrics PORT, and give that port\n")

    @unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
    def test_by_its_configuration(self):
        port = closed_port()
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write('{"forward": [{"host": "127.0.0.1", "port": %d}]}' % port)
            file.flush()
            self.assertIn("127.0.0.1:%d" % port, doctor(file.name)[2])  # it does not run yet
            self.proxy(file.name, port=None)
            status, text, errors = doctor(file.name)
            self.assertEqual((status, errors), (0, ""))
            self.assertIn("Nothing is found", text)

    def test_help(self):
        status, text, errors = doctor("--help")
        self.assertEqual((status, errors), (0, ""))
        self.assertIn("Exit status: 0 if no finding of severity error lasts, 1 if one lasts, 2 if no answer can be printed.\n", text)

    @native
    def test_a_blocked_loop(self):
        """The kernel accepts the connection, and nothing answers."""
        self.front.process.send_signal(signal.SIGSTOP)
        try:
            status, text, errors = doctor(self.metrics)
        finally:
            self.front.process.send_signal(signal.SIGCONT)
        self.assertEqual((status, text), (2, ""))
        self.assertTrue(errors.startswith(f"proxy: port {self.metrics} has sent no response for 5 s: its event loop is blocked"), errors)


class NoAnswer(Case):
    def test_nothing_listens(self):
        place = f"127.0.0.1:{closed_port()}"
        self.assertEqual(doctor(place), (2, "", f"proxy: nothing listens at {place}: start the proxy, and give its port\n"))

    def test_wrong_command_lines(self):
        for arguments, word in (((), "doctor needs the port"), (("0",), "invalid address '0'"), (("a", "b"), "invalid address 'a'"),
                                (("--text", "1"), "unknown option '--text'")):
            status, text, errors = doctor(*arguments)
            self.assertEqual((status, text), (2, ""), arguments)
            self.assertIn(word, errors)

    def test_other_roles(self):
        folder = self.proxy("--files", "127.0.0.1:0=.", port=None)
        self.assertIn("404 to GET /doctor: it has no such page. Start the proxy with --metrics PORT", doctor(folder.port)[2])
        echo = self.proxy("--echo", "127.0.0.1:0", port=None)
        self.assertIn("sent no HTTP response: it is not a proxy", doctor(echo.port)[2])
        relay = self.proxy("--relay", f"127.0.0.1:0=127.0.0.1:{closed_port()}", port=None)
        self.assertIn("closed the connection without a response: it is not a proxy", doctor(relay.port)[2])

    def test_another_server(self):
        server = self.origin(lambda wire: wire.send(ok(b"\x1b[2J", "Proxy-Findings: error=0")))
        status, text, errors = doctor(server.port)
        self.assertEqual((status, text), (2, ""))
        self.assertIn("the page is not that of the doctor", errors)


class Ill(Case):
    def test_an_error_lasts(self):
        """No healthy program has one, so a server tells of it."""
        server = self.origin(lambda wire: wire.send(ok(b"1 finding lasts\n", "Proxy-Findings: error=1, warning=0, note=0")))
        self.assertEqual(doctor(server.port), (1, "1 finding lasts\n", ""))

    def test_a_note_lasts(self):
        """The log is on a full disk, so lines are dropped."""
        front = self.proxy("--metrics", "127.0.0.1:0", "--access-log", "/dev/full", port=None)
        with front.connect() as client:  # more lines than are kept for later
            client.send(get("/healthz") * 2000 + get("/healthz", "Connection: close")).rest()
        pages = []

        def found():
            status, text, errors = doctor(front.port, "--json")
            self.assertEqual((status, errors), (0, ""))
            pages.append(json.loads(text))
            return [finding for finding in pages[-1]["findings"] if finding["code"] == "log-dropped"]

        wait_until(found, "the finding")
        (finding,) = found()  # beside a slow turn, if the machine is busy
        self.assertEqual((finding["severity"], finding["lasts"], finding["slot"], pages[-1]["lasting"]["error"]), ("note", True, None, 0))
        self.assertGreaterEqual(pages[-1]["lasting"]["note"], 1)
        text = doctor(front.port)[1]
        self.assertIn("\nFindings:\n", text)
        self.assertRegex(text, r"\n  log-dropped \(note\): \d+ sightings?[^\n]* ago\n    " + re.escape(finding["sentence"]) + "\n")
        self.assertIn("cannot write the log /dev/full", front.stop()[1])

    def test_a_long_wait(self):
        """A head that is not completed. Its URL is on no page."""
        front = self.proxy("--metrics", "127.0.0.1:0")
        with front.connect(port=front.ports[1]) as client:
            client.send(b"GET http://user:password@secret.test/?query HTTP/1.1\r\nCookie: crumbs\r\n")
            pages = []

            def listed():
                pages.append([doctor(front.port)[1], doctor(front.port, "--json")[1]])
                return json.loads(pages[-1][1])["long_waits"]

            wait_until(listed, "5 s have passed")
            (wait,) = listed()
            self.assertEqual((wait["state"], wait["slot"], wait["connection"]), ("READ_REQUEST", 0, 1))
            self.assertGreaterEqual(wait["waited_ms"], 5000)
            self.assertIn(f"\n1 connection waits for 5 s or longer:\n  [slot 0, #1] READ_REQUEST: The request head has been incomplete for ", pages[-1][0])
            for word in ("secret", "password", "query", "crumbs"):
                self.assertNotIn(word, "".join(map("".join, pages)))


@unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
class AsARoute(InAFolder):
    def front_with(self, **route):
        return self.configured(at(routes=[{"req_path": "/intern/doctor", "type": "doctor", **route}]))

    def test_at_a_path_of_ones_own(self):
        front = self.front_with()
        self.assertEqual(doctor(f"{front.port}/intern/doctor")[::2], (0, ""))
        self.assertIn("responded with 404 to GET /doctor", doctor(front.port)[2])

    def test_a_client_that_is_not_allowed(self):
        front = self.front_with(ip_whitelist=["192.0.2.0/24"])
        self.assertIn("this address may not read the page", doctor(f"{front.port}/intern/doctor")[2])

    @unittest.skipUnless("passwords by" in VERSION, "this build has no libcrypt")
    def test_a_password(self):
        users = self.folder / "users"
        users.write_text(USERS, encoding="utf-8")
        front = self.front_with(users=str(users))
        self.assertIn("it needs a password", doctor(f"{front.port}/intern/doctor")[2])


if __name__ == "__main__":
    unittest.main()
