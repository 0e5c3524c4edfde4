#!/bin/sh
# Packs the grader for a platform: `pack.sh gradescope|autolab ARGUMENTS`. Called by make.
set -eu

platform=$1
here=handin/grade
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT HUP INT TERM

# The arguments of driver.py, such as `-b 20 -c 75 -m 2 epoll`.
fill() { sed "s,@ARGUMENTS@,$2," "$1"; }

case $platform in
gradescope)
  # A zip with setup.sh and run_autograder at its root.
  fill $here/run_autograder "$2" > "$work/run_autograder"
  cp driver.py $here/setup.sh "$work/"
  chmod 755 "$work/run_autograder" "$work/setup.sh" "$work/driver.py"
  rm -f handin/gradescope.zip
  python3 - "$work" handin/gradescope.zip <<'PYTHON'
import pathlib, sys, zipfile
with zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_DEFLATED) as archive:
    for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
        archive.write(path, path.name)
PYTHON
  echo "gradescope: handin/gradescope.zip is ready to be uploaded as the autograder" ;;
autolab)
  # A tar with what autograde-Makefile needs beside the submission.
  mkdir "$work/autograde"
  cp driver.py "$work/autograde/"
  chmod 755 "$work/autograde/driver.py"
  tar --sort=name --owner=0 --group=0 -C "$work" -cf handin/autograde.tar autograde
  fill $here/autograde-Makefile "$2" > handin/autograde-Makefile
  echo "autolab: handin/autograde.tar and handin/autograde-Makefile are ready to be uploaded" ;;
*)
  echo "usage: pack.sh gradescope|autolab ARGUMENTS" >&2
  exit 2 ;;
esac
