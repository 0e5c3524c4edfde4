// What the user asked for, read from the command line and the file that it names, and checked.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../plan/config.hpp"

namespace config {

struct CommandLine {
  enum class What : std::uint8_t { run, checked, help, version, wrong };
  What what = What::run;
  plan::Config config;
  std::string message;  // wrong: one line that says what to do, or several about a file; checked: one line
  std::vector<std::string> warnings;  // about a file: what has no effect
};

// `arguments` without the program's name.
CommandLine parse_command_line(std::span<const char* const> arguments);
std::string help_text();

}  // namespace config
