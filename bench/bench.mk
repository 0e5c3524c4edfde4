# `make bench`: CPU time beside other proxies (docs/performance.md).

BENCH_PROGRAMS := origin load hold relay
BENCH_BINARIES := $(BENCH_PROGRAMS:%=$(BUILD)/bench/%)

$(BENCH_BINARIES): $(BUILD)/bench/%: $(BUILD)/bench/%.o $(BUILD)/src/sys/linux.o $(BUILD)/src/sys/files.o $(BUILD)/src/sys/call_trace.o $(BUILD)/src/sys/lens.o $(BUILD)/src/sys/address.o $(BUILD)/src/base/text.o
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -o $@ $^

-include $(BENCH_PROGRAMS:%=$(BUILD)/bench/%.d)

.PHONY: bench-programs
bench-programs: $(BUILD)/proxy $(BENCH_BINARIES)

# ARGUMENTS: those of bench/bench.py, as ARGUMENTS='--only relay-down --against haproxy'
.PHONY: bench bench-check bench-setup
bench: bench-programs
	python3 bench/bench.py --build $(BUILD) $(ARGUMENTS)

bench-check: bench-programs
	python3 bench/check.py --build $(BUILD) $(ARGUMENTS)

bench-setup:
	sh setup.sh bench

.PHONY: lint-bench
lint-bench:  # matplotlib, which only the plots need, may be absent
	pylint --ignored-modules=matplotlib,matplotlib.pyplot --max-line-length=140 --score=n --disable=missing-function-docstring,too-many-instance-attributes bench/*.py
	mypy --strict --python-version 3.9 bench/*.py
