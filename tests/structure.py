#!/usr/bin/env python3
"""Measures the structure of a source tree. Usage: tests/structure.py [TREE...]; prints one column for each tree.

With --detail, also lists what keeps the last tree from its aims. With --check, prints only the aims that the last tree misses,
and `N passed, N failed`; the exit status is 0 if it misses none.
"""
import collections
import pathlib
import re
import sys

STATE_FUNCTIONS = ("read_request", "send_request", "read_response", "send_response")
CONTRACTS_IN = ("request_state.hpp", "src/net/", "src/state/")  # where declarations are counted
FUNCTION_LINES_MAX = 40
SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")
CONTROL = re.compile(r"^\s*(if|for|while|switch|catch|else|do|return)\b")
BRANCH = re.compile(r"\b(?:if|for|while|case|catch)\b|&&|\|\||\?")


class Source:
    """A file: `code` is its text with comments and literals blanked, at the same positions."""

    def __init__(self, root, path):
        self.name = str(path.relative_to(root))
        self.text = path.read_text(encoding="utf-8")
        blank = lambda match: re.sub(r"[^\n]", " ", match[0])
        literals = r"//[^\n]*|/\*.*?\*/|R\"(\w*)\(.*?\)\1\"|\"(?:[^\"\\\n]|\\.)*\"|(?<![0-9a-fA-F])'(?:[^'\\\n]|\\.)+'"
        self.code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, re.sub(literals, blank, self.text, flags=re.S), flags=re.M)
        self.functions = []     # (name, first line, last line, body, can another file call it by this name)
        self.declarations = []  # (name, first line, last line)
        self.scan()

    def line(self, position):
        return self.text.count("\n", 0, position) + 1

    def scan(self):
        """Finds functions, and declarations at namespace scope and in the public part of classes."""
        code, scopes, start, i = self.code, [], 0, 0  # scopes: (kind, is it visible from outside)
        while i < len(code):
            kind, visible = scopes[-1] if scopes else ("namespace", True)
            if code[i] == "{":
                head = code[start:i]
                if re.match(r"\s*(?:inline )?namespace\b", head):
                    scopes.append(("namespace", visible and bool(re.search(r"namespace\s+\w", head))))
                elif (function := self.function_name(head)) is not None:
                    end = self.closing(i)
                    first = start + len(head) - len(head.lstrip())
                    self.functions.append((function, self.line(first), self.line(end), code[i:end], self.is_free(head, function, kind, visible)))
                    self.declare(function, start, end, kind, visible and f"::{function}(" not in head)
                    i = start = end + 1
                    continue
                elif re.search(r"\benum\b", head) or not SCOPE.search(head):
                    end = self.closing(i)
                    if re.search(r"\benum\b", head):
                        self.declare(re.findall(r"\w+", head.split(":")[0])[-1], start, end, kind, visible)
                        start = end + 1
                    i = end + 1
                    continue
                else:
                    name = re.findall(r"\w+", re.split(r"[:{]|\bfinal\b", re.sub(r"<.*?>", "", head))[0])[-1]
                    self.declare(name, start, i, kind, visible)
                    scopes.append(("class", visible and "class" not in re.findall(r"\w+", head)))
                start = i + 1
            elif code[i] == "}":
                if scopes:
                    scopes.pop()
                start = i + 1
            elif code[i] == ";":
                if re.search(r"[\w>&*\]] ?\b[\w~]+\(", code[start:i]) and not re.match(r"\s*(using|static_assert|friend|typedef)\b", code[start:i]):
                    self.declare(re.search(r"([\w~]+)\(", code[start:i])[1], start, i, kind, visible)
                start = i + 1
            elif code[i] == ":" and kind == "class" and (part := re.fullmatch(r"\s*(public|private|protected)\s*", code[start:i])):
                outer = all(seen for _, seen in scopes[:-1])
                scopes[-1] = ("class", outer and part[1] == "public")
                start = i + 1
            i += 1

    def declare(self, name, start, end, _kind, visible):
        first = start + len(self.code[start:end]) - len(self.code[start:end].lstrip())
        text = self.code[first:end]
        special = re.search(r"=\s*(delete|default)\s*$", text) or re.search(r"\boperator\b", text) or name.startswith("~")
        if visible and self.name.endswith(".hpp") and not special:
            self.declarations.append((name, self.line(first), self.line(end)))

    @staticmethod
    def is_free(head, name, kind, visible):
        """Neither a member function nor local to its file."""
        return visible and kind == "namespace" and f"::{name}(" not in head and "static " not in head

    @staticmethod
    def function_name(head):
        """The name of the function whose body follows `head`; None if none does."""
        if "(" not in head or CONTROL.match(head) or re.search(r"=\s*$|\breturn\b", head):
            return None
        plain = re.sub(r"\)\s*:\s*\w.*$", ")", head, flags=re.S)  # initialisers of a constructor
        if not re.search(r"\)\s*(const|noexcept|override|final|&|->[^;]*|requires[^;]*|\s)*$", plain):
            return None
        if (name := re.search(r"([\w~]+|operator\s*[^\s(]+|operator\(\))\s*\(", plain)) is None or re.search(r"=[^=(]*$", plain[:name.start()]):
            return None
        return name[1]

    def closing(self, position):
        depth = 0
        for match in re.compile(r"[{}]").finditer(self.code, position):
            depth += 1 if match[0] == "{" else -1
            if depth == 0:
                return match.start()
        return len(self.code) - 1

    def includes(self):
        return re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)', self.text, re.M)

    def has_contract(self, first, last):
        """A comment stands directly above the declaration or beside one of its lines."""
        lines = self.text.splitlines()
        above = lines[first - 2].strip() if first > 1 else ""
        if above.startswith("template"):
            above = lines[first - 3].strip()
        return above.startswith("//") or any("//" in line for line in lines[first - 1:last])


