"""Programs that install software: git, apt, npm and pip, in each way, with repositories in real servers."""
import base64
import hashlib
import io
import json
import os
import shutil
import tarfile
import unittest
import zipfile

import ways
from harness import pattern
from real import HOST, authority, needs, python_with


class Git:
    """A repository over dumb HTTP (many small files) and over smart HTTP (a few long streams)."""

    def setUp(self):
        super().setUp()
        self.work, self.bare = self.home / "work", self.public / "repo.git"
        self.git("init", "-q", "-b", "main", self.work)
        for number in range(12):
            (self.work / f"{number}.bin").write_bytes(pattern(20_000, salt=number))
            self.git("-C", self.work, "add", ".")
            self.git("-C", self.work, "commit", "-q", "-m", f"commit {number}")
            if number == 6:
                self.git("-C", self.work, "gc", "-q")  # a pack, and loose objects after it
        self.git("clone", "-q", "--bare", "--no-local", self.work, self.bare)
        shutil.copytree(self.work / ".git/objects", self.bare / "objects", dirs_exist_ok=True)
        self.git("-C", self.bare, "update-server-info")

    def git(self, *arguments):
        return self.run_program("git", *arguments)

    @needs("git")
    def test_dumb(self):
        self.configure("git")
        for server in self.servers():
            with self.subTest(server=type(server).__name__):
                copy = self.home / type(server).__name__
                self.git("clone", "-q", self.base(server) + "/repo.git", copy)
                self.git("-C", copy, "fsck", "--strict")
                self.assertEqual(self.git("-C", copy, "rev-parse", "HEAD"), self.git("-C", self.work, "rev-parse", "HEAD"))

    @needs("git")
    def test_smart(self):
        self.configure("git")
        url = self.base(self.nginx if self.scheme == "https" else self.lighttpd) + "/smart/repo.git"
        copy = self.home / "copy"
        self.git("clone", "-q", url, copy)
        (copy / "new.bin").write_bytes(os.urandom(300_000))
        self.git("-C", copy, "add", ".")
        self.git("-C", copy, "commit", "-q", "-m", "sent in chunks")
        self.git("-C", copy, "-c", "http.postBuffer=65536", "push", "-q", "origin", "main")
        self.assertEqual(self.git("-C", copy, "rev-parse", "HEAD"), self.git("-C", self.bare, "rev-parse", "main"))
        self.git("-C", self.bare, "fsck", "--strict")


