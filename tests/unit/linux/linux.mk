# Unit tests on the real kernel: real sockets, real pipes, names by a fake source.

LINUX_SOURCES := $(sort $(wildcard tests/unit/linux/*.cpp))
LINUX_OBJECTS := $(LINUX_SOURCES:%.cpp=$(BUILD)/%.o) $(CORE_OBJECTS) $(SYSTEM:%.cpp=$(BUILD)/%.o) $(GZIP:%.cpp=$(BUILD)/%.o) \
                 $(HASHES:%.cpp=$(BUILD)/%.o)

$(BUILD)/linux_tests: $(LINUX_OBJECTS)
	$(CXX) $(CXXFLAGS) $(LDFLAGS) -o $@ $^ -lgtest -lgtest_main -pthread $(HASHES_LIBS) $(GZIP_LIBS)

.PHONY: unit-linux
unit-linux: $(BUILD)/linux_tests
	$<

-include $(LINUX_SOURCES:%.cpp=$(BUILD)/%.d)
