"""SIGTERM lets what is under way end, and nothing else; a second signal does not wait."""
import signal
import socket

from harness import Case, Wire, ok, pattern, request

BODY = pattern(3 << 20)


def slowly(gate):
    """An origin that sends the second half of a large answer when the gate is open, and small ones at once."""
    def serve(wire):
        if wire.head.target == "/small":
            return wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        answer = ok(BODY)
        wire.send(answer[:len(answer) // 2])
        gate.wait()
        return wire.send(answer[len(answer) // 2:])
    return serve


class Drain(Case):
    def under_way(self, *options):
        """(proxy, gate, client): a download has begun and is not through; the signal has come and was heeded."""
        gate, proxy = self.gate(), self.proxy(*options)
        client = self.client(proxy.ask(self.origin(slowly(gate)).url("/large"), "Host: o", version="1.1"))
        self.assertEqual(client.read_head().status, 200)
        proxy.process.send_signal(signal.SIGTERM)
        proxy.line("draining: 1 request in flight, at most ")
        return proxy, gate, client

    def refused(self, proxy):
        with self.assertRaises(ConnectionRefusedError):
            proxy.connect()

    def test_a_download_is_finished_and_new_clients_are_refused(self):
        proxy, gate, client = self.under_way()
        self.refused(proxy)
        gate.open()
        self.assertEqual(client.read_body(), BODY)
        client.close()
        self.assertEqual(proxy.ended(), (0, ""))
        self.assertIn(" end=complete ", proxy.lines[-1])

    def test_a_second_signal_ends_it(self):
        for second in (signal.SIGTERM, signal.SIGINT):
            proxy, _, client = self.under_way()
            self.assertEqual(proxy.stop(second), (0, ""))
            self.assertLess(len(client.rest().raw), len(BODY))

    def test_at_the_latest_when_its_time_is_over(self):
        proxy, _, client = self.under_way("--drain", "0.2")
        self.assertEqual(proxy.ended(), (0, ""))
        self.assertLess(len(client.rest().raw), len(BODY))
        self.assertIn(" end=shutdown by=proxy", proxy.lines[-1])

    def test_idle_connections_are_closed_at_once(self):
        """While a download goes on; so it is not the program's end that closes them."""
        gate, proxy = self.gate(), self.proxy()
        origin = self.origin(slowly(gate))
        silent, kept = self.client(proxy.connect()), self.client(proxy.connect())
        self.assertEqual(kept.send(request(origin.url("/small"), "Host: o", version="1.1")).read_head().all("Connection"), [])
        self.assertEqual(kept.read_body(), b"hello")
        client = self.client(proxy.ask(origin.url("/large"), "Host: o", version="1.1"))
        client.read_head()
        proxy.process.send_signal(signal.SIGTERM)
        self.assertEqual((silent.some(), kept.some()), (b"", b""))
        gate.open()
        self.assertEqual(client.read_body(), BODY)

    def test_half_a_request_may_be_completed_and_is_the_last(self):
        proxy, origin = self.proxy(), self.origin()
        whole = request(origin.url(), "Host: o", version="1.1")
        client = self.client(proxy.connect().send(whole[:9]))
        self.get_through(proxy, origin)
        proxy.process.send_signal(signal.SIGTERM)
        proxy.line("draining: 1 request in flight")
        answer = client.send(whole[9:]).rest()
        self.assertEqual((answer.status, answer.body, answer.reset), (200, b"hello", False))
        self.assertEqual(answer.head.all("Connection"), ["close"])

    def get_through(self, proxy, origin):
        """What was sent to the proxy before has been read."""
        self.assertEqual(proxy.get(origin.url()).status, 200)

    def test_a_tunnel_goes_on(self):
        proxy, listener = self.proxy("--connect-ports", "1-65535"), self.enter(socket.create_server(("127.0.0.1", 0)))
        port = listener.getsockname()[1]
        client = self.client(proxy.connect().send(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: x:1\r\n\r\n".encode()))
        self.assertEqual(client.read_head().status, 200)
        with Wire(listener.accept()[0]) as host:
            proxy.process.send_signal(signal.SIGTERM)
            proxy.line("draining: 1 request in flight")
            client.send(b"ping")
            self.assertEqual(host.read(4), b"ping")
            host.send(b"pong")
        self.assertEqual(client.read(5), b"pong")
        client.close()
        self.assertEqual(proxy.ended(), (0, ""))
