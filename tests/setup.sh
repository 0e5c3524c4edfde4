#!/bin/sh
# Installs what the build and the tests need, on Debian. Does nothing where all is there.
set -eu

packages="g++ make pkg-config libc-ares-dev libcrypt-dev nlohmann-json3-dev zlib1g-dev libgtest-dev valgrind python3 curl util-linux
          clang clang-format clang-tidy cppcheck libclang-rt-14-dev chromium mandoc libhttp-parser-dev spin gcovr"

missing=""
for package in $packages; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing="$missing $package"
done
if [ -z "$missing" ]; then
  echo "setup: all packages are installed"
  exit 0
fi

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup: run as root, or install sudo; missing:$missing" >&2; exit 1; }
  as_root=sudo
fi
echo "setup: installing$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q
# shellcheck disable=SC2086 # a list of words
$as_root apt-get install -q -y --no-install-recommends $missing
