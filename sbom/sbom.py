#!/usr/bin/env python3
"""Prints the software bill of materials of the proxy as SPDX 2.3 (JSON).

The libraries are those that pkg-config finds, as in the build. The date is that of SOURCE_DATE_EPOCH, or of the newest entry in
debian/changelog: the same sources and libraries give the same text.
"""
import datetime
import email.utils
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ("Makefile", "*.cpp", "*.hpp", "src/**/*")  # of the program
# (name, pkg-config's name, how the program uses it, licence, homepage)
LIBRARIES = (
    ("libxcrypt", "libcrypt", "DYNAMIC_LINK", "LGPL-2.1-or-later", "https://github.com/besser82/libxcrypt"),
    ("nlohmann-json", "nlohmann_json", "STATIC_LINK", "MIT", "https://github.com/nlohmann/json"),
    ("zlib", "zlib", "DYNAMIC_LINK", "Zlib", "https://zlib.net/"),
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
    return {"SPDXID": f"SPDXRef-{name}", "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "licenseConcluded": licence, "licenseDeclared": licence, "copyrightText": copyright_text, "homepage": homepage or "NOASSERTION",
            "primaryPackagePurpose": purpose, **more}


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
                      externalRefs=[{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                     "referenceLocator": f"pkg:npm/{name}@{row['version']}"}]), "CONTAINS"


def libraries():
    """The libraries of the system that the build finds: (package, relation) each."""
    for name, module, relation, licence, homepage in LIBRARIES:
        found = subprocess.run(["pkg-config", "--modversion", module], capture_output=True, text=True, check=False)
        if found.returncode == 0:
            yield package(name, found.stdout.strip(), licence, "NOASSERTION", homepage, "LIBRARY"), relation


def document():
    version = re.search(r'kVersion = "([^"]+)"', read("src/plan/config.hpp"))[1]
    owner = re.search(r"^Copyright .*$", read("LICENSE"), re.M)[0]
    program = package("fourstate", version, "MIT", owner, "", "APPLICATION", checksums=[{"algorithm": "SHA256", "checksumValue": digest()}],
                      comment="The checksum is that of the list of the sources and of their checksums.")
    parts = [*vendored(), *libraries()]
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", program["SPDXID"]), *((program["SPDXID"], relation, part["SPDXID"]) for part, relation in parts)]
    whole = {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"fourstate-{version}",
             "creationInfo": {"created": created(), "creators": ["Tool: fourstate-sbom"]},
             "packages": [program, *(part for part, _ in parts)],
             "relationships": [{"spdxElementId": one, "relationshipType": relation, "relatedSpdxElement": other} for one, relation, other in relations]}
    name = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(whole, sort_keys=True))
    return whole | {"documentNamespace": f"https://spdx.org/spdxdocs/fourstate-{version}-{name}"}


def main():
    json.dump(document(), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
