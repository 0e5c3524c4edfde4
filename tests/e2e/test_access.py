"""Access control: rules, passwords, limits for each client, and loop detection."""
import base64
import contextlib
import os
import signal
import socket
import tempfile
import threading
import time
import unittest

from harness import Case, Origin, VERSION, Wire, closed_port, ok, pattern, request, wait_until
from own_network import add_address, in_own_network
from test_parent import HttpParent

# `openssl passwd -6 -salt saltsalt secret`, and `-5 ... other`
USERS = ("ann:$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1\n"
         "bob:$5$saltsalt$kmJUCIm73946uXVnGZjCdBUolDZJ3cOBx5hc3E.xjEC\n")


def basic(credentials):
    return "Proxy-Authorization: Basic " + base64.b64encode(credentials.encode()).decode()


class Rules(Case):
    def status(self, proxy, url, **how):
        return proxy.get(url, **how).status

    def test_the_first_that_matches_decides(self):
        origin = self.origin()
        proxy = self.proxy("--deny", "method=DELETE", "--allow", f"port={origin.port}", "--deny", "all")
        self.assertEqual(self.status(proxy, origin.url()), 200)
        self.assertEqual(self.status(proxy, origin.url(), method="DELETE"), 403)
        self.assertEqual(self.status(proxy, f"http://127.0.0.1:{closed_port()}/"), 403)
        self.assertIn(" end=request-not-allowed by=proxy", proxy.line(" DELETE "))

    def test_a_denied_address_stays_denied_by_any_name(self):
        origin = self.origin()
        proxy = self.proxy("--deny", "to=127.0.0.0/8")
        self.assertEqual(self.status(proxy, origin.url()), 403)
        answer = proxy.get(f"http://localhost:{origin.port}/")
        self.assertIn(answer.status, (403, 502))  # ::1 is tried too, but has no listener
        self.assertEqual(origin.heads, [])

    def test_the_metadata_service_is_closed_unless_named(self):
        self.assertEqual(self.status(self.proxy(), "http://169.254.169.254/"), 403)
        self.assertEqual(self.status(self.proxy("--allow", "all"), "http://169.254.169.254/"), 403)

    def test_of_a_tunnel_too(self):
        origin = self.origin()
        proxy = self.proxy("--deny", f"port={origin.port}")
        with proxy.connect() as client:
            client.send(f"CONNECT 127.0.0.1:{origin.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            self.assertEqual(client.rest().status, 403)

    def test_the_ports_of_http(self):
        origin = self.origin()
        for ports, allowed in (("none", False), (str(origin.port), True), (f"1-{origin.port - 1}", False),
                               (f"25,{origin.port - 1}-{origin.port}", True)):
            proxy = self.proxy("--http-ports", ports)
            self.assertEqual(self.status(proxy, origin.url()), 200 if allowed else 403, ports)
            if not allowed:
                self.assertIn(" end=port-not-allowed by=", proxy.line(" GET "))
        self.assertEqual(self.status(self.proxy(), "http://127.0.0.1:25/"), 403, "by default: of another protocol")

    def test_a_rule_without_effect_is_reported(self):
        proxy = self.proxy("--deny", "port=25", "--deny", "port=25,method=GET")
        status, error = proxy.stop()
        self.assertEqual(status, 0)
        self.assertIn("--deny port=25,method=GET", error)


@unittest.skipUnless("passwords by" in VERSION, "this build has no libcrypt")
class Users(Case):
    def users(self, text=USERS):
        folder = self.enter(tempfile.TemporaryDirectory())
        path = os.path.join(folder, "users")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_an_upstream_proxy_that_wants_a_login_too(self):
        """The client logs in here, so it cannot log in there."""
        parent = self.enter(HttpParent(0, login="Basic x"))
        proxy = self.proxy("--users", self.users(), "--parent", f"http://{parent.address}")
        for method, target in ("GET", "http://a.test/"), ("CONNECT", "a.test:443"):
            with proxy.connect() as client:
                lines = f"{method} {target} HTTP/1.1", "Host: a.test", basic("ann:secret"), "Connection: close", "", ""
                answer = client.send("\r\n".join(lines).encode()).rest()
            self.assert_own_answer(answer, 502)
            self.assertIn(b"--parent http://NAME:PASSWORD@HOST:PORT", answer.body)
            self.assertIn(" end=parent-auth-required by=upstream", proxy.line(f" {method} "))

    def test_only_with_the_password(self):
        origin, proxy = self.origin(), self.proxy("--users", self.users())
        for fields, status in (((), 407), ((basic("ann:secret"),), 200), ((basic("ann:other"),), 407), ((basic("bob:other"),), 200),
                               ((basic("eve:secret"),), 407), (("Proxy-Authorization: Bearer x",), 407),
                               (("Proxy-Authorization: Basic !",), 407), ((basic("ann:secret"),), 200)):
            with self.subTest(fields):
                answer = proxy.get(origin.url(), *fields)
                self.assertEqual(answer.status, status)
                if status == 407:
                    self.assertEqual(answer.head.all("Proxy-Authenticate"), ['Basic realm="proxy", charset="UTF-8"'])
        self.assertEqual(len(origin.heads), 3)
        for head in origin.heads:
            self.assertEqual(head.all("Proxy-Authorization"), [])

    def test_a_tunnel_needs_it_too(self):
        origin, proxy = self.origin(), self.proxy("--users", self.users())
        for fields, status in (((), 407), ((basic("ann:secret"),), 200)):
            with proxy.connect() as client:
                lines = "".join(field + "\r\n" for field in fields)
                client.send(f"CONNECT 127.0.0.1:{origin.port} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
                self.assertEqual(client.read_head().status, status)

    def test_rules_for_users(self):
        origin = self.origin()
        proxy = self.proxy("--users", self.users(), "--deny", "user=bob method=DELETE", "--allow", "user=ann,host=127.0.0.1",
                           "--allow", "user=bob,host=localhost")
        local = f"http://localhost:{origin.port}/"
        for url, how, credentials, status in ((origin.url(), {}, "", 407), (origin.url(), {}, "ann:secret", 200), (local, {}, "ann:secret", 403),
                                              (origin.url(), {}, "bob:other", 403), (local, {}, "bob:other", 200),
                                              (local, {"method": "DELETE"}, "bob:other", 403), (origin.url(), {}, "bob:wrong", 407)):
            with self.subTest(url, credentials=credentials, **how):
                self.assertEqual(proxy.get(url, *([basic(credentials)] if credentials else []), **how).status, status)
        self.assertTrue(proxy.line(" 403 ").endswith(" user=ann"))

    def test_clients_without_a_password(self):
        """By user=none; a reload takes the rule back."""
        origin, other = self.origin(), self.origin()
        path = self.users()
        proxy = self.proxy("--users", path, "--allow", f"client=127.0.0.0/8,port={origin.port},user=none", "--allow", "user=ann")
        self.assertEqual(proxy.get(origin.url()).status, 200)
        self.assertEqual(proxy.get(other.url()).status, 407)
        self.assertEqual(proxy.get(other.url(), basic("ann:secret")).status, 200)
        with proxy.connect() as client:
            client.send(f"CONNECT 127.0.0.1:{origin.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            self.assertEqual(client.read_head().status, 200)

    def test_a_user_that_does_not_exist(self):
        proxy = self.proxy("--users", self.users(), "--allow", "user=ann|eve")
        status, error = proxy.stop()
        self.assertEqual(status, 0)
        self.assertRegex(error, r"--allow user=ann\|eve: no effect for 'eve': /\S+/users has no such user")
        with self.assertRaisesRegex(AssertionError, "--allow user=ann: the users are not known: add --users FILE"):
            self.proxy("--allow", "user=ann")

    def test_a_malformed_password_file(self):
        for text in ("ann\n", "ann:{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=\n"):
            with self.assertRaisesRegex(AssertionError, "line 1"):
                self.proxy("--users", self.users(text))
        with self.assertRaisesRegex(AssertionError, "cannot read /nonexistent"):
            self.proxy("--users", "/nonexistent")


class Limits(Case):
    def test_of_requests(self):
        origin, proxy = self.origin(), self.proxy("--client-requests", "1:3")
        os.kill(proxy.pid, signal.SIGSTOP)  # so that it finds all of them at once, however slow this machine is
        try:
            clients = [self.client(proxy.ask(origin.url())) for _ in range(8)]
        finally:
            os.kill(proxy.pid, signal.SIGCONT)
        answers = [client.rest() for client in clients]
        self.assertEqual([answer.status for answer in answers[:3]], [200] * 3)
        refused = [answer for answer in answers if answer.status == 429]
        self.assertGreaterEqual(len(refused), 3)
        self.assertEqual(refused[0].head.all("Retry-After"), ["1"])

    def slow(self, rate, burst):
        """A proxy with so many bytes a second for one client. What has gone through it in t seconds is at most burst + rate * t: so
        n bytes take at least (n - burst) / rate."""
        return self.proxy("--client-bytes", f"{rate}:{burst}")

    def assert_not_before(self, began, moved, rate, burst):
        self.assertGreaterEqual(time.monotonic() - began, (moved - burst) / rate)

    def test_of_bytes_down_and_up(self):
        body = pattern(60_000)
        for serve, method, sent in ((lambda wire: wire.send(ok(body)), "GET", b""), (lambda wire: wire.send(ok(str(len(wire.read_body())).encode())), "PUT", body)):
            proxy, origin = self.slow(80_000, 8_000), self.origin(serve)
            began = time.monotonic()
            answer = proxy.get(origin.url(), *([f"Content-Length: {len(sent)}"] if sent else []), method=method, body=sent)
            self.assertEqual(answer.body, body if not sent else b"60000")
            self.assert_not_before(began, 60_000, 80_000, 8_000)

    def test_of_bytes_through_a_tunnel(self):
        """Both ways together, and neither way waits for the other's end."""
        def serve(wire):
            wire.send(pattern(30_000))
            self.assertEqual(wire.read(30_000), pattern(30_000))
            wire.send(b"end")

        proxy, origin = self.slow(80_000, 8_000), self.tunnel_end(serve)
        client = self.client(proxy.connect())
        began = time.monotonic()
        client.send(f"CONNECT {origin} HTTP/1.1\r\nHost: x\r\n\r\n".encode() + pattern(30_000))
        self.assertTrue(client.rest().raw.endswith(b"\r\n\r\n" + pattern(30_000) + b"end"))
        self.assert_not_before(began, 60_000, 80_000, 8_000)

    def tunnel_end(self, serve):
        """Starts a server that sends first and does not speak HTTP. Returns its address."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def run():
            connection, _ = listener.accept()
            with contextlib.closing(Wire(connection)) as wire:
                serve(wire)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    def test_connections_of_one_client_share_its_bytes(self):
        proxy, origin = self.slow(100_000, 8_000), self.origin(lambda wire: wire.send(ok(pattern(20_000))))
        began = time.monotonic()
        clients = [self.client(proxy.ask(origin.url())) for _ in range(4)]
        for client in clients:
            self.assertEqual(client.rest().body, pattern(20_000))
        self.assert_not_before(began, 80_000, 100_000, 8_000)

    def test_another_client_is_not_held_up(self):
        """While one has had all it may have for an hour, another is served at once."""
        proxy, origin = self.slow(1, 4_000), self.origin(lambda wire: wire.send(ok(pattern(50_000 if "big" in wire.head.target else 1_000))))
        slow = self.client(proxy.ask(origin.url("/big")))
        self.assertTrue(slow.read(1_000))
        self.assertEqual(proxy.get(origin.url(), host="::1").body, pattern(1_000))
        slow.reset()
        self.assertIn(" end=client-closed by=client", proxy.line("/big "))

    def test_of_connections(self):
        proxy = self.proxy("--client-connections", "3")
        idle = [self.client(proxy.connect()) for _ in range(3)]
        answer = self.client(proxy.connect()).rest()
        self.assert_own_answer(answer, 429)
        self.assertIn(f" down={len(answer.raw)} body={len(answer.body)} ", proxy.line(" 429 "))
        idle[0].close()
        origin = self.origin()
        wait_until(lambda: proxy.get(origin.url()).status == 200, "its place is free")


class Loops(Case):
    def test_a_request_to_the_proxy_itself(self):
        proxy = self.proxy("--no-console")
        for host in ("127.0.0.1", "[::1]", "localhost"):
            answer = proxy.get(f"http://{host}:{proxy.port}/")
            self.assertEqual(answer.status, 508, host)
        board = self.proxy()
        self.assertEqual(board.get(f"http://127.0.0.1:{board.port}/", "Host: h", version="1.1").status, 508, "not a browser")
        self.assertIn("error=proxy_loop_detected", proxy.get(f"http://127.0.0.1:{proxy.port}/").head.all("Proxy-Status")[0])

    def test_a_loop_by_one_of_two_addresses(self):
        """localhost is ::1 too, where nothing listens: the loop is the cause."""
        proxy = self.proxy("--listen", "127.0.0.1:0", "--no-console", port=None)
        with proxy.connect(host="127.0.0.1") as client:
            client.send(f"CONNECT localhost:{proxy.port} HTTP/1.1\r\nHost: localhost:{proxy.port}\r\nConnection: close\r\n\r\n".encode())
            self.assertEqual(client.read_head().status, 508)
        self.assertIn(" end=loop-detected ", proxy.line(" CONNECT "))

    @in_own_network()
    def test_each_address_of_the_machine(self):
        """Also one that it gets later, through CONNECT, and beside a listener for files."""
        add_address("10.9.0.1", 1)
        folder = self.enter(tempfile.TemporaryDirectory())
        os.chmod(folder, 0o755)
        proxy = self.proxy("--listen", "0.0.0.0:8080", "--allow", "client=127.0.0.0/8", "--allow", "client=10.9.0.0/24",
                           "--files", f"0.0.0.0:8081={folder}", port=None)
        with self.client(proxy.connect(port=8080)) as client:
            client.send(b"CONNECT 10.9.0.1:8080 HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(client.rest().status, 508)
        self.assertEqual(proxy.get("http://10.9.0.1:8080/", port=8080).status, 508)
        self.assertEqual(proxy.get("http://10.9.0.1:8081/", port=8080).status, 200, "it forwards nothing")
        self.assertEqual(proxy.get("http://10.9.0.3:8080/", port=8080).status, 502)
        add_address("10.9.0.3", 3)
        wait_until(lambda: proxy.get("http://10.9.0.3:8080/", port=8080).status == 508, "the new address is known")
        # A client with another address than loopback counts as elsewhere.
        for url, status in (("http://10.9.0.1:8081/", 403), ("http://10.9.0.3:8081/", 403), ("http://127.0.0.1:8081/", 403)):
            with socket.create_connection(("10.9.0.1", 8080), source_address=("10.9.0.3", 0)) as connection:
                connection.sendall(request(url))
                self.assertEqual(Wire(connection).rest().status, status, url)

    def test_a_tcp_proxy_that_leads_back_to_itself(self):
        port, other = closed_port(), closed_port()
        origin = self.origin()
        proxy = self.proxy("--relay", f"{port}=localhost:{other}", "--relay", f"{other}=127.0.0.1:{port},127.0.0.1:{origin.port}",
                           "--access-log", "-", port=None)
        proxy.said(f"the TCP proxy at 127.0.0.1:{other} leads back to itself through 127.0.0.1:{port}: ")
        with self.client(proxy.connect(port=port)) as client:
            client.send(request("/"))
            self.assertEqual(client.rest().body, b"hello", "the server beside it is used")
        status, error = proxy.stop()
        self.assertEqual(status, 0, error)

    def test_one_that_has_passed_here_before(self):
        origin = self.origin()
        proxy = self.proxy("--name", "here")
        for via, status in (("1.1 there", 200), ("1.1 there, 1.0 HERE (a comment)", 508), ("1.1 heretic", 200), ("HTTP/1.1 here", 508)):
            self.assertEqual(proxy.get(origin.url(), f"Via: {via}").status, status, via)

    def test_a_circle_of_two(self):
        proxy = self.proxy("--name", "one")

        def back(wire):
            with proxy.connect() as again:
                again.send(request(wire.head.target and f"http://127.0.0.1:{origin.port}/", *wire.head.lines))
                wire.send(again.rest().raw)

        origin = self.enter(Origin(back))
        self.assertEqual(proxy.get(origin.url()).status, 508)
        self.assertEqual(len(origin.heads), 1)

