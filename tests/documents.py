#!/usr/bin/env python3
"""Checks that the documents agree with the source; `--write` updates their generated parts first.

Prints `N passed, N failed`.
"""
import pathlib
import re
import subprocess
import sys
import textwrap

import completions
import layering
import manual_of_keys
import structure

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/mistakes"))
import pages  # noqa: E402
MANUAL = ("docs/fourstate.1", "docs/fourstate.json.5")
REPEATABLE = ("repeated", "rule")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


# ---- what the source says ----

def options():
    """(name, short letter, value, help, default) for each row of kOptions, as `proxy --help` shows it."""
    table = read("src/config/options.cpp").split("kOptions{{")[1].split("\n}};")[0]
    table = re.sub(r'"\n\s*"', "", table)  # adjacent string literals
    for row in re.split(r'\n    \{(?=")', table)[1:]:
        name, value, text, default = (s.replace('\\"', '"') for s in re.findall(r'"((?:[^"\\]|\\.)*)"', row)[:4])
        kind = re.search(r"OptionKind::(\w+)", row)
        letter = re.search(r'kAllBits, "(\w+)"', row)
        yield name, letter[1] if letter else "", value, text + ("; repeatable" if kind and kind[1] in REPEATABLE else ""), default


def timeouts():
    """(name, what is waited for, default in seconds) for each row of kWaitRows that has an option."""
    for name, ms, what in re.findall(r'\{Wait::\w+, "(--[a-z-]+)", ([\d\']+), .*"([^"]+)"(?:, true)?\}', read("src/plan/waits.hpp")):
        yield name, what, f"{int(ms.replace(chr(39), '')) / 1000:g}"


def drawing():
    """The lines of the drawing above the state machine."""
    lines = [line.removeprefix("//").rstrip() for line in read("request_state.hpp").split("#pragma")[0].splitlines()]
    drawn = [i for i, line in enumerate(lines) if line.startswith("   ")]
    return lines[drawn[0]:drawn[-1] + 1]


def transitions():
    """(state, event, next state) for each row of kTransitions."""
    return re.findall(r"Transition\{State::(\w+), Event::(\w+), State::(\w+)\}", read("request_state.hpp"))


def events():
    """What each event means: the comment beside its name."""
    enum = re.search(r"enum class Event [^{]*\{(.*?)\n\};", read("src/state/states.hpp"), re.S)
    return dict(re.findall(r"^  (\w+),\s*// (.*)$", enum[1], re.M)) if enum else {}


def options_of_start():
    """Those whose change needs a restart."""
    return re.findall(r'^  consider\(config\..*, "(--[a-z-]+)"\);', read("src/server/reload.cpp"), re.M)


# ---- the generated parts of the documents ----

def readme_options():
    yield from ("| Option | Meaning | Default |", "|---|---|---|", "| `PORT` | listening port; 0 selects a free one | |",
                "| `FILE` | same as `--config FILE` | |")
    for name, letter, value, text, default in options():
        names = (f"`-{letter}`, " if letter else "") + f"`{name}{' ' if value else ''}{value}`"
        yield f"| {names} | {text} | {default} |".replace("|  |", "| |")
    yield from ("", "| Timeout, in seconds | Longest wait for | Default |", "|---|---|---|")
    for name, what, default in timeouts():
        yield f"| `{name} SECONDS` | {what} | {default} |"


def readme_drawing():
    yield ""
    for line in drawing():
        yield (" " + line).rstrip()
    yield ""


def manual_options():
    yield ".Bl -tag -width Ds"
    for name, letter, value, text, default in options():
        flags = (f"Fl {letter} , " if letter else "") + f"Fl {name[1:]}"
        yield f".It {flags}{' Ar ' if value else ''}{value}"
        yield f"{text[0].upper()}{text[1:]}."
        if default:
            yield f"The default is {default}."
    yield from (".El", ".Pp", "Timeouts are in seconds; decimals are allowed.", "Each is the longest wait for:", ".Bl -tag -width Ds")
    for name, what, default in timeouts():
        yield f".It Fl {name[1:]} Ar SECONDS"
        yield f"{what[0].upper()}{what[1:]}."
        yield f"The default is {default}."
    yield ".El"


def manual_of_restart():
    *most, last = (f".Fl {name[1:]}" for name in options_of_start())
    yield from (f"{flag} ," for flag in most[:-1])
    yield from (most[-1], "and", last, "change only at a restart.")


