#!/usr/bin/env python3
"""Proves the simulator: each classic mistake of tests/mistakes/rows.py, planted in a copy of the tree, must be caught.

Prints what caught it, and `N passed, N failed`. With words as arguments, only mistakes whose title contains one of them.
Each mistake needs a build of its own; all take some minutes.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/mistakes")]
from planting import plant, restore  # noqa: E402
from rows import MISTAKES  # noqa: E402

SEEDS = "50000"


def caught_by(tree):
    """The line by which the simulator reports the mistake, or None."""
    build = subprocess.run(["make", "-s", "-j1", "build/g++/sim"], cwd=tree, capture_output=True, text=True, check=False)
    if build.returncode != 0:
        raise SystemExit(build.stderr[-2000:])
    for what in (["--regressions", "tests/sim/regressions/seeds", "--seeds", SEEDS], ["--roles", SEEDS], ["--greedy", SEEDS], ["--torture", "1", "--worlds", "2"]):
        try:
            run = subprocess.run(["build/g++/sim", *what], cwd=tree, timeout=300, capture_output=True, text=True, check=False)
        except subprocess.TimeoutExpired:
            return "a hang"
        if run.returncode != 0:
            return next((line for line in run.stdout.splitlines() if line.startswith(("seed", "small", "torture", "sim: died"))),
                        f"it died with status {run.returncode}")
    return None


def main(wanted):
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        tree = pathlib.Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", "build"))
        os.environ.pop("MAKEFLAGS", None)
        for mistake in MISTAKES:
            if not mistake.simulated or (wanted and not any(word in mistake.title for word in wanted)):
                continue
            before_it = plant(tree, mistake.edits)
            found = caught_by(tree)
            restore(tree, before_it)
            named = found is not None and mistake.code in found
            missing = "" if named or found is None else f" (NO FINDING {mistake.code})"
            print(f"{mistake.title}: {found or 'NOT CAUGHT'}"[:200] + missing, flush=True)
            passed += named
            failed += not named
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
