#!/usr/bin/env python3
"""Measures the CPU time of this proxy for each request and each GB, beside other proxies (docs/performance.md).

    bench.py [--only ROW[,ROW]] [--against PEER[,PEER]] [--rounds N] [--work FACTOR] [--json FILE]
             [--build FOLDER] [--before FOLDER] [--calls]
    bench.py --list

Each contender has one worker on one processor; load generator and origin are on another. All contenders of a row do the same
work in interleaved rounds. Each response's status and length are checked, and a wrong one ends the run.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import signal
import sys
import typing

import contenders
import processes
import report
import rows
import stage

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Progress:
    """A line that is rewritten on standard error, if that is a terminal."""

    def __init__(self, steps: int) -> None:
        self._steps, self._done = steps, 0

    def say(self, text: str) -> None:
        self._done += 1
        if sys.stderr.isatty():
            print(f"\r\033[K[{self._done}/{self._steps}] {text}", end="", file=sys.stderr, flush=True)

    @staticmethod
    def clear() -> None:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def wanted(row: rows.Row, arguments: argparse.Namespace) -> list[str]:
    """The contenders of a row that are installed: ours first."""
    against = set(arguments.against or contenders.PEERS)
    names = [name for name in row.peers if name in against or name not in contenders.PEERS]
    before = [contenders.BEFORE] if arguments.before else []
    return [contenders.OURS, *before, *(name for name in names if contenders.named(name).installed())]


def measured(row: rows.Row, arguments: argparse.Namespace, progress: Progress) -> report.Result:
    """All rounds of a row."""
    requests = max(1, round(row.requests * arguments.work))
    with stage.Stage(row, arguments.build, arguments.before) as running:
        names = [name for name in wanted(row, arguments) if running.start(name)] + [stage.DIRECT]
        if row.role == "static" or row.held or row.beside:
            names.remove(stage.DIRECT)
        samples: dict[str, list[stage.Sample]] = {name: [] for name in names}
        for number in range(-1, arguments.rounds):  # the first is not counted
            for place in range(len(names)):
                name = names[(place + number) % len(names)]
                progress.say(f"{row.name}: round {number + 1} of {arguments.rounds}, {name}")
                sample = running.measure(name, requests if number >= 0 else max(1, requests // 10))
                if number >= 0:
                    samples[name].append(sample)
        calls = {name: running.system_calls(name, max(1, requests // 10)) for name in running.standing
                 if arguments.calls and not row.bulk}
        held = {name: one.held_bytes for name, one in running.standing.items()}
    return report.Result(row, samples, calls, held)


def read_arguments(words: list[str]) -> argparse.Namespace:
    def names(text: str) -> list[str]:
        return [word for word in text.split(",") if word]
    parser = argparse.ArgumentParser(prog="bench.py", description="Measures the proxy's CPU time beside that of other proxies.")
    parser.add_argument("--only", type=names, default=[], metavar="ROW[,ROW]", help="only these rows")
    parser.add_argument("--against", type=names, default=[], metavar="PEER[,PEER]", help="only these of the other proxies")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="measured rounds (default 5)")
    parser.add_argument("--work", type=float, default=1.0, metavar="FACTOR", help="so many times the requests of a round (default 1)")
    parser.add_argument("--calls", action="store_true", help="count system calls, too (strace)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write all figures there, after each row")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/g++", metavar="FOLDER", help="where the programs are")
    parser.add_argument("--before", type=pathlib.Path, metavar="FOLDER", help="compare with the proxy of this build, too")
    parser.add_argument("--list", action="store_true", help="list rows and contenders")
    arguments = parser.parse_args(words)
    unknown = (set(arguments.only) - {row.name for row in rows.ROWS}) | (set(arguments.against) - contenders.PEERS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; --list shows rows and contenders")
    if arguments.rounds < 1 or arguments.work <= 0:
        parser.error("--rounds and --work must be positive")
    return arguments


def print_list() -> None:
    for row in rows.ROWS:
        print(f"{row.name:16} {row.what}")
    print()
    for name in sorted(contenders.PEERS):
        print(f"{name:16} {'installed' if contenders.named(name).installed() else 'not installed: make bench-setup'}")


def run_all(arguments: argparse.Namespace) -> typing.Iterator[report.Result]:
    chosen = [row for row in rows.ROWS if not arguments.only or row.name in arguments.only]
    progress = Progress(sum((len(wanted(row, arguments)) + 1) * (arguments.rounds + 1) for row in chosen))
    for row in chosen:
        result = measured(row, arguments, progress)
        progress.clear()
        print(report.table(result), flush=True)
        yield result


def main(words: list[str]) -> int:
    arguments = read_arguments(words)
    if arguments.list:
        print_list()
        return 0
    processes.raise_descriptor_limit()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    figures = []
    try:
        for result in run_all(arguments):
            figures.append(report.figures(result))
            if arguments.json:
                arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    except (processes.Failed, OSError) as error:
        print(f"\nbench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
