#!/usr/bin/env python3
"""Builds everything and runs every suite; `make check` calls it.

With names as arguments only those suites run. First what they need is built; then they run beside each other, one more
of them than there are processors, because most of them mostly wait. Each suite says how many passed and failed; one that
ran nothing has failed. The last line is the sum over all of them: `N passed, N failed`. The exit status is 0 only if
nothing failed.
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import typing

ROOT = pathlib.Path(__file__).resolve().parent.parent
VALGRIND = ("valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all "
            "--track-fds=no")


# ---- how a suite's output is counted: (passed, failed) --------------------------------------------------------------

def count_gtest(output):
    passed = re.findall(r"^\[  PASSED  \] (\d+) test", output, re.MULTILINE)
    failed = re.findall(r"^ ?(\d+) FAILED TEST", output, re.MULTILINE)
    return sum(map(int, passed)), sum(map(int, failed))


def count_unittest(output):
    ran = re.findall(r"^Ran (\d+) tests?", output, re.MULTILINE)
    if not ran:
        return 0, 0
    result = output.rstrip().rpartition("\n")[2]  # a test may show the output of another run above it
    bad = sum(int(n) for n in re.findall(r"(?:failures|errors|unexpected successes)=(\d+)", result))
    skipped = sum(int(n) for n in re.findall(r"skipped=(\d+)", result))
    return max(0, int(ran[-1]) - bad - skipped), bad


def count_line(output):
    found = re.findall(r"^(\d+) passed, (\d+) failed", output, re.MULTILINE)
    return sum(int(p) for p, _ in found), sum(int(f) for _, f in found)


def count_driver(output):
    found = re.findall(r"Result: (\d+)/(\d+)", output)
    passed, tried = sum(int(p) for p, _ in found), sum(int(t) for _, t in found)
    return passed, tried - passed


def count_clean(output):
    """A build or a checker: it passes if it warns of nothing."""
    warned = re.findall(r"warning:|error:", output)
    return (0, len(warned)) if warned else (1, 0)


# ---- the suites -----------------------------------------------------------------------------------------------------

class Suite(typing.NamedTuple):
    name: str
    needs: tuple     # arguments of make(1) by which it is built, each a tuple
    parts: list      # (command, further environment) each; they may run beside each other
    count: typing.Callable


GCC, CLANG, ASAN = "CXX=g++", "CXX=clang++", ("CXX=g++", "SAN=address,undefined")
ASAN_FOLDER = "g++-address-undefined"
BARE, MEMCHECK = ("CXX=g++", "BARE=1"), ("CXX=g++", "MEMCHECK=1")


def make(*arguments):
    return ["make", "--no-print-directory", f"-j{os.cpu_count()}", *arguments]


def built(name, *arguments):
    """That it builds, and the compiler warns of nothing."""
    return Suite(name, (arguments,), [], count_clean)


def made(name, count, *arguments, needs):
    """A target of make's that runs what it depends on."""
    return Suite(name, (needs,), [(make(*arguments), {})], count)


def binary(config):
    return str(ROOT / "build" / config / "proxy")


def end_to_end(name, needs, config, **environment):
    """A part for each module."""
    modules = sorted(path.stem for path in (ROOT / "tests/e2e").glob("test_*.py"))
    return Suite(name, (needs,), [([sys.executable, "-m", "unittest", module],
                                   {"PYTHONPATH": "tests/e2e", "PROXY": binary(config), **environment}) for module in modules], count_unittest)


def driver(name, needs, config):
    return Suite(name, (needs,), [(["./driver.py", "-b", "20", "-c", "75", "-m", "2", "epoll", "--proxy", binary(config)], {})], count_driver)


def script(name, count, *arguments, needs=()):
    return Suite(name, needs, [([sys.executable, *arguments], {})], count)


