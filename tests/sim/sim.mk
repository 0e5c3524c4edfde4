# The simulated kernel (tests/sim/README.md).

SIM_SOURCES := $(filter-out %/agree.cpp,$(sort $(wildcard tests/sim/*.cpp)))
SIM_OBJECTS := $(SIM_SOURCES:%.cpp=$(BUILD)/%.o) $(CORE:%.cpp=$(BUILD)/%.o) $(BUILD)/src/plan/nocrypt.o

$(BUILD)/sim: $(SIM_OBJECTS)
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -o $@ $^

-include $(SIM_SOURCES:%.cpp=$(BUILD)/%.d)

# GREEDY: how many with greedy clients. SEED: the first; SEEDS: how many histories from there on; ROLES: how many with other listeners than a proxy's; WORLDS: how far the enumerated ones go astray.
SEEDS  ?= 100000
ROLES  ?= 30000
GREEDY ?= 20000
SEED   ?= 1
WORLDS ?= 2
.PHONY: sim
sim: $(BUILD)/sim
	$< --regressions tests/sim/regressions/seeds --torture 1 --worlds $(WORLDS) --seed $(SEED) --seeds $(SEEDS) --roles $(ROLES) --greedy $(GREEDY)

# Each classic mistake, planted, must be caught.
.PHONY: planted
planted:
	python3 tests/sim/planted.py
