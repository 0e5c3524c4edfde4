# The simulated kernel (tests/sim/README.md).

SIM_SOURCES := $(filter-out %/agree.cpp,$(sort $(wildcard tests/sim/*.cpp)))
SIM_OBJECTS := $(SIM_SOURCES:%.cpp=$(BUILD)/%.o) $(CORE:%.cpp=$(BUILD)/%.o)

$(BUILD)/sim: $(SIM_OBJECTS)
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -o $@ $^

-include $(SIM_SOURCES:%.cpp=$(BUILD)/%.d)

# SEED: the first; SEEDS: how many histories from there on.
SEEDS ?= 100000
SEED  ?= 1
.PHONY: sim
sim: $(BUILD)/sim
	$< --seed $(SEED) --seeds $(SEEDS)
