"""The results of `make bench` as tables and as JSON."""
from __future__ import annotations

import statistics
import typing

import contenders
import rows
import stage


class Result(typing.NamedTuple):
    """All rounds of a row, by contender."""
    row: rows.Row
    samples: dict[str, list[stage.Sample]]
    calls: dict[str, float]  # system calls a request, if they were counted
    held: dict[str, float]   # bytes of memory for each held connection


def costs(result: Result, name: str) -> list[float]:
    """CPU time of each round: microseconds a request, or milliseconds a GB."""
    if result.row.bulk:
        return [sample.cpu_ns / 1e6 / (sample.run.bytes / 1e9) for sample in result.samples[name]]
    return [sample.cpu_ns / 1e3 / sample.run.requests for sample in result.samples[name]]


def cost(result: Result, name: str) -> float:
    return statistics.median(costs(result, name))


def user_share(result: Result, name: str) -> float | None:
    """The part of its CPU time that was outside the kernel, in all rounds."""
    total = sum(sample.cpu_ns for sample in result.samples[name])
    return sum(sample.user_ns for sample in result.samples[name]) / total if total else None


def best_peer(result: Result) -> str | None:
    peers = [name for name in result.samples if name in contenders.PEERS]
    return min(peers, key=lambda name: cost(result, name)) if peers else None


def ratio(result: Result, name: str) -> float | None:
    """Its cost in parts of the best peer's; without a peer, of ours."""
    if name == stage.DIRECT:
        return None
    return cost(result, name) / cost(result, best_peer(result) or contenders.OURS)


def figures(result: Result) -> dict[str, typing.Any]:
    """What --json writes of a row."""
    return {
        "row": result.row.name, "what": result.row.what, "unit": "ms of CPU a GB" if result.row.bulk else "us of CPU a request",
        "contenders": {
            name: {"cpu": [round(value, 4) for value in costs(result, name)], "median": round(cost(result, name), 4),
                   "ratio": round(ratio(result, name) or 0, 4), "user_share": round(user_share(result, name) or 0, 3),
                   "seconds": [sample.run.seconds for sample in samples],
                   "first_byte_us": [sample.run.first_byte_us for sample in samples],
                   "system_calls": result.calls.get(name), "held_bytes": result.held.get(name)}
            for name, samples in result.samples.items()}}


def rate(result: Result, name: str) -> str:
    """Work a second, of the median round."""
    if result.row.bulk:
        return f"{statistics.median(s.run.bytes / 1e9 / s.run.seconds for s in result.samples[name]):.2f} GB/s"
    return f"{statistics.median(s.run.requests / s.run.seconds for s in result.samples[name]):,.0f}/s"


def line(result: Result, name: str) -> str:
    """A contender's line of the table."""
    values, times = costs(result, name), [sample.run.first_byte_us for sample in result.samples[name]]
    part, user = ratio(result, name), user_share(result, name)
    words = [f"  {name:16}", f"{cost(result, name):9.2f} +-{100 * stage.spread(values):3.0f} %" if part is not None else " " * 16,
             f"{part:6.2f}" if part is not None else " " * 6, f"{user:5.0%}" if user is not None else " " * 5,
             f"{rate(result, name):>12}"]
    words += [f"{statistics.median(each) / 1000:8.2f}" for each in zip(*times)]
    if name in result.calls:
        words.append(f"{result.calls[name]:6.2f} calls")
    if result.held.get(name):
        words.append(f"{result.held[name] / 1024:6.2f} KiB held")
    return " ".join(words)


def table(result: Result) -> str:
    unit = "ms CPU/GB" if result.row.bulk else "us CPU/req"
    head = f"  {'':16} {unit:>16} {'ratio':>6} {'user':>5} {'rate':>12}   first byte, ms: median, 99 %, longest"
    return "\n".join([f"{result.row.name}: {result.row.what}", head, *(line(result, name) for name in result.samples)]) + "\n"
