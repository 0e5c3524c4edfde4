# make             builds ./proxy
# make help        lists the other targets

# All processors, unless -j says otherwise. These targets change what others read, so the goals beside them wait.
MAKEFLAGS += -j$(shell nproc)
ifneq ($(filter clean format setup,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

CXX      ?= g++
ifeq ($(origin CXX),default)
CXX      := g++
endif
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion
# -g1: functions and lines, as backtraces and valgrind show them. Variables cost a quarter of the build time: DEBUG=1 has them.
OPTIMIZE ?= $(if $(DEBUG),-O0 -g,-O2 -g1)
CXXFLAGS ?= $(OPTIMIZE)
ALLFLAGS  = -std=c++20 $(WARNINGS) $(CPPFLAGS) $(CXXFLAGS) -fstack-protector-strong -D_GNU_SOURCE $(FEATURES)

# BARE=1          needs only a compiler and make: without passwords, configuration files and gzip
# DEBUG=1         not optimized, for a debugger
# SAN=LIST        sanitizers, as SAN=address,undefined
# MEMCHECK=1      the memory pools report their state to valgrind, so that it sees errors inside them
CONFIG := $(notdir $(CXX))
ifdef DEBUG
CONFIG := $(CONFIG)-debug
endif
ifdef BARE
CONFIG := $(CONFIG)-bare
endif
ifdef SAN
comma    := ,
CONFIG   := $(CONFIG)-$(subst $(comma),-,$(SAN))
CXXFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS  += -fsanitize=$(SAN)
endif
ifdef MEMCHECK
CONFIG   := $(CONFIG)-memcheck
FEATURES += -DPROXY_MEMCHECK
endif
BUILD ?= build/$(CONFIG)

CRYPT := $(if $(BARE),,$(shell pkg-config --exists libcrypt 2>/dev/null && echo yes))
ifeq ($(CRYPT),yes)
HASHES      := src/plan/crypt.cpp
FEATURES    += $(shell pkg-config --cflags libcrypt)
HASHES_LIBS := $(shell pkg-config --libs libcrypt)
LDLIBS      += $(HASHES_LIBS)
else
HASHES   := src/plan/nocrypt.cpp
endif

JSON := $(if $(BARE),,$(shell pkg-config --exists nlohmann_json 2>/dev/null && echo yes))
ifeq ($(JSON),yes)
JSON_READER := src/config/json.cpp
FEATURES    += $(shell pkg-config --cflags nlohmann_json)
else
JSON_READER := src/config/nojson.cpp
endif

ZLIB := $(if $(BARE),,$(shell pkg-config --exists zlib 2>/dev/null && echo yes))
ifeq ($(ZLIB),yes)
GZIP      := src/files/gzip.cpp
FEATURES  += $(shell pkg-config --cflags zlib)
GZIP_LIBS := $(shell pkg-config --libs zlib)
LDLIBS    += $(GZIP_LIBS)
else
GZIP     := src/files/nogzip.cpp
endif

SYSTEM  := src/sys/linux.cpp src/sys/files.cpp src/sys/beneath.cpp src/sys/core_dump.cpp src/sys/handover.cpp src/sys/landlock.cpp src/sys/process.cpp \
           src/sys/sandbox.cpp src/sys/service.cpp src/sys/terminal.cpp src/sys/user.cpp
# Everything but the program's own file, the system calls, and the sources of names, of hashes and of gzip, which tests
# replace or may lack.
EITHER  := src/net/dns_source.cpp $(foreach one,plan/crypt plan/nocrypt config/json config/nojson files/gzip files/nogzip,src/$(one).cpp)
# Those that take longest to compile are first.
ROOMS   := config server net plan ask console state files replay doctor watch http explain record base
CORE_FILES := request_state.cpp http_parse.cpp src/sys/address.cpp src/sys/call_trace.cpp src/sys/lens.cpp $(JSON_READER)
files_of = $(filter-out $(EITHER),$(sort $(wildcard src/$(1)/*.cpp)))
CORE    := $(CORE_FILES) $(foreach room,$(ROOMS),$(call files_of,$(room)))
OUTER   := proxy.cpp $(SYSTEM) src/net/dns_source.cpp $(HASHES) $(GZIP)
SOURCES := $(OUTER) $(CORE)
# A room is one unit of compilation: its headers are read once, and the compiler sees its functions together.
CORE_OBJECTS := $(ROOMS:%=$(BUILD)/src/%.o) $(CORE_FILES:%.cpp=$(BUILD)/%.o)
OBJECTS := $(CORE_OBJECTS) $(OUTER:%.cpp=$(BUILD)/%.o)

.DEFAULT_GOAL := all
.PHONY: all
all: proxy

# ./proxy is the configuration that was built last; each configuration keeps its own in its directory.
.PHONY: proxy
proxy: $(BUILD)/proxy
	@cmp -s $< $@ || cp -f $< $@

# All functions of libraries are bound at the start: then their table is read-only, and the linker, which saves the vector
# registers when it binds one, leaves no copies of what was received on the stack, where a core file would have them.
$(BUILD)/proxy: $(OBJECTS)
	$(CXX) $(CXXFLAGS) -Wl,-z,relro,-z,now $(LDFLAGS) -o $@ $^ $(LDLIBS)

# A change of flags is a change of everything.
$(BUILD)/flags: FORCE | $(BUILD)/.
	@echo '$(CXX) $(ALLFLAGS) $(LDFLAGS) $(LDLIBS)' | cmp -s - $@ || echo '$(CXX) $(ALLFLAGS) $(LDFLAGS) $(LDLIBS)' > $@
.PHONY: FORCE
FORCE:

$(BUILD)/%.o: %.cpp $(BUILD)/flags
	@mkdir -p $(@D)
	$(CXX) $(ALLFLAGS) -MMD -MP -c -o $@ $<

# A copy of its own for each make: two of them may look at the same room at once.
$(ROOMS:%=$(BUILD)/src/%.cpp): $(BUILD)/src/%.cpp: FORCE
	@mkdir -p $(@D)
	@new=$@.$$$$; printf '#include "%s"\n' $(call files_of,$*) > $$new; cmp -s $$new $@ && rm $$new || mv $$new $@

# g++ takes a room for a large file, in which it inlines less: a request would take 7 % more instructions.
ROOMFLAGS := -iquote . $(if $(filter g++%,$(notdir $(CXX))),--param=large-unit-insns=1000000)
$(ROOMS:%=$(BUILD)/src/%.o): %.o: %.cpp $(BUILD)/flags
	$(CXX) $(ALLFLAGS) $(ROOMFLAGS) -MMD -MP -c -o $@ $<

# The pages of the board are a part of the program.
$(BUILD)/src/console.o: $(wildcard src/console/web/* src/console/web/vendor/*) src/console/web_files.inc

.PRECIOUS: %/.
%/.:
	@mkdir -p $@

-include $(OBJECTS:.o=.d)

# ---- the lab's commands ---------------------------------------------------------------------------------------------

.PHONY: help
help:
	@echo 'make             build ./proxy'
	@echo 'make run         build it and run it on port 8080 (PORT=... for another)'
	@echo 'make demo        run it with an origin and traffic, to be watched (MISTAKE=no-drain, SEED=1, PORT=8080)'
	@echo 'make quick       run the fastest checks, in under a minute'
	@echo 'make check       run the tests on the default build'
	@echo 'make check-all   run all tests: also sanitizers, valgrind, clang, lint, model, fuzz corpus'
	@echo 'make sim         run histories on a simulated kernel (SEEDS=100000 SEED=1)'
	@echo 'make agreement   compare the simulated kernel with Linux'
	@echo 'make mistake     list mistakes to watch; NAME=no-drain builds the proxy with this one (docs/mistakes)'
	@echo 'make fuzz        fuzz the parsers and the whole program (SECONDS=60, ENGINE=afl)'
	@echo 'make bench       measure the CPU time of a request and of a GB, beside other proxies'
	@echo 'make install     install it as fourstate (prefix=/usr/local, DESTDIR=); also uninstall, installcheck'
	@echo 'make deb         build a Debian package in build/deb'
	@echo 'make sbom        write the software bill of materials (SPDX)'
	@echo 'make cluster     HAProxy before four proxies, in network namespaces: failures under load'
	@echo 'make soak        everything at once, for MINUTES=30: all roles, reloads, takeovers, shortages (SEED=1 repeats a run)'
	@echo 'make faults      the proxy in a network that loses packets and is cut'
	@echo 'make handin      pack handin/USER-proxylab2-handin.tar and grade its content'
	@echo 'make setup       install what the build and the tests need (Debian)'
	@echo 'make hook        let git run make quick before each push'
	@echo 'make docs        write the generated parts of the documents'
	@echo 'make docs-site   write the documents as a site, build/site'
	@echo 'make format      format the code'
	@echo 'make lint        check the format, spelling, and run clang-tidy and cppcheck'
	@echo 'make clean       remove what was built'
	@echo 'Variables: BARE=1, DEBUG=1, SAN=address,undefined, MEMCHECK=1, CXX=clang++'

PORT ?= 8080
.PHONY: run
run: proxy
	./proxy $(PORT)

.PHONY: setup
setup:
	sh setup.sh

.PHONY: clean
clean:
	rm -rf build proxy compile_commands.json handin/*.tar handin/*.zip handin/autograde-Makefile

# What the tests, the installation and the package need is kept out of what is handed in.
-include install.mk debian/deb.mk sbom/sbom.mk tests/tests.mk

# ---- handing in -------------------------------------------------------------------------------------------------------

HANDIN_FILES := Makefile setup.sh README.md CHANGELOG.md LICENSE proxy.cpp request_state.hpp request_state.cpp http_parse.cpp \
                driver.py src docs
.PHONY: handin
handin:
	sh handin/pack.sh $(HANDIN_FILES)
