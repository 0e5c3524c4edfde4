#!/usr/bin/env python3
"""Checks that the documents tell of the program that is there. Prints `N passed, N failed`."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def manual():
    """The manual page as a reader sees it."""
    page = subprocess.run(["mandoc", "-Tascii", "docs/proxy.1"], cwd=ROOT, capture_output=True, text=True, check=True)
    return re.sub(r".\x08", "", page.stdout)


def options_of_the_code():
    text = read("src/config/options.cpp") + read("src/plan/waits.hpp") + read("src/explain/explain.cpp")
    return sorted(set(re.findall(r'"(--[a-z][a-z-]+)"', text)))


def checks():
    """(title, is it so) for each thing that is checked."""
    yield "the manual page is well formed", subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning", "docs/proxy.1"], cwd=ROOT, check=False).returncode == 0
    page, readme = manual(), read("README.md")
    for option in options_of_the_code():
        yield f"README.md tells of {option}", option in readme
        yield f"the manual page tells of {option}", option in page
    for option in sorted(set(re.findall(r"`(--[a-z-]+)", readme)) - {"--proxy", "--json", "--gradescope", "--help"}):
        yield f"{option} of README.md is in the code", option in options_of_the_code()
    for wait, default in re.findall(r'"(--[a-z-]+-timeout)", ([\d\']+),', read("src/plan/waits.hpp")):
        seconds = int(default.replace("'", "")) // 1000
        yield f"README.md tells the default of {wait}", re.search(rf"`{wait} S`.*\| {seconds} \|", readme)
    version = re.search(r'kVersion = "([^"]+)"', read("src/plan/config.hpp"))[1]
    yield f"CHANGELOG.md begins with {version}", re.search(r"^## (\S+)", read("CHANGELOG.md"), re.M)[1] == version
    drawing = re.findall(r"^// ?(.*(?:READ|SEND|accept|head is|\|).*)$", read("request_state.hpp").split("#pragma")[0], re.M)
    yield "README.md has the drawing of request_state.hpp", all(line.strip() in readme for line in drawing if "A record" not in line)
    for target in re.findall(r"^([a-z]+):", read("Makefile") + read("tests/tests.mk"), re.M):
        if target not in ("all", "proxy", "help"):
            yield f"README.md tells of make {target}", f"make {target}" in readme


def main():
    passed = failed = 0
    for title, good in checks():
        passed += bool(good)
        failed += not good
        if not good:
            print(f"not so: {title}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
