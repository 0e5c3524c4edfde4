#!/usr/bin/env python3
"""Builds and runs the test suites.

    check.py TIER [SUITE...]    TIER: quick, check or check-all; with names, only these suites of the tier

A suite starts as soon as what it needs is built, while the next configuration is being built. At most two parts more than
there are processors run at a time, because most parts mostly wait. Each suite reports how many tests passed and failed; a suite that
ran no test has failed. A suite of the tier `check` that has passed on the same sources is not run again by `check-all`, but
counted. The last line is the sum: `N passed, N failed`, and `, N skipped` if there are such tests: in a light run, or because a
program is not installed. Before it, what failed is shown again. The exit status is 0 only if nothing failed.
"""
import concurrent.futures
import dataclasses
import hashlib
import json
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

import tidy

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/mistakes"))
import rows  # noqa: E402
RECORD = ROOT / "build/passed.json"
VALGRIND = ("valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all "
            "--track-fds=no")
TIERS = ("quick", "check", "check-all")  # each has the suites of those before it
NICE = ["nice", "-n", "10"]              # what only computes leaves the processors to what has timeouts


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


def count_skipped(output):
    """How many tests were skipped, of unittest or of a script."""
    found = re.findall(r"^(?:OK|FAILED) \(.*\bskipped=(\d+)|^\d+ passed, \d+ failed, (\d+) skipped", output, re.MULTILINE)
    return int("".join(found[-1])) if found else 0


def skipped(count):
    """What a line says of them."""
    return f", {count} skipped" if count else ""


def count_line(output):
    found = re.findall(r"^(\d+) passed, (\d+) failed", output, re.MULTILINE)
    return sum(int(p) for p, _ in found), sum(int(f) for _, f in found)


def count_driver(output):
    found = re.findall(r"Result: (\d+)/(\d+)", output)
    passed, tried = sum(int(p) for p, _ in found), sum(int(t) for _, t in found)
    return passed, tried - passed


def count_clean(output):
    """A build or a checker passes if it prints no warning."""
    warned = re.findall(r"warning:|error:", output)
    return (0, len(warned)) if warned else (1, 0)


def count_exit(output):
    """Its exit status decides."""
    return (1, 0) if "error:" not in output else (0, 1)


# ---- the suites -----------------------------------------------------------------------------------------------------

class Suite(typing.NamedTuple):
    name: str
    tier: str
    needs: tuple     # arguments of make(1) by which it is built; empty: nothing
    parts: list      # (name, command, further environment) each; they may run beside each other. Empty: only the build counts
    count: typing.Callable


QUICKLY = "OPTIMIZE=-O1 -g1"             # what runs under a checker: compiled in two thirds of the time
GCC, CLANG, BARE, MEMCHECK = ("CXX=g++",), ("CXX=clang++",), ("CXX=g++", "BARE=1"), ("CXX=g++", "MEMCHECK=1", QUICKLY)
ASAN, ASAN_DIRECTORY = ("CXX=g++", "SAN=address,undefined", QUICKLY), "g++-address-undefined"
SOURCES = sorted(str(path.relative_to(ROOT)) for pattern in ("*.cpp", "src/*/*.cpp") for path in ROOT.glob(pattern))


def make(*arguments):
    return [*NICE, "make", "--no-print-directory", "-s", f"-j{os.cpu_count()}", *arguments]


def built(name, tier, *arguments):
    """That it builds without a warning."""
    return Suite(name, tier, arguments, [], count_clean)


def unit_tests(name, tier, needs, directory, program):
    """Run as they are: a make here would look at a tree in which the builds are still at work."""
    return Suite(name, tier, (*needs, f"build/{directory}/{program}"), [("", [*NICE, f"build/{directory}/{program}"], {})], count_gtest)


def made(name, tier, count, *arguments, needs=()):
    """A target of the Makefile that runs what it depends on."""
    return Suite(name, tier, needs, [("", make(*arguments), {})], count)


def script(name, tier, count, *arguments, needs=(), prefix=()):
    return Suite(name, tier, needs, [("", [*prefix, sys.executable, *arguments], {})], count)


