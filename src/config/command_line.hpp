// Reads and checks the command line, and the configuration file that it names.
#pragma once
#include <span>

#include "../plan/config.hpp"
#include "text_file.hpp"

namespace config {

struct CommandLine {
  enum class What : std::uint8_t { run, checked, help, version, wrong };
  What what = What::run;
  plan::Config config;
  std::string message;  // wrong: the error, for a file possibly several lines; checked: one line
  std::vector<std::string> warnings;  // settings that have no effect
};

// `arguments` without the program's name.
CommandLine parse_command_line(std::span<const char* const> arguments, When when = When::start);
// The name of the program: "fourstate" if that is the name of the file at `path`, as it is installed; else
// "proxy".
std::string program_name(std::string_view path);
// `program`: its name in the commands that the help shows.
std::string help_text(const std::string& program = "proxy");

}  // namespace config
