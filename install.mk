# Installs what `make` has built, with the directory variables of the GNU coding standards, as
#   make install prefix=/usr sysconfdir=/etc DESTDIR=/tmp/root
# ./proxy is installed as it is, under the name fourstate: with sudo nothing is compiled, unless ./proxy is missing.

prefix      = /usr/local
exec_prefix = $(prefix)
bindir      = $(exec_prefix)/bin
datarootdir = $(prefix)/share
datadir     = $(datarootdir)
mandir      = $(datarootdir)/man
man1dir     = $(mandir)/man1
man5dir     = $(mandir)/man5
sysconfdir  = $(prefix)/etc
# Where bash, zsh, fish and systemd look.
bashdir     = $(datadir)/bash-completion/completions
zshdir      = $(datadir)/zsh/site-functions
fishdir     = $(datadir)/fish/vendor_completions.d
unitdir     = $(prefix)/lib/systemd/system
sysusersdir = $(prefix)/lib/sysusers.d

INSTALL         = install
INSTALL_PROGRAM = $(INSTALL) -m 755
INSTALL_DATA    = $(INSTALL) -m 644

CONFDIR = $(sysconfdir)/fourstate
# FILE=PLACE, for each file that is installed as it is.
INSTALLED_DATA = docs/fourstate.1=$(man1dir)/fourstate.1 \
                 docs/fourstate.json.5=$(man5dir)/fourstate.json.5 \
                 completions/fourstate.bash=$(bashdir)/fourstate \
                 completions/_fourstate=$(zshdir)/_fourstate \
                 completions/fourstate.fish=$(fishdir)/fourstate.fish \
                 systemd/sysusers.conf=$(sysusersdir)/fourstate.conf
# FILE=PLACE:NAME for each unit: its configuration is NAME.json of CONFDIR.
INSTALLED_UNITS = systemd/fourstate.service.in=$(unitdir)/fourstate.service:fourstate \
                  systemd/fourstate.service.in=$(unitdir)/fourstate@.service:%i \
                  systemd/fourstate.socket.in=$(unitdir)/fourstate.socket:fourstate \
                  systemd/fourstate.socket.in=$(unitdir)/fourstate@.socket:%i
INSTALLED = $(bindir)/fourstate $(foreach file,$(INSTALLED_DATA) $(INSTALLED_UNITS),$(firstword $(subst :, ,$(lastword $(subst =, ,$(file))))))

# A configuration file that is there already is kept.
.PHONY: install
install: $(if $(wildcard proxy),,proxy)
	$(INSTALL_PROGRAM) -D proxy '$(DESTDIR)$(bindir)/fourstate'
	@set -e; for file in $(INSTALLED_DATA); do \
	  echo "$(INSTALL_DATA) -D $${file%%=*} $(DESTDIR)$${file#*=}"; $(INSTALL_DATA) -D "$${file%%=*}" "$(DESTDIR)$${file#*=}"; \
	done
	@sed -i 's|/etc/fourstate|$(CONFDIR)|' '$(DESTDIR)$(man1dir)/fourstate.1' '$(DESTDIR)$(man5dir)/fourstate.json.5'
	@set -e; for unit in $(INSTALLED_UNITS); do \
	  place="$${unit#*=}"; name="$${place##*:}"; place="$(DESTDIR)$${place%:*}"; \
	  echo "$(INSTALL_DATA) -D $${unit%%=*} $$place"; $(INSTALL_DATA) -D "$${unit%%=*}" "$$place"; \
	  sed -i "s|@bindir@|$(bindir)|; s|@confdir@|$(CONFDIR)|; s|@name@|$$name|" "$$place"; \
	done
	@test -e '$(DESTDIR)$(CONFDIR)/fourstate.json' || { echo "$(INSTALL_DATA) -D systemd/fourstate.json $(DESTDIR)$(CONFDIR)"; \
	  $(INSTALL_DATA) -D systemd/fourstate.json '$(DESTDIR)$(CONFDIR)/fourstate.json'; }

.PHONY: install-strip
install-strip:
	$(MAKE) INSTALL_PROGRAM='$(INSTALL_PROGRAM) -s' install

# A configuration file that was changed is kept.
.PHONY: uninstall
uninstall:
	rm -f $(INSTALLED:%='$(DESTDIR)%')
	@if cmp -s systemd/fourstate.json '$(DESTDIR)$(CONFDIR)/fourstate.json'; then rm '$(DESTDIR)$(CONFDIR)/fourstate.json'; fi
	@test ! -d '$(DESTDIR)$(CONFDIR)' || rmdir '$(DESTDIR)$(CONFDIR)' 2>/dev/null || echo 'uninstall: kept the files of $(DESTDIR)$(CONFDIR)'

# Each file is there, and the program starts and accepts the installed configuration.
.PHONY: installcheck
installcheck:
	@set -e; for file in $(INSTALLED); do test -s "$(DESTDIR)$$file" || { echo "installcheck: missing file $(DESTDIR)$$file: run make install" >&2; exit 1; }; done
	@'$(DESTDIR)$(bindir)/fourstate' --version
	@'$(DESTDIR)$(bindir)/fourstate' --check '$(DESTDIR)$(CONFDIR)/fourstate.json'
