#!/usr/bin/env python3
"""Prints the software bill of materials of the proxy as SPDX 2.3 (JSON): sbom.py [PROGRAM], by default ./proxy.

The shared libraries are those that the program names (readelf -d). A version is that of pkg-config or of the Debian package. The date is that
of SOURCE_DATE_EPOCH, or of the newest entry in debian/changelog: the same sources, program and libraries give the same text.
"""
import datetime
import email.utils
import hashlib
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import urllib.parse
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ("Makefile", "*.cpp", "*.hpp", "src/**/*")  # of the program
GCC = ("GPL-3.0-or-later WITH GCC-exception-3.1", "https://gcc.gnu.org/")
# (name, pkg-config's name or None, its shared libraries, licence, homepage); nlohmann-json is only headers
LIBRARIES = (
    ("glibc", None, ("libc.so.6", "libm.so.6", "ld-linux-aarch64.so.1", "ld-linux-x86-64.so.2"), "LGPL-2.1-or-later", "https://www.gnu.org/software/libc/"),
    ("libgcc", None, ("libgcc_s.so.1",), *GCC),
    ("libstdc++", None, ("libstdc++.so.6",), *GCC),
    ("libxcrypt", "libcrypt", ("libcrypt.so.1", "libcrypt.so.2"), "LGPL-2.1-or-later", "https://github.com/besser82/libxcrypt"),
    ("nlohmann-json", "nlohmann_json", (), "MIT", "https://github.com/nlohmann/json"),
    ("zlib", "zlib", ("libz.so.1",), "Zlib", "https://zlib.net/"),
)


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def created():
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    if seconds:
        date = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc)
    else:
        newest = re.search(r"^ -- .*>  (.*)$", read("debian/changelog"), re.M)[1]
        date = email.utils.parsedate_to_datetime(newest).astimezone(datetime.timezone.utc)
    return date.strftime("%Y-%m-%dT%H:%M:%SZ")


def package(name, version, licence, copyright_text, homepage, purpose, **more):
    return {"SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name), "name": name, "versionInfo": version,
            "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "licenseConcluded": licence, "licenseDeclared": licence,
            "copyrightText": copyright_text, "homepage": homepage or "NOASSERTION", "primaryPackagePurpose": purpose, **more}


def purl(text):
    return [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": f"pkg:{text}"}]


def printed(*command):
    """What the command prints, also if it fails; empty if it is not installed."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""


def digest():
    """Of the sources of the program."""
    whole = hashlib.sha256()
    for path in sorted({path for pattern in SOURCES for path in ROOT.glob(pattern) if path.is_file()}):
        whole.update(f"{path.relative_to(ROOT)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def vendored():
    """The libraries whose files are among the sources: (package, relation) each."""
    for name, row in json.loads(read("src/console/web/vendor/integrity.json")).items():
        copied = re.search(r"^Copyright .*$", read(f"src/console/web/vendor/LICENSE.{name}"), re.M)[0]
        yield package(name, row["version"], row["licence"], copied, f"https://www.npmjs.com/package/{name}", "LIBRARY",
                      externalRefs=purl(f"npm/{name}@{row['version']}")), "CONTAINS"


def needed(program):
    """The names of the shared libraries that the program names."""
    names = re.findall(r"\(NEEDED\).*\[(.+)\]", printed("readelf", "-dW", program))
    if not names:
        sys.exit(f"sbom: {program} names no shared library: expected a program that make has built, and readelf (binutils)")
    return names


def debian_packages(program):
    """{name of a shared library that the program loads here: (name, version) of its Debian package}; empty on other systems."""
    paths = re.findall(r"^\s*\S+ => (/\S+)", printed("ldd", program), re.M)
    both = [place for path in paths for place in (path, path.removeprefix("/usr"), f"/usr{path}")]  # /lib can be a link to /usr/lib
    owners = {pathlib.Path(path).name: owner for owner, path in re.findall(r"^([a-z0-9.+:-]+): (/.*)$", printed("dpkg-query", "-S", *both), re.M)}
    versions = dict(line.split() for line in printed("dpkg-query", "-W", "-f", "${binary:Package} ${Version}\n", *owners.values()).splitlines())
    return {file: (owner.partition(":")[0], versions[owner]) for file, owner in owners.items() if owner in versions}


def of_system(name, module, debian, licence, homepage):
    """The package of a library of this system. `debian`: (name, version) of its Debian package, or None."""
    version, more = printed("pkg-config", "--modversion", module).strip() if module else "", {}
    if debian:
        version = version or re.sub(r"^\d+:|-[^-]*$", "", debian[1])  # without epoch and revision
        place = f"deb/{platform.freedesktop_os_release()['ID']}/{urllib.parse.quote(debian[0])}@{urllib.parse.quote(debian[1], safe=':')}"
        more = {"externalRefs": purl(place)}
    return package(name, version or "NOASSERTION", licence, "NOASSERTION", homepage, "LIBRARY", **more)


def libraries(program):
    """The libraries of the system that the program has: (package, relation) each."""
    left, packages = needed(program), debian_packages(program)
    for name, module, files, licence, homepage in LIBRARIES:
        found = [file for file in left if file in files]
        left = [file for file in left if file not in files]
        if found:
            yield of_system(name, module, packages.get(found[0]), licence, homepage), "DYNAMIC_LINK"
        elif not files and b"N8nlohmann" in pathlib.Path(program).read_bytes():  # its types have names in a stripped program too
            yield of_system(name, module, None, licence, homepage), "STATIC_LINK"
    for file in left:
        yield of_system(file, None, packages.get(file), "NOASSERTION", ""), "DYNAMIC_LINK"


def document(program_path):
    version = re.search(r'kVersion = "([^"]+)"', read("src/plan/config.hpp"))[1]
    owner = re.search(r"^Copyright .*$", read("LICENSE"), re.M)[0]
    program = package("fourstate", version, "MIT", owner, "", "APPLICATION", checksums=[{"algorithm": "SHA256", "checksumValue": digest()}],
                      comment="The checksum is that of the list of the sources and of their checksums.")
    parts = [*vendored(), *libraries(program_path)]
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", program["SPDXID"]), *((program["SPDXID"], relation, part["SPDXID"]) for part, relation in parts)]
    whole = {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"fourstate-{version}",
             "creationInfo": {"created": created(), "creators": ["Tool: fourstate-sbom"]},
             "packages": [program, *(part for part, _ in parts)],
             "relationships": [{"spdxElementId": one, "relationshipType": relation, "relatedSpdxElement": other} for one, relation, other in relations]}
    name = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(whole, sort_keys=True))
    return whole | {"documentNamespace": f"https://spdx.org/spdxdocs/fourstate-{version}-{name}"}


def main():
    json.dump(document(sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "proxy")), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
