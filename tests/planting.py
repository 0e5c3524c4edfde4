"""Finds the places in the sources where tests plant mistakes, and plants them.

A place is a statement marked `// PLANT(name)`, at the end of its only line or in the comment line above it. The names are
used by tests/mistakes/rows.py, tests/fuzz/planted.py, tests/model/run.py and tests/mutate/mutate.py.
`planting.py` as a program checks that every marker is used and every used name is marked once. It prints `N passed, N failed`.
"""
import importlib.util
import pathlib
import re
import sys
import textwrap
import typing

ROOT = pathlib.Path(__file__).resolve().parents[1]
MARKER = re.compile(r"[ \t]*//.*\bPLANT\(([a-z0-9-]+)\).*")
LITERAL = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\[^\']+|[^\'\\])\'')


class Fault(Exception):
    """A marker or a row that cannot be used."""


def without_markers(text):
    """The text as it would be without the marks, and without the lines that have nothing else."""
    pairs = [(line, MARKER.sub("", line)) for line in text.split("\n")]
    return "\n".join(bare for line, bare in pairs if bare.strip() or not line.strip())


class Place(typing.NamedTuple):
    """A marked statement: its lines are first to last, counted from 0."""
    file: str
    first: int
    last: int

    def statement(self, tree=ROOT):
        """Its text without marker and indentation."""
        lines = (tree / self.file).read_text(encoding="utf-8").splitlines()[self.first:self.last + 1]
        return textwrap.dedent(without_markers("\n".join(lines))).strip()

    def replace(self, tree, text):
        """Writes `text` in its place, with its indentation."""
        path = tree / self.file
        lines = path.read_text(encoding="utf-8").splitlines()
        indentation = lines[self.first][:len(lines[self.first]) - len(lines[self.first].lstrip())]
        lines[self.first:self.last + 1] = [textwrap.indent(text, indentation)] if text else []
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def include(self, tree, header):
        """Lets its file include that header, as "<poll.h>", after the file's own header."""
        path = tree / self.file
        path.write_text(re.sub(r"^(#include .*\n)", rf"\1#include {header}\n", path.read_text(encoding="utf-8"), count=1, flags=re.M), encoding="utf-8")


def depth_of(code):
    """How many brackets it opens and does not close."""
    return sum(code.count(c) for c in "([{") - sum(code.count(c) for c in ")]}")


def end_of_statement(lines, first):
    """The last line of the statement that begins with this one; None if there is none."""
    depth = 0
    for number in range(first, len(lines)):
        code = LITERAL.sub("''", lines[number]).partition("//")[0].rstrip()
        depth += depth_of(code)
        if depth < 0:
            return None
        if depth == 0 and code.endswith((";", "}")):
            return number
    return None


def places(tree=ROOT):
    """{name: Place} of all markers. Raises Fault if a name stands twice or marks no statement."""
    found = {}
    for path in sorted([*tree.glob("*.[ch]pp"), *tree.glob("src/**/*.[ch]pp")]):
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            marker = MARKER.search(line)
            if not marker:
                continue
            file, above = str(path.relative_to(tree)), not line[:marker.start()].strip()
            first = number + 1 if above else number
            last = end_of_statement(lines, first)
            if last is None or (not above and last != first):
                raise Fault(f"{file}:{number + 1}: PLANT({marker[1]}) marks no statement of one line; put it on a line of its own above")
            if marker[1] in found:
                raise Fault(f"{file}:{number + 1}: PLANT({marker[1]}) is also in {found[marker[1]].file}")
            found[marker[1]] = Place(file, first, last)
    return found


# ---- mistakes: each is a function from the statement to what is planted in its place ----------------------------------

def replace(text):
    """`text`, in which {} is the statement."""
    return lambda statement: text.replace("{}", statement)


def delete():
    return replace("")


def before(text):
    return replace(text + "\n{}")


def after(text):
    return replace("{}\n" + text)


def part(old, new):
    """One part of the statement is another."""
    def planted(statement):
        if statement.count(old) != 1:
            raise Fault(f"{old!r} is {statement.count(old)} times in: {statement}")
        return statement.replace(old, new)
    return planted


def condition(text):
    """The condition of an if, for or while is `text`, in which {} is the condition."""
    def planted(statement):
        begin = statement.find("(")
        depth = end = 0
        for end in range(begin, len(statement)):
            depth += {"(": 1, ")": -1}.get(statement[end], 0)
            if depth == 0:
                break
        if not statement.startswith(("if (", "while (")) or depth != 0:
            raise Fault(f"no condition in: {statement}")
        return statement[:begin + 1] + text.replace("{}", statement[begin + 1:end]) + statement[end:]
    return planted


def including(header, mistake):
    """The mistake needs that header, as "<poll.h>"."""
    def planted(statement):
        return mistake(statement)
    planted.headers = [header, *getattr(mistake, "headers", [])]
    return planted


def plant(tree, edits):
    """Plants [(name of the place, mistake)]; returns {file: text before}."""
    texts = {}
    for name, mistake in edits:
        place = places(tree).get(name)
        if place is None:
            raise Fault(f"no PLANT({name}) in the sources")
        texts.setdefault(place.file, (tree / place.file).read_text(encoding="utf-8"))
        place.replace(tree, mistake(place.statement(tree)))
        for header in getattr(mistake, "headers", []):
            place.include(tree, header)
    return texts


def restore(tree, texts):
    for file, text in texts.items():
        (tree / file).write_text(text, encoding="utf-8")


# ---- the check --------------------------------------------------------------------------------------------------------

def module(path):
    spec = importlib.util.spec_from_file_location(path.replace("/", "_"), ROOT / path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def uses():
    """(user, name of a place, mistake or None) of every row."""
    for user in ("tests/mistakes/rows.py", "tests/fuzz/planted.py"):
        for row in module(user).MISTAKES:
            yield from ((f"{user}: {row[0]}", name, mistake) for name, mistake in next(part for part in row if isinstance(part, list)))
    yield from ((f"tests/model/run.py: {row[0]}", row[-1], None) for row in module("tests/model/run.py").PLANTED)
    yield "tests/mistakes/build.py", "built-in-mistake", None
    yield from (("tests/mutate/mutate.py", name, None) for name in module("tests/mutate/mutate.py").EQUIVALENT)


def main():
    sys.path.insert(0, str(ROOT / "tests"))
    try:
        marked = places()
    except Fault as fault:
        print(fault)
        print("0 passed, 1 failed")
        return 1
    used, passed, failed = set(), 0, 0
    for user, name, mistake in uses():
        used.add(name)
        try:
            if name not in marked:
                raise Fault(f"no PLANT({name}) in the sources")
            if mistake and mistake(marked[name].statement()) == marked[name].statement():
                raise Fault(f"nothing is planted at {name}")
            passed += 1
        except Fault as fault:
            print(f"{user}: {fault}")
            failed += 1
    for name in sorted(marked.keys() - used):
        print(f"{marked[name].file}:{marked[name].first + 1}: PLANT({name}) is in no row")
        failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
