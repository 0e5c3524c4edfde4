# Fuzzing (tests/fuzz/README.md). Always with clang and its sanitizers, whatever CXX is.

# libfuzzer, or afl: AFL++, which changes inputs in other ways.
ENGINE       ?= libfuzzer
FUZZ_CXX     ?= $(if $(filter afl,$(ENGINE)),afl-clang-fast++,clang++)
FUZZ_TARGETS := request_head response_head chunks uri dns proxy_header handshake config_file record_file whole
FUZZ_BUILD   := build/fuzz$(if $(filter afl,$(ENGINE)),-afl)
FUZZ_CORE    := http_parse.cpp $(wildcard src/base/*.cpp src/http/*.cpp) src/net/dns_message.cpp \
                src/net/proxy_protocol.cpp src/net/proxy_handshake.cpp src/sys/address.cpp
FUZZ_SAN     := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_FLAGS   := -std=c++20 $(WARNINGS) -O2 -g -D_GNU_SOURCE $(FUZZ_SAN) -fsanitize=fuzzer-no-link
FUZZ_BINS    := $(FUZZ_TARGETS:%=$(FUZZ_BUILD)/%)

$(FUZZ_BUILD)/%.o: %.cpp tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(FUZZ_CXX) $(FUZZ_FLAGS) -MMD -MP -c -o $@ $<

$(ROOMS:%=$(FUZZ_BUILD)/src/%.o): $(FUZZ_BUILD)/%.o: $(BUILD)/%.cpp tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(FUZZ_CXX) $(FUZZ_FLAGS) -iquote . -MMD -MP -c -o $@ $<

# The whole program, and the reader of its configuration, on the simulated kernel.
FUZZ_ROOMS := $(patsubst $(BUILD)/%,$(FUZZ_BUILD)/%,$(CORE_OBJECTS))
FUZZ_SIM := $(FUZZ_ROOMS) $(patsubst %.cpp,$(FUZZ_BUILD)/%.o,$(filter-out tests/sim/main.cpp,$(wildcard tests/sim/*.cpp)) src/plan/nocrypt.cpp)
$(FUZZ_BUILD)/whole $(FUZZ_BUILD)/config_file: $(FUZZ_BUILD)/%: $(FUZZ_BUILD)/tests/fuzz/%.o $(FUZZ_SIM)
	$(FUZZ_CXX) $(FUZZ_SAN) -fsanitize=fuzzer -o $@ $^

# The reader of record files, and what prints them.
FUZZ_RECORD := $(FUZZ_ROOMS) $(patsubst %.cpp,$(FUZZ_BUILD)/%.o,$(SYSTEM) src/net/dns_source.cpp src/plan/nocrypt.cpp src/files/nogzip.cpp)
$(FUZZ_BUILD)/record_file: $(FUZZ_BUILD)/tests/fuzz/record_file.o $(FUZZ_RECORD)
	$(FUZZ_CXX) $(FUZZ_SAN) -fsanitize=fuzzer -o $@ $^

$(filter-out %/whole %/config_file %/record_file,$(FUZZ_BINS)): $(FUZZ_BUILD)/%: $(FUZZ_BUILD)/tests/fuzz/%.o $(FUZZ_CORE:%.cpp=$(FUZZ_BUILD)/%.o)
	$(FUZZ_CXX) $(FUZZ_SAN) -fsanitize=fuzzer -o $@ $^

# SECONDS in all: each target has its share. What is found is kept in $(FUZZ_BUILD)/findings.
SECONDS ?= 60
.PHONY: fuzz
fuzz: $(FUZZ_BINS)
	python3 tests/fuzz/run.py $(if $(filter afl,$(ENGINE)),afl,fuzz) $(FUZZ_BUILD) $(SECONDS) $(FUZZ_TARGETS)

.PHONY: fuzz-build
fuzz-build: $(FUZZ_BINS)

# The inputs in the tree, once each.
.PHONY: fuzz-replay
fuzz-replay: $(FUZZ_BINS)
	python3 tests/fuzz/run.py replay $(FUZZ_BUILD) $(FUZZ_TARGETS)

# The same heads through another parser; its own exceptions are explained in differential.cpp.
$(BUILD)/differential: $(BUILD)/tests/fuzz/differential.o $(FUZZ_CORE:%.cpp=$(BUILD)/%.o)
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -o $@ $^ -lhttp_parser

.PHONY: differential
differential: $(BUILD)/differential
	$< tests/fuzz/corpus

-include $(FUZZ_TARGETS:%=$(FUZZ_BUILD)/tests/fuzz/%.d) $(patsubst %.o,%.d,$(FUZZ_SIM) $(FUZZ_RECORD) $(FUZZ_CORE:%.cpp=$(FUZZ_BUILD)/%.o))
-include $(BUILD)/tests/fuzz/differential.d

# Each mistake, planted, must be found.
.PHONY: fuzz-planted
fuzz-planted: $(FUZZ_BINS)
	python3 tests/fuzz/planted.py
