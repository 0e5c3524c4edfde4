#!/usr/bin/env python3
"""A proxy with something to do: an origin, traffic, and what to look at. It needs no network but loopback.

    demo.py [--proxy PROGRAM] [--port PORT] [--seed SEED] [--folder FOLDER]

Ctrl-C, SIGTERM, and the end of the terminal stop all of it. `make demo` calls this.
"""
import argparse
import asyncio
import contextlib
import ctypes
import os
import pathlib
import re
import signal
import sys

import origin
import traffic

ROOT = pathlib.Path(__file__).resolve().parent.parent
PR_SET_PDEATHSIG = 1
SECONDS_TO_END = 3  # then the proxy is killed: with a mistake built in, it may not react


def say(text=""):
    """Nothing reads it any more once the terminal has closed."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


def end_with(parent):
    """Runs in the proxy's process before the program: it does not outlive this one, however that ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


async def start_proxy(options, origin_port):
    """Returns the process, its port, and the mistake that is built in, or an empty string."""
    me = os.getpid()
    process = await asyncio.create_subprocess_exec(
        options.proxy, str(options.port), "--access-log", str(options.folder / "access.log"), "--record-dir", str(options.folder),
        "--parent", f"http://127.0.0.1:{origin_port}=demo.test", "--max-requests", "256", "--reader-timeout", "30",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, preexec_fn=lambda: end_with(me))
    announced = ""
    while "Ctrl-C" not in announced:
        line = await process.stdout.readline()
        if not line:
            sys.exit(await process.wait() or 1)  # it has said why
        announced += line.decode()
    mistake = re.search(r"for learning only: (\S+)", announced)
    return process, int(re.search(r":(\d+)(?= and |\. Try)", announced)[1]), mistake[1] if mistake else ""


def describe(options, port, mistake):
    """What can be seen, and three things to try."""
    curl = f"curl -x http://127.0.0.1:{port}"
    say(f"The board:    http://localhost:{port}/    in a terminal: {options.proxy} top {port}")
    say(f"The proxy:    127.0.0.1:{port}{f', with a mistake built in: {mistake}' if mistake else ''}; log in {options.folder}/access.log")
    say(f"The origin:   http://demo.test/, through the proxy only: {curl} http://demo.test/")
    say(f"The traffic:  {traffic.CLIENTS} clients, seed {options.seed}")
    say()
    say("Three things to try:")
    say(" 1. Find a client that reads nothing: in SEND_RESPONSE, and its slot holds bytes. What ends its wait, and when?")
    say(f" 2. Watch a request of your own wait in READ_RESPONSE: {curl} 'http://demo.test/slow?seconds=20'")
    if mistake:
        say(f" 3. Find the mistake: which finding names it, and which call comes last? Then read docs/mistakes/{mistake}.md")
    else:
        say(" 3. The same with a mistake built in: make demo MISTAKE=no-drain; make mistake lists them.")
    say()
    say("Ctrl-C stops the proxy, the origin and the traffic.")


async def stop_proxy(process):
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.wait(), SECONDS_TO_END)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()


async def run(options):
    """Until a signal, or until the proxy ends. Returns the exit status."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    server, origin_port = await origin.start()
    process, port, mistake = await start_proxy(options, origin_port)
    tasks = [asyncio.ensure_future(work) for work in (traffic.run(port, origin_port, options.seed), process.wait(), process.stdout.read(), stopped.wait())]
    try:
        describe(options, port, mistake)
        await asyncio.wait([tasks[1], tasks[3]], return_when=asyncio.FIRST_COMPLETED)
        ended = process.returncode if not stopped.is_set() else None
    finally:
        await stop_proxy(process)
        for task in tasks:
            task.cancel()
        server.close()
    if ended is None:
        return 0
    how = signal.Signals(-ended).name if ended < 0 else f"exit status {ended}"
    say(f"The proxy has ended: {how}. Record files of its last steps: {options.folder}/*.pxr")
    return 1


def main():
    parser = argparse.ArgumentParser(description="A proxy with an origin and traffic, to be watched.")
    parser.add_argument("--proxy", default="./proxy", help="the program (default %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="its port (default: a free one)")
    parser.add_argument("--seed", default="1", help="of the traffic (default %(default)s)")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "build/demo", help="of the log and of record files (default %(default)s)")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    (options.folder / "access.log").unlink(missing_ok=True)
    try:
        return asyncio.run(run(options))
    except OSError as error:
        print(f"demo: cannot start {options.proxy}: {error.strerror}; build it with make", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
