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
// The argument is the name of an existing file or pipe, and no port.
bool is_configuration(std::string_view argument);
// The option is followed by its value. Of an unknown one: if it is a long one.
bool takes_value(std::string_view argument);
// The name of the program: "fourstate" if that is the name of the file at `path`, as it is installed; else
// "proxy".
std::string program_name(std::string_view path);
// The text with `program` in place of "proxy" in each command that it shows, such as "proxy 8080".
std::string renamed(std::string text, std::string_view program);
std::string help_text();

}  // namespace config
