"""Backpressure: a peer that stops reading stops the sender. The proxy buffers at most a block and loses nothing."""
import hashlib
import threading

from harness import MIB, Case, lean, ok, settled, stream

TOTAL = 128 * MIB  # half of it is more than the buffers of the kernel on the way: tcp_rmem, tcp_wmem in tcp(7)
WINDOW = 16 * 1024


class Source:
    """Sends TOTAL bytes in a thread of its own, counting."""

    def __init__(self, wire, before=b""):
        self.sent, self.hash = 0, hashlib.sha256()
        self._wire, self._before = wire, before
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            self._wire.send(self._before)
            for piece in stream(TOTAL):
                self._wire.send(piece)
                self.sent += len(piece)
                self.hash.update(piece)
        except OSError:
            pass  # broken off: the count tells

    def join(self):
        self._thread.join()


def digest_of(wire, size=None):
    """(count, hash) of what comes, to the end or so many bytes."""
    count, total = 0, hashlib.sha256()
    while (size is None or count < size) and (piece := wire.some()):
        count += len(piece)
        total.update(piece)
    return count, total.hexdigest()


class BackPressure(Case):
    def origin_that_sends(self, sources, head=b"HTTP/1.0 200 OK\r\n\r\n"):
        def serve(wire):
            sources.append(Source(wire, head))
            sources[-1].join()
        return self.origin(serve)

    def test_a_client_that_stops_reading(self):
        sources, proxy = [], self.proxy()
        origin = self.origin_that_sends(sources)
        client = self.client(proxy.ask(origin.url(), window=WINDOW))
        origin.wait_for(1)
        taken = settled(lambda: sources[0].sent if sources else -1)
        self.assertLess(taken, TOTAL // 2, "only the kernel's buffers take what the client does not")
        self.assertEqual(client.read_head().status, 200)
        count, digest = digest_of(client)
        sources[0].join()
        self.assertEqual((count, digest), (TOTAL, sources[0].hash.hexdigest()))

    def test_a_client_that_reads_now_and_then(self):
        sources, proxy = [], self.proxy()
        client = self.client(proxy.ask(self.origin_that_sends(sources).url(), window=WINDOW))
        client.read_head()
        got, count = hashlib.sha256(), 0
        for _ in range(3):
            settled(lambda: sources[0].sent if sources else -1)
            piece = client.read(3 * MIB)
            got.update(piece)
            count += len(piece)
        while piece := client.some():
            got.update(piece)
            count += len(piece)
        self.assertEqual((count, got.hexdigest()), (TOTAL, sources[0].hash.hexdigest()))

    def test_chunks_for_a_client_that_stops_reading(self):
        def serve(wire):
            wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in stream(TOTAL):
                wire.send(b"%x\r\n%s\r\n" % (len(piece), piece))
                sent[0] += len(piece)
                want.update(piece)
            wire.send(b"0\r\n\r\n")

        sent, want = [0], hashlib.sha256()
        client = self.client(self.proxy().ask(self.origin(serve).url(), window=WINDOW))
        self.assertLess(settled(lambda: sent[0]), TOTAL // 2)
        client.read_head()
        self.assertEqual(digest_of(client), (TOTAL, want.hexdigest()))

    def test_an_origin_that_stops_reading(self):
        gate, got = self.gate(), []

        def serve(wire):
            gate.wait()
            got.append(digest_of(wire, TOTAL))
            wire.send(ok(b"taken"))

        client = self.client(self.proxy().ask(self.origin(serve, window=WINDOW).url(), f"Content-Length: {TOTAL}", method="PUT"))
        source = Source(client)
        self.assertLess(settled(lambda: source.sent), TOTAL // 2)
        gate.open()
        source.join()
        self.assertEqual(client.rest().body, b"taken")
        self.assertEqual(got, [(TOTAL, source.hash.hexdigest())])

    def test_a_stalled_client_does_not_delay_others(self):
        sources, proxy = [], self.proxy()
        slow = self.origin_that_sends(sources)
        for _ in range(5):
            self.client(proxy.ask(slow.url(), window=WINDOW))
        slow.wait_for(5)
        other = self.origin()
        for _ in range(20):
            self.assertEqual(proxy.get(other.url()).body, b"hello")

    @lean
    def test_memory_stays_flat(self):
        """A stalled download and a stalled upload hold at most a block each way."""
        gate, sources, proxy = self.gate(), [], self.proxy()
        down = self.origin_that_sends(sources)
        up = self.origin(lambda wire: gate.wait(), window=WINDOW)
        self.assertEqual(proxy.get(self.origin().url()).status, 200)
        before = proxy.status("VmRSS")
        for _ in range(10):
            self.client(proxy.ask(down.url(), window=WINDOW))
        uploads = [Source(self.client(proxy.ask(up.url(), f"Content-Length: {TOTAL}", method="PUT"))) for _ in range(10)]
        down.wait_for(10)
        up.wait_for(10)
        settled(lambda: sum(source.sent for source in (*sources, *uploads)))
        grown = proxy.status("VmHWM") - before
        print(f"20 stalled transfers of {TOTAL // MIB} MiB: {grown} KiB more than at rest", flush=True)
        self.assertLess(grown, 20 * 40)

    @lean
    def test_memory_of_many_slow_readers(self):
        sources, proxy = [], self.proxy()
        origin = self.origin_that_sends(sources)
        proxy.get(self.origin().url())
        before = proxy.status("VmRSS")
        clients = [self.client(proxy.ask(origin.url(), window=4096)) for _ in range(100)]
        for client in clients:
            self.assertEqual(client.read_head().status, 200)
        settled(lambda: sum(source.sent for source in sources))
        self.assertLess(proxy.status("VmHWM") - before, 100 * 40)
