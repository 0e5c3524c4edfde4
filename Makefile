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
ALLFLAGS  = -std=c++20 $(WARNINGS) $(CXXFLAGS) -fstack-protector-strong -D_GNU_SOURCE $(FEATURES)

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

SYSTEM  := src/sys/linux.cpp src/sys/files.cpp src/sys/beneath.cpp src/sys/process.cpp
# Everything but the program's own file, the system calls, and the sources of names, of hashes and of gzip, which tests
# replace or may lack.
EITHER  := src/net/dns_source.cpp $(foreach one,plan/crypt plan/nocrypt config/json config/nojson files/gzip files/nogzip,src/$(one).cpp)
CORE    := request_state.cpp http_parse.cpp src/sys/address.cpp src/sys/call_trace.cpp src/sys/lens.cpp $(JSON_READER) \
           $(filter-out $(EITHER),$(sort $(wildcard $(foreach module,base http net plan config files state watch record replay doctor server explain ask,src/$(module)/*.cpp))))
SOURCES := proxy.cpp $(SYSTEM) src/net/dns_source.cpp $(HASHES) $(GZIP) $(CORE)
OBJECTS := $(SOURCES:%.cpp=$(BUILD)/%.o)

.DEFAULT_GOAL := all
.PHONY: all
all: proxy

# ./proxy is the configuration that was built last; each configuration keeps its own in its directory.
.PHONY: proxy
proxy: $(BUILD)/proxy
	@cmp -s $< $@ || cp -f $< $@

$(BUILD)/proxy: $(OBJECTS)
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# A change of flags is a change of everything.
$(BUILD)/flags: FORCE | $(BUILD)/.
	@echo '$(CXX) $(ALLFLAGS) $(LDFLAGS) $(LDLIBS)' | cmp -s - $@ || echo '$(CXX) $(ALLFLAGS) $(LDFLAGS) $(LDLIBS)' > $@
.PHONY: FORCE
FORCE:

$(BUILD)/%.o: %.cpp $(BUILD)/flags
	@mkdir -p $(@D)
	$(CXX) $(ALLFLAGS) -MMD -MP -c -o $@ $<

.PRECIOUS: %/.
%/.:
	@mkdir -p $@

-include $(OBJECTS:.o=.d)

# ---- the lab's commands ---------------------------------------------------------------------------------------------

.PHONY: help
help:
	@echo 'make             build ./proxy'
	@echo 'make run         build it and run it on port 8080 (PORT=... for another)'
	@echo 'make quick       run the fastest checks, in under a minute'
	@echo 'make check       run the tests on the default build'
	@echo 'make check-all   run all tests: also sanitizers, valgrind, clang, lint, model, fuzz corpus'
	@echo 'make sim         run histories on a simulated kernel (SEEDS=100000 SEED=1)'
	@echo 'make agreement   compare the simulated kernel with Linux'
	@echo 'make mistake     list mistakes to watch; NAME=no-drain builds the proxy with this one (docs/mistakes)'
	@echo 'make fuzz        fuzz the parsers and the whole program (SECONDS=60)'
	@echo 'make bench       measure the CPU time of a request and of a GB, beside other proxies'
	@echo 'make handin      pack handin/USER-proxylab2-handin.tar and grade its content'
	@echo 'make setup       install what the build and the tests need (Debian)'
	@echo 'make hook        let git run make quick before each push'
	@echo 'make docs        write the generated parts of the documents'
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

# What the tests need is kept out of what is handed in.
-include tests/tests.mk

# ---- handing in -------------------------------------------------------------------------------------------------------

HANDIN_FILES := Makefile setup.sh README.md CHANGELOG.md LICENSE proxy.cpp request_state.hpp request_state.cpp http_parse.cpp \
                driver.py src docs
.PHONY: handin
handin:
	sh handin/pack.sh $(HANDIN_FILES)
