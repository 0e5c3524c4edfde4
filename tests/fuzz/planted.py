#!/usr/bin/env python3
"""Proves the fuzz targets: each mistake, planted in a copy of the tree, must be found.

For each it tells how many inputs of the corpus find it, and after how many executions the fuzzer does that starts from
one good input alone. Prints `N passed, N failed`. Each needs a build of its own: a few minutes in all.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 120
SEEDS = {"request_head": "put-with-body", "response_head": "ok", "chunks": "two-chunks", "uri": "userinfo-port-query-fragment"}
# title, target that must find it, file, what stands there, what is planted
MISTAKES = [
    ("`seen` taken for the start of a line", "request_head", "http_parse.cpp", "bytes.substr(0, seen).rfind('\\n') + 1",
     "seen"),
    ("fields before `seen` lost", "response_head", "http_parse.cpp", "parsed.what == Parsed::What::complete && seen > 0",
     "parsed.what == Parsed::What::complete && seen > bytes.size()"),
    ("CR LF cut in two looked at beyond the end", "request_head", "http_parse.cpp",
     "    if (i + 1 == bytes.size()) return {Line::What::partial, Reason::none, before};\n", ""),
    ("NUL in a head", "request_head", "http_parse.cpp", "if (c != '\\r') return {Line::What::bad, Reason::bad_character, before};",
     "if (c != '\\r' && c != 0) return {Line::What::bad, Reason::bad_character, before};\n    if (c == 0) continue;"),
    ("blank before a colon", "request_head", "http_parse.cpp", "if (!base::all_are(field.name, base::kToken))",
     "if (!base::all_are(base::trimmed(field.name), base::kToken))"),
    ("blank before a colon, written only", "response_head", "src/http/rewrite.cpp", "out << name << \": \"", "out << name << \" : \""),
    ("two equal lengths", "request_head", "http_parse.cpp", "found.length_fields > 1 || ", ""),
    ("length and chunks", "response_head", "http_parse.cpp",
     "if (found.length_fields != 0 && found.encoding_fields != 0) return Reason::length_and_encoding;", ""),
    ("chunks in HTTP/1.0", "response_head", "http_parse.cpp", "found.encoding_fields > 1 || version == Version::http10",
     "found.encoding_fields > 1 || version > Version::http11"),
    ("Connection hides the length", "request_head", "src/http/rewrite.cpp", "if (equals_ignoring_case(field.name, \"Content-Length\")) {",
     "if (equals_ignoring_case(field.name, \"Content-Length\") && !options.name(field.name)) {"),
    ("a hop-by-hop field goes on", "response_head", "src/http/rewrite.cpp", "!is_hop_by_hop(field.name) && ",
     "(!is_hop_by_hop(field.name) || equals_ignoring_case(field.name, \"Trailer\")) && "),
    ("the client's Host goes on", "request_head", "src/http/rewrite.cpp", "  put_host(out, head, form);\n",
     "  put_host(out, head, form);\n  for (const Field& field : head.fields.all())\n"
     "    if (equals_ignoring_case(field.name, \"Host\")) put_field(out, field.name, field.value);\n"),
    ("credentials for us go on", "request_head", "src/http/rewrite.cpp",
     "\"Proxy-Authorization\", \"Proxy-Authenticate\"", "\"Proxy-Authenticate\", \"Proxy-Authenticate\""),
    ("a client says by which scheme it asked", "request_head", "src/http/rewrite.cpp",
     "equals_ignoring_case(field.name, kProto) || ", ""),
    ("the first list is appended to", "request_head", "src/http/rewrite.cpp", "lasts[i] = &field;",
     "lasts[i] = lasts[i] != nullptr ? lasts[i] : &field;"),
    ("what has a port is not quoted", "request_head", "src/http/forwarded.cpp", "host.has_port || host.host.ipv6",
     "host.host.ipv6"),
    ("length of a 204 goes on", "response_head", "src/http/rewrite.cpp", "head.status != 204", "true"),
    ("last @ ends the userinfo", "uri", "http_parse.cpp", "authority.find('@')", "authority.rfind('@')"),
    ("port above 65535", "uri", "http_parse.cpp", "return base::parse_decimal(text, port) && port != 0;",
     "std::uint64_t wide = 0;\n  const bool good = base::parse_decimal(text, wide);\n  port = static_cast<std::uint16_t>(wide);\n"
     "  return good && port != 0;"),
    ("odd IPv4 addresses", "uri", "http_parse.cpp", "if (!hex && !base::all_are(last, base::kDigit)) return true;",
     "if (!base::all_are(last, base::kDigit)) return true;"),
    ("size of a chunk overflows", "chunks", "src/http/framing.cpp", "left_ >= kChunkBytesMax >> 4 || ", ""),
    ("size of a chunk one digit too long", "chunks", "src/http/framing.cpp", "left_ >= kChunkBytesMax >> 4 ||", "left_ >= kChunkBytesMax ||"),
    ("bare LF in an extension", "chunks", "src/http/framing.cpp", "if (c == '\\r') return Chunk::size_lf;\n      return base::is(c, base::kFieldValue)",
     "if (c == '\\r') return Chunk::size_lf;\n      return (c == '\\n' || base::is(c, base::kFieldValue))"),
    ("no CR LF behind data", "chunks", "src/http/framing.cpp", "return c == '\\n' ? Chunk::size_first : Chunk::bad;", "return Chunk::size_first;"),
    ("size line without end", "chunks", "src/http/framing.cpp", "base::is(c, base::kFieldValue) && ++line_bytes_ <= kSizeLineBytesMax",
     "base::is(c, base::kFieldValue)"),
]


def plant(tree, file, old, new):
    path = tree / file
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise SystemExit(f"planted.py: {file} has {text.count(old)} times: {old}")
    path.write_text(text.replace(old, new), encoding="utf-8")


def run(command, tree):
    done = subprocess.run(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.decode(errors="replace")


def find(tree, target):
    """(found, words on how)"""
    status, output = run(["make", "--no-print-directory", f"build/fuzz/{target}"], tree)
    if status != 0:
        return False, "does not build:\n" + output[-2000:]
    inputs = sorted((tree / "tests/fuzz/corpus" / target).iterdir())
    finders = sum(run([f"build/fuzz/{target}", path], tree)[0] != 0 for path in inputs)
    seeds = tree / "seeds"
    shutil.rmtree(seeds, ignore_errors=True)
    seeds.mkdir()
    shutil.copy(tree / "tests/fuzz/corpus" / target / SEEDS[target], seeds)
    status, output = run([f"build/fuzz/{target}", f"-max_total_time={SECONDS}", "-max_len=2048", "-len_control=0", "-seed=1", "-print_final_stats=1",
                          f"-dict=tests/fuzz/{target}.dict", f"-artifact_prefix={tree}/", seeds], tree)
    executed = re.search(r"number_of_executed_units: (\d+)", output)
    said = re.search(r"property violated: (.*)|(ERROR: \w+: \S+|runtime error: .*)", output)
    words = f"{finders} of {len(inputs)} inputs; the fuzzer "
    if status == 0:
        return finders > 0, words + f"not in {executed[1] if executed else '?'} executions"
    what = (said[1] or said[2]) if said else "?"
    return True, words + f"after {executed[1] if executed else '?'} executions: {what[:100]}"


def main(wanted):
    passed = failed = 0
    for title, target, file, old, new in MISTAKES:
        if wanted and title not in wanted:
            continue
        with tempfile.TemporaryDirectory(prefix="proxy-planted-") as folder:
            tree = pathlib.Path(folder) / "proxy"
            shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", "build", "proxy-*"))
            if (ROOT / "build/fuzz").is_dir():  # what is not touched need not be built again
                shutil.copytree(ROOT / "build/fuzz", tree / "build/fuzz", ignore=shutil.ignore_patterns("corpus", "findings"))
            plant(tree, file, old, new)
            found, words = find(tree, target)
        passed += found
        failed += not found
        print(f"{'found' if found else 'NOT FOUND'}: {title} ({target}): {words}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
