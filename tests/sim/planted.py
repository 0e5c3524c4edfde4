#!/usr/bin/env python3
"""Proves the simulator: each classic mistake of tests/mistakes/rows.py, planted in a copy of the tree, must be caught.

Prints what caught it, and `N passed, N failed`. With words as arguments, only mistakes whose title contains one of them.
Each mistake needs a build of its own, which begins with the objects of build/g++; one copy of the tree a processor.
"""
import concurrent.futures
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/mistakes")]
from planting import plant, restore  # noqa: E402
from rows import MISTAKES  # noqa: E402

BUILD = "build/g++"
SEEDS = "50000"
# Of each kind, which find most mistakes in seconds.
A_FEW = ["--regressions", "tests/sim/regressions/seeds", "--seeds", "2000", "--roles", "500", "--greedy", "500", "--viewers", "500", "--torture", "1", "--worlds", "1"]
HANGS_AFTER_S = 300  # of CPU time: however loaded the machine is


def copy_of_tree(folder):
    """A copy with the objects of the build, and with the times by which make knows what is up to date."""
    tree = pathlib.Path(folder)
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", "build", "node_modules"), dirs_exist_ok=True)
    if (ROOT / BUILD).is_dir():
        shutil.copytree(ROOT / BUILD, tree / BUILD)
    return tree


def caught_by(tree):
    """The line by which the simulator reports the mistake; None if it does not. Ends the program if the tree does not build."""
    build = subprocess.run(["make", "-s", "-j1", "CXX=g++", f"{BUILD}/sim"], cwd=tree, capture_output=True, text=True, check=False)
    if build.returncode != 0:
        raise SystemExit(f"{build.stderr[-2000:]}\nplanted: the program with the mistake does not build")
    for what in (A_FEW, ["--seeds", SEEDS], ["--roles", SEEDS], ["--greedy", SEEDS], ["--viewers", SEEDS], ["--torture", "1", "--worlds", "2"]):
        command = ["prlimit", f"--cpu={HANGS_AFTER_S}", f"{BUILD}/sim", *what]
        with subprocess.Popen(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as run:
            for line in run.stdout:
                if line.startswith(("seed", "small", "torture", "sim: died")):
                    run.kill()  # it would shrink the history, and go on
                    return line.rstrip()
        if run.returncode != 0:
            return "a hang" if run.returncode == -signal.SIGXCPU else f"it died with status {run.returncode}"
    return None


def check(mistake, trees):
    """True if the simulator finds the mistake, by the finding that names it."""
    tree = trees.get()
    before_it = plant(tree, mistake.edits)
    found = caught_by(tree)
    restore(tree, before_it)
    trees.put(tree)
    named = found is not None and mistake.code in found
    missing = "" if named or found is None else f" (NO FINDING {mistake.code})"
    print(f"{mistake.title}: {found or 'NOT CAUGHT'}"[:200] + missing, flush=True)
    return named


def main(wanted):
    rows = [mistake for mistake in MISTAKES if mistake.simulated and (not wanted or any(word in mistake.title for word in wanted))]
    os.environ.pop("MAKEFLAGS", None)
    processors, trees = os.cpu_count() or 1, queue.Queue()
    with tempfile.TemporaryDirectory(prefix="planted-") as folder, concurrent.futures.ThreadPoolExecutor(processors) as workers:
        for number in range(processors):
            trees.put(copy_of_tree(pathlib.Path(folder, str(number))))
        found = list(workers.map(lambda mistake: check(mistake, trees), rows))
    print(f"{sum(found)} passed, {len(found) - sum(found)} failed")
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
