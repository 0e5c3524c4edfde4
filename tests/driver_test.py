#!/usr/bin/env python3
"""Proves the grader: correct proxies get all points, each wrong one loses exactly what the table says.

    tests/driver_test.py                all of it, some ten minutes
    tests/driver_test.py CommandLine    one class
"""
import csv
import io
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
DRIVER = ROOT / "driver.py"
WRONG = ROOT / "tests" / "wrong"
OWN = pathlib.Path(os.environ.get("PROXY", ROOT / "build" / "g++" / "proxy"))
POINTS, MEMORY = ["-b", "20", "-c", "75"], ["-m", "2"]


class Variant(NamedTuple):
    """A proxy, and how it must be graded."""
    name: str
    mode: str
    lost: Dict[str, float]      # points per group, of 20, 75 and 2
    words: Sequence[str]        # what the report must say
    lab: str = "byu"
    only: str = ""              # only these tests, where others are a matter of chance

    def points(self) -> Sequence[str]:
        """What is graded. Valgrind is slow, and takes part where it has something to say: a right proxy, or wrong memory."""
        if self.only:
            return ["-b", "20", "--only", self.only]
        return POINTS + (MEMORY if not self.lost or "memory" in self.lost else [])


TOGETHER = "clients that connect at the same moment get lost"
VARIANTS = (
    # Correct, in different styles.
    Variant("lab", "epoll", {}, ()),
    Variant("letter", "epoll", {}, ()),
    Variant("thread", "multithread", {}, ()),
    Variant("thread-POOL", "threadpool", {}, ()),
    Variant("thread-FORK", "multiprocess", {}, ()),
    Variant("lab-WHOLE_FIRST", "epoll", {}, ()),
    Variant("lab-BLOCKING_CONNECT", "epoll", {}, ()),
    Variant("lab-FOUR_FIELDS", "epoll", {}, ()),
    Variant("lab-KEEPS_SPARE", "epoll", {}, ()),
    Variant("lab-NO_SIGINT", "epoll", {}, ()),
    Variant("lab-ENDS_ON_EINTR", "epoll", {}, ()),
    # Wrong in what is passed on.
    Variant("lab-KEEP_ALIVE", "epoll", {"basic": 2.22}, ("'HTTP/1.1' with Connection: keep-alive",)),
    Variant("lab-WHOLE_URL", "epoll", {"basic": 2.22}, ("not the whole URL",)),
    Variant("lab-HOST", "epoll", {"basic": 1.11}, ("the server received Host: 127.0.0.1\n",)),
    Variant("lab-LOWER_CASE", "epoll", {"basic": 1.11}, ("the server was asked for /text?70&1&a=1", "in lower case")),
    Variant("lab-NO_QUERY", "epoll", {"basic": 2.22}, ("the server was asked for /text/a/b.html (14 bytes)", "without its query")),
    Variant("lab-NO_VERSION", "epoll", {"basic": 2.22}, ("the server received a malformed request: GET /text",)),
    Variant("lab-CONTROLS", "epoll", {"basic": 1.11}, ("the server received Host: ?[31m",)),
    Variant("letter-OWN_HEAD", "epoll", {"basic": 2.22}, ("came without the server's content-type", "a head of the proxy's own")),
    Variant("lab-STRING_BODY", "epoll", {"basic": 2.22}, ("right up to the first NUL", "string functions")),
    Variant("lab-FIRST_READ", "epoll", {"basic": 2.22, "concurrency": 6.25}, ("taken as whole after the first read()",)),
    Variant("lab-READS_ONCE", "epoll", {"basic": 5.71}, ("wait to be read meanwhile", "reports once"),
            only="^(plain-text|binary|until-close|slow-answer)$"),
    Variant("letter-STALE", "epoll", {"basic": 1.11}, ("the body of another request came", "query; not charged again")),
    Variant("letter-BUFFER_4K", "epoll", {"basic": 2.22}, ("the answer was cut after 4096 bytes (with its head)",)),
    Variant("letter-TOO_MANY", "epoll", {"basic": 2.22}, ("1 bytes follow the body (\\x00)",)),
    # Wrong in the model.
    Variant("lab-ACCEPTS_ONCE", "epoll", {"concurrency": 12.5}, ("wait to be accepted meanwhile", "accept and read until EAGAIN")),
    Variant("letter-SHARED", "epoll", {"concurrency": 12.5}, (TOGETHER,)),
    Variant("lab-SETSID_CHILD", "epoll", {"concurrency": 12.5}, ("it has 1 child processes",)),
    Variant("lab-LEVEL_TRIGGERED", "epoll", {"concurrency": 18.75}, ("watched level-triggered", "without waiting")),
    Variant("lab-BLOCKING_SOCKETS", "epoll", {"concurrency": 12.5}, ("is blocking",)),
    Variant("thread", "epoll", {"concurrency": 12.5}, ("threads", "not of the kind that the mode asks for")),
    Variant("thread", "threadpool", {"concurrency": 12.5}, ("not of the kind that the mode asks for",)),
    Variant("thread-SEQUENTIAL", "multithread", {"concurrency": 75}, ("it serves one request at a time",)),
    Variant("lab-BUSY", "epoll", {"concurrency": 6.25}, ("% of the time while five requests waited",)),
    # Wrong when clients or servers leave.
    Variant("lab-SIGPIPE", "epoll", {"concurrency": 1.25}, ("it ended by SIGPIPE", "use MSG_NOSIGNAL")),
    Variant("lab-DESCRIPTOR_LEAK", "epoll", {"concurrency": 1.25}, ("descriptors more are open",)),
    Variant("lab-SHORT_WRITE", "epoll", {"concurrency": 2.5}, ("keep an offset",)),
    Variant("lab-ENDS_ON_ECONNRESET", "epoll", {"concurrency": 1.25}, (
            "with status 1", "Connection reset by peer", "end only that request")),
    Variant("lab-STAYS_OPEN", "epoll", {"basic": 1.11, "concurrency": 2.5}, ("stayed open after the server had closed its own",)),
    Variant("letter-PARSES_EMPTY", "epoll", {"concurrency": 1.25, "memory": 1}, ("it ended by SIGSEGV", "Invalid")),
    Variant("letter-SPINS_ON_END", "epoll", {"concurrency": 1.25}, ("% of the time while it is silent", "read() returned 0")),
    # Wrong with memory, or altogether.
    Variant("lab-IGNORES_SIGINT", "epoll", {"memory": 2}, ("could not be measured: it did not end on SIGINT",)),
    Variant("lab-LEAK", "epoll", {"memory": 1}, ("bytes definitely lost",)),
    Variant("lab-MUTE", "epoll", {"basic": 20, "concurrency": 75, "memory": 2}, ("no answer came", "wait to be accepted",
            "not run: the simplest request is not served")),
    Variant("lab-EATS_MEMORY", "epoll", {"basic": 20}, ("more than 1024 MiB of memory",), only="^plain-text$"),
    Variant("lab-FORKS", "epoll", {"basic": 20}, ("it used more than 300 processes",), only="^plain-text$"),
    Variant("letter-DRIPS", "epoll", {"basic": 20, "concurrency": 75}, ("came too slowly", "the simplest request is not served")),
    Variant("lab-SLEEPS", "epoll", {"basic": 20}, ("it waits in clock_nanosleep", "holds up all connections"), only="^plain-text$"),
    Variant("lab-NEVER_LISTENS", "epoll", {"basic": 20, "concurrency": 75, "memory": 2}, ("it does not listen",)),
    # What the lab permits, judged by a stricter profile.
    Variant("lab-ENDS_ON_EINTR", "epoll", {"basic": 0.83, "concurrency": 1}, ("Interrupted system call", "EINTR"), lab="strict"),
    Variant("lab-WHOLE_FIRST", "epoll", {"basic": 1.67, "concurrency": 4.69}, ("backpressure",), lab="strict"),
    Variant("lab-BLOCKING_CONNECT", "epoll", {"basic": 0.83, "concurrency": 4.69}, ("it waits in connect",), lab="strict"),
    Variant("lab-FOUR_FIELDS", "epoll", {"basic": 1.67}, ("these fields did not reach the server: Cookie",), lab="strict"),
    Variant("thread", "multithread", {"basic": 0.91}, ("these fields did not reach the server",), lab="cmu"),
    Variant("lab", "epoll", {"basic": 0.91}, ("proxy-connection: (none)",), lab="cmu"),
)


