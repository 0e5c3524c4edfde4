"""Dockerfile and compose.yaml: what they run is accepted by the program, and the health check works. No container is started."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROXY = os.environ.get("PROXY", str(ROOT / "proxy"))
CONFIGURATION = "/etc/fourstate/fourstate.json"


def dockerfile():
    """[(instruction, its arguments)] of the last stage."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    rows = re.findall(r"^([A-Z]+) +(.*)$", text, re.M)
    return rows[max(i for i, (name, _) in enumerate(rows) if name == "FROM"):]


def value(name):
    """The arguments of the only such instruction."""
    found = [arguments for instruction, arguments in dockerfile() if instruction == name]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} instructions {name}")
    return found[0]


def compose_command():
    return json.loads(re.search(r"^ +command: (\[.*\])$", (ROOT / "compose.yaml").read_text(encoding="utf-8"), re.M)[1])


class Container(unittest.TestCase):
    def accepted(self, arguments):
        arguments = [str(ROOT / "systemd/fourstate.json") if word == CONFIGURATION else word for word in arguments]
        done = subprocess.run([PROXY, *arguments, "--check"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_the_program_accepts_the_commands(self):
        self.assertEqual(json.loads(value("ENTRYPOINT")), ["fourstate"])
        self.accepted(json.loads(value("CMD")))
        self.accepted(compose_command())

    def test_runs_without_root_and_stops_gracefully(self):
        self.assertRegex(value("USER"), r"^[1-9]\d*:[1-9]\d*$")
        self.assertEqual(value("STOPSIGNAL"), "SIGTERM")

    def test_the_health_check_works(self):
        check = json.loads(value("HEALTHCHECK").partition("CMD ")[2])
        self.assertEqual(check[:2], ["fourstate", "doctor"])
        for command in (json.loads(value("CMD")), compose_command()):
            self.assertEqual(command[command.index("--metrics") + 1], f"127.0.0.1:{check[2]}")
        # On a free port, with the rules of compose.yaml.
        command = ["127.0.0.1:0" if word.endswith(f":{check[2]}") else "127.0.0.1:0" if word == "*:8080" else word for word in compose_command()]
        with subprocess.Popen([PROXY, *command, "--access-log", "off"], stdout=subprocess.PIPE, text=True) as proxy:
            try:
                lines = [proxy.stdout.readline() for _ in range(2)]
                port = next(re.search(r":(\d+)", line)[1] for line in lines if "metrics" in line or "web" in line)
                self.assertEqual(subprocess.run([PROXY, "doctor", port], stdout=subprocess.DEVNULL, check=False).returncode, 0)
            finally:
                proxy.terminate()
        self.assertEqual(subprocess.run([PROXY, "doctor", port], capture_output=True, check=False).returncode, 2)

    @unittest.skipUnless(shutil.which("yamllint"), "yamllint is not installed: run `make setup`")
    def test_lint(self):
        rules = "{extends: default, rules: {line-length: {max: 130}, document-start: disable}}"
        subprocess.run(["yamllint", "--strict", "-d", rules, str(ROOT / "compose.yaml")], check=True)


if __name__ == "__main__":
    unittest.main()
