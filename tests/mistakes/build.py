#!/usr/bin/env python3
"""Builds the program with a mistake in it: build/mistakes/NAME/proxy, and the edits beside it as mistake.diff.

    build.py                    lists the mistakes, a line each
    build.py [OBJECTS] NAME     OBJECTS: the directory of a complete build, as build/g++. Only what the mistake changes is
                                compiled again. It has the same flags, if the variables of make are those of that build.

`make mistake NAME=no-drain` calls this.
"""
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/mistakes")]
import planting  # noqa: E402
import rows  # noqa: E402

SOURCES = ("Makefile", "*.cpp", "*.hpp", "src/**/*.*")
OBJECTS = ("flags", "*.[do]", "src/**/*.[do]", "src/*.cpp")


def copy(patterns, source, target):
    """Copies the files with their times, by which make knows what is up to date."""
    for pattern in patterns:
        for path in source.glob(pattern):
            copied = target / path.relative_to(source)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copied)


def edits_of(mistake):
    """Those of the mistake, and the one by which the program says that it has it."""
    name = f"{mistake.lesson.name} ({mistake.title})"
    return [*mistake.edits, ("built-in-mistake", planting.replace(f'return "{name}";'))]


def context(lines, number):
    """The function to which the line with that number belongs, as git shows it."""
    return next((line for line in reversed(lines[:number]) if re.match(r"[A-Za-z].*[({]$|[A-Za-z].*\(", line)), "").rstrip("{ ")


def difference(mistake, tree):
    """The edits of the mistake as a unified diff, with the function in place of line numbers. `tree`: a copy of the sources."""
    before = planting.plant(tree, mistake.edits)
    found = []
    for file, text in sorted(before.items()):
        right, wrong = (planting.without_markers(version).splitlines() for version in (text, (tree / file).read_text(encoding="utf-8")))
        for line in difflib.unified_diff(right, wrong, file, file, lineterm="", n=3):
            hunk = re.match(r"@@ -(\d+)", line)
            found.append(f"@@ {context(right, int(hunk[1]) + 2)}".rstrip() if hunk else line)
    planting.restore(tree, before)
    return "\n".join(found) + "\n"


def differences():
    """{name: diff} of all mistakes to watch."""
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        copy(SOURCES, ROOT, tree)
        return {mistake.lesson.name: difference(mistake, tree) for mistake in rows.LESSONS}


def build(name, objects):
    """Returns the path of the program. Raises KeyError if there is no such mistake, and CalledProcessError."""
    mistake = rows.lesson(name)
    folder = ROOT / "build/mistakes" / name
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "MAKEFLAGS": re.sub(r"-j\d*|--jobserver\S*", "", os.environ.get("MAKEFLAGS", ""))}
    with tempfile.TemporaryDirectory(prefix="mistake-") as temporary:
        tree = pathlib.Path(temporary)
        copy(SOURCES, ROOT, tree)
        if (ROOT / objects / "proxy").exists():
            copy(OBJECTS, ROOT / objects, tree / objects)
        (folder / "mistake.diff").write_text(difference(mistake, tree), encoding="utf-8")
        planting.plant(tree, edits_of(mistake))
        subprocess.run(["make", "--no-print-directory", "-s", f"{objects}/proxy"], cwd=tree, env=environment, check=True)
        shutil.copy2(tree / objects / "proxy", folder / "proxy")
    return folder / "proxy"


def listing():
    for mistake in rows.LESSONS:
        yield f"{mistake.lesson.name:20} {mistake.title}"


def main(arguments):
    if not arguments:
        print("\n".join(["Mistakes to watch. make mistake NAME=... builds one; docs/mistakes describes them.", *listing()]))
        return 0
    *objects, name = arguments
    try:
        print(f"built {build(name, (objects or ['build/g++'])[0]).relative_to(ROOT)}; see docs/mistakes/{name}.md")
    except KeyError:
        sys.exit(f"unknown mistake '{name}': make mistake lists them")
    except subprocess.CalledProcessError:
        sys.exit(f"cannot build the program with the mistake '{name}'")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
