// What the proxy changes in the head of a request, line by line, each with its reason.
#pragma once
#include <string>
#include <string_view>

#include "../http/rewrite.hpp"

namespace explain {

// Lines with "-" are of `before`, those with "+" of `after`, others are in both. `edits`: of the route; null:
// none. REQUIRES: both are whole heads; `after` is `before` as http/rewrite.hpp writes it.
std::string changes(std::string_view before, std::string_view after, const http::FieldEdits* edits = nullptr);

}  // namespace explain
