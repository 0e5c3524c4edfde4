#!/usr/bin/env python3
"""Compares the model's changes of state with the program's: each GO and CLOSE of proxy.pml must be a row of kTransitions
(request_state.hpp), and each row must be in the model. The drawing must name each event, and no part of the machine may
change a state. All are read as text. Ends with `N passed, N failed`.
"""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def without_comments(text):
    """The lines keep their numbers."""
    blank = lambda comment: "\n" * comment[0].count("\n")
    return re.sub(r"/\*.*?\*/|//[^\n]*", blank, text, flags=re.DOTALL)


def in_model(text):
    """{(from, to): lines}"""
    found = {}
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        if line.lstrip().startswith("#"):
            continue  # where GO and CLOSE are defined
        for before, after in re.findall(r"\bGO\(\s*(\w+)\s*,\s*(\w+)\s*\)", line):
            found.setdefault((before, after), []).append(number)
        for before in re.findall(r"\bCLOSE\(\s*(\w+)\s*\)", line):
            found.setdefault((before, "FREE"), []).append(number)
    return found


def in_program(text, names):
    """The states and the events in the order of their enums, and [(from, event, to, line)] of the table."""
    text, names = without_comments(text), without_comments(names)
    table = re.search(r"\bkTransitions\{(.*?)\n\};", text, re.DOTALL)
    enums = [re.search(rf"enum class {name}\b[^{{]*\{{([^}}]*)\}}", names) for name in ("State", "Event")]
    if table is None or None in enums:
        raise SystemExit("transitions: src/state/states.hpp lacks `enum class State` or `enum class Event`, or request_state.hpp `kTransitions{...};`")
    states, events = ([name.strip() for name in enum[1].split(",") if name.strip()] for enum in enums)
    rows = [(*row.groups(), text.count("\n", 0, table.start(1) + row.start()) + 1)
            for row in re.finditer(r"Transition\{State::(\w+), Event::(\w+), State::(\w+)\}", table[1])]
    if len(rows) != table[1].count("Transition"):
        raise SystemExit("transitions: request_state.hpp: a row of kTransitions cannot be read")
    return states, events, rows


def names(text, table):
    return re.findall(r'"(\w+)"', re.search(rf"\b{table}\{{(.*?)\}};", text, re.DOTALL)[1])


def main():
    model_text = (HERE / "proxy.pml").read_text(encoding="utf-8")
    model = in_model(model_text)
    header = (ROOT / "request_state.hpp").read_text(encoding="utf-8")
    enums = (ROOT / "src/state/states.hpp").read_text(encoding="utf-8")
    states, events, rows = in_program(header, enums)
    program = {}
    for before, _, after, number in rows:
        program.setdefault((before, after), []).append(number)
    passed = failed = 0

    def check(good, message):
        nonlocal passed, failed
        passed, failed = passed + bool(good), failed + (not good)
        if not good:
            print(f"transitions: {message}")

    check(states == names(enums, "kStateNames"), f"kStateNames has not the names {states}")
    check(events == names(enums, "kEventNames"), f"kEventNames has not the names {events}")
    drawing = header.split("#pragma", maxsplit=1)[0]
    for event in events:
        check(re.search(rf"\b{event}\b", drawing), f"{event} is not in the drawing of request_state.hpp")
    for path in sorted((ROOT / "src/state").glob("*.cpp")):
        check(not re.search(r"\brecord(\.|->)state = |\bnext_state\(|\bchange_state\(", without_comments(path.read_text(encoding="utf-8"))),
              f"{path.name} changes a state: only request_state.cpp may")
    of_model = re.search(r"mtype = \{([^}]*)\}\s*/\* State \*/", model_text)
    check(of_model is not None and of_model[1].replace(" ", "").split(",") == states,
          f"proxy.pml has not the states {states} in its mtype")
    for change in sorted(model.keys() | program.keys()):
        before, after = change
        where = " and ".join(f"line {number}" for number in model.get(change, []) + program.get(change, []))
        check(change in program, f"{before} -> {after} is in proxy.pml ({where}), but not in kTransitions")
        check(change in model, f"{before} -> {after} is in kTransitions (request_state.hpp, {where}), but not in proxy.pml")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not model else 0


if __name__ == "__main__":
    sys.exit(main())
