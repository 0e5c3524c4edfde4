"""Many clients, one after the other and at once: all are served, and nothing is left behind."""
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import threading

from harness import Case, allow_descriptors, heavy, lean, native, ok, pattern, request, wait_until


class QuickOrigin:
    """`quick_origin.py` as a process, so that it does not share an interpreter with the clients."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, str(pathlib.Path(__file__).with_name("quick_origin.py"))],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}/"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Rounds:
    """Asks again and again, from several threads; keeps the answers that are not as expected."""

    def __init__(self, proxy, data, expected, threads=4):
        self.proxy, self.data, self.expected, self.threads = proxy, data, expected, threads
        self.wrong = []

    def run(self, count):
        def ask():
            for _ in range(count // self.threads):
                with self.proxy.connect() as client:
                    answer = client.send(self.data).rest()
                if answer.reset or answer.body != self.expected:
                    self.wrong.append(answer.raw)

        threads = [threading.Thread(target=ask) for _ in range(self.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


class OneAfterTheOther(Case):
    @heavy
    @lean
    def test_fifty_thousand_requests_leave_nothing_behind(self):
        proxy, origin = self.proxy("--access-log", "off"), self.enter(QuickOrigin())
        at_first = proxy.descriptors()
        rounds = Rounds(proxy, request(origin.url), b"hello")
        rounds.run(1000)
        wait_until(lambda: proxy.descriptors() == at_first, "the first ones are over")
        memory = proxy.status("VmRSS")
        rounds.run(50_000)
        wait_until(lambda: proxy.descriptors() == at_first, "descriptors are as before")
        after = proxy.status("VmRSS")
        print(f"50,000 requests: {memory} KiB before, {after} KiB after; {at_first} descriptors before and after", flush=True)
        self.assertEqual(rounds.wrong, [])
        self.assertLessEqual(after, memory + 256)

    @native
    def test_failures_leave_nothing_behind(self):
        """Each way to fail, many times."""
        proxy = self.proxy("--access-log", "off")
        origin = self.origin(lambda wire: wire.reset())
        at_first = proxy.descriptors()
        for _ in range(100):
            with proxy.connect() as client:
                client.send(b"nonsense\r\n\r\n").rest()
            self.assertEqual(proxy.get("http://127.0.0.1:2/").status, 502)
            self.assertEqual(proxy.get(origin.url()).status, 502)
            proxy.ask(origin.url()).reset()
            proxy.connect().send(b"GET ").close()
        wait_until(lambda: proxy.descriptors() == at_first, "descriptors are as before")


class AtOnce(Case):
    def setUp(self):
        allow_descriptors(6000)

    @heavy
    @lean
    def test_two_thousand_silent_clients(self):
        proxy, origin = self.proxy(), self.origin()
        memory, before = proxy.status("VmRSS"), proxy.descriptors()
        with contextlib.ExitStack() as silent:
            clients = [silent.enter_context(proxy.connect()) for _ in range(2000)]
            wait_until(lambda: proxy.descriptors() == before + 2000, "all are connected")
            print(f"2,000 silent clients: {proxy.status('VmRSS') - memory} KiB", flush=True)
            self.assertEqual(proxy.get(origin.url()).body, b"hello")
            wait_until(lambda: proxy.descriptors() == before + 2000, "none was dropped")
            for client in (clients[0], clients[999], clients[-1]):
                self.assertEqual(client.send(request(origin.url())).rest().body, b"hello")
        wait_until(lambda: proxy.descriptors() == before, "all descriptors have come back")

    @heavy
    @lean
    def test_two_thousand_half_heads(self):
        proxy, origin = self.proxy(), self.origin()
        memory, before = proxy.status("VmRSS"), proxy.descriptors()
        with contextlib.ExitStack() as halves:
            data = request(origin.url())
            clients = [halves.enter_context(proxy.connect().send(data[:20])) for _ in range(2000)]
            wait_until(lambda: proxy.descriptors() == before + 2000, "all are connected")
            print(f"2,000 half heads: {proxy.status('VmRSS') - memory} KiB", flush=True)
            self.assertEqual(proxy.get(origin.url()).body, b"hello")
            for client in clients[::100]:
                self.assertEqual(client.send(data[20:]).rest().body, b"hello")
        wait_until(lambda: proxy.descriptors() == before, "all descriptors have come back")

    def test_three_hundred_held_at_once(self):
        """None is mixed up with another."""
        gate, count = self.gate(), 300
        proxy = self.proxy("--access-log", "off")
        origin = self.origin(lambda wire: (gate.wait(), wire.send(ok(wire.head.target.encode() + wire.read_body()))))
        clients = []
        for number in range(count):
            body = pattern(number * 40, salt=number)
            clients.append(self.client(proxy.ask(origin.url(f"/{number}"), f"Content-Length: {len(body)}", method="PUT", body=body)))
        origin.wait_for(count)
        gate.open()
        for number, client in enumerate(clients):
            self.assertEqual(client.rest().body, f"/{number}".encode() + pattern(number * 40, salt=number))

    def test_a_burst_of_connections(self):
        """All of them before the proxy has accepted the first: one event for many."""
        proxy, origin = self.proxy("--access-log", "off"), self.origin()
        os.kill(proxy.pid, signal.SIGSTOP)
        try:
            clients = [self.client(proxy.ask(origin.url())) for _ in range(600)]
        finally:
            os.kill(proxy.pid, signal.SIGCONT)
        for client in clients:
            self.assertEqual(client.rest().body, b"hello")

    def test_clients_that_were_gone_before_they_were_accepted(self):
        proxy, origin = self.proxy("--access-log", "off"), self.origin()
        before = proxy.descriptors()
        os.kill(proxy.pid, signal.SIGSTOP)
        try:
            for number in range(100):
                client = proxy.ask(origin.url())
                if number % 2:
                    client.reset()
                else:
                    client.close()
        finally:
            os.kill(proxy.pid, signal.SIGCONT)
        self.assertEqual(proxy.get(origin.url()).body, b"hello")
        wait_until(lambda: proxy.descriptors() == before, "all descriptors have come back")
