#!/usr/bin/env python3
"""HAProxy before four proxies with addresses of their own, and what clients notice when proxies fail.

Under load, one proxy is killed, one is drained, one is cut off from the network, and one is taken over by a new version.
HAProxy and the proxies use the files in deploy/haproxy. Prints what happened, and `N passed, N failed`.
"""
import argparse
import asyncio
import collections
import json
import pathlib
import re
import signal
import socket
import sys
import tempfile

import load
import world

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BALANCER, ORIGIN = "10.0.0.5", "10.0.0.50:80"
PROXIES = {f"p{number}": f"10.0.0.{number + 10}" for number in (1, 2, 3, 4)}
CLIENTS = {f"c{number}": f"10.0.0.{number + 100}" for number in (1, 2, 3)}
PATIENCE_S = 60
# HAProxy moved the connection from a server that did not answer to another, and ended it as one of the first: `shutdown-sessions` of
# HAProxy 2.6 does this.
MOVED = "moved"
STEP = 1500  # requests between two steps


class Cluster:
    """The programs, and the load on them."""

    def __init__(self, proxy, folder):
        self._proxy, self._folder = proxy, pathlib.Path(folder)
        self.network = world.Network({"lb": BALANCER, "origin": ORIGIN.partition(":")[0], **PROXIES, **CLIENTS})
        self.origin, self.load = load.Origin(), load.Load(self.network, list(CLIENTS), (BALANCER, 8080), ORIGIN)
        self.running, self.everything, self.logs = {}, [], collections.defaultdict(list)
        self.balancer, self._balancer_log = None, self._folder / "haproxy.log"

    async def start(self):
        listening = self.network.socket_in("origin")
        listening.bind((ORIGIN.partition(":")[0], 80))
        await self.origin.serve(listening)
        for name in PROXIES:
            self.start_proxy(name)
        # Two threads that log to standard output at the same moment lose lines (DroppedLogs), and each line counts here.
        more = self._folder / "threads.cfg"
        more.write_text("global\n    nbthread 1\n", encoding="utf-8")
        self.balancer = world.Program("lb", ["haproxy", "-db", "-f", str(ROOT / "deploy/haproxy/haproxy.cfg"), "-f", str(more)], self._balancer_log)
        self.everything.append(self.balancer)
        for name in PROXIES:
            await self.until(name, "UP")

    def start_proxy(self, name, *options):
        """The configuration of deploy/, with the address of this proxy."""
        text = (ROOT / "deploy/haproxy/fourstate.json").read_text(encoding="utf-8").replace("10.0.0.11", PROXIES[name])
        config = self._folder / f"{name}.json"
        config.write_text(text, encoding="utf-8")
        log = self._folder / f"{name}-{len(self.logs[name])}.log"
        self.logs[name].append(log)
        made = world.Program(name, [self._proxy, str(config), "--access-log", str(log), "--takeover", str(self._folder / f"{name}.takeover"), *options], self._folder / f"{name}.out")
        self.running[name] = made
        self.everything.append(made)
        return made

    def command(self, text):
        """Asks HAProxy's runtime API."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect("/run/haproxy/admin.sock")
            asking.sendall(text.encode() + b"\n")
            return b"".join(iter(lambda: asking.recv(1 << 16), b"")).decode()

    def _statistics(self, name):
        """HAProxy's figures of this proxy: column 17 is the state."""
        return next(words for line in self.command("show stat proxies 4 -1").splitlines()
                    for words in [line.split(",")] if words[:2] == ["proxies", name])

    def state(self, name):
        """UP, DOWN, DRAIN and others, as HAProxy sees this proxy."""
        return self._statistics(name)[17].partition(" ")[0]

    async def until(self, name, state):
        def reached():
            try:
                return self.state(name) == state
            except OSError:
                return False
        await self.until_true(reached, f"{name} is {state}")

    async def until_true(self, condition, what):
        for _ in range(PATIENCE_S * 50):
            if condition():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"timeout: {what}")

    async def until_gone(self, program):
        await self.until_true(lambda: not program.running(), "the proxy has ended")

    def server_of(self):
        """{address of a client's connection: the proxies that HAProxy gave it to; more than one if a port was used again}.
        REQUIRES: HAProxy has ended."""
        found = collections.defaultdict(set)
        for line in self.balancer_text().splitlines():
            if match := re.match(r"(\S+:\d+) \[.*?\] clients proxies/(\S+) ", line):
                found[match[1]].add(match[2])
                if re.search(r" D\S (\d+/){4}\+\d+ ", line):
                    found[match[1]].add(MOVED)
        return found

    def balancer_lines(self, client):
        """What HAProxy logged of a client's connection."""
        return [line for line in self.balancer_text().splitlines() if line.startswith(client + " ")]

    def balancer_text(self):
        """What HAProxy has logged."""
        return self._balancer_log.read_text(encoding="utf-8")

    def log_lines(self):
        """(proxy, object) for each request in the access logs, without HAProxy's checks."""
        for name, logs in self.logs.items():
            for log in logs:
                for line in log.read_text(encoding="utf-8").splitlines():
                    if line.startswith("{") and ORIGIN in (entry := json.loads(line)).get("url", ""):
                        yield name, entry

    def end(self):
        for program in self.everything:
            program.end()


