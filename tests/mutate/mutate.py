#!/usr/bin/env python3
"""How many small wrong edits do the tests notice?

    mutate.py [MUTANTS [SEED]]

Edits one place at a time of the files that decide, in a copy of the tree, builds, and runs the quick suites: unit tests on
the simulated kernel, unit tests on Linux, simulated histories, the differential test, end-to-end tests. A mutant that all of them pass has
survived: it is printed with its line, and counts as a failure unless EQUIVALENT says why it cannot be observed.
The same SEED draws the same mutants as long as the files stay as they are. The last line is `N passed, N failed`.
"""
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import planting  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = ["request_state.cpp", *sorted(str(path.relative_to(ROOT)) for module in ("state", "server") for path in (ROOT / "src" / module).glob("*.cpp")), "http_parse.cpp",
         "src/http/framing.cpp", "src/http/rewrite.cpp", "src/http/reply.cpp",
         "src/net/lane.cpp", "src/net/pipes.cpp", "src/net/acceptor.cpp", "src/net/resolver.cpp"]
WANTED = 0.95

# What is replaced by what, each where it stands alone.
OPERATORS = [
    (r" == ", " != "), (r" != ", " == "), (r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > "),
    (r" && ", " || "), (r" \|\| ", " && "), (r"\btrue\b", "false"), (r"\bfalse\b", "true"),
    (r" \+ 1\b", " + 2"), (r" - 1\b", " - 0"), (r" = 0;", " = 1;"), (r"\bstd::min\b", "std::max"),
    (r"\bstd::max\b", "std::min"), (r" \|= ", " &= "), (r"\bcontinue;", "break;"),
    (r"\(!(?=[a-z])", "("), (r"\bif \((?=[a-z])", "if (!"),
]
# A statement on a line of its own, which can be left out and still compile.
STATEMENT = re.compile(r"^\s+(?!return|case|default|using|static|constexpr|const |auto |assert|break|\}|//)[a-z][\w.\[\]>:-]*"
                       r"(?: (?:[+|-]?=) .*|\(.*\));$")

# Edits that cannot be observed: place (tests/planting.py): (part of what is put there, the reason).
EQUIVALENT = {
    "pump-linked": ("!linked && request.sink_closed", "an endpoint without a descriptor is not writable, so the pump stops before its first call"),
    "exchanges-exhausted": ("(void)0;", "the exchanges cannot run out: there are two for each record"),
    "empty-lane-begins": ("lane.begin = lane.end = 1;", "an empty lane may begin anywhere in its block"),
    "nothing-to-read": ("from.readable = true;", "after a read without bytes the lane does not read again"),
}

SUITES = [
    ("unit", ["{build}/unit_tests", "--gtest_brief=1"], 60),
    ("unit on Linux", ["{build}/linux_tests", "--gtest_brief=1"], 120),
    ("histories", ["{build}/sim", "--regressions", "tests/sim/regressions/seeds", "--torture", "1", "--worlds", "1",
                   "--seeds", "20000"], 180),
    ("differential", ["{build}/differential", "tests/fuzz/corpus"], 60),
    ("end to end", [sys.executable, "-m", "unittest", "discover", "-f", "-s", "tests/e2e", "-t", "tests/e2e"], 300),
]


def candidates():
    """(file, number of the line, the line, what it becomes)"""
    found = []
    for file in FILES:
        for number, line in enumerate((ROOT / file).read_text().splitlines()):
            code = line.split("//")[0]
            if not code.strip() or code.lstrip().startswith(("#", "using", "constexpr", "static_assert", "template")):
                continue
            if "assert(" in code:
                continue
            for old, new in OPERATORS:
                for match in re.finditer(old, code):
                    found.append((file, number, line, code[:match.start()] + new + code[match.end():]))
            if STATEMENT.match(code):
                found.append((file, number, line, "(void)0;"))
    return found


def build(tree):
    """Whether the mutant compiles."""
    made = subprocess.run(["make", "-s", "-j2", "BUILD=build/mutant", "CXX=g++", "CXXFLAGS=-O1 -g0 -w", "build/mutant/unit_tests",
                           "build/mutant/linux_tests", "build/mutant/sim", "build/mutant/differential", "build/mutant/proxy"],
                          cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    return made.returncode == 0


def noticed_by(tree):
    """The suite that notices, or None."""
    for name, command, seconds in SUITES:
        try:
            run = subprocess.run([part.format(build="build/mutant") for part in command], cwd=tree, timeout=seconds,
                                 env={**os.environ, "PROXY": str(tree / "build/mutant/proxy"), "PROXY_LIGHT": "1"},
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        except subprocess.TimeoutExpired:
            return name + " (it hangs)"
        if run.returncode != 0:
            return name
    return None


def explanation(file, number, becomes):
    """Why the edit of this line cannot be observed, or None."""
    marked = planting.places()
    for name, (put, why) in EQUIVALENT.items():
        if marked[name].file == file and marked[name].first <= number <= marked[name].last and put in becomes:
            return why
    return None


def main(wanted, seed):
    places = candidates()
    random.Random(seed).shuffle(places)
    print(f"{len(places)} edits are possible; {wanted} are tried")
    noticed = explained = tried = 0
    survivors = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = pathlib.Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", "build"))
        for variable in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
            os.environ.pop(variable, None)
        if not build(tree) or noticed_by(tree):
            raise SystemExit("mutate: the tree as it is does not build, or its tests fail: mend that first")
        for file, number, line, becomes in places:
            if tried == wanted:
                break
            path = tree / file
            whole = path.read_text()
            lines = whole.splitlines()
            lines[number] = becomes
            path.write_text("\n".join(lines) + "\n")
            if build(tree):
                tried += 1
                suite = noticed_by(tree)
                why = None if suite else explanation(file, number, becomes)
                noticed += suite is not None
                explained += why is not None
                verdict = f"noticed by {suite}" if suite else f"equivalent: {why}" if why else "SURVIVED"
                print(f"{tried:4} {file}:{number + 1}: {line.strip()}  ->  {becomes.strip()}: {verdict}", flush=True)
                if not suite and not why:
                    survivors.append((file, number + 1, line.strip(), becomes.strip()))
            path.write_text(whole)
    counted = tried - explained
    score = noticed / counted if counted else 0
    print(f"\n{noticed} of {counted} noticed ({100 * score:.1f} %), {explained} equivalent; survivors:")
    for file, number, line, becomes in survivors:
        print(f"  {file}:{number}: {line}  ->  {becomes}")
    print(f"{noticed + explained} passed, {len(survivors)} failed")
    return 0 if counted and score >= WANTED else 1


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(arguments[0] if arguments else 80, arguments[1] if len(arguments) > 1 else 1))
