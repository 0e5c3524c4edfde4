# The simulated kernel (tests/sim/README.md).

SIM_SOURCES := $(filter-out %/agree.cpp,$(sort $(wildcard tests/sim/*.cpp)))
SIM_OBJECTS := $(SIM_SOURCES:%.cpp=$(BUILD)/%.o) $(CORE_OBJECTS) $(BUILD)/src/plan/nocrypt.o

$(BUILD)/sim: $(SIM_OBJECTS)
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -o $@ $^

-include $(SIM_SOURCES:%.cpp=$(BUILD)/%.d)

# SEED is the first seed; SEEDS, ROLES, GREEDY and VIEWERS are numbers of histories: of a proxy, of other listeners, with
# greedy clients, with viewers of the board.
# WORLDS: an enumerated history has at most this many answers that differ from the kindest.
SEEDS  ?= 100000
ROLES  ?= 30000
GREEDY ?= 20000
VIEWERS ?= 3000
SEED   ?= 1
WORLDS ?= 2
.PHONY: sim
sim: $(BUILD)/sim
	$< --regressions tests/sim/regressions/seeds --torture 1 --worlds $(WORLDS) --seed $(SEED) --seeds $(SEEDS) --roles $(ROLES) --greedy $(GREEDY) --viewers $(VIEWERS)

# Each classic mistake, planted, must be caught.
.PHONY: planted
planted:
	python3 tests/sim/planted.py
