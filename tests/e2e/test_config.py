"""The configuration file: checked, refused with its lines, and run."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from harness import PREFIX, PROXY, Case, request


def run(*arguments, cwd=None):
    """(exit status, standard output, standard error) of a run that ends by itself."""
    done = subprocess.run([*PREFIX, PROXY, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=cwd,
                          check=False)
    return done.returncode, done.stdout, done.stderr


HAS_JSON = "nlohmann-json" in run("--version")[1]

GOOD = {"server_name": "eXpServer", "workers": 1, "servers": [
    {"listeners": [{"host": "127.0.0.1", "port": 0}],
     "routes": [{"req_path": "/", "type": "file_serve", "dir_path": "public", "index": ["index.html"]}]},
    {"listeners": [{"host": "localhost", "port": 0}], "stream": {"type": "echo"}}]}


class InAFolder(Case):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "public").mkdir()

    def write(self, content, name="c.json"):
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), encoding="utf-8")
        return str(path)


@unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
class Checked(InAFolder):
    def test_a_good_file(self):
        path = self.write(GOOD)
        for arguments in ((path, "--check"), ("--check", "--config", path), (f"--config={path}", "--check")):
            self.assertEqual(run(*arguments, cwd=self.folder), (0, f"{path}: OK, 3 listeners\n", ""))
        self.assertEqual(run("c.json", "--check", cwd=self.folder)[1], "c.json: OK, 3 listeners\n")

    def test_paths_are_relative_to_the_folder_of_the_file(self):
        self.assertEqual(run(self.write(GOOD), "--check", cwd=self.folder / "public")[0], 0)
        (self.folder / "inner").mkdir()
        status, out, err = run(self.write(GOOD, "inner/c.json"), "--check", cwd=self.folder)
        self.assertEqual((status, out), (2, ""))
        self.assertIn(f"servers[0].routes[0].dir_path: no such directory: '{self.folder}/inner/public'", err)

    def test_a_warning_is_no_error(self):
        self.write({**GOOD, "workers": 4})
        status, out, err = run("c.json", "--check", cwd=self.folder)
        self.assertEqual((status, out), (0, "c.json: OK, 3 listeners\n"))
        self.assertRegex(err, r"\Aproxy: c\.json:3: workers: [^\n]+\n\Z")

    def test_a_rule_without_effect_is_reported(self):
        self.write({"forward": [{"host": "localhost", "port": 0}], "rules": [{"deny": "all"}, {"allow": "10.0.0.0/8"}]})
        status, _, err = run("c.json", "--check", cwd=self.folder)
        self.assertEqual(status, 0)
        self.assertRegex(err, r"\Aproxy: [^\n]*10\.0\.0\.0/8[^\n]*\n\Z")

    def test_every_mistake_is_a_line(self):
        self.write('{"servers": [\n {"listeners": [{"host": "nowhere.test", "port": 1}],\n'
                   '  "routes": [{"req_path": "/", "type": "file_server"}]}],\n "max_requests": 0\n}\n')
        for arguments in (("c.json", "--check"), ("c.json",)):
            status, out, err = run(*arguments, cwd=self.folder)
            self.assertEqual((status, out), (2, ""))
            lines = err.splitlines()
            self.assertEqual(len(lines), 3, err)
            self.assertTrue(lines[0].startswith("proxy: c.json:2: servers[0].listeners[0].host: "), err)
            self.assertTrue(lines[1].startswith("proxy: c.json:3: servers[0].routes[0].type: "), err)
            self.assertTrue(lines[1].endswith("(did you mean 'file_serve'?)"), err)
            self.assertTrue(lines[2].startswith("proxy: c.json:4: max_requests: "), err)

    def test_malformed_json(self):
        self.write('{\n  "workers": 1,\n}\n')
        status, _, err = run("c.json", cwd=self.folder)
        self.assertEqual(status, 2)
        self.assertRegex(err, r"\Aproxy: c\.json:3:1: trailing comma before }\n\Z")

    def test_a_file_that_is_not_there_or_not_readable(self):
        status, _, err = run("--config", "none.json", cwd=self.folder)
        self.assertEqual((status, err), (2, f"proxy: cannot read {self.folder}/none.json: No such file or directory\n"))
        status, _, err = run("--config", "public", cwd=self.folder)
        self.assertEqual((status, err), (2, f"proxy: cannot read {self.folder}/public: Is a directory\n"))
        status, _, err = run("none.json", cwd=self.folder)
        self.assertEqual((status, err), (2, f"proxy: cannot read {self.folder}/none.json: No such file or directory\n"))

    def test_a_file_through_a_pipe(self):
        reader, writer = os.pipe()
        with os.fdopen(writer, "w") as end:
            end.write('{"forward": [{"host": "::1", "port": 0}]}')
        done = subprocess.run([*PREFIX, PROXY, "--check", f"/dev/fd/{reader}"], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, pass_fds=(reader,), check=False)
        os.close(reader)
        self.assertEqual((done.returncode, done.stdout), (0, f"/dev/fd/{reader}: OK, 1 listener\n"), done.stderr)


@unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
class Run(InAFolder):
    def test_a_forward_proxy_by_a_file_and_options_beside_it(self):
        path = self.write({"server_name": "by-file", "access_log": "off", "forward": [{"host": "localhost", "port": 0}]})
        origin = self.origin()
        proxy = self.proxy("--name", "by-option", port=path)
        for host, port in zip(("127.0.0.1", "::1"), proxy.ports):
            with proxy.connect(host, port) as client:
                client.send(request(origin.url()))
                self.assertIn("1.0 by-option", client.rest().head.raw.decode())
        self.assertEqual(len(set(proxy.ports)), 1, "both have the port of the first")


class Options(InAFolder):
    def test_without_a_file(self):
        self.assertEqual(run("--check", "8080")[:2], (0, "options: OK, 2 listeners\n"))
        self.assertEqual(run("--check", "--files", f"8080={self.folder}", "--echo", "127.0.0.1:7", "--reverse",
                             "81=localhost:3000", "--relay", "[::1]:82=unix:/run/s")[:2],
                         (0, "options: OK, 6 listeners\n"))
        status, _, err = run("--check", "--files", f"8080={self.folder}/none")
        self.assertEqual(status, 2)
        self.assertIn(f"no such directory: '{self.folder}/none'", err)

    @unittest.skipIf(HAS_JSON, "built with nlohmann-json")
    def test_a_build_without_json_says_so(self):
        status, _, err = run(self.write(GOOD))
        self.assertEqual(status, 2)
        self.assertRegex(err, r"\Aproxy: --config: this program was built without nlohmann-json; install [^\n]+\n\Z")


if __name__ == "__main__":
    unittest.main()
