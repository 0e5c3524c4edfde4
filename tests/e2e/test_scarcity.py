"""Too few descriptors, slots or buffers: the proxy neither spins nor crashes, and serves again as soon as it can."""
import resource
import socket
import threading

from harness import MIB, Case, native, ok, pattern, request, stream, wait_until

LIMIT = 24  # descriptors the proxy may have; so it has more slots than descriptors


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, LIMIT))


@native
class Descriptors(Case):
    def setUp(self):
        self.via = self.proxy("--max-requests", "16", preexec=few_descriptors)
        self.server, self.free = self.origin(), self.gate()

    def fill(self):
        """Idle clients, until the next one finds no descriptor. (A spare one, to say so with, comes and goes.)"""
        clients = [self.client(self.via.connect()) for _ in range(LIMIT - self.via.descriptors())]
        wait_until(lambda: self.via.descriptors() >= LIMIT - 1, "the descriptors are taken")
        return clients

    def assert_served(self):
        wait_until(lambda: self.via.get(self.server.url()).body == b"hello", "served again")

    def test_fewer_requests_than_asked_for(self):
        for asked in ("100", "10000"):  # the default value too, if it is asked for
            proxy = self.proxy("--max-requests", asked, preexec=few_descriptors)
            self.assertEqual(proxy.stop(), (0, f"proxy: --max-requests {asked} is lowered to 16: the hard limit of open files (ulimit -Hn) is {LIMIT}\n"))
        self.assertEqual(self.proxy(preexec=few_descriptors).stop(), (0, ""))

    def test_with_none_left_a_client_gets_503(self):
        self.fill()
        for _ in range(5):
            answer = self.via.get(self.server.url())
            self.assert_own_answer(answer, 503)
            self.assertIn(b"no free file descriptor", answer.body)
        self.assertEqual(self.server.heads, [])

    def test_with_none_left_it_does_not_spin(self):
        self.fill()
        for _ in range(5):
            self.assertEqual(self.client(self.via.connect()).rest().status, 503)
        self.via.wait_for_rest()

    def test_with_none_left_for_the_origin(self):
        """Each connected client gets a response: the origin's, or a 503 for want of a descriptor."""
        held = self.origin(lambda wire: (self.free.wait(), wire.send(ok(b"held"))))
        clients = self.fill()
        for client in clients:
            client.send(request(held.url()))
        line = self.via.line(" 503 ")
        self.assertTrue(line.endswith(" end=no-descriptor by=proxy error=EMFILE"), line)
        self.free.open()
        for client in clients:
            answer = client.rest()
            if answer.status != 200:
                self.assert_own_answer(answer, 503)

    def test_idle_upstream_connections_make_room_for_clients(self):
        """They take all descriptors; then each client closes the oldest one."""
        page = ok(b"hello").replace(b"HTTP/1.0", b"HTTP/1.1")
        origins = [self.origin(lambda wire: (wire.send(page), wire.until_gone())) for _ in range(LIMIT)]
        with self.via.connect() as client:
            for origin in origins:
                client.send(request(origin.url(), f"Host: {origin.authority}", version="1.1"))
                self.assertEqual(client.read_head().status, 200)
                client.read_body()
        wait_until(lambda: self.via.descriptors() >= LIMIT - 2, "idle connections have the descriptors")
        for client in [self.client(self.via.connect()) for _ in range(4)]:
            self.assertEqual(client.send(request(self.server.url())).rest().body, b"hello")

    def test_served_again_once_one_ends(self):
        clients = self.fill()
        self.assertEqual(self.via.get(self.server.url()).status, 503)
        clients.pop().close()
        clients.pop().close()
        self.assert_served()

    def test_connected_clients_are_still_served(self):
        clients = self.fill()
        clients.pop().close()
        clients.pop().close()  # one for the origin, one for the spare descriptor of the listener
        self.assertEqual(clients[0].send(request(self.server.url())).rest().body, b"hello")

    def test_a_refused_client_that_floods_delays_no_other(self):
        """A client without a descriptor sends without end while another client's request is in flight."""
        stop = threading.Event()
        held = self.origin(lambda wire: (self.free.wait(), wire.send(ok(b"held"))))
        client = self.client(self.via.ask(held.url()))
        held.wait_for(1)
        self.fill()
        floods = [threading.Thread(target=self.flood, args=(stop,), daemon=True) for _ in range(2)]
        for flood in floods:
            flood.start()
        self.free.open()
        try:
            self.assertEqual(client.rest().body, b"held")
        finally:
            stop.set()
            for flood in floods:
                flood.join()

    def flood(self, stop):
        block = pattern(MIB)
        while not stop.is_set():
            with self.via.connect() as client:
                try:
                    while not stop.is_set():
                        client.send(block)
                except OSError:
                    pass  # turned away: knocks again


