"""The reverse proxy: its servers answer, and see the client's address and the original host."""
import base64
import hashlib
import shutil
import socket
import subprocess
import unittest

from harness import MIB, PROXY_STATUS, RawClient, closed_port, ok, pattern, request, wait_until
from web import (HAS_JSON, InAFolder, PythonServer, Server, UnixServer, ask, at, chunked, end_to_end, get, read_answer, read_rest,
                 send_back)


class Reverse(InAFolder):
    def front(self, *upstreams, options=()):
        members = ",".join(getattr(upstream, "authority", upstream) for upstream in upstreams)
        return self.proxy("--reverse", f"127.0.0.1:0={members}", *options, port=None)

    def assert_gateway(self, head, body, status):
        """An answer that says why there is none of the server."""
        self.assertEqual(head.status, status, body)
        self.assertEqual(len(head.all("Proxy-Status")), 1)
        self.assertRegex(head.all("Proxy-Status")[0], PROXY_STATUS)
        self.assertGreater(len(body.split(b"\n")[2]), 10, "a sentence says why")


class AsTheServerSent(Reverse):
    def test_every_field_of_a_real_server(self):
        self.put("a.txt", pattern(100_000))
        self.put("folder/b.html", b"<p>b")
        server = self.enter(PythonServer(self.public))
        front = self.front(server)
        for path, fields, method in (("/a.txt", (), "GET"), ("/a.txt", (), "HEAD"), ("/folder/b.html", (), "GET"), ("/folder", (), "GET"),
                                     ("/none", (), "GET"), ("/", (), "GET"), ("/", (), "POST"),
                                     ("/a.txt", ("If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT",), "GET")):
            with server.connect() as client:
                client.send(get(path, *fields, "Connection: close", method=method))
                wanted = client.rest()
            head, body = ask(front, path, *fields, method=method)
            self.assertEqual(head.status, wanted.status, path)
            self.assertEqual(head.first.split(" ", 1)[1], wanted.head.first.split(" ", 1)[1], "the server's own words")
            self.assertEqual([line for line in end_to_end(head) if not line.startswith("Date: ")],
                             [line for line in end_to_end(wanted.head) if not line.startswith("Date: ")], path)
            self.assertEqual(len(head.all("Date")), 1)
            self.assertEqual(body, wanted.body)

    def test_fields_in_their_order_and_spelling(self):
        fields = ["x-lower: a", "X-UPPER: b", "Set-Cookie: a=1; Path=/", "Set-Cookie: b=2", "Via: 1.1 other", "Server: theirs",
                  "X-Empty:", "X-Latin: \xe4\xf6", "Location: http://127.0.0.1:2/there", "Refresh: 0", "Alt-Svc: clear"]

        def answer(*_):
            lines = "\r\n".join(["HTTP/1.1 200 As We Say", "Date: d", *fields, "Content-Length: 2"])
            return lines.encode("latin-1") + b"\r\n\r\nok"

        head, _ = ask(self.front(Server(self, answer)))
        self.assertEqual(head.first, "HTTP/1.1 200 As We Say")
        self.assertEqual([line.replace(": ", ":").rstrip() for line in end_to_end(head)],
                         [line.replace(": ", ":") for line in ["Date: d", *fields, "Content-Length: 2"]])

    def test_fields_of_one_connection_stay_there(self):
        """RFC 9110 section 7.6.1, both ways."""
        server = Server(self, lambda *_: b"HTTP/1.1 200 OK\r\nDate: d\r\nConnection: X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=1\r\n"
                                         b"X-Yours: 2\r\nContent-Length: 0\r\n\r\n")
        head, _ = ask(self.front(server), "/", "Connection: X-Private", "X-Private: 1", "X-Public: 2", "TE: trailers", "Proxy-Connection: a")
        self.assertEqual((head.all("X-Mine"), head.all("Keep-Alive"), head.all("X-Yours")), ([], [], ["2"]))
        asked = server.requests[0]
        self.assertEqual((asked.all("X-Private"), asked.all("TE"), asked.all("Proxy-Connection"), asked.all("X-Public")), ([], [], [], ["2"]))


