// The mistake that this program was built with on purpose, to be watched (docs/mistakes).
#pragma once
#include <string_view>

namespace plan {

// Its name and title, as "no-drain (Edge not drained)"; empty in a program without one.
std::string_view built_in_mistake() noexcept;

}  // namespace plan
