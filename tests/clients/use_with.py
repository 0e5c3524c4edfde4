"""The settings of docs/use-with.md, applied to a program's home and environment."""
import pathlib
import re
import typing

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs/use-with.md"
ADDRESS = "127.0.0.1:8080"  # as the document has it


class Row(typing.NamedTuple):
    program: str
    where: str
    settings: tuple


def rows():
    """The rows of the first table: those that tests run."""
    table = DOCUMENT.read_text(encoding="utf-8").partition("|---")[2].partition("\n\n")[0]
    for line in table.splitlines()[1:]:
        program, where, settings = (cell.strip() for cell in line.strip("|").split(" | ")[:3])
        yield Row(program, where.replace("`", ""), tuple(re.findall(r"`([^`]+)`", settings)))


def row(program, where=None):
    """The row of a program; of several, the one with this place."""
    found = [row for row in rows() if row.program == program and where in (None, row.where)]
    if len(found) != 1:
        raise AssertionError(f"docs/use-with.md has {len(found)} rows for {program}, {where}")
    return found[0]


def settings(chosen, port):
    """The settings with this port in place of the document's."""
    return [text.replace(ADDRESS, f"127.0.0.1:{port}").replace("proxyPort=8080", f"proxyPort={port}").replace("proxyport=8080", f"proxyport={port}")
            for text in chosen.settings]


def apply(case, chosen, port):
    """Does what the row says, in `case.home` and `case.environment`; returns what is left to be put on the command line."""
    lines = settings(chosen, port)
    if chosen.where == "environment":
        case.environment.update(line.split("=", 1) for line in lines)
    elif chosen.where == "shell":
        for line in lines:
            case.run_program("sh", "-ec", line)
    elif chosen.where.startswith("~/"):
        path = case.home / chosen.where[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        return lines
    return []
