#!/usr/bin/env python3
"""The model's changes of state are those of the program: every GO and CLOSE in proxy.pml, and every successor in
kStateRows (request_state.hpp), must be in the other too. Both are read as text. Ends with `N passed, N failed`.
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


def in_program(text):
    """The states in the order of the enum, and {(from, to): lines} of the table."""
    text = without_comments(text)
    enum = re.search(r"enum class State\b[^{]*\{([^}]*)\}", text)
    table = re.search(r"\bkStateRows\{\{(.*?)\}\};", text, re.DOTALL)
    if enum is None or table is None:
        raise SystemExit("transitions: request_state.hpp has no `enum class State`, or no `kStateRows{{...}};`")
    states = [name.strip() for name in enum[1].split(",") if name.strip()]
    found, names = {}, []
    for row in re.finditer(r"\{\s*\"(\w+)\"\s*,([^{}]*)\}", table[1]):
        names.append(row[1])
        number = text.count("\n", 0, table.start(1) + row.start()) + 1
        rest = re.sub(r"bit\(\s*State::\w+\s*\)", "", row[2])
        if rest.strip(" \n|"):
            raise SystemExit(f"transitions: request_state.hpp:{number}: successors that cannot be read: {row[2].strip()}")
        for after in re.findall(r"State::(\w+)", row[2]):
            found.setdefault((row[1], after), []).append(number)
    return states, names, found


def main():
    model_text = (HERE / "proxy.pml").read_text(encoding="utf-8")
    model = in_model(model_text)
    states, names, program = in_program((ROOT / "request_state.hpp").read_text(encoding="utf-8"))
    passed = failed = 0

    def check(good, message):
        nonlocal passed, failed
        passed, failed = passed + good, failed + (not good)
        if not good:
            print(f"transitions: {message}")

    check(states == names, f"kStateRows has the rows {names}, the enum {states}")
    of_model = re.search(r"mtype = \{([^}]*)\}\s*/\* State \*/", model_text)
    check(of_model is not None and of_model[1].replace(" ", "").split(",") == states,
          f"proxy.pml has not the states {states} in its mtype")
    for change in sorted(model.keys() | program.keys()):
        before, after = change
        where = " and ".join(f"line {number}" for number in model.get(change, []) + program.get(change, []))
        check(change in program, f"{before} -> {after} is in proxy.pml ({where}), but not in kStateRows")
        check(change in model, f"{before} -> {after} is in kStateRows (request_state.hpp, {where}), but not in proxy.pml")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not model else 0


if __name__ == "__main__":
    sys.exit(main())
