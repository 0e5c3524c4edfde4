# The targets that need more than a compiler: tests and checks of the code.

# SUITES: names of suites, to run only these.
.PHONY: quick check check-all
quick check check-all:
	python3 tests/check.py $@ $(SUITES)

.PHONY: hook
hook:
	git config core.hooksPath tests/hooks

.PHONY: docs
docs:
	python3 tests/documents.py --write

# The documents as a site, in build/site.
.PHONY: docs-site
docs-site:
	mkdocs build --quiet --strict

# What clangd and other tools read.
COMPILED := $(SOURCES) $(sort $(wildcard tests/*/*.cpp tests/*/*/*.cpp))
compile_commands.json: FORCE
	@{ echo '['; for file in $(COMPILED); do \
	  printf '{"directory": "%s", "file": "%s", "command": "%s -c %s"},\n' '$(CURDIR)' $$file '$(CXX) $(strip $(ALLFLAGS))' $$file; done | sed '$$s/,$$//'; \
	  echo ']'; } > $@

# ---- unit tests -------------------------------------------------------------------------------------------------------

UNIT_SOURCES := $(sort $(wildcard tests/unit/*.cpp))
# They run on the simulated kernel: nothing depends on this machine, and a test can cause each error.
UNIT_OBJECTS := $(UNIT_SOURCES:%.cpp=$(BUILD)/%.o) $(CORE_OBJECTS) \
                $(HASHES:%.cpp=$(BUILD)/%.o) $(GZIP:%.cpp=$(BUILD)/%.o) \
                $(BUILD)/tests/sim/kernel.o $(BUILD)/tests/sim/files.o $(BUILD)/tests/sim/names.o

$(BUILD)/unit_tests: $(UNIT_OBJECTS)
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -o $@ $^ -lgtest -lgtest_main -pthread $(HASHES_LIBS) $(GZIP_LIBS)

# They are compiled often and run in a second. Half of that time is GoogleTest's header, which g++ compiles once.
# `private`: $(BUILD)/flags, on which they depend, does not get it.
$(BUILD)/tests/unit/%.o: private CXXFLAGS += -O0
ifneq ($(filter g++%,$(notdir $(CXX))),)
GTEST := $(BUILD)/tests/unit/gtest.hpp
$(BUILD)/tests/unit/%.o: private ALLFLAGS += -include $(GTEST)
$(patsubst %.cpp,$(BUILD)/%.o,$(wildcard tests/unit/*.cpp tests/unit/linux/*.cpp)): $(GTEST).gch
$(GTEST).gch: private CXXFLAGS += -O0
$(GTEST).gch: $(BUILD)/flags
	@mkdir -p $(@D)
	@echo '#include <gtest/gtest.h>' > $(GTEST)
	$(CXX) $(ALLFLAGS) -x c++-header -o $@ $(GTEST)
endif

.PHONY: unit
unit: $(BUILD)/unit_tests
	$<

-include $(UNIT_OBJECTS:.o=.d)

# ---- the code itself --------------------------------------------------------------------------------------------------

FORMATTED := $(sort $(wildcard *.[ch]pp src/*/*.[ch]pp tests/unit/*.[ch]pp tests/unit/linux/*.[ch]pp tests/agreement/*.[ch]pp \
             tests/fuzz/*.[ch]pp tests/soak/*.[ch]pp tests/wrong/*.[ch]pp bench/*.[ch]pp))

FORMAT ?= -i
.PHONY: format
format:
	clang-format $(FORMAT) $(FORMATTED)

.PHONY: lint
lint:
	python3 tests/check.py check-all format words cppcheck clang-tidy

# Each source compiles by itself, and without a warning, although its room is one unit of compilation.
.PHONY: each-source $(SOURCES:%=each-source/%)
each-source: $(SOURCES:%=each-source/%)
$(SOURCES:%=each-source/%): each-source/%:
	@$(CXX) $(ALLFLAGS) -fsyntax-only $*

# ---- further suites, each with its own rules ----------------------------------------------------------------------------

-include tests/unit/linux/linux.mk tests/sim/sim.mk tests/mistakes/mistakes.mk tests/agreement/agreement.mk tests/fuzz/fuzz.mk tests/model/model.mk tests/mutate/mutate.mk tests/cluster/cluster.mk tests/soak/soak.mk tests/faults/faults.mk
-include demo/demo.mk tests/console/console.mk bench/bench.mk handin/grade/grade.mk
