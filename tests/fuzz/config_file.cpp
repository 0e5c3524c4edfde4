// Fuzz target: configuration files, on the simulated file system: nothing of this machine is opened.
#include <algorithm>

#include "../../src/config/file.hpp"
#include "../sim/kernel.hpp"
#include "properties.hpp"

namespace {

using namespace properties;

constexpr string_view kName = "c.json";

// One line of printable text that says where: a hostile file cannot write to a terminal through it.
void check_message(const string& message) {
  require(message.starts_with(string{kName} + ":"), "a message does not say where");
  const std::size_t number = kName.size() + 1;
  if (message.substr(number).starts_with(" and ")) return;  // the last line: how many more there are
  require(message.size() > number && message[number] >= '1' && message[number] <= '9',
          "a message has no line");
  require(std::none_of(message.begin(), message.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }),
          "a message has a control character");
}

config::Findings read(string_view text, plan::Config& config) {
  sim::files = {{"public/", ""}, {"logs/", ""}, {"plain", "a file"}, {"users", "user:secret\n"}};
  return config::read_config(kName, text, config);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const string_view text{reinterpret_cast<const char*>(data), size};
  Revealed input{text};
  plan::Config config, again;
  const config::Findings found = read(input.show(size), config);
  require(found.errors.size() <= config::kFindingsMax + 1, "more errors than are to be reported");
  for (const string& message : found.errors) check_message(message);
  for (const string& message : found.warnings) check_message(message);
  require(read(input.show(size), again).errors == found.errors, "a file read twice has other errors");
  if (!found.errors.empty()) return 0;
  // A valid file stays valid, and means the same, with blanks around it.
  plan::Config padded;
  require(read("  \n" + string{text} + "\r\n\t ", padded).errors.empty(),
          "blanks around a file make it invalid");
  require(padded.listeners.size() == config.listeners.size() && padded.sites.size() == config.sites.size(),
          "blanks around a file change it");
  return 0;
}