def binary(directory):
    return str(ROOT / "build" / directory / "proxy")


def end_to_end(name, tier, needs, directory, only=None, **environment):
    """A part for each module, those that take longest first."""
    modules = only or sorted((path.stem for path in (ROOT / "tests/e2e").glob("test_*.py")),
                             key=lambda module: (module not in LONG, module))
    return Suite(name, tier, needs, [(module, [sys.executable, "-m", "unittest", module],
                                      {"PYTHONPATH": "tests/e2e", "PROXY": binary(directory), **environment}) for module in modules],
                 count_unittest)


def clients(name, tier, needs, directory):
    """Other programs as clients and servers; a part for each module."""
    modules = sorted(path.stem for path in (ROOT / "tests/clients").glob("test_*.py"))
    return Suite(name, tier, needs, [(module, [sys.executable, "-m", "unittest", module],
                                      {"PYTHONPATH": "tests/clients", "PROXY": binary(directory)}) for module in modules], count_unittest)


def installed(name, tier):
    """What is installed: a part for each module."""
    modules = sorted(path.stem for path in (ROOT / "tests/install").glob("test_*.py"))
    return Suite(name, tier, (*GCC, "all"), [(module, [sys.executable, "-m", "unittest", module],
                                              {"PYTHONPATH": "tests/install", "PROXY": binary("g++")}) for module in modules], count_unittest)


def driver(name, tier, needs, directory):
    return script(name, tier, count_driver, "./driver.py", "-b", "20", "-c", "75", "-m", "2", "epoll", "--proxy", binary(directory), needs=needs)


def simulated(name, tier, needs, directory, *parts, prefix=()):
    """A part for each dict of numbers: options of the simulator, each 0 unless named."""
    zeros = {"torture": 0, "worlds": 0, "seed": 1, "seeds": 0, "roles": 0, "greedy": 0, "viewers": 0}
    return Suite(name, tier, (*needs, f"build/{directory}/sim"),
                 [(" ".join(part), [*NICE, *prefix, f"build/{directory}/sim", "--regressions", "tests/sim/regressions/seeds",
                                    *(word for option, number in (zeros | part).items() for word in (f"--{option}", str(number)))], {})
                  for part in parts], count_line)


def clang_tidy(name, tier):
    """A part for each unit of tests/tidy.py."""
    return Suite(name, tier, (), [(unit, [*NICE, sys.executable, "tests/tidy.py", unit], {}) for unit in tidy.units()], count_clean)


def mistakes(name, tier, needs, directory):
    """A part for each mistake to watch, which needs a build of its own."""
    names = [mistake.lesson.name for mistake in rows.LESSONS]
    return Suite(name, tier, needs, [(name, [*NICE, sys.executable, "tests/mistakes/check.py", name], {"OBJECTS": f"build/{directory}"})
                                     for name in names], count_unittest)


LONG = ("test_deadlines", "test_many", "test_signals", "test_scarcity", "test_checks")
QUICK = ("test_requests", "test_refusals", "test_command_line", "test_http11")
# Under valgrind, the modules that between them make each system call; the simulated histories are there for the states.
SYSTEM = ("test_signals", "test_requests", "test_http11", "test_files", "test_names", "test_reload", "test_reverse", "test_relay", "test_log", "test_upstream")
# In the build without libraries, the modules that use passwords, configuration files or gzip, and the most common work.
WITHOUT_LIBRARIES = (*QUICK, "test_access", "test_board", "test_checks", "test_config", "test_doctor", "test_explain", "test_files", "test_lens",
                     "test_metrics", "test_migrate_document", "test_relay", "test_reload", "test_reverse", "test_roles_document", "test_settings",
                     "test_site_users", "test_upstream")
