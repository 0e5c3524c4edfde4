#!/bin/sh
# Installs Debian packages, as root or by sudo. Installs nothing if all are there.
#   sh setup.sh build    what `make` needs
#   sh setup.sh          what the tests need, too
#   sh setup.sh bench    what `make bench` needs: the other proxies, strace, valgrind and matplotlib
set -eu

packages="g++ make pkg-config libcrypt-dev nlohmann-json3-dev zlib1g-dev"
tests="libgtest-dev valgrind python3 curl util-linux clang clang-format clang-tidy cppcheck libclang-rt-14-dev chromium mandoc
       libhttp-parser-dev spin gcovr codespell pylint mypy tinyproxy strace
       openssl git wget socat apache2-utils golang-go python3-requests python3-pip nginx lighttpd nghttp2-proxy firefox-esr python3-jsonschema
       node-har-schema mkdocs pngquant haproxy keepalived prometheus python3-prometheus-client python3-yaml
       zsh fish shellcheck systemd reuse yamllint debhelper dpkg-dev fakeroot lintian blhc"
bench="nginx libnginx-mod-stream haproxy tinyproxy squid h2o lighttpd strace valgrind util-linux python3 python3-matplotlib"
# Tests and measurements start these by themselves: a new one is neither started here nor at boot.
services="tinyproxy nginx lighttpd nghttpx haproxy squid h2o keepalived prometheus"
case "${1:-tests}" in
  build) ;;
  tests)
    packages="$packages $tests"
    # The package nodejs of others than Debian contains npm, and conflicts with Debian's npm.
    command -v npm >/dev/null || packages="$packages nodejs npm" ;;
  bench) packages="$packages $bench" ;;
  *) echo "usage: setup.sh [build|tests|bench]" >&2; exit 2 ;;
esac

# What the tests of the board's page need from npm. Without it they are skipped, and say so.
install_node_modules() {
  [ "${1:-tests}" = tests ] && [ -f tests/console/package.json ] && [ ! -d tests/console/node_modules ] || return 0
  (cd tests/console && npm ci --no-audit --no-fund --loglevel=error) ||
    echo "setup: npm ci in tests/console has failed: the tests of the board's page will be skipped" >&2
}

missing=""
for package in $packages; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing="$missing $package"
done
if [ -z "$missing" ]; then
  echo "setup: all packages are installed"
  install_node_modules "$@"
  exit 0
fi

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup: run this as root, or install sudo; missing packages:$missing" >&2; exit 1; }
  as_root=sudo
fi
echo "setup: installing$missing"
$as_root apt-get update -q
new_services=""
for service in $services; do
  [ -e "/usr/bin/$service" ] || [ -e "/usr/sbin/$service" ] || new_services="$new_services $service"
done
policy=/usr/sbin/policy-rc.d # what invoke-rc.d(8) asks whether a package may start its service
if [ ! -e "$policy" ]; then
  trap '$as_root rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
  $as_root chmod 755 "$policy"
fi
# shellcheck disable=SC2086 # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
if command -v systemctl >/dev/null; then
  for service in $new_services; do
    $as_root systemctl disable -q "$service" 2>/dev/null || true # its package may not be one of these
  done
fi
install_node_modules "$@"
