#!/usr/bin/env python3
"""Checks that includes only point downwards, and that only src/sys includes headers of the kernel.

`make docs` writes the table of the modules in docs/design.md from the tables here. Prints `N passed, N failed`.
"""
import pathlib
import re
import sys

from structure import Source

ROOT = pathlib.Path(__file__).resolve().parent.parent

# module -> modules that it may include, besides itself and the standard library
MODULES = {
    "src/base": set(),
    "src/sys": {"src/base"},
    "src/http": {"src/base", "src/sys"},
    "src/net": {"src/http", "src/base", "src/sys"},
    "src/plan": {"src/http", "src/base", "src/sys"},
    "src/config": {"src/plan", "src/http", "src/base", "src/sys"},
    "src/files": {"src/plan", "src/http", "src/base", "src/sys"},
    "access record": {"src/plan", "src/http", "src/base", "src/sys"},
    "src/watch": {"access record", "src/net", "src/plan", "src/http", "src/base", "src/sys"},
    "src/record": {"src/watch", "access record", "src/plan", "src/http", "src/base", "src/sys"},
    "src/replay": {"src/record", "src/watch", "access record", "src/plan", "src/http", "src/base", "src/sys"},
    "request_state": {"access record", "src/files", "src/net", "src/plan", "src/http", "src/base", "src/sys"},
    "src/explain": {"src/config", "src/net", "src/plan", "src/http", "src/base", "src/sys"},
    "src/ask": {"src/console", "access record", "request_state", "src/config", "src/plan", "src/http", "src/base", "src/sys"},
    "src/doctor": {"src/watch", "access record", "request_state", "src/net", "src/plan", "src/http", "src/base", "src/sys"},
    "src/console": {"src/doctor", "src/record", "src/watch", "access record", "request_state", "src/files", "src/net", "src/plan", "src/http", "src/base", "src/sys"},
    "src/server": {"src/console", "src/doctor", "src/config", "src/record", "src/watch", "access record", "request_state", "src/files", "src/net", "src/plan", "src/http", "src/base", "src/sys"},
    "proxy": {"src/server", "src/console", "src/ask", "src/config", "src/explain", "src/replay", "src/record", "src/watch", "request_state", "src/files", "src/net", "src/plan", "src/http", "src/base", "src/sys"},
}
# module -> what it contains, for the document
CONTENTS = {
    "proxy": "`main`, subcommands, wiring, exit status",
    "src/server": "the event loop, admission of clients, reload, shutdown, takeover, sandbox, reports to systemd, health checks, capacity, record files, the pages about the proxy",
    "src/ask": "`proxy doctor`, `proxy top`: ask a running proxy; an HTTP client without the event loop",
    "src/explain": "`proxy explain`: the decision about a request, without sending it",
    "request_state": "records, states, transitions, and the steps of the four state functions",
    "src/replay": "`proxy replay`: a record file as text, as the table of records at any position, as Chrome trace or HAR",
    "src/console": "the board: its pages, what changed in the table since a viewer asked, heads without secrets",
    "src/doctor": "the loop doctor: checks of turns, of calls and of records; its page",
    "src/record": "record files (`.pxr`): their format, writer and reader",
    "src/watch": "access log, metrics, trace printer (`-v`, `-vv`), startup messages, output without blocking; reads values only",
    "access record": "values about a record: its state, what log and metrics read, what it waits for",
    "src/files": "the file server: lookup, conditions, ranges, listings, gzip, cache, body sources",
    "src/config": "reads the command line, the configuration file, and the text of rules, addresses and upstream proxies into values of `src/plan`; their error messages",
    "src/plan": "decides what to do with a request, from values alone: rules, limits, users, groups, upstream proxies; the table of waits",
    "src/net": "endpoints, lanes, pipes, acceptors, DNS, upstream connections",
    "src/http": "heads, framing, rewriting, statuses, error responses",
    "src/sys": "every system call and the clock; notes the calls in the trace",
    "src/base": "ASCII, index lists, pools, end reasons, trace ring",
}
# Modules of single files, in place of that of their folder.
FILES = {
    "proxy.cpp": "proxy",
    "request_state.hpp": "request_state",
    "request_state.cpp": "request_state",
    "src/state": "request_state",
    "src/state/access_record.hpp": "access record",
    "src/state/states.hpp": "access record",
    "src/state/diagnosis.hpp": "access record",
    "src/state/diagnosis.cpp": "access record",
    "http_parse.cpp": "src/http",
}
# The files of the machine, lowest first; a header and its .cpp share a floor. Each includes only what is below it, and a
# function is declared in the header of the file that defines it: so calls go down too.
MACHINE = ["src/state/states", "src/state/diagnosis", "src/state/access_record", "src/state/exchange", "src/state/handshake_progress", "request_state.hpp",
           *(f"src/state/{name}" for name in (
               "block_size", "table", "scheduler", "pages", "worker", "timeouts", "full_table", "bookkeeping", "events", "turn", "blocks", "quota", "probe", "local_response", "login", "failover",
               "connect", "parent_handshake", "upstream", "finish", "upload", "tunnel", "proxy_header", "stream", "web",
               "forward", "read_head", "start")), "request_state.cpp"]
