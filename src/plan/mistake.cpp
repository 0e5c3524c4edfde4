#include "mistake.hpp"

namespace plan {

std::string_view built_in_mistake() noexcept {
  return "";  // PLANT(built-in-mistake)
}

}  // namespace plan