@native
class Slots(Case):
    """A full table: `--max-requests 1`. Further connections are refused, unless an idle one gives way."""

    def setUp(self):
        self.free = self.gate()
        self.via = self.proxy("--max-requests", "1")
        self.server = self.origin(lambda wire: (self.free.wait(), wire.send(ok(b"served"))))

    def test_it_does_not_spin(self):
        first = self.client(self.via.ask(self.server.url()))
        self.server.wait_for(1)
        for _ in range(20):
            self.client(self.via.connect())  # refused at once
        self.via.wait_for_rest()
        self.free.open()
        self.assertEqual(first.rest().body, b"served")

    def test_silent_clients_give_way(self):
        silent = [self.client(self.via.connect()) for _ in range(20)]
        self.via.wait_for_rest()  # all are accepted
        self.free.open()
        self.assertEqual(self.via.get(self.server.url()).body, b"served")
        self.assertEqual(silent[0].rest().raw, b"")


@native
class FairShares(Case):
    """A greedy client, and another one that has a request."""

    KINDS = {
        "silent": b"",
        "half a head": b"GET http://127.0.0.1/ HTTP/1.1\r\nHo",
        "refused": b"GET / HTTP/1.1\r\n\r\n",
        "an upload that sends nothing": b"PUT http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n",
        "an idle tunnel": b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "no response": b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    }

    def test_a_full_table(self):
        for kind, text in self.KINDS.items():
            with self.subTest(kind):
                gate = self.gate()
                proxy, silent, origin = self.proxy("--max-requests", "20"), self.origin(lambda wire, gate=gate: gate.wait()), self.origin()
                for _ in range(40):
                    client = self.client(proxy.connect())
                    client.send(text % silent.port if b"%d" in text else text)
                for _ in range(5):
                    self.assertEqual(self.served(proxy, origin), 200)
                gate.open()

    def served(self, proxy, origin):
        """The status of a request from another address."""
        with socket.create_connection(("127.0.0.1", proxy.port), source_address=("127.0.0.77", 0)) as client:
            client.sendall(request(origin.url()))
            answer = b""
            while piece := client.recv(65536):
                answer += piece
        return int(answer.split()[1])

    def test_readers_that_read_nothing(self):
        proxy, origin = self.proxy("--buffers", "1"), self.origin()
        endless = self.origin(lambda wire: [wire.send(piece) for piece in (b"HTTP/1.0 200 OK\r\n\r\n", *stream(4 * MIB))])
        for _ in range(70):
            self.client(proxy.ask(endless.url(), window=2048))
        endless.wait_for(64)
        for _ in range(5):
            self.assertEqual(self.served(proxy, origin), 200)


