"""The metrics: Prometheus's text format, version 0.0.4, or OpenMetrics or JSON if the client prefers it."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import unittest

from harness import Case, closed_port
from web import HAS_JSON, InAFolder, Server, ask, at, get, read_answer

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(\{{{LABEL}(?:,{LABEL})*,?\}}|\{{\}})? (NaN|[+-]?Inf|[+-]?[0-9.eE+-]+)( -?[0-9]+)?\Z")
HELP = re.compile(rf"# HELP ({NAME}) (.+)\Z")
TYPE = re.compile(rf"# TYPE ({NAME}) (counter|gauge|histogram|summary|untyped)\Z")


# What Prometheus sends.
OF_PROMETHEUS = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                 "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")


class Metrics:
    """The text, taken apart as strictly as the format is described."""

    def __init__(self, text):
        if not text.endswith("\n"):
            raise AssertionError("the last line must end in a line feed")
        self.types, self.helped, self.samples = {}, {}, {}
        for line in text.split("\n")[:-1]:
            if found := HELP.match(line):
                self.once(self.helped, found[1], found[2])
            elif found := TYPE.match(line):
                self.once(self.types, found[1], found[2])
            elif found := SAMPLE.match(line):
                if self.family(found[1]) not in self.types:
                    raise AssertionError(f"the type of {found[1]} has to stand before it")
                self.once(self.samples, (found[1], found[2] or ""), float(found[3]))
            elif line and not line.startswith("# "):
                raise AssertionError(f"no line of the format: {line!r}")

    @staticmethod
    def once(table, key, value):
        if key in table:
            raise AssertionError(f"{key} stands there twice")
        table[key] = value

    def family(self, name):
        return name if name in self.types else re.sub(r"_(bucket|sum|count)\Z", "", name)

    def histograms(self):
        """{(family, labels without le): [(bound, value) in their order]}."""
        found = {}
        for (name, labels), value in self.samples.items():
            if name.endswith("_bucket"):
                bound = re.search(r'le="([^"]+)"', labels)[1]
                found.setdefault((self.family(name), re.sub(r',?le="[^"]+"', "", labels).replace("{}", "")), []).append((float(bound), value))
        return found

    def total(self, *words, kind="counter"):
        """The sum over all samples whose name has all the words."""
        return sum(value for (name, _), value in self.samples.items()
                   if all(word in name for word in words) and self.types[self.family(name)] == kind)


class OnAPort(Case):
    """--metrics: nothing else is needed."""

    def setUp(self):
        self.front = self.proxy("--metrics", "127.0.0.1:0", port=None)

    def metrics(self):
        return Metrics(ask(self.front, "/")[1].decode())

    def test_histograms_are_cumulative(self):
        for _ in range(3):
            ask(self.front, "/healthz")
        metrics = self.metrics()
        histograms = metrics.histograms()
        self.assertEqual({family for family, _ in histograms},
                         {"proxy_loop_turn_duration_seconds", "proxy_loop_poll_delay_seconds",
                          "proxy_request_duration_seconds", "proxy_request_phase_duration_seconds"})
        for (family, labels), buckets in histograms.items():
            self.assertEqual(buckets, sorted(buckets), family)
            self.assertEqual([value for _, value in buckets], sorted(value for _, value in buckets), family)
            self.assertEqual(buckets[-1], (float("inf"), metrics.samples[family + "_count", labels]))

    def test_the_turns_of_the_loop_fit_into_its_life(self):
        began = time.monotonic()
        first = self.metrics()
        last = self.metrics()
        turns = "proxy_loop_turn_duration_seconds"
        took = last.samples[turns + "_sum", ""] - first.samples[turns + "_sum", ""]
        self.assertGreater(last.samples[turns + "_count", ""], first.samples[turns + "_count", ""])
        self.assertTrue(0 < took < time.monotonic() - began, took)

    def test_the_process(self):
        metrics, pid = self.metrics(), self.front.process.pid
        of = {name: value for (name, _), value in metrics.samples.items()}
        self.assertGreater(of["process_resident_memory_bytes"], 1 << 20)
        self.assertGreaterEqual(of["process_virtual_memory_bytes"], of["process_resident_memory_bytes"])
        self.assertGreater(of["process_cpu_seconds_total"], 0)
        self.assertLessEqual(abs(of["process_open_fds"] - len(os.listdir(f"/proc/{pid}/fd"))), 1, "the client's may be closed")
        (limit,) = re.findall(r"^Max open files +(\d+)", pathlib.Path(f"/proc/{pid}/limits").read_text(), re.MULTILINE)
        self.assertEqual(of["process_max_fds"], float(limit))
        self.assertLess(abs(of["process_start_time_seconds"] + of["proxy_uptime_seconds"] - time.time()), 60)
        self.assertEqual([value for (name, labels), value in metrics.samples.items()
                          if name == "proxy_build_info" and 'version="' in labels and 'compiler="' in labels], [1])

    @unittest.skipUnless(shutil.which("promtool"), "without promtool")
    def test_promtool(self):
        done = subprocess.run(["promtool", "check", "metrics"], input=ask(self.front, "/")[1], capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, b""))

    def test_open_metrics(self):
        """Its own parser reads it, and finds what Prometheus's parser finds in the text."""
        try:
            from prometheus_client import parser as text_format  # pylint: disable=import-outside-toplevel
            from prometheus_client.openmetrics import parser as open_metrics  # pylint: disable=import-outside-toplevel
        except ImportError:
            self.skipTest("python3-prometheus-client is not installed")

        def parsed(families):
            return {(family.name, family.type, family.documentation, sample.name, frozenset(sample.labels.items()))
                    for family in families for sample in family.samples}

        head, body = ask(self.front, "/", f"Accept: {OF_PROMETHEUS}")
        self.assertEqual(head.all("Content-Type"), ["application/openmetrics-text; version=1.0.0; charset=utf-8"])
        self.assertTrue(body.endswith(b"\n# EOF\n"), body[-80:])
        text = ask(self.front, "/")[1].decode()
        found = parsed(open_metrics.text_string_to_metric_families(body.decode()))
        self.assertEqual(found, parsed(text_format.text_string_to_metric_families(text)))
        self.assertEqual(len(found), len(Metrics(text).samples))
        self.assertEqual(ask(self.front, "/", f"Accept: {OF_PROMETHEUS}", method="HEAD")[0].all("Content-Type"), head.all("Content-Type"))

    def test_health(self):
        for path in ("/healthz", "/readyz"):
            head, body = ask(self.front, path)
            self.assertEqual((head.status, body), (200, b"ok\n"))
            self.assertEqual(head.all("Cache-Control"), ["no-store"])
            self.assertEqual(ask(self.front, path, method="HEAD")[0].status, 200)

    def test_not_ready_while_draining(self):
        client = self.client(self.front.connect())
        client.send(get("/readyz")[:-2])
        self.metrics()  # the bytes before it have been read
        self.front.process.send_signal(signal.SIGTERM)
        self.front.line("draining: 1 request in flight")
        client.send(b"\r\n")
        head, body = read_answer(client)
        self.assertEqual((head.status, body, head.all("Connection")), (503, b"draining\n", ["close"]))
        self.assertEqual(self.front.ended(), (0, ""))


@unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
class Exposed(InAFolder):
    def setUp(self):
        super().setUp()
        self.put("a.txt", b"content")
        self.server = Server(self)
        self.front = self.configured(at(routes=[
            {"req_path": "/metrics", "type": "metrics"},
            {"req_path": "/live", "type": "health"},
            {"req_path": "/", "type": "file_serve", "dir_path": str(self.public)},
            {"req_path": "/api", "type": "reverse_proxy", "upstreams": [self.server.authority]},
            {"req_path": "/down", "type": "reverse_proxy", "upstreams": [f"127.0.0.1:{closed_port()}"]}]))

    def metrics(self):
        head, body = ask(self.front, "/metrics")
        self.assertEqual(head.status, 200)
        self.assertEqual(head.all("Content-Type"), ["text/plain; version=0.0.4; charset=utf-8"])
        return Metrics(body.decode())

    def test_the_format(self):
        metrics = self.metrics()
        self.assertTrue(metrics.samples)
        self.assertEqual(set(metrics.types), set(metrics.helped), "each has a line that says what it is")
        for name, kind in metrics.types.items():
            self.assertEqual(name.endswith("_total"), kind == "counter", name)
        for (name, labels), value in metrics.samples.items():
            if metrics.types[metrics.family(name)] == "counter":
                self.assertGreaterEqual(value, 0, (name, labels))

    def test_requests_are_counted(self):
        before = self.metrics()
        for _ in range(7):
            ask(self.front, "/a.txt")
        for _ in range(5):
            ask(self.front, "/api")
        ask(self.front, "/none")
        after = self.metrics()
        # Those for the metrics themselves count, or not: one lies between.
        self.assertIn(after.total("proxy_requests_total") - before.total("proxy_requests_total"), (13, 14))

    def test_counters_do_not_go_back(self):
        last = self.metrics()
        for path in ("/a.txt", "/none", "/down", "/api"):
            ask(self.front, path)
            now = self.metrics()
            for key, value in last.samples.items():
                if last.types[last.family(key[0])] == "counter":
                    self.assertGreaterEqual(now.samples[key], value, key)
            last = now

    def test_open_connections_are_counted(self):
        def at_work(metrics):
            return sum(value for (name, labels), value in metrics.samples.items()
                       if name == "proxy_records" and "FREE" not in labels)

        before = at_work(self.metrics())
        clients = [self.client(self.front.connect()) for _ in range(5)]
        for client in clients:
            client.send(get("/a.txt"))
            read_answer(client)
        self.assertGreaterEqual(at_work(self.metrics()), before + 5)

    def test_the_connections_of_each_listener(self):
        """Each by its address; and a reload that leaves it open leaves its count."""
        servers = [at(routes=[{"req_path": "/metrics", "type": "metrics"}]), at(stream={"type": "echo"})]
        self.front = self.configured(*servers)

        def counts():
            return [self.metrics().samples["proxy_listener_connections_total", f'{{listener="127.0.0.1:{port}"}}']
                    for port in self.front.ports]

        self.assertEqual(counts()[1], 0)
        for _ in range(3):
            with self.front.connect(port=self.front.ports[1]) as client:
                client.send(b"x").read(1)
        before = counts()
        self.assertEqual(before[1], 3)
        self.write_config({"servers": [*servers, at(stream={"type": "reverse"})]})
        self.front.process.send_signal(signal.SIGHUP)
        self.front.wait_for_lines(lambda: any(line.startswith("reloaded; ") for line in self.front.lines))
        after = counts()
        self.assertEqual(after[1], 3)
        self.assertGreater(after[0], before[0])

    def test_as_json(self):
        for accept in ("application/json;q=0", "application/json;q=0.4, text/plain;q=0.5", "*/*"):
            self.assertEqual(ask(self.front, "/metrics", f"Accept: {accept}")[0].all("Content-Type"),
                             ["text/plain; version=0.0.4; charset=utf-8"], accept)
        head, body = ask(self.front, "/metrics", "Accept: application/json")
        self.assertEqual(head.all("Content-Type"), ["application/json"])
        self.assertIsInstance(json.loads(body), dict)

    def test_health_at_a_path_of_ones_own(self):
        self.assertEqual(ask(self.front, "/live")[1], b"ok\n")

    def test_head(self):
        head, _ = ask(self.front, "/metrics", method="HEAD")
        self.assertEqual(head.status, 200)

    def test_a_client_that_is_not_allowed(self):
        front = self.configured(at(routes=[{"req_path": "/metrics", "type": "metrics", "ip_whitelist": ["192.0.2.0/24"]}]))
        self.assertEqual(ask(front, "/metrics")[0].status, 403)


if __name__ == "__main__":
    unittest.main()