class Built:
    """The proxies, built once."""
    folder = pathlib.Path()

    @classmethod
    def build(cls) -> None:
        """Three programs; a copy of one with a trait in its name has that trait."""
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="driver-test-"))

        def compile_one(name: str) -> None:
            flags = ["-std=c++20", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-g", "-O1"]
            subprocess.run([os.environ.get("CXX", "g++"), *flags, "-o", cls.folder / name, WRONG / f"{name}_proxy.cpp",
                            "-pthread"], check=True)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(compile_one, ("lab", "letter", "thread")))

    @classmethod
    def proxy(cls, name: str) -> pathlib.Path:
        """The program with that trait, in a folder of its own. Its name tells it from those of another run of these tests."""
        path = cls.folder / f"of-{name}" / f"{name}.{os.getpid()}"
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            shutil.copy(cls.folder / name.partition("-")[0], path)
        return path


def setUpModule() -> None:  # pylint: disable=invalid-name  # unittest's name
    """Builds the proxies."""
    Built.build()


def tearDownModule() -> None:  # pylint: disable=invalid-name
    """Removes them."""
    shutil.rmtree(Built.folder)


class Graded(NamedTuple):
    """A run of the driver."""
    status: int
    output: str
    result: Dict[str, Any]
    seconds: float

    def lost(self) -> Dict[str, float]:
        """The points lost, by group."""
        return {group["name"]: round(group["possible"] - group["points"], 2) for group in self.result["groups"]
                if group["possible"] - group["points"] > 0.001}

    def counts_all(self) -> bool:
        """Each test could run. Without namespaces, as in most containers, some cannot; the others then weigh more."""
        return all(row["passed"] is not None for row in self.result["tests"])

    def failed(self) -> Set[str]:
        """The names of the failed tests."""
        return {row["name"] for row in self.result["tests"] if row["passed"] is False and not row.get("skipped")}


