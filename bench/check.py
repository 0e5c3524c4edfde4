#!/usr/bin/env python3
"""Compares what a request costs with the figures of bench/expected.json, which do not depend on the load of the machine.

    check.py [--build FOLDER] [--write]

Instructions in user space are counted by callgrind, system calls by strace. A figure may exceed the expected one by MARGIN: so
much changes with the version of the compiler, the C library and the kernel. --write replaces the figures. The trace and the loop
doctor may take a percentage of the instructions of a request, OBSERVERS; the doctor's looks, which go by the clock, are not in it.
Prints `N passed, N failed`.
"""
from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import sys
import typing

import contenders
import counts
import processes
import rows
import stage

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXPECTED = ROOT / "bench/expected.json"
MARGIN = 0.05
MARGIN_BULK = 0.5  # how much is ready at a time, and so how many calls are made, depends on the load
CHECKED = ("forward-close", "forward-pooled", "forward-kept", "reverse-kept", "relay-close", "static-close", "static-kept",
           "down", "relay-up")
OBSERVED = ("forward-close", "forward-kept")
OBSERVERS = {"trace": 1.3, "doctor": 1.0}  # percent at most; the aim is 1.0 for both
Figures = dict[str, dict[str, float]]


def work(name: str) -> tuple[rows.Row, int]:
    """The row, smaller; and the number of its requests."""
    row = rows.named(name)
    if row.bulk:
        size = 64 * rows.MIB
        return dataclasses.replace(row, size=size if row.size else 0, body=size if row.body else 0), 1
    return row, 2000


def instructions(row: rows.Row, requests: int, build: pathlib.Path) -> dict[counts.Place, int]:
    """Of all requests."""
    with stage.Stage(row, build, callgrind=True) as running:
        running.start(contenders.OURS)
        running.measure(contenders.OURS, min(requests, row.clients))
        running.reset_counts()
        running.measure(contenders.OURS, requests)
        return running.instructions()


def observers(found: dict[counts.Place, int]) -> dict[str, float]:
    """The percentage of the instructions that writes the trace, and that the doctor takes for each turn."""
    def percentage(chosen: typing.Callable[[counts.Place], bool]) -> float:
        return round(100 * sum(count for place, count in found.items() if chosen(place)) / sum(found.values()), 2)
    return {"trace": percentage(lambda place: place.file.endswith("base/trace.hpp") and "doctor::" not in place.function),
            "doctor": percentage(lambda place: "doctor::" in place.function)}


def system_calls(row: rows.Row, requests: int, build: pathlib.Path) -> float:
    """For a request, or for a MiB."""
    with stage.Stage(row, build) as running:
        running.start(contenders.OURS)
        running.measure(contenders.OURS, min(requests, row.clients))
        calls = running.system_calls(contenders.OURS, requests) * requests
        return calls / (requests if not row.bulk else (row.size + row.body) / rows.MIB)


def count(build: pathlib.Path) -> tuple[Figures, Figures]:
    """What each row costs, and what the observers take of it."""
    found: Figures = {}
    observed: Figures = {}
    for name in CHECKED:
        row, requests = work(name)
        unit = ("a KiB", "a MiB") if row.bulk else ("a request", "a request")
        places = instructions(row, requests, build)
        units = (row.size + row.body) / rows.KIB if row.bulk else requests
        found[name] = {f"instructions {unit[0]}": round(sum(places.values()) / units, 1),
                       f"system calls {unit[1]}": round(system_calls(row, requests, build), 2)}
        if name in OBSERVED:
            observed[name] = observers(places)
    return found, observed


def compare(found: Figures, expected: Figures) -> int:
    """The number of figures that are too high."""
    failed = 0
    for name, figures in found.items():
        for what, value in figures.items():
            limit = expected.get(name, {}).get(what)
            margin = MARGIN if what.endswith("request") else MARGIN_BULK
            good = limit is not None and value <= limit * (1 + margin)
            failed += not good
            better = ", less than expected: note it with --write" if good and limit and value < limit * (1 - margin) else ""
            print(f"{'ok' if good else 'TOO MANY':8} {name:15} {what:22} {value:10} (expected {limit}){better}")
    return failed


def compare_observers(observed: Figures) -> int:
    """The number of shares that are too high."""
    failed = 0
    for name, shares in observed.items():
        for what, share in shares.items():
            failed += share > OBSERVERS[what]
            print(f"{'ok' if share <= OBSERVERS[what] else 'TOO MUCH':8} {name:15} {what:22} {share:8} % (at most {OBSERVERS[what]} %)")
    return failed


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="check.py", description="Compares what a request costs with bench/expected.json.")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/g++", metavar="FOLDER", help="where the programs are")
    parser.add_argument("--write", action="store_true", help="replace the expected figures")
    arguments = parser.parse_args(words)
    if " -O2 " not in (arguments.build / "flags").read_text(encoding="utf-8"):
        print(f"check: {arguments.build} is not built with -O2, as the figures were", file=sys.stderr)
        return 2
    try:
        found, observed = count(arguments.build)
    except (processes.Failed, OSError) as error:
        print(f"check: {error}", file=sys.stderr)
        return 1
    if arguments.write:
        EXPECTED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    failed = compare(found, json.loads(EXPECTED.read_text(encoding="utf-8"))) + compare_observers(observed)
    print(f"{sum(map(len, [*found.values(), *observed.values()])) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
