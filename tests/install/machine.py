"""A systemd of one's own as the first process of new namespaces, with the files of `make install` and no other units.

It needs root and a cgroup2 file system; `missing()` says what is not there. Nothing of the machine is changed: /usr, /etc, /run, /tmp and
/var/log are its own, and its processes end with it.
"""
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "e2e")]
import own_network  # noqa: E402

MANAGER = "/lib/systemd/systemd"
UNITS = "/run/own-units"  # the only folder with units that the manager knows
PATIENCE_S = 120

UNSHARE = ("unshare", "--fork", "--pid", "--mount", "--uts", "--ipc", "--cgroup", "--mount-proc", "--kill-child")

# What a unit of a service expects to exist, without all that a real boot does.
TARGETS = ("sysinit", "basic", "sockets", "shutdown", "network-online", "nss-lookup", "multi-user", "try")

# $1 is the folder of the installation. `container` makes the manager leave the hardware alone.
BOOT = f"""set -e
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$1/usr:/usr" /usr
mkdir "$1/etc.upper" "$1/etc.work"
mount -t overlay overlay -o "lowerdir=$1/etc:/etc,upperdir=$1/etc.upper,workdir=$1/etc.work" /etc
mount -t tmpfs tmpfs /run
mkdir -p /run/lock {UNITS}
for name in {' '.join(TARGETS)}; do
  printf '[Unit]\\nDefaultDependencies=no\\n' > "{UNITS}/$name.target"
done
cp /usr/lib/systemd/system/fourstate* {UNITS}
mount -t tmpfs tmpfs /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /var/log
mount -t tmpfs -o mode=1777 tmpfs /tmp
systemd-sysusers fourstate.conf
exec env -i container=other SYSTEMD_UNIT_PATH={UNITS} PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  {MANAGER} --system --unit=try.target --log-target=console --log-level=notice --show-status=0
"""


def cgroup2():
    """Where the unified hierarchy is mounted, or None."""
    for line in pathlib.Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, place, kind = line.split()[:3]
        if kind == "cgroup2":
            return pathlib.Path(place)
    return None


def missing():
    """What a systemd of one's own lacks here, or an empty string."""
    if os.geteuid() != 0:
        return "root"
    if not pathlib.Path(MANAGER).exists():
        return "systemd: run `make setup`"
    if not cgroup2() or not os.access(cgroup2(), os.W_OK):
        return "a cgroup2 file system that can be written"
    mounts = "mount -t tmpfs tmpfs /run && mount -t overlay overlay -o lowerdir=/run:/etc /etc && mount -t cgroup2 cgroup2 /run"
    tried = subprocess.run([*UNSHARE, "sh", "-c", mounts], capture_output=True, text=True, check=False)
    return tried.stderr.strip().replace("\n", "; ") if tried.returncode != 0 else ""


def leave_for_own_network():
    """This process, which is root, gets a network whose only interface is lo; so do those that it starts."""
    own_network.call("unshare", own_network.CLONE_NEWNET)
    own_network.raise_loopback()


class Machine:
    """The running manager. Its processes are in the network of this process."""

    def __init__(self, install):
        """`install(folder)` puts the installation, with prefix=/usr and sysconfdir=/etc, into a folder."""
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="machine-"))
        self.root.chmod(0o755)
        install(self.root)
        self.cgroup = cgroup2() / f"fourstate-test-{os.getpid()}"
        self.cgroup.mkdir()
        self.said = self.root / "said"
        with self.said.open("wb") as said:
            self._process = subprocess.Popen(  # pylint: disable=consider-using-with # it ends in end()
                ["sh", "-c", f'echo $$ > {self.cgroup}/cgroup.procs; exec setpriv --pdeathsig=KILL "$@"', "sh",
                 *UNSHARE, "sh", "-c", BOOT, "sh", str(self.root)], stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            self.pid = self._first_process()
            self.wait_for(lambda: self.try_systemctl("is-active", "try.target").stdout == "active\n", "the manager is there")
        except BaseException:
            self.end()
            raise

    def _first_process(self):
        """Its number outside."""
        children = pathlib.Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        self.wait_for(lambda: self._process.poll() is not None or children.read_text(encoding="ascii"), "unshare has started it")
        if self._process.poll() is not None:
            raise AssertionError(f"no manager: {self._last_words()}")
        return int(children.read_text(encoding="ascii"))

    def _last_words(self):
        """What the manager said last."""
        return self.said.read_text(encoding="utf-8", errors="replace")[-2000:]

    def wait_for(self, condition, what):
        until = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > until:
                raise AssertionError(f"not seen: {what}; the manager said: {self._last_words()}")
            time.sleep(0.02)

    def into(self, *command):
        """The command that runs one inside."""
        return ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--uts", "--ipc", "--cgroup", *command]

    def run(self, *command):
        """The completed process of a command inside."""
        return subprocess.run(self.into(*command), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)

    def try_systemctl(self, *words):
        return self.run("systemctl", "--no-pager", *words)

    def systemctl(self, *words):
        """What systemctl prints. Its exit status must be 0."""
        done = self.try_systemctl(*words)
        if done.returncode != 0:
            raise AssertionError(f"systemctl {' '.join(words)}: {done.stdout}{done.stderr}{self._last_words()}")
        return done.stdout

    def show(self, unit, name):
        """The value of a property."""
        return self.systemctl("show", "--value", f"--property={name}", unit).strip()

    def write(self, path, text):
        """A file inside; its folder is made."""
        target = pathlib.Path(f"/proc/{self.pid}/root{path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def inside(self, pid):
        """The files of /proc of a process, whose number is the one that systemd knows."""
        return pathlib.Path(f"/proc/{self.pid}/root/proc/{pid}")

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()  # unshare --kill-child: the manager, and all in its namespace, end with it
        self._process.wait()
        for path in sorted(self.cgroup.rglob("*/"), key=lambda each: -len(each.parts)):
            self._remove(path)
        self._remove(self.cgroup)
        shutil.rmtree(self.root)

    def _remove(self, cgroup):
        """Processes that were killed leave their cgroup a little later."""
        until = time.monotonic() + PATIENCE_S
        while cgroup.is_dir():
            try:
                cgroup.rmdir()
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)


def main():
    """A shell inside, to look around."""
    from test_install import make  # pylint: disable=import-outside-toplevel
    leave_for_own_network()
    machine = Machine(lambda folder: make("install", f"DESTDIR={folder}", "prefix=/usr", "sysconfdir=/etc", CXX="false"))
    try:
        subprocess.run(machine.into("sh"), check=False)
    finally:
        machine.end()


if __name__ == "__main__":
    main()
