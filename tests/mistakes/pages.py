"""Writes docs/mistakes: a page for each mistake to watch, from its edits and its lesson, and the list of them.

tests/documents.py writes and checks the pages (`make docs`).
"""
import re
import textwrap

import build
import rows

FOLDER = "docs/mistakes"
WIDTH = 125


def paragraphs(text):
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def shown_by(lesson):
    """How one sees which mistake it is: lines."""
    if lesson.driver:
        test, cause = lesson.driver
        return [f"    $ ./driver.py -b 20 -c 75 --only {test} --proxy build/mistakes/{lesson.name}/proxy epoll", "",
                paragraphs(f"The test `{test}` fails, and the cause in its result (`--json`) is `{cause}`. The doctor finds nothing: as "
                           "far as it sees, the program has decided so.")]
    if lesson.signal:
        return [paragraphs(f"{lesson.signal} ends the program. With `--record-dir FOLDER` it leaves a record file, whose reason is `crash "
                           f"({lesson.signal})`, and `proxy replay --calls` shows the write before it ([record-file.md](../record-file.md)).")]
    findings = (build.ROOT / "src/watch/findings.hpp").read_text(encoding="utf-8")
    severities = dict(re.findall(r'\{Finding::\w+, "([^"]+)", Severity::(\w+)', findings))
    codes = " and ".join(f"[`{code}`](../doctor.md#{code}-{severities[code]})" for code in lesson.shown)
    is_note = all(severities[code] == "note" for code in lesson.shown)
    return [paragraphs(f"The loop doctor reports {codes}{', a note, so only in the metrics and the trace' if is_note else ''}.")]


def title(mistake):
    return mistake.title[0].upper() + mistake.title[1:]


def page(mistake, difference):
    lesson = mistake.lesson
    return "\n".join([
        "<!-- written by make docs from tests/mistakes/rows.py -->",
        f"# {title(mistake)} (`{lesson.name}`)", "",
        f"    $ make mistake NAME={lesson.name}", f"    $ build/mistakes/{lesson.name}/proxy 8080", "",
        "## What one sees", "", paragraphs(lesson.sees), "",
        "## The mistake", "", "```diff", difference.rstrip("\n"), "```", "",
        "## Why", "", paragraphs(lesson.why), "",
        "## What shows it", "", *shown_by(lesson), "",
        "## The line to look for", "", paragraphs(lesson.look), ""])


def index():
    yield from ("<!-- written by make docs from tests/mistakes/rows.py -->", "# Mistakes to watch", "",
                paragraphs("Each page is about a mistake that event loops really have: what one sees, the lines that are wrong, why, and "
                           "what shows it. `make mistake NAME=no-drain` builds the program with this mistake, as "
                           "`build/mistakes/no-drain/proxy`; `make mistake` lists the names. Such a program says so in its first line and "
                           "in the first line of its log, and listens on loopback addresses only."), "",
                paragraphs("Try: build one, use it, and look for the cause before you read its page. `-vv` prints each system call, "
                           "[the doctor](../doctor.md) names what it finds, and a record file can be read forwards and backwards "
                           "([replay.md](../replay.md)). `python3 tests/mistakes/check.py` shows that each of them is found."), "",
                "| Name | Mistake | Shown by |", "|---|---|---|")
    for mistake in rows.LESSONS:
        lesson = mistake.lesson
        by = ", ".join(f"`{code}`" for code in lesson.shown) or ("a record file" if lesson.signal else "`driver.py`")
        yield f"| [{lesson.name}]({lesson.name}.md) | {mistake.title} | {by} |"
    yield ""


def pages():
    """{path: text} of all files in docs/mistakes."""
    differences = build.differences()
    written = {f"{FOLDER}/{mistake.lesson.name}.md": page(mistake, differences[mistake.lesson.name]) for mistake in rows.LESSONS}
    return {f"{FOLDER}/README.md": "\n".join(index()), **written}
