"""Bytes to another server and back, whatever they mean."""
import socket
import struct
import threading
import unittest

from harness import LIGHT, MIB, closed_port, lean, pattern, settled, stream, wait_until
from web import HAS_JSON, InAFolder, Pusher, RawServer, UnixServer, at, digest, read_rest, send_back, settled_memory

TOTAL = (8 if LIGHT else 64) * MIB
V2 = b"\r\n\r\n\0\r\nQUIT\n"  # the signature of version 2, HAProxy's proxy-protocol.txt section 2.2


def pieces_of(wire):
    return iter(wire.some, b"")


class Relay(InAFolder):
    def server(self, serve, **how):
        return self.enter(RawServer(serve, **how))

    def relay(self, *servers, options=()):
        members = ",".join(getattr(server, "authority", server) for server in servers)
        return self.proxy("--relay", f"127.0.0.1:0={members}", *options, port=None)


def has_probe(local, remote):
    """TCP keep-alive probes the peer of the IPv4 connection between these ports: proc(5), a timer of kind 2."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            words = line.split()
            if [int(address.partition(":")[2], 16) for address in words[1:3]] == [local, remote]:
                return words[5].startswith("02:")
    return None


class Probes(Relay):
    def test_both_peers_of_a_tunnel_without_a_timeout(self):
        peers = []

        def serve(wire):
            peers.append(wire.socket.getpeername()[1])
            send_back(wire)
        server = self.server(serve)
        for options, probed in ((("--tunnel-timeout", "0"), True), ((), False)):
            proxy = self.relay(server, options=options)
            with proxy.connect() as client:
                client.send(b"x")
                client.read(1)
                for pair in ((proxy.port, client.socket.getsockname()[1]), (peers[-1], server.port)):
                    wait_until(lambda pair=pair, probed=probed: has_probe(*pair) == probed, f"a connection with probes: {probed}")


class Bytes(Relay):
    def test_back_and_forth(self):
        with self.relay(self.server(send_back)).connect() as client:
            for data in (b"\0", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", pattern(200_000)):
                client.send(data)
                self.assertEqual(client.read(len(data)), data)

    def test_the_server_may_speak_first(self):
        def serve(wire):
            wire.send(b"220 ready\r\n")
            send_back(wire)
        with self.relay(self.server(serve)).connect() as client:
            self.assertEqual(client.read(11), b"220 ready\r\n")
            client.send(b"HELO\r\n")
            self.assertEqual(client.read(6), b"HELO\r\n")

    def test_much_both_ways_at_once(self):
        got = []

        def serve(wire):
            sender = threading.Thread(target=lambda: [wire.send(piece) for piece in stream(TOTAL)])
            sender.start()
            got.append(digest(pieces_of(wire)))
            sender.join()
        with self.relay(self.server(serve)).connect() as client:
            def send():
                for piece in stream(TOTAL):
                    client.send(piece)
                client.half_close()
            sender = threading.Thread(target=send)
            sender.start()
            back = digest(pieces_of(client))
            sender.join()
        wanted = digest(stream(TOTAL))
        self.assertEqual((back, got), (wanted, [wanted]))

    def test_one_byte_at_a_time(self):
        with self.relay(self.server(send_back)).connect() as client:
            client.send_in_pieces(pattern(500), 1)
            self.assertEqual(client.read(500), pattern(500))


class Ends(Relay):
    def test_the_client_closes_its_side_first(self):
        def serve(wire):
            wire.send(b"all of: " + read_rest(wire))
        with self.relay(self.server(serve)).connect() as client:
            client.send(b"what was said")
            client.half_close()
            self.assertEqual(read_rest(client), b"all of: what was said")

    def test_the_server_closes_its_side_first(self):
        got, done = [], self.gate()

        def serve(wire):
            wire.send(b"bye")
            wire.half_close()
            got.append(read_rest(wire))
            done.open()
        with self.relay(self.server(serve)).connect() as client:
            self.assertEqual(read_rest(client), b"bye")
            client.send(b"still here")
            client.half_close()
            done.wait()
        self.assertEqual(got, [b"still here"])

    def test_a_reset_goes_on_as_a_reset(self):
        def serve(wire):
            wire.read(1)
            wire.reset()
        client = self.client(self.relay(self.server(serve)).connect())
        client.send(b"x")
        answer = client.rest()
        self.assertEqual((answer.raw, answer.reset), (b"", True))

    def test_a_client_that_resets_ends_the_server_s_side(self):
        gone, here = self.gate(), self.gate()

        def serve(wire):
            here.open()
            wire.until_gone()
            gone.open()
        client = self.relay(self.server(serve)).connect()
        here.wait()
        client.reset()
        gone.wait()

    def test_a_server_that_is_down(self):
        for server in (f"127.0.0.1:{closed_port()}", "nowhere.invalid:80", f"unix:{self.folder}/none"):
            relay = self.relay(server)
            for _ in range(3):
                with relay.connect() as client:
                    self.assertEqual(client.rest().raw, b"", server)

    def test_nothing_is_kept_of_those_that_ended(self):
        relay = self.relay(self.server(send_back))
        with relay.connect() as client:
            client.send(b"x").read(1)
        before = settled(relay.descriptors)
        for _ in range(50):
            with relay.connect() as client:
                self.assertEqual(client.send(b"x").read(1), b"x")
        wait_until(lambda: relay.descriptors() <= before, "each connection's descriptors are closed")

    def test_interrupted_with_clients_connected(self):
        relay = self.relay(self.server(send_back), options=("--drain", "0"))
        clients = [self.client(relay.connect()) for _ in range(5)]
        for client in clients[:3]:
            self.assertEqual(client.send(b"x").read(1), b"x")
        self.assertEqual(relay.stop(), (0, ""))
        for client in clients:
            client.until_gone()


class Several(Relay):
    def named(self, count):
        def server(number):
            return self.server(lambda wire: (wire.send(b"%d" % number), wire.until_gone()))
        return [server(number) for number in range(count)]

    def test_in_turn(self):
        relay, order = self.relay(*self.named(3)), []
        for _ in range(9):
            with relay.connect() as client:
                order.append(client.read(1))
        self.assertEqual(sorted(order[:3]), [b"0", b"1", b"2"])
        self.assertEqual(order, order[:3] * 3)

    def test_the_next_when_one_refuses(self):
        relay = self.relay(f"127.0.0.1:{closed_port()}", self.server(send_back), f"127.0.0.1:{closed_port()}")
        for _ in range(6):
            with relay.connect() as client:
                client.send(b"sent before it was known")
                self.assertEqual(client.read(24), b"sent before it was known")

    def test_through_a_unix_socket(self):
        path = self.folder / "socket"
        self.enter(UnixServer(path, send_back))
        with self.relay(f"unix:{path}").connect() as client:
            client.send(pattern(MIB))
            self.assertEqual(client.read(MIB), pattern(MIB))
            client.half_close()
            self.assertEqual(read_rest(client), b"")


@unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
class Introduced(Relay):
    """The PROXY protocol: HAProxy's doc/proxy-protocol.txt."""

    def start(self, **stream_keys):
        self.came, self.done = [], self.gate()

        def serve(wire):
            self.came.append(read_rest(wire))
            self.done.open()
        return self.configured(at(stream={"type": "proxy", "upstream": self.server(serve).authority, **stream_keys}))

    def sent_on(self, relay, data):
        with relay.connect() as client:
            ours = client.socket.getsockname()
            client.send(data)
            client.half_close()
            read_rest(client)
        self.done.wait()
        return self.came[0], ours

    def test_version_1_out(self):
        relay = self.start(proxy_protocol_out=1)
        got, (host, port) = self.sent_on(relay, b"hello")
        self.assertEqual(got, f"PROXY TCP4 {host} 127.0.0.1 {port} {relay.port}\r\n".encode() + b"hello")

    def test_version_2_out(self):
        relay = self.start(proxy_protocol_out=2)
        got, (host, port) = self.sent_on(relay, b"hello")
        addresses = socket.inet_aton(host) + socket.inet_aton("127.0.0.1") + struct.pack(">HH", port, relay.port)
        self.assertEqual(got, V2 + b"\x21\x11" + struct.pack(">H", 12) + addresses + b"hello")

    def test_both_versions_in(self):
        addresses = socket.inet_aton("192.0.2.1") + socket.inet_aton("192.0.2.2") + struct.pack(">HH", 1000, 2000)
        for header in (b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 2000\r\n", V2 + b"\x21\x11\x00\x0c" + addresses,
                       V2 + b"\x21\x11\x00\x10" + addresses + b"\x04\x00\x01x"):
            relay = self.start(proxy_protocol_in=True, proxy_protocol_out=1)
            got, _ = self.sent_on(relay, header + b"hello")
            self.assertRegex(got, rb"\APROXY TCP4 192\.0\.2\.1 \S+ 1000 \d+\r\nhello\Z", header)

    def test_out_of_another_family(self):
        """An IPv6 client at a load balancer that connects by IPv4."""
        relay = self.start(proxy_protocol_in=True, proxy_protocol_out=1)
        got, _ = self.sent_on(relay, b"PROXY TCP6 2001:db8::1 2001:db8::2 1000 2000\r\nhello")
        self.assertEqual(got, f"PROXY TCP6 2001:db8::1 ::ffff:127.0.0.1 1000 {relay.port}\r\n".encode() + b"hello")

    def test_in_one_byte_at_a_time(self):
        relay = self.start(proxy_protocol_in=True)
        with relay.connect() as client:
            client.send_in_pieces(b"PROXY TCP6 2001:db8::1 2001:db8::2 1000 2000\r\nhello", 1)
            client.half_close()
            read_rest(client)
        self.done.wait()
        self.assertEqual(self.came, [b"hello"])

    def test_in_before_the_other_streams(self):
        """What comes behind the header in one piece with it is the client's."""
        self.put("a.txt", b"a file")
        header = b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 2000\r\n"
        for stream_keys, back in (({"type": "echo"}, b"hello\nand more"), ({"type": "reverse"}, b"olleh\nerom dna"),
                                  ({"type": "file", "root": str(self.public), "file": "a.txt"}, b"a file")):
            server = self.configured(at(stream={**stream_keys, "proxy_protocol_in": True}))
            with server.connect() as client:
                client.send(header + b"hello\nand more")
                client.half_close()
                self.assertEqual(read_rest(client), back, stream_keys)
            with server.connect() as client:
                client.send(b"hello\nand no header\r\n" * 10)
                self.assertEqual(client.rest().raw, b"", stream_keys)

    def test_in_from_one_that_says_nothing_of_its_client(self):
        for header in (b"PROXY UNKNOWN\r\n", V2 + b"\x20\x00\x00\x00"):
            relay = self.start(proxy_protocol_in=True)
            self.assertEqual(self.sent_on(relay, header + b"hello")[0], b"hello")

    def test_without_the_header_nothing_is_passed_on(self):
        """Section 2: the receiver must not guess whether there is one, and must close."""
        relay = self.start(proxy_protocol_in=True)
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP4 1.2.3.4\r\n", b"PROXY " + b"x" * 200, V2 + b"\x31\x11\x00\x00"):
            with relay.connect() as client:
                client.send(data)
                self.assertEqual(client.rest().raw, b"", data)
        self.assertEqual(self.came, [])


