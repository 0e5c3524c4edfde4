"""Looking up names, beside everything else. In a network of its own, with a name server of its own."""
import ctypes
import fcntl
import json
import os
import pathlib
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

from harness import PREFIX, PROXY, Origin, Proxy, native, ok

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18


def call(name, *arguments):
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)


def own_network(folder, hosts):
    """This process gets a network in which 127.0.0.1 is the name server."""
    user, group = os.getuid(), os.getgid()
    call("unshare", CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET)
    for file, line in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        pathlib.Path("/proc/self", file).write_text(line)
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x41))
    call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    for name, text in (("hosts", hosts), ("resolv.conf", "nameserver 127.0.0.1\n")):
        file = pathlib.Path(folder) / name
        file.write_text(text)
        call("mount", str(file).encode(), b"/etc/" + name.encode(), None, MS_BIND, None)


class NameServer:
    """Answers A for names it knows; says that others do not exist; is silent about `mute`."""

    def __init__(self, names, mute=()):
        self.names, self.mute, self.asked = names, mute, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            query, who = self.socket.recvfrom(512)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            kind = struct.unpack(">H", query[at + 1:at + 3])[0]
            name = ".".join(labels).lower()
            self.asked.append((name, kind))
            if name in self.mute:
                continue
            address, ttl = self.names.get(name, (None, 0))
            answers = 1 if address and kind == 1 else 0
            head = query[:2] + struct.pack(">HHHHH", 0x8180 if address else 0x8183, 1, answers, 0, 0)
            record = struct.pack(">HHHIH", 0xC00C, 1, 1, ttl, 4) + socket.inet_aton(address) if answers else b""
            self.socket.sendto(head + query[12:at + 5] + record, who)

    def count(self, name):
        return sum(asked == (name, 1) for asked in self.asked)


# Each runs in a child process, in a network of its own. What it returns goes to the test.

def looks_up():
    server = NameServer({"known.test": ("127.0.0.1", 60)})
    with Proxy() as proxy, Origin() as origin:
        statuses = [proxy.get(f"http://{name}:{origin.port}/").status
                    for name in ("known.test", "KNOWN.test", "hosts.test", "unknown.test", "unknown.test")]
    return {"statuses": statuses, "known": server.count("known.test"), "unknown": server.count("unknown.test"),
            "hosts": server.count("hosts.test")}


def is_silent():
    NameServer({}, mute=("mute.test",))
    with Proxy("--resolve-timeout", "1.5") as proxy, Origin(lambda c, *_: c.sendall(ok(b"x"))) as origin:
        waiting = [proxy.ask(f"GET http://mute.test:{origin.port}/ HTTP/1.0\r\n\r\n".encode()) for _ in range(5)]
        others = [proxy.get(origin.url()).status for _ in range(20)]
        heard = [bool(select.select([client], [], [], 0)[0]) for client in waiting]
        first = [client.recv(12)[9:12].decode() for client in waiting]
    return {"others": others, "heard before them": heard, "status": first}


@native
class Names(unittest.TestCase):
    def play(self, scene):
        with tempfile.TemporaryDirectory() as folder:
            child = subprocess.run([sys.executable, os.path.abspath(__file__), scene, folder], capture_output=True, text=True, check=False)
        if "PermissionError" in child.stderr:
            self.skipTest("networks of one's own are not permitted here")
        self.assertEqual(child.returncode, 0, child.stderr)
        return json.loads(child.stdout.splitlines()[-1])

    def test_answers_are_kept_and_failures_too(self):
        seen = self.play("looks_up")
        self.assertEqual(seen["statuses"], [200, 200, 200, 502, 502])
        self.assertEqual((seen["known"], seen["hosts"]), (1, 0))
        self.assertEqual(seen["unknown"], 1)

    @unittest.skipIf("c-ares" not in subprocess.run([PROXY, "--version"], capture_output=True, text=True, check=False).stdout
                     and not PREFIX, "names by getaddrinfo block, as the lab permits")
    def test_a_silent_name_server_delays_nobody_else(self):
        seen = self.play("is_silent")
        self.assertEqual(seen["others"], [200] * 20)
        self.assertEqual(seen["heard before them"], [False] * 5)
        self.assertEqual(seen["status"], ["504"] * 5)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        own_network(sys.argv[2], "127.0.0.1 localhost hosts.test\n")
        print(json.dumps(globals()[sys.argv[1]]()))
    else:
        unittest.main()
