"""Reads the file in which callgrind has counted instructions (Valgrind manual, "Callgrind Format Specification")."""
from __future__ import annotations

import collections
import pathlib
import re
import typing


class Place(typing.NamedTuple):
    """Where instructions are: the function that was called, and the source file of the line, which may be of an inlined one."""
    function: str
    file: str


NAME = re.compile(r"(c?(?:fl|fi|fe|fn))=\((\d+)\)(?: (.*))?")


def read(path: pathlib.Path) -> dict[Place, int]:
    """The instructions of each place itself, without those of the functions that it calls."""
    files: dict[str, str] = {}
    functions: dict[str, str] = {}
    counts: dict[Place, int] = collections.defaultdict(int)
    function = file = ""
    lines = iter(path.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if line.startswith("calls="):
            next(lines)  # what the call cost in all
        elif found := NAME.match(line):
            kind, number, name = found.groups()
            known = functions if kind.endswith("fn") else files
            known.setdefault(number, name or "")
            if kind == "fn":
                function = known[number]
            elif not kind.startswith("c"):
                file = known[number]
        elif line[:1].isdigit() or line[:1] in ("+", "-", "*"):
            counts[Place(function, file)] += int(line.split()[1])
    return dict(counts)