def drive(*arguments: str) -> Graded:
    """Runs the driver."""
    with tempfile.TemporaryDirectory(prefix="driver-test-") as folder:
        path = pathlib.Path(folder) / "result.json"
        began = time.monotonic()
        run = subprocess.run([sys.executable, str(DRIVER), "--json", str(path), *arguments], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        result = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return Graded(run.returncode, run.stdout, result, time.monotonic() - began)


def processes_named(name: str) -> List[int]:
    """The pids of processes whose command line contains a name, this program left out."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                line = pathlib.Path("/proc", entry, "cmdline").read_bytes()
            except OSError:
                continue
            if name.encode() in line:
                found.append(int(entry))
    return found


def slowdown() -> float:
    """How much longer than its computing time a program takes on this machine now: 1 on an idle one."""
    began, used = time.monotonic(), time.process_time()
    while time.process_time() - used < 0.2:
        pass
    return (time.monotonic() - began) / 0.2


class Table(unittest.TestCase):
    """Each variant is graded once, two at a time."""
    runs: List[Tuple[Variant, Graded]] = []
    slow = 1.0

    @classmethod
    def setUpClass(cls) -> None:
        def grade(variant: Variant) -> Tuple[Variant, Graded]:
            return variant, drive(*variant.points(), variant.mode, "--lab", variant.lab, "--proxy", str(Built.proxy(variant.name)))
        before = slowdown()
        with ThreadPoolExecutor(2) as pool:
            cls.runs = list(pool.map(grade, VARIANTS))
        cls.slow = max(1.0, before / 2, slowdown() / 2)  # two gradings and two other programs on two processors are usual

    def test_lost_points_and_diagnoses(self) -> None:
        """Exactly the points of the table, and its words. If not all tests count, points are lost in the same groups."""
        for variant, graded in self.runs:
            with self.subTest(variant=variant.name, mode=variant.mode, lab=variant.lab):
                if graded.counts_all():
                    self.assertEqual(graded.lost(), variant.lost, graded.output)
                self.assertEqual(graded.lost().keys(), variant.lost.keys(), graded.output)
                self.assertEqual(graded.status, 1 if variant.lost else 0, graded.output)
                self.assertTrue(graded.result["complete"], graded.output)
                for words in variant.words:
                    self.assertIn(words, graded.output)
                if not variant.lost:
                    self.assertIn("Total: 97/97 (100.00%)", graded.output)

    def test_time(self) -> None:
        """A right proxy in less than 40 s, a silent one in less than 60 s, also on a loaded machine."""
        for variant, graded in self.runs:
            with self.subTest(variant=variant.name):
                most = 40 if not variant.lost else 60 if variant.name.endswith(("MUTE", "LISTENS")) else 300
                self.assertLess(graded.seconds, most * self.slow)

    def test_nothing_is_left(self) -> None:
        """No process of any variant runs."""
        for variant, _ in self.runs:
            self.assertEqual(processes_named(f"/{Built.proxy(variant.name).name}\0"), [], variant.name)


class Cleanliness(unittest.TestCase):
    """Signals, a full disk, a hostile submission."""

    def start(self, proxy: pathlib.Path, *arguments: str) -> "subprocess.Popen[str]":
        """A grading that has begun its second test."""
        # pylint: disable-next=consider-using-with  # the caller ends it
        process = subprocess.Popen([sys.executable, str(DRIVER), *arguments, "epoll", "--proxy", str(proxy)],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            if "[2/" in line:
                break
        return process

    def test_signals_leave_nothing(self) -> None:
        """SIGINT, SIGTERM, SIGHUP and SIGKILL: no process, no traceback, and a result on disk."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"):
            with self.subTest(signal=name), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "result.json"
                proxy = Built.proxy("lab-SETSID_CHILD")
                process = self.start(proxy, "-b", "20", "--json", str(path))
                process.send_signal(getattr(signal, name))
                output = process.communicate(timeout=30)[0]
                self.assertNotIn("Traceback", output)
                self.assertEqual(process.returncode, -9 if name == "SIGKILL" else 128 + getattr(signal, name))
                end = time.monotonic() + 5
                while processes_named(f"/{proxy.name}\0") and time.monotonic() < end:
                    time.sleep(0.05)  # after SIGKILL the kernel ends the rest
                self.assertEqual(processes_named(f"/{proxy.name}\0"), [])
                result = json.loads(path.read_text(encoding="utf-8"))
                self.assertFalse(result["complete"])
                self.assertEqual([entry.name for entry in pathlib.Path(folder).iterdir()], ["result.json"])

    def test_nothing_stays_in_the_temporary_folder(self) -> None:
        """The workspace is in memory only."""
        before = set(os.listdir(tempfile.gettempdir()))
        drive("-b", "20", "epoll", "--only", "plain-text", "--proxy", str(Built.proxy("lab")))
        left = {name for name in set(os.listdir(tempfile.gettempdir())) - before if name.startswith("driver-") and "test" not in name}
        self.assertEqual(left, set())

    def test_a_full_disk(self) -> None:
        """The results cannot be written: the driver says so and goes on, and leaves no half file."""
        with tempfile.TemporaryDirectory() as folder:
            script = (f"mount -t tmpfs -o size=4k tmpfs {folder} && head -c 4096 /dev/zero > {folder}/full; "
                      f"{sys.executable} {DRIVER} -b 20 epoll --only plain-text --json {folder}/result.json "
                      f"--proxy {Built.proxy('lab')}; echo status $?; ls -A {folder}")
            run = subprocess.run(["unshare", "--map-root-user", "--mount", "sh", "-c", script], capture_output=True, text=True,
                                 check=False)
            if "status" not in run.stdout:
                self.skipTest(f"no mount namespace: {run.stderr}")
            self.assertIn("Total: 20/20", run.stdout)
            self.assertIn("No space left on device", run.stderr)
            self.assertNotIn(".result.json", run.stdout)

    def test_a_submission_may_be_anywhere(self) -> None:
        """Also where the workspace would be."""
        for place in ("/mnt", "/run", "/dev/shm"):
            script = (f"mount -t tmpfs tmpfs {place} && mkdir {place}/hand-in && cp {Built.proxy('lab')} {place}/hand-in/proxy && "
                      f"{sys.executable} {DRIVER} -b 20 epoll --only plain-text --proxy {place}/hand-in/proxy; echo status $?")
            run = subprocess.run(["unshare", "--map-root-user", "--mount", "sh", "-c", script], capture_output=True, text=True,
                                 check=False)
            if "status" not in run.stdout:
                self.skipTest(f"no mount namespace: {run.stderr}")
            self.assertIn("Total: 20/20", run.stdout, run.stderr)

    def test_a_container_without_namespaces(self) -> None:
        """As in Docker: root may change its user, but make no namespaces, nor see another user's descriptors."""
        if os.getuid() != 0:
            self.skipTest("needs root")
        kept = "chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,sys_chroot".replace(",", ",+")
        with tempfile.TemporaryDirectory() as folder:
            script = (f"mount --rbind / {folder} && cd {folder} && exec setpriv --inh-caps=-all --bounding-set=-all,+{kept} "
                      f"chroot {folder} {sys.executable} {DRIVER} -c 75 epoll --only '^model$|^leaves-in-answer$' --proxy ")
            right, leaking = (subprocess.run(["unshare", "--mount", "sh", "-c", script + str(Built.proxy(name))], capture_output=True,
                                             text=True, check=False) for name in ("lab", "lab-DESCRIPTOR_LEAK"))
        if "Isolation: another user" not in right.stdout:
            self.skipTest(right.stdout + right.stderr)
        self.assertIn("Total: 75/75", right.stdout)
        self.assertIn("descriptors more are open", leaking.stdout)

    def test_a_submission_cannot_escape(self) -> None:
        """No file outside of the workspace, no descriptor, no network, no signal to the grader."""
        graded = drive("-b", "20", "epoll", "--only", "plain-text", "--proxy", str(Built.proxy("lab-ESCAPES")))
        finding = graded.result["tests"][0]["finding"]
        self.assertIn("it ended before it listened, with status 3", finding["did"])
        if "own network" not in graded.result["isolation"]:
            self.skipTest(graded.result["isolation"])
        self.assertEqual(finding["stderr"], ["that was all"])

    def test_an_endless_head_is_bounded(self) -> None:
        """A proxy whose head never ends is refused after 64 KiB."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "endless"
            path.write_text("#!/usr/bin/python3\nimport socket, sys\ns = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
                            "while True:\n    c = s.accept()[0]\n    c.recv(65536)\n    try:\n"
                            "        c.sendall(b'HTTP/1.0 200 OK\\r\\nX: ')\n        while True: c.sendall(b'a' * 65536)\n"
                            "    except OSError: pass\n", encoding="ascii")
            path.chmod(0o755)
            graded = drive("-b", "20", "epoll", "--only", "plain-text|binary", "--proxy", str(path))
            self.assertIn("the head of its answer does not end within 65536 bytes", graded.output)
            self.assertEqual(graded.lost(), {"basic": 20.0})
            self.assertLess(graded.seconds, 25)


class CommandLine(unittest.TestCase):
    """What is refused, and the files that are written."""

    def test_wrong_usage_is_one_line_and_status_2(self) -> None:
        """Refused before anything is graded."""
        true = "/bin/true"
        for arguments, word in ((("-b", "20", "epoll", "--proxy", "/no/such/program"), "run make first"),
                                (("-b", "20", "fibers"), "invalid choice"), (("epoll", "--proxy", true), "nothing to grade"),
                                (("-b", "many", "epoll"), "invalid"), (("-b", "-1", "epoll", "--proxy", true), "expected 0 or more"),
                                (("-b", "nan", "epoll", "--proxy", true), "expected 0 or more"),
                                (("-b", "1", "--patience", "0", "--proxy", true), "expected more than 0"),
                                (("-b", "1", "--only", "(", "--proxy", true), "invalid pattern"),
                                (("-b", "1", "--only", "nosuch", "--proxy", true), "no test matches"),
                                (("-b", "1", "--gradescope", "/no/such/folder/file", "--proxy", true), "cannot be written"),
                                (("-b", "1", "--proxy", "/tmp"), "is a folder"), (("-b", "1", "--proxy", "/etc/passwd"), "chmod +x"),
                                (("-b", "1", "--all", "/no/such"), "is not a folder")):
            graded = drive(*arguments)
            self.assertEqual((graded.status, graded.result), (2, {}), graded.output)
            self.assertIn(word, graded.output.splitlines()[-1])

    def test_programs_that_are_no_proxies(self) -> None:
        """They end at once, or cannot be started."""
        graded = drive("-b", "20", "epoll", "--only", "plain-text", "--proxy", "/bin/true")
        self.assertIn("it ended before it listened, with status 0", graded.output)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "text"
            path.write_text("not a program", encoding="ascii")
            path.chmod(0o755)
            self.assertIn("Exec format error", drive("-b", "20", "epoll", "--only", "plain-text", "--proxy", str(path)).output)

    def test_a_shell_wrapper(self) -> None:
        """The process that listens is graded, not the shell before it."""
        proxy = Built.proxy("lab")
        path = proxy.with_name("wrapper")
        path.write_text(f'#!/bin/sh\n"$(dirname "$0")/{proxy.name}" "$@"\n', encoding="ascii")
        path.chmod(0o755)
        graded = drive("-c", "75", "epoll", "--only", "^model$|^rests$", "--proxy", str(path))
        path.unlink()
        self.assertEqual(graded.lost(), {}, graded.output)

    def of_our_own(self, folder: pathlib.Path, *options: str) -> pathlib.Path:
        """A wrapper that starts our own proxy with further options."""
        shutil.copy(OWN, folder / "own")
        path = folder / "proxy"
        path.write_text(f'#!/bin/sh\n# it knows --record-dir\nexec "$(dirname "$0")/own" "$@" {" ".join(options)}\n', encoding="ascii")
        path.chmod(0o755)
        return path

    @unittest.skipUnless(OWN.exists(), f"{OWN} is not built")
    def test_a_failed_test_of_our_own_proxy_is_recorded(self) -> None:
        """The record file is whole, and the report says how to print it. A passed test has none."""
        with tempfile.TemporaryDirectory(prefix="driver-test-") as name:
            folder, records = pathlib.Path(name), pathlib.Path(name) / "the records"
            path = self.of_our_own(folder, "--client-requests", "1:1")
            graded = drive(*POINTS, "epoll", "--only", "^plain-text$|^one-after-another$|^many$", "--proxy", str(path),
                           "--record-dir", str(records))
            self.assertEqual(len(graded.failed()), len(list(records.glob("*"))), graded.output)
            self.assertIn("plain-text", {row["name"] for row in graded.result["tests"] if row["passed"]}, graded.output)
            self.assertTrue(graded.failed(), graded.output)
            for row in graded.result["tests"]:
                if row["passed"]:
                    self.assertNotIn("recording", row)
                    continue
                self.assertEqual(row["recording"], str(records / f"{row['name']}.pxr"))
                self.assertIn(f"Recorded:  proxy replay '{row['recording']}' --text\n", graded.output)
                replay = subprocess.run([OWN, "replay", row["recording"], "--text"], capture_output=True, text=True, check=False)
                self.assertEqual((replay.returncode, replay.stderr), (0, ""))
                self.assertIn("FREE -> READ_REQUEST", replay.stdout)

    def test_another_proxy_is_started_as_always(self) -> None:
        """With its port alone and once for each test; its report has no further line, also if its file names the option."""
        proxy = Built.proxy("lab")
        for text, starts in (("", 1), ("# --record-dir", 2)):
            with self.subTest(text), tempfile.TemporaryDirectory(prefix="driver-test-") as name:
                folder = pathlib.Path(name)
                shutil.copy(proxy, folder / "lab")
                path = folder / "proxy"
                path.write_text(f'#!/bin/sh\n{text}\n[ "$1" = --help ] && echo >> "$HOME/asked"\necho "started with $*" >&2\n'
                                '[ -e "$HOME/asked" ] && echo asked >&2\nexec "$(dirname "$0")/lab" "$@"\n', encoding="ascii")
                path.chmod(0o755)
                graded = drive("-b", "20", "epoll", "--only", "^plain-text$", "--proxy", str(path), "-p", str(folder / "output"))
                self.assertEqual(graded.lost(), {}, graded.output)
                lines = (folder / "output").read_text(encoding="utf-8").splitlines()
                self.assertEqual(len([line for line in lines if re.fullmatch(r"started with \d+", line)]), 1, lines)
                self.assertEqual(lines.count("asked"), starts - 1, lines)
                self.assertNotIn("recording", graded.result["tests"][0])

    def test_files(self) -> None:
        """JSON, Gradescope, CSV, HTML, Autolab, and the logs."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            graded = drive("-b", "20", "epoll", "--only", "^plain-text$|^binary$", "--gradescope", str(folder / "results.json"),
                           "--csv", str(folder / "t.csv"), "--html", str(folder / "t.html"), "-A", "-p", str(folder / "proxy.log"),
                           "-t", str(folder / "origin.log"), "--proxy", str(Built.proxy("lab-STRING_BODY")))
            gradescope = json.loads((folder / "results.json").read_text(encoding="utf-8"))
            self.assertIn("GET /text/a/b.html?4000", (folder / "origin.log").read_text(encoding="utf-8"))
            self.assertTrue((folder / "proxy.log").exists())
            rows = list(csv.DictReader(io.StringIO((folder / "t.csv").read_text(encoding="utf-8"))))
            page = (folder / "t.html").read_text(encoding="utf-8")
        self.assertEqual(gradescope["score"], 10)
        self.assertEqual([(test["score"], test["max_score"], test["status"]) for test in gradescope["tests"]],
                         [(10, 10, "passed"), (0, 10, "failed")])
        self.assertIn("first NUL", gradescope["tests"][1]["output"])
        self.assertIn("By hand: curl", gradescope["tests"][1]["output"])
        self.assertEqual(json.loads(graded.output.splitlines()[-1]), {"scores": {"Basic": 10.0}})
        self.assertEqual((rows[0]["points"], rows[0]["failed"]), ("10", "binary"))
        self.assertIn("first NUL", page)
        self.assertNotIn("<script", page)

    def test_explain(self) -> None:
        """The lab's sentence, what is sent and expected."""
        run = subprocess.run([sys.executable, str(DRIVER), "--explain", "plain-text"], capture_output=True, text=True, check=True)
        for word in ("Sends:", "Expects:", "byu:", "By hand:", "path (plus query string)"):
            self.assertIn(word, run.stdout)

    def test_the_lines_by_hand(self) -> None:
        """A shell can read each of them."""
        run = subprocess.run([sys.executable, str(DRIVER), "--explain", "e"], capture_output=True, text=True, check=True)
        lines = [line[len("  By hand:  "):].partition("   (")[0] for line in run.stdout.splitlines() if line.startswith("  By hand:")]
        self.assertGreater(len(lines), 30)
        for line in lines:
            self.assertEqual(subprocess.run(["bash", "-n", "-c", line], capture_output=True, check=False).stderr, b"", line)

    def test_limit(self) -> None:
        """What does not run for lack of time says so."""
        graded = drive("-b", "20", "epoll", "--limit", "0.2", "--proxy", str(Built.proxy("lab")))
        self.assertIn("not run: the limit of", graded.output)
        self.assertLess(graded.seconds, 10)

    def test_a_cache(self) -> None:
        """A proxy without one loses the points for it."""
        self.assertEqual(drive("-e", "10", "epoll", "--proxy", str(Built.proxy("lab"))).lost(), {"cache": 10.0})


