#!/usr/bin/env python3
"""Checks the spelling and the style of all text in the project, with codespell and a list of words to avoid.

Names files as arguments to check only these. Prints `N passed, N failed`, a file each.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The text of others, and bytes that are input of tests.
NOT_OURS = re.compile(r"LICENSES?(/.*)?$|LICENSE\.|debian/copyright$|tests/fuzz/corpus/|tests/sim/regressions/|\.dict$|tests/words\.py$")
# Names of fields, and pieces of words that tests cut in two.
SPELLED_SO = "te,nd,hel,fo,get's,filp"
# The subject of a sentence is a thing (connection, client, timer), in standard terms. A word of an identifier counts as one.
WORDS = ("who", "whom", "whoever", "nobody", "somebody", "anew", "told", "tells?(?=_)", "lest", "heard out", "hear out", "hears? from",
         "behind it", "in vain", "(?<!all )(?<!each )(?<!none )of which", "behind interim", "for ever", "(?<!there )is no",
         r"(?:it|has|had|reads|(?:is|are|may) \w+) no more(?=\W*$|[.,;:\"])")
AVOID = re.compile(rf"(?<![^\W_])({'|'.join(WORDS)})(?![^\W_])", re.IGNORECASE)


def sources():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.splitlines() or [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")
                                           if not {"build", ".git", "__pycache__"} & set(path.relative_to(ROOT).parts)]
    return [name for name in names if not NOT_OURS.search(name) and (ROOT / name).is_file()]


def misspelled(names):
    """{file: [message]} of codespell."""
    try:
        done = subprocess.run(["codespell", "--ignore-words-list", SPELLED_SO, *names], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        sys.exit("words: codespell is not installed: run `make setup`")
    found = {}
    for line in done.stdout.splitlines():
        found.setdefault(line.partition(":")[0], []).append(line)
    return found


def main(names):
    names = names or sources()
    wrong = misspelled(names)
    passed = failed = 0
    for name in names:
        lines = (ROOT / name).read_text(encoding="utf-8", errors="replace").splitlines()
        faults = wrong.get(name, []) + [f"{name}:{number}: avoid '{found[0]}': {line.strip()}"
                                        for number, line in enumerate(lines, 1) for found in [AVOID.search(line)] if found]
        if faults:
            print("\n".join(faults))
        passed += not faults
        failed += bool(faults)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
