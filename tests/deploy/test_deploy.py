"""Checks the files in deploy/ with the programs that read them; a program that is not installed skips its tests."""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
PROXY = os.environ.get("PROXY", str(ROOT / "proxy"))


def needs(program):
    return unittest.skipUnless(shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"), f"{program} is not installed")


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


def documents(path):
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]


class Configurations(Deployed):
    """Each configuration file of the proxy, also inside other files, is valid and has no key without effect."""

    def check(self, text):
        path = self.folder() / "fourstate.json"
        path.write_text(text, encoding="utf-8")
        self.assertRegex(self.run_program(PROXY, path, "--check"), r"\A\S+: OK, [^\n]*\n\Z", "a warning is a line more")

    def test_behind_haproxy(self):
        self.check((DEPLOY / "haproxy/fourstate.json").read_text(encoding="utf-8"))

    def test_behind_keepalived(self):
        self.check((DEPLOY / "keepalived/fourstate.json").read_text(encoding="utf-8"))

    def test_kubernetes(self):
        maps = [found for found in documents(DEPLOY / "kubernetes/fourstate.yaml") if found["kind"] == "ConfigMap"]
        self.assertEqual(len(maps), 1)
        self.check(maps[0]["data"]["fourstate.json"])

    def test_cloud_init(self):
        files = {file["path"]: file["content"] for file in documents(DEPLOY / "cloud-init/user-data.yaml")[0]["write_files"]}
        self.check(files["/etc/fourstate/fourstate.json"])


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
