"""TCP echo: the bytes received, each line reversed, or a file."""
import os
import threading
import unittest

from harness import LIGHT, MIB, Case, lean, pattern, stream, wait_until
from web import HAS_JSON, InAFolder, Pusher, at, digest, read_rest, settled_memory

TOTAL = (8 if LIGHT else 64) * MIB
BLOCK = 16 * 1024


class Echo(Case):
    def start(self, *options):
        return self.proxy("--echo", "127.0.0.1:0", *options, port=None)

    def test_byte_exact(self):
        with self.start().connect() as client:
            for data in (b"\0", b"hello\r\n", b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)), pattern(BLOCK - 1), pattern(BLOCK), pattern(BLOCK + 1)):
                client.send(data)
                self.assertEqual(client.read(len(data)), data)

    def test_one_connection_too_many_is_closed(self):
        program = self.start("--max-requests", "1")
        with program.connect() as first:
            self.assertEqual(first.send(b"x").read(1), b"x")
            for _ in range(20):
                with program.connect() as other:
                    self.assertEqual(other.rest().raw, b"")
            self.assertEqual(first.send(b"y").read(1), b"y")
            self.assertIn(" end=max-requests-reached ", program.line("max-requests-reached"))
        wait_until(lambda: self.echoes(program), "served again")

    @staticmethod
    def echoes(program):
        with program.connect() as client:
            try:
                return client.send(b"x").some() == b"x"
            except OSError:
                return False

    def test_much(self):
        with self.start().connect() as client:
            def send():
                for piece in stream(TOTAL):
                    client.send(piece)
                client.half_close()
            sender = threading.Thread(target=send)
            sender.start()
            self.assertEqual(digest(iter(client.some, b"")), digest(stream(TOTAL)))
            sender.join()

    def test_all_comes_back_after_the_sender_has_closed_its_side(self):
        for size in (0, 1, 100_000):
            with self.start().connect() as client:
                client.send(pattern(size))
                client.half_close()
                self.assertEqual(read_rest(client), pattern(size))

    def test_many_at_once(self):
        server = self.start()
        clients = [self.client(server.connect()) for _ in range(200)]
        for number, client in enumerate(clients):
            client.send(pattern(5000, number))
        for number, client in reversed(list(enumerate(clients))):
            self.assertEqual(client.read(5000), pattern(5000, number))

    def test_on_several_ports(self):
        server = self.proxy(*["--echo", "127.0.0.1:0"] * 4, port=None)
        self.assertEqual(len(set(server.ports)), 4)
        for port in server.ports:
            with server.connect(port=port) as client:
                self.assertEqual(client.send(b"x%d" % port).read(len(str(port)) + 1), b"x%d" % port)

    @lean
    def test_a_client_that_never_reads_fills_no_memory_and_delays_no_other(self):
        server = self.start()
        other = self.client(server.connect())
        self.assertEqual(other.send(pattern(MIB // 2)).read(MIB // 2), pattern(MIB // 2))
        before = settled_memory(server)
        pushers = [Pusher(self.client(server.connect(window=BLOCK))) for _ in range(3)]
        for pusher in pushers:
            self.assertLess(pusher.push(), 64 * MIB)
            self.assertEqual(other.send(pattern(100_000)).read(100_000), pattern(100_000))
        self.assertLess(abs(settled_memory(server) - before), 1024, "KiB")

    def test_clients_that_reset_leave_nothing_behind(self):
        server = self.start()
        with server.connect() as client:
            client.send(b"x").read(1)
        for _ in range(20):
            client = server.connect()
            client.send(pattern(MIB // 4))
            client.reset()
        with server.connect() as client:
            self.assertEqual(client.send(b"x").read(1), b"x")

    def test_interrupted_with_clients_connected(self):
        server = self.start("--drain", "0")
        clients = [self.client(server.connect(window=BLOCK)) for _ in range(4)]
        self.assertEqual(clients[0].send(b"x").read(1), b"x")
        Pusher(clients[1]).push()
        clients[2].half_close()
        self.assertEqual(server.stop(), (0, ""))
        clients[1].socket.setblocking(True)
        for client in clients:
            client.until_gone()


@unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
class Lines(InAFolder):
    def start(self, **keys):
        return self.configured(at(stream={"type": "reverse"}), **keys)

    def back(self, data):
        """All that comes back of what is all that was sent."""
        with self.start().connect() as client:
            client.send(data)
            client.half_close()
            return read_rest(client)

    def test_each_line_from_its_end(self):
        with self.start().connect() as client:
            for line in (b"hello\n", b"\n", b"a\n", b"ab\n", b"\0\xff\x80x\n", b"a\rb\n", b"with blanks  \n", b"x" * 1000 + b"y\n"):
                client.send(line)
                self.assertEqual(client.read(len(line)), line[:-1][::-1] + b"\n")

    def test_an_end_of_cr_and_lf_stays_at_the_end(self):
        self.assertEqual(self.back(b"hello\r\n\r\nab\r\n"), b"olleh\r\n\r\nba\r\n")

    def test_a_last_line_without_its_end(self):
        self.assertEqual(self.back(b"one\ntwo"), b"eno\nowt")

    def test_several_in_one_piece(self):
        self.assertEqual(self.back(b"one\ntwo\n\nthree\n"), b"eno\nowt\n\neerht\n")

    def test_what_is_not_a_whole_line_waits(self):
        with self.start().connect() as client:
            client.send(b"begun")
            client.send_in_pieces(b" and ended\nnext", 1)
            self.assertEqual(client.read(16), b"dedne dna nugeb\n")
            client.send(b"\n")
            self.assertEqual(client.read(5), b"txen\n")

    def test_lines_of_every_length_in_a_row(self):
        lines = [pattern(length).replace(b"\n", b"x").replace(b"\r", b"y") for length in [*range(300), 4095, 4096, 8191, BLOCK - 1, BLOCK - 1, 1, BLOCK - 1]]
        self.assertEqual(self.back(b"".join(line + b"\n" for line in lines)), b"".join(line[::-1] + b"\n" for line in lines))

    def test_much(self):
        line = pattern(9999).replace(b"\n", b"x").replace(b"\r", b"y")
        count = (4 if LIGHT else 32) * MIB // 10_000
        with self.start().connect() as client:
            sender = threading.Thread(target=lambda: (client.send((line + b"\n") * count), client.half_close()))
            sender.start()
            self.assertEqual(digest(iter(client.some, b"")), digest([(line[::-1] + b"\n") * count]))
            sender.join()

    def test_a_line_that_is_too_long_ends_it(self):
        """What was whole is answered before."""
        with self.start().connect() as client:
            client.send(b"one\ntwo\n" + b"x" * (BLOCK + 1000) + b"\nthree\n")
            self.assertEqual(client.rest().raw, b"eno\nowt\n")
        with self.start().connect() as client:
            client.send(b"x" * (4 * BLOCK))
            self.assertEqual(client.rest().raw, b"")
        with self.start().connect(window=BLOCK) as client:  # what is not read yet is not lost
            client.send((b"x" * 999 + b"\n") * 200 + b"x" * (4 * BLOCK))
            answer = client.rest()
            self.assertEqual((answer.raw, answer.reset), ((b"x" * 999 + b"\n") * 200, False))

    @lean
    def test_a_client_that_never_reads_fills_no_memory_and_delays_no_other(self):
        server = self.start()
        other = self.client(server.connect())
        self.assertEqual(other.send(b"x" * 10_000 + b"\n").read(10_001), b"x" * 10_000 + b"\n")
        before = settled_memory(server)
        pusher = Pusher(self.client(server.connect(window=BLOCK)))
        pusher.set_piece(b"a line\n" * 10_000)
        self.assertLess(pusher.push(), 64 * MIB)
        for _ in range(20):
            self.assertEqual(other.send(b"ab\n").read(3), b"ba\n")
        self.assertLess(abs(settled_memory(server) - before), 1024, "KiB")

    def test_interrupted_with_clients_connected(self):
        server = self.start(drain=0)
        clients = [self.client(server.connect()) for _ in range(3)]
        self.assertEqual(clients[0].send(b"ab\n").read(3), b"ba\n")
        clients[1].send(b"not whole")
        self.assertEqual(server.stop(), (0, ""))
        for client in clients:
            client.until_gone()


@unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
class SentFile(InAFolder):
    def start(self, file, **keys):
        return self.configured(at(stream={"type": "file", "root": str(self.public), "file": file}), **keys)

    def test_the_file_and_the_end(self):
        for size in (0, 1, BLOCK, 100_000, 8 * MIB):
            self.put("a.bin", pattern(size))
            server = self.start("a.bin")
            for _ in range(3):
                with server.connect() as client:
                    answer = client.rest()
                    self.assertEqual((answer.raw, answer.reset), (pattern(size), False), size)

    def test_whatever_is_sent(self):
        self.put("a.bin", pattern(MIB))
        server = self.start("a.bin")
        with server.connect() as client:
            client.send(b"GET / HTTP/1.1\r\n\r\n")
            self.assertEqual(client.read(MIB), pattern(MIB))

    def test_a_slow_reader_delays_no_other(self):
        self.put("a.bin", pattern(16 * MIB))
        server = self.start("a.bin")
        stuck = self.client(server.connect(window=BLOCK))
        with server.connect() as client:
            self.assertEqual(client.rest().raw, pattern(16 * MIB))
        self.assertEqual(stuck.rest().raw, pattern(16 * MIB))

    def test_an_unreadable_file_sends_no_byte(self):
        (self.folder / "secret").write_bytes(b"secret")
        (self.public / "link").symlink_to("../secret")
        self.put("closed", b"closed").chmod(0o600)
        os.mkfifo(self.public / "fifo", 0o644)
        for name in ("none", "folder", "link", "closed", "fifo"):
            if name in ("none", "folder"):
                self.put(name, b"present at the start")
            server = self.start(name)
            if name in ("none", "folder"):
                (self.public / name).unlink()
            if name == "folder":
                (self.public / name).mkdir()
            with server.connect() as client:
                self.assertEqual(client.rest().raw, b"", name)

    def test_interrupted_with_clients_connected(self):
        self.put("a.bin", pattern(64 * MIB))
        server = self.start("a.bin", drain=0)
        clients = [self.client(server.connect(window=BLOCK)) for _ in range(3)]
        self.assertTrue(clients[0].some())
        self.assertEqual(server.stop(), (0, ""))
        for client in clients:
            client.until_gone()


if __name__ == "__main__":
    unittest.main()