class Apt:
    """An archive with a few packages, which apt asks for in one pipeline."""
    NAMES = ["one", "two", "three", "four"]

    def make_package(self, name):
        folder = self.home / name
        (folder / "DEBIAN").mkdir(parents=True)
        (folder / "data").write_bytes(pattern(100_000, salt=len(name)))
        control = f"Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a@{HOST}>\nDescription: a test\n"
        (folder / "DEBIAN/control").write_text(control, encoding="ascii")
        deb = self.public / f"apt/{name}.deb"
        self.run_program("dpkg-deb", "--root-owner-group", "-Znone", "--build", folder, deb)
        data = deb.read_bytes()
        return f"{control}Filename: ./{name}.deb\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n\n"

    def make_archive(self):
        (self.public / "apt").mkdir()
        packages = "".join(map(self.make_package, self.NAMES)).encode()
        self.put("apt/Packages", packages)
        self.put("apt/Release", f"Date: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n {hashlib.sha256(packages).hexdigest()} {len(packages)} Packages\n".encode())

    def make_root(self, name, server):
        root = self.own_folder(name)
        for folder in ("state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "log"):
            (root / folder).mkdir(parents=True)
        (root / "status").touch()
        (root / "etc/sources.list").write_text(f"deb [trusted=yes] {self.base(server)}/apt ./\n", encoding="ascii")
        (root / "etc/apt.conf.d/80proxy").write_text("\n".join(self.configure("apt")), encoding="ascii")
        (root / "apt.conf").write_text(
            f'Dir "{root}"; Dir::State "state"; Dir::State::status "{root}/status"; Dir::Cache "cache"; Dir::Etc "etc"; Dir::Log "log";\n'
            f'Dir::Bin::methods "/usr/lib/apt/methods"; Acquire::https::CAInfo "{authority().ca}"; Acquire::Languages "none";\n'
            'Acquire::Retries "0"; APT::Sandbox::User "root";\n', encoding="ascii")
        self.environment["APT_CONFIG"] = str(root / "apt.conf")
        return root

    @needs("apt-get", "dpkg-deb")
    def test_apt(self):
        self.make_archive()
        for server in self.servers():
            with self.subTest(server=type(server).__name__):
                root = self.make_root(type(server).__name__, server)
                self.run_program("apt-get", "-q", "--error-on=any", "update")
                self.run_program("apt-get", "-q", "download", *self.NAMES, cwd=root)
                for name in self.NAMES:
                    self.assertTrue((root / f"{name}_1.0_all.deb").read_bytes() == (self.public / f"apt/{name}.deb").read_bytes(), name)


class Npm:
    """A registry of one package."""

    @needs("npm")
    def test_npm(self):
        manifest = {"name": "demo", "version": "1.0.0", "main": "index.js"}
        tarball = io.BytesIO()
        with tarfile.open(fileobj=tarball, mode="w:gz") as packed:
            for name, data in (("package.json", json.dumps(manifest).encode()), ("index.js", b"module.exports = 1\n" + b"//\n" * 100_000)):
                member = tarfile.TarInfo(f"package/{name}")
                member.size = len(data)
                packed.addfile(member, io.BytesIO(data))
        self.put("npm/files/demo-1.0.0.tgz", tarball.getvalue())
        self.configure("npm")
        for server in self.servers()[:1]:
            integrity = "sha512-" + base64.b64encode(hashlib.sha512(tarball.getvalue()).digest()).decode()
            dist = {"tarball": f"{self.base(server)}/npm/files/demo-1.0.0.tgz", "integrity": integrity}
            self.put("npm/demo", json.dumps({"name": "demo", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": {**manifest, "dist": dist}}}).encode())
            project = self.own_folder("project")
            (project / "package.json").write_text("{}", encoding="ascii")
            self.run_program("npm", "install", "--no-fund", "--registry", f"{self.base(server)}/npm/", "demo", cwd=project)
            self.assertEqual(self.run_program("node", "-p", "require('demo')", cwd=project), b"1\n")
            self.assert_passed(server, "/npm/files/demo-1.0.0.tgz")


class Pip:
    """An index of one wheel."""

    @unittest.skipUnless(python_with("pip"), "not installed: python3-pip (see setup.sh)")
    def test_pip(self):
        wheel = io.BytesIO()
        with zipfile.ZipFile(wheel, "w") as packed:
            packed.writestr("demo.py", "x = 1\n" * 50_000)
            packed.writestr("demo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
            packed.writestr("demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            packed.writestr("demo-1.0.dist-info/RECORD", "")
        name = "demo-1.0-py3-none-any.whl"
        self.put(f"files/{name}", wheel.getvalue())
        self.put("simple/demo/index.html", f'<!DOCTYPE html><a href="../../files/{name}#sha256={hashlib.sha256(wheel.getvalue()).hexdigest()}">{name}</a>'.encode())
        self.configure("pip")
        for server in self.servers():
            with self.subTest(server=type(server).__name__):
                target = self.own_folder(f"pip-{type(server).__name__}")
                self.run_program(python_with("pip"), "-m", "pip", "download", "-q", "--no-deps", "-d", target, "--trusted-host", HOST,
                                 "--index-url", f"{self.base(server)}/simple/", "demo")
                self.assertTrue((target / name).read_bytes() == wheel.getvalue())


for _tests in (Git, Apt, Npm, Pip):
    ways.in_each_way(_tests, globals())
del _tests

if __name__ == "__main__":
    unittest.main()
