#!/usr/bin/env python3
"""From the measured costs of one process to cores, machines and limits for large loads (docs/scale.md).

    scale.py                       the plan for 1 million idle connections, 1 million requests a second, 100 Gbit/s
    scale.py --table FILE          the same with the costs of this table, the output of bench.py; and how well the plan's rule,
                                   rate = 1 / cost, predicts the rates in that table
    scale.py --idle N --proxy PATH holds N idle connections, and compares the memory with the plan

Prints `N passed, N failed` for what is compared: the simulations with their formulas, the rates, the memory.
"""
import argparse
import dataclasses
import math
import os
import pathlib
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import typing

ROOT = pathlib.Path(__file__).resolve().parent.parent
Check = typing.Tuple[str, bool]


@dataclasses.dataclass
class Costs:
    """What one process needs, measured by bench.py on 2026-11-29 (docs/scale.md has the machine)."""
    kept_us: float = 23.7      # CPU time of a forwarded request of 1 KiB, kept alive on both sides
    close_us: float = 71.0     # the same with new connections on both sides
    down_ms: float = 410.3      # CPU time of a forwarded GB
    tunnel_ms: float = 384.9    # CPU time of a GB through CONNECT
    idle_bytes: float = 300.0  # memory of an idle connection in the process
    kernel_bytes: float = 3712.0  # and in the kernel: TCP 2368, sock_inode_cache 832, filp 192, dentry 192, eventpoll_epi 128


ROWS = {"forward-kept": "kept_us", "forward-close": "close_us", "down": "down_ms", "connect-down": "tunnel_ms"}
BUSY = 0.6              # share of a core that is planned for
PORTS = 60999 - 32768 + 1  # net.ipv4.ip_local_port_range by default
TIME_WAIT_S = 60        # of Linux, a constant
CONNTRACK_MAX, CONNTRACK_S = 262144, 120  # nf_conntrack_max with 4 GiB or more; nf_conntrack_tcp_timeout_time_wait
BIN = 4096.0 * 256      # bytes in a MiB


# ---- the table of bench.py ---------------------------------------------------------------------------------------------

class Line(typing.NamedTuple):
    """A program in a row of the table."""
    row: str
    name: str
    cost: typing.Optional[float]  # us a request, or ms a GB; none: without a proxy
    rate: float                   # requests a second, or GB a second


def read_table(text: str) -> typing.List[Line]:
    lines, row = [], ""
    for text_line in text.splitlines():
        if head := re.match(r"([a-z0-9-]+): ", text_line):
            row = head[1]
        elif found := re.match(r"  (\S.*?)\s{2,}(?:([\d.,]+) \+-.*?%\s+[\d.]+\s+)?([\d.,]+)(?: GB)?/s", text_line):
            cost = float(found[2].replace(",", "")) if found[2] else None
            lines.append(Line(row, found[1], cost, float(found[3].replace(",", ""))))
    return lines


def costs_of(lines: typing.List[Line]) -> Costs:
    found = Costs()
    for line in lines:
        if line.name == "ours" and line.row in ROWS and line.cost is not None:
            setattr(found, ROWS[line.row], line.cost)
    return found


def predictions(lines: typing.List[Line]) -> typing.Iterator[typing.Tuple[Line, float]]:
    """Each line with the rate that its cost predicts.

    That is a core that is busy all the time, unless the clients and the origin, which have the other core, are slower. Without a
    proxy they reach the rate that limits all others.
    """
    limits = {line.row: line.rate for line in lines if line.cost is None}
    for line in lines:
        if line.cost is not None and line.row in limits:
            is_bulk = limits[line.row] < 1000
            yield line, min((1e3 if is_bulk else 1e6) / line.cost, limits[line.row])


