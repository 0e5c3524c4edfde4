#!/bin/sh
# Packs what is handed in, and proves it: unpacks it in an empty folder, builds it there with compiler and make alone,
# and lets the driver grade it. Called by `make handin`, with the names of what to pack.
set -eu

user=${USER:-$(id -un)}
name=proxylab2-handin
tar=handin/$user-$name.tar
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

mkdir "$work/pack"
cp -R "$@" "$work/pack/"
mkdir "$work/pack/handin"
cp handin/README.md handin/pack.sh "$work/pack/handin/"
find "$work/pack" -name __pycache__ -prune -exec rm -rf {} +
tar --sort=name --owner=0 --group=0 -C "$work" --transform "s,^pack,$name," -cf "$work/handin.tar" pack
mv "$work/handin.tar" "$tar"

mkdir "$work/unpacked"
tar -C "$work/unpacked" -xf "$tar"
cd_to="$work/unpacked/$name"
# As by itself, not as a part of the make that called this.
unset MAKEFLAGS MFLAGS MAKELEVEL
if ! make -C "$cd_to" BARE=1 > "$work/build.log" 2>&1 || grep -q 'warning:' "$work/build.log"; then
  cat "$work/build.log" >&2
  echo "handin: what is in $tar does not build without a warning" >&2
  exit 1
fi
echo "handin: $tar builds with compiler and make alone; now it is graded"
if ! (cd "$cd_to" && ./driver.py -b 20 -c 75 -m 2 epoll); then
  echo "handin: $tar is packed, but does not get full points" >&2
  exit 1
fi
echo "handin: $tar ($(wc -c < "$tar") bytes) is ready to be handed in"