SUITES = [
    script("layering", "quick", count_line, "tests/layering.py"),
    script("structure", "quick", count_line, "tests/structure.py", "--check"),
    script("documents", "quick", count_line, "tests/documents.py"),
    script("planted places", "quick", count_line, "tests/planting.py"),
    script("words", "quick", count_line, "tests/words.py"),
    made("format", "quick", count_exit, "format", "FORMAT=--dry-run --Werror"),
    built("build", "quick", *GCC, "all"),
    end_to_end("end to end, quick", "quick", (*GCC, "all"), "g++", only=QUICK),
    end_to_end("end to end", "check", (*GCC, "all"), "g++"),
    driver("driver", "check", (*GCC, "all"), "g++"),
    script("report of a failed history", "check", count_unittest, "tests/sim/report_test.py", needs=(*GCC, "build/g++/proxy", "build/g++/sim")),
    Suite("browser", "check", (*GCC, "all"), [("", [sys.executable, "-m", "unittest", "discover", "-s", "tests/browser", "-t", "tests/browser"],
                                               {"PROXY": binary("g++"), "PYTHONPATH": "tests/e2e"})], count_unittest),
    Suite("board", "check", (*GCC, "all"), [("", [sys.executable, "tests/console/run.py"], {"PROXY": binary("g++")}),
                                         ("guard", [sys.executable, "tests/console/run_test.py"], {})], count_unittest),
    installed("installation", "check"),
    unit_tests("unit", "quick", GCC, "g++", "unit_tests"),
    simulated("simulated histories", "check", GCC, "g++", {"seeds": 100000}, {"roles": 10000, "greedy": 5000, "viewers": 3000}, {"torture": 1, "worlds": 1}),
    unit_tests("unit, on Linux", "check", GCC, "g++", "linux_tests"),

    end_to_end("end to end, valgrind", "check-all", (*MEMCHECK, "build/g++-memcheck/proxy"), "g++-memcheck", only=SYSTEM,
               PROXY_LIGHT="1", PROXY_PREFIX=VALGRIND),
    simulated("simulated histories, valgrind", "check-all", MEMCHECK, "g++-memcheck", {"seeds": 600}, {"roles": 150, "greedy": 75, "viewers": 75},
              prefix=VALGRIND.split()),
    clients("real clients", "check-all", (*GCC, "all"), "g++"),
    mistakes("mistakes", "check-all", (*GCC, "all"), "g++"),
    clang_tidy("clang-tidy", "check-all"),
    Suite("cppcheck", "check-all", (), [("", [*NICE, "cppcheck", "--quiet", "--std=c++20", "--language=c++", "--inline-suppr",
                                              "--enable=warning,performance,portability", "--suppress=missingIncludeSystem",
                                              "--error-exitcode=1", f"-j{os.cpu_count()}", *SOURCES], {})], count_exit),
    end_to_end("end to end, sanitized", "check-all", (*ASAN, f"build/{ASAN_DIRECTORY}/proxy"), ASAN_DIRECTORY, PROXY_LIGHT="1"),
    end_to_end("end to end, bare", "check-all", (*BARE, "build/g++-bare/proxy"), "g++-bare", only=WITHOUT_LIBRARIES, PROXY_LIGHT="1"),
    driver("driver, bare", "check-all", (*BARE, "build/g++-bare/proxy"), "g++-bare"),
    script("driver proves itself", "check-all", count_unittest, "tests/driver_test.py", needs=(*GCC, "build/g++/proxy")),
    made("driver, lint", "check-all", count_clean, "lint-driver"),
    simulated("simulated histories, sanitized", "check-all", ASAN, ASAN_DIRECTORY, {"seeds": 3000, "torture": 1, "worlds": 1},
              {"roles": 1500, "greedy": 1000, "viewers": 1000}),
    simulated("all simulated histories", "check-all", GCC, "g++", {"worlds": 2}, {"seed": 1000001, "roles": 8000, "greedy": 5000}),
    unit_tests("unit, sanitized", "check-all", ASAN, ASAN_DIRECTORY, "unit_tests"),
    unit_tests("unit, on Linux, sanitized", "check-all", ASAN, ASAN_DIRECTORY, "linux_tests"),
    made("simulated kernel agrees with Linux", "check-all", count_line, *GCC, "agreement",
         needs=(*GCC, "build/g++/agreement_sim", "build/g++/agreement_linux")),
    made("differential", "check-all", count_line, *GCC, "differential", needs=(*GCC, "build/g++/differential")),
    made("cost of a request", "check-all", count_line, *GCC, "bench-check", needs=(*GCC, "bench-programs")),
    made("bench, lint", "check-all", count_clean, "lint-bench"),
    made("fuzz corpus", "check-all", count_line, "fuzz-replay", needs=("fuzz-build",)),
    made("each source by itself, with clang", "check-all", count_clean, *CLANG, "each-source"),
    built("build bare", "check-all", *BARE, "build/g++-bare/proxy"),
    made("model", "check-all", count_line, "model"),
    made("site of the documents", "check-all", count_exit, "docs-site"),
    Suite("deploy", "check-all", (*GCC, "all"), [("", [sys.executable, "tests/deploy/test_deploy.py"], {"PROXY": binary("g++")})], count_unittest),
    made("network faults", "check-all", count_line, *GCC, "faults", needs=(*GCC, "all")),
    script("scale", "check-all", count_line, "bench/scale.py"),
    made("handin", "check-all", count_driver, "handin"),
]


