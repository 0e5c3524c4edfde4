"""The sandbox: it is on, a reload keeps within it, and core files hold no credentials."""
import base64
import os
import pathlib
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest

from harness import VERSION, Case, PREFIX, PROXY, ProxyProcess, RUNS_AS_OTHERS, native



def notice(proxy):
    return proxy.line("sandbox: ")


class SandboxCase(Case):
    """`limited()`: a proxy that has a sandbox; else the test is skipped."""

    def limited(self, *options, **more):
        proxy = self.proxy("-v", *options, **more)
        said = notice(proxy)
        if said.startswith("no sandbox"):
            self.skipTest(said)
        return proxy

    def limited_files(self, *options, **more):
        proxy = self.limited(*options, **more)
        if "not files" in notice(proxy):
            self.skipTest("this kernel has no Landlock")
        return proxy

    def folder(self):
        """A folder that other users can enter: files are served only then."""
        path = pathlib.Path(self.enter(tempfile.TemporaryDirectory()))
        path.chmod(0o755)
        return path


class Sandbox(SandboxCase):
    @native
    def test_it_is_on(self):
        proxy = self.limited()
        self.assertEqual((proxy.status("NoNewPrivs"), proxy.status("Seccomp")), (1, 2))
        self.assertEqual(proxy.get(self.origin().url()).status, 200)

    @native
    def test_required(self):
        self.limited()
        self.assertEqual(self.proxy("--sandbox").status("Seccomp"), 2)

    @native
    def test_off(self):
        proxy = self.proxy("--no-sandbox", "-v")
        self.assertEqual((proxy.status("NoNewPrivs"), proxy.status("Seccomp")), (0, 0))
        self.assertNotIn("sandbox", proxy.announcement)

    @native
    def test_in_a_file(self):
        path = self.folder() / "proxy.json"
        for key, seccomp in (('"sandbox": true', 2), ('"sandbox": false', 0), ('"no_sandbox": true', 0)):
            path.write_text('{"forward": [{"host": "localhost", "port": 0}], %s}' % key, encoding="ascii")
            self.limited()
            self.assertEqual(self.proxy(str(path), port=None).status("Seccomp"), seccomp, key)

    @native
    def test_what_cannot_be_had(self):
        """A library of valgrind's name: the program takes itself to run in valgrind, where it cannot have a sandbox."""
        self.limited()
        valgrind = ("env", "LD_PRELOAD=/nowhere/vgpreload_core.so")
        done = subprocess.run([*valgrind, PROXY, "0", "--sandbox"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("proxy: --sandbox: this program has sanitizers, or runs in valgrind\n", done.stderr)
        proxy = self.proxy("-v", through=valgrind)
        self.assertIn("no sandbox: ", notice(proxy))
        self.assertEqual(proxy.status("Seccomp"), 0)
        self.assertEqual(proxy.stop()[0], 0)

    @native
    def test_as_another_user(self):
        if not RUNS_AS_OTHERS:
            self.skipTest("needs root, to become another user")
        proxy = self.limited("--user", "daemon")
        self.assertEqual((proxy.status("Uid"), proxy.status("Seccomp")), (1, 2))
        self.assertEqual(proxy.get(self.origin().url()).status, 200)


class Reload(SandboxCase):
    """A process cannot widen its sandbox."""

    def test_a_path_outside(self):
        folder, other = self.folder(), self.folder()
        for place in (folder / "first", folder / "second", other):
            place.mkdir(exist_ok=True)
            (place / "file").write_text(place.name, encoding="ascii")
        path = folder / "proxy.json"

        def write(root):
            path.write_text('{"servers": [{"listeners": [{"host": "127.0.0.1", "port": %d}], "routes": [{"req_path": "/", "type": "file_serve", "dir_path": "%s"}]}]}' % (port, root),
                            encoding="ascii")

        port = 0
        write("first")
        proxy = self.limited_files(str(path), port=None)
        port = proxy.port
        self.assertEqual(proxy.get("/file", "Host: a").status, 200)
        for root, says in (("second", None), (other, f"{other}: the sandbox does not allow this path")):
            write(root)
            before = len(proxy.lines)
            proxy.process.send_signal(signal.SIGHUP)
            if says:
                proxy.said(says)
                proxy.said("reload failed: the configuration is unchanged")
            else:
                proxy.wait_for_lines(lambda: any("reloaded; " in line for line in proxy.lines[before:]))
            with proxy.ask("/file", "Host: a") as client:
                self.assertIn(b"second", client.rest().body)
        self.assertIn("restart the proxy to use it", proxy.stop()[1])
        # The restart that the message asks for.
        again = self.proxy(str(path), port=None)
        self.assertEqual(again.get("/file", "Host: a").status, 200)

    def test_each_spelling_of_a_directory(self):
        """realpath(3) makes other system calls for some of them."""
        folder = self.folder()
        (folder / "www" / "in").mkdir(parents=True)
        (folder / "link").symlink_to("www")
        for spelling in ("www", "www/", "www/in/..", "www/.", "link", "link/"):
            proxy = self.limited_files("--files", f"0={folder}/{spelling}", port=None)
            proxy.process.send_signal(signal.SIGHUP)
            proxy.wait_for_lines(lambda: any("reloaded; " in line for line in proxy.lines))  # pylint: disable=cell-var-from-loop
            self.assertNotIn("refused", proxy.stop()[1], spelling)

    def test_another_directory_with_the_same_name(self):
        """The error of the reload names it, and its files are refused until a restart."""
        folder = self.folder()
        root, new = folder / "root", self.folder() / "new"
        for place in (root, new):
            place.mkdir()
            (place / "file").write_text(place.name, encoding="ascii")
        proxy = self.limited_files("--files", f"0={root}", port=None)
        shutil.rmtree(root)
        shutil.copytree(new, root)
        proxy.process.send_signal(signal.SIGHUP)
        proxy.said(f"{root}: the sandbox does not allow this path, whose directory was replaced since the start: restart the proxy to use it")
        self.assertEqual(proxy.get("/file").status, 403)
        self.assertEqual(proxy.stop()[0], 0)
        self.assertEqual(self.proxy("--files", f"0={root}", port=None).get("/file").body, b"new")

    def test_a_link_to_the_next_release(self):
        folder = self.folder()
        for name in ("1", "2"):
            (folder / "releases" / name).mkdir(parents=True)
            (folder / "releases" / name / "file").write_text(name, encoding="ascii")
        (folder / "current").symlink_to("releases/1")
        proxy = self.limited_files("--files", f"0={folder / 'current'}", port=None)
        self.assertEqual(proxy.get("/file", "Host: a").body, b"1")
        (folder / "next").symlink_to("releases/2")
        (folder / "next").rename(folder / "current")
        proxy.process.send_signal(signal.SIGHUP)
        proxy.line("reloaded; ")
        self.assertEqual(proxy.get("/file", "Host: a").body, b"2")

    def test_files_that_are_written_again(self):
        """Another file takes the name of the configuration, and of a list that it names."""
        folder = self.folder()
        origin = self.origin()
        path, hosts = folder / "proxy.json", folder / "hosts"

        def write(file, text):
            new = file.with_suffix(".new")
            new.write_text(text, encoding="ascii")
            new.rename(file)

        write(hosts, "other.test\n")
        config = '{"forward": [{"host": "localhost", "port": %d}], "rules": [{"deny": "host=@hosts"}]%s}'
        write(path, config % (0, ""))
        proxy = self.limited_files(str(path), port=None)
        self.assertEqual(proxy.get(origin.url()).status, 200)
        write(hosts, "127.0.0.1\n")
        write(path, config % (proxy.port, ', "request_id": true'))
        proxy.process.send_signal(signal.SIGHUP)
        proxy.line("reloaded; ")
        self.assertEqual(proxy.get(origin.url()).status, 403)


def core_pattern():
    return pathlib.Path("/proc/sys/kernel/core_pattern").read_text(encoding="ascii").strip()


def memory_in(core):
    """The memory in a core file (elf(5)), without the registers: these have the bytes that were copied last."""
    offset, count = struct.unpack_from("<Q", core, 32)[0], struct.unpack_from("<H", core, 56)[0]
    segments = [struct.unpack_from("<IIQQQQ", core, offset + 56 * i) for i in range(count)]
    load = 1
    return b"".join(core[first:first + size] for kind, _, first, _, _, size in segments if kind == load)


class Cores(SandboxCase):
    """What clients and servers sent is not in a core file; the rest of the program is."""
    PASSWORD = b"correct horse battery staple"
    LOGIN = base64.b64encode(b"ann:" + PASSWORD)
    HASH = "$5$saltsalt$3hGFMknrJ4ZpFPe7XZe397oIMEp7sbvqrcsX/ONJ3i."  # openssl passwd -5 -salt saltsalt
    COOKIE, BODY = b"session=5b0ab1f4e2d94c5f", b"a-secret-in-the-body-of-a-response"
    NAME = "a-name-that-is-in-core-files"

    def core_of(self, proxy, folder):
        """What it writes when it crashes."""
        proxy.process.send_signal(signal.SIGABRT)
        self.assertEqual(proxy.ended()[0], -signal.SIGABRT)
        (core,) = folder.glob("core*")
        return core.read_bytes()

    def dumping(self, folder, *options):
        def allow_cores():
            resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            os.chdir(folder)
        proxy = self.proxy("-v", "--name", self.NAME, *options, preexec=allow_cores)
        if notice(proxy).startswith("no sandbox"):
            self.skipTest("a build with sanitizers")
        return proxy

    def in_flight(self, proxy, *, users=False):
        """Three requests with secrets: one has ended, the head of one is incomplete, and the origin stops in the response to one.
        The secrets are far behind the start of the head, where a shorter head does not write over them."""
        def serve(wire):
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + self.BODY)
            gate.wait()
        gate = self.gate()
        pad = b"X-Pad: " + 600 * b"p" + b"\r\n"
        origin, other = self.origin(serve), self.origin(lambda wire: wire.send(
            b"HTTP/1.1 200 OK\r\n" + pad + b"Set-Cookie: " + self.COOKIE + b"\r\nContent-Length: 1\r\n\r\nx"))
        first, second = self.enter(proxy.connect()), self.enter(proxy.connect())
        field = b"Proxy-Authorization" if users else b"Authorization"
        secrets = pad + field + b": Basic " + self.LOGIN + b"\r\nCookie: " + self.COOKIE
        with proxy.connect() as ended:
            ended.send(f"GET {other.url()} HTTP/1.1\r\nHost: {other.authority}\r\nConnection: close\r\n".encode() + secrets + b"\r\n\r\n")
            self.assertEqual(ended.rest().status, 200)
        head = f"GET {origin.url()} HTTP/1.1\r\nHost: {origin.authority}\r\n".encode() + secrets
        second.send(head + b"\r\n\r\n")
        second.read_head()
        self.assertEqual(second.read(len(self.BODY)), self.BODY)
        first.send(head)

    def check(self, core):
        core = memory_in(core)
        self.assertTrue(self.NAME.encode() in core, "an incomplete core file proves nothing")
        self.assertEqual([secret for secret in (self.LOGIN, self.PASSWORD, self.COOKIE, self.BODY) if secret in core], [])

    @native
    @unittest.skipIf(core_pattern().startswith("|") or "/" in core_pattern(), "core files are not written into the working folder here")
    def test_of_a_crash(self):
        folder = self.folder()
        proxy = self.dumping(folder)
        self.in_flight(proxy)
        self.check(self.core_of(proxy, folder))

    @native
    @unittest.skipUnless("passwords by" in VERSION, "this build has no libcrypt")
    @unittest.skipIf(core_pattern().startswith("|") or "/" in core_pattern(), "core files are not written into the working folder here")
    def test_of_a_login(self):
        folder = self.folder()
        users = folder / "users"
        users.write_text("ann:" + self.HASH + "\n", encoding="ascii")
        proxy = self.dumping(folder, "--users", str(users))
        self.in_flight(proxy, users=True)
        self.check(self.core_of(proxy, folder))

    @native
    @unittest.skipUnless(shutil.which("gcore"), "needs gdb")
    def test_of_a_debugger(self):
        """It can be attached, and its core file has no secrets either."""
        folder = self.folder()
        proxy = self.dumping(folder)
        self.in_flight(proxy)
        done = subprocess.run(["gcore", "-o", str(folder / "core"), str(proxy.pid)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check((folder / f"core.{proxy.pid}").read_bytes())
        proxy.stop()


if __name__ == "__main__":
    unittest.main()