def operate_restart():
    *most, last = (f"`{name}`" for name in options_of_start())
    yield from textwrap.wrap(f"{', '.join(most)} and {last} change only at a restart.", 120, break_long_words=False, break_on_hyphens=False)


def design_transitions():
    meaning = events()
    yield from ("| State | Event | Next state | Event means |", "|---|---|---|---|")
    for state, event, following in transitions():
        yield f"| {state} | `{event}` | {following} | {meaning.get(event, '')} |"


def design_floors():
    yield from ("| Floor | Parts of `src/state` |", "|---|---|")
    parts = structure.floors(structure.sources(ROOT))
    for floor in reversed(range(len(parts))):
        yield f"| {floor} | {', '.join(f'`{part}`' for part in parts[floor])} |"


def doctor_findings():
    rows = re.findall(r'\{Finding::\w+, "([^"]+)", Severity::(\w+), "([^"]+)",\s*"([^"]+)"\}', read("src/watch/findings.hpp"))
    for code, severity, sentence, condition in rows:
        yield from ("", f"### {code} ({severity})", "", f"> {sentence}", "", f"Condition: {condition}.")


GENERATED = [  # document, name of the part, its lines
    ("README.md", "drawing", readme_drawing),
    ("README.md", "options", readme_options),
    ("docs/fourstate.1", "options", manual_options),
    ("docs/fourstate.1", "restart", manual_of_restart),
    ("docs/operate.md", "restart", operate_restart),
    ("docs/fourstate.json.5", "keys", lambda: manual_of_keys.lines(options(), timeouts())),
    ("docs/design.md", "modules", layering.module_rows),
    ("docs/design.md", "transitions", design_transitions),
    ("docs/design.md", "floors", design_floors),
    ("docs/doctor.md", "findings", doctor_findings),
]


def generated(name, part, lines):
    """(the document, the same with the part as it must be)"""
    text = read(name)
    first, last = (f'.\\" {part}: written by make docs\n', f'.\\" end of {part}\n') if re.search(r"\.[15]$", name) \
        else (f"<!-- {part}: written by make docs -->\n", f"<!-- end of {part} -->\n")
    before, found, rest = text.partition(first)
    _, ended, after = rest.partition(last)
    if not found or not ended:
        sys.exit(f"{name}: missing marker of the part '{part}': {(first if not found else last).strip()}")
    return text, before + first + "".join(line + "\n" for line in lines()) + last + after


def write():
    for name, part, lines in GENERATED:
        (ROOT / name).write_text(generated(name, part, lines)[1], encoding="utf-8")
    for name, text in {**pages.pages(), **completions.files(options(), timeouts())}.items():
        (ROOT / name).parent.mkdir(exist_ok=True)
        (ROOT / name).write_text(text, encoding="utf-8")


# ---- the checks ----

def manual():
    """The manual page as a reader sees it."""
    page = subprocess.run(["mandoc", "-Tascii", "docs/fourstate.1"], cwd=ROOT, capture_output=True, text=True, check=True)
    return re.sub(r".\x08", "", page.stdout)


def synopses():
    """The subcommands and options of each line of the usage that `proxy --help` shows."""
    usage = re.search(r'"Usage: .*?(?=\n *"HTTP forward proxy)', read("src/config/command_line.cpp"), re.S)[0]
    text = re.sub(r"\\n {12,}", " ", "".join(re.findall(r'"(.*?)"\n', usage + "\n")))
    return [re.sub(r"\s+", " ", line).strip() for line in re.split(r"Usage: proxy|\\n\s+proxy|\\n$", text) if line.strip()]


def synopsis_of(page):
    """The same of a manual page, which is the result of `manual`."""
    lines = re.search(r"^SYNOPSIS$(.*?)^[A-Z]", page, re.M | re.S)[1]
    text = re.sub(r"\[([^][]*) \.\.\.\]", r"[\1]...", re.sub(r"\s+", " ", lines))  # [OPTION ...]
    return [line.strip() for line in text.split(" fourstate")[1:]]


def conditions():
    """The keys of the conditions that a rule can have."""
    return re.findall(r'^    \{"(\w+)", take_\w+, \[\]', read("src/config/rule_text.cpp"), re.M)