def suites_of(tier, names):
    """Those of the tier that have one of these names, or all; a smaller end-to-end suite is part of the whole one."""
    chosen = [suite for suite in SUITES if TIERS.index(suite.tier) <= TIERS.index(tier)]
    if names:
        return [suite for suite in chosen if suite.name in names]
    return [suite for suite in chosen if tier == "quick" or suite.name != "end to end, quick"]


# ---- what has passed already ------------------------------------------------------------------------------------------

def fingerprint():
    """A hash of all sources."""
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(set(folders) - {".git", "build", "__pycache__", "node_modules"})
        for name in sorted(files):
            path = pathlib.Path(folder, name)
            if path.parent != ROOT / "handin" and path != ROOT / "proxy" and not path.is_symlink():
                digest.update(f"{path.relative_to(ROOT)} {path.stat().st_size} ".encode() + path.read_bytes())
    return digest.hexdigest()


def passed_before(sources):
    """{suite: passed tests} of the last `check`, if the sources are the same."""
    try:
        record = json.loads(RECORD.read_text(encoding="utf-8"))
        return record["passed"] if record["sources"] == sources else {}
    except (OSError, ValueError, KeyError):
        return {}


# ---- running ----------------------------------------------------------------------------------------------------------

class Done(typing.NamedTuple):
    """A command that has ended."""
    status: int
    output: str    # the command too
    seconds: float
    cpu: float     # seconds of all its processes


def run(command, environment=None):
    started = time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        output = process.stdout.read().decode(errors="replace")
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Done(process.returncode, f"$ {' '.join(command)}\n{output}", time.monotonic() - started, used.ru_utime + used.ru_stime)


@dataclasses.dataclass
class Result:
    """Of a suite so far."""
    parts_left: int
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0
    cpu: float = 0


