"""The completions: each shell is asked for candidates, and the program for the values that they offer."""
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import completions  # noqa: E402
import documents  # noqa: E402

PROXY = os.environ.get("PROXY", str(ROOT / "proxy"))
SCRIPTS = ROOT / completions.FOLDER


def options():
    return completions.rows(documents.options(), documents.timeouts())


class Values(unittest.TestCase):
    """The values that are offered are those that the program knows."""

    @staticmethod
    def check(option, value):
        line = [PROXY, "0", "--check", f"{option}={value}"]
        return subprocess.run(line, capture_output=True, text=True, check=False)

    def test_the_program_accepts_each(self):
        own = {name for name, *_ in options()}
        for option, values in completions.VALUES.items():
            for value in values:
                if option in own:
                    with self.subTest(option=option, value=value):
                        self.assertNotIn("invalid", self.check(option, value).stderr)

    def test_fixed_sets_are_whole(self):
        for option in ("--http", "--log-format"):
            expected = re.search(r": expected (.*)", self.check(option, "unknown").stderr)[1]
            self.assertEqual(set(re.split(r", | or ", expected)), set(completions.VALUES[option]))

    def test_the_options_of_subcommands(self):
        """They are those of its help, and the man page has them."""
        page = (ROOT / "docs/fourstate.1").read_text(encoding="utf-8")
        for name, (_, own, *_) in completions.SUBCOMMANDS.items():
            text = subprocess.run([PROXY, name, "--help"], capture_output=True, text=True, check=True).stdout
            self.assertEqual(set(completions.words(own)), set(re.findall(r"^  (-[-\w]+)", text, re.MULTILINE)))
            self.assertIn(f".Cm {name}\n", page)
            for option in completions.words(own):
                self.assertIn(f"Fl {option[1:]}", page)


class Shell:
    """What each shell must offer. Subclasses have candidates(): those for a line whose last word is being typed."""

    def offered(self, line):
        return set(self.candidates(line))

    def test_each_option_of_the_proxy(self):
        self.assertLessEqual({name for name, *_ in options()}, self.offered("fourstate 8080 --"))

    def test_a_prefix(self):
        self.assertEqual(self.offered("fourstate 8080 --max-"), {"--max-requests", "--max-head", "--max-fields", "--max-body"})

    def test_the_values_of_fixed_sets(self):
        for option in ("--http", "--log-format"):
            self.assertEqual(self.offered(f"fourstate 8080 {option} "), set(completions.VALUES[option]))
        self.assertEqual(self.offered("fourstate 8080 --log-format co"), {"common", "combined"})

    def test_subcommands(self):
        self.assertLessEqual(set(completions.SUBCOMMANDS), self.offered("fourstate "))

    def test_the_options_of_subcommands(self):
        self.assertLessEqual({"--text", "--calls", "--slot", "--from", "--to", "--at", "--format", "--port"}, self.offered("fourstate replay --"))
        self.assertNotIn("--max-head", self.offered("fourstate replay --"))
        self.assertEqual(self.offered("fourstate replay --format "), {"text", "chrome", "har"})
        self.assertLessEqual({"--json", "--user"}, self.offered("fourstate doctor --"))
        self.assertLessEqual({"--client", "--max-head"}, self.offered("fourstate explain --"))

    def test_files_and_folders(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "users.txt").touch()
            pathlib.Path(folder, "ufolder").mkdir()
            names = {name.rstrip("/").rpartition("/")[2] for name in self.candidates(f"fourstate 8080 --users {folder}/u")}
            self.assertEqual(names, {"users.txt", "ufolder"})
            names = {name.rstrip("/").rpartition("/")[2] for name in self.candidates(f"fourstate 8080 --record-dir {folder}/u")}
            self.assertEqual(names, {"ufolder"})


@unittest.skipUnless(shutil.which("bash"), "bash is not installed: run `make setup`")
class Bash(Shell, unittest.TestCase):
    def candidates(self, line):
        words = line.replace("=", " = ").split(" ")
        script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _fourstate; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "--norc", "-c", script, "bash", str(SCRIPTS / "fourstate.bash"), *words],
                              capture_output=True, text=True, check=True)
        self.assertEqual(done.stderr, "")
        return [name for name in done.stdout.splitlines() if name]

    def test_after_an_equals_sign(self):
        self.assertEqual(self.offered("fourstate 8080 --http="), {"1.0", "1.1"})

    @unittest.skipUnless(shutil.which("shellcheck"), "shellcheck is not installed: run `make setup`")
    def test_lint(self):
        subprocess.run(["shellcheck", "--shell=bash", str(SCRIPTS / "fourstate.bash")], check=True)


@unittest.skipUnless(shutil.which("fish"), "fish is not installed: run `make setup`")
class Fish(Shell, unittest.TestCase):
    def candidates(self, line):
        with tempfile.TemporaryDirectory() as home:
            done = subprocess.run(["fish", "--no-config", "-c", f"source {SCRIPTS}/fourstate.fish; complete -C '{line}'"],
                                  env={**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home},
                                  capture_output=True, text=True, check=True)
        self.assertEqual(done.stderr, "")
        return [row.partition("\t")[0] for row in done.stdout.splitlines()]


# zsh has no command that lists candidates: compadd, which adds them, is replaced by a function that prints them too.
ZSH = r"""
PS1=; RPS1=; unsetopt zle_bracketed_paste 2>/dev/null
fpath=(SCRIPTS $fpath)
autoload -Uz compinit && compinit -D -u
compadd() {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return $?; fi
  local -a hits
  builtin compadd -A hits "$@"
  local hit
  for hit in $hits; do print -r -- "<candidate>$hit</candidate>"; done
  builtin compadd "$@"
}
finish() { print -r -- '<end>'; BUFFER= }
zle -N finish; bindkey '^[e' finish; bindkey '^I' complete-word
unsetopt auto_list auto_menu list_beep
print '<ready>'
"""


@unittest.skipUnless(shutil.which("zsh"), "zsh is not installed: run `make setup`")
class Zsh(Shell, unittest.TestCase):
    """One shell for all tests: its start takes longest."""

    @classmethod
    def setUpClass(cls):
        home = tempfile.mkdtemp(prefix="zsh-")
        cls.addClassCleanup(shutil.rmtree, home)
        pathlib.Path(home, ".zshrc").write_text(ZSH.replace("SCRIPTS", str(SCRIPTS)), encoding="utf-8")
        pid, cls.terminal = pty.fork()
        if pid == 0:
            os.environ.update({"ZDOTDIR": home, "HOME": home, "TERM": "dumb"})
            os.execlp("zsh", "zsh", "-d", "-i")
        cls.addClassCleanup(os.waitpid, pid, 0)
        cls.addClassCleanup(os.close, cls.terminal)
        cls.read("<ready>")

    def candidates(self, line):
        os.write(self.terminal, line.encode() + b"\t\x1be")
        return [name.replace("\\", "") for name in re.findall("<candidate>(.*?)</candidate>", self.read("<end>"))]

    @classmethod
    def read(cls, end):
        """What zsh prints up to the line `end`."""
        printed = ""
        while f"{end}\r\n" not in printed:
            ready, _, _ = select.select([cls.terminal], [], [], 60)
            if not ready:
                raise AssertionError(f"zsh hangs after {printed!r}")
            printed += os.read(cls.terminal, 65536).decode(errors="replace")
        return printed


if __name__ == "__main__":
    unittest.main()
