#!/usr/bin/env python3
"""Proves the fuzz targets: each mistake, planted in a copy of the tree, must be found.

For each it prints how many inputs of the corpus find it, and after how many executions the fuzzer finds it that starts from
one good input alone. Prints `N passed, N failed`. Each mistake needs a build of its own; all take some minutes.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from planting import after, before, condition, delete, part, plant, replace  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 120
SEEDS = {"request_head": "put-with-body", "response_head": "ok", "chunks": "two-chunks", "uri": "userinfo-port-query-fragment",
         "proxy_header": "v2-tcp4-tlv", "handshake": "request-name", "config_file": "forward", "record_file": "all-blocks"}
# title, target that must find it, [(place, mistake)] as in tests/planting.py
MISTAKES = [
    ("`seen` taken for the start of a line", "request_head", [("line-start", part("bytes.substr(0, seen).rfind('\\n') + 1", "seen"))]),
    ("fields before `seen` lost", "response_head", [("resume-head", condition("false"))]),
    ("CR LF cut in two read beyond the end", "request_head", [("cr-at-end", delete())]),
    ("NUL in a head", "request_head", [("only-cr-in-line", before("if (c == 0) continue;"))]),
    ("blank before a colon", "request_head", [("blank-before-colon", part("lenient && ", ""))]),
    ("blank before a colon, written only", "response_head", [("write-field", part('": "', '" : "'))]),
    ("two equal lengths", "request_head", [("one-length", condition("found.odd_length"))]),
    ("length and chunks", "response_head", [("length-or-chunks", delete())]),
    ("chunks in HTTP/1.0", "request_head", [("one-encoding", condition("!lenient && found.encoding_fields > 1"))]),
    ("Connection hides the length", "request_head", [("end-to-end-fields", condition("{} && !options.names(field)"))]),
    ("a hop-by-hop field is forwarded", "response_head",
     [("end-to-end-fields", part("!kHopByHop.has(field.id)", "(!kHopByHop.has(field.id) || field.id == FieldName::trailer)"))]),
    ("the client's Host is forwarded", "request_head",
     [("own-host", after('for (const Field& field : head.fields.all())\n'
                         '    if (field.id == FieldName::host) put_field(out, field.name, field.value);'))]),
    ("proxy credentials are forwarded", "request_head", [("hop-by-hop-fields", part("FieldName::proxy_authorization", "FieldName::proxy_authenticate"))]),
    ("the client's X-Forwarded-Proto is forwarded", "request_head",
     [("forwarded-fields-dropped", replace("return true;"))]),
    ("a host with a port is not quoted", "request_head", [("quote-forwarded-host", part("!host.has_port && ", ""))]),
    ("the length of a 204 is forwarded", "response_head", [("no-length-with-204", part("head.status != 204", "true"))]),
    ("last @ ends the userinfo", "uri", [("first-at-sign", part("authority.find(", "authority.rfind("))]),
    ("port above 65535", "uri",
     [("port-range", replace("if (text.empty()) return true;\n  std::uint64_t wide = 0;\n  const bool good = base::parse_decimal(text, wide);\n"
                             "  port = static_cast<std::uint16_t>(wide);\n  return good && port != 0;"))]),
    ("odd IPv4 addresses", "uri", [("numeric-last-label", part("!hex && ", ""))]),
    ("size of a chunk overflows", "chunks", [("chunk-size-limit", part("left_ >= kChunkBytesMax >> 4 || ", ""))]),
    ("size of a chunk one digit too long", "chunks", [("chunk-size-limit", part("kChunkBytesMax >> 4", "kChunkBytesMax"))]),
    ("bare LF in an extension", "chunks",
     [("chunk-extension", part("is_text(c)", "(c == '\\n' || is_text(c))"))]),
    ("blank before a trailer's colon, of a client", "chunks", [("blank-in-trailer", part("lenient_ && ", ""))]),
    ("no CR LF after data", "chunks", [("crlf-after-chunk", part("c == '\\n' ? Chunk::size_first : Chunk::bad", "Chunk::size_first"))]),
    ("size line without end", "chunks", [("chunk-extension", part(" && count_line_byte(kSizeLineBytesMax)", ""))]),
    ("a port with leading zeros", "proxy_header", [("proxy-port", replace("return base::parse_decimal(text, port);"))]),
    ("a PROXY header of any length", "proxy_header", [("proxy-header-limit", delete())]),
    ("addresses beyond the PROXY header", "proxy_header", [("proxy-addresses", part(" || length < block->bytes", ""))]),
    ("a SOCKS reply before its last bytes", "handshake", [("partial-socks-reply", replace("return done(whole, 0);"))]),
    ("a login that was not configured", "handshake", [("login-only-if-configured", part(" && !login.user.empty()", ""))]),
    ("a 100 of the parent opens the tunnel", "handshake", [("interim-of-parent", replace("if (head.interim()) return done(start, head.status);"))]),
    ("a message with control characters", "config_file", [("printable-finding", part("base::printable", "string"))]),
    ("a block longer than the file", "record_file", [("block-in-file", condition("!take(file, head) || file.size() < kChecksumBytes"))]),
    ("items longer than their block", "record_file", [("items-in-block", condition("false"))]),
]


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
    for title, target, edits in MISTAKES:
        if wanted and title not in wanted:
            continue
        with tempfile.TemporaryDirectory(prefix="proxy-planted-") as folder:
            tree = pathlib.Path(folder) / "proxy"
            shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", "build", "proxy-*"))
            if (ROOT / "build/fuzz").is_dir():  # what is not touched need not be built again
                shutil.copytree(ROOT / "build/fuzz", tree / "build/fuzz", ignore=shutil.ignore_patterns("corpus", "findings"))
            plant(tree, edits)
            found, words = find(tree, target)
        passed += found
        failed += not found
        print(f"{'found' if found else 'NOT FOUND'}: {title} ({target}): {words}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
