# The Debian package. It is built from a copy of the sources, in build/deb, and needs the packages of `make setup`.

DEB_SOURCE = build/deb/fourstate
.PHONY: deb
deb:
	rm -rf build/deb
	mkdir -p $(DEB_SOURCE)
	tar -c --exclude-vcs --exclude=./build --exclude=./proxy --exclude=node_modules --exclude=__pycache__ . | tar -x -C $(DEB_SOURCE)
	cd $(DEB_SOURCE) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u CXXFLAGS -u CPPFLAGS -u LDFLAGS dpkg-buildpackage --build=binary --no-sign
	@ls build/deb/*.deb

# Builds it twice: reproducible, hardened, without findings of lintian. It takes some minutes.
.PHONY: deb-check
deb-check:
	python3 tests/package/test_package.py

# Installs, uses, upgrades and purges it in a fresh Debian root. Needs root, debootstrap and the network.
.PHONY: deb-try
deb-try: deb
	sh tests/package/fresh_root.sh build/deb/fourstate_*.deb
