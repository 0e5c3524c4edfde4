"""Passwords and access rules of web servers, the user in the log, and what --check reads."""
import base64
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from harness import PREFIX, PROXY, VERSION, Case, request
from test_access import USERS
from web import HAS_JSON, InAFolder, Server, ask, at


def login(credentials):
    return "Authorization: Basic " + base64.b64encode(credentials.encode()).decode()


def run(*arguments, cwd=None):
    done = subprocess.run([*PREFIX, PROXY, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=cwd, check=False)
    return done.returncode, done.stdout, done.stderr


@unittest.skipUnless("passwords by" in VERSION, "this build has no libcrypt")
class OfASite(InAFolder):
    def setUp(self):
        super().setUp()
        self.put("a.txt", b"secret")
        self.users = self.folder / "users"
        self.users.write_text(USERS, encoding="utf-8")

    def assert_asked(self, head, realm):
        self.assertEqual(head.status, 401)
        self.assertEqual(head.all("WWW-Authenticate"), [f'Basic realm="{realm}", charset="UTF-8"'])
        self.assertEqual(head.all("Proxy-Authenticate"), [])

    def test_users_hold_for_files(self):
        """RFC 9110 section 11.6: 401 and WWW-Authenticate; the credentials are in Authorization."""
        proxy = self.proxy("--files", f"127.0.0.1:0={self.public}", "--users", str(self.users), port=None)
        for fields in ((), (login("ann:wrong"),), ("Proxy-" + login("ann:secret"),), ("Authorization: Bearer x",)):
            head, body = ask(proxy, "/a.txt", *fields)
            self.assert_asked(head, "proxy")
            self.assertNotIn(b"secret", body)
        self.assert_asked(ask(proxy, "/a.txt", method="HEAD")[0], "proxy")
        self.assertEqual(ask(proxy, "/a.txt", login("ann:secret"))[1], b"secret")
        self.assertEqual(proxy.line(" end=complete ").split(" user=")[1], "ann")
        self.assertIn(" end=login-required by=client", proxy.line(" 401 "))

    def test_rules_for_users(self):
        """Of --users; 401 for others, and 403 for a user that no rule is for."""
        proxy = self.proxy("--files", f"127.0.0.1:0={self.public}", "--users", str(self.users), "--deny", "user=bob", "--allow",
                           "method=HEAD,user=none", "--allow", "all", port=None)
        for fields, method, status in (((), "GET", 401), ((login("ann:secret"),), "GET", 200), ((login("bob:other"),), "GET", 403),
                                       ((), "HEAD", 401)):
            self.assertEqual(ask(proxy, "/a.txt", *fields, method=method)[0].status, status, (fields, method))
        proxy = self.proxy("--files", f"127.0.0.1:0={self.public}", "--users", str(self.users), "--allow", "method=HEAD,user=none",
                           "--allow", "user=ann", port=None)
        for fields, method, status in (((), "GET", 401), ((), "HEAD", 200), ((login("ann:secret"),), "GET", 200), ((login("bob:other"),), "GET", 403)):
            self.assertEqual(ask(proxy, "/a.txt", *fields, method=method)[0].status, status, (fields, method))

    @unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
    def test_rules_for_users_and_files_of_routes(self):
        """A user of another file is not the one of a rule; of the same file it is."""
        (self.folder / "others").write_text(USERS, encoding="utf-8")
        files = {"type": "file_serve", "dir_path": "public"}
        proxy = self.configured(at(routes=[
            {"req_path": "/", **files}, {"req_path": "/same", **files, "users": "users"}, {"req_path": "/other", **files, "users": "others"},
            {"req_path": "/open", **files, "users": "none"}]), users="users", rules=[{"allow": "user=ann"}])
        for path, credentials, status in (("/a.txt", "ann:secret", 200), ("/a.txt", "bob:other", 403), ("/same/a.txt", "ann:secret", 200),
                                          ("/same/a.txt", "bob:other", 403), ("/other/a.txt", "ann:secret", 403), ("/open/a.txt", "ann:secret", 403)):
            self.assertEqual(ask(proxy, path, login(credentials))[0].status, status, (path, credentials))

    def test_the_proxys_own_are_asked_for_by_407(self):
        origin = self.origin()
        proxy = self.proxy("--files", f"127.0.0.1:0={self.public}", "--users", str(self.users))
        place = next(index for index, (_, text) in enumerate(proxy.places) if "files" in text)
        self.assert_asked(ask(proxy, "/a.txt", port=proxy.ports[place])[0], "proxy")
        self.assertEqual(ask(proxy, origin.url(), port=proxy.ports[-1])[0].status, 407)

    @unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
    def test_users_of_a_route_and_of_a_server(self):
        (self.folder / "others").write_text(USERS.splitlines()[1] + ":Bob of the office\n", encoding="utf-8")
        origin = Server(self)
        files = {"type": "file_serve", "dir_path": "public"}
        proxy = self.configured(
            at(users="users", realm="the site", routes=[
                {"req_path": "/", **files}, {"req_path": "/bob", **files, "users": "others", "realm": "of Bob"},
                {"req_path": "/open", **files, "users": "none"},
                {"req_path": "/api", "type": "reverse_proxy", "upstreams": [origin.authority]}]),
            at(routes=[{"req_path": "/", **files}]), server_name="mine")
        for path, realm in (("/a.txt", "the site"), ("/bob/a.txt", "of Bob"), ("/api", "the site")):
            self.assert_asked(ask(proxy, path)[0], realm)
        for path, credentials, status in (("/a.txt", "ann:secret", 200), ("/bob/a.txt", "ann:secret", 401),
                                          ("/bob/a.txt", "bob:other", 200), ("/api", "bob:other", 200)):
            self.assertEqual(ask(proxy, path, login(credentials))[0].status, status, path)
        self.assertEqual(ask(proxy, "/open/a.txt")[1], b"secret")
        self.assertEqual(ask(proxy, "/a.txt", port=proxy.ports[1])[1], b"secret")

    def test_rules_hold_for_files(self):
        for rule, path, status in (("all", "/a.txt", 403), ("method=HEAD", "/a.txt", 200), ("host=site.test", "/a.txt", 403),
                                   ("127.0.0.0/8", "/a.txt", 403)):
            proxy = self.proxy("--files", f"127.0.0.1:0={self.public}", "--deny", rule, port=None)
            self.assertEqual(ask(proxy, path)[0].status, status, rule)


class Checked(Case):
    """--check reads what a start would read."""

    def test_files_that_cannot_be_used(self):
        folder = pathlib.Path(self.enter(tempfile.TemporaryDirectory()))
        (folder / "bad").write_text("ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n", encoding="utf-8")
        for arguments, says in ((("--users", "none"), f"cannot read {folder}/none: No such file or directory"),
                                (("--users", "bad"), f"{folder}/bad: line 1: unsupported hash"),
                                (("--record-dir", "none"), f"no such directory: '{folder}/none'"),
                                (("--access-log", "none/log"), f"no such directory: '{folder}/none/'"),
                                (("--access-log", "."), f"cannot open the log {folder}/.: Is a directory"),
                                (("--files", "0=none"), f"no such directory: '{folder}/none'"),
                                (("--record", "none/run.pxr"), f"no such directory: '{folder}/none/'"),
                                (("--record", "."), "cannot create .: it exists, and is not a regular file"),
                                (("--takeover", "none/socket"), f"no such directory: '{folder}/none/'"),
                                (("--takeover", "bad"), "--takeover bad: there is a file that is not a socket"),
                                (("--user", "no-such-user"), "--user: there is no user 'no-such-user'"),
                                (("--group", "no-such-group"), "--group: there is no group 'no-such-group'")):
            if "--users" in arguments and "passwords by" not in VERSION:
                says = "libcrypt"
            status, out, err = run("0", *arguments, "--check", cwd=folder)
            self.assertEqual((status, out), (2, ""), arguments)
            self.assertIn(says, err.replace(str(os.path.realpath(folder)), str(folder)))
        os.mkfifo(folder / "fifo")
        os.symlink("nowhere", folder / "link")
        for arguments in (("--record", "fifo"), ("--record", "link"), ("--takeover", "link"), ("--access-log", "fifo")):
            status, _, said = run("0", *arguments, cwd=folder)  # what a start says
            self.assertEqual((run("0", *arguments, "--check", cwd=folder)[2], status), (said, 1), arguments)
        os.unlink(folder / "fifo")
        os.unlink(folder / "link")
        new = ("--access-log", "log", "--record", "run.pxr", "--takeover", "socket")
        self.assertEqual(run("0", *new, "--check", cwd=folder), (0, "options: OK, 2 listeners\n", ""))
        self.assertEqual([path.name for path in folder.iterdir()], ["bad"], "--check creates nothing")

    @unittest.skipUnless(HAS_JSON and "passwords by" in VERSION, "this build has no libcrypt or no JSON")
    def test_the_files_of_a_configuration(self):
        folder = pathlib.Path(self.enter(tempfile.TemporaryDirectory()))
        (folder / "site").mkdir()
        route = {"req_path": "/", "type": "file_serve", "dir_path": "site", "users": "users"}
        path = folder / "c.json"
        path.write_text(json.dumps({"servers": [at(routes=[route])]}), encoding="utf-8")
        self.assertIn(f"cannot read {folder}/users: No such file", run(str(path), "--check")[2])
        (folder / "users").write_text(USERS, encoding="utf-8")
        for directory in ("/", str(folder)):  # whatever the working directory is
            self.assertEqual(run(str(path), "--check", cwd=directory)[0], 0)


if __name__ == "__main__":
    unittest.main()
