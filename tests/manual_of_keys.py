"""The reference of the keys in fourstate.json(5), from the tables of src/config/keys.cpp and of the options."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
LEVELS = (  # array of keys.cpp, what an object with these keys is
    ("kFileKeys", "Top level", "The top level has these keys, and those of"),
    ("kListenerKeys", "LISTENER", "An element of listeners or forward"),
    ("kServerKeys", "SERVER of servers", "An element of servers"),
    ("kRouteKeys", "ROUTE", "An element of routes"),
    ("kStreamKeys", "STREAM", "The value of stream"),
    ("kHealthKeys", "HEALTH_CHECK", "The value of health_check"),
)
TIMED = ("kListenerKeys", "kServerKeys", "kRouteKeys", "kStreamKeys")  # levels that have keys of timeouts too
NOT_OF_A_ROUTE = ("--idle-timeout", "--keep-alive-timeout", "--linger-timeout")
WORDS = ("TYPE", "METHOD")            # values whose meaning is a list of words
SPECIAL = ("special", "rule")  # kinds of options that are not keys


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def rows(array):
    """(key, bits of the kinds that it has an effect on, value, meaning) for each row of that array."""
    table = re.search(rf"{array}\{{\{{\n(.*?)\n\}}\}};", read("src/config/keys.cpp"), re.S)[1]
    for line in table.splitlines():
        yield re.fullmatch(r'\s*\{"(\w+)"(?:, (\w+))?\},\s*// (\{.*?\}|.+?): (.+)', line).groups()


def kinds():
    """{bits: the words of a warning for them}"""
    own = dict(re.findall(r'\{(k\w+Bits?), "([^"]+)"\}', read("src/config/kinds.cpp").replace('\\"', "")))
    return own | {"kRouteBits": "a web server", "kHttpBits": f"{own['kForwardBit']} or {own['kWebBits']}", "kMessageBits": f"{own['kForwardBit']} or {own['kReverseBit']}"}


def key_of(option):
    return option[2:].replace("-", "_")


def of_options(options):
    """(key, placeholder of the value, meaning, default) for each option that is a key. The rows of kOptions, in their order."""
    table = read("src/config/options.cpp").split("kOptions{{")[1].split("\n}};")[0]
    skipped = {name for name, row in re.findall(r'\{"(--[a-z-]+)",(.*?)(?=\n    \{"|\Z)', table, re.S)
               if re.search(rf"OptionKind::({'|'.join(SPECIAL)})", row)}
    for name, _, value, text, default in options:
        if name not in skipped:
            yield key_of(name), value or "BOOLEAN", text.replace("; repeatable", "; an array for several"), default


def item(key, value, *sentences):
    yield f".It Li {key} : Ar " + value.replace('"', r"\(dq")
    for sentence in sentences:
        is_list = value in WORDS and sentence is sentences[0]
        yield (sentence if is_list else sentence[0].upper() + sentence[1:]) + "."


def level(array, title, object_of, timeouts):
    words = kinds()
    yield from (f".Ss {title}", f"{object_of}." if array != "kFileKeys" else f"{object_of}", )
    if array == "kFileKeys":
        yield ".Sx Options ."
    yield ".Bl -tag -width Ds"
    for key, bits, value, meaning in rows(array):
        effect = [f"Only for {words[bits]}"] if bits in words else []
        yield from item(key, value, meaning, *effect)
    yield ".El"
    if array in TIMED:
        names = [key_of(name) for name, *_ in timeouts if array != "kRouteKeys" or name not in NOT_OF_A_ROUTE]
        yield from (".Pp", "It can also have the keys of timeouts, with seconds or a unit:")
        yield from (f".Li {name}" + (" ." if name == names[-1] else " ,") for name in names)


def lines(options, timeouts):
    """The lines of mdoc. `options`, `timeouts`: as tests/documents.py reads them."""
    options, timeouts = list(options), list(timeouts)
    for array, title, object_of in LEVELS:
        yield from level(array, title, object_of, timeouts)
    yield from (".Ss Options", "Each option of", ".Xr fourstate 1", "but", ".Fl -allow", "and", ".Fl -deny", "is a key of the top level.",
                ".Bl -tag -width Ds")
    for key, value, meaning, default in of_options(options):
        yield from item(key, value, meaning, *([f"The default is {default}"] if default else []))
    for name, what, default in timeouts:
        yield from item(key_of(name), "SECONDS", f"longest wait for {what}", f"The default is {default}")
    yield ".El"
