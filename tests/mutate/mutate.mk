# How good the tests are: what they run through, and what they notice.

# Branches of what decides, run through by the unit tests and by simulated histories.
COVERED := request_state.cpp $(sort $(wildcard src/state/*.cpp)) http_parse.cpp $(sort $(wildcard src/http/*.cpp)) src/net/lane.cpp src/net/upstream_pool.cpp src/net/acceptor.cpp \
           src/net/resolver.cpp
.PHONY: coverage
coverage:
	$(MAKE) -s BUILD=build/coverage CXX=g++ CXXFLAGS='-O0 -g --coverage' LDFLAGS=--coverage \
	  build/coverage/unit_tests build/coverage/linux_tests build/coverage/sim
	find build/coverage -name '*.gcda' -delete
	build/coverage/unit_tests --gtest_brief=1
	build/coverage/linux_tests --gtest_brief=1
	build/coverage/sim --torture 1 --worlds 1 --seeds 20000
	gcovr --root . --object-directory build/coverage $(COVERED:%=--filter '%$$') --branches --exclude-throw-branches \
	  --exclude-unreachable-branches --exclude-lines-by-pattern '.*assert\(.*' --print-summary build/coverage

# Small wrong edits, MUTANTS of them, drawn from SEED: how many the tests notice.
MUTANTS ?= 80
.PHONY: mutants
mutants:
	python3 tests/mutate/mutate.py $(MUTANTS) $(SEED)