# ---- the steps ------------------------------------------------------------------------------------------------------

async def killed(cluster):
    """p1 is killed, and started again later."""
    cluster.running["p1"].send(signal.SIGKILL)
    await cluster.until("p1", "DOWN")
    await cluster.load.wait_for(STEP)
    cluster.start_proxy("p1")
    await cluster.until("p1", "UP")


async def drained(cluster):
    """p2 gets no new connections, then SIGTERM; it ends by itself, and is started again."""
    cluster.command("set server proxies/p2 state drain")
    await cluster.load.wait_for(STEP // 3)
    old = cluster.running["p2"]
    old.send(signal.SIGTERM)
    await cluster.until_gone(old)
    status = old.process.returncode
    await cluster.load.wait_for(STEP)
    cluster.start_proxy("p2")
    cluster.command("set server proxies/p2 state ready")
    await cluster.until("p2", "UP")
    return status


async def partitioned(cluster):
    """p3 is cut off from the network, and connected again."""
    cluster.network.set_link("p3", "down")
    await cluster.until("p3", "DOWN")
    await cluster.load.wait_for(STEP)
    cluster.network.set_link("p3", "up")
    await cluster.until("p3", "UP")


async def taken_over(cluster):
    """A new version takes p4 over (--takeover): it gets the listeners, and the old process finishes its requests. HAProxy is not informed."""
    old = cluster.running["p4"]
    cluster.start_proxy("p4", "--name", "new-version")
    await cluster.until_gone(old)
    return old.process.returncode


STEPS = {"killed": killed, "drained": drained, "partitioned": partitioned, "taken over": taken_over}
AFFECTED = {"killed": "p1", "drained": "p2", "partitioned": "p3", "taken over": "p4"}


async def run_steps(cluster):
    """{step: (number of tries, those that failed, result)}"""
    marks = {}
    await cluster.start()
    cluster.load.start(clients=30)
    await cluster.load.wait_for(STEP)
    for name, step in STEPS.items():
        tries, failed = len(cluster.load.tries), len(cluster.load.failed)
        result = await step(cluster)
        await cluster.load.wait_for(STEP)
        marks[name] = (len(cluster.load.tries) - tries, cluster.load.failed[failed:], result)
        print(f"  {name + ':':13}{cluster.load.completed} requests so far", flush=True)
    await cluster.load.stop()
    cluster.balancer.send(signal.SIGUSR1)  # it ends, and has then logged each connection
    await cluster.until_gone(cluster.balancer)
    for name in PROXIES:
        cluster.running[name].send(signal.SIGTERM)
        await cluster.until_gone(cluster.running[name])
    return marks


# ---- what must hold -------------------------------------------------------------------------------------------------

def checks(cluster, marks):
    """(title, whether it holds, further words) for each promise."""
    tries, server_of = cluster.load.tries, cluster.server_of()
    failed = cluster.load.failed
    right = {one.identity for one in tries if not one.error}
    lost = sorted({one.identity for one in tries} - right)
    for name, (count, bad, _) in marks.items():
        places, lost_at = (collections.Counter("/".join(sorted(server_of[one.client])) or "no proxy" for one in some)
                           for some in (bad, [one for one in bad if one.identity not in right]))
        print(f"  {name + ':':13}{count} tries, {len(bad)} failed at {dict(places)}: "
              f"{len(bad) - sum(lost_at.values())} answered when the client tried again, lost at {dict(lost_at)}")
        yield f"{name}: only connections to {AFFECTED[name]} fail", all({AFFECTED[name], MOVED} & server_of[one.client] for one in bad), [
            (one, cluster.balancer_lines(one.client)) for one in bad if AFFECTED[name] not in server_of[one.client]]
    for name in ("drained", "taken over"):
        _, bad, status = marks[name]
        yield f"{name}: the proxy ends by itself, with status 0", status == 0, status
        yield f"{name}: no request is lost", all(one.identity in right for one in bad), [one for one in bad if one.identity not in right][:3]
        yield f"{name}: no request is executed twice", all(cluster.origin.seen[one.identity] == 1 for one in bad), ""
    yield "taken over: no connection fails", not marks["taken over"][1], marks["taken over"][1][:3]
    yield "taken over: HAProxy does not notice", "proxies/p4 is DOWN" not in cluster.balancer_text(), ""
    yield "nothing fails but in a step", sum(len(bad) for _, bad, _ in marks.values()) == len(failed), failed[:3]
    dead = {"p1", "p3", MOVED}
    yield ("a lost request had been given to the proxy that was killed or cut off, or moved from there",
           all(server_of[one.client] & dead for one in failed if one.identity in lost), lost[:3])
    twice = [identity for identity, count in cluster.origin.seen.items() if count > 1]
    yield "a request that the origin saw twice had failed at one of these", all(
        any(one.error and server_of[one.client] & dead for one in tries if one.identity == identity) for identity in twice), twice[:3]
    yield from log_checks(cluster, {(one.client, one.identity) for one in tries})


def log_checks(cluster, sent):
    lines = [(entry["client"], entry["url"].rpartition("/")[2]) for _, entry in cluster.log_lines()]
    wrong = [line for line in lines if line not in sent]
    print(f"  access logs: {len(lines)} lines, {len(wrong)} with another client than the one that sent the request")
    yield "each line of the access logs has the client's own address and port", bool(lines) and not wrong, wrong[:3]
    hosts = {client.rpartition(":")[0] for client, _ in lines}
    yield "clients of all hosts are in the logs, and the load balancer is not", hosts == set(CLIENTS.values()), hosts
    served = collections.Counter(name for name, _ in cluster.log_lines())
    print(f"  requests by proxy: {dict(served)}")
    yield "each proxy serves", set(served) == set(PROXIES), served
    new = sum("url" in line for line in cluster.logs["p4"][-1].read_text(encoding="utf-8").splitlines())
    yield "the new process serves", new > 0, new


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--proxy", default=str(ROOT / "proxy"))
    arguments = parser.parse_args()
    world.enter("haproxy")
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(arguments.proxy, folder)
        try:
            marks = asyncio.run(run_steps(cluster))
        finally:
            cluster.end()
        completed = cluster.load.completed
        print(f"  {completed} requests in all")
        results = list(checks(cluster, marks))
    for title, good, words in results:
        if not good:
            print(f"failed: {title}: {words}")
    bad = sum(not good for _, good, _ in results)
    print(f"{len(results) - bad} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
