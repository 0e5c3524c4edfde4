"""The command line: what it takes, what it refuses, and in which words."""
import os
import socket
import subprocess
import tempfile

from harness import PREFIX, PROXY, Case, native, request

WAITS = ("--idle-timeout", "--head-timeout", "--body-timeout", "--resolve-timeout", "--attempt-delay", "--connect-timeout", "--send-timeout",
         "--answer-timeout", "--stream-timeout", "--half-closed-timeout", "--reader-timeout", "--linger-timeout")
NO_LIMIT = ("--answer-timeout", "--stream-timeout", "--tunnel-timeout")  # 0: the wait has no limit
OTHERS = ("--listen", "--allow", "--access-log", "--log-format", "--max-requests", "--buffers")


def run(*arguments):
    """(exit status, standard output, standard error) of a run that ends by itself."""
    done = subprocess.run([*PREFIX, PROXY, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    return done.returncode, done.stdout, done.stderr


class Information(Case):
    def test_help_names_every_option(self):
        status, out, err = run("--help")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(run("-h")[1], out)
        self.assertTrue(out.startswith("Usage: proxy PORT"))
        for option in (*WAITS, *OTHERS, "--verbose", "--version", "Exit status"):
            self.assertIn(option, out)

    def test_an_output_that_cannot_be_written(self):
        """Status 0 of doctor would say that nothing was found, and 1 that something was."""
        proxy = self.proxy()
        for words in (("--help",), ("--version",), ("--check", "8080"), ("explain", "GET", "http://127.0.0.1/"), ("doctor", str(proxy.port)),
                      ("top", "--once", str(proxy.port))):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([*PREFIX, PROXY, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
            status = 2 if words[0] in ("doctor", "top") else 1
            self.assertEqual((done.returncode, done.stderr), (status, "proxy: cannot write the output: No space left on device\n"), words)

    def test_version(self):
        status, out, err = run("--version")
        self.assertEqual((status, err), (0, ""))
        self.assertRegex(out, r"\Aproxy \d+\.\d+\.\d+(, .+)?\n\Z")


    def test_the_name_of_the_installed_program(self):
        with tempfile.TemporaryDirectory() as folder:
            installed = os.path.join(folder, "fourstate")
            os.symlink(os.path.abspath(PROXY), installed)
            said = [subprocess.run([*PREFIX, installed, option], capture_output=True, text=True, check=False).stdout for option in ("--version", "--help")]
        self.assertTrue(said[0].startswith("fourstate "), said[0])
        self.assertTrue(said[1].startswith("Usage: fourstate PORT [OPTION]...\n       fourstate FILE [OPTION]...\n"), said[1])
        self.assertNotIn("proxy", said[1].split("Example: ")[1].split(",")[0])


class Refusals(Case):
    def assert_refused(self, expected, arguments, *says):
        """One line on standard error that says what to do, nothing on standard output."""
        status, out, err = run(*arguments)
        self.assertEqual((status, out), (expected, ""), (arguments, err))
        self.assertRegex(err, r"\Aproxy: [^\n]+\n\Z", arguments)
        for words in says:
            self.assertIn(words, err, arguments)

    def test_ports(self):
        self.assert_refused(2, (), "missing port", "proxy 8080")
        for port in ("65536", "70000", "", "99999999999999999999"):
            self.assert_refused(2, (port,), "invalid port", "expected 1-65535")
        for port in ("http", "80a", " 80", "+80", "0x50", "8080.0", "none", "/"):
            self.assert_refused(2, (port,), "neither a file nor a port", "expected 1-65535", "a configuration file")
        self.assert_refused(2, ("-1",), "unknown option '-1'", "--help")
        self.assert_refused(2, ("1", "2"), "more than one PORT", "--listen")

    def test_an_unknown_option_and_the_nearest_spelling(self):
        for wrong, right in (("--lissen", "--listen"), ("--max-request", "--max-requests"), ("--acces-log", "--access-log"),
                             ("--idle-timeot", "--idle-timeout"), ("--verbos", "--verbose"), ("--hepl", "--help")):
            self.assert_refused(2, ("8080", wrong, "x"), f"did you mean '{right}'?")
        self.assert_refused(2, ("8080", "--utterly-different"), "--utterly-different", "--help")

    def test_values(self):
        for option, value in (("--max-requests", "0"), ("--max-requests", "-1"), ("--max-requests", "many"),
                              ("--max-requests", "1000001"), ("--buffers", "0"), ("--buffers", "1.5"), ("--listen", "h:8080"),
                              ("--listen", "example.com:80"), ("--listen", "127.0.0.1:port"), ("--listen", "[::1]"),
                              ("--allow", "10.0.0.0/33"), ("--allow", "net"), ("--allow", "10.0.0.0/"), ("--allow", "::/129"),
                              ("--access-log", ""), ("--access-log", "syslog:"), ("--log-format", "xml"), *((wait, value) for wait in WAITS for value in ("-1", "soon")),
                              *((wait, "0") for wait in WAITS if wait not in NO_LIMIT), ("--idle-timeout", "1.2345"), ("--idle-timeout", "1e9"), ("--idle-timeout", "")):
            self.assert_refused(2, ("8080", option, value), option, f"'{value}'" if value else " ")

    def test_an_option_without_its_value(self):
        for option in (*WAITS[:2], *OTHERS):
            self.assert_refused(2, ("8080", option), option, "missing value")
        self.assert_refused(2, ("8080", "--verbose=1"), "unexpected value")

    def test_a_listener_for_others_needs_a_rule(self):
        for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0"):
            self.assert_refused(2, ("--listen", address), address, "--allow")
            self.assert_refused(2, ("0", "--listen", address), address, "--allow")

    def test_a_busy_port(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            self.assert_refused(1, (port,), f"127.0.0.1:{port}", "choose another port")
            self.assert_refused(1, ("--listen", f"127.0.0.1:{port}"), f"127.0.0.1:{port}", "choose another port")

    def test_an_address_of_another_machine(self):
        self.assert_refused(1, ("--listen", "192.0.2.1:0", "--allow", "192.0.2.0/24"), "does not have that address")

    def test_a_log_that_cannot_be_opened(self):
        self.assert_refused(1, ("0", "--access-log", "/no/such/folder/log"), "/no/such/folder/log", "No such file")
        with tempfile.TemporaryDirectory() as folder:
            self.assert_refused(1, ("0", "--access-log", folder), folder)


class Listening(Case):
    def assert_serves(self, proxy, host, port):
        origin = self.origin()
        with proxy.connect(host, port) as client:
            client.send(request(origin.url()))
            self.assertEqual(client.rest().body, b"hello", (host, port))

    def test_the_announcement_is_one_line_that_says_where_and_how(self):
        proxy = self.proxy("--access-log", "off")
        self.assertRegex(proxy.announcement, rf"\Aproxy \d+\.\d+\.\d+ listens on 127\.0\.0\.1:{proxy.port}[ .]")
        for words in (f"curl -x http://127.0.0.1:{proxy.port} ", f"HTTP proxy 127.0.0.1, port {proxy.port}", "Ctrl-C"):
            self.assertIn(words, proxy.announcement)
        self.assert_serves(proxy, "127.0.0.1", proxy.port)
        proxy.stop()
        self.assertEqual(proxy.lines, [])

    def test_a_port_is_on_both_loopbacks(self):
        proxy = self.proxy()
        self.assertEqual(len(set(proxy.ports)), 1, proxy.announcement)
        self.assert_serves(proxy, "127.0.0.1", proxy.port)
        self.assert_serves(proxy, "::1", proxy.port)

    def test_a_given_port_is_the_one(self):
        with self.proxy() as first:
            port = first.port
        self.assertEqual(self.proxy(port=str(port)).ports[0], port)

    def test_listen_can_be_repeated(self):
        proxy = self.proxy("--listen", "127.0.0.1:0", "--listen=[::1]:0", "--listen", "127.0.0.2:0", port=None)
        self.assertEqual(len(set(proxy.ports)), 3, proxy.announcement)
        for host, port in zip(("127.0.0.1", "::1", "127.0.0.2"), proxy.ports):
            self.assert_serves(proxy, host, port)

    def test_listen_beside_a_port(self):
        proxy = self.proxy("--listen", "127.0.0.2:0")
        self.assert_serves(proxy, "127.0.0.1", proxy.ports[0])
        self.assert_serves(proxy, "127.0.0.2", proxy.ports[-1])

    def test_ipv6_alone(self):
        proxy = self.proxy("--listen", "[::1]:0", port=None)
        self.assertIn(f"curl -x http://[::1]:{proxy.port} ", proxy.announcement)
        self.assert_serves(proxy, "::1", proxy.port)
        with self.assertRaises(ConnectionRefusedError):
            proxy.connect("127.0.0.1")

    def test_a_client_that_is_not_allowed_gets_403_and_reaches_no_origin(self):
        proxy, origin = self.proxy("--allow", "10.0.0.0/8", "--allow", "::1"), self.origin()
        self.assert_own_answer(proxy.get(origin.url()), 403)
        self.assertEqual(origin.heads, [])
        self.assert_serves(proxy, "::1", proxy.port)

    def test_all_addresses_with_a_rule(self):
        proxy = self.proxy("--listen", "0.0.0.0:0", "--allow", "127.0.0.0/8", port=None)
        self.assert_serves(proxy, "127.0.0.3", proxy.port)

    def test_options_before_and_after_the_port(self):
        proxy = self.proxy("--max-requests=10", "0", "--buffers", "8", "--access-log=off", "-v", port=None)
        self.assert_serves(proxy, "127.0.0.1", proxy.port)

    @native
    def test_inherited_descriptors_are_left_alone(self):
        """Started with all standard streams but output closed, it serves all the same."""
        def close_others():
            os.close(0)
            os.close(2)

        self.assert_serves(self.proxy(preexec=close_others), "127.0.0.1", None)