class FromSource(unittest.TestCase):
    """--build and --all."""

    def make_source(self, folder: pathlib.Path, extra: str = "") -> pathlib.Path:
        """A source folder whose Makefile compiles a file, and takes a proxy that was compiled before."""
        folder.mkdir(parents=True)
        shutil.copy(Built.proxy("lab"), folder / "lab")
        (folder / "extra.c").write_text(f"int extra;\n{extra}", encoding="ascii")
        (folder / "Makefile").write_text("CFLAGS = -Wall\nproxy: extra.o\n\tcp lab proxy\n", encoding="ascii")
        return folder

    def test_build(self) -> None:
        """Three points for a build without a warning; none and no others where it does not compile."""
        with tempfile.TemporaryDirectory() as name:
            for i, (extra, lost) in enumerate((("", {}), ("static int unused;\n", {"build": 3.0}),
                                               ("int main( {\n", {"build": 3.0, "basic": 20.0}))):
                source = self.make_source(pathlib.Path(name) / str(i) / "lab", extra)
                subprocess.run(["tar", "-C", str(source.parent), "-cf", str(source.parent / "lab.tar"), "lab"], check=True)
                graded = drive("-b", "20", "epoll", "--only", "plain-text", "--build", str(source.parent / "lab.tar" if i == 0 else source))
                self.assertEqual(graded.lost(), lost, graded.output)
                if i == 2:
                    self.assertIn("Stderr:    extra.c:2:11: error:", graded.output)

    @unittest.skipIf(os.geteuid() != 0, "only root can make a device")
    def test_a_device_in_the_source(self) -> None:
        """It is not read: it has no end."""
        with tempfile.TemporaryDirectory() as name:
            source = self.make_source(pathlib.Path(name) / "lab")
            os.mknod(source / "zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
            graded = drive("-b", "20", "epoll", "--only", "plain-text", "--build", str(source))
            self.assertEqual(graded.lost(), {}, graded.output)

    def test_many(self) -> None:
        """A folder of programs, sources and tars; the second run keeps what is there."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name) / "hand-ins"
            self.make_source(folder / "alice")
            shutil.copy(Built.proxy("lab-HOST"), folder / "lab-HOST")
            (folder / "bob").write_text("no program", encoding="ascii")
            source = self.make_source(pathlib.Path(name) / "carol")
            subprocess.run(["tar", "-C", name, "-czf", str(folder / "carol.tar.gz"), source.name], check=True)
            arguments = [sys.executable, str(DRIVER), "-b", "20", "epoll", "--only", "^plain-text$|^host$", "--all", str(folder),
                         "--csv", f"{name}/t.csv", "--html", f"{name}/t.html"]
            first = subprocess.run(arguments, capture_output=True, text=True, check=False)
            rows = list(csv.DictReader(io.StringIO(pathlib.Path(name, "t.csv").read_text(encoding="utf-8"))))
            self.assertEqual({row["submission"]: row["points"] for row in rows},
                             {"alice": "23", "bob": "0", "carol.tar.gz": "23", "lab-HOST": "13.33"}, first.stdout + first.stderr)
            self.assertEqual(pathlib.Path(name, "t.html").read_text(encoding="utf-8").count("<section"), 4)
            second = subprocess.run(arguments, capture_output=True, text=True, check=False)
            self.assertEqual(second.stdout.count("(kept)"), 4, second.stdout)

    def grade_all(self, folder: pathlib.Path) -> "subprocess.CompletedProcess[str]":
        """Grades the simplest request of all submissions in a folder; the pages are beside it."""
        return subprocess.run([sys.executable, str(DRIVER), "-b", "20", "epoll", "--only", "^plain-text$", "--all", str(folder),
                               "--csv", f"{folder}.csv", "--html", f"{folder}.html"], capture_output=True, text=True, check=False)

    def test_a_submission_does_not_see_the_others(self) -> None:
        """Neither beside it nor in their folder."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name) / "hand-ins"
            folder.mkdir()
            shutil.copy(Built.proxy("lab"), folder / "other")
            (folder / "spy").write_text(f"#!/bin/sh\nls -d * {folder}/* >&2\n", encoding="ascii")
            (folder / "spy").chmod(0o755)
            self.grade_all(folder)
            result = json.loads(pathlib.Path(f"{folder}-results", "spy.json").read_text(encoding="utf-8"))
        if "own network" not in result["isolation"]:
            self.skipTest(result["isolation"])
        self.assertIn("spy", result["tests"][0]["finding"]["stderr"])
        self.assertNotIn("other", "".join(result["tests"][0]["finding"]["stderr"]))

    def test_names(self) -> None:
        """Every name that a file can have."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name) / "hand-ins"
            folder.mkdir()
            names = ["a <script> 'b' \"c\"", "=1\n\x1b[31m", os.fsdecode(b"\xff"), "l" * 250]
            for submission in names:
                shutil.copy(Built.proxy("lab"), folder / submission)
            run = self.grade_all(folder)
            page = pathlib.Path(f"{folder}.html").read_text(encoding="utf-8")
            rows = list(csv.DictReader(io.StringIO(pathlib.Path(f"{folder}.csv").read_text(encoding="utf-8"))))
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertEqual(sorted(row["submission"] for row in rows), sorted([names[0], "'=1??[31m", "?", names[3]]))
        self.assertEqual([row["points"] for row in rows], ["20"] * 4)
        self.assertNotIn("<script", page)
        self.assertNotIn("\x1b", page + run.stdout)

    def test_a_build_that_waits_for_ever(self) -> None:
        """It is ended when it does nothing."""
        with tempfile.TemporaryDirectory() as name:
            pathlib.Path(name, "Makefile").write_text("proxy:\n\tsleep 1000\n", encoding="ascii")
            graded = drive("-b", "20", "epoll", "--build", name)
        self.assertIn("it does not build: make did nothing for 30 s", graded.output)
        self.assertEqual(graded.lost(), {"build": 3.0, "basic": 20.0})


def load_tests(loader: unittest.TestLoader, tests: unittest.TestSuite, _pattern: Optional[str]) -> unittest.TestSuite:
    """unittest's hook; the order is that of the file."""
    del loader
    return tests


if __name__ == "__main__":
    unittest.main()
