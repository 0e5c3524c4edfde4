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
TIMED = ("kListenerKeys", "kServerKeys")  # levels without a type that have keys of timeouts too
TYPES = {  # levels where the type decides which timeouts have an effect: the types, and their kinds in kinds.hpp
    "kRouteKeys": (("file_serve", "kFilesBit"), ("redirect", "kRedirectBit"), ("reverse_proxy", "kReverseBit"),
                   ("metrics", "kMetricsBit"), ("health", "kMetricsBit"), ("ready", "kMetricsBit"), ("doctor", "kMetricsBit")),
    "kStreamKeys": (("proxy", "kRelayBit"), ("echo", "kEchoBit"), ("reverse", "kLinesBit"), ("file", "kSentFileBit")),
}
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


def sets_of_kinds():
    """{constant of kinds.hpp: the single kinds in it}"""
    code = re.sub(r"//.*", "", read("src/config/kinds.hpp"))
    sets = {}
    for name, value in re.findall(r"(k\w+Bits?) = ([\w |]+)", code):
        if name != "kAllBits":
            sets[name] = {name} if value.isdigit() else set().union(*(sets[part] for part in value.split(" | ")))
    return sets | {"kAllBits": set().union(*sets.values())}


def kinds_of_timeouts(timeouts):
    """{key: the kinds that the timeout has an effect on}, from kWaitEffects, whose rows have the order of the timeouts."""
    sets = sets_of_kinds()
    table = re.search(r"kWaitEffects\{\n(.*?)\n\};", read("src/config/options.cpp"), re.S)[1]
    effects = [set().union(*(sets[part] for part in row.split(" | "))) for row in re.findall(r"^ *(k[\w |]+),", table, re.M)]
    return dict(zip((key_of(name) for name, *_ in timeouts), effects, strict=True))


def where(array, effect):
    """At a level with types: where a timeout with an effect on these kinds has one. Empty: nowhere."""
    types = [name for name, kind in TYPES[array] if kind in effect]
    if len(types) == len(TYPES[array]):
        return "With every type"
    if types:
        return "Only with type " + " or ".join(part for part in (", ".join(types[:-1]), types[-1]) if part)
    return "Only with proxy_protocol_in" if "kHeaderBit" in effect and "proxy_protocol_in" in {key for key, *_ in rows(array)} else ""


def by_type(array, timeouts):
    """{where they have an effect: [keys of timeouts]} for a level with types."""
    found, effects = {}, kinds_of_timeouts(timeouts)
    for name, *_ in timeouts:
        place = where(array, effects[key_of(name)])
        if place and (array != "kRouteKeys" or name not in NOT_OF_A_ROUTE):
            found.setdefault(place, []).append(key_of(name))
    return found


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
    if array in TYPES:
        yield from (".Pp", "It can also have these keys of timeouts, with seconds or a unit:", ".Bl -tag -width Ds")
        for place, names in by_type(array, timeouts).items():
            yield from (".It Li " + " , ".join(names), f"{place}.")
        yield ".El"
    elif array in TIMED:
        names = [key_of(name) for name, *_ in timeouts]
        yield from (".Pp", "It can also have the keys of timeouts, with seconds or a unit; the types of its routes or stream decide which have an effect:")
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
