"""Many, slow and hostile ones; and what it costs to wait."""
import fcntl
import os
import re
import resource
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from harness import Answer, Origin, Proxy, heavy, native, ok, pattern, read_head, wait_until


class Many(unittest.TestCase):
    @heavy
    @native
    def test_fifty_thousand_requests_leave_nothing_behind(self):
        with Proxy("--access-log", "off") as proxy, Origin(lambda c, *_: c.sendall(ok(b"hello"))) as origin:
            request = f"GET {origin.url()} HTTP/1.0\r\n\r\n".encode()
            failures = []

            def ask(count):
                for _ in range(count):
                    with proxy.ask(request) as client:
                        if Answer(client).body != b"hello":
                            failures.append(1)

            def run(count):
                threads = [threading.Thread(target=ask, args=(count // 8,)) for _ in range(8)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()

            run(2000)
            wait_until(lambda: proxy.descriptors() < 20, "the first ones are over")
            descriptors, memory = proxy.descriptors(), proxy.memory_kib()
            run(50_000)
            wait_until(lambda: proxy.descriptors() == descriptors, "descriptors are as before")
            after = proxy.memory_kib()
        print(f"50,000 requests: {memory} KiB before, {after} KiB after, {descriptors} descriptors", flush=True)
        self.assertEqual(failures, [])
        self.assertLessEqual(after, memory + 256)

    @heavy
    @native
    def test_two_thousand_silent_clients(self):
        with Proxy() as proxy, Origin() as origin:
            before = proxy.memory_kib()
            base = proxy.descriptors()
            silent = [proxy.connect() for _ in range(2000)]
            wait_until(lambda: proxy.descriptors() == base + 2000, "all are connected")
            print(f"2,000 silent clients: {proxy.memory_kib() - before} KiB", flush=True)
            self.assertEqual(proxy.get(origin.url()).body, b"hello")
            self.assertEqual(proxy.descriptors(), base + 2000)
            for client in silent:
                client.close()
            wait_until(lambda: proxy.descriptors() == base, "all are gone")

    def test_a_hundred_and_twenty_at_once(self):
        free = threading.Event()

        def serve(connection, head, _):
            free.wait(60)
            connection.sendall(ok(head.split(b" ")[1]))

        with Proxy() as proxy, Origin(serve) as origin:
            clients = [proxy.ask(f"GET {origin.url(f'/{i}')} HTTP/1.0\r\n\r\n".encode()) for i in range(120)]
            origin.wait_for(120)
            free.set()
            for number, client in enumerate(clients):
                with client:
                    self.assertEqual(Answer(client).body, f"/{number}".encode())


class Scarce(unittest.TestCase):
    @native
    def test_descriptors(self):
        """With no descriptor left it does not spin, says so, and serves again as soon as there is one."""
        limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))  # noqa: E731
        with Proxy("--max-requests", "100", preexec=limit) as proxy, Origin() as origin:
            clients = [proxy.connect() for _ in range(30)]
            turned_away = Answer(clients[-1])
            self.assertEqual(turned_away.status, 503)
            self.assertIn(b"no file descriptor left", turned_away.body)
            began = proxy.cpu_seconds()
            time.sleep(1)  # how much it computes can only be seen over a while
            self.assertLess(proxy.cpu_seconds() - began, 0.2)
            for client in clients:
                client.close()
            wait_until(lambda: proxy.get(origin.url()).status == 200, "served again")

    @native
    def test_slots(self):
        """A full table does not spin either, and whoever waits in the backlog is served as soon as one ends."""
        with Proxy("--max-requests", "1") as proxy, Origin() as origin:
            clients = [proxy.connect() for _ in range(12)]
            began = proxy.cpu_seconds()
            time.sleep(1)  # as above
            self.assertLess(proxy.cpu_seconds() - began, 0.2)
            for client in clients[:-1]:
                client.close()
            clients[-1].sendall(f"GET {origin.url()} HTTP/1.0\r\n\r\n".encode())
            self.assertIn(Answer(clients[-1]).status, (200, 503))
            clients[-1].close()
            wait_until(lambda: proxy.get(origin.url()).status == 200, "served again")

    def test_buffers(self):
        """A MiB of buffers, and more that would each like one: the good ones are served."""
        with Proxy("--buffers", "1", "--linger-timeout", "0.2") as proxy, Origin() as origin:
            halves = [proxy.ask(b"GET http://127") for _ in range(100)]
            for _ in range(10):
                self.assertEqual(proxy.get(origin.url()).body, b"hello")
            for half in halves:
                half.close()

    @native
    def test_idle_costs_nothing(self):
        with Proxy() as proxy:
            clients = [proxy.connect() for _ in range(5)]
            proxy.get("http://127.0.0.1:1/")
            proxy.line("127.0.0.1:1")
            began = proxy.cpu_seconds()
            time.sleep(1)  # as above
            self.assertLessEqual(proxy.cpu_seconds() - began, 0.02)
            for client in clients:
                client.close()

    @native
    def test_memory_under_slow_readers(self):
        body = pattern(4 << 20)

        def serve(connection, *_):
            connection.sendall(ok(body))

        with Proxy() as proxy, Origin(serve) as origin:
            request = f"GET {origin.url()} HTTP/1.0\r\n\r\n".encode()
            before = proxy.memory_kib()
            clients = [proxy.ask(request, window=4096) for _ in range(50)]
            for client in clients:
                self.assertIn(b"200", read_head(client)[0])
            # A record, at most one block each way, and what the pool keeps.
            self.assertLess(proxy.memory_kib() - before, 50 * 40)
            for client in clients:
                client.close()


class Logs(unittest.TestCase):
    def test_a_line_tells_what_happened(self):
        with Proxy() as proxy, Origin() as origin:
            with proxy.ask(f"GET {origin.url('/a?b')} HTTP/1.0\r\n\r\n".encode()) as client:
                raw = Answer(client).raw
            line = proxy.line(origin.url("/a?b"))
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z 127\.0\.0\.1:\d+ #1 GET " + re.escape(origin.url("/a?b")) +
                             rf" 200 up={len(origin.heads[0])} down={len(raw)} READ_REQUEST=\d+ms SEND_REQUEST=\d+ms "
                             r"READ_RESPONSE=\d+ms SEND_RESPONSE=\d+ms end=complete by=upstream$")

    def test_verbose_tells_each_state(self):
        with Proxy("-v", "--access-log", "off") as proxy, Origin() as origin:
            proxy.get(origin.url())
            proxy.line("SEND_RESPONSE -> FREE: complete")
            told = "\n".join(proxy.lines)
        at = -1
        for step in ("accepted", "FREE -> READ_REQUEST", "READ_REQUEST -> SEND_REQUEST", "SEND_REQUEST connects",
                     "SEND_REQUEST -> READ_RESPONSE", "waits for the head of the answer", "READ_RESPONSE -> SEND_RESPONSE", "-> FREE"):
            self.assertGreater(told.find(step, at + 1), at, step + " in:\n" + told)
            at = told.find(step, at + 1)
        self.assertNotIn(origin.url(), told)

    def test_off_is_off(self):
        with Proxy("--access-log", "off") as proxy, Origin() as origin:
            proxy.get(origin.url())
            proxy.stop()
            self.assertEqual(proxy.lines, [])

    def test_a_reader_that_does_not_read_holds_nothing_up(self):
        with Proxy(log=False) as proxy, Origin() as origin:
            # As small as a pipe can be, so that a few lines fill it; and more lines than the proxy itself keeps.
            fcntl.fcntl(proxy.process.stdout, 1031, 4096)  # F_SETPIPE_SZ
            for _ in range(1000):
                self.assertEqual(proxy.get("http://127.0.0.1:1/" + "long" * 75).status, 502)
            self.assertEqual(proxy.get(origin.url()).status, 200)
            proxy.reader.start()
            proxy.line("lines were dropped here")

    def test_a_full_disk(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with Proxy("--access-log", "/dev/full") as proxy, Origin() as origin:
            for _ in range(50):
                self.assertEqual(proxy.get(origin.url()).status, 200)

    def test_standard_output_stays_blocking_for_others(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "pipe")
            os.mkfifo(path)
            reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            writer = os.open(path, os.O_WRONLY)
            with Proxy(stdout=writer) as proxy:
                wait_until(lambda: select_readable(reader), "the announcement")
                self.assertEqual(fcntl.fcntl(writer, fcntl.F_GETFL) & os.O_NONBLOCK, 0)
                self.assertEqual(proxy.stop()[0], 0)
            os.close(reader)
            os.close(writer)


def select_readable(descriptor):
    try:
        return bool(os.read(descriptor, 1))
    except BlockingIOError:
        return False


class Model(unittest.TestCase):
    @native
    def test_one_thread_one_process_edge_triggered(self):
        free = threading.Event()

        def serve(connection, *_):
            free.wait(60)
            connection.sendall(ok(b"x"))

        with Proxy() as proxy, Origin(serve) as origin:
            clients = [proxy.ask(f"GET {origin.url()} HTTP/1.0\r\n\r\n".encode()) for _ in range(5)]
            origin.wait_for(5)
            self.assertEqual(len(os.listdir(f"/proc/{proxy.pid}/task")), 1)
            children = subprocess.run(["ps", "--ppid", str(proxy.pid), "-o", "pid="], capture_output=True, text=True, check=False)
            self.assertEqual(children.stdout, "")
            sockets = 0
            for fd in os.listdir(f"/proc/{proxy.pid}/fd"):
                what = os.readlink(f"/proc/{proxy.pid}/fd/{fd}")
                with open(f"/proc/{proxy.pid}/fdinfo/{fd}", encoding="ascii") as info:
                    text = info.read()
                if what.startswith("socket:"):
                    sockets += 1
                    self.assertTrue(int(re.search(r"flags:\s*(\d+)", text)[1], 8) & os.O_NONBLOCK)
                if "eventpoll" in what:
                    events = [int(e, 16) for e in re.findall(r"events:\s*([0-9a-f]+)", text)]
                    self.assertTrue(events and all(e & 0x80000000 for e in events))
            self.assertGreaterEqual(sockets, 12)
            free.set()
            for client in clients:
                with client:
                    self.assertEqual(Answer(client).body, b"x")


if __name__ == "__main__":
    unittest.main()
