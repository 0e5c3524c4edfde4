"""docs/tour.md: what it shows is in the recordings, in this order."""
import pathlib
import re
import subprocess
import unittest

from harness import PREFIX, PROXY

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
COMMAND = re.compile(r"^    \$ proxy replay (.*)$")


def shown():
    """(arguments, lines) of each command."""
    found, lines = [], []
    for line in (DOCS / "tour.md").read_text(encoding="utf-8").splitlines():
        if command := COMMAND.match(line):
            found.append((command[1].split(), lines := []))
        elif line.startswith("    $ "):  # another command
            lines = []
        elif line.startswith("    "):
            lines.append(line.strip())
    return found


class Tour(unittest.TestCase):
    def test_each_command_prints_what_is_shown(self):
        for arguments, lines in shown():
            with self.subTest(" ".join(arguments)):
                done = subprocess.run([*PREFIX, PROXY, "replay", *arguments], cwd=DOCS.parent, capture_output=True, text=True, check=True)
                printed = done.stdout.splitlines()
                at = 0
                for line in lines:
                    if line == "...":
                        continue
                    place = next((i for i, one in enumerate(printed[at:]) if line in one), None)
                    self.assertIsNotNone(place, f"{line!r} is not after line {at}")
                    at += place + 1

    def test_ten_steps_each_with_a_command(self):
        _, *steps = re.split(r"^## ", (DOCS / "tour.md").read_text(encoding="utf-8"), flags=re.M)
        self.assertEqual([step.partition(".")[0] for step in steps], [str(number) for number in range(1, 11)])
        for step in steps:
            self.assertIn("\n    $ ", step)

    def test_each_recording_is_shown_and_small(self):
        recordings = {path.name for path in (DOCS / "recordings").glob("*.pxr")}
        self.assertEqual(len(recordings), 7)
        self.assertEqual({pathlib.Path(arguments[-1]).name for arguments, _ in shown()}, recordings)
        for name in recordings:
            self.assertLess((DOCS / "recordings" / name).stat().st_size, 100 * 1024)


if __name__ == "__main__":
    unittest.main()
