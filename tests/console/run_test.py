#!/usr/bin/env python3
"""Tests of run.py: test files that hang are killed, with all that they have started, and are reported."""
import os
import pathlib
import select
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import run  # noqa: E402

PATIENCE_S = 60

# It starts a process as Playwright starts Chromium, and writes its number when it stands still itself.
HANGS = """\
import {spawn} from 'node:child_process';
import {renameSync, writeFileSync} from 'node:fs';
import {test} from 'node:test';
test('does not end', () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {detached: true, stdio: 'ignore'});
  writeFileSync('written', `${child.pid}`);
  renameSync('written', 'started');
  return new Promise(() => setInterval(() => {}, 1000));
});
"""

# A test that fails between the start and the end of what it needs.
FAILS = f"""\
import {{test}} from 'node:test';
import {{writeFileSync}} from 'node:fs';
import {{serve}} from '{run.HERE}/fake_proxy.mjs';
import {{start}} from '{run.HERE}/programs.mjs';
test('fails', async () => {{
  await serve();
  const program = await start(/up/, process.execPath, '-e', 'console.log("up"); setInterval(() => {{}}, 1000)');
  writeFileSync('started', String(program.pid));
  throw new Error('wrong');
}});
"""


def ends(pid):
    """Waits until the process has ended; False if it does not."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended = select.select([process], [], [], PATIENCE_S)[0]
    os.close(process)
    return bool(ended)


@unittest.skipUnless(shutil.which("node"), "missing: node")
class Run(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def run_file(self, text, **how):
        (self.folder / "a_test.mjs").write_text(text, encoding="ascii")
        return run.run_files(["a_test.mjs"], self.folder, **how)

    def test_files_that_end(self):
        status, output = self.run_file("import {test} from 'node:test';\ntest('a', () => {});\ntest('b', () => { throw new Error('wrong'); });\n")
        self.assertEqual((status, run.last_ended(output)), (1, "b"))
        self.assertIn("wrong", output)

    def test_a_test_that_fails_does_not_hang(self):
        status, output = self.run_file(FAILS)
        self.assertEqual(status, 1)
        self.assertIn("wrong", output)
        self.assertTrue(ends(int((self.folder / "started").read_text(encoding="ascii"))))

    def test_the_last_one_before_a_hang(self):
        self.assertEqual(run.last_ended("TAP version 13\n# Subtest: page\n    ok 1 - one\n      ---\n    not ok 2 - two words\n      ---\n"), "two words")
        self.assertEqual(run.last_ended("TAP version 13\n# Subtest: page\n"), "")

    def test_a_file_that_hangs(self):
        started = self.folder / "started"
        status, _ = self.run_file(HANGS, is_hung=lambda _: started.exists())
        self.assertIsNone(status)
        self.assertTrue(ends(int(started.read_text(encoding="ascii"))))


if __name__ == "__main__":
    unittest.main()