# What takes longest is begun first.
SUITES = [
    script("layering", count_line, "tests/layering.py"),
    script("documents", count_line, "tests/documents.py"),
    script("planted places", count_line, "tests/planting.py"),
    built("build", GCC, "all"),
    built("build with clang", CLANG, "build/clang++/proxy"),
    built("build bare", *BARE, "build/g++-bare/proxy"),
    Suite("lint", (("lint",),), [], count_clean),
    end_to_end("end to end, valgrind", (*MEMCHECK, "build/g++-memcheck/proxy"), "g++-memcheck", PROXY_LIGHT="1", PROXY_PREFIX=VALGRIND),
    end_to_end("end to end, sanitized", (*ASAN, f"build/{ASAN_FOLDER}/proxy"), ASAN_FOLDER, PROXY_LIGHT="1"),
    end_to_end("end to end", (GCC, "all"), "g++"),
    end_to_end("end to end, bare", (*BARE, "build/g++-bare/proxy"), "g++-bare", PROXY_LIGHT="1"),
    made("simulated histories", count_line, GCC, "sim", "SEEDS=100000", needs=(GCC, "build/g++/sim")),
    made("simulated histories, sanitized", count_line, *ASAN, "sim", "SEEDS=5000", "WORLDS=1", needs=(*ASAN, f"build/{ASAN_FOLDER}/sim")),
    made("model", count_line, "model", needs=()),
    made("fuzz corpus", count_line, "fuzz-replay", needs=("fuzz-build",)),
    made("unit", count_gtest, GCC, "unit", needs=(GCC, "build/g++/unit_tests")),
    made("unit, sanitized", count_gtest, *ASAN, "unit", needs=(*ASAN, f"build/{ASAN_FOLDER}/unit_tests")),
    made("unit, on Linux", count_gtest, GCC, "unit-linux", needs=(GCC, "build/g++/linux_tests")),
    made("unit, on Linux, sanitized", count_gtest, *ASAN, "unit-linux", needs=(*ASAN, f"build/{ASAN_FOLDER}/linux_tests")),
    made("simulated kernel agrees with Linux", count_line, GCC, "agreement", needs=(GCC, "build/g++/agreement_sim", "build/g++/agreement_linux")),
    made("differential", count_line, GCC, "differential", needs=(GCC, "build/g++/differential")),
    Suite("browser", ((GCC, "all"),), [([sys.executable, "-m", "unittest", "discover", "-s", "tests/browser", "-t", "tests/browser"],
                                       {"PROXY": binary("g++"), "PYTHONPATH": "tests/e2e"})], count_unittest),
    driver("driver", (GCC, "all"), "g++"),
    driver("driver, bare", (*BARE, "build/g++-bare/proxy"), "g++-bare"),
    script("driver proves itself", count_unittest, "tests/driver_test.py"),
    made("handin", count_driver, "handin", needs=()),
]


# ---- running them ---------------------------------------------------------------------------------------------------

def run(command, environment=None):
    """The exit status, and what was printed."""
    process = subprocess.run(command, cwd=ROOT, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return process.returncode, f"$ {' '.join(command)}\n{process.stdout.decode(errors='replace')}"


class Builds:
    """Each is made once, whoever needs it."""

    def __init__(self):
        self._results = {}

    def result(self, arguments):
        """(exit status, output, seconds)."""
        if arguments not in self._results:
            started = time.monotonic()
            self._results[arguments] = (*run(make(*arguments)), time.monotonic() - started)
        return self._results[arguments]


class Running:
    """A suite, of which some parts have run."""

    def __init__(self, suite, folder):
        self.suite, self.passed, self.failed, self.seconds = suite, 0, 0, 0.0
        self._log, self._bad = pathlib.Path(folder) / (re.sub(r"\W+", "-", suite.name) + ".log"), []
        self._left, self._lock = len(suite.parts), threading.Lock()

    def note(self, status, output, seconds):
        passed, failed = self.suite.count(output)
        failed = failed or int(status != 0)
        self.passed, self.failed, self.seconds = self.passed + passed, self.failed + failed, self.seconds + seconds
        if failed:
            self._bad.append(output)
        with open(self._log, "a", encoding="utf-8") as log:
            log.write(output + "\n")

    def run_part(self, command, environment):
        started = time.monotonic()
        status, output = run(command, environment)
        with self._lock:
            self.note(status, output, time.monotonic() - started)
            self._left -= 1
            if self._left == 0:
                self.tell()

    def tell(self):
        self.failed = self.failed or int(self.passed == 0)
        lines = [f"{self.suite.name + ':':24} {self.passed:5} passed, {self.failed} failed   ({self.seconds:.0f} s)"]
        for output in self._bad:
            lines += ["    " + line for line in output.splitlines()[-60:]]
        print("\n".join(lines), flush=True)


def build(suites, folder):
    """Those that are to run, with all that they need; what cannot be built has failed."""
    builds, ready = Builds(), []
    for suite in suites:
        running = Running(suite, folder)
        ready.append(running)
        for status, output, seconds in [builds.result(need) for need in suite.needs if need]:
            if status != 0 or not suite.parts:
                running.note(status, output, seconds)
        if running.failed or not suite.parts:
            running.tell()
    return ready


def main(wanted):
    unknown = set(wanted) - {suite.name for suite in SUITES}
    if unknown:
        print(f"check: no suite is called {', '.join(sorted(unknown))}; there are: "
              + ", ".join(suite.name for suite in SUITES), file=sys.stderr)
        return 2
    for variable in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):  # the builds here are not the caller's
        os.environ.pop(variable, None)
    os.environ.pop("CXX", None)
    folder = tempfile.mkdtemp(prefix="proxy-check-")
    suites = build([suite for suite in SUITES if not wanted or suite.name in wanted], folder)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() + 1) as lanes:
        parts = [lanes.submit(running.run_part, *part) for running in suites if not running.failed for part in running.suite.parts]
    for part in parts:
        part.result()  # an error of ours is not lost
    passed, failed = sum(running.passed for running in suites), sum(running.failed for running in suites)
    if failed:
        print(f"check: whole logs are in {folder}")
    else:
        shutil.rmtree(folder)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