class Run:
    """All suites of one call: their results and what is printed while they run."""
    EVERY_S = 15 if sys.stdout.isatty() else 60
    SHOWN = 60  # lines of the output of a part that failed

    def __init__(self, suites):
        self.results = {suite.name: Result(max(1, len(suite.parts))) for suite in suites}
        self._suites = suites
        self._all = sum(result.parts_left for result in self.results.values())
        self._running, self._lock, self._ended, self._started = {}, threading.Lock(), threading.Event(), time.monotonic()
        self._logs, self._failures = tempfile.mkdtemp(prefix="proxy-check-"), []

    def sum(self, name):
        """Of this figure of all results."""
        return sum(getattr(result, name) for result in self.results.values())

    def _say(self, text):
        print(f"{time.monotonic() - self._started:5.0f} s  {text}", flush=True)

    def _report_progress(self):
        while not self._ended.wait(self.EVERY_S):
            with self._lock:
                oldest = sorted(self._running, key=self._running.get)
                self._say(f"... {self._all - self.sum('parts_left')} of {self._all} parts done, {self.sum('failed')} failed; running: {', '.join(oldest)}")

    def _doing(self, title, command, environment=None):
        """Runs it."""
        with self._lock:
            self._running[title] = time.monotonic()
        done = run(command, environment)
        with self._lock:
            del self._running[title]
        return done

    def _note(self, suite, title, done, parts=1):
        """Counts what a part, or all parts, of a suite printed."""
        passed, failed = suite.count(done.output) if parts == 1 else (0, 1)
        failed = failed or int(done.status != 0)
        with self._lock:
            result = self.results[suite.name]
            result.passed, result.failed, result.skipped = result.passed + passed, result.failed + failed, result.skipped + count_skipped(done.output)
            result.seconds, result.cpu, result.parts_left = result.seconds + done.seconds, result.cpu + done.cpu, result.parts_left - parts
            if failed:
                self._failures.append(f"FAILED: {title}\n" + "\n".join("    " + line for line in done.output.splitlines()[-self.SHOWN:]))
                self._say(self._failures[-1])
            if result.parts_left == 0:
                result.failed = result.failed or int(result.passed == 0 and not result.skipped)
                self._say(f"{suite.name + ':':35} {result.passed:5} passed, {result.failed} failed{skipped(result.skipped)}   "
                          f"({result.seconds:.0f} s, {result.cpu:.0f} s of CPU)")
        with open(pathlib.Path(self._logs, re.sub(r"\W+", "-", suite.name) + ".log"), "a", encoding="utf-8") as log:
            log.write(done.output + "\n")

    def _part(self, suite, name, command, environment):
        title = f"{suite.name} {name}".strip()
        self._note(suite, title, self._doing(title, command, environment))

    def _build(self, need):
        if not need:
            return Done(0, "", 0, 0)
        done = self._doing("build " + " ".join(need), make(*need))
        self._say(f"{'built ' + ' '.join(need):63} ({done.seconds:.0f} s, {done.cpu:.0f} s of CPU)")
        return done

    def whole(self):
        """Builds and runs all suites; True if nothing failed."""
        threading.Thread(target=self._report_progress, daemon=True).start()
        needs, parts = list(dict.fromkeys(suite.needs for suite in self._suites)), []
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() + 2) as lanes:
            for need in sorted(needs, key=bool):
                done = self._build(need)
                for suite in [suite for suite in self._suites if suite.needs == need]:
                    if done.status != 0 or not suite.parts:
                        self._note(suite, f"{suite.name}, its build", done, max(1, len(suite.parts)))
                    else:
                        parts += [lanes.submit(self._part, suite, *part) for part in suite.parts]
        self._ended.set()
        for part in parts:
            part.result()  # raises what this script did wrong
        if not self.sum("failed"):
            shutil.rmtree(self._logs)
            return True
        print("\n".join(["", "What failed, again:", *self._failures]))  # the end of a long log is what is read first
        print(f"check: whole logs are in {self._logs}")
        return False


def main(arguments):
    tier, names = (arguments or ["check"])[0], arguments[1:]
    unknown = set(names) - {suite.name for suite in SUITES}
    if tier not in TIERS or unknown:
        print(f"check: unknown {'tier ' + tier if tier not in TIERS else 'suite ' + ', '.join(unknown)}; "
              f"tiers: {', '.join(TIERS)}; suites: {', '.join(suite.name for suite in SUITES)}", file=sys.stderr)
        return 2
    for variable in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CXX"):  # the builds here are not the caller's
        os.environ.pop(variable, None)
    sources = fingerprint()
    before = passed_before(sources) if tier == "check-all" and not names else {}
    suites = suites_of(tier, names)
    for suite in suites:
        if suite.name in before:
            print(f"{suite.name + ':':43} {before[suite.name]:5} passed before, on the same sources")
    running = Run([suite for suite in suites if suite.name not in before])
    good = running.whole()
    if tier == "check" and not names:
        passed = {name: result.passed for name, result in running.results.items() if not result.failed}
        RECORD.write_text(json.dumps({"sources": sources, "passed": passed}), encoding="utf-8")
    in_all = running.sum("passed") + sum(before.values())
    print(f"{in_all} passed, {running.sum('failed')} failed{skipped(running.sum('skipped'))}")
    return 0 if good and in_all else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
