"""A network of one's own, for a test that needs its own name server, /etc/hosts or privileged ports.

`@in_own_network()` runs the test's body in a child process, in new user, mount and network namespaces. Where these are
not permitted the test is skipped, and says so.
"""
import ctypes
import fcntl
import functools
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

INSIDE = "PROXY_E2E_OWN_NETWORK"
SKIPPED = 77  # exit status

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK, IFF_UP_RUNNING = 0x8914, 0x8916, 0x891c, 0x41


def in_own_network(hosts="127.0.0.1 localhost\n", resolv="nameserver 127.0.0.1\n"):
    """Decorates a test method; `hosts` and `resolv` are what it sees as /etc/hosts and /etc/resolv.conf."""
    def decorate(test):
        @functools.wraps(test)
        def run(case):
            if os.environ.get(INSIDE):
                return test(case)
            name = f"{type(case).__module__.rpartition('.')[2]}.{type(case).__name__}.{test.__name__}"
            files = {"hosts": hosts, "resolv.conf": resolv, "nsswitch.conf": "hosts: files dns\n"}
            child = subprocess.run([sys.executable, __file__, name], input=json.dumps(files), capture_output=True, text=True,
                                   env={**os.environ, INSIDE: "1"}, check=False)
            if child.returncode == SKIPPED:
                case.skipTest(child.stdout.strip())
            case.assertEqual(child.returncode, 0, child.stdout + child.stderr)
            return None
        return run
    return decorate


def call(name, *arguments):
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def raise_loopback():
    """Sets lo up (netdevice(7))."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP_RUNNING))


def leave_for_own_network():
    """This process becomes root in its own small world, whose only interface is lo."""
    user, group = os.getuid(), os.getgid()
    call("unshare", CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET)
    for file, line in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        pathlib.Path("/proc/self", file).write_text(line, encoding="ascii")
    raise_loopback()
    call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)


def add_address(address, number):
    """Gives lo one more IPv4 address; the numbers of all must differ (netdevice(7))."""
    with socket.socket() as any_socket:
        for what, value in ((SIOCSIFADDR, address), (SIOCSIFNETMASK, "255.255.255.255")):
            fcntl.ioctl(any_socket, what, struct.pack("16sHH4s8x", f"lo:{number}".encode(), socket.AF_INET, 0, socket.inet_aton(value)))


def put_in_etc(files, folder):
    for name, text in files.items():
        target = os.path.realpath(os.path.join("/etc", name))
        if not os.path.exists(target):
            if name == "nsswitch.conf":
                continue  # the defaults are as good
            raise OSError(f"there is no {target} to put another one in its place")
        source = pathlib.Path(folder, name)
        source.write_text(text, encoding="utf-8", newline="")
        call("mount", os.fsencode(source), os.fsencode(target), None, MS_BIND, None)


def main(name, files):
    """Runs one test; its outcome is the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            leave_for_own_network()
            put_in_etc(files, folder)
        except OSError as error:
            print(f"a network of one's own cannot be had here: {error}")
            return SKIPPED
        result = unittest.TextTestRunner(stream=sys.stderr).run(unittest.defaultTestLoader.loadTestsFromName(name))
        if result.skipped:
            print(result.skipped[0][1])
            return SKIPPED
        return 0 if result.wasSuccessful() and result.testsRun == 1 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], json.load(sys.stdin)))
