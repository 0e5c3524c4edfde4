"""Network namespaces with addresses of their own on one bridge, and the programs that run in them."""
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys

INSIDE = "PROXY_CLUSTER_INSIDE"
CLONE_NEWNET = 0x40000000
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def enter(*programs):
    """Starts this program again as root of a user, a mount and a network namespace. Returns there; elsewhere it ends the program.
    Without one of `programs`, or if namespaces are not permitted, it is skipped."""
    if os.environ.get(INSIDE):
        return
    missing = [program for program in ("unshare", "nsenter", "ip", *programs) if not shutil.which(program, path=PATH)]
    probe = [] if missing else ["unshare", "--user", "--map-root-user", "--mount", "--net", "ip", "link", "add", "name", "probe", "type", "bridge"]
    if missing or subprocess.run(probe, env={**os.environ, "PATH": PATH}, capture_output=True, check=False).returncode != 0:
        print(f"skipped: {', '.join(missing) + ' not installed' if missing else 'network namespaces are not permitted here'}")
        print("0 passed, 0 failed, 1 skipped")
        sys.exit(0)
    os.environ.update({INSIDE: "1", "PATH": PATH})
    os.execvp("unshare", ["unshare", "--user", "--map-root-user", "--mount", "--net", sys.executable, *sys.argv])


def ip(*words):
    subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL)


class Hosts:
    """Network namespaces, one for each host. REQUIRES: enter()."""

    def __init__(self):
        subprocess.run(["mount", "-t", "tmpfs", "run", "/run"], check=True)
        self._namespaces = {"": os.open("/proc/self/ns/net", os.O_RDONLY)}
        ip("link", "set", "lo", "up")

    def add(self, name):
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")
        self._namespaces[name] = os.open(f"/run/netns/{name}", os.O_RDONLY)

    def within(self, name, make):
        """What `make()` returns in the network of this host."""
        library = ctypes.CDLL(None, use_errno=True)
        if library.setns(self._namespaces[name], CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            return make()
        finally:
            library.setns(self._namespaces[""], CLONE_NEWNET)

    def socket_in(self, name, kind=socket.SOCK_STREAM):
        """A new non-blocking socket of this host."""
        made = self.within(name, lambda: socket.socket(socket.AF_INET, kind))
        made.setblocking(False)
        return made


class Network(Hosts):
    """A bridge, and hosts at it: namespaces with one interface each. REQUIRES: enter()."""

    def __init__(self, hosts):
        super().__init__()
        pathlib.Path("/run/haproxy").mkdir()
        ip("link", "add", "name", "bridge", "type", "bridge")
        ip("link", "set", "bridge", "up")
        for name, address in hosts.items():
            self.add(name)
            ip("link", "add", "name", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", f"to-{name}", "master", "bridge", "up")
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")

    @staticmethod
    def set_link(name, state):
        """Connects the host to the bridge ("up"), or cuts it off ("down")."""
        ip("link", "set", f"to-{name}", state)


class Program:
    """A program that runs on a host of the network; its standard output and error go to a file."""

    def __init__(self, host, command, output):
        self._output = open(output, "ab")  # pylint: disable=consider-using-with # as long as the program
        self.process = subprocess.Popen(["nsenter", f"--net=/run/netns/{host}", *command],  # pylint: disable=consider-using-with
                                        stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT)

    def send(self, number):
        self.process.send_signal(number)

    def running(self):
        return self.process.poll() is None

    def end(self):
        if self.running():
            self.send(signal.SIGKILL)
        self.process.wait()
        self._output.close()