class ForwardedFields(Reverse):
    def test_the_server_sees_the_client(self):
        server = Server(self)
        front = self.front(server)
        ask(front, "/a?b=c", host="shop.test:8001")
        asked = server.requests[0]
        self.assertEqual(asked.first, "GET /a?b=c HTTP/1.1")
        self.assertEqual(asked.all("Host"), ["shop.test:8001"])
        self.assertEqual(asked.all("X-Forwarded-For"), ["127.0.0.1"])
        self.assertEqual(asked.all("X-Real-IP"), ["127.0.0.1"])
        self.assertEqual(asked.all("X-Forwarded-Proto"), ["http"])
        self.assertEqual(asked.all("X-Forwarded-Host"), ["shop.test:8001"])
        self.assertEqual(asked.all("Forwarded"), ['for=127.0.0.1;host="shop.test:8001";proto=http'])  # RFC 7239 section 4
        self.assertEqual(asked.all("Via"), ["1.1 proxy"])  # RFC 9110 section 7.6.3: a gateway must

    EARLIER = ("X-Forwarded-For: 192.0.2.1, 192.0.2.2", "Forwarded: for=192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: first.test",
               "X-Real-IP: 192.0.2.1")

    def test_what_a_client_claims_is_replaced(self):
        server = Server(self)
        ask(self.front(server), "/", *self.EARLIER, "X_Forwarded_Proto: https", "X_Real_IP: 192.0.2.1")
        asked = server.requests[0]
        self.assertEqual(asked.all("X-Forwarded-For"), ["127.0.0.1"])
        self.assertEqual(asked.all("Forwarded"), ["for=127.0.0.1;host=site.test;proto=http"])
        self.assertEqual((asked.all("X-Forwarded-Proto"), asked.all("X-Forwarded-Host")), (["http"], ["site.test"]))
        self.assertEqual(asked.all("X_Forwarded_Proto") + asked.all("X_Real_IP"), [])
        self.assertEqual(asked.all("X-Real-IP"), ["127.0.0.1"])

    def test_what_a_trusted_proxy_says_is_kept_and_extended(self):
        server = Server(self)
        ask(self.front(server, options=("--trusted-proxies", "192.0.2.0/24,127.0.0.0/8")), "/", *self.EARLIER)
        asked = server.requests[0]
        self.assertEqual(", ".join(asked.all("X-Forwarded-For")), "192.0.2.1, 192.0.2.2, 127.0.0.1")
        self.assertEqual(", ".join(asked.all("Forwarded")), "for=192.0.2.1, for=127.0.0.1;host=site.test;proto=http")
        self.assertEqual((asked.all("X-Forwarded-Proto"), asked.all("X-Forwarded-Host")), (["https"], ["first.test"]))
        self.assertEqual(asked.all("X-Real-IP"), ["192.0.2.1"])

    def test_over_ipv6(self):
        server = Server(self)
        try:
            front = self.proxy("--reverse", f"[::1]:0={server.authority}", port=None)
        except AssertionError as error:
            self.skipTest(f"no ::1 here: {error}")
        with front.connect("::1") as client:
            client.send(get(host="[::1]:80"))
            read_answer(client)
        self.assertEqual(server.requests[0].all("X-Forwarded-For"), ["::1"])
        self.assertEqual(server.requests[0].all("Forwarded"), ['for="[::1]";host="[::1]:80";proto=http'])

    def test_a_target_in_absolute_form(self):
        """RFC 9112 section 3.2.2: its host counts, and goes on as Host."""
        server = Server(self)
        with self.front(server).connect() as client:
            client.send(request("http://named.test/a", "Host: other.test", version="1.1"))
            read_answer(client)
        self.assertEqual((server.requests[0].target, server.requests[0].all("Host")), ("/a", ["named.test"]))

    def test_the_target_goes_on_as_it_came(self):
        server = Server(self)
        front = self.front(server)
        targets = ["/a%2Fb", "/a//b", "/%7euser", "/a?x=/../y", "/", "/?", "/a;b=c", "/*"]
        for target in targets:
            ask(front, target)
        self.assertEqual([asked.target for asked in server.requests], targets)


