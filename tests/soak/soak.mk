# Everything at once, for MINUTES: all roles, churn, slow peers, reloads, takeovers, shortages. SEED repeats the choices of a run.
MINUTES ?= 30
.PHONY: soak
soak: proxy $(BUILD)/soak_clock.so
	python3 tests/soak/soak.py --proxy $(CURDIR)/proxy --clock $(BUILD)/soak_clock.so --minutes $(MINUTES) $(if $(filter command line,$(origin SEED)),--seed $(SEED))

$(BUILD)/soak_clock.so: tests/soak/clock.cpp $(BUILD)/flags
	$(CXX) $(ALLFLAGS) -shared -fPIC -o $@ $<
