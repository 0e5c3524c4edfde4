#!/usr/bin/env python3
"""Builds everything and runs every suite; `make check` calls it.

With names as arguments only those suites run. Each suite says how many passed and failed; one that ran nothing has
failed. The last line is the sum over all of them: `N passed, N failed`. The exit status is 0 only if nothing failed.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

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

def make(*arguments):
    return ["make", "--no-print-directory", "-j2", *arguments]


def binary(config):
    return str(ROOT / "build" / config / "proxy")


def end_to_end(config, **environment):
    command = [sys.executable, "-m", "unittest", "discover", "-s", "tests/e2e", "-t", "tests/e2e"]
    return command, {"PROXY": binary(config), **environment}


def driver(config):
    return ["./driver.py", "-b", "20", "-c", "75", "-m", "2", "epoll", "--proxy", binary(config)], {}


ASAN = "g++-address-undefined"
SUITES = [
    # name, commands (each: arguments, further environment), how it is counted
    ("layering", [([sys.executable, "tests/layering.py"], {})], count_line),
    ("documents", [([sys.executable, "tests/documents.py"], {})], count_line),
    ("build", [(make("CXX=g++"), {})], count_clean),
    ("build with clang", [(make("CXX=clang++", "build/clang++/proxy"), {})], count_clean),
    ("build bare", [(make("CXX=g++", "BARE=1", "build/g++-bare/proxy"), {})], count_clean),
    ("lint", [(make("lint"), {})], count_clean),
    ("unit", [(make("CXX=g++", "unit"), {})], count_gtest),
    ("unit, sanitized", [(make("CXX=g++", "SAN=address,undefined", "unit"), {})], count_gtest),
    ("unit, on Linux", [(make("CXX=g++", "unit-linux"), {})], count_gtest),
    ("unit, on Linux, sanitized", [(make("CXX=g++", "SAN=address,undefined", "unit-linux"), {})], count_gtest),
    ("simulated kernel agrees with Linux", [(make("CXX=g++", "agreement"), {})], count_line),
    ("simulated histories", [(make("CXX=g++", "sim", "SEEDS=100000"), {})], count_line),
    ("simulated histories, sanitized", [(make("CXX=g++", "SAN=address,undefined", "sim", "SEEDS=5000", "WORLDS=1"), {})], count_line),
    ("model", [(make("model"), {})], count_line),
    ("fuzz corpus", [(make("fuzz-replay"), {})], count_line),
    ("differential", [(make("CXX=g++", "differential"), {})], count_line),
    ("end to end", [end_to_end("g++")], count_unittest),
    ("end to end, bare", [end_to_end("g++-bare", PROXY_LIGHT="1")], count_unittest),
    ("end to end, sanitized", [(make("CXX=g++", "SAN=address,undefined", f"build/{ASAN}/proxy"), {}),
                               end_to_end(ASAN, PROXY_LIGHT="1")], count_unittest),
    ("end to end, valgrind", [(make("CXX=g++", "MEMCHECK=1", "build/g++-memcheck/proxy"), {}),
                              end_to_end("g++-memcheck", PROXY_LIGHT="1", PROXY_PREFIX=VALGRIND)], count_unittest),
    ("browser", [([sys.executable, "-m", "unittest", "discover", "-s", "tests/browser", "-t", "tests/browser"],
                  {"PROXY": binary("g++"), "PYTHONPATH": "tests/e2e"})], count_unittest),
    ("driver", [driver("g++")], count_driver),
    ("driver, bare", [driver("g++-bare")], count_driver),
    ("driver proves itself", [([sys.executable, "tests/driver_test.py"], {})], count_unittest),
    ("handin", [(make("handin"), {})], count_driver),
]


def run(command, environment, log):
    """The command's exit status; what it prints goes to the log and is returned."""
    process = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    output = process.stdout.decode(errors="replace")
    log.write(f"$ {' '.join(command)}\n{output}\n")
    return process.returncode, output


def run_suite(name, commands, count, folder):
    """(passed, failed) of one suite, and its line on the way."""
    started = time.monotonic()
    path = pathlib.Path(folder) / (re.sub(r"\W+", "-", name) + ".log")
    with open(path, "w", encoding="utf-8") as log:
        for command, environment in commands:
            status, output = run(command, environment, log)
            if status != 0:
                break
    passed, failed = count(output)
    if (status != 0 or passed == 0) and failed == 0:
        failed = 1
    print(f"{name + ':':24} {passed:5} passed, {failed} failed   ({time.monotonic() - started:.0f} s)", flush=True)
    if failed:
        print("\n".join("    " + line for line in output.splitlines()[-60:]), flush=True)
    return passed, failed


def main(wanted):
    unknown = set(wanted) - {name for name, _, _ in SUITES}
    if unknown:
        print(f"check: no suite is called {', '.join(sorted(unknown))}; there are: "
              + ", ".join(name for name, _, _ in SUITES), file=sys.stderr)
        return 2
    for variable in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):  # the builds here are not the caller's
        os.environ.pop(variable, None)
    os.environ.pop("CXX", None)
    total_passed = total_failed = 0
    folder = tempfile.mkdtemp(prefix="proxy-check-")
    for name, commands, count in SUITES:
        if wanted and name not in wanted:
            continue
        passed, failed = run_suite(name, commands, count, folder)
        total_passed += passed
        total_failed += failed
    if total_failed:
        print(f"check: whole logs are in {folder}")
    else:
        shutil.rmtree(folder)
    print(f"{total_passed} passed, {total_failed} failed")
    return 1 if total_failed or not total_passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
