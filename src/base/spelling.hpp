// Which word did the user mean? For messages about a name that does not exist.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

namespace base {

// The one of `names` that differs from `name` in the fewest letters added, dropped or changed (Levenshtein);
// the first of equals. Empty if even that differs in more than `most`.
std::string_view nearest(std::string_view name, std::span<const std::string_view> names, std::size_t most);

}  // namespace base
