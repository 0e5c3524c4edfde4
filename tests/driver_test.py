#!/usr/bin/env python3
"""Proves the grader: a right proxy gets all points, and each wrong one loses those it should, and no others."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
WRONG = ROOT / "tests" / "wrong"
PATIENCE = "4"  # these proxies are small, and some of them hang on purpose

MODEL_BEARING = {"fast-before-slow", "five-and-five", "hundred", "model", "rests"}
# variant: (tests that must fail, tests that may fail too, words of the diagnosis)
# Tests of the memory group are named by what they find.
VARIANTS = {
    "SHORT_WRITE": ({"stopped-reader"}, {"large", "until-close", "greedy-neighbour"}, "fewer bytes than asked"),
    # Which edge is lost is a matter of chance, so it may fail anything; many that come at once it cannot serve.
    "EDGE_NOT_DRAINED": ({"burst"}, None, "tells only once"),
    "BLOCKING_CONNECT": ({"hanging-connect"}, set(), "connect() blocks"),
    "SIGPIPE": ({"leaves-in-the-answer"}, {"leaves-while-waiting", "server-resets-at-once", "No memory error",
                                           "No leak of any kind", "No descriptor left open"}, "SIGPIPE"),
    "LEAK": ({"No leak of any kind"}, set(), "not freed"),
    "DESCRIPTOR_LEAK": ({"leaves-in-the-answer", "No descriptor left open"}, {"leaves-while-waiting",
                        "leaves-in-the-request", "server-resets-in-the-body", "nonsense",
                        "not-to-be-reached", "connect-and-close"}, "descriptor is not closed"),
    "LEVEL_TRIGGERED": (MODEL_BEARING, set(), "not of the asked kind"),
    "BLOCKING_SOCKETS": (MODEL_BEARING, set(), "not of the asked kind"),
    "STRING_BODY": ({"binary"}, None, "C string"),
    "HOST": ({"host-field"}, set(), "Host is not made from the URL"),
    "SPIN": ({"rests"}, set(), "without waiting"),
}


# One that hangs in most tests is shown a few: those it must fail, and some it must not.
ONLY = {"EDGE_NOT_DRAINED": ["-b", "20", "-c", "75", "--only", "^(text|empty|large|burst|stopped-reader)$"]}
ALL = ["-b", "20", "-c", "75", "-m", "2"]


class Built:
    """The wrong proxies, built once for all tests."""
    folder = None

    @classmethod
    def compile(cls, name, source, *flags):
        compiler = os.environ.get("CXX", "g++")
        subprocess.run([compiler, "-std=c++20", "-D_GNU_SOURCE", "-g", "-O1", *flags, "-o", cls.folder / name,
                        WRONG / source, "-pthread"], check=True)

    @classmethod
    def all(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="driver-test-"))
        jobs = [("right", "lab_proxy.cpp"), ("threads", "thread_proxy.cpp"), ("SHUTDOWN", "lab_proxy.cpp", "-DWRONG_SHUTDOWN")]
        jobs += [("KEEPS_SPARE", "lab_proxy.cpp", "-DKEEPS_SPARE")]
        jobs += [(name, "lab_proxy.cpp", f"-DWRONG_{name}") for name in VARIANTS]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda job: cls.compile(*job), jobs))


def setUpModule():  # pylint: disable=invalid-name  # unittest's name
    Built.all()


def tearDownModule():  # pylint: disable=invalid-name
    shutil.rmtree(Built.folder)


def drive(*arguments):
    """Exit status, output and the JSON of one run of the driver."""
    with tempfile.TemporaryDirectory(prefix="driver-test-") as folder:
        path = pathlib.Path(folder) / "result.json"
        run = subprocess.run([sys.executable, str(ROOT / "driver.py"), "--patience", PATIENCE, "--json", str(path),
                              *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, check=False)
        return run.returncode, run.stdout, json.loads(path.read_text()) if path.exists() else None


def failed(result):
    return {row["name"] for row in result["tests"] if row["passed"] is False}


class TheRightOne(unittest.TestCase):
    """A correct lab proxy."""

    def test_gets_all_points(self):
        status, output, result = drive("-b", "20", "-c", "75", "-m", "2", "-s", "3", "epoll", "--proxy", str(Built.folder / "right"))
        self.assertEqual(failed(result), set(), output)
        self.assertEqual(status, 0)
        self.assertIn("Total: 100/100 (100.00%)", output)

    def test_may_keep_what_it_opened_once(self):
        status, output, _ = drive("-c", "75", "--only", "^leaves-in-the-answer$", "epoll", "--proxy", str(Built.folder / "KEEPS_SPARE"))
        self.assertEqual(status, 0, output)

    def test_loses_those_for_a_cache(self):
        status, output, result = drive("-e", "10", "epoll", "--proxy", str(Built.folder / "right"))
        self.assertEqual(failed(result), {"cached"}, output)
        self.assertEqual(status, 1)
        self.assertIn("Total: 0/10 (0.00%)", output)


class WrongOnes(unittest.TestCase):
    """Each planted mistake, two at a time."""

    @classmethod
    def setUpClass(cls):
        def run(name):
            return name, drive(*ONLY.get(name, ALL), "epoll", "--proxy", str(Built.folder / name))
        with ThreadPoolExecutor(2) as pool:
            cls.runs = dict(pool.map(run, VARIANTS))

    def check(self, name):
        must, may, diagnosis = VARIANTS[name]
        status, output, result = self.runs[name]
        self.assertEqual(status, 1, output)
        self.assertLessEqual(must, failed(result), output)
        if may is not None:
            self.assertLessEqual(failed(result), must | may, output)
        self.assertIn(diagnosis, output)
        self.assertLess(result["points"], result["possible"])


for variant in VARIANTS:
    setattr(WrongOnes, f"test_{variant.lower()}", lambda self, name=variant: self.check(name))


class OtherThings(unittest.TestCase):
    """Shutdown, other models, the command line, the files."""

    def test_one_that_dies_of_sigint(self):
        _, output, result = drive("-s", "3", "epoll", "--proxy", str(Built.folder / "SHUTDOWN"))
        self.assertIn("It ends by itself on SIGINT, with clients connected", failed(result), output)
        self.assertIn("SIGINT does not end the loop", output)

    def test_threads_are_right_for_multithread(self):
        status, output, _ = drive("-c", "75", "multithread", "--only", "five-and-five|model", "--proxy", str(Built.folder / "threads"))
        self.assertEqual(status, 0, output)

    def test_threads_are_wrong_for_the_others(self):
        for mode in ("epoll", "threadpool", "processpool", "multiprocess"):
            status, output, result = drive("-c", "75", mode, "--only", "^model$", "--proxy", str(Built.folder / "threads"))
            self.assertEqual((status, failed(result)), (1, {"model"}), output)

    def test_wrong_usage_is_one_line_and_status_2(self):
        for arguments, word in ((("-b", "20", "epoll", "--proxy", "/no/such/program"), "run make first"),
                                (("-b", "20", "fibers"), "invalid choice"), (("epoll", "--proxy", "/bin/true"), "nothing to grade"),
                                (("-b", "many", "epoll"), "invalid float"), (("-b", "-1", "epoll", "--proxy", "/bin/true"), "negative")):
            status, output, result = drive(*arguments)
            self.assertEqual((status, result), (2, None), output)
            self.assertIn(word, output.splitlines()[-1])

    def test_a_program_that_is_no_proxy(self):
        status, output, result = drive("-b", "20", "epoll", "--only", "^text$", "--proxy", "/bin/true")
        self.assertEqual((status, failed(result)), (1, {"text"}), output)
        self.assertIn("it ended at once", output)

    def test_the_files_it_writes(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "results.json"
            log, origin = pathlib.Path(folder) / "proxy.log", pathlib.Path(folder) / "origin.log"
            status, output, result = drive("-b", "20", "epoll", "--only", "^text$|^empty$", "--gradescope", str(path), "-p",
                                           str(log), "-t", str(origin), "--proxy", str(Built.folder / "right"))
            self.assertEqual(status, 0, output)
            gradescope = json.loads(path.read_text())
            self.assertIn("GET /home.html", origin.read_text())
            self.assertTrue(log.exists())
        self.assertEqual(gradescope["score"], 20)
        self.assertEqual([test["max_score"] for test in gradescope["tests"]], [10, 10])
        self.assertEqual({test["status"] for test in gradescope["tests"]}, {"passed"})
        self.assertEqual(result["groups"], [{"name": "basic", "points": 20, "possible": 20, "passed": 2, "tried": 2}])


if __name__ == "__main__":
    unittest.main()
