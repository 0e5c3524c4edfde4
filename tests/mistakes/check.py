#!/usr/bin/env python3
"""Builds the mistakes to watch, and runs the test of each with its program. With names as arguments, only these.

OBJECTS is the directory of a complete build (default: build/g++). Prints what unittest prints for each.
"""
import os
import subprocess
import sys

import build

PATIENCE = "600"  # a connection stays open until Chromium has looked at it, on a busy machine too
REFUSED = "reachable from other machines"


def listens_to_others(program):
    """Whether it starts where other machines could use it. `--check` reads the options only."""
    done = subprocess.run([program, "--listen", "0.0.0.0:8080", "--allow", "192.0.2.0/24", "--check"], capture_output=True, text=True, check=False)
    return done.returncode != 2 or REFUSED not in done.stderr


def check(name):
    """True if the mistake is found, and its program is for this machine only."""
    program = build.build(name, os.environ.get("OBJECTS", "build/g++"))
    if listens_to_others(program):
        print(f"{name}: other machines can use the program with the mistake")
        return False
    test = f"test_mistakes.Mistakes.test_{name.replace('-', '_')}"
    environment = {**os.environ, "PROXY": str(program), "PYTHONPATH": str(build.ROOT / "tests/mistakes"), "PROXY_PATIENCE": PATIENCE}
    print(f"{name}:", flush=True)
    return subprocess.run([sys.executable, "-m", "unittest", test], env=environment, cwd=build.ROOT, check=False).returncode == 0


def main(names):
    names = names or [mistake.lesson.name for mistake in build.rows.LESSONS]
    return 0 if all([check(name) for name in names]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
