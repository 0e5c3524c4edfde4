"""The command line: what it says, and how it ends."""
import signal
import socket
import subprocess
import tempfile
import unittest

from harness import PREFIX, PROXY, Origin, Proxy, gone, ok, read_head


def run(*arguments):
    done = subprocess.run([*PREFIX, PROXY, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


class CommandLine(unittest.TestCase):
    def test_help_and_version(self):
        status, out, err = run("--help")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("Usage: proxy PORT", out)
        status, out, err = run("--version")
        self.assertEqual((status, err), (0, ""))
        self.assertRegex(out, r"^proxy \d+\.\d+\.\d+, names by ")

    def test_wrong_usage_is_one_line_and_status_2(self):
        for arguments, says in (((), "which port?"), (("http",), "not a port"), (("70000",), "not a port"),
                                (("1", "2"), "more than one PORT"), (("--lissen", "x"), "did you mean --listen?"),
                                (("--listen", "0.0.0.0:0"), "--allow"), (("80", "--max-requests", "0"), "from 1 to")):
            status, out, err = run(*arguments)
            self.assertEqual((status, out), (2, ""), arguments)
            self.assertIn(says, err)
            self.assertEqual(err.count("\n"), 1, err)

    def test_a_busy_port_is_one_line_and_status_1(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            status, out, err = run(str(taken.getsockname()[1]))
        self.assertEqual((status, out), (1, ""))
        self.assertIn("choose another port", err)
        self.assertEqual(err.count("\n"), 1, err)

    def test_an_address_of_another_machine(self):
        status, _, err = run("--listen", "192.0.2.1:0", "--allow", "192.0.2.0/24")
        self.assertEqual(status, 1)
        self.assertIn("does not have that address", err)

    def test_a_log_that_cannot_be_opened(self):
        status, _, err = run("0", "--access-log", "/no/such/folder/log")
        self.assertEqual(status, 1)
        self.assertIn("/no/such/folder/log", err)

    def test_the_announcement_says_where_and_how(self):
        with Proxy() as proxy:
            self.assertIn(f"127.0.0.1:{proxy.port}", proxy.announcement)
            self.assertIn(f"curl -x http://127.0.0.1:{proxy.port} ", proxy.announcement)
            self.assertIn(f"HTTP proxy 127.0.0.1, port {proxy.port}", proxy.announcement)

    def test_it_listens_on_both_loopbacks(self):
        with Proxy() as proxy, Origin() as origin:
            self.assertEqual(len(set(proxy.ports)), 1)
            for family in (socket.AF_INET, socket.AF_INET6):
                with proxy.ask(f"GET {origin.url()} HTTP/1.0\r\n\r\n".encode(), family=family) as client:
                    head, _ = read_head(client)
                    self.assertIn(b"200 OK", head)

    def test_further_listeners(self):
        with Proxy("--listen", "127.0.0.1:0", "--listen=[::1]:0", port=None) as proxy:
            self.assertEqual(len(proxy.ports), 2)
            for port, host in zip(proxy.ports, ("127.0.0.1", "::1")):
                socket.create_connection((host, port)).close()

    def test_other_clients_are_refused(self):
        with Proxy("--allow", "10.0.0.0/8") as proxy, Origin() as origin:
            self.assertEqual(proxy.get(origin.url()).status, 403)
            self.assertEqual(origin.heads, [])


class Ends(unittest.TestCase):
    def test_both_signals_end_it_with_clients_in_each_state(self):
        def serve(connection, head, _):
            if b"/answers" in head:
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nsome")
            gone(connection)

        for how in (signal.SIGINT, signal.SIGTERM):
            with Proxy() as proxy, Origin(serve) as origin:
                url = origin.url().encode()
                clients = [proxy.connect(), proxy.ask(b"GET " + url[:9])]
                clients.append(proxy.ask(b"PUT " + url + b" HTTP/1.0\r\nContent-Length: 100\r\n\r\nhalf"))
                clients.append(proxy.ask(b"GET " + url + b"waits HTTP/1.0\r\n\r\n"))
                clients.append(proxy.ask(b"GET " + url + b"answers HTTP/1.0\r\n\r\n"))
                self.assertIn(b"200", read_head(clients[-1])[0])
                clients.append(proxy.ask(b"nonsense\r\n"))
                self.assertIn(b"400", read_head(clients[-1])[0])
                origin.wait_for(3)
                self.assertEqual(proxy.stop(how), (0, ""))
                for client in clients:
                    gone(client)
                    client.close()

    def test_the_log_is_whole_at_the_end(self):
        with tempfile.NamedTemporaryFile() as log, Origin(lambda c, head, rest: c.sendall(ok(b"x"))) as origin:
            with Proxy("--access-log", log.name) as proxy:
                for _ in range(20):
                    proxy.get(origin.url())
            lines = log.read().decode().splitlines()
        self.assertEqual(len(lines), 20)
        self.assertTrue(all(line.endswith("end=complete by=upstream") for line in lines), lines[0])


if __name__ == "__main__":
    unittest.main()
