#!/usr/bin/env python3
"""Checks that includes only point downwards, and that only src/sys includes headers of the kernel.

The modules and what each may include are those of docs/design.md. Prints `N passed, N failed`.
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
    "src/doctor": {"src/watch", "access record", "request_state", "src/files", "src/net", "src/plan", "src/http", "src/base", "src/sys"},
    "src/console": {"src/doctor", "src/record", "src/watch", "access record", "request_state", "src/files", "src/net", "src/plan", "src/http", "src/base", "src/sys"},
    "src/server": {"src/console", "src/doctor", "src/config", "src/record", "src/watch", "access record", "request_state", "src/files", "src/net", "src/plan", "src/http", "src/base", "src/sys"},
    "proxy": {"src/server", "src/console", "src/ask", "src/config", "src/explain", "src/replay", "src/record", "src/watch", "request_state", "src/files", "src/net", "src/plan", "src/http", "src/base", "src/sys"},
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
               "block_size", "table", "scheduler", "worker", "timeouts", "full_table", "bookkeeping", "events", "turn", "blocks", "quota", "probe", "local_response", "login", "failover",
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
