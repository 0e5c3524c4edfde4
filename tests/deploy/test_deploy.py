"""Checks the files in deploy/, and the example of fourstate.json(5), with the programs that read them.

A program that is not installed skips its tests.
"""
import contextlib
import functools
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
PROXY = os.environ.get("PROXY", str(ROOT / "proxy"))


def needs(program):
    return unittest.skipUnless(shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"), f"{program} is not installed")


INSIDE = "PROXY_DEPLOY_OWN_NETWORK"
OWN_NETWORK = ("unshare", "--user", "--map-root-user", "--net", "sh", "-ec",
               'ip link set lo up; ip address add 10.0.0.1/8 dev lo; ip address add 192.0.2.1/24 dev lo; exec "$@"', "sh")


def in_own_network(test):
    """Decorates a test: it has a network of its own, where all ports are free, and 127.*, 10.* and 192.0.2.* are addresses of this machine."""
    @functools.wraps(test)
    def run(case):
        if os.environ.get(INSIDE):
            return test(case)
        environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", INSIDE: "1"}
        probe = subprocess.run([*OWN_NETWORK, "true"], capture_output=True, text=True, env=environment, check=False)
        if probe.returncode != 0:
            case.skipTest(f"no network namespace here: {probe.stderr.strip()}")
        command = [*OWN_NETWORK, sys.executable, __file__, case.id().split(".", 1)[1]]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        case.assertEqual(done.returncode, 0, done.stderr)
        case.assertNotIn("skipped", done.stderr)
        return None
    return needs("unshare")(needs("ip")(run))


def ask(address, path, method="GET", host=None, client="127.0.0.1"):
    """(status, Location, body) of a request to this (address, port)."""
    connection = http.client.HTTPConnection(*address, timeout=10, source_address=(client, 0))
    with contextlib.closing(connection):
        connection.request(method, path, headers={"Host": host} if host else {})
        response = connection.getresponse()
        return response.status, response.getheader("Location"), response.read()


class Deployed(unittest.TestCase):
    def run_program(self, *command, **how):
        """What it prints. Fails unless its exit status is 0."""
        environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, env=environment, **how)
        self.assertEqual(done.returncode, 0, f"{command}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def folder(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return pathlib.Path(folder.name)

    def check(self, path):
        """This configuration file of the proxy is valid, and has no key without effect."""
        self.assertRegex(self.run_program(PROXY, path, "--check"), r"\A\S+: OK, [^\n]*\n\Z", "a warning is a line more")

    @contextlib.contextmanager
    def proxy(self, path):
        """Runs it with this configuration file."""
        with subprocess.Popen([PROXY, path], stdout=subprocess.PIPE, text=True) as program:
            try:
                self.assertIn("listens on", program.stdout.readline())  # all listeners are open then
                yield
            finally:
                program.terminate()


def documents(path):
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]


def configurations():
    """{folder: text} of each configuration file of the proxy, also of those inside other files."""
    texts = {path.parent.name: path.read_text(encoding="utf-8") for path in DEPLOY.glob("*/fourstate.json")}
    del texts["grafana"]  # a dashboard
    [texts["kubernetes"]] = [found["data"]["fourstate.json"] for found in documents(DEPLOY / "kubernetes/fourstate.yaml") if found["kind"] == "ConfigMap"]
    files = {file["path"]: file["content"] for file in documents(DEPLOY / "cloud-init/user-data.yaml")[0]["write_files"]}
    return texts | {"cloud-init": files["/etc/fourstate/fourstate.json"]}


class Configurations(Deployed):
    def files(self):
        """(folder, path) of a file for each configuration."""
        for name, text in configurations().items():
            path = self.folder() / "fourstate.json"
            path.write_text(text, encoding="utf-8")
            yield name, path

    def test_is_valid_and_has_no_key_without_effect(self):
        for name, path in self.files():
            with self.subTest(name):
                self.check(path)

    @in_own_network
    def test_doctor_and_top_get_an_answer_on_the_same_machine(self):
        for name, path in self.files():
            with self.subTest(name), self.proxy(path):
                self.run_program(PROXY, "doctor", path)
                self.run_program(PROXY, "top", "--once", path)

    @in_own_network
    def test_clients_of_the_proxy_do_not_get_the_board(self):
        places = [(name, path, json.loads(path.read_text(encoding="utf-8"))) for name, path in self.files()]
        direct = [row for row in places if not row[2]["forward"][0].get("proxy_protocol_in")]
        self.assertTrue(direct)
        for name, path, config in direct:
            place = config["forward"][0]
            with self.subTest(name), self.proxy(path):
                for url in ("/", f"http://{config['console']}/"):
                    self.assertIn(ask((place["host"].replace("*", "10.0.0.11"), place["port"]), url, client="10.0.0.7")[0], (400, 403), url)