class Bodies(Reverse):
    def test_up_and_down_byte_exact(self):
        server = Server(self, lambda _, body: ok(body).replace(b"HTTP/1.0", b"HTTP/1.1"))
        with self.front(server).connect() as client:
            for size in (0, 1, 16_384, 70_000, 8 * MIB):
                data = pattern(size)
                for body, field in ((data, f"Content-Length: {size}"), (chunked(data), "Transfer-Encoding: chunked")):
                    client.send(get("/", field, method="PUT"))
                    client.send(body)
                    self.assertEqual(read_answer(client)[1], data)
                    self.assertEqual(server.bodies[-1], data)

    def test_chunks_down(self):
        data = pattern(300_000)
        server = Server(self, lambda *_: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(data, 1000))
        front = self.front(server)
        head, body = ask(front)
        self.assertEqual((head.all("Transfer-Encoding"), head.all("Content-Length"), body), (["chunked"], [], data))
        with front.connect() as client:  # RFC 9112 section 6.1: never to a client of HTTP/1.0
            client.send(request("/"))
            answer = client.rest()
        self.assertEqual((answer.head.all("Transfer-Encoding"), answer.body), ([], data))

    def test_a_server_that_ends_its_answer_by_closing(self):
        data = pattern(100_000)
        front = self.front(self.origin(lambda wire: wire.send(b"HTTP/1.0 200 OK\r\n\r\n" + data)))
        with front.connect() as client:
            for _ in range(2):
                client.send(get())
                self.assertEqual(read_answer(client)[1], data)

    def test_answers_without_a_body(self):
        """RFC 9112 section 6.3: to HEAD, and 204 and 304, whatever their fields say."""
        answers = {"/head": b"HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 12345\r\n\r\n",
                   "/304": b"HTTP/1.1 304 Not Modified\r\nDate: d\r\nETag: \"x\"\r\nContent-Length: 12345\r\n\r\n",
                   "/204": b"HTTP/1.1 204 No Content\r\nDate: d\r\n\r\n"}
        server = Server(self, lambda head, _: answers.get(head.target, ok(b"next").replace(b"HTTP/1.0", b"HTTP/1.1")))
        with self.front(server).connect() as client:
            for path, method in (("/head", "HEAD"), ("/304", "GET"), ("/204", "GET")):
                client.send(get(path, method=method) + get("/next"))
                head, _ = read_answer(client, method)
                self.assertEqual(end_to_end(head), [line for line in answers[path].decode().split("\r\n")[1:] if line])
                self.assertEqual(read_answer(client)[1], b"next")
        self.assertEqual(server.connections, 1)

    def test_continue_comes_from_the_server(self):
        def serve(wire):
            wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            wire.send(ok(wire.read_body()))
        with self.front(self.origin(serve)).connect() as client:
            client.send(get("/", "Expect: 100-continue", "Content-Length: 4", method="PUT"))
            self.assertEqual(client.read_head().status, 100)
            client.send(b"body")
            self.assertEqual(read_answer(client)[1], b"body")

    def test_a_cut_answer_looks_cut(self):
        for start in (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n"):
            front = self.front(self.origin(lambda wire, start=start: wire.send(start)))
            with front.connect() as client:
                client.send(get())
                head = client.read_head()
                rest = client.rest().raw
            self.assertIn(b"some", rest)
            self.assertFalse(rest.endswith(b"0\r\n\r\n"), rest)
            self.assertLess(len(rest), head.length or 100)


class Kept(Reverse):
    def test_connections_are_used_again(self):
        server = Server(self)
        front = self.front(server)
        for number in range(20):
            self.assertEqual(ask(front, f"/{number}")[1], f"/{number}".encode())
        with front.connect() as client:
            for number in range(20):
                client.send(get(f"/{number}"))
                self.assertEqual(read_answer(client)[1], f"/{number}".encode())
        self.assertEqual((server.connections, len(server.requests)), (1, 40))

    def test_clients_of_http10_too(self):
        server = Server(self)
        front = self.front(server)
        for _ in range(3):
            with front.connect() as client:
                client.send(request("/a", "Host: site.test"))
                answer = client.rest()
                self.assertEqual((answer.status, answer.body), (200, b"/a"))

    def test_requests_in_a_row_are_answered_in_order(self):
        server = Server(self)
        paths = [f"/{number}" for number in range(50)]
        with self.front(server).connect() as client:
            client.send(b"".join(get(path) for path in paths))
            self.assertEqual([read_answer(client)[1].decode() for _ in paths], paths)

    def test_a_connection_that_died_idle_is_not_noticed(self):
        """RFC 9112 section 9.3.1: an idempotent request over a used connection that dies may go again."""
        count = []

        def serve(wire):
            count.append(1)
            wire.send(b"HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\nok")
            if len(count) == 1:
                wire.read_head()  # and gone, without an answer
        front = self.front(self.origin(serve))
        for _ in range(2):
            self.assertEqual(ask(front)[1], b"ok")

    def test_a_client_that_leaves_ends_it(self):
        gone = self.gate()

        def serve(wire):
            wire.until_gone()
            gone.open()
        origin = self.origin(serve)
        front = self.front(origin)
        client = front.connect().send(get())
        origin.wait_for(1)
        client.reset()
        gone.wait()


class Upgraded(Reverse):
    def test_websocket(self):
        """RFC 6455 section 4, and bytes both ways from then on."""
        key = base64.b64encode(b"0123456789abcdef").decode()
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()

        def serve(wire):
            wire.send(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode())
            send_back(wire)
        origin = self.origin(serve)
        with self.front(origin).connect() as client:
            client.send(get("/echo", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"))
            head = client.read_head()
            self.assertEqual((head.status, head.all("Sec-WebSocket-Accept"), head.all("Upgrade")), (101, [accept], ["websocket"]))
            for size in (1, 1000, 100_000):
                client.send(pattern(size))
                self.assertEqual(client.read(size), pattern(size))
            client.half_close()
            self.assertEqual(read_rest(client), b"")
        self.assertEqual(origin.heads[0].all("Upgrade"), ["websocket"])
        self.assertEqual(origin.heads[0].all("X-Forwarded-For"), ["127.0.0.1"])

    def test_a_server_that_declines(self):
        with self.front(Server(self)).connect() as client:
            client.send(get("/a", "Upgrade: websocket", "Connection: Upgrade"))
            self.assertEqual(read_answer(client)[1], b"/a")
            client.send(get("/b"))
            self.assertEqual(read_answer(client)[1], b"/b")


class Several(Reverse):
    def servers(self, count):
        return [Server(self, name=f"s{number}") for number in range(count)]

    def asked(self, front, client=None):
        """Which server answers."""
        if client is None:
            return ask(front)[1].decode()[:2]
        client.send(get())
        return read_answer(client)[1].decode()[:2]

    def test_in_turn(self):
        servers = self.servers(3)
        front = self.front(*servers)
        first = [self.asked(front) for _ in range(9)]
        self.assertEqual(sorted(first[:3]), ["s0", "s1", "s2"])
        self.assertEqual(first, first[:3] * 3)
        with front.connect() as client:
            self.assertEqual([self.asked(front, client) for _ in range(9)], first)

    def test_the_next_when_one_refuses(self):
        good = Server(self)
        front = self.front(f"127.0.0.1:{closed_port()}", good, f"127.0.0.1:{closed_port()}")
        for number in range(12):
            body = f"body {number}".encode()
            head, _ = ask(front, "/", f"Content-Length: {len(body)}", method="POST", body=body)
            self.assertEqual((head.status, good.bodies[-1]), (200, body))
        self.assertEqual(len(good.requests), 12)

    def test_one_that_comes_back_is_used_again(self):
        port, good = closed_port(), Server(self)
        front = self.front(f"127.0.0.1:{port}", good)
        self.assertEqual({ask(front)[0].status for _ in range(4)}, {200})
        back = self.origin(port=port)
        wait_until(lambda: ask(front)[0].status == 200 and back.heads, "the server that came back is asked")

    def test_a_request_that_was_sent_is_not_sent_to_another(self):
        """RFC 9110 section 9.2.2: not automatically, unless it is idempotent."""
        broken = [self.origin(lambda wire: None) for _ in range(2)]
        front = self.front(*broken)
        head, body = ask(front, "/", "Content-Length: 1", method="POST", body=b"x")
        self.assert_gateway(head, body, 502)
        self.assertEqual(sum(len(origin.heads) for origin in broken), 1)

    def test_through_a_unix_socket(self):
        def serve(wire):
            while wire.read_head():
                wire.send(b"HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 2\r\n\r\nok")
        path = self.folder / "socket"
        self.enter(UnixServer(path, serve))
        self.assertEqual(ask(self.front(f"unix:{path}"))[1], b"ok")
        head, body = ask(self.front(f"unix:{self.folder}/none"))
        self.assert_gateway(head, body, 502)

    def from_address(self, front, address):
        connection = socket.socket()
        connection.bind((address, 0))
        with RawClient(connection) as client:
            connection.connect(("127.0.0.1", front.port))
            return self.asked(front, client)

    def reverse_by(self, balance, servers):
        return self.configured(at(routes=[{"req_path": "/", "type": "reverse_proxy", "load_balancing": balance,
                                           "upstreams": [server.authority for server in servers]}]))

    @unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
    def test_each_client_stays_with_its_server(self):
        front = self.reverse_by("ip_hash", self.servers(3))
        clients = [f"127.0.0.{number}" for number in range(1, 41)]
        chosen = {client: self.from_address(front, client) for client in clients}
        for client in reversed(clients):
            self.assertEqual(self.from_address(front, client), chosen[client])
        self.assertEqual(set(chosen.values()), {"s0", "s1", "s2"}, "forty clients do not all fall on two of three")

    @unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
    def test_the_server_with_fewest_requests_is_used(self):
        gate, servers = self.gate(), []
        for number in range(3):
            def answer(head, _, number=number):
                if head.target == "/slow":
                    gate.wait()
                return ok(f"s{number}".encode()).replace(b"HTTP/1.0", b"HTTP/1.1")
            servers.append(Server(self, answer))
        front = self.reverse_by("least_conn", servers)
        slow = []
        for count in range(2):
            slow.append(self.client(front.connect()).send(get("/slow")))
            wait_until(lambda count=count: sum(server.connections for server in servers) > count, "the request has come")
        busy = {f"s{number}" for number, server in enumerate(servers) if server.connections}
        self.assertEqual(len(busy), 2)
        self.assertEqual({self.asked(front) for _ in range(10)}, {"s0", "s1", "s2"} - busy)
        gate.open()
        self.assertEqual({read_answer(client)[1].decode() for client in slow}, busy)


class Failing(Reverse):
    def test_nothing_listens(self):
        head, body = ask(self.front(f"127.0.0.1:{closed_port()}"))
        self.assert_gateway(head, body, 502)

    def test_no_such_name(self):
        head, body = ask(self.front("nowhere.invalid:80"))
        self.assertIn(head.status, (502, 504))
        self.assert_gateway(head, body, head.status)

    def test_malformed_responses(self):
        for answer in (b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"):
            head, body = ask(self.front(self.origin(lambda wire, answer=answer: wire.send(answer))))
            self.assert_gateway(head, body, 502)

    def test_no_answer_in_time(self):
        gate = self.gate()
        front = self.front(self.origin(lambda wire: gate.wait()), options=("--answer-timeout", "0.2"))
        head, body = ask(front)
        self.assert_gateway(head, body, 504)

    def test_each_server_that_was_tried_is_named(self):
        closed = [f"127.0.0.1:{closed_port()}" for _ in range(3)]
        front = self.front(*closed)
        head, body = ask(front)
        self.assert_gateway(head, body, 502)
        for server in closed:
            self.assertIn(f"Tried: {server}: Connection refused (ECONNREFUSED)".encode(), body)

    def test_too_many_at_once(self):
        gate = self.gate()
        origin = self.origin(lambda wire: (gate.wait(), wire.send(ok(b"late"))))
        front = self.front(origin, options=("--max-requests", "1"))
        first = self.client(front.connect()).send(get())
        origin.wait_for(1)
        head, body = ask(front)
        self.assert_gateway(head, body, 503)
        gate.open()
        self.assertEqual(read_answer(first)[1], b"late")

    def test_it_comes_back_to_us(self):
        """RFC 9110 section 7.6.3: what our own Via is on goes round in circles."""
        head, body = ask(self.front(Server(self)), "/", "Via: 1.1 proxy")
        self.assert_gateway(head, body, 508)

    def test_what_two_could_read_differently_is_refused(self):
        """RFC 9112 section 6.3 and 3.2."""
        server = Server(self)
        front = self.front(server)
        for fields in (("Content-Length: 1", "Transfer-Encoding: chunked"), ("Content-Length: 1", "Content-Length: 2"), ("Host: another.test",)):
            with front.connect() as client:
                client.send(get("/", *fields, method="POST", body=b"0\r\n\r\n"))
                self.assertEqual(client.read_head().status, 400, fields)
        self.assertEqual(server.requests, [])

    def test_interrupted_with_clients_connected(self):
        gate = self.gate()

        def serve(wire):
            if wire.head.target == "/middle":
                wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsome")
            gate.wait()
        origin = self.origin(serve)
        front = self.front(origin, Server(self), options=("--drain", "0"))
        clients = [self.client(front.connect()) for _ in range(5)]
        clients[0].send(get("/middle"))
        clients[1].send(get("/middle"))
        clients[2].send(b"GET / HT")
        clients[3].send(get("/", "Content-Length: 10", method="PUT", body=b"half"))
        wait_until(lambda: origin.heads, "a request has come")
        self.assertEqual(front.stop(), (0, ""))
        for client in clients:
            client.until_gone()


@unittest.skipUnless(shutil.which("curl"), "curl is not installed")
class Curl(Reverse):
    def test_a_folder_of_a_real_server(self):
        names = [f"{number}.bin" for number in range(20)]
        for number, name in enumerate(names):
            self.put(name, pattern(number * 10_000, number))
        front = self.front(self.enter(PythonServer(self.public)))
        out = self.folder / "out"
        done = subprocess.run(["curl", "-sS", "--noproxy", "*", "--create-dirs", "--output-dir", str(out), "--remote-name-all",
                               *[f"http://127.0.0.1:{front.port}/{name}" for name in names]], capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        for number, name in enumerate(names):
            self.assertEqual((out / name).read_bytes(), pattern(number * 10_000, number))


if __name__ == "__main__":
    unittest.main()
