"""make sbom, and the licences of all files."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def sbom():
    return subprocess.run([sys.executable, str(ROOT / "sbom/sbom.py")], capture_output=True, text=True, check=True).stdout


class Sbom(unittest.TestCase):
    def test_is_valid_and_reproducible(self):
        text = sbom()
        self.assertEqual(text, sbom())
        document = json.loads(text)
        for key in ("spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo", "packages", "relationships"):
            self.assertIn(key, document)
        names = [package["SPDXID"] for package in document["packages"]]
        self.assertEqual(len(names), len(set(names)))
        for name in names:
            self.assertRegex(name, r"^SPDXRef-[A-Za-z0-9.-]+$")
        for relation in document["relationships"]:
            self.assertLessEqual({relation["spdxElementId"], relation["relatedSpdxElement"]}, {"SPDXRef-DOCUMENT", *names})
        self.assertRegex(document["creationInfo"]["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_has_each_library_that_the_makefile_looks_for(self):
        modules = set(re.findall(r"pkg-config --exists (\S+)", (ROOT / "Makefile").read_text(encoding="utf-8")))
        sys.path.insert(0, str(ROOT / "sbom"))
        import sbom as script  # pylint: disable=import-outside-toplevel
        self.assertEqual({module for _, module, *_ in script.LIBRARIES}, modules)

    def test_has_each_vendored_library(self):
        names = {package["name"] for package in json.loads(sbom())["packages"]}
        for folder in ROOT.glob("src/**/vendor"):
            for name in json.loads((folder / "integrity.json").read_text(encoding="utf-8")):
                self.assertIn(name, names)


class Licences(unittest.TestCase):
    @unittest.skipUnless(shutil.which("reuse"), "reuse is not installed: run `make setup`")
    def test_reuse(self):
        done = subprocess.run(["reuse", "--root", str(ROOT), "lint"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_licence_of_the_project(self):
        self.assertEqual((ROOT / "LICENSE").read_bytes(), (ROOT / "LICENSES/MIT.txt").read_bytes())


if __name__ == "__main__":
    unittest.main()