class Buffers(Case):
    """Many connections share one MiB of buffers."""

    def test_many_half_heads(self):
        """The oldest give way to the good ones, with an answer that says why."""
        proxy, origin = self.proxy("--buffers", "1"), self.origin()
        halves = [self.client(proxy.connect().send(b"GET http://127")) for _ in range(200)]
        for _ in range(20):
            self.assertEqual(proxy.get(origin.url()).body, b"hello")
        self.assert_own_answer(halves[0].rest(), 408)
        self.assertTrue(proxy.line(" 408 ").endswith(" end=no-buffer by=proxy"))

    def test_many_slow_readers(self):
        proxy = self.proxy("--buffers", "1")
        bodies = self.origin(lambda wire: [wire.send(piece) for piece in (b"HTTP/1.0 200 OK\r\n\r\n", *stream(2 * MIB))])
        slow = [self.client(proxy.ask(bodies.url(), window=4096)) for _ in range(40)]
        for client in slow:
            self.assertEqual(client.read_head().status, 200)
        other = self.origin()
        for _ in range(20):
            self.assertEqual(proxy.get(other.url()).body, b"hello")
        want = b"".join(stream(2 * MIB))
        for client in slow:
            self.assertEqual(client.rest().raw, want)

    def test_more_slow_readers_than_buffers(self):
        """Each in its turn: once the ones before have what is theirs, all are served, whole."""
        proxy = self.proxy("--buffers", "1")
        bodies = self.origin(lambda wire: [wire.send(piece) for piece in (b"HTTP/1.0 200 OK\r\n\r\n", *stream(MIB))])
        slow = [self.client(proxy.ask(bodies.url(), window=4096)) for _ in range(150)]
        want, answers = b"".join(stream(MIB)), []

        def read(client):
            client.read_head()
            answers.append(client.rest().raw == want)

        readers = [threading.Thread(target=read, args=(client,)) for client in slow]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        self.assertEqual(answers, [True] * len(slow))

    def test_slow_readers_and_half_heads_and_uploads(self):
        proxy = self.proxy("--buffers", "1", "--linger-timeout", "0.5")
        gate, data = self.gate(), pattern(300_000)
        origin = self.origin(lambda wire: (gate.wait(), wire.send(ok(wire.read_body()))))
        halves = [self.client(proxy.connect().send(b"GET ")) for _ in range(100)]
        uploads = [self.client(proxy.ask(origin.url(), f"Content-Length: {len(data)}", method="PUT")) for _ in range(30)]
        senders = [threading.Thread(target=upload.send, args=(data,)) for upload in uploads]
        for sender in senders:
            sender.start()
        gate.open()
        for sender in senders:
            sender.join()
        for upload in uploads:
            self.assertEqual(upload.rest().body, data)
        for half in halves:
            half.close()

    @native
    def test_it_does_not_spin(self):
        proxy = self.proxy("--buffers", "1")
        bodies = self.origin(lambda wire: [wire.send(piece) for piece in (b"HTTP/1.0 200 OK\r\n\r\n", *stream(MIB))])
        for _ in range(150):
            self.client(proxy.ask(bodies.url(), window=4096))
        bodies.wait_for(1)
        proxy.wait_for_rest()


@native
class AtRest(Case):
    def check(self, proxy):
        proxy.wait_for_rest(cpu=0.02, wakes=5)

    def test_without_clients(self):
        self.check(self.proxy())

    def test_clients_that_say_nothing(self):
        """And requests that are held in each way."""
        gate, proxy = self.gate(), self.proxy("--access-log", "off")

        def serve(wire):
            if wire.head.target == "/middle":
                wire.send(b"HTTP/1.0 200 OK\r\n\r\nsome")
            gate.wait()

        origin = self.origin(serve)
        for _ in range(50):
            self.client(proxy.connect())
            self.client(proxy.connect().send(b"GET "))
        for target in ("/wait", "/middle"):
            self.client(proxy.ask(origin.url(target)))
            self.client(proxy.ask(origin.url(target), "Content-Length: 9", method="PUT", body=b"half"))
            half_closed = self.client(proxy.ask(origin.url(target)))
            half_closed.half_close()
        origin.wait_for(6)
        self.check(proxy)

    def test_after_a_storm(self):
        proxy, origin = self.proxy("--access-log", "off"), self.origin()
        for _ in range(200):
            self.assertEqual(proxy.get(origin.url()).body, b"hello")
        self.check(proxy)