def sources(root):
    return [Source(root, path) for pattern in ("*.[ch]pp", "src/**/*.[ch]pp") for path in sorted(root.glob(pattern))]


def components(graph):
    """The strongly connected components of more than one node (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            component = []
            while not component or component[-1] != node:
                component.append(stack.pop())
            if len(component) > 1:
                found.append(sorted(component))

    for node in list(graph):
        if node not in index:
            visit(node)
    return found


def calls_in_state(files):
    """Which part of src/state calls which: {stem: stems}, by free functions that one part alone defines."""
    parts = [file for file in files if file.name.startswith("src/state/")]
    stem = lambda file: pathlib.Path(file.name).stem
    owners = collections.defaultdict(set)
    local = collections.defaultdict(set)
    for file in parts:
        for name, *_, is_free in file.functions:
            (owners[name] if is_free else local[stem(file)]).add(stem(file) if is_free else name)
    elsewhere = {name for file in files if file not in parts for name, *_, is_free in file.functions if is_free}
    graph = collections.defaultdict(set)
    for file in parts:
        for *_, body, _ in file.functions:
            for name in set(re.findall(r"(?<![.>:\w])(?:state::|::)?(\w+)\(", body)) - elsewhere:
                owner = owners.get(name, set())
                if len(owner) == 1 and name not in local[stem(file)] and stem(file) not in owner:
                    graph[stem(file)] |= owner
    return graph


def floors(files):
    """The parts of src/state, each above all that it calls: [[stem]], the lowest first. REQUIRES: no call cycle."""
    graph = calls_in_state(files)
    height = {}

    def visit(part):
        if part not in height:
            height[part] = 0
            height[part] = 1 + max((visit(other) for other in graph.get(part, ())), default=-1)
        return height[part]

    for part in {pathlib.Path(file.name).stem for file in files if file.name.startswith("src/state/") and file.name.endswith(".cpp")}:
        visit(part)
    return [sorted(part for part, at in height.items() if at == floor) for floor in range(max(height.values()) + 1)]


def lines_under(root, *patterns):
    return sum(path.read_text(encoding="utf-8", errors="replace").count("\n") for pattern in patterns for path in root.glob(pattern) if path.is_file())


def measure(root):
    """({figure: (value, text of the aim, does it hold)}, details). A figure without an aim always holds."""
    files = sources(root)
    headers = [file for file in files if file.name.endswith(".hpp")]
    machine = next(file for file in files if file.name == "request_state.hpp")
    counted = [(file, one) for file in headers if file.name.startswith(CONTRACTS_IN) for one in file.declarations]
    bare = [(file.name, name, first) for file, (name, first, last) in counted if not file.has_contract(first, last)]
    functions = sorted(((last - first + 1, file.name, name) for file in files for name, first, last, *_ in file.functions), reverse=True)
    states = [(name, body, last - first + 1) for file in files if file.name == "request_state.cpp"
              for name, first, last, body, _ in file.functions if name in STATE_FUNCTIONS]
    branches, state_lines = sum(len(BRANCH.findall(body)) for _, body, _ in states), sum(n for *_, n in states)
    cycles = components(calls_in_state(files))
    owning = lambda name: (root / name).read_text(encoding="utf-8").count("\n")
    at_most = lambda value, limit, digits=0: (f"{value:.{digits}f}", f"at most {limit}", value <= limit)
    no_aim = lambda value: (value, "", True)
    contracts = 100 - 100 * len(bare) / max(1, len(counted))
    figures = {
        "includes of request_state.hpp": at_most(len(machine.includes()), 8),
        "mean includes of a header": at_most(sum(len(file.includes()) for file in headers) / len(headers), 4, 1),
        "lines of proxy.cpp": at_most(owning("proxy.cpp"), 180),
        "public declarations with a contract, %": (f"{contracts:.0f}", "at least 90", contracts >= 90),
        f"functions above {FUNCTION_LINES_MAX} lines": at_most(sum(n > FUNCTION_LINES_MAX for n, *_ in functions), 0),
        "longest function, lines": at_most(functions[0][0], FUNCTION_LINES_MAX),
        "branches a line, four state functions": at_most(branches / max(1, state_lines), 0.3, 2),
        "branches of the four state functions": no_aim(branches),
        "lines of the four state functions": no_aim(state_lines),
        "parts of src/state in call cycles": at_most(sum(map(len, cycles)), 0),
        "lines of the program": no_aim(lines_under(root, "*.[ch]pp", "src/**/*.[ch]pp")),
        "lines of tests": no_aim(lines_under(root, "tests/**/*.[ch]pp", "tests/**/*.py", "tests/**/*.mk", "tests/**/*.sh", "tests/**/*.pml")),
    }
    details = [f"{name}:{first}: {what} has no contract" for name, what, first in bare]
    details += [f"{name}: {what} has {n} lines" for n, name, what in functions if n > FUNCTION_LINES_MAX]
    details += [f"src/state: call cycle {' '.join(cycle)}" for cycle in cycles]
    return figures, details


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    trees = [pathlib.Path(name).resolve() for name in sys.argv[1:] if not name.startswith("--")] or [here]
    measured = [measure(tree) for tree in trees]
    last, details = measured[-1]
    missed = [f"{name}: {value}, expected {aim}" for name, (value, aim, holds) in last.items() if not holds]
    if "--check" in sys.argv:
        print("\n".join([*missed, *(details if missed else []), f"{len(last) - len(missed)} passed, {len(missed)} failed"]))
        return 1 if missed else 0
    print(f"{'':40}{'aim':>16}" + "".join(f"{tree.name:>12}" for tree in trees))
    for name, (_, aim, _) in last.items():
        print(f"{name:40}{aim:>16}" + "".join(f"{figures[name][0]:>12}" for figures, _ in measured))
    if "--detail" in sys.argv:
        print("\n".join(details))
    return 0


if __name__ == "__main__":
    sys.exit(main())
