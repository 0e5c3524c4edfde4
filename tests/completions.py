"""The completions for bash, zsh and fish, from the table of options."""

FOLDER = "completions"
# The values of options that have a fixed set of them, or some that are words; tests/install/test_completions.py tries each.
VALUES = {
    "--http": ("1.0", "1.1"),
    "--log-format": ("own", "common", "combined", "json"),
    "--access-log": ("-", "syslog", "off"),
    "--upgrade": ("websocket", "all", "none"),
    "--connect-ports": ("none",),
    "--http-ports": ("none",),
    "--via": ("off",),
    "--charset": ("utf-8",),
    "--lens": ("slow-reader", "crumbs", "bad-line"),
    "--format": ("text", "chrome", "har"),
}
SUBCOMMANDS = {  # name: what it does, its options (name, letter, value, help), and whether it takes those of the proxy and a file
    "explain": ("show how the proxy would handle a request", (
        ("--client", "", "ADDRESS", "address of the client"), ("--user", "", "NAME", "user of --users"),
        ("", "H", "FIELD", "header field; repeatable")), True, False),
    "replay": ("show a record file in a browser, or print it", (
        ("--port", "", "PORT", "port of the board"), ("--text", "", "", "print each step"),
        ("--calls", "", "", "print also turns, events and system calls"), ("--slot", "", "N", "steps of one slot"),
        ("--from", "", "POSITION", "first step"), ("--to", "", "POSITION", "last step"),
        ("--at", "", "POSITION", "print the table of records at that position"),
        ("--format", "", "FORMAT", "text, chrome or har")), False, True),
    "doctor": ("ask a running proxy what its loop doctor finds", (
        ("--json", "", "", "print a JSON object"), ("--user", "", "NAME", "user of --users")), False, True),
    "top": ("show in a terminal what a running proxy does", (
        ("--once", "", "", "print it once as text"), ("--user", "", "NAME", "user of --users")), False, True),
}
FILES, FOLDERS = ("FILE", "SOCKET"), ("FOLDER",)


def rows(options, timeouts):
    """(name, letter, value, help) for each option of the proxy."""
    return [(name, letter, value, text) for name, letter, value, text, _ in options] + \
           [(name, "", "SECONDS", f"longest wait for {what}") for name, what, _ in timeouts]


def every(options):
    """The options of the proxy and those of its subcommands, each name once."""
    both = [*options, *(row for _, own, *_ in SUBCOMMANDS.values() for row in own)]
    return list({row[0]: row for row in reversed(both)}.values())[::-1]


def words(options):
    """Each option as it is typed."""
    return [spelt for name, letter, *_ in options for spelt in (name, f"-{letter}" if letter else "") if spelt]


HEADER = "Written by make docs from the table of options."


# ---- bash ----

def in_bash(options):
    both = every(options)
    yield from (f"# bash completion for fourstate. {HEADER}", "", "_fourstate() {",
                "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}",
                "  # The shell splits --option=value at the equals sign.",
                "  [[ $cur == = ]] && cur=", "  [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}",
                "  COMPREPLY=()", "  case $prev in")
    for name, letter, value, _ in both:
        pattern = "|".join(words([(name, letter)]))
        if name in VALUES:
            files = " -f" if value in FILES else ""
            yield f"    {pattern}) mapfile -t COMPREPLY < <(compgen{files} -W '{' '.join(VALUES[name])}' -- \"$cur\"); return ;;"
        elif value in FILES + FOLDERS:
            yield (f"    {pattern}) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen "
                   f"{'-f' if value in FILES else '-d'} -- \"$cur\"); return ;;")
        elif value:
            yield f"    {pattern}) return ;;"
    yield from ("  esac", "  local files=", "  local options='" + " ".join(words(options)) + "'", "  case ${COMP_WORDS[1]} in")
    for name, (_, own, inherits, files) in SUBCOMMANDS.items():
        known = [row[0] for row in options] if inherits else []
        mine = ("$options " if inherits else "") + " ".join(words([row for row in own if row[0] not in known])) + ("" if inherits else " --help")
        yield f"    {name}) (( COMP_CWORD > 1 )) && options=\"{mine}\"" + (" files=-f" if files else "") + " ;;"
    yield from ("  esac", "  if [[ $cur == -* ]]; then", "    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")",
                "  elif (( COMP_CWORD == 1 )); then", "    compopt -o filenames 2>/dev/null",
                f"    mapfile -t COMPREPLY < <(compgen -f -W '{' '.join(SUBCOMMANDS)}' -- \"$cur\")",
                "  elif [[ $files ]]; then", "    compopt -o filenames 2>/dev/null", "    mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")",
                "  fi", "} &&", "  complete -F _fourstate fourstate")


