"""--user and --group give up root without a way back; --reuse-port shares a port between processes."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from harness import Case, PREFIX, PROXY, RUNS_AS_OTHERS, VERSION, closed_port, native

DAEMON = 1


@native
@unittest.skipUnless(os.geteuid() == 0, "needs root, to become another user")
class Privileges(Case):
    def identity(self, proxy):
        """(users, groups, further groups) of its process: real, effective, saved and for files."""
        text = pathlib.Path(f"/proc/{proxy.pid}/status").read_text(encoding="ascii")
        return tuple([int(number) for number in re.search(rf"^{name}:(.*)$", text, re.MULTILINE)[1].split()] for name in ("Uid", "Gid", "Groups"))

    def test_user_and_group(self):
        for options, group in ((("--user", "daemon"), DAEMON), (("--user", "daemon:bin"), 2), (("--user", f"{DAEMON}", "--group", "2"), 2)):
            proxy = self.proxy(*options)
            self.assertEqual(self.identity(proxy), ([DAEMON] * 4, [group] * 4, [group]), options)
            self.assertEqual(proxy.get(self.origin().url()).status, 200)

    def test_a_port_below_1024(self):
        try:
            proxy = self.proxy("--user", "daemon", port="81")
        except AssertionError:
            self.skipTest("port 81 is in use here")
        self.assertEqual(proxy.get(self.origin().url()).status, 200)

    def test_without_the_option_it_stays(self):
        self.assertEqual(self.identity(self.proxy())[0], [0] * 4)

    @unittest.skipUnless("passwords by" in VERSION, "this build has no libcrypt")
    def test_what_it_reads_is_read_as_that_user(self):
        """So a reload can read it too."""
        folder = pathlib.Path(self.enter(tempfile.TemporaryDirectory()))
        users = folder / "users"
        users.write_text("a:$apr1$x$x\n", encoding="ascii")
        done = subprocess.run([PROXY, "0", "--users", str(users), "--user", "daemon"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("Permission denied", done.stderr)

    def test_check_opens_as_that_user_what_a_start_opens_so(self):
        """The log and the socket of --takeover are opened before, record files afterwards."""
        folder = pathlib.Path(self.enter(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        (folder / "closed").mkdir(0o700)
        for arguments, says in ((("--record", "closed/run.pxr"), "cannot create "), (("--record-dir", "closed"), "cannot create files in "),
                                (("--access-log", "closed/log"), None), (("--takeover", "closed/socket"), None)):
            done = subprocess.run([PROXY, "0", "--user", "daemon", *arguments, "--check"], capture_output=True, text=True, check=False, cwd=folder)
            self.assertEqual(done.returncode, 2 if says else 0, (arguments, done.stderr))
            self.assertIn(says or "", done.stderr)

    def test_a_directory_that_this_user_cannot_reach(self):
        """A reload would fail."""
        folder = pathlib.Path(self.enter(tempfile.TemporaryDirectory()))
        (folder / "public").mkdir()
        for mode, status in ((0o700, 1), (0o711, 0)):
            folder.chmod(mode)
            done = subprocess.run([PROXY, "--files", f"0={folder}/public", "--user", "daemon", "--check"], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode != 0, status == 1, done.stderr)
            if status:
                self.assertIn("this user cannot reach the directory", done.stderr)

    def test_the_socket_of_root_is_removed_at_the_end(self):
        folder = pathlib.Path(self.enter(tempfile.TemporaryDirectory()))
        shutil.chown(folder, "daemon")
        proxy = self.proxy("--user", "daemon", "--takeover", str(folder / "socket"))
        self.assertTrue((folder / "socket").is_socket())
        self.assertEqual(proxy.stop(), (0, ""))
        self.assertEqual(list(folder.iterdir()), [])

    def test_a_takeover_with_another_user(self):
        """The new process begins as root, too."""
        folder = self.enter(tempfile.TemporaryDirectory())
        old = self.proxy("--user", "daemon", "--takeover", folder + "/socket")
        new = self.proxy("--user", "daemon", "--takeover", folder + "/socket")
        self.assertEqual(old.ended(), (0, ""))
        self.assertEqual(new.ports, old.ports)

    @unittest.skipUnless(RUNS_AS_OTHERS, "needs a program that others can run")
    def test_not_as_another_user(self):
        done = subprocess.run([PROXY, "0", "--user", "root"], capture_output=True, text=True, check=False, user=DAEMON, group=DAEMON, extra_groups=[])
        self.assertEqual((done.returncode, done.stderr), (1, "proxy: --user root: permission denied: start the proxy as root, or without this option\n"))
        proxy = self.proxy("--user", "daemon", preexec=lambda: (os.setgroups([]), os.setgid(DAEMON), os.setuid(DAEMON)))
        self.assertEqual(self.identity(proxy)[0], [DAEMON] * 4)


class Messages(Case):
    def test_unknown_names(self):
        for options, says in ((("--user", "no-such"), "--user: there is no user 'no-such'"), (("--user", ":a"), "invalid user ':a'"),
                              (("--user", "a:"), "invalid user 'a:'"), (("--group", "no-such"), "--group: there is no group 'no-such'")):
            done = subprocess.run([*PREFIX, PROXY, "0", *options], capture_output=True, text=True, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(says, done.stderr)


class ReusePort(Case):
    def test_several_processes_share_the_clients_of_a_port(self):
        origin, port = self.origin(), str(closed_port())
        proxies = [self.proxy("--reuse-port", port=port) for _ in range(3)]
        def served():
            return [sum("GET " in line for line in proxy.lines) for proxy in proxies]
        for _ in range(1000):
            self.assertEqual(proxies[0].get(origin.url()).status, 200)
            if all(served()):
                break
        self.assertTrue(all(served()), served())
        # One ends, and the others serve its part. Its backlog was served before.
        self.assertEqual(proxies[1].stop(signal.SIGTERM), (0, ""))
        for _ in range(50):
            self.assertEqual(proxies[0].get(origin.url()).status, 200)

    def test_not_without_the_option(self):
        first = self.proxy("--reuse-port")
        for _ in range(2):
            done = subprocess.run([*PREFIX, PROXY, str(first.port)], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("another program uses the port", done.stderr)
