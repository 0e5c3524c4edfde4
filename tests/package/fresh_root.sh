#!/bin/sh
# Installs the package in a fresh Debian root, uses it as docs/install.md says, upgrades and purges it, and checks that
# nothing is left. Needs root, debootstrap and the network. Called by `make deb-try`.
#   sh tests/package/fresh_root.sh PACKAGE.deb [SUITE [MIRROR]]
set -eu

deb=$1
suite=${2:-bookworm}
mirror=${3:-http://deb.debian.org/debian}
work=$(mktemp -d /var/tmp/fresh-root.XXXXXX)
mount -t tmpfs -o size=1g,mode=755 fresh-root "$work" # dpkg syncs each file: in memory that costs nothing
root=$work/root
passed=0

clean_up() {
  for mounted in proc dev; do
    mountpoint -q "$root/$mounted" && umount "$root/$mounted"
  done
  umount "$work"
  rmdir "$work"
}
trap clean_up EXIT INT TERM

step() { echo "fresh root: $*"; }
check() {
  what=$1
  shift
  if ! "$@"; then
    echo "fresh root: FAILED: $what" >&2
    exit 1
  fi
  passed=$((passed + 1))
}
within() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"; }
# All files but those of apt and dpkg themselves, and users and groups.
state() {
  (cd "$root" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./tmp -o -path ./var/cache -o -path ./var/log \
    -o -path ./var/lib/apt -o -path ./var/lib/dpkg -o -path ./root \) -prune -o ! -name '*.deb' ! -name '*-' ! -name 'ld.so.cache' -print | sort
  cat etc/passwd etc/group
  find var/log -name '*fourstate*')
}
# `$1`: shell commands that run in the root, in a network of their own.
alone() { unshare --net sh -c "ip link set lo up && exec chroot '$root' env -i PATH=/usr/bin:/bin LC_ALL=C sh -euc '$1'"; }

# With systemd: what its own package leaves behind is not ours.
step "debootstrap $suite"
debootstrap --variant=minbase --include=curl,ca-certificates,systemd "$suite" "$root" "$mirror" >"$work/log" 2>&1 || { tail -5 "$work/log" >&2; exit 1; }
mount -t proc proc "$root/proc"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
within apt-get update -q >>"$work/log" 2>&1
state >"$work/before"
cp "$deb" "$root/fourstate.deb"

step "install"
within apt-get install -q -y --no-install-recommends /fourstate.deb >>"$work/log" 2>&1 || { tail -20 "$work/log" >&2; exit 1; }
check "the user exists" grep -q '^fourstate:' "$root/etc/passwd"
check "the service is not enabled" test ! -e "$root/etc/systemd/system/multi-user.target.wants/fourstate.service"
check "the configuration is valid" within fourstate --check /etc/fourstate/fourstate.json

step "use"
# shellcheck disable=SC2016 # for the other shell
check "it serves by the command of the man page" alone '
  mkdir -p /tmp/site && echo served >/tmp/site/page && chmod -R o+rX /tmp/site
  fourstate 8080 --files 8001=/tmp/site >/tmp/out 2>&1 & proxy=$!
  test "$(curl -sS --retry 20 --retry-connrefused --retry-delay 1 -x http://127.0.0.1:8080 http://127.0.0.1:8001/page)" = served
  fourstate doctor 8080 >/dev/null
  kill $proxy; wait $proxy'
# shellcheck disable=SC2016
check "it serves with the configuration of the package" alone '
  fourstate /etc/fourstate/fourstate.json --files 8001=/tmp/site >/tmp/out 2>&1 & proxy=$!
  test "$(curl -sS --retry 20 --retry-connrefused --retry-delay 1 -x http://127.0.0.1:8080 http://127.0.0.1:8001/page)" = served
  kill $proxy; wait $proxy; rm -r /tmp/site /tmp/out'

step "upgrade"
dpkg-deb --raw-extract "$deb" "$work/next"
sed -i 's/^Version: .*/&+next/' "$work/next/DEBIAN/control"
dpkg-deb --root-owner-group --build "$work/next" "$root/next.deb" >>"$work/log"
echo '{"forward": [{"host": "localhost", "port": 3128}]}' >"$root/etc/fourstate/fourstate.json"
within apt-get install -q -y /next.deb >>"$work/log" 2>&1 || { tail -20 "$work/log" >&2; exit 1; }
# shellcheck disable=SC2016
check "the new version is installed" within sh -c 'dpkg-query -W -f="\${Version}" fourstate | grep -q next'
check "a changed configuration is kept" grep -q 3128 "$root/etc/fourstate/fourstate.json"

step "remove and purge"
mkdir -p "$root/var/log/fourstate" && echo line >"$root/var/log/fourstate/access.log"
within apt-get remove -q -y fourstate >>"$work/log" 2>&1
check "remove keeps the configuration" test -e "$root/etc/fourstate/fourstate.json"
check "remove keeps the logs" test -e "$root/var/log/fourstate/access.log"
within apt-get purge -q -y --autoremove fourstate >>"$work/log" 2>&1
state >"$work/after"
check "nothing is left" diff -u "$work/before" "$work/after"
echo "$passed passed, 0 failed"
