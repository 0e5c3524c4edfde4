#!/usr/bin/env python3
"""The simulator's report of a failed history: it keeps a whole record file, and names the command that prints it.

SIM and PROXY name the programs (build/g++/sim, build/g++/proxy).
"""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIM = os.environ.get("SIM", str(ROOT / "build" / "g++" / "sim"))
PROXY = os.environ.get("PROXY", str(ROOT / "build" / "g++" / "proxy"))


class Report(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / "records"

    def failed_history(self, seed, kind):
        """The report of a history that is reported as failed, and the words of its record file."""
        run = subprocess.run([SIM, "--record-dir", self.folder, "--fail", str(seed), "--seed", str(seed), f"--{kind}", "1"],
                             capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 1, run.stdout)
        path, command = re.search(r"^recorded in (\S+); to print it: proxy (.+)$", run.stdout, re.MULTILINE).groups()
        replay = subprocess.run([PROXY, *command.split()], capture_output=True, text=True, check=False)
        self.assertEqual((replay.returncode, replay.stderr), (0, ""))
        return run.stdout, pathlib.Path(path), replay.stdout

    def test_a_history(self):
        """The file has the steps of the story, and with --calls the calls of the simulated kernel."""
        for kind in ("seeds", "roles", "viewers"):
            with self.subTest(kind):
                story, path, steps = self.failed_history(5, kind)
                self.assertEqual(path, self.folder / ("5.pxr" if kind == "seeds" else f"5-{kind}.pxr"))
                narrated = [line.strip() for line in story.splitlines() if re.match(r"    \[slot \d+, #\d+\] ", line)]
                printed = [line.split(" ", 2)[2] for line in steps.splitlines() if re.match(r"\S+ \d+ \[slot", line)]
                self.assertTrue(printed)
                self.assertEqual([line for line in narrated if line in set(printed)], printed)
                calls = subprocess.run([PROXY, "replay", "--text", "--calls", path], capture_output=True, text=True, check=True)
                self.assertIn("] accept4(", calls.stdout)

    def test_the_requests_of_a_history(self):
        """So that the file can be looked at in other programs."""
        _, path, _ = self.failed_history(4, "seeds")
        har = subprocess.run([PROXY, "replay", "--format", "har", path], capture_output=True, text=True, check=True)
        self.assertIn('"request"', har.stdout)

    def test_greedy_clients(self):
        _, path, steps = self.failed_history(5, "greedy")
        self.assertEqual(path, self.folder / "5-greedy.pxr")
        self.assertIn("FREE -> READ_REQUEST", steps)

    def test_a_folder_that_cannot_be_made(self):
        """Is a line of the report."""
        self.folder.write_text("a file", encoding="ascii")
        run = subprocess.run([SIM, "--record-dir", self.folder, "--fail", "5", "--seed", "5", "--seeds", "1"], capture_output=True,
                             text=True, check=False)
        self.assertIn(f"cannot write {self.folder}/5.pxr: use --record-dir FOLDER", run.stdout)

    def test_without_a_failure_there_is_no_file(self):
        run = subprocess.run([SIM, "--record-dir", self.folder, "--seed", "5", "--seeds", "1"], capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, run.stdout)
        self.assertFalse(self.folder.exists())


if __name__ == "__main__":
    unittest.main()
