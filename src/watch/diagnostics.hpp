// Messages on standard error: warnings and errors of the configuration.
#pragma once
#include <string_view>

namespace watch {

// Writes each line of `message` to standard error, after "proxy: ".
void print_diagnostics(std::string_view message);

}  // namespace watch
