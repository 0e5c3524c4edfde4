#!/usr/bin/env python3
"""Runs the fuzz targets; `make fuzz` and `make fuzz-replay` call it.

    run.py replay BUILD TARGET...          each input of tests/fuzz/corpus/TARGET, once
    run.py fuzz BUILD SECONDS TARGET...    fuzzes each target for its share of SECONDS
    run.py afl BUILD SECONDS TARGET...     the same by AFL++

An input that fails is named, with how to run it again. The last line is `N passed, N failed`: inputs for replay, targets
for fuzz.
"""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path("tests/fuzz")
MAX_LEN = "2048"  # of the inputs that are tried; longer ones may stand in the corpus


AFL_SETTINGS = {
    "AFL_NO_UI": "1", "AFL_NO_AFFINITY": "1", "AFL_SKIP_CPUFREQ": "1", "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1",
    "ASAN_OPTIONS": "abort_on_error=1:symbolize=0:detect_leaks=0", "UBSAN_OPTIONS": "abort_on_error=1:symbolize=0"}


def run(command, **settings):
    """(exit status, what it printed). `settings`: environment variables."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, env={**os.environ, **settings})
    return done.returncode, done.stdout.decode(errors="replace")


def explanation(output):
    """The part of a fuzz target's output that says what is wrong."""
    found = (re.search(r"property violated:.*?(?=\n==\d+==|\Z)", output, re.DOTALL)
             or re.search(r"[^\n]*(runtime error:|ERROR: ).*", output, re.DOTALL))
    lines = (found[0] if found else output).splitlines()
    return "\n".join("    " + line for line in lines[:25])


def tell(program, path, output):
    print(f"FAILED {path}\n{explanation(output)}\n    again:    {program} {path}")
    print(f"    smaller:  {program} -minimize_crash=1 -max_total_time=60 {path}", flush=True)


def replay(build, targets):
    passed = failed = 0
    for target in targets:
        inputs = sorted((ROOT / HERE / "corpus" / target).iterdir())
        good = 0
        for path in inputs:
            path = path.relative_to(ROOT)
            status, output = run([build / target, path])
            good += status == 0
            if status != 0:
                tell(build / target, path, output)
        print(f"{target + ':':16} {good} of {len(inputs)} inputs passed", flush=True)
        passed += good
        failed += len(inputs) - good or not inputs
    return passed, failed


def share_of(seconds, targets):
    share = max(1, seconds // len(targets))
    print(f"{seconds} seconds for {len(targets)} targets: {share} each", flush=True)
    return share


def afl(build, seconds, targets):
    """A crash or a hang is run once more, to show what is wrong. What AFL++ has learned is kept: the next run goes on from it."""
    passed = failed = 0
    share = share_of(seconds, targets)
    for target in targets:
        out = ROOT / build / "findings" / target
        os.makedirs(out, exist_ok=True)
        given = "-" if (out / "default" / "queue").exists() else HERE / "corpus" / target
        status, output = run(["afl-fuzz", "-i", given, "-o", out, "-x", HERE / f"{target}.dict", "-V", share, "-G", MAX_LEN, "-m", "none",
                              "-t", "10000", "--", build / target], **AFL_SETTINGS)
        wrong = sorted(path for kind in ("crashes", "hangs") for path in (out / "default" / kind).glob("id*"))
        if status == 0:
            figures = dict(re.findall(r"^(\w+) +: (\S+)", (out / "default" / "fuzzer_stats").read_text(encoding="utf-8"), re.M))
            print(f"{target + ':':16} {figures['execs_done']} executions, {figures['edges_found']} edges, {figures['corpus_count']} inputs kept")
        else:
            print(f"FAILED {target}: afl-fuzz could not run\n{explanation(output)}")
        for path in wrong:
            tell(build / target, path, run([build / target, path])[1])
        passed += status == 0 and not wrong
        failed += status != 0 or bool(wrong)
        sys.stdout.flush()
    return passed, failed


def fuzz(build, seconds, targets):
    passed = failed = 0
    share = share_of(seconds, targets)
    findings = build / "findings"
    os.makedirs(ROOT / findings, exist_ok=True)
    for target in targets:
        learned = build / "corpus" / target
        os.makedirs(ROOT / learned, exist_ok=True)
        prefix = findings / (target + "-")
        status, output = run([build / target, f"-max_total_time={share}", f"-max_len={MAX_LEN}", "-len_control=0", "-timeout=10",
                              f"-dict={HERE / target}.dict", f"-artifact_prefix={prefix}", "-print_final_stats=1",
                              learned, HERE / "corpus" / target])
        executed = re.search(r"number_of_executed_units: (\d+)", output)
        covered = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", output)
        if executed and covered:
            edges, features, inputs = covered[-1]
            print(f"{target + ':':16} {executed[1]} executions, {edges} edges, {features} features, {inputs} inputs kept")
        passed += status == 0
        failed += status != 0
        if status != 0:
            written = re.search(r"Test unit written to (\S+)", output)
            tell(build / target, written[1] if written else "(no input was written)", output)
        sys.stdout.flush()
    return passed, failed


def main(arguments):
    what, build = arguments[0], pathlib.Path(arguments[1])
    if what == "replay":
        passed, failed = replay(build, arguments[2:])
    else:
        passed, failed = (afl if what == "afl" else fuzz)(build, int(arguments[2]), arguments[3:])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
