// Suggests the intended name when an unknown one was given.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace config {

// The name closest to `name` by Levenshtein distance, the first of equals. Empty if the distance is larger
// than `most`, or `name` has more than 64 bytes.
std::string_view nearest(std::string_view name, std::span<const std::string_view> names, std::size_t most);

// " (did you mean 'NAME'?)"; empty if no name is close.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> names);

}  // namespace config