class Upstream(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # pylint: disable=invalid-name
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class Example(Deployed):
    """The file in section EXAMPLES of fourstate.json(5), as it stands there but for the host of a database."""
    WEB = ("10.0.0.1", 8001)

    def setUp(self):
        folder = self.folder()
        manual = (ROOT / "docs/fourstate.json.5").read_text(encoding="utf-8")
        text = re.search(r"^\.Sh EXAMPLES\n.*?^\.Bd -literal.*?\n(.*?)^\.Ed$", manual, re.M | re.S)[1]
        self.path = folder / "fourstate.json"
        self.path.write_text(text.replace("db.example.com", "localhost"), encoding="utf-8")
        (folder / "public").mkdir()
        (folder / "public/index.html").write_text("the site", encoding="ascii")

    def upstream(self, port):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Upstream)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)

    def test_is_valid_and_has_no_key_without_effect(self):
        self.check(self.path)

    @in_own_network
    def test_each_part_is_served(self):
        self.upstream(3000)
        self.upstream(5432)
        here, near, far, excluded = "127.0.0.1", "10.0.0.7", "192.0.2.7", "10.0.0.1"
        requests = (  # path, method, status for the client at each address
            ("/", "GET", {here: 200, near: 200, far: 200, excluded: 200}),
            ("/", "POST", {far: 405}),
            ("/old", "GET", {here: 301, far: 301}),
            ("/old", "POST", {far: 301}),
            ("/api/x", "GET", {here: 200, far: 200}),
            ("/metrics", "GET", {here: 200, near: 200, far: 403, excluded: 403}),
            ("/healthz", "GET", {here: 200, far: 200}),
            ("/readyz", "GET", {here: 200, far: 200}),
            ("/doctor", "GET", {here: 200, near: 403, far: 403}),
            ("example.com:443", "CONNECT", {here: 405, far: 405}),
        )
        with self.proxy(self.path):
            for path, method, statuses in requests:
                for client, status in statuses.items():
                    place = (here, 8001) if client == here else self.WEB
                    self.assertEqual(ask(place, path, method, "example.com", client)[0], status, f"{method} {path} from {client}")
            self.assertEqual(ask(self.WEB, "/", host="example.com", client=far)[2], b"the site")
            self.assertEqual(ask(self.WEB, "/old", host="example.com", client=far)[1], "/new")
            self.assertEqual(ask(self.WEB, "/api/x", host="example.com", client=far)[2], b"/api/x")
            self.assertEqual(ask((here, 9000), "/stream")[2], b"/stream")
            self.assertEqual(ask((here, 8080), "http://localhost:3000/y")[2], b"/y")
            self.assertEqual(ask((here, 8080), "http://www.ads.example/")[0], 403)
            self.run_program(PROXY, "doctor", self.path)
            self.run_program(PROXY, "top", "--once", self.path)


class LoadBalancers(Deployed):
    @needs("haproxy")
    def test_haproxy(self):
        self.assertNotIn("WARNING", self.run_program("haproxy", "-c", "-f", DEPLOY / "haproxy/haproxy.cfg"))

    def test_haproxy_asks_for_the_headers_that_the_proxy_expects(self):
        settings = (DEPLOY / "haproxy/haproxy.cfg").read_text(encoding="utf-8")
        place = json.loads((DEPLOY / "haproxy/fourstate.json").read_text(encoding="utf-8"))["forward"][0]
        self.assertEqual("send-proxy-v2" in settings, place["proxy_protocol_in"])
        self.assertIn(f"{place['host']}:{place['port']}", settings)

    def test_keepalived_checks_and_balances_what_the_proxy_serves(self):
        settings = (DEPLOY / "keepalived/keepalived.conf").read_text(encoding="utf-8")
        config = json.loads((DEPLOY / "keepalived/fourstate.json").read_text(encoding="utf-8"))
        place, server = config["forward"][0], config["servers"][0]
        self.assertIn(f"virtual_server {place['host']} {place['port']} ", settings)
        self.assertIn(f"real_server {server['listeners'][0]['host']} {place['port']} ", settings)
        self.assertEqual(set(re.findall(r"connect_port (\d+)", settings)), {str(server["listeners"][0]["port"])})
        self.assertLessEqual(set(re.findall(r"path (\S+)", settings)), {route["req_path"] for route in server["routes"]})

    @needs("keepalived")
    def test_keepalived(self):
        # Any interface with multicast will do (netdevice(7): IFF_MULTICAST 0x1000, IFF_LOOPBACK 8).
        interfaces = [name for _, name in socket.if_nameindex()
                      if int(pathlib.Path(f"/sys/class/net/{name}/flags").read_text(encoding="ascii"), 16) & 0x1008 == 0x1000]
        if not interfaces:
            self.skipTest("this machine has no network interface with multicast")
        text = (DEPLOY / "keepalived/keepalived.conf").read_text(encoding="utf-8")
        path = self.folder() / "keepalived.conf"
        path.write_text(text.replace("interface eth0", f"interface {interfaces[0]}"), encoding="utf-8")
        self.run_program("keepalived", "-t", "-f", path)