def check_table(lines: typing.List[Line]) -> typing.Iterator[Check]:
    print("Rates of the table, and what the costs predict:\n")
    print("| Row | Proxy | Predicted | Measured | Measured / predicted |\n|---|---|---|---|---|")
    parts = []
    for line, predicted in predictions(lines):
        part = line.rate / predicted
        parts.append(part)
        unit = "GB/s" if predicted < 1000 else "/s"
        print(f"| {line.row} | {line.name} | {predicted:,.5g} {unit} | {line.rate:,.5g} {unit} | {part:.2f} |")
    if parts:
        parts.sort()
        print(f"\n{len(parts)} lines: median {parts[len(parts) // 2]:.2f}, least {parts[0]:.2f}, most {parts[-1]:.2f}")
        # Two cores in a row cannot both be busy all the time; what is planned for, 60 %, is below.
        yield "nine lines of ten reach the rate that is planned for", parts[len(parts) // 10] >= BUSY
        yield "no line is more than a sixth above the prediction", parts[-1] <= 7 / 6


# ---- simulations -------------------------------------------------------------------------------------------------------

def waits(busy: float, count: int, chance: random.Random) -> typing.List[float]:
    """Waiting times, in service times, of requests that arrive independently at one process (Lindley's recursion)."""
    wait, all_of_them = 0.0, []
    for _ in range(count):
        wait = max(0.0, wait + 1.0 - chance.expovariate(busy))
        all_of_them.append(wait)
    return sorted(all_of_them)


def check_waits() -> typing.Iterator[Check]:
    print("\nWaiting time at one process, in service times:\n")
    print("| Busy | Mean, simulated | Mean, formula | 99 %, simulated |\n|---|---|---|---|")
    for busy in (0.3, 0.6, 0.8, 0.9, 0.95):
        found = waits(busy, 400_000, random.Random(1))
        mean, formula = sum(found) / len(found), busy / (2 * (1 - busy))
        print(f"| {busy:.0%} | {mean:.2f} | {formula:.2f} | {found[int(len(found) * 0.99)]:.1f} |")
        yield f"the mean wait at {busy:.0%} is that of Pollaczek and Khinchine", abs(mean - formula) < 0.12 * formula


def check_spread() -> typing.Iterator[Check]:
    print("\nConnections of the fullest process when a hash spreads them (SO_REUSEPORT, IPVS), over the mean:\n")
    print("| Processes | Connections each | Simulated | Formula |\n|---|---|---|---|")
    chance = random.Random(2)
    for processes in (4, 16, 64):
        for each in (100, 2_000):
            fullest = []
            for _ in range(8):
                counts = [0] * processes
                for _ in range(processes * each):
                    counts[chance.randrange(processes)] += 1
                fullest.append(max(counts) / each)
            mean, formula = sum(fullest) / len(fullest), 1 + math.sqrt(2 * math.log(processes) / each)
            print(f"| {processes} | {each:,} | {mean:.3f} | {formula:.3f} |")
            yield f"the fullest of {processes} with {each} is within the formula", 1 <= mean <= formula + 0.02


# ---- the plan ----------------------------------------------------------------------------------------------------------

def cores(seconds_a_second: float) -> int:
    return math.ceil(seconds_a_second / BUSY)


def plan(costs: Costs) -> None:
    million = 1_000_000
    kept, close = million * costs.kept_us / 1e6, million * costs.close_us / 1e6
    gigabytes = 100 / 8
    print(f"\nThe plan, with cores that are busy for {BUSY:.0%}:\n")
    print("| Goal | CPU time a second | Processes | Memory |\n|---|---|---|---|")
    print(f"| 1,000,000 idle connections | 0 | 4 of 250,000 | {million * costs.idle_bytes / BIN:,.0f} MiB, and "
          f"{million * costs.kernel_bytes / BIN:,.0f} MiB in the kernel |")
    print(f"| 1,000,000 requests/s, kept alive | {kept:.1f} s | {cores(kept)} | |")
    print(f"| 1,000,000 requests/s, connection each | {close:.1f} s | {cores(close)} | |")
    print(f"| 100 Gbit/s, forwarded | {gigabytes * costs.down_ms / 1e3:.2f} s | {cores(gigabytes * costs.down_ms / 1e3)} | |")
    print(f"| 100 Gbit/s, CONNECT | {gigabytes * costs.tunnel_ms / 1e3:.2f} s | {cores(gigabytes * costs.tunnel_ms / 1e3)} | |")
    print("\nLimits of the kernel, with its defaults:\n\n| Limit | Reached at |\n|---|---|")
    print(f"| local ports, {PORTS:,} for an upstream address and a source address, if the proxy closes first "
          f"| {PORTS / TIME_WAIT_S:,.0f} new connections/s |")
    print(f"| the same, kept upstream connections | {PORTS:,} at the same time |")
    print(f"| conntrack, {CONNTRACK_MAX:,} entries of {CONNTRACK_S} s "
          f"| {CONNTRACK_MAX / CONNTRACK_S / 2:,.0f} requests/s with two new connections each |")


# ---- idle connections, on this machine -----------------------------------------------------------------------------------

def memory_of(pid: int) -> int:
    """Its own bytes (Pss)."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return 1024 * int(re.findall(r"^Pss:\s+(\d+)", text, re.M)[0])


def hold(proxy: str, count: int, held: typing.List[socket.socket]) -> float:
    """Bytes of the process for each of so many idle connections, which `held` gets."""
    command = [proxy, "0", "--max-requests", str(count + 100), "--idle-timeout", "3600", "--access-log", "off", "--no-console"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            announced = re.search(r":(\d+)\b", process.stdout.readline())
            assert announced is not None
            port = int(announced[1])
            before = memory_of(process.pid)
            for _ in range(count):
                held.append(socket.create_connection(("127.0.0.1", port)))
            while len(os.listdir(f"/proc/{process.pid}/fd")) < count:
                pass
            return (memory_of(process.pid) - before) / count
        finally:
            process.send_signal(signal.SIGINT)


def check_idle(proxy: str, count: int, costs: Costs) -> typing.Iterator[Check]:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held: typing.List[socket.socket] = []
    found = hold(proxy, count, held)
    for each in held:
        each.close()
    print(f"\n{count:,} idle connections: {found:.0f} bytes each in the process; the plan has {costs.idle_bytes:.0f}")
    yield "an idle connection needs no more memory than the plan has", found <= costs.idle_bytes


def main() -> int:
    parser = argparse.ArgumentParser(prog="scale.py", description="Cores, machines and limits for large loads.")
    parser.add_argument("--table", type=pathlib.Path, metavar="FILE", help="the output of bench.py")
    parser.add_argument("--idle", type=int, default=0, metavar="N", help="hold so many idle connections")
    parser.add_argument("--proxy", default=str(ROOT / "proxy"), metavar="PATH")
    arguments = parser.parse_args()
    lines = read_table(arguments.table.read_text(encoding="utf-8")) if arguments.table else []
    costs, results = costs_of(lines), list(check_table(lines)) if lines else []
    plan(costs)
    results += [*check_waits(), *check_spread()]
    if arguments.idle:
        results += check_idle(arguments.proxy, arguments.idle, costs)
    for title, good in results:
        if not good:
            print(f"failed: {title}")
    bad = sum(not good for _, good in results)
    print(f"\n{len(results) - bad} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
