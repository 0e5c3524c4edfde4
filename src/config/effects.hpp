// Settings that have no effect: each is reported.
#pragma once
#include <span>

#include "file.hpp"

namespace config {

// One line for each option of `given` that has no effect in this configuration, and what it lacks.
std::vector<std::string> effect_warnings(const plan::Config& config, std::span<const GivenOption> given);

}  // namespace config
