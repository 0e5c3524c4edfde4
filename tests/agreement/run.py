#!/usr/bin/env python3
"""Holds the simulated kernel against Linux; `make agreement` calls it.

    run.py LINUX SIMULATION      two programs that play the same scenarios

Each scenario in which they disagree is shown, with the lines of both. The last line is `N passed, N failed`.
"""
import difflib
import subprocess
import sys

TIMEOUT = 120  # seconds; a few suffice


def scenarios(program):
    """{name: lines} in the order of the program; and what went wrong with it, or None."""
    try:
        done = subprocess.run([program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=TIMEOUT, check=False, text=True)
        output, status, complaint = done.stdout, done.returncode, done.stderr.strip()
    except subprocess.TimeoutExpired as late:
        output, status, complaint = (late.stdout or b"").decode(), "none", f"not done after {TIMEOUT} s"
    found = {}
    lines = []
    for line in output.splitlines():
        if line.startswith("= "):
            if line[2:] in found:
                return found, f"two scenarios are called {line[2:]!r}"
            lines = found[line[2:]] = []
        else:
            lines.append(line)
    return found, None if status == 0 else f"status {status}: {complaint}"


def main():
    linux, simulation = sys.argv[1:]
    (real, real_trouble), (simulated, simulated_trouble) = scenarios(linux), scenarios(simulation)
    passed = failed = 0
    for program, trouble in (linux, real_trouble), (simulation, simulated_trouble):
        if trouble:
            print(f"FAILED {program}: {trouble}")
            failed += 1
    for name in list(real) + [name for name in simulated if name not in real]:
        left, right = real.get(name, ["(not played)"]), simulated.get(name, ["(not played)"])
        if left == right and left:
            passed += 1
            continue
        failed += 1
        print(f"FAILED {name}")
        print("\n".join("  " + line for line in difflib.ndiff(left, right) if not line.startswith("?")))
        print("  (-: Linux, +: simulation)")
    print(f"{passed} passed, {failed} failed")
    return failed or not passed


if __name__ == "__main__":
    sys.exit(bool(main()))