class Yaml(Deployed):
    @needs("yamllint")
    def test_style(self):
        rules = "{extends: default, rules: {line-length: {max: 180}, document-start: disable, comments: {require-starting-space: false}}}"
        self.run_program("yamllint", "--strict", "-d", rules, *sorted(DEPLOY.rglob("*.y*ml")))

    def objects(self):
        return {found["kind"]: found for found in documents(DEPLOY / "kubernetes/fourstate.yaml")}

    def test_selectors_ports_and_volumes_of_kubernetes_agree(self):
        kinds = self.objects()
        pod = kinds["Deployment"]["spec"]["template"]
        for selector in (kinds["Deployment"]["spec"]["selector"]["matchLabels"], kinds["Service"]["spec"]["selector"],
                         kinds["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]):
            self.assertEqual(selector, pod["metadata"]["labels"])
        container = pod["spec"]["containers"][0]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        config = json.loads(kinds["ConfigMap"]["data"]["fourstate.json"])
        self.assertEqual(ports, {"proxy": config["forward"][0]["port"], "metrics": config["servers"][0]["listeners"][0]["port"]})
        self.assertIn(kinds["Service"]["spec"]["ports"][0]["targetPort"], ports)
        self.assertEqual(pod["metadata"]["annotations"]["prometheus.io/port"], str(ports["metrics"]))
        self.assertEqual([mount["name"] for mount in container["volumeMounts"]], [volume["name"] for volume in pod["spec"]["volumes"]])

    def test_each_probe_of_kubernetes_has_a_route(self):
        kinds = self.objects()
        container = kinds["Deployment"]["spec"]["template"]["spec"]["containers"][0]
        routes = {route["req_path"]: route["type"] for route in json.loads(kinds["ConfigMap"]["data"]["fourstate.json"])["servers"][0]["routes"]}
        for probe, kind in (("startupProbe", "ready"), ("readinessProbe", "ready"), ("livenessProbe", "health")):
            self.assertEqual(routes[container[probe]["httpGet"]["path"]], kind, probe)

    def test_the_grace_period_holds_prestop_and_drain(self):
        kinds = self.objects()
        pod = kinds["Deployment"]["spec"]["template"]["spec"]
        drain = json.loads(kinds["ConfigMap"]["data"]["fourstate.json"])["drain"]
        self.assertGreater(pod["terminationGracePeriodSeconds"], drain + pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"])

    def test_the_adapter_has_the_metrics_that_the_autoscaler_asks_for(self):
        asked = {metric["pods"]["metric"]["name"] for metric in self.objects()["HorizontalPodAutoscaler"]["spec"]["metrics"]}
        rules = documents(DEPLOY / "kubernetes/adapter-values.yaml")[0]["rules"]["custom"]
        self.assertEqual(asked, {rule["name"]["as"] for rule in rules})


def panels():
    return json.loads((DEPLOY / "grafana/fourstate.json").read_text(encoding="utf-8"))["panels"]


def expressions():
    """(title, expression) for each panel of the dashboard, with values for Grafana's variables."""
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")


class Metrics(Deployed):
    @needs("promtool")
    def test_rules(self):
        self.run_program("promtool", "check", "rules", DEPLOY / "prometheus/rules.yml")

    @needs("promtool")
    def test_alerts(self):
        self.run_program("promtool", "test", "rules", "rules_test.yml", cwd=DEPLOY / "prometheus")

    @needs("promtool")
    def test_prometheus_configuration(self):
        self.run_program("promtool", "check", "config", DEPLOY / "prometheus/prometheus.yml")

    @needs("promtool")
    def test_expressions_of_the_dashboard(self):
        rules = [{"record": f"panel:{number}", "expr": expression} for number, (_, expression) in enumerate(expressions())]
        path = self.folder() / "panels.yml"
        path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
        self.assertIn(f"{len(rules)} rules found", self.run_program("promtool", "check", "rules", path))

    def test_each_alert_has_a_test(self):
        rules = documents(DEPLOY / "prometheus/rules.yml")[0]["groups"][0]["rules"]
        tested = (DEPLOY / "prometheus/rules_test.yml").read_text(encoding="utf-8")
        self.assertEqual([rule["alert"] for rule in rules if "alert" in rule and f"alertname: {rule['alert']}\n" not in tested], [])

    def test_each_name_is_a_metric_of_the_proxy(self):
        known = set(re.findall(r'\{"((?:proxy|process)_\w+)"', (ROOT / "src/watch/metrics.cpp").read_text(encoding="utf-8")))
        rules = (DEPLOY / "prometheus/rules.yml").read_text(encoding="utf-8") + (DEPLOY / "kubernetes/adapter-values.yaml").read_text(encoding="utf-8")
        used = set(re.findall(r"\b((?:proxy|process)_[a-z_]+)\{", rules + " ".join(expression for _, expression in expressions())))
        self.assertEqual({re.sub(r"_(bucket|sum|count)$", "", name) if name not in known else name for name in used} - known, set())
        self.assertGreater(len(used), 15)

    def test_the_dashboard_has_what_grafana_needs(self):
        board = json.loads((DEPLOY / "grafana/fourstate.json").read_text(encoding="utf-8"))
        self.assertEqual({"__inputs", "uid", "title", "schemaVersion", "templating"} - set(board), set())
        self.assertEqual(len({panel["id"] for panel in panels()}), len(panels()))
        self.assertEqual({target["datasource"]["uid"] for panel in panels() for target in panel["targets"]}, {"${datasource}"})
        cells = [(x, y) for panel in panels() for place in [panel["gridPos"]]
                 for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])]
        self.assertEqual(len(cells), len(set(cells)), "panels overlap")


# What a browser provides to a PAC file, and questions as (proxies, hosts): the answers, one array for each list of proxies.
HARNESS = """
function isPlainHostName(host) { return host.indexOf('.') < 0; }
function dnsDomainIs(host, domain) { return host.slice(-domain.length) === domain; }
%s
var asked = JSON.parse(require('fs').readFileSync(0, 'utf8')), answers = [];
asked.proxies.forEach(function (proxies) {
  PROXIES = proxies;
  answers.push(asked.hosts.map(function (host) { return FindProxyForURL('http://' + host + '/', host); }));
});
console.log(JSON.stringify(answers));
"""


@needs("node")
class Pac(Deployed):
    PROXIES = [f"10.0.0.{last}:8080" for last in (11, 12, 13, 14)]
    HOSTS = [f"www{number}.example.com" for number in range(4000)]

    def answers(self, proxies, hosts):
        path = self.folder() / "pac.js"
        path.write_text(HARNESS % (DEPLOY / "pac/proxy.pac").read_text(encoding="utf-8"), encoding="utf-8")
        return json.loads(self.run_program("node", path, input=json.dumps({"proxies": proxies, "hosts": hosts})))

    def test_a_host_has_all_proxies_in_an_order_of_its_own(self):
        answers, again = self.answers([self.PROXIES, self.PROXIES[::-1]], self.HOSTS)
        self.assertTrue(answers == again, "the order of PROXIES matters")  # assertEqual compares long lists for minutes
        for answer in answers:
            self.assertEqual(sorted(answer.split("; ")), [f"PROXY {proxy}" for proxy in self.PROXIES])
        for place in (0, 1):
            counts = [sum(answer.split("; ")[place] == f"PROXY {proxy}" for answer in answers) for proxy in self.PROXIES]
            # 1000 are expected; five standard deviations of the binomial distribution are 137.
            self.assertLess(max(abs(count - 1000) for count in counts), 137, counts)

    def test_without_a_proxy_only_its_hosts_move(self):
        all_of_them, fewer = self.answers([self.PROXIES, self.PROXIES[:2] + self.PROXIES[3:]], self.HOSTS)
        gone = f"PROXY {self.PROXIES[2]}"
        for before, after in zip(all_of_them, fewer):
            self.assertEqual(after.split("; "), [proxy for proxy in before.split("; ") if proxy != gone])

    def test_hosts_of_this_network_are_reached_directly(self):
        hosts = ["printer", "127.0.0.1", "wiki.intern", "WIKI.INTERN", "intern.example.com", "wikiintern.example"]
        answers = self.answers([self.PROXIES], hosts)[0]
        self.assertEqual([answer == "DIRECT" for answer in answers], [True] * 4 + [False] * 2)

    def test_the_case_of_a_host_does_not_matter(self):
        answers = self.answers([self.PROXIES], ["A.example.com", "a.example.com"])[0]
        self.assertEqual(answers[0], answers[1])


if __name__ == "__main__":
    unittest.main()