# These modules may include only this of src/sys: values without system calls.
ONLY = {("src/http", "src/sys"): {"src/sys/address.hpp"}, ("src/plan", "src/sys"): {"src/sys/address.hpp", "src/sys/lens_settings.hpp"}}

KERNEL_USERS = {"src/sys/linux.cpp", "src/sys/files.cpp", "src/sys/beneath.cpp", "src/sys/core_dump.cpp", "src/sys/handover.cpp", "src/sys/landlock.cpp", "src/sys/process.cpp", "src/sys/sandbox.cpp", "src/sys/service.cpp", "src/sys/terminal.cpp", "src/sys/user.cpp", "src/sys/address.cpp"}
KERNEL_HEADER = re.compile(r"^(sys|netinet|arpa|net|linux|asm)/|^(fcntl|unistd|poll|pwd|grp|signal|netdb|pthread|time|sched)\.h$"
                           r"|^(thread|mutex|future|condition_variable|csignal)$")
FORBIDDEN_CALL = re.compile(r"\b(pthread_create|std::thread|fork|vfork|clone)\s*\(")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def module_of(path):
    folder = path.rsplit("/", 1)[0]
    return FILES.get(path, FILES.get(folder, folder))


def floor_of_module(module):
    """0: it includes no other module; else one more than the highest that it may include."""
    return 1 + max((floor_of_module(other) for other in MODULES[module]), default=-1)


def in_order():
    """The modules, highest first."""
    return sorted(MODULES, key=lambda module: (-floor_of_module(module), module))


def module_rows():
    """The table of the modules in docs/design.md."""
    yield from ("| # | Module | Contains | Includes |", "|---|---|---|---|")
    for module in in_order():
        files = [f"`{file}`" for file, other in FILES.items() if other == module]
        names = [] if module in ("proxy", "request_state", "access record") else [f"`{module}`"]
        others = ["`" + "`, `".join(sorted(ONLY[module, other])) + "`" if (module, other) in ONLY else other.removeprefix("src/")
                  for other in in_order() if other in MODULES[module]]
        if module == "src/sys":
            others.append("the kernel's headers in the `.cpp` only")
        label = " (access record)" if module == "access record" else ""
        yield f"| {floor_of_module(module)} | {', '.join(names + files)}{label} | {CONTENTS[module]} | {', '.join(others) or 'standard library'} |"


def includes(path):
    """(is_system, name or path from the root) for each include of the file."""
    text = (ROOT / path).read_text()
    for kind, name in INCLUDE.findall(text):
        if kind == "<":
            yield True, name
        else:
            yield False, str((ROOT / path).parent.joinpath(name).resolve().relative_to(ROOT))


def floor_of(path):
    """The file's floor in the machine; None: it is not part of it."""
    name = path if path in MACHINE else path.rsplit(".", 1)[0]
    return MACHINE.index(name) if name in MACHINE else None


def faults_of_machine(path):
    floor = floor_of(path)
    if floor is None:
        yield f"{path} has no floor in MACHINE"
        return
    for is_system, name in includes(path):
        other = None if is_system else floor_of(name)
        if other is not None and other >= floor and name.rsplit(".", 1)[0] != path.rsplit(".", 1)[0]:
            yield f"{path} includes {name}, which is not below it in MACHINE"
    source = Source(ROOT, ROOT / path)
    if path.startswith("src/state/") and path.endswith(".hpp"):
        defined = {name for name, *_ in source.functions}
        if (ROOT / path).with_suffix(".cpp").exists():
            defined |= {name for name, *_ in Source(ROOT, (ROOT / path).with_suffix(".cpp")).functions}
        for name, *_ in source.declarations:
            if re.search(rf"^[^/\n]*\b{name}\([^;{{]*\) (?:const )?noexcept;", source.text, re.MULTILINE) and name not in defined:
                yield f"{path} declares {name}, which another file defines"


def faults_of(path):
    module = module_of(path)
    for is_system, name in includes(path):
        if is_system:
            if KERNEL_HEADER.search(name) and path not in KERNEL_USERS:
                yield f"{path} includes <{name}>: only src/sys may"
            continue
        other = module_of(name)
        if other == module:
            continue
        if other not in MODULES[module]:
            yield f"{path} ({module}) includes {name} ({other}), which is not below it"
        elif name not in ONLY.get((module, other), {name}):
            yield f"{path} includes {name}; of {other} only {', '.join(ONLY[module, other])} may be used there"
    if module in ("request_state", "access record"):
        yield from faults_of_machine(path)
    for call in FORBIDDEN_CALL.findall((ROOT / path).read_text()):
        yield f"{path} calls {call}: one thread, one process"


def main():
    sources = sorted(str(p.relative_to(ROOT)) for pattern in ("*.[ch]pp", "src/**/*.[ch]pp") for p in ROOT.glob(pattern))
    passed = failed = 0
    for path in sources:
        faults = [f"{path} is in no module"] if module_of(path) not in MODULES else list(faults_of(path))
        for fault in faults:
            print(fault)
        failed += bool(faults)
        passed += not faults
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
