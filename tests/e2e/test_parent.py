"""By way of a parent proxy: HTTP or SOCKS5, on TCP or on a Unix socket, with exceptions."""
import base64
import contextlib
import hashlib
import os
import socket
import struct
import subprocess
import tempfile
import threading

from harness import PROXY, Case, Wire, closed_port, ok, pattern

LOGIN = "Basic " + base64.b64encode(b"ann:se:cret").decode()


def splice(one, other):
    """Both ways, until each has ended."""
    def pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.some():
                sink.send(data)
            sink.half_close()

    back = threading.Thread(target=pump, args=(other, one))
    back.start()
    pump(one, other)
    back.join()


class Parent:
    """A parent for names ending in .test, all of which lead to `port` on this machine."""

    def __init__(self, port, login=None, path=None):
        self.port, self.login, self.received = port, login, []
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.socket.bind(path or ("127.0.0.1", 0))
        self.socket.listen()
        self.address = f"unix:{path}" if path else "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                threading.Thread(target=self.run, args=(Wire(connection),), daemon=True).start()

    def run(self, wire):
        with wire, contextlib.suppress(OSError):
            self.serve(wire)

    def lead_on(self, wire):
        with Wire(socket.create_connection(("127.0.0.1", self.port))) as host:
            splice(wire, host)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class HttpParent(Parent):
    def serve(self, wire):
        while head := wire.read_head():
            self.received.append(head)
            if self.login and head.all("Proxy-Authorization") != [self.login]:
                wire.send(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n")
            elif head.method == "CONNECT":
                wire.send(b"HTTP/1.1 200 OK\r\n\r\n")
                return self.lead_on(wire)
            else:
                wire.read_body()
                wire.send(ok(head.target.encode()).replace(b"HTTP/1.0", b"HTTP/1.1"))
        return None


class SocksParent(Parent):
    def serve(self, wire):
        methods = wire.read(wire.read(2)[1])
        wire.send(b"\x05" + bytes([2 if self.login and 2 in methods else 0]))
        if self.login:
            user = wire.read(wire.read(2)[1])
            secret = wire.read(wire.read(1)[0])
            wire.send(b"\x01" + bytes([(user, secret) != self.login]))
        kind = wire.read(4)[3]
        host = wire.read(wire.read(1)[0]) if kind == 3 else wire.read({1: 4, 4: 16}[kind])
        self.received.append((host, struct.unpack(">H", wire.read(2))[0]))
        wire.send(b"\x05\x00\x00\x01" + bytes(6))
        self.lead_on(wire)


class RefusingSocksParent(Parent):
    def serve(self, wire):
        wire.read(wire.read(2)[1])
        wire.send(b"\x05\x00")
        wire.read(4 + 1 + len("a.test") + 2)
        wire.send(b"\x05\x04\x00\x01" + bytes(6))
        wire.until_gone()


class ByAParent(Case):
    def by(self, kind, url, *options, login=None, path=None, serve=None):
        origin = self.origin(serve)
        parent = self.enter(kind(origin.port, login, path))
        return parent, self.proxy("--parent", url.format(parent.address), *options)

    def test_requests(self):
        parent, proxy = self.by(HttpParent, "http://ann:se%3Acret@{}", login=LOGIN)
        answer = proxy.get("http://a.test/x?y")
        self.assertEqual((answer.status, answer.body), (200, b"http://a.test/x?y"))
        self.assertEqual(parent.received[0].all("Host"), ["a.test"])

    def test_a_parent_that_wants_another_login(self):
        _, proxy = self.by(HttpParent, "http://ann:wrong@{}", login=LOGIN)
        with proxy.connect() as client:
            client.send(b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nConnection: close\r\n\r\n")
            answer = client.rest()
        self.assert_own_answer(answer, 502)
        self.assertEqual(answer.head.all("Proxy-Authenticate"), [], "the challenge is for the proxy, not for the client")
        self.assertIn(" end=parent-auth-failed by=upstream", proxy.line(" CONNECT "))

    def test_a_parent_that_wants_the_clients_login(self):
        _, proxy = self.by(HttpParent, "http://{}", login=LOGIN)
        with proxy.connect() as client:
            for login, status in ((), 407), ((f"Proxy-Authorization: {LOGIN}",), 200):
                client.send("\r\n".join(("CONNECT a.test:443 HTTP/1.1", "Host: a.test:443", *login, "", "")).encode())
                self.assertEqual(client.read_head().status, status)
                self.assertEqual(client.head.all("Proxy-Authenticate"), [] if login else ['Basic realm="x"'])

    def tunnel(self, proxy, size=300_000):
        """Through a tunnel, both ways, with early data and half-close."""
        data = pattern(size)
        with proxy.connect() as client:
            client.send(b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n" b"PUT /x HTTP/1.0\r\n\r\n")
            self.assertEqual(client.read_head().status, 200)
            sender = threading.Thread(target=lambda: (client.send(data), client.half_close()))
            sender.start()
            answer = client.rest()
            sender.join()
        self.assertEqual(answer.body, hashlib.sha256(data).hexdigest().encode())

    @staticmethod
    def digest(wire):
        wire.send(ok(hashlib.sha256(wire.rest().raw).hexdigest().encode()))

    def test_a_tunnel(self):
        parent, proxy = self.by(HttpParent, "http://{}", serve=self.digest)
        self.tunnel(proxy)
        self.assertEqual((parent.received[0].method, parent.received[0].target), ("CONNECT", "a.test:443"))

    def test_a_tunnel_by_socks(self):
        parent, proxy = self.by(SocksParent, "socks5://ann:secret@{}", login=(b"ann", b"secret"), serve=self.digest)
        self.tunnel(proxy)
        self.assertEqual(parent.received, [(b"a.test", 443)])

    def test_a_reply_code_of_socks_is_no_status(self):
        """RFC 9209 section 2.1.4: received-status is an HTTP status."""
        _, proxy = self.by(RefusingSocksParent, "socks5://{}")
        answer = proxy.get("http://a.test/")
        self.assert_own_answer(answer, 502)
        self.assertNotIn("received-status", answer.head.all("Proxy-Status")[0])
        self.assertNotIn(b"from the server", answer.body)

    def test_requests_by_socks(self):
        parent, proxy = self.by(SocksParent, "socks5://{}")
        for _ in range(2):
            answer = proxy.get("http://a.test/")
            self.assertEqual((answer.status, answer.body), (200, b"hello"))
        self.assertEqual(proxy.get("http://192.0.2.1:81/").status, 200)
        self.assertEqual(parent.received, [(b"a.test", 80), (b"a.test", 80), (socket.inet_aton("192.0.2.1"), 81)])

    def test_on_a_unix_socket(self):
        folder = self.enter(tempfile.TemporaryDirectory())
        _, proxy = self.by(HttpParent, "http://{}", path=os.path.join(folder, "parent"))
        self.assertEqual(proxy.get("http://a.test/").body, b"http://a.test/")

    def test_exceptions_go_straight(self):
        parent, proxy = self.by(HttpParent, "http://{}", "--no-parent", "b.test,127.0.0.1")
        origin = self.origin()
        self.assertEqual(proxy.get(origin.url()).body, b"hello")
        self.assertEqual(proxy.get("http://x.b.test/").status, 502, "looked up here, where there is no such name")
        self.assertEqual(parent.received, [])

    def test_a_parent_that_is_not_there(self):
        proxy = self.proxy("--parent", f"http://127.0.0.1:{closed_port()}")
        self.assert_own_answer(proxy.get("http://a.test/"), 502)
        self.assertIn(" end=connection-refused by=upstream error=ECONNREFUSED", proxy.line(" GET "))

    def test_the_proxy_as_its_own_parent(self):
        port = closed_port()
        proxy = self.proxy("--parent", f"http://127.0.0.1:{port}", port=str(port))
        self.assertEqual(proxy.get("http://a.test/").status, 508)

    def test_a_parent_for_each_domain(self):
        """The first that matches decides, the one without hosts comes last, and others go straight."""
        origin = self.origin()
        first, second, other = (self.enter(HttpParent(origin.port)) for _ in range(3))
        proxy = self.proxy("--parent", f"http://{other.address}", "--parent", f"http://{first.address}=.a.test,192.0.2.0/24",
                           "--parent", f"http://{second.address}=*.test", "--parent", "none=.b.invalid")
        for host in ("a.test", "x.a.test", "b.test", "192.0.2.7", "c.invalid"):
            self.assertEqual(proxy.get(f"http://{host}/").status, 200, host)
        self.assertEqual(proxy.get("http://x.b.invalid/").status, 502, "looked up here, where there is no such name")
        self.assertEqual([head.target for head in first.received], ["http://a.test/", "http://x.a.test/", "http://192.0.2.7/"])
        self.assertEqual([head.target for head in second.received], ["http://b.test/"])
        self.assertEqual([head.target for head in other.received], ["http://c.invalid/"])

    def test_explain_names_it(self):
        done = subprocess.run([PROXY, "explain", "--parent", "socks5://ann:secret@127.0.0.1:1080", "GET", "http://a.test/"],
                              capture_output=True, check=True, text=True)
        self.assertIn("parent      socks5://127.0.0.1:1080", done.stdout)
        self.assertNotIn("secret", done.stdout)