# ---- zsh ----

def zsh_text(text):
    """As a description inside of single quotes and brackets."""
    return text.replace("'", "'\\''").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")


def zsh_spec(name, letter, value, text):
    repeated = "*" if "repeatable" in text else ""
    described = f"[{zsh_text(text)}]"
    argument = ""
    if value:
        action = "(" + " ".join(VALUES[name]) + ")" if name in VALUES else " "
        if value in FILES:
            action = "_files" if name not in VALUES else "_alternative \"values\\:value\\:" + action + "\" \"files\\:file\\:_files\""
        if value in FOLDERS:
            action = "_files -/"
        argument = f":{zsh_text(value)}:{action}"
    for spelt in words([(name, letter)]):
        yield f"    '{repeated}{spelt}{'=' if value and spelt.startswith('--') else ''}{described}{argument}'"


def in_zsh(options):
    yield from ("#compdef fourstate", f"# {HEADER}", "", "_fourstate() {", "  local -a options", "  options=(")
    for row in options:
        yield from zsh_spec(*row)
    yield from ("  )", "  case $words[2] in")
    for name, (_, own, inherits, files) in SUBCOMMANDS.items():
        yield from (f"    {name})", "      if (( CURRENT > 2 )); then",
                    "        shift words; (( CURRENT-- ))", "        _arguments " + ('"$options[@]" ' if inherits else "") + "\\")
        specs = [spec for row in own for spec in zsh_spec(*row)] + ([] if inherits else ["    '--help[print a help and exit]'"])
        specs += ["    '*:file:_files'"] if files else []
        yield from (f"      {spec}" + (" \\" if spec != specs[-1] else "") for spec in specs)
        yield from ("        return", "      fi ;;")
    yield from ("  esac", "  _arguments \"$options[@]\" '1:port, file or command:_fourstate_first'", "}", "",
                "_fourstate_first() {", "  local -a commands", "  commands=(")
    yield from (f"    '{name}:{zsh_text(what)}'" for name, (what, *_) in SUBCOMMANDS.items())
    yield from ("  )", "  _describe command commands", "  _files -g '*.json(-.)'", "}", "", '_fourstate "$@"')


# ---- fish ----

def fish_text(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish_line(condition, name, letter, value, text):
    flags = (f" -l {name[2:]}" if name else "") + (f" -{'s' if len(letter) == 1 else 'o'} {letter}" if letter else "")
    argument = ""
    if value:
        argument = " -r" if value in FILES else " -x"
        if name in VALUES:
            argument += f" -a '{' '.join(VALUES[name])}'"
        elif value in FOLDERS:
            argument += " -a '(__fish_complete_directories)'"
    return f"complete -c fourstate{condition}{flags}{argument} -d {fish_text(text)}"


def in_fish(options):
    yield from (f"# fish completion for fourstate. {HEADER}", "", "complete -c fourstate -f")
    for name, (what, *_) in SUBCOMMANDS.items():
        yield f"complete -c fourstate -n __fish_use_subcommand -a {name} -d {fish_text(what)}"
    yield "complete -c fourstate -n __fish_use_subcommand -F"
    others = " ".join(name for name, (_, _, inherits, _) in SUBCOMMANDS.items() if not inherits)
    for row in options:
        yield fish_line(f" -n 'not __fish_seen_subcommand_from {others}'", *row)
    for name, (_, own, _, files) in SUBCOMMANDS.items():
        for row in own:
            yield fish_line(f" -n '__fish_seen_subcommand_from {name}'", *row)
        if files:
            yield f"complete -c fourstate -n '__fish_seen_subcommand_from {name}' -F"


def files(options, timeouts):
    """{file: its text} for each shell. `options`, `timeouts`: as tests/documents.py reads them."""
    table = rows(options, timeouts)
    shells = {"fourstate.bash": in_bash, "_fourstate": in_zsh, "fourstate.fish": in_fish}
    return {f"{FOLDER}/{name}": "".join(line + "\n" for line in lines(table)) for name, lines in shells.items()}
