// Reads --lens: which faults are injected into system calls.
#pragma once
#include <string>
#include <string_view>

#include "../sys/lens_settings.hpp"

namespace config {

// A comma-separated list of settings ("read=3", "shuffle") and presets ("crumbs"); the last one counts.
// Returns the error, or an empty string on success. On an error `out` is unchanged.
std::string parse_lens(std::string_view text, sys::LensSettings& out);

}  // namespace config
