# The simulated kernel against Linux: the same scripts on both (scenarios.cpp), and what they show must be the same.

AGREEMENT := $(addprefix $(BUILD)/tests/agreement/,main.o script.o scenarios.o)

$(BUILD)/agreement_linux: $(AGREEMENT) $(BUILD)/tests/agreement/real.o $(BUILD)/src/sys/linux.o $(BUILD)/src/sys/files.o $(BUILD)/src/sys/call_trace.o $(BUILD)/src/sys/lens.o $(BUILD)/src/sys/address.o $(BUILD)/src/base/text.o
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/agreement_sim: $(AGREEMENT) $(BUILD)/tests/agreement/simulated.o $(BUILD)/tests/sim/kernel.o $(BUILD)/tests/sim/files.o $(BUILD)/src/sys/call_trace.o $(BUILD)/src/sys/lens.o $(BUILD)/src/sys/address.o $(BUILD)/src/base/text.o
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -o $@ $^

-include $(AGREEMENT:.o=.d) $(BUILD)/tests/agreement/real.d $(BUILD)/tests/agreement/simulated.d $(BUILD)/tests/sim/kernel.d

.PHONY: agreement
agreement: $(BUILD)/agreement_linux $(BUILD)/agreement_sim
	python3 tests/agreement/run.py $^