def conditions_of_manual():
    """Those that the section RULES of the manual page describes."""
    section = read("docs/fourstate.1").split(".Sh RULES\n")[1].split(".Sh ")[0]
    return set(re.findall(r"^\.It Cm (\w+=\S*)", section, re.M))


def sources():
    return [path for pattern in ("*.[ch]pp", "src/**/*.[ch]pp") for path in sorted(ROOT.glob(pattern))]


def named_in_design():
    """(name, is it in the source) for each file, function and identifier that docs/design.md names in backquotes."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources())
    tests = {path.name for path in (ROOT / "tests").rglob("*") if path.is_file()}
    files = {path.name for path in sources()} | {str(path.relative_to(ROOT)) for path in sources()}
    for name in sorted(set(re.findall(r"`([^`\n]+)`", read("docs/design.md")))):
        if re.fullmatch(r"[\w/]+\.[ch]pp", name):
            yield name, name in files or name.rsplit("/", 1)[-1] in tests
        elif re.fullmatch(r"[\w/.]+\.py", name):
            yield name, name.rsplit("/", 1)[-1] in tests or (ROOT / name).exists()
        elif re.fullmatch(r"(src|tests|docs)/[\w/.]+", name):
            yield name, (ROOT / name).exists() or any(ROOT.glob(name + ".*"))
        elif call := re.fullmatch(r"(?:\w+::)*(\w+)\(\)", name):
            yield name, re.search(rf"\b{call[1]}\(", code)
        elif re.fullmatch(r"(?:\w+::)+\w+|k[A-Z]\w+|[a-z]+_[a-z_]+", name):
            yield name, re.search(rf"\b{name.rsplit('::', 1)[-1]}\b", code)


def named_in_security():
    """(name, does it exist) for each test that the tables of SECURITY.md name: Suite.Name, or a file."""
    unit = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests/unit").rglob("*.cpp"))
    rows = [line for line in read("SECURITY.md").splitlines() if re.match(r"\| (?!Promise)", line)]
    for row in rows:
        names = re.findall(r"`([^`]+)`", row.rsplit("|", 2)[1])
        yield row.split("|")[1].strip(), bool(names)
        for name in names:
            suite, _, test = name.partition(".")
            yield name, (ROOT / name).is_file() if "/" in name else re.search(rf"TEST(?:_F|_P)?\({suite},\s*{test}\)", unit)


def reasons():
    """{name: status of its response, or ""} for each end reason but "none"."""
    statuses = dict(re.findall(r"\{R::(\w+), \{(\d+), ", read("src/http/status.cpp")))
    return {name: statuses.get(reason, "") for reason, name in re.findall(r'\{R::(\w+), \{"([a-z-]{2,})", ', read("src/base/reason.cpp"))}


def paragraphs():
    """(name, is it right) for each reason and finding, which needs one paragraph in docs/troubleshoot.md, with the status of a reason."""
    expected = {**dict.fromkeys(re.findall(r'\{Finding::\w+, "([^"]+)"', read("src/watch/findings.hpp")), ""), **reasons()}
    found = re.findall(r"^\*\*`([^`]+)`\*\*(?: \((\d+)\))?\. ", read("docs/troubleshoot.md"), re.M)
    for name in sorted({*expected, *(name for name, _ in found)}):
        yield name, [status for given, status in found if given == name] == [expected.get(name)]


def prose(text):
    """Without blocks of code."""
    return re.sub(r"^```(?s:.*?)^```|^    .*$", "", text, flags=re.M)


def anchors(path):
    """The names to which a link to a heading of this document leads, on GitHub and in the site."""
    headings = re.findall(r"^#+ +(.*)$", prose(path.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w -]", "", heading.replace("`", "").lower()).replace(" ", "-") for heading in headings}


def links():
    """(document and link, does it lead to a file, and to a heading of it) for each relative link. The site has only docs."""
    for path in sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/*/README.md")}):
        name = path.relative_to(ROOT)
        for link in re.findall(r"\]\(([^)\s]+)\)", prose(path.read_text(encoding="utf-8"))):
            if re.match(r"[a-z]+:", link):
                continue
            file, _, anchor = link.partition("#")
            target = (path.parent / file).resolve() if file else path
            inside = name.parts[0] != "docs" or (ROOT / "docs") in target.parents
            yield f"{name}: {link}", inside and target.exists() and (not anchor or anchor in anchors(target))


def navigation():
    """(document, does it exist) for each page of mkdocs.yml, and for each document of docs itself whether it is one."""
    pages_of_site = re.findall(r"^ +- .*: (\S+\.md)$", read("mkdocs.yml"), re.M)
    for page in sorted({*pages_of_site, *(path.name for path in (ROOT / "docs").glob("*.md"))}):
        yield page, page in pages_of_site and (ROOT / "docs" / page).is_file()


def checks():
    """(title, is it so) for each thing that is checked."""
    for name in MANUAL:
        yield f"{name} is well formed", subprocess.run(["mandoc", "-Tlint", "-Wwarning", name], cwd=ROOT, check=False).returncode == 0
    for name, part, lines in GENERATED:
        found, expected = generated(name, part, lines)
        yield f"{name}: the generated part '{part}' is up to date (run make docs)", found == expected
    written = pages.pages()
    for name in sorted({*written, *(str(path.relative_to(ROOT)) for path in (ROOT / pages.FOLDER).glob("*"))}):
        yield f"{name} is up to date (run make docs), and a mistake has this name", (ROOT / name).is_file() and read(name) == written.get(name)
    for name, text in completions.files(options(), timeouts()).items():
        yield f"{name} is up to date (run make docs)", (ROOT / name).is_file() and read(name) == text
    own = {"--client", "--user", "--calls", "--slot", "--from", "--to", "--at", "--format", "--port", "--text", "--once", *(row[0] for row in (*options(), *timeouts()))}
    known = own | {"--detail"} | set(re.findall(r'"(--[a-z][a-z-]+)"', read("driver.py")))
    page, readme = manual(), read("README.md")
    for name in sorted(own):
        yield f"the man page describes {name}", name in page
    for line in synopses():
        yield f"the man page has the synopsis: {line}", line in synopsis_of(page)
        yield f"README.md has the synopsis: {line}", f"    proxy {line}\n" in readme
    yield "the man page has no other synopsis", len(synopsis_of(page)) == len(synopses())
    for text in sorted({f"{key}=" for key in conditions()} | {"host=@", "user=none"} | conditions_of_manual()):
        yield f"the man page describes the condition {text} of rules", text in conditions_of_manual()
        yield f"README.md describes the condition {text}", re.search(rf"[`,]{text}", readme)
        yield f"{text} is a condition of rules", text.partition("=")[0] in conditions()
    for name in ("README.md", *MANUAL, "docs/roles.md", "docs/design.md"):
        for option in sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", read(name).replace("Fl -", "--")))):
            yield f"{name}: {option} is an option", option in known
    version = re.search(r'kVersion = "([^"]+)"', read("src/plan/config.hpp"))[1]
    yield f"CHANGELOG.md begins with {version}", re.search(r"^## (\S+)", read("CHANGELOG.md"), re.M)[1] == version
    commands = readme + (read("CONTRIBUTING.md") if (ROOT / "CONTRIBUTING.md").exists() else "")
    makefiles = [ROOT / "Makefile", *sorted(ROOT.glob("*.mk")), *sorted(ROOT.glob("[!b]*/*.mk")), *sorted((ROOT / "tests").rglob("*.mk"))]
    for target in sorted(set(re.findall(r"^\.PHONY: ([a-z-]+)$", "\n".join(m.read_text() for m in makefiles if m.exists()), re.M)) - {"all", "proxy", "help", "fuzz-build"}):
        yield f"README.md or CONTRIBUTING.md describes make {target}", f"make {target}" in commands
    for module in sorted(layering.MODULES):
        if module.startswith("src/"):
            yield f"CONTRIBUTING.md has a row for {module}", f"\n| `{module}` |" in read("CONTRIBUTING.md")
    for name, exists in links():
        yield f"{name} leads to a document, and to a heading of it", exists
    for name, right in paragraphs():
        yield f"docs/troubleshoot.md has one paragraph for {name}, with its status", right
    for name, exists in navigation():
        yield f"mkdocs.yml: docs/{name} exists, and is a page of the site", exists
    for name, exists in named_in_design():
        yield f"docs/design.md: `{name}` exists", exists
    for name, exists in named_in_security():
        yield f"SECURITY.md: the test '{name}' exists", exists


def main():
    if sys.argv[1:] == ["--write"]:
        write()
    passed = failed = 0
    for title, good in checks():
        passed += bool(good)
        failed += not good
        if not good:
            print(f"failed: {title}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