class NeverRead(Relay):
    """The far side reads nothing: the sender is made to wait, nothing is piled up, and others are served."""

    def setUp(self):
        super().setUp()
        self.stuck, self.first = self.gate(), []

    def serve(self, wire):
        if wire.read(1) == b"S":
            self.stuck.wait()
        else:
            send_back(wire)

    @lean
    def test_memory_stays_flat(self):
        relay = self.relay(self.server(self.serve, window=16 * 1024))
        others = self.client(relay.connect())
        others.send(b"E" + pattern(MIB))
        self.assertEqual(others.read(MIB), pattern(MIB))
        before = settled_memory(relay)
        pusher = Pusher(self.client(relay.connect()).send(b"S"), most=4 << 30)
        self.assertLess(pusher.push(), 64 * MIB, "only the kernel's buffers take what is not read")
        for _ in range(20):
            others.send(pattern(100_000))
            self.assertEqual(others.read(100_000), pattern(100_000))
        self.assertLess(abs(settled_memory(relay) - before), 1024, "KiB")
        with relay.connect() as another:
            self.assertEqual(another.send(b"Ex").read(1), b"x")

    def test_it_does_not_spin(self):
        relay = self.relay(self.server(self.serve, window=16 * 1024))
        Pusher(self.client(relay.connect()).send(b"S"), most=1 << 30).push()
        relay.wait_for_rest()

    def test_what_was_held_comes_when_it_is_read(self):
        taken, read = self.gate(), []

        def serve(wire):
            taken.wait()
            read.append(digest(pieces_of(wire)))
        relay = self.relay(self.server(serve, window=16 * 1024))
        with relay.connect() as client:
            def send():
                for piece in stream(TOTAL):
                    client.send(piece)
                client.half_close()
            sender = threading.Thread(target=send)
            sender.start()
            taken.open()
            self.assertEqual(read_rest(client), b"")
            sender.join()
        self.assertEqual(read, [digest(stream(TOTAL))])


if __name__ == "__main__":
    unittest.main()
