# The targets that need more than a compiler: tests, checks of the code, and what they install.

.PHONY: setup
setup:
	sh tests/setup.sh

.PHONY: check
check:
	python3 tests/check.py $(SUITES)

# ---- unit tests -------------------------------------------------------------------------------------------------------

UNIT_SOURCES := $(sort $(wildcard tests/unit/*.cpp))
# On the simulated kernel: so nothing depends on this machine, and errors can be had for the asking.
UNIT_OBJECTS := $(UNIT_SOURCES:%.cpp=$(BUILD)/%.o) $(CORE:%.cpp=$(BUILD)/%.o) \
                $(HASHES:%.cpp=$(BUILD)/%.o) $(GZIP:%.cpp=$(BUILD)/%.o) \
                $(BUILD)/tests/sim/kernel.o $(BUILD)/tests/sim/files.o $(BUILD)/tests/sim/names.o

$(BUILD)/unit_tests: $(UNIT_OBJECTS)
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -o $@ $^ -lgtest -lgtest_main -pthread $(HASHES_LIBS) $(GZIP_LIBS)

.PHONY: unit
unit: $(BUILD)/unit_tests
	$<

-include $(UNIT_OBJECTS:.o=.d)

# ---- the code itself --------------------------------------------------------------------------------------------------

LINTED  := proxy.cpp request_state.cpp http_parse.cpp $(sort $(wildcard src/*/*.cpp))
HEADERS := request_state.hpp $(sort $(wildcard src/*/*.hpp))
LAID_OUT := $(LINTED) $(HEADERS) $(sort $(wildcard tests/unit/*.[ch]pp tests/unit/linux/*.[ch]pp tests/agreement/*.[ch]pp tests/fuzz/*.[ch]pp tests/wrong/*.[ch]pp))

.PHONY: format
format:
	clang-format -i $(LAID_OUT)

.PHONY: lint
lint:
	clang-format --dry-run --Werror $(LAID_OUT)
	cppcheck --quiet --std=c++20 --language=c++ --enable=warning,performance,portability --inline-suppr \
	  --suppress=missingIncludeSystem --error-exitcode=1 $(LINTED)
	printf '%s\n' $(LINTED) | \
	  xargs -P 2 -I FILE clang-tidy --quiet --warnings-as-errors='*' FILE -- -std=c++20 -D_GNU_SOURCE

# The parts of the documents that are made from the source.
.PHONY: docs
docs:
	python3 tests/documents.py --write

# ---- further suites, each with its own rules ----------------------------------------------------------------------------

-include tests/unit/linux/linux.mk tests/sim/sim.mk tests/agreement/agreement.mk tests/fuzz/fuzz.mk tests/model/model.mk tests/mutate/mutate.mk
