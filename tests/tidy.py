#!/usr/bin/env python3
"""Runs clang-tidy on a module (a folder of src), or on one source.

    tidy.py src/MODULE | SOURCE

All sources of a module are one translation unit: most of the time goes into the headers, and so each is read once, not once for
each source. The sources that stand for each other (with and without a library) cannot be in one unit: each has one of its own.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
WITHOUT_A_LIBRARY = {"src/config/nojson.cpp", "src/plan/nocrypt.cpp", "src/files/nogzip.cpp"}
# max-nodes: how far the analyzer follows one function; with its default of 225,000 it takes four times as long.
COMPILER = ["-std=c++20", "-D_GNU_SOURCE", "-Wreserved-identifier", f"-I{ROOT}", "-Xclang", "-analyzer-config", "-Xclang", "max-nodes=50000"]


def units():
    """What there is to check: modules, and sources that are units of their own."""
    modules = sorted({f"src/{path.parent.name}" for path in ROOT.glob("src/*/*.cpp")})
    return modules + sorted(path.name for path in ROOT.glob("*.cpp")) + sorted(WITHOUT_A_LIBRARY) + \
        sorted(f"bench/{path.name}" for path in ROOT.glob("bench/*.cpp"))


def join(sources):
    """The sources as one text, in which only the first of equal lines that include a header stands; and (source, line) of each of
    its lines. The analyzer looks only at functions of the file that it is given: so they are joined, not included.
    """
    lines, places, included = [], [], set()
    for source in sources:
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
            again = line.startswith("#include") and not line.endswith(".inc\"") and line in included
            included.add(line)
            lines.append("" if again else line)
            places.append((source.relative_to(ROOT), number))
    return "\n".join(lines) + "\n", places


def check(unit):
    """clang-tidy's exit status."""
    path = ROOT / unit
    sources = [path] if path.suffix else [source for source in sorted(path.glob("*.cpp"))
                                          if str(source.relative_to(ROOT)) not in WITHOUT_A_LIBRARY]
    text, places = join(sources)
    with tempfile.NamedTemporaryFile("w", suffix=".cpp", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        done = subprocess.run(["clang-tidy", "--quiet", "--warnings-as-errors=*", f"--config-file={ROOT}/.clang-tidy",
                               f"--header-filter={ROOT}/(src/|bench/|[a-z_]+\\.[ch]pp)", file.name, "--", *COMPILER,
                               "-iquote", str(sources[0].parent)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        print(re.sub(rf"{file.name}:(\d+)", lambda found: "{}:{}".format(*places[int(found[1]) - 1]), done.stdout), end="")
        return done.returncode


if __name__ == "__main__":
    if len(sys.argv) != 2 or not (ROOT / sys.argv[1]).exists():
        sys.exit(f"tidy: expected a module or a source: {', '.join(units())}")
    sys.exit(check(sys.argv[1]))
