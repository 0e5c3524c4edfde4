#!/usr/bin/env python3
"""Runs the tests of the board's page with node; those in Chromium need `npm ci` in tests/console first.

--no-browser: without those in Chromium. The last lines are those of unittest, so that check.py counts them. A missing program
skips its tests. A file that hangs is killed and fails.
"""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
HUNG_MINUTES = 30  # many times what the longest file takes on a busy machine


def needs_browser(path):
    return "./browser.mjs" in path.read_text(encoding="utf-8")


def missing():
    """What the tests in Chromium lack here, or an empty string."""
    lacks = [name for name in ("node", "chromium") if not shutil.which(name)]
    return ", ".join(lacks + ["npm ci in tests/console"] * (not (HERE / "node_modules/playwright-core").is_dir()))


def hangs(began):
    """Whether tests that have begun at this moment of the monotonic clock are taken to hang."""
    return time.monotonic() - began > HUNG_MINUTES * 60


def with_descendants(pid):
    """The process and all that it has started, Chromium in a session of its own too (proc_pid_stat(5))."""
    children = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            parent = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
            children.setdefault(int(parent), []).append(int(path.parent.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def run_files(names, folder=HERE, is_hung=hangs):
    """Runs these test files. Returns (exit status, output); of tests that hang, after killing them, (None, output so far)."""
    command = [shutil.which("node"), "--test", "--test-reporter=tap", *names]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        began, status = time.monotonic(), None
        while status is None and not is_hung(began):
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = process.wait(1)
        if status is None:
            for pid in with_descendants(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        return status, output.read()


def last_ended(output):
    """The last test of a TAP output that has ended, or an empty string."""
    return (re.findall(r"^ *(?:not )?ok \d+ - (.*)", output, re.MULTILINE) or [""])[-1]


def main(words):
    files = sorted(path for path in HERE.glob("*_test.mjs") if "--no-browser" not in words or not needs_browser(path))
    node = shutil.which("node")
    lacks = missing()
    skipped = [path for path in files if not node or (needs_browser(path) and lacks)]
    for path in skipped:
        print(f"{path.name}: skipped: missing: {lacks}")
    chosen = [path for path in files if path not in skipped]
    # A browser leaves no processor to another one: one file after the other.
    groups = [[path.name for path in chosen if not needs_browser(path)], *([path.name] for path in chosen if needs_browser(path))]
    passed = failed = 0
    counted = len(skipped)
    for group in filter(None, groups):
        status, output = run_files(group)
        number = {name: int(value) for name, value in re.findall(r"^# (pass|fail|cancelled|skipped) (\d+)", output, re.MULTILINE)}
        bad = number.get("fail", 0) + number.get("cancelled", 0)
        failed += bad or int(status != 0)
        passed += number.get("pass", 0)
        counted += number.get("skipped", 0)
        if status != 0:
            print(output)
        if status is None:
            print(f"{' '.join(group)}: killed after {HUNG_MINUTES} minutes; the last test that ended: {last_ended(output) or 'none'}")
    print(f"Ran {passed + failed + counted} tests")
    notes = [f"failures={failed}"] * bool(failed) + [f"skipped={counted}"] * bool(counted)
    print(("FAILED" if failed else "OK") + (f" ({', '.join(notes)})" if notes else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
