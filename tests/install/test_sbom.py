"""make sbom, and the licences of all files."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest
import unittest.mock
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROXY = os.environ.get("PROXY", str(ROOT / "proxy"))
sys.path.insert(0, str(ROOT / "sbom"))
import sbom as script  # noqa: E402


def sbom():
    return subprocess.run([sys.executable, str(ROOT / "sbom/sbom.py"), PROXY], capture_output=True, text=True, check=True).stdout


def packages(relation):
    """Those that the program has in this way."""
    document = json.loads(sbom())
    ids = {row["relatedSpdxElement"] for row in document["relationships"] if row["relationshipType"] == relation}
    return {package["name"]: package for package in document["packages"] if package["SPDXID"] in ids}


class Sbom(unittest.TestCase):
    def test_is_valid_and_reproducible(self):
        text = sbom()
        self.assertEqual(text, sbom())
        document = json.loads(text)
        for key in ("spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo", "packages", "relationships"):
            self.assertIn(key, document)
        ids = [package["SPDXID"] for package in document["packages"]]
        self.assertEqual(len(ids), len(set(ids)))
        for name in ids:
            self.assertRegex(name, r"^SPDXRef-[A-Za-z0-9.-]+$")
        for relation in document["relationships"]:
            self.assertLessEqual({relation["spdxElementId"], relation["relatedSpdxElement"]}, {"SPDXRef-DOCUMENT", *ids})
        self.assertRegex(document["creationInfo"]["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_has_each_library_that_the_makefile_looks_for(self):
        modules = set(re.findall(r"pkg-config --exists (\S+)", (ROOT / "Makefile").read_text(encoding="utf-8")))
        self.assertEqual({module for _, module, *_ in script.LIBRARIES if module}, modules)

    def test_has_the_shared_libraries_that_the_program_names_and_no_others(self):
        dynamic = subprocess.run(["readelf", "-dW", PROXY], capture_output=True, text=True, check=True).stdout
        files = set(re.findall(r"Shared library: \[(\S+)\]", dynamic))
        owners = {file: name for name, _, owned, *_ in script.LIBRARIES for file in owned}
        self.assertIn("libstdc++.so.6", files)
        self.assertEqual(set(packages("DYNAMIC_LINK")), {owners.get(file, file) for file in files})

    def test_has_the_json_library_if_the_program_has_it(self):
        version = subprocess.run([PROXY, "--version"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(set(packages("STATIC_LINK")), {"nlohmann-json"} & set(re.split(r"[\s,]+", version)))

    def test_a_library_that_it_does_not_know_is_listed_by_its_file(self):
        with unittest.mock.patch.object(script, "needed", lambda program: ["libc.so.6", "libnew_1.so.2"]):
            found = [(package["SPDXID"], package["licenseDeclared"]) for package, relation in script.libraries(PROXY) if relation == "DYNAMIC_LINK"]
        self.assertEqual(found, [("SPDXRef-glibc", "LGPL-2.1-or-later"), ("SPDXRef-libnew-1.so.2", "NOASSERTION")])

    @unittest.skipUnless(shutil.which("dpkg-query"), "this system has no Debian packages")
    def test_each_shared_library_of_debian_has_its_package(self):
        for package in packages("DYNAMIC_LINK").values():
            place = package["externalRefs"][0]["referenceLocator"]
            debian, version = re.fullmatch(r"pkg:deb/[a-z]+/([a-z0-9.%A-F-]+)@(\S+)", place).groups()
            installed = subprocess.run(["dpkg-query", "-W", "-f", "${Version}\n", urllib.parse.unquote(debian)], capture_output=True, text=True, check=True).stdout
            self.assertIn(urllib.parse.unquote(version), installed.splitlines())
            self.assertRegex(package["versionInfo"], r"^\d+\.\d+")

    def test_has_each_vendored_library(self):
        contained = packages("CONTAINS")
        for folder in ROOT.glob("src/**/vendor"):
            for name in json.loads((folder / "integrity.json").read_text(encoding="utf-8")):
                self.assertIn(name, contained)


class Licences(unittest.TestCase):
    @unittest.skipUnless(shutil.which("reuse"), "reuse is not installed: run `make setup`")
    def test_reuse(self):
        done = subprocess.run(["reuse", "--root", str(ROOT), "lint"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_licence_of_the_project(self):
        self.assertEqual((ROOT / "LICENSE").read_bytes(), (ROOT / "LICENSES/MIT.txt").read_bytes())


if __name__ == "__main__":
    unittest.main()
